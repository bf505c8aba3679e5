"""Selects of one form are built once.

The form of a select is all that it says but its values. A program makes the same few statements
again and again with other values: the nodes of the first serve them all, and with them what an
engine keeps of those nodes, such as their plan.

A form is read off a statement each time it runs, which is much of what a small query costs besides the
engine's work: so a field stands in it by its mark, and a plain value by its type. A select of whole documents
that was made by the commonest methods knows its form by its ``Step``, and nothing is read off it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

from .._types import is_tuple
from ..language.nodes import Query
from ..model.declaration.registry import Registry
from ..model.document import Document
from ..model.expiry import CLOCK
from ..model.expressions.calls import FunctionCall, Test
from ..model.expressions.column_methods import Nested, Ordering
from ..model.expressions.comparisons import KnownComparison, Mark
from ..model.expressions.expression import (
    Arithmetic,
    Combined,
    Comparison,
    Expression,
    Negation,
    Negative,
    Value,
)
from ..model.expressions.fields import FieldRef, IdRef
from ..model.expressions.literals import size_of
from ..model.stored.field_values import inexact
from ..model.type_inspection import cached_by_class
from .columns import Column, Entity, Labelled, Partner, PathOf, Scalar, SortColumn, labels_of
from .compiled import Compiled
from .conditions import too_deep
from .elements import ElementCondition, Elements
from .functions import Aggregate
from .sources import Alias

if TYPE_CHECKING:
    from .select import Select

Form: TypeAlias = tuple[Any, ...]
Known: TypeAlias = tuple[Compiled, tuple[str, ...], dict[str, Any]]
"""What a form compiles to, the names of its values in order, and the clock where it asks for that."""
Store: TypeAlias = dict[Form, Known]
Read: TypeAlias = "Callable[[Any, Values], Any]"
"""Returns the form of a part, and adds its values to those before."""

_SIZE = 512
_MOST_JOINED = 16
"""Of how many conditions a joined one may be a step: a program that joins more makes others each time."""
_known: Store = {}


class Step:
    """Where the methods that made a select have led to, from the select of a model alone.

    The same methods lead to the same step, whatever values they are given, and it keeps what is built there.
    Steps begin at a model, and are about its fields only, so they go when it goes.
    """

    __slots__ = ("_size", "entity", "fetched", "known", "orders", "page_order", "start", "steps")

    def __init__(self, entity: Entity, size: list[int]) -> None:
        self.entity, self._size = entity, size
        self.steps: dict[tuple[Any, ...], Step] = {}
        self.orders: dict[int, tuple[Any, Ordering, Step]] = {}
        """Where sort keys that a class keeps lead to, by their identity."""
        self.start: Select[Any] | None = None
        """The select of fields that leads here, if that is a beginning."""
        self.known: tuple[int, Compiled, tuple[str, ...], dict[str, Any]] | None = None
        self.fetched: tuple[int, Entity | Scalar | tuple[Scalar, ...], Query, tuple[str, ...]] | None = None
        """What ``known`` comes to where its rows are of one column or of values, and no clock is asked."""
        self.page_order: tuple[int, Any] | None = None
        """How rows of a select that leads here are placed in pages, and when that was found out."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Stay behind when a select is copied into another process: there it begins nowhere."""
        return _nowhere, ()

    def after(self, move: tuple[Any, ...], mark: Mark | None = None) -> Step | None:
        """Return where a move leads to; None for a field of another model, or after too many moves."""
        following = self.steps.get(move)
        if following is None and (mark is None or mark.model is self.entity.model) and self._size[0] < _SIZE:
            self._size[0] += 1
            following = self.steps[move] = Step(self.entity, self._size)
        return following

    def joined(self, condition: Combined) -> tuple[Step, tuple[Any, ...]] | None:
        """Return where a condition that joins known ones leads to, and their values; None of any other."""
        values: list[Any] = []
        form = _joined(condition, self.entity.model, values)
        following = None if form is None else self.after(form)
        return None if following is None else (following, tuple(values))

    def compiled(self, values: tuple[Any, ...]) -> Compiled | None:
        """Return what was built here, with other values; None if it must be built, or two are equal."""
        known = self.known
        if known is None or known[0] != Registry.generation:
            return None
        _, first, names, clock = known
        if len(values) > 1 and _are_repeated(values):  # these share a bind variable
            return None
        return first.again(values=dict(zip(names, values, strict=True), **clock))

    def keep(self, values: tuple[Any, ...], built: Compiled) -> None:
        """Keep what was built here, if its bind values are those that the moves were given and no others."""
        binds, clock = _without_clock(built.values)
        names = {_mark(value): name for name, value in binds.items()}
        marks = list(map(_mark, values))
        if names.keys() == set(marks) and len(marks) == len(names) == len(binds):
            ordered = tuple(names[mark] for mark in marks)
            self.known = Registry.generation, built, ordered, clock
            column, values_of = built.columns[0], [c for c in built.columns if isinstance(c, Scalar)]
            if len(built.columns) == 1 and not clock and not isinstance(column, PathOf):
                self.fetched = Registry.generation, column, built.query, ordered
            elif len(built.columns) == len(values_of) and not clock:
                self.fetched = Registry.generation, tuple(values_of), built.query, ordered


def _joined(condition: Combined, model: Any, values: list[Any]) -> Form | None:
    """Return the form of joined comparisons of a model, if all are known, and add their values; None else."""
    if len(condition.conditions) > _MOST_JOINED:
        return None
    terms: list[Any] = [condition.operator]
    term: Any
    for term in condition.conditions:
        if type(term) is KnownComparison and term.known[0][0].model is model:
            form, value = term.known
            values.append(value)
            terms.append(form)
        elif type(term) is Combined and (inner := _joined(term, model, values)) is not None:
            terms.append(inner)
        else:
            return None
    return tuple(terms) if len(values) <= _MOST_JOINED else None


def _are_repeated(values: tuple[Any, ...]) -> bool:
    """Return whether some of the values are equal; lists of values are told apart by their identity."""
    try:
        return len(set(values)) < len(values)
    except TypeError:
        return len(set(map(_mark, values))) < len(values)


def _nowhere() -> None:
    """Return the step of a select that was made otherwise."""


def _without_clock(binds: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return binds without the clock, and the clock, if there is one."""
    if CLOCK not in binds:
        return binds, {}
    return {name: value for name, value in binds.items() if name != CLOCK}, {CLOCK: binds[CLOCK]}


class Values(list[Any]):
    """The values of a statement, in order. Aliases, and others known by their identity, have numbers."""

    __slots__ = ("_numbers",)
    _numbers: dict[int, int]

    def number(self, part: object) -> int:
        """Return which of the parts that were asked about this is."""
        try:
            numbers = self._numbers
        except AttributeError:
            numbers = self._numbers = {}
        return numbers.setdefault(id(part), len(numbers))


class _Unknown(Exception):
    """A select has a part whose form can't be told; it is built again each time."""


def build_once(selection: Select[Any], build: Callable[[], Compiled]) -> Compiled:
    """Return what a select compiles to; ``build`` makes that of a new form."""
    read = _read(selection)
    if read is None:
        return build()
    form, given, known = read
    if known is None:
        return _kept(form, given, build(), selection.columns, selection.single)
    first, names, clock = known
    binds = dict(zip(names, given, strict=True))
    if clock:
        binds |= clock
    if selection.reader is None and not selection.loads and selection.on_unreadable == "raise":
        return first.again(values=binds, columns=selection.columns)
    columns = selection.columns if selection.reader is None else (selection.reader,)
    return Compiled(
        first.query,
        binds,
        columns,
        selection.single or selection.reader is not None,
        loads=selection.loads,
        unreadable=selection.on_unreadable,
        approximate=first.approximate,
    )


def build_other_once(statement: Any, build: Callable[[], Compiled], columns: tuple[Column, ...]) -> Compiled:
    """Return what a statement of another kind compiles to, with its columns, as ``build_once`` does."""
    read = _read(statement)
    if read is None:
        return build()
    form, given, known = read
    if known is None:
        built = build()
        return _kept(form, given, built, columns, built.single)
    first, names, clock = known
    return first.again(values=dict(zip(names, given, strict=True)) | clock, columns=columns)


def _read(statement: Any) -> tuple[Form, list[Any], Known | None] | None:
    """Return the form of a statement, its values, and what is known of it; None if it has no form."""
    values = Values()
    try:
        form: Form = form_of(statement, values)
        given: list[Any] = values
        if len(values) > 1:
            marks = list(map(_mark, values))
            different = dict(zip(marks, values, strict=True))
            if len(different) < len(marks):  # equal values share a bind variable
                form = (*form, tuple(map(list(different).index, marks)))
                given = list(different.values())
        return form, given, _known.get(form) or _store_of(form).get(form)
    except RecursionError as exc:
        raise too_deep() from exc
    except (_Unknown, TypeError):  # TypeError: a part can't be hashed
        return None


def _kept(
    form: Form, values: list[Any], built: Compiled, columns: tuple[Column, ...], single: bool
) -> Compiled:
    """Keep what a form compiles to, if its bind values are those that it leaves out and no others."""
    binds, clock = _without_clock(built.values)
    names = {_mark(value): name for name, value in binds.items()}
    marks = list(map(_mark, values))
    if names.keys() != set(marks) or len(names) < len(binds):
        return built
    store = _store_of(form)
    oldest = next(iter(store), None)
    if len(store) >= _SIZE or (oldest is not None and oldest[0] != Registry.generation):
        store.clear()  # forms from before the newest class are asked for no more
    plain = Compiled(
        built.query, {}, columns, single, writes=built.writes, approximate=built.approximate
    ).again(columns=())
    store[form] = plain, tuple(names[mark] for mark in marks), clock
    return built


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
            continue
        model: Any = part.model if isinstance(part, Mark) else part
        if isinstance(model, type) and issubclass(model, Document) and "<locals>" in model.__qualname__:
            yield model


def _mark(value: Any) -> Any:
    """Return what tells a value from others: scalars by type and value, all else by identity."""
    kind = value.__class__
    if kind is str:
        return value
    if kind is float:
        return kind, repr(value)
    return (kind, value) if kind is int or kind is bool else id(value)


_NO_CLAUSES = frozenset({"reader", "loads", "on_unreadable", "_compiled", "_way"})
"""What a select has besides its clauses: what becomes of the rows, and what is known of it. All else is a
part of its form."""


def form_of_select(selection: Select[Any], values: Values) -> Form:
    """Return the form of a select, and its values in order.

    It is read off the clauses one by one, so that one that is new here is a part of it too, or keeps the
    select from being known. What is built depends on the subclasses of a model as well, so a form ends with
    the next class.
    """
    form: list[Any] = [Registry.generation]
    if selection.reader is not None:
        form.append(labels_of(selection.columns))
    for name, clause in selection.__dict__.items():
        if name in _NO_CLAUSES:
            continue
        if clause.__class__ is not tuple:
            form += name, form_of(clause, values)
            continue
        parts: list[Any] = [name]
        for part in clause:
            is_known = part.__class__ is KnownComparison
            parts.append(_known_comparison(part, values) if is_known else form_of(part, values))
        form.append(tuple(parts))
    return tuple(form)


def form_of(part: Any, values: Values) -> Any:
    """Return the form of a clause, or of a part of one; _Unknown of a kind that is not told below."""
    read = _READERS.get(part.__class__)
    return _source(part, values) if read is None else read(part, values)


def _source(source: Any, values: Values) -> Any:
    if source.__class__ is Alias:  # one is like another, in the same places
        return Alias, source.__solidb_model__, values.number(source)
    if not isinstance(source, type):  # a named statement is made for one statement
        no_form()
    return source


def no_form() -> NoReturn:
    """Raise that a part has no form."""
    raise _Unknown


def _as_it_is(clause: bool | None, _values: Values) -> Any:
    return clause


def _count(clause: int, values: Values) -> Any:
    """Return whether there is a LIMIT or OFFSET, of which 0 is none."""
    note(clause, values)
    return bool(clause)


def note(value: Any, values: list[Any]) -> None:
    """Add a value; _Unknown of one that can't travel, so that the builder says what is wrong with it."""
    if inexact(value):
        raise _Unknown
    values.append(value)


def _each(clause: tuple[Any, ...], values: Values) -> Any:
    return tuple([form_of(part, values) for part in clause])


def _whole(part: Entity, values: Values) -> Any:
    source = part.source
    return source if isinstance(source, type) else _source(source, values)


def _field(part: FieldRef, values: Values) -> Any:
    if part.__solidb_mark__ is not None:
        return part.__solidb_mark__
    place = part.__solidb_place__
    return (
        _source(place.source, values),
        place.path,
        place.owner,
        place.name,
        place.nullable,
        place.annotation,
    )


def _value(part: Value, values: Values) -> Any:
    value = part.value
    note(value, values)
    kind = value.__class__
    return kind if kind is str else size_of(value) or kind


def _comparison(part: Comparison, values: Values) -> Any:
    return Comparison, part.operator, form_of(part.left, values), form_of(part.right, values)


def _known_comparison(part: KnownComparison, values: Values) -> Any:
    form, value = part.known
    values.append(value)
    return form


def _ordering(part: Ordering, values: Values) -> Any:
    return form_of(part.expression, values), part.descending


def _kind(part: Expression, values: Values) -> Any:
    kind = type(part)
    own = tuple([getattr(part, name) for name in _KINDS[kind]])
    return kind, own, tuple([form_of(operand, values) for operand in part.__solidb_operands__()])


def _elements(part: Elements, values: Values) -> Any:
    root = part.__solidb_root__
    said = part.__solidb_quantifier__, part.__solidb_path__, part.__solidb_element_type__
    return Elements, said, values.number(root), root.__solidb_bound__, form_of(part.__solidb_list__, values)


def _element_condition(part: ElementCondition, values: Values) -> Any:
    return ElementCondition, form_of(part.root, values), form_of(part.inner, values)


_KINDS: dict[type[Expression], tuple[str, ...]] = {
    Aggregate: ("function", "source", "annotation"),
    Arithmetic: ("operator", "rule", "can_divide_by_zero"),
    Combined: ("operator",),
    FunctionCall: ("name", "annotation", "is_strict"),
    Labelled: ("name",),
    Negation: (),
    Negative: ("is_absolute",),
    SortColumn: (),
    Test: ("name", "is_strict"),
}
"""What the kinds of expressions say besides their operands."""


def tell_form(kind: type[Any], read: Read) -> None:
    """Let expressions of a kind that is declared elsewhere stand in forms: ``read`` returns theirs."""
    _READERS[kind] = read


_READERS: dict[type[Any], Read] = {
    **dict.fromkeys(_KINDS, _kind),
    bool: _as_it_is,
    type(None): _as_it_is,
    int: _count,
    tuple: _each,
    Elements: _elements,
    ElementCondition: _element_condition,
    FieldRef: _field,
    IdRef: lambda part, values: (IdRef, _source(part.model, values)),
    Value: _value,
    Comparison: _comparison,
    KnownComparison: _known_comparison,
    Nested: lambda part, values: (Nested, form_of(part.statement, values)),
    Ordering: _ordering,
    Partner: lambda part, values: (_source(part.source, values), _each(part.conditions, values)),
    Entity: _whole,
    Scalar: lambda part, values: form_of(part.expression, values),
}
"""What reads the forms of parts; other expressions and named statements have none."""
