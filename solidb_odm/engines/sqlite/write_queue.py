"""One writer at a time among the sessions of a process, in turn.

SQLite lets writers poll for its lock, with pauses that grow, and whoever looks at the right moment has it:
with many sessions some time out although each write is short. Here they wait for each other instead; only
other processes are left to SQLite.

There is no lock here: the collector may forget a session, which gives its turn up, between any two
instructions of whoever takes one. A deque changes by single steps, and its first turn is the one that is on.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Final

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


class WriteQueue:
    """The turns to write to one file; shared by the channels of one driver, safe for threads."""

    def __init__(self) -> None:
        self._turns: deque[WriteTurn] = deque()

    def take(self, turn: WriteTurn, seconds: float, is_cancelled: Callable[[], bool]) -> bool:
        """Wait for a turn to come first; return whether it did in time. Who is first already stays so."""
        if self._is_first(turn):
            return True
        self._turns.append(turn)
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
        """Begin anew in a child process: whoever had the turn lives in the parent."""
        self._turns.clear()

    def _is_first(self, turn: WriteTurn) -> bool:
        try:
            return self._turns[0] is turn
        except IndexError:
            return False
