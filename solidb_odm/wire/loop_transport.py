"""The bytes of an async connection on asyncio: taken in as they come, with one timer for all requests.

anyio's stream registers with the loop for every piece it reads and makes a scope for every time limit. Here
the loop calls ``data_received`` for the life of the connection, a request waits on one future, and the timer
looks at the deadline of the moment. A connection that was idle for a while stops reading, so that the loop
does not keep alive what a program has dropped.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from .._lazy import Later
from ..errors import ConnectionLost
from .connection import Connection
from .exchange import RequestBatch
from .sockets import CHUNK, acknowledge, pending_input

if TYPE_CHECKING:
    import asyncio

    import anyio
    import anyio.lowlevel

    Protocol = asyncio.Protocol
else:
    anyio, asyncio = Later("anyio"), Later("asyncio")
    Protocol = object  # asyncio asks for the methods only

LOOK = 10.0
"""Seconds after which the timer looks again at the latest."""


class LoopTransport(Protocol):
    """A protocol of asyncio that hands a connection what comes in and sends its batches."""

    def __init__(self, protocol: Connection, loop: asyncio.AbstractEventLoop) -> None:
        self._protocol, self._loop = protocol, loop
        self._transport: asyncio.Transport | None = None
        self._socket: Any = None
        self._pending: Callable[[], object] = _nothing
        self._is_reading, self._is_lost, self._is_full = True, False, False
        self._outgoing: deque[memoryview[int]] = deque()
        self._answers: list[Any] = []
        self._wanted, self._read = 0, cast(Callable[[bytes], Any], bytes)
        self._waiter: asyncio.Future[list[Any]] | None = None
        self._seconds: float | None = None
        self._deadline = self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def stale(self) -> object:
        """Return whether the server closed the connection, or sent something, while no answer was due."""
        return self._is_lost or self._loop.is_closed() or self._pending()

    def swap(self, batch: RequestBatch, seconds: float | None, begun: float) -> asyncio.Future[list[Any]]:
        """Send a batch; return the future of its answers.

        The first may take so many seconds since ``begun``, the others as many after the one before. Without a
        limit an answer may begin at any time, and its rest takes the usual time at most.
        """
        transport = self._transport
        if transport is None or self._is_lost:
            raise ConnectionResetError("the connection was closed")
        waiter = self._waiter = self._loop.create_future()
        self._answers, self._wanted, self._read, self._seconds = [], batch.count, batch.read, seconds
        if not self._is_reading:
            transport.resume_reading()
            self._is_reading = True
        self._end_at(math.inf if seconds is None else begun + seconds)
        if batch.size <= CHUNK:
            transport.write(b"".join(batch.chunks))
        else:
            views = [memoryview(chunk) for chunk in batch.chunks]
            self._outgoing.extend(
                view[at : at + CHUNK] for view in views for at in range(0, len(view), CHUNK)
            )
            self._write_on(transport)
        return waiter

    async def close(self) -> None:
        """Close it at once."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._outgoing.clear()
        self._is_lost = True
        self._fail(ConnectionResetError("the connection was closed"))
        if self._transport is not None and not self._loop.is_closed():
            self._transport.abort()
            with anyio.CancelScope(shield=True):
                await anyio.lowlevel.checkpoint()  # the loop closes the socket in its next turn

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._socket = transport.get_extra_info("socket")
        self._pending = pending_input(self._socket)

    def data_received(self, data: bytes) -> None:
        """Read the answers that are whole with these bytes; with the last one, the waiting task goes on."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            self._is_lost = True  # nobody asked, or who asked has given up
            return
        protocol, answers = self._protocol, self._answers
        was_in_answer = protocol.is_in_answer
        try:
            came = protocol.receive(data)
            answers += map(self._read, came)
        except Exception as problem:  # noqa: BLE001 - raised where the answers are waited for
            self._fail(problem)
            return
        if len(answers) >= self._wanted:
            self._waiter = None
            waiter.set_result(answers)
            return
        acknowledge(self._socket)
        now = time.monotonic()
        if now >= self._deadline:
            return  # the loop was busy meanwhile: what came too late does not move it
        if self._seconds is not None:
            if came:  # each whole answer gives the next its own time, a byte now and then does not
                self._end_at(now + self._seconds)
        elif protocol.usual is not None and (came or not was_in_answer):
            self._end_at(now + protocol.usual if protocol.is_in_answer else math.inf)

    def eof_received(self) -> None:
        """Take note that the server has closed the connection."""
        self._lose(None)

    def connection_lost(self, exc: Exception | None) -> None:
        """Take note that the connection is gone."""
        self._lose(exc)

    def pause_writing(self) -> None:
        """Wait with what is still to be sent."""
        self._is_full = True

    def resume_writing(self) -> None:
        """Send on."""
        self._is_full = False
        if self._transport is not None:
            self._write_on(self._transport)

    def _write_on(self, transport: asyncio.Transport) -> None:
        while self._outgoing and not self._is_full:
            transport.write(self._outgoing.popleft())

    def _lose(self, problem: Exception | None) -> None:
        self._is_lost = True
        if self._waiter is None or self._waiter.done():
            return
        try:
            if problem is None:
                self._protocol.receive(b"")  # says what was still owed
        except ConnectionLost as lost:
            problem = lost
        self._fail(problem or ConnectionResetError("the connection was closed"))

    def _fail(self, problem: Exception) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_exception(problem)
            waiter.exception()  # nobody may wait for it any more

    def _end_at(self, deadline: float) -> None:
        """Set the time at which the request has failed; the timer is moved only if it would come too late."""
        self._deadline = deadline
        timer = self._timer
        if timer is None or deadline < self._due:
            if timer is not None:
                timer.cancel()
            self._look_by(time.monotonic())

    def _look_by(self, now: float) -> None:
        seconds = min(LOOK, max(0.0, self._deadline - now))
        self._due = now + seconds
        self._timer = self._loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Fail a request whose time is up; stop reading if there was nothing to do."""
        self._timer, now = None, time.monotonic()
        if self._waiter is None or self._waiter.done():
            if self._transport is not None and not self._is_lost and not self._transport.is_closing():
                self._transport.pause_reading()
                self._is_reading = False
        elif now >= self._deadline:
            self._fail(TimeoutError())
        else:
            self._look_by(now)


def asyncio_loop() -> asyncio.AbstractEventLoop | None:
    """Return the event loop of the current task, if that is a task of asyncio."""
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop of asyncio in this thread
        return None
    return None if task is None else task.get_loop()


def _nothing() -> bool:
    return False
