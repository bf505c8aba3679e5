"""``client.columnar``: columnar tables for analysis, blocking and async."""

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
    """Calls for columnar tables, blocking. Rows have no keys and cannot be changed or removed."""

    def create(self, name: str, columns: Columns) -> TableInfo:
        """Create a table with columns ``[{"name": "value", "type": "float"}, ..]``.

        The types are int, float, string, bool, datetime and json; ``"nullable": False`` refuses null.
        """
        return self._run(table_operations.create(self._database, name, columns))

    def insert(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows and return their number; raise InvalidDocument if a row does not fit the columns.

        Rows are checked here, because the server accepts any, and sent in messages of about 4 MiB, each of
        which is added as a whole.
        """
        return self._run(table_operations.insert(self._database, name, rows))

    def query(
        self, name: str, text: str | None = None, bind_vars: Mapping[str, Any] | None = None
    ) -> builtins.list[JsonObject]:
        """Return the rows of ``SELECT columns FROM name WHERE .. ORDER BY .. LIMIT ..`` over a table.

        Conditions compare columns with values: =, !=, <, <=, >, >=, IN, BETWEEN, IS NULL, combined with AND,
        OR, NOT. The text is parsed here, because the server has no SQL; anything else raises
        QuerySyntaxError, which shows the place.
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
        """Return the rows that meet a condition, which is given as data.

        ``where`` maps columns to values, or is ``{"column": .., "op": "GT", "value": ..}``, or ``{"and":
        [..]}`` or ``{"or": [..]}`` of these. ``order_by`` is ``"value DESC"``, or a list of such texts.
        """
        selection = ColumnarSelect(
            name, tuple(columns), condition_from(where), order_from(order_by), limit, offset
        )
        return self._run(table_operations.select(self._database, selection))

    def aggregate(self, name: str, aggregation: Mapping[str, Any]) -> builtins.list[JsonObject]:
        """Return aggregates: ``{"group_by": ["host"], "metrics": [{"column": "value", "function": "avg"}]}``.

        The functions are sum, avg, count, min, max and count_distinct. A result is named ``value_avg``, or as
        the metric says under ``as``. ``where`` is as in ``select``. Counts include nulls. With groups each
        metric takes one request, and the server takes null and the text ``"null"`` for one group.
        """
        return self._run(aggregate(self._database, name, aggregation))

    def stats(self, name: str) -> TableStats:
        """Return the number of rows and bytes of a table."""
        return self._run(table_operations.stats(self._database, name))

    def describe(self, name: str) -> TableInfo:
        """Return the columns of a table and the number of its rows."""
        return self._run(table_operations.describe(self._database, name))

    def add_column(self, name: str, column: str, type: str, default: Any = None) -> TableInfo:  # noqa: A002
        """Add a column; existing rows get ``default``.

        The server cannot change a table, so its rows are copied, through this process, into a new table of
        the same name. This is not atomic and holds all rows in memory, because the server cannot return a
        part of a table. Nothing should write to the table meanwhile. If the call is interrupted, the rows are
        in the table whose name ends in ``__rebuilt``.
        """
        return self._run(add_column(self._database, name, column, type, default))

    def drop_column(self, name: str, column: str) -> TableInfo:
        """Drop a column with its values, by rebuilding the table; see ``add_column``."""
        return self._run(drop_column(self._database, name, column))

    def list(self) -> builtins.list[TableInfo]:
        """Return all tables."""
        return self._run(table_operations.list_tables(self._database))

    def delete(self, name: str) -> None:
        """Drop a table with its rows."""
        self._run(table_operations.delete(self._database, name))


class AsyncColumnar(AsyncCaller):
    """Calls for columnar tables, async. Rows have no keys and cannot be changed or removed."""

    async def create(self, name: str, columns: Columns) -> TableInfo:
        """Create a table with columns ``[{"name": "value", "type": "float"}, ..]``.

        The types are int, float, string, bool, datetime and json; ``"nullable": False`` refuses null.
        """
        return await self._run(table_operations.create(self._database, name, columns))

    async def insert(self, name: str, rows: Sequence[Mapping[str, Any]]) -> int:
        """Add rows and return their number; raise InvalidDocument if a row does not fit the columns.

        Rows are checked here, because the server accepts any, and sent in messages of about 4 MiB, each of
        which is added as a whole.
        """
        return await self._run(table_operations.insert(self._database, name, rows))

    async def query(
        self, name: str, text: str | None = None, bind_vars: Mapping[str, Any] | None = None
    ) -> builtins.list[JsonObject]:
        """Return the rows of ``SELECT columns FROM name WHERE .. ORDER BY .. LIMIT ..`` over a table.

        Conditions compare columns with values: =, !=, <, <=, >, >=, IN, BETWEEN, IS NULL, combined with AND,
        OR, NOT. The text is parsed here, because the server has no SQL; anything else raises
        QuerySyntaxError, which shows the place.
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
        """Return the rows that meet a condition, which is given as data.

        ``where`` maps columns to values, or is ``{"column": .., "op": "GT", "value": ..}``, or ``{"and":
        [..]}`` or ``{"or": [..]}`` of these. ``order_by`` is ``"value DESC"``, or a list of such texts.
        """
        selection = ColumnarSelect(
            name, tuple(columns), condition_from(where), order_from(order_by), limit, offset
        )
        return await self._run(table_operations.select(self._database, selection))

    async def aggregate(self, name: str, aggregation: Mapping[str, Any]) -> builtins.list[JsonObject]:
        """Return aggregates: ``{"group_by": ["host"], "metrics": [{"column": "value", "function": "avg"}]}``.

        The functions are sum, avg, count, min, max and count_distinct. A result is named ``value_avg``, or as
        the metric says under ``as``. ``where`` is as in ``select``. Counts include nulls. With groups each
        metric takes one request, and the server takes null and the text ``"null"`` for one group.
        """
        return await self._run(aggregate(self._database, name, aggregation))

    async def stats(self, name: str) -> TableStats:
        """Return the number of rows and bytes of a table."""
        return await self._run(table_operations.stats(self._database, name))

    async def describe(self, name: str) -> TableInfo:
        """Return the columns of a table and the number of its rows."""
        return await self._run(table_operations.describe(self._database, name))

    async def add_column(self, name: str, column: str, type: str, default: Any = None) -> TableInfo:  # noqa: A002
        """Add a column; existing rows get ``default``.

        The server cannot change a table, so its rows are copied, through this process, into a new table of
        the same name. This is not atomic and holds all rows in memory, because the server cannot return a
        part of a table. Nothing should write to the table meanwhile. If the call is interrupted, the rows are
        in the table whose name ends in ``__rebuilt``.
        """
        return await self._run(add_column(self._database, name, column, type, default))

    async def drop_column(self, name: str, column: str) -> TableInfo:
        """Drop a column with its values, by rebuilding the table; see ``add_column``."""
        return await self._run(drop_column(self._database, name, column))

    async def list(self) -> builtins.list[TableInfo]:
        """Return all tables."""
        return await self._run(table_operations.list_tables(self._database))

    async def delete(self, name: str) -> None:
        """Drop a table with its rows."""
        await self._run(table_operations.delete(self._database, name))
