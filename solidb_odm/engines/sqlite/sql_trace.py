"""Telling a caller about each SQL statement: connections that measure what they run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

Observer: TypeAlias = Callable[[str, int, float, int], None]
"""Called with the SQL, the number of its parameters, milliseconds, and rows read or written."""


def observed(observer: Observer) -> type[sqlite3.Connection]:
    """Return a class of connections that report to the observer."""

    class ObservedCursor(sqlite3.Cursor):
        _sql = ""
        _count = 0
        _spent = 0.0
        _read: int | None = None
        """How many rows ``fetchmany`` gave, until they were reported."""

        def execute(self, sql: str, parameters: Any = (), /) -> ObservedCursor:
            start = time.perf_counter()
            super().execute(sql, parameters)
            self._sql, self._count, self._spent = sql, len(parameters), time.perf_counter() - start
            self._read = 0
            if self.description is None:
                self._report(self.rowcount)
            return self

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> ObservedCursor:
            start = time.perf_counter()
            super().executemany(sql, parameters)
            self._sql, self._count, self._spent = sql, 0, time.perf_counter() - start
            self._report(self.rowcount)
            return self

        def fetchall(self) -> list[Any]:
            start = time.perf_counter()
            rows = super().fetchall()
            self._spent += time.perf_counter() - start
            self._report(len(rows))
            return rows

        def fetchmany(self, size: int | None = 1) -> list[Any]:
            start = time.perf_counter()
            rows = super().fetchmany(size)
            self._spent += time.perf_counter() - start
            if self._read is not None:
                self._read += len(rows)
                if len(rows) < (size or 1):
                    self._report(self._read)
                    self._read = None
            return rows

        def fetchone(self) -> Any:
            row = super().fetchone()
            self._report(int(row is not None))
            return row

        def _report(self, rows: int) -> None:
            observer(self._sql, self._count, self._spent * 1000, max(rows, 0))

    class ObservedConnection(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            return ObservedCursor(self).execute(sql, parameters)

        def executemany(self, sql: str, parameters: Sequence[Any] | Iterable[Any], /) -> sqlite3.Cursor:
            return ObservedCursor(self).executemany(sql, parameters)

    return ObservedConnection
