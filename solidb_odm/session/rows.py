"""Rows of several columns: tuples whose columns have names, ``row.name``.

Rows that do not fit their models, where a statement says what is to become of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any, Final, NamedTuple, cast

from ..errors import LoadError, UsageError, missing
from ..query.columns import Column, Scalar

if TYPE_CHECKING:
    from ..query.compiled import Compiled


class Row(tuple[Any, ...]):
    """A row of several columns: a tuple, equal to any other of the same values, with a name for each.

    ``row.name`` is the column of that name, also where tuples have a method that is called so, such as
    ``count``. ``_fields`` are the names, and ``_mapping`` and ``_asdict()`` give the row as a dict.
    """

    __slots__ = ()
    _fields: tuple[str, ...] = ()

    if not TYPE_CHECKING:  # to a checker it is a tuple

        def __getitem__(self, place: Any) -> Any:
            try:
                return _item(self, place)
            except (TypeError, UsageError):  # a field refuses to be a number itself
                raise TypeError(_no_place(self._fields, place)) from None

        def __setattr__(self, name: str, value: object) -> None:
            raise AttributeError("a row can't be changed; update(User).values(..) changes what is stored")

    @property
    def _mapping(self) -> dict[str, Any]:
        check_told(self._fields)
        return dict(zip(self._fields, self, strict=True))

    def _asdict(self) -> dict[str, Any]:
        """Return the row as a dict by the names of its columns."""
        return self._mapping

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._fields})

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self._fields, tuple(self))

    def __getattr__(self, name: str) -> Any:
        if name in _WAYS:
            raise missing(self, name, _WAYS)
        close = get_close_matches(name, self._fields, 1)
        known = f"did you mean {close[0]!r}?" if close else f"its columns are {', '.join(self._fields)}"
        raise AttributeError(f"the row has no column {name!r}; {known}")


_item: Final = tuple[Any, ...].__getitem__
_WAYS = {
    "_key_to_index": "row._fields",
    "_replace": "a row can't be changed: row._asdict() | {name: value} is a dict with another value",
    "_t": "the row itself, a tuple",
    "_tuple": "the row itself, a tuple",
    "get": "row._mapping.get(name)",
    "has_key": "name in row._fields",
    "items": "row._mapping.items()",
    "keys": "row._fields",
    "t": "the row itself, a tuple",
    "tuple": "the row itself, a tuple",
    "values": "tuple(row)",
}
"""What SQLAlchemy's rows and others have, by what to write here."""


def _no_place(fields: tuple[str, ...], place: object) -> str:
    """Return why a row has nothing in a place, and what to write."""
    name = place if isinstance(place, str) else repr(place).rpartition(".")[2]
    if name in fields:
        return f"columns are attributes of a row, not items; write row.{name}, or row._mapping[{name!r}]"
    return f"a row has its columns by number or as attributes, {', '.join(fields)}, not by {place!r}"


def check_told(names: Sequence[str]) -> None:
    """Refuse to make a dict of columns of which two have one name; UsageError."""
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise UsageError(
            f"two columns are called {twice!r}, and a dict would hold one",
            hint="label('other', ..) renames one",
        )


def names_of(columns: tuple[Column, ...]) -> tuple[str, ...]:
    """Return the names of columns: those of fields and functions, of labels, and of classes."""
    return tuple(
        column.label if isinstance(column, Scalar) else getattr(column, "model", Row).__name__
        for column in columns
    )


def rows_of(names: tuple[str, ...], values: Iterable[Iterable[Any]]) -> list[Row]:
    """Return the rows of these columns."""
    return list(map(_maker(names), values))


@lru_cache(512)
def _maker(names: tuple[str, ...]) -> Callable[[Iterable[Any]], Row]:
    """Return the function that makes rows of columns of these names."""
    namespace: dict[str, Any] = {"__slots__": (), "_fields": names, "__doc__": Row.__doc__}
    columns = [(f"c{place}", object) for place in range(len(names))]
    tuples: Any = cast("Any", NamedTuple)("Places", columns)
    places: dict[str, Any] = {**vars(tuples)}  # kept, as the collector empties those of the class
    for place, name in enumerate(names):
        if not name.startswith("__"):
            is_alone = names.count(name) == 1
            namespace[name] = places[f"c{place}"] if is_alone else property(_ambiguous(name))
    make = cast("Any", tuple).__new__
    return cast("Callable[[Iterable[Any]], Row]", partial(make, type("Row", (Row,), namespace)))


def _ambiguous(name: str) -> Callable[[Any], Any]:
    def refuse(_row: Any) -> Any:
        raise UsageError(
            f"several columns of the row are called {name!r}",
            hint=f"take them by place, or name them: select(label('first_{name}', ..), ..)",
        )

    return refuse


def _restored(names: tuple[str, ...], values: tuple[Any, ...]) -> Row:
    return _maker(names)(values)


class Unreadable(NamedTuple):
    """What stands for a row that can't be read, until the rows are handed out."""

    error: LoadError
    is_told: bool


class Partial(list[Any]):
    """Rows among which some may be unreadable."""


def read_rows(
    load: Callable[[Sequence[Any]], Sequence[Any]], rows: Sequence[Any], compiled: Compiled
) -> list[Any]:
    """Make Python values of rows, all at once; where that fails and may, one by one."""
    if compiled.unreadable == "raise":
        return list(load(rows))
    try:
        return list(load(rows))
    except LoadError:
        return Partial(_read(load, row, compiled.unreadable == "collect") for row in rows)


def _read(load: Callable[[Sequence[Any]], Sequence[Any]], row: Any, is_told: bool) -> Any:
    try:
        return load([row])[0]
    except LoadError as error:
        return Unreadable(error, is_told)


def readable(rows: list[Any]) -> tuple[list[Any], tuple[LoadError, ...]]:
    """Return the rows that could be read, and the errors of the others that are to be told."""
    if not isinstance(rows, Partial):
        return rows, ()
    return without_unreadable(rows), told(rows)


def without_unreadable(rows: Iterable[Any]) -> list[Any]:
    """Return the rows that could be read."""
    return [row for row in rows if type(row) is not Unreadable]


def told(rows: Iterable[Any]) -> tuple[LoadError, ...]:
    """Return the errors of the rows that could not be read, if they are collected."""
    return tuple(row.error for row in rows if type(row) is Unreadable and row.is_told)
