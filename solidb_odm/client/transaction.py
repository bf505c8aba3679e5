"""Transactions: isolation levels, begin, commit, rollback, and the connection that an open one leases.

The server ties a transaction to a connection, so an open one leases it until it ends. ``begin_transaction``
opens the one transaction of a client; ``with client.transaction(..)`` opens one for the current thread or
task, independently of others that use the same client.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from threading import RLock
from typing import TYPE_CHECKING, Generic, TypeVar

from .._dataclasses import dataclass
from .._lazy import Later
from .._types import JsonObject
from ..commands import arun, run
from ..engines.solidb.commit import Seen, Witness, find_out, unknown_outcome
from ..errors import ConcurrentUseError, ConnectionLost, RequestTimeout, TransactionError, UsageError
from ..wire.exchange import Exchange, send
from ..wire.faults import Subject
from ..wire.socket_pool import Lease
from ..wire.stream_pool import AsyncLease

if TYPE_CHECKING:
    import anyio
else:
    anyio = Later("anyio")

MOST_WITNESSES = 1000
"""How many documents are looked at to find out whether a commit happened."""

LEVELS = {
    "readuncommitted": "read_committed",  # the driver protocol has no name for it, and none gives less
    "readcommitted": "read_committed",
    "repeatableread": "repeatable_read",
    "serializable": "serializable",
}
"""Isolation levels, by their names without case, spaces, dashes and underscores."""


@dataclass(slots=True)
class Staging:
    """An open transaction as writes see it: its identifier, and what they have staged.

    ``written`` maps database and id of a document to its revision and time after the commit.
    """

    id: str
    written: dict[str, dict[tuple[str, str], Seen | None]] = field(
        default_factory=dict[str, dict[tuple[str, str], Seen | None]]
    )

    def note(self, database: str, collection: str, key: str, stored: JsonObject | None) -> None:
        """Note what a write has staged; None means a removal."""
        seen = None if stored is None else Seen(stored["_rev"], stored["_updated_at"])
        self.written.setdefault(database, {})[collection, key] = seen


T = TypeVar("T")
X = TypeVar("X", bound="TransactionBase")


class TransactionBase:
    """The part that the blocking and the async transaction share."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.staging = Staging("")
        self.is_open = False

    @property
    def id(self) -> str:
        """The server's identifier of the transaction."""
        return self.staging.id

    def check(self) -> None:
        """Raise StateError unless the transaction is open."""
        if not self.is_open:
            raise TransactionError("the transaction has ended", hint="begin another one")


class ClientTransaction(TransactionBase):
    """A transaction, blocking. Threads that share it wait for each other."""

    def __init__(self, owner: object, lease: Lease) -> None:
        super().__init__(owner)
        self._lease, self._turn, self._is_busy = lease, RLock(), False

    def begin(self, database: str, level: str) -> str:
        """Begin the transaction; return its identifier."""
        with self._alone():
            try:
                self.staging = Staging(run(begin(database, level), self._lease))
                self.is_open = True
            finally:
                if not self.is_open:
                    self._lease.release(clean=self._lease.sound)
        return self.id

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange on the transaction's connection."""
        with self._alone():
            self.check()
            try:
                return run(exchange, self._lease)
            finally:
                if not self._lease.sound:
                    self.is_open = False
                    self._lease.release(clean=False)

    def commit(self) -> None:
        """Write what was staged."""
        self._end(commit(self.staging))

    def rollback(self) -> None:
        """Discard what was staged."""
        self._end(rollback(self.staging))

    def abandon(self) -> None:
        """End the transaction by closing its connection."""
        self.is_open = False
        self._lease.release(clean=False)

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Wait for other threads; refuse a request that this thread makes during another request."""
        with self._turn:
            if self._is_busy:  # a signal handler, or the end of something that is collected just now
                raise ConcurrentUseError("this thread already waits for an answer in the transaction")
            self._is_busy = True
            try:
                yield
            finally:
                self._is_busy = False

    def _end(self, exchange: Exchange[None]) -> None:
        with self._alone():
            self.check()
            self.is_open = False
            try:
                run(exchange, self._lease)
            finally:
                self._lease.release(clean=self._lease.sound)


class AsyncClientTransaction(TransactionBase):
    """A transaction, async. Tasks that share it wait for each other."""

    def __init__(self, owner: object, lease: AsyncLease) -> None:
        super().__init__(owner)
        self._lease, self._turn = lease, anyio.Lock()

    async def begin(self, database: str, level: str) -> str:
        """Begin the transaction; return its identifier."""
        async with self._turn:
            try:
                self.staging = Staging(await arun(begin(database, level), self._lease))
                self.is_open = True
            finally:
                if not self.is_open:
                    await self._release()
        return self.id

    async def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange on the transaction's connection."""
        async with self._turn:
            self.check()
            try:
                return await arun(exchange, self._lease)
            finally:
                if not self._lease.sound:
                    self.is_open = False
                    await self._release()

    async def commit(self) -> None:
        """Write what was staged."""
        await self._end(commit(self.staging))

    async def rollback(self) -> None:
        """Discard what was staged."""
        await self._end(rollback(self.staging))

    async def abandon(self) -> None:
        """End the transaction by closing its connection."""
        self.is_open = False
        with anyio.CancelScope(shield=True):
            await self._lease.release(clean=False)

    async def _end(self, exchange: Exchange[None]) -> None:
        async with self._turn:
            self.check()
            self.is_open = False
            try:
                await arun(exchange, self._lease)
            finally:
                await self._release()

    async def _release(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._lease.release(clean=self._lease.sound)


_AMBIENT: ContextVar[tuple[TransactionBase, ...]] = ContextVar("solidb_transactions", default=())


def enter(transaction: TransactionBase) -> None:
    """Make it the transaction of the current thread or task."""
    _AMBIENT.set((transaction, *(other for other in _AMBIENT.get() if other.is_open)))


def leave(transaction: TransactionBase) -> None:
    """Undo ``enter``."""
    _AMBIENT.set(tuple(other for other in _AMBIENT.get() if other is not transaction))


@dataclass(slots=True)
class Stage(Generic[X]):
    """The transaction that a client's writes belong to.

    With ``bound``, writes belong to this transaction only, as those of the client that ``with
    client.transaction(..)`` yields.
    """

    owner: object
    own: X | None = None
    bound: bool = False

    def current(self, kind: type[X]) -> X | None:
        """Return the open transaction, if there is one."""
        if self.bound:
            return self.own  # even when it has ended: writes must not slip past it
        for other in _AMBIENT.get():
            if other.owner is self.owner and other.is_open and isinstance(other, kind):
                return other
        return self.own if self.own is not None and self.own.is_open else None


def level_of(isolation: str | None) -> str:
    """Return the server's name of an isolation level, given in any spelling."""
    if isolation is None:
        return "read_committed"
    name = str(getattr(isolation, "value", isolation)).lower()
    level = LEVELS.get("".join(letter for letter in name if letter.isalpha()))
    if level is None:
        raise UsageError(
            f"{isolation!r} is not an isolation level",
            hint="read_uncommitted, read_committed, repeatable_read or serializable",
        )
    return level


def begin(database: str, level: str) -> Exchange[str]:
    """Begin a transaction on the leased connection; return its identifier."""
    request = {"cmd": "begin_transaction", "database": database, "isolation_level": level}
    return (yield from send(request, Subject(database), repeatable=True)).tx_id


def commit(tx: Staging) -> Exchange[None]:
    """Write what was staged, atomically; if the answer is lost, find out whether the commit took place."""
    try:
        yield from send({"cmd": "commit_transaction", "tx_id": tx.id})
    except (ConnectionLost, RequestTimeout) as problem:
        committed = yield from _outcome(tx)
        if not committed:
            raise unknown_outcome(committed, problem) from problem


def _outcome(tx: Staging) -> Exchange[bool | None]:
    if not tx.written:
        return True  # there was nothing to write
    database, written = next(iter(tx.written.items()))
    witnesses = [
        Witness(collection, key, None, seen and seen.revision, seen.updated if seen else "")
        for (collection, key), seen in list(written.items())[:MOST_WITNESSES]
    ]
    return (yield from find_out(witnesses, database))


def rollback(tx: Staging) -> Exchange[None]:
    """Discard what was staged."""
    yield from send({"cmd": "rollback_transaction", "tx_id": tx.id})


def staged(request: JsonObject, tx: Staging | None) -> JsonObject:
    """Return a request in the form that belongs to a transaction; unchanged if there is none.

    The server does not let a plain write join the transaction of its connection.
    """
    return request if tx is None else {"cmd": "transaction_command", "tx_id": tx.id, "command": request}
