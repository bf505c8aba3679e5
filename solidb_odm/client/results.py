"""What calls answer with: small frozen objects whose fields are reachable by name as well.

``hit.score`` and ``hit["score"]`` are the same; ``hit["anything else"]`` looks into ``hit.raw``, which is
what the server sent. A document is a ``DocumentResult``: a dict, with its system attributes as properties.
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
        """The server's identifier, ``database:collection/key``; ends of edges are ``collection/key``."""
        return str(self.get("_id", ""))

    @property
    def rev(self) -> str:
        """The revision; every write makes a new one."""
        return str(self.get("_rev", ""))

    @property
    def created_at(self) -> str:
        """When it was made, in RFC 3339."""
        return str(self.get("_created_at", ""))

    @property
    def updated_at(self) -> str:
        """When it was last written, in RFC 3339."""
        return str(self.get("_updated_at", ""))

    @property
    def raw(self) -> JsonObject:
        """The document as the server sent it."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientResult:
    """The base of results; subclasses declare the fields they lift out of ``raw``."""

    raw: JsonObject = field(default_factory=dict[str, Any], repr=False, compare=False)

    @classmethod
    def of(cls, raw: JsonObject, **others: Any) -> Self:
        """Read what the server sent; ``others`` are fields that it calls something else."""
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
        """Return the names that can stand in brackets."""
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
    """Some of many items, and how to ask for the next ones; ``more`` is None on the last page."""

    items: list[T]
    more: Callable[[], Exchange[ClientPage[T]]] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionStats(ClientResult):
    """What a collection holds; ``disk_usage`` counts bytes."""

    name: str = ""
    document_count: int = 0
    chunk_count: int = 0
    disk_usage: JsonObject = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryPlan(ClientResult):
    """How a query is run. The server runs its reading part to find out."""

    collections: list[JsonObject] = field(default_factory=list[JsonObject])
    filters: list[JsonObject] = field(default_factory=list[JsonObject])
    documents_scanned: int = 0
    documents_returned: int = 0
    warnings: list[Any] = field(default_factory=list[Any])
