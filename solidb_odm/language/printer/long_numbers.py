"""Numbers of any length in the language itself, as lists of parts: added, multiplied, divided.

The language computes with floats and integers of 64 bits. A long number is a list of its parts, the last
first, of which sums and products are exact floats; or the text of its digits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ..nodes import (
    INTEGER_SUM,
    Aggregate,
    Attribute,
    Binary,
    Clause,
    Collect,
    Compare,
    Expression,
    Lambda,
    Let,
    Literal,
    Name,
    Object,
    Range,
    Subscript,
    Ternary,
    Window,
    call,
    let,
)

BASE: Final = 6
"""How many digits a part of a long number has: products of two parts, and sums of them, are exact floats."""


def parts(digits: Expression, sign: Expression) -> Expression:
    """Return the parts of a long number, the last first, each with the number's sign."""
    d, count, p = Name("_d"), Name("_q"), Name("_j")
    padded = call("PAD_LEFT", d, Binary(count, "*", Literal(BASE)), Literal("0"))
    start = Binary(Binary(Binary(count, "-", Literal(1)), "-", p), "*", Literal(BASE))
    part = call("TO_NUMBER", call("SUBSTRING", Name("_p"), start, Literal(BASE)))
    listed = call(
        "MAP",
        Range(Literal(0), Binary(count, "-", Literal(1))),
        Lambda(("_j",), Binary(Name("_g"), "*", part)),
    )
    sized = let("_q", call("CEIL", Binary(call("LENGTH", d), "/", Literal(BASE))), let("_p", padded, listed))
    return let("_g", sign, let("_d", digits, sized))


def _at(parts: Expression, position: Expression) -> Expression:
    return Binary(Subscript(parts, position), "??", Literal(0))


def _each_place(count: Expression, value: Expression) -> Expression:
    """Return a list of a value for each place ``_i`` from 0 on."""
    return call("MAP", Range(Literal(0), Binary(count, "-", Literal(1))), Lambda(("_i",), value))


def added(numbers: Expression) -> Expression:
    """Return the parts of the sum of long numbers."""
    c, a = Name("_c"), Name("_a")
    longer = Ternary(Compare(call("LENGTH", a), ">", c), call("LENGTH", a), c)
    count = call("REDUCE", Name("_l"), Lambda(("_c", "_a"), longer), Literal(1))
    summed = call("REDUCE", Name("_l"), Lambda(("_c", "_a"), Binary(c, "+", _at(a, Name("_i")))), Literal(0))
    return let("_l", numbers, let("_o", count, _each_place(Name("_o"), summed)))


def multiplied(left: Expression, right: Expression) -> Expression:
    """Return the parts of the product of two long numbers."""
    a, b, i, j = Name("_x"), Name("_y"), Name("_i"), Name("_j")
    places = Range(Literal(0), Binary(call("LENGTH", a), "-", Literal(1)))
    behind = Binary(i, "-", j)
    other = Ternary(Compare(behind, "<", Literal(0)), Literal(0), _at(b, behind))
    added = Binary(Name("_c"), "+", Binary(Subscript(a, j), "*", other))
    folded = call("REDUCE", places, Lambda(("_c", "_j"), added), Literal(0))
    count = Binary(call("LENGTH", a), "+", call("LENGTH", b))
    return let("_x", left, let("_y", right, _each_place(count, folded)))


def carried(parts: Expression) -> Expression:
    """Return what remains to carry (``c``) after the parts, and their digits (``t``)."""
    base = Literal(10**BASE)
    v, r, state = Name("_v"), Name("_r"), Name("_c")
    rest = Binary(Binary(Binary(v, "%", base), "+", base), "%", base)
    padded = call("PAD_LEFT", call("TO_STRING", r), Literal(BASE), Literal("0"))
    carry = Binary(Binary(v, "-", r), "/", base)
    made = Object((("c", carry), ("t", call("CONCAT", padded, field(state, "t")))))
    step = let("_v", Binary(Name("_a"), "+", field(state, "c")), let("_r", rest, made))
    return call("REDUCE", parts, Lambda(("_c", "_a"), step), Object((("c", Literal(0)), ("t", Literal("")))))


def divided(digits: Expression, divisor: Expression) -> Expression:
    """Return the digits of the whole quotient (``t``) and the rest (``r``) of a text of digits by an integer.

    Digit by digit, as on paper; ten times a rest has to be an integer still.
    """
    number, by, state, left = Name("_N"), Name("_B"), Name("_S"), Name("_R")
    digit = call("TO_NUMBER", call("SUBSTRING", number, Name("_I"), Literal(1)))
    brought_down = Binary(Binary(field(state, "r"), "*", Literal(10)), "+", digit)
    rest = Binary(left, "%", by)
    times = call("ROUND", Binary(Binary(left, "-", rest), "/", by))  # exact, but for the noise of a float
    made = Object((("r", rest), ("t", call("CONCAT", field(state, "t"), call("TO_STRING", times)))))
    step = Lambda(("_S", "_I"), let("_R", brought_down, made))
    places = Range(Literal(0), Binary(call("LENGTH", number), "-", Literal(1)))
    folded = call("REDUCE", places, step, Object((("r", Literal(0)), ("t", Literal("")))))
    return let("_N", digits, let("_B", divisor, folded))


def field(of: Expression, name: str) -> Expression:
    """Return an attribute of an object."""
    return Attribute(of, name)


# --- sums of integers ----------------------------------------------------------------------------

_HALF: Final = Literal(1 << 26)
"""What integers are cut by: sums of either part, of millions of integers of 64 bits, are exact floats."""


def clauses_of(clause: Clause) -> Iterator[Clause]:
    """Yield a clause as a server gets it: exact sums of integers as the sums of their parts."""
    if isinstance(clause, Collect) and _adds(*clause.aggregates):
        sums = [aggregate for aggregate in clause.aggregates if _adds(aggregate)]
        others = [aggregate for aggregate in clause.aggregates if not _adds(aggregate)]
        halves = [half for total in sums for half in _aggregates(total)]
        yield replace(clause, aggregates=(*others, *halves))
        yield from (Let(total.name, _whole(total.name)) for total in sums)
    elif isinstance(clause, Let) and isinstance(clause.value, Window) and clause.value.name == INTEGER_SUM:
        window = clause.value
        for name, half in zip(_names(clause.name), _halves(window.arguments[0]), strict=True):
            yield Let(name, replace(window, name="SUM", arguments=(half,)))
        yield Let(clause.name, _whole(clause.name))
    else:
        yield clause


def _adds(*aggregates: Aggregate) -> bool:
    return any(aggregate.function == INTEGER_SUM for aggregate in aggregates)


def _names(name: str) -> tuple[str, str]:
    return f"{name}_high", f"{name}_low"


def _halves(number: Expression) -> tuple[Expression, Expression]:
    low = Binary(number, "%", _HALF)
    return Binary(Binary(number, "-", low), "/", _HALF), low


def _aggregates(node: Aggregate) -> Iterator[Aggregate]:
    halves = _halves(node.argument or Literal(0))
    for name, half in zip(_names(node.name), halves, strict=True):
        yield Aggregate(name, "SUM", half)


def _whole(name: str) -> Expression:
    """Return the sum of the parts, which ``|`` makes integers of floats."""
    high, low = (Binary(Name(part), "|", Literal(0)) for part in _names(name))
    return Binary(Binary(high, "*", _HALF), "+", low)
