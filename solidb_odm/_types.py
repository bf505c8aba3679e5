"""Aliases that every layer shares."""

from __future__ import annotations

from typing import Any, TypeAlias, TypeGuard

Json: TypeAlias = Any
"""A JSON value: None, bool, int, float, str, or lists and string-keyed dicts of them."""

JsonObject: TypeAlias = dict[str, Any]
"""A JSON object: a document, or a part of one."""

Binds: TypeAlias = dict[str, Any]
"""The values of a query's bind variables, by name without the ``@``."""

Body: TypeAlias = "str | JsonObject"
"""A document as an engine keeps it: JSON text on a file, a decoded map from a server.

The text and the map hold ``_key`` and the user's attributes, not the other system attributes.
"""

Stored: TypeAlias = tuple[str, str, str, str, Body]
"""A stored document: key, revision, time created, time updated (RFC 3339), body.

A plain tuple, because a query answers with thousands of them and a SQLite cursor makes them itself.
"""

Receipt: TypeAlias = tuple[str, str, str]
"""What a write leaves behind: revision, time created, time updated (RFC 3339)."""


def is_map(value: Json) -> TypeGuard[JsonObject]:
    """Return whether a value is a JSON object."""
    return isinstance(value, dict)


def is_list(value: Json) -> TypeGuard[list[Json]]:
    """Return whether a value is a JSON array."""
    return isinstance(value, list)


def is_tuple(value: Any) -> TypeGuard[tuple[Any, ...]]:
    """Return whether a value is a tuple."""
    return isinstance(value, tuple)


def is_row(value: Any) -> TypeGuard[list[Any] | tuple[Any, ...]]:
    """Return whether a value is a list or a tuple."""
    return isinstance(value, (list, tuple))


def shown(value: object) -> str:
    """Return a value as a message shows it: in one line that can be read."""
    text = repr(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}.."


_LONGEST_SHOWN = 120
