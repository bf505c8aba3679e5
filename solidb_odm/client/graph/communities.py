"""Graphs for retrieval: documents found by a vector and by what is bound to them; communities of a graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from ..._types import JsonObject
from ...commands import call
from ...errors import DatabaseError, UsageError
from ...wire.exchange import Delay, Exchange, send
from ...wire.faults import Subject
from ..requests import at, rest, send_whole
from ..results import ClientResult, DocumentResult
from ..vector import only_index
from .edge_walks import Direction, Neighbour

POLL_SECONDS = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Community(ClientResult):
    """Documents that are bound to each other more than to others; ``summary`` where one was written."""

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
    """Find the documents nearest to a vector, and what is within some hops of them."""
    if limit < 1 or hops < 1 or seeds < 1:
        raise UsageError("limit, hops and seeds must be 1 at least")
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
    answer = yield from send_whole(request, context, hint="a smaller limit asks for fewer documents at once")
    return [Neighbour.of(row, doc=DocumentResult(row["doc"] or {})) for row in answer.data["results"]]


def build(
    database: str, edge_collection: str, *, resolution: float, min_size: int, summarize: bool
) -> Exchange[list[Community]]:
    """Have the server look for communities, wait until it has, and return them, the largest first."""
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
    """List the communities that were found last, the largest first."""
    answer = yield from rest("GET", at("database", database, "graph", "communities"))
    rows = [
        row
        for row in cast(list[JsonObject], answer["communities"])
        if edge_collection in (None, row.get("edge_collection"))
    ]
    return sorted(map(_community, rows), key=lambda community: (-community.size, community.community_id))


def search(database: str, text: str, *, edge_collection: str | None, limit: int) -> Exchange[list[Community]]:
    """Find communities by their summaries."""
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
