"""What the offline store tells: results, states, changes, and documents that wait for somebody.

Whom to tell of changes, and whom to ask about conflicts.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias, TypeVar

from .._dataclasses import dataclass
from .._tracing import get_logger
from .._types import JsonObject
from ..commands.replica import EditKind
from ..errors import UsageError, check_callable
from .argument_types import check_text
from .config import ConflictResolution


class SyncState(Enum):
    """The state of syncing of a store."""

    Idle = "idle"
    Syncing = "syncing"
    Offline = "offline"
    Paused = "paused"
    AuthRequired = "auth_required"
    Blocked = "blocked"


class ChangeType(Enum):
    """The type of an event: of a document, or of a sync."""

    LocalInsert = "insert"
    LocalUpdate = "update"
    LocalDelete = "delete"
    RemoteInsert = "remote_insert"
    RemoteUpdate = "remote_update"
    RemoteDelete = "remote_delete"
    RemoteLeft = "remote_left"
    Conflict = "conflict"
    Rejected = "rejected"
    SyncStarted = "sync_started"
    SyncProgress = "sync_progress"
    SyncComplete = "sync_complete"
    SyncFailed = "sync_failed"

    @property
    def is_local(self) -> bool:
        """Whether a document was edited here."""
        return self.value in ("insert", "update", "delete")


@dataclass(frozen=True, slots=True)
class Change:
    """An event for listeners; ``document`` is the document after it, None if there is none."""

    change_type: ChangeType
    collection: str = ""
    document_key: str = ""
    document: JsonObject | None = None
    pushed_count: int = 0
    pulled_count: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class Conflict:
    """A document that was changed on the device and on the server; a version is None if it was deleted there.

    ``resolution`` is the decision; None while the conflict is open.
    """

    collection: str
    document_key: str
    base_version: JsonObject | None
    local_version: JsonObject | None
    remote_version: JsonObject | None
    resolution: ConflictResolution | None = None


@dataclass(frozen=True, slots=True)
class Rejection:
    """An edit that the server refused; ``document`` is the document on the device, None for a removal."""

    collection: str
    document_key: str
    document: JsonObject | None
    error: str
    attempts: int


@dataclass(frozen=True, slots=True)
class Pending:
    """An edit that is not pushed yet; ``error`` is the error of the last attempt, if one failed."""

    collection: str
    document_key: str
    kind: EditKind
    since: datetime
    attempts: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """The progress of a sync. ``phase`` is pull or push; ``total`` is 0 if it is not known."""

    phase: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class SyncResult:
    """The result of a sync, in documents; ``conflicts`` lists its conflicts, ``duration`` is in seconds."""

    pushed: int = 0
    pulled: int = 0
    conflicts: tuple[Conflict, ...] = ()
    rejected: int = 0
    duration: float = 0.0


@dataclass(frozen=True, slots=True)
class SyncStatus:
    """The state of syncing. ``pending_changes`` does not count rejected edits and open conflicts."""

    pending_changes: int
    rejected: int
    conflicts: int
    last_sync: datetime | None
    state: SyncState
    last_error: str
    next_attempt: datetime | None
    progress: SyncProgress | None


@dataclass(frozen=True, slots=True)
class Verification:
    """The result of comparing all documents with the server's; pending edits do not count as differences."""

    documents: int
    differences: int
    repaired: int


Listener: TypeAlias = Callable[[Change], Any]
Arbiter: TypeAlias = Callable[[Conflict], "ConflictResolution | None"]
L = TypeVar("L", bound=Listener)
A = TypeVar("A", bound=Arbiter)

logger = get_logger("solidb_odm.offline")


def decision(resolution: Any) -> ConflictResolution:
    """Return what decides a conflict; UsageError for anything else."""
    if not isinstance(resolution, ConflictResolution):
        raise UsageError(
            f"{resolution!r} is not a resolution of a conflict",
            hint="ConflictResolution.AcceptLocal, AcceptRemote or Merge(document)",
        )
    return resolution


class Listeners:
    """Functions that were registered, in order."""

    def __init__(self) -> None:
        self._listeners: list[tuple[str | None, Listener]] = []
        self._arbiters: list[Arbiter] = []

    @property
    def are_there(self) -> bool:
        """Whether anybody listens."""
        return bool(self._listeners)

    def add(self, listener: L, collection: str | None = None) -> L:
        """Call a function with changes, of one collection or of all."""
        check_callable(listener, "on_change()", "manager.on_change(lambda change: ..)")
        if collection is not None:
            check_text(collection, "the collection")
        self._listeners.append((collection, listener))
        return listener

    def add_arbiter(self, arbiter: A) -> A:
        """Ask a function about conflicts, before any strategy."""
        check_callable(arbiter, "on_conflict()", "manager.on_conflict(lambda conflict: ..)")
        self._arbiters.append(arbiter)
        return arbiter

    def tell(self, change: Change) -> None:
        """Notify all listeners; an error of a listener is logged and goes no further."""
        for collection, listener in list(self._listeners):
            if collection is None or collection == change.collection:
                try:
                    listener(change)
                except Exception:
                    logger.exception("a listener failed on %s", change.change_type)

    def ask(self, conflict: Conflict) -> ConflictResolution | None:
        """Return the first decision that is given; an arbiter's error goes on, and parks the conflict."""
        for arbiter in list(self._arbiters):
            if (resolution := arbiter(conflict)) is not None:
                return decision(resolution)
        return None
