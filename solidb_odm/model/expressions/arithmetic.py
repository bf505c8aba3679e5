"""What ``+ - * / // % & | ^`` make of two kinds of values: the kind of the result, and its node.

What is not in the table is refused where it is written, with the way to write it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import product
from typing import Any, TypeAlias

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import decimals
from ...language import nodes as q
from ...language.nodes import let
from .. import type_inspection
from . import instants
from .kinds import NAMES, Kind, kind_of, sequence_forms

Maker: TypeAlias = Callable[[q.Expression, q.Expression], q.Expression]


@dataclass(frozen=True, slots=True)
class Rule:
    """How an operator computes values of two kinds. ``divides``: it has no value if the second is 0."""

    annotation: Any
    make: Maker
    divides: bool = False


@dataclass(frozen=True, slots=True)
class _Sign:
    """What makes the node of an operator. It is no closure, so that statements can be pickled."""

    make: Callable[[q.Expression, Any, q.Expression], q.Expression]
    operator: str

    def __call__(self, left: q.Expression, right: q.Expression) -> q.Expression:
        return self.make(left, self.operator, right)


def _plain(operator: str) -> Maker:
    return _Sign(q.Binary, operator)


def _decimal(operator: str) -> Maker:
    return _Sign(decimals.combined, operator)


def _shifted(text: q.Expression, sign: q.BinaryOperator, duration: q.Expression) -> q.Expression:
    return instants.shifted(text, duration, sign)


def _day_shifted(text: q.Expression, sign: q.BinaryOperator, duration: q.Expression) -> q.Expression:
    return instants.day_shifted(text, duration, sign)


def _shifting(duration: q.Expression, sign: q.BinaryOperator, text: q.Expression) -> q.Expression:
    return instants.shifted(text, duration, sign)


def _day_shifting(duration: q.Expression, sign: q.BinaryOperator, text: q.Expression) -> q.Expression:
    return instants.day_shifted(text, duration, sign)


def _scaling(factor: q.Expression, operator: q.BinaryOperator, span: q.Expression) -> q.Expression:
    return _scaled(span, operator, factor)


def _floored(left: q.Expression, right: q.Expression) -> q.Expression:
    if instants.is_simple(left) and instants.is_simple(right):
        return q.Binary(q.Binary(left, "-", instants.modulo(left, right)), "/", right)
    a, b = q.Name("_a"), q.Name("_b")
    body = q.Binary(q.Binary(a, "-", instants.modulo(a, b)), "/", b)
    return let("_a", left, let("_b", right, body))


def _spans(left: q.Expression, operator: q.BinaryOperator, right: q.Expression) -> q.Expression:
    """Return a sum of durations without the noise of binary fractions."""
    micros = q.Binary(instants.micros_of(left), operator, instants.micros_of(right))
    return instants.duration_of(micros)


def _scaled(left: q.Expression, operator: q.BinaryOperator, right: q.Expression) -> q.Expression:
    micros = q.Binary(instants.micros_of(left), operator, right)
    return instants.duration_of(instants.rounded(micros))


def _ratio(left: q.Expression, right: q.Expression) -> q.Expression:
    return q.Binary(instants.micros_of(left), "/", instants.micros_of(right))


def _appended(left: q.Expression, right: q.Expression) -> q.Expression:
    return q.Call("APPEND", (left, right))


_RULES: dict[tuple[Kind, str, Kind], Rule] = {
    ("text", "+", "text"): Rule(str, _plain("+")),
    ("datetime", "+", "duration"): Rule(datetime, _Sign(_shifted, "+")),
    ("duration", "+", "datetime"): Rule(datetime, _Sign(_shifting, "+")),
    ("datetime", "-", "duration"): Rule(datetime, _Sign(_shifted, "-")),
    ("datetime", "-", "datetime"): Rule(timedelta, instants.between),
    ("date", "+", "duration"): Rule(date, _Sign(_day_shifted, "+")),
    ("duration", "+", "date"): Rule(date, _Sign(_day_shifting, "+")),
    ("date", "-", "duration"): Rule(date, _Sign(_day_shifted, "-")),
    ("date", "-", "date"): Rule(timedelta, instants.days_between),
    ("duration", "+", "duration"): Rule(timedelta, _Sign(_spans, "+")),
    ("duration", "-", "duration"): Rule(timedelta, _Sign(_spans, "-")),
    ("duration", "/", "duration"): Rule(float, _ratio, divides=True),
    ("list", "+", "list"): Rule(list, _appended),
}


def _of_numbers(left: Kind, right: Kind) -> Iterator[tuple[str, Rule]]:
    """Yield the rules of two kinds of numbers, by their operators."""
    kind: Any = int if {left, right} == {"int"} else float
    for operator in _SIGNS:
        yield operator, Rule(kind, _plain(operator))
    yield "/", Rule(float, _plain("/"), divides=True)
    yield "%", Rule(kind, instants.modulo, divides=True)
    if kind is int:
        yield "//", Rule(int, _floored, divides=True)


def _of_anything(operator: q.BinaryOperator) -> Rule:
    """Return the language's own rule, for a value of no known type."""
    make = instants.modulo if operator == "%" else _plain(operator)
    return Rule(Any if operator == "+" else float, make, divides=operator in "/%")


_SIGNS: tuple[q.BinaryOperator, ...] = ("+", "-", "*")
_PLAIN: tuple[Kind, ...] = ("int", "float")
for _left, _right in product(_PLAIN, _PLAIN):
    for _operator, _rule in _of_numbers(_left, _right):
        _RULES[_left, _operator, _right] = _rule
_DECIMAL_PAIRS: tuple[tuple[Kind, Kind], ...] = (
    ("decimal", "decimal"),
    ("decimal", "int"),
    ("int", "decimal"),
)
for _left, _right in _DECIMAL_PAIRS:
    for _sign in (*_SIGNS, "/", "//", "%"):
        _RULES[_left, _sign, _right] = Rule(Decimal, _decimal(_sign), divides=_sign not in _SIGNS)
_NUMBERS_OR_ANY: tuple[Kind, ...] = ("any", "int", "float")
_ANY_SIGNS: tuple[q.BinaryOperator, ...] = (*_SIGNS, "/", "%")
for _sign in _ANY_SIGNS:
    _rule = _of_anything(_sign)
    for _number in _NUMBERS_OR_ANY:
        _RULES["any", _sign, _number] = _RULES[_number, _sign, "any"] = _rule
_RULES["any", "+", "text"] = _RULES["text", "+", "any"] = Rule(str, _plain("+"))
for _number in _PLAIN:
    _RULES["duration", "*", _number] = Rule(timedelta, _Sign(_scaled, "*"))
    _RULES[_number, "*", "duration"] = Rule(timedelta, _Sign(_scaling, "*"))
    _RULES["duration", "/", _number] = Rule(timedelta, _Sign(_scaled, "/"), divides=True)
_BITS: tuple[q.BinaryOperator, ...] = ("&", "|", "^")
for _sign in _BITS:
    _RULES["int", _sign, "int"] = Rule(int, _plain(_sign))


def _chosen(left: q.Expression, operator: q.ComparisonOperator, right: q.Expression) -> q.Expression:
    """Return one of two integers, of which the language's own functions make floats."""
    if instants.is_simple(left) and instants.is_simple(right):
        return q.Ternary(q.Compare(left, operator, right), left, right)
    a, b = q.Name("_a"), q.Name("_b")
    return let("_a", left, let("_b", right, q.Ternary(q.Compare(a, operator, b), a, b)))


EXTREMES = {"MIN": Rule(int, _Sign(_chosen, "<=")), "MAX": Rule(int, _Sign(_chosen, ">="))}
"""How the least and the greatest of two integers are computed."""


def is_zero(kind: Kind, node: q.Expression) -> q.Expression:
    """Return the test whether a divisor is 0; of decimals by their texts."""
    return decimals.is_zero(node) if kind == "decimal" else q.Compare(node, "==", q.Literal(0))


class Shown:
    """How an operation is written, for errors; most never need the text, which grows with what is in it."""

    __slots__ = ("left", "operator", "right")

    def __init__(self, left: Any, operator: str, right: Any) -> None:
        self.left, self.operator, self.right = left, operator, right

    def __str__(self) -> str:
        return f"{self.left!r} {self.operator} {self.right!r}"


def rule_for(left: Kind, operator: str, right: Kind, shown: object) -> Rule:
    """Return how an operator computes values of two kinds; UsageError where it can't."""
    rule = _RULES.get((left, operator, right))
    if rule is None:
        raise UsageError(
            f"{shown}: a query can't compute {NAMES[left]} {operator} {NAMES[right]}",
            hint=_way(left, operator, right),
        )
    return rule


_PLAIN_ELEMENTS: frozenset[Kind] = frozenset({"any", "bool", "int", "float", "text"})
_OF_MANY_TYPES: frozenset[Kind] = frozenset(
    {"any", "list", "dict", "model", "enum", "link", "mixed", "other"}
)


def joint_list(one: Any, other: Any, shown: object) -> Any:
    """Return the type of two lists put together; UsageError where their elements are read in two ways."""
    forms = sequence_forms(one) | sequence_forms(other)
    if len(forms) > 1 or "a set" in forms:
        raise UsageError(
            f"{shown}: Python has no + of {' and '.join(sorted(forms))}", hint="use two lists or two tuples"
        )
    inner = _joint_element(one, other, shown)
    if "a tuple" in forms:
        return tuple if inner is Any else tuple.__class_getitem__((inner, ...))
    return list if inner is Any else list.__class_getitem__(inner)


def _joint_element(one: Any, other: Any, shown: object) -> Any:
    inner = [type_inspection.element(kind) for kind in (one, other)]
    kinds: set[Kind] = {kind_of(element) for element in inner}
    if inner[0] == inner[1]:
        return inner[0]
    if len(kinds) == 1 and not kinds & _OF_MANY_TYPES:
        return inner[0] | inner[1]
    if kinds <= _PLAIN_ELEMENTS:
        return Any
    raise UsageError(
        f"{shown}: a query can't concatenate lists whose elements are "
        + " and ".join(sorted(NAMES[kind] for kind in kinds)),
        hint="concatenate them in Python",
    )


def _way(left: Kind, operator: str, right: Kind) -> str:
    if "bool" in (left, right):
        return "a bool is no number here: case((condition, 1), else_=0) makes one of it"
    if "decimal" in (left, right):
        if "float" in (left, right):
            return "a float is not exact: give the value as Decimal('0.1')"
        return "+ - * / // % of decimals and ints are computed; all else in Python"
    if left == "text" and operator == "*":
        return "func.repeat(text, count)"
    if left == "text":
        return "func.concat(..) puts values together, func.to_string(..) makes a text of one"
    if "list" in (left, right):
        return "func.append(list, item), func.union(..), func.minus(..), func.slice(..) work on lists"
    if operator == "**":
        return "func.pow(base, exponent)"
    if operator == "//":
        return "func.floor(a / b)"
    if operator in ("<<", ">>"):
        return "multiply by a power of two, or divide with //"
    if "any" in (left, right):
        return "say the type of the value: attribute(Model, 'name', int), or a field with a type"
    return "compute in Python, or with a function of func"
