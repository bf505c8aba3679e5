"""Taking attributes away from stored documents, under the server's lock of each and without their values.

Of all that the server offers only JSON Patch, as synchronization pushes it, does this. A query reads and
then writes without a lock; a transaction makes the document again, with another time of creation; a
conditional ``PUT`` sends all values as JSON, whose numbers the server reads one unit in the last place off.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Final, TypeAlias

from ..._types import JsonObject, is_map
from ...commands import NullsRemoved, RemoveNulls, call
from ...errors import ProtocolError
from ...wire.exchange import Exchange, HttpAnswer, HttpCall, http_fault, over_http
from ...wire.faults import Subject

_BYTES_AT_ONCE: Final = 1024 * 1024
_CHANGE_SIZE: Final = 2048  # with the longest key, and names of a database and a collection
_STEP_SIZE: Final = 80
_DEVICE: Final = "solidb-odm"
Row: TypeAlias = tuple[str, Sequence[str]]
_VECTOR: Final[JsonObject] = {"versions": {}, "hlc_timestamp": 0, "hlc_counter": 0}


def remove_nulls(command: RemoveNulls, database: str) -> Exchange[NullsRemoved]:
    """Take attributes away; one session serves all pushes, because a user has but 64 of them."""
    session, count = command.session, 0
    for rows in _portions([row for row in command.rows if row[1]]):
        changes = [_change(command.collection, *row, database) for row in rows]
        if not session:
            session = yield from _register(database)
        answer = yield from _push(session, changes)
        if _is_forgotten(answer):
            session = yield from _register(database)
            answer = yield from _push(session, changes)
        count += _accepted(answer, len(changes), Subject(database, command.collection))
    return NullsRemoved(count, session)


def _portions(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Cut rows so that no push is too large: the server reads ten MiB at most."""
    portion: list[Row] = []
    size = 0
    for row in rows:
        added = _CHANGE_SIZE + sum(2 * len(json.dumps(name)) + _STEP_SIZE for name in row[1])
        if portion and size + added > _BYTES_AT_ONCE:
            yield portion
            portion, size = [], 0
        portion.append(row)
        size += added
    if portion:
        yield portion


def _change(collection: str, key: str, names: Sequence[str], database: str) -> JsonObject:
    """Return a change that fails unless all these attributes are there, and null."""
    paths = [f"/{_pointer(name)}" for name in names]
    return {
        "database": database,
        "collection": collection,
        "document_key": key,
        "operation": "Update",
        "document_data": None,
        "parent_vectors": [],
        "vector": _VECTOR,
        "timestamp": 0,
        "is_delta": True,
        "delta_patch": [
            *({"op": "test", "path": path, "value": None} for path in paths),
            *({"op": "remove", "path": path} for path in paths),
        ],
    }


def _pointer(name: str) -> str:
    """Return a name as a part of a JSON Pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _register(database: str) -> Exchange[str]:
    body: JsonObject = {"device_id": _DEVICE, "api_key": "none"}
    answer = yield from over_http("POST", "/_api/sync/session", body, Subject(database))
    return str(answer["session_id"])


def _push(session: str, changes: list[JsonObject]) -> Exchange[HttpAnswer]:
    body: JsonObject = {"session_id": session, "changes": changes, "client_vector": _VECTOR}
    return (yield from call(HttpCall("POST", "/_api/sync/push", body)))


def _is_forgotten(answer: HttpAnswer) -> bool:
    """Return whether the server knows nothing of the session: it was started again, or needed room."""
    text = str(answer.body.get("error", "")) if is_map(answer.body) else ""
    return answer.status == 400 and text.endswith("not found") and "Session '" in text


def _accepted(answer: HttpAnswer, sent: int, context: Subject) -> int:
    if answer.status >= 400:
        raise http_fault(answer, context)
    body: JsonObject = answer.body
    accepted = int(body["accepted"])
    if accepted + int(body["rejected"]) + len(body["conflicts"]) != sent:
        raise ProtocolError(f"the server answered {sent} changes with {accepted} accepted, and not the rest")
    return accepted
