"""What is done with columnar tables: they are made, filled, read and dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..._types import JsonObject
from ...errors import ConnectionLost, QueryError, UsageError
from ...wire.faults import Subject
from ...wire.names import checked
from ...wire.requests import Exchange, send
from ..documents import chunks_of
from ..requests import about, at, rest
from .conditions import columns_in, holds, narrowed, typed_condition
from .selects import ColumnarSelect, read_select
from .tables import ColumnInfo, TableInfo, TableStats, column_from, columns_of, definition, row_for, table_of

Columns = Sequence[Mapping[str, Any] | ColumnInfo]


def create(database: str, name: str, columns: Columns) -> Exchange[TableInfo]:
    """Make a table."""
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
    """Describe a table: its columns and how many rows it has."""
    answer = yield from send(
        about("get_columnar", database, name), Subject(database, name), repeatable=True, light=True
    )
    return table_of(answer.data)


def insert(database: str, name: str, rows: Sequence[Mapping[str, Any]]) -> Exchange[int]:
    """Add rows, in frames of about 4 MiB; count them."""
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
        raise QueryError(f"this is about {selection.table!r}, not {name!r}", query=text)
    return (yield from select(database, selection))


def select(database: str, selection: ColumnarSelect) -> Exchange[list[JsonObject]]:
    """Read the rows that a selection asks for.

    The server sorts by one returned column, not over HTTP, and has no offset; the rest is done here.
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
    """Count a table's rows and bytes."""
    yield from describe(database, name)  # whose refusal names the table
    raw: JsonObject = yield from rest("GET", at("database", database, "columnar", name))
    columns = columns_of(raw)
    sizes = cast(JsonObject, raw.get("stats") or {})
    return TableStats.of({**raw, **sizes}, columns=columns, column_count=len(columns))


def list_tables(database: str) -> Exchange[list[TableInfo]]:
    """List the tables; over HTTP, because the driver's list is always empty."""
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
    """Return what the server sorts by: null is first."""
    if value is None:
        return (0, 0)
    if isinstance(value, bool):
        return (1, value)
    if isinstance(value, int | float):
        return (2, value)
    return (3, value) if isinstance(value, str) else (4, json.dumps(value, sort_keys=True))
