"""The triggers that capture edits, and those that hold local edits to unique indexes.

They stand beside the documents and so catch every way of writing, in its own transaction.

Which collections of a file are captured, as the file itself says; and its tables for that.

``known`` has the revision the server holds of each document. ``edits`` has a row for each document that
differs from it, with the text that was agreed on. ``journal`` tells what was committed. While there is a row
in ``mirroring`` nothing is captured; it never outlives the transaction that made it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Final

from ..catalogue import Collection
from ..layout import create_index, drop_index
from ..sql_names import PREFIX, quoted, table_name, text_literal

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
    """Return whether the file is a replica; asked for its columns, so that SQLite looks at no other table."""
    return connection.execute(f"PRAGMA table_info({SETTINGS})").fetchone() is not None


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


_QUIET: Final = f"NOT EXISTS (SELECT 1 FROM {MIRRORING})"
_NOW: Final = "solidb_now()"  # SQLite's own clock has milliseconds


def capture(connection: sqlite3.Connection, collection: Collection) -> None:
    """Capture the edits of a collection from now on; what it holds already counts as made here."""
    for index in collection.indexes:
        if index.spec.unique:
            for statement in (*drop_index(index), *create_index(collection, index, relaxed=True)):
                connection.execute(statement)
    for statement in _triggers(collection.name, collection.table):
        connection.execute(statement)
    name = text_literal(collection.name)
    unknown = (
        f"key NOT IN (SELECT key FROM {KNOWN} WHERE collection = {name})"
        f" AND key NOT IN (SELECT key FROM {EDITS} WHERE collection = {name})"
    )
    enqueue(connection, collection, unknown)


def enqueue(
    connection: sqlite3.Connection, collection: Collection, condition: str, values: Sequence[str] = ()
) -> None:
    """Take documents for edits that were made here just now, each without a base."""
    (last,) = connection.execute(f"SELECT ifnull(max(number), 0) FROM {JOURNAL}").fetchone()
    connection.execute(
        f"INSERT INTO {JOURNAL} (collection, key, kind)"
        f" SELECT {text_literal(collection.name)}, key, 'insert' FROM {collection.table} WHERE {condition}",
        values,
    )
    connection.execute(
        f"INSERT OR IGNORE INTO {EDITS} (collection, key, base, number, since, edited)"
        " SELECT j.collection, j.key, NULL, j.number, d.updated, d.updated"
        f" FROM {JOURNAL} AS j JOIN {collection.table} AS d ON d.key = j.key WHERE j.number > ?",
        (last,),
    )


def is_captured(connection: sqlite3.Connection, collection: str) -> bool:
    """Return whether a collection has the triggers, for which the names of all tables are gone through."""
    if not is_replica(connection):
        return False
    sql = "SELECT 1 FROM sqlite_master WHERE type = 'trigger' AND name = ?"
    return connection.execute(sql, (_name("insert", collection),)).fetchone() is not None


def release(connection: sqlite3.Connection, collection: str) -> None:
    """Capture no more edits of a collection."""
    for event in ("insert", "update", "delete"):
        connection.execute(f"DROP TRIGGER IF EXISTS {quoted(_name(event, collection))}")


def _name(event: str, collection: str) -> str:
    return f"{PREFIX}sync_{event}:{table_name(collection)}"


def _triggers(collection: str, table: str) -> list[str]:
    name = text_literal(collection)

    def note(alias: str, kind: str) -> str:
        return f"INSERT INTO {JOURNAL} (collection, key, kind) VALUES ({name}, {alias}.key, '{kind}');"

    def edit(alias: str, base: str, time: str) -> str:
        return (
            f"INSERT INTO {EDITS} (collection, key, base, number, since, edited)"
            f" VALUES ({name}, {alias}.key, {base}, last_insert_rowid(), {time}, {time})"
            " ON CONFLICT (collection, key) DO UPDATE SET number = excluded.number,"
            " edited = max(edited, excluded.edited),"
            " error = CASE state WHEN 'rejected' THEN '' ELSE error END,"
            " state = CASE state WHEN 'rejected' THEN 'pending' ELSE state END;"
        )

    def undo(alias: str, condition: str) -> str:
        return (
            f"DELETE FROM {EDITS} WHERE collection = {name} AND key = {alias}.key AND sent IS NULL"
            f" AND state = 'pending' AND {condition};"
        )

    def trigger(event: str, on: str, condition: str, body: str) -> str:
        return (
            f"CREATE TRIGGER IF NOT EXISTS {quoted(_name(event, collection))} AFTER {on} ON {table}"
            f" WHEN {_QUIET}{condition} BEGIN {body} END"
        )

    same = "base = new.doc"
    inserted = note("new", "insert") + edit("new", "NULL", "new.updated") + undo("new", same)
    updated = note("new", "update") + edit("new", "old.doc", "new.updated") + undo("new", same)
    deleted = note("old", "delete") + edit("old", "old.doc", _NOW) + undo("old", "base IS NULL")
    return [
        trigger("insert", "INSERT", "", inserted),
        trigger("update", "UPDATE OF doc", " AND old.doc IS NOT new.doc", updated),
        trigger("delete", "DELETE", "", deleted),
    ]
