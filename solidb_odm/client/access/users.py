"""``client.users``: users, their passwords and roles.

``client.api_keys``: keys that replace a user name and password.
"""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from dataclasses import field
from datetime import datetime

from ..._dataclasses import dataclass
from ..._types import JsonObject
from ...errors import NotFoundError
from ...wire.exchange import Exchange, send
from ..calls import AsyncCaller, Caller
from ..requests import at, rest, unix_seconds, unsupported
from ..results import ClientResult
from .roles import Permission


@dataclass(frozen=True, slots=True, kw_only=True)
class User(ClientResult):
    """A user. ``permissions`` are known only for the user that is logged in."""

    username: str
    roles: list[str] = field(default_factory=list[str])
    created_at: str = ""
    permissions: list[Permission] = field(default_factory=list[Permission])


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment(ClientResult):
    """A role that is assigned to a user, in one database or in all."""

    id: str
    username: str
    role: str
    database: str | None = None
    assigned_at: str = ""
    assigned_by: str = ""


class Users(Caller):
    """Calls for users, blocking."""

    def list(self) -> builtins.list[User]:
        """Return all users."""
        return self._run(list_users())

    def create(self, username: str, password: str, roles: Sequence[str] | None = None) -> User:
        """Create a user with a password of at least 12 characters. A user without a role cannot log in."""
        return self._run(create_user(username, password, roles))

    def delete(self, username: str) -> None:
        """Delete a user."""
        self._run(delete_user(username))

    def get_roles(self, username: str) -> builtins.list[RoleAssignment]:
        """Return the roles that are assigned to a user, each with its database."""
        return self._run(get_roles(username))

    def assign_role(self, username: str, role: str, *, database: str | None = None) -> RoleAssignment:
        """Assign a role to a user, in one database or in all. It may take 30 seconds to take effect."""
        return self._run(assign_role(username, role, database))

    def revoke_role(self, username: str, role: str, *, database: str | None = None) -> None:
        """Revoke a role of a user. It may take 30 seconds to take effect."""
        self._run(revoke_role(username, role, database))

    def me(self) -> User:
        """Return the user that is logged in, with its roles and permissions."""
        return self._run(me())

    def my_permissions(self) -> builtins.list[Permission]:
        """Return the permissions of the user that is logged in."""
        return self._run(my_permissions())


class AsyncUsers(AsyncCaller):
    """Calls for users, async."""

    async def list(self) -> builtins.list[User]:
        """Return all users."""
        return await self._run(list_users())

    async def create(self, username: str, password: str, roles: Sequence[str] | None = None) -> User:
        """Create a user with a password of at least 12 characters. A user without a role cannot log in."""
        return await self._run(create_user(username, password, roles))

    async def delete(self, username: str) -> None:
        """Delete a user."""
        await self._run(delete_user(username))

    async def get_roles(self, username: str) -> builtins.list[RoleAssignment]:
        """Return the roles that are assigned to a user, each with its database."""
        return await self._run(get_roles(username))

    async def assign_role(self, username: str, role: str, *, database: str | None = None) -> RoleAssignment:
        """Assign a role to a user, in one database or in all. It may take 30 seconds to take effect."""
        return await self._run(assign_role(username, role, database))

    async def revoke_role(self, username: str, role: str, *, database: str | None = None) -> None:
        """Revoke a role of a user. It may take 30 seconds to take effect."""
        await self._run(revoke_role(username, role, database))

    async def me(self) -> User:
        """Return the user that is logged in, with its roles and permissions."""
        return await self._run(me())

    async def my_permissions(self) -> builtins.list[Permission]:
        """Return the permissions of the user that is logged in."""
        return await self._run(my_permissions())


def list_users() -> Exchange[list[User]]:
    """Return all users."""
    return [User.of(row) for row in (yield from rest("GET", at("auth", "users")))["users"]]


def create_user(username: str, password: str, roles: Sequence[str] | None = None) -> Exchange[User]:
    """Create a user and assign roles to it; a user without a role cannot log in."""
    body = {"username": username, "password": password}
    row = yield from rest("POST", at("auth", "users"), body, what="user", name=username)
    for role in roles or ():
        yield from assign_role(username, role)
    return User.of(row, roles=list(roles or ()))


def delete_user(username: str) -> Exchange[None]:
    """Delete a user."""
    yield from rest("DELETE", at("auth", "users", username), what="user", name=username)


def get_roles(username: str) -> Exchange[list[RoleAssignment]]:
    """Return the roles that are assigned to a user."""
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
    """Revoke a role of a user."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(ClientResult):
    """An API key. ``key`` is the secret, which the server returns only when the key is created."""

    id: str
    name: str
    key: str = field(default="", repr=False)
    roles: list[str] = field(default_factory=list[str])
    scoped_databases: list[str] = field(default_factory=list[str])
    created_at: str = ""
    expires_at: str | None = None


class ApiKeys(Caller):
    """Calls for API keys, blocking."""

    def create(
        self,
        name: str,
        databases: Sequence[str] | None = None,
        expires_at: datetime | str | float | None = None,
        *,
        roles: Sequence[str] = ("editor",),
    ) -> ApiKey:
        """Create a key with the permissions of roles. ``key.key`` is the secret; it cannot be read later.

        A key can be limited to ``databases`` or expire; the server has no key that does both.
        """
        return self._run(create_key(name, databases, expires_at, roles))

    def list(self) -> builtins.list[ApiKey]:
        """Return the keys, without their secrets."""
        return self._run(list_keys())

    def delete(self, key_id: str) -> None:
        """Delete a key. A connection that has logged in with it may remain open for another minute."""
        self._run(delete_key(key_id))


class AsyncApiKeys(AsyncCaller):
    """Calls for API keys, async."""

    async def create(
        self,
        name: str,
        databases: Sequence[str] | None = None,
        expires_at: datetime | str | float | None = None,
        *,
        roles: Sequence[str] = ("editor",),
    ) -> ApiKey:
        """Create a key with the permissions of roles. ``key.key`` is the secret; it cannot be read later.

        A key can be limited to ``databases`` or expire; the server has no key that does both.
        """
        return await self._run(create_key(name, databases, expires_at, roles))

    async def list(self) -> builtins.list[ApiKey]:
        """Return the keys, without their secrets."""
        return await self._run(list_keys())

    async def delete(self, key_id: str) -> None:
        """Delete a key. A connection that has logged in with it may remain open for another minute."""
        await self._run(delete_key(key_id))


def create_key(
    name: str,
    databases: Sequence[str] | None,
    expires_at: datetime | str | float | None,
    roles: Sequence[str],
) -> Exchange[ApiKey]:
    """Create an API key: over HTTP if it is limited to databases, over the driver if it expires."""
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
    """Return the API keys, without their secrets."""
    return [_key(row) for row in (yield from rest("GET", at("auth", "api-keys")))["keys"]]


def delete_key(key_id: str) -> Exchange[None]:
    """Remove an API key."""
    yield from rest("DELETE", at("auth", "api-keys", key_id), what="API key", name=key_id)


def _key(row: JsonObject) -> ApiKey:
    row["_key"] = row["id"]
    return ApiKey.of(row)
