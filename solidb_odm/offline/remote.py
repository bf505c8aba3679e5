"""What a sync asks of the other side, as commands; whatever performs them is a server to it.

Writes are compare-and-swap, one result for each row. An error that is raised, instead of returned for a
row, means that the outcome of all rows is unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from typing import Any, NamedTuple, Protocol, TypeVar

from .._dataclasses import dataclass
from .._types import Json, JsonObject
from ..commands import CollectionKind, Command
from ..errors import ProtocolError, SolidbError

R = TypeVar("R")


class RemoteCommand(Command[R]):
    """A request to the other side."""

    __slots__ = ()


class Remote(Protocol):
    """What performs requests to the other side, blocking."""

    def perform(self, command: RemoteCommand[R], /) -> R: ...

    def close(self) -> None: ...


class AsyncRemote(Protocol):
    """What performs requests to the other side, async."""

    async def perform(self, command: RemoteCommand[R], /) -> R: ...

    async def aclose(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Written:
    """The revision of a write, and its time."""

    revision: str
    updated: str


@dataclass(frozen=True, slots=True)
class Page:
    """Some rows of a query; ``more`` names the rest, if there is any."""

    rows: Sequence[Any]
    more: str = ""

    def read(self, reader: Callable[[Sequence[Any]], R]) -> R:
        """Return what a reader makes of the rows; ProtocolError if they are not those that were asked for.

        A connection whose requests arrive twice gives the answer to one as that to the next.
        """
        try:
            return reader(self.rows)
        except (TypeError, ValueError, LookupError, AttributeError) as problem:
            raise ProtocolError("the server answered a question of a sync with something else") from problem


@dataclass(frozen=True, slots=True)
class RemoteCollections(RemoteCommand[dict[str, CollectionKind]]):
    """The collections that can be synced, with their kinds."""


@dataclass(frozen=True, slots=True)
class Identify(RemoteCommand[str]):
    """The name by which a database knows itself, else it takes ``proposed``, unless that is ""."""

    proposed: str


@dataclass(frozen=True, slots=True)
class MakeCollection(RemoteCommand[None]):
    """Make a collection, with the index on the time of writing that syncing reads by."""

    name: str
    kind: CollectionKind


@dataclass(frozen=True, slots=True)
class IndexTimes(RemoteCommand[None]):
    """Make the index on the time of writing; nothing if it is there, or the user may not."""

    collection: str


@dataclass(frozen=True, slots=True)
class Query(RemoteCommand[Page]):
    """The first rows of a query that reads."""

    collection: str
    text: str
    binds: Mapping[str, Json] = field(default_factory=dict[str, Any], hash=False)
    size: int = 1000


@dataclass(frozen=True, slots=True)
class ReadOn(RemoteCommand[Page]):
    """The next rows of a query."""

    more: str


@dataclass(frozen=True, slots=True)
class Fetch(RemoteCommand[list[JsonObject]]):
    """The documents with these keys, in any order; missing ones are left out."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class CreateMany(RemoteCommand[dict[str, Written]]):
    """Store new documents, each only if its key is free and it is taken; the reply has those stored."""

    collection: str
    documents: Sequence[JsonObject]


@dataclass(frozen=True, slots=True)
class CreateOne(RemoteCommand["Written | SolidbError"]):
    """Store one new document; the reply is the error it was refused with, if it was."""

    collection: str
    document: JsonObject


class Replacement(NamedTuple):
    """A document under the key it has; ``base`` is what it is under the revision."""

    key: str
    revision: str
    document: JsonObject
    base: JsonObject


@dataclass(frozen=True, slots=True)
class ReplaceMany(RemoteCommand[list["Written | SolidbError"]]):
    """Replace documents, each only if it has the revision still.

    StaleDocumentError or DocumentNotFound in the place of a row says that somebody was first.
    """

    collection: str
    rows: Sequence[Replacement]


@dataclass(frozen=True, slots=True)
class RemoveMany(RemoteCommand[list["SolidbError | None"]]):
    """Delete documents, ``(key, revision)``, each only if it has the revision still; errors as above."""

    collection: str
    rows: Sequence[tuple[str, str]]
