"""``client.collections``: what is done to whole collections, in both colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, overload

from anyio import to_thread

from .._types import JsonObject
from .calls import AsyncCaller, Caller
from .operations import collections as operations
from .operations import databases, documents, transfer
from .operations.transfer import Progress, Source, Target
from .results import CollectionStats, DocumentResult


class Collections(Caller):
    """Whole collections, blocking."""

    def truncate(self, collection: str) -> None:
        """Delete all documents; indexes and schema stay."""
        self._run(operations.truncate(self._database, collection))

    def compact(self, collection: str) -> None:
        """Give disk space back."""
        self._run(operations.compact(self._database, collection))

    def repair(self, collection: str) -> int:
        """Count the documents anew and build the indexes again; give the count."""
        return self._run(operations.repair(self._database, collection))

    def stats(self, collection: str) -> CollectionStats:
        """Say what a collection holds."""
        return self._run(databases.collection_stats(self._database, collection))

    def set_schema(self, collection: str, schema: Mapping[str, Any], *, mode: str = "strict") -> None:
        """Have writes checked against a JSON Schema; ``mode``: strict, lenient (logs only) or off.

        ``format`` is checked only with ``"$schema": "http://json-schema.org/draft-07/schema#"``.
        """
        self._run(operations.set_schema(self._database, collection, schema, mode))

    def get_schema(self, collection: str) -> JsonObject | None:
        """Give the JSON Schema, if there is one."""
        return self._run(operations.get_schema(self._database, collection))

    def delete_schema(self, collection: str) -> None:
        """Check writes no longer."""
        self._run(operations.delete_schema(self._database, collection))

    @overload
    def export(
        self, collection: str, target: None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult]: ...
    @overload
    def export(self, collection: str, target: Target, *, progress: Progress | None = None) -> int: ...
    def export(
        self, collection: str, target: Target | None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult] | int:
        """Write all documents as JSONL to a path or an open file, and count them; or give them as a list.

        A page at a time is held. ``progress`` is called with the number of documents so far.
        """
        if target is None:
            return self._exported(collection, progress)
        count = 0
        with transfer.opened(target) as file:
            for page in self._pages(documents.pages(self._database, collection)):
                transfer.write(file, page)
                count += len(page)
                _tell(progress, count)
        return count

    def import_(
        self, collection: str, data: Source, mode: str | None = None, *, progress: Progress | None = None
    ) -> int:
        """Store documents from a path, an open file or bytes of JSONL, or an iterable; count them.

        ``mode``: "insert", where DuplicateKey stops before its 4 MiB, or "upsert", which replaces.
        """
        count = 0
        for chunk in transfer.chunks_in(data, collection):
            count += self._run(operations.store(self._database, collection, chunk, mode or "insert"))
            _tell(progress, count)
        return count

    def _exported(self, collection: str, progress: Progress | None) -> list[DocumentResult]:
        found: list[DocumentResult] = []
        for page in self._pages(documents.pages(self._database, collection)):
            found += page
            _tell(progress, len(found))
        return found


class AsyncCollections(AsyncCaller):
    """Whole collections, awaited."""

    async def truncate(self, collection: str) -> None:
        """Delete all documents; indexes and schema stay."""
        await self._run(operations.truncate(self._database, collection))

    async def compact(self, collection: str) -> None:
        """Give disk space back."""
        await self._run(operations.compact(self._database, collection))

    async def repair(self, collection: str) -> int:
        """Count the documents anew and build the indexes again; give the count."""
        return await self._run(operations.repair(self._database, collection))

    async def stats(self, collection: str) -> CollectionStats:
        """Say what a collection holds."""
        return await self._run(databases.collection_stats(self._database, collection))

    async def set_schema(self, collection: str, schema: Mapping[str, Any], *, mode: str = "strict") -> None:
        """Have writes checked against a JSON Schema; ``mode``: strict, lenient (logs only) or off.

        ``format`` is checked only with ``"$schema": "http://json-schema.org/draft-07/schema#"``.
        """
        await self._run(operations.set_schema(self._database, collection, schema, mode))

    async def get_schema(self, collection: str) -> JsonObject | None:
        """Give the JSON Schema, if there is one."""
        return await self._run(operations.get_schema(self._database, collection))

    async def delete_schema(self, collection: str) -> None:
        """Check writes no longer."""
        await self._run(operations.delete_schema(self._database, collection))

    @overload
    async def export(
        self, collection: str, target: None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult]: ...
    @overload
    async def export(self, collection: str, target: Target, *, progress: Progress | None = None) -> int: ...
    async def export(
        self, collection: str, target: Target | None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult] | int:
        """Write all documents as JSONL to a path or an open file, and count them; or give them as a list.

        A page at a time is held. ``progress`` is called with the number of documents so far.
        """
        if target is None:
            return await self._exported(collection, progress)
        count = 0
        with transfer.opened(target) as file:
            async for page in self._pages(documents.pages(self._database, collection)):
                await to_thread.run_sync(transfer.write, file, page)
                count += len(page)
                _tell(progress, count)
        return count

    async def import_(
        self, collection: str, data: Source, mode: str | None = None, *, progress: Progress | None = None
    ) -> int:
        """Store documents from a path, an open file or bytes of JSONL, or an iterable; count them.

        ``mode``: "insert", where DuplicateKey stops before its 4 MiB, or "upsert", which replaces.
        """
        count = 0
        chunks = transfer.chunks_in(data, collection)
        while (chunk := await to_thread.run_sync(next, chunks, None)) is not None:
            count += await self._run(operations.store(self._database, collection, chunk, mode or "insert"))
            _tell(progress, count)
        return count

    async def _exported(self, collection: str, progress: Progress | None) -> list[DocumentResult]:
        found: list[DocumentResult] = []
        async for page in self._pages(documents.pages(self._database, collection)):
            found += page
            _tell(progress, len(found))
        return found


def _tell(progress: Progress | None, count: int) -> None:
    if progress is not None:
        progress(count)
