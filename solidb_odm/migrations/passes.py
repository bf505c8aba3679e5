"""One pass over the documents of a collection, in the order of their keys, batch by batch.

A batch, what it takes away and the checkpoint behind it are written together. Documents that somebody
else changes meanwhile are read and changed again; those that come out equal are not written.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeAlias, cast

from pydantic_core import from_json, to_json

from .._backoff import pause
from .._types import JsonObject, Stored, is_map
from ..commands import (
    Batch,
    CountDocuments,
    FetchDocuments,
    GetMany,
    Inserts,
    Operation,
    Patch,
    Patches,
    Removals,
    RemoveNulls,
    call,
)
from ..errors import (
    CollectionNotFound,
    MigrationError,
    MigrationFailed,
)
from ..language.parser import parse
from .ledger import (
    ATTIC,
    LONGEST_KEY,
    PATIENCE,
    Checkpoint,
    Pause,
    Progress,
    Run,
    attic_key,
    attic_row,
    body_of,
)
from .steps import Step
from .transforms import ABSENT, Kept, Leave, Transform, Unfit, restore, settled

_Nulls: TypeAlias = tuple[str, list[str]]


@dataclass
class Pass:
    """What is done to each document of ``collection``.

    ``number`` is the step that undoes this one, or that it undoes, -1 for none: the attic is kept and
    looked up by it. ``undo`` is the direction of what may lie there.
    """

    step: Step
    collection: str
    transform: Transform | None
    number: int
    direction: str
    where: str | None = None
    batch: int = 500
    restores: bool = False
    keeps: bool = True


@dataclass
class _Change:
    """One document that a batch changes."""

    patch: Patch | None
    key: str
    kept: Kept
    attic: Stored | None = None
    removed: tuple[str, ...] = ()


def pass_over(checkpoint: Checkpoint, work: Pass) -> Operation[None]:
    """Change all documents, from where the checkpoint stands."""
    yield from _finish_removals(checkpoint, work.collection)
    total = yield from _total(checkpoint, work)
    clock = _Clock(checkpoint, work, total)
    while True:
        page = yield from read_page(work.collection, str(checkpoint.body["after"]), work.batch, work.where)
        if not page:
            return
        yield from checkpoint.until_alone(work.collection, partial(_write_page, checkpoint, work, page))
        yield from _finish_removals(checkpoint, work.collection)
        clock.report()
        if checkpoint.run.stopped:
            raise KeyboardInterrupt


def _total(checkpoint: Checkpoint, work: Pass) -> Operation[int]:
    if not checkpoint.body["total"]:
        try:
            checkpoint.body["total"] = yield from call(CountDocuments(work.collection))
        except CollectionNotFound:
            checkpoint.body["total"] = 0
    return int(checkpoint.body["total"])


class _Clock:
    """Tells how far a pass is, and how long the rest may take."""

    def __init__(self, checkpoint: Checkpoint, work: Pass, total: int) -> None:
        self._checkpoint, self._work, self._total = checkpoint, work, total
        self._begun, self._first = time.monotonic(), int(checkpoint.body["done"])

    def report(self) -> None:
        run, body = self._checkpoint.run, self._checkpoint.body
        if run.on_progress is None:
            return
        done, passed = int(body["done"]), time.monotonic() - self._begun
        speed = (done - self._first) / passed if passed > 0 else 0
        left = max(self._total - done, 0) / speed if speed else None
        run.on_progress(
            Progress(
                str(body["revision"]),
                int(body["step"]),
                self._work.step.operation,
                self._work.collection,
                done,
                max(self._total, done),
                left,
            )
        )


def read_page(collection: str, after: str, size: int, where: str | None = None) -> Operation[list[Stored]]:
    """Return the next documents by key; none if there are no more, or no such collection."""
    condition = f"FILTER ({where})" if where else ""
    query = (
        f"FOR doc IN `{collection}` FILTER doc._key > @after {condition} SORT doc._key LIMIT @size RETURN doc"
    )
    try:
        rows = yield from call(FetchDocuments(parse(query), {"after": after, "size": size}))
    except CollectionNotFound:
        return []
    return [row for row in rows if row is not None]


def _write_page(checkpoint: Checkpoint, work: Pass, page: list[Stored], attempt: int) -> Operation[None]:
    if attempt:
        page = yield from _again(work, page)
    rows = yield from _kept_rows(checkpoint, work, page)
    changes = _changes(checkpoint, work, page, rows)
    moved = {
        "after": page[-1][0],
        "done": int(checkpoint.body["done"]) + len(page),
        "total": checkpoint.body["total"],
        "pending": _pending(checkpoint, changes),
    }
    yield from checkpoint.write(_batches(checkpoint, work, changes), moved)


def _again(work: Pass, page: list[Stored]) -> Operation[list[Stored]]:
    """Read the documents of a page once more: some have changed, some may be gone."""
    last = page[-1]
    documents = yield from call(GetMany(work.collection, [stored[0] for stored in page]))
    by_key = {stored[0]: stored for stored in documents}
    rows = [by_key[stored[0]] for stored in page if stored[0] in by_key]
    return rows if rows and rows[-1][0] == last[0] else [*rows, (last[0], "", "", "", {})]


def _kept_rows(checkpoint: Checkpoint, work: Pass, page: list[Stored]) -> Operation[dict[str, Stored]]:
    if not work.restores or work.number < 0:
        return {}
    revision, other = str(checkpoint.body["revision"]), {"u": "d", "d": "u"}[work.direction]
    keys = {attic_key(revision, other, work.number, stored[0]): stored[0] for stored in page}
    kept = yield from call(GetMany(ATTIC, list(keys)))
    return {keys[stored[0]]: stored for stored in kept}


def _changes(
    checkpoint: Checkpoint, work: Pass, page: list[Stored], rows: dict[str, Stored]
) -> list[_Change]:
    changes: list[_Change] = []
    for stored in page:
        if not stored[1]:  # it is gone
            continue
        try:
            change = _change(checkpoint, work, stored, rows.get(stored[0]))
        except MigrationError:
            raise
        except Exception as error:
            raise MigrationFailed(
                f"{work.step.operation} failed at {work.collection}/{stored[0]}: "
                f"{error if isinstance(error, Unfit) else f'{type(error).__name__}: {error}'}",
                revision=str(checkpoint.body["revision"]),
                key=stored[0],
                hint="correct the document or the revision, from this step on, and upgrade again",
            ) from error
        if change is not None:
            changes.append(change)
    return changes


def _change(checkpoint: Checkpoint, work: Pass, stored: Stored, row: Stored | None) -> _Change | None:
    kept: Kept = []
    old_rows: Kept = body_of(row)["kept"] if row is not None else []
    text = stored[4] if isinstance(stored[4], str) and not old_rows else None
    before, document = _opened(stored, text)
    is_function = work.step.operation == "for_each"
    is_whole = is_function and bool(old_rows) and restore(before, document, old_rows)
    if not is_whole and work.transform is not None:
        try:
            work.transform(document, kept)
        except Leave:
            document = before = body_of(stored)
    if text is not None and to_json(before) != text.encode():
        before = body_of(stored)
    if old_rows and not is_function:
        restore(before, document, old_rows)
    kept = settled(document, before, kept) if kept else kept
    names = changed_names(before, document)
    removed = () if before.keys() <= document.keys() else tuple(key for key in before if key not in document)
    if is_function:
        kept = [[[name], before.get(name, ABSENT), document.get(name, ABSENT)] for name in (*names, *removed)]
    if not work.keeps or (not names and not removed and work.step.operation != "add_field"):
        kept = []
    if not names and not removed:
        return _Change(None, stored[0], kept, row) if kept or row is not None else None
    changes = {name: document[name] for name in names}
    if checkpoint.run.is_file:
        whole = to_json(document, inf_nan_mode="constants").decode()
        return _Change(Patch(stored[0], stored[1], changes, removed, whole, stored[2]), stored[0], kept, row)
    changes |= dict.fromkeys(removed)
    return _Change(Patch(stored[0], stored[1], changes, (), None, stored[2]), stored[0], kept, row, removed)


def _opened(stored: Stored, text: str | None) -> tuple[JsonObject, JsonObject]:
    """Return a document twice, to be compared and to be changed.

    What is read of a text is read once: both hold the same values, and the text tells whether one of them
    was changed inside.
    """
    if text is not None:
        document: JsonObject = from_json(text)
        return dict(document), document
    before = body_of(stored)
    body = stored[4] if isinstance(stored[4], str) else to_json(before)
    return before, cast(JsonObject, from_json(body))


def changed_names(before: JsonObject, document: JsonObject) -> list[str]:
    """Return the attributes that are new or have another value, where 1, 1.0 and true are not one."""
    names: list[str] = []
    for name, value in document.items():
        old = before.get(name, _MISSING)
        if value is old:
            continue
        kind: type[Any] = type(value)  # pyright: ignore[reportUnknownVariableType]  of any value
        if kind is not type(old) or old != value or (kind in _HOLDERS and not same(old, value)):
            names.append(name)
    return names


_MISSING: Any = object()
_HOLDERS = (dict, list)


def same(one: Any, other: Any) -> bool:
    """Return whether two stored values are one, where 1, 1.0 and true are not."""
    kind = one.__class__
    if kind is not other.__class__:
        return False
    if kind in (dict, list):
        return to_json(one) == to_json(other) or _same_parts(one, other)
    return bool(one == other)


def _same_parts(one: Any, other: Any) -> bool:
    if is_map(one):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    return len(one) == len(other) and all(map(same, one, other))


def _batches(checkpoint: Checkpoint, work: Pass, changes: list[_Change]) -> list[Batch]:
    patches = [change.patch for change in changes if change.patch is not None]
    restored = [(change.attic[0], change.attic[1]) for change in changes if change.attic is not None]
    kept = _kept(checkpoint, work, changes) if work.number >= 0 else []
    return [Patches(work.collection, patches), Removals(ATTIC, restored), Inserts(ATTIC, kept)]


def _kept(checkpoint: Checkpoint, work: Pass, changes: list[_Change]) -> list[tuple[str, Any]]:
    """Return the rows of the attic; for a file as texts, of which only the ends differ."""
    place = str(checkpoint.body["revision"]), work.direction, work.number
    if not checkpoint.run.is_file:
        return [attic_row(*place, work.step, change.key, change.kept) for change in changes if change.kept]
    _, empty = attic_row(*place, work.step, "", [])
    same_for_all = {name: value for name, value in empty.items() if name not in ("_key", "key", "kept")}
    head = to_json(same_for_all).decode()[1:-1]
    prefix = attic_key(*place, "")
    short = (LONGEST_KEY - len(prefix.encode())) // 4  # a character has four bytes at most
    rows: list[tuple[str, Any]] = []
    for change in changes:
        if change.kept:
            name = prefix + change.key if len(change.key) <= short else attic_key(*place, change.key)
            ends = to_json({"_key": name, "key": change.key, "kept": change.kept}).decode()[:-1]
            rows.append((name, f"{ends},{head}}}"))
    return rows


# --- removing attributes on a server -------------------------------------------------------------


def _pending(checkpoint: Checkpoint, changes: list[_Change]) -> list[Any]:
    """Return what is still to be removed of documents after a batch, for the checkpoint.

    A removal in a transaction of the server makes the document again, with another time of creation. So the
    batch writes null, and the attributes are taken away right after it, each document under its lock.
    """
    if checkpoint.run.is_file:
        return []
    return [[change.key, list(change.removed)] for change in changes if change.removed]


def _finish_removals(checkpoint: Checkpoint, collection: str) -> Operation[None]:
    """Take away what is null of the last batch; where somebody has given it a value since, that stays."""
    pending = cast("list[_Nulls]", checkpoint.body.get("pending") or [])
    seen: dict[str, str] = {}
    for attempt in range(PATIENCE if pending else 0):
        revisions, left = yield from _nulls(collection, pending)
        refused = [key for key, _ in left if seen.get(key) == revisions[key]]
        if refused:
            raise _refused(checkpoint, collection, refused[0])
        if not left or (yield from _remove_nulls(checkpoint.run, collection, left)):
            break
        seen = revisions
        yield Pause(pause(attempt, 0.01, 0.5))
    else:
        if pending:
            raise _refused(checkpoint, collection, pending[0][0])
    checkpoint.body["pending"] = []


def _refused(checkpoint: Checkpoint, collection: str, key: str) -> MigrationFailed:
    return MigrationFailed(
        f"the server does not remove attributes from {collection}/{key}",
        revision=str(checkpoint.body["revision"]),
        key=key,
        hint="does the document fit the collection's schema without them? correct that, and upgrade again",
    )


def _nulls(collection: str, pending: list[_Nulls]) -> Operation[tuple[dict[str, str], list[_Nulls]]]:
    """Return the revisions of these documents, and which of the attributes are there and null."""
    try:
        documents = yield from call(GetMany(collection, [key for key, _ in pending]))
    except CollectionNotFound:
        return {}, []
    bodies = {stored[0]: body_of(stored) for stored in documents}
    rows = [
        (key, [name for name in names if bodies.get(key, {}).get(name, ABSENT) is None])
        for key, names in pending
    ]
    return {stored[0]: stored[1] for stored in documents}, [row for row in rows if row[1]]


def _remove_nulls(run: Run, collection: str, rows: list[_Nulls]) -> Operation[bool]:
    """Return whether all of the documents were as they have been read, and are changed."""
    removed = yield from call(RemoveNulls(collection, rows, run.session))
    run.session = removed.session
    return removed.count == len(rows)
