"""Declaring: databases, collections, indexes, schemas; and reading back what is declared."""

from __future__ import annotations

import contextlib
from typing import Any, cast
from urllib.parse import quote

from ..._types import JsonObject
from ...commands import (
    CollectionKind,
    CollectionSpec,
    CountDocuments,
    CreateCollection,
    CreateDatabase,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    DropDatabase,
    DropIndex,
    IndexSpec,
    ListCollections,
    SetSchema,
)
from ...errors import (
    DatabaseExists,
    DocumentNotFound,
    IndexExists,
    IndexNotFound,
    UniqueViolation,
    UsageError,
)
from ...language.documents import SYSTEM_ATTRIBUTES
from ...wire.faults import Subject
from ...wire.names import checked, quoted
from ...wire.requests import Exchange, accepted, over_http, send, send_all
from .index_commands import CREATE, DROP, LISTS, duplicates_query, own_indexes
from .reads import query_request

_TOUCH_AT_ONCE = 1000


def list_collections(_: ListCollections, database: str) -> Exchange[list[str]]:
    """List the collections; the server's own begin with an underscore."""
    answer = yield from send({"cmd": "list_collections", "database": database}, repeatable=True)
    return sorted(name for name in cast(list[str], answer.data) if not name.startswith("_"))


def describe_collection(command: DescribeCollection, database: str) -> Exchange[CollectionSpec | None]:
    """Put together what four index lists, the schema and the HTTP listing say of a collection."""
    listing = yield from over_http("GET", f"/_api/database/{quote(database, safe='')}/collection")
    kinds = {row["name"]: row.get("type", "document") for row in listing["collections"]}
    if command.name not in kinds:
        return None
    place = {"database": database, "collection": command.name}
    requests = [{"cmd": name, **place} for name in (*LISTS, "get_collection_schema")]
    answers = yield from send_all(requests, label="describe", repeatable=True)
    *lists, schema = [accepted(answer).data for answer in answers]
    held, mode = schema_of(schema)
    return CollectionSpec(
        command.name, cast(CollectionKind, kinds[command.name]), own_indexes(lists), own_schema(held), mode
    )


def create_collection(command: CreateCollection, database: str) -> Exchange[None]:
    """Make a collection."""
    request = {
        "cmd": "create_collection",
        "database": database,
        "name": checked(command.name),
        "type": command.kind,
    }
    yield from send(request, Subject(database, command.name))


def drop_collection(command: DropCollection, database: str) -> Exchange[None]:
    """Drop a collection."""
    request = {"cmd": "delete_collection", "database": database, "name": command.name}
    yield from send(request, Subject(database, command.name))


def count_documents(command: CountDocuments, database: str) -> Exchange[int]:
    """Count the documents, from the server's own counter."""
    request = {"cmd": "collection_stats", "database": database, "name": command.name}
    answer = yield from send(request, Subject(database, command.name), repeatable=True)
    return int(answer.data["document_count"])


def create_index(command: CreateIndex, database: str) -> Exchange[None]:
    """Make an index, after the checks that the server leaves out."""
    index, collection = command.index, command.collection
    present = yield from _indexes(collection, database)
    if any(other.name == index.name for other in present):  # the server looks within one family only
        raise IndexExists(
            f"{collection} has an index {index.name!r} already",
            name=index.name,
            hint="drop it first, or give the new one another name",
        )
    if index.unique:
        yield from _refuse_duplicates(index, collection, database)
    context = Subject(database, collection)
    if index.kind == "fulltext":
        yield from _create_fulltext(index, collection, database)
        return
    request = CREATE[index.kind](index) | {"database": database, "collection": collection}
    yield from send(request, context, untimed=True)
    if index.kind == "ttl":
        yield from _touch_all(collection, database)


def drop_index(command: DropIndex, database: str) -> Exchange[None]:
    """Drop an index; looked for first, since for vector ones the server says yes to anything."""
    index, collection = command.index, command.collection
    present = yield from _indexes(collection, database)
    if not any(other.name == index.name and other.kind == index.kind for other in present):
        raise IndexNotFound(f"{collection} has no {index.kind} index {index.name!r}", name=index.name)
    request = {"cmd": DROP[index.kind], "database": database, "collection": collection, "name": index.name}
    yield from send(request, Subject(database, collection), untimed=True)


def set_schema(command: SetSchema, database: str) -> Exchange[None]:
    """Set or take away a collection's schema, in the envelope that the server wants."""
    place = {"database": database, "collection": command.collection}
    context = Subject(database, command.collection)
    if command.schema is None:
        yield from send({"cmd": "delete_collection_schema", **place}, context)
        return
    envelope = {
        "name": command.collection,
        "schema": _with_system_attributes(command.schema),
        "validation_mode": command.validation,
    }
    yield from send({"cmd": "set_collection_schema", **place, "schema": envelope}, context)


def create_database(_: CreateDatabase, database: str) -> Exchange[None]:
    """Make the database; logged in to ``_system``, because it may not be there to log in to."""
    try:
        yield from send({"cmd": "create_database", "name": database}, realm="_system")
    except DatabaseExists:
        return


def drop_database(_: DropDatabase, database: str) -> Exchange[None]:
    """Drop the database."""
    yield from send({"cmd": "delete_database", "name": database}, realm="_system", untimed=True)


def _indexes(collection: str, database: str) -> Exchange[tuple[IndexSpec, ...]]:
    requests = [{"cmd": name, "database": database, "collection": collection} for name in LISTS]
    answers = yield from send_all(requests, label="list_indexes", repeatable=True)
    context = Subject(database, collection)
    return own_indexes([accepted(answer, context).data for answer in answers])


def _refuse_duplicates(index: IndexSpec, collection: str, database: str) -> Exchange[None]:
    """Look for duplicates first: the server makes the index over them in silence."""
    text = duplicates_query(index, quoted(collection))
    answer = yield from send(
        query_request(text, {}, database), Subject(database, collection, query=text), repeatable=True
    )
    for values in cast(list[list[Any]], answer.data):
        raise UniqueViolation(
            f"{collection} can't have a unique index on {', '.join(index.fields)}: "
            f"several documents hold {', '.join(map(repr, values))}",
            collection=collection,
            index=index.name,
            fields=index.fields,
            hint="make them differ first",
        )


def _create_fulltext(index: IndexSpec, collection: str, database: str) -> Exchange[None]:
    if len(index.fields) != 1:
        raise UsageError(
            f"{collection}: a fulltext index covers one attribute, not {len(index.fields)}",
            hint="declare one index for each attribute",
        )
    body = {
        "name": index.name,
        "fields": list(index.fields),
        "type": "fulltext",
        "min_length": index.minimum_length,
    }
    where = f"/_api/database/{quote(database, safe='')}/index/{quote(collection, safe='')}"
    yield from over_http("POST", where, body, Subject(database, collection))


def _touch_all(collection: str, database: str) -> Exchange[None]:
    """Rewrite every document unchanged: a TTL index holds only what is written after it was made."""
    text = (
        f"FOR d IN {quoted(collection)} FILTER d._key > @after SORT d._key "
        f"LIMIT {_TOUCH_AT_ONCE} RETURN d._key"
    )
    after = ""
    while True:
        answer = yield from send(
            query_request(text, {"after": after}, database),
            Subject(database, query=text),
            repeatable=True,
        )
        keys = cast(list[str], answer.data)
        if not keys:
            return
        place: JsonObject = {"cmd": "update", "database": database, "collection": collection, "document": {}}
        answers = yield from send_all([{**place, "key": key} for key in keys], label="touch")
        for key, touched in zip(keys, answers, strict=True):
            with contextlib.suppress(DocumentNotFound):  # deleted meanwhile
                accepted(touched, Subject(database, collection, key))
        after = keys[-1]


def _with_system_attributes(schema: JsonObject) -> JsonObject:
    """Allow the system attributes in a closed schema: updates are checked with them in."""
    if not _is_closed(schema):
        return schema
    properties = cast(JsonObject, schema.get("properties", {}))
    system: JsonObject = {name: {} for name in SYSTEM_ATTRIBUTES if name not in properties}
    return {**schema, "properties": {**properties, **system}}


def _is_closed(schema: JsonObject) -> bool:
    return schema.get("additionalProperties") is False or schema.get("unevaluatedProperties") is False


def schema_of(envelope: JsonObject | None) -> tuple[JsonObject | None, Any]:
    """Read the schema and its mode from what the server keeps."""
    if envelope is None:
        return None, "off"
    return cast(JsonObject, envelope["schema"]), envelope["validation_mode"]


def own_schema(schema: JsonObject | None) -> JsonObject | None:
    """Take the system attributes out of a closed schema again."""
    if schema is None or not _is_closed(schema):
        return schema
    properties = {
        name: part
        for name, part in schema.get("properties", {}).items()
        if not (name in SYSTEM_ATTRIBUTES and part == {})
    }
    return {**schema, "properties": properties}
