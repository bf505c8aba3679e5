"""Commands on a store that is a replica of a server: what was edited here, what the server is known to hold.

Only the file engine performs them. Every command is atomic; those that write commit at once, unless a
transaction is open on the channel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import field
from typing import Literal, TypeAlias

from .._dataclasses import dataclass
from .._types import JsonObject, Stored
from .command import Command

EditState: TypeAlias = Literal["pending", "rejected", "parked"]
EditKind: TypeAlias = Literal["insert", "update", "delete"]
Arrival: TypeAlias = Literal["remote_insert", "remote_update", "remote_delete", "remote_left"]
JournalKind: TypeAlias = Literal["insert", "update", "delete"] | Arrival


@dataclass(frozen=True, slots=True)
class RemoteVersion:
    """What the server holds under a key: ``document`` is None if it holds nothing."""

    document: JsonObject | None = field(hash=False)
    revision: str = ""
    created: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The payload of a push that was begun and not answered yet; None for a removal."""

    document: JsonObject | None = field(hash=False)
    number: int


@dataclass(frozen=True, slots=True)
class Edit:
    """A document that differs from what this store and the server agreed on last.

    ``number`` grows with every local change. ``remote`` is the other side of a parked conflict. ``text`` is
    ``current`` as JSON, "" for none.
    """

    collection: str
    key: str
    base: JsonObject | None = field(hash=False)
    current: JsonObject | None = field(hash=False)
    number: int
    since: str
    edited: str
    state: EditState = "pending"
    attempts: int = 0
    error: str = ""
    sent: Sent | None = None
    revision: str = ""
    remote: RemoteVersion | None = None
    text: str = field(default="", repr=False, hash=False)

    @property
    def kind(self) -> EditKind:
        """Whether the document was made, changed or deleted here."""
        if self.current is None:
            return "delete"
        return "insert" if self.base is None else "update"


@dataclass(frozen=True, slots=True)
class Replica:
    """What the store has under a key: the revision the server is known to hold, the document, the edit.

    ``document`` is the body of ``current``.
    """

    key: str
    revision: str
    current: Stored | None
    edit: Edit | None
    document: JsonObject | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server holds what was sent; the local revision stays. ``revision`` is empty after a removal."""

    key: str
    number: int
    revision: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The store takes what the server holds; ``number`` is that of the edit this ends, 0 for none."""

    key: str
    remote: RemoteVersion
    number: int = 0
    kind: Arrival | None = None


@dataclass(frozen=True, slots=True)
class Rebased:
    """The edit now builds on what the server holds; ``document`` is the local document from now on.

    ``keep``: the local document is that already, and its revision stays. With number 0 it becomes an edit.
    """

    key: str
    remote: RemoteVersion
    number: int
    document: JsonObject | None = field(hash=False)
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Parked:
    """A conflict waits for a decision: the edit is kept, and not pushed."""

    key: str
    remote: RemoteVersion
    number: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server refused the edit; it is kept, and not pushed again by itself."""

    key: str
    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The edit came to nothing: the document is what the server holds, in the revision of ``remote``."""

    key: str
    number: int
    remote: RemoteVersion | None = None


Outcome: TypeAlias = Acknowledged | Adopted | Rebased | Parked | Rejected | Unchanged


@dataclass(frozen=True, slots=True)
class OpenReplica(Command[None]):
    """Make the store a replica, and capture the edits of the collections in ``scope``; None: of all."""

    scope: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReadSettings(Command[JsonObject]):
    """What is remembered in the store, by name."""


@dataclass(frozen=True, slots=True)
class WriteSettings(Command[None]):
    """Remember values by name; None forgets one."""

    values: JsonObject = field(hash=False)


@dataclass(frozen=True, slots=True)
class ListEdits(Command[list[Edit]]):
    """The edits in one state, oldest first, from after a number on. ``edges``: only of edges, or others."""

    state: EditState | None = None
    collection: str | None = None
    key: str | None = None
    edges: bool | None = None
    after: int = 0
    limit: int = 500


@dataclass(frozen=True, slots=True)
class CountEdits(Command[dict[str, int]]):
    """How many documents are edited, by state."""


@dataclass(frozen=True, slots=True)
class ReadReplicas(Command[list[Replica]]):
    """What the store has under these keys, one each, in their order."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class MarkSent(Command[None]):
    """Note the payloads that are about to be sent, so that a lost answer can be settled by them."""

    edits: Sequence[Edit]


@dataclass(frozen=True, slots=True)
class Settle(Command[list[bool]]):
    """Write what came of edits, and what arrived, with settings, all or nothing.

    What was changed here after it was read is left alone: the reply tells which outcomes were taken.
    """

    collection: str
    outcomes: Sequence[Outcome]
    settings: JsonObject = field(default_factory=dict[str, object], hash=False)


@dataclass(frozen=True, slots=True)
class ReviveEdits(Command[int]):
    """Let rejected edits be pushed again; the reply is how many."""

    collection: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class DiscardEdit(Command[None]):
    """Go back to what this store and the server agreed on last."""

    collection: str
    key: str


@dataclass(frozen=True, slots=True)
class KnownSummary(Command[tuple[int, int, str, dict[str, str]]]):
    """How many documents the server is known to hold; of those written since ``since``, count and digest.

    And the keys and times of the few that were written last, by which a server is found that was set back.
    """

    collection: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class ListKnown(Command[list[tuple[str, str]]]):
    """Keys and revisions the server is known to hold, in key order."""

    collection: str
    after: str = ""
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class BeginScan(Command[None]):
    """Begin to compare the server's keys and revisions with the known ones."""


@dataclass(frozen=True, slots=True)
class Scanned(Command[list[tuple[str, bool]]]):
    """Note keys, revisions and times the server holds; the reply is the keys whose revision is not known.

    Beside each key, whether what the server holds is older than what it was known to hold.
    """

    collection: str
    rows: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class EndScan(Command[list[str]]):
    """The known keys that were not noted since the scan began."""

    collection: str


@dataclass(frozen=True, slots=True)
class ForgetKnown(Command[None]):
    """Take the documents under these keys for new ones, to be pushed again as they are here."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One change that was committed here."""

    number: int
    collection: str
    key: str
    kind: JournalKind


@dataclass(frozen=True, slots=True)
class ReadJournal(Command[list[JournalEntry]]):
    """What was committed after an entry, in order; -1: only the last entry."""

    after: int = -1
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class EraseReplica(Command[None]):
    """Delete every document and all that is known of the server."""
