"""What becomes of an edit when the server is known to hold something: pure decisions.

The payload under way counts as a second base: a value the server holds that we sent ourselves is not
somebody else's change, even if the answer was lost and the same attribute was edited again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from .._dataclasses import dataclass
from .._types import JsonObject
from ..commands.replica import (
    Adopted,
    Arrival,
    Edit,
    Outcome,
    Parked,
    Rebased,
    RemoteVersion,
    Replica,
    Unchanged,
)
from ..work.conflicts import AttributeConflict, merge
from .config import ConflictResolution, ConflictStrategy
from .contents import digest, is_from, moment, same
from .sync_results import Conflict

Asked: TypeAlias = Callable[[Conflict], "ConflictResolution | None"]


@dataclass(frozen=True, slots=True)
class Judge:
    """What decides conflicts: who is asked first, the strategy, and how far our clock is behind.

    ``offset`` is the server's time less ours.
    """

    strategy: Callable[[str], ConflictStrategy]
    ask: Asked
    offset: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to write, and the conflict that was met, if there was one."""

    outcome: Outcome | None
    conflict: Conflict | None = None
    error: str = ""


def reconcile(replica: Replica, remote: RemoteVersion, judge: Judge) -> Verdict:
    """Return what becomes of a document, given what the server holds."""
    edit = replica.edit
    if edit is None:
        if replica.revision == remote.revision and (replica.current is None) == (remote.document is None):
            return Verdict(None)
        return Verdict(Adopted(replica.key, remote, 0, _arrival(replica, remote)))
    if same(edit.current, remote.document):
        return Verdict(Unchanged(edit.key, edit.number, remote))
    if same(edit.base, remote.document) or (
        edit.sent is not None and is_from(edit.sent.document, remote.document)
    ):
        return Verdict(_kept(edit, remote))
    if edit.state == "parked":
        return Verdict(Parked(edit.key, remote, edit.number, edit.error))
    return _judge(edit, remote, judge)


def _arrival(replica: Replica, remote: RemoteVersion) -> Arrival | None:
    if remote.document is None:
        return None if replica.current is None else "remote_delete"
    if same(replica.document, remote.document):
        return None  # the same by another revision
    return "remote_insert" if replica.current is None else "remote_update"


def _kept(edit: Edit, remote: RemoteVersion) -> Rebased:
    return Rebased(edit.key, remote, edit.number, edit.current, keep=True)


def _judge(edit: Edit, remote: RemoteVersion, judge: Judge) -> Verdict:
    """Decide about a document that both sides changed, differently."""
    base = _base(edit, remote)
    strategy = judge.strategy(edit.collection)
    met = Conflict(edit.collection, edit.key, base, edit.current, remote.document)
    if strategy is ConflictStrategy.MergeFields and edit.current is not None and remote.document is not None:
        merged, inner = _merged(edit, base, remote, judge)
        if not inner:
            return Verdict(Rebased(edit.key, remote, edit.number, merged))
    try:
        resolution = judge.ask(met) or _resolution(strategy, edit, base, remote, judge)
    except Exception as problem:  # noqa: BLE001 - whatever a resolver raises parks the conflict
        error = f"{type(problem).__name__}: {problem}"
        return Verdict(Parked(edit.key, remote, edit.number, error), met, error)
    decided = Conflict(edit.collection, edit.key, base, edit.current, remote.document, resolution)
    return Verdict(resolved(edit, remote, resolution), decided)


def resolved(edit: Edit, remote: RemoteVersion, resolution: ConflictResolution) -> Outcome:
    """Return what a resolution comes to."""
    if resolution == ConflictResolution.AcceptLocal:
        return _kept(edit, remote)
    if resolution == ConflictResolution.AcceptRemote:
        arrival: Arrival = "remote_delete" if remote.document is None else "remote_update"
        return Adopted(edit.key, remote, edit.number, arrival)
    document = None if resolution.document is None else {**resolution.document, "_key": edit.key}
    return Rebased(edit.key, remote, edit.number, document)


def _base(edit: Edit, remote: RemoteVersion) -> JsonObject | None:
    """Return what both sides agreed on, with what we sent and the server holds."""
    sent = None if edit.sent is None else edit.sent.document
    if sent is None or remote.document is None:
        return edit.base
    there = remote.document
    arrived = {
        name: there[name] for name, value in sent.items() if name in there and is_from(value, there[name])
    }
    base = {**(edit.base or {}), **arrived}
    taken_away = {name for name in base if name not in sent and name not in there}
    return {name: value for name, value in base.items() if name not in taken_away}


def _resolution(
    strategy: ConflictStrategy, edit: Edit, base: JsonObject | None, remote: RemoteVersion, judge: Judge
) -> ConflictResolution:
    if strategy.resolver is not None:
        return ConflictResolution.Merge(strategy.resolver(edit.current, remote.document, base))
    if strategy == ConflictStrategy.FirstWriteWins:
        return ConflictResolution.AcceptRemote
    if strategy == ConflictStrategy.MergeFields:
        if edit.current is None:
            return ConflictResolution.AcceptRemote
        if remote.document is None:
            return ConflictResolution.AcceptLocal
        return ConflictResolution.Merge(_merged(edit, base, remote, judge)[0])
    return _later(edit, remote, judge)


def _merged(
    edit: Edit, base: JsonObject | None, remote: RemoteVersion, judge: Judge
) -> tuple[JsonObject, list[AttributeConflict]]:
    ours_is_later = _later(edit, remote, judge) == ConflictResolution.AcceptLocal
    start = base or {}
    return merge(start, edit.current or {}, remote.document or {}, "ours" if ours_is_later else "theirs")


def _later(edit: Edit, remote: RemoteVersion, judge: Judge) -> ConflictResolution:
    """Return which side is the later one; a removal whose time nobody knows does not beat an edit."""
    here, there = moment(edit.edited), moment(remote.updated)
    if there is None or here is None:
        return ConflictResolution.AcceptLocal
    ours = (_corrected(here, judge.offset), digest(edit.current))
    theirs = (there, digest(remote.document))
    return ConflictResolution.AcceptLocal if ours > theirs else ConflictResolution.AcceptRemote


def _corrected(here: datetime, offset: timedelta) -> datetime:
    return here + offset
