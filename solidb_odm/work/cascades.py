"""What is deleted along with documents, as far as the documents of a session tell: pure, as all of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, cast

from ..errors import LoadError
from ..model.declaration.cascade_options import Cascade, edge_cascade
from ..model.document import Document
from ..model.document_state import state_of
from ..model.edge import Edge
from ..model.expressions.fields import FieldRef, end_target
from ..model.links.back_references import BackReference
from ..model.links.placement import LinkPlace, link_fields, links_below, links_in
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
        gone |= _led_to(document, _DELETES) | _was_led_to(document, _DELETES)
    if not gone and not Cascade.any_orphans:
        return gone
    living = [
        document for document in [*work.new.values(), *work.candidates()] if id(document) not in work.deleted
    ]
    kept: set[str] = set()
    for document in living:
        gone |= _was_led_to(document, _ORPHANS) - _led_to(document, _ORPHANS)
        kept |= _led_to(document, _DELETES)
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
            if place is not None
            and isinstance(document, model)
            and _at(place, _as_stored(document))
            and not _at(place, document)
        ]
    return lost


def was_linked(document: Document, references: set[str]) -> bool:
    """Return whether a link or an end of a document led to one of the references when it was stored."""
    if isinstance(document, Edge):
        return not references.isdisjoint((document.from_id, document.to_id))
    if not link_fields(type(document)):
        return False
    return any(link.id in references for _, _, link in _links(_as_stored(document)))


def _place_of(field: FieldRef) -> LinkPlace | None:
    place = field.__solidb_place__
    wanted: Any = place.source
    return next((candidate for candidate in link_fields(wanted) if candidate.names == (place.name,)), None)


_DELETES, _ORPHANS = attrgetter("deletes"), attrgetter("deletes_orphans")
"""What a link may say in its ``Cascade``."""


def _led_to(document: Document, says: Callable[[Cascade], bool]) -> set[str]:
    """Return what the links of a document lead to whose fields say something."""
    if not any(says(place.cascade) for place in links_below(type(document))):
        return set()
    return {link.id for _, place, link in links_in(document) if says(place.cascade)}


def _was_led_to(document: Document, says: Callable[[Cascade], bool]) -> set[str]:
    """Return what such links led to when the document was stored."""
    if not any(says(place.cascade) for place in links_below(type(document))):
        return set()
    return {link.id for _, place, link in _links(_as_stored(document)) if says(place.cascade)}


def _links(document: Document | None) -> Iterator[tuple[tuple[str, ...], LinkPlace, Any]]:
    return iter(()) if document is None else links_in(document)


def _at(place: LinkPlace, document: Document | None) -> set[str]:
    return set() if document is None else {link.id for link in place.links(document)}


def _as_stored(document: Document) -> Document | None:
    """Return a document as it was stored; None if it was not, or fits its model no longer.

    What can't be read leads nowhere.
    """
    body = state_of(document).body
    if body is None:
        return None
    try:
        return cast(Document, decode(type(document).__solidb_mapping__, document.key, body))
    except LoadError:
        return None
