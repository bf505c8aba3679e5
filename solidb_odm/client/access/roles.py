"""``client.roles``: named sets of permissions.

All calls use HTTP: the corresponding commands of the driver protocol have no effect, or leave rows behind.
"""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from ..._dataclasses import dataclass
from ..._types import JsonObject
from ...errors import UsageError
from ...wire.exchange import Exchange
from ..calls import AsyncCaller, Caller
from ..requests import at, rest, unsupported
from ..results import ClientResult

ACTIONS = ("admin", "write", "read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission(ClientResult):
    """A permission: ``read``, ``write`` or ``admin``, in one database or in all (``scope``)."""

    action: str
    scope: str = "global"
    database: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Role(ClientResult):
    """A role: a named set of permissions."""

    name: str
    permissions: list[Permission] = field(default_factory=list[Permission])
    description: str | None = None
    is_builtin: bool = False
    created_at: str = ""
    updated_at: str = ""


class Roles(Caller):
    """Calls for roles, blocking. A permission is ``"read:mydb"`` or a mapping of action, scope, database."""

    def list(self) -> builtins.list[Role]:
        """Return all roles."""
        return self._run(list_roles())

    def create(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Create a role and return it."""
        return self._run(create_role(name, permissions, description))

    def get(self, name: str) -> Role:
        """Return a role; raise NotFoundError if there is none of this name."""
        return self._run(get_role(name))

    def update(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Replace the permissions of a role and return it."""
        return self._run(update_role(name, permissions, description))

    def delete(self, name: str) -> None:
        """Delete a role."""
        self._run(delete_role(name))


class AsyncRoles(AsyncCaller):
    """Calls for roles, async. A permission is ``"read:mydb"`` or a mapping of action, scope, database."""

    async def list(self) -> builtins.list[Role]:
        """Return all roles."""
        return await self._run(list_roles())

    async def create(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Create a role and return it."""
        return await self._run(create_role(name, permissions, description))

    async def get(self, name: str) -> Role:
        """Return a role; raise NotFoundError if there is none of this name."""
        return await self._run(get_role(name))

    async def update(
        self, name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
    ) -> Role:
        """Replace the permissions of a role and return it."""
        return await self._run(update_role(name, permissions, description))

    async def delete(self, name: str) -> None:
        """Delete a role."""
        await self._run(delete_role(name))


def list_roles() -> Exchange[list[Role]]:
    """Return all roles."""
    return [_role(row) for row in (yield from rest("GET", at("auth", "roles")))]


def get_role(name: str) -> Exchange[Role]:
    """Return a role."""
    return _role((yield from rest("GET", at("auth", "roles", name), what="role", name=name)))


def create_role(
    name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
) -> Exchange[Role]:
    """Create a role and return it."""
    body: JsonObject = {"name": name, "permissions": [permission_of(item) for item in permissions]}
    if description is not None:
        body["description"] = description
    return _role((yield from rest("POST", at("auth", "roles"), body, what="role", name=name)))


def update_role(
    name: str, permissions: Sequence[str | Mapping[str, Any]], description: str | None = None
) -> Exchange[Role]:
    """Replace the permissions of a role and return it."""
    body: JsonObject = {"permissions": [permission_of(item) for item in permissions]}
    if description is not None:
        body["description"] = description
    return _role((yield from rest("PUT", at("auth", "roles", name), body, what="role", name=name)))


def delete_role(name: str) -> Exchange[None]:
    """Delete a role."""
    yield from rest("DELETE", at("auth", "roles", name), what="role", name=name)


def permission_of(given: str | Mapping[str, Any]) -> JsonObject:
    """Return a permission in the server's form, from ``"read"``, ``"write:mydb"`` or a mapping."""
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


def _role(row: JsonObject) -> Role:
    return Role.of(row, permissions=[Permission.of(item) for item in row["permissions"]])
