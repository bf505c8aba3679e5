"""Graphs as a whole: neighbourhoods, ranks, degrees."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Final

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import QueryError
from .arguments import array, finite, integer, is_number, is_object, number, options, text
from .built_in import REFUSE, CallContext, Family
from .database import fetch

function = Family("Graph")
_SETTINGS: Final = frozenset(
    ("hops", "direction", "decay", "combine", "include_seeds", "max_frontier", "limit", "seed_collection")
)


@dataclass(slots=True)
class _Reached:
    """A vertex that was reached: its score so far, and its strongest way in."""

    score: float
    best: float
    hops: int
    via: str | None = None
    seed_score: float | None = None


def _seeds(given: Json, collection: Json) -> dict[str, float]:
    """Return the start vertices with their scores; a bare key is completed with the collection."""
    seeds: dict[str, float] = {}
    for item in array(given, "NEIGHBORS", 2):
        fields: JsonObject = item if is_object(item) else {"id": item}
        name = text(fields.get("id", fields.get("_id")), "NEIGHBORS", 2)
        if "/" not in name and isinstance(collection, str):
            name = f"{collection}/{name}"
        score = fields.get("score", 1.0)
        seeds[name] = max(seeds.get(name, 0.0), float(score) if is_number(score) else 1.0)
    return seeds


def _other_end(edge: JsonObject, vertex: str) -> Json:
    return edge.get("_to") if edge.get("_from") == vertex else edge.get("_from")


def _expand(
    context: CallContext, collection: str, seeds: dict[str, float], settings: JsonObject
) -> dict[str, _Reached]:
    """Walk outwards hop by hop; a vertex passes its score on, lessened by ``decay``."""
    direction = str(settings.get("direction", "outbound")).lower()
    if direction not in ("outbound", "inbound", "any"):
        raise QueryError(f"NEIGHBORS: unknown direction '{direction}'", hint='"outbound", "inbound" or "any"')
    combine = settings.get("combine", "max")
    if combine not in ("max", "sum"):
        raise QueryError(f"NEIGHBORS: unknown combine '{combine}'", hint='"max" or "sum"')
    decay = float(number(settings.get("decay", 0.6), "NEIGHBORS", 3))
    hits = {name: _Reached(score, score, 0, seed_score=score) for name, score in seeds.items()}
    frontier = dict(seeds)
    for hop in range(1, integer(settings.get("hops", 2), "NEIGHBORS", 3) + 1):
        reached: dict[str, float] = {}
        for vertex, score in frontier.items():
            for edge in context.edges(collection, vertex, direction):
                context.spend(1)
                name = _other_end(edge, vertex)
                if isinstance(name, str):
                    _reach(hits, reached, name, score * decay, hop, vertex, combine)
        most = integer(settings.get("max_frontier", 10_000), "NEIGHBORS", 3)
        frontier = dict(sorted(reached.items(), key=lambda item: -item[1])[:most])
    return hits


def _reach(
    hits: dict[str, _Reached],
    reached: dict[str, float],
    name: str,
    score: float,
    hop: int,
    via: str,
    combine: Json,
) -> None:
    hit = hits.get(name)
    if hit is None:
        hits[name] = _Reached(score, score, hop, via)
        reached[name] = score
        return
    if name in reached:
        reached[name] = max(reached[name], score)
    hit.score = hit.score + score if combine == "sum" else max(hit.score, score)
    if score > hit.best and hit.seed_score is None:
        hit.best, hit.via = score, via


@function(
    "NEIGHBORS",
    parameters="edges, seeds [, options]",
    returns="array of {doc, id, score, hops, seed, seed_score, via}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The vertices around some, the nearest first. Options hops 2, direction, decay .6, combine, "
    "include_seeds, max_frontier, limit 20, seed_collection.",
)
def neighbors(context: CallContext, collection: Json, given: Json, settings: Json = None) -> Json:
    wanted = options(settings, "NEIGHBORS", 3, _SETTINGS)
    seeds = _seeds(given, wanted.get("seed_collection"))
    hits = _expand(context, text(collection, "NEIGHBORS", 1), seeds, wanted)
    rows: list[JsonObject] = []
    for name, hit in sorted(hits.items(), key=lambda item: (-item[1].score, item[0])):
        if len(rows) >= integer(wanted.get("limit", 20), "NEIGHBORS", 3):
            break
        if hit.seed_score is not None and wanted.get("include_seeds") is False:
            continue
        document = _document(context, name)
        if document is not None:
            rows.append(_row(name, hit, document))
    return rows


def _document(context: CallContext, name: str) -> JsonObject | None:
    known = "/" in name and context.collection_exists(name.partition("/")[0].rpartition(":")[2])
    return fetch(context, name) if known else None


def _row(name: str, hit: _Reached, document: JsonObject) -> JsonObject:
    return {
        "doc": document,
        "hops": hit.hops,
        "id": name,
        "score": finite(hit.score),
        "seed": hit.seed_score is not None,
        "seed_score": hit.seed_score,
        "via": hit.via,
    }


def _ends(context: CallContext, collection: Json, name: str) -> list[tuple[str, str, float]]:
    """Return the ends and the weight (1.0) of every edge."""
    ends: list[tuple[str, str, float]] = []
    for edge in context.scan(text(collection, name, 1)):
        context.spend(1)
        start, end, weight = edge.get("_from"), edge.get("_to"), edge.get("weight")
        if isinstance(start, str) and isinstance(end, str):
            ends.append((start, end, float(weight) if is_number(weight) else 1.0))
    return ends


@function(
    "PAGERANK",
    parameters="edges [, options]",
    returns="array of {node, score}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The vertices by PageRank. Options damping .85, iterations 20, limit 100; edges may weigh.",
)
def pagerank(context: CallContext, collection: Json, settings: Json = None) -> Json:
    wanted = options(settings, "PAGERANK", 2, frozenset(("damping", "iterations", "limit")))
    damping = float(number(wanted.get("damping", 0.85), "PAGERANK", 2))
    rounds = integer(wanted.get("iterations", 20), "PAGERANK", 2)
    if not 0 < damping <= 1 or not 1 <= rounds <= 1000:
        raise QueryError("PAGERANK: damping must be in (0, 1], iterations between 1 and 1000")
    ranks = _ranks(context, _ends(context, collection, "PAGERANK"), damping, rounds)
    best = sorted(ranks.items(), key=lambda item: (-item[1], item[0]))
    return [{"node": n, "score": s} for n, s in best[: integer(wanted.get("limit", 100), "PAGERANK", 2)]]


def _ranks(
    context: CallContext, ends: list[tuple[str, str, float]], damping: float, rounds: int
) -> dict[str, float]:
    """Iterate PageRank; the rank of vertices without a way out goes to all."""
    outgoing: dict[str, float] = defaultdict(float)
    for start, _, weight in ends:
        outgoing[start] += weight
    nodes = sorted({name for start, end, _ in ends for name in (start, end)})
    ranks = dict.fromkeys(nodes, 1 / len(nodes)) if nodes else {}
    for _ in range(rounds):
        context.spend(len(ends))
        stuck = sum(rank for name, rank in ranks.items() if outgoing.get(name, 0.0) <= 0)
        fresh = dict.fromkeys(nodes, (1 - damping + damping * stuck) / max(1, len(nodes)))
        for start, end, weight in ends:
            if outgoing[start] > 0:
                fresh[end] += ranks[start] * damping * weight / outgoing[start]
        moved = sum(abs(fresh[n] - ranks[n]) for n in nodes)
        ranks = fresh
        if moved < 1e-6:
            break
    return ranks


@function(
    "DEGREE_CENTRALITY",
    parameters="edges",
    returns="array of {node, degree}",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="The vertices by the number of their edges, both ways.",
)
def degree_centrality(context: CallContext, collection: Json) -> Json:
    tally = Counter(name for ends in _ends(context, collection, "DEGREE_CENTRALITY") for name in ends[:2])
    return [
        {"degree": float(n), "node": name}
        for name, n in sorted(tally.items(), key=lambda item: (-item[1], item[0]))
    ]
