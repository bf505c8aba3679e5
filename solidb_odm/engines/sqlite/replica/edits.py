"""Reading edits and what is known of the server; noting what is under way, rejected or parked."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from ...._types import JsonObject, Stored
from ....commands.replica import (
    CountEdits,
    Edit,
    KnownSummary,
    ListEdits,
    ListKnown,
    MarkSent,
    ReadReplicas,
    RemoteVersion,
    Replica,
    ReviveEdits,
    Sent,
)
from .. import json_text
from ..catalogue import Catalogue
from ..documents import get_many
from .capture import EDITS, KNOWN

_LAST: Final = 8
_COLUMNS: Final = (
    "e.collection, e.key, e.base, e.number, e.since, e.edited, e.state, e.attempts, e.error, e.sent,"
    " e.sent_number, e.remote"
)


def document_of(text: str | None) -> JsonObject | None:
    """Read the text of a document that may not be there."""
    return None if text is None else json_text.decode(text)


def text_of(document: JsonObject | None) -> str | None:
    """Write the text of a document that may not be there."""
    return None if document is None else json_text.encode(document)


class Edits:
    """The edits of one connection's file."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue

    def listed(self, command: ListEdits) -> list[Edit]:
        """Return edits in one state, oldest first."""
        conditions, bound = ["e.number > ?"], list[Any]([command.after])
        for column, value in (
            ("state", command.state),
            ("collection", command.collection),
            ("key", command.key),
        ):
            if value is not None:
                conditions.append(f"e.{column} = ?")
                bound.append(value)
        if command.edges is not None:
            equals = "=" if command.edges else "<>"
            conditions.append(
                f"e.collection IN (SELECT name FROM _solidb_collections WHERE kind {equals} 'edge')"
            )
        sql = (
            f"SELECT {_COLUMNS} FROM {EDITS} AS e WHERE {' AND '.join(conditions)} ORDER BY e.number LIMIT ?"
        )
        return self._complete(self._connection.execute(sql, (*bound, command.limit)).fetchall())

    def counted(self, _: CountEdits) -> dict[str, int]:
        """Return how many documents are edited, by state."""
        sql = f"SELECT state, count(*) FROM {EDITS} GROUP BY state"
        return dict(self._connection.execute(sql).fetchall())

    def replicas(self, command: ReadReplicas) -> list[Replica]:
        """Return what there is under keys."""
        name, keys = command.collection, list(dict.fromkeys(command.keys))
        sql = (
            f"SELECT {_COLUMNS} FROM {EDITS} AS e WHERE e.collection = ?"
            " AND e.key IN (SELECT value FROM json_each(?))"
        )
        rows = self._connection.execute(sql, (name, json_text.encode(keys))).fetchall()
        edits = {edit.key: edit for edit in self._complete(rows)}
        known, stored = self._known(name, keys), self._stored(name, keys)
        return [
            Replica(key, known.get(key, ""), stored.get(key), edits.get(key), _body(stored.get(key)))
            for key in keys
        ]

    def mark_sent(self, command: MarkSent) -> None:
        """Note the payloads under way."""
        self._connection.executemany(
            f"UPDATE {EDITS} SET sent = ?, sent_number = ?, attempts = attempts + 1"
            " WHERE collection = ? AND key = ?",
            [
                (
                    f'{{"document":{edit.text or "null"}}}',
                    edit.number,
                    edit.collection,
                    edit.key,
                )
                for edit in command.edits
            ],
        )

    def revive(self, command: ReviveEdits) -> int:
        """Let rejected edits be pushed again."""
        sql = f"UPDATE {EDITS} SET state = 'pending', error = '' WHERE state = 'rejected'"
        bound: list[str] = []
        for column, value in (("collection", command.collection), ("key", command.key)):
            if value is not None:
                sql += f" AND {column} = ?"
                bound.append(value)
        return self._connection.execute(sql, bound).rowcount

    def summary(self, command: KnownSummary) -> tuple[int, int, str, dict[str, str]]:
        """Return how many documents are known, count and digest of the later ones, and the last few."""
        sql = f"SELECT count(*) FROM {KNOWN} WHERE collection = ?"
        (count,) = self._connection.execute(sql, (command.collection,)).fetchone()
        later = f"SELECT rev FROM {KNOWN} WHERE collection = ? AND updated >= ? ORDER BY key"
        sql = f"SELECT count(*), ifnull(group_concat(rev), '') FROM ({later})"
        many, joined = self._connection.execute(sql, (command.collection, command.since)).fetchone()
        digest = hashlib.md5(joined.encode(), usedforsecurity=False).hexdigest()
        sql = f"SELECT key, updated FROM {KNOWN} WHERE collection = ? ORDER BY updated DESC LIMIT {_LAST}"
        last = dict(self._connection.execute(sql, (command.collection,)).fetchall())
        return count, many, digest, last

    def known(self, command: ListKnown) -> list[tuple[str, str]]:
        """Return keys and revisions that are known, in key order."""
        sql = f"SELECT key, rev FROM {KNOWN} WHERE collection = ? AND key > ? ORDER BY key LIMIT ?"
        return self._connection.execute(sql, (command.collection, command.after, command.limit)).fetchall()

    def _stored(self, collection: str, keys: Sequence[str]) -> dict[str, Stored]:
        entry = self._catalogue.find(collection)
        if entry is None:
            return {}
        return {row[0]: row for row in get_many(self._connection, entry.table, keys)}

    def _complete(self, rows: Sequence[tuple[Any, ...]]) -> list[Edit]:
        """Make edits of rows, with the documents as they are now and the known revisions."""
        keys: dict[str, list[str]] = {}
        for row in rows:
            keys.setdefault(row[0], []).append(row[1])
        current = {name: self._stored(name, those) for name, those in keys.items()}
        known = {name: self._known(name, those) for name, those in keys.items()}
        return [_edit(row, current[row[0]].get(row[1]), known[row[0]].get(row[1], "")) for row in rows]

    def _known(self, collection: str, keys: Sequence[str]) -> dict[str, str]:
        sql = f"SELECT key, rev FROM {KNOWN} WHERE collection = ? AND key IN (SELECT value FROM json_each(?))"
        return dict(self._connection.execute(sql, (collection, json_text.encode(keys))).fetchall())


def _edit(row: tuple[Any, ...], stored: Stored | None, revision: str) -> Edit:
    collection, key, base, number, since, edited, state, attempts, error, sent, sent_number, remote = row
    text = "" if stored is None else json_text.body_text(stored[4])
    return Edit(
        collection,
        key,
        document_of(base),
        json_text.decode(text) if text else None,
        number,
        since,
        edited,
        state,
        attempts,
        error,
        None if sent is None else Sent(json_text.decode(sent)["document"], sent_number),
        revision,
        None if remote is None else RemoteVersion(**json.loads(remote)),
        text,
    )


def _body(stored: Stored | None) -> JsonObject | None:
    if stored is None:
        return None
    body = stored[4]
    return json_text.decode(body) if isinstance(body, str) else body
