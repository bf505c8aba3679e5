"""Pulling: what others wrote, seen by time of writing, by number, and where these differ by a scan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from .._types import JsonObject
from ..commands import Operation, call
from ..commands.replica import (
    Adopted,
    BeginScan,
    EndScan,
    ForgetKnown,
    KnownSummary,
    ListKnown,
    ReadReplicas,
    Rebased,
    RemoteVersion,
    Scanned,
    Settle,
    WriteSettings,
)
from ..errors import PermissionDenied, ServerRollbackSuspected
from .contents import agreed, earlier, moment, same, versions
from .filters import Source
from .remote import Fetch, Page, Query, ReadOn
from .round import KEYS_AT_ONCE, Round, leave, settle, settle_by_look

OVERLAP: Final = 310.0
"""Seconds: the time of a write in a transaction is that of its staging, up to 300 before its commit."""

_SLACK: Final = 5.0
"""Seconds by which a clock may be set right, or another node's differ; ``OVERLAP`` covers twice as much."""

_CUT: Final = timedelta(milliseconds=1)
"""By how much ``DATE_NOW`` may lie before the time of its call."""

_INDEXED_COST: Final = 16
"""What a document that the server finds by an index takes, beside one that it passes by."""

MARK_EVERY: Final = 30.0
ACCEPTED: Final = "accept_server"
UPLOAD: Final = "reupload"
MARKS: Final = "marks"
_MOST_LOST: Final = 50
_NEVER: Final = "9999"
_REVISIONS_A_PAGE: Final = 5000


def pull(sync: Round) -> Operation[None]:
    """Take in what others wrote."""
    sync.gone.clear()
    sync.older.clear()
    marks: JsonObject = dict(sync.settings.get(MARKS, {}))
    for source in sync.active():
        try:
            mark = yield from _pull(sync, source, marks.get(source.collection, ""))
        except PermissionDenied as problem:
            sync.stop(source.collection, problem)
            continue
        if _is_later(mark, marks.get(source.collection, "")):
            marks[source.collection] = mark
    yield from _remove_gone(sync)
    if marks != sync.settings.get(MARKS):
        sync.settings[MARKS] = marks
        yield from call(WriteSettings({MARKS: marks}))


def _is_later(mark: str, before: str) -> bool:
    """Return whether a mark is worth writing: much later, or earlier, because a clock was set back."""
    old, new = moment(before), moment(mark)
    return new is not None and (old is None or not 0 <= (new - old).total_seconds() < MARK_EVERY)


def _pull(sync: Round, source: Source, mark: str) -> Operation[str]:
    """Take in one collection; return the server's time from which on there may be more."""
    name = source.collection
    if source.is_gone:
        yield from _leave_all(sync, name)
        return ""
    since = earlier(mark, OVERLAP) or _NEVER
    known, later, digest, last = yield from call(KnownSummary(name, since))
    asked = datetime.now(UTC)
    are_many = _are_many(later, known)
    page = yield from call(Query(name, *source.head(since, list(last), are_many=are_many)))
    count, now, later_there, digest_there, last_there = page.read(_summary)
    sync.known[name] = known
    _measure(sync, now, asked)
    if not mark and not known:
        yield from _load(sync, source, count)
    elif not mark or _was_set_back(now, mark) or _has_lost(last, last_there):
        yield from scan(sync, source)
    else:
        if (later, digest) != (later_there, digest_there):
            newest, more = max(last.values(), default=since), later_there - later
            yield from _changed(sync, source, newest, are_many=_are_many(more, count))
            known, later, digest, _ = yield from call(KnownSummary(name, since))
        if (later, digest) != (later_there, digest_there):  # not only what is newer than all that is known
            yield from _changed(sync, source, since, are_many=_are_many(later_there, count))
            known = (yield from call(KnownSummary(name, _NEVER)))[0]
        if known != count:
            yield from scan(sync, source)
    return str(now)


def _measure(sync: Round, now: str, asked: datetime) -> None:
    """Note how far the server's clock is ahead: it told its time, cut to a millisecond, before it answered.

    A time between question and answer is no evidence that the clocks differ, and half of a slow answer would
    turn the order of two writes round.
    """
    there, answered = moment(now), datetime.now(UTC)
    if there is not None:
        agree = asked - _CUT <= there <= answered
        offset = timedelta() if agree else there - (asked + (answered - asked) / 2)
        sync.judge = replace(sync.judge, offset=offset)


def _was_set_back(now: str, mark: str) -> bool:
    there, before = moment(now), moment(mark)
    return there is not None and before is not None and (before - there).total_seconds() > _SLACK


def _has_lost(last: Mapping[str, str], there: Mapping[str, str]) -> bool:
    """Return whether the server lacks what was written last, as one does that was restored from a backup."""
    return any(there.get(key, "") < updated for key, updated in last.items())


def _summary(rows: Sequence[Any]) -> tuple[int, str, int, Any, dict[str, str]]:
    count, now, later, digest, last = rows[0]
    return count, now, later, digest, dict(last)


def _revisions(rows: Sequence[Any]) -> list[tuple[str, str, str]]:
    return [(key, rev, updated) for key, rev, updated in rows]


def _following(page: Page) -> Operation[Page | None]:
    return (yield from call(ReadOn(page.more))) if page.more else None


def _load(sync: Round, source: Source, total: int) -> Operation[None]:
    """Take in a collection of which nothing is here yet, as it streams."""
    done = 0
    page: Page | None = yield from call(Query(source.collection, *source.documents()))
    while page is not None:
        rows = page.read(versions)
        yield from _take_in(sync, source.collection, rows)
        done += len(rows)
        sync.progress("pull", done, total)
        page = yield from _following(page)


def _take_in(sync: Round, collection: str, rows: dict[str, RemoteVersion]) -> Operation[None]:
    outcomes = [Adopted(key, remote, 0, "remote_insert") for key, remote in rows.items()]
    taken = yield from call(Settle(collection, outcomes))
    sync.pulled += sum(taken)
    edited = {outcome.key: outcome.remote for outcome, new in zip(outcomes, taken, strict=True) if not new}
    if edited:
        yield from settle(sync, collection, edited)


def _are_many(later: int, total: int) -> bool:
    """Return whether so many of all are found faster by a look at all than by an index."""
    return later * _INDEXED_COST > total


def _changed(sync: Round, source: Source, since: str, *, are_many: bool = False) -> Operation[None]:
    """Look at what was written since a time and is not known."""
    yield from call(BeginScan())
    yield from _scan_pages(sync, source, source.changed(since, are_many=are_many))


def scan(sync: Round, source: Source) -> Operation[None]:
    """Compare all keys and revisions; look at what differs, and note what is gone."""
    yield from call(BeginScan())
    yield from _scan_pages(sync, source, source.revisions())
    sync.gone[source.collection] = yield from call(EndScan(source.collection))


def _scan_pages(sync: Round, source: Source, query: tuple[str, JsonObject]) -> Operation[None]:
    name = source.collection
    page: Page | None = yield from call(Query(name, *query, size=_REVISIONS_A_PAGE))
    done = 0
    while page is not None:
        differing = yield from call(Scanned(name, page.read(_revisions)))
        yield from settle_by_look(sync, name, [key for key, is_older in differing if not is_older])
        sync.older.setdefault(name, []).extend(key for key, is_older in differing if is_older)
        done += len(page.rows)
        sync.progress("pull", done, 0)
        page = yield from _following(page)


# --- what is gone --------------------------------------------------------------------------------


def _remove_gone(sync: Round) -> Operation[None]:
    """Tell what the server has lost from what no longer matches a filter, and let both go here."""
    absent: dict[str, list[str]] = {}
    for name, keys in sync.gone.items():
        absent[name] = yield from _absent(sync, name, keys)
    for name, keys in sync.older.items():
        sync.older[name] = yield from _set_back(sync, name, keys)
    yield from _guard(sync, absent)
    for name, keys in absent.items():
        for chunk in _chunks(keys):
            yield from settle(sync, name, dict.fromkeys(chunk, RemoteVersion(None)))
    for name, keys in sync.older.items():
        yield from settle_by_look(sync, name, keys)


def _absent(sync: Round, name: str, keys: Sequence[str]) -> Operation[list[str]]:
    """Return the keys the server has nothing under; let go of what is there and does not match."""
    absent: list[str] = []
    for chunk in _chunks(keys):
        there = versions((yield from call(Fetch(name, chunk))))
        absent += [key for key in chunk if key not in there]
        if sync.sources[name].is_filtered:
            yield from leave(sync, name, list(there))
        else:
            yield from settle(sync, name, there)
    return absent


def _leave_all(sync: Round, name: str) -> Operation[None]:
    after = ""
    while rows := (yield from call(ListKnown(name, after))):
        after = rows[-1][0]
        yield from leave(sync, name, [key for key, _ in rows])


def _guard(sync: Round, absent: dict[str, list[str]]) -> Operation[None]:
    """Stop before a server that was restored or emptied takes documents, or their changes, away here too."""
    lost = sum(map(len, (*absent.values(), *sync.older.values())))
    known = sum(sync.known.values())
    if not sync.settings.get(UPLOAD):
        if lost <= _MOST_LOST or lost * 5 <= known or sync.settings.get(ACCEPTED):
            return
        raise ServerRollbackSuspected(
            f"the server has lost {lost} of {known} documents, or their last changes:"
            " was it restored from a backup, or emptied?",
            lost=lost,
            known=known,
            hint="accept_server() takes what it has; reupload() pushes them again",
        )
    for name, keys in absent.items():
        yield from call(ForgetKnown(name, keys))
    for name, keys in sync.older.items():
        yield from _push_again(name, keys)
    absent.clear()
    sync.older.clear()
    sync.again = True


def _set_back(sync: Round, name: str, keys: Sequence[str]) -> Operation[list[str]]:
    """Return the keys whose documents are not what they were; a node may know the same by other revisions."""
    set_back: list[str] = []
    for chunk in _chunks(keys):
        there = versions((yield from call(Fetch(name, chunk))))
        replicas = yield from call(ReadReplicas(name, list(there)))
        equal = {
            replica.key: there[replica.key]
            for replica in replicas
            if same(agreed(replica), there[replica.key].document)
        }
        yield from settle(sync, name, equal)
        set_back += [key for key in chunk if key not in equal]
    return set_back


def _push_again(name: str, keys: Sequence[str]) -> Operation[None]:
    """Take documents that the server has in an older form for edits of that form."""
    for chunk in _chunks(keys):
        there = versions((yield from call(Fetch(name, chunk))))
        replicas = yield from call(ReadReplicas(name, list(there)))
        outcomes = [
            Rebased(
                replica.key,
                there[replica.key],
                0 if replica.edit is None else replica.edit.number,
                None,
                keep=True,
            )
            for replica in replicas
        ]
        yield from call(Settle(name, outcomes))


def _chunks(keys: Sequence[str]) -> list[Sequence[str]]:
    return [keys[start : start + KEYS_AT_ONCE] for start in range(0, len(keys), KEYS_AT_ONCE)]
