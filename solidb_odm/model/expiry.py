"""When documents expire: what a ``TTLIndex`` says, for reads that come before the engine deletes them.

An engine deletes expired documents now and then. Until it does, conditions of queries leave them out,
with the time of each run as a bind value, and sessions take what they hold for deleted.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias

from pydantic import BaseModel

from ..commands import IndexSpec
from .declaration.computed import stored_names
from .stored.pydantic_attributes import class_fields
from .type_inspection import cached_by_class

Expiry: TypeAlias = tuple[tuple[str, ...], int]
"""The stored path of the field that holds a time, and the seconds from it to the end."""
Clock: TypeAlias = dict[str, tuple[int, bool]]
"""For the name of a bind variable how many seconds ago it is, and whether as text or in Unix seconds."""

CLOCK: Final = "_clock"
"""What stands for the clock among the bind values of a compiled statement."""
EARLIEST: Final = -62_135_596_800
"""The year 1 in Unix seconds, before which nothing is."""


@cached_by_class
def expiries(model: Any) -> tuple[Expiry, ...]:
    """Return when documents of a class expire, as its indexes say."""
    indexes: Iterable[IndexSpec] = model.__solidb_mapping__.indexes
    return tuple(
        (tuple(index.fields[0].split(".")), index.seconds) for index in indexes if index.kind == "ttl"
    )


def has_expired(model: Any, document: Any) -> bool:
    """Return whether a document, or its stored form, is over by now."""
    known = expiries(model)
    return bool(known) and any(_is_over(_at(document, path), seconds) for path, seconds in known)


def now() -> float:
    """Return the time in Unix seconds."""
    return time.time()


def binds_now(values: dict[str, Any], moment: float | None = None) -> dict[str, Any]:
    """Return bind values in which the clock is replaced by times, those of this moment."""
    clock: Clock | None = values.get(CLOCK)
    if clock is None:
        return values
    moment = now() if moment is None else moment
    times = {name: _time(moment - seconds, as_text) for name, (seconds, as_text) in clock.items()}
    return {**{name: value for name, value in values.items() if name != CLOCK}, **times}


def _time(moment: float, as_text: bool) -> Any:
    """Return a moment as Unix seconds, or as text; before all others where it is before the year 1."""
    if not as_text:
        return int(max(moment, EARLIEST - 1))
    if moment < EARLIEST:
        return ""
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=moment)).isoformat(timespec="microseconds")


def _at(document: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        document = _step(document, step)
    return document


def _step(value: Any, stored: str) -> Any:
    if isinstance(value, dict):
        return value.get(stored)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    if not isinstance(value, BaseModel):
        return getattr(value, stored, None)
    model = type(value)
    fields = class_fields(model)
    names = {info.serialization_alias or info.alias or name: name for name, info in fields.items()}
    names |= {stored: name for name, stored in stored_names(model).items()}
    return getattr(value, names.get(stored, stored), None)


def _is_over(value: Any, seconds: int) -> bool:
    if isinstance(value, str):
        value = _moment(value)
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=UTC)
        value = (aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()
    elif not isinstance(value, int) or isinstance(value, bool):
        return False
    return bool(value + seconds <= now())


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if "T" in text else None
    except ValueError:
        return None
