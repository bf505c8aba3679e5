"""What a session does, as operations: the same for both colours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from ..commands import (
    Apply,
    Command,
    Commit,
    CommitBatches,
    FetchDocuments,
    Get,
    GetMany,
    Operation,
    Rollback,
    RunQuery,
    call,
)
from ..errors import DocumentNotFound, StateError, UnflushedChangesError
from ..model.document import Document
from ..model.state import state_or_none
from ..query.statement import Compiled
from ..sdbql.walk import collections_read, collections_written
from ..work import UnitOfWork
from .asking import ask
from .folding import can_fold, fold
from .loading import load_documents, load_rows, take_stored

D = TypeVar("D", bound=Document)
R = TypeVar("R")


class Context:
    """What the operations of one session share.

    ``interactive`` says that the engine takes writes before the commit, and shows them to queries.
    """

    def __init__(
        self, work: UnitOfWork, *, interactive: bool, autoflush: bool, auto_create: bool = True
    ) -> None:
        self.work = work
        self.interactive = interactive
        self.autoflush = autoflush
        self.auto_create = auto_create

    def ask(self, command: Command[R]) -> Operation[R]:
        """Ask for one command; collections that models declare are made when they are missing."""
        return ask(command, create=self.auto_create)


def get(context: Context, model: type[D], key: str) -> Operation[D | None]:
    """Give the document with this key."""
    work = context.work
    collection = model.__solidb_mapping__.collection
    held = work.identity.get(collection, key)
    if held is not None:
        if id(held) in work.deleted:
            return None
        return held if isinstance(held, model) else None
    row = yield from context.ask(Get(collection, key))
    if row is None or _is_deleted(work, collection, key):
        return None
    found = load_documents(work, model, [row])[0]
    return found if isinstance(found, model) else None


def get_many(context: Context, model: type[D], keys: Iterable[str]) -> Operation[list[D | None]]:
    """Give the documents with these keys, in their order, None for those there are not."""
    work = context.work
    collection = model.__solidb_mapping__.collection
    wanted = list(keys)
    missing = [key for key in dict.fromkeys(wanted) if work.identity.get(collection, key) is None]
    kept: list[D | None] = []
    if missing:
        rows = yield from context.ask(GetMany(collection, missing))
        kept = load_documents(work, model, rows)
    by_key = {document.key: document for document in kept if document is not None}
    found: list[D | None] = []
    for key in wanted:
        document = by_key.get(key) or work.identity.get(collection, key)
        found.append(None if document is None or id(document) in work.deleted else document)
    return found


def _is_deleted(work: UnitOfWork, collection: str, key: str) -> bool:
    return any(d.key == key and d.__solidb_collection__ == collection for d in work.deleted.values())


def execute(context: Context, compiled: Compiled, read: str | None) -> Operation[list[Any]]:
    """Run a statement and make its rows Python values."""
    work = context.work
    unsent: frozenset[str] = frozenset()
    if work.has_work and read != "committed":
        if context.interactive:
            if context.autoflush:
                yield from flush(context)
        else:
            touched = collections_read(compiled.query) | collections_written(compiled.query)
            unsent = touched & work.collections_with_work()
    if unsent:
        return (yield from _folded(context, compiled, unsent))
    if compiled.single and len(compiled.columns) == 1 and _is_entity(compiled):
        rows = yield from context.ask(FetchDocuments(compiled.query, compiled.bind_vars))
        return list(load_documents(work, compiled.columns[0].model, rows))  # type: ignore[union-attr]
    raw = yield from context.ask(RunQuery(compiled.query, compiled.bind_vars, compiled.source))
    return load_rows(work, compiled.columns, compiled.single, raw)


def _is_entity(compiled: Compiled) -> bool:
    model = getattr(compiled.columns[0], "model", None)
    return model is not None and model is not Document


def _folded(context: Context, compiled: Compiled, unsent: frozenset[str]) -> Operation[list[Any]]:
    """Run a statement on what is committed, with the session's own changes folded in."""
    if not can_fold(compiled, unsent):
        raise UnflushedChangesError(
            f"the query reads {', '.join(sorted(unsent))}, where this session has changes the server does not see yet",
            collections=tuple(sorted(unsent)),
            hint='commit() first, or pass read="committed" to leave the changes out',
        )
    rows = yield from fold(context.work, compiled)
    return load_rows(context.work, compiled.columns, compiled.single, rows)


def flush(context: Context) -> Operation[None]:
    """Check the changes and, on an engine that takes them before the commit, write them."""
    if not context.work.has_work:
        return
    plan = context.work.plan()
    if plan and context.interactive:
        receipts = yield from context.ask(Apply(plan.batches))
        context.work.applied(plan, receipts)


def commit(context: Context) -> Operation[None]:
    """Write all changes and make them lasting; all or nothing.

    After an error nothing is written and the session holds the changes as before the call.
    """
    work = context.work
    if context.interactive:
        try:
            yield from flush(context)
            yield from call(Commit())
        except Exception:
            yield from call(Rollback())
            work.unflush()
            raise
    elif work.has_work:
        plan = work.plan()
        if plan:
            receipts = yield from context.ask(CommitBatches(plan.batches))
            work.applied(plan, receipts)
    work.settle()
    work.committed()


def rollback(context: Context) -> Operation[None]:
    """Undo what was not committed, on the engine and in the documents."""
    try:
        yield from call(Rollback())
    finally:
        context.work.rollback()


def refresh(context: Context, documents: Sequence[Document]) -> Operation[None]:
    """Give documents the values the engine holds, dropping changes that were not flushed."""
    work = context.work
    for document in documents:
        state = state_or_none(document)
        if state is None or state.owner is not work or not state.is_stored:
            raise StateError(
                f"{type(document).__name__} {document.key!r} is not a stored document of this session",
                state="transient" if state is None or not state.is_stored else "detached",
                move="refresh",
                hint="add it and commit first",
            )
    groups: dict[str, list[Document]] = {}
    for document in documents:
        groups.setdefault(type(document).__solidb_mapping__.collection, []).append(document)
    for collection, members in groups.items():
        rows = yield from context.ask(GetMany(collection, [member.key for member in members]))
        by_key = {row[0]: row for row in rows}
        gone = [member.key for member in members if member.key not in by_key]
        if gone:
            raise DocumentNotFound(
                f"{collection}/{gone[0]} was deleted by somebody else",
                name=gone[0],
                collection=collection,
                hint="session.expunge(obj) lets go of it",
            )
        for member in members:
            take_stored(member, by_key[member.key])
            work.changed.pop(id(member), None)
