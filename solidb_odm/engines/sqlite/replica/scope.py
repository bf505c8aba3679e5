"""Which collections of a file are captured, as the file itself says; and its tables for that.

``known`` has the revision the server holds of each document. ``edits`` has a row for each document that
differs from it, with the text that was agreed on. ``journal`` tells what was committed. While there is a row
in ``mirroring`` nothing is captured; it never outlives the transaction that made it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from ..quoting import PREFIX, text_literal

EDITS: Final = f"{PREFIX}sync_edits"
KNOWN: Final = f"{PREFIX}sync_known"
JOURNAL: Final = f"{PREFIX}sync_journal"
SETTINGS: Final = f"{PREFIX}sync_settings"
MIRRORING: Final = f"{PREFIX}sync_mirroring"
SCOPE: Final = "scope"

TABLES: Final = (
    f"""CREATE TABLE IF NOT EXISTS {SETTINGS} (
        name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID""",
    f"CREATE TABLE IF NOT EXISTS {MIRRORING} (mark INTEGER)",
    f"""CREATE TABLE IF NOT EXISTS {EDITS} (
        collection TEXT NOT NULL, key TEXT NOT NULL, base TEXT, number INTEGER NOT NULL, since TEXT NOT NULL,
        edited TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0,
        error TEXT NOT NULL DEFAULT '', sent TEXT, sent_number INTEGER, remote TEXT,
        UNIQUE (collection, key))""",
    f"CREATE INDEX IF NOT EXISTS {EDITS}_order ON {EDITS} (state, number)",
    f"""CREATE TABLE IF NOT EXISTS {KNOWN} (
        collection TEXT NOT NULL, key TEXT NOT NULL, rev TEXT NOT NULL, updated TEXT NOT NULL,
        PRIMARY KEY (collection, key)) WITHOUT ROWID""",
    f"CREATE INDEX IF NOT EXISTS {KNOWN}_updated ON {KNOWN} (collection, updated)",
    f"""CREATE TABLE IF NOT EXISTS {JOURNAL} (
        number INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL, key TEXT NOT NULL,
        kind TEXT NOT NULL)""",
)


def is_replica(connection: sqlite3.Connection) -> bool:
    """Return whether the file is a replica."""
    sql = "SELECT 1 FROM sqlite_master WHERE name = ?"
    return connection.execute(sql, (SETTINGS,)).fetchone() is not None


def can_sync(collection: str, kind: str) -> bool:
    """Return whether a collection can be synced at all.

    Names like ``logs_s1`` are taken for shards by parts of the server; what we stand on works for them.
    """
    return kind in ("document", "edge") and not collection.startswith("_")


def captures(connection: sqlite3.Connection, collection: str, kind: str) -> bool:
    """Return whether edits of a collection are captured in this file."""
    if not can_sync(collection, kind) or not is_replica(connection):
        return False
    row = connection.execute(f"SELECT value FROM {SETTINGS} WHERE name = ?", (SCOPE,)).fetchone()
    scope = json.loads(row[0]) if row else None
    return scope is None or collection in scope


@contextmanager
def mirroring(connection: sqlite3.Connection) -> Generator[None]:
    """Write, inside the open transaction, without capturing it."""
    connection.execute(f"INSERT INTO {MIRRORING} VALUES (1)")
    yield
    connection.execute(f"DELETE FROM {MIRRORING}")  # after an error the caller undoes the insert


def unedited_sql(collection: str) -> str:
    """Return the condition under which a document of a collection has no edit that waits."""
    return f"key NOT IN (SELECT key FROM {EDITS} WHERE collection = {text_literal(collection)})"
