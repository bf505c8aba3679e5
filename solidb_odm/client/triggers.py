"""``client.triggers``: what runs after a document was written, in both colours."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from .calls import AsyncCaller, Caller
from .operations import triggers as operations
from .operations.triggers import Trigger


class Triggers(Caller):
    """Triggers, blocking. They fire for writes over HTTP only, not for those of drivers and queries."""

    def list(self) -> builtins.list[Trigger]:
        """List the triggers."""
        return self._run(operations.list_all(self._database))

    def list_by_collection(self, collection: str) -> builtins.list[Trigger]:
        """List the triggers of a collection."""
        return self._run(operations.list_by_collection(self._database, collection))

    def create(
        self,
        name: str,
        collection: str,
        operation: str | Sequence[str],
        script_path: str | None,
        description: str | None = None,
        *,
        webhook_url: str | None = None,
        filter: str | None = None,  # noqa: A002 - the server's own word
        queue: str | None = None,
        priority: int | None = None,
        max_retries: int | None = None,
        enabled: bool = True,
    ) -> Trigger:
        """Have a script or a web hook run after ``insert``, ``update`` or ``delete``, or several of them."""
        options = {
            "script_path": script_path,
            "description": description,
            "webhook_url": webhook_url,
            "filter": filter,
            "queue": queue,
            "priority": priority,
            "max_retries": max_retries,
            "enabled": enabled,
        }
        return self._run(operations.create(self._database, name, collection, operation, options))

    def get(self, trigger_id: str) -> Trigger:
        """Read a trigger; NotFoundError if there is none."""
        return self._run(operations.get(self._database, trigger_id))

    def update(self, trigger_id: str, updates: Mapping[str, Any]) -> Trigger:
        """Change parts of a trigger."""
        return self._run(operations.update(self._database, trigger_id, updates))

    def toggle(self, trigger_id: str) -> Trigger:
        """Turn a trigger off if it is on, and on if it is off."""
        return self._run(operations.toggle(self._database, trigger_id))

    def delete(self, trigger_id: str) -> None:
        """Remove a trigger."""
        self._run(operations.delete(self._database, trigger_id))


class AsyncTriggers(AsyncCaller):
    """Triggers, awaited. They fire for writes over HTTP only, not for those of drivers and queries."""

    async def list(self) -> builtins.list[Trigger]:
        """List the triggers."""
        return await self._run(operations.list_all(self._database))

    async def list_by_collection(self, collection: str) -> builtins.list[Trigger]:
        """List the triggers of a collection."""
        return await self._run(operations.list_by_collection(self._database, collection))

    async def create(
        self,
        name: str,
        collection: str,
        operation: str | Sequence[str],
        script_path: str | None,
        description: str | None = None,
        *,
        webhook_url: str | None = None,
        filter: str | None = None,  # noqa: A002 - the server's own word
        queue: str | None = None,
        priority: int | None = None,
        max_retries: int | None = None,
        enabled: bool = True,
    ) -> Trigger:
        """Have a script or a web hook run after ``insert``, ``update`` or ``delete``, or several of them."""
        options = {
            "script_path": script_path,
            "description": description,
            "webhook_url": webhook_url,
            "filter": filter,
            "queue": queue,
            "priority": priority,
            "max_retries": max_retries,
            "enabled": enabled,
        }
        return await self._run(operations.create(self._database, name, collection, operation, options))

    async def get(self, trigger_id: str) -> Trigger:
        """Read a trigger; NotFoundError if there is none."""
        return await self._run(operations.get(self._database, trigger_id))

    async def update(self, trigger_id: str, updates: Mapping[str, Any]) -> Trigger:
        """Change parts of a trigger."""
        return await self._run(operations.update(self._database, trigger_id, updates))

    async def toggle(self, trigger_id: str) -> Trigger:
        """Turn a trigger off if it is on, and on if it is off."""
        return await self._run(operations.toggle(self._database, trigger_id))

    async def delete(self, trigger_id: str) -> None:
        """Remove a trigger."""
        await self._run(operations.delete(self._database, trigger_id))
