"""What a query reads from and writes to, as far as the evaluator cares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, Protocol, runtime_checkable

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from .. import nodes
from ..functions.built_in import IndexInfo

EdgeDirection = Literal["OUTBOUND", "INBOUND"]


class Source(Protocol):
    """A database. Documents come with all their system attributes and are never changed.

    The evaluator never writes while it reads: an iterator it has started is finished, or dropped,
    before it calls ``insert``, ``replace`` or ``remove``.
    """

    @property
    def database(self) -> str: ...

    def exists(self, name: str) -> bool:
        """Return whether there is a collection of this name."""
        ...

    def kind(self, name: str) -> str:
        """Return ``document`` or ``edge``."""
        ...

    def scan(self, collection: str) -> Iterable[JsonObject]:
        """Return all documents in the byte order of their keys."""
        ...

    def get(self, collection: str, key: str) -> JsonObject | None: ...

    def edges(self, collection: str, vertex: str, direction: EdgeDirection) -> Iterable[JsonObject]:
        """Return the edges that leave the vertex, or reach it, in the byte order of their keys."""
        ...

    def index_of(self, collection: str, kind: str, name_or_field: str) -> IndexInfo | None:
        """Find a fulltext, geo or vector index by its name or its field."""
        ...

    def insert(self, collection: str, document: JsonObject) -> JsonObject:
        """Store a new document and return it as stored; raises DuplicateKey."""
        ...

    def replace(self, collection: str, key: str, document: JsonObject) -> JsonObject:
        """Store another body under an existing key and return it as stored."""
        ...

    def remove(self, collection: str, key: str) -> None:
        """Delete a document that exists."""
        ...


@runtime_checkable
class ReadsMany(Protocol):
    """A source that reads many documents at once; a traversal asks it a level at a time."""

    def get_many(self, collection: str, keys: Sequence[str]) -> Iterable[JsonObject]:
        """Return those of the documents that exist, in any order."""
        ...

    def edges_of(
        self, collection: str, vertices: Sequence[str], direction: EdgeDirection, *, ends_only: bool
    ) -> Iterable[JsonObject]:
        """Return the edges that leave the vertices, or reach them, in the byte order of their keys.

        With ``ends_only``, ``_key``, ``_from`` and ``_to`` are enough of an edge.
        """
        ...


@dataclass(frozen=True, eq=False, slots=True)
class CandidateSet:
    """The documents of a collection among which are all that meet the conditions.

    ``by_row`` names the binds whose values come from the row the loop stands in: with them the
    selection is asked for again and again.
    """

    collection: str
    variable: str
    conditions: tuple[nodes.Expression, ...]
    by_row: frozenset[str] = frozenset()


@runtime_checkable
class Selects(Protocol):
    """A source that can leave out documents that no condition lets through."""

    def select(
        self, selection: CandidateSet, binds: Mapping[str, Json], outer: Mapping[str, Json]
    ) -> Iterable[JsonObject] | None:
        """Return documents in the byte order of their keys; None if a scan is as good.

        Those left out fail a condition without an error; the others are tested again.
        """
        ...
