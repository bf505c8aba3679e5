"""Performs the commands on a replica, on one connection."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

from ...._types import JsonObject
from ....commands.replica import (
    BeginScan,
    CountEdits,
    DiscardEdit,
    EndScan,
    EraseReplica,
    ForgetKnown,
    JournalEntry,
    KnownSummary,
    ListEdits,
    ListKnown,
    MarkSent,
    OpenReplica,
    ReadJournal,
    ReadReplicas,
    ReadSettings,
    ReviveEdits,
    Scanned,
    Settle,
    WriteSettings,
)
from .. import json_text
from ..catalogue import Catalogue
from ..documents import Writer, new_revisions, now
from ..file_transaction import Transaction
from .capture import (
    EDITS,
    JOURNAL,
    KNOWN,
    SCOPE,
    SETTINGS,
    TABLES,
    capture,
    captures,
    enqueue,
    is_captured,
    mirroring,
    release,
    unedited_sql,
)
from .edits import Edits
from .mirror import Mirror

_JOURNAL_KEPT: Final = 100_000


class ReplicaStore:
    """What one connection knows to do with a replica."""

    def __init__(
        self, connection: sqlite3.Connection, catalogue: Catalogue, transaction: Transaction, writer: Writer
    ) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._transaction = transaction
        self._edits = Edits(connection, catalogue)
        self._mirror = Mirror(connection, catalogue, writer)
        self.performs: dict[type[Any], Callable[[Any], Any]] = {
            OpenReplica: self._writing(self._open),
            ReadSettings: lambda _: self._settings(),
            WriteSettings: self._writing(lambda command: self._remember(command.values)),
            ListEdits: self._reading(self._edits.listed),
            CountEdits: self._edits.counted,
            ReadReplicas: self._reading(self._edits.replicas),
            MarkSent: self._writing(self._edits.mark_sent),
            Settle: self._writing(self._settle),
            ReviveEdits: self._writing(self._edits.revive),
            DiscardEdit: self._writing(self._discard),
            KnownSummary: self._reading(self._edits.summary),
            ListKnown: self._edits.known,
            BeginScan: self._begin_scan,
            Scanned: self._scanned,
            EndScan: self._end_scan,
            ForgetKnown: self._writing(self._forget_known),
            ReadJournal: self._journal,
            EraseReplica: self._writing(self._erase),
        }

    def _writing(self, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def perform(command: Any) -> Any:
            with self._transaction.change_of_schema():
                return work(command)

        return perform

    def _reading(self, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def perform(command: Any) -> Any:
            with self._transaction.snapshot():
                self._catalogue.refresh()
                return work(command)

        return perform

    def _open(self, command: OpenReplica) -> None:
        for statement in TABLES:
            self._connection.execute(statement)
        scope = None if command.scope is None else list(command.scope)
        self._remember({SCOPE: scope})
        for name in self._catalogue.names():
            collection = self._catalogue.need(name)
            wanted = captures(self._connection, name, collection.kind)
            captured = is_captured(self._connection, name)
            if wanted and not captured:
                capture(self._connection, collection)
            elif captured and not wanted:
                release(self._connection, name)
        self._catalogue.note_change()

    def _settings(self) -> JsonObject:
        rows = self._connection.execute(f"SELECT name, value FROM {SETTINGS}").fetchall()
        return {name: json.loads(value) for name, value in rows}

    def _remember(self, values: JsonObject) -> None:
        for name, value in values.items():
            if value is None:
                self._connection.execute(f"DELETE FROM {SETTINGS} WHERE name = ?", (name,))
            else:
                self._connection.execute(
                    f"INSERT OR REPLACE INTO {SETTINGS} VALUES (?, ?)", (name, json.dumps(value))
                )

    def _settle(self, command: Settle) -> list[bool]:
        with self._quietly():
            taken = self._mirror.settle(command)
            self._remember(command.settings)
        self._trim_journal()
        return taken

    @contextmanager
    def _quietly(self) -> Generator[None]:
        with mirroring(self._connection):
            yield

    def _discard(self, command: DiscardEdit) -> None:
        collection = self._catalogue.need(command.collection)
        where = "WHERE collection = ? AND key = ?"
        place = (command.collection, command.key)
        row = self._connection.execute(f"SELECT base FROM {EDITS} {where}", place).fetchone()
        if row is None:
            return
        (revision,) = new_revisions(1)
        with self._quietly():
            if row[0] is None:
                self._connection.execute(f"DELETE FROM {collection.table} WHERE key = ?", (command.key,))
            else:
                time = now()
                self._connection.execute(
                    f"INSERT INTO {collection.table} (key, rev, created, updated, doc)"
                    " VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE"
                    " SET rev = excluded.rev, updated = excluded.updated, doc = excluded.doc",
                    (command.key, revision, time, time, row[0]),
                )
            # what the server holds may be newer than the base: have it read again
            self._connection.execute(f"UPDATE {KNOWN} SET rev = '' {where}", place)
            self._connection.execute(f"DELETE FROM {EDITS} {where}", place)

    def _begin_scan(self, _: BeginScan) -> None:
        # Emptied and not dropped, which a statement that an interrupt left open would forbid.
        self._connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS scanned (key TEXT NOT NULL PRIMARY KEY, rev TEXT NOT NULL)"
            " WITHOUT ROWID"
        )
        self._connection.execute("DELETE FROM temp.scanned")

    def _scanned(self, command: Scanned) -> list[tuple[str, bool]]:
        rows = json_text.encode([list(row) for row in command.rows])
        self._connection.execute(
            "INSERT OR REPLACE INTO temp.scanned SELECT value ->> 0, value ->> 1 FROM json_each(?)", (rows,)
        )
        sql = (
            "SELECT value ->> 0, ifnull(k.updated > value ->> 2, 0)"
            f" FROM json_each(?) AS w LEFT JOIN {KNOWN} AS k ON k.collection = ? AND k.key = w.value ->> 0"
            " WHERE k.rev IS NOT w.value ->> 1"
        )
        cursor = self._connection.execute(sql, (rows, command.collection))
        return [(key, bool(is_older)) for key, is_older in cursor]

    def _end_scan(self, command: EndScan) -> list[str]:
        sql = f"SELECT key FROM {KNOWN} WHERE collection = ? AND key NOT IN (SELECT key FROM temp.scanned)"
        keys = [row[0] for row in self._connection.execute(sql, (command.collection,)).fetchall()]
        self._connection.execute("DELETE FROM temp.scanned")
        return keys

    def _forget_known(self, command: ForgetKnown) -> None:
        collection = self._catalogue.need(command.collection)
        wanted = json_text.encode(list(command.keys))
        keys = "key IN (SELECT value FROM json_each(?))"
        self._connection.execute(
            f"DELETE FROM {KNOWN} WHERE collection = ? AND {keys}", (command.collection, wanted)
        )
        self._connection.execute(
            f"UPDATE {EDITS} SET base = NULL, sent = NULL, sent_number = NULL"
            f" WHERE collection = ? AND {keys}",
            (command.collection, wanted),
        )
        unedited = unedited_sql(command.collection)
        enqueue(self._connection, collection, f"{keys} AND {unedited}", (wanted,))

    def _journal(self, command: ReadJournal) -> list[JournalEntry]:
        columns = "number, collection, key, kind"
        if command.after < 0:
            sql = f"SELECT {columns} FROM {JOURNAL} ORDER BY number DESC LIMIT 1"
            rows = self._connection.execute(sql).fetchall()
        else:
            sql = f"SELECT {columns} FROM {JOURNAL} WHERE number > ? ORDER BY number LIMIT ?"
            rows = self._connection.execute(sql, (command.after, command.limit)).fetchall()
        return [JournalEntry(*row) for row in rows]

    def _erase(self, _: EraseReplica) -> None:
        with self._quietly():
            for name in self._catalogue.names():
                self._connection.execute(f"DELETE FROM {self._catalogue.need(name).table}")
        for table in (EDITS, KNOWN, JOURNAL, SETTINGS):
            self._connection.execute(f"DELETE FROM {table}")

    def _trim_journal(self) -> None:
        """Let go of the oldest entries, which nobody will ask for any more."""
        sql = f"DELETE FROM {JOURNAL} WHERE number <= (SELECT max(number) FROM {JOURNAL}) - ?"
        self._connection.execute(sql, (_JOURNAL_KEPT,))
