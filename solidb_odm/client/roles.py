"""``client.roles``: named sets of permissions, in both colours."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from .calls import AsyncCaller, Caller
from .operations import access as operations
from .operations.access import Role


class Roles(Caller):
    """Roles, blocking. A permission is a map with action, scope and database, or ``"read:mydb"``."""

    def list(self) -> builtins.list[Role]:
        """List the roles."""
        return self._run(operations.list_roles())

    def create(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Make a role."""
        return self._run(operations.create_role(name, permissions, description))

    def get(self, name: str) -> Role:
        """Read a role; NotFoundError if there is none."""
        return self._run(operations.get_role(name))

    def update(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Give a role other permissions."""
        return self._run(operations.update_role(name, permissions, description))

    def delete(self, name: str) -> None:
        """Remove a role."""
        self._run(operations.delete_role(name))


class AsyncRoles(AsyncCaller):
    """Roles, awaited. A permission is a map with action, scope and database, or ``"read:mydb"``."""

    async def list(self) -> builtins.list[Role]:
        """List the roles."""
        return await self._run(operations.list_roles())

    async def create(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Make a role."""
        return await self._run(operations.create_role(name, permissions, description))

    async def get(self, name: str) -> Role:
        """Read a role; NotFoundError if there is none."""
        return await self._run(operations.get_role(name))

    async def update(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Give a role other permissions."""
        return await self._run(operations.update_role(name, permissions, description))

    async def delete(self, name: str) -> None:
        """Remove a role."""
        await self._run(operations.delete_role(name))
