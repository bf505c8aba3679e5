"""Batches shared by tasks: while some are under way, the light requests of others gather for the next.

There is no task of its own behind this. The task that finds no open batch opens one and leads it; those
that come before it is sent join it. At most ``CONCURRENT`` are under way, so that the server works on one
while the answers of another are read here; a batch holds about that share of all requests, not all of them.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from .._lazy import Later
from ..errors import ConnectionFailed, SolidbError
from .exchange import RequestBatch
from .loop_transport import asyncio_loop

if TYPE_CHECKING:
    import asyncio

    import anyio
    import anyio.lowlevel
else:
    anyio = Later("anyio")

CONCURRENT = 2
"""How many shared batches are under way at once, each on a connection."""

FEW = 8
"""The requests that a batch always takes: dividing fewer is not worth it."""

MOST = 128
"""The most requests in one batch, so that no task waits long for the answers to others."""


class Completion:
    """What the tasks of a shared batch wait for: an event, by asyncio's own futures where it runs.

    An event of anyio costs as much there as everything else that a shared request takes.
    """

    __slots__ = ("_event", "_futures", "_loop")

    def __init__(self) -> None:
        self._loop = asyncio_loop()
        self._event = anyio.Event() if self._loop is None else None
        self._futures: list[asyncio.Future[None]] = []

    def wait(self) -> Awaitable[None]:
        """Wait until it is over."""
        if self._event is not None or self._loop is None:
            return cast(anyio.Event, self._event).wait()
        future = self._loop.create_future()
        self._futures.append(future)
        return future

    def set(self) -> None:
        """End the waiting of all."""
        if self._event is not None:
            self._event.set()
        for future in self._futures:
            if not future.done():
                future.set_result(None)


class SharedBatch:
    """Requests that are sent together; ``turn`` calls the leading task when the batch may be sent."""

    __slots__ = ("answers", "done", "problem", "requests", "turn")

    def __init__(self, request: RequestBatch) -> None:
        self.requests = [request]
        self.done = Completion()
        self.turn: anyio.Event | None = None
        self.answers: list[Any] | None = None
        self.problem: SolidbError | None = None


class SharedRequests:
    """Gathers light requests; ``perform`` makes the round trip of a batch on a connection of the pool."""

    __slots__ = ("_inside", "_joinable", "_peak", "_perform", "_queue", "_under_way")

    def __init__(self, perform: Callable[[RequestBatch], Awaitable[list[Any]]]) -> None:
        self._perform = perform
        self._joinable: SharedBatch | None = None
        self._queue: deque[SharedBatch] = deque()
        self._under_way = 0
        self._inside = self._peak = 0

    async def perform(self, request: RequestBatch) -> list[Any]:
        """Return the answer to a request that may be sent again."""
        self._inside += 1
        if self._inside > self._peak:
            self._peak = self._inside
        try:
            if self._peak == 1 and not self._under_way:
                return await self._alone(request)
            batch = self._joinable
            if batch is None or (len(batch.requests) >= FEW and len(batch.requests) >= self._capacity()):
                position, batch = 0, SharedBatch(request)
                self._joinable = batch
                await self._lead(batch)
            else:
                position = len(batch.requests)
                batch.requests.append(request)
                await batch.done.wait()
        finally:
            self._inside -= 1
        if batch.answers is not None:
            return [batch.answers[position]]
        if batch.problem is not None:
            raise copy.copy(batch.problem)  # each raises its own
        return await self._perform(request)  # its leading task has given up, or the connection broke

    async def _alone(self, request: RequestBatch) -> list[Any]:
        """Send the request of a task that has had no company: nobody can join it, as it goes out at once."""
        self._under_way = 1
        try:
            return await self._perform(request)
        finally:
            self._send_next()

    def _capacity(self) -> int:
        return min(MOST, max(FEW, -(-self._peak // CONCURRENT)))

    async def _lead(self, batch: SharedBatch) -> None:
        sending = False
        try:
            if self._under_way < CONCURRENT:
                self._under_way += 1
                sending = True
                if self._peak > 1:
                    await anyio.lowlevel.checkpoint()  # the others that were just answered come again
            else:
                batch.turn = anyio.Event()
                self._queue.append(batch)
                await batch.turn.wait()
                sending = True
            self._close(batch)
            self._peak = max(self._inside, self._peak - 1)
            await self._send(batch)
        finally:
            self._close(batch)
            batch.done.set()
            if sending or batch not in self._queue:
                self._send_next()
            else:
                self._queue.remove(batch)

    def _close(self, batch: SharedBatch) -> None:
        if self._joinable is batch:
            self._joinable = None

    async def _send(self, batch: SharedBatch) -> None:
        requests = batch.requests
        merged = requests[0]
        if len(requests) > 1:
            chunks = [chunk for request in requests for chunk in request.chunks]
            labels = ", ".join(dict.fromkeys(request.label for request in requests))
            keys = [key for request in requests for key in (request.keys or ("",))]
            merged = replace(merged, chunks=chunks, count=len(requests), label=labels, keys=keys)
        try:
            batch.answers = await self._perform(merged)
        except SolidbError as problem:
            if len(requests) == 1 or not isinstance(problem, ConnectionFailed):
                batch.problem = problem

    def _send_next(self) -> None:
        if self._queue:
            turn = self._queue.popleft().turn
            if turn is not None:
                turn.set()
        else:
            self._under_way -= 1
