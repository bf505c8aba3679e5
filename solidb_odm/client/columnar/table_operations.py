"""Operations on columnar tables: create, insert, read, drop.

The server cannot change the columns of a table, so the table is rebuilt to do so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from ..._types import JsonObject
from ...errors import (
    AlreadyExists,
    CollectionNotFound,
    ConnectionLost,
    QueryError,
    SolidbError,
    StorageError,
    TransactionConflict,
    UsageError,
)
from ...wire.exchange import Exchange, send
from ...wire.faults import Subject
from ...wire.names import checked
from ..requests import about, at, chunks_of, rest
from .selects import ColumnarSelect, read_select
from .tables import (
    ColumnInfo,
    TableInfo,
    TableStats,
    column_from,
    columns_in,
    columns_of,
    definition,
    holds,
    narrowed,
    row_for,
    table_of,
    typed_condition,
)

Columns = Sequence[Mapping[str, Any] | ColumnInfo]


def create(database: str, name: str, columns: Columns) -> Exchange[TableInfo]:
    """Create a table."""
    wanted = [column_from(column) for column in columns]
    names = [column.name for column in wanted]
    if not names or len(set(names)) < len(names):  # the server would take either
        raise UsageError(f"the table {name!r} needs columns, each with a name of its own")
    request: JsonObject = {
        "cmd": "create_columnar",
        "database": database,
        "name": checked(name),
        "columns": [definition(column) for column in wanted],
    }
    yield from send(request, Subject(database, name))
    return (yield from describe(database, name))


def describe(database: str, name: str) -> Exchange[TableInfo]:
    """Return the columns of a table and the number of its rows."""
    answer = yield from send(
        about("get_columnar", database, name), Subject(database, name), repeatable=True, light=True
    )
    return table_of(answer.data)


def insert(database: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Exchange[int]:
    """Add rows, in messages of about 4 MiB; return their number."""
    table = yield from describe(database, name)
    count = 0
    for chunk in chunks_of([row_for(table, row) for row in rows], name):
        request = about("insert_columnar", database, name, rows=chunk)
        count += (yield from send(request, Subject(database, name), untimed=True)).total
    return count


def query(
    database: str, name: str, text: str, binds: Mapping[str, Any] | None = None
) -> Exchange[list[JsonObject]]:
    """Run a SELECT over a table."""
    selection = read_select(text, binds or {})
    if selection.table != name:
        raise QueryError(f"the text selects from {selection.table!r}, not from {name!r}", query=text)
    return (yield from select(database, selection))


def select(database: str, selection: ColumnarSelect) -> Exchange[list[JsonObject]]:
    """Read the rows that a selection asks for.

    The server sorts by one returned column (not over HTTP) and has no offset; the rest is done here.
    """
    table = yield from describe(database, selection.table)
    names = [table.column(name).name for name in selection.columns] or [c.name for c in table.columns]
    order = [(table.column(name).name, descending) for name, descending in selection.order]
    condition = typed_condition(selection.condition, table)
    if selection.limit == 0:  # to the server that is no limit
        return []
    sent = narrowed(condition)
    columns = list(dict.fromkeys([*names, *(name for name, _ in order), *columns_in(condition)]))
    request: JsonObject = {"columns": columns}
    if selection.limit is not None and sent == condition and len(order) < 2:
        request["limit"] = selection.limit + selection.offset
        if order:
            request["order_by"] = f"{order[0][0]} {'DESC' if order[0][1] else 'ASC'}"
    rows = yield from _rows(database, table.name, request, sent)
    rows = [row for row in rows if holds(condition, row)]
    for name, descending in reversed(order):
        rows.sort(key=lambda row: _rank(row[name]), reverse=descending)
    end = None if selection.limit is None else selection.offset + selection.limit
    return [{name: row[name] for name in names} for row in rows[selection.offset : end]]


def stats(database: str, name: str) -> Exchange[TableStats]:
    """Return the number of rows and bytes of a table."""
    yield from describe(database, name)  # whose refusal names the table
    raw: JsonObject = yield from rest("GET", at("database", database, "columnar", name))
    columns = columns_of(raw)
    sizes = cast(JsonObject, raw.get("stats") or {})
    return TableStats.of({**raw, **sizes}, columns=columns, column_count=len(columns))


def list_tables(database: str) -> Exchange[list[TableInfo]]:
    """Return all tables; over HTTP, because the driver's list is always empty."""
    answer = yield from rest("GET", at("database", database, "columnar"))
    return [table_of(row) for row in answer["collections"]]


def delete(database: str, name: str) -> Exchange[None]:
    """Drop a table."""
    yield from send(about("delete_columnar", database, name), Subject(database, name))


def _rows(
    database: str, name: str, request: JsonObject, condition: JsonObject | None
) -> Exchange[list[JsonObject]]:
    asked = about("query_columnar", database, name, **request)
    if condition is not None:
        asked["filter"] = json.dumps(condition)
    try:
        answer = yield from send(asked, Subject(database, name), repeatable=True)
        return cast(list[JsonObject], answer.data)
    except ConnectionLost:  # which is also how the server refuses an answer over 16 MiB
        body: JsonObject = {"columns": request["columns"]}
        if condition is not None:
            body["filter"] = condition
        reply = yield from rest("POST", at("database", database, "columnar", name, "query"), body)
        return cast(list[JsonObject], reply["result"])


def _rank(value: Any) -> tuple[int, Any]:
    """Return a sort key that orders as the server does: null is first."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int | float):
        return (2, value)
    return (3, value) if isinstance(value, str) else (4, json.dumps(value, sort_keys=True))


SPARE = "__rebuilt"
"""What the name of the spare copy ends with, while there is one."""


def add_column(database: str, name: str, column: str, kind: str, default: Any = None) -> Exchange[TableInfo]:
    """Add a column; existing rows get ``default``."""
    table = yield from describe(database, name)
    if any(known.name == column for known in table.columns):
        raise AlreadyExists(f"{name} has a column {column!r} already", name=column)
    columns = (*table.columns, column_from({"name": column, "type": kind}))
    return (yield from _rebuild(database, table, columns, lambda row: {**row, column: default}))


def drop_column(database: str, name: str, column: str) -> Exchange[TableInfo]:
    """Drop a column with its values."""
    table = yield from describe(database, name)
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
    """Copy the rows to another table, create the table again, and copy them back: none can be renamed."""
    spare = table.name + SPARE
    yield from _none_left(database, table.name, spare)
    indexes = yield from _indexes(database, table.name)
    rows = [change(row) for row in (yield from select(database, ColumnarSelect(table.name)))]
    try:
        yield from _fill(database, spare, columns, rows)
        if (now := (yield from describe(database, table.name))).row_count != len(rows):
            raise TransactionConflict(
                f"{table.name} had {len(rows)} rows and has {now.row_count} now", hint="try again"
            )
    except SolidbError:
        yield from delete(database, spare)
        raise
    try:
        yield from delete(database, table.name)
        yield from _fill(database, table.name, columns, rows)
    except SolidbError as problem:
        raise StorageError(
            f"{table.name} could not be rebuilt: {problem.message}",
            hint=f"its rows are all in {spare}, with the new columns",
        ) from problem
    for column in indexes:
        if any(known.name == column for known in columns):
            yield from send(about("create_columnar_index", database, table.name, column=column))
    yield from delete(database, spare)
    return (yield from describe(database, table.name))


def _none_left(database: str, name: str, spare: str) -> Exchange[None]:
    try:
        yield from describe(database, spare)
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
    yield from create(database, name, columns)
    yield from insert(database, name, rows)
    if (table := (yield from describe(database, name))).row_count != len(rows):
        raise StorageError(f"{name} has {table.row_count} rows instead of {len(rows)}")


def _indexes(database: str, name: str) -> Exchange[list[str]]:
    request = about("list_columnar_indexes", database, name)
    answer = yield from send(request, Subject(database, name), repeatable=True)
    return [str(row["column"]) for row in answer.data]
