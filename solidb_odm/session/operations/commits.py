"""Flush, commit, rollback and savepoints, as operations: the same for the blocking and the async session."""

from __future__ import annotations

from ...commands import (
    Apply,
    Commit,
    CommitBatches,
    Operation,
    Release,
    Rollback,
    RollbackTo,
    Savepoint,
)
from ...errors import StateError, UniqueViolation
from ...work.uniqueness import moved_value
from ..context import Context
from ..statements import note_undone
from .cascades import cascade


def flush(context: Context) -> Operation[None]:
    """Check the changes and, on an engine that takes them before the commit, write them."""
    work = context.work
    if not work.has_work:
        return
    context.tell("before_flush")
    yield from cascade(context)
    plan = work.plan()
    if not context.interactive:
        work.failed(plan)  # checked; the commit sends it
    elif plan:
        try:
            receipts = yield from context.ask(Apply(plan.batches))
        except BaseException:
            work.failed(plan)
            raise
        work.applied(plan, receipts)
    context.tell("after_flush")


def commit(context: Context) -> Operation[None]:
    """Write all changes and make them lasting; all or nothing.

    After an error nothing is written and the session holds the changes as before the call.
    """
    work = context.work
    _refuse_inside(context, "commit")
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
            yield from note_undone(context)
            work.rewritten.clear()
            raise
    elif work.has_work:
        yield from _send(context)
    work.committed()
    if context.expire_on_commit:
        work.expire_all()
    context.tell("after_commit")


def _send(context: Context) -> Operation[None]:
    work = context.work
    context.tell("before_flush")
    yield from cascade(context)
    plan = work.plan()
    if plan:
        try:
            receipts = yield from context.ask(CommitBatches(plan.batches))
        except UniqueViolation as error:
            moved = moved_value(plan, error)
            work.failed(plan)
            if moved is None:
                raise
            raise moved from error
        except BaseException:
            work.failed(plan)
            raise
        work.applied(plan, receipts)
    context.tell("after_flush")


def rollback(context: Context) -> Operation[None]:
    """Undo what was not committed, on the engine and in the documents."""
    _refuse_inside(context, "rollback")
    context.tell("before_rollback")
    try:
        if context.interactive:
            yield Rollback()
    finally:
        context.work.rollback()
    yield from note_undone(context)
    context.work.rewritten.clear()
    context.tell("after_rollback")


def _refuse_inside(context: Context, move: str) -> None:
    if context.work.depth:
        raise StateError(
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
    try:
        if context.interactive:
            yield RollbackTo(_name(work.depth - 1))
    finally:
        work.return_to_mark()
    yield from note_undone(context)


def _name(depth: int) -> str:
    return f"nested_{depth}"
