"""Selects of one form are built once.

The form of a select is all that it says but its values. A program makes the same few statements
again and again with other values: the nodes of the first serve them all, and with them what an
engine keeps of those nodes, such as their plan.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from typing import Any, TypeAlias, cast

from .._types import is_tuple
from ..language import nodes as q
from ..model.declaration.registry import Registry
from ..model.document import Document
from ..model.expiry import CLOCK
from ..model.expressions.calls import FunctionCall, Test
from ..model.expressions.column_methods import Ordering
from ..model.expressions.expression import (
    Arithmetic,
    Combined,
    Comparison,
    Expression,
    Negation,
    Negative,
    Value,
)
from ..model.expressions.fields import FieldRef
from ..model.expressions.literals import size_of
from ..model.stored.field_values import inexact
from ..model.type_inspection import cached_by_class
from .columns import Column, Entity, Labelled, Partner, Scalar
from .functions import Aggregate
from .select_block import Selection

Form: TypeAlias = tuple[Any, ...]
Built: TypeAlias = tuple[q.Query, dict[str, Any]]
Store: TypeAlias = dict[Form, tuple[q.Query, tuple[str, ...], dict[str, Any]]]

_SIZE = 512
_known: Store = {}


class _Unknown(Exception):
    """A select has a part whose form can't be told; it is built anew each time."""


def build_once(selection: Selection, build: Callable[[], Built]) -> Built:
    """Return the nodes and the bind values of a select; ``build`` makes those of a new form."""
    values: list[Any] = []
    given: dict[Any, Any] = {}
    try:
        form = _form(selection, values)
        for value in values:
            given.setdefault(_mark(value), value)
        if len(given) < len(values):  # equal values share a bind variable
            form = (*form, tuple(map(list(given).index, map(_mark, values))))
        known = _known.get(form) or _store_of(form).get(form)
    except (_Unknown, TypeError):  # TypeError: a part can't be hashed
        return build()
    if known is None:
        built = build()
        _keep(form, given, built)
        return built
    query, names, clock = known
    if any(map(inexact, values)):
        return build()  # which says what is wrong with them
    return query, dict(zip(names, given.values(), strict=True)) | clock


def _keep(form: Form, given: dict[Any, Any], built: Built) -> None:
    """Keep the nodes of a form, if their bind values are those that it leaves out and no others."""
    query, binds = built
    clock = {CLOCK: binds[CLOCK]} if CLOCK in binds else {}
    binds = {name: value for name, value in binds.items() if name != CLOCK} if clock else binds
    names = {_mark(value): name for name, value in binds.items()}
    if names.keys() != given.keys() or len(names) < len(binds):
        return
    store = _store_of(form)
    oldest = next(iter(store), None)
    if len(store) >= _SIZE or (oldest is not None and oldest[0] != Registry.generation):
        store.clear()  # forms from before the newest class are asked for no more
    store[form] = query, tuple(names[mark] for mark in given), clock


def _store_of(form: Form) -> Store:
    """Return where a form is kept: with a class of a function, which goes with it, or for all others here."""
    local = next(_local_models(form), None)
    return _known if local is None else _forms_of(local)


@cached_by_class
def _forms_of(_model: Any) -> Store:
    return {}


def _local_models(form: Form) -> Iterator[Any]:
    for part in form:
        if is_tuple(part):
            yield from _local_models(part)
        elif isinstance(part, type) and issubclass(part, Document) and "<locals>" in part.__qualname__:
            yield part


def _mark(value: Any) -> Any:
    """Return what tells a value from others: scalars by type and value, all else by identity."""
    kind = cast(Any, type(value))
    if kind is float:
        return kind, repr(value)
    return (kind, value) if kind is str or kind is int or kind is bool else id(value)


def _form(selection: Selection, values: list[Any]) -> Form:
    """Return the form of a select, and its values in order.

    It is read off the clauses one by one, so that one that is new here is a part of it too, or keeps the
    select from being known. What is built depends on the subclasses of a model as well, so a form ends with
    the next class.
    """
    clauses = (getattr(selection, clause.name) for clause in fields(Selection))
    return (
        Registry.generation,
        getattr(selection, "_labels", None),
        *(_clause(each, values) for each in clauses),
    )


def _clause(clause: Any, values: list[Any]) -> Any:
    """Return the form of a clause, or of a part of one; _Unknown of a kind that is not told below."""
    if clause is None or isinstance(clause, bool):
        return clause
    if isinstance(clause, int):  # a LIMIT or OFFSET, of which 0 is none
        values.append(clause)
        return bool(clause)
    if is_tuple(clause):
        return tuple(_clause(each, values) for each in clause)
    if isinstance(clause, Expression):
        return _part(clause, values)
    if isinstance(clause, Ordering):
        return _part(clause.expression, values), clause.descending
    if isinstance(clause, Partner):
        return _source(clause.source), *(_part(part, values) for part in clause.conditions)
    return _column(clause, values) if isinstance(clause, Entity | Scalar) else _source(clause)


def _column(column: Column, values: list[Any]) -> Any:
    if isinstance(column, Scalar):
        return _part(column.expression, values)
    return _source(column.source if isinstance(column, Entity) else None)


def _source(source: Any) -> Any:
    if not isinstance(source, type):  # an alias or a named statement is made for one statement
        raise _Unknown
    return source


def _part(part: Expression, values: list[Any]) -> Any:
    """Return the form of an expression; _Unknown of a kind that is not told below."""
    kind = type(part)
    if kind is FieldRef:
        place = cast(FieldRef, part).__solidb_place__
        return _source(place.source), place.path, place.owner, place.name, place.nullable, place.annotation
    if kind is Value:
        value = cast(Value, part).value
        values.append(value)
        return size_of(value) or cast(Any, type(value))
    if kind in _KINDS:
        own = _KINDS[kind]
        operands = tuple(_part(each, values) for each in part.__solidb_operands__())
        return (kind, *(getattr(part, name) for name in own), *operands)
    raise _Unknown


_KINDS: dict[type[Expression], tuple[str, ...]] = {
    Aggregate: ("function", "source", "annotation"),
    Arithmetic: ("operator", "rule", "can_divide_by_zero"),
    Combined: ("operator",),
    Comparison: ("operator",),
    FunctionCall: ("name", "annotation", "is_strict"),
    Labelled: ("name",),
    Negation: (),
    Negative: ("is_absolute",),
    Test: ("name", "is_strict"),
}
"""What the kinds of expressions say besides their operands."""
