"""Making and deleting collections and indexes.

Removing documents whose time is over, as TTL indexes say.

As on the server, the field holds whole seconds since 1970 or an RFC 3339 text; a document in which
it holds anything else stays for ever.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

from ...commands import (
    CreateCollection,
    CreateIndex,
    DropCollection,
    DropIndex,
    IndexSpec,
    RenameCollection,
    SetSchema,
)
from ...errors import CollectionExists, ConfigurationError, IndexExists, UniqueViolation, UsageError
from . import layout, library
from .analysis import gather, is_large
from .catalogue import Catalogue, Collection, StoredIndex
from .layout import key_of_field
from .replica.capture import capture, captures, is_captured, is_replica, mirroring, unedited_sql


class Definition:
    """Change the schema of the file, in the open transaction of one connection."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue) -> None:
        self._connection = connection
        self._catalogue = catalogue

    def create_collection(self, command: CreateCollection) -> None:
        if not command.name or "\0" in command.name:
            raise ConfigurationError(f"{command.name!r} can't be the name of a collection")
        if self._catalogue.find(command.name) is not None:
            raise CollectionExists(f"Collection '{command.name}' already exists", name=command.name)
        self._run(layout.create_collection(command.name, command.kind))
        self._catalogue.add_collection(command.name, command.kind)
        self._catalogue.refresh()
        if captures(self._connection, command.name, command.kind):
            capture(self._connection, self._catalogue.need(command.name))

    def drop_collection(self, command: DropCollection) -> None:
        collection = self._catalogue.need(command.name)
        if is_captured(self._connection, command.name):
            raise UsageError(
                f"{command.name!r} is synced with a server: dropped here, it would come back",
                hint="drop it on the server, or delete its documents here, which is synced",
            )
        for index in collection.indexes:
            self._run(layout.drop_index(index))
        self._run([f"DROP TABLE {collection.table}"])
        self._catalogue.remove_collection(command.name)
        self._catalogue.refresh()

    def rename_collection(self, command: RenameCollection) -> None:
        collection = self._catalogue.need(command.name)
        if self._catalogue.find(command.new) is not None:
            raise CollectionExists(f"Collection '{command.new}' already exists", name=command.new)
        self._run(layout.rename_collection(collection, command.new))
        self._catalogue.rename_collection(command.name, command.new)
        self._catalogue.refresh()

    def create_index(self, command: CreateIndex) -> None:
        spec = command.index
        collection = self._catalogue.need(command.collection)
        _check(spec)
        for known in collection.indexes:
            if known.spec.name == spec.name and (known.is_outdated or _sorts_otherwise(known.spec, spec)):
                self._remove_index(known)
            elif known.spec.name == spec.name:
                raise IndexExists(
                    f"Index '{spec.name}' already exists in '{collection.name}'", name=spec.name
                )
        index = self._catalogue.add_index(collection.name, spec)
        try:
            captured = is_captured(self._connection, collection.name)
            self._run(layout.create_index(collection, index, relaxed=captured))
        except library.integrity_errors() as exc:
            raise UniqueViolation(
                f"documents of '{collection.name}' share a value of {', '.join(spec.fields)}:"
                f" the unique index '{spec.name}' was not made",
                collection=collection.name,
                index=spec.name,
                fields=spec.fields,
                hint="change or delete the duplicates first",
            ) from exc
        if is_large(self._connection, collection.table):
            gather(self._connection, collection.table)
        self._catalogue.refresh()

    def drop_index(self, command: DropIndex) -> None:
        self._remove_index(self._catalogue.need(command.collection).index(command.index.name))
        self._catalogue.refresh()

    def _remove_index(self, index: StoredIndex) -> None:
        self._run(layout.drop_index(index))
        self._catalogue.remove_index(index)

    def set_schema(self, command: SetSchema) -> None:
        self._catalogue.need(command.collection)
        self._catalogue.set_schema(command.collection, command.schema, command.validation)
        self._catalogue.refresh()

    def _run(self, statements: Iterable[str]) -> None:
        for statement in statements:
            self._connection.execute(statement)


def _sorts_otherwise(known: IndexSpec, spec: IndexSpec) -> bool:
    """Return whether an index was made before its fields held decimals, or since they did."""
    return known == spec and known.decimals != spec.decimals


def _check(spec: IndexSpec) -> None:
    if not spec.fields:
        raise ConfigurationError(f"index '{spec.name}' names no field")
    if len(spec.fields) > 1 and spec.kind != "persistent":
        raise ConfigurationError(f"index '{spec.name}': a {spec.kind} index has one field")
    if spec.problem:
        raise ConfigurationError(f"index '{spec.name}': {spec.problem}")
    if spec.kind == "vector" and spec.dimension < 1:
        raise ConfigurationError(f"vector index '{spec.name}' needs a dimension from 1 up")


_EARLIEST = -60_000_000_000
"""Seconds before 1970 in the first century; nothing has been there for longer."""
_MARGIN = timedelta(days=2)
"""How far two texts for one moment can be apart in byte order, because of their offsets."""


def expiring(catalogue: Catalogue) -> list[Collection]:
    """Return the collections with a TTL index."""
    collections = (catalogue.need(name) for name in catalogue.names())
    return [collection for collection in collections if any(_expiries(collection))]


def remove_expired(connection: sqlite3.Connection, collections: Iterable[Collection]) -> int:
    """Delete what has expired, in the open transaction; return how many documents.

    In a replica that is no edit, and what was edited and not pushed yet stays.
    """
    pairs = [(collection, index) for collection in collections for index in _expiries(collection)]
    if not pairs:
        return 0
    if not is_replica(connection):
        return sum(_remove(connection, collection, index) for collection, index in pairs)
    with mirroring(connection):
        return sum(
            _remove(connection, collection, index, f" AND {unedited_sql(collection.name)}")
            for collection, index in pairs
        )


def _expiries(collection: Collection) -> Iterator[StoredIndex]:
    return (index for index in collection.indexes if index.spec.kind == "ttl")


def _remove(
    connection: sqlite3.Connection, collection: Collection, index: StoredIndex, condition: str = ""
) -> int:
    key = key_of_field(index.spec.fields[0], exact=collection.exact)
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
