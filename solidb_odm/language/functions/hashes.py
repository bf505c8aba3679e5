"""Hashes of values as the server has them: SeaHash over a form in which equal values are alike."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Final

from ..._types import Json
from .arguments import is_array
from .built_in import ACCEPT, Family

function = Family("Object")

_BITS: Final = 2**64 - 1
_PRIME: Final = 0x6EED0E9DA4D94A4F
_SEEDS: Final = (0x16F11FE89B0D677C, 0xB480A793D8E6C86C, 0x6FE2E5AAF078EBC9, 0x14F994A4C5259381)
_EXACT_BELOW: Final = 9e18

_length: Final[Callable[[int], bytes]] = struct.Struct("<Q").pack
_double: Final[Callable[[float], bytes]] = struct.Struct("<d").pack


def _diffuse(value: int) -> int:
    value = value * _PRIME & _BITS
    value ^= (value >> 32) >> (value >> 60)
    return value * _PRIME & _BITS


def seahash(data: bytes) -> int:
    """Return the 64-bit SeaHash."""
    a, b, c, d = _SEEDS
    for start in range(0, len(data), 8):
        a, b, c, d = b, c, d, _diffuse(a ^ int.from_bytes(data[start : start + 8], "little"))
    return _diffuse(a ^ b ^ c ^ d ^ len(data))


def element_hash(value: Json) -> int:
    """Return the 64-bit hash that sketches and signatures count by."""
    return seahash(b"".join(_element(value)))


def _element(value: Json) -> Iterator[bytes]:
    if value is None:
        yield b"\0"
    elif isinstance(value, bool):
        yield bytes((1, value))
    elif isinstance(value, int | float):
        yield b"\2" + _double(float(value) + 0.0)  # -0.0 equals 0.0
    elif isinstance(value, str):
        yield b"\3" + value.encode() + b"\xff"
    elif is_array(value):
        yield b"\4" + _length(len(value))
        for item in value:
            yield from _element(item)
    else:
        yield b"\5" + _length(len(value))
        for name in sorted(value):
            yield name.encode() + b"\xff"
            yield from _element(value[name])


@function(
    "HASH",
    parameters="x",
    returns="int",
    nulls=ACCEPT,
    summary="A number below 2^52, the same for equal values.",
)
def hash_value(value: Json) -> Json:
    return seahash(b"".join(_tagged(value))) & (2**52 - 1)


def _tagged(value: Json) -> Iterator[bytes]:
    if value is None or isinstance(value, bool):
        yield {None: b"n", True: b"t", False: b"f"}[value]
    elif isinstance(value, int | float):
        yield _number(value)
    elif isinstance(value, str):
        data = value.encode()
        yield b"s" + _length(len(data)) + data
    elif is_array(value):
        yield b"a" + _length(len(value))
        for item in value:
            yield from _tagged(item)
    else:
        yield b"o" + _length(len(value))
        for name in sorted(value):
            data = name.encode()
            yield _length(len(data)) + data
            yield from _tagged(value[name])


def _number(value: float) -> bytes:
    if not (float(value).is_integer() and (isinstance(value, int) or abs(value) < _EXACT_BELOW)):
        return b"d" + _double(value)
    whole = int(value)
    return (b"u" if whole > _BITS >> 1 else b"i") + (whole & _BITS).to_bytes(8, "little")
