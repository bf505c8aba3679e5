"""Commands on a replica: its edits, and the known state of the server.

Only the file engine performs them. Every command is atomic; those that write also commit, unless a
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
    """The state of the server under a key: ``document`` is None if there is no document."""

    document: JsonObject | None = field(hash=False)
    revision: str = ""
    created: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Sent:
    """The payload of a push that is not answered yet; None for a removal."""

    document: JsonObject | None = field(hash=False)
    number: int


@dataclass(frozen=True, slots=True)
class Edit:
    """An edit: a document that differs from the last state on which this store and the server agreed.

    ``number`` increases with every local change. ``remote`` is the server's side of an open conflict.
    ``text`` is ``current`` as JSON, "" if it is None.
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
        """Whether the document was inserted, updated or deleted on this store."""
        if self.current is None:
            return "delete"
        return "insert" if self.base is None else "update"


@dataclass(frozen=True, slots=True)
class Replica:
    """The state of the store under a key: the known revision of the server, the document, the edit.

    ``document`` is the document in ``current``.
    """

    key: str
    revision: str
    current: Stored | None
    edit: Edit | None
    document: JsonObject | None = field(default=None, hash=False)


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """The server stored what was sent; the local revision is kept. ``revision`` is empty after a removal."""

    key: str
    number: int
    revision: str = ""
    updated: str = ""


@dataclass(frozen=True, slots=True)
class Adopted:
    """The store takes the state of the server. ``number`` is that of the edit that this ends, 0 if none."""

    key: str
    remote: RemoteVersion
    number: int = 0
    kind: Arrival | None = None


@dataclass(frozen=True, slots=True)
class Rebased:
    """The edit is now based on the state of the server; ``document`` becomes the local document.

    With ``keep`` the local document is this one already and keeps its revision. With number 0 it becomes an
    edit.
    """

    key: str
    remote: RemoteVersion
    number: int
    document: JsonObject | None = field(hash=False)
    keep: bool = False


@dataclass(frozen=True, slots=True)
class Parked:
    """A conflict is open: the edit is kept, and not pushed."""

    key: str
    remote: RemoteVersion
    number: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The server refused the edit: it is kept, and not pushed again automatically."""

    key: str
    number: int
    error: str


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The edit ends, because the document equals that of the server, which has the revision of ``remote``."""

    key: str
    number: int
    remote: RemoteVersion | None = None


Outcome: TypeAlias = Acknowledged | Adopted | Rebased | Parked | Rejected | Unchanged


@dataclass(frozen=True, slots=True)
class OpenReplica(Command[None]):
    """Make the store a replica that records the edits of the collections in ``scope``, or of all (None)."""

    scope: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class ReadSettings(Command[JsonObject]):
    """Read the settings of the store; the reply maps names to values."""


@dataclass(frozen=True, slots=True)
class WriteSettings(Command[None]):
    """Store settings by name; the value None deletes one."""

    values: JsonObject = field(hash=False)


@dataclass(frozen=True, slots=True)
class ListEdits(Command[list[Edit]]):
    """Read the edits in one state after a number, oldest first. ``edges``: only edges, or only others."""

    state: EditState | None = None
    collection: str | None = None
    key: str | None = None
    edges: bool | None = None
    after: int = 0
    limit: int = 500


@dataclass(frozen=True, slots=True)
class CountEdits(Command[dict[str, int]]):
    """Count the edited documents by state."""


@dataclass(frozen=True, slots=True)
class ReadReplicas(Command[list[Replica]]):
    """Read the state of the store under each of these keys, in their order."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class MarkSent(Command[None]):
    """Store the payloads that are about to be sent, by which a lost answer is settled."""

    edits: Sequence[Edit]


@dataclass(frozen=True, slots=True)
class Settle(Command[list[bool]]):
    """Write the outcomes of edits, changes from the server, and settings, atomically.

    Documents that were changed here after they were read are not written; the reply says which were.
    """

    collection: str
    outcomes: Sequence[Outcome]
    settings: JsonObject = field(default_factory=dict[str, object], hash=False)


@dataclass(frozen=True, slots=True)
class ReviveEdits(Command[int]):
    """Let rejected edits be pushed again; the reply is their number."""

    collection: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class DiscardEdit(Command[None]):
    """Discard an edit: restore the last state on which this store and the server agreed."""

    collection: str
    key: str


@dataclass(frozen=True, slots=True)
class KnownSummary(Command[tuple[int, int, str, dict[str, str]]]):
    """Count the known documents of the server; of those written since ``since``, count and digest.

    The reply also has the keys and times of the last few, by which a restored server is recognised.
    """

    collection: str
    since: str = ""


@dataclass(frozen=True, slots=True)
class ListKnown(Command[list[tuple[str, str]]]):
    """Read the known keys and revisions of the server, in the order of keys."""

    collection: str
    after: str = ""
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class BeginScan(Command[None]):
    """Begin a comparison of the server's keys and revisions with the known ones."""


@dataclass(frozen=True, slots=True)
class Scanned(Command[list[tuple[str, bool]]]):
    """Note keys, revisions and times of the server; the reply is the keys whose revision is not known.

    Each key comes with a bool: whether the server's document is older than the known one.
    """

    collection: str
    rows: Sequence[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class EndScan(Command[list[str]]):
    """End a comparison; the reply is the known keys that were not noted."""

    collection: str


@dataclass(frozen=True, slots=True)
class ForgetKnown(Command[None]):
    """Treat the documents under these keys as new, so that they are pushed again."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """A change that was committed on this store."""

    number: int
    collection: str
    key: str
    kind: JournalKind


@dataclass(frozen=True, slots=True)
class ReadJournal(Command[list[JournalEntry]]):
    """Read the changes committed after an entry, in order; after -1, only the last one."""

    after: int = -1
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class EraseReplica(Command[None]):
    """Delete all documents and all known state of the server."""
