"""Names of collections and attributes in queries, where bind variables can't stand, and of indexes."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..errors import UsageError

_UNSAFE = re.compile(r"[\x00-\x1f\x7f`/:\s]")


def quoted(name: str) -> str:
    """Quote a collection's name, or raise UsageError if it can't be one."""
    return f"`{checked(name)}`"


def path(variable: str, field: str) -> str:
    """Return the text of a dotted path below a variable."""
    return ".".join([variable, *(f"`{part}`" for part in field.replace("`", "").split("."))])


def checked(name: str) -> str:
    """Return the name of a collection, or raise UsageError: the server would take anything."""
    if not name or len(name) > 200 or _UNSAFE.search(name):
        raise UsageError(
            f"{name!r} can't be the name of a collection",
            hint="use letters, digits, _ and -; the server accepts more, but can't be queried for it",
        )
    return name


_NULLS = " of null "


def partial_index_name(name: str, nulls: Sequence[str]) -> str:
    """Return what an index is called on the server that is for the documents with null at some paths."""
    return f"{name}{_NULLS}{', '.join(nulls)}" if nulls else name


def own_index_name(name: str) -> tuple[str, list[str]]:
    """Return the name of an index that the server calls so, and the paths that must be null."""
    own, is_partial, nulls = name.partition(_NULLS)
    return own, nulls.split(", ") if is_partial else []
