"""Queries that sort documents by nearness and take the first.

``FOR d IN docs FILTER d.open SORT DISTANCE(d.place.lat, d.place.lon, 10, 20) LIMIT 5 RETURN d``: its rows
depend on nothing but the documents that pass the filters, so that an index may choose those to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..._dataclasses import dataclass
from ...language import functions, nodes
from ...language.walk import conjuncts, walk

_ELSEWHERE: Final = (nodes.Subquery, nodes.Window)


@dataclass(frozen=True, slots=True)
class Nearness:
    """A query whose first sort key is a distance from something constant."""

    collection: str
    kind: str
    path: str
    constants: tuple[nodes.Expression, ...]
    limit: nodes.Expression
    offset: nodes.Expression | None
    variable: str
    conditions: tuple[nodes.Expression, ...]
    is_plain: bool
    """Whether whole documents are asked for, sorted by nothing else but their keys."""
    is_descending: bool = False
    """Whether the keys of documents that are equally near descend."""
    is_by_key: bool = False
    """Whether nothing else sorts documents that are equally near."""

    def has_place(self, binds: Mapping[str, Any]) -> bool:
        """Return whether a condition leaves out documents without the attribute that is measured."""
        for condition in self.conditions:
            if not isinstance(condition, nodes.Compare) or condition.operator != "!=":
                continue
            if _path(condition.left, self.variable) == self.path and is_null(condition.right, binds):
                return True
        return False


def circles(wanted: Nearness) -> dict[nodes.Compare, tuple[nodes.Expression, ...]]:
    """Return the conditions on how far from somewhere what is measured is, with lat and lon of that."""
    constants: dict[nodes.Compare, tuple[nodes.Expression, ...]] = {}
    for condition in wanted.conditions:
        if isinstance(condition, nodes.Compare) and condition.operator in ("<=", "!="):
            place = _by_place(condition.left, wanted.variable)
            if place is not None and place[1] == wanted.path and len(place[2]) == 2:
                constants[condition] = place[2]
    return constants


def is_null(node: nodes.Expression, binds: Mapping[str, Any]) -> bool:
    """Return whether a literal or a bind is null."""
    if isinstance(node, nodes.Bind):
        return node.name in binds and binds[node.name] is None
    return node == nodes.Literal(None)


_Found = tuple[str, str, tuple[nodes.Expression, ...]]
Reader = Callable[[nodes.Expression, str], _Found | None]
"""Reads a sort key over a variable: the kind of its index, the path, and what is constant."""


def nearness(query: nodes.Query) -> Nearness | None:
    """Return what a query sorts by, if an index may choose its documents."""
    if not isinstance(query, nodes.Block) or not query.sort or query.sort[0].descending:
        return None
    return ranked_loop(query, lambda node, variable: _by_place(node, variable) or _by_vector(node, variable))


def ranked_loop(query: nodes.Block, read: Reader) -> Nearness | None:
    """Return the one loop of a query over the first documents by a key that ``read`` knows."""
    if not query.body or not query.sort or query.limit is None:
        return None
    (loop, *filters), first = query.body, query.sort[0]
    if not isinstance(loop, nodes.For) or not isinstance(loop.source, nodes.Name):
        return None
    if loop.system_time is not None or loop.valid_time or loop.options or query.late_lets or query.tables:
        return None
    if query.returns is None or query.returns.distinct or not all(map(_is_here, walk(query))):
        return None
    conditions = [clause.condition for clause in filters if isinstance(clause, nodes.Filter)]
    if len(conditions) < len(filters):
        return None
    if sum(isinstance(node, nodes.Name) and node.name == loop.source.name for node in walk(query)) != 1:
        return None
    ranking = read(first.expression, loop.variable)
    if ranking is None:
        return None
    kind, path, constants = ranking
    key = nodes.Attribute(nodes.Name(loop.variable), "_key")
    is_by_key = [item.expression for item in query.sort[1:]] in ([], [key])
    return Nearness(
        loop.source.name,
        kind,
        path,
        constants,
        query.limit,
        query.offset,
        loop.variable,
        tuple(part for condition in conditions for part in conjuncts(condition)),
        is_by_key and query.returns == nodes.Return(nodes.Name(loop.variable)),
        bool(query.sort[1:]) and query.sort[1].descending,
        is_by_key,
    )


def _is_here(node: nodes.Node) -> bool:
    """Return whether a node reads nothing but the document at hand."""
    if isinstance(node, nodes.Call | nodes.Pipe):
        function = functions.lookup(node.name)
        return function is not None and function.deterministic and node.name not in ("APPLY", "CALL")
    return not isinstance(node, _ELSEWHERE)


def _by_place(node: nodes.Expression, variable: str) -> _Found | None:
    """Take ``DISTANCE(d.place.lat, d.place.lon, lat, lon)`` apart, and ``.. ?? far`` if it says that."""
    if isinstance(node, nodes.Binary) and node.operator == "??":
        inner = _by_place(node.left, variable)
        return (*inner[:2], (*inner[2], node.right)) if inner and len(inner[2]) == 2 else None
    if not isinstance(node, nodes.Call) or node.name != "DISTANCE" or len(node.arguments) != 4:
        return None
    lat, lon = (_path(argument, variable) for argument in node.arguments[:2])
    if not lat.endswith(".lat") or lon != f"{lat[: -len('.lat')]}.lon":
        return None
    return "geo", lat[: -len(".lat")], node.arguments[2:]


def _by_vector(node: nodes.Expression, variable: str) -> _Found | None:
    """Take ``LENGTH(d.v) == n ? VECTOR_DISTANCE(d.v, vector, metric) : far`` apart."""
    if not isinstance(node, nodes.Ternary) or not isinstance(node.condition, nodes.Compare):
        return None
    length, call = node.condition.left, node.then
    is_negative = isinstance(call, nodes.Unary) and call.operator == "-"
    if isinstance(call, nodes.Unary) and is_negative:
        call = call.operand
    if node.condition.operator != "==" or not isinstance(call, nodes.Call) or len(call.arguments) != 3:
        return None
    path = _path(call.arguments[0], variable)
    if call.name != "VECTOR_DISTANCE" or not path or length != nodes.Call("LENGTH", (call.arguments[0],)):
        return None
    sign = nodes.Literal(-1 if is_negative else 1)
    return "vector", path, (*call.arguments[1:], node.condition.right, node.otherwise, sign)


def _path(node: nodes.Expression, variable: str) -> str:
    """Return the path of an attribute of the variable; an empty text for anything else."""
    steps: list[str] = []
    while isinstance(node, nodes.Attribute):
        steps.append(node.name)
        node = node.base
    is_own = isinstance(node, nodes.Name) and node.name == variable
    return ".".join(reversed(steps)) if is_own else ""


def source_of_documents(query: nodes.Query) -> str:
    """Return the collection of which a query returns documents as they are; an empty text for none."""
    if not isinstance(query, nodes.Block) or query.returns is None or query.late_lets or query.tables:
        return ""
    loops = [clause for clause in query.body if isinstance(clause, nodes.For)]
    others = [clause for clause in query.body if not isinstance(clause, nodes.For | nodes.Filter | nodes.Let)]
    if len(loops) != 1 or others or not isinstance(loops[0].source, nodes.Name):
        return ""
    variable, named = (
        loops[0].variable,
        {clause.name for clause in query.body if isinstance(clause, nodes.Let)},
    )
    is_same = query.returns.expression == nodes.Name(variable) and variable not in named
    return loops[0].source.name if is_same and loops[0].source.name not in named else ""
