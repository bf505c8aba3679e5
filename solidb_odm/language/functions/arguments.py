"""Checks of arguments, with the server's wording, and of results."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any, TypeGuard

from ..._types import Json, JsonObject
from ...errors import QueryError, UnsupportedQueryError

INT_MIN, INT_MAX = -(2**63), 2**64 - 1
MAX_TEXT = 1024 * 1024

Number = int | float


def is_number(value: Json) -> TypeGuard[Number]:
    """Return whether the value is a number; a bool is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Return whether the value is an array."""
    return isinstance(value, list)


def is_object(value: Json) -> TypeGuard[JsonObject]:
    """Return whether the value is an object."""
    return isinstance(value, dict)


def is_integral(value: Json) -> TypeGuard[Number]:
    """Return whether the value is a whole number, as 2 and 2.0 are; a float has to fit 64 bits."""
    if isinstance(value, float):
        return value.is_integer() and -(2.0**63) <= value < 2.0**63
    return is_number(value)


def fail(name: str, position: int | None, wanted: str) -> QueryError:
    """Make the error for an argument of the wrong type; the caller raises it."""
    place = "argument" if position is None else f"argument {position}"
    return QueryError(f"{name}: {place} must be {wanted}")


def text(value: Json, name: str, position: int | None = None) -> str:
    """Return the value if it is a string."""
    if isinstance(value, str):
        return value
    raise fail(name, position, "a string")


def number(value: Json, name: str, position: int | None = None) -> Number:
    """Return the value if it is a number."""
    if is_number(value):
        return value
    raise fail(name, position, "a number")


def integer(value: Json, name: str, position: int | None = None) -> int:
    """Return the value as an int if it is a whole number."""
    if is_integral(value):
        return int(value)
    raise fail(name, position, "an integer")


def count(value: Json, name: str, position: int | None = None) -> int:
    """Return a number cut to an int, for lengths and positions."""
    return int(number(value, name, position))


def count_or_zero(value: Json) -> int:
    """Return a number cut to an int; what is no number counts as 0, as for the server."""
    return int(value) if is_number(value) else 0


def whole_or(value: Json, otherwise: int) -> int:
    """Return a whole number, or something else for all that is none."""
    return int(value) if is_integral(value) else otherwise


def flag(value: Json, name: str, parameter: str) -> bool:
    """Return a boolean option; null is false."""
    if value is None or isinstance(value, bool):
        return value is True
    raise QueryError(f"{name}: {parameter} must be a boolean")


def array(value: Json, name: str, position: int | None = None) -> list[Json]:
    """Return the value if it is an array."""
    if is_array(value):
        return value
    raise fail(name, position, "an array")


def first_array(value: Json, name: str) -> list[Json]:
    """Return the value if it is an array; the server words this error in its own way."""
    if is_array(value):
        return value
    raise QueryError(f"{name}: first argument must be an array")


def mapping(value: Json, name: str, position: int | None = None) -> JsonObject:
    """Return the value if it is an object."""
    if is_object(value):
        return value
    raise fail(name, position, "an object")


def options(value: Json, name: str, position: int, known: frozenset[str] | None = None) -> JsonObject:
    """Return an options object; null is an empty one, an unknown option an error."""
    given = {} if value is None else mapping(value, name, position)
    if known is not None and (unknown := sorted(set(given) - known)):
        raise QueryError(f"{name}: unknown option '{unknown[0]}' (known: {', '.join(sorted(known))})")
    return given


def numbers(value: list[Json], name: str) -> list[float]:
    """Return the numbers of an array as floats; anything else in it is an error."""
    return [float(number(v, name)) for v in value]


def finite(value: float) -> float | None:
    """Return the value as a float; what is not finite does not exist in JSON and is null."""
    return float(value) if math.isfinite(value) else None


def whole(value: int) -> Number:
    """Return an int that JSON can hold; a larger one becomes a float."""
    return value if INT_MIN <= value <= INT_MAX else float(value)


def bounded(value: str, name: str) -> str:
    """Return a text of at most 1 MiB."""
    refuse_long(len(value.encode()), name)
    return value


def refuse_long(size: int, name: str) -> None:
    """Raise for a text that is going to be over 1 MiB, before it takes the memory."""
    if size > MAX_TEXT:
        raise QueryError(f"{name}: result exceeds {MAX_TEXT} bytes")


class Growth:
    """Lets replacements through until they are over 1 MiB together."""

    def __init__(self, name: str) -> None:
        self._name, self._size = name, 0

    def __call__(self, piece: str) -> str:
        """Return the piece and count its length."""
        self._size += len(piece)
        refuse_long(self._size, self._name)
        return piece


def library(name: str, module: str, package: str) -> Any:
    """Return the library that a function needs on a file; UnsupportedQueryError where it is not installed."""
    try:
        return import_module(module)
    except ImportError as exc:
        raise UnsupportedQueryError(
            f"{name} needs {package} on a file", construct=name, hint=f"pip install {package}"
        ) from exc
