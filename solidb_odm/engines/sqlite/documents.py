"""Reading documents by key and writing batches of them."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice, repeat
from typing import Final, cast

from ..._collector import AS_EVER, AT_LEAST, HeldOff
from ..._types import Body, Json, JsonObject, Receipt, Stored
from ...commands import Batch, Inserts, Patch, Patches, Removals
from ...errors import DuplicateKey, InvalidDocument, StaleDocument, StaleDocumentError, UniqueViolation
from . import json_text, library
from .catalogue import Catalogue, Collection
from .layout import find_nul, index_number, make_exact
from .replica.capture import is_captured
from .sql_names import is_reachable, path_sql
from .unique_exchange import write_exchanging

COLUMNS: Final = "key, rev, created, updated, doc"
_FIELDS_A_CALL: Final = 50
_REVISION_BYTES: Final = 16
_WHOLE: Final[tuple[tuple[str, ...], tuple[str, ...]]] = (("",), ())
"""What a patch sets and removes that is the text of the whole document."""


def now() -> str:
    """Return the time as the server writes it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_revisions(count: int) -> list[str]:
    """Return that many new revisions."""
    digits = os.urandom(_REVISION_BYTES * count).hex()
    width = 2 * _REVISION_BYTES
    return [digits[at : at + width] for at in range(0, len(digits), width)]


def get_many(connection: sqlite3.Connection, table: str, keys: Iterable[str]) -> list[Stored]:
    """Read the documents with these keys, each once."""
    wanted = json_text.encode(list(dict.fromkeys(keys)))
    sql = (
        "SELECT d.key, d.rev, d.created, d.updated, d.doc FROM json_each(?) AS wanted"
        f" CROSS JOIN {table} AS d ON d.key = wanted.value"
    )
    return connection.execute(sql, (wanted,)).fetchall()


def mark_irregular(connection: sqlite3.Connection, catalogue: Catalogue, collection: Collection) -> None:
    """Note that a document holds a NUL character, and have the indexes know texts whole from now on."""
    if not collection.exact:
        relaxed = is_captured(connection, collection.name)
        for statement in make_exact(collection, relaxed=relaxed):
            connection.execute(statement)
    catalogue.mark_exact(collection.name, irregular=True)


def mark_regular(connection: sqlite3.Connection, catalogue: Catalogue) -> None:
    """Note the collections whose last NUL character was removed."""
    for collection in catalogue.irregular:
        if not collection.exact:  # of a file that an earlier version wrote
            mark_irregular(connection, catalogue, collection)
        if connection.execute(find_nul(collection)).fetchone() is None:
            catalogue.mark_exact(collection.name, irregular=False)


class Writer:
    """Write batches in the open transaction of one connection."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue

    def apply(self, batches: Sequence[Batch]) -> list[list[Receipt]]:
        """Write batches, all or nothing; one list of receipts each."""
        if len(batches) == 1 and len(batches[0].rows) == 1:  # which has nothing to exchange
            return [self._write(batches[0])]
        return write_exchanging(self._connection, self._catalogue, batches, self._write)

    def _write(self, batch: Batch) -> list[Receipt]:
        collection = self._catalogue.need(batch.collection)
        if not batch.rows:
            return []
        if isinstance(batch, Inserts):
            with HeldOff() if len(batch.rows) >= AT_LEAST else AS_EVER:
                return self._insert_bodies(collection, batch.rows)
        if isinstance(batch, Patches):
            return self._patch(collection, batch)
        return self._remove(collection, batch)

    def _insert_bodies(self, collection: Collection, rows: Sequence[tuple[str, Body]]) -> list[Receipt]:
        """Store new documents, whose bodies most often are in the form already that the file keeps."""
        if all(type(body) is str and "\\u" not in body for _, body in rows):
            return self._insert(collection, cast("Sequence[tuple[str, str]]", rows))
        return self.insert(collection, [(key, json_text.body_text(body)) for key, body in rows])

    def insert(self, collection: Collection, rows: Sequence[tuple[str, str]]) -> list[Receipt]:
        """Store new documents, given as key and text."""
        if any("\\u" in text for _, text in rows):
            self.watch(collection, rows)
        return self._insert(collection, rows)

    def _insert(self, collection: Collection, rows: Sequence[tuple[str, str]]) -> list[Receipt]:
        time = now()
        revisions = new_revisions(len(rows))
        keys, texts = zip(*rows, strict=True)
        sql = f"INSERT INTO {collection.table} ({COLUMNS}) VALUES (?, ?, ?, ?, ?)"
        try:
            self._connection.executemany(sql, zip(keys, revisions, repeat(time), repeat(time), texts))
        except library.integrity_errors() as exc:
            values = [(key, rev, time, time, text) for (key, text), rev in zip(rows, revisions, strict=True)]
            raise self._culprit(collection, sql, values, exc) from exc
        except UnicodeEncodeError as exc:
            raise InvalidDocument(f"not valid Unicode: {exc}", collection=collection.name) from exc
        return [(rev, time, time) for rev in revisions]

    def replace(self, collection: Collection, key: str, text: str) -> Receipt:
        """Store a new text for a document that is there."""
        self.watch(collection, ((key, text),))
        time = now()
        (revision,) = new_revisions(1)
        sql = f"UPDATE {collection.table} SET doc = ?, rev = ?, updated = ? WHERE key = ? RETURNING created"
        try:
            (created,) = self._connection.execute(sql, (text, revision, time, key)).fetchall()[0]
        except library.integrity_errors() as exc:
            raise self._violation(collection, key, exc) from exc
        return revision, created, time

    def fill(self, collection: Collection, path: Sequence[str], value: Json) -> list[str] | None:
        """Set a field where it is missing, in one statement; the keys of the documents that have it."""
        text = json_text.encode(value)
        if collection.irregular or "\\u" in text or not all(map(is_reachable, path)):
            return None
        place, time, table = path_sql(path), now(), collection.table
        holder = f" AND json_type(doc, {path_sql(path[:-1])}) = 'object'" if len(path) > 1 else ""
        sql = (
            f"UPDATE {table} SET doc = json_set(doc, {place}, json(?)), rev = lower(hex(randomblob(16))),"
            f" updated = ? WHERE json_type(doc, {place}) IS NULL{holder}"
        )
        try:
            filled = self._connection.execute(sql, (text, time)).rowcount
        except library.integrity_errors() as exc:
            raise self._violation(collection, "", exc) from exc
        if filled == self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]:
            return []
        had = f"SELECT key FROM {table} WHERE updated <> ? AND json_type(doc, {place}) IS NOT NULL"
        return [row[0] for row in self._connection.execute(had, (time,))]

    def watch(self, collection: Collection, rows: Iterable[tuple[str, str]]) -> None:
        """Note a collection whose strings SQLite can't read whole; refuse keys it can't find again."""
        nul = [key for key, text in rows if json_text.has_nul(text)]
        if any("\0" in key for key in nul):
            raise InvalidDocument(
                f"{collection.name}: a key can't hold a NUL character", collection=collection.name
            )
        if nul and not (collection.irregular and collection.exact):
            mark_irregular(self._connection, self._catalogue, collection)

    def _patch(self, collection: Collection, batch: Patches) -> list[Receipt]:
        created = {patch.key: patch.created for patch in batch.rows}
        if not all(created.values()):
            stored = self._check(collection, [(patch.key, patch.revision) for patch in batch.rows])
            created = {key: times[0] for key, times in stored.items()}
        time = now()
        revisions = new_revisions(len(batch.rows))
        groups, done = self._groups(collection, batch, revisions, time), 0
        try:
            for (names, removed), rows in groups.items():
                done += self._update(collection, names, removed, rows)
        except InvalidDocument:
            self._check_moved(collection, batch.rows, revisions)
            raise
        if done < len(batch.rows):
            self._check_moved(collection, batch.rows, revisions)
        return [
            (revision, created[patch.key], time)
            for patch, revision in zip(batch.rows, revisions, strict=True)
        ]

    def _groups(
        self, collection: Collection, batch: Patches, revisions: Sequence[str], time: str
    ) -> dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, ...]]]:
        """Return the rows of patches by what these set and remove."""
        groups: dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[str, ...]]] = {}
        for patch, revision in zip(batch.rows, revisions, strict=True):
            whole, group = patch.whole, _WHOLE
            values: tuple[str, ...]
            if type(whole) is str and "\\u" not in whole:
                values = (whole,)
            else:
                group, values = self._parts(collection, patch)
            row = (*values, revision, time, patch.key, patch.revision)
            groups.setdefault(group, []).append(row)
        return groups

    def _check_moved(self, collection: Collection, rows: Sequence[Patch], revisions: Sequence[str]) -> None:
        """Raise StaleDocumentError if any document has neither its old revision nor its new one."""
        current = {
            row[0]: row[1]
            for row in get_many(self._connection, collection.table, (patch.key for patch in rows))
        }
        stale = tuple(
            StaleDocument(collection.name, patch.key, patch.revision, current.get(patch.key))
            for patch, revision in zip(rows, revisions, strict=True)
            if current.get(patch.key) not in (patch.revision, revision)
        )
        if stale:
            raise StaleDocumentError.of(stale)

    def _parts(
        self, collection: Collection, patch: Patch
    ) -> tuple[tuple[tuple[str, ...], tuple[str, ...]], tuple[str, ...]]:
        """Return the attributes a patch sets and removes, and the JSON texts of what it sets.

        The text of the whole document is a change of all of it, named ``""``; so is a change of a
        name that SQLite can't address.
        """
        changes = patch.changes
        if isinstance(patch.whole, str):
            text = json_text.body_text(patch.whole)
        elif all(map(_is_settable, (*changes, *patch.removed))):
            texts = tuple(json_text.encode(value) for value in changes.values())
            self.watch(collection, ((patch.key, text) for text in texts))
            return (tuple(changes), patch.removed), texts
        else:
            text = json_text.encode(self._whole(collection, patch))
        self.watch(collection, ((patch.key, text),))
        return _WHOLE, (text,)

    def _whole(self, collection: Collection, patch: Patch) -> JsonObject:
        row = self._connection.execute(
            f"SELECT doc FROM {collection.table} WHERE key = ?", (patch.key,)
        ).fetchone()
        stored: JsonObject = json_text.decode(row[0]) if row else {}
        document = {**stored, **patch.changes}
        for name in patch.removed:
            document.pop(name, None)
        return document

    def _update(
        self,
        collection: Collection,
        names: tuple[str, ...],
        removed: tuple[str, ...],
        rows: list[tuple[str, ...]],
    ) -> int:
        """Change documents that have the revisions given; return how many there were."""
        patched = _patched(names, removed)
        sql = f"UPDATE {collection.table} SET doc = {patched}, rev = ?, updated = ? WHERE key = ? AND rev = ?"
        try:
            return self._connection.executemany(sql, rows).rowcount
        except library.integrity_errors() as exc:
            raise self._culprit(collection, sql, rows, exc, key_at=-2) from exc

    def _remove(self, collection: Collection, batch: Removals) -> list[Receipt]:
        stored = self._check(collection, batch.rows)
        self._connection.executemany(
            f"DELETE FROM {collection.table} WHERE key = ?", [(key,) for key, _ in batch.rows]
        )
        return [(revision, *stored[key]) for key, revision in batch.rows]

    def _check(
        self, collection: Collection, expected: Sequence[tuple[str, str]]
    ) -> dict[str, tuple[str, str]]:
        """Return the times of the documents; StaleDocumentError if any has another revision.

        The transaction holds the write lock, so what is right now stays so until the write.
        """
        rows = {
            row[0]: row for row in get_many(self._connection, collection.table, (key for key, _ in expected))
        }
        stale = tuple(
            StaleDocument(collection.name, key, revision, rows[key][1] if key in rows else None)
            for key, revision in expected
            if key not in rows or rows[key][1] != revision
        )
        if stale:
            raise StaleDocumentError.of(stale)
        return {key: (row[2], row[3]) for key, row in rows.items()}

    def _culprit(
        self,
        collection: Collection,
        sql: str,
        rows: Sequence[tuple[str, ...]],
        error: sqlite3.IntegrityError,
        *,
        key_at: int = 0,
    ) -> InvalidDocument:
        """Find the row that broke a batch, by writing again from the first that is not there."""
        self._connection.execute("SAVEPOINT solidb_culprit")
        try:
            done = 0 if key_at else self._present(collection, rows)
            for row in islice(rows, done, None):
                try:
                    self._connection.execute(sql, row)
                except library.integrity_errors() as exc:
                    return self._violation(collection, row[key_at], exc)
        finally:
            self._connection.execute("ROLLBACK TO solidb_culprit")
            self._connection.execute("RELEASE solidb_culprit")
        return self._violation(collection, "", error)

    def _present(self, collection: Collection, rows: Sequence[tuple[str, ...]]) -> int:
        """Count the rows that a failed executemany left in the table; the savepoint will undo them."""
        sql = f"SELECT 1 FROM {collection.table} WHERE key = ? AND rev = ?"
        low, high = 0, len(rows)
        while low < high:
            middle = (low + high) // 2
            if self._connection.execute(sql, rows[middle][:2]).fetchone():
                low = middle + 1
            else:
                high = middle
        return low

    def _violation(self, collection: Collection, key: str, error: sqlite3.IntegrityError) -> InvalidDocument:
        text = str(error)
        number = index_number(text.partition("index '")[2].rstrip("'"))
        if number is None:
            return DuplicateKey(
                f"Document with _key '{key}' already exists in '{collection.name}'",
                collection=collection.name,
                key=key,
                hint="leave _key to the library, or load the document and change it",
            )
        spec = next(index.spec for index in collection.indexes if index.number == number)
        fields = ", ".join(spec.fields)
        return UniqueViolation(
            f"{collection.name}/{key}: Unique constraint violated: the index {spec.name} on {fields}"
            " already holds its value",
            collection=collection.name,
            key=key,
            index=spec.name,
            fields=spec.fields,
            hint="give it another value, or load the document that holds this one and change that",
        )


def _is_settable(name: str) -> bool:
    return is_reachable(name) or ("." in name and is_reachable(name.replace(".", "")))


def _patched(names: tuple[str, ...], removed: tuple[str, ...]) -> str:
    """Return the SQL of a document after a patch.

    New values go in as JSON text, so that 1.0 stays 1.0 and null stays null.
    """
    if names == _WHOLE[0]:
        return "?"
    expression = "doc"
    for at in range(0, len(removed), _FIELDS_A_CALL):
        paths = ", ".join(path_sql((name,)) for name in removed[at : at + _FIELDS_A_CALL])
        expression = f"json_remove({expression}, {paths})"
    for at in range(0, len(names), _FIELDS_A_CALL):
        pairs = ", ".join(f"{path_sql((name,))}, json(?)" for name in names[at : at + _FIELDS_A_CALL])
        expression = f"json_set({expression}, {pairs})"
    return expression
