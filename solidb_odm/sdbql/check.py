"""Checks before a query is sent, for what the server would not complain about.

A bind variable that is missing makes a FILTER false, a SORT key null and a LIMIT 0 on the server, so the
answer would be wrong without an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from solidb_odm.errors import QueryError
from solidb_odm.sdbql.walk import bind_names

if TYPE_CHECKING:
    from solidb_odm.sdbql.nodes import Query

MIN_INTEGER, MAX_UNSIGNED = -(2**63), 2**64 - 1
_MAX_DEPTH = 128
"""Deeper values are refused by the server's decoder, and a list that holds itself has no end."""


def check_binds(query: Query, binds: Mapping[str, Any]) -> None:
    """Check that every bind variable has a value, and that all values are JSON.

    Values that the query does not use are allowed.

    Raises:
        QueryError: naming the missing variables, or the place of the value that is not JSON.
    """
    check_names(bind_names(query), binds)
    for name, value in binds.items():
        check_value(value, f"@{name}")


def check_names(needed: frozenset[str], binds: Mapping[str, Any]) -> None:
    """Check that every bind variable has a value."""
    missing = sorted(needed - binds.keys())
    if not missing:
        return
    names = ", ".join(f"@{name}" for name in missing)
    given = ", ".join(f"@{name}" for name in sorted(binds)) or "none"
    raise QueryError(
        f"no value for {names}",
        binds=dict(binds),
        hint=f"the query needs a value for each bind variable; given: {given}",
    )


def check_value(value: Any, place: str, depth: int = 0) -> None:
    """Check that a value is JSON, and name the place of what is not."""
    if value is None or isinstance(value, (bool, str)):
        _check_text(value, place)
    elif isinstance(value, int):
        if not MIN_INTEGER <= value <= MAX_UNSIGNED:
            raise _refused(place, f"{value} does not fit 64 bits", "send it as a float or as text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(place, f"{value} is not a JSON number", "send None instead")
    elif isinstance(value, (list, tuple)):
        _check_depth(place, depth)
        for index, item in enumerate(cast("list[Any]", value)):
            check_value(item, f"{place}[{index}]", depth + 1)
    elif isinstance(value, Mapping):
        _check_depth(place, depth)
        mapping: Mapping[Any, Any] = value
        _check_mapping(mapping, place, depth)
    else:
        kind = type(value).__name__
        raise _refused(place, f"{kind} is not JSON", "convert it first, dates to ISO 8601 text")


def _check_mapping(value: Mapping[Any, Any], place: str, depth: int) -> None:
    for key, item in value.items():
        if not isinstance(key, str):
            raise _refused(place, f"the key {key!r} is no text", "keys of JSON objects are text")
        _check_text(key, place)
        check_value(item, f"{place}.{key}", depth + 1)


def _check_text(value: object, place: str) -> None:
    if isinstance(value, str) and not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise _refused(place, f"{value!r} is not valid Unicode") from exc


def _check_depth(place: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _refused(place[:80], f"more than {_MAX_DEPTH} levels of lists and objects")


def _refused(place: str, why: str, hint: str | None = None) -> QueryError:
    return QueryError(f"{place} can't be sent: {why}", hint=hint)
