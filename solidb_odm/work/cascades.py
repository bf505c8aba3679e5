"""What is deleted along with documents, as far as the documents of a session tell: pure, as all of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from ..errors import LoadError
from ..model.declaration.cascade_options import Cascade, edge_cascade
from ..model.document import Document
from ..model.document_state import state_of
from ..model.edge import Edge
from ..model.expressions.fields import FieldRef, end_target
from ..model.links.back_references import BackReference
from ..model.links.placement import LinkPlace, link_places
from ..model.stored.codec import decode

if TYPE_CHECKING:
    from .members import Holdings


def fields_deleted_with(model: type[Document]) -> list[FieldRef]:
    """Return the fields whose documents are deleted with the document of a class that they lead to."""
    fields: list[FieldRef] = []
    for base in model.__mro__:
        references: list[Any] = [
            reference for reference in vars(base).values() if isinstance(reference, BackReference)
        ]
        fields += [reference.__solidb_field__ for reference in references if reference.cascade.deletes]
    classes: list[Any] = model.__solidb_registry__.complete_models()
    for edges in classes:
        if issubclass(edges, Edge) and edge_cascade(edges).deletes:
            ends: list[FieldRef] = [getattr(cast(Any, edges), name) for name in ("from_", "to")]
            fields += [end for end in ends if issubclass(model, end_target(end.__solidb_place__) or Document)]
    return fields


def let_go(work: Holdings, deleted: Iterable[Document]) -> set[str]:
    """Return the documents that cascading links of deleted documents lead to, and those that such links of
    changed ones no longer lead to, unless another unsent document has taken them.
    """
    gone: set[str] = set()
    for document in deleted:
        for place in _cascading(document, orphans=False):
            gone |= _now(place, document) | _stored(place, document)
    if not gone and not Cascade.any_orphans:
        return gone
    living = [
        document for document in [*work.new.values(), *work.candidates()] if id(document) not in work.deleted
    ]
    kept: set[str] = set()
    for document in living:
        for place in _cascading(document, orphans=True):
            gone |= _stored(place, document) - _now(place, document)
        for place in _cascading(document, orphans=False):
            kept |= _now(place, document)
    return gone - kept


def orphans(work: Holdings) -> list[Document]:
    """Return the changed documents whose link to an owner that deletes its orphans was set to None."""
    if not Cascade.any_orphans:
        return []
    lost: list[Document] = []
    for reference in BackReference.of_orphans():
        place, model = _place_of(reference.__solidb_field__), reference.__solidb_target__
        lost += [
            document
            for document in work.candidates()
            if isinstance(document, model) and _stored(place, document) and not _now(place, document)
        ]
    return lost


def was_linked(document: Document, references: set[str]) -> bool:
    """Return whether a link or an end of a document led to one of the references when it was stored."""
    if isinstance(document, Edge):
        return not references.isdisjoint((document.from_id, document.to_id))
    return any(_stored(place, document) & references for place in link_places(type(document)))


def _place_of(field: FieldRef) -> LinkPlace | None:
    place = field.__solidb_place__
    wanted: Any = place.source
    return next((candidate for candidate in link_places(wanted) if candidate.names == (place.name,)), None)


def _cascading(document: Document, *, orphans: bool) -> Iterator[LinkPlace]:
    for place in link_places(type(document)):
        if place.cascade.deletes_orphans if orphans else place.cascade.deletes:
            yield place


def _now(place: LinkPlace | None, document: Document) -> set[str]:
    return set() if place is None else {link.id for link in place.links(document)}


def _stored(place: LinkPlace | None, document: Document) -> set[str]:
    """Return what the links at a place led to when the document was stored."""
    body = state_of(document).body
    if body is None:
        return set()
    try:
        return _now(place, decode(type(document).__solidb_mapping__, document.key, body))
    except LoadError:  # it fits its model no longer, and what cannot be read leads nowhere
        return set()
