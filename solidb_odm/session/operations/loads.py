"""Loading what many documents refer to, one query for each hop, as an operation for both sessions.

Loading back-references: the documents whose links, or ends, lead to given ones.

Loading the neighbours of many documents: edges level by level, then the documents they lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, cast

from ...commands import Operation
from ...errors import LoadError, UsageError, listed
from ...model.declaration.registry import current, registry_of
from ...model.document import Document
from ...model.edge import Edge
from ...model.expressions.fields import FieldRef
from ...model.links.back_references import BackReference, Heading, Neighbours
from ...model.links.link import Link
from ...model.mixins import SoftDelete
from ...query.compiled import Compiled
from ...query.conditions import in_, or_
from ...query.load_paths import BackHop, EndHop, Hop, Hops, LinkHop, NeighbourHop, hops_of, reference_hop
from ...query.select import select
from ...work.plan import Documents
from ..context import Context
from . import queries as reading
from .commits import referring_to


def load_referring(
    context: Context, documents: list[Document], reference: BackReference[Any]
) -> Operation[list[Document]]:
    """Load for each of the documents those that refer to it, all in one query."""
    wanted = {document.__solidb_reference__(): document for document in documents}
    field = reference.__solidb_field__
    referring: list[Any] = []
    if wanted:
        referring = yield from reading.execute(context, referring_to(field, list(wanted)).compile(), None)
    lists: dict[str, list[Document]] = {name: [] for name in wanted}
    for member in referring:
        for name in dict.fromkeys(_references(member, field, wanted)):
            lists[name].append(member)
    for name, members in lists.items():
        reference.__solidb_take__(wanted[name], tuple(members))
    return referring


def _references(document: Any, field: FieldRef, wanted: Mapping[str, Document]) -> Iterator[str]:
    """Return which of the references a document holds; its links to them are loaded by that."""
    hop = reference_hop(field)
    if isinstance(hop, EndHop):
        name = hop.reference(document)
        if name in wanted:
            document.__dict__[hop.name] = wanted[name]
            yield name
        return
    for link in hop.links(document):
        if link.id in wanted:
            if not link.is_loaded:
                link.__solidb_set__(wanted[link.id])
            yield link.id


def load(context: Context, documents: Iterable[Document], paths: tuple[Any, ...]) -> Operation[None]:
    """Fetch what the documents refer to, path after path; later paths begin at what earlier ones fetched."""
    if isinstance(cast(Any, documents), Document):
        raise UsageError("load() takes several documents", hint="session.load([document], Post.author)")
    hint = "session.load([document], Post.author)"
    ways, given = tuple(map(hops_of, paths)), listed(documents, "load()", hint)
    if not all(isinstance(document, Document) for document in given):
        raise UsageError("load() takes documents of the session", hint=hint)
    if ways:
        _check_start(given, ways[0][0])
    yield from follow(context, given, ways)


def _check_start(documents: list[Document], hop: Hop) -> None:
    """Refuse a first path that can begin at none of the documents, nor at others of their collections."""
    start = hop.model.__solidb_collection__
    if not documents or any(isinstance(document, hop.model) for document in documents):
        return
    if all(type(document).__solidb_collection__ != start for document in documents):
        raise UsageError(
            f"load() was given a path from {hop.model.__name__}, but no {hop.model.__name__} to start from",
            hint=f"the documents are {type(documents[0]).__name__}; name a link of theirs",
        )


def execute(context: Context, compiled: Compiled, read: str | None) -> Operation[list[Any]]:
    """Run a statement, make its rows Python values, and load what it says should come with them."""
    rows = reading.execute(context, compiled, read)
    return _with_loads(context, rows, compiled.loads) if compiled.loads else rows


def _with_loads(
    context: Context, operation: Operation[list[Any]], loads: tuple[Hops, ...]
) -> Operation[list[Any]]:
    rows = yield from operation
    yield from follow(context, documents_in(rows), loads)
    return rows


def documents_in(rows: Sequence[Any]) -> list[Document]:
    """Return the whole documents in rows, each once."""
    cells = (cell for row in rows for cell in (cast(Any, row) if isinstance(row, tuple) else (row,)))
    documents: Documents = {id(cell): cell for cell in cells if isinstance(cell, Document)}
    return list(documents.values())


def follow(context: Context, documents: Iterable[Document], paths: Iterable[Hops]) -> Operation[None]:
    """Go the paths, the shared beginnings of several once."""
    known: Documents = {id(document): document for document in documents}
    by_way: dict[Hops, Documents] = {}
    asked: dict[Hops, set[int]] = {}
    for hops in paths:
        at = known
        for length, hop in enumerate(hops, 1):
            way = hops[:length]
            before = asked.setdefault(way, set())
            fresh = [document for key, document in at.items() if key not in before]
            before.update(at)
            at = by_way.setdefault(way, {})
            at.update((id(document), document) for document in (yield from _load(context, fresh, hop)))
            known = known | at


def _load(context: Context, documents: list[Document], hop: Hop) -> Operation[list[Document]]:
    holders = [document for document in documents if isinstance(document, hop.model)]
    match hop:
        case LinkHop():
            place = hop.place
            links = [link for holder in holders for link in place.links(holder)]
            return (yield from _load_links(context, links, hop.target))
        case EndHop():
            return (yield from _load_ends(context, holders, hop))
        case BackHop():
            return (yield from load_referring(context, holders, hop.reference))
        case NeighbourHop():
            return (yield from load_neighbours(context, holders, hop.neighbours, fetch))


def _load_links(
    context: Context, links: list[Link[Any]], target: type[Document] | None
) -> Operation[list[Document]]:
    waiting = [(link, link.id) for link in links if not link.is_loaded]
    targets = yield from fetch(context, [reference for _, reference in waiting], target)
    for link, reference in waiting:
        document = targets.get(reference)
        if document is None:
            link.__solidb_missed__()
        else:
            link.__solidb_set__(document)
    return [link.value for link in links if link.is_loaded]


def _load_ends(context: Context, edges: list[Any], hop: EndHop) -> Operation[list[Document]]:
    """Put the documents at one end of edges in the place of their texts, which is no change."""
    name = hop.name
    ends = [edge.__dict__[name] for edge in edges]
    targets = yield from fetch(context, [end for end in ends if isinstance(end, str)], hop.target)
    for edge, end in zip(edges, ends, strict=True):
        if isinstance(end, str) and end in targets:
            edge.__dict__[name] = targets[end]
    values = [edge.__dict__[name] for edge in edges]
    return [value for value in values if isinstance(value, Document)]


def fetch(
    context: Context, references: Iterable[str], target: type[Document] | None
) -> Operation[dict[str, Document]]:
    """Read documents by ``collection/key``, in one query for each collection."""
    keys: dict[str, dict[str, None]] = {}
    for reference in references:
        collection, _, key = reference.partition("/")
        keys.setdefault(collection, {})[key] = None
    targets: dict[str, Document] = {}
    for collection, wanted in keys.items():
        documents = yield from reading.get_many(context, _model_of(context, collection, target), wanted)
        pairs = zip(wanted, documents, strict=True)
        targets |= {f"{collection}/{key}": document for key, document in pairs if document is not None}
    return targets


def _model_of(context: Context, collection: str, target: type[Document] | None) -> type[Document]:
    if target is not None and target.__solidb_collection__ == collection:
        return cast("type[Document]", current(target))
    claimants = registry_of(collection, context.work.registries).claimants(collection)
    if not claimants:
        raise LoadError(
            f"no Document class declares the collection {collection!r}",
            collection=collection,
            hint="import the module that declares it",
        )
    return claimants[0]


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
    unmarked = {name: document for name, document in fetched.items() if not _is_marked(document)}
    for start, names in reached.items():
        members = tuple(unmarked[name] for name in names if name in unmarked)
        neighbours.__solidb_take__(starts[start], members)
    return [unmarked[name] for name in wanted if name in unmarked]


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
    return (yield from reading.execute(context, statement.compile(), None))


def _directions(edge: Edge[Any, Any], heading: Heading) -> list[tuple[str, str]]:
    forwards, backwards = (edge.from_id, edge.to_id), (edge.to_id, edge.from_id)
    return {"outbound": [forwards], "inbound": [backwards], "any": [forwards, backwards]}[heading]


def _reached(ways: Adjacency, start: str, low: int, high: int) -> list[str]:
    """Return what lies between the least and the most number of edges away, nearest first, each once."""
    seen = {start}
    level, keys = [start], list[str]()
    for depth in range(1, high + 1):
        if not level:
            break
        level = list(dict.fromkeys(end for at in level for end in ways.get(at, ()) if end not in seen))
        seen.update(level)
        if depth >= low:
            keys += level
    return keys
