"""Loading the neighbours of many documents: edges level by level, then the documents they lead to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

from ...commands import Operation
from ...model.document import Document
from ...model.edge import Edge
from ...model.links.back_references import Heading, Neighbours
from ...model.mixins import SoftDelete
from ...query.conditions import in_, or_
from ...query.select import select
from ..context import Context
from .queries import execute

Adjacency: TypeAlias = dict[str, list[str]]
Fetch: TypeAlias = Callable[[Context, Iterable[str], Any], Operation[dict[str, Document]]]


def load_neighbours(
    context: Context, documents: list[Document], neighbours: Neighbours[Any], fetch: Fetch
) -> Operation[list[Document]]:
    """Load the neighbours of each of the documents: a query for each level of edges, and
    one for each collection they lead to.
    """
    starts = {document.__solidb_reference__(): document for document in documents}
    low, high = neighbours.__solidb_depth__
    ways = yield from _ways(context, neighbours, list(starts), high)
    reached = {start: _reached(ways, start, low, high) for start in starts}
    wanted = dict.fromkeys(name for names in reached.values() for name in names)
    target = neighbours.__solidb_target__
    fetched = yield from fetch(context, wanted, None if target is Document else target)
    found = {name: each for name, each in fetched.items() if not _is_marked(each)}
    for start, names in reached.items():
        members = tuple(found[name] for name in names if name in found)
        neighbours.__solidb_take__(starts[start], members)
    return [found[name] for name in wanted if name in found]


def _is_marked(document: Document) -> bool:
    """Return whether a document is marked as deleted, which hides it as it does from a select."""
    return isinstance(document, SoftDelete) and document.deleted_at is not None


def _ways(
    context: Context, neighbours: Neighbours[Any], starts: list[str], levels: int
) -> Operation[Adjacency]:
    """Read the edges that can be walked from the starts, a level at a time."""
    ways: Adjacency = {}
    frontier = starts
    for _ in range(levels):
        if not frontier:
            break
        ways |= {name: [] for name in frontier}
        edges = yield from _edges_at(context, neighbours, frontier)
        fresh: dict[str, None] = {}
        at = set(frontier)
        for edge in edges:
            for start, end in _directions(edge, neighbours.__solidb_heading__):
                if start in at:
                    ways[start].append(end)
                    fresh[end] = None
        frontier = [name for name in fresh if name not in ways]
    return ways


def _edges_at(context: Context, neighbours: Neighbours[Any], names: list[str]) -> Operation[list[Any]]:
    edges: type[Edge[Any, Any]] = neighbours.__solidb_edges__
    ends = {"outbound": ("from_",), "inbound": ("to",), "any": ("from_", "to")}[neighbours.__solidb_heading__]
    conditions = [in_(getattr(edges, end), names) for end in ends]
    statement = select(edges).where(conditions[0] if len(conditions) == 1 else or_(*conditions))
    return (yield from execute(context, statement.compile(), None))


def _directions(edge: Edge[Any, Any], heading: Heading) -> list[tuple[str, str]]:
    forwards, backwards = (edge.from_id, edge.to_id), (edge.to_id, edge.from_id)
    return {"outbound": [forwards], "inbound": [backwards], "any": [forwards, backwards]}[heading]


def _reached(ways: Adjacency, start: str, low: int, high: int) -> list[str]:
    """Return what lies between the least and the most number of edges away, nearest first, each once."""
    seen = {start}
    level, found = [start], list[str]()
    for depth in range(1, high + 1):
        level = list(dict.fromkeys(end for at in level for end in ways.get(at, ()) if end not in seen))
        seen.update(level)
        if depth >= low:
            found += level
    return found
