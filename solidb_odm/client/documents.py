"""The calls about documents, in both colours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .calls import AsyncCaller, Caller
from .operations import documents as operations
from .results import DocumentResult


class Documents(Caller):
    """Documents, blocking."""

    def insert(
        self, db: str, collection: str, document: Mapping[str, Any], key: str | None = None
    ) -> DocumentResult:
        """Store a new document; give it as stored, with its ``_key`` and ``_rev``.

        Belongs to the open transaction, if there is one.
        """
        return self._join(partial(operations.insert, db, collection, document, key))

    def insert_many(self, db: str, collection: str, documents: Sequence[Mapping[str, Any]]) -> int:
        """Store documents, all or nothing for every 4 MiB of them; count them. Never in a transaction."""
        return self._run(operations.insert_many(db, collection, documents))

    def get(self, db: str, collection: str, key: str) -> DocumentResult:
        """Read a document, as committed; DocumentNotFound if there is none."""
        return self._runner.run(operations.get(db, collection, key))

    def update(
        self, db: str, collection: str, key: str, document: Mapping[str, Any], merge: bool = True
    ) -> DocumentResult:
        """Merge attributes into a document, at its top level, or replace it; give it as stored.

        Belongs to the open transaction, if there is one.
        """
        return self._join(partial(operations.update, db, collection, key, document, merge))

    def delete(self, db: str, collection: str, key: str) -> None:
        """Remove a document. Belongs to the open transaction, if there is one."""
        self._join(partial(operations.delete, db, collection, key))

    def list(
        self, db: str, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[list[DocumentResult], int]:
        """Read documents in the order of their keys, all without a limit; and count all there are."""
        return self._run(operations.list_documents(db, collection, limit, offset))

    def documents(self, db: str, collection: str, page_size: int = 1000) -> Iterator[DocumentResult]:
        """Read all documents in the order of their keys, holding one page at a time."""
        for page in self._pages(operations.pages(db, collection, size=page_size)):
            yield from page


class AsyncDocuments(AsyncCaller):
    """Documents, awaited."""

    async def insert(
        self, db: str, collection: str, document: Mapping[str, Any], key: str | None = None
    ) -> DocumentResult:
        """Store a new document; give it as stored, with its ``_key`` and ``_rev``.

        Belongs to the open transaction, if there is one.
        """
        return await self._join(partial(operations.insert, db, collection, document, key))

    async def insert_many(self, db: str, collection: str, documents: Sequence[Mapping[str, Any]]) -> int:
        """Store documents, all or nothing for every 4 MiB of them; count them. Never in a transaction."""
        return await self._run(operations.insert_many(db, collection, documents))

    async def get(self, db: str, collection: str, key: str) -> DocumentResult:
        """Read a document, as committed; DocumentNotFound if there is none."""
        return await self._runner.run(operations.get(db, collection, key))

    async def update(
        self, db: str, collection: str, key: str, document: Mapping[str, Any], merge: bool = True
    ) -> DocumentResult:
        """Merge attributes into a document, at its top level, or replace it; give it as stored.

        Belongs to the open transaction, if there is one.
        """
        return await self._join(partial(operations.update, db, collection, key, document, merge))

    async def delete(self, db: str, collection: str, key: str) -> None:
        """Remove a document. Belongs to the open transaction, if there is one."""
        await self._join(partial(operations.delete, db, collection, key))

    async def list(
        self, db: str, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[list[DocumentResult], int]:
        """Read documents in the order of their keys, all without a limit; and count all there are."""
        return await self._run(operations.list_documents(db, collection, limit, offset))

    async def documents(
        self, db: str, collection: str, page_size: int = 1000
    ) -> AsyncIterator[DocumentResult]:
        """Read all documents in the order of their keys, holding one page at a time."""
        async for page in self._pages(operations.pages(db, collection, size=page_size)):
            for item in page:
                yield item
