"""Decimals in queries: they are stored as text with all their digits, and stay exact here.

The language knows floats only. So a decimal is compared, sorted and grouped by a text that is made of its
digits and sorts as the numbers do (``sort_key``), and computed with as a whole number and a scale, up to 18
digits. Nodes and Python make the same texts.

Times and durations in arithmetic: nodes that compute on their stored texts, exact to the microsecond.

The language's own functions of dates cut microseconds off, and write another form than is stored.
"""

from __future__ import annotations

from decimal import Decimal

from ...errors import UsageError
from ...language import nodes as q

MILLION = q.Literal(1_000_000)


def call(name: str, *arguments: q.Expression) -> q.Expression:
    """Return a call of a function of the language."""
    return q.Call(name, arguments)


def let(variable: str, value: q.Expression, body: q.Expression) -> q.Expression:
    """Return ``body`` where ``variable`` stands for a value, which is computed once."""
    return call("FIRST", call("MAP", q.Array((value,)), q.Lambda((variable,), body)))


def is_null(node: q.Expression) -> q.Expression:
    """Return the test for null."""
    return q.Compare(node, "==", q.Literal(None))


def _seconds(text: q.Expression) -> q.Expression:
    """Return the time without its fraction, as the language's functions take it."""
    return call("CONCAT", call("LEFT", text, q.Literal(19)), q.Literal("Z"))


def _micros(text: q.Expression) -> q.Expression:
    """Return the microseconds of a stored time: the digits after its point, which are six or none."""
    tail = call(
        "SPLIT_PART", call("SPLIT_PART", text, q.Literal("."), q.Literal(2)), q.Literal("+"), q.Literal(1)
    )
    return call(
        "TO_NUMBER", call("PAD_RIGHT", call("LEFT", tail, q.Literal(6)), q.Literal(6), q.Literal("0"))
    )


def rounded(micros: q.Expression) -> q.Expression:
    """Return the nearest whole number of microseconds, halves to the even one as Python does."""
    return call("ROUND", micros, q.Literal(0), q.Literal("half_even"))


def micros_of(duration: q.Expression) -> q.Expression:
    """Return the whole microseconds of a stored duration, which is a number of seconds."""
    return call("ROUND", q.Binary(duration, "*", MILLION))


def duration_of(micros: q.Expression) -> q.Expression:
    """Return the stored form of a number of microseconds."""
    return q.Binary(micros, "/", MILLION)


def shifted(text: q.Expression, duration: q.Expression, sign: q.BinaryOperator = "+") -> q.Expression:
    """Return a stored time moved by a stored duration."""
    t, total, rest = q.Name("_t"), q.Name("_u"), q.Name("_r")
    remainder = modulo(total, MILLION)
    whole = q.Binary(q.Binary(total, "-", rest), "/", MILLION)
    moved = call("LEFT", call("DATE_ADD", _seconds(t), whole, q.Literal("s")), q.Literal(19))
    digits = call("PAD_LEFT", call("TO_STRING", rest), q.Literal(6), q.Literal("0"))
    fraction = q.Ternary(
        q.Compare(rest, "==", q.Literal(0)), q.Literal(""), call("CONCAT", q.Literal("."), digits)
    )
    offset = q.Ternary(call("ENDS_WITH", t, q.Literal("+00:00")), q.Literal("+00:00"), q.Literal(""))
    result = let("_r", remainder, call("CONCAT", moved, fraction, offset))
    return let("_t", text, let("_u", q.Binary(_micros(t), sign, micros_of(duration)), result))


def between(later: q.Expression, earlier: q.Expression) -> q.Expression:
    """Return the duration between two stored times."""
    a, b = q.Name("_a"), q.Name("_b")
    whole = call("DATE_DIFF", _seconds(b), _seconds(a), q.Literal("s"))
    micros = q.Binary(q.Binary(whole, "*", MILLION), "+", q.Binary(_micros(a), "-", _micros(b)))
    return let("_a", later, let("_b", earlier, duration_of(micros)))


def _days(duration: q.Expression) -> q.Expression:
    return call("FLOOR", q.Binary(duration, "/", q.Literal(86_400)))


def day_shifted(text: q.Expression, duration: q.Expression, sign: q.BinaryOperator = "+") -> q.Expression:
    """Return a stored date moved by the whole days of a stored duration."""
    count = _days(duration) if sign == "+" else q.Unary("-", _days(duration))
    return call("LEFT", call("DATE_ADD", text, count, q.Literal("d")), q.Literal(10))


def days_between(later: q.Expression, earlier: q.Expression) -> q.Expression:
    """Return the duration between two stored dates."""
    days = call("DATE_DIFF", earlier, later, q.Literal("d"))
    return q.Binary(q.Binary(days, "*", q.Literal(86_400)), "*", q.Literal(1.0))


def modulo(left: q.Expression, right: q.Expression) -> q.Expression:
    """Return the remainder with the divisor's sign, as in Python; the language's has the dividend's."""
    if is_simple(left) and is_simple(right):
        return _signed(q.Binary(left, "%", right), right)
    rest, divisor = q.Name("_m"), q.Name("_d")
    return let("_d", right, let("_m", q.Binary(left, "%", divisor), _signed(rest, divisor)))


def _signed(rest: q.Expression, divisor: q.Expression) -> q.Expression:
    differs = q.Logical("AND", (
        q.Compare(rest, "!=", q.Literal(0)),
        q.Compare(q.Compare(rest, "<", q.Literal(0)), "!=", q.Compare(divisor, "<", q.Literal(0))),
    ))  # fmt: skip
    return q.Ternary(differs, q.Binary(rest, "+", divisor), rest)


def is_simple(node: q.Expression) -> bool:
    """Return whether a node costs nothing to compute twice: a constant, or an attribute of a document."""
    while isinstance(node, q.Attribute):
        node = node.base
    return isinstance(node, (q.Literal, q.Bind, q.Name))


_BIAS = 2_000_000
_COMPLEMENT = {digit: str(9 - int(digit)) for digit in "0123456789"}
_COMPLEMENTED = {ord(digit): other for digit, other in _COMPLEMENT.items()}
_MOST = 10**18
_ZERO = "B"


def key_of(value: Decimal) -> str:
    """Return the sort key of a decimal; UsageError for NaN and infinities."""
    if not value.is_finite():
        raise UsageError(f"{value} has no place among the decimals of a query")
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return _ZERO
    magnitude = f"{len(text) + int(exponent) + _BIAS:07}{text.rstrip('0')}"
    return f"C{magnitude}" if not sign else "A" + magnitude.translate(_COMPLEMENTED) + "~"


def of_key(key: str) -> Decimal:
    """Return the decimal of a sort key, without trailing zeros."""
    if key == _ZERO:
        return Decimal(0)
    magnitude = key[1:].rstrip("~")
    if key[0] == "A":
        magnitude = magnitude.translate(_COMPLEMENTED)
    digits, point = magnitude[7:], int(magnitude[:7]) - _BIAS
    plain = digits[:point].ljust(point, "0") if point > 0 else "0"
    rest = digits[point:] if point > 0 else "0" * -point + digits
    return Decimal(f"{'-' if key[0] == 'A' else ''}{plain}{'.' + rest if rest else ''}")


def is_key(text: str) -> bool:
    """Return whether a text is the sort key of a decimal, not its digits."""
    return text[:1] in ("A", "B", "C")


def _text(value: str) -> q.Literal:
    return q.Literal(value)


def _part(text: q.Expression, separator: str, number: int) -> q.Expression:
    return call("SPLIT_PART", text, _text(separator), q.Literal(number))


def sort_key(text: q.Expression) -> q.Expression:
    """Return the sort key of the text of a decimal; null of null."""
    t, whole, digits = q.Name("_t"), q.Name("_w"), q.Name("_n")
    mantissa = _part(call("LTRIM", t, _text("-")), "E", 1)
    point = q.Binary(call("LENGTH", _part(mantissa, ".", 1)), "+", call("TO_NUMBER", _part(t, "E", 2)))
    place = q.Binary(point, "-", q.Binary(call("LENGTH", whole), "-", call("LENGTH", digits)))
    biased = call("TO_STRING", q.Binary(place, "+", q.Literal(_BIAS)))
    magnitude = call(
        "CONCAT", call("PAD_LEFT", biased, q.Literal(7), _text("0")), call("RTRIM", digits, _text("0"))
    )
    complement = q.Object(tuple((digit, _text(other)) for digit, other in _COMPLEMENT.items()))
    negative = call("CONCAT", _text("A"), call("SUBSTITUTE", magnitude, complement), _text("~"))
    signed = q.Ternary(call("STARTS_WITH", t, _text("-")), negative, call("CONCAT", _text("C"), magnitude))
    key: q.Expression = q.Ternary(q.Compare(digits, "==", _text("")), _text(_ZERO), signed)
    key = let("_n", call("LTRIM", whole, _text("0")), key)
    key = let("_w", call("REPLACE", mantissa, _text("."), _text("")), key)
    return let("_t", text, q.Ternary(q.Compare(t, "==", q.Literal(None)), q.Literal(None), key))


def _scale(text: q.Expression) -> q.Expression:
    """Return how many digits stand behind the point; fewer than none for ``1E+2``."""
    fraction = call("LENGTH", _part(_part(text, "E", 1), ".", 2))
    return q.Binary(fraction, "-", call("TO_NUMBER", _part(text, "E", 2)))


def _digits(text: q.Expression) -> q.Expression:
    return call("REPLACE", _part(text, "E", 1), _text("."), _text(""))


def _number(text: q.Expression, scale: q.Expression) -> q.Expression:
    """Return a decimal as the whole number that it is at a scale, which is not less than its own."""
    zeros = call("REPEAT", _text("0"), q.Binary(scale, "-", _scale(text)))
    return call("TO_NUMBER", call("CONCAT", _digits(text), zeros))


def _common(*scales: q.Expression) -> q.Expression:
    """Return the greatest of scales, not less than 0, as an integer."""
    largest: q.Expression = q.Literal(0)
    for scale in scales:
        largest = q.Ternary(q.Compare(scale, ">", largest), scale, largest)
    return largest


def text_of(number: q.Expression, scale: q.Expression) -> q.Expression:
    """Return the text of a whole number at a scale; an error where it has more digits than are exact."""
    n, s, size = q.Name("_n"), q.Name("_s"), q.Name("_z")
    positive = q.Ternary(q.Compare(n, "<", q.Literal(0)), q.Unary("-", n), n)
    padded = call("PAD_LEFT", call("TO_STRING", positive), q.Binary(s, "+", q.Literal(1)), _text("0"))
    whole = call("LEFT", size, q.Binary(call("LENGTH", size), "-", s))
    pointed = call("CONCAT", whole, _text("."), call("RIGHT", size, s))
    sign = q.Ternary(q.Compare(n, "<", q.Literal(0)), _text("-"), _text(""))
    digits = q.Ternary(q.Compare(s, "==", q.Literal(0)), size, pointed)
    written = call("CONCAT", sign, let("_z", padded, digits))
    exact = q.Logical("AND", (
        q.Compare(n, "<", q.Literal(_MOST)), q.Compare(n, ">", q.Unary("-", q.Literal(_MOST)))
    ))  # fmt: skip
    refused = call(
        "ASSERT", q.Literal(False), _text("a decimal with more than 18 digits can't be computed in a query")
    )
    return let("_s", scale, let("_n", number, q.Ternary(exact, written, refused)))


def combined(left: q.Expression, operator: q.BinaryOperator, right: q.Expression) -> q.Expression:
    """Return the text of a sum, difference or product of the texts of two decimals."""
    a, b, s = q.Name("_a"), q.Name("_b"), q.Name("_s")
    if operator == "*":
        one, other = _common(_scale(a)), _common(_scale(b))
        product = q.Binary(_number(a, one), "*", _number(b, other))
        return let("_a", left, let("_b", right, text_of(product, q.Binary(one, "+", other))))
    total = q.Binary(_number(a, s), operator, _number(b, s))
    summed = let("_s", _common(_scale(a), _scale(b)), text_of(total, s))
    return let("_a", left, let("_b", right, summed))


def negated(text: q.Expression) -> q.Expression:
    """Return the text of a decimal with the other sign."""
    t = q.Name("_t")
    minus = call("CONCAT", _text("-"), t)
    return let("_t", text, q.Ternary(call("STARTS_WITH", t, _text("-")), call("LTRIM", t, _text("-")), minus))


def total_of(texts: q.Expression) -> q.Expression:
    """Return the text of the sum of a list of texts of decimals; nulls are left out."""
    a, x, s, total = q.Name("_a"), q.Name("_x"), q.Name("_s"), q.Name("_c")
    present = call("FILTER", texts, q.Lambda(("_x",), q.Compare(x, "!=", q.Literal(None))))
    deeper = q.Ternary(q.Compare(_scale(x), ">", total), _scale(x), total)
    scale = call("REDUCE", a, q.Lambda(("_c", "_x"), deeper), q.Literal(0))
    added = q.Lambda(("_c", "_x"), q.Binary(total, "+", _number(x, s)))
    summed = call("REDUCE", a, added, q.Literal(0))
    return let("_a", present, let("_s", scale, text_of(summed, s)))


def pair(text: q.Expression) -> q.Expression:
    """Return a text that sorts as a decimal does and holds its digits too; null of null."""
    t = q.Name("_p")
    both = call("CONCAT", sort_key(t), _text(" "), t)
    return let("_p", text, q.Ternary(q.Compare(t, "==", q.Literal(None)), q.Literal(None), both))


def key_in(pair: q.Expression) -> q.Expression:
    """Return the sort key in a pair of it and the digits."""
    return q.Ternary(q.Compare(pair, "==", q.Literal(None)), q.Literal(None), _part(pair, " ", 1))


def digits_in(pair: q.Expression) -> q.Expression:
    """Return the digits in a pair of them and the sort key."""
    return q.Ternary(q.Compare(pair, "==", q.Literal(None)), q.Literal(None), _part(pair, " ", 2))


def digits_of_key(key: q.Expression) -> q.Expression:
    """Return a text of the decimal of a sort key: ``0.601E2``."""
    k, m = q.Name("_k"), q.Name("_m")
    is_negative = call("STARTS_WITH", k, _text("A"))
    complement = q.Object(tuple((digit, _text(other)) for digit, other in _COMPLEMENT.items()))
    stripped = call("RTRIM", call("SUBSTRING", k, q.Literal(1)), _text("~"))
    magnitude = q.Ternary(is_negative, call("SUBSTITUTE", stripped, complement), stripped)
    place = q.Binary(call("TO_NUMBER", call("LEFT", m, q.Literal(7))), "-", q.Literal(_BIAS))
    sign = q.Ternary(is_negative, _text("-0."), _text("0."))
    written = call("CONCAT", sign, call("SUBSTRING", m, q.Literal(7)), _text("E"), call("TO_STRING", place))
    body = q.Ternary(q.Compare(k, "==", _text(_ZERO)), _text("0"), let("_m", magnitude, written))
    return let("_k", key, q.Ternary(q.Compare(k, "==", q.Literal(None)), q.Literal(None), body))


def nearby(value: Decimal) -> float | None:
    """Return the float next to a decimal; None where there is none."""
    number = float(value)
    return number if abs(number) < 1e300 and (abs(number) > 1e-300 or not value) else None


def compared(
    text: q.Expression, operator: q.ComparisonOperator, near: q.Expression | None, key: q.Expression
) -> q.Expression:
    """Return a comparison of the text of a decimal with the sort key of one.

    ``near`` is the float next to that one: where the floats decide, the digits are not looked at. Texts with
    an exponent may be beyond all floats.
    """
    if operator == "!=":
        return q.Unary("NOT", compared(text, "==", near, key))
    exact = q.Compare(sort_key(text), operator, key)
    if near is None:
        return exact
    wide: q.ComparisonOperator = (
        "<=" if operator in ("<", "<=") else ">=" if operator in (">", ">=") else "=="
    )
    beyond = q.Compare(call("CONTAINS", text, _text("E")), "==", q.Literal(True))
    rough = q.Logical("OR", (q.Compare(call("TO_NUMBER", text), wide, near), beyond))
    return q.Logical("AND", (rough, exact))
