"""Calls for documents: single, in bulk, and in pages.

``tx`` is the transaction that a call belongs to, if there is one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from .._types import JsonObject
from ..errors import ConnectionLost, DocumentNotFound, InvalidDocument, SolidbError, TransactionError
from ..wire.exchange import Exchange, send
from ..wire.faults import Subject
from ..wire.frames import Answer, pack
from ..wire.names import quoted
from .calls import AsyncCaller, Caller
from .requests import bulk_frame, checked_document, packed_chunks
from .results import ClientPage, DocumentResult
from .transaction import Staging, rollback, staged

PAGE = 1000

PAGE_BYTES = 4 * 1024 * 1024
"""What a page weighs about, where the caller does not say how many documents it has."""

GROWTH, SAMPLED = 4, 20
"""How many times as many documents the next page has at most, and how many are weighed for it."""


class Documents(Caller):
    """Calls for documents, blocking."""

    def insert(
        self, db: str, collection: str, document: Mapping[str, Any], key: str | None = None
    ) -> DocumentResult:
        """Insert a document; return it as stored, with its ``_key`` and ``_rev``.

        The write belongs to the open transaction, if there is one.
        """
        return self._join(partial(insert, db, collection, document, key))

    def insert_many(self, db: str, collection: str, documents: Sequence[Mapping[str, Any]]) -> int:
        """Insert documents, atomically for each 4 MiB; return their number. Never part of a transaction."""
        return self._run(insert_many(db, collection, documents))

    def get(self, db: str, collection: str, key: str) -> DocumentResult:
        """Return the committed document; raise DocumentNotFound if there is none with this key."""
        return self._runner.run(get(db, collection, key))

    def update(
        self, db: str, collection: str, key: str, document: Mapping[str, Any], merge: bool = True
    ) -> DocumentResult:
        """Merge attributes into a document at its top level, or replace it; return it as stored.

        The write belongs to the open transaction, if there is one.
        """
        return self._join(partial(update, db, collection, key, document, merge))

    def delete(self, db: str, collection: str, key: str) -> None:
        """Delete a document. The write belongs to the open transaction, if there is one."""
        self._join(partial(delete, db, collection, key))

    def list(
        self, db: str, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[list[DocumentResult], int]:
        """Return documents in the order of their keys (without a limit: all), and the number of all."""
        return self._run(list_documents(db, collection, limit, offset))

    def documents(self, db: str, collection: str, page_size: int | None = None) -> Iterator[DocumentResult]:
        """Yield all documents in the order of their keys, holding one page at a time in memory.

        Without a size pages grow to some 4 MB: the server looks through the whole collection for each.
        """
        for page in self._pages(pages(db, collection, size=page_size)):
            yield from page


class AsyncDocuments(AsyncCaller):
    """Calls for documents, async."""

    async def insert(
        self, db: str, collection: str, document: Mapping[str, Any], key: str | None = None
    ) -> DocumentResult:
        """Insert a document; return it as stored, with its ``_key`` and ``_rev``.

        The write belongs to the open transaction, if there is one.
        """
        return await self._join(partial(insert, db, collection, document, key))

    async def insert_many(self, db: str, collection: str, documents: Sequence[Mapping[str, Any]]) -> int:
        """Insert documents, atomically for each 4 MiB; return their number. Never part of a transaction."""
        return await self._run(insert_many(db, collection, documents))

    async def get(self, db: str, collection: str, key: str) -> DocumentResult:
        """Return the committed document; raise DocumentNotFound if there is none with this key."""
        return await self._runner.run(get(db, collection, key))

    async def update(
        self, db: str, collection: str, key: str, document: Mapping[str, Any], merge: bool = True
    ) -> DocumentResult:
        """Merge attributes into a document at its top level, or replace it; return it as stored.

        The write belongs to the open transaction, if there is one.
        """
        return await self._join(partial(update, db, collection, key, document, merge))

    async def delete(self, db: str, collection: str, key: str) -> None:
        """Delete a document. The write belongs to the open transaction, if there is one."""
        await self._join(partial(delete, db, collection, key))

    async def list(
        self, db: str, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[list[DocumentResult], int]:
        """Return documents in the order of their keys (without a limit: all), and the number of all."""
        return await self._run(list_documents(db, collection, limit, offset))

    async def documents(
        self, db: str, collection: str, page_size: int | None = None
    ) -> AsyncIterator[DocumentResult]:
        """Yield all documents in the order of their keys, holding one page at a time in memory.

        Without a size pages grow to some 4 MB: the server looks through the whole collection for each.
        """
        async for page in self._pages(pages(db, collection, size=page_size)):
            for item in page:
                yield item


def insert(
    database: str,
    collection: str,
    document: Mapping[str, Any],
    key: str | None = None,
    tx: Staging | None = None,
) -> Exchange[DocumentResult]:
    """Insert a document; return it as stored."""
    body = checked_document(document, collection)
    request: JsonObject = {"cmd": "insert", "database": database, "collection": collection, "document": body}
    if key is not None:
        request["key"] = _checked_key(key)
    context = Subject(database, collection, key or str(body.get("_key", "")))
    stored = DocumentResult((yield from send(staged(request, tx), context)).data)
    if tx is not None:
        tx.note(database, collection, stored.key, stored)
    return stored


def get(database: str, collection: str, key: str) -> Exchange[DocumentResult]:
    """Return a document."""
    request = {"cmd": "get", "database": database, "collection": collection, "key": key}
    return DocumentResult((yield from send(request, repeatable=True, light=True)).data)


def update(
    database: str,
    collection: str,
    key: str,
    document: Mapping[str, Any],
    merge: bool = True,
    tx: Staging | None = None,
) -> Exchange[DocumentResult]:
    """Merge attributes into a document, or replace it; return it as stored."""
    body = checked_document(document, collection)
    if not merge:
        return (yield from _replace(database, collection, key, body, tx))
    # The wire's merge flag stays out: with it, the server may revert what others write meanwhile.
    request = {
        "cmd": "update",
        "database": database,
        "collection": collection,
        "key": key,
        "document": body,
    }
    stored = DocumentResult((yield from send(staged(request, tx), Subject(database, collection, key))).data)
    if tx is not None:
        tx.note(database, collection, key, stored)
    return stored


def delete(database: str, collection: str, key: str, tx: Staging | None = None) -> Exchange[None]:
    """Delete a document."""
    request = {"cmd": "delete", "database": database, "collection": collection, "key": key}
    yield from send(staged(request, tx), Subject(database, collection, key))
    if tx is not None:
        tx.note(database, collection, key, None)


def list_page(
    database: str, collection: str, limit: int, offset: int
) -> Exchange[tuple[list[DocumentResult], int]]:
    """Return up to ``limit`` documents in the order of their keys, in halves if an answer is too large."""
    request = {
        "cmd": "list",
        "database": database,
        "collection": collection,
        "limit": limit,
        "offset": offset,
    }
    try:
        answer: Answer = yield from send(request, Subject(database, collection), repeatable=True)
    except ConnectionLost:  # which is also how the server refuses an answer over 16 MiB
        if limit < 2:
            raise
        half = limit // 2
        first, _ = yield from list_page(database, collection, half, offset)
        second, total = yield from list_page(database, collection, limit - half, offset + half)
        return first + second, total
    return [DocumentResult(row) for row in answer.data], answer.total


def list_documents(
    database: str, collection: str, limit: int | None = None, offset: int | None = None
) -> Exchange[tuple[list[DocumentResult], int]]:
    """Return documents in the order of their keys, and the number of all documents."""
    documents: list[DocumentResult] = []
    start = offset or 0
    while True:
        wanted = PAGE if limit is None else min(PAGE, limit - len(documents))
        page, total = yield from list_page(database, collection, wanted, start + len(documents))
        documents += page
        if len(page) < wanted or len(documents) == limit or start + len(documents) >= total:
            return documents, total


def pages(
    database: str, collection: str, after: str | None = None, size: int | None = None, first: int = PAGE
) -> Exchange[ClientPage[DocumentResult]]:
    """Yield documents in pages by key, so that concurrent writes do not shift the pages.

    Without a ``size`` the first page has ``first`` documents, and the others grow: the server has no way into
    the middle of a collection, and looks through all of it for each.
    """
    wanted = size or first
    text = f"FOR d IN {quoted(collection)} FILTER d._key > @after SORT d._key LIMIT {wanted} RETURN d"
    if after is None:
        text = text.replace("FILTER d._key > @after ", "")
    request: JsonObject = {"cmd": "query", "database": database, "sdbql": text, "cache": False}
    if after is not None:
        request["bind_vars"] = {"after": after}
    try:
        answer = yield from send(request, Subject(database, collection, query=text), repeatable=True)
    except ConnectionLost:
        if wanted < 2:
            raise
        fewer = wanted // 4 or 1
        return (yield from pages(database, collection, after, size and fewer, fewer))
    rows = [DocumentResult(row) for row in cast(list[JsonObject], answer.data)]
    if len(rows) < wanted:
        return ClientPage(rows, None)
    following = size or _next_size(rows)
    return ClientPage(rows, partial(pages, database, collection, rows[-1].key, size, following))


def _next_size(rows: Sequence[DocumentResult]) -> int:
    """Return how many documents the next page should have, by what some of this one weigh."""
    some = rows[:: len(rows) // SAMPLED or 1]
    weight = len(pack(some)) / len(some)
    return max(1, min(GROWTH * len(rows), int(PAGE_BYTES / weight)))


def insert_many(database: str, collection: str, documents: Sequence[Mapping[str, Any]]) -> Exchange[int]:
    """Insert documents, atomically for each message of about 4 MiB; return their number."""
    count = 0
    head: JsonObject = {"cmd": "bulk_insert", "database": database, "collection": collection}
    for chunk, pieces in packed_chunks(documents, collection):
        made = bulk_frame(head, "documents", pieces, f"bulk_insert {collection}")
        request = head | {"documents": chunk}  # for errors; what is sent was packed once
        count += (yield from send(request, Subject(database, collection), untimed=True, made=made)).total
    return count


def _checked_key(key: str) -> str:
    if not isinstance(cast(Any, key), str) or not key:
        raise InvalidDocument(f"{key!r} can't be a key", hint="a key is a text that isn't empty")
    return key


def _replace(
    database: str, collection: str, key: str, body: JsonObject, tx: Staging | None
) -> Exchange[DocumentResult]:
    body = {name: value for name, value in body.items() if name != "_key"}
    if tx is not None:
        return (yield from _replace_staged(database, collection, key, body, tx))
    text = f"REPLACE @key WITH @document IN {quoted(collection)} RETURN NEW"
    binds = {"key": key, "document": body}
    request = {"cmd": "query", "database": database, "sdbql": text, "bind_vars": binds, "cache": False}
    try:
        answer = yield from send(request, Subject(database, collection, key))
    except DocumentNotFound as problem:
        problem.collection = collection
        raise
    return DocumentResult(answer.data[0])


def _replace_staged(
    database: str, collection: str, key: str, body: JsonObject, tx: Staging
) -> Exchange[DocumentResult]:
    """Stage a removal and an insertion, because a staged update can only merge."""
    yield from delete(database, collection, key, tx)
    try:
        return (yield from insert(database, collection, body, key, tx))
    except SolidbError as problem:
        yield from rollback(tx)  # or the commit would remove the document
        raise TransactionError(
            f"{collection}/{key} can't be replaced in this transaction, "
            f"which was rolled back: {problem.message}",
            hint="begin another one without it",
        ) from problem
