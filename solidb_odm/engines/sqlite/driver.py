"""What opens channels to a file."""

from __future__ import annotations

import sqlite3
import threading
import uuid
from dataclasses import replace
from pathlib import Path

from ...errors import ClosedError
from ..base import Capabilities
from . import forks
from .channel import CAPABILITIES, FileChannel, SweepClock
from .options import StoreOptions, parse_url
from .plan_cache import PlanCache
from .planner_statistics import Statistics
from .sql_trace import Observer, observed
from .store import closed_with, open_connection
from .write_queue import WriteQueue

_IDLE = 8


class FileDriver:
    """Opens channels to one SQLite file, or to one database in memory.

    Connections that channels give back are kept for the next. ``on_statement`` is told each SQL
    statement, the number of its parameters, its milliseconds and its rows.
    """

    def __init__(self, url: str, *, on_statement: Observer | None = None, **options: object) -> None:
        self._url = url
        self._options = _where_it_is_now(parse_url(url, **options))
        self._factory = sqlite3.Connection if on_statement is None else observed(on_statement)
        self._memory_name = f"solidb-{uuid.uuid4().hex}"
        self._plans = PlanCache()
        self._statistics = Statistics()
        self._queue = WriteQueue()
        self._clock = SweepClock(self._options.sweep)
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()
        self._closed = False
        # a database in memory lives as long as a connection to it
        self._anchor = [self._open()] if self._options.in_memory else []
        closed_with(self, self._anchor)
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
        connection = self._take()
        try:
            return FileChannel(
                connection,
                self._options,
                self._clock,
                self._plans,
                self._statistics,
                self._queue,
                self._give_back,
            )
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the idle connections; channels still open close theirs when they are given back."""
        with self._lock:
            self._closed = True
            connections = [*self._idle, *self._anchor]
            self._idle.clear()
            self._anchor.clear()
        for connection in connections:
            connection.close()

    def after_fork(self) -> None:
        """Leave the idle connections to the parent process; threads of it may have held the locks."""
        self._lock = threading.Lock()
        self._plans.after_fork()
        self._queue.after_fork()
        for connection in self._idle:
            forks.leave(connection, self._options.path, in_use=False)
        self._idle.clear()
        closed_with(self, self._idle)

    def _open(self) -> sqlite3.Connection:
        return open_connection(self._options, self._memory_name, self._factory)

    def _take(self) -> sqlite3.Connection:
        with self._lock:
            if self._closed:
                raise ClosedError("the engine is closed", hint="make another with create_engine(url)")
            if self._idle:
                return self._idle.pop()
        return self._open()

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._lock:
            if not self._closed and len(self._idle) < _IDLE:
                self._idle.append(connection)
                return
        connection.close()


def _where_it_is_now(options: StoreOptions) -> StoreOptions:
    """Fix a relative path: the working directory may change while the engine lives."""
    return replace(options, path=str(Path(options.path).absolute())) if options.path else options
