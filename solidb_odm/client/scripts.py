"""``client.scripts``: Lua scripts behind HTTP endpoints; ``client.env``: the environment variables they read.

Both use HTTP: what the driver protocol creates does not appear in the server's lists and routes.
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
    """A script. ``list`` returns scripts without their code."""

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
    """Statistics of all scripts of the server, since its start."""

    active_scripts: int = 0
    active_ws: int = 0
    total_scripts_executed: int = 0
    total_ws_connections: int = 0


class Scripts(Caller):
    """Calls for scripts, blocking."""

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
        """Create a script, which the server runs for requests to ``/api/{database}/{service}/{path}``."""
        body = described(name, path, methods, code, description, collection, service)
        return self._run(create(self._database, name, body))

    def list(self) -> builtins.list[Script]:
        """Return all scripts, without their code."""
        return self._run(list_all(self._database))

    def get(self, script_id: str) -> Script:
        """Return a script with its code; raise NotFoundError if there is none."""
        return self._run(get(self._database, script_id))

    def update(self, script_id: str, updates: Mapping[str, Any]) -> Script:
        """Change attributes of a script and return it."""
        return self._run(update(self._database, script_id, updates))

    def delete(self, script_id: str) -> None:
        """Delete a script."""
        self._run(delete(self._database, script_id))

    def get_stats(self) -> ScriptStats:
        """Return the statistics of all scripts of the server, since its start."""
        return self._run(get_stats())


class AsyncScripts(AsyncCaller):
    """Calls for scripts, async."""

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
        """Create a script, which the server runs for requests to ``/api/{database}/{service}/{path}``."""
        body = described(name, path, methods, code, description, collection, service)
        return await self._run(create(self._database, name, body))

    async def list(self) -> builtins.list[Script]:
        """Return all scripts, without their code."""
        return await self._run(list_all(self._database))

    async def get(self, script_id: str) -> Script:
        """Return a script with its code; raise NotFoundError if there is none."""
        return await self._run(get(self._database, script_id))

    async def update(self, script_id: str, updates: Mapping[str, Any]) -> Script:
        """Change attributes of a script and return it."""
        return await self._run(update(self._database, script_id, updates))

    async def delete(self, script_id: str) -> None:
        """Delete a script."""
        await self._run(delete(self._database, script_id))

    async def get_stats(self) -> ScriptStats:
        """Return the statistics of all scripts of the server, since its start."""
        return await self._run(get_stats())


class Env(Caller):
    """Calls for environment variables, blocking."""

    def list(self) -> dict[str, str]:
        """Return the variables and their values."""
        return self._run(list_variables(self._database))

    def set(self, key: str, value: str) -> None:
        """Set a variable."""
        self._run(set_variable(self._database, key, value))

    def delete(self, key: str) -> None:
        """Delete a variable; raise NotFoundError if there is none of this name."""
        self._run(delete_variable(self._database, key))


class AsyncEnv(AsyncCaller):
    """Calls for environment variables, async."""

    async def list(self) -> dict[str, str]:
        """Return the variables and their values."""
        return await self._run(list_variables(self._database))

    async def set(self, key: str, value: str) -> None:
        """Set a variable."""
        await self._run(set_variable(self._database, key, value))

    async def delete(self, key: str) -> None:
        """Delete a variable; raise NotFoundError if there is none of this name."""
        await self._run(delete_variable(self._database, key))


def create(database: str, name: str, script: JsonObject) -> Exchange[Script]:
    """Create a script and return it with its code."""
    made = yield from rest("POST", at("database", database, "scripts"), script, what="script", name=name)
    return (yield from get(database, made["id"]))


def list_all(database: str) -> Exchange[list[Script]]:
    """Return all scripts."""
    answer = yield from rest("GET", at("database", database, "scripts"))
    return [_script(row) for row in answer["scripts"]]


def get(database: str, key: str) -> Exchange[Script]:
    """Return a script."""
    return _script((yield from rest("GET", _place(database, key), what="script", name=key)))


def update(database: str, key: str, updates: Mapping[str, Any]) -> Exchange[Script]:
    """Change attributes of a script; it is read first, because the server expects all of them."""
    now = yield from get(database, key)
    body = {name: now[name] for name in CHANGEABLE if now[name] is not None} | dict(updates)
    yield from rest("PUT", _place(database, key), body, what="script", name=key)
    return (yield from get(database, key))


def delete(database: str, key: str) -> Exchange[None]:
    """Delete a script."""
    yield from rest("DELETE", _place(database, key), what="script", name=key)


def get_stats() -> Exchange[ScriptStats]:
    """Return the statistics of all scripts since the server's start."""
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
    """Return the body of a request that creates or changes a script."""
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
    """Delete a variable."""
    yield from rest("DELETE", at("database", database, "env", name), what="variable", name=name)
