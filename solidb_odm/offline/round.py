"""One sync, as an operation over the store and the other side: pull, push, until nothing is left to do.

Commands of the store and requests to the other side are yielded alike; a router tells them apart. What is
remembered moves forward only after the transaction that writes what it covers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Final

from .._dataclasses import dataclass
from .._types import JsonObject
from ..commands import Operation, call
from ..commands.replica import Adopted, ReadReplicas, Rebased, RemoteVersion, Settle
from ..errors import SolidbError
from .contents import versions
from .filters import Source
from .reconciliation import Judge, Verdict, reconcile
from .remote import Fetch
from .sync_results import Conflict

KEYS_AT_ONCE: Final = 500


@dataclass(slots=True)
class Round:
    """What a sync knows, and what has come of it so far.

    ``gone`` are keys, by collection, that the server was expected to have, ``older`` those it has an older
    document under than it had. ``again``: there is something left to do.
    """

    sources: Mapping[str, Source]
    settings: JsonObject
    judge: Judge
    progress: Callable[[str, int, int], None]
    pushed: int = 0
    pulled: int = 0
    rejections: list[tuple[str, str, str]] = field(default_factory=list[tuple[str, str, str]])
    conflicts: list[Conflict] = field(default_factory=list[Conflict])
    stopped: dict[str, str] = field(default_factory=dict[str, str])
    gone: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    older: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    known: dict[str, int] = field(default_factory=dict[str, int])
    again: bool = False

    def stop(self, collection: str, problem: SolidbError) -> None:
        """Leave a collection alone for the rest of this sync."""
        self.stopped[collection] = f"{collection}: {problem.message}"

    def active(self) -> list[Source]:
        """Return the sources that are synced on."""
        return [source for name, source in self.sources.items() if name not in self.stopped]

    def note(self, verdict: Verdict) -> None:
        """Count what was written."""
        outcome = verdict.outcome
        if verdict.conflict is not None:
            self.conflicts.append(verdict.conflict)
        if isinstance(outcome, Rebased):
            self.again = True
            self.pulled += not outcome.keep
        elif isinstance(outcome, Adopted):
            self.pulled += outcome.kind is not None


def settle_by_look(sync: Round, collection: str, keys: Sequence[str]) -> Operation[None]:
    """Read documents of the server again and write what becomes of them here."""
    for start in range(0, len(keys), KEYS_AT_ONCE):
        chunk = keys[start : start + KEYS_AT_ONCE]
        there = versions((yield from call(Fetch(collection, chunk))))
        remotes = {key: there.get(key, RemoteVersion(None)) for key in chunk}
        yield from settle(sync, collection, remotes)


def settle(sync: Round, collection: str, remotes: Mapping[str, RemoteVersion]) -> Operation[None]:
    """Write what becomes of documents, given what the server holds."""
    replicas = yield from call(ReadReplicas(collection, list(remotes)))
    verdicts = [reconcile(replica, remotes[replica.key], sync.judge) for replica in replicas]
    verdicts = [verdict for verdict in verdicts if verdict.outcome is not None]
    outcomes = [verdict.outcome for verdict in verdicts if verdict.outcome is not None]
    if not outcomes:
        return
    taken = yield from call(Settle(collection, outcomes))
    for verdict, was_taken in zip(verdicts, taken, strict=True):
        if was_taken:
            sync.note(verdict)
        else:
            sync.again = True  # it was edited here meanwhile


def leave(sync: Round, name: str, keys: Sequence[str]) -> Operation[None]:
    """Let documents go that are not held here any more; those with edits stay until they are pushed."""
    if keys:
        outcomes = [Adopted(key, RemoteVersion(None), 0, "remote_left") for key in keys]
        sync.pulled += sum((yield from call(Settle(name, outcomes))))
