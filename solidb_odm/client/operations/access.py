"""Roles, users and API keys. Over HTTP: the driver's commands leave rows behind, or do nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..._types import JsonObject
from ...errors import NotFoundError, UsageError
from ...wire.requests import Exchange, ask
from ..results import Result
from .moments import unix_seconds
from .refusals import unsupported
from .rest import at, rest

ACTIONS = ("admin", "write", "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission(Result):
    """What may be done: ``read``, ``write`` or ``admin``; everywhere, or in one database."""

    action: str
    scope: str = "global"
    database: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(Result):
    """A named set of permissions."""

    name: str
    permissions: list[Permission] = field(default_factory=list[Permission])
    description: str | None = None
    is_builtin: bool = False
    created_at: str = ""
    updated_at: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class User(Result):
    """Somebody who can log in; ``permissions`` are told of oneself only."""

    username: str
    roles: list[str] = field(default_factory=list[str])
    created_at: str = ""
    permissions: list[Permission] = field(default_factory=list[Permission])


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleAssignment(Result):
    """A role that a user has, everywhere or in one database."""

    id: str
    username: str
    role: str
    database: str | None = None
    assigned_at: str = ""
    assigned_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey(Result):
    """An API key; ``key`` is the secret, told only when it is made."""

    id: str
    name: str
    key: str = field(default="", repr=False)
    roles: list[str] = field(default_factory=list[str])
    scoped_databases: list[str] = field(default_factory=list[str])
    created_at: str = ""
    expires_at: str | None = None


def list_roles() -> Exchange[list[Role]]:
    """List the roles."""
    return [_role(row) for row in (yield from rest("GET", at("auth", "roles")))]


def get_role(name: str) -> Exchange[Role]:
    """Read a role."""
    return _role((yield from rest("GET", at("auth", "roles", name), what="role", name=name)))


def create_role(
    name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
) -> Exchange[Role]:
    """Make a role."""
    body: JsonObject = {"name": name, "permissions": [permission_of(item) for item in permissions]}
    if description is not None:
        body["description"] = description
    return _role((yield from rest("POST", at("auth", "roles"), body, what="role", name=name)))


def update_role(
    name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
) -> Exchange[Role]:
    """Give a role other permissions."""
    body: JsonObject = {"permissions": [permission_of(item) for item in permissions]}
    if description is not None:
        body["description"] = description
    return _role((yield from rest("PUT", at("auth", "roles", name), body, what="role", name=name)))


def delete_role(name: str) -> Exchange[None]:
    """Remove a role."""
    yield from rest("DELETE", at("auth", "roles", name), what="role", name=name)


def permission_of(given: str | Mapping[str, Any]) -> JsonObject:
    """Read a permission: ``"read"``, ``"write:mydb"``, or a map with action, scope and database."""
    if isinstance(given, str):
        word, _, place = given.partition(":")
        given = {"action": word, "database": place or None}
    action, database = str(given.get("action", "")).lower(), given.get("database")
    scope = str(given.get("scope") or ("database" if database else "global")).lower()
    if action == "execute" or scope in ("collection", "script"):
        raise unsupported(
            "permission for one collection or script, and none to execute",
            "its roles know read, write and admin, globally or for one database",
            "{'action': 'write', 'scope': 'database', 'database': ..}",
        )
    if (
        action not in ACTIONS
        or scope not in ("global", "database")
        or (scope == "database") != bool(database)
    ):
        raise UsageError(
            f"{dict(given)} is not a permission",
            hint="{'action': 'read', 'scope': 'database', 'database': 'mydb'}, or 'read:mydb'",
        )
    return {"action": action, "scope": scope, "database": database}


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
    """Give a user a role, everywhere or in one database."""
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
    """Say who is logged in."""
    row = yield from rest("GET", at("auth", "me"))
    return User.of(row, permissions=[Permission.of(item) for item in row["permissions"]])


def my_permissions() -> Exchange[list[Permission]]:
    """Say what the one who is logged in may do."""
    return [Permission.of(row) for row in (yield from rest("GET", at("auth", "me", "permissions")))]


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
        row = (yield from ask(request | {"expires_at": unix_seconds(expires_at)})).data
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


def _role(row: JsonObject) -> Role:
    return Role.of(row, permissions=[Permission.of(item) for item in row["permissions"]])


def _key(row: JsonObject) -> ApiKey:
    row["_key"] = row["id"]
    return ApiKey.of(row)
