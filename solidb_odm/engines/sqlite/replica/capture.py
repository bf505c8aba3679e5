"""The triggers that capture edits, and those that hold local edits to unique indexes.

They stand beside the documents and so catch every way of writing, in its own transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

from ..catalogue import Collection
from ..layout import create_index, drop_index
from ..quoting import PREFIX, quoted, table_name, text_literal
from .scope import EDITS, JOURNAL, KNOWN, MIRRORING

_QUIET: Final = f"NOT EXISTS (SELECT 1 FROM {MIRRORING})"
_NOW: Final = "strftime('%Y-%m-%dT%H:%M:%f000+00:00', 'now')"


def capture(connection: sqlite3.Connection, collection: Collection) -> None:
    """Capture the edits of a collection from now on; what it holds already counts as made here."""
    for index in collection.indexes:
        if index.spec.unique:
            for statement in (*drop_index(index), *create_index(collection.name, index, relaxed=True)):
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
    """Return whether a collection has the triggers."""
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
