"""Computations with decimals in the language itself, as a server gets them: texts and floats are all it has.

The texts of two decimals become digits at one scale. Short ones are computed with as integers, longer ones by
parts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from ..decimals import BIAS, COMPLEMENT, MOST_DIGITS, PLACES, ZERO, key
from ..nodes import (
    Array,
    Binary,
    BinaryOperator,
    Compare,
    DecimalCall,
    DecimalFunction,
    Expression,
    Lambda,
    Literal,
    Logical,
    Name,
    Object,
    Ternary,
    Unary,
    call,
    let,
)
from .long_numbers import BASE, added, carried, divided, field, multiplied, parts

_NULL: Final = Literal(None)
_SHORT: Final = 17
"""How many digits two numbers may have that are computed with as integers."""


def written_out(node: DecimalCall) -> Expression:
    """Return what a computation is in the language itself."""
    return _WRITERS[node.name](*node.arguments)


def _text(value: str) -> Literal:
    return Literal(value)


def _part(text: Expression, separator: str, number: int) -> Expression:
    return call("SPLIT_PART", text, _text(separator), Literal(number))


def _is_negative(text: Expression) -> Expression:
    return call("STARTS_WITH", text, _text("-"))


def _or_null(value: Expression, body: Expression) -> Expression:
    return Ternary(Compare(value, "==", _NULL), _NULL, body)


def _of(value: Expression) -> Expression:
    """Return the text of a decimal, which others may have stored as a number; null of null."""
    v = Name("_v")
    return let("_v", value, _or_null(v, call("TO_STRING", v)))


def _key_text(text: Expression) -> Expression:
    t, whole, digits = Name("_t"), Name("_w"), Name("_n")
    mantissa = _part(call("LTRIM", t, _text("-")), "E", 1)
    point = Binary(call("LENGTH", _part(mantissa, ".", 1)), "+", call("TO_NUMBER", _part(t, "E", 2)))
    place = Binary(point, "-", Binary(call("LENGTH", whole), "-", call("LENGTH", digits)))
    biased = call("TO_STRING", Binary(place, "+", Literal(BIAS)))
    padded = call("PAD_LEFT", biased, Literal(7), _text("0"))
    magnitude = call("CONCAT", padded, call("RTRIM", digits, _text("0")))
    negative = call("CONCAT", _text("A"), call("SUBSTITUTE", magnitude, _complement()), _text("~"))
    signed = Ternary(_is_negative(t), negative, call("CONCAT", _text("C"), magnitude))
    key: Expression = Ternary(Compare(digits, "==", _text("")), _text(ZERO), signed)
    key = let("_n", call("LTRIM", whole, _text("0")), key)
    return let("_t", _of(text), _or_null(t, let("_w", call("REPLACE", mantissa, _text("."), _text("")), key)))


def _complement() -> Expression:
    return Object(tuple((digit, _text(other)) for digit, other in COMPLEMENT.items()))


def _digits_text(key: Expression) -> Expression:
    """Return a text of the decimal of a key: ``0.601E2``."""
    k, m = Name("_k"), Name("_m")
    negative = call("STARTS_WITH", k, _text("A"))
    stripped = call("RTRIM", call("SUBSTRING", k, Literal(1)), _text("~"))
    magnitude = Ternary(negative, call("SUBSTITUTE", stripped, _complement()), stripped)
    place = Binary(call("TO_NUMBER", call("LEFT", m, Literal(7))), "-", Literal(BIAS))
    sign = Ternary(negative, _text("-0."), _text("0."))
    written = call("CONCAT", sign, call("SUBSTRING", m, Literal(7)), _text("E"), call("TO_STRING", place))
    body = Ternary(Compare(k, "==", _text(ZERO)), _text("0"), let("_m", magnitude, written))
    return let("_k", key, _or_null(k, body))


def _negative_text(text: Expression) -> Expression:
    t = Name("_t")
    plain = call("LTRIM", t, _text("-"))
    return let("_t", _of(text), Ternary(_is_negative(t), plain, call("CONCAT", _text("-"), t)))


def _pair_text(text: Expression) -> Expression:
    t = Name("_p")
    return let("_p", _of(text), _or_null(t, call("CONCAT", key(t), _text(" "), t)))


def _half(number: int) -> Callable[[Expression], Expression]:
    return lambda pair: let("_p", pair, _or_null(Name("_p"), _part(Name("_p"), " ", number)))


def _scale(text: Expression) -> Expression:
    """Return how many digits stand behind the point; fewer than none for ``1E+2``."""
    fraction = call("LENGTH", _part(_part(text, "E", 1), ".", 2))
    return Binary(fraction, "-", call("TO_NUMBER", _part(text, "E", 2)))


def _whole(text: Expression, scale: Expression) -> Expression:
    """Return the digits, without a sign, of a decimal times ten to a scale that is not less than its own."""
    zeros = call("REPEAT", _text("0"), Binary(scale, "-", _scale(text)))
    return call("CONCAT", _all_digits(text), zeros)


def _all_digits(text: Expression) -> Expression:
    """Return the digits of a decimal, without sign, point and exponent."""
    return call("REPLACE", _part(call("LTRIM", text, _text("-")), "E", 1), _text("."), _text(""))


def _sign(text: Expression) -> Expression:
    return Ternary(_is_negative(text), Literal(-1), Literal(1))


def _greatest(*numbers: Expression) -> Expression:
    """Return the greatest of numbers, not less than 0."""
    largest: Expression = Literal(0)
    for number in numbers:
        largest = Ternary(Compare(number, ">", largest), number, largest)
    return largest


def _pointed(digits: Expression, scale: Expression, sign: Expression) -> Expression:
    """Return the text of a decimal: digits, of which as many stand behind the point as the scale says."""
    d, s = Name("_d"), Name("_z")
    padded = call("PAD_LEFT", digits, Binary(s, "+", Literal(1)), _text("0"))
    whole = call("LTRIM", call("LEFT", d, Binary(call("LENGTH", d), "-", s)), _text("0"))
    first = let("_i", whole, Ternary(Compare(Name("_i"), "==", _text("")), _text("0"), Name("_i")))
    rest = Ternary(Compare(s, "==", Literal(0)), _text(""), call("CONCAT", _text("."), call("RIGHT", d, s)))
    return let("_z", scale, let("_d", padded, call("CONCAT", sign, first, rest)))


def _short(number: Expression, scale: Expression) -> Expression:
    """Return the text of an integer at a scale."""
    n = Name("_n")
    positive = Ternary(Compare(n, "<", Literal(0)), Unary("-", n), n)
    sign = Ternary(Compare(n, "<", Literal(0)), _text("-"), _text(""))
    return let("_n", number, _pointed(call("TO_STRING", positive), scale, sign))


def _long(parts: Expression, scale: Expression) -> Expression:
    """Return the text of a long number at a scale; an error where it has more digits than we compute."""
    turned = call("MAP", Name("_u"), Lambda(("_a",), Unary("-", Name("_a"))))
    h = Name("_h")
    is_less = Compare(field(h, "c"), "<", Literal(0))
    digits = call("CONCAT", call("TO_STRING", field(h, "c")), field(h, "t"))
    positive = _pointed(digits, scale, Name("_e"))
    of_negative = let("_h", carried(turned), let("_e", _text("-"), positive))
    text = let("_h", carried(Name("_u")), Ternary(is_less, of_negative, let("_e", _text(""), positive)))
    fits = Compare(call("LENGTH", Name("_u")), "<", Literal(MOST_DIGITS // BASE + 2))
    refused = call(
        "ASSERT",
        Literal(False),
        _text(f"a decimal with more than {MOST_DIGITS:,} digits can't be computed in a query"),
    )
    return let("_u", parts, Ternary(fits, text, refused))


def _both(left: Expression, right: Expression, scales: Expression, body: Expression) -> Expression:
    """Let ``_a`` and ``_b`` be the texts and ``_s`` a scale."""
    return let("_a", _of(left), let("_b", _of(right), let("_s", scales, body)))


def _fits(*digits: Expression) -> Expression:
    tests = tuple(Compare(call("LENGTH", text), "<=", Literal(_SHORT)) for text in digits)
    return Logical("AND", tests)


def _signed(text: Expression, digits: Expression) -> Expression:
    return Binary(_sign(text), "*", call("TO_NUMBER", digits))


def _summed(operator: BinaryOperator) -> Callable[[Expression, Expression], Expression]:
    def write(left: Expression, right: Expression) -> Expression:
        a, b, s, one, other = Name("_a"), Name("_b"), Name("_s"), Name("_m"), Name("_n")
        sign = _sign(b) if operator == "+" else Unary("-", _sign(b))
        short = _short(Binary(_signed(a, one), operator, _signed(b, other)), s)
        long = _long(added(Array((parts(one, _sign(a)), parts(other, sign)))), s)
        body = let("_m", _whole(a, s), let("_n", _whole(b, s), Ternary(_fits(one, other), short, long)))
        return _both(left, right, _greatest(_scale(a), _scale(b)), body)

    return write


def _product(left: Expression, right: Expression) -> Expression:
    a, b, s, z, one, other = Name("_a"), Name("_b"), Name("_s"), Name("_f"), Name("_m"), Name("_n")
    scale = Binary(s, "+", z)
    fits = Compare(Binary(call("LENGTH", one), "+", call("LENGTH", other)), "<=", Literal(_SHORT))
    short = _short(Binary(_signed(a, one), "*", _signed(b, other)), scale)
    long = _long(multiplied(parts(one, _sign(a)), parts(other, _sign(b))), scale)
    body = let("_m", _whole(a, s), let("_n", _whole(b, z), Ternary(fits, short, long)))
    return _both(left, right, _greatest(_scale(a)), let("_f", _greatest(_scale(b)), body))


def _total_text(texts: Expression) -> Expression:
    x, s, c, present = Name("_x"), Name("_s"), Name("_c"), Name("_b")
    kept = call("FILTER", texts, Lambda(("_x",), Compare(x, "!=", _NULL)))
    kept = call("MAP", kept, Lambda(("_x",), call("TO_STRING", x)))
    deeper = Ternary(Compare(_scale(x), ">", c), _scale(x), c)
    scale = call("REDUCE", present, Lambda(("_c", "_x"), deeper), Literal(0))
    length = call("LENGTH", _whole(x, s))
    longer = Ternary(Compare(length, ">", c), length, c)
    longest = call("REDUCE", present, Lambda(("_c", "_x"), longer), Literal(0))
    growth = call("LENGTH", call("TO_STRING", call("LENGTH", present)))
    fits = Compare(Binary(longest, "+", growth), "<=", Literal(_SHORT))
    add = Lambda(("_c", "_x"), Binary(c, "+", _signed(x, _whole(x, s))))
    short = _short(call("REDUCE", present, add, Literal(0)), s)
    long = _long(
        added(call("MAP", present, Lambda(("_x",), parts(_whole(x, s), _sign(x))))),
        s,
    )
    return let("_b", kept, let("_s", scale, Ternary(fits, short, long)))


def _quotient(left: Expression, right: Expression) -> Expression:
    """Return the text of a quotient of 28 digits, as Python has it; null where the divisor is 0."""
    a, b, x, y, z, quotient = (Name(letter) for letter in ("_a", "_b", "_X", "_Y", "_Z", "_Q"))
    lacking = Binary(Binary(Literal(PLACES + 2), "+", call("LENGTH", y)), "-", call("LENGTH", x))
    digits = divided(call("CONCAT", x, call("REPEAT", _text("0"), z)), _divisor(y))
    all_of = let("_T", call("LTRIM", field(quotient, "t"), _text("0")), _rounded(quotient))
    body: Expression = let("_Z", _greatest(lacking), let("_Q", digits, all_of))
    body = Ternary(Compare(x, "==", _text("")), _text("0"), body)
    body = Ternary(Compare(y, "==", _text("")), _NULL, body)
    for name, of in (("_Y", b), ("_X", a)):
        body = let(name, call("LTRIM", _all_digits(of), _text("0")), body)
    return _both(left, right, Binary(_scale(b), "-", _scale(a)), let("_E", _joint_sign(a, b), body))


def _joint_sign(left: Expression, right: Expression) -> Expression:
    return Ternary(Compare(_is_negative(left), "!=", _is_negative(right)), _text("-"), _text(""))


def _divisor(digits: Expression) -> Expression:
    """Return the integer of a text of digits; an error where it has more than can be divided by."""
    refused = call(
        "ASSERT",
        Literal(False),
        _text(f"a query on a server can't divide by a decimal of more than {_SHORT} digits"),
    )
    return Ternary(Compare(call("LENGTH", digits), "<=", Literal(_SHORT)), call("TO_NUMBER", digits), refused)


def _rounded(quotient: Expression) -> Expression:
    """Return the text of the quotient ``_T``, rounded to half even; an exact one as short as Python's."""
    digits, shown, power = Name("_T"), Name("_H"), Name("_P")
    head, rest = call("LEFT", digits, Literal(PLACES)), call("SUBSTRING", digits, Literal(PLACES))
    beyond = Binary(call("LENGTH", digits), "-", Literal(PLACES))
    exponent = Binary(beyond, "+", Binary(Name("_s"), "-", Name("_Z")))
    is_plain = Compare(call("LTRIM", rest, _text("0")), "==", _text(""))
    is_all = Logical("AND", (Compare(field(quotient, "r"), "==", Literal(0)), is_plain))
    zeros = Binary(call("LENGTH", shown), "-", call("LENGTH", call("RTRIM", shown, _text("0"))))
    room = _greatest(Binary(Name("_s"), "-", power))
    spare = Ternary(is_all, Ternary(Compare(zeros, "<", room), zeros, room), Literal(0))
    body = let("_P", exponent, let("_F", spare, _with_exponent(shown, power)))
    return let("_H", Ternary(_is_rounded_up(head, rest, quotient), _next(head), head), body)


def _next(head: Expression) -> Expression:
    """Return the digits of the number after one of 28 digits, by its halves."""
    half = PLACES // 2
    first, last = call("LEFT", head, Literal(half)), call("TO_NUMBER", call("RIGHT", head, Literal(half)))
    more = Binary(Name("_O"), "+", Literal(1))
    kept = call("CONCAT", first, call("PAD_LEFT", call("TO_STRING", more), Literal(half), _text("0")))
    carried_on = call("TO_STRING", Binary(call("TO_NUMBER", first), "+", Literal(1)))
    full = call("CONCAT", carried_on, _text("0" * half))
    return let("_O", last, Ternary(Compare(more, "<", Literal(10**half)), kept, full))


def _is_rounded_up(head: Expression, rest: Expression, quotient: Expression) -> Expression:
    zeros = call("REPEAT", _text("0"), Binary(call("LENGTH", rest), "-", Literal(1)))
    half = call("CONCAT", _text("5"), zeros)
    is_odd = Compare(call("RIGHT", head, Literal(1)), "IN", Array(tuple(map(_text, "13579"))))
    is_more = Compare(field(quotient, "r"), "!=", Literal(0))
    of_half = Logical("AND", (Compare(rest, "==", half), Logical("OR", (is_more, is_odd))))
    return Logical("OR", (Compare(rest, ">", half), of_half))


def _with_exponent(digits: Expression, power: Expression) -> Expression:
    """Return the text of digits times a power of ten, of which ``_F`` zeros at the end are left out."""
    sign, last = Name("_E"), Binary(power, "+", Name("_F"))
    short = call("LEFT", digits, Binary(call("LENGTH", digits), "-", Name("_F")))
    written = call("CONCAT", sign, short, _text("E"), call("TO_STRING", last))
    return Ternary(Compare(last, "<=", Literal(0)), _pointed(short, Unary("-", last), sign), written)


def _whole_division(left: Expression, right: Expression, made: Expression) -> Expression:
    """Let ``_Q`` be the quotient and the rest of two decimals, as integers at the scale ``_s``."""
    a, b, s, y = Name("_a"), Name("_b"), Name("_s"), Name("_Y")
    quotient = let("_Q", divided(_whole(a, s), _divisor(y)), made)
    body: Expression = Ternary(Compare(y, "==", _text("")), _NULL, quotient)
    body = let("_Y", call("LTRIM", _whole(b, s), _text("0")), body)
    return _both(left, right, _greatest(_scale(a), _scale(b)), body)


def _floor(left: Expression, right: Expression) -> Expression:
    whole = call("LTRIM", field(Name("_Q"), "t"), _text("0"))
    return _whole_division(left, right, _pointed(whole, Literal(0), _joint_sign(Name("_a"), Name("_b"))))


def _rest(left: Expression, right: Expression) -> Expression:
    digits = call("TO_STRING", field(Name("_Q"), "r"))
    sign = Ternary(_is_negative(Name("_a")), _text("-"), _text(""))
    return _whole_division(left, right, _pointed(digits, Name("_s"), sign))


_WRITERS: Mapping[DecimalFunction, Callable[..., Expression]] = {
    "KEY": _key_text,
    "DIGITS": _digits_text,
    "NEGATIVE": _negative_text,
    "ADD": _summed("+"),
    "SUBTRACT": _summed("-"),
    "MULTIPLY": _product,
    "DIVIDE": _quotient,
    "FLOOR": _floor,
    "REST": _rest,
    "TOTAL": _total_text,
    "PAIR": _pair_text,
    "PAIR_KEY": _half(1),
    "PAIR_DIGITS": _half(2),
}
