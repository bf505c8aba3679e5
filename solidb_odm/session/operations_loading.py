"""Loading what many documents refer to, one query for each path, as an operation for both colours."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from ..commands import Operation
from ..errors import LoadError, UsageError
from ..model.document import Document
from ..model.edge import Edge
from ..model.fields import FieldRef, stored_name
from ..model.link import Link, target_of
from ..model.registry import registry
from ..model.shapes import embedded
from ..work.links import links_in
from .context import Context
from .operations_reading import get_many


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a document of a class to the links in a field of it, by Python names.

    ``target`` is the class the field names; None if it takes any document.
    """

    model: type[Document]
    names: tuple[str, ...]
    target: type[Document] | None

    def links(self, document: Document) -> Iterator[Link[Any]]:
        """Give the links at the end of the way."""
        holders: list[Any] = [document]
        for name in self.names[:-1]:
            holders = [inner for each in holders if (inner := each.__dict__.get(name)) is not None]
        for holder in holders:
            value = holder.__dict__.get(self.names[-1])
            if isinstance(value, str):  # assigned as text
                text: Link[Any] = Link(value)
                value = holder.__dict__[self.names[-1]] = text
            for link in links_in(value):
                if isinstance(link, Link):
                    yield link


def load(context: Context, documents: Iterable[Document], paths: tuple[Any, ...]) -> Operation[None]:
    """Fetch what the documents refer to, path after path; later paths begin at what earlier ones fetched."""
    known = list(documents)
    for path in map(_path, paths):
        holders = [document for document in known if isinstance(document, path.model)]
        if issubclass(path.model, Edge) and path.names[0] in ("from_", "to"):
            known += yield from _load_ends(context, holders, path)
        else:
            links = [link for holder in holders for link in path.links(holder)]
            known += yield from _load_links(context, links, path)


def _load_links(context: Context, links: list[Link[Any]], path: Path) -> Operation[list[Document]]:
    found = yield from _fetch(context, [link.id for link in links if not link.is_loaded], path)
    for link in links:
        document = found.get(link.id)
        if document is not None and not link.is_loaded:
            link.__solidb_set__(document)
    return [link.value for link in links if link.is_loaded]


def _load_ends(context: Context, edges: list[Any], path: Path) -> Operation[list[Document]]:
    """Put the documents at one end of edges in the place of their texts, which is no change."""
    name = path.names[0]
    ends = [edge.__dict__[name] for edge in edges]
    found = yield from _fetch(context, [end for end in ends if isinstance(end, str)], path)
    for edge, end in zip(edges, ends, strict=True):
        if isinstance(end, str) and end in found:
            edge.__dict__[name] = found[end]
    values = [edge.__dict__[name] for edge in edges]
    return [value for value in values if isinstance(value, Document)]


def _fetch(context: Context, references: Iterable[str], path: Path) -> Operation[dict[str, Document]]:
    """Read documents by ``collection/key``, in one query for each collection."""
    keys: dict[str, dict[str, None]] = {}
    for reference in references:
        collection, _, key = reference.partition("/")
        keys.setdefault(collection, {})[key] = None
    found: dict[str, Document] = {}
    for collection, wanted in keys.items():
        documents = yield from get_many(context, _model_of(collection, path.target), wanted)
        found |= {each.__solidb_reference__(): each for each in documents if each is not None}
    return found


def _model_of(collection: str, target: type[Document] | None) -> type[Document]:
    if target is not None and target.__solidb_collection__ == collection:
        return target
    claimants = registry.claimants(collection)
    if not claimants:
        raise LoadError(
            f"no Document class declares the collection {collection!r}",
            collection=collection,
            hint="import the module that declares it",
        )
    return claimants[0]


def _path(given: Any) -> Path:
    """Read ``Post.author`` or ``Post.meta.author``; UsageError if it is no field."""
    if not isinstance(given, FieldRef):
        raise UsageError(f"load() takes fields that hold links, such as Post.author, not {given!r}")
    place = given.__place__
    names: list[str] = []
    owner: Any = place.source
    for step in place.path:
        name = next((each for each in owner.__pydantic_fields__ if stored_name(owner, each) == step), None)
        if name is None:
            raise UsageError(f"load() can't follow {given!r} through {step!r}")
        names.append(name)
        owner = _embedded(owner.__pydantic_fields__[name].annotation) or owner
    return Path(place.source, tuple(names), _target(place.annotation))


def _target(annotation: Any) -> type[Document] | None:
    """Give the class of the documents that a field refers to, by links or as the end of an edge."""
    ends = [each for each in embedded(annotation) if issubclass(each, Document)]
    found = target_of(annotation) or next(iter(ends), None)
    return None if found is Document else found


def _embedded(annotation: Any) -> Any:
    models = [each for each in embedded(annotation) if not issubclass(each, Document)]
    return models[0] if models else None
