"""The one transaction of a channel: it begins with the first write and ends when the session says."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

from ...errors import TransactionError
from .catalogue import Catalogue
from .planner_statistics import Statistics
from .quoting import quoted
from .write_queue import WriteQueue, WriteTurn

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
    ) -> None:
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

    @property
    def is_open(self) -> bool:
        return self._connection.in_transaction

    def begin(self) -> bool:
        """Take the write lock; return whether this begins the transaction."""
        if self._connection.in_transaction:
            return False
        try:
            self._queue.take(
                self.turn, self._seconds, self.is_cancelled
            )  # else SQLite says that it is locked
            self._connection.execute("BEGIN IMMEDIATE")
        except BaseException:
            self._queue.leave(self.turn)
            raise
        self._names.clear()
        self._before = self._connection.total_changes
        self._catalogue.settle()
        self._catalogue.refresh()
        return True

    def commit(self) -> None:
        if self._connection.in_transaction:
            self._statistics.wrote(self._connection, self._connection.total_changes - self._before)
            self._connection.execute("COMMIT")
            self._catalogue.settle()
        self._queue.leave(self.turn)

    def rollback(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
            self._catalogue.forget()
            self._catalogue.settle()
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
            if self.is_open:
                self._connection.execute("ROLLBACK")

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
