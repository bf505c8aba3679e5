"""What a query gave: rows that are all there, read in the way that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar, overload

from ..errors import MultipleResultsError, NoResultError
from ..query.columns import Column, Scalar
from .display import table

T_co = TypeVar("T_co", covariant=True)


class Result(Sequence[T_co], Generic[T_co]):
    """The rows of a statement, in order."""

    __slots__ = ("_columns", "_rows")

    def __init__(self, rows: list[T_co], columns: tuple[Column, ...] = ()) -> None:
        self._rows = rows
        self._columns = columns

    def all(self) -> list[T_co]:
        """Give all rows."""
        return list(self._rows)

    def first(self) -> T_co | None:
        """Give the first row; None if there is none."""
        return self._rows[0] if self._rows else None

    def one(self) -> T_co:
        """Give the only row; NoResultError or MultipleResultsError if there is not exactly one."""
        if not self._rows:
            raise NoResultError(
                "one row was expected, and there is none", hint="one_or_none() or first() give None"
            )
        return self._single()

    def one_or_none(self) -> T_co | None:
        """Give the only row, None if there is none; MultipleResultsError if there are several."""
        return self._single() if self._rows else None

    def _single(self) -> T_co:
        if len(self._rows) > 1:
            raise MultipleResultsError(
                f"one row was expected, and there are {len(self._rows)}",
                hint="first() gives the first of them",
            )
        return self._rows[0]

    def partitions(self, size: int) -> Iterator[list[T_co]]:
        """Give the rows in lists of ``size``, the last one shorter."""
        for start in range(0, len(self._rows), size):
            yield self._rows[start : start + size]

    def unique(self) -> Result[T_co]:
        """Leave out rows that were there before: the same object, or an equal value."""
        seen: set[Any] = set()
        kept: list[T_co] = []
        for row in self._rows:
            mark = _mark(row)
            if mark not in seen:
                seen.add(mark)
                kept.append(row)
        return Result(kept, self._columns)

    def mappings(self) -> list[dict[str, Any]]:
        """Give each row as a dict by column name."""
        names = self.keys()
        if len(names) == 1:
            return [{names[0]: row} for row in self._rows]
        return [dict(zip(names, row, strict=True)) for row in self._rows]  # type: ignore[call-overload]

    def keys(self) -> list[str]:
        """Give the names of the columns."""
        return [
            each.label if isinstance(each, Scalar) else getattr(each, "model", Result).__name__
            for each in self._columns
        ] or ["value"]

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> list[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | list[T_co]:
        return self._rows[index]

    def __iter__(self) -> Iterator[T_co]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def _repr_html_(self) -> str:
        """Show the rows as a table in a notebook."""
        return table(self.keys(), self._rows)

    def __repr__(self) -> str:
        return f"<Result of {len(self._rows)} rows>"


def _mark(row: Any) -> Any:
    return tuple(_mark(each) for each in row) if isinstance(row, tuple) else _of(row)  # pyright: ignore[reportUnknownVariableType]


def _of(value: Any) -> Any:
    try:
        hash(value)
    except TypeError:
        return id(value)
    return (type(value), value)
