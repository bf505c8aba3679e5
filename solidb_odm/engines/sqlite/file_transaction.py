"""The one transaction of a channel: it begins with the first write and ends when the session says.

One writer at a time among the sessions of a process, in turn.

SQLite lets writers poll for its lock, with pauses that grow, and whoever looks at the right moment has it:
with many sessions some time out although each write is short. Here they wait for each other instead; only
other processes are left to SQLite.

There is no lock here: the collector may forget a session, which gives its turn up, between any two
instructions of whoever takes one. A deque changes by single steps, and its first turn is the one that is on.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import Final, Protocol

from ...errors import TransactionError
from . import library
from .analysis import Statistics
from .catalogue import Catalogue
from .documents import mark_regular
from .memory_store import MemoryStore, is_busy, look_again
from .sql_names import quoted

_LOOK_SECONDS: Final = 0.05
"""How long a waiting thread sleeps before it looks whether it was cancelled."""


class WriteTurn:
    """The place of one writer, and what it is woken by when it comes first."""

    __slots__ = ("_bell",)

    def __init__(self) -> None:
        self._bell = threading.Lock()  # an Event holds a lock of its own while it is set
        self._bell.acquire()

    def ring(self) -> None:
        """Wake the writer, if it waits."""
        with suppress(RuntimeError):  # it was woken already
            self._bell.release()

    def wait(self, seconds: float) -> None:
        """Sleep until it is rung, or for so many seconds."""
        self._bell.acquire(timeout=max(0.0, seconds))


class Lender(Protocol):
    """Threads that are few: one that waits lets another work meanwhile, which may be who it waits for."""

    def lend(self) -> None:
        """Let another thread work."""
        ...

    def take_back(self) -> None:
        """Go on with work."""
        ...


class WriteQueue:
    """The turns to write to one file; shared by the channels of one driver, safe for threads."""

    def __init__(self) -> None:
        self._turns: deque[WriteTurn] = deque()
        self.lender: Lender | None = None

    def take(self, turn: WriteTurn, seconds: float, is_cancelled: Callable[[], bool]) -> bool:
        """Wait for a turn to come first; return whether it did in time. Who is first already stays so."""
        if turn not in self._turns:
            self._turns.append(turn)
        if self._is_first(turn):
            return True
        if self.lender is None:
            return self._wait(turn, seconds, is_cancelled)
        self.lender.lend()
        try:
            return self._wait(turn, seconds, is_cancelled)
        finally:
            self.lender.take_back()

    def _wait(self, turn: WriteTurn, seconds: float, is_cancelled: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + seconds
        while not self._is_first(turn):
            left = deadline - time.monotonic()
            if left <= 0 or is_cancelled():
                self.leave(turn)
                return False
            turn.wait(min(left, _LOOK_SECONDS))
        return True

    def leave(self, turn: WriteTurn) -> None:
        """Give a turn up, or stop waiting for it; the next one is on."""
        with suppress(ValueError):
            self._turns.remove(turn)
            with suppress(IndexError):
                self._turns[0].ring()

    def after_fork(self) -> None:
        """Begin again in a child process: whoever had the turn lives in the parent."""
        self._turns.clear()

    def _is_first(self, turn: WriteTurn) -> bool:
        try:
            return self._turns[0] is turn
        except IndexError:
            return False


_STEP = "solidb_step"


class Transaction:
    """BEGIN, COMMIT and savepoints on one connection.

    Reads outside a write transaction see what is committed when they start. A write transaction
    takes the file's write lock at once, so that it can't fail for want of it half-way.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        catalogue: Catalogue,
        statistics: Statistics,
        queue: WriteQueue,
        seconds: float,
        memory: MemoryStore | None = None,
    ) -> None:
        self._memory = memory
        self._connection = connection
        self._catalogue = catalogue
        self._statistics = statistics
        self._queue = queue
        self._seconds = seconds
        self.turn: Final = WriteTurn()
        """Its place among the writers of this process."""
        self.is_cancelled: Callable[[], bool] = bool
        self._before = connection.total_changes
        self._names: list[str] = []
        self._has_begun = False

    @property
    def is_writing(self) -> bool:
        """Whether what is read now may be what only this transaction sees."""
        return self._has_begun and self._connection.in_transaction

    @property
    def is_open(self) -> bool:
        return self._connection.in_transaction

    def begin(self) -> bool:
        """Take the write lock; return whether this begins the transaction."""
        if self._connection.in_transaction:
            return False
        try:
            has_turn = self.take_turn()
            if self._memory is not None:
                self._begin_after_writer(self._memory, has_turn)
            else:
                self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._queue.leave(self.turn)
            raise
        self._names.clear()
        self._has_begun = True
        self._before = self._connection.total_changes
        self._catalogue.settle()
        self._catalogue.refresh(has_just_begun=True)
        return True

    def _begin_after_writer(self, memory: MemoryStore, has_turn: bool) -> None:
        """Begin in memory, where SQLite does not wait: who was cancelled may be about to roll back."""

        def begin() -> None:
            memory.begin()
            self._connection.execute("BEGIN IMMEDIATE")

        self._once_free(begin, lambda: not has_turn or self.is_cancelled())

    def _once_free(self, work: Callable[[], object], is_given_up: Callable[[], bool]) -> None:
        """Do what SQLite refuses while others use the database, again and again for as long as turns last."""
        deadline = time.monotonic() + self._seconds
        while True:
            try:
                work()
                return
            except library.operational_errors() as exc:
                if not is_busy(exc) or time.monotonic() >= deadline or is_given_up():
                    raise
            look_again()

    def take_turn(self) -> bool:
        """Wait for the turn to write; if it does not come in time, SQLite says that it is locked."""
        return self._queue.take(self.turn, self._seconds, self.is_cancelled)

    def give_turn_up(self) -> None:
        """Give up the turn to write, unless a transaction is open."""
        if not self._connection.in_transaction:
            self._queue.leave(self.turn)

    def commit(self) -> None:
        if self._connection.in_transaction:
            if self._catalogue.irregular:
                mark_regular(self._connection, self._catalogue)
            self._statistics.wrote(self._connection, self._connection.total_changes - self._before)
            if self._memory is not None:
                self._commit_after_readers(self._memory)
            else:
                self._connection.execute("COMMIT")
            self._catalogue.settle()
        self._has_begun = False
        self._queue.leave(self.turn)

    def _commit_after_readers(self, memory: MemoryStore) -> None:
        """Commit in memory, where SQLite wants to be alone: statements that read now are at their last."""
        memory.end()
        self._once_free(lambda: self._connection.execute("COMMIT"), lambda: False)

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
            self._catalogue.forget()
            self._catalogue.settle()
        self._has_begun = False
        self._queue.leave(self.turn)

    def savepoint(self, name: str) -> None:
        self.begin()
        self._connection.execute(f"SAVEPOINT {quoted(name)}")
        self._names.append(name)

    def rollback_to(self, name: str) -> None:
        self._forget(name)
        self._connection.execute(f"ROLLBACK TO {quoted(name)}")
        self._connection.execute(f"RELEASE {quoted(name)}")
        self._catalogue.forget()

    def release(self, name: str) -> None:
        self._forget(name)
        self._connection.execute(f"RELEASE {quoted(name)}")

    @contextmanager
    def step(self) -> Generator[None, None, None]:
        """Write inside the transaction, which begins if none is open; undo just this on an error.

        The first step needs no savepoint: below one SQLite keeps every page that a statement changes.
        """
        is_first = self.begin()
        if not is_first:
            self._connection.execute(f"SAVEPOINT {_STEP}")
        try:
            yield
        except BaseException:
            self._undo_first() if is_first else self._undo_step()
            raise
        if not is_first:
            self._connection.execute(f"RELEASE {_STEP}")

    @contextmanager
    def change_of_schema(self) -> Generator[None, None, None]:
        """As ``step``, and committed at once if no transaction was open before."""
        alone = not self._connection.in_transaction
        try:
            with self.step():
                yield
            if alone:
                self.commit()
        except BaseException:
            if alone:
                self.rollback()
            raise

    @contextmanager
    def snapshot(self) -> Generator[None, None, None]:
        """Read several times from one state of the file."""
        if self._connection.in_transaction:
            yield
            return
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            _roll_back(self._connection)

    def _undo_first(self) -> None:
        self.rollback()
        self._catalogue.forget()
        self._catalogue.refresh()

    def _undo_step(self) -> None:
        if self.is_open:  # SQLite itself ends it when the disk is full
            self._connection.execute(f"ROLLBACK TO {_STEP}")
            self._connection.execute(f"RELEASE {_STEP}")
        self._catalogue.forget()
        self._catalogue.refresh()

    def _forget(self, name: str) -> None:
        if not self._connection.in_transaction or name not in self._names:
            raise TransactionError(
                f"there is no savepoint {name!r}", hint="the transaction it was made in is over"
            )
        last = len(self._names) - 1 - self._names[::-1].index(name)
        del self._names[last:]


def _roll_back(connection: sqlite3.Connection) -> None:
    """End what is open, if the connection is: what an interrupt left is ended by the collector, later."""
    with suppress(connection.ProgrammingError):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
