"""From result columns back to values, a column at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import compress
from typing import Any, Final, cast

from ...._dataclasses import dataclass
from ...._types import Json, JsonObject
from ....language.values import canonical, sorted_keys
from .. import json_text
from ..order_key import value_of_key
from .terms import (
    DOCUMENT_COLUMNS,
    Decoder,
    Document,
    JsonPath,
    Kind,
    MaybeDocument,
    Structure,
    Term,
    Vertex,
)

Columns = Sequence[Sequence[Any]]
ROWS: Final = "\0rows"
"""What a query calls the rows of the SQL that says its first clauses; no collection has such a name."""
_NESTED = frozenset((dict, list))
_OWN_KEYS = frozenset((str, int, type(None)))
"""Types of order keys that are the values themselves."""
Reader = Callable[[Columns], "list[Json]"]
"""Makes the values of all rows out of the result's columns."""


@dataclass(frozen=True, slots=True)
class Shape:
    """The columns a term needs in a result, and how the values are read out of them.

    ``load`` reads them with the documents in arrays as they are stored; None where there are none.
    """

    columns: tuple[str, ...]
    read: Reader
    load: Reader | None = None
    flat: Flat | None = None


@dataclass(frozen=True, slots=True)
class Flat:
    """What each column decodes to, where a row is one value, or an array or an object of one column each.

    ``bare`` is the SQL of the columns that are attributes of documents, without JSON around it; "" of others.
    """

    kind: Kind
    names: tuple[str, ...]
    decoders: tuple[Reader, ...]
    bare: tuple[str, ...]


def shape_of(term: Term) -> Shape:
    """Return the shape of what RETURN gives."""
    columns: list[str] = []
    read = _reader(term, columns)
    if (flat := _flat(term)) is not None:
        return Shape(tuple(columns), read, flat=flat)
    if not isinstance(term, Structure) or term.kind != "array" or not any(map(_is_stored, term.items)):
        return Shape(tuple(columns), read)
    again: list[str] = []
    readers = [_stored(item, again) if _is_stored(item) else _reader(item, again) for item in term.items]
    return Shape(tuple(columns), read, lambda values: list(map(list, _rows(readers, values))))


def _flat(term: Term) -> Flat | None:
    items = term.items if isinstance(term, Structure) else (term,)
    if any(isinstance(item, Document | MaybeDocument | Structure) for item in items):
        return None
    is_structure = isinstance(term, Structure)
    return Flat(
        term.kind if is_structure else "any",
        term.names if isinstance(term, Structure) else (),
        tuple(_DECODERS[item.output[1]] for item in items),
        tuple(item.bare if isinstance(item, JsonPath) else "" for item in items),
    )


def _is_stored(term: Term) -> bool:
    """Return whether a term is a document of one table, or null."""
    document = term.document if isinstance(term, MaybeDocument) else term
    return type(document) is Document


def _stored(term: Term, columns: list[str]) -> Reader:
    """Return what reads documents as they are stored."""
    at, width = len(columns), len(DOCUMENT_COLUMNS)
    _reader(term, columns)
    if isinstance(term, MaybeDocument):
        return lambda values: [
            None if key is None else row
            for key, row in zip(values[at], zip(*values[at : at + width], strict=True), strict=True)
        ]
    return lambda values: list(zip(*values[at : at + width], strict=True))


def _reader(term: Term, columns: list[str]) -> Reader:
    if isinstance(term, Document):
        return _document(term, columns)
    if isinstance(term, MaybeDocument) and type(term.document) is Document:
        return _document_or_null(term.document, columns)
    if isinstance(term, Structure):
        return _structure(term, columns)
    sql, decoder = term.output
    at = len(columns)
    columns.append(sql)
    decode = _DECODERS[decoder]
    return lambda values: decode(values[at])


def _document_or_null(term: Document, columns: list[str]) -> Reader:
    at = len(columns)
    read = _document(term, columns)

    def read_some(values: Columns) -> list[Json]:
        there = [key is not None for key in values[at]]
        documents = iter(read([list(compress(column, there)) for column in values]) if any(there) else ())
        return [next(documents) if is_there else None for is_there in there]

    return read_some


def _document(term: Document, columns: list[str]) -> Reader:
    at = len(columns)
    width = len(DOCUMENT_COLUMNS)
    columns.extend(map(term.column, DOCUMENT_COLUMNS))
    if isinstance(term, Vertex):
        columns.append(term.id)
        return lambda values: _vertices(values[at : at + width], values[at + width])
    prefix = f"{term.database}:{term.collection}/"
    return lambda values: list(map(_in_order, full_documents(prefix, values[at : at + width])))


def _vertices(columns: Columns, ids: Sequence[str]) -> list[Json]:
    documents = full_documents("", columns)
    for document, vertex in zip(documents, ids, strict=True):
        document["_id"] = vertex
    return list(map(_in_order, documents))


def full_documents(prefix: str, columns: Columns) -> list[JsonObject]:
    """Return documents with all their system attributes, from the columns of their table."""
    try:
        return _full_documents(prefix, columns)
    except TypeError as exc:  # a text that is no object
        raise json_text.damaged(exc) from exc


def _full_documents(prefix: str, columns: Columns) -> list[JsonObject]:
    keys, revisions, created, updated, texts = columns
    if len(texts) == 1:
        return [_full(prefix, keys[0], revisions[0], created[0], updated[0], texts[0])]
    documents: list[JsonObject] = json_text.decode_many(texts)
    for document, key, revision, made, changed in zip(
        documents, keys, revisions, created, updated, strict=True
    ):
        document["_key"] = key
        document["_id"] = prefix + key
        document["_rev"] = revision
        document["_created_at"] = made
        document["_updated_at"] = changed
    return documents


def _full(prefix: str, key: str, revision: str, made: str, changed: str, text: str) -> JsonObject:
    document: JsonObject = json_text.decode(text)
    document["_key"] = key
    document["_id"] = prefix + key
    document["_rev"] = revision
    document["_created_at"] = made
    document["_updated_at"] = changed
    return document


def _in_order(document: JsonObject) -> JsonObject:
    """Return a document with the keys of all its objects in byte order, as the server sends it."""
    return {
        name: sorted_keys(value) if type(value := document[name]) in _NESTED else value
        for name in sorted(document)
    }


def _structure(term: Structure, columns: list[str]) -> Reader:
    at = len(columns)
    readers = [_reader(item, columns) for item in term.items]
    names = term.names
    if term.kind == "array":
        if readers and all(_is_plain_json(item) for item in term.items):
            return lambda values: _arrays(values[at : at + len(readers)])
        return lambda values: list(map(list, _rows(readers, values)))
    return lambda values: [dict(zip(names, row, strict=True)) for row in _rows(readers, values)]


def _is_plain_json(term: Term) -> bool:
    return not isinstance(term, Document | MaybeDocument | Structure) and term.output[1] == "json"


def _arrays(columns: Columns) -> list[Json]:
    """Return arrays of values in JSON: read as one text, unless some are null or objects among them."""
    try:
        text = "],[".join(map(",".join, zip(*columns, strict=True)))
    except TypeError:  # null, or a damaged text
        text = "{"
    if "{" not in text:
        whole: list[Json] = json_text.decode(f"[[{text}]]")
        return whole
    return list(map(list, zip(*map(_from_json, columns), strict=True)))


def _rows(readers: list[Reader], values: Columns) -> Sequence[tuple[Json, ...]]:
    if not readers:
        return [()] * (len(values[0]) if values else 0)
    return list(zip(*(read(values) for read in readers), strict=True))


def _from_json(texts: Sequence[str | None]) -> list[Json]:
    whole = ["null" if text is None else text for text in texts] if None in texts else texts
    values = json_text.decode_many(cast("Sequence[str]", whole))
    if _NESTED.isdisjoint(map(type, values)):
        return values
    return [sorted_keys(value) if type(value) in _NESTED else value for value in values]


def _from_key(keys: Sequence[Any]) -> list[Json]:
    if _OWN_KEYS.issuperset(map(type, keys)):
        return list(keys)
    return list(map(value_of_key, keys))


def _from_bool(numbers: Sequence[int]) -> list[Json]:
    return list(map(bool, numbers))


_DECODERS: dict[Decoder, Callable[[Sequence[Any]], list[Json]]] = {
    "json": _from_json,
    "key": _from_key,
    "bool": _from_bool,
}


def distinct_values(values: list[Json]) -> list[Json]:
    """Return each value once, where it stands first; 1 and 1.0 are one value."""
    seen: set[Any] = set()
    kept: list[Json] = []
    for value in values:
        mark = canonical(value)
        if mark not in seen:
            seen.add(mark)
            kept.append(value)
    return kept
