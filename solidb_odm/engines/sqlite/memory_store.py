"""A database in memory: what lives as long as its driver, and what is read of it while somebody writes.

SQLite lets nobody begin to read in memory between a writer's first change and its commit; in a file they
read what was committed before. Here the same: pages that a transaction changes stay with its connection until
the commit, so another one, which began to read before, can copy what is committed. A reader that SQLite turns
away reads in that copy, which all share that come during one transaction.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Protocol

from ...commands import (
    Command,
    CountDocuments,
    DescribeCollection,
    ExplainQuery,
    FetchDocuments,
    Get,
    GetMany,
    ListCollections,
    RunQuery,
)
from ...language.walk import writes
from . import library

_LOOK_SECONDS: Final = 0.0005
"""How long a statement that was turned away sleeps before it is tried again."""


class MemoryStore:
    """One database in memory; safe for threads.

    Its own connection keeps the database, and reads from the beginning of each write to its end. A writer
    that was forgotten leaves it reading, which nobody minds: the next one begins again.
    """

    def __init__(self, connect: Callable[[str, bool], sqlite3.Connection]) -> None:
        self._connect = connect
        self._name = f"solidb-{uuid.uuid4().hex}"
        self._lock = threading.RLock()  # the collector may end a reader of this very thread
        self.connections = [connect(self._name, False)]
        """The one that keeps the database, and the one that keeps the copy while there is one."""
        self._copy_name = ""
        self._writes = 0
        self._keeper = self.connections[0]

    def open(self) -> sqlite3.Connection:
        """Open a connection to the database."""
        return self._connect(self._name, True)

    def begin(self) -> None:
        """Keep what is committed readable; called by who is about to write."""
        with self._lock:
            self._forget_copy()
            if not self._keeper.in_transaction:
                self._keeper.execute("BEGIN")
            self._keeper.execute("PRAGMA schema_version")  # now it reads, unless it was interrupted before

    def end(self) -> None:
        """Let the writer commit, for which SQLite wants to be alone."""
        with self._lock:
            if self._keeper.in_transaction:
                self._keeper.execute("ROLLBACK")
            self._forget_copy()

    @property
    def number(self) -> int:
        """What tells the copy of one transaction from that of another."""
        return self._writes

    def copy(self) -> sqlite3.Connection | None:
        """Open a connection to a copy of what was committed before the write that is on; None if none is."""
        with self._lock:
            if not self._keeper.in_transaction or not self._is_reading():
                return None
            if not self._copy_name:
                self._make_copy(f"solidb-{uuid.uuid4().hex}")
            return self._connect(self._copy_name, True)

    def close(self) -> None:
        """Forget the database, once nobody has a connection to it."""
        while self.connections:
            self.connections.pop().close()

    def after_fork(self) -> None:
        """Take a new lock: a thread that is not in this process may have held the old one."""
        self._lock = threading.RLock()

    def _is_reading(self) -> bool:
        """Return whether what is committed can be read: a copy would wait for it without end."""
        try:
            self._keeper.execute("PRAGMA schema_version")
        except library.operational_errors():
            return False
        return True

    def _make_copy(self, name: str) -> None:
        copy = self._connect(name, True)
        try:
            self._keeper.backup(copy)
            (version,) = self._keeper.execute("PRAGMA schema_version").fetchone()
            copy.execute(f"PRAGMA schema_version = {version}")  # of which the plans of queries are
        except BaseException:
            copy.close()
            raise
        self.connections.append(copy)
        self._copy_name = name

    def _forget_copy(self) -> None:
        self._writes += 1
        self._copy_name = ""
        while len(self.connections) > 1:
            self.connections.pop().close()


class Writer(Protocol):
    """The transaction of a channel, and its turn to have one."""

    @property
    def is_open(self) -> bool: ...

    @property
    def is_cancelled(self) -> Callable[[], bool]: ...

    def take_turn(self) -> bool:
        """Wait for the turn to write."""
        ...

    def give_turn_up(self) -> None:
        """Give the turn up, unless a transaction is open."""
        ...


class Copied(Protocol):
    """A channel to a copy."""

    def perform(self, command: Command[Any], /) -> Any:
        """Perform a command."""
        ...

    def interrupt(self) -> None:
        """Stop what another thread runs."""
        ...

    def resume(self) -> None:
        """Go on after ``interrupt``."""
        ...

    def close(self) -> None:
        """Give the connection back."""
        ...


class CopiedReads:
    """What a channel performs on a database in memory while another one writes to it."""

    def __init__(
        self,
        store: MemoryStore,
        writer: Writer,
        seconds: float,
        open_channel: Callable[[sqlite3.Connection], Copied],
    ) -> None:
        self._store, self._writer, self._seconds = store, writer, seconds
        self._open_channel = open_channel
        self._channel: Copied | None = None
        self._number = -1

    def instead(self, work: Callable[[Any], Any]) -> Callable[[Any], Any]:
        """Return work that goes on where SQLite turned it away."""
        return partial(self._perform, work)

    def interrupt(self) -> None:
        """Stop what reads in the copy."""
        if (channel := self._channel) is not None:
            channel.interrupt()

    def resume(self) -> None:
        """Go on after ``interrupt``."""
        if (channel := self._channel) is not None:
            channel.resume()

    def close(self) -> None:
        """Forget the copy."""
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()

    def _perform(self, work: Callable[[Any], Any], command: Command[Any]) -> Any:
        try:
            reply = work(command)
        except library.operational_errors() as exc:
            if self._writer.is_open or not is_busy(exc):
                raise
        else:
            if self._channel is not None:
                self.close()
            return reply
        deadline = time.monotonic() + self._seconds
        if not _only_reads(command):
            return self._in_turn(work, command)
        while (channel := self._copied()) is None:
            try:
                return work(command)
            except library.operational_errors() as exc:
                if not is_busy(exc) or time.monotonic() >= deadline or self._writer.is_cancelled():
                    raise
            look_again()
        return channel.perform(command)

    def _in_turn(self, work: Callable[[Any], Any], command: Command[Any]) -> Any:
        """Perform what reads before it writes, when nobody else does."""
        self._writer.take_turn()
        try:
            return work(command)
        finally:
            self._writer.give_turn_up()

    def _copied(self) -> Copied | None:
        """Return a channel to what is committed, while somebody writes."""
        number = self._store.number
        if self._channel is None or self._number != number:
            self.close()
            connection = self._store.copy()
            if connection is not None:
                self._channel, self._number = self._open_channel(connection), number
        return self._channel


def _only_reads(command: Command[Any]) -> bool:
    if isinstance(command, RunQuery | FetchDocuments):
        return not writes(command.query)
    return isinstance(
        command, Get | GetMany | ExplainQuery | ListCollections | DescribeCollection | CountDocuments
    )


def is_busy(error: sqlite3.Error) -> bool:
    """Return whether SQLite turned a statement away because of another connection."""
    return library.code_of(error) & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def look_again() -> None:
    """Sleep for a moment, in which another connection may end its statement."""
    time.sleep(_LOOK_SECONDS)
