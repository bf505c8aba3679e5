"""Transactions: their levels, beginning and end, and an open one with the connection it leases.

The server ties a transaction to a connection, so an open one leases that until it ends. A client has at
most one of its own (``begin_transaction``). ``with client.transaction(..)`` opens one for the running
thread or task, whatever others do with the same client.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import field
from threading import RLock
from typing import Generic, TypeVar

import anyio

from .._dataclasses import dataclass
from .._types import JsonObject
from ..commands import arun, run
from ..engines.solidb.commit import Seen, Witness, find_out, unknown_outcome
from ..errors import ConcurrentUseError, ConnectionLost, RequestTimeout, TransactionError, UsageError
from ..wire.exchange import Exchange, send
from ..wire.faults import Subject
from ..wire.socket_pool import Lease
from ..wire.stream_pool import AsyncLease

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
    """An open transaction, as writes join it: its identifier, and what they have staged.

    ``written`` holds for each document its revision and time after the commit, by database and place.
    """

    id: str
    written: dict[str, dict[tuple[str, str], Seen | None]] = field(
        default_factory=dict[str, dict[tuple[str, str], Seen | None]]
    )

    def note(self, database: str, collection: str, key: str, stored: JsonObject | None) -> None:
        """Keep what a write has staged; None: a removal."""
        seen = None if stored is None else Seen(stored["_rev"], stored["_updated_at"])
        self.written.setdefault(database, {})[collection, key] = seen


T = TypeVar("T")
X = TypeVar("X", bound="TransactionBase")


class TransactionBase:
    """What the blocking and the async transaction share."""

    def __init__(self, owner: object) -> None:
        self.owner = owner
        self.staging = Staging("")
        self.is_open = False

    @property
    def id(self) -> str:
        """The server's name for it."""
        return self.staging.id

    def check(self) -> None:
        """Raise unless it is open."""
        if not self.is_open:
            raise TransactionError("the transaction has ended", hint="begin another one")


class ClientTransaction(TransactionBase):
    """A transaction, blocking. Threads that share it take turns."""

    def __init__(self, owner: object, lease: Lease) -> None:
        super().__init__(owner)
        self._lease, self._turn, self._is_busy = lease, RLock(), False

    def begin(self, database: str, level: str) -> str:
        """Begin it; return its identifier."""
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
        """Forget what was staged."""
        self._end(rollback(self.staging))

    def abandon(self) -> None:
        """End it by hanging up."""
        self.is_open = False
        self._lease.release(clean=False)

    @contextmanager
    def _alone(self) -> Generator[None]:
        """Wait for other threads; refuse what this thread asks in the midst of another request."""
        with self._turn:
            if self._is_busy:  # a signal handler, or the end of something that is collected just now
                raise ConcurrentUseError("the transaction waits for an answer in this very thread")
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
    """A transaction, awaited. Tasks that share it take turns."""

    def __init__(self, owner: object, lease: AsyncLease) -> None:
        super().__init__(owner)
        self._lease, self._turn = lease, anyio.Lock()

    async def begin(self, database: str, level: str) -> str:
        """Begin it; return its identifier."""
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
        """Forget what was staged."""
        await self._end(rollback(self.staging))

    async def abandon(self) -> None:
        """End it by hanging up."""
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
    """Make it the one of the running thread or task."""
    _AMBIENT.set((transaction, *(other for other in _AMBIENT.get() if other.is_open)))


def leave(transaction: TransactionBase) -> None:
    """Undo ``enter``."""
    _AMBIENT.set(tuple(other for other in _AMBIENT.get() if other is not transaction))


@dataclass(slots=True)
class Stage(Generic[X]):
    """Which transaction a client's writes go to.

    ``bound``: to its own only, as those of the client that ``with client.transaction(..)`` gives.
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
    """Return the wire's name of an isolation level, in whatever spelling it comes."""
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
    """Write what was staged, all or nothing; if the answer is lost, find out whether it happened."""
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
    """Forget what was staged."""
    yield from send({"cmd": "rollback_transaction", "tx_id": tx.id})


def staged(request: JsonObject, tx: Staging | None) -> JsonObject:
    """Return the request as it must be sent to belong to a transaction; without one, as it is.

    The server does not let a plain write join the transaction of its connection.
    """
    return request if tx is None else {"cmd": "transaction_command", "tx_id": tx.id, "command": request}
