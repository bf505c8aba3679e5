"""``traverse`` and ``shortest_path``: following edges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field, replace
from typing import Any, Generic, Literal, Self, TypeAlias, TypeVar, cast, overload

from .._dataclasses import dataclass
from ..errors import UsageError, check_callable
from ..language import nodes as q
from ..model.document import Document
from ..model.edge import Connects, Edge
from ..model.expiry import expiries
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import Expression, Predicate, Value
from ..model.links.back_references import depth_range
from . import conditions
from .columns import Column, Entity, Scalar
from .compiled import Compiled
from .compiler import BuildScope, sources_of, with_tables
from .conditions import bounded
from .elements import closed_all
from .load_paths import Hops
from .select import natural, ordering
from .select_block import conjunction
from .statement import Loading, Statement, T_co
from .ways import Way, declare_target, end_classes, reached, shown

F = TypeVar("F", bound=Document)
T = TypeVar("T", bound=Document)
D = TypeVar("D", bound=Document)
V = TypeVar("V")
Direction: TypeAlias = Literal["outbound", "inbound", "any"]

DIRECTIONS: dict[str, q.Direction] = {"outbound": "OUTBOUND", "inbound": "INBOUND", "any": "ANY"}


@dataclass(frozen=True, slots=True, repr=False)
class Traversal(Loading[T_co], Generic[T_co]):
    """A query for the documents that can be reached over edges, each once, nearest first.

    ``where`` and ``order_by`` speak of the document that is reached by its class, and of the last edge
    on a shortest way to it by the edge's class. ``follow``, ``through`` and ``where_way`` say which ways
    there are.
    """

    start: str
    edges: type[Edge[Any, Any]]
    target: type[Document] | None
    direction: q.Direction
    depth: tuple[int, int]
    conditions: tuple[Expression, ...] = ()
    orderings: tuple[Ordering, ...] = ()
    limit_count: int | None = None
    offset_count: int | None = None
    is_with_deleted: bool = False
    loads: tuple[Hops, ...] = ()
    followed: tuple[Expression, ...] = ()
    passed: tuple[Expression, ...] = ()
    whole: tuple[tuple[Way, Expression], ...] = ()
    _compiled: list[Compiled] = field(default_factory=list[Compiled], init=False, compare=False, repr=False)

    def where(self, *wanted: Predicate | bool) -> Self:
        """Keep the reached documents that the conditions are true of.

        What lies behind the others is still reached.
        """
        return self._with(
            conditions=(*self.conditions, *(conditions.condition(condition) for condition in wanted))
        )

    def follow(self, *wanted: Predicate | bool) -> Self:
        """Follow only edges that the conditions are true of: ``.follow(Follows.since >= 2020)``."""
        return self._with(followed=(*self.followed, *map(conditions.condition, wanted)))

    def through(self, *wanted: Predicate | bool) -> Self:
        """Go on only from documents that the conditions are true of; the last one on a way may be any."""
        return self._with(passed=(*self.passed, *map(conditions.condition, wanted)))

    def where_way(self, test: Callable[[Way], Predicate | bool]) -> Self:
        """Take only ways that a condition is true of: ``lambda way: any_(way.edges).since > 2020``."""
        check_callable(test, "where_way()", "lambda way: any_(way.edges).since > 2020")
        way = Way(self.edges, self.target)
        return self._with(whole=(*self.whole, (way, conditions.condition(test(way)))))

    def rows(self) -> TraversalRows[tuple[T_co, Any, int]]:
        """Return a row for each edge by which a document is reached first: document, edge and depth."""
        return TraversalRows(cast("Traversal[Any]", self))

    def order_by(self, *keys: Any) -> Self:
        """Sort by fields of the reached documents, instead of by distance."""
        return self._with(orderings=(*self.orderings, *(ordering(key) for key in keys)))

    def limit(self, count: int) -> Self:
        """Return at most this many documents."""
        return self._with(limit_count=natural(count, "limit"))

    def offset(self, count: int) -> Self:
        """Leave out so many documents at the start."""
        return self._with(offset_count=natural(count, "offset"))

    def with_deleted(self) -> Self:
        """Include documents of SoftDelete classes that are marked as deleted; their edges always count."""
        return self._with(is_with_deleted=True)

    @bounded
    def compile(self) -> Compiled:
        if not self._compiled:
            scope = BuildScope()
            query = with_tables(self.__solidb_query__(scope), scope)
            self._compiled.append(Compiled(query, scope.values, (self._column(),), loads=self.loads))
        return self._compiled[0]

    def __solidb_query__(self, scope: BuildScope) -> q.Query:
        if self.followed or self.passed or self.whole or self._reads_edge() or any(expiries(self.edges)):
            return reached(self, scope)
        vertex = scope.fresh()
        declare_target(self.target, vertex, scope)
        collection = self.edges.__solidb_mapping__.collection
        step = q.Traverse((vertex,), self.direction, scope.bind(self.start), collection, *self.depth)
        wanted = shown(self, vertex, scope)
        wanted += [condition.__solidb_build__(scope) for condition in closed_all(self.conditions)]
        body: list[q.Clause] = [step, *([q.Filter(conjunction(wanted))] if wanted else [])]
        sort = [q.SortKey(key.expression.__solidb_build__(scope), key.descending) for key in self.orderings]
        if sort:
            sort.append(q.SortKey(q.Attribute(q.Name(vertex), "_key"), sort[-1].descending))
        limit = None if self.limit_count is None else scope.bind(self.limit_count)
        offset = None if not self.offset_count else scope.bind(self.offset_count)
        if (limit or offset) and not sort and not wanted:
            body.append(q.Filter(q.Literal(True)))
        body = [*scope.lets, *body]
        return q.Block(tuple(body), tuple(sort), offset, limit, (), q.Return(q.Name(vertex)))

    def _reads_edge(self) -> bool:
        used = [*self.conditions, *(key.expression for key in self.orderings)]
        return self.edges in sources_of(used)

    def _column(self) -> Column:
        return Entity(self.target or Document, self.target or Document)

    def _with(self, **changes: Any) -> Self:
        return replace(self, **changes)

    @property
    def entity(self) -> Entity | None:
        """The one model the statement gives whole documents of, if it is known."""
        return None if self.target is None else Entity(self.target, self.target)


@dataclass(frozen=True, slots=True, repr=False)
class TraversalRows(Statement[T_co], Generic[T_co]):
    """A traversal whose rows are the document that is reached, an edge it is reached by, and the depth."""

    traversal: Traversal[Any]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The document, the edge and the depth."""
        walk = self.traversal
        model = walk.target or Document
        depth = Scalar(Value(None), "depth", None)
        return (Entity(model, model), Entity(walk.edges, walk.edges), depth)

    @bounded
    def compile(self) -> Compiled:
        scope = BuildScope()
        query = with_tables(reached(self.traversal, scope, rows=True), scope)
        return Compiled(query, scope.values, self.columns, single=False)


@overload
def traverse(
    start: Document | str,
    edges: type[Edge[F, T]],
    *,
    depth: int | tuple[int, int] = 1,
    direction: Literal["outbound"] = "outbound",
) -> Traversal[T]: ...
@overload
def traverse(
    start: Document | str,
    edges: type[Edge[F, T]],
    *,
    depth: int | tuple[int, int] = 1,
    direction: Literal["inbound"],
) -> Traversal[F]: ...
@overload
def traverse(
    start: Document | str,
    edges: type[Connects[V]],
    *,
    depth: int | tuple[int, int] = 1,
    direction: Literal["any"],
) -> Traversal[V]: ...
def traverse(
    start: Document | str,
    edges: Any,
    *,
    depth: int | tuple[int, int] = 1,
    direction: Direction = "outbound",
) -> Traversal[Any]:
    """Return a statement for the documents that can be reached from one along edges of a class.

    ``depth`` is the number of edges, or the least and the most. Each document is returned once, at its least
    depth; the start itself only if the least depth is 0.
    """
    if direction not in [*DIRECTIONS]:
        raise UsageError(
            f"traverse() has no direction {direction!r}", hint='choose "outbound", "inbound" or "any"'
        )
    ends = end_classes(edges)
    reached = {"outbound": ends[1:], "inbound": ends[:1], "any": ends}[direction]
    target = reached[0] if all(cls is reached[0] for cls in reached) else None
    return Traversal(reference(start), edges, target, DIRECTIONS[direction], depth_range(depth, 0))


def reference(end: Document | str) -> str:
    """Return the ``collection/key`` of a document, or of the text that is one already."""
    if isinstance(end, Document):
        return end.__solidb_reference__()
    if not isinstance(cast(Any, end), str) or end.count("/") != 1:
        raise UsageError(f"{end!r} is not a document", hint="give a document, or 'collection/key'")
    return end
