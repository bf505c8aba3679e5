"""Rows that do not fit their models, where a statement says what is to become of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

from ..errors import LoadError
from ..query.statement import Compiled


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
