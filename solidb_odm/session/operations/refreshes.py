"""Bringing single documents up to date, as operations: the same for the blocking and the async session."""

from __future__ import annotations

import weakref
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar, cast

from ..._types import Stored
from ...commands import Get, GetMany, Operation
from ...errors import DocumentNotFound, MergeConflictError, StaleDocument, StaleDocumentError
from ...model.document import Document
from ...model.document_state import note_assigned, state_of
from ...model.expiry import expiries, has_expired
from ...model.mixins import SoftDelete, Timestamped
from ...model.stored.codec import body_value, decode
from ...model.stored.field_values import stored_name
from ...model.stored.pydantic_attributes import FIELDS_SET
from ...work import AttributeConflict, Prefer, UnitOfWork, merge
from ...work.differences import diff, document_difference
from ...work.states import checked, refusal
from ...work.undo import restore, take_over, take_values
from ..context import Context
from ..hydration import load_documents, take_stored
from .queries import get

D = TypeVar("D", bound=Document)


def refresh(context: Context, documents: Sequence[Document]) -> Operation[None]:
    """Set documents to the values the engine holds, dropping changes that were not flushed."""
    for document, row in (yield from _stored_now(context, documents, "refresh")):
        take_stored(context.work, document, row)


def _stored_now(
    context: Context, documents: Sequence[Document], move: str
) -> Operation[list[tuple[Document, Stored]]]:
    """Read the stored forms of documents of the session, in one round trip a collection."""
    _check_stored(context.work, documents, move)
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(type(document).__solidb_mapping__.collection, []).append(document)
    pairs: list[tuple[Document, Stored]] = []
    for collection, members in groups.items():
        rows = yield from context.ask(GetMany(collection, [member.key for member in members]))
        by_key = {row[0]: row for row in rows}
        for member in members:
            row = by_key.get(member.key)
            if row is not None and has_expired(type(member), body_value(row[4])):
                del by_key[member.key]
        gone = [member.key for member in members if member.key not in by_key]
        if gone:
            raise DocumentNotFound(
                f"{collection}/{gone[0]} was deleted by another writer, or has expired",
                name=gone[0],
                collection=collection,
                hint="session.expunge(document) removes it from the session",
            )
        pairs += [(member, by_key[member.key]) for member in members]
    return pairs


def _check_stored(work: UnitOfWork, documents: Iterable[Document], move: str) -> None:
    for document in documents:
        state = checked(document, move)
        if state is None or state.owner is not work:
            raise refusal(document, work, move, "session.get() it, or session.add() it first")
        if not state.is_stored:
            raise refusal(document, work, move, "commit first")


def expire(work: UnitOfWork, documents: Sequence[Document]) -> None:
    """Drop the changes of documents, and read them again when they are next asked for."""
    _check_stored(work, documents, "expire")
    for document in documents:
        state = state_of(document)
        assert state.body is not None
        if state.assigned or work.is_modified(document):  # what is set may differ in its type alone
            restore(document, type(document).__solidb_mapping__, state.body)
        work.forget_exposure(document, state)
        work.settle(document)
        work.expired[id(document)] = weakref.ref(document)


def merge_in(context: Context, document: D) -> Operation[D]:
    """Return the session's object for a document from elsewhere, with that document's values."""
    work = context.work
    state = checked(document, "merge")
    if state is not None and state.owner is work:
        return document
    model = type(document)
    held = yield from get(context, model, document.key)
    if held is None:
        copied = document.model_copy(deep=True)
        over = (yield from _held_though_over(context, document)) if expiries(model) else None
        if over is None:
            work.add(copied)
            return copied
        object.__setattr__(copied, FIELDS_SET, set(model.model_fields))  # it is stored anew, as a whole
        take_over(over, copied)
        return over
    revision = state_of(held).revision
    if state is not None and state.is_stored and state.revision != revision:
        collection = model.__solidb_mapping__.collection
        raise StaleDocumentError.of((StaleDocument(collection, document.key, state.revision, revision),))
    take_over(held, document.model_copy(deep=True))
    if isinstance(document, SoftDelete) and document.deleted_at is None:
        cast(Any, held).deleted_at = None  # one marked as deleted is there again
    return held


def _held_though_over(context: Context, document: D) -> Operation[D | None]:
    """Return the session's object for a key that is stored and has expired; let go of one that is deleted."""
    work, model = context.work, type(document)
    collection = model.__solidb_mapping__.collection
    row = yield from context.ask(Get(collection, document.key))
    if row is not None:
        over = load_documents(work, model, [row])[0]
        return over if isinstance(over, model) and id(over) not in work.deleted else None
    known = work.identity.get(collection, document.key)
    if known is not None and state_of(known).is_stored and id(known) not in work.deleted:
        work.expunge(known)
    return None


def rebase(
    context: Context, documents: Sequence[Document], prefer: Prefer | None
) -> Operation[dict[str, list[AttributeConflict]]]:
    """Make the changes of documents again on what is stored now; see ``Session.rebase``."""
    pairs = yield from _stored_now(context, documents, "rebase")
    merged = [_merged(document, row, prefer) for document, row in pairs]
    conflicts = {
        document.__solidb_reference__(): here
        for (document, _), (_, here) in zip(pairs, merged, strict=True)
        if here
    }
    if conflicts and prefer is None:
        name, first = next(iter(conflicts.items()))
        raise MergeConflictError(
            f"{name}: both sides changed {', '.join(conflict.path for conflict in first)}",
            conflicts=conflicts,
            hint='choose with prefer="ours", prefer="theirs", or a function from an AttributeConflict',
        )
    fresh = [
        decode(type(document).__solidb_mapping__, document.key, value)
        for (document, _), (value, _) in zip(pairs, merged, strict=True)
    ]
    for (document, row), values, (value, _) in zip(pairs, fresh, merged, strict=True):
        take_stored(context.work, document, row)
        take_values(document, type(document).__solidb_mapping__, values)
        changed = diff(body_value(row[4]), value)
        mapping = type(document).__solidb_mapping__
        note_assigned(document, map(mapping.python_name, [*changed.changes, *changed.removed]))
        context.work.touched(document)
    return conflicts


def _merged(
    document: Document, row: Stored, prefer: Prefer | None
) -> tuple[dict[str, object], list[AttributeConflict]]:
    state = state_of(document)
    assert state.body is not None
    mapping, theirs = type(document).__solidb_mapping__, body_value(row[4])
    _, whole = document_difference(mapping, document, state)
    ours = {name: value for name, value in body_value(whole).items() if name not in mapping.computed}
    made = set(mapping.computed)  # made again by the flush, as the time of the change is
    if isinstance(document, Timestamped):
        made.add(stored_name(type(document), "updated_at"))
    if isinstance(document, SoftDelete):
        mark = stored_name(type(document), "deleted_at")
        if ours.get(mark) is not None and theirs.get(mark) is not None:  # both deleted it
            made.add(mark)
    ours.update({name: theirs[name] for name in made if name in theirs})
    return merge(body_value(state.body), ours, theirs, prefer)


def held_of(work: UnitOfWork, stale: Iterable[StaleDocument]) -> list[Document]:
    """Return the session's objects for the documents that an error names."""
    members = [work.identity.get(entry.collection, entry.key) for entry in stale]
    return [document for document in members if document is not None]
