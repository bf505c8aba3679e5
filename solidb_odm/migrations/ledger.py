"""What the database remembers: which revisions have run, who is at work, how far it got, what was dropped."""

from __future__ import annotations

import hashlib
import os
import platform
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, TypeVar, cast

from pydantic_core import from_json

from .._backoff import pause
from .._types import Json, JsonObject, Stored
from ..commands import (
    Apply,
    Batch,
    Command,
    Commit,
    CommitBatches,
    CreateCollection,
    FetchDocuments,
    Get,
    Inserts,
    Operation,
    Patch,
    Patches,
    Rollback,
    call,
)
from ..engines.interface import Capabilities
from ..errors import (
    CollectionExists,
    CollectionNotFound,
    DuplicateKey,
    MigrationFailed,
    MigrationLocked,
    SolidbError,
    StaleDocumentError,
    StoreLocked,
    TransactionConflict,
)
from ..language.parser import parse
from ..schema.creation import LEDGER
from .steps import Step

T = TypeVar("T")

ATTIC: Final = "_migrations_attic"
LEASE_SECONDS: Final = 9.0
RENEW_SECONDS: Final = 2.0
_LOOK_AGAIN: Final = 0.1
PATIENCE: Final = 60
"""How often a batch is written again that others keep changing."""
LONGEST_KEY: Final = 254


@dataclass(frozen=True, slots=True)
class Pause(Command[None]):
    """Wait some seconds; the shell that runs the operation does it, not an engine."""

    seconds: float


@dataclass(frozen=True)
class Progress:
    """The progress of a run; ``seconds`` is the remaining time of this step, None while it is not known."""

    revision: str
    step: int
    operation: str
    collection: str
    done: int
    total: int
    seconds: float | None = None


@dataclass
class Run:
    """What one call of ``upgrade`` or ``downgrade`` works with."""

    capabilities: Capabilities
    models: Sequence[Any] = ()
    allow_loss: bool = False
    wait: float = 60.0
    on_progress: Callable[[Progress], object] | None = None
    owner: str = field(default_factory=lambda: secrets.token_hex(8))
    lease: str | None = None
    stopped: bool = False
    session: str = ""

    @property
    def is_file(self) -> bool:
        """Return whether writes and checkpoints can be made in one open transaction."""
        return self.capabilities.interactive_transactions


@dataclass
class Ledger:
    """The ledger as it was read: checksums of the revisions that have run, and the run that is under way."""

    checksums: dict[str, str] = field(default_factory=dict[str, str])
    running: JsonObject | None = None
    running_rev: str = ""


def body_of(stored: Stored) -> JsonObject:
    """Return a stored document as a new dict."""
    body = stored[4]
    return cast(JsonObject, from_json(body)) if isinstance(body, str) else dict(body)


def now() -> str:
    """Return the time as text."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def read_ledger() -> Operation[Ledger]:
    """Read the ledger; empty where none was begun."""
    try:
        rows = yield from call(FetchDocuments(parse(f"FOR d IN `{LEDGER}` RETURN d")))
    except CollectionNotFound:
        return Ledger()
    ledger = Ledger()
    for stored in rows:
        if stored is None:
            continue
        body = body_of(stored)
        if stored[0].startswith("rev-"):
            ledger.checksums[body["revision"]] = body["checksum"]
        elif stored[0] == "running":
            ledger.running, ledger.running_rev = body, stored[1]
    return ledger


def write(run: Run, batches: Sequence[Batch]) -> Operation[list[list[tuple[str, str, str]]]]:
    """Write batches, all or nothing, and make them durable."""
    filled = [batch for batch in batches if batch.rows]
    if not run.is_file:
        return (yield from call(CommitBatches(filled)))
    try:
        receipts = yield from call(Apply(filled))
        yield from call(Commit())
    except SolidbError:
        yield from call(Rollback())
        raise
    return receipts


def prepare() -> Operation[None]:
    """Make the collections of the ledger, if they are missing."""
    for name in (LEDGER, ATTIC):
        try:
            yield from call(CreateCollection(name))
        except CollectionExists:
            continue


# --- the lease -----------------------------------------------------------------------------------


_at_work: set[str] = set()
"""The owners of leases that runs of this process hold, or wait for."""


def end_of(run: Run) -> None:
    """Note that a run is over, whether or not it released its lease."""
    _at_work.discard(run.owner)


def acquire(run: Run) -> Operation[None]:
    """Take the lease, waiting for another runner; MigrationLocked if that takes too long.

    A lease that is not renewed is over: by its own time, by what this runner has seen of it, or because
    its process is gone.
    """
    _at_work.add(run.owner)
    begun = time.monotonic()
    seen: tuple[str, float] = ("", begun)
    while True:
        stored = yield from _stored_lease()
        try:
            if stored is None:
                yield from _insert_lease(run)
                return
            if stored[1] != seen[0]:
                seen = (stored[1], time.monotonic())
            if _is_over(run, body_of(stored), time.monotonic() - seen[1]):
                run.lease = yield from _patch_lease(run, stored[1], _terms(run))
                return
        except (StaleDocumentError, DuplicateKey, TransactionConflict, StoreLocked):
            pass
        left = run.wait - (time.monotonic() - begun)
        if left <= 0:
            holder = body_of(stored) if stored is not None else {}
            raise MigrationLocked(
                "another program is running migrations on this database: "
                f"process {holder.get('pid')} on {holder.get('host')}, since {holder.get('since')}",
                hint="wait for it with --wait SECONDS",
            )
        yield Pause(min(_LOOK_AGAIN, left))


def _stored_lease() -> Operation[Stored | None]:
    try:
        return (yield from call(Get(LEDGER, "lease")))
    except CollectionNotFound:
        yield from prepare()
        return None


def _insert_lease(run: Run) -> Operation[None]:
    receipts = yield from write(run, [Inserts(LEDGER, [("lease", {"_key": "lease", **_terms(run)})])])
    run.lease = receipts[0][0][0]


def _patch_lease(run: Run, revision: str, changes: JsonObject) -> Operation[str]:
    receipts = yield from write(run, [Patches(LEDGER, [Patch("lease", revision, changes)])])
    return receipts[0][0][0]


def _terms(run: Run) -> JsonObject:
    return {
        "owner": run.owner,
        "host": platform.node(),
        "pid": os.getpid(),
        "since": now(),
        "until": time.time() + LEASE_SECONDS,
    }


def _is_over(run: Run, lease: JsonObject, unchanged: float) -> bool:
    until = float(lease.get("until", 0))
    if until == 0:
        return True
    is_here = lease.get("host") == platform.node()
    if is_here and not _is_alive(int(lease.get("pid", 0))):
        return True
    if is_here and lease.get("pid") == os.getpid() and lease.get("owner") not in _at_work:
        return True  # that run was interrupted before it knew that it had the lease
    if is_here and run.is_file and time.time() < until + 300:
        return False  # a long write of its own keeps a runner from renewing, and others from writing
    return time.time() > until or unchanged > LEASE_SECONDS


def _is_alive(process: int) -> bool:
    if process == os.getpid():
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True


def renew(run: Run) -> Operation[None]:
    """Say that the runner is alive."""
    stored = yield from call(Get(LEDGER, "lease"))
    if stored is not None and body_of(stored).get("owner") == run.owner:
        run.lease = yield from _patch_lease(run, stored[1], {"until": time.time() + LEASE_SECONDS})


def release(run: Run) -> Operation[None]:
    """Release the lease."""
    if run.lease is None:
        return
    for _ in range(5):
        stored = yield from call(Get(LEDGER, "lease"))
        if stored is None or body_of(stored).get("owner") != run.owner:
            return
        try:
            yield from _patch_lease(run, stored[1], {"until": 0})
        except (StaleDocumentError, TransactionConflict, StoreLocked):
            yield Pause(0.02)
        else:
            run.lease = None
            return


# --- checkpoints ---------------------------------------------------------------------------------


class Checkpoint:
    """Where a run stands, as the database has it; every move of it is a compare-and-swap.

    So a runner that lost its lease without noticing is stopped at its next batch.
    """

    def __init__(self, run: Run, body: JsonObject, revision: str) -> None:
        self.run, self.body, self.revision = run, body, revision

    def moved(self, changes: JsonObject) -> Patches:
        """Return the batch that moves the checkpoint, to be written together with what it stands for."""
        return Patches(LEDGER, [Patch("running", self.revision, changes)])

    def write(self, batches: Sequence[Batch], changes: JsonObject) -> Operation[None]:
        """Write batches together with the move of the checkpoint."""
        try:
            receipts = yield from write(self.run, [*batches, self.moved(changes)])
        except StaleDocumentError as error:
            if any(stale.collection == LEDGER for stale in error.documents):
                raise MigrationLocked(
                    "another program has continued this run",
                    hint="this one was suspended for too long; nothing was lost",
                ) from error
            raise
        self.revision = receipts[-1][0][0]
        self.body |= changes

    def until_alone(self, collection: str, work: Callable[[int], Operation[T]]) -> Operation[T]:
        """Return what reading and writing documents returns, done again as long as others change them.

        ``work`` is given how often it was done before. MigrationFailed if there is no end to it.
        """
        keys: list[str] = []
        for attempt in range(PATIENCE):
            try:
                return (yield from work(attempt))
            except StaleDocumentError as error:
                keys = [document.key for document in error.documents]
            except (TransactionConflict, StoreLocked):
                pass
            yield Pause(pause(attempt, 0.01, 0.5))
        raise MigrationFailed(
            f"documents of {collection} are changed by other writers again and again",
            revision=str(self.body["revision"]),
            key=keys[0] if keys else None,
            hint="upgrade again when less is written, or with a smaller batch=",
        )


def begin(run: Run, body: JsonObject) -> Operation[Checkpoint]:
    """Note that a revision begins."""
    receipts = yield from write(run, [Inserts(LEDGER, [("running", {"_key": "running", **body})])])
    return Checkpoint(run, dict(body), receipts[0][0][0])


# --- the attic -----------------------------------------------------------------------------------


def attic_key(revision: str, direction: str, number: int, key: str) -> str:
    """Return the key of what a step kept of a document.

    A key may have 254 bytes: where the document's own leaves no room, its digest stands for it.
    """
    prefix = f"{revision}-{direction}{number:03d}-"
    if len(prefix) + len(key.encode()) > LONGEST_KEY:
        key = hashlib.sha256(key.encode()).hexdigest()
    return prefix + key


def attic_row(
    revision: str, direction: str, number: int, step: Step, key: str, kept: Json
) -> tuple[str, JsonObject]:
    """Return what is kept of a document as a new row of the attic."""
    name = attic_key(revision, direction, number, key)
    body = {
        "_key": name,
        "revision": revision,
        "collection": step.collection,
        "operation": step.operation,
        "path": step.path,
        "key": key,
        "kept": kept,
    }
    return name, body
