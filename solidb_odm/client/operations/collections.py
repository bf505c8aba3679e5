"""What is done to whole collections: maintenance, schemas, export and import."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..._types import JsonObject
from ...commands import SetSchema, ValidationMode
from ...engines.solidb import definitions
from ...engines.solidb.reads import query_request
from ...errors import UsageError
from ...wire.faults import Context
from ...wire.names import quoted
from ...wire.requests import Exchange, ask

MODES: dict[str, ValidationMode] = {"strict": "strict", "lenient": "lenient", "off": "off"}


def truncate(database: str, collection: str) -> Exchange[None]:
    """Delete all documents; indexes and schema stay."""
    yield from _do("truncate_collection", database, collection)


def compact(database: str, collection: str) -> Exchange[None]:
    """Give disk space back."""
    yield from _do("compact_collection", database, collection)


def repair(database: str, collection: str) -> Exchange[int]:
    """Count the documents anew and build the indexes again; give the count.

    The server's own repair is for sharded collections only.
    """
    count: int = (yield from _do("recount_collection", database, collection)).total
    yield from _do("rebuild_indexes", database, collection)
    return count


def set_schema(
    database: str, collection: str, schema: Mapping[str, Any], mode: str = "strict"
) -> Exchange[None]:
    """Have documents checked against a JSON Schema from now on."""
    found = MODES.get(mode)
    if found is None:
        raise UsageError(f"{mode!r} is not a way to validate", hint=f"one of {', '.join(MODES)}")
    command = SetSchema(collection, dict(schema), found)
    yield from definitions.set_schema(command, database)


def get_schema(database: str, collection: str) -> Exchange[JsonObject | None]:
    """Give the JSON Schema, if there is one."""
    answer = yield from _do("get_collection_schema", database, collection, repeatable=True)
    return definitions.own_schema(definitions.schema_of(answer.data)[0])


def delete_schema(database: str, collection: str) -> Exchange[None]:
    """Check documents no longer."""
    yield from _do("delete_collection_schema", database, collection)


def store(database: str, collection: str, chunk: Sequence[JsonObject], mode: str) -> Exchange[int]:
    """Store one chunk of an import; count it."""
    if mode == "insert":
        request = {"cmd": "bulk_insert", "database": database, "collection": collection}
        answer = yield from ask(
            request | {"documents": list(chunk)}, Context(database, collection), unhurried=True
        )
        return answer.total
    if mode != "upsert":
        raise UsageError(f"{mode!r} is not a way to import", hint="insert or upsert")
    return (yield from _upsert(database, collection, chunk))


def _upsert(database: str, collection: str, documents: Sequence[JsonObject]) -> Exchange[int]:
    """Store documents, in place of those with the same keys."""
    text = (
        f"FOR d IN @documents INSERT d INTO {quoted(collection)} "
        "OPTIONS {overwriteMode: 'replace'} RETURN NEW._key"
    )
    request = query_request(text, {"documents": list(documents)}, database)
    answer = yield from ask(request, Context(database, collection, query=text), unhurried=True)
    return len(answer.data)


def _do(cmd: str, database: str, collection: str, repeatable: bool = False) -> Exchange[Any]:
    request = {"cmd": cmd, "database": database, "collection": collection}
    context = Context(database, collection)
    return (yield from ask(request, context, repeatable=repeatable, unhurried=not repeatable))
