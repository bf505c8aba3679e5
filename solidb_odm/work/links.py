"""The documents that a document refers to: at the ends of an edge, and through links anywhere in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple, cast

from ..model.document import Document
from ..model.edge import Edge
from ..model.links.placement import link_places
from ..model.type_inspection import cached_by_class


class Reference(NamedTuple):
    """A document object that another refers to, and by which field.

    ``brings`` says that it is added with the one that refers to it, ``keeps`` that it stays only as long.
    """

    document: Document
    field: str
    brings: bool
    keeps: bool = False


@cached_by_class
def refers(model: Any) -> bool:
    """Return whether documents of a class can refer to others."""
    return issubclass(model, Edge) or bool(link_places(model))


def referred(document: Document) -> Iterator[Reference]:
    """Return the documents, as far as they are objects here, that a document refers to."""
    model = cast(Any, type(document))
    if model.__solidb_kind__ == "edge":
        values = document.__dict__
        for name in ("from_", "to"):
            if isinstance(end := values.get(name), Document):
                yield Reference(end, name, brings=True)
    for place in link_places(model):
        for link in place.links(document):
            target = link.__solidb_document__()
            if target is not None:
                names, cascade = place.names, place.cascade
                name = names[0] if len(names) == 1 else str(place)
                yield Reference(target, name, cascade.saves, cascade.deletes_orphans)


def unread(document: Document) -> Iterator[str]:
    """Return what the links of a document lead to of which they hold no object, by id."""
    for place in link_places(type(document)):
        for link in place.links(document):
            if link.__solidb_document__() is None:
                yield link.id


@cached_by_class
def rank_of(model: Any) -> int:
    """Return how many links in a row lead on from a class at most: what it links to has a lower rank.

    Links in a circle have no order; where one begins does not count.
    """
    return _rank(model, frozenset((model,)))


def _rank(model: Any, above: frozenset[Any]) -> int:
    targets = {place.target for place in link_places(model)} - above
    return 1 + max(
        (_rank(target, above | {target}) for target in targets if target is not Document), default=-1
    )
