"""``client.scripts``: Lua scripts behind HTTP endpoints; ``client.env``: the environment variables they read.

Both over HTTP: what the driver protocol makes is invisible to the server's own lists and routes.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from .._dataclasses import dataclass
from .._types import JsonObject
from ..wire.exchange import Exchange
from .calls import AsyncCaller, Caller
from .requests import at, rest
from .results import ClientResult

CHANGEABLE = ("name", "path", "methods", "code", "description", "collection", "service")


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(ClientResult):
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
class ScriptStats(ClientResult):
    """What the scripts of the whole server have done since its start."""

    active_scripts: int = 0
    active_ws: int = 0
    total_scripts_executed: int = 0
    total_ws_connections: int = 0


class Scripts(Caller):
    """Scripts, blocking."""

    def create(
        self,
        name: str,
        path: str,
        methods: Sequence[str],
        code: str,
        description: str | None = None,
        collection: str | None = None,
        *,
        service: str = "default",
    ) -> Script:
        """Make a script; the server answers at ``/api/{database}/{service}/{path}`` with what it returns."""
        body = described(name, path, methods, code, description, collection, service)
        return self._run(create(self._database, name, body))

    def list(self) -> builtins.list[Script]:
        """List the scripts, without their code."""
        return self._run(list_all(self._database))

    def get(self, script_id: str) -> Script:
        """Read a script; NotFoundError if there is none."""
        return self._run(get(self._database, script_id))

    def update(self, script_id: str, updates: Mapping[str, Any]) -> Script:
        """Change parts of a script."""
        return self._run(update(self._database, script_id, updates))

    def delete(self, script_id: str) -> None:
        """Remove a script."""
        self._run(delete(self._database, script_id))

    def get_stats(self) -> ScriptStats:
        """Return what the scripts of the whole server have done since its start."""
        return self._run(get_stats())


class AsyncScripts(AsyncCaller):
    """Scripts, awaited."""

    async def create(
        self,
        name: str,
        path: str,
        methods: Sequence[str],
        code: str,
        description: str | None = None,
        collection: str | None = None,
        *,
        service: str = "default",
    ) -> Script:
        """Make a script; the server answers at ``/api/{database}/{service}/{path}`` with what it returns."""
        body = described(name, path, methods, code, description, collection, service)
        return await self._run(create(self._database, name, body))

    async def list(self) -> builtins.list[Script]:
        """List the scripts, without their code."""
        return await self._run(list_all(self._database))

    async def get(self, script_id: str) -> Script:
        """Read a script; NotFoundError if there is none."""
        return await self._run(get(self._database, script_id))

    async def update(self, script_id: str, updates: Mapping[str, Any]) -> Script:
        """Change parts of a script."""
        return await self._run(update(self._database, script_id, updates))

    async def delete(self, script_id: str) -> None:
        """Remove a script."""
        await self._run(delete(self._database, script_id))

    async def get_stats(self) -> ScriptStats:
        """Return what the scripts of the whole server have done since its start."""
        return await self._run(get_stats())


class Env(Caller):
    """Environment variables, blocking."""

    def list(self) -> dict[str, str]:
        """Return the variables and their values."""
        return self._run(list_variables(self._database))

    def set(self, key: str, value: str) -> None:
        """Set a variable."""
        self._run(set_variable(self._database, key, value))

    def delete(self, key: str) -> None:
        """Remove a variable; NotFoundError if there is none."""
        self._run(delete_variable(self._database, key))


class AsyncEnv(AsyncCaller):
    """Environment variables, awaited."""

    async def list(self) -> dict[str, str]:
        """Return the variables and their values."""
        return await self._run(list_variables(self._database))

    async def set(self, key: str, value: str) -> None:
        """Set a variable."""
        await self._run(set_variable(self._database, key, value))

    async def delete(self, key: str) -> None:
        """Remove a variable; NotFoundError if there is none."""
        await self._run(delete_variable(self._database, key))


def create(database: str, name: str, script: JsonObject) -> Exchange[Script]:
    """Make a script; return it whole."""
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
    """Return what scripts have done since the server started."""
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


def list_variables(database: str) -> Exchange[dict[str, str]]:
    """Return the variables and their values."""
    return dict((yield from rest("GET", at("database", database, "env"))))


def set_variable(database: str, name: str, value: str) -> Exchange[None]:
    """Set a variable."""
    path = at("database", database, "env", name)
    yield from rest("PUT", path, {"value": value}, what="variable", name=name)


def delete_variable(database: str, name: str) -> Exchange[None]:
    """Remove a variable."""
    yield from rest("DELETE", at("database", database, "env", name), what="variable", name=name)
