"""The calls about databases and collections, in both colours."""

from __future__ import annotations

from .calls import AsyncCaller, Caller
from .operations import databases as operations
from .results import CollectionStats


class Databases(Caller):
    """Databases and collections, blocking."""

    def ping(self) -> int:
        """Give the server's clock in milliseconds since 1970; needs no login."""
        return self._run(operations.ping())

    def list_databases(self) -> list[str]:
        """Name all databases."""
        return self._run(operations.list_databases())

    def create_database(self, name: str) -> None:
        """Make a database."""
        self._run(operations.create_database(name))

    def delete_database(self, name: str) -> None:
        """Drop a database and all that is in it."""
        self._run(operations.delete_database(name))

    def list_collections(self, db: str) -> list[str]:
        """Name the collections of a database; the server's own begin with an underscore."""
        return self._run(operations.list_collections(db))

    def create_collection(self, db: str, name: str, type: str | None = None) -> None:  # noqa: A002 - the call's own word
        """Make a collection: ``document`` (the default), ``edge``, ``blob`` or ``timeseries``."""
        self._run(operations.create_collection(db, name, type))

    def delete_collection(self, db: str, name: str) -> None:
        """Drop a collection and all that is in it."""
        self._run(operations.delete_collection(db, name))

    def collection_stats(self, db: str, name: str) -> CollectionStats:
        """Say what a collection holds."""
        return self._run(operations.collection_stats(db, name))


class AsyncDatabases(AsyncCaller):
    """Databases and collections, awaited."""

    async def ping(self) -> int:
        """Give the server's clock in milliseconds since 1970; needs no login."""
        return await self._run(operations.ping())

    async def list_databases(self) -> list[str]:
        """Name all databases."""
        return await self._run(operations.list_databases())

    async def create_database(self, name: str) -> None:
        """Make a database."""
        await self._run(operations.create_database(name))

    async def delete_database(self, name: str) -> None:
        """Drop a database and all that is in it."""
        await self._run(operations.delete_database(name))

    async def list_collections(self, db: str) -> list[str]:
        """Name the collections of a database; the server's own begin with an underscore."""
        return await self._run(operations.list_collections(db))

    async def create_collection(self, db: str, name: str, type: str | None = None) -> None:  # noqa: A002 - the call's own word
        """Make a collection: ``document`` (the default), ``edge``, ``blob`` or ``timeseries``."""
        await self._run(operations.create_collection(db, name, type))

    async def delete_collection(self, db: str, name: str) -> None:
        """Drop a collection and all that is in it."""
        await self._run(operations.delete_collection(db, name))

    async def collection_stats(self, db: str, name: str) -> CollectionStats:
        """Say what a collection holds."""
        return await self._run(operations.collection_stats(db, name))
