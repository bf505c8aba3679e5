"""``client.env``: environment variables of scripts, in both colours."""

from __future__ import annotations

from .calls import AsyncCaller, Caller
from .operations import env as operations


class Env(Caller):
    """Environment variables, blocking."""

    def list(self) -> dict[str, str]:
        """Give the variables and their values."""
        return self._run(operations.list_all(self._database))

    def set(self, key: str, value: str) -> None:
        """Set a variable."""
        self._run(operations.set_value(self._database, key, value))

    def delete(self, key: str) -> None:
        """Remove a variable; NotFoundError if there is none."""
        self._run(operations.delete(self._database, key))


class AsyncEnv(AsyncCaller):
    """Environment variables, awaited."""

    async def list(self) -> dict[str, str]:
        """Give the variables and their values."""
        return await self._run(operations.list_all(self._database))

    async def set(self, key: str, value: str) -> None:
        """Set a variable."""
        await self._run(operations.set_value(self._database, key, value))

    async def delete(self, key: str) -> None:
        """Remove a variable; NotFoundError if there is none."""
        await self._run(operations.delete(self._database, key))
