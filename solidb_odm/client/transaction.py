"""An open transaction: it holds one connection until it ends, because the server ties it to that.

A client has at most one of its own (``begin_transaction``). ``with client.transaction(..)`` opens one for
the running thread or task, whatever others do with the same client.
"""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from threading import Lock
from typing import Generic, TypeVar

import anyio

from ..commands import arun, run
from ..errors import TransactionError
from ..wire.requests import Exchange
from ..wire.socket_pool import Lane
from ..wire.stream_pool import AsyncLane
from .operations import transactions as operations
from .operations.transactions import Staging

T = TypeVar("T")
X = TypeVar("X", bound="TransactionBase")


class TransactionBase:
    """What both colours share."""

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


class Transaction(TransactionBase):
    """A transaction, blocking. Threads that share it take turns."""

    def __init__(self, owner: object, lane: Lane) -> None:
        super().__init__(owner)
        self._lane, self._turn = lane, Lock()

    def begin(self, database: str, level: str) -> str:
        """Begin it; give its identifier."""
        with self._turn:
            try:
                self.staging = Staging(run(operations.begin(database, level), self._lane))
                self.is_open = True
            finally:
                if not self.is_open:
                    self._lane.release(clean=self._lane.sound)
        return self.id

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange on the transaction's connection."""
        with self._turn:
            self.check()
            try:
                return run(exchange, self._lane)
            finally:
                if not self._lane.sound:
                    self.is_open = False
                    self._lane.release(clean=False)

    def commit(self) -> None:
        """Write what was staged."""
        self._end(operations.commit(self.staging))

    def rollback(self) -> None:
        """Forget what was staged."""
        self._end(operations.rollback(self.staging))

    def abandon(self) -> None:
        """End it by hanging up."""
        self.is_open = False
        self._lane.release(clean=False)

    def _end(self, exchange: Exchange[None]) -> None:
        with self._turn:
            self.check()
            self.is_open = False
            try:
                run(exchange, self._lane)
            finally:
                self._lane.release(clean=self._lane.sound)


class AsyncTransaction(TransactionBase):
    """A transaction, awaited. Tasks that share it take turns."""

    def __init__(self, owner: object, lane: AsyncLane) -> None:
        super().__init__(owner)
        self._lane, self._turn = lane, anyio.Lock()

    async def begin(self, database: str, level: str) -> str:
        """Begin it; give its identifier."""
        async with self._turn:
            try:
                self.staging = Staging(await arun(operations.begin(database, level), self._lane))
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
                return await arun(exchange, self._lane)
            finally:
                if not self._lane.sound:
                    self.is_open = False
                    await self._release()

    async def commit(self) -> None:
        """Write what was staged."""
        await self._end(operations.commit(self.staging))

    async def rollback(self) -> None:
        """Forget what was staged."""
        await self._end(operations.rollback(self.staging))

    async def abandon(self) -> None:
        """End it by hanging up."""
        self.is_open = False
        with anyio.CancelScope(shield=True):
            await self._lane.release(clean=False)

    async def _end(self, exchange: Exchange[None]) -> None:
        async with self._turn:
            self.check()
            self.is_open = False
            try:
                await arun(exchange, self._lane)
            finally:
                await self._release()

    async def _release(self) -> None:
        with anyio.CancelScope(shield=True):
            await self._lane.release(clean=self._lane.sound)


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
        """Give the open transaction, if there is one."""
        if self.bound:
            return self.own  # even when it has ended: writes must not slip past it
        for other in _AMBIENT.get():
            if other.owner is self.owner and other.is_open and isinstance(other, kind):
                return other
        return self.own if self.own is not None and self.own.is_open else None
