"""Pushing: edits in batches, each document under the condition of the revision it builds on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from .._types import JsonObject
from ..commands import Operation, call
from ..commands.replica import (
    Acknowledged,
    CountEdits,
    Edit,
    ListEdits,
    MarkSent,
    Outcome,
    Rejected,
    Settle,
    Unchanged,
)
from ..errors import (
    DocumentNotFound,
    DuplicateKey,
    InvalidDocument,
    MessageTooLarge,
    PermissionDenied,
    QueryError,
    SolidbError,
    StaleDocumentError,
)
from .contents import same
from .remote import CreateMany, CreateOne, Query, RemoveMany, ReplaceMany, Replacement, Written
from .round import Round, leave, settle_by_look

T = TypeVar("T")

EDITS_AT_ONCE: Final = 1000
_BYTES_AT_ONCE: Final = 4 * 1024 * 1024
_MOVED: Final = (StaleDocumentError, DocumentNotFound, DuplicateKey)


def push(sync: Round) -> Operation[None]:
    """Send the edits that wait: documents first, then the edges that may name them."""
    total = (yield from call(CountEdits())).get("pending", 0)
    for edges in (False, True):
        after = 0
        while edits := (yield from call(ListEdits("pending", edges=edges, after=after, limit=EDITS_AT_ONCE))):
            after = edits[-1].number
            for collection, group in _by_collection(edits).items():
                if collection in sync.sources and collection not in sync.stopped:
                    yield from _push(sync, collection, group)
                    sync.progress("push", sync.pushed, total)


def _by_collection(edits: Sequence[Edit]) -> dict[str, list[Edit]]:
    groups: dict[str, list[Edit]] = {}
    for edit in edits:
        groups.setdefault(edit.collection, []).append(edit)
    return groups


def _push(sync: Round, collection: str, edits: Sequence[Edit]) -> Operation[None]:
    """Send edits of one collection, and write what came of them."""
    needless = [edit for edit in edits if edit.sent is None and same(edit.base, edit.current)]
    uncertain = [
        edit for edit in edits if edit.sent is not None or (edit.base is not None and not edit.revision)
    ]
    left = [edit for edit in edits if edit not in needless and edit not in uncertain]
    yield from _settle(sync, collection, [Unchanged(edit.key, edit.number) for edit in needless])
    yield from settle_by_look(sync, collection, [edit.key for edit in uncertain])
    for kind, send in (("insert", _create), ("update", _replace), ("delete", _remove)):
        for batch in _batches([edit for edit in left if edit.kind == kind]):
            yield from call(MarkSent(batch))
            results = yield from send(collection, batch)
            yield from _take(sync, collection, batch, results)


def _take(
    sync: Round, collection: str, edits: Sequence[Edit], results: Sequence[Written | SolidbError | None]
) -> Operation[None]:
    """Write what came of a batch; look again at what somebody else was first with."""
    outcomes: list[Outcome] = []
    moved: list[str] = []
    pushed: list[str] = []
    for edit, result in zip(edits, results, strict=True):
        if isinstance(result, _MOVED):
            moved.append(edit.key)
        elif isinstance(result, SolidbError):
            outcomes.append(Rejected(edit.key, edit.number, result.message))
        else:
            written = result or Written("", "")
            outcomes.append(Acknowledged(edit.key, edit.number, written.revision, written.updated))
            pushed.append(edit.key)
    yield from _settle(sync, collection, outcomes)
    yield from settle_by_look(sync, collection, moved)
    yield from _let_go(sync, collection, pushed)


def _settle(sync: Round, collection: str, outcomes: Sequence[Outcome]) -> Operation[None]:
    if not outcomes:
        return
    taken = yield from call(Settle(collection, outcomes))
    for outcome, was_taken in zip(outcomes, taken, strict=True):
        sync.again = sync.again or not was_taken
        sync.pushed += was_taken and isinstance(outcome, Acknowledged)
        if was_taken and isinstance(outcome, Rejected):
            sync.rejections.append((collection, outcome.key, outcome.error))


def _let_go(sync: Round, collection: str, keys: Sequence[str]) -> Operation[None]:
    """Let go of documents that were pushed and do not match the filter, or not any more."""
    source = sync.sources[collection]
    if source.is_gone:
        yield from leave(sync, collection, keys)
    elif source.is_filtered and keys:
        page = yield from call(Query(collection, *source.matching(keys), size=len(keys)))
        matching: set[str] = page.read(set)
        yield from leave(sync, collection, [key for key in keys if key not in matching])


# --- sending -------------------------------------------------------------------------------------


def _create(collection: str, edits: Sequence[Edit]) -> Operation[list[Written | SolidbError | None]]:
    documents = [edit.current or {} for edit in edits]
    stored: dict[str, Written] = {}
    if len(documents) > 1:
        try:
            stored = yield from call(CreateMany(collection, documents))
        except PermissionDenied as problem:
            return [problem] * len(edits)
        except (InvalidDocument, QueryError, MessageTooLarge):
            stored = {}  # one of them is at fault: each will be told on its own
    results: list[Written | SolidbError | None] = []
    for edit, document in zip(edits, documents, strict=True):
        written = stored.get(edit.key)
        results.append(written or (yield from _create_one(collection, document)))
    return results


def _create_one(collection: str, document: JsonObject) -> Operation[Written | SolidbError]:
    return (yield from call(CreateOne(collection, document)))


def _replace(collection: str, edits: Sequence[Edit]) -> Operation[list[Written | SolidbError | None]]:
    rows = [Replacement(edit.key, edit.revision, edit.current or {}, edit.base or {}) for edit in edits]
    results: list[Written | SolidbError | None] = [*(yield from call(ReplaceMany(collection, rows)))]
    return results


def _remove(collection: str, edits: Sequence[Edit]) -> Operation[list[Written | SolidbError | None]]:
    rows = [(edit.key, edit.revision) for edit in edits]
    results: list[Written | SolidbError | None] = [*(yield from call(RemoveMany(collection, rows)))]
    return results


def _batches(edits: Sequence[Edit]) -> Iterator[list[Edit]]:
    """Cut edits into batches of so many bytes; a document over that goes alone."""
    batch: list[Edit] = []
    size = 0
    for edit in edits:
        own = len(edit.text)
        if batch and size + own > _BYTES_AT_ONCE:
            yield batch
            batch, size = [], 0
        batch.append(edit)
        size += own
    if batch:
        yield batch
