"""The documents that a document refers to: at the ends of an edge, and through links anywhere in it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from pydantic import BaseModel

from ..model import shapes
from ..model.document import Document
from ..model.edge import Edge
from ..model.link import Link


def refers(model: Any) -> bool:
    """Say whether documents of a class can refer to others."""
    return issubclass(model, Edge) or bool(_link_fields(model))


def referred(document: Document) -> list[Document]:
    """Give the documents, as far as they are objects here, that a document refers to."""
    values = document.__dict__
    names = _link_fields(cast(Any, type(document)))
    found: list[Document] = []
    if issubclass(type(document), Edge):
        found += [end for end in (values.get("from_"), values.get("to")) if isinstance(end, Document)]
    for name in names:
        for link in links_in(values.get(name)):
            target = link.__solidb_document__() if isinstance(link, Link) else link
            if target is not None:
                found.append(target)
    return found


def links_in(value: Any) -> Iterator[Link[Any] | Document]:
    """Give the links, and documents standing for links, in a value, at any depth."""
    if isinstance(value, (Link, Document)):
        yield value
    elif isinstance(value, BaseModel):
        for inner in value.__dict__.values():
            yield from links_in(inner)
    elif isinstance(value, dict):
        for inner in cast(Any, value).values():
            yield from links_in(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in cast(Any, value):
            yield from links_in(inner)


@lru_cache(maxsize=4096)
def _link_fields(model: Any) -> tuple[str, ...]:
    fields = model.__pydantic_fields__
    return tuple(name for name, info in fields.items() if _holds_links(info.annotation, frozenset()))


def _holds_links(annotation: Any, above: frozenset[Any]) -> bool:
    if shapes.link_target(annotation) is not None:
        return True
    return any(
        _holds_links(info.annotation, above | {model})
        for model in _models_in(annotation)
        if model not in above
        for info in model.__pydantic_fields__.values()
    )


def _models_in(annotation: Any) -> Iterator[type[Any]]:
    yield from shapes.embedded(annotation)
    for member in shapes.alternatives(annotation):
        for argument in getattr(member, "__args__", ()):
            if argument is not Ellipsis and not isinstance(argument, (str, int, bytes)):
                yield from _models_in(argument)
