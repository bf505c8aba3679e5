"""``client.ttl``: documents that expire, in both colours."""

from __future__ import annotations

from .calls import AsyncCaller, Caller
from .operations import ttl as operations
from .operations.ttl import TTLIndexInfo


class TTL(Caller):
    """TTL indexes, blocking."""

    def create_index(self, collection: str, name: str, field: str, expire_after_seconds: int) -> TTLIndexInfo:
        """Make documents expire so many seconds after the time in an attribute.

        The time is unix seconds as an integer, or an RFC 3339 text with its offset (``Z``); the server
        never expires anything else. It looks once a minute. The documents that are there already are
        covered too: they are written once more as they are, which gives them new revisions.
        """
        return self._run(
            operations.create_index(self._database, collection, name, field, expire_after_seconds)
        )

    def update_expiration(self, collection: str, name: str, expire_after_seconds: int) -> TTLIndexInfo:
        """Give an index another number of seconds.

        It is dropped and made anew, and all documents are written once more as they are.
        """
        return self._run(operations.update_expiration(self._database, collection, name, expire_after_seconds))

    def get_index_info(self, collection: str, name: str) -> TTLIndexInfo:
        """Describe an index; IndexNotFound if there is none of this name."""
        return self._run(operations.get_index_info(self._database, collection, name))

    def run_cleanup(self, collection: str) -> int:
        """Remove now what has expired, and count it; the server would do so within a minute.

        The server has no such call: this reads the values that may have expired, and removes them.
        """
        return self._run(operations.run_cleanup(self._database, collection))

    def list_indexes(self, collection: str) -> list[TTLIndexInfo]:
        """List the TTL indexes of a collection."""
        return self._run(operations.list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index: its documents expire no longer. IndexNotFound if there is none of this name."""
        self._run(operations.delete_index(self._database, collection, name))


class AsyncTTL(AsyncCaller):
    """TTL indexes, awaited."""

    async def create_index(
        self, collection: str, name: str, field: str, expire_after_seconds: int
    ) -> TTLIndexInfo:
        """Make documents expire so many seconds after the time in an attribute.

        The time is unix seconds as an integer, or an RFC 3339 text with its offset (``Z``); the server
        never expires anything else. It looks once a minute. The documents that are there already are
        covered too: they are written once more as they are, which gives them new revisions.
        """
        return await self._run(
            operations.create_index(self._database, collection, name, field, expire_after_seconds)
        )

    async def update_expiration(self, collection: str, name: str, expire_after_seconds: int) -> TTLIndexInfo:
        """Give an index another number of seconds.

        It is dropped and made anew, and all documents are written once more as they are.
        """
        return await self._run(
            operations.update_expiration(self._database, collection, name, expire_after_seconds)
        )

    async def get_index_info(self, collection: str, name: str) -> TTLIndexInfo:
        """Describe an index; IndexNotFound if there is none of this name."""
        return await self._run(operations.get_index_info(self._database, collection, name))

    async def run_cleanup(self, collection: str) -> int:
        """Remove now what has expired, and count it; the server would do so within a minute.

        The server has no such call: this reads the values that may have expired, and removes them.
        """
        return await self._run(operations.run_cleanup(self._database, collection))

    async def list_indexes(self, collection: str) -> list[TTLIndexInfo]:
        """List the TTL indexes of a collection."""
        return await self._run(operations.list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index: its documents expire no longer. IndexNotFound if there is none of this name."""
        await self._run(operations.delete_index(self._database, collection, name))
