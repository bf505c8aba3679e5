"""``shortest_path`` and ``k_shortest_paths``: the ways between two documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from typing import Any, Generic, Self, TypeVar

from .._dataclasses import dataclass
from ..errors import UsageError, check_callable
from ..language import nodes as q
from ..model.document import Document
from ..model.edge import Connects, Edge
from ..model.expiry import expiries
from ..model.expressions.expression import Expression, Predicate
from ..model.expressions.kinds import NAMES, kind_of
from ..model.stored.pydantic_attributes import class_fields
from . import conditions
from .columns import Path, PathOf
from .compiled import Compiled
from .compiler import BuildScope
from .conditions import bounded
from .select import natural
from .select_block import conjunction
from .statement import Statement, T_co
from .traversal import DIRECTIONS, Direction, reference
from .ways import SIMPLE, Way, end_classes, way_conditions

V = TypeVar("V")


@dataclass(frozen=True, slots=True, repr=False)
class PathStatement(Statement[T_co], Generic[T_co]):
    """A query for the shortest ways between two documents; its rows are ``Path``."""

    start: str
    end: str
    edges: type[Edge[Any, Any]]
    direction: q.Direction
    weight: str | None
    targets: tuple[type[Document], ...]
    count: int = 1
    longest: int | None = None
    followed: tuple[Expression, ...] = ()
    passed: tuple[Expression, ...] = ()
    whole: tuple[tuple[Way, Expression], ...] = ()

    def follow(self, *wanted: Predicate | bool) -> Self:
        """Follow only edges that the conditions are true of; ``max_depth`` says how many at the most."""
        return replace(self, followed=(*self.followed, *map(conditions.condition, wanted)))

    def through(self, *wanted: Predicate | bool) -> Self:
        """Pass only documents that the conditions are true of; the two at the ends may be any."""
        return replace(self, passed=(*self.passed, *map(conditions.condition, wanted)))

    def where_way(self, test: Callable[[Way], Predicate | bool]) -> Self:
        """Take only ways that a condition is true of: ``lambda way: all_(way.edges).since > 2020``."""
        target = self.targets[0] if self.targets[0] is self.targets[-1] else None
        check_callable(test, "where_way()", "lambda way: any_(way.edges).since > 2020")
        way = Way(self.edges, target)
        return replace(self, whole=(*self.whole, (way, conditions.condition(test(way)))))

    @bounded
    def compile(self) -> Compiled:
        scope = BuildScope()
        query = self.__solidb_query__(scope)
        return Compiled(query, scope.values, (PathOf(self.edges, self.targets),))

    def __solidb_query__(self, scope: BuildScope) -> q.Query:
        is_judged = self.followed or self.passed or self.whole or any(expiries(self.edges))
        return self._walked(scope) if is_judged else self._searched(scope)

    def _searched(self, scope: BuildScope) -> q.Query:
        vertex, edge, path, item = scope.fresh(), scope.fresh("_e"), scope.fresh("_p"), scope.fresh()
        options: q.Options = (("weight", self.weight),) if self.weight else ()
        mode: q.PathMode = "SHORTEST_PATH"
        if self.count > 1:
            mode, options = "K_SHORTEST_PATHS", (*options, ("k", self.count))
        search = q.PathSearch(
            (vertex, edge, path),
            mode,
            scope.bind(self.start),
            scope.bind(self.end),
            self.direction,
            self.edges.__solidb_mapping__.collection,
            options,
        )
        ids = q.Attribute(q.Name(path), "vertices")
        documents = q.Block(body=(q.For(item, ids),), returns=q.Return(q.Call("DOCUMENT", (q.Name(item),))))
        row = q.Object((
            ("vertices", q.Subquery(documents)),
            ("edges", q.Attribute(q.Name(path), "edges")),
            ("weight", q.Attribute(q.Name(path), "weight")),
        ))  # fmt: skip
        return q.Block(body=(search,), returns=q.Return(row))

    def _walked(self, scope: BuildScope) -> q.Query:
        """Walk all ways up to a length, and take the shortest that meet the conditions."""
        if self.longest is None:
            raise UsageError(
                "a shortest path with conditions needs max_depth, because all paths up to it are searched",
                hint="shortest_path(a, b, Follows, max_depth=6).follow(..)",
            )
        vertex, edge, path = scope.fresh(), scope.fresh("_e"), scope.fresh("_p")
        step = q.Traverse(
            (vertex, edge, path), self.direction, scope.bind(self.start),
            self.edges.__solidb_mapping__.collection, 0, self.longest, None, SIMPLE,
        )  # fmt: skip
        collection, _, key = self.end.partition("/")
        is_end = q.Compare(q.Attribute(q.Name(vertex), "_key"), "==", scope.bind(key))
        of_collection = q.Call(
            "ENDS_WITH", (q.Attribute(q.Name(vertex), "_id"), scope.bind(f"{collection}/{key}"))
        )
        kept = q.Filter(conjunction([is_end, of_collection, *way_conditions(self, path, scope)]))
        weight = self._weight(path)
        row = q.Object((
            ("vertices", q.Attribute(q.Name(path), "vertices")),
            ("edges", q.Attribute(q.Name(path), "edges")),
            ("weight", weight),
        ))  # fmt: skip
        keys = (q.SortKey(weight), q.SortKey(q.Call("LENGTH", (q.Attribute(q.Name(path), "edges"),))))
        return q.Block((step, kept), keys, None, scope.bind(self.count), (), q.Return(row))

    def _weight(self, path: str) -> q.Expression:
        edges = q.Attribute(q.Name(path), "edges")
        if self.weight is None:
            return q.Call("LENGTH", (edges,))
        weight = q.Binary(q.Attribute(q.Name("CURRENT"), self.weight), "??", q.Literal(1))
        return q.Call("SUM", (q.Expansion(edges, projection=weight),))


def shortest_path(
    start: Document | str,
    end: Document | str,
    edges: type[Connects[V]],
    *,
    direction: Direction = "outbound",
    weight: str | None = None,
    max_depth: int | None = None,
) -> PathStatement[Path[V, Any]]:
    """Return a statement for the path with the fewest edges, or the least sum of an edge field ``weight``.

    It has no row if there is no path. An edge without the field has the weight 1. With conditions,
    ``max_depth`` is required, the largest number of edges: ``shortest_path(ada, bob, Follows,
    max_depth=5).follow(Follows.since >= 2020)``.
    """
    return _paths(start, end, edges, direction, weight, 1, max_depth)


def k_shortest_paths(
    start: Document | str,
    end: Document | str,
    edges: type[Connects[V]],
    *,
    k: int,
    direction: Direction = "outbound",
    weight: str | None = None,
    max_depth: int | None = None,
) -> PathStatement[Path[V, Any]]:
    """Return a statement for the ``k`` shortest paths, shortest first; otherwise as ``shortest_path``.

    Without conditions, parallel edges count as one path, with the least weight of them.
    """
    if natural(k, "k_shortest_paths") < 1:
        raise UsageError("k_shortest_paths() needs a k of 1 or more", hint="k=3")
    return _paths(start, end, edges, direction, weight, k, max_depth)


def _stored_weight(edges: type[Edge[Any, Any]], weight: Any) -> str:
    """Return the stored name of the field that says what an edge weighs; UsageError if there is none."""
    if not isinstance(weight, str):
        raise UsageError(f"weight is the name of a field of {edges.__name__}, not {weight!r}")
    fields = class_fields(edges)
    if weight not in fields:
        if edges.model_config.get("extra") == "allow" or weight in edges.__solidb_mapping__.computed:
            return weight
        close = get_close_matches(weight, fields, 1)
        known = f"did you mean {close[0]!r}?" if close else f"its fields are {', '.join(fields)}"
        raise UsageError(f"{edges.__name__} has no field {weight!r} to weigh its edges by", hint=known)
    kind = kind_of(fields[weight].annotation)
    if kind not in ("int", "float", "duration", "any"):
        raise UsageError(f"{edges.__name__}.{weight} is {NAMES[kind]}, but a weight is a number")
    return edges.__solidb_mapping__.fields[weight].stored


def _paths(
    start: Document | str,
    end: Document | str,
    edges: Any,
    direction: Direction,
    weight: str | None,
    count: int,
    longest: int | None,
) -> PathStatement[Any]:
    if direction not in [*DIRECTIONS]:
        raise UsageError(f"shortest_path() has no direction {direction!r}")
    end_classes(edges)
    weight = None if weight is None else _stored_weight(edges, weight)
    longest = None if longest is None else natural(longest, "max_depth")
    if longest is None and any(expiries(edges)):
        raise UsageError(
            f"{edges.__name__} edges expire, and a search for the shortest path would follow those that have",
            hint="max_depth=6; all paths up to it are searched",
        )
    ends = end_classes(edges)
    return PathStatement(
        reference(start), reference(end), edges, DIRECTIONS[direction], weight, ends, count, longest
    )
