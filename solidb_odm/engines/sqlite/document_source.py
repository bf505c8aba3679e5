"""The file as the evaluator sees it: what it scans, looks up and writes.

Holding documents to their collection's JSON Schema when a query writes them.

As on the server, the batches of a session are not checked here: its models were, by Pydantic.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from ..._types import Json, JsonObject, Stored
from ...errors import DuplicateKey, InvalidDocument, SchemaViolation
from ...language.functions import IndexInfo
from ...language.interpreter import CandidateSet, EdgeDirection
from ...language.stored_documents import DEEPEST, SYSTEM_ATTRIBUTES, is_deep, new_key, without
from . import json_text, library
from .catalogue import Catalogue, Collection
from .documents import COLUMNS, Writer, get_many
from .interrupts import raise_interrupt
from .order_key import NotReversible, order_key_sql
from .sql.row_shapes import ROWS, full_documents
from .sql_names import path_sql

if TYPE_CHECKING:
    from .sql.candidates import Narrowings
    from .sql.plans import Plan


def check_document(collection: Collection, key: str, document: JsonObject) -> None:
    """Raise SchemaViolation if a strict collection does not take the document."""
    if collection.schema is None or collection.validation != "strict":
        return
    validator = _validator(json.dumps(collection.schema, sort_keys=True))
    if (
        collection.schema.get("additionalProperties") is False
    ):  # the engine's own attributes are not the model's
        known = collection.schema.get("properties", {})
        own = [name for name in SYSTEM_ATTRIBUTES if name not in known]
        document = {name: value for name, value in document.items() if name not in own}
    for problem in validator.iter_errors(document):
        place = "/".join(map(str, problem.absolute_path)) or "the document"
        raise SchemaViolation(
            f"'{collection.name}' does not take document '{key}': {place}: {problem.message}",
            collection=collection.name,
            key=key,
            hint="change the document, or the schema by a migration",
        )


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    jsonschema = import_module("jsonschema")  # here, because it takes longer to load than all else together
    parsed = json.loads(schema)
    return jsonschema.validators.validator_for(parsed)(parsed)


_CHUNK: Final = 1000
_ENDS: Final = ", ".join(
    (
        "d.key",
        *(
            f"CASE json_type(d.doc, '$.{end}') WHEN 'text' THEN d.doc ->> '$.{end}' END"
            for end in ("_from", "_to")
        ),
    )
)


class HeadGaveUp(Exception):  # a signal, never seen by callers
    """SQL can't say the first clauses of a query for these documents; all of it must run in Python."""


def head_rows(connection: sqlite3.Connection, plan: Plan, binds: Mapping[str, Any]) -> Iterator[JsonObject]:
    """Yield the rows of the first clauses of a query; HeadGaveUp where SQL fails or has no values."""
    try:
        cursor = connection.execute(plan.sql, plan.parameters.values(binds))
        while rows := cursor.fetchmany(_CHUNK):
            yield from plan.shape.read(list(zip(*rows, strict=True)))
    except NotReversible as exc:
        raise HeadGaveUp(str(exc)) from exc
    except library.operational_errors() as exc:
        raise_interrupt(exc)
        if library.code_of(exc) != sqlite3.SQLITE_ERROR:
            raise
        raise HeadGaveUp(str(exc)) from exc


class SqliteSource:
    """Documents in full, read and written on one connection inside its transaction.

    ``narrowings`` say what SQL can leave out of a FOR; ``rowids`` stand for all scans of their
    collection: those documents that can matter. ``rows`` are those of the query's head, read once.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalogue: Catalogue,
        writer: Writer,
        database: str,
        narrowings: Narrowings | None = None,
        rowids: tuple[str, Sequence[int]] | None = None,
    ) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._writer = writer
        self._database = database
        self._narrowings = narrowings
        self.rows: Iterator[JsonObject] = iter(())
        self._rowids = rowids
        self._statements: dict[tuple[str, str], str] = {}

    @property
    def database(self) -> str:
        return self._database

    def exists(self, name: str) -> bool:
        return name == ROWS or self._catalogue.find(name) is not None

    def kind(self, name: str) -> str:
        return self._catalogue.need(name).kind

    def scan(self, collection: str) -> Iterator[JsonObject]:
        if collection == ROWS:
            return self.rows
        table = self._catalogue.need(collection).table
        if self._rowids is not None and self._rowids[0] == collection:
            chosen = (
                f"SELECT {COLUMNS} FROM {table} WHERE rowid IN (SELECT value FROM json_each(?)) ORDER BY +key"
            )
            return self._read(collection, chosen, (json_text.encode(list(self._rowids[1])),))
        return self._read(collection, f"SELECT {COLUMNS} FROM {table} ORDER BY key", ())

    def select(
        self, selection: CandidateSet, binds: Mapping[str, Json], outer: Mapping[str, Json]
    ) -> Iterator[JsonObject] | None:
        if self._narrowings is None:
            return None
        narrowing = self._narrowings.of(selection, outer, self._catalogue.find, self._connection)
        if narrowing is None:
            return None
        given = {**binds, **outer} if outer else binds
        return self._candidates(narrowing.collection, narrowing.sql, narrowing.parameters.values(given))

    def get(self, collection: str, key: str) -> JsonObject | None:
        sql = self._statements.get((collection, ""))
        if sql is None:
            sql = f"SELECT {COLUMNS} FROM {self._catalogue.need(collection).table} WHERE key = ?"
            self._statements[collection, ""] = sql
        rows = self._connection.execute(sql, (key,)).fetchall()
        return self._documents(collection, rows)[0] if rows else None

    def edges(self, collection: str, vertex: str, direction: EdgeDirection) -> Iterable[JsonObject]:
        end = "_from" if direction == "OUTBOUND" else "_to"
        sql = self._statements.get((collection, end))
        if sql is None:
            stored = self._catalogue.need(collection)
            if stored.irregular and not stored.exact:
                return (edge for edge in self.scan(collection) if edge.get(end) == vertex)
            key = order_key_sql("doc", path_sql((end,)), exact=stored.exact)
            sql = f"SELECT {COLUMNS} FROM {stored.table} WHERE {key} IS ? ORDER BY key"
            self._statements[collection, end] = sql
        return self._documents(collection, self._connection.execute(sql, (vertex,)).fetchall())

    def get_many(self, collection: str, keys: Sequence[str]) -> list[JsonObject]:
        if len(keys) == 1:
            document = self.get(collection, keys[0])
            return [] if document is None else [document]
        table = self._catalogue.need(collection).table
        return self._documents(collection, get_many(self._connection, table, keys))

    def edges_of(
        self, collection: str, vertices: Sequence[str], direction: EdgeDirection, *, ends_only: bool
    ) -> Iterable[JsonObject]:
        end = "_from" if direction == "OUTBOUND" else "_to"
        stored = self._catalogue.need(collection)
        if stored.irregular:
            wanted = set(vertices)
            return (edge for edge in self.scan(collection) if edge.get(end) in wanted)
        key = order_key_sql("d.doc", path_sql((end,)), exact=stored.exact)
        columns = _ENDS if ends_only else "d.key, d.rev, d.created, d.updated, d.doc"
        sql = (
            f"SELECT {columns} FROM json_each(?) AS wanted"
            f" CROSS JOIN {stored.table} AS d ON {key} = wanted.value"
            " ORDER BY d.key"
        )
        rows = self._connection.execute(sql, (json_text.encode(list(vertices)),)).fetchall()
        if ends_only:
            return [{"_key": key, "_from": start, "_to": stop} for key, start, stop in rows]
        return self._documents(collection, rows)

    def index_of(self, collection: str, kind: str, name_or_field: str) -> IndexInfo | None:
        entry = self._catalogue.find(collection)
        for index in entry.indexes if entry is not None else ():
            spec = index.spec
            if spec.kind == kind and (spec.name == name_or_field or name_or_field in spec.fields):
                return IndexInfo(
                    spec.name, kind, spec.fields, spec.dimension or None, spec.metric, spec.minimum_length
                )
        return None

    def insert(self, collection: str, document: JsonObject) -> JsonObject:
        stored = self._catalogue.need(collection)
        key = _key_of(stored, document)
        body = {"_key": key, **_body(document)}
        _check(stored, key, body)
        if self.get(collection, key) is not None:
            raise DuplicateKey(
                f"Document with _key '{key}' already exists in '{collection}'", collection=collection, key=key
            )
        ((revision, created, updated),) = self._writer.insert(stored, [(key, _text(collection, key, body))])
        return self._full(collection, body, (revision, created, updated))

    def replace(self, collection: str, key: str, document: JsonObject) -> JsonObject:
        stored = self._catalogue.need(collection)
        body = {"_key": key, **_body(document)}
        _check(stored, key, body)
        return self._full(collection, body, self._writer.replace(stored, key, _text(collection, key, body)))

    def remove(self, collection: str, key: str) -> None:
        table = self._catalogue.need(collection).table
        self._connection.execute(f"DELETE FROM {table} WHERE key = ?", (key,))

    def _candidates(self, collection: str, sql: str, parameters: Any) -> Iterator[JsonObject]:
        """Read what may fit a condition; all, where it is too deep for SQLite's parser."""
        try:
            cursor = self._connection.execute(sql, parameters)
        except library.operational_errors() as exc:
            raise_interrupt(exc)
            if "parser stack overflow" not in str(exc):
                raise
            yield from self.scan(collection)
            return
        while rows := cursor.fetchmany(_CHUNK):
            yield from self._documents(collection, rows)

    def _read(self, collection: str, sql: str, parameters: Any) -> Iterator[JsonObject]:
        cursor = self._connection.execute(sql, parameters)
        while rows := cursor.fetchmany(_CHUNK):
            yield from self._documents(collection, rows)

    def _documents(self, collection: str, rows: list[Any]) -> list[JsonObject]:
        if not rows:
            return []
        return full_documents(f"{self._database}:{collection}/", list(zip(*rows, strict=True)))

    def _full(self, collection: str, body: JsonObject, receipt: tuple[str, str, str]) -> JsonObject:
        revision, created, updated = receipt
        return {
            **body,
            "_id": f"{self._database}:{collection}/{body['_key']}",
            "_rev": revision,
            "_created_at": created,
            "_updated_at": updated,
        }


def _text(collection: str, key: str, body: JsonObject) -> str:
    """Return the text of a document that a query wrote; InvalidDocument if it is nested too deep."""
    text = json_text.encode(body)
    if is_deep(text):
        raise InvalidDocument(
            f"{collection}/{key} is nested deeper than {DEEPEST} levels", collection=collection, key=key
        )
    return text


def stored_form(document: JsonObject | None) -> Stored | None:
    """Return a full document as the file keeps it."""
    if document is None:
        return None
    body = {"_key": document["_key"], **_body(document)}
    return (
        document["_key"],
        document["_rev"],
        document["_created_at"],
        document["_updated_at"],
        json_text.encode(body),
    )


def _body(document: JsonObject) -> JsonObject:
    return without(document, SYSTEM_ATTRIBUTES)


def _key_of(collection: Collection, document: JsonObject) -> str:
    if "_key" not in document:
        return new_key()
    key: Json = document["_key"]
    if not isinstance(key, str):
        raise InvalidDocument(f"_key must be a string, not {key!r}", collection=collection.name, key=str(key))
    return key


def _check(collection: Collection, key: str, body: JsonObject) -> None:
    check_document(collection, key, body)
    if collection.kind != "edge":
        return
    for end in ("_from", "_to"):
        if not (isinstance(body.get(end), str) and body[end]):
            raise InvalidDocument(
                f"an edge of '{collection.name}' needs {end}, a text such as 'collection/key'",
                collection=collection.name,
                key=key,
            )
