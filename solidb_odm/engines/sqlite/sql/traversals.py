"""Traversals in SQL: ``FOR v, e, p IN 1..3 OUTBOUND start edges`` and MATCH as recursive CTEs.

Each round of the CTE is one level of the walk, in the order in which the server finds its vertices. The
levels end up as one JSON array, which is a source in FROM: so a start may depend on the rows before it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ...._dataclasses import dataclass
from ....language import nodes
from ....language.walk import conjuncts, walk
from ..catalogue import Collection
from ..sql_names import text_literal
from .compilation import Compilation, Scope
from .conditions import truth_of
from .levels import PATH, Rules, all_steps, each_level, edge_of, path_of, rounds, vertex_of
from .terms import Document, JsonValue, MaybeDocument, NotInSql, Structure, Term, Truth, Vertex

_MOST_COLLECTIONS: Final = 40
"""SQLite joins 64 tables at most."""
_OPTIONS: Final = {"uniqueVertices": ("none", "path", "global"), "uniqueEdges": ("none", "path")}


@dataclass(frozen=True, slots=True)
class Walk:
    """A traversal as a part of a SELECT: its source, the order of its rows, a condition, its variables.

    ``in_order`` says that its rows come in their order, as far as they are read.
    """

    source: str
    order: tuple[str, ...]
    condition: Truth
    variables: dict[str, Term]
    in_order: bool


def traversal(
    c: Compilation, node: nodes.Traverse | nodes.Match, scope: Scope, query: nodes.Block, *, is_few: bool
) -> Walk:
    """Turn a traversal in the body of ``query`` into SQL; ``is_few``: for one row in front of it, or none."""
    names = _variables(node)
    edges = _edges(c, node)
    start = _start(c, node, scope, query)
    rules = _rules(node, names, query)
    joins, pruned = _pruned(c, node, names, scope, rules)
    made = rounds(replace(rules, exact=edges.exact), edges.table, start, joins, pruned)
    alias, value = (step := c.alias()), f"{step}.value"
    in_order = not _depends(node, scope) and not rules.depth_first
    if in_order:
        level = c.alias()
        source = f"{each_level(made, rules)} AS {level} CROSS JOIN json_each({level}.found) AS {alias}"
        order: tuple[str, ...] = (f"{level}.depth", f"{alias}.key")
    else:
        if not is_few or rules.depth_first:
            _check_no_limit(query)
        source, order = f"json_each({all_steps(made, rules)}) AS {alias}", (f"{alias}.key",)
    places, vertex = _places(c, vertex_of(value, rules))
    more, variables = _ways(c, names, rules, edges, value)
    return Walk(f"{source}{places}{more}", order, _exists(vertex), {names[0]: vertex, **variables}, in_order)


def _ways(
    c: Compilation, names: Sequence[str], rules: Rules, edges: Collection, value: str
) -> tuple[str, dict[str, Term]]:
    """Return joins with how a step was reached, and the variables for its edge and its path."""
    join, variables = "", dict[str, Term]()
    if rules.wants_edge:
        edge = c.alias()
        join = f" LEFT JOIN {edges.table} AS {edge} ON {edge}.rowid = {edge_of(value)}"
        document = Document("object", edge, edges.name, c.database)
        variables[names[1]] = document if rules.minimum > 0 else MaybeDocument("any", document)
    if rules.wants_path:
        variables[names[2]] = _path(c, edges, path_of(value), value)
    return join, variables


def _depends(node: nodes.Traverse | nodes.Match, scope: Scope) -> bool:
    """Return whether where a traversal starts or stops depends on other variables."""
    start = node.key if isinstance(node, nodes.Match) else node.start
    stop = None if isinstance(node, nodes.Match) else node.prune
    return any(_names_in(part) & scope.keys() for part in (start, stop) if part is not None)


def _check_no_limit(query: nodes.Block) -> None:
    """Refuse to make all steps where the first of them may do, which Python takes one by one."""
    gathers = bool(query.sort) or any(isinstance(clause, nodes.Collect) for clause in query.body)
    if query.limit is not None and not gathers:
        raise NotInSql("a traversal of which a LIMIT takes the first steps")


def _variables(node: nodes.Traverse | nodes.Match) -> tuple[str, ...]:
    names = (node.target, "_e", "_p") if isinstance(node, nodes.Match) else node.variables
    if len(set(names)) < len(names):
        raise NotInSql("a traversal with one name for two variables")
    return names


def _rules(node: nodes.Traverse | nodes.Match, names: Sequence[str], query: nodes.Block) -> Rules:
    """Read how the traversal goes; edges and paths are kept only where something reads them."""
    read = {name.name for name in walk(query) if isinstance(name, nodes.Name)}
    rules = Rules(
        _direction(node),
        node.minimum,
        node.maximum,
        wants_edge=len(names) > 1 and names[1] in read,
        wants_path=len(names) > 2 and names[2] in read,
    )
    return rules if isinstance(node, nodes.Match) else _with_options(rules, dict(node.options))


def _direction(node: nodes.Traverse | nodes.Match) -> str:
    """Return the direction; a MATCH without an arrow points to its target, as on the server."""
    return "OUTBOUND" if isinstance(node, nodes.Match) and node.direction == "ANY" else node.direction


def _with_options(rules: Rules, options: dict[str, object]) -> Rules:
    depth_first = str(options.get("order", "bfs")).lower() == "dfs" or options.get("bfs") is False
    chosen = {"uniqueVertices": "none" if depth_first else "global", "uniqueEdges": "path"}
    for name, known in _OPTIONS.items():
        chosen[name] = str(options.get(name, chosen[name])).lower()
        if chosen[name] not in known:
            raise NotInSql(f"{name}: {chosen[name]!r}")
    if depth_first and chosen["uniqueVertices"] == "global":
        raise NotInSql('uniqueVertices: "global" depth first')
    return replace(
        rules, depth_first=depth_first, vertices=chosen["uniqueVertices"], edges=chosen["uniqueEdges"]
    )


def _edges(c: Compilation, node: nodes.Traverse | nodes.Match) -> Collection:
    """Return the edges' collection, which must have the indexes of the ends that the walk starts from."""
    if c.find("_graphs") is not None:
        raise NotInSql("a traversal in a file that names graphs")
    collection = c.collection(node.edges)
    ends = {"OUTBOUND": ("_from",), "INBOUND": ("_to",)}.get(_direction(node), ("_from", "_to"))
    indexed = {index.spec.fields for index in collection.indexes if index.spec.kind == "persistent"}
    if collection.kind != "edge" and not all((end,) in indexed for end in ends):
        raise NotInSql(f"a traversal of {node.edges!r}, which is not a collection of edges,")
    return collection


# --- the start -----------------------------------------------------------------------------------


def _start(c: Compilation, node: nodes.Traverse | nodes.Match, scope: Scope, query: nodes.Block) -> str:
    """Return the SQL of the vertex to start from; anything but a text is an error, which Python raises."""
    term = c.term(c, node.key if isinstance(node, nodes.Match) else node.start, scope)
    if term.kind not in ("string", "any"):
        raise NotInSql("a traversal from something else than a text")
    text = term.key
    if term.kind == "any":
        _check_nothing_skips(node, query)
        text = c.call_back("solidb_vertex", text)
    return f"{text_literal(f'{node.collection}/')} || {text}" if isinstance(node, nodes.Match) else text


def _check_nothing_skips(node: nodes.Traverse | nodes.Match, query: nodes.Block) -> None:
    """Refuse a start that may fail where SQL could drop its row first, by what comes after it."""
    place = next(place for place, clause in enumerate(query.body) if clause is node)
    names = set(_variables(node))
    for clause in query.body[place + 1 :]:
        if isinstance(clause, nodes.Filter):
            if all(names & _names_in(condition) for condition in conjuncts(clause.condition)):
                continue
        elif isinstance(clause, nodes.Let | nodes.Collect):
            continue
        raise NotInSql("a traversal from what may not be a text, with more conditions on it behind,")


def _names_in(node: nodes.Expression) -> set[str]:
    return {name.name for name in walk(node) if isinstance(name, nodes.Name)}


# --- what is reached -----------------------------------------------------------------------------


def _places(c: Compilation, vertex: str) -> tuple[str, Vertex]:
    """Return joins with the one document that a vertex is, in whatever collection, and its term."""
    names = [name for name in c.names() if "/" not in name]
    if not 0 < len(names) <= _MOST_COLLECTIONS:
        raise NotInSql(f"a traversal over vertices of {len(names)} collections")
    joins: list[str] = []
    tables: list[str] = []
    for collection in sorted(map(c.collection, names), key=lambda one: one.kind == "edge"):
        table = c.alias()
        tables.append(table)
        width = len(collection.name) + 1
        is_here = f"substr({vertex}, 1, {width}) = {text_literal(f'{collection.name}/')}"
        key = f"CASE WHEN {is_here} THEN substr({vertex}, {width + 1}) END"
        joins.append(f" LEFT JOIN {collection.table} AS {table} ON {table}.key = {key}")
    return "".join(joins), Vertex("object", database=c.database, vertex=vertex, tables=tuple(tables))


def _exists(vertex: Vertex) -> Truth:
    return Truth("bool", f"({vertex.column('key')} IS NOT NULL)")


def _pruned(
    c: Compilation,
    node: nodes.Traverse | nodes.Match,
    names: Sequence[str],
    scope: Scope,
    rules: Rules,
) -> tuple[str, str]:
    """Return joins and a condition for the vertices behind which PRUNE lets the walk go on.

    PRUNE sees the vertex, but neither the edge nor the path.
    """
    if isinstance(node, nodes.Match) or node.prune is None:
        return "", ""
    joins, vertex = _places(c, vertex_of("at.value", rules))
    seen = {name: term for name, term in scope.items() if name not in names}
    before, c.total = c.total, True  # SQL need not test each vertex, so none may fail
    try:
        prune = truth_of(c.term(c, node.prune, {**seen, names[0]: vertex}))
    finally:
        c.total = before
    return joins, f"NOT ({_exists(vertex).sql} AND {prune.sql})"


def _path(c: Compilation, edges: Collection, path: str, value: str) -> Structure:
    """Return ``{edges, vertices}`` with the documents on a path; a vertex without one is left out."""
    step, edge = c.alias(), c.alias()
    document = Document("object", edge, edges.name, c.database)
    of_edges = (
        f"SELECT {document.json} AS item FROM json_each({path}) AS {step}"
        f" CROSS JOIN {edges.table} AS {edge} ON {edge}.rowid = {step}.value"
        f" WHERE {step}.key % 2 = 1 ORDER BY {step}.key"
    )
    stop = c.alias()
    places, vertex = _places(c, f"{stop}.value")
    of_vertices = (
        f"SELECT {vertex.json} AS item FROM json_each({path}) AS {stop}{places}"
        f" WHERE {stop}.key % 2 = 0 AND {_exists(vertex).sql} ORDER BY {stop}.key"
    )
    count = f"(json_array_length({value}, '$[{PATH}]') / 2)"
    return Structure(
        "object",
        ("edges", "vertices"),
        (JsonValue("array", _array_of(of_edges), count), JsonValue("array", _array_of(of_vertices))),
    )


def _array_of(rows: str) -> str:
    return f"(SELECT json_group_array(json(item)) FROM ({rows}))"
