"""Which connection to reuse, open or close, and which caller is next: the policy of the pool, without I/O.

``reuse`` and ``put`` are single steps on a deque, which threads may take without a lock; everything else
happens under the shell's. So who queues first joins the queue and then looks for a connection, and who gives
one back first puts it down and then looks for a queue: one of the two sees the other.

The shell's lock can be taken again by the thread that has it, because the collector may end a session in the
midst of any of this: so a step says what is true after it, whatever was done before it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

W = TypeVar("W")
SURPLUS_SECONDS = 5.0
"""How long connections beyond the size of the pool stay idle: long enough for callers that wait."""

SWEEP_SECONDS = 1.0
"""How often callers that return connections look for some to close."""


class Ticket(Generic[W]):
    """One caller's place in the queue; ``wake`` is called when its turn has come.

    Then ``connection`` is what it got, or None: it may open one. Either way it owes a ``put`` or
    a ``drop``.
    """

    __slots__ = ("connection", "served", "wake")

    def __init__(self, wake: Callable[[], object]) -> None:
        self.wake, self.served = wake, False
        self.connection: W | None = None


class PoolPolicy(Generic[W]):
    """Count connections; keep the idle ones, newest first, so that the surplus grows old and goes."""

    __slots__ = ("_idle", "_idle_seconds", "_keep", "_most", "_open", "_queue", "_swept")

    def __init__(self, *, size: int, overflow: int, idle_seconds: float) -> None:
        self._keep, self._most, self._idle_seconds = size, size + overflow, idle_seconds
        self._idle: deque[tuple[float, W]] = deque()
        self._queue: deque[Ticket[W]] = deque()
        self._open = 0
        self._swept = 0.0

    @property
    def busy(self) -> int:
        """Connections in use, or being opened."""
        return self._open - len(self._idle)

    @property
    def idle(self) -> int:
        """Connections waiting for use."""
        return len(self._idle)

    @property
    def free(self) -> bool:
        """Whether a caller would get a connection without waiting."""
        return not self._queue and (bool(self._idle) or self._open < self._most)

    def reuse(self, now: float) -> W | None:
        """Take an idle connection, unless others queue for one or it is too old."""
        if self._queue:
            return None
        try:
            since, connection = self._idle.pop()
        except IndexError:
            return None
        if now - since > self._idle_seconds:
            self._idle.append((since, connection))
            return None
        return connection

    def put(self, connection: W, now: float) -> bool:
        """Take back a connection in good order; say whether the shell should ``settle`` now."""
        self._idle.append((now, connection))
        return bool(self._queue) or now - self._swept > SWEEP_SECONDS

    def drop(self) -> None:
        """Note that a connection in use is gone; a caller in the queue may open another."""
        self._open -= 1

    def queue(self, ticket: Ticket[W]) -> None:
        """Join the queue; ``settle`` comes next."""
        self._queue.append(ticket)

    def withdraw(self, ticket: Ticket[W]) -> bool:
        """Leave the queue without a turn; return whether there was none yet."""
        try:
            self._queue.remove(ticket)
        except ValueError:
            return False
        return True

    def settle(self, now: float) -> tuple[W, ...]:
        """Serve the queue in its order; return the connections that are too old, to close."""
        expired = self._expire(now)
        self.serve()
        return expired

    def serve(self) -> None:
        """Serve the queue in its order: with an idle connection, or with leave to open one."""
        while self._queue and (self._idle or self._open < self._most):
            try:
                ticket = self._queue.popleft()
            except IndexError:
                return
            connection = self._newest()
            if connection is None and self._open >= self._most:
                self._queue.appendleft(ticket)
                continue
            if connection is None:
                self._open += 1
            ticket.connection, ticket.served = connection, True
            ticket.wake()

    def empty(self) -> tuple[W, ...]:
        """Forget the idle connections; return them, to close."""
        connections: list[W] = []
        while (connection := self._newest()) is not None:
            connections.append(connection)
        count = len(connections)
        self._open -= count
        return tuple(connections)

    def _newest(self) -> W | None:
        try:
            return self._idle.pop()[1]
        except IndexError:  # also when a thread was quicker
            return None

    def _expire(self, now: float) -> tuple[W, ...]:
        self._swept = now
        expired: list[W] = []
        while True:
            surplus = len(self._idle) > self._keep
            most = min(SURPLUS_SECONDS, self._idle_seconds) if surplus else self._idle_seconds
            try:
                since, connection = self._idle.popleft()
            except IndexError:
                break
            if now - since <= most:
                self._idle.appendleft((since, connection))
                break
            expired.append(connection)
        count = len(expired)
        self._open -= count
        return tuple(expired)
