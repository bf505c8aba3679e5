"""JSON for the server's HTTP side, whose reader of numbers is fast and not always exact.

It takes the digits of a number as one integer, rounds that to a float, and multiplies or divides it by a
rounded power of ten. Of the shortest 17 digits of a float that makes, about one time in eight, its
neighbour. Here a float is spelled in digits that the server reads as that float; a few have none.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from .._types import Json, is_list, is_map

_POWERS: Final = [float(f"1e{exponent}") for exponent in range(309)]
_MOST: Final = 2**64
_MAY_BE_MISREAD: Final = re.compile(r"[\d.]{17}|\de[-+]")
_STRING_OR_NUMBER: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:e[-+]\d+)?')


def encode(value: Json) -> bytes:
    """Return a value as JSON whose floats the server reads as they are, or as their neighbours at worst."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if _MAY_BE_MISREAD.search(text):
        text = _STRING_OR_NUMBER.sub(_respelled, text)
    return text.encode()


def as_read(value: Json) -> Json:
    """Return a value as the server reads it from ``encode``; the same object if nothing in it differs."""
    if isinstance(value, float):
        spelled = _spelled(repr(value))[1]
        return value if spelled == value else spelled
    if is_map(value):
        read = {name: as_read(inner) for name, inner in value.items()}
        return value if all(read[name] is inner for name, inner in value.items()) else read
    if is_list(value):
        items = [as_read(inner) for inner in value]
        return value if all(item is inner for item, inner in zip(items, value, strict=True)) else items
    return value


def _respelled(match: re.Match[str]) -> str:
    text = match[0]
    is_float = text[0] != '"' and ("." in text or "e" in text)
    return _spelled(text)[0] if is_float else text


def _spelled(text: str) -> tuple[str, float]:
    """Return digits for a float, given its shortest ones, and what the server reads from them."""
    wanted = abs(float(text))
    sign = "-" if text[0] == "-" else ""
    shortest = Decimal(text)
    digits, exponent = int("".join(map(str, shortest.as_tuple().digits))), int(shortest.as_tuple().exponent)
    read = _read(digits, exponent) if digits < _MOST else math.nan
    if read == wanted:
        return text, float(text)
    nearest = text, read
    for digits, exponent in _spellings(wanted):
        read = _read(digits, exponent)
        if read == wanted:
            return f"{sign}{digits}e{exponent}", float(text)
        if not abs(nearest[1] - wanted) <= abs(read - wanted):
            nearest = f"{sign}{digits}e{exponent}", read
    return nearest[0], math.copysign(nearest[1], float(text))


def _spellings(wanted: float) -> Iterator[tuple[int, int]]:
    """Return integers and exponents near a float, the longest first, with the neighbours of each."""
    exact = Decimal(wanted)
    for exponent in range(exact.adjusted() - 19, exact.adjusted() - 13):
        digits = int(exact.scaleb(-exponent).to_integral_value())
        near = float(digits)
        for candidate in (digits, int(math.nextafter(near, math.inf)), int(math.nextafter(near, 0))):
            if candidate < _MOST:
                yield candidate, exponent


def _read(digits: int, exponent: int) -> float:
    """Return the float that the server makes of so many powers of ten."""
    value = float(digits)
    while exponent < -308:
        value, exponent = value / _POWERS[308], exponent + 308
    if exponent >= 0:
        return value * _POWERS[exponent] if exponent < 309 else math.inf
    return value / _POWERS[-exponent]
