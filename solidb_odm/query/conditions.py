"""The functions that say what Python's operators can't: ``in_``, ``like``, ``desc``, ``any_`` ..."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from ipaddress import IPv4Address, IPv6Address
from pathlib import PurePath
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Never,
    ParamSpec,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
    overload,
)
from uuid import UUID

from .._types import shown
from .._wrong_calls import refuse_more, refuse_options
from ..errors import QueryLimitError, UsageError
from ..language import decimals
from ..language import nodes as q
from ..model import type_inspection
from ..model.expressions.build_scope import measured
from ..model.expressions.calls import BuiltPredicate, lift
from ..model.expressions.column_methods import Keys, Ordering, absent, among, matching, membership, sort_key
from ..model.expressions.expression import (
    Combined,
    Comparison,
    Expression,
    Negation,
    Predicate,
    Value,
    constant,
    is_condition,
)
from ..model.expressions.fields import encode_element, key_type, stored_key
from ..model.expressions.kinds import NAMES, kind_of, kinds_within, value_kind
from ..model.expressions.literals import Element, Key, as_number, check_item, check_whole, lists_within

if TYPE_CHECKING:
    from ..model.document import Document
    from ..model.links.link import Link
    from .statement import Statement


T = TypeVar("T")
P = ParamSpec("P")
R = TypeVar("R")


class _Described(Protocol):
    """A type of its own that Pydantic reads: a model, an address, a URL."""

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any, /) -> Any: ...


class _Record(Protocol):
    """A dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar(
    "V", bool, int, float, complex, datetime, date, time, timedelta, UUID, bytes, Enum, PurePath, IPv4Address,
    IPv6Address, list[Any], deque[Any], tuple[Any, ...], AbstractSet[Any], _Described, _Record,
    Mapping[str, Any],
)  # fmt: skip
"""A type of fields: a checker that took any would find one that is both the field's and the values'."""
Reference: TypeAlias = "str | Document | Link[Any]"
"""A text, or what names a document."""


def expression(value: Any, what: str) -> Expression:
    """Take what a type checker sees as a plain value as the expression it is."""
    if isinstance(value, Expression):
        return value
    hint = None
    if isinstance(value, str):
        hint = "write the field as an attribute of its class: User.name"
    elif isinstance(value, (list, tuple)) and what in ("order_by()", "group_by()"):
        hint = f"write the fields one after the other, without a list: {what[:-1]}User.name, User.age)"
    raise UsageError(
        f"{what} needs a field of a Document class or another expression, not {shown(cast(object, value))}",
        hint=hint,
    )


def condition(value: Any) -> Expression:
    """Take a condition of ``where``; refuse Python's own truth values and what is not a condition."""
    if isinstance(value, Expression) and is_condition(value):
        return value
    if isinstance(value, bool):
        raise UsageError(
            f"a condition is {value!r}, a plain Python value, not a part of the query",
            hint="compare a field of the class: User.age >= 18; for None write is_null(User.age)",
        )
    if isinstance(value, Expression):
        raise UsageError(f"{value!r} is a value, not a condition", hint="compare it with something: ... > 0")
    hint = "compare a field of the class: User.age >= 18; a query in SDBQL is sdbql(text, name=value)"
    if isinstance(value, (list, tuple)):
        hint = "write the conditions one after the other, without a list"
    elif isinstance(value, dict):
        hint = 'filter_by(name="Ada"), or a field of the class: User.name == "Ada"'
    raise UsageError(f"a condition can't be {shown(cast(object, value))}", hint=hint)


def equalities(source: Any, values: Mapping[str, Any]) -> tuple[Expression, ...]:
    """Return the conditions that fields of a source have these values."""
    return tuple([condition(getattr(source, name) == value) for name, value in values.items()])


def bounded(build: Callable[P, R]) -> Callable[P, R]:
    """Return a function that tells of what is nested too deep to be built into a query; QueryLimitError."""

    @wraps(build)
    def built(*args: P.args, **options: P.kwargs) -> R:
        try:
            return build(*args, **options)
        except RecursionError as exc:
            raise too_deep() from exc

    return built


def too_deep() -> QueryLimitError:
    """Return the error of a statement that is nested too deep."""
    return QueryLimitError(
        "the statement is nested too deep",
        hint="or_(*conditions), and_(*conditions), in_(field, values), func.concat(*texts) take as many as "
        "you like; a long sum is added in halves, (a + b) + (c + d)",
    )


def and_(*conditions: Predicate | bool) -> Predicate:
    """Return the condition that all of the conditions are true."""
    return measured(Combined("AND", tuple(condition(term) for term in conditions or _nothing("and_"))))


def or_(*conditions: Predicate | bool) -> Predicate:
    """Return the condition that at least one of the conditions is true."""
    return measured(Combined("OR", tuple(condition(term) for term in conditions or _nothing("or_"))))


def not_(negated: Predicate | bool) -> Predicate:
    """Return the condition that a condition is not true, which includes nulls."""
    return Negation(condition(negated))


def _nothing(name: str) -> tuple[Any, ...]:
    raise UsageError(f"{name}() needs at least one condition")


@overload
def in_(field: Reference | None, values: Iterable[Reference | None] | Statement[Any]) -> Predicate: ...
@overload
def in_(field: Decimal | None, values: Iterable[Decimal | int | None] | Statement[Any]) -> Predicate: ...
@overload
def in_(field: V | None, values: Iterable[V | None] | Statement[Any]) -> Predicate: ...
def in_(field: Any, values: Any, *others: Never) -> Predicate:
    """Return the condition that a field is one of the values, or of a statement's rows of one column."""
    refuse_more("in_() takes a list of values", others, "write in_(User.age, [17, 18])")
    return membership(expression(field, "in_()"), "IN", values)


@overload
def not_in(field: Reference | None, values: Iterable[Reference | None] | Statement[Any]) -> Predicate: ...
@overload
def not_in(field: Decimal | None, values: Iterable[Decimal | int | None] | Statement[Any]) -> Predicate: ...
@overload
def not_in(field: V | None, values: Iterable[V | None] | Statement[Any]) -> Predicate: ...
def not_in(field: Any, values: Any, *others: Never) -> Predicate:
    """Return the condition that a field is not one of the values; it is true for null, as in Python."""
    refuse_more("not_in() takes a list of values", others, "write not_in(User.age, [17, 18])")
    return membership(expression(field, "not_in()"), "NOT IN", values)


def like(field: str | None, pattern: str, **others: Never) -> Predicate:
    """Return the condition that a text matches a pattern: ``%`` matches any text, ``_`` one character.

    It is case-sensitive; ``like(func.lower(User.name), "a%")`` ignores case.
    """
    refuse_options("like()", others)
    return matching(expression(field, "like()"), pattern)


@overload
def contains(field: str | None, item: str) -> Predicate: ...
@overload
def contains(field: Mapping[str, Any] | None, item: str) -> Predicate: ...
@overload
def contains(field: Collection[Reference] | None, item: Reference | None) -> Predicate: ...
@overload
def contains(field: Collection[Decimal] | None, item: Decimal | int | None) -> Predicate: ...
@overload
def contains(field: Collection[V] | None, item: V | None) -> Predicate: ...
def contains(field: Any, item: Any) -> Predicate:
    """Return the condition that a list contains an item, a text another text, or a dict a key."""
    searched = expression(field, "contains()")
    kind = searched.__solidb_kind__
    if kind == "text":
        if not isinstance(item, (str, Expression)):
            raise UsageError(f"{searched!r} is a text, which can contain only a text, not {item!r}")
        return BuiltPredicate((searched, lift(item, constant(""), checked=True)), _holds)
    if kind == "dict":
        return Comparison(lift(_sought_key(searched, item), constant(""), checked=True), "IN", searched)
    if kind not in ("list", "any", "mixed", "other"):
        raise UsageError(
            f"contains() takes a list, a text or a dict, and {searched!r} is {NAMES[kind]}",
            hint="compare the field itself, or one of its fields",
        )
    items = _searched_list(searched, item) if kind == "mixed" else searched.__solidb_type__
    if isinstance(item, Expression):
        return Comparison(*among(item, searched, "IN"))
    inner = type_inspection.element(items)
    check_whole(inner, kind_of(inner), Element(searched))
    if kind_of(items) == "list":
        check_item(inner, item, "IN", Element(searched))
    if kind_of(inner) == "decimal" and item is not None:
        return Comparison(Value(decimals.key_of(Decimal(item))), "IN", Keys(searched))
    if kind_of(inner) in ("int", "float"):
        item = as_number(item)
    return Comparison(Value(encode_element(searched, item)), "IN", searched)


def _searched_list(searched: Expression, item: Any) -> Any:
    """Return the type of the lists of a union; UsageError if it has none, or texts that may hold an item."""
    kinds = kinds_within(searched.__solidb_type__)
    kind = item.__solidb_kind__ if isinstance(item, Expression) else value_kind(item)
    if "text" in kinds and kind in ("text", "mixed"):
        raise UsageError(
            f"{searched!r} holds texts besides others: contains() can't look for {item!r} in it",
            hint="like(field, '%text%') finds texts, any_(field) == value elements of lists",
        )
    if not kinds & {"list", "dict", "any", "other"}:
        raise UsageError(f"contains() takes a list, a text or a dict, and {searched!r} holds none")
    return lists_within(searched.__solidb_type__) if "list" in kinds and "dict" not in kinds else Any


def _sought_key(searched: Expression, item: Any) -> Any:
    """Return what a key of a dict is looked for as: its stored form; UsageError where it can be none."""
    keys = key_type(searched)
    kind = kind_of(keys)
    if isinstance(item, Expression):
        if kind not in ("text", "any", "link"):
            raise UsageError(
                f"the keys of {searched!r} are stored as texts, and can't be compared with {item!r}",
                hint=f"contains() takes a value here: {NAMES[kind]}",
            )
        return item
    check_item(keys, item, "==", Key(searched))
    return stored_key(
        searched, int(item) if kind == "int" and item is not None and item == int(item) else item
    )


def _holds(text: q.Expression, piece: q.Expression) -> q.Expression:
    """``CONTAINS`` gives null of a null text, and a condition is never null."""
    return q.Compare(q.Call("CONTAINS", (text, piece)), "==", q.Literal(True))


_EACH = "write order_by({0}(User.age), {0}(User.name))"


def is_null(field: Any, *others: Never) -> Predicate:
    """Return the condition that a field is null or missing; for "is not null" write ``not_(is_null(..))``."""
    refuse_more("is_null() takes one field", others, "write and_(is_null(User.age), is_null(User.name))")
    return absent(expression(field, "is_null()"))


def asc(key: Any, *others: Never) -> Ordering:
    """Return an ascending sort key; null comes first."""
    refuse_more("asc() takes one key", others, _EACH.format("asc"))
    return sort_key(expression(key, "asc()"))


def desc(key: Any, *others: Never) -> Ordering:
    """Return a descending sort key; null comes last."""
    if others:
        refuse_more("desc() takes one key", others, _EACH.format("desc"))
    return sort_key(expression(key, "desc()"), descending=True)


def some(field: T | None) -> T:
    """Return an optional field for reading on: ``some(User.home).lat``. It is null if the field is null."""
    return cast(T, expression(field, "some()"))
