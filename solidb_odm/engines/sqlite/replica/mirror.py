"""Writing what came of edits and what arrived: with the server's revisions and times, and uncaptured."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

from ...._types import JsonObject
from ....commands.replica import (
    Acknowledged,
    Adopted,
    Outcome,
    Parked,
    Rebased,
    Rejected,
    RemoteVersion,
    Settle,
    Unchanged,
)
from .. import json_text
from ..catalogue import Catalogue, Collection
from ..documents import Writer, new_revisions, now
from .capture import EDITS, JOURNAL, KNOWN
from .edits import text_of


class Mirror:
    """Writes outcomes in the open transaction of one connection, inside ``mirroring``."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue, writer: Writer) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._writer = writer
        self._take: dict[type[Any], Callable[[Collection, Any], bool]] = {
            Acknowledged: self._acknowledge,
            Adopted: self._adopt,
            Rebased: self._rebase,
            Parked: self._park,
            Rejected: self._reject,
            Unchanged: self._unchanged,
        }

    def settle(self, command: Settle) -> list[bool]:
        """Write outcomes; tell which were taken."""
        if not command.outcomes:
            return []
        collection = self._catalogue.need(command.collection)
        done = self._adopt_fresh(collection, command.outcomes) | self._acknowledge_many(
            collection, command.outcomes
        )
        return [
            True if place in done else self._take[type(outcome)](collection, outcome)
            for place, outcome in enumerate(command.outcomes)
        ]

    def _adopt_fresh(self, collection: Collection, outcomes: Sequence[Outcome]) -> set[int]:
        """Take in documents that nothing here knows yet, many at a time; return their places."""
        if len(outcomes) < 2 or self._is_touched(collection):
            return set()
        rows = {
            place: outcome
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, Adopted) and outcome.remote.document is not None
        }
        if len({outcome.key for outcome in rows.values()}) != len(rows):
            return set()
        self._store_many(collection, [(outcome.key, outcome.remote) for outcome in rows.values()])
        self._tell_many(
            collection, [(outcome.key, outcome.kind) for outcome in rows.values() if outcome.kind]
        )
        return set(rows)

    def _acknowledge_many(self, collection: Collection, outcomes: Sequence[Outcome]) -> set[int]:
        """End the edits that nobody has made again since they were sent; return their places."""
        places = {
            outcome.key: place
            for place, outcome in enumerate(outcomes)
            if isinstance(outcome, Acknowledged) and outcome.revision
        }
        if len(places) < len(outcomes):
            return set()
        rows = json_text.encode([list(row) for row in map(_acknowledgement, outcomes)])
        ended = self._connection.execute(
            f"DELETE FROM {EDITS} WHERE collection = ? AND (key, number) IN"
            " (SELECT value ->> 0, value ->> 1 FROM json_each(?)) AND sent_number = number RETURNING key",
            (collection.name, rows),
        ).fetchall()
        self._connection.execute(
            f"INSERT OR REPLACE INTO {KNOWN} (collection, key, rev, updated)"
            " SELECT ?, value ->> 0, value ->> 2, value ->> 3 FROM json_each(?)"
            " WHERE value ->> 0 IN (SELECT value FROM json_each(?))",
            (collection.name, rows, json_text.encode([key for (key,) in ended])),
        )
        return {places[key] for (key,) in ended}

    def _is_touched(self, collection: Collection) -> bool:
        sql = f"SELECT 1 FROM {EDITS} WHERE collection = ? LIMIT 1"
        return self._connection.execute(sql, (collection.name,)).fetchone() is not None

    def _acknowledge(self, collection: Collection, outcome: Acknowledged) -> bool:
        row = self._row(collection, outcome.key)
        if row is None or row[1] != outcome.number:
            return False
        if outcome.revision:
            self._know(collection, outcome.key, outcome.revision, outcome.updated)
        else:
            self._unknow(collection, outcome.key)
        if row[0] == outcome.number:
            self._end(collection, outcome.key, outcome.number)
            return True
        base = json.loads(row[2])["document"]
        self._connection.execute(
            f"UPDATE {EDITS} SET base = ?, sent = NULL, sent_number = NULL WHERE collection = ? AND key = ?",
            (text_of(base), collection.name, outcome.key),
        )
        self._drop_needless(collection, outcome.key)
        return True

    def _adopt(self, collection: Collection, outcome: Adopted) -> bool:
        row = self._row(collection, outcome.key)
        if (0 if row is None else row[0]) != outcome.number:
            return False
        self._hold(collection, outcome.key, outcome.remote)
        if outcome.remote.document is None:
            self._delete(collection, outcome.key)
        else:
            self._store_many(collection, [(outcome.key, outcome.remote)])
        if outcome.number or row is not None:
            self._end(collection, outcome.key, outcome.number)
        if outcome.kind is not None:
            self._tell_many(collection, [(outcome.key, outcome.kind)])
        return True

    def _rebase(self, collection: Collection, outcome: Rebased) -> bool:
        row = self._row(collection, outcome.key)
        if (0 if row is None else row[0]) != outcome.number:
            return False
        if row is None:
            self._begin_edit(collection, outcome.key)
        self._hold(collection, outcome.key, outcome.remote)
        if not outcome.keep:
            self._write_local(collection, outcome.key, outcome.document)
        self._connection.execute(
            f"UPDATE {EDITS} SET base = ?, sent = NULL, sent_number = NULL, state = 'pending', error = '',"
            " remote = NULL WHERE collection = ? AND key = ?",
            (text_of(outcome.remote.document), collection.name, outcome.key),
        )
        self._drop_needless(collection, outcome.key)
        if not outcome.keep:
            self._tell_many(collection, [(outcome.key, "remote_update")])
        return True

    def _begin_edit(self, collection: Collection, key: str) -> None:
        """Take a document for edited, though nobody has touched it."""
        self._tell_many(collection, [(key, "update")])
        time = now()
        self._connection.execute(
            f"INSERT INTO {EDITS} (collection, key, base, number, since, edited)"
            f" SELECT ?, ?, NULL, max(number), ?, ? FROM {JOURNAL}",
            (collection.name, key, time, time),
        )

    def _park(self, collection: Collection, outcome: Parked) -> bool:
        remote = outcome.remote
        text = json.dumps(
            {
                "document": remote.document,
                "revision": remote.revision,
                "created": remote.created,
                "updated": remote.updated,
            },
            ensure_ascii=False,
        )
        return self._mark(collection, outcome, "parked", outcome.error, text)

    def _reject(self, collection: Collection, outcome: Rejected) -> bool:
        return self._mark(collection, outcome, "rejected", outcome.error, None)

    def _mark(
        self, collection: Collection, outcome: Parked | Rejected, state: str, error: str, remote: str | None
    ) -> bool:
        done = self._connection.execute(
            f"UPDATE {EDITS} SET state = ?, error = ?, remote = ?, sent = NULL, sent_number = NULL"
            " WHERE collection = ? AND key = ? AND number = ?",
            (state, error, remote, collection.name, outcome.key, outcome.number),
        )
        return done.rowcount > 0

    def _unchanged(self, collection: Collection, outcome: Unchanged) -> bool:
        ended = self._end(collection, outcome.key, outcome.number)
        if ended and outcome.remote is not None:
            self._hold(collection, outcome.key, outcome.remote)
        return ended

    # --- rows ------------------------------------------------------------------------------------

    def _row(self, collection: Collection, key: str) -> tuple[int, int | None, str] | None:
        sql = f"SELECT number, sent_number, sent FROM {EDITS} WHERE collection = ? AND key = ?"
        row: tuple[int, int | None, str] | None = self._connection.execute(
            sql, (collection.name, key)
        ).fetchone()
        return row

    def _end(self, collection: Collection, key: str, number: int) -> bool:
        sql = f"DELETE FROM {EDITS} WHERE collection = ? AND key = ? AND number = ?"
        return self._connection.execute(sql, (collection.name, key, number)).rowcount > 0

    def _drop_needless(self, collection: Collection, key: str) -> None:
        """End an edit that came to nothing: the document is the base, or neither is there."""
        self._connection.execute(
            f"DELETE FROM {EDITS} WHERE collection = ? AND key = ? AND base IS"
            f" (SELECT doc FROM {collection.table} WHERE key = ?)",
            (collection.name, key, key),
        )

    def _hold(self, collection: Collection, key: str, remote: RemoteVersion) -> None:
        """Note what the server holds."""
        if remote.document is None:
            self._unknow(collection, key)
        else:
            self._know(collection, key, remote.revision, remote.updated)

    def _know(self, collection: Collection, key: str, revision: str, updated: str) -> None:
        self._connection.execute(
            f"INSERT OR REPLACE INTO {KNOWN} (collection, key, rev, updated) VALUES (?, ?, ?, ?)",
            (collection.name, key, revision, updated),
        )

    def _unknow(self, collection: Collection, key: str) -> None:
        self._connection.execute(
            f"DELETE FROM {KNOWN} WHERE collection = ? AND key = ?", (collection.name, key)
        )

    def _store_many(self, collection: Collection, rows: Sequence[tuple[str, RemoteVersion]]) -> None:
        texts = [(key, text_of(remote.document) or "{}") for key, remote in rows]
        self._writer.watch(collection, texts)
        values = [
            (key, remote.revision, remote.created, remote.updated, text)
            for (key, remote), (_, text) in zip(rows, texts, strict=True)
        ]
        self._connection.executemany(
            f"INSERT INTO {collection.table} (key, rev, created, updated, doc) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET rev = excluded.rev, created = excluded.created,"
            " updated = excluded.updated, doc = excluded.doc",
            values,
        )
        self._connection.executemany(
            f"INSERT OR REPLACE INTO {KNOWN} (collection, key, rev, updated) VALUES (?, ?, ?, ?)",
            [(collection.name, key, remote.revision, remote.updated) for key, remote in rows],
        )

    def _write_local(self, collection: Collection, key: str, document: JsonObject | None) -> None:
        """Write a document as if it had been edited here, if it differs from the one there is."""
        if document is None:
            self._delete(collection, key)
            return
        text = text_of({**document, "_key": key}) or "{}"
        self._writer.watch(collection, [(key, text)])
        (revision,), time = new_revisions(1), now()
        self._connection.execute(
            f"INSERT INTO {collection.table} (key, rev, created, updated, doc) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (key) DO UPDATE SET rev = excluded.rev, updated = excluded.updated,"
            " doc = excluded.doc WHERE doc IS NOT excluded.doc",
            (key, revision, time, time, text),
        )

    def _delete(self, collection: Collection, key: str) -> None:
        self._connection.execute(f"DELETE FROM {collection.table} WHERE key = ?", (key,))

    def _tell_many(self, collection: Collection, rows: Sequence[tuple[str, str]]) -> None:
        self._connection.executemany(
            f"INSERT INTO {JOURNAL} (collection, key, kind) VALUES (?, ?, ?)",
            [(collection.name, key, kind) for key, kind in rows],
        )


def _acknowledgement(outcome: Any) -> tuple[str, int, str, str]:
    return outcome.key, outcome.number, outcome.revision, outcome.updated
