"""Databases and collections, and asking whether the server is there."""

from __future__ import annotations

from typing import cast

from ...errors import UsageError
from ...wire.faults import Context
from ...wire.names import checked
from ...wire.requests import Exchange, ask
from ..results import CollectionStats

KINDS = ("document", "edge", "blob", "timeseries")


def ping() -> Exchange[int]:
    """Give the server's clock in milliseconds since 1970."""
    return int((yield from ask({"cmd": "ping"}, repeatable=True)).data)


def list_databases() -> Exchange[list[str]]:
    """Name all databases."""
    return sorted(
        cast(list[str], (yield from ask({"cmd": "list_databases"}, repeatable=True, light=True)).data)
    )


def create_database(name: str) -> Exchange[None]:
    """Make a database."""
    if not name or "/" in name or ":" in name or name.strip() != name:
        raise UsageError(f"{name!r} can't be the name of a database", hint="use letters, digits, _ and -")
    yield from ask({"cmd": "create_database", "name": name}, Context(name))


def delete_database(name: str) -> Exchange[None]:
    """Drop a database and all that is in it."""
    yield from ask({"cmd": "delete_database", "name": name}, Context(name), unhurried=True)


def list_collections(database: str) -> Exchange[list[str]]:
    """Name the collections; the server's own begin with an underscore."""
    request = {"cmd": "list_collections", "database": database}
    answer = yield from ask(request, Context(database), repeatable=True, light=True)
    return sorted(cast(list[str], answer.data))


def create_collection(database: str, name: str, kind: str | None = None) -> Exchange[None]:
    """Make a collection; the server would take any name and any kind."""
    kind = (kind or "document").lower()
    if kind not in KINDS:
        raise UsageError(f"{kind!r} is not a kind of collection", hint=f"one of {', '.join(KINDS)}")
    request = {"cmd": "create_collection", "database": database, "name": checked(name), "type": kind}
    yield from ask(request, Context(database, name))


def delete_collection(database: str, name: str) -> Exchange[None]:
    """Drop a collection and all that is in it."""
    request = {"cmd": "delete_collection", "database": database, "name": name}
    yield from ask(request, Context(database, name), unhurried=True)


def collection_stats(database: str, name: str) -> Exchange[CollectionStats]:
    """Say what a collection holds."""
    request = {"cmd": "collection_stats", "database": database, "name": name}
    raw = (yield from ask(request, Context(database, name), repeatable=True, light=True)).data
    return CollectionStats.of(raw, name=name)
