"""The laws of SDBQL values: order, equality, truth, numbers and text.

Every back end that computes a value uses these, so that a query answers alike on each of them.
A value is plain JSON; ``bool`` is never a number here although Python makes it one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any, Final, TypeGuard, cast

from .._types import Json, JsonObject
from ..errors import QueryError, QueryLimitError
from .patterns import levenshtein, like, like_regex, similarity

__all__ = [
    "MAX_INTEGER",
    "MAX_JOINED",
    "MIN_INTEGER",
    "SIMILAR",
    "add",
    "bit_and",
    "bit_not",
    "bit_or",
    "bit_xor",
    "canonical",
    "compare",
    "contains",
    "describe",
    "divide",
    "equal",
    "finite",
    "float_text",
    "is_array",
    "is_imprecise",
    "is_number",
    "is_object",
    "json_text",
    "kind_of",
    "levenshtein",
    "like",
    "like_regex",
    "modulo",
    "multiply",
    "negate",
    "rank",
    "shift_left",
    "shift_right",
    "similarity",
    "sort_key",
    "sorted_keys",
    "spaceship",
    "subtract",
    "template_text",
    "to_number",
    "to_text",
    "truthy",
    "typename",
    "within_memory",
]

MIN_INTEGER: Final = -(2**63)
MAX_INTEGER: Final = 2**63 - 1
_PRECISE: Final = 2**53
MAX_JOINED: Final = 16 * 1024 * 1024
"""How long a text may become by joining: a server's answer can't be longer."""

SIMILAR: Final = 0.45
"""How alike two texts must be for ``a ~ b``."""

kind_of = cast("Callable[[Json], type]", type)
"""The class of a value, to be compared by identity: a bool is an int to ``isinstance``."""

_RANKS: Final[dict[type, int]] = {
    type(None): 0,
    bool: 1,
    int: 2,
    float: 2,
    str: 3,
    list: 4,
    tuple: 4,
    dict: 5,
}
_SCALARS: Final = frozenset((str, int, float, bool, type(None)))
_NAMES: Final = ("null", "bool", "number", "string", "array", "object")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+")
_FLOAT: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_TRUE: Final = object()
_FALSE: Final = object()


# --- types ---------------------------------------------------------------------------------------


def rank(value: Json) -> int:
    """Return the place of the value's type in the order of types; null is 0, objects are 5."""
    place = _RANKS.get(kind_of(value))
    if place is not None:
        return place
    for kind, number in ((bool, 1), (int, 2), (float, 2), (str, 3), (list, 4), (tuple, 4), (dict, 5)):
        if isinstance(value, kind):
            return number
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def typename(value: Json) -> str:
    """Return ``null``, ``bool``, ``number``, ``string``, ``array`` or ``object``."""
    return _NAMES[rank(value)]


def is_number(value: Json) -> bool:
    """Return whether the value is a number; true and false are not."""
    kind = kind_of(value)
    return kind is int or kind is float


def is_object(value: Json) -> TypeGuard[JsonObject]:
    """Return whether the value is an object."""
    return kind_of(value) is dict


def is_array(value: Json) -> TypeGuard[list[Json]]:
    """Return whether the value is an array."""
    return kind_of(value) is list


def describe(value: Json) -> str:
    """Return the value as the server's error messages show it: ``Number(5)``, ``Bool(true)``."""
    kind = rank(value)
    if kind == 0:
        return "Null"
    if kind in (4, 5):
        return f"{'Array' if kind == 4 else 'Object'} {json_text(value)}"
    return f"{_NAMES[kind].capitalize()}({json_text(value)})"


def truthy(value: Json) -> bool:
    """Return whether the value counts as true: all but null, false, 0 and ``""`` do, ``[]`` too."""
    return bool(value) or kind_of(value) is list or kind_of(value) is dict


# --- order and equality --------------------------------------------------------------------------


def compare(left: Json, right: Json) -> int:
    """Return -1, 0 or 1 by the order null < false < true < numbers < strings < arrays < objects.

    Strings go by their UTF-8 bytes, which is how Python orders them. An integer meets a float
    as a float, so beyond 2**53 an integer can equal a float that its neighbour equals too.
    """
    if kind_of(left) is kind_of(right):
        kind = kind_of(left)
        if kind is int or kind is str or kind is float or kind is bool:
            return int(left > right) - int(left < right)
    rank_left, rank_right = rank(left), rank(right)
    if rank_left != rank_right:
        return -1 if rank_left < rank_right else 1
    if rank_left == 0:
        return 0
    if rank_left == 2:
        return _compare_floats(float(left), float(right))
    if rank_left == 4:
        return _compare_arrays(left, right)
    if rank_left == 5:
        return _compare_objects(left, right)
    return int(left > right) - int(left < right)


def _compare_floats(left: float, right: float) -> int:
    return (left > right) - (left < right)


def _compare_arrays(left: Sequence[Json], right: Sequence[Json]) -> int:
    for a, b in zip(left, right, strict=False):
        order = compare(a, b)
        if order:
            return order
    return (len(left) > len(right)) - (len(left) < len(right))


def _compare_objects(left: dict[str, Json], right: dict[str, Json]) -> int:
    keys_left, keys_right = sorted(left), sorted(right)
    if keys_left != keys_right:
        return -1 if keys_left < keys_right else 1
    for key in keys_left:
        order = compare(left[key], right[key])
        if order:
            return order
    return 0


def equal(left: Json, right: Json) -> bool:
    """Return whether two values are the same, deeply; 1 equals 1.0, true does not equal 1."""
    kind = kind_of(left)
    if kind is kind_of(right):
        if kind is list:
            return len(left) == len(right) and all(map(equal, left, right))
        if kind is dict:
            return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
        return bool(left == right)
    return compare(left, right) == 0


def contains(container: Json, item: Json) -> bool:
    """Return whether ``item IN container``: an element of an array, or a key of an object."""
    if kind_of(container) is list:
        if kind_of(item) is str:
            return item in container
        return any(equal(item, element) for element in container)
    return kind_of(container) is dict and kind_of(item) is str and item in container


def canonical(value: Json) -> Any:
    """Return a hashable stand-in: equal for two values exactly when the values are equal.

    Above 2**53 it tells an integer from the float nearest to it, which ``equal`` does not.
    """
    kind = kind_of(value)
    if kind is str or kind is int or kind is float or value is None:
        return value
    if kind is bool:
        return _TRUE if value else _FALSE
    if kind is dict:
        return frozenset((key, canonical(item)) for key, item in value.items())
    return tuple(map(canonical, value))


def is_imprecise(value: Json) -> bool:
    """Return whether ``equal`` may find equal to a value what ``canonical`` tells from it: large numbers."""
    kind = kind_of(value)
    if kind is int or kind is float:
        return bool(abs(value) >= _PRECISE)
    if kind is list:
        return any(map(is_imprecise, value))
    return kind is dict and any(map(is_imprecise, value.values()))


def sort_key(value: Json) -> tuple[Any, ...]:
    """Return a key for ``list.sort`` that puts values in the order of ``compare``."""
    kind = kind_of(value)
    if kind is str:
        return (3, value)
    if kind is int or kind is float:
        return (2, value)
    if value is None:
        return (0,)
    if kind is bool:
        return (1, value)
    if kind is dict:
        keys = sorted(value)
        return (5, keys, [sort_key(value[key]) for key in keys])
    return (4, [sort_key(item) for item in value])


def sorted_keys(value: Json) -> Json:
    """Return the value with the keys of all its objects in byte order, as the server sends it."""
    kind = kind_of(value)
    if kind is dict:
        return {
            key: item if type(item := value[key]) in _SCALARS else sorted_keys(item) for key in sorted(value)
        }
    if kind is list or kind is tuple:
        return [item if type(item) in _SCALARS else sorted_keys(item) for item in value]
    return value


# --- numbers -------------------------------------------------------------------------------------


def to_number(value: Json) -> int | float:
    """Convert an operand of an arithmetic operator; what can't be read as a number is 0."""
    kind = kind_of(value)
    if kind is int or kind is float:
        return value  # type: ignore[no-any-return]  # narrowed by kind_of()
    if kind is bool:
        return int(value)
    if kind is str:
        return _parse_number(value.strip())
    if kind is list and len(value) == 1:
        return to_number(value[0])
    return 0


def _parse_number(text: str) -> int | float:
    if _INTEGER.fullmatch(text):
        return _fit(int(text)) if len(text) < 400 else 0
    if _FLOAT.fullmatch(text):
        number = float(text)
        return number if math.isfinite(number) else 0
    return 0


def finite(number: float) -> float | None:
    """Return the number, or None for what JSON has no number for: infinity and NaN."""
    return number if math.isfinite(number) else None


def _fit(number: int) -> int | float:
    """Return the integer, as a float where 64 bits can't hold it."""
    return number if MIN_INTEGER <= number <= MAX_INTEGER else float(number)


def add(left: Json, right: Json) -> Json:
    """Return ``left + right``: two strings are joined, all else is added as numbers."""
    if kind_of(left) is str and kind_of(right) is str:
        return within_memory(left + right)
    a, b = to_number(left), to_number(right)
    if type(a) is int and type(b) is int:
        return _fit(a + b)
    return finite(float(a) + float(b))


def within_memory(text: str) -> str:
    """Return a text that was joined; QueryLimitError if it is longer than any answer may be."""
    if len(text) > MAX_JOINED:
        raise QueryLimitError(f"a text became longer than {MAX_JOINED} characters")
    return text


def subtract(left: Json, right: Json) -> Json:
    """Return ``left - right``; an integer that overflows becomes a float."""
    a, b = to_number(left), to_number(right)
    if type(a) is int and type(b) is int:
        return _fit(a - b)
    return finite(float(a) - float(b))


def multiply(left: Json, right: Json) -> Json:
    """Return ``left * right``; an integer that overflows becomes a float."""
    a, b = to_number(left), to_number(right)
    if type(a) is int and type(b) is int:
        return _fit(a * b)
    return finite(float(a) * float(b))


def divide(left: Json, right: Json) -> Json:
    """Return ``left / right``: an integer where it divides exactly, null for a division by 0."""
    a, b = to_number(left), to_number(right)
    if b == 0:
        return None
    if type(a) is int and type(b) is int and a % b == 0:
        return _fit(a // b)
    return finite(float(a) / float(b))


def modulo(left: Json, right: Json) -> Json:
    """Return the remainder, with the sign of ``left``; null for a division by 0."""
    a, b = to_number(left), to_number(right)
    if b == 0:
        return None
    if type(a) is int and type(b) is int:
        remainder = abs(a) % abs(b)
        return -remainder if a < 0 else remainder
    return finite(math.fmod(a, b))


def negate(value: Json) -> Json:
    """Return ``-value``, of the value as a number."""
    number = to_number(value)
    return _fit(-number) if type(number) is int else -number


def spaceship(left: Json, right: Json) -> int | float:
    """Return ``left <=> right``: the cosine distance of two vectors, else their order."""
    a, b = _vector(left), _vector(right)
    return compare(left, right) if a is None or b is None else _cosine_distance(a, b)


def _vector(value: Json) -> list[float] | None:
    numbers: Json = value.get("vector") if is_object(value) else value
    if is_array(numbers) and all(map(is_number, numbers)):
        return numbers
    return None


def _cosine_distance(left: list[float], right: list[float]) -> float:
    length = math.hypot(*left) * math.hypot(*right)
    if len(left) != len(right) or not length:
        return 1.0
    return 1.0 - sum(map(float.__mul__, map(float, left), map(float, right))) / length


# --- bits ----------------------------------------------------------------------------------------


def _integers(left: Json, right: Json, name: str) -> tuple[int, int] | None:
    """Return both operands as integers, or None if one is a fraction; not a number is an error."""
    if not (is_number(left) and is_number(right)):
        raise QueryError(f"Cannot {name} non-numbers")
    a, b = _integral(left), _integral(right)
    return None if a is None or b is None else (a, b)


def _integral(number: float) -> int | None:
    if number != number // 1 or not MIN_INTEGER <= number <= MAX_INTEGER:
        return None
    return int(number)


def _bits(name: str, work: Callable[[int, int], int | None]) -> Callable[[Json, Json], int | None]:
    def operate(left: Json, right: Json) -> int | None:
        pair = _integers(left, right, name)
        return None if pair is None else work(*pair)

    return operate


def _wrapped(number: int) -> int:
    """Keep 64 bits, the highest of them the sign."""
    return (number + 2**63) % 2**64 - 2**63


bit_and = _bits("bitwise AND", lambda a, b: a & b)
bit_or = _bits("bitwise OR", lambda a, b: a | b)
bit_xor = _bits("bitwise XOR", lambda a, b: a ^ b)
shift_left = _bits("left shift", lambda a, b: _wrapped(a << b) if 0 <= b < 64 else None)
shift_right = _bits("right shift", lambda a, b: a >> b if 0 <= b < 64 else None)


def bit_not(value: Json) -> int | None:
    """Return ``~value``; null for a fraction."""
    if not is_number(value):
        raise QueryError("Cannot bitwise NOT a non-number")
    number = _integral(value)
    return None if number is None else ~number


# --- text ----------------------------------------------------------------------------------------


def float_text(number: float) -> str:
    """Write a float as the server's JSON does: ``2.0``, ``0.00001``, ``1e-7``, ``1e+20``."""
    text = repr(number)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return text
    power = int(exponent)
    if power == -5:  # Python turns to exponents one power of ten earlier
        sign, digits = ("-", mantissa[1:]) if mantissa[0] == "-" else ("", mantissa)
        return f"{sign}0.0000{digits.replace('.', '')}"
    return f"{mantissa}e{'+' if power > 0 else '-'}{abs(power)}"


def json_text(value: Json) -> str:
    """Write a value as compact JSON with sorted keys."""
    kind = kind_of(value)
    if kind is float:
        return float_text(value)
    if kind is dict:
        return "{" + ",".join(f"{json_text(key)}:{json_text(value[key])}" for key in sorted(value)) + "}"
    if kind is list:
        return "[" + ",".join(map(json_text, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def to_text(value: Json) -> str:
    """Convert as TO_STRING and CONCAT do: null is empty, 2.0 is ``2``, arrays are JSON."""
    kind = kind_of(value)
    if kind is str:
        return value  # type: ignore[no-any-return]  # narrowed by kind_of()
    if value is None:
        return ""
    if kind is float and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return json_text(value)


def template_text(value: Json) -> str:
    """Convert as a template string does: null is ``null``, no number has an exponent."""
    kind = kind_of(value)
    if kind is str:
        return value  # type: ignore[no-any-return]  # narrowed by kind_of()
    if kind is float:
        return format(Decimal(repr(value)), "f").removesuffix(".0") if value else "0"
    return json_text(value)
