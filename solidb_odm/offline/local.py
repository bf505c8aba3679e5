"""Reading and writing documents of the store, as operations."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from .._types import Body, Json, JsonObject, Stored
from ..commands import (
    Apply,
    Commit,
    CountDocuments,
    CreateCollection,
    DescribeCollection,
    Get,
    Inserts,
    Operation,
    Patch,
    Patches,
    Removals,
    RunQuery,
    Savepoint,
    call,
)
from ..commands.replica import DiscardEdit, Edit, ListEdits, ReviveEdits, Settle
from ..engines.sqlite import json_text
from ..errors import CollectionExists, CollectionNotFound, DocumentNotFound, UsageError
from ..language.parser import parse
from ..language.stored_documents import new_key
from .argument_types import check_attributes, check_count, check_kind, check_place, check_text
from .config import ConflictResolution
from .contents import plain, whole
from .reconciliation import resolved
from .sync_results import Conflict, decision


def save(
    database: str, collection: str, key: str | None, document: Mapping[str, Any]
) -> Operation[JsonObject]:
    """Merge attributes into a document, or insert it; return it as stored."""
    check_attributes(document)
    check_place(collection, "k" if key is None else key)
    changes = plain(dict(document))
    named = changes.pop("_key", None)
    if key is not None and named is not None and named != key:
        raise UsageError(f"the key is {key!r}, the document says {named!r}", hint="leave _key out of it")
    if named is not None:
        check_text(named, "the key")
    chosen: str = key or named or new_key()
    if (yield from call(DescribeCollection(collection))) is None:
        with suppress(CollectionExists):  # another thread, or process, came first
            yield from call(CreateCollection(collection))
    yield from call(Savepoint("save"))  # takes the write lock: what is read now stays so until the commit
    stored = yield from call(Get(collection, chosen))
    if stored is None:
        yield from call(Apply([Inserts(collection, [(chosen, {"_key": chosen, **changes})])]))
    elif changes:
        yield from call(Apply([Patches(collection, [Patch(chosen, stored[1], changes)])]))
    yield from call(Commit())
    now = yield from get(database, collection, chosen)
    return now or {"_key": chosen, **changes}


def get(database: str, collection: str, key: str) -> Operation[JsonObject | None]:
    """Return a document, None if there is none; a collection that has not come yet has none."""
    check_place(collection, key)
    try:
        stored = yield from call(Get(collection, key))
    except CollectionNotFound:
        return None
    return None if stored is None else seen(database, collection, stored)


def seen(database: str, collection: str, stored: Stored) -> JsonObject:
    """Return a stored document as callers see it."""
    return whole(stored, body_of(stored[4]), f"{database}:{collection}/{stored[0]}")


def body_of(body: Body) -> JsonObject:
    """Return a document's attributes."""
    document: JsonObject = json_text.decode(body) if isinstance(body, str) else body
    return document


def delete(collection: str, key: str) -> Operation[None]:
    """Delete a document; raise DocumentNotFound if there is none with this key."""
    check_place(collection, key)
    yield from call(Savepoint("delete"))
    exists = (yield from call(DescribeCollection(collection))) is not None
    stored = (yield from call(Get(collection, key))) if exists else None
    if stored is None:
        raise DocumentNotFound(f"there is no document {collection}/{key}", name=key, collection=collection)
    yield from call(Apply([Removals(collection, [(key, stored[1])])]))
    yield from call(Commit())


def query(text: str, params: Mapping[str, Any] | None) -> Operation[list[Json]]:
    """Run SDBQL; what it writes is committed, and queued."""
    check_text(text, "the query")
    check_attributes(params or {}, "params")
    rows = yield from call(RunQuery(parse(text), dict(params or {}), text))
    yield from call(Commit())
    return rows


def listing(
    collection: str, limit: int | None, offset: int | None
) -> Operation[tuple[list[JsonObject], int]]:
    """Return documents in the order of their keys, and the number of all documents."""
    check_text(collection, "the collection")
    check_count(limit, "limit")
    check_count(offset, "offset")
    if (yield from call(DescribeCollection(collection))) is None:
        return [], 0
    total = yield from call(CountDocuments(collection))
    cut = f" LIMIT {offset or 0}, {total if limit is None else limit}" if limit is not None or offset else ""
    rows = yield from call(RunQuery(parse(f"FOR d IN `{collection}` SORT d._key{cut} RETURN d")))
    return rows, total


def discard(database: str, collection: str, key: str) -> Operation[JsonObject | None]:
    """Take an edit back; return the document as it is now."""
    check_place(collection, key)
    edits = yield from call(ListEdits(collection=collection, key=key))
    if not edits:
        raise DocumentNotFound(f"{collection}/{key} has no edit", name=key, collection=collection)
    yield from call(DiscardEdit(collection, key))
    return (yield from get(database, collection, key))


def resolve(conflict: Conflict, resolution: ConflictResolution) -> Operation[None]:
    """Decide a parked conflict."""
    check_kind(conflict, Conflict, "what is resolved is a conflict", "conflicts() lists them")
    resolution = decision(resolution)
    collection, key = conflict.collection, conflict.document_key
    edit = yield from parked(collection, key)
    if edit is None or edit.remote is None:
        raise UsageError(f"no conflict about {collection}/{key} is open", hint="conflicts() lists them")
    (taken,) = yield from call(Settle(collection, [resolved(edit, edit.remote, resolution)]))
    if not taken:
        raise UsageError(f"{collection}/{key} was edited meanwhile", hint="look at conflicts() again")


def retry(collection: str | None, key: str | None) -> Operation[int]:
    """Let rejected edits be pushed again; return how many."""
    if collection is not None or key is not None:
        check_text(collection, "the collection")
    if key is not None:
        check_text(key, "the key")
    return (yield from call(ReviveEdits(collection, key)))


def parked(collection: str, key: str) -> Operation[Edit | None]:
    """Return the edit whose conflict is parked."""
    edits = yield from call(ListEdits("parked", collection=collection, key=key))
    return edits[0] if edits else None


def edits_in(state: Any) -> Operation[list[Edit]]:
    """Return all edits in a state, oldest first."""
    edits: list[Edit] = []
    while page := (yield from call(ListEdits(state, after=edits[-1].number if edits else 0))):
        edits += page
    return edits


def state_of(collection: str, key: str) -> Operation[str]:
    """Return how an edit stands: "" if there is none."""
    check_place(collection, key)
    try:
        edits = yield from call(ListEdits(collection=collection, key=key))
    except CollectionNotFound:
        return ""
    return edits[0].state if edits else ""
