"""Other columns for a columnar table: the server can't change them, so the table is made anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..._types import JsonObject
from ...errors import (
    AlreadyExists,
    CollectionNotFound,
    SolidbError,
    StorageError,
    TransactionConflict,
    UsageError,
)
from ...wire.faults import Subject
from ...wire.requests import Exchange, send
from ..requests import about
from . import operations
from .selects import ColumnarSelect
from .tables import ColumnInfo, TableInfo, column_from

SPARE = "__rebuilt"
"""What the name of the spare copy ends with, while there is one."""


def add_column(database: str, name: str, column: str, kind: str, default: Any = None) -> Exchange[TableInfo]:
    """Add a column; the rows that are there get ``default``."""
    table = yield from operations.describe(database, name)
    if any(known.name == column for known in table.columns):
        raise AlreadyExists(f"{name} has a column {column!r} already", name=column)
    columns = (*table.columns, column_from({"name": column, "type": kind}))
    return (yield from _rebuild(database, table, columns, lambda row: {**row, column: default}))


def drop_column(database: str, name: str, column: str) -> Exchange[TableInfo]:
    """Drop a column with its values."""
    table = yield from operations.describe(database, name)
    dropped = table.column(column).name
    columns = tuple(known for known in table.columns if known.name != dropped)
    if not columns:
        raise UsageError(f"{dropped!r} is the last column of {name}", hint=f"columnar.delete({name!r})")
    names = [known.name for known in columns]
    return (yield from _rebuild(database, table, columns, lambda row: {known: row[known] for known in names}))


def _rebuild(
    database: str,
    table: TableInfo,
    columns: Sequence[ColumnInfo],
    change: Callable[[JsonObject], JsonObject],
) -> Exchange[TableInfo]:
    """Copy the rows aside, make the table anew, and copy them back: tables can't be renamed."""
    spare = table.name + SPARE
    yield from _none_left(database, table.name, spare)
    indexes = yield from _indexes(database, table.name)
    rows = [change(row) for row in (yield from operations.select(database, ColumnarSelect(table.name)))]
    try:
        yield from _fill(database, spare, columns, rows)
        if (now := (yield from operations.describe(database, table.name))).row_count != len(rows):
            raise TransactionConflict(
                f"{table.name} had {len(rows)} rows and has {now.row_count} now", hint="try again"
            )
    except SolidbError:
        yield from operations.delete(database, spare)
        raise
    try:
        yield from operations.delete(database, table.name)
        yield from _fill(database, table.name, columns, rows)
    except SolidbError as problem:
        raise StorageError(
            f"{table.name} could not be made anew: {problem.message}",
            hint=f"its rows are all in {spare}, with the new columns",
        ) from problem
    for column in indexes:
        if any(known.name == column for known in columns):
            yield from send(about("create_columnar_index", database, table.name, column=column))
    yield from operations.delete(database, spare)
    return (yield from operations.describe(database, table.name))


def _none_left(database: str, name: str, spare: str) -> Exchange[None]:
    try:
        yield from operations.describe(database, spare)
    except CollectionNotFound:
        return
    raise AlreadyExists(
        f"there is a table {spare!r}: an earlier change of columns was interrupted",
        name=spare,
        hint=f"it holds the rows that {name} had then; copy what is missing, and delete it",
    )


def _fill(
    database: str, name: str, columns: Sequence[ColumnInfo], rows: Sequence[JsonObject]
) -> Exchange[None]:
    yield from operations.create(database, name, columns)
    yield from operations.insert(database, name, rows)
    if (table := (yield from operations.describe(database, name))).row_count != len(rows):
        raise StorageError(f"{name} has {table.row_count} rows instead of {len(rows)}")


def _indexes(database: str, name: str) -> Exchange[list[str]]:
    request = about("list_columnar_indexes", database, name)
    answer = yield from send(request, Subject(database, name), repeatable=True)
    return [str(row["column"]) for row in answer.data]
