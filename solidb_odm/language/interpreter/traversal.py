"""Traversals: ``FOR v, e, p IN 1..3 OUTBOUND start edges`` and MATCH."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any, Final, TypeAlias

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject, is_list, is_map
from ...errors import QueryError
from .. import nodes
from .expressions import CompileClause, Compiler
from .runtime import Row, Run, Stage, Value
from .scope import Variables
from .source import EdgeDirection, ReadsMany

_REVERSED = {"OUTBOUND": "_to", "INBOUND": "_from"}
_WAYS: Final[tuple[EdgeDirection, ...]] = ("OUTBOUND", "INBOUND")


@dataclass(frozen=True, slots=True)
class PathStep:
    """A vertex that was reached, and how. The start has no edge and no step before it."""

    vertex: str
    edge: JsonObject | None = None
    before: PathStep | None = None
    depth: int = 0

    def steps(self) -> list[PathStep]:
        """Return the steps from the start to this one."""
        path: list[PathStep] = []
        step: PathStep | None = self
        while step is not None:
            path.append(step)
            step = step.before
        return path[::-1]

    def passes(self, vertex: str) -> bool:
        """Return whether the path has been at the vertex."""
        step: PathStep | None = self
        while step is not None:
            if step.vertex == vertex:
                return True
            step = step.before
        return False

    def uses(self, edge: JsonObject) -> bool:
        """Return whether the path has used the edge."""
        step: PathStep | None = self
        while step is not None and step.edge is not None:
            if step.edge["_key"] == edge["_key"]:
                return True
            step = step.before
        return False


@dataclass(frozen=True, slots=True)
class WalkRules:
    """How a traversal goes: options, with the server's defaults for its order."""

    direction: str
    minimum: int
    maximum: int
    depth_first: bool
    vertices: str
    edges: str

    @classmethod
    def of(cls, node: nodes.Traverse) -> WalkRules:
        """Read the options of a traversal."""
        options = dict(node.options)
        order = str(options.get("order", "bfs")).lower()
        depth_first = order == "dfs" or options.get("bfs") is False
        default = "none" if depth_first else "global"
        vertices = str(options.get("uniqueVertices", default)).lower()
        if depth_first and vertices == "global":
            raise QueryError('Traversal OPTIONS uniqueVertices: "global" needs order: "bfs"')
        edges = str(options.get("uniqueEdges", "path")).lower()
        return cls(node.direction, node.minimum, node.maximum, depth_first, vertices, edges)


def vertex_document(run: Run, vertex: str) -> JsonObject | None:
    """Find the document of a vertex id ``collection/key``; None if there is none."""
    collection, _, key = vertex.partition("/")
    return run.source.get(collection, key) if run.source.exists(collection) else None


def edge_collection(run: Run, name: str) -> str:
    """Return the edge collection of this name; a graph's name means its first one."""
    if run.source.exists("_graphs"):
        graph: Json = run.source.get("_graphs", name)
        if graph is not None:
            return _first_edges(graph, name)
    return run.known(name)


def _first_edges(graph: Json, name: str) -> str:
    edges = graph.get("edges") if is_map(graph) else None
    first = edges[0] if is_list(edges) and edges else None
    if not isinstance(first, str):
        raise QueryError(
            f"the graph {name!r} names no collection of edges",
            hint="its document in _graphs needs edges: ['collection', ..]",
        )
    return first


Edges: TypeAlias = Callable[[str, EdgeDirection], Iterable[JsonObject]]
"""Returns the edges at a vertex in one direction."""


def edges_read(
    source: ReadsMany, collection: str, vertices: Sequence[str], direction: str, *, ends_only: bool = False
) -> Edges:
    """Read the edges at many vertices together."""
    edges_at: dict[tuple[str, EdgeDirection], list[JsonObject]] = {}
    for way in _WAYS:
        if direction in (way, "ANY"):
            end = _REVERSED["INBOUND" if way == "OUTBOUND" else "OUTBOUND"]
            for edge in source.edges_of(collection, vertices, way, ends_only=ends_only):
                edges_at.setdefault((edge[end], way), []).append(edge)
    return lambda vertex, way: edges_at.get((vertex, way), ())


def neighbours(run: Run, edges: Edges, vertex: str, direction: str) -> Iterator[tuple[JsonObject, str]]:
    """Yield each edge at a vertex with the vertex at its other end; outgoing edges come first."""
    for way in _WAYS:
        if direction not in (way, "ANY"):
            continue
        for edge in edges(vertex, way):
            run.spend(1)
            other = edge.get(_REVERSED[way])
            repeated = other == vertex and direction == "ANY" and way == "INBOUND"
            if isinstance(other, str) and not repeated:
                yield edge, other


def vertex_id(value: Json, which: str = "Start") -> str:
    """Return the id of a start or end vertex; raises QueryError for anything but a text."""
    if not isinstance(value, str):
        raise QueryError(
            f"{which} vertex must be a string (e.g., 'users/alice')",
            hint='build it with CONCAT("collection/", document._key)',
        )
    return value


class _Walk:
    """One traversal from one start."""

    def __init__(
        self,
        run: Run,
        collection: str,
        rules: WalkRules,
        prune: Callable[[Json], bool] | None,
        ends_only: bool = False,
    ) -> None:
        self._run, self._collection, self._rules, self._prune = run, collection, rules, prune
        self._ends_only = ends_only
        self._seen: set[str] = set()

    def from_(self, start: str) -> Iterator[tuple[PathStep, JsonObject]]:
        """Yield the steps whose vertices exist, with their documents."""
        self._seen.add(start)
        source = self._run.source
        if not self._rules.depth_first and isinstance(source, ReadsMany):
            return self._by_levels(start, source)
        return self._one_by_one(start)

    def _by_levels(self, start: str, source: ReadsMany) -> Iterator[tuple[PathStep, JsonObject]]:
        level, depth, rules = [PathStep(start)], 0, self._rules
        while level:
            self._run.check_rows(len(level))
            vertices = list(dict.fromkeys(step.vertex for step in level))
            wanted = depth >= rules.minimum or self._prune is not None
            documents = self._documents(source, vertices) if wanted else {}
            edges = self._edges(source, vertices) if depth < rules.maximum else None
            following: list[PathStep] = []
            for step in level:
                document = documents.get(step.vertex)
                if document is not None and depth >= rules.minimum:
                    yield step, document
                if not self._is_pruned(document) and edges is not None:
                    following.extend(self._following(step, edges))
            level, depth = following, depth + 1

    def _documents(self, source: ReadsMany, vertices: list[str]) -> dict[str, JsonObject]:
        keys: dict[str, list[str]] = {}
        for vertex in vertices:
            collection, _, key = vertex.partition("/")
            keys.setdefault(collection, []).append(key)
        return {
            f"{collection}/{document['_key']}": document
            for collection, some in keys.items()
            if self._run.source.exists(collection)
            for document in source.get_many(collection, some)
        }

    def _edges(self, source: ReadsMany, vertices: list[str]) -> Edges:
        return edges_read(
            source, self._collection, vertices, self._rules.direction, ends_only=self._ends_only
        )

    def _one_by_one(self, start: str) -> Iterator[tuple[PathStep, JsonObject]]:
        edges = partial(self._run.source.edges, self._collection)
        waiting = deque((PathStep(start),))
        take = waiting.pop if self._rules.depth_first else waiting.popleft
        while waiting:
            self._run.check_rows(len(waiting))
            step = take()
            document = vertex_document(self._run, step.vertex)
            if document is not None and step.depth >= self._rules.minimum:
                yield step, document
            if not self._is_pruned(document) and step.depth < self._rules.maximum:
                following = list(self._following(step, edges))
                waiting.extend(reversed(following) if self._rules.depth_first else following)

    def _is_pruned(self, document: JsonObject | None) -> bool:
        """Return whether to stop at a vertex; asked at the last depth too, for it may be an error."""
        return self._prune is not None and document is not None and self._prune(document)

    def _following(self, step: PathStep, edges: Edges) -> Iterator[PathStep]:
        rules = self._rules
        for edge, vertex in neighbours(self._run, edges, step.vertex, rules.direction):
            if rules.edges == "path" and step.uses(edge):
                continue
            if rules.vertices == "path" and step.passes(vertex):
                continue
            if rules.vertices == "global":
                if vertex in self._seen:
                    continue
                self._seen.add(vertex)
            yield PathStep(vertex, edge, step, step.depth + 1)


def _path(run: Run, step: PathStep) -> JsonObject:
    steps = step.steps()
    documents = [vertex_document(run, item.vertex) for item in steps]
    return {
        "edges": [item.edge for item in steps if item.edge is not None],
        "vertices": [document for document in documents if document is not None],
    }


def _traverse(compiler: Compiler, node: nodes.Traverse, scope: Variables) -> Stage:
    rules = WalkRules.of(node)
    start = compiler.expression(node.start, scope)
    prune = _prune(compiler, node, scope)
    slots = [compiler.frame.declare(scope, name) for name in node.variables]
    return _stage(node.edges, rules, start, prune, slots)


def _prune(compiler: Compiler, node: nodes.Traverse, scope: Variables) -> Callable[[Row, Json], bool] | None:
    """Compile PRUNE, which on the server sees the vertex but neither the edge nor the path."""
    if node.prune is None:
        return None
    inner = scope.copy()
    for name in node.variables[1:]:
        inner.names.pop(name, None)
    slot = compiler.frame.declare(inner, node.variables[0])
    condition = compiler.condition(node.prune, inner)

    def test(row: Row, document: Json) -> bool:
        row[slot] = document
        return condition(row)

    return test


def _stage(
    name: str,
    rules: WalkRules,
    start: Value,
    prune: Callable[[Row, Json], bool] | None,
    slots: list[int],
) -> Stage:
    def stage(run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            vertex = vertex_id(start(row))
            collection = edge_collection(run, name)
            test: Any = None if prune is None else _bound_prune(prune, row)
            for step, document in _Walk(run, collection, rules, test, len(slots) == 1).from_(vertex):
                fresh = row.copy()
                fresh[slots[0]] = document
                if len(slots) > 1:
                    fresh[slots[1]] = step.edge
                if len(slots) > 2:
                    fresh[slots[2]] = _path(run, step)
                yield fresh

    return stage


def _bound_prune(prune: Callable[[Row, Json], bool], row: Row) -> Callable[[Json], bool]:
    return lambda document: prune(row, document)


def _match(compiler: Compiler, node: nodes.Match, scope: Variables) -> Stage:
    """Compile MATCH: a traversal that binds its target, the last edge ``_e`` and the path ``_p``.

    A pattern without an arrow means one that points to the target, as on the server.
    """
    key = compiler.expression(node.key, scope)
    rules = WalkRules(
        "INBOUND" if node.direction == "INBOUND" else "OUTBOUND",
        node.minimum,
        node.maximum,
        False,
        "global",
        "path",
    )
    slots = [compiler.frame.declare(scope, name) for name in (node.target, "_e", "_p")]
    return _stage(node.edges, rules, lambda row: f"{node.collection}/{vertex_id(key(row))}", None, slots)


CLAUSES: dict[type[nodes.Clause], CompileClause] = {nodes.Traverse: _traverse, nodes.Match: _match}
