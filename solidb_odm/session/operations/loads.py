"""Loading what many documents refer to, one query for each hop, as an operation for both sessions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, cast

from ...commands import Operation
from ...errors import LoadError, UsageError
from ...model.declaration.registry import current, registry_of
from ...model.document import Document
from ...model.links.link import Link
from ...query.load_paths import BackHop, EndHop, Hop, Hops, LinkHop, NeighbourHop, hops_of
from ...query.statement import Compiled
from ...work.plan import Documents
from ..context import Context
from . import queries as reading
from .back_references import load_referring
from .neighbours import load_neighbours


def load(context: Context, documents: Iterable[Document], paths: tuple[Any, ...]) -> Operation[None]:
    """Fetch what the documents refer to, path after path; later paths begin at what earlier ones fetched."""
    if isinstance(cast(Any, documents), Document):
        raise UsageError("load() takes several documents", hint="session.load([document], Post.author)")
    ways, given = tuple(map(hops_of, paths)), list(documents)
    if ways:
        _check_start(given, ways[0][0])
    yield from follow(context, given, ways)


def _check_start(documents: list[Document], hop: Hop) -> None:
    """Refuse a first path that can begin at none of the documents, nor at others of their collections."""
    start = hop.model.__solidb_collection__
    if not documents or any(isinstance(each, hop.model) for each in documents):
        return
    if all(type(each).__solidb_collection__ != start for each in documents):
        raise UsageError(
            f"load() was given a path from {hop.model.__name__}, and no {hop.model.__name__} to go it from",
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
    found: Documents = {id(cell): cell for cell in cells if isinstance(cell, Document)}
    return list(found.values())


def follow(context: Context, documents: Iterable[Document], paths: Iterable[Hops]) -> Operation[None]:
    """Go the paths, the shared beginnings of several once."""
    known: Documents = {id(document): document for document in documents}
    found: dict[Hops, Documents] = {}
    asked: dict[Hops, set[int]] = {}
    for hops in paths:
        at = known
        for length, hop in enumerate(hops, 1):
            way = hops[:length]
            before = asked.setdefault(way, set())
            fresh = [document for key, document in at.items() if key not in before]
            before.update(at)
            at = found.setdefault(way, {})
            at.update((id(each), each) for each in (yield from _load(context, fresh, hop)))
            known = known | at


def _load(context: Context, documents: list[Document], hop: Hop) -> Operation[list[Document]]:
    holders = [document for document in documents if isinstance(document, hop.model)]
    match hop:
        case LinkHop():
            links = [link for holder in holders for link in hop.links(holder)]
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
    found = yield from fetch(context, [link.id for link in links if not link.is_loaded], target)
    for link in links:
        document = found.get(link.id)
        if document is not None and not link.is_loaded:
            link.__solidb_set__(document)
        elif not link.is_loaded:
            link.__solidb_missed__()
    return [link.value for link in links if link.is_loaded]


def _load_ends(context: Context, edges: list[Any], hop: EndHop) -> Operation[list[Document]]:
    """Put the documents at one end of edges in the place of their texts, which is no change."""
    name = hop.name
    ends = [edge.__dict__[name] for edge in edges]
    found = yield from fetch(context, [end for end in ends if isinstance(end, str)], hop.target)
    for edge, end in zip(edges, ends, strict=True):
        if isinstance(end, str) and end in found:
            edge.__dict__[name] = found[end]
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
    found: dict[str, Document] = {}
    for collection, wanted in keys.items():
        documents = yield from reading.get_many(context, _model_of(context, collection, target), wanted)
        found |= {each.__solidb_reference__(): each for each in documents if each is not None}
    return found


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
