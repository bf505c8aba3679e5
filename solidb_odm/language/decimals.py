"""Decimals in the language: texts of digits, compared and computed exactly.

The language knows floats only. A decimal is stored as the text of its digits; it is compared, sorted and
grouped by its *key*, a text that sorts as the numbers do. A ``DecimalCall`` says what is computed: a file
does it with Python's decimals (``FUNCTIONS``), a server gets it written out (``printer.decimal_calls``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow, localcontext
from typing import Final

from .._types import Json
from ..errors import QueryError, UsageError
from .nodes import (
    Compare,
    DecimalCall,
    DecimalFunction,
    Expansion,
    Expression,
    Literal,
    Name,
    Ternary,
)

MOST_DIGITS: Final = 1_000
"""How many digits a decimal may have that a query computes."""
_EXACT: Final = Context(prec=4 * MOST_DIGITS, traps=[InvalidOperation, Overflow, Inexact])
PLACES: Final = 28
"""How many digits a quotient has, as in Python."""
BIAS: Final = 2_000_000
COMPLEMENT: Final = {digit: str(9 - int(digit)) for digit in "0123456789"}
_COMPLEMENTED: Final = {ord(digit): other for digit, other in COMPLEMENT.items()}
ZERO: Final = "B"
_NULL: Final = Literal(None)


# --- in Python -----------------------------------------------------------------------------------


def key_of(value: Decimal) -> str:
    """Return the key of a decimal; UsageError for NaN and infinities."""
    if not value.is_finite():
        raise UsageError(f"{value} can't be used with decimals in a query")
    sign, digits, exponent = value.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text:
        return ZERO
    magnitude = f"{len(text) + int(exponent) + BIAS:07}{text.rstrip('0')}"
    return f"C{magnitude}" if not sign else "A" + magnitude.translate(_COMPLEMENTED) + "~"


def of_key(key: str) -> Decimal:
    """Return the decimal of a key, without trailing zeros."""
    if key == ZERO:
        return Decimal(0)
    magnitude = key[1:].rstrip("~")
    if key[0] == "A":
        magnitude = magnitude.translate(_COMPLEMENTED)
    digits, point = magnitude[7:], int(magnitude[:7]) - BIAS
    plain = digits[:point].ljust(point, "0") if point > 0 else "0"
    rest = digits[point:] if point > 0 else "0" * -point + digits
    return Decimal(f"{'-' if key[0] == 'A' else ''}{plain}{'.' + rest if rest else ''}")


def is_key(text: str) -> bool:
    """Return whether a text is the key of a decimal, not its digits."""
    return text[:1] in ("A", "B", "C")


def _read(value: Json) -> Decimal | None:
    """Return the decimal of a stored text, or of a number; None of anything else."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        read = Decimal(str(value))
    except DecimalException:
        return None
    return read if read.is_finite() else None


def _key(value: Json) -> Json:
    read = _read(value)
    return value if read is None else key_of(read)


def _digits(value: Json) -> Json:
    return None if value is None else str(of_key(str(value)))


def _known(value: Json) -> Decimal:
    read = _read(value)
    if read is None:
        raise QueryError(f"{value!r} is not a decimal")
    return read


def _written(value: Decimal) -> str:
    if len(value.as_tuple().digits) > MOST_DIGITS:
        raise QueryError(f"a decimal with more than {MOST_DIGITS:,} digits can't be computed in a query")
    return str(value)


def _computes(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[[Json, Json], Json]:
    def compute(left: Json, right: Json) -> Json:
        with localcontext(_EXACT):
            try:
                return _written(operation(_known(left), _known(right)))
            except DecimalException as error:
                raise QueryError(f"{left} and {right} can't be computed with exactly") from error

    return compute


def _divides(
    operation: Callable[[Decimal, Decimal], Decimal], context: Context = _EXACT
) -> Callable[[Json, Json], Json]:
    def compute(left: Json, right: Json) -> Json:
        one, other = _known(left), _known(right)
        if not other:
            return None
        with localcontext(context):
            try:
                return _written(operation(one, other))
            except DecimalException as error:
                raise QueryError(f"{left} and {right} differ too much in size to be divided") from error

    return compute


def _total(values: Json) -> Json:
    with localcontext(_EXACT):
        try:
            return _written(sum((_known(value) for value in values or () if value is not None), Decimal(0)))
        except DecimalException as error:
            raise QueryError("the decimals of a sum differ too much in size to be added exactly") from error


def _opposite(value: Json) -> Json:
    return _written(_known(value).copy_negate())


def _paired(value: Json) -> Json:
    return None if value is None else f"{_key(value)} {value}"


def _part_of_pair(number: int) -> Callable[[Json], Json]:
    def read(pair: Json) -> Json:
        return None if pair is None else str(pair).split(" ")[number]

    return read


FUNCTIONS: Mapping[DecimalFunction, Callable[..., Json]] = {
    "KEY": _key,
    "DIGITS": _digits,
    "NEGATIVE": _opposite,
    "ADD": _computes(lambda left, right: left + right),
    "SUBTRACT": _computes(lambda left, right: left - right),
    "MULTIPLY": _computes(lambda left, right: left * right),
    "DIVIDE": _divides(lambda left, right: left / right, Context(prec=PLACES)),
    "FLOOR": _divides(lambda left, right: left // right),
    "REST": _divides(lambda left, right: left % right),
    "TOTAL": _total,
    "PAIR": _paired,
    "PAIR_KEY": _part_of_pair(0),
    "PAIR_DIGITS": _part_of_pair(1),
}
"""What a file computes each with. KEY never fails: what is no decimal is its own key."""


# --- nodes ---------------------------------------------------------------------------------------


def key(text: Expression) -> Expression:
    """Return the key of the text of a decimal; null of null."""
    return DecimalCall("KEY", (text,))


def keys(texts: Expression) -> Expression:
    """Return the keys of a list of texts of decimals; null of null."""
    projected = Expansion(texts, projection=key(Name("CURRENT")))
    return Ternary(Compare(texts, "==", _NULL), _NULL, projected)


def digits_of_key(node: Expression) -> Expression:
    """Return a text of the decimal of a key; null of null."""
    return DecimalCall("DIGITS", (node,))


def negated(text: Expression) -> Expression:
    """Return the text of a decimal with the other sign."""
    return DecimalCall("NEGATIVE", (text,))


_NAMES: Final[dict[str, DecimalFunction]] = {
    "+": "ADD",
    "-": "SUBTRACT",
    "*": "MULTIPLY",
    "/": "DIVIDE",
    "//": "FLOOR",
    "%": "REST",
}


def combined(left: Expression, operator: str, right: Expression) -> Expression:
    """Return the text of what an operator makes of the texts of two decimals; null where it divides by 0."""
    return DecimalCall(_NAMES[operator], (left, right))


def is_zero(text: Expression) -> Expression:
    """Return the test whether the text of a decimal is 0."""
    return Compare(key(text), "==", Literal(ZERO))


def total_of(texts: Expression) -> Expression:
    """Return the text of the sum of a list of texts of decimals; nulls are left out."""
    return DecimalCall("TOTAL", (texts,))


def pair(text: Expression) -> Expression:
    """Return a text that sorts as a decimal does and holds its digits too; null of null."""
    return DecimalCall("PAIR", (text,))


def key_in(pair: Expression) -> Expression:
    """Return the key in a pair of it and the digits."""
    return DecimalCall("PAIR_KEY", (pair,))


def digits_in(pair: Expression) -> Expression:
    """Return the digits in a pair of them and the key."""
    return DecimalCall("PAIR_DIGITS", (pair,))
