"""Times and durations in arithmetic: nodes that compute on their stored texts, exact to the microsecond.

The language's own functions of dates cut microseconds off, and write another form than is stored.
"""

from __future__ import annotations

from ...language import nodes as q
from ...language.nodes import call, let

MILLION = q.Literal(1_000_000)


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
