"""Environment variables of scripts. Over HTTP, which knows them all."""

from __future__ import annotations

from ...wire.requests import Exchange
from .rest import at, rest


def list_all(database: str) -> Exchange[dict[str, str]]:
    """Give the variables and their values."""
    return dict((yield from rest("GET", at("database", database, "env"))))


def set_value(database: str, name: str, value: str) -> Exchange[None]:
    """Set a variable."""
    path = at("database", database, "env", name)
    yield from rest("PUT", path, {"value": value}, what="variable", name=name)


def delete(database: str, name: str) -> Exchange[None]:
    """Remove a variable."""
    yield from rest("DELETE", at("database", database, "env", name), what="variable", name=name)
