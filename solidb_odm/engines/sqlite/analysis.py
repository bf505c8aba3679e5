"""What SQLite knows of the data: how many rows an index finds for one value.

Without figures SQLite takes any index for as good as another, and may read a quarter of a collection
where three documents would do. They are gathered as data grow, from a sample of each index.

Some versions of SQLite, 3.40 among them, lose rows where there are figures: they put a Bloom filter
before a search in an index on an expression, and fill it with row numbers. With those there are none.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from functools import cache
from typing import Final

_FIRST: Final = 1_000
_SAMPLE: Final = 400
_TRIAL: Final = """
    CREATE TABLE t (doc TEXT);
    INSERT INTO t
        SELECT json_object('a', 'a long text ' || value, 'b', 1) FROM json_each('[1,2,3,4,5,6,7,8,9]');
    CREATE INDEX i ON t (doc ->> '$.a');
    ANALYZE;
"""
_ASKED: Final = """
    SELECT count(*) FROM json_each('["a long text 1"]') AS s CROSS JOIN t ON t.doc ->> '$.a' = s.value
    WHERE t.doc ->> '$.b' = 1
"""


class Statistics:
    """When to gather figures; shared by the channels of one driver, safe for threads."""

    def __init__(self) -> None:
        self._written = 0
        self._next = _FIRST
        self._lock = threading.RLock()  # the collector may end another session meanwhile

    def wrote(self, connection: sqlite3.Connection, rows: int) -> None:
        """Note what a transaction about to end has written; gather figures if that has doubled since."""
        with self._lock:
            self._written += rows
            if self._written < self._next:
                return
            self._next = 2 * self._written
        gather(connection)


def gather(connection: sqlite3.Connection, table: str = "") -> None:
    """Gather figures about one table, or all, inside the open transaction: some milliseconds at most.

    Nothing with a SQLite that loses rows by them.
    """
    if not are_safe():
        return
    connection.execute(f"PRAGMA analysis_limit = {_SAMPLE}")
    connection.execute(f"ANALYZE {table}")


@cache
def are_safe() -> bool:
    """Return whether this SQLite finds all rows where it has figures."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(_TRIAL)
        row: tuple[int] = connection.execute(_ASKED).fetchone()
        return row[0] == 1


def forget_unsafe(connection: sqlite3.Connection) -> None:
    """Delete the figures that a file has from another SQLite, or an ANALYZE by hand, if they are not safe."""
    named = "SELECT 1 FROM sqlite_schema WHERE name = 'sqlite_stat1'"
    if connection.execute(named).fetchone() is None or are_safe():
        return
    if connection.execute("SELECT 1 FROM sqlite_stat1").fetchone() is not None:
        connection.execute("DELETE FROM sqlite_stat1")
        connection.execute("ANALYZE sqlite_schema")  # reads them again


def is_large(connection: sqlite3.Connection, table: str) -> bool:
    """Return whether a table has so many rows that figures about it matter."""
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1 OFFSET {_FIRST}").fetchone() is not None
