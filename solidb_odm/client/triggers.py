"""``client.triggers``: scripts or web hooks that run after a document was written over HTTP.

All calls use HTTP: triggers created over the driver protocol never fire, and break the server's list.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from .._dataclasses import dataclass
from .._types import JsonObject
from ..errors import UsageError
from ..wire.exchange import Exchange
from .calls import AsyncCaller, Caller
from .requests import at, rest, unsupported
from .results import ClientResult

EVENTS = ("insert", "update", "delete")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger(ClientResult):
    """A trigger; its times are in seconds since 1970 (UTC)."""

    id: str
    name: str = ""
    collection: str = ""
    events: list[str] = field(default_factory=list[str])
    script_path: str | None = None
    webhook_url: str | None = None
    queue: str = "default"
    priority: int = 0
    max_retries: int = 5
    enabled: bool = True
    created_at: int = 0
    updated_at: int = 0


class Triggers(Caller):
    """Calls for triggers, blocking. Triggers fire only for writes over HTTP."""

    def list(self) -> builtins.list[Trigger]:
        """Return all triggers."""
        return self._run(list_all(self._database))

    def list_by_collection(self, collection: str) -> builtins.list[Trigger]:
        """Return the triggers of a collection."""
        return self._run(list_by_collection(self._database, collection))

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
        """Create a trigger that runs a script or a web hook after ``insert``, ``update`` or ``delete``."""
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
        return self._run(create(self._database, name, collection, operation, options))

    def get(self, trigger_id: str) -> Trigger:
        """Return a trigger; raise NotFoundError if there is none."""
        return self._run(get(self._database, trigger_id))

    def update(self, trigger_id: str, updates: Mapping[str, Any]) -> Trigger:
        """Change attributes of a trigger and return it."""
        return self._run(update(self._database, trigger_id, updates))

    def toggle(self, trigger_id: str) -> Trigger:
        """Disable an enabled trigger, or enable a disabled one; return it."""
        return self._run(toggle(self._database, trigger_id))

    def delete(self, trigger_id: str) -> None:
        """Delete a trigger."""
        self._run(delete(self._database, trigger_id))


class AsyncTriggers(AsyncCaller):
    """Calls for triggers, async. Triggers fire only for writes over HTTP."""

    async def list(self) -> builtins.list[Trigger]:
        """Return all triggers."""
        return await self._run(list_all(self._database))

    async def list_by_collection(self, collection: str) -> builtins.list[Trigger]:
        """Return the triggers of a collection."""
        return await self._run(list_by_collection(self._database, collection))

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
        """Create a trigger that runs a script or a web hook after ``insert``, ``update`` or ``delete``."""
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
        return await self._run(create(self._database, name, collection, operation, options))

    async def get(self, trigger_id: str) -> Trigger:
        """Return a trigger; raise NotFoundError if there is none."""
        return await self._run(get(self._database, trigger_id))

    async def update(self, trigger_id: str, updates: Mapping[str, Any]) -> Trigger:
        """Change attributes of a trigger and return it."""
        return await self._run(update(self._database, trigger_id, updates))

    async def toggle(self, trigger_id: str) -> Trigger:
        """Disable an enabled trigger, or enable a disabled one; return it."""
        return await self._run(toggle(self._database, trigger_id))

    async def delete(self, trigger_id: str) -> None:
        """Delete a trigger."""
        await self._run(delete(self._database, trigger_id))


def list_all(database: str) -> Exchange[list[Trigger]]:
    """Return all triggers."""
    answer = yield from rest("GET", at("database", database, "triggers"))
    return [_trigger(row) for row in answer["triggers"]]


def list_by_collection(database: str, collection: str) -> Exchange[list[Trigger]]:
    """Return the triggers of a collection."""
    path = at("database", database, "collections", collection, "triggers")
    answer = yield from rest("GET", path, what="collection", name=collection)
    return [_trigger(row) for row in answer["triggers"]]


def create(
    database: str, name: str, collection: str, events: str | Sequence[str], options: Mapping[str, Any]
) -> Exchange[Trigger]:
    """Create a trigger."""
    _refuse_description(options)
    body = {"name": name, "collection": collection, "events": events_of(events)}
    body |= {key: value for key, value in options.items() if value is not None}
    path = at("database", database, "triggers")
    return _trigger((yield from rest("POST", path, body, what="trigger", name=name)))


def get(database: str, key: str) -> Exchange[Trigger]:
    """Return a trigger."""
    return _trigger((yield from rest("GET", _place(database, key), what="trigger", name=key)))


def update(database: str, key: str, updates: Mapping[str, Any]) -> Exchange[Trigger]:
    """Change attributes of a trigger and return it."""
    _refuse_description(updates)
    body = dict(updates)
    for other in ("operation", "events"):
        if other in body:
            body["events"] = events_of(body.pop(other))
    yield from rest("PUT", _place(database, key), body, what="trigger", name=key)
    return (yield from get(database, key))


def toggle(database: str, key: str) -> Exchange[Trigger]:
    """Disable an enabled trigger, or enable a disabled one; return it."""
    path = at("database", database, "triggers", key, "toggle")
    return _trigger((yield from rest("POST", path, what="trigger", name=key)))


def delete(database: str, key: str) -> Exchange[None]:
    """Delete a trigger."""
    yield from rest("DELETE", _place(database, key), what="trigger", name=key)


def events_of(events: str | Sequence[str]) -> list[str]:
    """Return the events as the server names them."""
    names = [name.lower() for name in ([events] if isinstance(events, str) else events)]
    unknown = [name for name in names if name not in EVENTS]
    if unknown or not names:
        raise UsageError(
            f"{', '.join(unknown) or 'nothing'} is not an event of a trigger",
            hint=f"one of {', '.join(EVENTS)}",
        )
    return names


def _refuse_description(options: Mapping[str, Any]) -> None:
    if options.get("description") is not None:
        raise unsupported("description of triggers", "it keeps none", "say it in the trigger's name")


def _place(database: str, key: str) -> str:
    return at("database", database, "triggers", key)


def _trigger(row: JsonObject) -> Trigger:
    return Trigger.of(row, id=str(row["_key"]))
