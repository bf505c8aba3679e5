"""Flush, commit, rollback and savepoints, as operations: the same for the blocking and the async session.

Deleting along: before a flush, what declared cascades delete is read and marked, all at once a round.

When a unit of work is tried again, and after how long.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from typing import Any, cast

from ..._backoff import pause
from ...commands import (
    Apply,
    Commit,
    CommitBatches,
    FetchDocuments,
    GetMany,
    Operation,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
)
from ...errors import (
    DuplicateKey,
    StaleDocumentError,
    StateError,
    StoreLocked,
    TransactionConflict,
    UniqueViolation,
    UsageError,
)
from ...model import type_inspection
from ...model.declaration.cascade_options import Cascade
from ...model.declaration.registry import registry_of
from ...model.document import Document
from ...model.expressions.fields import FieldRef
from ...model.mixins import SoftDelete, now
from ...query.conditions import in_
from ...query.elements import any_
from ...query.load_paths import EndHop, reference_hop
from ...query.select import Select, select
from ...work.cascades import fields_deleted_with, let_go, orphans, was_linked
from ...work.links import referred
from ...work.plan import Documents, moved_value
from ..context import Context, note_holder
from ..hydration import load_documents
from ..overlay import note_undone


def cascade(context: Context) -> Operation[None]:
    """Mark for deletion what is deleted with what is marked, and what was let go of, until nothing is left.

    It reads one query for each field that cascades, and one for each collection that links lead to;
    nothing where no class declares a cascade.
    """
    work = context.work
    done: Documents = {}
    while True:
        fresh = [document for key, document in work.deleted.items() if key not in done]
        dropped = [document for key, document in work.dropped.items() if key not in done]
        done.update((id(document), document) for document in (*fresh, *dropped))
        further = yield from _deleted_with(context, fresh)
        further += _dropped_with(context, dropped)
        further += yield from _stored(context, let_go(work, fresh))
        further += orphans(work)
        waiting = [
            document
            for document in _each_once(further)
            if id(document) not in work.deleted and id(document) not in done
        ]
        for document in waiting:
            _delete(context, document)
            if id(document) not in work.deleted and id(document) not in work.dropped:  # marked only
                done[id(document)] = document
        if not waiting:
            work.leave_orphans()
            return


def _delete(context: Context, document: Document) -> None:
    if isinstance(document, SoftDelete) and id(document) not in context.work.new:
        document.deleted_at = document.deleted_at or now()
    else:
        context.work.delete(document)


def _deleted_with(context: Context, deleted: list[Document]) -> Operation[list[Any]]:
    """Read the documents, edges mostly, that are deleted with others; new ones are among them."""
    gone = {id(document): document.__solidb_reference__() for document in deleted}
    keys = set(gone.values())
    dependents: list[Any] = []
    for field, references in _leading_to(deleted).items():
        compiled = referring_to(field, references).compile()
        rows = yield from context.ask(FetchDocuments(compiled.query, compiled.bind_vars))
        stored = load_documents(context.work, field.__solidb_place__.source, rows)
        own = [*context.work.new.values(), *context.work.candidates()]
        leading = _leading(field, set(references), [*stored, *own])
        dependents += [document for document in leading if not _refers_anew(context, document, gone, keys)]
    return dependents


def _leading_to(documents: list[Document]) -> dict[FieldRef, list[str]]:
    """Return the fields whose documents are deleted with some others, each with the references to those."""
    wanted: dict[FieldRef, list[str]] = {}
    rules = {model: fields_deleted_with(model) for model in {type(document) for document in documents}}
    for document in documents:
        for field in rules[type(document)]:
            wanted.setdefault(field, []).append(document.__solidb_reference__())
    return wanted


def _refers_anew(context: Context, document: Document, gone: Container[int], keys: set[str]) -> bool:
    """Return whether a document was made to refer to one with the key of a deleted one, and not to that."""
    held = [link.document for link in referred(document) if link.document.__solidb_reference__() in keys]
    if not held or any(id(link) in gone for link in held):
        return False
    return id(document) in context.work.new or not was_linked(document, keys)


def _dropped_with(context: Context, dropped: list[Document]) -> list[Any]:
    """Return the documents of the session that are deleted with others, which were never stored."""
    wanted = _leading_to(dropped)
    own = [*context.work.new.values(), *context.work.candidates()] if wanted else []
    gone = {id(document): document.__solidb_reference__() for document in dropped}
    dependents: list[Any] = []
    for field, names in wanted.items():
        references = set(names)
        dependents += [
            referring
            for referring in _leading(field, references, own)
            if any(gone.get(id(link.document)) in references for link in referred(referring))
        ]
    return dependents


def _each_once(documents: list[Any]) -> list[Any]:
    return list({id(document): document for document in documents}.values())


def _leading(field: FieldRef, references: set[str], documents: Iterable[Any]) -> list[Any]:
    """Return the documents whose field leads to one of the references, as they are now in the session."""
    hop = reference_hop(field)
    members = [document for document in documents if isinstance(document, field.__solidb_place__.source)]
    if isinstance(hop, EndHop):
        return [document for document in members if hop.reference(document) in references]
    return [document for document in members if any(link.id in references for link in hop.links(document))]


def _stored(context: Context, references: set[str]) -> Operation[list[Any]]:
    """Return the documents, in the session or not, of some references; those there are."""
    keys: dict[str, list[str]] = {}
    for reference in sorted(references):
        collection, _, key = reference.partition("/")
        keys.setdefault(collection, []).append(key)
    documents: list[Any] = []
    for collection, wanted in keys.items():
        held = {key: context.work.identity.get(collection, key) for key in wanted}
        documents += [document for document in held.values() if document is not None]
        missing = [key for key, document in held.items() if document is None]
        if missing:
            rows = yield from context.ask(GetMany(collection, missing))
            documents += load_documents(
                context.work, registry_of(collection, context.work.registries).claimants(collection)[0], rows
            )
    return documents


def flush(context: Context) -> Operation[None]:
    """Check the changes and, on an engine that takes them before the commit, write them."""
    work = context.work
    if not work.has_work:
        return
    context.tell("before_flush")
    if work.deleted or work.dropped or Cascade.any_orphans:
        yield from cascade(context)
    plan = work.plan()
    if not context.interactive:
        work.failed(plan)  # checked; the commit sends it
    elif plan.batches:
        try:
            receipts = yield from context.ask(Apply(plan.batches))
        except BaseException as error:
            work.failed(plan)
            if isinstance(error, (DuplicateKey, UniqueViolation)):
                note_holder(context.work.registries, error, {batch.collection for batch in plan.batches})
            raise
        work.applied(plan, receipts)
    context.tell("after_flush")


def commit(context: Context) -> Operation[None]:
    """Write all changes and make them lasting; all or nothing.

    After an error nothing is written and the session holds the changes as before the call.
    """
    work = context.work
    if work.depth:
        raise _inside_block("commit")
    context.tell("before_commit")
    if context.interactive:
        try:
            yield from flush(context)
            work.is_committing = True
            yield Commit()
        except Exception:
            try:
                yield Rollback()
            finally:
                work.unflush()
            yield from note_undone(context, work.take_rewritten())
            raise
    elif work.has_work:
        yield from _send(context)
    work.committed()
    if context.expire_on_commit:
        work.expire_all()
    context.tell_late("after_commit")


def _send(context: Context) -> Operation[None]:
    work = context.work
    context.tell("before_flush")
    if work.deleted or work.dropped or Cascade.any_orphans:
        yield from cascade(context)
    plan = work.plan()
    if plan.batches:
        try:
            yield from context.finish(dict.fromkeys(batch.collection for batch in plan.batches))
            receipts = yield from context.ask(CommitBatches(plan.batches))
        except (DuplicateKey, UniqueViolation) as error:
            moved = moved_value(plan, error) if isinstance(error, UniqueViolation) else None
            work.failed(plan)
            if moved is None:
                note_holder(context.work.registries, error, {batch.collection for batch in plan.batches})
                raise
            raise moved from error
        except BaseException:
            work.failed(plan)
            raise
        work.applied(plan, receipts, is_lasting=True)
    context.tell_late("after_flush")


def rollback(context: Context) -> Operation[None]:
    """Undo what was not committed, on the engine and in the documents."""
    if context.work.depth:
        raise _inside_block("rollback")
    context.tell("before_rollback")
    try:
        if context.interactive:
            yield Rollback()
    finally:
        context.work.rollback()
    yield from note_undone(context, context.work.take_rewritten())
    context.tell("after_rollback")


def _inside_block(move: str) -> StateError:
    return StateError(
        f"{move}() inside begin_nested()",
        state="nested",
        move=move,
        hint="leave the block first; leave it by an exception to undo what was done in it",
    )


def begin_nested(context: Context) -> Operation[None]:
    """Set a savepoint; what was changed before it is flushed."""
    yield from flush(context)
    if context.interactive:
        yield Savepoint(_name(context.work.depth))
    context.work.set_mark()


def release(context: Context) -> Operation[None]:
    """End the innermost savepoint, keeping what was done since."""
    yield from flush(context)
    if context.interactive:
        yield Release(_name(context.work.depth - 1))
    context.work.drop_mark()


def rollback_to(context: Context) -> Operation[None]:
    """End the innermost savepoint, undoing what was done since on the engine and in the documents."""
    work = context.work
    if not work.depth:  # the transaction it was in is over
        return
    undone = work.rewritten
    try:
        if context.interactive:
            yield RollbackTo(_name(work.depth - 1))
    finally:
        work.return_to_mark()
    yield from note_undone(context, undone)


def _name(depth: int) -> str:
    return f"nested_{depth}"


RETRYABLE = (StaleDocumentError, TransactionConflict, StoreLocked)
"""Another writer was first; the same work on what is stored now may succeed."""

_FIRST = 0.02
_LONGEST = 2.0


class Backoff:
    """The pauses between tries, so that two writers that collided do not collide again."""

    def __init__(self, retries: int) -> None:
        if not isinstance(cast(object, retries), int) or retries < 0:
            raise UsageError(f"retries={retries!r} is no number", hint="session.run(work, retries=3)")
        self._retries = retries
        self._tried = 0

    def pause(self, error: Exception) -> float:
        """Return the seconds to wait before the next try; raise the error if there is none left."""
        if self._tried >= self._retries:
            raise error
        self._tried += 1
        return pause(self._tried - 1, _FIRST, _LONGEST)


def referring_to(field: FieldRef, references: Sequence[str]) -> Select[Any]:
    """Ask for the documents whose field, of links or an end of an edge, holds one of the references."""
    place = field.__solidb_place__
    if type_inspection.is_collection(place.annotation):
        return select(place.source).where(in_(any_(field), references))
    if not isinstance(reference_hop(field), EndHop) and not _is_link(place.annotation):
        raise UsageError(
            f"{field!r} can't be queried for what refers to a document: its links are in a dict",
            hint="keep the links in a list, or as single fields",
        )
    field_id: Any = field.__solidb_id__()
    return select(place.source).where(in_(field_id, references))


def _is_link(annotation: Any) -> bool:
    """Return whether a value of the type is a link itself, not a list or dict of them."""
    members = type_inspection.alternatives(annotation)
    return any(hasattr(getattr(member, "__origin__", member), "__solidb_any_target__") for member in members)
