"""``select``: reading documents, fields and groups.

Statements as values in other statements.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Never, Self, TypeVar, cast, overload

from .._wrong_calls import refuse_more, refuse_options
from ..errors import UsageError
from ..language import decimals
from ..language import nodes as q
from ..model.declaration.registry import Registry
from ..model.document import Document
from ..model.expressions.build_scope import Source, held_in
from ..model.expressions.column_methods import Ordering, sort_key
from ..model.expressions.comparisons import KnownComparison
from ..model.expressions.expression import Combined, Expression, Predicate, Value
from ..model.expressions.fields import FieldRef, IdRef, Place
from ..model.type_inspection import CACHE, attributes_of, keep
from . import conditions
from .columns import (
    Column,
    Entity,
    Labelled,
    Partner,
    Scalar,
    Table,
    check_distinct,
    column,
    column_once,
    decoder,
    labels_of,
    or_none,
)
from .compiled import Compiled, Fetch, Unreadable
from .compiler import BuildScope, sources_of, with_tables
from .conditions import bounded
from .elements import Unnest, check_no_elements
from .functions import Aggregate
from .load_paths import Hops
from .select_block import Selection, build_select, check_sources, has_aggregate
from .select_forms import Step, build_once, form_of, form_of_select, tell_form
from .sources import Alias, model_of
from .statement import Loading, T_co, check_documents, putter


class SingleValue(Expression):
    """The first row of a statement with one column; null if there is none."""

    __slots__ = ("annotation", "inner", "is_total", "name", "place")

    def __init__(self, statement: Any) -> None:
        columns = statement.columns
        if len(columns) != 1 or not isinstance(columns[0], Scalar):
            raise UsageError(
                "a statement that is a value in another one needs exactly one column, a field or expression"
            )
        shown = columns[0].expression
        shown = shown.expression if isinstance(shown, Labelled) else shown
        self.inner = statement
        self.is_total = getattr(shown, "function", None) in _TOTALS and _is_one_row(statement)
        self.name = columns[0].label
        self.annotation: Any = shown.__solidb_type__
        self.place: Place | None = (
            shown.__solidb_place__ if isinstance(shown, FieldRef) else getattr(shown, "place", None)
        )

    def __solidb_held__(self) -> tuple[Any, ...]:
        return (self.inner,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        rows = q.Call("FIRST", (self.__solidb_rows__(scope),))
        return decimals.key(rows) if self.__solidb_kind__ == "decimal" else rows

    def __solidb_digits__(self, scope: Any) -> q.Expression:
        return q.Call("FIRST", (self.__solidb_rows__(scope),))

    def __solidb_rows__(self, scope: Any) -> q.Expression:
        return q.Subquery(scope.statement(self.inner))

    def __solidb_encode__(self, value: Any) -> Any:
        if self.place is None:
            return super().__solidb_encode__(value)
        return FieldRef(self.place).__solidb_encode__(value)

    @property
    def __solidb_leads_to__(self) -> Any:
        return getattr(self.inner.columns[0].expression, "__solidb_leads_to__", None)

    @property
    def __solidb_nullable__(self) -> bool:
        return not self.is_total

    def __repr__(self) -> str:
        return f"the value {self.name!r} of a subquery"


_TOTALS = ("COUNT", "COUNT_DISTINCT", "SUM")
"""The aggregates that have a value also where there is nothing to aggregate."""


def _is_one_row(statement: Any) -> bool:
    """Return whether an aggregate of a statement is a row also where there is nothing to aggregate."""
    cuts = ("groups", "having_conditions", "limit_count", "offset_count")
    return all(getattr(statement, name, False) in (None, ()) for name in cuts)


class ListValue(SingleValue):
    """The rows of a statement with one column, as a list."""

    __slots__ = ()

    def __init__(self, statement: Any) -> None:
        super().__init__(statement)
        element: Any = self.annotation
        self.annotation = Any if element is Any else list.__class_getitem__(element)
        self.place = None

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return self.__solidb_rows__(scope)


A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
E = TypeVar("E")
F = TypeVar("F")
G = TypeVar("G")
M = TypeVar("M")
D = TypeVar("D", bound=Document)


@dataclass(frozen=True, repr=False)
class Select(Loading[T_co], Selection):
    """A query for documents or values. Immutable: a base query is safe to refine twice."""

    reader: Scalar | None = None
    loads: tuple[Hops, ...] = ()
    on_unreadable: Unreadable = "raise"
    _compiled: Compiled | None = field(default=None, init=False, compare=False, repr=False)
    _way: tuple[Step | None, tuple[Any, ...]] = field(
        default_factory=lambda: _NO_WAY, init=False, compare=False, repr=False
    )
    """Where its methods have led to, if that is known, and the values they were given, in their order."""

    def where(self, *wanted: Predicate | bool, **others: Never) -> Self:
        """Keep the rows for which all the conditions are true."""
        if others:
            refuse_options("where()", others, f"filter_by({next(iter(others))}=..)")
        clauses = self.__dict__.copy()  # asked once: each attribute is looked for as one that is missing
        step, given = clauses["_way"]
        added = clauses["conditions"]
        condition: Any
        for condition in wanted:
            if type(condition) is KnownComparison:
                added += (condition,)
                if step is not None:
                    form, value = condition.known
                    step = step.steps.get(form) or step.after(form, form[0])
                    given += (value,)
                continue
            led = step.joined(condition) if step is not None and type(condition) is Combined else None
            added += (conditions.condition(condition),)
            step, given = _NO_WAY if led is None else (led[0], given + led[1])
        clauses["conditions"], clauses["_way"], clauses["_compiled"] = added, (step, given), None
        made = _made(type(self))  # as _with does, without the call
        _put_clauses(made, clauses)
        return made  # type: ignore[no-any-return]

    def filter_by(self, *others: Never, **values: Any) -> Self:
        """Keep documents whose fields have these values: ``select(User).filter_by(name="Ada")``.

        The fields are those of the model that was joined last, or else of the first one that is read.
        """
        refuse_more("filter_by() takes values by name", others, "where(User.age > 18)")
        wanted: tuple[Any, ...] = conditions.equalities(self._latest(), values)
        return self.where(*wanted)

    def _latest(self) -> Source:
        first = self.columns[0]
        shown = [first.source] if isinstance(first, Entity) else []
        if isinstance(first, Scalar):
            shown = sources_of([first.expression])
        read = [*shown[:1], *self.starts, *self.joins]
        if not read:
            raise UsageError("filter_by() needs a model that the statement reads", hint="select_from(User)")
        return read[-1]

    def select_from(self, *sources: Any) -> Self:
        """Read these models (or ``aliased(Model)``) first: ``select(func.count()).select_from(User)``."""
        for source in sources:
            if not isinstance(source, (Alias, Table)) and not _is_model(source):
                raise UsageError(f"select_from() takes Document classes, not {source!r}")
        return self._with(starts=(*self.starts, *sources))

    def order_by(self, *keys: Any, **others: Never) -> Self:
        """Sort by fields or expressions; wrap one in ``desc()`` to sort downwards. Further calls add keys.

        Documents that are equal in all keys come in the order of their own keys.
        """
        if others:
            refuse_options("order_by()", others, "order_by(User.age, desc(User.name))")
        clauses = self.__dict__.copy()
        step, given = clauses["_way"]
        added = clauses.get("orderings", ())
        for key in keys:
            known = None if step is None else step.orders.get(id(key))
            _, made, step = known or (key, *_ordered(step, key))
            added += (made,)
        clauses["orderings"], clauses["_way"], clauses["_compiled"] = added, (step, given), None
        return self._of(clauses)

    def limit(self, count: int, *others: Never) -> Self:
        """Limit the number of rows."""
        if others:
            refuse_more("limit() takes the number of rows", others, "offset(start).limit(count)")
        return self._counted("limit_count", natural(count, "limit"))

    def offset(self, count: int) -> Self:
        """Skip this many rows at the start."""
        return self._counted("offset_count", natural(count, "offset"))

    def _counted(self, clause: str, count: int) -> Self:
        clauses = self.__dict__.copy()
        step, given = clauses["_way"]
        if step is not None:
            step = step.after((clause,)) if type(count) is int and 0 < count < _EXACT else None
        clauses[clause], clauses["_way"], clauses["_compiled"] = count, (step, (*given, count)), None
        return self._of(clauses)

    def distinct(self, *others: Never) -> Self:
        """Return each of several equal rows only once."""
        refuse_more(
            "distinct() is about whole rows", others, "select(User.name).distinct(), or group_by(User.name)"
        )
        for shown in self.columns:
            if isinstance(shown, Scalar):
                check_distinct(shown.expression, "distinct()")
        return self._with(is_distinct=True)

    def with_deleted(self) -> Self:
        """Include documents of SoftDelete classes that are marked as deleted."""
        return self._with(is_with_deleted=True)

    def group_by(self, *keys: Any) -> Self:
        """Make one row of all rows with the same keys; the other columns must be aggregates (``func``)."""
        added = tuple(_group_key(key) for key in keys)
        return self._with(groups=(*self.groups, *added))

    def having(self, *wanted: Predicate | bool) -> Self:
        """Keep the groups for which the conditions are true."""
        added = tuple(conditions.condition(condition) for condition in wanted)
        return self._with(having_conditions=(*self.having_conditions, *added))

    def join(self, other: Any, *on: Predicate | bool, **others: Never) -> Self:
        """Read another model (or ``aliased(Model)``) too, a row for each pair the conditions are true of.

        With ``unnest(Order.lines)`` a row for each element; without conditions one for all pairs.
        """
        refuse_options("join()", others)
        if isinstance(other, FieldRef) and isinstance(other.__solidb_place__.source, Unnest):
            other = other.__solidb_place__.source
        elif isinstance(other, Expression) or not (_is_model(other) or hasattr(other, "__solidb_model__")):
            raise _not_joined(other)
        self._check_joins_once(other)
        joined = self._with(joins=(*self.joins, other))
        return joined.where(*on) if on else joined

    def outerjoin(self, other: type[Document], *on: Predicate | bool) -> Self:
        """Read another model too, as ``join`` does, and keep the rows that have no partner.

        In those the other document, and each field of it, is None; so it is for ``where`` and ``order_by``.
        """
        source = cast(Any, other)
        if not _is_model(source) and (
            isinstance(source, Expression) or not hasattr(source, "__solidb_model__")
        ):
            raise _not_joined(other)
        self._check_joins_once(other)
        partner = Partner(other, tuple(conditions.condition(condition) for condition in on))
        columns = tuple(or_none(column, other) for column in self.columns)
        return self._with(joins=(*self.joins, other), partners=(*self.partners, partner), columns=columns)

    def _check_joins_once(self, other: type[Document]) -> None:
        first = self.columns[0].source if isinstance(self.columns[0], Entity) else None
        if any(source is other for source in (first, *self.starts, *self.joins)):
            name = getattr(model_of(other), "__name__", None) or repr(other)
            raise UsageError(
                f"the statement reads {name} already", hint=f"second = aliased({name}); join(second, ..)"
            )

    def into(self, model: type[M]) -> Select[M]:
        """Read each row as a model, or any class Pydantic knows, its fields by the columns' names.

        ``select(User.name, label("n", func.count())).group_by(User.name).into(Summary)``
        """
        labels_of(self.columns)
        if not isinstance(model, type):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"into() takes a class, not {model!r}", hint="select(..).into(Summary)")
        return cast("Select[M]", self._with(reader=Scalar(Value(None), model.__name__, decoder(model))))

    def unreadable(self, how: Unreadable) -> Self:
        """Say what becomes of rows that do not fit their model, such as documents of an older version of it.

        ``"raise"``: LoadError, as without this. ``"skip"``: they are left out. ``"collect"``: they are left
        out, and ``result.unreadable`` (of a page, ``page.unreadable``) holds the LoadError of each.
        """
        if how not in ("raise", "skip", "collect"):
            raise UsageError(f"unreadable({how!r})", hint='choose "raise", "skip" or "collect"')
        return self._with(on_unreadable=how)

    def compile(self) -> Compiled:
        made, (step, given) = self._compiled, self._way
        if made is None and step is not None:
            made = step.compiled(given)
        if made is None:
            if self.loads:
                check_documents(self.columns, self.reader)
            made = build_once(self, self._build)
            if step is not None:
                step.keep(given, made)
        self.__dict__["_compiled"] = made
        return made

    def known_fetch(self) -> Fetch | None:
        step, values = self.__dict__["_way"]
        known = None if step is None else step.fetched
        if known is None or known[0] != Registry.generation:
            return None  # it must be built, or asks for the clock
        _, column, query, names = known
        if len(names) == 1:
            return column, query, {names[0]: values[0]}, True
        return column, query, dict(zip(names, values, strict=True)), True

    def _is_approximate(self) -> bool:
        """Return whether the order is one of nearness that need not be exact."""
        return any(getattr(ordering.expression, "approximate", False) for ordering in self.orderings)

    @bounded
    def _build(self) -> Compiled:
        scope = BuildScope()
        query = with_tables(build_select(self, scope, self._labels), scope)
        columns = self.columns if self.reader is None else (self.reader,)
        return Compiled(
            query,
            scope.values,
            columns,
            self.single or self.reader is not None,
            loads=self.loads,
            unreadable=self.on_unreadable,
            approximate=self.reader is None and self._is_approximate(),
        )

    def __solidb_query__(self, scope: BuildScope) -> q.Query:
        if not self.single:
            raise UsageError("a statement inside another one needs exactly one column")
        return build_select(self, scope, self._labels)

    def __solidb_rows__(self, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Query:
        return build_select(self, scope, labels)

    def __solidb_held__(self) -> tuple[Any, ...]:
        """Return what is in its clauses, of which it has those that were given."""
        return tuple(held_in([clause for name, clause in self.__dict__.items() if name[0] != "_"]))

    def __solidb_ids__(self) -> Select[str]:
        """Return the statement of the ids of the documents that this one reads."""
        source = cast("Entity", self.columns[0]).source
        return cast("Select[str]", self._with(columns=(column(IdRef(source)),), single=True))

    def scalar_subquery(self) -> T_co:
        """Return the first row as a value in another statement, of whose documents conditions may speak.

        ``select(Customer.name, select(func.count(Order)).where(Order.customer == Customer.key)
        .scalar_subquery())``
        """
        return cast(T_co, SingleValue(self))

    def list_subquery(self) -> list[T_co]:
        """Return all rows as a list in another statement, of whose documents conditions may speak."""
        return cast("list[T_co]", ListValue(self))

    @overload
    def cte(self: Select[D], name: str) -> type[D]: ...
    @overload
    def cte(self, name: str, *, recursive: bool = False) -> Any: ...
    def cte(self, name: str, *, recursive: bool = False) -> Any:
        """Name the rows, to select from them: they are computed once, before the statement that reads them.

        Its attributes are the columns by their names, or the fields of the model. A recursive one is the
        start of ``start.union_all(step)``, whose step reads it.
        """
        check_sources(self)
        return Table(name, self, recursive=recursive)

    @property
    def _labels(self) -> tuple[str, ...] | None:
        """With a reader a row is an object of the columns by their names."""
        return None if self.reader is None else labels_of(self.columns)

    def _with(self, **changes: Any) -> Self:
        """Return this with other clauses; as ``dataclasses.replace``, which takes ten times as long."""
        clauses = self.__dict__.copy()
        clauses["_compiled"], clauses["_way"] = None, _NO_WAY
        clauses.update(changes)
        return self._of(clauses)

    def _of(self, clauses: dict[str, Any]) -> Self:
        made = _made(type(self))
        _put_clauses(made, clauses)
        return made  # type: ignore[no-any-return]

    @property
    def entity(self) -> Entity | None:
        """The one model the statement gives whole documents of, if it does."""
        only = self.columns[0] if self.single and self.reader is None else None
        return only if isinstance(only, Entity) else None


def _not_joined(other: Expression | Any) -> UsageError:
    """Return the error of joining what is no source; for a link it says what to write."""
    is_link = isinstance(other, Expression) and other.__solidb_kind__ == "link"
    return UsageError(
        f"join() reads a Document class, aliased(..), cte(..) or unnest(..), not {other!r}",
        hint=f"join(Target, {other!r} == Target.id), where Target is the class it leads to"
        if is_link
        else None,
    )


def _is_model(source: Any) -> bool:
    return isinstance(source, type) and issubclass(source, Document)


def _group_key(key: Any) -> Expression:
    """Take a key of groups; UsageError for values of a whole group, and for elements of a list."""
    wanted = check_no_elements(conditions.expression(key, "group_by()"), "group_by()")
    if has_aggregate(wanted):
        raise UsageError(
            f"group_by() can't take {wanted!r}, which is a value of a whole group", hint="having()"
        )
    check_distinct(wanted, "group_by()")
    return wanted


def _ordered(step: Step | None, key: Any) -> tuple[Ordering, Step | None]:
    """Return the ordering of a sort key, and where it leads to from a step."""
    made = ordering(key)
    field = made.expression
    mark = field.__solidb_mark__ if isinstance(field, FieldRef) else None
    if mark is None or step is None:
        return made, None
    following = step.after(("order_by", mark, made.descending), mark)
    if following is not None and any(made is kept for kept in field.__solidb_orders__ or ()):
        step.orders[id(key)] = key, made, following  # the key is the field, or one that the class keeps
    return made, following


def ordering(key: Any) -> Ordering:
    """Take a sort key: an expression, or what asc(), desc() and nearest() make of one."""
    wanted = key.expression if isinstance(key, Ordering) else key
    if isinstance(wanted, FieldRef) and wanted.__solidb_mark__ is not None:  # a field that a class keeps
        return key if isinstance(key, Ordering) else sort_key(wanted)
    if not isinstance(key, Ordering) and hasattr(key.__class__, "__solidb_ordering__"):  # nearest()
        return cast(Ordering, key.__solidb_ordering__())
    made = key if isinstance(key, Ordering) else sort_key(conditions.expression(key, "order_by()"))
    wanted = check_no_elements(made.expression, "order_by()")
    return made if wanted is made.expression else Ordering(wanted, made.descending)


def natural(count: Any, what: str) -> int:
    """Take a count of rows; UsageError if it is none."""
    if type(count) is int and count >= 0:
        return count
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        hint = f"leave {what}() out, for all rows" if count is None else None
        raise UsageError(f"{what}() takes an integer of 0 or more, not {count!r}", hint=hint)
    return count


_SELECT: type[Select[Any]] = Select
_NO_WAY: tuple[None, tuple[Any, ...]] = (None, ())
_made: Any = object.__new__
_put_clauses = putter(Select)
_EXACT = 2**53
"""Up to here every engine knows an integer exactly."""


_START = "select"
"""What a class keeps the select of all its documents as, with the number of the newest class."""
_NOTHING: dict[str, Any] = {}


def _whole(model: Any) -> tuple[int, Select[Any], Step]:
    """Return the select of all documents of a class, and the step at which it begins."""
    kept: tuple[int, Select[Any], Step] | None = attributes_of(model).get(CACHE, _NOTHING).get(_START)
    if kept is not None and kept[0] == Registry.generation:  # what it means depends on the classes there are
        return kept
    entity = Entity(model, model)
    step = Step(entity, [0])
    made = Registry.generation, _begun((entity,), step), step
    keep(model, _START, made)
    return made


def _begun(columns: tuple[Column, ...], step: Step) -> Select[Any]:
    made: Select[Any] = _made(_SELECT)
    clauses = {"columns": columns, "single": len(columns) == 1, "conditions": (), "_way": (step, ())}
    _put_clauses(made, clauses)  # without the clauses that are absent
    return made


def _of_fields(items: tuple[Any, ...]) -> Select[Any] | None:
    """Return the select of fields that one class keeps; None of others."""
    marks: list[Any] = [item.__solidb_mark__ for item in items if item.__class__ is FieldRef]
    if len(marks) < len(items) or None in marks or any(mark.model is not marks[0].model for mark in marks):
        return None
    step = _whole(marks[0].model)[2].after(("columns", *marks), marks[0])
    if step is None:
        return None
    return _start(step, items)


def _of_count(item: Any) -> Select[Any] | None:
    """Return the select of how many documents of a class there are; None of other columns."""
    if item.__class__ is not Aggregate:
        return None
    source = item.source
    if item.function != "COUNT" or not (isinstance(source, type) and issubclass(source, Document)):
        return None
    step = _whole(source)[2].after(("count",))
    return None if step is None else _start(step, (item,))


def _start(step: Step, items: tuple[Any, ...]) -> Select[Any]:
    """Return the select of columns that leads to a step; it is kept there."""
    if step.start is None:
        step.start = _begun(tuple(map(column, items)), step)
    return step.start


@overload
def select(item: type[D], /) -> Select[D]: ...  # pyright: ignore[reportOverlappingOverload]  # a class is a value too
@overload
def select(item: A, /) -> Select[A]: ...
@overload
def select(a: type[D], b: type[G], /) -> Select[tuple[D, G]]: ...
@overload
def select(a: type[D], b: B, /) -> Select[tuple[D, B]]: ...
@overload
def select(a: A, b: B, /) -> Select[tuple[A, B]]: ...
@overload
def select(a: A, b: B, c: C, /) -> Select[tuple[A, B, C]]: ...
@overload
def select(a: A, b: B, c: C, d: E, /) -> Select[tuple[A, B, C, E]]: ...
@overload
def select(a: A, b: B, c: C, d: E, e: F, /) -> Select[tuple[A, B, C, E, F]]: ...
@overload
def select(a: A, b: B, c: C, d: E, e: F, f: G, /) -> Select[tuple[A, B, C, E, F, G]]: ...
@overload
def select(*items: Any) -> Select[tuple[Any, ...]]: ...
def select(*items: Any) -> Select[Any]:
    """Return a statement that reads documents of a model, or columns: fields, models, expressions.

    ``select(User)`` reads users, ``select(User.name)`` names, ``select(User.name, User.age)`` tuples.
    """
    if not items:
        raise UsageError("select() needs a Document class, or fields")
    if len(items) == 1 and isinstance(items[0], type):
        try:  # as _whole, without a look at the class, which is kept by none that is no document's
            kept = attributes_of(items[0])[CACHE][_START]
            if kept[0] == Registry.generation:
                return kept[1]  # type: ignore[no-any-return]
        except KeyError:
            pass
        if issubclass(items[0], Document):
            return _whole(items[0])[1]
    if isinstance(items[0], FieldRef) and (kept := _of_fields(items)) is not None:
        return kept
    if len(items) == 1 and (kept := _of_count(items[0])) is not None:
        return kept
    return Select(tuple(map(column_once, items)), len(items) == 1)


# What is asked of other rows has the form of their statement.
tell_form(Select, form_of_select)
for _kind in (SingleValue, ListValue):
    tell_form(_kind, lambda part, values: (part.__class__, form_of(part.inner, values)))
