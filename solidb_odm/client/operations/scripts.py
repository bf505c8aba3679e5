"""Lua scripts behind HTTP endpoints.

They are made over HTTP: what the driver protocol makes is invisible to the server's own lists and routes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..._types import JsonObject
from ...wire.requests import Exchange
from ..results import Result
from .rest import at, rest

CHANGEABLE = ("name", "path", "methods", "code", "description", "collection", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Result):
    """A script. ``list`` leaves out its code."""

    id: str
    name: str = ""
    path: str = ""
    methods: list[str] = field(default_factory=list[str])
    code: str = ""
    description: str | None = None
    collection: str | None = None
    service: str = "default"
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptStats(Result):
    """What the scripts of the whole server have done since its start."""

    active_scripts: int = 0
    active_ws: int = 0
    total_scripts_executed: int = 0
    total_ws_connections: int = 0


def create(database: str, name: str, script: JsonObject) -> Exchange[Script]:
    """Make a script; give it whole."""
    made = yield from rest("POST", at("database", database, "scripts"), script, what="script", name=name)
    return (yield from get(database, made["id"]))


def list_all(database: str) -> Exchange[list[Script]]:
    """List the scripts."""
    answer = yield from rest("GET", at("database", database, "scripts"))
    return [_script(row) for row in answer["scripts"]]


def get(database: str, key: str) -> Exchange[Script]:
    """Read a script."""
    return _script((yield from rest("GET", _place(database, key), what="script", name=key)))


def update(database: str, key: str, updates: Mapping[str, Any]) -> Exchange[Script]:
    """Change parts of a script; the server wants it whole, so it is read first."""
    now = yield from get(database, key)
    body = {name: now[name] for name in CHANGEABLE if now[name] is not None} | dict(updates)
    yield from rest("PUT", _place(database, key), body, what="script", name=key)
    return (yield from get(database, key))


def delete(database: str, key: str) -> Exchange[None]:
    """Remove a script."""
    yield from rest("DELETE", _place(database, key), what="script", name=key)


def get_stats() -> Exchange[ScriptStats]:
    """Say what scripts have done since the server started."""
    return ScriptStats.of((yield from rest("GET", at("scripts", "stats"))))


def described(
    name: str,
    path: str,
    methods: Sequence[str],
    code: str,
    description: str | None,
    collection: str | None,
    service: str,
) -> JsonObject:
    """Put together what makes a script."""
    body: JsonObject = {
        "name": name,
        "path": path,
        "methods": list(methods),
        "code": code,
        "service": service,
    }
    if description is not None:
        body["description"] = description
    if collection is not None:
        body["collection"] = collection
    return body


def _place(database: str, key: str) -> str:
    return at("database", database, "scripts", key)


def _script(row: JsonObject) -> Script:
    key = str(row.get("_key") or row["id"])
    row["_key"] = key
    return Script.of(row, id=key)
