"""What SQLite knows of the data: how many rows an index finds for one value.

Without figures SQLite takes any index for as good as another, and may read a quarter of a collection
where three documents would do. They are gathered as data grow, from a sample of each index.
"""

from __future__ import annotations

import sqlite3
import threading
from typing import Final

_FIRST: Final = 1_000
_SAMPLE: Final = 400


class Statistics:
    """When to gather figures; shared by the channels of one driver, safe for threads."""

    def __init__(self) -> None:
        self._written = 0
        self._next = _FIRST
        self._lock = threading.Lock()

    def wrote(self, connection: sqlite3.Connection, rows: int) -> None:
        """Note what a transaction about to end has written; gather figures if that has doubled since."""
        with self._lock:
            self._written += rows
            if self._written < self._next:
                return
            self._next = 2 * self._written
        gather(connection)


def gather(connection: sqlite3.Connection, table: str = "") -> None:
    """Gather figures about one table, or all, inside the open transaction: some milliseconds at most."""
    connection.execute(f"PRAGMA analysis_limit = {_SAMPLE}")
    connection.execute(f"ANALYZE {table}")


def is_large(connection: sqlite3.Connection, table: str) -> bool:
    """Tell whether a table has so many rows that figures about it matter."""
    return connection.execute(f"SELECT 1 FROM {table} LIMIT 1 OFFSET {_FIRST}").fetchone() is not None
