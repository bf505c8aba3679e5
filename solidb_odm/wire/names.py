"""Names of collections and attributes in the text of queries, where bind variables can't stand."""

from __future__ import annotations

import re

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
