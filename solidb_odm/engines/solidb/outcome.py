"""Finding out whether a commit happened whose answer was lost.

The server may still be at work on it. While it is, the documents are locked; so a staged deletion that is
rolled back at once tells whether it is over, and then the revisions tell how it ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from ...commands import call
from ...errors import CommitOutcomeUnknown, ConnectionFailed, SolidbError
from ...wire.faults import Subject
from ...wire.frames import frame
from ...wire.requests import Delay, Exchange, RequestBatch, accepted, packed, pauses, send
from .staging import Read


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
        f"the connection broke during the commit: {problem.message}; {outcome}",
        committed=committed,
        address=getattr(problem, "address", ""),
        hint="load the documents again and compare" if committed is None else "commit again",
    )
