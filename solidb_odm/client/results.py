"""The results of calls: small frozen objects whose fields can also be read by name.

``hit.score`` and ``hit["score"]`` are the same; ``hit["anything else"]`` reads from ``hit.raw``, the server's
answer. A document is a ``DocumentResult``: a dict, with its system attributes as properties.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import field, fields
from typing import Any, Generic, Self, TypeVar

from .._dataclasses import dataclass
from .._types import JsonObject
from ..wire.exchange import Exchange

T = TypeVar("T")


class DocumentResult(dict[str, Any]):
    """A stored document."""

    __slots__ = ()

    @property
    def key(self) -> str:
        """The document's key."""
        return str(self.get("_key", ""))

    @property
    def id(self) -> str:
        """The server's ``_id``, ``database:collection/key``; the ends of edges are ``collection/key``."""
        return str(self.get("_id", ""))

    @property
    def rev(self) -> str:
        """The revision, which changes with every write."""
        return str(self.get("_rev", ""))

    @property
    def created_at(self) -> str:
        """The time at which it was created, in RFC 3339."""
        return str(self.get("_created_at", ""))

    @property
    def updated_at(self) -> str:
        """The time of the last write, in RFC 3339."""
        return str(self.get("_updated_at", ""))

    @property
    def raw(self) -> JsonObject:
        """The document as the server sent it."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResult:
    """The base of results; subclasses declare the fields that they take from ``raw``."""

    raw: JsonObject = field(default_factory=dict[str, Any], repr=False, compare=False)

    @classmethod
    def of(cls, raw: JsonObject, **others: Any) -> Self:
        """Return a result from the server's answer; ``others`` are fields with another name there."""
        names = {item.name for item in fields(cls)} - {"raw"}
        lifted = {name: value for name, value in raw.items() if name in names and value is not None}
        return cls(**{**lifted, **others}, raw=raw)

    def __getitem__(self, name: str) -> Any:
        if name in self._names():
            return getattr(self, name)
        return self.raw[name]

    def __contains__(self, name: object) -> bool:
        return name in self._names() or name in self.raw

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys((*self._names(), *self.raw)))

    def __len__(self) -> int:
        return len(list(iter(self)))

    def keys(self) -> list[str]:
        """Return the names that ``result[name]`` accepts."""
        return list(self)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a field by name, or a default."""
        try:
            return self[name]
        except KeyError:
            return default

    @classmethod
    def _names(cls) -> list[str]:
        return [item.name for item in fields(cls) if item.name != "raw"]


@dataclass(frozen=True, slots=True)
class ClientPage(Generic[T]):
    """A page of items, and the request for the next page; ``more`` is None on the last page."""

    items: list[T]
    more: Callable[[], Exchange[ClientPage[T]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionStats(ClientResult):
    """The statistics of a collection. ``disk_usage`` is in bytes."""

    name: str = ""
    document_count: int = 0
    chunk_count: int = 0
    disk_usage: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPlan(ClientResult):
    """The plan of a query. The server runs its reading part to determine it."""

    collections: list[JsonObject] = field(default_factory=list[JsonObject])
    filters: list[JsonObject] = field(default_factory=list[JsonObject])
    documents_scanned: int = 0
    documents_returned: int = 0
    warnings: list[Any] = field(default_factory=list[Any])
