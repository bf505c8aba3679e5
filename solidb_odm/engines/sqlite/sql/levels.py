"""The levels of a walk over edges, as one recursive CTE.

A round reads what the round before ``found``, a JSON array, and makes the array of the next level. Where a
vertex counts once it also reads what was ``seen`` before. SQLite lets a recursive table stand but once and
alone in FROM, without aggregates; a subquery over its columns has no such limits.
"""

from __future__ import annotations

from typing import Final

from ...._dataclasses import dataclass
from ..order_key import order_key_sql
from ..sql_names import path_sql

EDGE: Final = 1
PATH: Final = 2
_TRAIL: Final = 3
"""Places in a step that is an array; the vertex comes first."""
_MOST_PATHS: Final = 100_000
"""How many paths one level may have where paths may meet; a walk with more is for Python, path by path."""
_FIRST_RANK: Final = 1_000_000_000
"""Added to places in a level, which makes their texts equally long."""
_WAYS: Final = (("OUTBOUND", "_from", "_to"), ("INBOUND", "_to", "_from"))


@dataclass(frozen=True, slots=True)
class Rules:
    """How a walk goes, and what is asked of its steps."""

    direction: str
    minimum: int
    maximum: int
    vertices: str = "global"
    edges: str = "path"
    depth_first: bool = False
    wants_edge: bool = False
    wants_path: bool = False
    exact: bool = False
    """Whether the indexes of the edges are."""

    @property
    def is_global(self) -> bool:
        """Whether each vertex is reached once."""
        return self.vertices == "global"

    @property
    def is_plain(self) -> bool:
        """Whether a step is just the text of its vertex, not ``[vertex, edge, path, trail]``."""
        return self.is_global and not self.wants_edge and not self.wants_path

    @property
    def keeps_path(self) -> bool:
        """Whether steps have their path: vertex, edge, vertex .. from the start on."""
        return self.wants_path or (not self.is_global and "path" in (self.vertices, self.edges))


def vertex_of(step: str, rules: Rules) -> str:
    """Return the SQL of a step's vertex."""
    return step if rules.is_plain else f"({step} ->> 0)"


def edge_of(step: str) -> str:
    """Return the SQL of the rowid of the edge that led to a step."""
    return f"({step} ->> {EDGE})"


def path_of(step: str) -> str:
    """Return the SQL of a step's path."""
    return f"({step} -> {PATH})"


def all_steps(rounds: str, rules: Rules) -> str:
    """Return SQL for the JSON array of the steps of all rounds, which a start may depend on rows for."""
    order = f"each.value ->> {_TRAIL}" if rules.depth_first else "depth, each.key"
    return (
        f"({rounds} SELECT json_group_array({'value' if rules.is_plain else 'json(value)'}) FROM ("
        f"SELECT each.value FROM levels, json_each(found) AS each WHERE depth >= {rules.minimum}"
        f" ORDER BY {order}))"
    )


def each_level(rounds: str, rules: Rules) -> str:
    """Return SQL for the rounds themselves, made one after another as they are read."""
    return f"({rounds} SELECT depth, found FROM levels WHERE depth >= {rules.minimum})"


def rounds(rules: Rules, table: str, start: str, joins: str, kept: str) -> str:
    """Return the CTE ``levels`` of a walk.

    ``joins`` and ``kept`` say, of a row ``at`` of the level before, behind which vertices to go on.
    """
    arms = [_arm(rules, table, way, joins, kept) for way in _WAYS if rules.direction in (way[0], "ANY")]
    following = _once(rules, arms) if rules.is_global else _paths(rules, arms)
    return (
        f"WITH RECURSIVE levels(depth, found, seen) AS (SELECT 0, json_array({_first(rules, start)}), '[]'"
        f" UNION ALL SELECT depth + 1, {following}, {_seen(rules)} FROM levels"
        f" WHERE depth < {rules.maximum} AND found <> '[]')"
    )


def _first(rules: Rules, start: str) -> str:
    if rules.is_plain:
        return start
    path = f"json_array({start})" if rules.keeps_path else "NULL"
    return f"json_array({start}, NULL, {path}, '')"


def _arm(rules: Rules, table: str, way: tuple[str, str, str], joins: str, kept: str) -> str:
    """Return the steps over the edges in one direction, ranked as the server finds them."""
    direction, near, far = way
    here, other = vertex_of("at.value", rules), f"json_type(e.doc, {path_sql((far,))})"
    other = f"CASE {other} WHEN 'text' THEN e.doc ->> {path_sql((far,))} END"
    both = rules.direction == "ANY"
    columns = [f"{other} AS vertex"]
    turn = "" if not both else "'0' || " if direction == "OUTBOUND" else "'1' || "
    rank = f"({_FIRST_RANK} + at.key) || {turn}e.key"
    if not rules.is_plain:
        path = f"json_insert({path_of('at.value')}, '$[#]', e.rowid, '$[#]', {other})"
        columns += ["e.rowid AS edge", f"{path if rules.keeps_path else 'NULL'} AS path"]
    if rules.depth_first:
        columns.append(f"at.value ->> {_TRAIL} AS before")
    conditions = [kept] if kept else []
    if both and direction == "INBOUND":
        conditions.append(f"{other} IS NOT {here}")  # an edge to itself is found once
    conditions += _not_again(rules, other)
    return (
        f"SELECT {', '.join(columns)}, {rank} AS rank FROM json_each(found) AS at{joins}"
        f" CROSS JOIN {table} AS e ON {order_key_sql('e.doc', path_sql((near,)), exact=rules.exact)} = {here}"
        f"{' WHERE ' + ' AND '.join(conditions) if conditions else ''}"
    )


def _not_again(rules: Rules, other: str) -> list[str]:
    """Return the conditions that a path does not use an edge, or pass a vertex, again."""
    if rules.is_global:  # then no edge can be used twice
        return []
    passed = f"NOT IN (SELECT value FROM json_each({path_of('at.value')}))"  # rowids differ from texts
    conditions = [f"e.rowid {passed}"] if rules.edges == "path" else []
    return [*conditions, f"{other} {passed}"] if rules.vertices == "path" else conditions


def _once(rules: Rules, arms: list[str]) -> str:
    """Return the array of the next level where each vertex counts once: by the first edge that finds it."""
    rest, columns = ("", "vertex") if rules.is_plain else (", NULL, NULL", "vertex, edge, path")
    seen = [
        f"SELECT value{rest}, '' FROM json_each(seen)",
        f"SELECT {vertex_of('value', rules)}{rest}, '' FROM json_each(found)",
    ]
    steps = " UNION ALL ".join([*arms, *seen])
    step = "vertex" if rules.is_plain else "json_array(vertex, edge, json(path))"
    group = f"SELECT {columns}, min(rank) AS rank FROM ({steps}) WHERE vertex IS NOT NULL GROUP BY vertex"
    ordered = f"SELECT {step} AS step FROM ({group}) WHERE rank > '' ORDER BY rank"
    return f"(SELECT json_group_array({'step' if rules.is_plain else 'json(step)'}) FROM ({ordered}))"


def _paths(rules: Rules, arms: list[str]) -> str:
    """Return the array of the next level where paths may meet, which can be any number of them."""
    trail = ""
    if rules.depth_first:  # a path comes before those that go on from it, and these before its siblings
        trail = f", before || ({_FIRST_RANK} + row_number() OVER (ORDER BY rank))"
    ordered = (
        f"SELECT json_array(vertex, edge, json(path){trail}) AS step FROM ({' UNION ALL '.join(arms)})"
        f" WHERE vertex IS NOT NULL ORDER BY rank LIMIT {_MOST_PATHS + 1}"
    )
    paths = (
        f"CASE WHEN count(*) > {_MOST_PATHS} THEN solidb_vertex(NULL) ELSE json_group_array(json(step)) END"
    )
    return f"(SELECT {paths} FROM ({ordered}))"


def _seen(rules: Rules) -> str:
    """Return the array of the vertices seen before the next level."""
    if not rules.is_global:
        return "'[]'"
    if rules.is_plain:  # two arrays as one, by their texts
        comma = "CASE seen WHEN '[]' THEN '' ELSE ',' END"
        return f"substr(seen, 1, length(seen) - 1) || {comma} || substr(found, 2)"
    both = "SELECT value FROM json_each(seen) UNION ALL SELECT value ->> 0 FROM json_each(found)"
    return f"(SELECT json_group_array(value) FROM ({both}))"
