"""Requests about a collection, as the wire has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from ..._types import JsonObject
from ...errors import IndexNotFound, UsageError


class Named(Protocol):
    """What has a name and an attribute: an index."""

    @property
    def name(self) -> str:
        """The index's name."""
        ...

    @property
    def field(self) -> str:
        """The attribute it is over."""
        ...


I = TypeVar("I", bound=Named)


def about(cmd: str, database: str, collection: str, **others: Any) -> JsonObject:
    """Give the request for a command about a collection."""
    return {"cmd": cmd, "database": database, "collection": collection, **others}


def route(*parts: str) -> str:
    """Give the path of an HTTP call; each part may hold any characters."""
    return "/".join(["/_api", *(quote(part, safe="") for part in parts)])


def named(indexes: Iterable[I], name: str, collection: str, kind: str) -> I:
    """Give the index of this name."""
    for index in indexes:
        if index.name == name:
            return index
    raise IndexNotFound(f"{collection} has no {kind} index {name!r}", name=name)


def chosen(indexes: Sequence[I], name: str | None, collection: str, kind: str) -> I:
    """Give the index of this name, or the only one there is."""
    if name is not None:
        return named(indexes, name, collection, kind)
    if len(indexes) == 1:
        return indexes[0]
    if not indexes:
        raise IndexNotFound(
            f"{collection} has no {kind} index", hint=f"make one with {kind}.create_index(..)"
        )
    names = ", ".join(index.name for index in indexes)
    raise UsageError(f"{collection} has several {kind} indexes: {names}", hint="choose one with index=…")
