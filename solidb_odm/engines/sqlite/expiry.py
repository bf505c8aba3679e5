"""Removing documents whose time is over, as TTL indexes say.

As on the server, the field holds whole seconds since 1970 or an RFC 3339 text; a document in which
it holds anything else stays for ever.
"""

from __future__ import annotations

import sqlite3
import time
from datetime import UTC, datetime, timedelta

from .catalogue import Catalogue, Collection, StoredIndex
from .layout import key_of_field
from .replica.scope import is_replica, mirroring, unedited_sql

_EARLIEST = -60_000_000_000
"""Seconds before 1970 in the first century; nothing has been there for longer."""
_MARGIN = timedelta(days=2)
"""How far two texts for one moment can be apart in byte order, because of their offsets."""


def has_expiry(catalogue: Catalogue) -> bool:
    """Return whether any collection has a TTL index."""
    return any(index.spec.kind == "ttl" for _, index in _all_indexes(catalogue))


def remove_expired(connection: sqlite3.Connection, catalogue: Catalogue) -> int:
    """Delete what has expired, in the open transaction; return how many documents.

    In a replica that is no edit, and what was edited and not pushed yet stays.
    """
    expiring = [pair for pair in _all_indexes(catalogue) if pair[1].spec.kind == "ttl"]
    if not is_replica(connection):
        return sum(_remove(connection, collection, index) for collection, index in expiring)
    with mirroring(connection):
        return sum(
            _remove(connection, collection, index, f" AND {unedited_sql(collection.name)}")
            for collection, index in expiring
        )


def _all_indexes(catalogue: Catalogue) -> list[tuple[Collection, StoredIndex]]:
    collections = [catalogue.need(name) for name in catalogue.names()]
    return [(collection, index) for collection in collections for index in collection.indexes]


def _remove(
    connection: sqlite3.Connection, collection: Collection, index: StoredIndex, condition: str = ""
) -> int:
    key = key_of_field(index.spec.fields[0])
    limit = int(time.time()) - index.spec.seconds
    if limit < _EARLIEST:
        return 0
    latest = (datetime.fromtimestamp(limit, UTC) + _MARGIN).isoformat()
    seconds = connection.execute(
        f"DELETE FROM {collection.table} WHERE {key} >= 0 AND {key} <= ? AND typeof({key}) = 'integer'"
        f"{condition}",
        (limit,),
    )
    texts = connection.execute(
        f"DELETE FROM {collection.table} WHERE {key} >= '' AND {key} <= ? AND {key} GLOB '????-??-??T*'"
        f" AND unixepoch({key}) <= ?{condition}",
        (latest, limit),
    )
    return seconds.rowcount + texts.rowcount
