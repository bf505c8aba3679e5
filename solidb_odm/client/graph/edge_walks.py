"""Traversals along edges: neighbours with scores, traversals, shortest paths.

Also graphs for retrieval: documents found by a vector and by their edges; communities of a graph.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeAlias, cast

from ..._dataclasses import dataclass
from ..._types import JsonObject
from ...commands import call
from ...errors import DatabaseError, UsageError
from ...wire.exchange import Delay, Exchange, send
from ...wire.faults import Subject
from ...wire.names import quoted
from ..queries import query
from ..requests import at, rest, send_whole
from ..results import ClientResult, DocumentResult
from ..vector import only_index

Direction: TypeAlias = Literal["outbound", "inbound", "any"]
Vertex: TypeAlias = str | Mapping[str, Any]
"""``"collection/key"``, or a stored document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour(ClientResult):
    """A document near the seeds: its score, its distance in edges, and the seed it was reached from."""

    id: str
    score: float = 0.0
    hops: int = 0
    via: str | None = None
    seed: bool = False
    doc: DocumentResult = field(default_factory=DocumentResult)


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphStep(ClientResult):
    """A document that a traversal reached: the last edge, the depth, and the documents on the path."""

    doc: DocumentResult
    edge: DocumentResult | None = None
    depth: int = 0
    path: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphPath(ClientResult):
    """A path. ``path`` has the ids of all its documents, ``vertices`` the documents that are stored."""

    path: tuple[str, ...] = ()
    vertices: tuple[DocumentResult, ...] = ()
    edges: tuple[DocumentResult, ...] = ()
    weight: float = 0.0


def neighbours(
    database: str,
    edge_collection: str,
    seeds: Vertex | Sequence[Vertex],
    *,
    hops: int = 1,
    direction: Direction = "outbound",
    limit: int = 20,
    include_seeds: bool = False,
    decay: float | None = None,
    combine: Literal["max", "sum"] | None = None,
) -> Exchange[list[Neighbour]]:
    """Return the documents within some edges of the seeds, the highest score first."""
    several = [seeds] if isinstance(seeds, str | Mapping) else seeds
    options: JsonObject = {
        "hops": _at_least(1, "hops", hops),
        "direction": _way(direction).lower(),
        "limit": _at_least(1, "limit", limit),
        "include_seeds": include_seeds,
    }
    options |= {name: value for name, value in (("decay", decay), ("combine", combine)) if value is not None}
    request: JsonObject = {
        "cmd": "graph_neighbors",
        "database": database,
        "edge_collection": edge_collection,
        "seeds": [vertex_id(seed) for seed in several],
        "options": options,
    }
    context = Subject(database, edge_collection)
    answer = yield from send_whole(request, context, hint="use a smaller limit")
    return [Neighbour.of(row, doc=DocumentResult(row["doc"] or {})) for row in answer.data["results"]]


def traverse(
    database: str,
    edge_collection: str,
    start: Vertex,
    *,
    depth: int | tuple[int, int] = 1,
    direction: Direction = "outbound",
    limit: int | None = None,
    unique: Literal["global", "path"] = "global",
) -> Exchange[list[GraphStep]]:
    """Return the documents reached from one along edges, the nearer ones first."""
    least, most = (1, depth) if isinstance(depth, int) else depth
    if not 0 <= least <= most:
        raise UsageError(f"depth={depth!r} is not a depth", hint="3, or (1, 3)")
    if unique not in ("global", "path"):
        raise UsageError(f"unique={unique!r} must be 'global' or 'path'")
    text = (
        f"FOR v, e, p IN {least}..{most} {_way(direction)} @start {quoted(edge_collection)} "
        f'OPTIONS {{uniqueVertices: "{unique}"}} '
        + (f"LIMIT {_at_least(0, 'limit', limit)} " if limit is not None else "")
        + "RETURN {doc: v, edge: e, depth: LENGTH(p.edges), path: (FOR d IN p.vertices RETURN d._id)}"
    )
    rows = cast(list[JsonObject], (yield from query(database, text, {"start": vertex_id(start)})))
    return [
        GraphStep.of(
            row,
            doc=DocumentResult(row["doc"]),
            edge=DocumentResult(row["edge"]) if row["edge"] else None,
            path=tuple(vertex_id(item) for item in row["path"]),
        )
        for row in rows
    ]


def shortest_path(
    database: str,
    edge_collection: str,
    start: Vertex,
    end: Vertex,
    *,
    direction: Direction = "outbound",
    weight: str | None = None,
) -> Exchange[GraphPath | None]:
    """Return the path with the fewest edges, or with the least sum of an attribute of them."""
    if weight is not None and not weight.isidentifier():
        raise UsageError(f"weight={weight!r} must be the name of an attribute of the edges")
    option = f'OPTIONS {{weight: "{weight}"}} ' if weight else ""
    text = (
        f"FOR v, e, p IN SHORTEST_PATH @start TO @end {_way(direction)} {quoted(edge_collection)} {option}"
        "RETURN {path: p.vertices, edges: p.edges, weight: p.weight, "
        "vertices: (FOR i IN p.vertices RETURN DOCUMENT(i))}"
    )
    binds = {"start": vertex_id(start), "end": vertex_id(end)}
    rows = cast(list[JsonObject], (yield from query(database, text, binds)))
    if not rows:
        return None
    return GraphPath.of(
        rows[0],
        path=tuple(rows[0]["path"]),
        vertices=tuple(DocumentResult(item) for item in rows[0]["vertices"] if item),
        edges=tuple(DocumentResult(item) for item in rows[0]["edges"]),
    )


def vertex_id(vertex: Vertex) -> str:
    """Return ``collection/key``, as edges and traversals use it; ``_id`` names the database too."""
    text = vertex if isinstance(vertex, str) else str(vertex.get("_id", ""))
    collection, slash, key = text.partition("/")
    if not (collection and slash and key):
        raise UsageError(
            f"{text or vertex!r} is not the id of a document", hint='"collection/key", or a stored document'
        )
    return f"{collection.rpartition(':')[2]}/{key}"


def _way(direction: str) -> str:
    if direction.lower() not in ("outbound", "inbound", "any"):
        raise UsageError(f"{direction!r} is not a direction", hint="outbound, inbound or any")
    return direction.upper()


def _at_least(least: int, name: str, value: int) -> int:
    if value < least:
        raise UsageError(f"{name}={value!r} must be at least {least}")
    return int(value)


POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Community(ClientResult):
    """A community: documents with more edges among each other than to others, and a summary of them."""

    community_id: int = 0
    size: int = 0
    members: tuple[str, ...] = ()
    edge_collection: str = ""
    run_id: str = ""
    summary: str = ""
    score: float | None = None


def rag(
    database: str,
    seed_collection: str,
    edge_collection: str,
    vector: Sequence[float],
    *,
    limit: int = 20,
    hops: int = 2,
    direction: Direction = "outbound",
    seeds: int = 10,
    decay: float = 0.6,
    index: str | None = None,
) -> Exchange[list[Neighbour]]:
    """Return the documents nearest to a vector, and those within some edges of them."""
    if limit < 1 or hops < 1 or seeds < 1:
        raise UsageError("limit, hops and seeds must be at least 1")
    vector_index = index or (yield from only_index(database, seed_collection))
    request: JsonObject = {
        "cmd": "graph_rag",
        "database": database,
        "seed_collection": seed_collection,
        "vector_index": vector_index,
        "edge_collection": edge_collection,
        "query_vector": [float(number) for number in vector],
        "options": {
            "hops": hops,
            "direction": direction,
            "decay": float(decay),
            "limit": limit,
            "seed_limit": seeds,
        },
    }
    context = Subject(database, edge_collection)
    answer = yield from send_whole(request, context, hint="use a smaller limit")
    return [Neighbour.of(row, doc=DocumentResult(row["doc"] or {})) for row in answer.data["results"]]


def build_communities(
    database: str, edge_collection: str, *, resolution: float, min_size: int, summarize: bool
) -> Exchange[list[Community]]:
    """Have the server build communities, wait for it, and return them, the largest first."""
    path = at("database", database, "graph", "community", "build")
    body: JsonObject = {
        "edge_collection": edge_collection,
        "resolution": float(resolution),
        "min_community_size": min_size,
        "summarize": summarize,
    }
    run: JsonObject = yield from rest("POST", path, body)
    while run["status"] not in ("done", "failed"):
        yield from call(Delay(POLL_SECONDS))
        run = {**run, **(yield from rest("GET", f"{path}/{run['request_id']}"))}
    if run["status"] == "failed":
        raise DatabaseError(
            f"the communities of {edge_collection} were not built: {run.get('error') or 'no reason given'}"
        )
    return (yield from communities(database, edge_collection))


def communities(database: str, edge_collection: str | None) -> Exchange[list[Community]]:
    """Return the communities that were built last, the largest first."""
    answer = yield from rest("GET", at("database", database, "graph", "communities"))
    rows = [
        row
        for row in cast(list[JsonObject], answer["communities"])
        if edge_collection in (None, row.get("edge_collection"))
    ]
    return sorted(map(_community, rows), key=lambda community: (-community.size, community.community_id))


def search_communities(
    database: str, text: str, *, edge_collection: str | None, limit: int
) -> Exchange[list[Community]]:
    """Return the communities whose summaries match."""
    options: JsonObject = {"limit": limit}
    if edge_collection is not None:
        options["edge_collection"] = edge_collection
    request: JsonObject = {
        "cmd": "community_search",
        "database": database,
        "query_text": text,
        "options": options,
    }
    answer = yield from send(request, Subject(database), repeatable=True)
    return [_community(row) for row in answer.data["results"]]


def _community(row: JsonObject) -> Community:
    members: list[Any] = row.get("members") or []
    return Community.of(row, members=tuple(map(str, members)))
