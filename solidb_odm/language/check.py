"""Checks before a query is sent, for what the server would not complain about.

A bind variable that is missing makes a FILTER false, a SORT key null and a LIMIT 0 on the server, so the
answer would be wrong without an error.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, TypeAlias, cast

from ..errors import QueryError

MIN_INTEGER, MAX_UNSIGNED = -(2**63), 2**64 - 1
_MAX_DEPTH = 128
"""Deeper values are refused by the server's decoder, and a list that holds itself has no end."""

_MAX_PLACE = 120

Place: TypeAlias = "tuple[Place | None, str | int, int]"
"""Where a value stands: in what, under which key, how deep. It is spelled out only for an error."""


def check_values(binds: Mapping[str, Any]) -> None:
    """Check that all values are JSON."""
    for name, value in binds.items():
        if not (type(value) is str and value.isascii()):
            check_value(value, (None, name, 0))


def check_names(needed: frozenset[str], binds: Mapping[str, Any]) -> None:
    """Check that every bind variable has a value."""
    if needed <= binds.keys():
        return
    missing = sorted(needed - binds.keys())
    names = ", ".join(f"@{name}" for name in missing)
    given = ", ".join(f"@{name}" for name in sorted(binds)) or "none"
    raise QueryError(
        f"no value for {names}",
        binds=dict(binds),
        hint=f"give it by its name: sdbql(text, {missing[0]}=value), or in a dict; given: {given}",
    )


def check_value(value: object, place: Place) -> None:
    """Check that a value is JSON, and name the place of what is not."""
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, str):
        _check_text(value, place)
    elif isinstance(value, int):
        if not MIN_INTEGER <= value <= MAX_UNSIGNED:
            raise _refused(place, f"{value} does not fit 64 bits", "send it as a float or as text")
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise _refused(place, f"{value} is not a JSON number", "send None instead")
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(cast("list[object]", value)):
            check_value(item, _inside(place, index))
    elif isinstance(value, Mapping):
        for key, item in cast("Mapping[object, object]", value).items():
            if not isinstance(key, str):
                raise _refused(place, f"the key {key!r} is no text", "keys of JSON objects are text")
            _check_text(key, place)
            check_value(item, _inside(place, key))
    else:
        kind = type(value).__name__
        raise _refused(place, f"{kind} is not JSON", "convert it first, dates to ISO 8601 text")


def _inside(place: Place, key: str | int) -> Place:
    inner = (place, key, place[2] + 1)
    if inner[2] > _MAX_DEPTH:
        raise _refused(place, f"more than {_MAX_DEPTH} levels of lists and objects")
    return inner


def _check_text(value: str, place: Place) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as exc:
            raise _refused(place, f"{value!r} is not valid Unicode") from exc


def _refused(place: Place, why: str, hint: str | None = None) -> QueryError:
    keys: list[str] = []
    at: Place | None = place
    while at is not None:
        outer, key, _ = at
        keys.append(f"@{key}" if outer is None else f"[{key}]" if isinstance(key, int) else f".{key}")
        at = outer
    text = "".join(reversed(keys))
    short = text if len(text) <= _MAX_PLACE else f"{text[:_MAX_PLACE]}.."
    return QueryError(f"{short} can't be sent: {why}", hint=hint)
