"""What a select gives back: columns, and how each becomes a Python value.

Outer joins: the documents a row is joined to, or none.

Named statements: ``statement.cte("name")`` is computed once, and its columns are read as a model's fields.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any, Generic, Protocol, Self, TypeVar, cast

from pydantic import ValidationError

from .._dataclasses import dataclass
from .._types import is_list, is_row
from ..errors import LoadError, UsageError
from ..language import decimals
from ..language import nodes as q
from ..model import type_inspection
from ..model.document import Document
from ..model.expressions import literals
from ..model.expressions.build_scope import Source
from ..model.expressions.calls import lift
from ..model.expressions.expression import Expression, Value
from ..model.expressions.fields import FieldRef, IdRef, Place, moved
from ..model.expressions.kinds import NAMES, Kind, kind_of, takes
from ..model.stored.codec import first_problem
from ..model.stored.field_values import field_reader
from ..model.stored.forms import type_form
from .compiler import BuildScope, sources_of
from .conditions import bounded
from .elements import check_no_elements
from .sources import Alias
from .svg import draw

_PLAIN = (str, int, float, bool, type(None))


@dataclass(frozen=True, slots=True)
class Entity:
    """A column of whole documents of a model."""

    model: type[Document]
    source: Source


@dataclass(frozen=True, slots=True)
class Scalar:
    """A column of values; ``decode`` makes Python values of stored ones, None where they are the same."""

    expression: Expression
    label: str
    decode: Callable[[Any], Any] | None


@dataclass(frozen=True, slots=True, eq=False)
class SortColumn(Expression):
    """A sort key as a column: what rows are compared by, which of a Decimal is not what is stored."""

    inner: Expression

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return self.inner.__solidb_build__(scope)

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.inner,)


V_co = TypeVar("V_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Path(Generic[V_co, E_co]):
    """A path through a graph: its documents, the edges between them, and its weight.

    ``weight`` is the number of edges, or the sum of the edges' weights.
    """

    vertices: tuple[V_co, ...]
    edges: tuple[E_co, ...]
    weight: float

    def __len__(self) -> int:
        return len(self.edges)

    def _repr_svg_(self) -> str:
        """Draw the way in a notebook."""
        return draw([(self.vertices, self.edges)])


@dataclass(frozen=True, slots=True)
class PathOf:
    """A column of paths over one class of edges; ``targets`` are the classes at their ends."""

    edges: type[Document]
    targets: tuple[type[Document], ...]


Column = Entity | Scalar | PathOf


@bounded
def column(item: Any) -> Column:
    """Make a column of what ``select`` was given; UsageError if it can't be selected."""
    if isinstance(item, Alias) or _is_table(item):
        if item.__solidb_model__ is None:
            raise UsageError(f"{item!r} has columns of its own", hint="select them by their names")
        return Entity(item.__solidb_model__, item)
    if isinstance(item, type):
        if issubclass(item, Document):
            return Entity(item, item)
        raise UsageError(f"select() can't read {item.__name__}: it is not a Document class")
    if hasattr(cast(Any, type(item)), "__solidb_query__"):
        raise UsageError("a statement can't be a column of another", hint="statement.scalar_subquery()")
    if isinstance(item, Labelled):
        inner = column(item.expression)
        assert isinstance(inner, Scalar)
        return Scalar(item.expression, item.name, inner.decode)
    if isinstance(item, FieldRef):
        place = item.__solidb_place__
        shown = str(place.path[-1]) if place.path else "value"
        is_computed = _is_table(place.source)
        label = shown if is_computed or not place.name else place.name
        decode = field_decoder(place)
        return Scalar(item, label, decode or _number_decoder(item) if is_computed else decode)
    if isinstance(item, Expression):
        item = check_no_elements(item, "select()")
        origin = getattr(item, "place", None) if hasattr(item.__class__, "place") else None
        decode = field_decoder(origin) if isinstance(origin, Place) else decoder(item.__solidb_type__)
        return Scalar(item, _label(item), decode or _number_decoder(item))
    if isinstance(item, Document):
        raise UsageError("select() takes Document classes and their fields, not documents")
    if is_row(item) and any(isinstance(part, (Expression, type)) for part in item):
        raise UsageError("select() takes its columns one by one", hint="select(User.name, User.age)")
    if isinstance(item, str):
        raise UsageError(
            f"select() takes classes and their fields, not the text {item!r}",
            hint="write select(User), or select(User.name); label(name, text) is a column of that text",
        )
    return Scalar(lift(item), "value", None)


def column_once(item: Any) -> Column:
    """Return what was given as a column; that of a field which a class keeps is made once."""
    mark = item.__solidb_mark__ if item.__class__ is FieldRef else None
    if mark is None:
        return column(item)
    if mark.column is None:
        mark.column = column(item)
    return cast("Column", mark.column)


def check_distinct(told: Expression, where: str) -> None:
    """Refuse to tell equal values from others where their stored forms can differ; UsageError."""
    literals.check_distinct(told.__solidb_type__, told.__solidb_kind__, told, where)


def _is_table(source: object) -> bool:
    """Return whether it is a named statement, which columns make up."""
    return hasattr(type(source), "__solidb_table__")


class Labelled(Expression):
    """An expression with a name of its own in the result."""

    __slots__ = ("expression", "name")

    def __init__(self, name: str, expression: Expression) -> None:
        self.name = name
        self.expression = expression

    def __solidb_build__(self, scope: Any) -> Any:
        return self.expression.__solidb_build__(scope)

    def __solidb_digits__(self, scope: Any) -> Any:
        return self.expression.__solidb_digits__(scope)

    def __solidb_column__(self, scope: Any) -> Any:
        return self.expression.__solidb_column__(scope)

    @property
    def __solidb_type__(self) -> Any:
        return self.expression.__solidb_type__

    @property
    def __solidb_nullable__(self) -> bool:
        return self.expression.__solidb_nullable__

    def __solidb_encode__(self, value: Any) -> Any:
        return self.expression.__solidb_encode__(value)

    def __repr__(self) -> str:
        return f"label({self.name!r}, {self.expression!r})"

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.expression,)


def labels_of(columns: tuple[Column, ...], what: str = "into()") -> tuple[str, ...]:
    """Return the names of columns; UsageError for whole documents and for a name that occurs twice."""
    names = [column.label for column in columns if isinstance(column, Scalar)]
    if len(names) < len(columns):
        raise UsageError(f"{what} takes fields and expressions; whole documents are read by their own class")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two columns are called {twice!r}", hint="label('other', ..) renames one of them")
    return tuple(names)


def _label(expression: Expression) -> str:
    names = (getattr(expression, attribute, None) for attribute in ("function", "name"))
    return next((name.lower() for name in names if isinstance(name, str) and name), "value")


def field_decoder(place: Place) -> Callable[[Any], Any] | None:
    """Return the function that makes values of a field from their stored form; None for plain ones."""
    if place.owner is None:
        return decoder(place.annotation)
    reader = field_reader(cast(Any, place.owner), place.name)
    if reader.is_plain:
        return None
    made = _Decoder(_decoded, reader.read, f"{place.owner.__name__}.{place.name}")
    made.again = (field_decoder, place)
    return _Decoder.of_keys(made) if kind_of(place.annotation) == "decimal" else made


def decoder(annotation: Any) -> Callable[[Any], Any] | None:
    """Return the function that makes values of a type from their stored form; None for plain JSON types."""
    if annotation is Any or annotation in _PLAIN or annotation in (list, dict):
        return None
    name = getattr(annotation, "__name__", None) or str(annotation)
    made = _Decoder(_decoded, type_form(annotation).read, name)
    made.again = (decoder, annotation)
    return _Decoder.of_keys(made) if kind_of(annotation) == "decimal" else made


def _number_decoder(computed: Expression) -> Callable[[Any], Any] | None:
    """Return what makes ints, or floats, of the numbers that a query computes; None for other values.

    The language computes 6.0 as a sum of integers, and 2 as the quotient of 6 and 3.
    """
    kind: Kind = computed.__solidb_kind__
    if kind == "list":
        one = _NUMBERS.get(kind_of(type_inspection.element(computed.__solidb_type__)))
        return None if one is None else partial(_all_decoded, one)
    return _NUMBERS.get(kind)


def _all_decoded(decode: Callable[[Any], Any], value: Any) -> Any:
    return [decode(number) for number in value] if is_list(value) else value


def _whole(value: Any) -> Any:
    """Return the int that a float is; beyond 2**53 it is none."""
    return int(value) if type(value) is float and -_EXACT < value < _EXACT and value.is_integer() else value


def _broken(value: Any) -> Any:
    return float(value) if type(value) is int else value


_NUMBERS: dict[Kind, Callable[[Any], Any]] = {"int": _whole, "float": _broken}
_EXACT = 1 << 53


class _Decoder(partial[Any]):
    """What makes values of a type, or of a field; a copy is made of these again, as validators can't be."""

    again: tuple[Callable[[Any], Any], Any]

    @staticmethod
    def of_keys(made: _Decoder) -> _Decoder:
        """Return what reads decimals from digits, and from sort keys, which groups have."""
        keyed = _Decoder(_read_key, made)
        keyed.again = made.again
        return keyed

    def __reduce__(self) -> tuple[Any, ...]:
        make, of = self.again
        return make, (of,)

    def __deepcopy__(self, memo: object) -> Self:
        return self


def _read_key(read: Callable[[Any], Any], value: Any) -> Any:
    return decimals.of_key(value) if isinstance(value, str) and decimals.is_key(value) else read(value)


def _decoded(read: Callable[[Any], Any], name: str, value: Any) -> Any:
    if value is None:
        return None
    try:
        return read(value)
    except ValidationError as error:
        raise LoadError(
            f"a stored value does not fit {name}: {value!r} ({first_problem(error)})",
            document=value,
            model=name,
        ) from error


@dataclass(frozen=True, slots=True)
class Partner:
    """A source of an outer join, and the conditions that say which of its documents belong to a row."""

    source: Source
    conditions: tuple[Expression, ...]


def or_none(column: Column, source: Source) -> Column:
    """Let a column over a source be None where a row has no partner there."""
    if not isinstance(column, Scalar) or column.decode is None:
        return column
    reads = any(part is source for part in sources_of([column.expression]))
    return replace(column, decode=partial(_or_none, column.decode)) if reads else column


def _or_none(decode: Callable[[Any], Any], value: Any) -> Any:
    return None if value is None else decode(value)


class Tabled(Protocol):
    """A statement that can be read under a name."""

    @property
    def columns(self) -> tuple[Column, ...]: ...

    @property
    def entity(self) -> Entity | None: ...

    def __solidb_rows__(self, scope: BuildScope, labels: tuple[str, ...] | None) -> q.Query: ...


class Table:
    """The rows of a statement; its attributes are the columns, or the fields of the one model it reads."""

    __slots__ = (
        "__solidb_base__",
        "__solidb_model__",
        "__solidb_name__",
        "__solidb_recursive__",
        "__solidb_statement__",
        "__solidb_step__",
        "__weakref__",
    )
    __solidb_model__: Any
    __solidb_base__: Table | None
    __solidb_step__: Tabled | None

    def __init__(self, name: str, statement: Tabled, *, recursive: bool = False) -> None:
        if not isinstance(cast(Any, name), str) or not name.isidentifier():
            raise UsageError(f"cte() takes a name such as 'ranked', not {name!r}")
        entity = statement.entity
        if entity is None:
            labels_of(statement.columns, "cte()")
        self.__solidb_name__ = name
        self.__solidb_statement__ = statement
        self.__solidb_model__ = None if entity is None else entity.model
        self.__solidb_recursive__ = recursive
        self.__solidb_base__ = self.__solidb_step__ = None

    def union_all(self, step: Any) -> Any:
        """Add what each round finds from the rows of the round before, until one finds nothing.

        ``start = select(..).cte("chain", recursive=True)``, then ``chain = start.union_all(select(..).join(
        start, ..))``: the step reads ``start``, the statement around them ``chain``. In a circle it would not
        end: carry a depth and stop at one.
        """
        if not self.__solidb_recursive__:
            raise UsageError(f"{self!r} is not recursive", hint="cte(name, recursive=True)")
        check_alike(self.__solidb_statement__, step, "union_all")
        made = Table(self.__solidb_name__, self.__solidb_statement__, recursive=True)
        made.__solidb_base__, made.__solidb_step__ = self, step
        return made

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol of Python's, such as copying
            raise AttributeError(name)
        model = self.__solidb_model__
        if model is not None:
            attribute = getattr(model, name)
            if isinstance(attribute, IdRef):
                return IdRef(self)
            return moved(attribute, self) if isinstance(attribute, FieldRef) else attribute
        for column in self.__solidb_statement__.columns:
            if isinstance(column, Scalar) and column.label == name:
                return FieldRef(self.__solidb_place_of__(column))
        known = [column.label for column in self.__solidb_statement__.columns if isinstance(column, Scalar)]
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        raise AttributeError(f"{self!r} has no column {name!r}{guess}")

    def __solidb_place_of__(self, column: Scalar) -> Place:
        inner = column.expression
        inner = inner.expression if isinstance(inner, Labelled) else inner
        place = inner.__solidb_place__ if isinstance(inner, FieldRef) else getattr(inner, "place", None)
        if isinstance(place, Place):
            return replace(place, source=self, path=(column.label,), nullable=True)
        annotation = inner.__solidb_type__
        return Place(self, (column.label,), annotation, None, column.label, nullable=True)

    def __solidb_table__(self, scope: BuildScope) -> q.CommonTable:
        """Build the statement under its name."""
        labels = None if self.__solidb_model__ is not None else labels_of(self.__solidb_statement__.columns)
        rows = self.__solidb_statement__.__solidb_rows__(BuildScope(scope), labels)
        if self.__solidb_recursive__:
            if self.__solidb_step__ is None:
                raise UsageError(
                    f"the recursive {self!r} has no step", hint="read what start.union_all(step) gives"
                )
            rows = q.SetOperation(
                rows, "UNION ALL", self.__solidb_step__.__solidb_rows__(BuildScope(scope), labels)
            )
        return q.CommonTable(f"_t_{self.__solidb_name__}", rows)

    def __solidb_stands_for__(self, other: object) -> bool:
        """Return whether a table of the same name is this one, or what a round of it reads."""
        return other is self or other is self.__solidb_base__

    def __repr__(self) -> str:
        return f"cte({self.__solidb_name__!r})"


def check_alike(one: Any, other: Any, name: str) -> None:
    """Hold two statements whose rows are to be put together to the same columns; UsageError."""
    if not hasattr(other, "__solidb_rows__"):
        raise UsageError(f"{name}() takes select() statements")
    models = [column.entity.model if column.entity else None for column in (one, other)]
    if len(one.columns) != len(other.columns) or models[0] is not models[1]:
        raise UsageError(f"the statements of {name}() need the same columns: one model, or as many fields")
    for shown, beside in zip(one.columns, other.columns, strict=True):
        if isinstance(shown, Scalar) and isinstance(beside, Scalar):
            _check_column(shown.expression, beside.expression, name)
    if getattr(one, "reader", None) or getattr(other, "reader", None):
        raise UsageError(f"{name}() takes statements without into()")


def _check_column(one: Expression, other: Expression, name: str) -> None:
    """Hold the values of a column to the type that those of the first statement are read as; UsageError."""
    kinds = {one.__solidb_kind__, other.__solidb_kind__}
    is_null = any(isinstance(side, Value) and side.value is None for side in (one, other))
    if is_null or kinds == {"int", "float"}:
        return
    if kinds == {"decimal", "int"} or not takes(one.__solidb_type__, other.__solidb_type__):
        shown, beside = (NAMES[side.__solidb_kind__] for side in (one, other))
        raise UsageError(
            f"a column of {name}() would be {one!r}, which is {shown}, and {other!r}, which is {beside}",
            hint="columns have one type; func.to_string(x), func.to_number(x), x + Decimal(0) convert",
        )
