"""A handful of whole documents as something the evaluator can read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NoReturn

from .._types import JsonObject
from ..errors import CollectionNotFound, UnflushedChangesError


class HeldDocuments:
    """One collection of documents as they are; a ``Source`` that can only be read."""

    database = "session"

    def __init__(self, collection: str, documents: Iterable[JsonObject]) -> None:
        self._collection = collection
        self._documents = {document["_key"]: document for document in documents}

    def exists(self, name: str) -> bool:
        return name == self._collection

    def kind(self, name: str) -> str:
        return "document" if name == self._collection else self._missing(name)

    def scan(self, collection: str) -> Iterable[JsonObject]:
        if collection != self._collection:
            self._missing(collection)
        return [self._documents[key] for key in sorted(self._documents, key=str.encode)]

    def get(self, collection: str, key: str) -> JsonObject | None:
        if collection != self._collection:
            self._missing(collection)
        return self._documents.get(key)

    def edges(self, collection: str, vertex: str, direction: str) -> Iterable[JsonObject]:
        end = "_from" if direction == "OUTBOUND" else "_to"
        return [edge for edge in self.scan(collection) if edge.get(end) == vertex]

    def index_of(self, collection: str, kind: str, name_or_field: str) -> None:  # noqa: ARG002  no index
        return None

    def insert(self, collection: str, document: JsonObject) -> NoReturn:  # noqa: ARG002  refused
        self._refuse(collection)

    def replace(self, collection: str, key: str, document: JsonObject) -> NoReturn:  # noqa: ARG002  refused
        self._refuse(collection)

    def remove(self, collection: str, key: str) -> NoReturn:  # noqa: ARG002  refused
        self._refuse(collection)

    def _missing(self, name: str) -> NoReturn:
        raise CollectionNotFound(f"Collection '{name}' not found", name=name)

    def _refuse(self, collection: str) -> NoReturn:
        raise UnflushedChangesError(
            f"a statement that writes to {collection!r} can't see the session's own changes",
            collections=(collection,),
            hint="commit() first",
        )

    def __repr__(self) -> str:
        return f"<HeldDocuments {self._collection}: {len(self._documents)}>"
