"""What SQLAlchemy's users call on a column: ``desc()``, ``in_()``, ``like()``, ``is_()``, ``between()``.

A field of a model comes first, so that an embedded model may have a field called ``desc``. To type
checkers ``User.age`` is an ``int``, which has none of these: the functions ``desc(User.age)`` and
``in_(User.age, ..)`` are the way they know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import nodes as q
from .base import OPERATORS, Combined, Comparison, Expression, Negation, Predicate, Value, lift


@dataclass(frozen=True, slots=True)
class Ordering:
    """A sort key: an expression and a direction."""

    expression: Expression
    descending: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Nested(Expression):
    """A statement as a list of its rows."""

    statement: Any

    def __build__(self, scope: Any) -> q.Expression:
        return q.Subquery(scope.statement(self.statement))


def membership(tested: Expression, operator: q.ComparisonOperator, values: Any) -> Predicate:
    """Return the condition that a value is among others, or among the rows of a statement, or not."""
    if isinstance(values, Expression):
        return tested.__compare__(operator, values)
    if hasattr(values, "__statement__"):
        return tested.__compare__(operator, Nested(values))
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"in_() needs a list of values, not {values!r}")
    listed: list[Any] = list(values)  # pyright: ignore[reportUnknownArgumentType]
    encoded = [tested.__encode__(value) for value in listed]
    return tested.__compare__(operator, Value(encoded))


def matching(tested: Expression, pattern: Any) -> Predicate:
    """Return the condition that a text matches a pattern with ``%`` and ``_``."""
    if not isinstance(pattern, (str, Expression)):
        raise UsageError(f"like() takes a pattern of text, not {pattern!r}")
    return tested.__compare__("LIKE", lift(pattern))


def absent(tested: Expression) -> Predicate:
    """Return the condition that a value is null or missing."""
    return Comparison(tested, "==", Value(None))


def _is(tested: Expression, value: Any) -> Predicate:
    if value is None:
        return absent(tested)
    if isinstance(value, bool):
        return tested.__compare__("==", value)
    raise UsageError(f"is_() takes None, True or False, not {value!r}", hint=f"write {tested!r} == {value!r}")


def _is_not(tested: Expression, value: Any) -> Predicate:
    return Negation(_is(tested, value))


def _in(tested: Expression, values: Any) -> Predicate:
    return membership(tested, "IN", values)


def _not_in(tested: Expression, values: Any) -> Predicate:
    return membership(tested, "NOT IN", values)


def _between(tested: Expression, low: Any, high: Any) -> Predicate:
    if hasattr(type(tested), "__quantifier__"):
        raise UsageError(
            f"between() can't be asked of the elements of a list, as {tested!r} does",
            hint="each of its two ends might hold for another element; write it with sdbql()",
        )
    return Combined("AND", (tested >= low, tested <= high))


def _refused(name: str, way: str) -> Callable[[Expression], Any]:
    def refuse(tested: Expression) -> Any:
        raise AttributeError(f"{tested!r} has no {name!r} in a query; write {way.format(repr(tested))}")

    return refuse


_CALLS: dict[str, Callable[..., Any]] = {
    "asc": Ordering,
    "desc": partial(Ordering, descending=True),
    "in_": _in,
    "not_in": _not_in,
    "like": matching,
    "is_": _is,
    "is_not": _is_not,
    "between": _between,
}

_ELSEWHERE = {
    "any": "any_({0}) == value",
    "cast": "func.to_number({0}) or func.to_string({0})",
    "collate": "func.lower({0})",
    "concat": "{0} + other",
    "contains": "contains({0}, value)",
    "distinct": "select({0}).distinct(), or func.count_distinct({0})",
    "has": "join(Target, {0} == Target.id)",
    "icontains": "contains(func.lower({0}), value)",
    "ilike": "like(func.lower({0}), pattern)",
    "is_distinct_from": "{0} != value, which null is compared by too",
    "isnot": "{0}.is_not(value)",
    "label": "label(name, {0})",
    "not_like": "not_(like({0}, pattern))",
    "notin_": "{0}.not_in(values)",
    "notlike": "not_(like({0}, pattern))",
    "nulls_first": "asc({0}), where null comes first",
    "nulls_last": "desc({0}), where null comes last",
    "op": "func, whose functions SDBQL has, or sdbql()",
    "regexp_match": "func.regex_test({0}, pattern)",
}
"""What SQLAlchemy has as a method and this package as a function, by its name there."""

OPERATORS.update({name: partial(partial, call) for name, call in _CALLS.items()})
OPERATORS.update({name: _refused(name, way) for name, way in _ELSEWHERE.items()})

NAMES = tuple(_CALLS)
"""The names of what every expression has."""
