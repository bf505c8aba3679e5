"""What opens channels to a file.

Telling a caller about each SQL statement: connections that measure what they run.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TypeAlias

from ...errors import ClosedError, UsageError
from ..interface import Capabilities
from . import forks, library
from .analysis import Statistics
from .channel import CAPABILITIES, FileChannel, KeyedChannel, Pause, SweepClock
from .cipher import Cipher
from .file_transaction import WriteQueue
from .file_url import StoreOptions, parse_url
from .memory_store import MemoryStore
from .plan_cache import PlanCache
from .store import closed_with, open_connection, translate
from .vector_index import VectorCache

Observer: TypeAlias = Callable[[str, int, float, int], None]
"""Called with the SQL, the number of its parameters, milliseconds, and rows read or written."""


def observed(observer: Observer) -> type[sqlite3.Connection]:
    """Return a class of connections that report to the observer."""

    class ObservedCursor(sqlite3.Cursor):
        _sql = ""
        _count = 0
        _spent = 0.0
        _read: int | None = None
        """How many rows ``fetchmany`` gave, until they were reported."""

        def execute(self, sql: str, parameters: Any = (), /) -> ObservedCursor:
            start = time.perf_counter()
            super().execute(sql, parameters)
            self._sql, self._count, self._spent = sql, len(parameters), time.perf_counter() - start
            self._read = 0
            if self.description is None:
                self._report(self.rowcount)
            return self

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> ObservedCursor:
            start = time.perf_counter()
            super().executemany(sql, parameters)
            self._sql, self._count, self._spent = sql, 0, time.perf_counter() - start
            self._report(self.rowcount)
            return self

        def fetchall(self) -> list[Any]:
            start = time.perf_counter()
            rows = super().fetchall()
            self._spent += time.perf_counter() - start
            self._report(len(rows))
            return rows

        def fetchmany(self, size: int | None = 1) -> list[Any]:
            start = time.perf_counter()
            rows = super().fetchmany(size)
            self._spent += time.perf_counter() - start
            if self._read is not None:
                self._read += len(rows)
                if len(rows) < (size or 1):
                    self._report(self._read)
                    self._read = None
            return rows

        def fetchone(self) -> Any:
            row = super().fetchone()
            self._report(int(row is not None))
            return row

        def _report(self, rows: int) -> None:
            observer(self._sql, self._count, self._spent * 1000, max(rows, 0))

    class ObservedConnection(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            return ObservedCursor(self).execute(sql, parameters)

        def executemany(self, sql: str, parameters: Sequence[Any] | Iterable[Any], /) -> sqlite3.Cursor:
            return ObservedCursor(self).executemany(sql, parameters)

    return ObservedConnection


_IDLE = 8


class FileDriver:
    """Opens channels to one SQLite file, or to one database in memory.

    Connections that channels give back are kept for the next. ``on_statement`` is told each SQL
    statement, the number of its parameters, its milliseconds and its rows. ``secret`` is the passphrase, or
    the key, of an encrypted file.
    """

    def __init__(
        self,
        url: str,
        *,
        on_statement: Observer | None = None,
        secret: str | bytes | None = None,
        **options: object,
    ) -> None:
        self._url = url
        self._options = _where_it_is_now(parse_url(url, **options))
        if secret is not None and on_statement is not None:
            raise UsageError("the statements of an encrypted file can't be observed")
        self._factory = None if on_statement is None else observed(on_statement)
        self._cipher = None if secret is None else Cipher.of(self._options.path, secret)
        self._channels: weakref.WeakSet[KeyedChannel] = weakref.WeakSet()  # of an encrypted file
        self._key_lock = threading.Lock()
        self._plans = PlanCache()
        keeps_files = not self._options.in_memory and secret is None  # a graph is not encrypted
        self._vectors = VectorCache(self._options.path if keeps_files else "")
        self._statistics = Statistics()
        self.writers: Final = WriteQueue()
        self._clock = SweepClock(self._options.sweep)
        self._idle: deque[sqlite3.Connection] = deque()  # changed by single steps, so without a lock
        self._closed = False
        self._memory = _memory(self._options, self._factory)
        closed_with(self, [] if self._memory is None else self._memory.connections)
        closed_with(self, self._idle)
        forks.watch(self)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def url(self) -> str:
        return self._url

    @property
    def options(self) -> StoreOptions:
        return self._options

    def channel(self) -> FileChannel:
        """Open a channel."""
        if self._cipher is None:
            return self._channel()
        return KeyedChannel(self._set_up)

    def _channel(self) -> FileChannel:
        connection = self._take()
        try:
            return FileChannel(connection, *self._shared())
        except BaseException:
            connection.close()
            raise

    def _set_up(self, channel: KeyedChannel) -> None:
        """Give a channel of an encrypted file a connection, as if it had just been made."""
        with self._key_lock:
            self._channels.add(channel)
            connection = self._take()
            try:
                FileChannel.__init__(channel, connection, *self._shared())
            except BaseException:
                connection.close()
                raise

    def _shared(self) -> tuple[Any, ...]:
        """Return what all channels to the file have in common."""
        return (
            self._options,
            self._clock,
            self._plans,
            self._vectors,
            self._statistics,
            self.writers,
            self._give_back,
            self._cipher,
            self._memory,
        )

    def settle_key(self) -> None:
        """Note that the file has this key, should a change of it have been cut short; WrongKey if not."""
        if self._cipher is not None and self._cipher.is_one_of_two():
            self.channel().close()
            self._cipher.settle()

    def change_key(self, secret: str | bytes) -> None:
        """Encrypt the file with another key. Open channels go on with it.

        A statement that runs and changes that are not committed are waited for, as long as for another
        process's lock; then StoreLocked says what there is.
        """
        if self._cipher is None:
            raise UsageError(
                "this store is not encrypted", hint="give encryption_key=.. when a store is made"
            )
        new = self._cipher.changed(secret)
        with ExitStack() as held:
            pause = Pause(self._options.path, held, self._options.timeout)
            while (left := self._rewritten(self._cipher, new)) is not None:
                pause.take(left)

    def _rewritten(self, old: Cipher, new: Cipher) -> list[KeyedChannel] | None:
        """Encrypt the file again; return the channels that have a connection, if any has."""
        with self._key_lock:
            if left := [channel for channel in self._channels if not channel.is_given_back]:
                return left
            self._purge()
            connection = self._open()
            try:
                old.rewrite(connection, new)
            except library.errors() as problem:
                raise translate(problem, self._options.path) from problem
            finally:
                connection.close()
            self._cipher = new
            return None

    def close(self) -> None:
        """Close the idle connections; channels still open close theirs when they are given back."""
        self._closed = True
        self._purge()
        if self._memory is not None:
            self._memory.close()

    def after_fork(self) -> None:
        """Leave the idle connections to the parent process; threads of it may have held the locks."""
        self._key_lock = threading.Lock()
        self._plans.after_fork()
        self._vectors.after_fork()
        self.writers.after_fork()
        if self._memory is not None:
            self._memory.after_fork()
        for connection in self._idle:
            forks.leave(connection, self._options.path, in_use=False)
        self._idle.clear()
        closed_with(self, self._idle)

    def _open(self) -> sqlite3.Connection:
        if self._memory is not None:
            return self._memory.open()
        return open_connection(self._options, "", self._factory, self._cipher)

    def _take(self) -> sqlite3.Connection:
        if self._closed:
            raise ClosedError("the engine is closed", hint="make another with create_engine(url)")
        try:
            return self._idle.pop()
        except IndexError:
            return self._open()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        if self._closed or len(self._idle) >= _IDLE:
            connection.close()
            return
        self._idle.append(connection)
        if self._is_closed():  # meanwhile
            self._purge()

    def _is_closed(self) -> bool:
        return self._closed

    def _purge(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop().close()


def _memory(options: StoreOptions, factory: type[sqlite3.Connection] | None) -> MemoryStore | None:
    """Make the database in memory, if that is what the options say."""

    def connect(name: str, is_laid_out: bool) -> sqlite3.Connection:
        return open_connection(options, name, factory, is_laid_out=is_laid_out)

    return MemoryStore(connect) if options.in_memory else None


def _where_it_is_now(options: StoreOptions) -> StoreOptions:
    """Fix a relative path: the working directory may change while the engine lives."""
    return replace(options, path=str(Path(options.path).absolute())) if options.path else options
