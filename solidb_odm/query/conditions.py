"""The functions that say what Python's operators can't: ``in_``, ``like``, ``desc``, ``any_`` ..."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, cast

from ..errors import UsageError
from ..language import nodes as q
from ..model import type_inspection
from ..model.expressions.base import (
    OPERATORS,
    BuiltPredicate,
    Combined,
    Comparison,
    Expression,
    Negation,
    Predicate,
    Value,
    lift,
)
from ..model.expressions.fields import FieldRef, encode_as, encode_element, is_decimal, stored_name
from ..model.expressions.operators import Ordering, absent, matching, membership
from ..model.links.paths import beyond

T = TypeVar("T")


def expression(value: Any, what: str) -> Expression:
    """Take what a type checker sees as a plain value as the expression it is."""
    if isinstance(value, Expression):
        return value
    raise UsageError(f"{what} needs a field of a Document class or another expression, not {value!r}")


def condition(value: Any) -> Expression:
    """Take a condition of ``where``; refuse Python's own truth values and what is not a condition."""
    if isinstance(value, Predicate):
        return value
    if isinstance(value, FieldRef) and any(
        m in (bool, Any) for m in type_inspection.alternatives(value.__place__.annotation)
    ):
        return value
    if isinstance(value, bool):
        raise UsageError(
            f"a condition is {value!r}, a plain Python value, not a part of the query",
            hint="compare a field of the class: User.age >= 18; for None write is_null(User.age)",
        )
    if isinstance(value, Expression):
        raise UsageError(f"{value!r} is a value, not a condition", hint="compare it with something: ... > 0")
    raise UsageError(f"a condition can't be {value!r}")


def equalities(source: Any, values: Mapping[str, Any]) -> tuple[Expression, ...]:
    """Return the conditions that fields of a source have these values."""
    return tuple(condition(getattr(source, name) == value) for name, value in values.items())


def and_(*conditions: Predicate | bool) -> Predicate:
    """All of the conditions."""
    return Combined("AND", tuple(condition(each) for each in conditions or _nothing("and_")))


def or_(*conditions: Predicate | bool) -> Predicate:
    """At least one of the conditions."""
    return Combined("OR", tuple(condition(each) for each in conditions or _nothing("or_")))


def not_(negated: Predicate | bool) -> Predicate:
    """Not the condition."""
    return Negation(condition(negated))


def _nothing(name: str) -> tuple[Any, ...]:
    raise UsageError(f"{name}() needs at least one condition")


def in_(field: T, values: Iterable[T] | Any) -> Predicate:
    """The field is one of the values, or of the rows of a statement with one column."""
    return membership(expression(field, "in_()"), "IN", values)


def not_in(field: T, values: Iterable[T] | Any) -> Predicate:
    """The field is none of the values; true for null, as ``x not in values`` is in Python."""
    return membership(expression(field, "not_in()"), "NOT IN", values)


def like(field: str | None, pattern: str) -> Predicate:
    """The text matches a pattern: ``%`` is any run of characters, ``_`` one; case counts."""
    return matching(expression(field, "like()"), pattern)


def contains(field: Any, item: Any) -> Predicate:
    """The list holds the item; or the text holds the text."""
    searched = expression(field, "contains()")
    if isinstance(searched, FieldRef) and any(
        isinstance(m, type) and issubclass(m, str)
        for m in type_inspection.kinds(searched.__place__.annotation)
    ):
        part = lift(item)
        return BuiltPredicate((searched, part), _found)
    wanted = item if isinstance(item, Expression) else Value(encode_element(searched, item))
    return Comparison(wanted, "IN", searched)


def _found(text: q.Expression, piece: q.Expression) -> q.Expression:
    """``CONTAINS`` gives null of a null text, and a condition is never null."""
    return q.Compare(q.Call("CONTAINS", (text, piece)), "==", q.Literal(True))


def is_null(field: Any) -> Predicate:
    """The field is null or missing. For "is not null" write ``not_(is_null(field))``."""
    return absent(expression(field, "is_null()"))


def asc(key: Any) -> Ordering:
    """Sort upwards; null comes first."""
    return Ordering(expression(key, "asc()"))


def desc(key: Any) -> Ordering:
    """Sort downwards; null comes last."""
    return Ordering(expression(key, "desc()"), descending=True)


def some(field: T | None) -> T:
    """Read through an optional field: ``some(User.home).lat``. Null if the field is null."""
    return cast(T, expression(field, "some()"))


def any_(items: Iterable[T] | None) -> T:
    """Stand for any element of a list: ``any_(User.tags) == "a"``, ``any_(Order.lines).price > 10``."""
    return cast(T, Elements(expression(items, "any_()"), "ANY"))


def all_(items: Iterable[T] | None) -> T:
    """Stand for all elements of a list; true of an empty one."""
    return cast(T, Elements(expression(items, "all_()"), "ALL"))


_QUANTIFIABLE = ("==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN")


class Elements(Expression):
    """The elements of a list, or a field of each, under a quantifier."""

    __slots__ = ("__items__", "__path__", "__quantifier__", "__type__")
    __quantifier__: q.ArrayQuantifier

    def __init__(
        self, items: Expression, quantifier: q.ArrayQuantifier, path: tuple[str, ...] = (), kind: Any = None
    ) -> None:
        self.__items__ = items
        self.__quantifier__ = quantifier
        self.__path__ = path
        if kind is None:
            annotation = items.__place__.annotation if isinstance(items, FieldRef) else Any
            kind = (type_inspection.element(annotation), None, "")
        self.__type__: tuple[Any, Any, str] = kind

    def __operands__(self) -> tuple[Expression, ...]:
        return (self.__items__,)

    def __build__(self, scope: Any) -> q.Expression:
        base = self.__items__.__build__(scope)
        return q.Expansion(base, path=self.__path__) if self.__path__ else base

    def __getattr__(self, name: str) -> Any:
        target = type_inspection.link_target(self.__type__[0])
        if target is not None and not name.startswith("__"):
            return beyond(self, target, name)
        for model in type_inspection.embedded(self.__type__[0]):
            if name in model.__pydantic_fields__:
                annotation = model.__pydantic_fields__[name].annotation
                path = (*self.__path__, stored_name(model, name))
                return Elements(self.__items__, self.__quantifier__, path, (annotation, model, name))
        if name in OPERATORS:
            return OPERATORS[name](self)
        raise AttributeError(f"the elements of {self.__items__!r} have no field {name!r}")

    def __repr__(self) -> str:
        way = "".join(f".{step}" for step in self.__path__)
        return f"{self.__quantifier__.lower()}_({self.__items__!r}){way}"

    def __dir__(self) -> list[str]:
        target = type_inspection.link_target(self.__type__[0])
        models = (target,) if target is not None else type_inspection.embedded(self.__type__[0])
        fields = [name for model in models for name in getattr(model, "__pydantic_fields__", ())]
        return sorted({*fields, "in_", "not_in"})

    def __encode__(self, value: Any) -> Any:
        annotation, owner, name = self.__type__
        if owner is None:
            return encode_element(self.__items__, value)
        return encode_as(owner, name, annotation, value)

    def __compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        quantifier = self.__quantifier__
        if operator not in _QUANTIFIABLE:
            raise UsageError(f"{operator} can't be asked of each element of {self.__items__!r}")
        right = lift(other, self)
        if operator in ("<", "<=", ">", ">=") and is_decimal(self.__type__[0]):
            raise UsageError(
                f"the decimals of {self.__items__!r} are stored as text, which does not sort as numbers do",
                hint="declare them float or int (cents), or write the condition with sdbql()",
            )

        def make(left: q.Expression, compared: q.Expression) -> q.Expression:
            return q.ArrayCompare(left, quantifier, operator, compared)

        return BuiltPredicate((self, right), make)
