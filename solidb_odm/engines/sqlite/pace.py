"""The pace of slow queries that Python runs: one at a time, in slices, while short work goes on beside it.

Python runs one thread at a time. Each time that short work comes back from SQLite, or to its event loop, it
waits for every other thread that wants the interpreter, some milliseconds each; five slow queries made a
commit of one document a hundred times as long. Together they are no faster than one after another. So a query
that has run for a while goes on only in its turn. A short one needs none, nor does one that writes: others
wait for that.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable
from typing import Final

from . import forks

SLOW: Final = 0.05
"""Seconds after which a query is slow."""

SLICE: Final = 0.05
"""Seconds that one turn lasts."""

PAUSE: Final = 0.0003
"""Seconds in which another thread takes the turn that was given back."""

MOST: Final = 2.0
"""Seconds after which a query goes on without its turn, whatever the others do."""

STEP: Final = 0.05
"""Seconds after which a query that waits looks whether it was cancelled."""

LOST: Final = 10.0
"""Seconds after which a turn that nobody has given back is taken for lost, with the thread that had it."""


class Pace:
    """Whose turn it is among the slow queries of a process."""

    def __init__(self) -> None:
        self._gate = threading.Lock()
        self._taken = time.monotonic()

    def take(self, is_cancelled: Callable[[], bool]) -> threading.Lock | None:
        """Wait for a turn; return what gives it back, or None: go on without."""
        gate, until = self._gate, time.monotonic() + MOST
        while not gate.acquire(timeout=STEP):
            now = time.monotonic()
            if now > until and now - self._taken > LOST and self._gate is gate:
                self._gate, self._taken = threading.Lock(), now
            if now > until or is_cancelled():
                return None
        self._taken = time.monotonic()
        return gate

    def after_fork(self) -> None:
        """Begin again in a child process, which has none of the threads."""
        self._gate = threading.Lock()


PACE: Final = Pace()
forks.watch(PACE)


class Turn:
    """The turns of one query; ``look`` is called now and then while Python runs it."""

    __slots__ = ("_gate", "_is_cancelled", "_next", "_turns")

    def __init__(self, is_cancelled: Callable[[], bool], turns: Pace = PACE) -> None:
        self._is_cancelled, self._turns = is_cancelled, turns
        self._gate: threading.Lock | None = None
        self._next = time.monotonic() + SLOW

    def look(self) -> bool:
        """Wait for the next turn if one is over; return whether the query was cancelled."""
        if time.monotonic() >= self._next and _TAKE_TURNS:
            if self._gate is not None:
                self.end()
                time.sleep(PAUSE)
            self._gate = self._turns.take(self._is_cancelled)
            self._next = time.monotonic() + SLICE
        return self._is_cancelled()

    def end(self) -> None:
        """Give the turn back, if the query has it."""
        gate, self._gate = self._gate, None
        if gate is not None:
            gate.release()


_TAKE_TURNS: Final[bool] = getattr(sys, "_is_gil_enabled", lambda: True)()
"""Whether threads wait for each other; in a Python without the global lock they don't."""
