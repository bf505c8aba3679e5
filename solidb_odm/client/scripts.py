"""``client.scripts``: Lua scripts behind HTTP endpoints, in both colours."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from .calls import AsyncCaller, Caller
from .operations import scripts as operations
from .operations.scripts import Script, ScriptStats


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
        body = operations.described(name, path, methods, code, description, collection, service)
        return self._run(operations.create(self._database, name, body))

    def list(self) -> builtins.list[Script]:
        """List the scripts, without their code."""
        return self._run(operations.list_all(self._database))

    def get(self, script_id: str) -> Script:
        """Read a script; NotFoundError if there is none."""
        return self._run(operations.get(self._database, script_id))

    def update(self, script_id: str, updates: Mapping[str, Any]) -> Script:
        """Change parts of a script."""
        return self._run(operations.update(self._database, script_id, updates))

    def delete(self, script_id: str) -> None:
        """Remove a script."""
        self._run(operations.delete(self._database, script_id))

    def get_stats(self) -> ScriptStats:
        """Say what the scripts of the whole server have done since its start."""
        return self._run(operations.get_stats())


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
        body = operations.described(name, path, methods, code, description, collection, service)
        return await self._run(operations.create(self._database, name, body))

    async def list(self) -> builtins.list[Script]:
        """List the scripts, without their code."""
        return await self._run(operations.list_all(self._database))

    async def get(self, script_id: str) -> Script:
        """Read a script; NotFoundError if there is none."""
        return await self._run(operations.get(self._database, script_id))

    async def update(self, script_id: str, updates: Mapping[str, Any]) -> Script:
        """Change parts of a script."""
        return await self._run(operations.update(self._database, script_id, updates))

    async def delete(self, script_id: str) -> None:
        """Remove a script."""
        await self._run(operations.delete(self._database, script_id))

    async def get_stats(self) -> ScriptStats:
        """Say what the scripts of the whole server have done since its start."""
        return await self._run(operations.get_stats())
