"""What SQLAlchemy's users call on a column: ``desc()``, ``in_()``, ``like()``, ``is_()``, ``between()``.

A field of a model comes first, so that an embedded model may have a field called ``desc``. To type
checkers ``User.age`` is an ``int``, which has none of these: the functions ``desc(User.age)`` and
``in_(User.age, ..)`` are the way they know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Never, cast

from ..._dataclasses import dataclass
from ..._wrong_calls import refuse_more, refuse_options
from ...errors import UsageError, missing
from ...language import decimals
from ...language import nodes as q
from .. import type_inspection
from .expression import (
    Combined,
    Comparison,
    Expression,
    Negation,
    Predicate,
    Value,
    computed,
    constant,
)
from .kinds import NAMES as KINDS
from .kinds import OPERATORS, choices, is_set, kind_of
from .literals import Element, check_list_order, check_pair, check_types, check_whole, holds_decimals

_PLAIN = ("text", "int", "float", "bool")
_LISTS = (list, tuple, set, frozenset)


@dataclass(frozen=True, slots=True)
class Ordering:
    """A sort key: an expression and a direction."""

    expression: Expression
    descending: bool = False

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, _WAYS)


_WAYS = {
    "nulls_first": "order_by(desc(is_null(field)), field), which puts null first",
    "nulls_last": "order_by(is_null(field), field), which puts null last",
}
"""What SQLAlchemy's sort keys have, by what to write here."""


def among(
    tested: Expression, values: Expression, operator: q.ComparisonOperator
) -> tuple[Expression, q.ComparisonOperator, Expression]:
    """Hold a list in a query to what is looked for in it; decimals are looked for by their keys."""
    if values.__solidb_kind__ not in ("list", "any", "mixed", "other"):
        raise UsageError(f"in_() needs a list of values, and {values!r} is {KINDS[values.__solidb_kind__]}")
    element = type_inspection.element(values.__solidb_type__)
    inner = kind_of(element)
    check_pair(tested.__solidb_kind__, inner, operator, tested, values)
    check_types(tested.__solidb_type__, element, operator, tested, Element(values))
    if tested.__solidb_kind__ == "decimal" and inner not in ("decimal", "any"):
        raise UsageError(
            f"{tested!r} is a Decimal, which can't be looked for among {KINDS[inner]} in a query",
            hint="any_(list) == value, or exists(select(..).where(field == value))",
        )
    if inner == "decimal":
        values = Keys(values)
        return (
            (tested if tested.__solidb_kind__ == "decimal" else computed(tested, "+", Decimal(0))),
            operator,
            values,
        )
    return tested, operator, values


@dataclass(frozen=True, slots=True, eq=False)
class Keys(Expression):
    """The sort keys of the decimals of a list."""

    items: Expression

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.items,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return decimals.keys(self.items.__solidb_build__(scope))


@dataclass(frozen=True, slots=True, eq=False)
class Nested(Expression):
    """A statement as a list of its rows."""

    statement: Any

    def __solidb_held__(self) -> tuple[Any, ...]:
        return (self.statement,)

    @property
    def __solidb_type__(self) -> Any:
        columns: tuple[Any, ...] = getattr(self.statement, "columns", ())
        shown = getattr(columns[0], "expression", None) if len(columns) == 1 else None
        return list[shown.__solidb_type__] if isinstance(shown, Expression) else Any  # type: ignore[name-defined]

    @property
    def __solidb_leads_to__(self) -> Any:
        columns: tuple[Any, ...] = getattr(self.statement, "columns", ())
        shown = getattr(columns[0], "expression", None) if len(columns) == 1 else None
        return getattr(shown, "__solidb_leads_to__", None)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return q.Subquery(scope.statement(self.statement))

    def __repr__(self) -> str:
        return "the rows of the statement"


def _of_values(tested: Expression, statement: Any) -> Any:
    """Return a statement of one column of values; UsageError. Documents are told by their ids."""
    columns: tuple[Any, ...] = getattr(statement, "columns", ())
    model = getattr(columns[0], "model", None) if columns else None
    if not columns and hasattr(statement, "edges"):
        raise UsageError(
            f"in_() can't look for {tested!r} among what a traversal reaches",
            hint="read that first: in_(field, [each.id for each in session.scalars(statement)])",
        )
    if len(columns) > 1:
        raise UsageError(
            f"in_() looks for {tested!r} among the rows of a statement, which have {len(columns)} columns",
            hint="select one field or expression",
        )
    if model is None:
        return statement
    names_documents = (
        tested.__solidb_kind__ == "link" or getattr(tested, "__solidb_leads_to__", None) is not None
    )
    if not names_documents or not hasattr(statement, "__solidb_ids__"):
        raise UsageError(
            f"in_() can't look for {tested!r} among whole documents of {model.__name__}",
            hint=f"select({model.__name__}.{'id' if names_documents else 'key'}), or another of its fields",
        )
    return statement.__solidb_ids__()


def membership(tested: Expression, operator: q.ComparisonOperator, values: Any) -> Predicate:
    """Return the condition that a value is among others, or among the rows of a statement, or not."""
    at_once = getattr(tested, "__solidb_among__", None) if values.__class__ in _LISTS else None
    known: Predicate | None = None if at_once is None else at_once(operator, list(values))
    if known is not None:
        return known
    if hasattr(values, "__solidb_query__"):
        values = Nested(_of_values(tested, values))
    is_varied = holds_decimals(tested.__solidb_type__) or is_set(tested.__solidb_type__)
    if isinstance(values, Expression):
        check_whole(tested.__solidb_type__, tested.__solidb_kind__, tested)
        if is_varied:
            raise UsageError(
                f"{tested!r} is a set or a list of decimals, which can't be looked for among rows in a query",
                hint="exists(select(..).where(field == other))",
            )
        return Comparison(*among(tested, values, operator))
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"in_() needs a list of values, not {values!r}")
    listed: list[Any] = list(cast(Any, values))
    if any(value is not None for value in listed):
        check_whole(tested.__solidb_type__, tested.__solidb_kind__, tested)
    if is_varied and listed:
        alike = Combined("OR", tuple(tested.__solidb_compare__("==", value) for value in listed))
        return alike if operator == "IN" else Negation(alike)
    compared = Comparison(tested, operator, Value(_keys_of(tested, listed, operator)))
    made_known = getattr(tested, "__solidb_known__", None)
    return compared if made_known is None else cast(Predicate, made_known(compared))


def _keys_of(tested: Expression, listed: list[Any], operator: q.ComparisonOperator) -> list[Any]:
    """Check the values of a list and return what they are looked for as.

    Where they are of one plain type, and the type of what is tested says all, one of them speaks for all.
    """
    first = listed[:1]
    if tested.__solidb_kind__ in _PLAIN and len(set(map(type, listed))) == 1:
        is_plain = type(first[0]) in (str, int, float, bool)
        if type(first[0]) is str and "/" in "".join(listed):  # as of an id among keys
            is_plain = False
        if is_plain and choices(tested.__solidb_type__) is None:
            tested.__solidb_check__(first[0], operator)
            if tested.__solidb_key__(first[0]) is first[0]:
                return listed
    for value in listed:
        tested.__solidb_check__(value, operator)
    return [tested.__solidb_key__(value) for value in listed]


def matching(tested: Expression, pattern: Any, **others: Never) -> Predicate:
    """Return the condition that a text matches a pattern with ``%`` and ``_``."""
    refuse_options("like()", others)
    if not isinstance(pattern, (str, Expression)):
        raise UsageError(f"like() takes a pattern of text, not {pattern!r}")
    text = pattern if isinstance(pattern, Expression) else constant(pattern)
    for part in (tested, text):
        if part.__solidb_kind__ not in ("text", "any", "mixed", "link"):
            raise UsageError(f"like() compares texts, and {part!r} is {KINDS[part.__solidb_kind__]}")
    return Comparison(tested, "LIKE", text)


def sort_key(wanted: Expression, *, descending: bool = False) -> Ordering:
    """Return a sort key; UsageError if its stored form sorts in another way than its values do."""
    known = wanted.__solidb_orders__
    if known is None:
        known = _sort_key(wanted, False), _sort_key(wanted, True)
        if hasattr(wanted, "__solidb_mark__"):  # a field, which a class may keep
            object.__setattr__(wanted, "__solidb_orders__", known)
    return known[descending]


def _sort_key(wanted: Expression, descending: bool) -> Ordering:
    check_list_order(wanted.__solidb_type__, wanted.__solidb_kind__, "sorting", wanted)
    if wanted.__solidb_kind__ in ("bytes", "dict", "model", "mixed", "other"):
        raise UsageError(
            f"{wanted!r} is {KINDS[wanted.__solidb_kind__]}, which documents can't be sorted by",
            hint="func.to_string(..) sorts by the text it is stored as"
            if wanted.__solidb_kind__ == "other"
            else "sort by one of its fields, or in Python",
        )
    return Ordering(wanted, descending)


def absent(tested: Expression) -> Predicate:
    """Return the condition that a value is null or missing."""
    return Comparison(tested, "==", Value(None))


def _is(tested: Expression, value: Any) -> Predicate:
    if value is None:
        return absent(tested)
    if isinstance(value, bool):
        return tested.__solidb_compare__("==", value)
    raise UsageError(f"is_() takes None, True or False, not {value!r}", hint=f"write {tested!r} == {value!r}")


def _is_not(tested: Expression, value: Any) -> Predicate:
    return Negation(_is(tested, value))


def _in(tested: Expression, values: Any, *others: Never) -> Predicate:
    refuse_more("in_() takes a list of values", others, f"write {tested!r}.in_([..])")
    return membership(tested, "IN", values)


def _not_in(tested: Expression, values: Any, *others: Never) -> Predicate:
    refuse_more("not_in() takes a list of values", others, f"write {tested!r}.not_in([..])")
    return membership(tested, "NOT IN", values)


def _between(tested: Expression, low: Any, high: Any) -> Predicate:
    return Combined("AND", (tested >= low, tested <= high))


def _refused(name: str, way: str) -> Callable[[Expression], Any]:
    def refuse(tested: Expression) -> Any:
        raise AttributeError(f"{tested!r} has no {name!r} in a query; write {way.format(repr(tested))}")

    return refuse


_CALLS: dict[str, Callable[..., Any]] = {
    "asc": sort_key,
    "desc": partial(sort_key, descending=True),
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
    "eq": "{0} == value",
    "exists": "{0} != None",
    "filter": "case((condition, value), else_=None) in the aggregate",
    "ge": "{0} >= value",
    "gt": "{0} > value",
    "gte": "{0} >= value",
    "has": "join(Target, {0} == Target.id)",
    "iendswith": "func.lower({0}).endswith(text)",
    "icontains": "contains(func.lower({0}), value)",
    "ilike": "like(func.lower({0}), pattern)",
    "is_distinct_from": "{0} != value, which null is compared by too",
    "is_not_distinct_from": "{0} == value, which null is compared by too",
    "isnot": "{0}.is_not(value)",
    "istartswith": "func.lower({0}).startswith(text)",
    "label": "label(name, {0})",
    "length": "func.length({0})",
    "le": "{0} <= value",
    "lt": "{0} < value",
    "lte": "{0} <= value",
    "match": "func.regex_test({0}, pattern), or matches({0}, words) where a FulltextIndex is",
    "ne": "{0} != value",
    "not_between": "not_({0}.between(low, high))",
    "not_like": "not_(like({0}, pattern))",
    "notin_": "{0}.not_in(values)",
    "notlike": "not_(like({0}, pattern))",
    "nulls_first": "asc({0}), where null comes first",
    "nulls_last": "desc({0}), where null comes last",
    "nullsfirst": "asc({0}), where null comes first",
    "nullslast": "desc({0}), where null comes last",
    "op": "func, whose functions SDBQL has, or sdbql()",
    "over": "over({0}, partition_by=.., order_by=..)",
    "overlap": "in_(any_({0}), values)",
    "regex": "func.regex_test({0}, pattern)",
    "regexp_match": "func.regex_test({0}, pattern)",
}
"""What SQLAlchemy has as a method and this package as a function, by its name there."""

OPERATORS.update({name: partial(partial, call) for name, call in _CALLS.items()})
OPERATORS.update({name: _refused(name, way) for name, way in _ELSEWHERE.items()})

NAMES = tuple(_CALLS)
"""The names of what every expression has."""
