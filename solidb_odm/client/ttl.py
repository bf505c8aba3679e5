"""``client.ttl``: indexes by which documents expire.

A document expires ``expire_after_seconds`` after the time in the indexed attribute: an integer of seconds
since 1970, or an RFC 3339 text with its offset (``Z``). Documents with any other value never expire.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

from .._dataclasses import dataclass
from .._types import Json
from ..errors import DocumentNotFound, IndexExists, UsageError
from ..wire.exchange import Exchange, accepted, query_request, send, send_all
from ..wire.faults import Subject
from ..wire.names import path, quoted
from .calls import AsyncCaller, Caller
from .requests import about, named
from .results import ClientResult

AT_ONCE = 1000
_RFC_3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class TTLIndexInfo(ClientResult):
    """A TTL index: documents expire this many seconds after the time in the attribute."""

    name: str
    field: str = ""
    expire_after_seconds: int = 0


class TTL(Caller):
    """Calls for TTL indexes, blocking."""

    def create_index(self, collection: str, name: str, field: str, expire_after_seconds: int) -> TTLIndexInfo:
        """Create an index by which documents expire this many seconds after the time in an attribute.

        The time is an integer of seconds since 1970, or an RFC 3339 text with its offset (``Z``); documents
        with any other value never expire. The server removes expired documents once a minute. Existing
        documents are covered too: they are written again unchanged, which gives them new revisions.
        """
        return self._run(create_index(self._database, collection, name, field, expire_after_seconds))

    def update_expiration(self, collection: str, name: str, expire_after_seconds: int) -> TTLIndexInfo:
        """Set another number of seconds for an index.

        The index is dropped and created again, and all documents are written again unchanged.
        """
        return self._run(update_expiration(self._database, collection, name, expire_after_seconds))

    def get_index_info(self, collection: str, name: str) -> TTLIndexInfo:
        """Return the description of an index; raise IndexNotFound if there is none of this name."""
        return self._run(get_index_info(self._database, collection, name))

    def run_cleanup(self, collection: str) -> int:
        """Delete the expired documents now and return their number; the server would do so within a minute.

        The server has no such call: the values that may have expired are read, and the documents deleted.
        """
        return self._run(run_cleanup(self._database, collection))

    def list_indexes(self, collection: str) -> list[TTLIndexInfo]:
        """Return the TTL indexes of a collection."""
        return self._run(list_indexes(self._database, collection))

    def delete_index(self, collection: str, name: str) -> None:
        """Drop an index: its documents no longer expire. Raise IndexNotFound if there is no such index."""
        self._run(delete_index(self._database, collection, name))


class AsyncTTL(AsyncCaller):
    """Calls for TTL indexes, async."""

    async def create_index(
        self, collection: str, name: str, field: str, expire_after_seconds: int
    ) -> TTLIndexInfo:
        """Create an index by which documents expire this many seconds after the time in an attribute.

        The time is an integer of seconds since 1970, or an RFC 3339 text with its offset (``Z``); documents
        with any other value never expire. The server removes expired documents once a minute. Existing
        documents are covered too: they are written again unchanged, which gives them new revisions.
        """
        return await self._run(create_index(self._database, collection, name, field, expire_after_seconds))

    async def update_expiration(self, collection: str, name: str, expire_after_seconds: int) -> TTLIndexInfo:
        """Set another number of seconds for an index.

        The index is dropped and created again, and all documents are written again unchanged.
        """
        return await self._run(update_expiration(self._database, collection, name, expire_after_seconds))

    async def get_index_info(self, collection: str, name: str) -> TTLIndexInfo:
        """Return the description of an index; raise IndexNotFound if there is none of this name."""
        return await self._run(get_index_info(self._database, collection, name))

    async def run_cleanup(self, collection: str) -> int:
        """Delete the expired documents now and return their number; the server would do so within a minute.

        The server has no such call: the values that may have expired are read, and the documents deleted.
        """
        return await self._run(run_cleanup(self._database, collection))

    async def list_indexes(self, collection: str) -> list[TTLIndexInfo]:
        """Return the TTL indexes of a collection."""
        return await self._run(list_indexes(self._database, collection))

    async def delete_index(self, collection: str, name: str) -> None:
        """Drop an index: its documents no longer expire. Raise IndexNotFound if there is no such index."""
        await self._run(delete_index(self._database, collection, name))


def create_index(
    database: str, collection: str, name: str, attribute: str, expire_after_seconds: int
) -> Exchange[TTLIndexInfo]:
    """Create an index that also covers existing documents."""
    _check_seconds(name, expire_after_seconds)
    if any(index.name == name for index in (yield from list_indexes(database, collection))):
        raise IndexExists(f"{collection} has a TTL index {name!r} already", name=name)
    return (yield from _create(database, collection, name, attribute, expire_after_seconds))


def update_expiration(
    database: str, collection: str, name: str, expire_after_seconds: int
) -> Exchange[TTLIndexInfo]:
    """Set another number of seconds for an index, by creating it again."""
    _check_seconds(name, expire_after_seconds)
    old = yield from get_index_info(database, collection, name)
    yield from delete_index(database, collection, name)
    return (yield from _create(database, collection, name, old.field, expire_after_seconds))


def get_index_info(database: str, collection: str, name: str) -> Exchange[TTLIndexInfo]:
    """Return the description of an index."""
    return named((yield from list_indexes(database, collection)), name, collection, "TTL")


def list_indexes(database: str, collection: str) -> Exchange[list[TTLIndexInfo]]:
    """Return the TTL indexes of a collection."""
    request = about("list_ttl_indexes", database, collection)
    answer = yield from send(request, Subject(database, collection), repeatable=True)
    return [TTLIndexInfo.of(row) for row in answer.data]


def delete_index(database: str, collection: str, name: str) -> Exchange[None]:
    """Drop an index; its documents no longer expire."""
    yield from send(about("delete_ttl_index", database, collection, name=name), Subject(database, collection))


def run_cleanup(database: str, collection: str) -> Exchange[int]:
    """Delete the expired documents of a collection now; return their number."""
    removed = 0
    for index in (yield from list_indexes(database, collection)):
        removed += yield from _clean(database, collection, index)
    return removed


def expires_at(value: Json) -> float | None:
    """Return the time of an attribute as the server reads it; None if it never expires."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(value) if value >= 0 else None
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    day, clock, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}.{(fraction or '0')[:6]:0<6}{offset.upper()}")
    except ValueError:
        return None
    return moment.timestamp()


def _create(
    database: str, collection: str, name: str, attribute: str, seconds: int
) -> Exchange[TTLIndexInfo]:
    request = about(
        "create_ttl_index", database, collection, name=name, field=attribute, expire_after_seconds=seconds
    )
    yield from send(request, Subject(database, collection), untimed=True)
    yield from _cover(database, collection, attribute)
    return (yield from get_index_info(database, collection, name))


def _cover(database: str, collection: str, attribute: str) -> Exchange[None]:
    """Write the documents again unchanged: the server's index holds only those written after its creation.

    An empty update reads and writes a document under its lock, so it does not undo concurrent writes.
    """
    context = Subject(database, collection)
    text = (
        f"FOR d IN {quoted(collection)} FILTER d._key > @after AND {path('d', attribute)} != null "
        f"SORT d._key LIMIT {AT_ONCE} RETURN d._key"
    )
    after = ""
    while True:
        request = query_request(text, {"after": after}, database)
        keys: list[str] = (yield from send(request, context, repeatable=True)).data
        updates = [about("update", database, collection, key=key, document={}) for key in keys]
        for answer in (yield from send_all(updates, label="touch", repeatable=True)):
            try:
                accepted(answer, context)
            except DocumentNotFound:
                continue  # removed meanwhile
        if len(keys) < AT_ONCE:
            return
        after = keys[-1]


def _clean(database: str, collection: str, index: TTLIndexInfo) -> Exchange[int]:
    cutoff = time.time() - index.expire_after_seconds
    rows = yield from _candidates(database, collection, index, cutoff)
    expired = [(key, value) for key, value in rows if (at := expires_at(value)) is not None and at <= cutoff]
    removed = 0
    # The value is part of the condition, so that a document which was prolonged meanwhile stays.
    text = (
        f"FOR d IN {quoted(collection)} FILTER d._key IN @keys AND {path('d', index.field)} IN @values "
        f"REMOVE d._key IN {quoted(collection)} RETURN OLD._key"
    )
    for start in range(0, len(expired), AT_ONCE):
        chunk = expired[start : start + AT_ONCE]
        values = list({repr(value): value for _, value in chunk}.values())
        binds = {"keys": [key for key, _ in chunk], "values": values}
        request = query_request(text, binds, database)
        removed += len(
            (yield from send(request, Subject(database, collection, query=text, binds=binds))).data
        )
    return removed


def _candidates(
    database: str, collection: str, index: TTLIndexInfo, cutoff: float
) -> Exchange[Sequence[tuple[str, Json]]]:
    """Return the values that may have expired; texts are compared roughly, because they have offsets."""
    attribute = path("d", index.field)
    try:
        day = (datetime.fromtimestamp(cutoff, UTC) + timedelta(days=2)).strftime("%Y-%m-%d")
    except (ValueError, OverflowError, OSError):
        return []  # before the first year: nothing is as old
    text = (
        f"FOR d IN {quoted(collection)} FILTER d._key > @after AND "
        f"((IS_STRING({attribute}) AND {attribute} < @day) OR "
        f"(IS_INTEGER({attribute}) AND {attribute} >= 0 AND {attribute} <= @cutoff)) "
        f"SORT d._key LIMIT {AT_ONCE * 10} RETURN [d._key, {attribute}]"
    )
    candidates: list[tuple[str, Json]] = []
    after = ""
    while True:
        binds = {"after": after, "day": day, "cutoff": cutoff}
        rows = (yield from send(query_request(text, binds, database), repeatable=True)).data
        candidates += [(str(key), value) for key, value in rows]
        if len(rows) < AT_ONCE * 10:
            return candidates
        after = candidates[-1][0]


def _check_seconds(name: str, seconds: int) -> None:
    # The server takes a negative number for a huge one.
    if type(cast(object, seconds)) is not int or seconds < 0:
        raise UsageError(f"the TTL index {name!r} needs a whole number of seconds, not {seconds!r}")
