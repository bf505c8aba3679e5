"""Numbers: rounding, powers, trigonometry, bits, ranges. Results are floats unless said otherwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import (
    ROUND_CEILING,
    ROUND_DOWN,
    ROUND_FLOOR,
    ROUND_HALF_DOWN,
    ROUND_HALF_EVEN,
    ROUND_HALF_UP,
    ROUND_UP,
    Decimal,
)
from typing import Final

from ..._types import Json
from ...errors import QueryError
from .. import values
from .arguments import INT_MAX, finite, integer, is_array, is_integral, number, text
from .built_in import PROPAGATE_ANY, REFUSE, CallContext, Family

function = Family("Numeric")

MAX_RANGE: Final = 1_000_000
_WHOLE_BELOW: Final = 9e15
_NULL_IN_TURN: Final = "null, unless an argument before the null is wrong"
_MODES: Final = {
    "half_up": ROUND_HALF_UP,
    "half_down": ROUND_HALF_DOWN,
    "half_even": ROUND_HALF_EVEN,
    "up": ROUND_UP,
    "down": ROUND_DOWN,
    "ceil": ROUND_CEILING,
    "floor": ROUND_FLOOR,
}


def _signed(work: Callable[[float], int]) -> Callable[[float], float]:
    return lambda x: math.copysign(float(work(x)), x) if work(x) == 0 else float(work(x))


def half_away(value: float) -> float:
    """Round to a whole number, halves away from zero."""
    below = float(math.trunc(value))
    return math.copysign(abs(below) + (abs(value - below) >= 0.5), value)


def _within(least: float, most: float, wanted: str) -> Callable[[float], str | None]:
    return lambda x: None if least <= x <= most else wanted


def _cube_root(value: float) -> float:
    root = math.cbrt(value)
    nearest = half_away(root)  # the C library may miss a whole root by a bit
    return nearest if nearest**3 == value else root


_NON_NEGATIVE = _within(0, math.inf, "non-negative")
_UNIT = _within(-1, 1, "between -1 and 1")


def _positive(value: float) -> str | None:
    return None if value > 0 else "positive"


_UNARY: Final[
    list[tuple[tuple[str, ...], Callable[[float], float], Callable[[float], str | None] | None, str]]
] = [
    (("FLOOR",), _signed(math.floor), None, "The next whole number below."),
    (("CEIL", "CEILING"), _signed(math.ceil), None, "The next whole number above."),
    (("TRUNC", "TRUNCATE"), _signed(math.trunc), None, "Without the fraction."),
    (("ABS",), abs, None, "Without the sign."),
    (("SQRT",), math.sqrt, _NON_NEGATIVE, "The square root."),
    (("CBRT",), _cube_root, None, "The cube root."),
    (("EXP",), math.exp, None, "e to the power of n."),
    (("EXP2",), lambda x: math.pow(2.0, x), None, "2 to the power of n."),
    (("LOG", "LN"), math.log, _positive, "The natural logarithm."),
    (("LOG10",), math.log10, _positive, "The logarithm to base 10."),
    (("LOG2",), math.log2, _positive, "The logarithm to base 2."),
    (("SIN",), math.sin, None, "The sine of an angle in radians."),
    (("COS",), math.cos, None, "The cosine of an angle in radians."),
    (("TAN",), math.tan, None, "The tangent of an angle in radians."),
    (("ASIN",), math.asin, _UNIT, "The angle with this sine."),
    (("ACOS",), math.acos, _UNIT, "The angle with this cosine."),
    (("ATAN",), math.atan, None, "The angle with this tangent."),
    (("DEGREES", "DEG"), math.degrees, None, "Radians as degrees."),
    (("RADIANS", "RAD"), math.radians, None, "Degrees as radians."),
]


def _safe(work: Callable[[], float]) -> float | None:
    try:
        return finite(work())
    except (OverflowError, ValueError, ZeroDivisionError):
        return None  # infinite or not a number: JSON has neither


def _define(
    names: tuple[str, ...],
    work: Callable[[float], float],
    refuse: Callable[[float], str | None] | None,
    summary: str,
) -> None:
    name = names[0]

    def unary(value: Json) -> Json:
        x = float(number(value, name))
        if refuse is not None and (wanted := refuse(x)) is not None:
            raise QueryError(f"{name}: argument must be {wanted}")
        return _safe(lambda: work(x))

    function(*names, parameters="n", returns="float", nulls=REFUSE, summary=summary)(unary)


for _entry in _UNARY:
    _define(*_entry)


@function("PI", returns="float", summary="3.141592653589793.")
def pi() -> Json:
    return math.pi


@function("E", returns="float", summary="2.718281828459045.")
def e() -> Json:
    return math.e


@function("ATAN2", parameters="y, x", returns="float", nulls=REFUSE, summary="The angle of the point (x, y).")
def atan2(y: Json, x: Json) -> Json:
    return math.atan2(number(y, "ATAN2", 1), number(x, "ATAN2", 2))


@function(
    "ROUND",
    parameters="n [, decimals [, mode]]",
    returns="float",
    nulls=REFUSE,
    summary="Rounded, halves away from zero; modes half_up half_down half_even up down ceil floor.",
)
def round_number(value: Json, decimals: Json = None, mode: Json = None) -> Json:
    x, places = number(value, "ROUND"), 0 if decimals is None else integer(decimals, "ROUND", 2)
    places = max(-308, min(308, places))
    if mode is not None:
        return _round_digits(x, places, text(mode, "ROUND", 3))
    scale = 10.0**places
    scaled = x * scale
    return finite(half_away(scaled) / scale) if math.isfinite(scaled) else float(x)


def _round_digits(value: float, places: int, mode: str) -> float:
    rounding = _MODES.get(mode.lower())
    if rounding is None:
        raise QueryError(f"ROUND: unknown mode '{mode}'", hint=f"one of {', '.join(_MODES)}")
    exact = Decimal(repr(value))
    unit = Decimal(1).scaleb(-places)
    return float((exact / unit).to_integral_value(rounding) * unit)


@function("POW", "POWER", parameters="base, exponent", returns="float", nulls=REFUSE, summary="A power.")
def power(base: Json, exponent: Json) -> Json:
    return _safe(lambda: math.pow(number(base, "POW", 1), number(exponent, "POW", 2)))


@function("HYPOT", parameters="n, ...", returns="float", nulls=REFUSE, summary="The length of a vector.")
def hypot(*parts: Json) -> Json:
    return finite(math.hypot(*(number(p, "HYPOT", i) for i, p in enumerate(parts, 1))))


@function(
    "MOD",
    parameters="a, b",
    returns="float",
    nulls=PROPAGATE_ANY,
    summary="The remainder, with the sign of a.",
)
def modulo(dividend: Json, divisor: Json) -> Json:
    a, b = number(dividend, "MOD", 1), number(divisor, "MOD", 2)
    if b == 0:
        raise QueryError("MOD: division by zero")
    return math.fmod(a, b)


@function(
    "CLAMP",
    parameters="n, low, high",
    returns="float",
    nulls=PROPAGATE_ANY,
    summary="Moved between the bounds.",
)
def clamp(value: Json, low: Json, high: Json) -> Json:
    least, most = sorted((number(low, "CLAMP", 2), number(high, "CLAMP", 3)))
    return float(min(max(number(value, "CLAMP", 1), least), most))


@function("SIGN", parameters="n", returns="int", nulls=REFUSE, summary="-1, 0 or 1.")
def sign(value: Json) -> Json:
    x = number(value, "SIGN")
    return (x > 0) - (x < 0)


@function(
    "GCD", parameters="i, j, ...", returns="int", nulls=_NULL_IN_TURN, summary="The greatest common divisor."
)
def gcd(*parts: Json) -> Json:
    return _in_turn("GCD", math.gcd, parts)


@function(
    "LCM", parameters="i, j, ...", returns="int", nulls=_NULL_IN_TURN, summary="The least common multiple."
)
def lcm(*parts: Json) -> Json:
    return _in_turn("LCM", math.lcm, parts)


def _in_turn(name: str, combine: Callable[[int, int], int], parts: tuple[Json, ...]) -> int | None:
    """Combine the integers one after the other; the first null ends it, before what is wrong after it."""
    total = None
    for place, part in enumerate(parts, 1):
        if part is None:
            return None
        size = abs(integer(part, name, place))
        total = size if total is None else combine(total, size)
        if total > INT_MAX:
            raise QueryError(f"{name}: result is too large")
    return total


_BITS: Final[list[tuple[str, Callable[[Json, Json], int | None], str]]] = [
    ("BIT_AND", values.bit_and, "The bits that both have."),
    ("BIT_OR", values.bit_or, "The bits that one of them has."),
    ("BIT_XOR", values.bit_xor, "The bits that just one of them has."),
    ("BIT_SHIFT_LEFT", lambda a, b: values.shift_left(a, _places(b)), "The bits of a, b places up."),
    ("BIT_SHIFT_RIGHT", lambda a, b: values.shift_right(a, _places(b)), "The bits of a, b places down."),
]


def _places(wanted: int) -> int:
    """Return how far the functions shift, unlike ``<<`` and ``>>``: from 0 to 63 places, at any request."""
    return min(63, max(0, wanted))


def _define_bits(name: str, work: Callable[[Json, Json], int | None], summary: str) -> None:
    def binary(left: Json, right: Json) -> Json:
        return work(integer(left, name, 1), integer(right, name, 2))

    function(name, parameters="a, b", returns="int", nulls=PROPAGATE_ANY, summary=summary)(binary)


for _bits in _BITS:
    _define_bits(*_bits)


@function(
    "BIT_NEGATE", "BIT_NOT", parameters="i", returns="int", nulls=PROPAGATE_ANY, summary="All bits turned."
)
def bit_negate(value: Json) -> Json:
    return values.bit_not(integer(value, "BIT_NEGATE"))


@function(
    "RAND",
    "RANDOM",
    returns="float",
    context=True,
    deterministic=False,
    summary="A random number from 0 to below 1.",
)
def rand(context: CallContext) -> Json:
    return context.random().random()


@function(
    "RANDOM_INT",
    "RAND_INT",
    parameters="low, high",
    returns="int",
    nulls=REFUSE,
    context=True,
    deterministic=False,
    summary="A random whole number between the bounds, both included.",
)
def random_int(context: CallContext, low: Json, high: Json) -> Json:
    least, most = integer(low, "RANDOM_INT", 1), integer(high, "RANDOM_INT", 2)
    if least > most:
        raise QueryError("RANDOM_INT: the lower bound is above the upper one")
    return context.random().randint(least, most)


@function(
    "RANGE",
    parameters="startOrEnd [, end [, step]]",
    returns="array of numbers",
    nulls=REFUSE,
    context=True,
    summary="The numbers from start (0) to end (included), ints if all arguments are whole.",
)
def number_range(context: CallContext, *bounds: Json) -> Json:
    given = [number(bound, "RANGE", place) for place, bound in enumerate(bounds, 1)]
    start, end = (0, given[0]) if len(given) == 1 else given[:2]
    pace = given[2] if len(given) > 2 else (1 if start <= end else -1)
    if pace == 0:
        raise QueryError("RANGE: step must not be zero")
    length = (end - start) / pace
    if not length + 1e-12 < MAX_RANGE:
        raise QueryError(f"RANGE: more than {MAX_RANGE} elements")
    steps = math.floor(max(-1.0, length) + 1e-12)
    context.spend(steps + 1)
    if all(isinstance(part, int) or _is_exact(part) for part in (start, end, pace)):
        return list(range(int(start), int(end) + (1 if pace > 0 else -1), int(pace)))
    return [float(start + i * pace) for i in range(steps + 1)]


def _is_exact(value: float) -> bool:
    return is_integral(value) and abs(value) < _WHOLE_BELOW


def _decay(
    name: str, value: Json, settings: tuple[Json, ...], curve: Callable[[float, float, float], float]
) -> Json:
    origin, scale, offset, decay = (float(number(s, name, i)) for i, s in enumerate(settings, 2))
    if scale <= 0 or offset < 0 or not 0 < decay < 1:
        raise QueryError(f"{name}: scale must be positive, offset not negative, decay between 0 and 1")

    def one(item: Json) -> Json:
        return _safe(lambda: curve(max(0.0, abs(number(item, name, 1) - origin) - offset), scale, decay))

    if is_array(value):
        return [one(item) for item in value]
    return one(value)


def _gauss(distance: float, scale: float, decay: float) -> float:
    ratio = distance / scale
    return math.exp(ratio * ratio * math.log(decay))  # a power would overflow with an error


def _exponential(distance: float, scale: float, decay: float) -> float:
    return math.exp(distance * math.log(decay) / scale)


def _linear(distance: float, scale: float, decay: float) -> float:
    reach = scale / (1.0 - decay)
    return max(0.0, (reach - distance) / reach)


for _name, _curve in (("DECAY_GAUSS", _gauss), ("DECAY_EXP", _exponential), ("DECAY_LINEAR", _linear)):

    def _decayed(
        value: Json,
        *settings: Json,
        _name: str = _name,
        _curve: Callable[[float, float, float], float] = _curve,
    ) -> Json:
        return _decay(_name, value, settings, _curve)

    function(
        _name,
        parameters="n|a, origin, scale, offset, decay",
        returns="float, or array of them",
        nulls=REFUSE,
        summary="1 near the origin, ``decay`` at ``scale`` from it, less further away.",
    )(_decayed)
