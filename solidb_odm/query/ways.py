"""Conditions on the ways through a graph: on the edges that are followed, what is passed, and whole ways.

The language judges only the edge by which a document was first found. So a traversal with such conditions
walks all ways on which no document comes twice, keeps those that meet them, and takes each document at its
least depth.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, cast, get_args

from ..errors import UsageError
from ..language import nodes as q
from ..model.document import Document
from ..model.edge import Edge
from ..model.expiry import expiries
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import Expression
from ..model.expressions.fields import FieldRef, Place
from ..model.stored.pydantic_attributes import class_fields
from .compiler import BuildScope, sources_of
from .elements import closed_all
from .select_block import conjunction, unexpired, unmarked
from .sources import are_one

SIMPLE: q.Options = (("uniqueVertices", "path"),)


class Way:
    """A way in a condition: ``way.edges`` and ``way.vertices`` are lists, from the start to the end."""

    __slots__ = ("__weakref__", "edges", "vertices")
    __solidb_model__ = None

    def __init__(self, edges: Any, target: Any) -> None:
        self.edges: Any = FieldRef(Place(self, ("edges",), list.__class_getitem__(edges), None, "", False))
        inner: Any = list if target is None else list.__class_getitem__(target)
        self.vertices: Any = FieldRef(Place(self, ("vertices",), inner, None, "", False))

    def __repr__(self) -> str:
        return "way"


class Walk(Protocol):
    """What a statement says of the ways it follows."""

    @property
    def edges(self) -> Any: ...
    @property
    def followed(self) -> tuple[Expression, ...]: ...
    @property
    def passed(self) -> tuple[Expression, ...]: ...
    @property
    def whole(self) -> tuple[tuple[Way, Expression], ...]: ...


def way_conditions(walk: Walk, path: str, scope: BuildScope) -> list[q.Expression]:
    """Build the conditions that a way has to meet, of the variable that holds it."""
    wanted: list[q.Expression] = []
    edges = q.Attribute(q.Name(path), "edges")
    if any(expiries(walk.edges)):
        edge = scope.fresh("_x")
        lasting = conjunction(unexpired(walk.edges, edge, scope))
        wanted.append(q.Quantified("NONE", edge, edges, q.Unary("NOT", lasting)))
    if walk.followed:
        wanted.append(_each(edges, walk.followed, [walk.edges], scope))
    if walk.passed:
        inner = q.Call("SLICE", (q.Attribute(q.Name(path), "vertices"), q.Literal(1), q.Literal(-1)))
        ends = end_classes(walk.edges)
        passed = [source for source in sources_of(walk.passed) if _is_one_of(source, ends)]
        wanted.append(_each(inner, walk.passed, passed, scope))
    for way, condition in walk.whole:
        scope.declare(way, path)
        wanted += [expression.__solidb_build__(scope) for expression in closed_all([condition])]
    return wanted


def end_classes(edges: type[Edge[Any, Any]]) -> tuple[type[Document], type[Document]]:
    """Return the classes at the two ends of an edge class; ``Document`` where any may stand."""
    given: Any = edges
    if not (isinstance(given, type) and issubclass(given, Edge)):
        raise UsageError(f"a traversal or shortest path follows an Edge class, not {edges!r}")
    fields = class_fields(edges)
    classes = [
        next((m for m in get_args(fields[name].annotation) if isinstance(m, type) and m is not str), Document)
        for name in ("from_", "to")
    ]
    return cast("tuple[type[Document], type[Document]]", tuple(classes))


def _is_one_of(source: Any, ends: tuple[type[Document], ...]) -> bool:
    """Return whether a source is a class that stands at the ends of edges, where a document may be any."""
    is_class = isinstance(source, type)
    return is_class and any(end is Document or are_one(source, end) for end in ends)


def _each(
    items: q.Expression, conditions: Iterable[Expression], sources: list[Any], scope: BuildScope
) -> q.Expression:
    """Build the condition that none of the items fails."""
    name = scope.fresh("_x")
    before = {source: scope.variables.get(source) for source in sources}
    for source in sources:
        scope.declare(source, name)
    wanted = conjunction([condition.__solidb_build__(scope) for condition in closed_all(conditions)])
    for source, variable in before.items():
        scope.variables.pop(source)
        if variable is not None:
            scope.declare(source, variable)
    return q.Quantified("NONE", name, items, q.Unary("NOT", wanted))


def reached(walk: Any, scope: BuildScope, *, rows: bool = False) -> q.Block:
    """Build a traversal with conditions on its ways: documents at their least depth, nearest first.

    With ``rows`` there is a row for each edge by which one is reached at that depth: the document, the edge,
    the depth.
    """
    vertex, edge, path = scope.fresh(), scope.fresh("_e"), scope.fresh("_p")
    low, high = walk.depth
    names, collection = (vertex, edge, path), walk.edges.__solidb_mapping__.collection
    start = scope.bind(walk.start)
    step = q.Traverse(names, walk.direction, start, collection, min(low, 1), high, None, SIMPLE)
    kept = way_conditions(walk, path, scope)
    length = q.Call("LENGTH", (q.Attribute(q.Name(path), "edges"),))
    way = q.Object((("v", q.Name(vertex)), ("e", q.Name(edge)), ("d", length)))
    filters = [q.Filter(conjunction(kept))] if kept else []
    ways = q.Block(body=(step, *filters), returns=q.Return(way))
    row, least, members = scope.fresh("_r"), scope.fresh("_d"), scope.fresh("_m")
    depth = q.Aggregate(least, "MIN", q.Attribute(q.Name(row), "d"))
    collect = q.Collect((("_g", q.Attribute(q.Name(row), "v")),), (depth,), None, members, q.Name(row))
    first = q.Compare(q.Attribute(q.Name("CURRENT"), "d"), "==", q.Name(least))
    edges = q.Expansion(q.Name(members), condition=first, projection=q.Attribute(q.Name("CURRENT"), "e"))
    last = scope.fresh("_l")
    body: list[q.Clause] = [
        q.For(row, q.Subquery(ways)),
        collect,
        q.Filter(q.Compare(q.Name(least), ">=", q.Literal(low))),
        q.Let(last, q.Call("UNIQUE", (edges,))),
    ]
    target = walk.target
    declare_target(target, "_g", scope)
    body += _last_edges(walk, last, scope, rows=rows)
    return _sorted(walk, scope, body, q.Name(least), rows=rows)


def shown(walk: Any, variable: str, scope: BuildScope) -> list[q.Expression]:
    """Build the conditions that leave out what is marked as deleted, or has expired, of what is reached."""
    if walk.target is None:
        return []
    marked = [] if walk.is_with_deleted else unmarked(walk.target, variable)
    return [*marked, *unexpired(walk.target, variable, scope)]


def declare_target(target: Any, name: str, scope: BuildScope) -> None:
    """Let conditions on the class that is reached speak of a variable."""
    for source in {target, *(() if target is None else target.__subclasses__())} - {None}:
        scope.declare(source, name)


def _last_edges(walk: Any, last: str, scope: BuildScope, *, rows: bool) -> list[q.Clause]:
    """Build the conditions on what is reached, and on the edges that lead to it."""
    marked = shown(walk, "_g", scope)
    name = scope.fresh("_e")
    scope.declare(walk.edges, name)
    of_edges = [condition for condition in walk.conditions if walk.edges in sources_of([condition])]
    others = [condition for condition in walk.conditions if walk.edges not in sources_of([condition])]
    wanted = [*marked, *(condition.__solidb_build__(scope) for condition in closed_all(others))]
    clauses: list[q.Clause] = [q.Filter(conjunction(wanted))] if wanted else []
    built = [condition.__solidb_build__(scope) for condition in closed_all(of_edges)]
    if rows:
        clauses.append(q.For(name, q.Name(last)))
        return [*clauses, *([q.Filter(conjunction(built))] if built else [])]
    if built:
        clauses.append(q.Filter(q.Quantified("ANY", name, q.Name(last), conjunction(built))))
    if walk.edges in sources_of([key.expression for key in walk.orderings]):
        clauses.append(q.Let(name, q.Call("FIRST", (q.Name(last),))))
    return clauses


def _sorted(
    walk: Any, scope: BuildScope, body: list[q.Clause], depth: q.Expression, *, rows: bool
) -> q.Block:
    orderings: tuple[Ordering, ...] = walk.orderings
    keys = [q.SortKey(key.expression.__solidb_build__(scope), key.descending) for key in orderings]
    downwards = bool(keys) and keys[-1].descending
    keys += [] if orderings else [q.SortKey(depth)]
    keys.append(q.SortKey(q.Attribute(q.Name("_g"), "_key"), downwards))
    shown: q.Expression = q.Name("_g")
    if rows:
        edge = q.Name(scope.variables[walk.edges])
        keys.append(q.SortKey(q.Attribute(edge, "_key")))
        shown = q.Array((q.Name("_g"), edge, depth))
    limit = None if walk.limit_count is None else scope.bind(walk.limit_count)
    offset = None if not walk.offset_count else scope.bind(walk.offset_count)
    return q.Block((*scope.lets, *body), tuple(keys), offset, limit, (), q.Return(shown))
