"""One writer at a time among the sessions of a process, in turn.

SQLite lets writers poll for its lock, with pauses that grow, and whoever looks at the right moment has it:
with many sessions some time out although each write is short. Here they wait for each other instead; only
other processes are left to SQLite.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

_LOOK_SECONDS: Final = 0.05
"""How long a waiting thread sleeps before it looks whether it was cancelled."""


class WriteQueue:
    """The turn to write to one file; shared by the channels of one driver, safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: object | None = None
        self._waiting: deque[tuple[object, threading.Event]] = deque()

    def take(self, writer: object, seconds: float, is_cancelled: Callable[[], bool]) -> bool:
        """Wait for the turn; return whether it came in time. Who has it already keeps it."""
        with self._lock:
            if self._holder in (None, writer):
                self._holder = writer
                return True
            turn = (writer, threading.Event())
            self._waiting.append(turn)
        deadline = time.monotonic() + seconds
        while not turn[1].wait(_LOOK_SECONDS):
            if is_cancelled() or time.monotonic() >= deadline:
                return self._give_up(turn)
        return True

    def leave(self, writer: object) -> None:
        """Let the next one write, if the writer has the turn."""
        with self._lock:
            if self._holder is not writer:
                return
            self._holder = None
            if self._waiting:
                self._holder, event = self._waiting.popleft()
                event.set()

    def after_fork(self) -> None:
        """Begin anew in a child process: whoever had the turn lives in the parent."""
        self._lock, self._holder = threading.Lock(), None
        self._waiting.clear()

    def _give_up(self, turn: tuple[object, threading.Event]) -> bool:
        """Stop waiting; return whether the turn came just now."""
        with self._lock:
            if turn[1].is_set():
                return True
            self._waiting.remove(turn)
            return False
