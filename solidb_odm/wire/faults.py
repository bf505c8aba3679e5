"""The server's texts as errors: the one place that reads them.

The wire has no error codes, only the name of a variant and a text. A table gives for each a class;
the first row that fits wins, so the special ones stand before the general.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, TypeAlias

from .._dataclasses import dataclass
from ..errors import (
    AuthError,
    CollectionExists,
    CollectionNotFound,
    DatabaseError,
    DatabaseExists,
    DatabaseNotFound,
    DocumentNotFound,
    DuplicateKey,
    IndexExists,
    IndexNotFound,
    InvalidCommand,
    InvalidDocument,
    MessageTooLarge,
    NotFoundError,
    NotSupportedByServerError,
    PermissionDenied,
    QueryError,
    QueryLimitError,
    QuerySyntaxError,
    QueryTimeout,
    RequestTimeout,
    SchemaViolation,
    SolidbError,
    TransactionConflict,
    TransactionError,
    UniqueViolation,
)
from .frames import MAX_FRAME, Refusal
from .names import own_index_name


@dataclass(frozen=True, slots=True)
class Subject:
    """What a request is about: what its errors say and its observers are told."""

    database: str = ""
    collection: str = ""
    key: str = ""
    query: str = ""
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])


NOWHERE = Subject()
Match: TypeAlias = "re.Match[str]"
Make: TypeAlias = Callable[[Match, Subject], SolidbError]


def fault(refusal: Refusal, context: Subject = NOWHERE) -> SolidbError:
    """Return the error for a refusal; with the query attached wherever one was asked."""
    for variants, pattern, make in TABLE:
        if refusal.variant in variants and (match := pattern.search(refusal.text)):
            error = make(match, context)
            break
    else:
        error = DatabaseError(f"{refusal.variant}: {refusal.text}" if refusal.text else refusal.variant)
    if isinstance(error, QueryError):
        error.query, error.binds = context.query, dict(context.binds)
    return error


def _plain(kind: Callable[..., SolidbError], hint: str | None = None) -> Make:
    def make(match: Match, context: Subject) -> SolidbError:
        return kind(match.groupdict().get("text") or match.string, hint=hint)

    return make


def _named(kind: Callable[..., SolidbError], template: str, hint: str | None = None) -> Make:
    """Make an error with a ``name``, from the group of that name; ``{name}`` may stand in both texts."""

    def make(match: Match, context: Subject) -> SolidbError:
        name = match["name"]
        return kind(template.format(name=name), name=name, hint=hint.format(name=name) if hint else None)

    return make


def _document(kind: Callable[..., SolidbError], template: str, hint: str | None = None) -> Make:
    """Make an error about one document, named by the text, else by what was asked."""

    def make(match: Match, context: Subject) -> SolidbError:
        groups = match.groupdict()
        collection = groups.get("collection") or context.collection
        key = groups.get("key") or context.key
        place = f"{collection}/{key}" if collection and key else key or collection or "a document"
        return kind(template.format(place=place, **groups), collection=collection, key=key, hint=hint)

    return make


def _missing_collection(match: Match, context: Subject) -> SolidbError:
    name = match["name"]
    where = f" in the database {context.database!r}" if context.database else ""
    return CollectionNotFound(
        f"there is no collection {name!r}{where}",
        name=name,
        hint="make it with engine.create_all(..), or client.create_collection(db, name)",
    )


def _missing_document(match: Match, context: Subject) -> SolidbError:
    key = match["key"]
    place = f"{context.collection}/{key}" if context.collection else key
    return DocumentNotFound(f"there is no document {place}", name=key, collection=context.collection)


def _unique(match: Match, context: Subject) -> SolidbError:
    index, nulls = own_index_name(match["index"])
    fields = _list_of_strings(match["fields"])
    fields = fields[: len(fields) - len(nulls)]
    value = re.sub(r"\b[A-Z]\w*\((.*?)\)(?=[,\]])", r"\1", match["value"])
    place = f"{context.collection}/{context.key}" if context.key else context.collection or "the document"
    return UniqueViolation(
        f"{place}: Unique constraint violated: the index {index} on {', '.join(fields)}"
        f" already holds {value}",
        collection=context.collection,
        key=context.key,
        index=index,
        fields=fields,
        hint="give it another value, or load the document that holds this one and change that",
    )


def _list_of_strings(text: str) -> tuple[str, ...]:
    try:
        return tuple(str(item) for item in json.loads(text))
    except ValueError:
        return (text,)


def _syntax(match: Match, context: Subject) -> SolidbError:
    return QuerySyntaxError(match["text"], query=context.query)


def _too_large(match: Match, context: Subject) -> SolidbError:
    return MessageTooLarge(
        "the server refused a message as too large", limit=MAX_FRAME, hint="send fewer documents at once"
    )


_DB = frozenset({"DatabaseError"})
_TX = frozenset({"TransactionError"})
_STORAGE = _DB | _TX  # inside a transaction the same texts come with the other variant
_AUTH = frozenset({"AuthError"})
_SHAPE = frozenset({"ProtocolError", "InvalidCommand"})
_CREATE_DATABASE = "make it with engine.create_database() or client.create_database(name); or check the name"
_LOG_IN = "check the user and the password in the URL"

_ROWS: list[tuple[frozenset[str], str, Make]] = [
    (frozenset({"MessageTooLarge"}), r"", _too_large),
    # authentication
    (
        _AUTH,
        r"^Forbidden: (?:Access denied: )?(?P<text>.*)",
        _plain(PermissionDenied, "ask an administrator for a role"),
    ),
    (
        _AUTH,
        r"^API key does not have access",
        _plain(PermissionDenied, "use a key of this database, or the other database"),
    ),
    (_AUTH, r"^Too many failed", _plain(AuthError, "wait; repeated attempts prolong it")),
    (
        _AUTH,
        r"^Invalid credentials",
        lambda match, context: AuthError("the server refused the user or the password", hint=_LOG_IN),
    ),
    (
        _AUTH,
        r"^(Invalid API key|API key expired)",
        _plain(AuthError, "make a new API key, or use a user and a password"),
    ),
    (_AUTH, r"^Session no longer valid", _plain(AuthError, "log in again: the user or the key has changed")),
    (
        _AUTH,
        r"^Authentication required",
        _plain(
            AuthError, "solidb://user:password@host:6745/database, or client.auth(database, user, password)"
        ),
    ),
    (_AUTH, r"", _plain(AuthError)),
    # databases and collections; the server words databases as collections
    (
        _STORAGE,
        r"^Database not found: (?:Collection 'Database ')?(?P<name>.*?)(?:' not found' not found)?$",
        _named(DatabaseNotFound, "there is no database {name!r}", _CREATE_DATABASE),
    ),
    (
        _STORAGE,
        r"^(?:Collection ')?Database '(?P<name>.*?)' not found(?:' not found)?$",
        _named(DatabaseNotFound, "there is no database {name!r}", _CREATE_DATABASE),
    ),
    (
        _STORAGE,
        r"^Collection 'Database '(?P<name>.*)' already exists' already exists$",
        _named(DatabaseExists, "there is a database {name!r} already"),
    ),
    (_STORAGE, r"^Invalid document: (?P<text>Invalid database name.*)", _plain(InvalidCommand)),
    (_STORAGE, r"^Invalid document: (?P<text>Cannot delete _system database.*)", _plain(PermissionDenied)),
    (
        _STORAGE,
        r"^Collection 'Columnar collection '(?P<name>.*)' not found' not found$",
        _named(CollectionNotFound, "there is no columnar table {name!r}", "make it with columnar.create(..)"),
    ),
    (
        _STORAGE,
        r"Collection '(?P<name>[^']*)' not found$",
        _missing_collection,
    ),
    (
        _STORAGE,
        r"^Collection '(?:_columnar_)?(?P<name>.*)' already exists$",
        _named(CollectionExists, "there is a collection {name!r} already"),
    ),
    # indexes
    (
        _STORAGE,
        r"^Invalid document: (?:\w+ )*Index '(?P<name>.*)' already exists$",
        _named(
            IndexExists, "there is an index {name!r} already", "drop it first, or give the new one a name"
        ),
    ),
    (
        _STORAGE,
        r"(?:^|^Invalid document: )(?:\w+ )*Index '(?P<name>.*)' not found$",
        _named(IndexNotFound, "there is no index {name!r}"),
    ),
    (
        _STORAGE,
        r"(?P<text>Geo index not found.*)",
        _plain(IndexNotFound, "declare a GeoIndex on this attribute and create it"),
    ),
    # documents
    (_STORAGE, r"Document with key '(?P<key>.*)' not found$", _missing_document),
    (_STORAGE, r"^Blob not found: (?P<key>.*)$", _missing_document),
    (
        _STORAGE,
        r"^Conflict: Document with _key '(?P<key>.*)' already exists$",
        _document(DuplicateKey, "there is a document {place} already", "choose another key, or upsert"),
    ),
    (
        _STORAGE,
        r"^Transaction conflict: .*?'(?P<key>.*)' already exists in [^:]*:(?P<collection>.*?)(?:/.*)?$",
        _document(DuplicateKey, "there is a document {place} already", "choose another key, or upsert"),
    ),
    (
        _STORAGE,
        r"Duplicate insert for key [^:]*:(?P<collection>[^:]*):(?P<key>.*) within transaction$",
        _document(DuplicateKey, "the key of {place} is used by two new documents"),
    ),
    (
        _STORAGE,
        r"^Invalid document: Duplicate _key '(?P<key>.*)' within batch$",
        _document(DuplicateKey, "the key of {place} is used twice in one batch"),
    ),
    (
        _STORAGE,
        r"Unique constraint .*fields '(?P<fields>.*)' with value (?P<value>.*) already .+'(?P<index>.*)'",
        _unique,
    ),
    (
        _STORAGE,
        r"Unique constraint violated: document '(?P<key>.*)' repeats",
        _document(UniqueViolation, "{place} repeats a value of a unique index that another new document has"),
    ),
    (_STORAGE, r"(?P<text>Unique constraint violated.*)", _document(UniqueViolation, "{place}: {text}")),
    (
        _STORAGE,
        r"Schema validation failed",
        _document(
            SchemaViolation,
            "{place} does not fit the collection's JSON Schema",
            "the server does not say which attribute; compare the document with the schema",
        ),
    ),
    (
        _STORAGE,
        r"^Invalid document: (?P<text>Invalid JSON Schema.*)",
        _plain(InvalidCommand, "the server takes JSON Schema, 2020-12 unless $schema says otherwise"),
    ),
    (
        _STORAGE,
        r"^Invalid document: (?P<text>Edge document must .*)",
        _document(InvalidDocument, "{place}: {text}", "an edge needs both of its ends"),
    ),
    (_STORAGE, r"^Invalid document: (?P<text>.*)", _document(InvalidDocument, "{place}: {text}")),
    # queries
    (
        _STORAGE,
        r"^(?:Parse error: )+(?P<text>Query nesting too deep.*)",
        _plain(QueryLimitError, "compute a part of it in Python, or in a statement of its own"),
    ),
    (_STORAGE, r"^(?:Parse error: )+(?P<text>.*)", _syntax),
    (
        _STORAGE,
        r"^(?P<text>Query execution timeout.*)",
        _plain(QueryTimeout, "30 seconds is the server's limit: add an index, filter more, or page"),
    ),
    (
        _STORAGE,
        r"^Query execution error: (?P<text>.*(?:intermediate rows|too many rows|too deep|row limit).*)",
        _plain(QueryLimitError, "filter earlier, or page"),
    ),
    (_STORAGE, r"^Query execution error: (?P<text>.*)", _plain(QueryError)),
    # transactions
    (
        _STORAGE,
        r"^Transaction conflict: Write conflict: (?P<text>.*)",
        _plain(TransactionConflict, "another transaction holds it; try again, as session.run(work) does"),
    ),
    (
        _STORAGE,
        r"^Transaction conflict: (?P<text>.*)",
        _plain(TransactionConflict, "reload what was changed and try again"),
    ),
    (
        _TX,
        r"^Transaction(?: '.*')? not found",
        _plain(TransactionError, "it ended: a server transaction lives for at most 300 seconds"),
    ),
    (_TX, r"Transaction timeout|timed out", _plain(TransactionError)),
    # the rest, by the storage prefixes
    (
        _STORAGE,
        r"^Forbidden: (?:Access denied: )?(?P<text>.*)",
        _plain(PermissionDenied, "the server keeps this from drivers, or from this user"),
    ),
    (_STORAGE, r"^Operation not supported: (?P<text>.*)", _plain(NotSupportedByServerError)),
    (_STORAGE, r"^Cluster operations require HTTP API", _plain(NotSupportedByServerError, "use HTTP")),
    (_STORAGE, r"^Role not found: (?P<name>.*)", _named(NotFoundError, "there is no role {name!r}")),
    (_STORAGE, r"^Conflict: (?P<text>.*)", _plain(TransactionConflict)),
    (_STORAGE, r"^(?P<text>.* too large to export in one reply.*)", _plain(MessageTooLarge, "page instead")),
    (_STORAGE, r"^(?:Bad Request|JSON error): (?P<text>.*)", _plain(InvalidCommand)),
    (_STORAGE, r"^(?P<text>.*timed out.*)", _plain(RequestTimeout)),
    (_TX, r"", _plain(TransactionError)),
    (_DB, r"", _plain(DatabaseError)),
    (
        _SHAPE,
        r"unknown variant `(?P<name>[^`]*)`",
        lambda match, context: NotSupportedByServerError(
            f"the server knows no command {match['name']!r}",
            hint="this package speaks to SoliDB 2.6 and later",
        ),
    ),
    (_SHAPE, r"(?:Deserialization failed: )?(?P<text>.*)", _plain(InvalidCommand)),
]

TABLE = [(variants, re.compile(pattern, re.DOTALL), make) for variants, pattern, make in _ROWS]
"""Variants, a pattern of the text, and what to make of it; the first that fits."""
