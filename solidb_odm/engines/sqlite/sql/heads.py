"""Heads: the first clauses of a query as one SQL statement, whose rows the evaluator goes on with.

What SQL can't say often stands at the end: a RETURN with a function of Python's, say, behind a join, a
SORT and a LIMIT that an index serves. The rest of the query is a query of its own, whose first FOR
reads the rows of the head.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ...._dataclasses import dataclass
from ....language import nodes
from ....language.walk import walk
from .blocks import MOST_SOURCES
from .parameters import Signature
from .plans import Find, Names, Plan, plan
from .row_shapes import ROWS
from .terms import NotInSql

_ROW: Final = "\0row"
_WRITES: Final = (nodes.Insert, nodes.Update, nodes.Remove, nodes.Upsert)


@dataclass(frozen=True, slots=True)
class Head:
    """The SQL of the first clauses, and the query that is left; ``left`` names its parts."""

    plan: Plan
    rest: nodes.Block
    left: str


def split(
    query: nodes.Query, types: Signature, find: Find, names: Names, *, database: str, strict: bool
) -> Head | None:
    """Return the longest head that SQL can say; None where narrowing the scans does as well."""
    if not isinstance(query, nodes.Block) or query.head is not None or query.tables is not None:
        return None
    if any(_names(bound) for bound in (query.limit, query.offset) if bound is not None):
        return None  # they may name a LET in front of the first FOR, which the rest does not begin with
    if any(isinstance(clause, nodes.Join) and clause.kind.startswith("FULL") for clause in query.body):
        return None  # it sets the variable of the first FOR, which the rest would not know
    for kept, rest in _splits(query):
        if any(_gathers_all(clause) for clause in rest.body):
            continue  # the variable that holds the rows would be among what it gathers
        try:
            made = plan(kept, types, find, names, database=database, strict=strict)
        except NotInSql:
            continue
        return Head(made, rest, _parts(rest))
    return None


def _gathers_all(clause: nodes.Clause) -> bool:
    return (
        isinstance(clause, nodes.Collect)
        and clause.into is not None
        and clause.into_expression is None
        and not clause.keep
    )


def _splits(query: nodes.Block) -> Iterator[tuple[nodes.Block, nodes.Block]]:
    """Yield the ways to part a query, the longest head first."""
    body = query.body
    is_ordered = bool(query.sort) or query.limit is not None or query.offset is not None
    windows = any(isinstance(node, nodes.Window) for node in walk(query))
    if is_ordered and not windows and not any(isinstance(clause, _WRITES) for clause in body):
        rest = nodes.Block(late_lets=query.late_lets, returns=query.returns)
        yield _parted(replace(query, late_lets=()), rest)
    for count in _worthwhile(body):
        yield _parted(nodes.Block(body=body[:count]), replace(query, body=body[count:]))


def _worthwhile(clauses: Sequence[nodes.Clause]) -> Iterator[int]:
    """Yield how many clauses do more than a scan that is narrowed, and can be one statement of SQLite."""
    fewest = 1 if clauses and isinstance(clauses[0], nodes.Traverse | nodes.Match) else len(clauses) + 1
    most = loops = 0
    for place, clause in enumerate(clauses):
        loops += isinstance(clause, nodes.For | nodes.Join)
        if isinstance(clause, _WRITES) or loops > MOST_SOURCES:
            break
        most = place + 1
        if place and not isinstance(clause, nodes.Filter | nodes.Let):
            fewest = min(fewest, most)
    yield from range(most, fewest - 1, -1)


def _parted(head: nodes.Block, rest: nodes.Block) -> tuple[nodes.Block, nodes.Block]:
    """Have the head return the variables that the rest reads, and the rest begin with them."""
    variables = _used(_bound(head.body), rest)
    row = nodes.Object(tuple((name, nodes.Name(name)) for name in variables))
    lets = tuple(nodes.Let(name, nodes.Attribute(nodes.Name(_ROW), name)) for name in variables)
    body = (nodes.For(_ROW, nodes.Name(ROWS)), *lets, *rest.body)
    return replace(head, returns=nodes.Return(row)), replace(rest, body=body)


def _bound(clauses: Sequence[nodes.Clause]) -> list[str]:
    """Return the variables in sight behind the clauses."""
    names: dict[str, None] = {}
    for clause in clauses:
        if isinstance(clause, nodes.Collect):
            names.clear()
            outputs = [name for name, _ in clause.groups] + [item.name for item in clause.aggregates]
            names |= dict.fromkeys([*outputs, *filter(None, (clause.into, clause.count_into))])
        elif isinstance(clause, nodes.For):
            names[clause.variable] = None
        elif isinstance(clause, nodes.Let):
            names[clause.name] = None
        elif isinstance(clause, nodes.Traverse | nodes.PathSearch):
            names |= dict.fromkeys(clause.variables)
        elif isinstance(clause, nodes.Match):
            names |= dict.fromkeys(filter(None, (clause.start_name, clause.target, "_e", "_p")))
        elif isinstance(clause, nodes.Join):
            names[clause.collection] = None
    return list(names)


def _names(node: nodes.Node) -> set[str]:
    return {part.name for part in walk(node) if isinstance(part, nodes.Name)}


def _used(names: list[str], rest: nodes.Block) -> list[str]:
    """Return the variables that the rest names; all of them if a COLLECT gathers them all."""
    used = _names(rest)
    for node in walk(rest):
        if isinstance(node, nodes.Collect) and node.into is not None and node.into_expression is None:
            if not node.keep:
                return names
            used.update(node.keep)
    return [name for name in names if name in used]


def _parts(rest: nodes.Block) -> str:
    """Name what is left for the evaluator."""
    clauses = [type(clause).__name__.upper() for clause in rest.body if not isinstance(clause, nodes.Let)]
    tail = [("SORT", rest.sort), ("LIMIT", rest.limit), ("RETURN", rest.returns)]
    return ", ".join([*clauses[1:], *(name for name, part in tail if part)])
