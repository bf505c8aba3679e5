"""One SQL scalar for each value, which orders and equals as SDBQL values do.

SQLite puts NULL before numbers before texts before blobs. A value's order key uses that: null is
NULL, false and true are numbers below all others, numbers and strings are themselves, arrays and
objects are blobs made so that their bytes compare like the values. So ``==`` is ``IS``, ``<`` is ``<``,
and one expression index serves equality, ranges, prefixes and ORDER BY, whatever the types.
"""

from __future__ import annotations

import math
import struct
import sys
from typing import Any, Final, TypeAlias, cast

from ..._types import Json
from . import json_text
from .json_text import NUL_ESCAPE

OrderKey: TypeAlias = "int | float | str | bytes | None"

FALSE_KEY: Final = -math.inf
TRUE_KEY: Final = -sys.float_info.max
FALSE_SQL: Final = "-9e999"
TRUE_SQL: Final = "-1.7976931348623157e308"
NULL_KEY_SQL: Final = "x'01'"
"""Stands for null among order keys where NULL would not be found; no key is this blob."""

_FLOAT: Final = struct.Struct(">d")
_BITS: Final = struct.Struct(">Q")
_SIGN: Final = 1 << 63
_LARGEST_EXACT: Final = 1 << 53


def order_key(value: Json) -> OrderKey:
    """Return the order key of a value."""
    kind = cast("type[object]", type(value))
    if kind is str or kind is int or kind is float or value is None:
        return value  # type: ignore[no-any-return]  # narrowed by type()
    if kind is bool:
        return TRUE_KEY if value else FALSE_KEY
    return pack(value)


class NotReversible(ValueError):
    """The value of an array or an object can't be made out of its order key."""


def value_of_key(key: OrderKey) -> Json:
    """Return the scalar with this order key; NotReversible for arrays and objects."""
    if type(key) is float:
        return False if key == FALSE_KEY else True if key == TRUE_KEY else key
    if type(key) is bytes:
        raise NotReversible("an array or an object")
    return key


def order_key_of_text(text: str | None) -> OrderKey:
    """Return the order key of a value given as JSON text; the SQL function ``solidb_key``."""
    return None if text is None else order_key(json_text.decode(text))


def order_key_sql(document: str, path: str, *, exact: bool = False) -> str:
    """Return the SQL of the order key of an attribute; ``path`` is a JSON path as an SQL literal.

    An index and a query must write it alike, or the index is not used. ``exact``: also of a text with a NUL
    character, at which SQLite cuts it off.
    """
    value = f"{document} ->> {path}"
    packed = f"solidb_key({document} -> {path})"
    text = f"CASE instr({document}, '{NUL_ESCAPE}') WHEN 0 THEN {value} ELSE {packed} END" if exact else value
    return (
        f"CASE json_type({document}, {path}) WHEN 'text' THEN {text} WHEN 'integer' THEN {value}"
        f" WHEN 'real' THEN {value} WHEN 'true' THEN {TRUE_SQL} WHEN 'false' THEN {FALSE_SQL}"
        f" WHEN 'array' THEN {packed} WHEN 'object' THEN {packed} END"
    )


def element_key_sql(alias: str) -> str:
    """Return the SQL of the order key of an element of an array, a row of ``json_each``."""
    value = f"{alias}.value"
    return (
        f"CASE {alias}.type WHEN 'true' THEN {TRUE_SQL} WHEN 'false' THEN {FALSE_SQL}"
        f" WHEN 'array' THEN solidb_key({value}) WHEN 'object' THEN solidb_key({value}) ELSE {value} END"
    )


def decimal_key_sql(key: str) -> str:
    """Return the SQL of the key of a decimal from that of its text's order key; an index has it so too."""
    return f"solidb_decimal_key({key})"


def pack(value: Json) -> bytes:
    """Return bytes that compare like the values: a tag for the type, then the content."""
    kind = cast("type[object]", type(value))
    if value is None:
        return b"\x01"
    if kind is bool:
        return b"\x03" if value else b"\x02"
    if kind is int or kind is float:
        return b"\x04" + _pack_number(value)
    if kind is str:
        text: str = value
        return b"\x05" + text.encode().replace(b"\0", b"\0\xff") + b"\0"
    if kind is list or kind is tuple:
        return b"\x06" + b"".join(map(pack, value)) + b"\0"
    return _pack_object(value)


def _pack_object(value: dict[str, Any]) -> bytes:
    keys = sorted(value)
    return b"\x07" + pack(keys) + b"".join(pack(value[key]) for key in keys)


def _pack_number(number: float) -> bytes:
    try:
        nearest = float(number) + 0.0  # -0.0 becomes 0.0
    except OverflowError:
        nearest = math.copysign(math.inf, number)
    (bits,) = _BITS.unpack(_FLOAT.pack(nearest))
    ordered = bits ^ (2 * _SIGN - 1) if bits & _SIGN else bits | _SIGN
    rest = 0
    if type(number) is int and abs(number) > _LARGEST_EXACT and math.isfinite(nearest):
        rest = max(-32768, min(32767, number - int(nearest)))
    return _BITS.pack(ordered) + (rest + 32768).to_bytes(2, "big")
