"""``sdbql``: the language itself, bound and, if wished, read into models.

``attribute``: what is stored of a document, by name, where no field of the class speaks of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final, TypeVar, cast, overload

from .._types import shown
from ..errors import QueryError, UsageError
from ..language import nodes as q
from ..language import parser
from ..language.check import check_names, check_values
from ..language.walk import bind_names, collections_written
from ..model.document import Document
from ..model.expressions.expression import Value
from ..model.expressions.fields import FieldRef, Place
from ..model.stored.field_values import plain
from ..model.stored.pydantic_attributes import class_computed_fields, class_fields
from ..model.type_inspection import CACHE, attributes_of, cached_by_class, keep
from .columns import Column, Entity, PathOf, Scalar, decoder
from .compiled import Compiled, Fetch
from .compiler import BuildScope
from .load_paths import Hops
from .statement import Loading, T_co, putter

A = TypeVar("A")
_SCALARS: Final[frozenset[type]] = frozenset((str, int, float, bool, type(None)))
"""Values that are plain JSON as they are."""


@dataclass(frozen=True, repr=False)
class RawStatement(Loading[T_co]):
    """A query in the language's own text. Its rows are JSON values, unless ``into`` says what they are."""

    source: str
    binds: dict[str, Any]
    query: q.Query
    column: Column | None = None
    writes: frozenset[str] = frozenset()
    loads: tuple[Hops, ...] = ()
    _compiled: Compiled | None = field(default=None, init=False, compare=False, repr=False)

    def into(self, model: type[A]) -> RawStatement[A]:
        """Read each row as a model: a Document class, or any type Pydantic knows."""
        try:
            column: Column = attributes_of(model)[CACHE][_COLUMN]  # as below, without asking the class twice
        except (KeyError, TypeError):
            column = _kept_column(model) if issubclass(model, Document) else _scalar(model)
        parts = self.__dict__.copy()
        parts["column"], parts["_compiled"] = column, None
        return _raw(parts)

    def compile(self) -> Compiled:
        made = self._compiled
        if made is None:
            made = self.__dict__["_compiled"] = _shared(self.column).again(
                query=self.query, values=self.binds, source=self.source, loads=self.loads, writes=self.writes
            )
        return made

    def with_values(self, binds: dict[str, Any]) -> RawStatement[T_co]:
        """Return the same text with other values; it is a copy, as the parts are known to be right."""
        parts = self.__dict__.copy()
        parts["binds"] = binds
        return _raw(parts)

    def known_fetch(self) -> Fetch | None:
        own = self.__dict__  # asked once: each attribute is looked for as one that may be missing
        column = own["column"]
        if own["loads"] or own["writes"] or isinstance(column, PathOf):
            return None
        if isinstance(column, Entity) and column.model is Document:  # each row says of which class it is
            return None
        return column, own["query"], own["binds"], False

    def __solidb_query__(self, scope: BuildScope) -> q.Query:
        raise UsageError("sdbql() can't stand inside another statement; write the whole of it in SDBQL")

    @property
    def entity(self) -> Entity | None:
        """The one model the statement gives whole documents of, if it was told."""
        return self.column if isinstance(self.column, Entity) else None


def _shared(column: Column | None) -> Compiled:
    """Return what all texts with such rows have in common."""
    if column is None:
        return _OF_VALUES
    return _of_documents(column.model) if isinstance(column, Entity) else Compiled(_NO_QUERY, {}, (column,))


def _kept_column(model: Any) -> Column:
    """Return the column of whole documents of a class, which keeps it."""
    column = _of_documents(model).columns[0]
    keep(model, _COLUMN, column)
    return column


@cached_by_class
def _of_documents(model: Any) -> Compiled:
    return Compiled(_NO_QUERY, {}, (Entity(model, model),))


_NO_QUERY: Final = q.Block(returns=q.Return(q.Literal(None)))
_OF_VALUES: Final = Compiled(_NO_QUERY, {})
_COLUMN: Final = "column"
"""What a class keeps the column of its documents as."""
_made: Any = object.__new__
_put_parts = putter(RawStatement)


def _raw(parts: dict[str, Any]) -> RawStatement[Any]:
    """Return a statement of these parts, which is frozen."""
    made: RawStatement[Any] = _made(RawStatement)
    _put_parts(made, parts)
    return made


def _scalar(kind: Any) -> Scalar:
    return Scalar(Value(None), kind.__name__, decoder(kind))


def sdbql(text: str, values: Mapping[str, Any] | None = None, /, **binds: Any) -> RawStatement[Any]:
    """Return a statement from SDBQL text; ``@name`` in it is the value given as ``name=``, or in a dict.

    Raises QuerySyntaxError if the text is wrong, and QueryError if a bind variable has no value or a value is
    not JSON; both before anything is sent.
    """
    if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(f"sdbql() takes a text, not {shown(text)}", hint='sdbql("FOR u IN users RETURN u")')
    if values is not None:
        binds = {**_named(values), **binds}
    first, needed = _known(text) if len(text) <= _LONGEST_REMEMBERED else _parsed(text)
    for value in binds.values():
        if not (type(value) is str and value.isascii()):  # of which there is nothing to ask
            if not _SCALARS.issuperset(map(type, binds.values())):
                binds = _values(binds)
            check_values(binds)
            break
    if not needed <= binds.keys():
        check_names(needed, binds)  # which says what is missing
    return first.with_values(binds)


def _named(values: Any) -> Mapping[str, Any]:
    """Take values by name; UsageError for anything else."""
    if not (isinstance(values, Mapping) and all(isinstance(name, str) for name in cast(Any, values))):
        raise UsageError(
            f"sdbql() takes values by name, not {shown(cast(object, values))}", hint='sdbql(text, name="Ada")'
        )
    return cast("Mapping[str, Any]", values)


def _values(binds: dict[str, Any]) -> dict[str, Any]:
    try:
        return {name: _value(value) for name, value in binds.items()}
    except RecursionError as exc:
        raise QueryError("a bind value has too many levels of lists and objects") from exc


def _parsed(text: str) -> tuple[RawStatement[Any], frozenset[str]]:
    """Return the statement of a text without values, and the names of those that it needs."""
    query = parser.parse_anew(text)
    return RawStatement(text, {}, query, writes=collections_written(query)), bind_names(query)


_known = lru_cache(256)(_parsed)
_LONGEST_REMEMBERED: Final = 10_000
"""In characters; a longer text takes its place in memory only while it is asked for."""


def _value(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return [_value(item) for item in cast("list[Any]", value)]
    return plain(value)


T = TypeVar("T")


@overload
def attribute(model: type[Any], name: str) -> Any: ...
@overload
def attribute(model: type[Any], name: str, kind: type[T]) -> T: ...
def attribute(model: type[Any], name: str, kind: Any = Any) -> Any:
    """Return an attribute by its name, an extra attribute or a field; ``kind`` is the type of its values.

    ``attribute(User, "zip", str) == "75001"``, where User has ``extra="allow"``. It also says the type
    of a computed field to type checkers: ``attribute(User, "full_name", str)``.
    """
    owner: Any = getattr(model, "__solidb_model__", model)
    if not (isinstance(owner, type) and issubclass(owner, Document) and isinstance(name, str)):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise UsageError(
            f"attribute() takes a Document class and a name, not {model!r} and {name!r}",
            hint='attribute(User, "zip", str)',
        )
    known = {**class_fields(owner), **class_computed_fields(owner)}
    if name in known:
        return getattr(model, name)
    if owner.model_config.get("extra") != "allow":
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else ""
        raise UsageError(
            f"{owner.__name__} has no attribute {name!r}{guess}",
            hint='model_config = ConfigDict(extra="allow") keeps others than its fields',
        )
    return FieldRef(Place(model, (name,), kind, None, name, nullable=True))
