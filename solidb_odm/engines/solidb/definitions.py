"""Declaring: databases, collections, indexes, schemas; and reading back what is declared.

Indexes on the wire: each family has its own commands, lists and spellings.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
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
    IndexKind,
    IndexSpec,
    ListCollections,
    Metric,
    SetSchema,
)
from ...errors import (
    DatabaseExists,
    DocumentNotFound,
    IndexExists,
    IndexNotFound,
    NotSupportedByServerError,
    UniqueViolation,
    UsageError,
)
from ...language.stored_documents import SYSTEM_ATTRIBUTES
from ...wire.exchange import Exchange, accepted, over_http, query_request, send, send_all
from ...wire.faults import Subject
from ...wire.names import checked, own_index_name, partial_index_name, path, quoted

LISTS = ("list_indexes", "list_geo_indexes", "list_vector_indexes", "list_ttl_indexes")
"""The commands that list indexes: one a family, persistent and fulltext ones share the first."""

DROP: dict[IndexKind, str] = {
    "persistent": "delete_index",
    "fulltext": "delete_index",
    "geo": "delete_geo_index",
    "vector": "delete_vector_index",
    "ttl": "delete_ttl_index",
}

# Any other spelling is taken for Cosine, without a word.
_METRICS: dict[Metric, str] = {"cosine": "Cosine", "euclidean": "Euclidean", "dot": "DotProduct"}
_METRIC_NAMES: dict[str, Metric] = {spelling: metric for metric, spelling in _METRICS.items()}
_AUTOMATIC = ("_edge_from_idx", "_edge_to_idx")


def _persistent(index: IndexSpec) -> JsonObject:
    """Return the request for an index; one over elements, which the server does not know, stays empty."""
    if index.problem:
        raise UsageError(f"the index {index.name!r}: {index.problem}")
    if not index.fields:
        raise UsageError(f"the index {index.name!r} has no attributes")
    return {
        "cmd": "create_index",
        "name": wire_name(index),
        "fields": [*index.fields, *_nulls(index)],
        "unique": index.unique,
    }


def _nulls(index: IndexSpec) -> list[str]:
    """Return the paths that are null in the documents a unique index is for.

    The server has no partial indexes. One over these paths too is as good: among the documents that have
    null there it compares the other values, as null counts as a value beside one; the rest are told apart
    by what they have there, which is the time at which they were deleted.
    """
    if all(value is None for _, value in index.where):
        return [path for path, _ in index.where]
    raise NotSupportedByServerError(
        f"the unique index {index.name!r} is for documents with {dict(index.where)!r}, and a server has no "
        "index for some of the documents",
        hint="index a computed field that is None in all others (of a @computed_field, null is never taken), "
        "or keep the values that must differ in a collection of their own",
    )


def wire_name(index: IndexSpec) -> str:
    """Return what an index is called on the server."""
    return partial_index_name(index.name, _nulls(index))


def _geo(index: IndexSpec) -> JsonObject:
    return {"cmd": "create_geo_index", "name": index.name, "field": _only(index)}


def _vector(index: IndexSpec) -> JsonObject:
    if index.dimension < 1:  # the server would leave a broken index behind
        raise UsageError(f"the vector index {index.name!r} needs a dimension of at least 1")
    return {
        "cmd": "create_vector_index",
        "name": index.name,
        "field": _only(index),
        "dimensions": index.dimension,
        "metric": _METRICS[index.metric],
    }


def _ttl(index: IndexSpec) -> JsonObject:
    if index.seconds < 0:  # the server would never let anything expire
        raise UsageError(f"the TTL index {index.name!r} can't have negative seconds")
    return {
        "cmd": "create_ttl_index",
        "name": index.name,
        "field": _only(index),
        "expire_after_seconds": index.seconds,
    }


CREATE: dict[IndexKind, Callable[[IndexSpec], JsonObject]] = {
    "persistent": _persistent,
    "geo": _geo,
    "vector": _vector,
    "ttl": _ttl,
}
"""The request that makes an index, for the kinds that the driver protocol can make."""


def _only(index: IndexSpec) -> str:
    if len(index.fields) != 1:
        raise UsageError(
            f"the {index.kind} index {index.name!r} covers one attribute, not {len(index.fields)}"
        )
    return index.fields[0]


def own_indexes(lists: Sequence[Sequence[JsonObject]]) -> tuple[IndexSpec, ...]:
    """Read the answers of the four lists; the ones that edge collections have anyway are left out."""
    specs = [
        index_spec(row, family)
        for rows, family in zip(lists, ("", "geo", "vector", "ttl"), strict=True)
        for row in rows
        if row["name"] not in _AUTOMATIC
    ]
    return tuple(sorted(specs, key=lambda index: (index.name, index.kind)))


def index_spec(row: JsonObject, family: str) -> IndexSpec:
    """Read one row of a list."""
    name = str(row["name"])
    fields = tuple(cast(list[str], row.get("fields") or [row["field"]]))
    if family == "geo":
        return IndexSpec(name, "geo", fields)
    if family == "vector":
        metric = _METRIC_NAMES.get(str(row.get("metric")), "cosine")
        return IndexSpec(name, "vector", fields, dimension=int(row["dimension"]), metric=metric)
    if family == "ttl":
        return IndexSpec(name, "ttl", fields, seconds=int(row["expire_after_seconds"]))
    if row["index_type"] == "Fulltext":
        return IndexSpec(name, "fulltext", fields, minimum_length=int(row.get("min_length") or 3))
    name, nulls = own_index_name(name)
    where = tuple((path, None) for path in nulls)
    return IndexSpec(
        name, "persistent", fields[: len(fields) - len(nulls)], unique=bool(row.get("unique")), where=where
    )


def duplicates_query(index: IndexSpec, collection: str) -> str:
    """Return the query for values that more than one document holds; all null is no value."""
    paths = [path("d", field) for field in index.fields]
    present = " OR ".join(f"{item} != null" for item in paths)
    held = "".join(f" AND {path('d', field)} == null" for field in _nulls(index))
    groups = ", ".join(f"k{number} = {item}" for number, item in enumerate(paths))
    values = ", ".join(f"k{number}" for number in range(len(paths)))
    # The groups stand in a subquery: LIMIT right after COLLECT would be applied before it.
    return (
        f"FOR g IN (FOR d IN {collection} FILTER ({present}){held} COLLECT {groups} WITH COUNT INTO n "
        f"RETURN {{values: [{values}], n: n}}) FILTER g.n > 1 LIMIT 1 RETURN g.values"
    )


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
    existing = next(
        (other for other in present if (other.name, other.kind) == (index.name, index.kind)), None
    )
    if existing is None:
        raise IndexNotFound(f"{collection} has no {index.kind} index {index.name!r}", name=index.name)
    name = wire_name(existing)
    request = {"cmd": DROP[index.kind], "database": database, "collection": collection, "name": name}
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
