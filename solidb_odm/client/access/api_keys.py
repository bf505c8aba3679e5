"""``client.api_keys``: keys to log in with instead of a password."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ..._types import JsonObject
from ...wire.requests import Exchange, send
from ..calls import AsyncCaller, Caller
from ..requests import at, rest, unix_seconds, unsupported
from ..results import ClientResult


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(ClientResult):
    """An API key; ``key`` is the secret, told only when it is made."""

    id: str
    name: str
    key: str = field(default="", repr=False)
    roles: list[str] = field(default_factory=list[str])
    scoped_databases: list[str] = field(default_factory=list[str])
    created_at: str = ""
    expires_at: str | None = None


class ApiKeys(Caller):
    """API keys, blocking."""

    def create(
        self,
        name: str,
        databases: Sequence[str] | None = None,
        expires_at: datetime | str | float | None = None,
        *,
        roles: Sequence[str] = ("editor",),
    ) -> ApiKey:
        """Make a key with the permissions of roles; ``key.key`` is the secret, told only now.

        The server knows keys for some databases and keys that expire, but none that are both.
        """
        return self._run(create_key(name, databases, expires_at, roles))

    def list(self) -> builtins.list[ApiKey]:
        """List the keys, without their secrets."""
        return self._run(list_keys())

    def delete(self, key_id: str) -> None:
        """Remove a key; a connection that has logged in with it may live for another minute."""
        self._run(delete_key(key_id))


class AsyncApiKeys(AsyncCaller):
    """API keys, awaited."""

    async def create(
        self,
        name: str,
        databases: Sequence[str] | None = None,
        expires_at: datetime | str | float | None = None,
        *,
        roles: Sequence[str] = ("editor",),
    ) -> ApiKey:
        """Make a key with the permissions of roles; ``key.key`` is the secret, told only now.

        The server knows keys for some databases and keys that expire, but none that are both.
        """
        return await self._run(create_key(name, databases, expires_at, roles))

    async def list(self) -> builtins.list[ApiKey]:
        """List the keys, without their secrets."""
        return await self._run(list_keys())

    async def delete(self, key_id: str) -> None:
        """Remove a key; a connection that has logged in with it may live for another minute."""
        await self._run(delete_key(key_id))


def create_key(
    name: str,
    databases: Sequence[str] | None,
    expires_at: datetime | str | float | None,
    roles: Sequence[str],
) -> Exchange[ApiKey]:
    """Make an API key. The server takes the databases over HTTP only, and an expiry only not so."""
    if databases and expires_at is not None:
        raise unsupported(
            "API key that is both for some databases and expires",
            "it takes either, by different ways",
            "leave one out; delete the key when it is no longer needed",
        )
    if expires_at is not None:
        request = {"cmd": "create_api_key", "name": name, "permissions": list(roles)}
        row = (yield from send(request | {"expires_at": unix_seconds(expires_at)})).data
        return ApiKey.of(row, id=row["_key"])
    body: JsonObject = {"name": name, "roles": list(roles)}
    if databases:
        body["scoped_databases"] = list(databases)
    return _key((yield from rest("POST", at("auth", "api-keys"), body, what="API key", name=name)))


def list_keys() -> Exchange[list[ApiKey]]:
    """List the API keys, without their secrets."""
    return [_key(row) for row in (yield from rest("GET", at("auth", "api-keys")))["keys"]]


def delete_key(key_id: str) -> Exchange[None]:
    """Remove an API key."""
    yield from rest("DELETE", at("auth", "api-keys", key_id), what="API key", name=key_id)


def _key(row: JsonObject) -> ApiKey:
    row["_key"] = row["id"]
    return ApiKey.of(row)
