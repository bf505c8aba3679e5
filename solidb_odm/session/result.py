"""What a query returns: rows that are all there, read in the way that fits.

Results as tables, for notebooks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Generic, Never, Self, TypeVar, cast, overload

from .._types import is_tuple
from .._wrong_calls import refuse_more
from ..errors import LoadError, MultipleResultsError, NoResultError, UsageError, check_callable, missing
from ..model.document import Document
from ..model.edge import Edge
from ..model.stored.pydantic_attributes import class_fields
from ..query.columns import Column, Path
from ..query.svg import draw, draw_graph, escaped, label_of
from ..query.written import WRITTEN
from .rows import Row, check_told, names_of, readable

_SHOWN, _LONGEST = 50, 80


def table(names: list[str], rows: Sequence[Any]) -> str:
    """Return the rows as an HTML table; documents of one class by their fields, paths as a drawing.

    Above rows with edges and the documents at their ends stands a drawing of these.
    """
    shown = rows[:_SHOWN]
    drawn = _graph(shown)
    if shown and all(isinstance(row, Path) for row in shown):
        return draw([(row.vertices, row.edges) for row in shown]) + _more(rows)
    if shown and isinstance(shown[0], Document) and all(type(row) is type(shown[0]) for row in shown):
        names = list(class_fields(type(shown[0])))
        cells = [[row.__dict__.get(name) for name in names] for row in shown]
    else:
        cells = [list(row) if len(names) > 1 else [row] for row in shown]
    head = "".join(f"<th>{escaped(name)}</th>" for name in names)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in cells)
    return f"{drawn}<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{_more(rows)}"


def _graph(rows: Sequence[Any]) -> str:
    """Draw the edges in rows between the documents in rows, or at their ends where these are loaded."""
    cells = [cell for row in rows for cell in (cast(Any, row) if isinstance(row, tuple) else (row,))]
    edges: list[Edge[Any, Any]] = [cell for cell in cells if isinstance(cell, Edge)]
    ends = (end for edge in edges for end in (edge.from_, edge.to))
    vertices = [
        document
        for document in (*cells, *ends)
        if isinstance(document, Document) and not isinstance(document, Edge)
    ]
    return draw_graph(vertices, edges) if edges and vertices else ""


def _cell(value: Any) -> str:
    if isinstance(value, Document):
        text = f"{type(value).__name__} {label_of(value)}"
    else:
        text = "" if value is None else str(value)
    return f"<td>{escaped(text if len(text) <= _LONGEST else text[: _LONGEST - 1] + '…')}</td>"


def _more(rows: Sequence[Any]) -> str:
    return f"<p>.. and {len(rows) - _SHOWN} more rows</p>" if len(rows) > _SHOWN else ""


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Reading(Generic[T_co]):
    """The ways to read rows that are all there."""

    __slots__ = ()

    if TYPE_CHECKING:

        def __iter__(self) -> Iterator[T_co]: ...
        def __len__(self) -> int: ...

    def all(self) -> list[T_co]:
        """Return all rows."""
        return list(self)

    def first(self) -> T_co | None:
        """Return the first row; None if there is none."""
        return next(iter(self), None)

    def one(self) -> T_co:
        """Return the only row; raise NoResultError or MultipleResultsError if there is not exactly one."""
        if not len(self):
            raise NoResultError(
                "one row was expected, and there is none", hint="one_or_none() and first() return None"
            )
        return self._single()

    def one_or_none(self) -> T_co | None:
        """Return the only row, None if there is none; MultipleResultsError if there are several."""
        return self._single() if len(self) else None

    def _single(self) -> T_co:
        if len(self) > 1:
            raise MultipleResultsError(
                f"one row was expected, and there are {len(self)}",
                hint="first() returns the first of them",
            )
        return next(iter(self))

    def partitions(self, size: int) -> Iterator[list[T_co]]:
        """Return the rows in lists of ``size``, the last one shorter."""
        if type(size) is not int or size < 1:
            raise UsageError(f"partitions() takes a number of rows from 1, not {size!r}")
        rows = list(self)
        for start in range(0, len(rows), size):
            yield rows[start : start + size]


class Mappings(list[dict[str, Any]], Reading[dict[str, Any]]):
    """Rows as dicts by the names of their columns: a list of them, which reads as a result does too."""

    __slots__ = ()


WAYS = {
    "append": "all(), a list of your own",
    "asdict": "mappings().all()",
    "close": "nothing, as all rows are there",
    "closed": "nothing, as all rows are there",
    "columns": "select() with the columns in the order that is needed",
    "context": "session.statistics, or engine.on_query(function)",
    "cursor": "nothing, as all rows are there",
    "cursor_strategy": "nothing, as all rows are there",
    "delete": "session.execute(delete(User).where(..))",
    "exists": "session.scalars(select(User.key).where(..).limit(1)).first() is not None",
    "extend": "[*result, *other]",
    "fetchall": "all()",
    "fetchmany": "partitions(size)",
    "fetchone": "first(), or a loop over the result",
    "filter": "select(User).where(..), before the session runs it",
    "filter_by": "select(User).filter_by(..), before the session runs it",
    "freeze": "all()",
    "inserted_primary_key": "returning(User.key), then scalar_one()",
    "is_insert": "result.rowcount",
    "join": "select(User).join(..), before the session runs it",
    "lastrowid": "returning(User.key), then scalar_one()",
    "limit": "select(User).limit(count), before the session runs it",
    "merge": "[*result, *other]",
    "next": "first(), or a loop over the result",
    "offset": "select(User).offset(start), before the session runs it",
    "one_or_404": "one_or_none()",
    "order_by": "select(User).order_by(field), before the session runs it",
    "paginate": "session.page(statement, size=20)",
    "raw": "nothing, as all rows are there",
    "remove": "all(), a list of your own",
    "returned_defaults": "returning(User)",
    "returns_rows": "len(result)",
    "skip": "select(User).offset(start), before the session runs it",
    "sort": "select(User).order_by(field), or sorted(result, key=..)",
    "supports_sane_rowcount": "result.rowcount",
    "to_df": "pandas.DataFrame(result.mappings())",
    "to_list": "all()",
    "to_pandas": "pandas.DataFrame(result.mappings())",
    "update": "session.execute(update(User).where(..).values(..))",
    "tuples": "all(), whose rows of several columns are tuples",
    "yield_per": "session.stream(statement, batch=1000)",
}
"""What SQLAlchemy's results have, by what to write here."""


class Result(Reading[T_co], Sequence[T_co], Generic[T_co]):
    """The rows of a statement, in order.

    A row of one column is the value itself; a row of several columns is a tuple with named attributes:
    ``row.name``. ``unreadable`` lists the errors of rows that ``select(..).unreadable("collect")`` left out.
    """

    __slots__ = ("_columns", "_rows", "_writes", "unreadable")

    def __init__(self, rows: list[T_co], columns: tuple[Column, ...] = (), *, writes: bool = False) -> None:
        self._rows = rows
        self.unreadable: tuple[LoadError, ...] = ()
        if rows.__class__ is not list:
            self._rows, self.unreadable = readable(rows)
        self._columns = columns
        self._writes = writes

    def all(self, *others: Never) -> list[T_co]:
        """Return all rows."""
        if others:
            refuse_more("all() gives all rows", others, "write result[:count], or select(User).limit(count)")
        return list(self._rows)

    def one(self) -> T_co:
        """Return the only row; raise NoResultError or MultipleResultsError if there is not exactly one."""
        rows = self._rows
        return rows[0] if len(rows) == 1 else super().one()

    def first(self, *others: Never) -> T_co | None:
        """Return the first row; None if there is none."""
        if others:
            refuse_more("first() gives one row", others, "write result[:count], or select(User).limit(count)")
        return self._rows[0] if self._rows else None

    def count(self, *value: Any) -> int:
        """Return the number of rows that are equal to a value; ``len(result)`` is the number of all rows."""
        if len(value) != 1:
            raise UsageError(
                "count() counts the rows that are equal to one value", hint="len(result) is how many"
            )
        return self._rows.count(value[0])

    def unique(self, strategy: Callable[[T_co], object] | None = None) -> Result[T_co]:
        """Leave out repeated rows: the same object, or an equal value.

        With a function, rows are equal if it returns the same for them.
        """
        if strategy is not None:
            check_callable(strategy, "unique()", "result.unique(lambda user: user.name)")
        seen: set[Any] = set()
        kept: list[T_co] = []
        for row in self._rows:
            mark = _mark(row if strategy is None else strategy(row))
            if mark not in seen:
                seen.add(mark)
                kept.append(row)
        return Result(kept, self._columns, writes=self._writes)

    @overload
    def scalars(self: Result[tuple[T, *tuple[Any, ...]]]) -> Result[T]: ...
    @overload
    def scalars(self: Result[T]) -> Result[T]: ...
    def scalars(self: Result[Any], *others: Never) -> Result[Any]:
        """Return the first column of each row; a row of one column is that value already."""
        refuse_more(
            "scalars() gives the first column", others, "write session.scalars(select(User.age)), or row.age"
        )
        if len(self._columns) < 2:
            return self
        return Result([row[0] for row in self._rows], self._columns[:1], writes=self._writes)

    @overload
    def scalar(self: Result[tuple[T, *tuple[Any, ...]]]) -> T | None: ...
    @overload
    def scalar(self: Result[T]) -> T | None: ...
    def scalar(self: Result[Any]) -> Any:
        """Return the first column of the first row; None if there is no row."""
        return self.scalars().first()

    @overload
    def scalar_one(self: Result[tuple[T, *tuple[Any, ...]]]) -> T: ...
    @overload
    def scalar_one(self: Result[T]) -> T: ...
    def scalar_one(self: Result[Any]) -> Any:
        """Return the first column of the only row; raise an error as ``one()`` if there is no single one."""
        return self.scalars().one()

    @overload
    def scalar_one_or_none(self: Result[tuple[T, *tuple[Any, ...]]]) -> T | None: ...
    @overload
    def scalar_one_or_none(self: Result[T]) -> T | None: ...
    def scalar_one_or_none(self: Result[Any]) -> Any:
        """Return the first column of the only row, or None; raise an error if there are several."""
        return self.scalars().one_or_none()

    def rows(self) -> list[Row]:
        """Return the rows of several columns with a type that lets ``row.name`` pass a type checker, as Any.

        At run time they are the rows of ``all()``. ``select(..).into(Model)`` gives the names their types.
        """
        if len(self._columns) < 2:
            raise UsageError(
                "rows() is for rows of several columns", hint="a row of one column is the value itself: all()"
            )
        return cast("list[Row]", list(self._rows))

    def mappings(self, *others: Never) -> Mappings:
        """Return each row as a dict by column name."""
        refuse_more(
            "mappings() gives all columns", others, "write session.execute(select(User.age)).mappings()"
        )
        names = self.keys()
        check_told(names)
        if len(names) == 1:
            return Mappings({names[0]: row} for row in self._rows)
        rows = cast("list[tuple[Any, ...]]", self._rows)
        return Mappings(dict(zip(names, row, strict=True)) for row in rows)

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(names_of(self._columns)) or ["value"]

    @property
    def rowcount(self) -> int:
        """How many documents a statement wrote; of one that reads, how many rows it gave.

        UsageError for SDBQL that writes and returns nothing, which says how many to nobody.
        """
        if self._columns and self._columns[0] is WRITTEN:
            return cast(int, self._rows[0])
        if self._writes and not self._columns and not self._rows:
            raise UsageError(
                "the number of documents that this text wrote is not known",
                hint="end it with RETURN NEW (or OLD, of what it removes), a row for each document",
            )
        return len(self._rows)

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> list[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | list[T_co]:
        try:
            return self._rows[index]
        except TypeError:
            raise TypeError(
                f"a result is a list of rows, by number, not by {index!r}; write result.first().name, "
                "result.mappings(), or dict(result.all()) for rows of two columns"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_problem: object) -> None:
        """Leave it: all rows are there, and there is nothing to close."""

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, WAYS)

    def _repr_html_(self) -> str:
        """Show the rows as a table in a notebook."""
        return table(self.keys(), self._rows)

    def __repr__(self) -> str:
        return f"<Result of {len(self._rows)} rows>"


def _mark(row: Any) -> Any:
    return tuple(_mark(value) for value in row) if is_tuple(row) else _of(row)


def _of(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return id(value)
    return (type(value), value)
