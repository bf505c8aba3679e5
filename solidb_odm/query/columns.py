"""What a select gives back: columns, and how each becomes a Python value.

Outer joins: the documents a row is joined to, or none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any, Generic, TypeVar, cast

from pydantic import ValidationError

from .._dataclasses import dataclass
from ..errors import LoadError, UsageError
from ..language import decimals
from ..model.document import Document
from ..model.expressions.build_scope import Source
from ..model.expressions.calls import lift
from ..model.expressions.expression import Expression
from ..model.expressions.fields import FieldRef, Place
from ..model.expressions.kinds import kind_of
from ..model.stored.codec import first_problem
from ..model.stored.field_values import field_reader
from ..model.stored.forms import type_form
from .compiler import sources_of
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


V_co = TypeVar("V_co", covariant=True)
E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Path(Generic[V_co, E_co]):
    """A way through a graph: the documents on it, the edges between them, and what it weighs.

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
        raise UsageError("a statement is no column of another", hint="statement.scalar_subquery()")
    if isinstance(item, Labelled):
        inner = column(item.expression)
        assert isinstance(inner, Scalar)
        return Scalar(item.expression, item.name, inner.decode)
    if isinstance(item, FieldRef):
        place = item.__solidb_place__
        shown = str(place.path[-1]) if place.path else "value"
        label = shown if _is_table(place.source) or not place.name else place.name
        return Scalar(item, label, field_decoder(place))
    if isinstance(item, Expression):
        item = check_no_elements(item, "select()")
        found = getattr(item, "place", None)
        decode = field_decoder(found) if isinstance(found, Place) else decoder(item.__solidb_type__)
        return Scalar(item, _label(item), decode)
    if isinstance(item, Document):
        raise UsageError("select() takes Document classes and their fields, not documents")
    return Scalar(lift(item), "value", None)


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

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.expression,)


def labels_of(columns: tuple[Column, ...], what: str = "into()") -> tuple[str, ...]:
    """Return the names of columns; UsageError for whole documents and for a name that occurs twice."""
    names = [each.label for each in columns if isinstance(each, Scalar)]
    if len(names) < len(columns):
        raise UsageError(f"{what} takes fields and expressions; whole documents are read by their own class")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(f"two columns are called {twice!r}", hint="label('other', ..) renames one of them")
    return tuple(names)


def _label(expression: Expression) -> str:
    name = getattr(expression, "function", None) or getattr(expression, "name", None)
    return str(name).lower() if name else "value"


def field_decoder(place: Place) -> Callable[[Any], Any] | None:
    """Return the function that makes values of a field from their stored form; None for plain ones."""
    if place.owner is None:
        return decoder(place.annotation)
    reader = field_reader(cast(Any, place.owner), place.name)
    if reader.is_plain:
        return None
    read = _decoding(reader.read, f"{place.owner.__name__}.{place.name}")
    return _reading_keys(read) if kind_of(place.annotation) == "decimal" else read


def decoder(annotation: Any) -> Callable[[Any], Any] | None:
    """Return the function that makes values of a type from their stored form; None for plain JSON types."""
    if annotation is Any or annotation in _PLAIN or annotation in (list, dict):
        return None
    name = getattr(annotation, "__name__", None) or str(annotation)
    read = _decoding(type_form(annotation).read, name)
    return _reading_keys(read) if kind_of(annotation) == "decimal" else read


def _reading_keys(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Read decimals from digits, from sort keys, which groups have, and means from sum and count."""

    def decode(value: Any) -> Any:
        if isinstance(value, list):
            total, count = cast("tuple[Any, int]", value)
            return Decimal(total) / count if count else None
        return decimals.of_key(value) if isinstance(value, str) and decimals.is_key(value) else read(value)

    return decode


def _decoding(read: Callable[[Any], Any], name: str) -> Callable[[Any], Any]:
    def decode(value: Any) -> Any:
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

    return decode


@dataclass(frozen=True, slots=True)
class Partner:
    """A source of an outer join, and the conditions that say which of its documents belong to a row."""

    source: Source
    conditions: tuple[Expression, ...]


def or_none(column: Column, source: Source) -> Column:
    """Let a column over a source be None where a row has no partner there."""
    if not isinstance(column, Scalar) or column.decode is None:
        return column
    reads = any(each is source for each in sources_of([column.expression]))
    return replace(column, decode=_or_none(column.decode)) if reads else column


def _or_none(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else decode(value)
