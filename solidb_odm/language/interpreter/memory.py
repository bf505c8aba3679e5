"""A database in memory: for tests, and for folding a session's unsent objects into an answer."""

from __future__ import annotations

import uuid
from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from ..._types import Json, JsonObject
from ...errors import CollectionNotFound, DuplicateKey, InvalidDocument, UniqueViolation
from ..functions.built_in import IndexInfo
from ..stored_documents import SYSTEM_ATTRIBUTES, new_key
from ..values import canonical
from .source import EdgeDirection


class MemorySource:
    """Collections as dictionaries, with their keys kept in order."""

    def __init__(
        self,
        collections: Mapping[str, Iterable[JsonObject]] | None = None,
        *,
        database: str = "memory",
        edges: Iterable[str] = (),
    ) -> None:
        self._database = database
        self._documents: dict[str, dict[str, JsonObject]] = {}
        self._keys: dict[str, list[str]] = {}
        self._kinds: dict[str, str] = {}
        self._indexes: dict[str, list[IndexInfo]] = {}
        self._unique: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        self._adjacent: dict[tuple[str, str], dict[str, list[JsonObject]]] = {}
        for name in edges:
            self.create(name, kind="edge")
        for name, documents in (collections or {}).items():
            self.create(name)
            for document in documents:
                self.insert(name, document)

    @property
    def database(self) -> str:
        return self._database

    def create(self, name: str, *, kind: str = "document") -> None:
        """Make an empty collection, unless there is one."""
        if name not in self._documents:
            self._documents[name], self._keys[name], self._kinds[name] = {}, [], kind

    def declare_index(self, collection: str, index: IndexInfo) -> None:
        """Make a fulltext, geo or vector index known to the functions that need one."""
        self._indexes.setdefault(collection, []).append(index)

    def declare_unique(self, collection: str, name: str, fields: tuple[str, ...]) -> None:
        """Refuse, from now on, two documents with the same values in these fields."""
        self._unique.setdefault(collection, []).append((name, fields))

    def exists(self, name: str) -> bool:
        return name in self._documents

    def kind(self, name: str) -> str:
        self._collection(name)
        return self._kinds[name]

    def scan(self, collection: str) -> Iterator[JsonObject]:
        documents = self._collection(collection)
        return map(documents.__getitem__, tuple(self._keys[collection]))

    def get(self, collection: str, key: str) -> JsonObject | None:
        return self._collection(collection).get(key)

    def edges(self, collection: str, vertex: str, direction: EdgeDirection) -> list[JsonObject]:
        end = "_from" if direction == "OUTBOUND" else "_to"
        adjacent = self._adjacent.get((collection, end))
        if adjacent is None:
            adjacent = self._adjacent[collection, end] = {}
            for edge in self.scan(collection):
                if isinstance(edge.get(end), str):
                    adjacent.setdefault(edge[end], []).append(edge)
        return adjacent.get(vertex, [])

    def index_of(self, collection: str, kind: str, name_or_field: str) -> IndexInfo | None:
        for index in self._indexes.get(collection, ()):
            if index.kind == kind and (index.name == name_or_field or name_or_field in index.fields):
                return index
        return None

    def insert(self, collection: str, document: JsonObject) -> JsonObject:
        documents = self._collection(collection)
        key = self._new_key(collection, document)
        if key in documents:
            raise DuplicateKey(f"Document with _key '{key}' already exists", collection=collection, key=key)
        stored = self._stored(collection, key, document, created=None)
        documents[key] = stored
        self._forget_adjacent(collection)
        insort(self._keys[collection], key)
        return stored

    def replace(self, collection: str, key: str, document: JsonObject) -> JsonObject:
        old = self._collection(collection)[key]
        stored = self._stored(collection, key, document, created=old["_created_at"])
        self._documents[collection][key] = stored
        self._forget_adjacent(collection)
        return stored

    def remove(self, collection: str, key: str) -> None:
        del self._collection(collection)[key]
        self._forget_adjacent(collection)
        keys = self._keys[collection]
        del keys[bisect_left(keys, key)]

    def _forget_adjacent(self, collection: str) -> None:
        self._adjacent.pop((collection, "_from"), None)
        self._adjacent.pop((collection, "_to"), None)

    def _collection(self, name: str) -> dict[str, JsonObject]:
        try:
            return self._documents[name]
        except KeyError:
            raise CollectionNotFound(f"Collection '{name}' not found", name=name) from None

    def _new_key(self, collection: str, document: JsonObject) -> str:
        if "_key" not in document:
            return new_key()
        key: Json = document["_key"]
        if not isinstance(key, str):
            raise InvalidDocument(f"_key must be a string, not {key!r}", collection=collection, key=str(key))
        return key

    def _stored(self, collection: str, key: str, document: JsonObject, *, created: str | None) -> JsonObject:
        body = {name: value for name, value in document.items() if name not in SYSTEM_ATTRIBUTES}
        if self._kinds[collection] == "edge":
            _check_ends(collection, key, body)
        self._check_unique(collection, key, body)
        now = datetime.now(UTC).isoformat()
        return {
            "_created_at": created or now,
            "_id": f"{self._database}:{collection}/{key}",
            "_key": key,
            "_rev": str(uuid.uuid4()),
            "_updated_at": now,
            **body,
        }

    def _check_unique(self, collection: str, key: str, body: JsonObject) -> None:
        for name, fields in self._unique.get(collection, ()):
            value = [body.get(field) for field in fields]
            if all(part is None for part in value):
                continue
            wanted = canonical(value)
            for other in self.scan(collection):
                if other["_key"] != key and canonical([other.get(field) for field in fields]) == wanted:
                    raise UniqueViolation(
                        f"Unique constraint violated: {', '.join(fields)} in {collection}",
                        collection=collection,
                        key=key,
                        index=name,
                        fields=fields,
                    )


def _check_ends(collection: str, key: str, body: JsonObject) -> None:
    for end in ("_from", "_to"):
        if not (isinstance(body.get(end), str) and body[end]):
            raise InvalidDocument(
                f"an edge of {collection} needs {end}, a text such as 'collection/key'",
                collection=collection,
                key=key,
            )
