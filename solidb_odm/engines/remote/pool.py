"""Which connection to reuse, open or close: the policy of the pool, without waiting or I/O.

The shells hold a lock around every call and wait where ``take`` says so.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar

W = TypeVar("W")
SURPLUS_SECONDS = 5.0
"""How long connections beyond the size of the pool stay idle: long enough for those who wait."""


class Verdict(Enum):
    """What a caller who wants a connection shall do."""

    REUSE = "reuse"
    OPEN = "open"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Taken(Generic[W]):
    """The answer of ``take``: what to do, with what, and which connections to close meanwhile."""

    verdict: Verdict
    wire: W | None = None
    expired: tuple[W, ...] = ()


class PoolPolicy(Generic[W]):
    """Count connections; keep the idle ones, newest first, so that the surplus grows old and goes."""

    __slots__ = ("_busy", "_idle", "_idle_seconds", "_keep", "_most")

    def __init__(self, *, size: int, overflow: int, idle_seconds: float) -> None:
        self._keep, self._most, self._idle_seconds = size, size + overflow, idle_seconds
        self._idle: deque[tuple[float, W]] = deque()
        self._busy = 0

    @property
    def busy(self) -> int:
        """Connections in use, or being opened."""
        return self._busy

    @property
    def idle(self) -> int:
        """Connections waiting for use."""
        return len(self._idle)

    def take(self, now: float) -> Taken[W]:
        """Take a connection; after REUSE and OPEN the caller owes a ``give`` or a ``drop``."""
        expired = self._expire(now)
        if self._idle:
            self._busy += 1
            return Taken(Verdict.REUSE, self._idle.pop()[1], expired)
        if self._busy < self._most:
            self._busy += 1
            return Taken(Verdict.OPEN, None, expired)
        return Taken(Verdict.WAIT, None, expired)

    def give(self, wire: W, now: float) -> tuple[W, ...]:
        """Take back a connection in good order; return those to close."""
        self._busy -= 1
        self._idle.append((now, wire))
        return self._expire(now)

    def drop(self) -> None:
        """Note that a connection in use is gone."""
        self._busy -= 1

    def empty(self) -> tuple[W, ...]:
        """Forget the idle connections; return them, to close."""
        wires = tuple(wire for _, wire in self._idle)
        self._idle.clear()
        return wires

    def _expire(self, now: float) -> tuple[W, ...]:
        expired: list[W] = []
        while self._idle:
            surplus = len(self._idle) > self._keep
            if now - self._idle[0][0] <= (
                min(SURPLUS_SECONDS, self._idle_seconds) if surplus else self._idle_seconds
            ):
                break
            expired.append(self._idle.popleft()[1])
        return tuple(expired)
