"""``client.api_keys``: keys to log in with instead of a password, in both colours."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from datetime import datetime

from .calls import AsyncCaller, Caller
from .operations import access as operations
from .operations.access import ApiKey


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
        return self._run(operations.create_key(name, databases, expires_at, roles))

    def list(self) -> builtins.list[ApiKey]:
        """List the keys, without their secrets."""
        return self._run(operations.list_keys())

    def delete(self, key_id: str) -> None:
        """Remove a key; a connection that has logged in with it may live for another minute."""
        self._run(operations.delete_key(key_id))


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
        return await self._run(operations.create_key(name, databases, expires_at, roles))

    async def list(self) -> builtins.list[ApiKey]:
        """List the keys, without their secrets."""
        return await self._run(operations.list_keys())

    async def delete(self, key_id: str) -> None:
        """Remove a key; a connection that has logged in with it may live for another minute."""
        await self._run(operations.delete_key(key_id))
