"""``client.columnar``: tables for analysis, blocking and awaited."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from typing import Any

from ..._types import JsonObject
from ..calls import AsyncCaller, Caller
from . import table_operations
from .aggregates import aggregate
from .selects import ColumnarSelect, order_from
from .table_operations import Columns, add_column, drop_column
from .tables import TableInfo, TableStats, condition_from


class Columnar(Caller):
    """Columnar tables, blocking. Rows have no keys, and can't be changed or removed."""

    def create(self, name: str, columns: Columns) -> TableInfo:
        """Make a table: ``[{"name": "value", "type": "float"}, ..]``.

        Types are int, float, string, bool, datetime and json; ``"nullable": False`` refuses null.
        """
        return self._run(table_operations.create(self._database, name, columns))

    def insert(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows and count them; InvalidDocument for rows that don't fit the columns.

        They are checked here, for the server isn't strict, and sent in frames of about 4 MiB, each of
        which is added as a whole.
        """
        return self._run(table_operations.insert(self._database, name, rows))

    def query(
        self, name: str, text: str | None = None, bind_vars: Mapping[str, Any] | None = None
    ) -> builtins.list[JsonObject]:
        """Run ``SELECT columns FROM name WHERE .. ORDER BY .. LIMIT ..`` over a table, read here.

        Conditions compare columns with values: =, !=, <, <=, >, >=, IN, BETWEEN, IS NULL, with AND, OR, NOT.
        The server knows no SQL; whatever else stands there is a QuerySyntaxError that shows the place.
        """
        return self._run(
            table_operations.query(self._database, name, text or f"SELECT * FROM `{name}`", bind_vars)
        )

    def select(
        self,
        name: str,
        columns: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        order_by: str | Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> builtins.list[JsonObject]:
        """Read rows by a condition given as data.

        ``where`` holds columns and their values, or ``{"column": .., "op": "GT", "value": ..}``, or
        ``{"and": [..]}`` and ``{"or": [..]}`` of these. ``order_by``: ``"value DESC"``, or several.
        """
        selection = ColumnarSelect(
            name, tuple(columns), condition_from(where), order_from(order_by), limit, offset
        )
        return self._run(table_operations.select(self._database, selection))

    def aggregate(self, name: str, aggregation: Mapping[str, Any]) -> builtins.list[JsonObject]:
        """Sum a table up: ``{"group_by": ["host"], "metrics": [{"column": "value", "function": "avg"}]}``.

        Functions are sum, avg, count, min, max and count_distinct; the result is called ``value_avg``, or
        what the metric has under ``as``. ``where`` is as in ``select``. Counts include nulls. With groups
        every metric is a request of its own, and null and the text ``"null"`` are one group to the server.
        """
        return self._run(aggregate(self._database, name, aggregation))

    def stats(self, name: str) -> TableStats:
        """Count a table's rows and bytes."""
        return self._run(table_operations.stats(self._database, name))

    def describe(self, name: str) -> TableInfo:
        """Describe a table: its columns and how many rows it has."""
        return self._run(table_operations.describe(self._database, name))

    def add_column(self, name: str, column: str, type: str, default: Any = None) -> TableInfo:  # noqa: A002
        """Add a column; the rows that are there get ``default``.

        The server can't: the rows are copied aside, through this process, and into a new table of the
        same name. This is not atomic, and it holds all rows in memory, because the server can't give a
        part of a table. Nobody should write meanwhile; if it is interrupted, the rows are in the table whose
        name ends with ``__rebuilt``.
        """
        return self._run(add_column(self._database, name, column, type, default))

    def drop_column(self, name: str, column: str) -> TableInfo:
        """Drop a column with its values, by making the table anew; see ``add_column``."""
        return self._run(drop_column(self._database, name, column))

    def list(self) -> builtins.list[TableInfo]:
        """List the tables."""
        return self._run(table_operations.list_tables(self._database))

    def delete(self, name: str) -> None:
        """Drop a table with its rows."""
        self._run(table_operations.delete(self._database, name))


class AsyncColumnar(AsyncCaller):
    """Columnar tables, awaited. Rows have no keys, and can't be changed or removed."""

    async def create(self, name: str, columns: Columns) -> TableInfo:
        """Make a table: ``[{"name": "value", "type": "float"}, ..]``.

        Types are int, float, string, bool, datetime and json; ``"nullable": False`` refuses null.
        """
        return await self._run(table_operations.create(self._database, name, columns))

    async def insert(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows and count them; InvalidDocument for rows that don't fit the columns.

        They are checked here, for the server isn't strict, and sent in frames of about 4 MiB, each of
        which is added as a whole.
        """
        return await self._run(table_operations.insert(self._database, name, rows))

    async def query(
        self, name: str, text: str | None = None, bind_vars: Mapping[str, Any] | None = None
    ) -> builtins.list[JsonObject]:
        """Run ``SELECT columns FROM name WHERE .. ORDER BY .. LIMIT ..`` over a table, read here.

        Conditions compare columns with values: =, !=, <, <=, >, >=, IN, BETWEEN, IS NULL, with AND, OR, NOT.
        The server knows no SQL; whatever else stands there is a QuerySyntaxError that shows the place.
        """
        return await self._run(
            table_operations.query(self._database, name, text or f"SELECT * FROM `{name}`", bind_vars)
        )

    async def select(
        self,
        name: str,
        columns: Sequence[str] = (),
        where: Mapping[str, Any] | None = None,
        *,
        order_by: str | Sequence[str] = (),
        limit: int | None = None,
        offset: int = 0,
    ) -> builtins.list[JsonObject]:
        """Read rows by a condition given as data.

        ``where`` holds columns and their values, or ``{"column": .., "op": "GT", "value": ..}``, or
        ``{"and": [..]}`` and ``{"or": [..]}`` of these. ``order_by``: ``"value DESC"``, or several.
        """
        selection = ColumnarSelect(
            name, tuple(columns), condition_from(where), order_from(order_by), limit, offset
        )
        return await self._run(table_operations.select(self._database, selection))

    async def aggregate(self, name: str, aggregation: Mapping[str, Any]) -> builtins.list[JsonObject]:
        """Sum a table up: ``{"group_by": ["host"], "metrics": [{"column": "value", "function": "avg"}]}``.

        Functions are sum, avg, count, min, max and count_distinct; the result is called ``value_avg``, or
        what the metric has under ``as``. ``where`` is as in ``select``. Counts include nulls. With groups
        every metric is a request of its own, and null and the text ``"null"`` are one group to the server.
        """
        return await self._run(aggregate(self._database, name, aggregation))

    async def stats(self, name: str) -> TableStats:
        """Count a table's rows and bytes."""
        return await self._run(table_operations.stats(self._database, name))

    async def describe(self, name: str) -> TableInfo:
        """Describe a table: its columns and how many rows it has."""
        return await self._run(table_operations.describe(self._database, name))

    async def add_column(self, name: str, column: str, type: str, default: Any = None) -> TableInfo:  # noqa: A002
        """Add a column; the rows that are there get ``default``.

        The server can't: the rows are copied aside, through this process, and into a new table of the
        same name. This is not atomic, and it holds all rows in memory, because the server can't give a
        part of a table. Nobody should write meanwhile; if it is interrupted, the rows are in the table whose
        name ends with ``__rebuilt``.
        """
        return await self._run(add_column(self._database, name, column, type, default))

    async def drop_column(self, name: str, column: str) -> TableInfo:
        """Drop a column with its values, by making the table anew; see ``add_column``."""
        return await self._run(drop_column(self._database, name, column))

    async def list(self) -> builtins.list[TableInfo]:
        """List the tables."""
        return await self._run(table_operations.list_tables(self._database))

    async def delete(self, name: str) -> None:
        """Drop a table with its rows."""
        await self._run(table_operations.delete(self._database, name))
