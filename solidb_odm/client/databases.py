"""Calls for databases and collections, and ``ping``."""

from __future__ import annotations

from typing import cast

from ..errors import UsageError
from ..wire.exchange import Exchange, send
from ..wire.faults import Subject
from ..wire.names import checked
from .calls import AsyncCaller, Caller
from .results import CollectionStats

KINDS = ("document", "edge", "blob", "timeseries")


class Databases(Caller):
    """Calls for databases and collections, blocking."""

    def ping(self) -> int:
        """Return the server's clock, in milliseconds since 1970; needs no login."""
        return self._run(ping())

    def list_databases(self) -> list[str]:
        """Return the names of all databases."""
        return self._run(list_databases())

    def create_database(self, name: str) -> None:
        """Create a database."""
        self._run(create_database(name))

    def delete_database(self, name: str) -> None:
        """Drop a database with everything in it."""
        self._run(delete_database(name))

    def list_collections(self, db: str) -> list[str]:
        """Return the names of the collections of a database; those of the server begin with an underscore."""
        return self._run(list_collections(db))

    def create_collection(self, db: str, name: str, type: str | None = None) -> None:  # noqa: A002 - the call's own word
        """Create a collection of kind ``document`` (the default), ``edge``, ``blob`` or ``timeseries``."""
        self._run(create_collection(db, name, type))

    def delete_collection(self, db: str, name: str) -> None:
        """Drop a collection with its documents and indexes."""
        self._run(delete_collection(db, name))

    def collection_stats(self, db: str, name: str) -> CollectionStats:
        """Return the statistics of a collection."""
        return self._run(collection_stats(db, name))


class AsyncDatabases(AsyncCaller):
    """Calls for databases and collections, async."""

    async def ping(self) -> int:
        """Return the server's clock, in milliseconds since 1970; needs no login."""
        return await self._run(ping())

    async def list_databases(self) -> list[str]:
        """Return the names of all databases."""
        return await self._run(list_databases())

    async def create_database(self, name: str) -> None:
        """Create a database."""
        await self._run(create_database(name))

    async def delete_database(self, name: str) -> None:
        """Drop a database with everything in it."""
        await self._run(delete_database(name))

    async def list_collections(self, db: str) -> list[str]:
        """Return the names of the collections of a database; those of the server begin with an underscore."""
        return await self._run(list_collections(db))

    async def create_collection(self, db: str, name: str, type: str | None = None) -> None:  # noqa: A002 - the call's own word
        """Create a collection of kind ``document`` (the default), ``edge``, ``blob`` or ``timeseries``."""
        await self._run(create_collection(db, name, type))

    async def delete_collection(self, db: str, name: str) -> None:
        """Drop a collection with its documents and indexes."""
        await self._run(delete_collection(db, name))

    async def collection_stats(self, db: str, name: str) -> CollectionStats:
        """Return the statistics of a collection."""
        return await self._run(collection_stats(db, name))


def ping() -> Exchange[int]:
    """Return the server's clock, in milliseconds since 1970."""
    return int((yield from send({"cmd": "ping"}, repeatable=True)).data)


def list_databases() -> Exchange[list[str]]:
    """Return the names of all databases."""
    return sorted(
        cast(list[str], (yield from send({"cmd": "list_databases"}, repeatable=True, light=True)).data)
    )


def create_database(name: str) -> Exchange[None]:
    """Create a database."""
    if not name or "/" in name or ":" in name or name.strip() != name:
        raise UsageError(f"{name!r} can't be the name of a database", hint="use letters, digits, _ and -")
    yield from send({"cmd": "create_database", "name": name}, Subject(name))


def delete_database(name: str) -> Exchange[None]:
    """Drop a database with everything in it."""
    yield from send({"cmd": "delete_database", "name": name}, Subject(name), untimed=True)


def list_collections(database: str) -> Exchange[list[str]]:
    """Return the names of the collections; those of the server begin with an underscore."""
    request = {"cmd": "list_collections", "database": database}
    answer = yield from send(request, Subject(database), repeatable=True, light=True)
    return sorted(cast(list[str], answer.data))


def create_collection(database: str, name: str, kind: str | None = None) -> Exchange[None]:
    """Create a collection; its name and kind are checked here, because the server accepts any."""
    kind = (kind or "document").lower()
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is not a kind of collection", hint=f"one of {', '.join(KINDS)}")
    request = {"cmd": "create_collection", "database": database, "name": checked(name), "type": kind}
    yield from send(request, Subject(database, name))


def delete_collection(database: str, name: str) -> Exchange[None]:
    """Drop a collection with its documents and indexes."""
    request = {"cmd": "delete_collection", "database": database, "name": name}
    yield from send(request, Subject(database, name), untimed=True)


def collection_stats(database: str, name: str) -> Exchange[CollectionStats]:
    """Return the statistics of a collection."""
    request = {"cmd": "collection_stats", "database": database, "name": name}
    raw = (yield from send(request, Subject(database, name), repeatable=True, light=True)).data
    return CollectionStats.of(raw, name=name)
