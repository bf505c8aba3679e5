"""The commit: all batches in one server transaction, in three round trips whatever their number.

1. Begin.
2. Stage every write, and read the committed revisions of what is patched or removed. Staging pins the
   revision it builds on, so if the read shows the expected one, nobody has moved it before.
3. Commit, which fails if anybody has moved it since; or roll back.

Staging answers with the final revisions, so nothing has to be read afterwards.

Finding out whether a commit happened whose answer was lost.

The server may still be at work on it. While it is, the documents are locked; so a staged deletion that is
rolled back at once tells whether it is over, and then the revisions tell how it ended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import field
from typing import NamedTuple, TypeAlias, cast

from ..._dataclasses import dataclass
from ..._types import Receipt
from ...commands import Batch, CommitBatches, Removals, call
from ...errors import (
    CommitOutcomeUnknown,
    ConnectionFailed,
    ConnectionLost,
    InvalidCommand,
    ProtocolError,
    RequestTimeout,
    SolidbError,
    StaleDocument,
    StaleDocumentError,
    TransactionConflict,
    UniqueViolation,
)
from ...wire.exchange import Delay, Exchange, RequestBatch, accepted, packed, pauses, send
from ...wire.faults import Subject, fault
from ...wire.frames import Answer, Refusal, answer_of, frame, unpack
from .staging import Guarded, Leg, Purpose, Read, blame, frames_of, groups_of, guarded_of, reads_of


@dataclass(frozen=True, slots=True)
class Witness:
    """A document of the commit: its revision before (None: none, or not known) and after (None: gone).

    ``staged`` is when the write was staged: while the document is older, the commit has not happened.
    """

    collection: str
    key: str
    before: str | None
    after: str | None
    staged: str = ""


class Seen(NamedTuple):
    """What a document looks like now: its revision, and when it was written."""

    revision: str
    updated: str = ""


def find_out(witnesses: Sequence[Witness], database: str) -> Exchange[bool | None]:
    """Return whether the commit happened; None if that can't be told, or not within some seconds."""
    for pause in pauses(8):
        try:
            revisions = yield from _look(witnesses, database)
        except ConnectionFailed:
            revisions = None  # the server may be starting again
        except SolidbError:
            return None
        if revisions is not None:
            return judge(witnesses, revisions)
        yield from call(Delay(pause))
    return None


def judge(witnesses: Sequence[Witness], revisions: dict[tuple[str, str], Seen]) -> bool | None:
    """Return from the revisions that there are now whether the commit happened.

    One document in the state after it, or before it, decides, as a commit is all or nothing. A
    document that was to be made or removed and isn't there decides only if no revision does.
    """
    absent: set[bool] = set()
    for witness in witnesses:
        now = revisions.get((witness.collection, witness.key))
        if now is None:
            absent.add(witness.after is None)
        elif now.revision == witness.after:
            return True
        elif now.revision == witness.before or now.updated < witness.staged:
            return False
    return absent.pop() if len(absent) == 1 else None


def _look(witnesses: Sequence[Witness], database: str) -> Exchange[dict[tuple[str, str], Seen] | None]:
    """Return the revisions by collection and key; None while the commit is still under way."""
    first = witnesses[0]
    begin = {"cmd": "begin_transaction", "database": database}
    tx_id = (yield from send(begin, same_node=True)).tx_id
    inner = {"cmd": "delete", "database": database, "collection": first.collection, "key": first.key}
    probe = {"cmd": "transaction_command", "tx_id": tx_id, "command": inner}
    reads = _reads(witnesses, database)
    chunks = [frame(packed(probe, "probe")), *(read.frame() for read in reads)]
    chunks.append(frame(packed({"cmd": "rollback_transaction", "tx_id": tx_id}, "probe")))
    answers = yield from call(RequestBatch(chunks, len(chunks), "find out", same_node=True))
    refusal = answers[0].refusal
    if refusal is not None and "Write conflict" in refusal.text:
        return None
    seen: dict[tuple[str, str], Seen] = {}
    for read, answer in zip(reads, answers[1:-1], strict=True):
        rows = accepted(answer, Subject(database, read.collection)).data
        seen |= {(read.collection, key): Seen(revision, updated) for key, revision, _, updated in rows}
    return seen


def _reads(witnesses: Sequence[Witness], database: str) -> list[Read]:
    keys: dict[str, list[str]] = {}
    for witness in witnesses:
        keys.setdefault(witness.collection, []).append(witness.key)
    return [Read(collection, names, database) for collection, names in keys.items()]


def unknown_outcome(committed: bool | None, problem: SolidbError) -> CommitOutcomeUnknown:
    """Return the error of a commit whose answer was lost, with what could be found out."""
    outcome = "whether it was written is not known" if committed is None else "nothing was written"
    return CommitOutcomeUnknown(
        f"the connection was lost during the commit: {problem.message}; {outcome}",
        committed=committed,
        address=getattr(problem, "address", ""),
        hint="load the documents again and compare" if committed is None else "commit again",
    )


Receipts: TypeAlias = list[list[Receipt]]
Written: TypeAlias = tuple[str, Receipt]
"""What a write is answered with: the document's key, and its receipt."""
Revisions: TypeAlias = dict[tuple[str, str], Receipt]
_NOTHING: Receipt = ("", "", "")


@dataclass(slots=True)
class Staged:
    """What staging came to: receipts by batch and row, revisions before it, and refusals."""

    receipts: Receipts
    before: Revisions = field(default_factory=dict[tuple[str, str], Receipt])
    refused: list[SolidbError] = field(default_factory=list[SolidbError])


def commit_batches(command: CommitBatches, database: str) -> Exchange[Receipts]:
    """Write all batches or nothing; an empty commit sends nothing."""
    groups = groups_of(command.batches, database)
    staged = Staged([[_NOTHING] * len(batch.rows) for batch in command.batches])
    if not groups:
        return staged.receipts
    guarded = guarded_of(command.batches)
    reads = reads_of(guarded, database)
    begin = {"cmd": "begin_transaction", "database": database}
    tx_id = (yield from send(begin, Subject(database), repeatable=True)).tx_id
    if not tx_id:
        raise ProtocolError("the server's answer to begin has no id of a transaction")
    chunks, legs = frames_of(groups, tx_id)
    answers = yield from _stage([*chunks, *(read.frame() for read in reads)], len(legs) + len(reads))
    try:
        _take_in(staged, legs, answers, database)
        for read, (answer,) in zip(reads, answers[len(legs) :], strict=True):
            staged.before |= _revisions(read, answer)
        _judge(staged, guarded)
    except SolidbError as problem:
        yield from _roll_back(tx_id)
        _explain(problem, command.batches)
        raise
    _fill_removals(staged, legs)
    yield from _finish(tx_id, staged, legs, guarded, database)
    return staged.receipts


def _judge(staged: Staged, guarded: Guarded) -> None:
    """Raise what stands against the commit; documents that moved before anything else."""
    if stale := _moved(guarded, staged.before):
        raise StaleDocumentError.of(stale)
    if staged.refused:
        raise staged.refused[0]


def _stage(chunks: Sequence[bytes], count: int) -> Exchange[list[list[Written | Answer]]]:
    try:
        return (yield from call(RequestBatch(chunks, count, "stage", read=_receipts)))
    except ConnectionLost as problem:
        raise ConnectionLost(
            f"{problem.message}; nothing was written: the commit had not been sent",
            address=problem.address,
            hint="commit again",
        ) from problem


def _receipts(payload: bytes) -> list[Written | Answer]:
    """Read the answer to one frame: a receipt where a document came back, else the answer itself.

    The documents are let go here, one frame at a time: a commit keeps only their receipts.
    """
    reply = unpack(payload)
    try:
        replies = reply["responses"] if reply.get("status") == "batch" else (reply,)
        return [
            (data["_key"], (data["_rev"], data["_created_at"], data["_updated_at"]))
            if type(data := part.get("data")) is dict
            else answer_of(part)
            for part in replies
        ]
    except (AttributeError, KeyError, TypeError) as problem:
        raise ProtocolError(f"the server answered a write with something else: {problem!r}") from problem


def _take_in(
    staged: Staged, legs: Sequence[Leg], answers: Sequence[Sequence[Written | Answer]], database: str
) -> None:
    """Fill in the receipts, and note what was refused."""
    for leg, parts in zip(legs, answers[: len(legs)], strict=True):
        if len(parts) != leg.stop - leg.start:
            for part in parts:  # the refusal of a whole frame
                if isinstance(part, Answer):
                    accepted(part)
            raise ProtocolError(f"the server gave {len(parts)} answers to {leg.stop - leg.start} writes")
        group = leg.group
        receipts, rows = staged.receipts[group.batch], group.rows
        for place, part in enumerate(parts, leg.start):
            if not isinstance(part, Answer):
                receipts[rows[place]] = _receipt_for(part, group.keys[place], group.role)
            elif part.refusal is None:
                _check_removal(group.keys[place], group.role)
            else:
                staged.refused.append(_refused(leg, place, part.refusal, database))


def _receipt_for(written: Written, key: str, role: Purpose) -> Receipt:
    """Return the receipt of a write; ProtocolError if the server answers about another document."""
    if written[0] != key and role is not Purpose.DELETE and role is not Purpose.CLEAR:
        raise ProtocolError(f"the server answered the write of {key!r} with the document {written[0]!r}")
    return written[1]


def _check_removal(key: str, role: Purpose) -> None:
    if role is not Purpose.DELETE and role is not Purpose.CLEAR:
        raise ProtocolError(f"the server did not say what it stored for {key!r}")


def _refused(leg: Leg, place: int, refusal: Refusal, database: str) -> SolidbError:
    group = leg.group
    return fault(refusal, Subject(database, group.collection, group.keys[place]))


def _explain(problem: SolidbError, batches: Sequence[Batch]) -> None:
    """Add what the server does not say of a refusal."""
    if isinstance(problem, InvalidCommand):  # something in a document that JSON does not have
        blame(batches)
    if isinstance(problem, UniqueViolation) and any(
        isinstance(batch, Removals) and batch.rows and batch.collection == problem.collection
        for batch in batches
    ):
        # The check does not see what the same transaction deletes.
        problem.hint = "if a document that this commit removes holds the value, commit the removal first"


def _revisions(read: Read, answer: Answer | Written) -> Revisions:
    rows = accepted(cast(Answer, answer), Subject(read.database, read.collection)).data
    return {(read.collection, key): (revision, created, updated) for key, revision, created, updated in rows}


def _moved(guarded: Guarded, current: Revisions) -> tuple[StaleDocument, ...]:
    return tuple(
        StaleDocument(collection, key, expected, now[0] if now else None)
        for collection, revisions in guarded.items()
        for key, expected in revisions.items()
        if (now := current.get((collection, key))) is None or now[0] != expected
    )


def _fill_removals(staged: Staged, legs: Sequence[Leg]) -> None:
    """Set on removals the revision and the times that the read has shown."""
    for leg in legs:
        group = leg.group
        if group.role is Purpose.DELETE:
            for place in range(leg.start, leg.stop):
                before = staged.before.get((group.collection, group.keys[place]), _NOTHING)
                staged.receipts[group.batch][group.rows[place]] = before


def _finish(
    tx_id: str, staged: Staged, legs: Sequence[Leg], guarded: Guarded, database: str
) -> Exchange[None]:
    try:
        done = yield from send({"cmd": "commit_transaction", "tx_id": tx_id}, Subject(database))
        if not done.is_plain:
            raise ProtocolError("the server answered the commit with something else")
    except TransactionConflict as conflict:
        current: Revisions = {}
        for read in reads_of(guarded, database):
            (answer,) = yield from call(RequestBatch((read.frame(),), 1, "query", repeatable=True))
            current |= _revisions(read, answer)
        if stale := _moved(guarded, current):
            raise StaleDocumentError.of(stale) from conflict
        raise
    except InvalidCommand:
        raise
    except (ConnectionLost, RequestTimeout, ProtocolError) as problem:
        committed = yield from find_out(_witnesses(staged, legs, guarded), database)
        if not committed:
            raise unknown_outcome(committed, problem) from problem


def _witnesses(staged: Staged, legs: Sequence[Leg], guarded: Guarded) -> list[Witness]:
    """Return up to a thousand documents that show, by their revisions, whether the commit happened."""
    witnesses: dict[tuple[str, str], Witness] = {}
    for leg in legs:
        group = leg.group
        for place in range(leg.start, leg.stop):
            key = group.keys[place]
            before = guarded.get(group.collection, {}).get(key)
            removed = group.role is Purpose.DELETE or group.role is Purpose.CLEAR
            after = None if removed else staged.receipts[group.batch][group.rows[place]][0]
            witnesses[group.collection, key] = Witness(group.collection, key, before, after)
        if len(witnesses) >= 1000:
            break
    return list(witnesses.values())[:1000]


def _roll_back(tx_id: str) -> Exchange[None]:
    # If this does not get through, the connection is gone and the server rolls back by itself.
    with contextlib.suppress(SolidbError):
        yield from send({"cmd": "rollback_transaction", "tx_id": tx_id})
