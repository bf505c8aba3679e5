"""``client.users``: who can log in, in both colours."""

from __future__ import annotations

import builtins
from collections.abc import Sequence

from .calls import AsyncCaller, Caller
from .operations import access as operations
from .operations.access import Permission, RoleAssignment, User


class Users(Caller):
    """Users, blocking."""

    def list(self) -> builtins.list[User]:
        """List the users."""
        return self._run(operations.list_users())

    def create(self, username: str, password: str, roles: Sequence[str] | None = None) -> User:
        """Make a user; passwords have at least 12 characters. Without a role it can log in nowhere."""
        return self._run(operations.create_user(username, password, roles))

    def delete(self, username: str) -> None:
        """Remove a user."""
        self._run(operations.delete_user(username))

    def get_roles(self, username: str) -> builtins.list[RoleAssignment]:
        """List the roles that a user has, and where."""
        return self._run(operations.get_roles(username))

    def assign_role(self, username: str, role: str, *, database: str | None = None) -> RoleAssignment:
        """Give a user a role, everywhere or in one database; the server may take 30 seconds to notice."""
        return self._run(operations.assign_role(username, role, database))

    def revoke_role(self, username: str, role: str, *, database: str | None = None) -> None:
        """Take a role from a user; the server may take 30 seconds to notice."""
        self._run(operations.revoke_role(username, role, database))

    def me(self) -> User:
        """Say who is logged in, with roles and permissions."""
        return self._run(operations.me())

    def my_permissions(self) -> builtins.list[Permission]:
        """Say what the one who is logged in may do."""
        return self._run(operations.my_permissions())


class AsyncUsers(AsyncCaller):
    """Users, awaited."""

    async def list(self) -> builtins.list[User]:
        """List the users."""
        return await self._run(operations.list_users())

    async def create(self, username: str, password: str, roles: Sequence[str] | None = None) -> User:
        """Make a user; passwords have at least 12 characters. Without a role it can log in nowhere."""
        return await self._run(operations.create_user(username, password, roles))

    async def delete(self, username: str) -> None:
        """Remove a user."""
        await self._run(operations.delete_user(username))

    async def get_roles(self, username: str) -> builtins.list[RoleAssignment]:
        """List the roles that a user has, and where."""
        return await self._run(operations.get_roles(username))

    async def assign_role(self, username: str, role: str, *, database: str | None = None) -> RoleAssignment:
        """Give a user a role, everywhere or in one database; the server may take 30 seconds to notice."""
        return await self._run(operations.assign_role(username, role, database))

    async def revoke_role(self, username: str, role: str, *, database: str | None = None) -> None:
        """Take a role from a user; the server may take 30 seconds to notice."""
        await self._run(operations.revoke_role(username, role, database))

    async def me(self) -> User:
        """Say who is logged in, with roles and permissions."""
        return await self._run(operations.me())

    async def my_permissions(self) -> builtins.list[Permission]:
        """Say what the one who is logged in may do."""
        return await self._run(operations.my_permissions())
