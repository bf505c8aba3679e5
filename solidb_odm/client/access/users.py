"""``client.users``: who can log in, and with which roles."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import dataclass, field

from ...errors import NotFoundError
from ...wire.requests import Exchange
from ..calls import AsyncCaller, Caller
from ..requests import at, rest
from ..results import ClientResult
from .roles import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class User(ClientResult):
    """A user who can log in; ``permissions`` are known of the one that is logged in only."""

    username: str
    roles: list[str] = field(default_factory=list[str])
    created_at: str = ""
    permissions: list[Permission] = field(default_factory=list[Permission])


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment(ClientResult):
    """A role that a user has, everywhere or in one database."""

    id: str
    username: str
    role: str
    database: str | None = None
    assigned_at: str = ""
    assigned_by: str = ""


class Users(Caller):
    """Users, blocking."""

    def list(self) -> builtins.list[User]:
        """List the users."""
        return self._run(list_users())

    def create(self, username: str, password: str, roles: Sequence[str] | None = None) -> User:
        """Make a user; passwords have at least 12 characters. Without a role it can log in nowhere."""
        return self._run(create_user(username, password, roles))

    def delete(self, username: str) -> None:
        """Remove a user."""
        self._run(delete_user(username))

    def get_roles(self, username: str) -> builtins.list[RoleAssignment]:
        """List the roles that a user has, and where."""
        return self._run(get_roles(username))

    def assign_role(self, username: str, role: str, *, database: str | None = None) -> RoleAssignment:
        """Assign a role to a user, everywhere or in one database; it may take 30 seconds to hold."""
        return self._run(assign_role(username, role, database))

    def revoke_role(self, username: str, role: str, *, database: str | None = None) -> None:
        """Take a role from a user; the server may take 30 seconds to notice."""
        self._run(revoke_role(username, role, database))

    def me(self) -> User:
        """Return the user that is logged in, with roles and permissions."""
        return self._run(me())

    def my_permissions(self) -> builtins.list[Permission]:
        """Return the permissions of the user that is logged in."""
        return self._run(my_permissions())


class AsyncUsers(AsyncCaller):
    """Users, awaited."""

    async def list(self) -> builtins.list[User]:
        """List the users."""
        return await self._run(list_users())

    async def create(self, username: str, password: str, roles: Sequence[str] | None = None) -> User:
        """Make a user; passwords have at least 12 characters. Without a role it can log in nowhere."""
        return await self._run(create_user(username, password, roles))

    async def delete(self, username: str) -> None:
        """Remove a user."""
        await self._run(delete_user(username))

    async def get_roles(self, username: str) -> builtins.list[RoleAssignment]:
        """List the roles that a user has, and where."""
        return await self._run(get_roles(username))

    async def assign_role(self, username: str, role: str, *, database: str | None = None) -> RoleAssignment:
        """Assign a role to a user, everywhere or in one database; it may take 30 seconds to hold."""
        return await self._run(assign_role(username, role, database))

    async def revoke_role(self, username: str, role: str, *, database: str | None = None) -> None:
        """Take a role from a user; the server may take 30 seconds to notice."""
        await self._run(revoke_role(username, role, database))

    async def me(self) -> User:
        """Return the user that is logged in, with roles and permissions."""
        return await self._run(me())

    async def my_permissions(self) -> builtins.list[Permission]:
        """Return the permissions of the user that is logged in."""
        return await self._run(my_permissions())


def list_users() -> Exchange[list[User]]:
    """List the users."""
    return [User.of(row) for row in (yield from rest("GET", at("auth", "users")))["users"]]


def create_user(username: str, password: str, roles: Sequence[str] | None = None) -> Exchange[User]:
    """Make a user, and give it roles: without one it can log in nowhere."""
    body = {"username": username, "password": password}
    row = yield from rest("POST", at("auth", "users"), body, what="user", name=username)
    for role in roles or ():
        yield from assign_role(username, role)
    return User.of(row, roles=list(roles or ()))


def delete_user(username: str) -> Exchange[None]:
    """Remove a user."""
    yield from rest("DELETE", at("auth", "users", username), what="user", name=username)


def get_roles(username: str) -> Exchange[list[RoleAssignment]]:
    """List the roles that a user has."""
    path = at("auth", "users", username, "roles")
    rows = yield from rest("GET", path, what="user", name=username)
    if not rows and all(user.username != username for user in (yield from list_users())):
        raise NotFoundError(f"there is no user {username!r}", name=username)
    return [RoleAssignment.of(row) for row in rows]


def assign_role(username: str, role: str, database: str | None = None) -> Exchange[RoleAssignment]:
    """Assign a role to a user, everywhere or in one database."""
    body = {"role": role} if database is None else {"role": role, "database": database}
    path = at("auth", "users", username, "roles")
    what = f"{username} with the role"
    return RoleAssignment.of((yield from rest("POST", path, body, what=what, name=role)))


def revoke_role(username: str, role: str, database: str | None = None) -> Exchange[None]:
    """Take a role from a user."""
    path = at("auth", "users", username, "roles", role)
    if database is not None:
        path += f"?database={at(database).removeprefix('/_api/')}"
    yield from rest("DELETE", path, what=f"role of {username}", name=role)


def me() -> Exchange[User]:
    """Return the user that is logged in."""
    row = yield from rest("GET", at("auth", "me"))
    return User.of(row, permissions=[Permission.of(item) for item in row["permissions"]])


def my_permissions() -> Exchange[list[Permission]]:
    """Return the permissions of the user that is logged in."""
    return [Permission.of(row) for row in (yield from rest("GET", at("auth", "me", "permissions")))]
