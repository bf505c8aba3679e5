"""Path searches: shortest, all shortest, k shortest and all simple paths between two vertices."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import field
from functools import partial
from itertools import count, islice
from typing import Final

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import QueryError
from .. import nodes
from ..values import is_number, kind_of
from .expressions import CompileClause, Compiler
from .runtime import Row, Run, Stage
from .scope import Variables
from .source import ReadsMany
from .traversal import Edges, edge_collection, edges_read, neighbours, vertex_document, vertex_id

_MAX_DEPTH = 64
_MOST_KNOWN: Final = 20_000
"""The most vertices whose edges are kept."""


@dataclass(frozen=True, slots=True)
class _Path:
    """The vertices passed, and the edges between them."""

    vertices: tuple[str, ...]
    edges: tuple[JsonObject, ...] = ()
    weight: float = 0.0

    def extended(self, edge: JsonObject, vertex: str, weight: float) -> _Path:
        return _Path((*self.vertices, vertex), (*self.edges, edge), self.weight + weight)


@dataclass(frozen=True, slots=True)
class _Search:
    """One search: the graph, its weights, and the options; ``known`` are the edges at vertices met before."""

    run: Run
    mode: str
    collection: str
    direction: str
    options: dict[str, Json]
    known: dict[str, list[tuple[JsonObject, str]]] = field(
        default_factory=dict[str, list[tuple[JsonObject, str]]]
    )

    def around(self, vertex: str) -> list[tuple[JsonObject, str]]:
        """Return the edges at a vertex by their keys; in a traversal the outgoing ones come first."""
        steps = self.known.get(vertex)
        if steps is not None:
            self.run.spend(len(steps))
            return steps
        return self._meet(vertex, partial(self.run.source.edges, self.collection))

    def meet(self, vertices: Sequence[str]) -> None:
        """Read the edges at the vertices that are gone on from next, all together where that can be."""
        self.known.clear()
        source = self.run.source
        if isinstance(source, ReadsMany):
            edges = edges_read(source, self.collection, vertices, self.direction)
            for vertex in vertices:
                self._meet(vertex, edges)

    def _meet(self, vertex: str, edges: Edges) -> list[tuple[JsonObject, str]]:
        steps = list(neighbours(self.run, edges, vertex, self.direction))
        if self.direction == "ANY":
            steps.sort(key=_key_of_edge)
        if len(self.known) >= _MOST_KNOWN:
            self.known.clear()
        self.known[vertex] = steps
        return steps

    def weight(self, edge: JsonObject) -> float:
        name: Json = self.options.get("weight")
        if name is None:
            return 1.0
        value: Json = edge.get(name, 1.0)
        if not is_number(value) or value < 0:
            raise QueryError(f"{self.mode}: weight field '{name}' must be a non-negative number")
        return float(value)

    def number(self, name: str, default: int) -> int:
        value = self.options.get(name, default)
        return value if kind_of(value) is int and value >= 0 else default


def _key_of_edge(step: tuple[JsonObject, str]) -> str:
    key: str = step[0]["_key"]
    return key


# --- one path, or all the shortest -----------------------------------------------------------------


def _shortest(search: _Search, start: str, end: str) -> Iterator[_Path]:
    weighted = search.options.get("weight") is not None
    path = (
        _cheapest(search, start, end)
        if weighted
        else next(_all_shortest(search, start, end, is_one=True), None)
    )
    if path is not None:
        yield path


def _cheapest(
    search: _Search,
    start: str,
    end: str,
    shut_vertices: frozenset[str] = frozenset(),
    shut_pairs: frozenset[tuple[str, str]] = frozenset(),
) -> _Path | None:
    """Find the path of least weight (Dijkstra).

    Of vertices equally far away the server goes on from the one with the larger id.
    """
    reached = {start: _Path((start,))}
    waiting = [(0.0, _Descending(start), start)]
    done: set[str] = set()
    while waiting:
        weight, _, here = heapq.heappop(waiting)
        if here == end:
            return reached[here]
        if here in done:
            continue
        done.add(here)
        for edge, vertex in search.around(here):
            if vertex in done or vertex in shut_vertices or (here, vertex) in shut_pairs:
                continue
            cost = search.weight(edge)
            if vertex not in reached or weight + cost < reached[vertex].weight:
                reached[vertex] = reached[here].extended(edge, vertex, cost)
                heapq.heappush(waiting, (reached[vertex].weight, _Descending(vertex), vertex))
    return None


class _Descending(str):
    """A text that comes before lesser ones."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _all_shortest(search: _Search, start: str, end: str, *, is_one: bool = False) -> Iterator[_Path]:
    """Yield all paths of the fewest edges; parallel edges make paths of their own.

    ``is_one``: only the first is asked for, which needs no other way to a vertex than the first.
    """
    level, seen = [_Path((start,))], {start}
    while level:
        arrived = [path for path in level if path.vertices[-1] == end]
        if arrived:
            yield from arrived
            return
        search.meet(list(dict.fromkeys(path.vertices[-1] for path in level)))
        following = [
            path.extended(edge, vertex, 1.0)
            for path in level
            for edge, vertex in search.around(path.vertices[-1])
            if vertex not in seen
        ]
        if is_one:
            firsts = dict[str, _Path]()
            for path in following:
                firsts.setdefault(path.vertices[-1], path)
            following = list(firsts.values())
        seen.update(path.vertices[-1] for path in following)
        search.run.check_rows(len(following))
        level = following


# --- k paths -------------------------------------------------------------------------------------


def _k_shortest(search: _Search, start: str, end: str) -> Iterator[_Path]:
    """Yield the k paths of least weight without loops (Yen's algorithm)."""
    wanted = max(1, search.number("k", 3))
    order = count()
    first = _cheapest(search, start, end)
    candidates = [] if first is None else [(first.weight, next(order), first)]
    paths: list[_Path] = []
    known = {first.vertices} if first else set[tuple[str, ...]]()
    while candidates and len(paths) < wanted:
        path = heapq.heappop(candidates)[2]
        paths.append(path)
        yield path
        for detour in _detours(search, path, paths, end):
            if detour.vertices not in known:
                known.add(detour.vertices)
                heapq.heappush(candidates, (detour.weight, next(order), detour))


def _detours(search: _Search, path: _Path, paths: list[_Path], end: str) -> Iterator[_Path]:
    for place in range(len(path.edges)):
        root = path.vertices[: place + 1]
        shut = frozenset(
            (other.vertices[place], other.vertices[place + 1])
            for other in paths
            if other.vertices[: place + 1] == root and len(other.vertices) > place + 1
        )
        spur = _cheapest(search, root[-1], end, frozenset(root[:-1]), shut)
        if spur is not None:
            edges = path.edges[:place] + spur.edges
            weight = sum(map(search.weight, edges), 0.0)
            yield _Path(root[:-1] + spur.vertices, edges, weight)


def _k_paths(search: _Search, start: str, end: str) -> Iterator[_Path]:
    """Yield the simple paths of min to max edges, depth first."""
    least, most = search.number("min", 1), min(search.number("max", 5), _MAX_DEPTH)
    paths = _simple(search, _Path((start,)), end, most)
    return islice((path for path in paths if len(path.edges) >= least), search.number("limit", 100))


def _simple(search: _Search, path: _Path, end: str, most: int) -> Iterator[_Path]:
    waiting = [path]
    while waiting:
        path = waiting.pop()
        if path.vertices[-1] == end:
            yield path
            continue
        if len(path.edges) < most:
            following = [
                path.extended(edge, vertex, 1.0)
                for edge, vertex in search.around(path.vertices[-1])
                if vertex not in path.vertices
            ]
            waiting.extend(reversed(following))


_MODES: dict[str, Callable[[_Search, str, str], Iterator[_Path]]] = {
    "SHORTEST_PATH": _shortest,
    "ALL_SHORTEST_PATHS": _all_shortest,
    "K_SHORTEST_PATHS": _k_shortest,
    "K_PATHS": _k_paths,
}


# --- the clause ----------------------------------------------------------------------------------


def _path_search(compiler: Compiler, node: nodes.PathSearch, scope: Variables) -> Stage:
    start = compiler.expression(node.start, scope)
    end = compiler.expression(node.end, scope)
    slots = [compiler.frame.declare(scope, name) for name in node.variables]
    options: dict[str, Json] = dict(node.options)
    find = _MODES[node.mode]

    def stage(run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            here, there = vertex_id(start(row)), vertex_id(end(row), "End")
            search = _Search(run, node.mode, edge_collection(run, node.edges), node.direction, options)
            document = vertex_document(run, there)
            if document is None:
                continue
            for path in islice(find(search, here, there), run.limits.max_paths):
                yield _bound(row.copy(), slots, document, path)

    return stage


def _bound(row: Row, slots: list[int], document: JsonObject, path: _Path) -> Row:
    values: tuple[Json, ...] = (
        document,
        path.edges[-1] if path.edges else None,
        {"edges": list(path.edges), "vertices": list(path.vertices), "weight": path.weight},
    )
    for slot, value in zip(slots, values, strict=False):
        row[slot] = value
    return row


CLAUSES: dict[type[nodes.Clause], CompileClause] = {nodes.PathSearch: _path_search}
