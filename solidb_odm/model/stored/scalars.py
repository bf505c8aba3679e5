"""Single values as they are stored, where Pydantic's JSON would lose something or would not sort.

Times as the server writes them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any, cast

from pydantic_core import (
    PydanticCustomError,
    PydanticSerializationUnexpectedValue,
    to_json,
    to_jsonable_python,
)

from ..._types import is_list, is_map

MINIMUM, MAXIMUM = -(1 << 63), (1 << 64) - 1
"""The integers that every engine keeps."""


def is_exact(value: float) -> bool:
    """Return whether a number is the same after it was stored."""
    return MINIMUM <= value <= MAXIMUM if isinstance(value, int) else math.isfinite(value)


NUMBER_HINT = "use None, a Decimal or text instead"
_TYPE_HINT = "give the field its type, or mark it Lossy() to store what JSON makes of it"


class InexactValueError(ValueError):
    """A value that would come back as another one."""

    def __init__(self, message: str, hint: str = _TYPE_HINT) -> None:
        super().__init__(message)
        self.hint = hint


def inexact_number(value: float) -> str:
    """Return what is wrong with a number that is not exact."""
    return f"{value} " + ("does not fit into 64 bits" if isinstance(value, int) else "is not a JSON number")


def stored_time(value: Any) -> str:
    """Return the text a time is stored as: in UTC with ``+00:00``, as the server writes its times.

    Such texts sort as the times do, which Pydantic's (``Z``, or the offset they had) don't. A naive
    time stays as it is.
    """
    if not isinstance(value, datetime):
        raise PydanticSerializationUnexpectedValue(f"expected a datetime, not {value!r}")
    try:
        return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()
    except OverflowError:
        problem = f"{value!r} is before the year 1 or after 9999 in UTC, as which it is stored"
        raise InexactValueError(problem, "use a naive time, or a time within these years") from None


def stored_duration(value: Any) -> float:
    """Return the seconds a duration is stored as, which sort as durations do."""
    seconds = _checked_duration(value).total_seconds()
    if timedelta(seconds=seconds) != value:
        raise InexactValueError(
            f"{value!r} has more digits than a number of seconds can hold",
            "leave the microseconds out, which fit up to 272 years, or store them as an int",
        )
    return seconds


def duration_key(value: Any) -> str:
    """Return the text a duration is stored as where it is the key of a dictionary."""
    duration = _checked_duration(value)
    sign, size = ("-", -duration) if duration < timedelta(0) else ("", duration)
    return f"{sign}P{size.days}DT{size.seconds}.{size.microseconds:06}S"


def _checked_duration(value: Any) -> timedelta:
    if not isinstance(value, timedelta):
        raise PydanticSerializationUnexpectedValue(f"expected a timedelta, not {value!r}")
    return value


def json_value(value: Any) -> Any:
    """Return a value that no type describes as it is; InexactValueError if JSON would change it."""
    if type(value) is not str and value is not None:
        _check_json(value)
    return value


def _check_json(value: Any) -> None:
    if isinstance(value, (int, float)):
        if not is_exact(value):
            raise InexactValueError(inexact_number(value), NUMBER_HINT)
    elif is_map(value):
        for name, inner in cast("dict[Any, Any]", value).items():
            if not isinstance(name, str):
                raise InexactValueError(f"the key {name!r} would be read as a text")
            json_value(inner)
    elif is_list(value):
        for inner in value:
            json_value(inner)
    elif not isinstance(value, str):
        kind = type(value).__name__
        raise InexactValueError(f"{value!r} is no JSON value, and no type says to read a {kind}")


def json_text(value: Any, handler: Callable[[Any], Any]) -> str:
    """Return the key of a dictionary as JSON text, where it is no text itself."""
    return to_json(handler(value)).decode()


_PLAIN = (str, int, bool, float, type(None))


def _is_member(value: Any) -> bool:
    return isinstance(value, Enum)


def pattern_text(value: Any) -> str:
    """Return the text of a pattern, whose flags have to be in it."""
    pattern: re.Pattern[Any] = value
    if not isinstance(pattern.pattern, str):
        raise InexactValueError(f"{value!r} would be read as a pattern of text")
    if re.compile(pattern.pattern) != pattern:
        raise InexactValueError(f"{value!r} has flags that its text has not", "write them into it: (?i)")
    return pattern.pattern


class Choices:
    """The values of a ``Literal`` or the members of an ``Enum``, by their stored form."""

    __slots__ = ("_by_text", "_stored")

    def __init__(self, stored: list[tuple[Any, Any]]) -> None:
        self._stored = stored
        self._by_text = {to_json(form): value for value, form in stored}

    @classmethod
    def of(cls, values: list[Any], *, is_enum: bool) -> Choices | None:
        """Make the choices; None if Pydantic tells the JSON of all of them apart."""
        raw = [value.value if isinstance(value, Enum) else value for value in values]
        if all(type(value) in _PLAIN for value in raw) and (is_enum or not any(map(_is_member, values))):
            return None
        try:
            forms = [to_jsonable_python(value, bytes_mode="base64") for value in raw]
        except ValueError:  # it stays as it is, to be refused
            return None
        return cls(list(zip(values, forms, strict=True)))

    @property
    def are_texts(self) -> bool:
        """Return whether all stored forms are texts."""
        return all(isinstance(form, str) for _, form in self._stored)

    def read(self, stored: Any) -> Any:
        """Return the value of a stored form."""
        try:
            return self._by_text[to_json(stored)]
        except (KeyError, ValueError):
            known = ", ".join(repr(form) for _, form in self._stored)
            raise PydanticCustomError("choice", "Input should be one of {known}", {"known": known}) from None

    def write(self, value: Any) -> Any:
        """Return the stored form of a value."""
        for known, form in self._stored:
            if known is value or (type(known) is type(value) and known == value):
                return form
        raise PydanticSerializationUnexpectedValue(f"{value!r} is none of the values there are")


def parse_time(text: str) -> datetime | None:
    """Read the server's RFC 3339 time, of up to nine digits after the second; None of an empty text."""
    return datetime.fromisoformat(text) if text else None


def format_time(value: datetime) -> str:
    """Write a time as the server does, so that texts compare as the times do."""
    aware = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return aware.isoformat()
