"""Flights shared by tasks: while some are under way, the light requests of others gather for the next.

There is no task of its own behind this. Whoever finds no party boarding opens one and leads it; who comes
before it takes off joins it. At most ``LANES`` are in the air, so that the server works on one while
the answers of another are taken in here; a party holds about that share of all who ask, not all of them.
"""

from __future__ import annotations

import asyncio
import copy
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import anyio
from anyio.lowlevel import checkpoint

from ..errors import ConnectionFailed, SolidbError
from .requests import Flight

LANES = 2
"""How many shared flights are in the air at once, each on a connection."""

FEW = 8
"""The requests that a party always takes: dividing fewer is not worth it."""

MOST = 128
"""The most requests in one flight, so that nobody waits long for the answers to others."""


class Landing:
    """What the passengers of a party wait for: an event, by asyncio's own futures where it runs.

    An event of anyio costs as much there as everything else that a shared request takes.
    """

    __slots__ = ("_event", "_futures", "_loop")

    def __init__(self) -> None:
        self._loop = _asyncio_loop()
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
        """Say that it is over."""
        if self._event is not None:
            self._event.set()
        for future in self._futures:
            if not future.done():
                future.set_result(None)


def _asyncio_loop() -> asyncio.AbstractEventLoop | None:
    try:
        task = asyncio.current_task()
    except RuntimeError:  # no loop of asyncio in this thread
        return None
    return None if task is None else task.get_loop()


class Party:
    """Requests that fly together; ``cleared`` calls its leader when a lane is free."""

    __slots__ = ("answers", "cleared", "flights", "landed", "problem")

    def __init__(self, flight: Flight) -> None:
        self.flights = [flight]
        self.landed = Landing()
        self.cleared: anyio.Event | None = None
        self.answers: list[Any] | None = None
        self.problem: SolidbError | None = None


class SharedFlights:
    """Gathers light requests; ``fly`` performs a flight on a connection of the pool."""

    __slots__ = ("_air", "_boarding", "_fly", "_inside", "_peak", "_queue")

    def __init__(self, fly: Callable[[Flight], Awaitable[list[Any]]]) -> None:
        self._fly = fly
        self._boarding: Party | None = None
        self._queue: deque[Party] = deque()
        self._air = 0
        self._inside = self._peak = 0

    async def fly(self, flight: Flight) -> list[Any]:
        """Give the answer to a request that may be sent again."""
        self._inside += 1
        self._peak = max(self._peak, self._inside)
        try:
            party = self._boarding
            if party is None or len(party.flights) >= self._room():
                seat, party = 0, Party(flight)
                self._boarding = party
                await self._lead(party)
            else:
                seat = len(party.flights)
                party.flights.append(flight)
                await party.landed.wait()
        finally:
            self._inside -= 1
        if party.answers is not None:
            return [party.answers[seat]]
        if party.problem is not None:
            raise copy.copy(party.problem)  # each raises its own
        return await self._fly(flight)  # its leader has given up, or the connection broke

    def _room(self) -> int:
        return min(MOST, max(FEW, -(-self._peak // LANES)))

    async def _lead(self, party: Party) -> None:
        flying = False
        try:
            if self._air < LANES:
                self._air += 1
                flying = True
                if self._peak > 1:
                    await checkpoint()  # the others that were just answered come again
            else:
                party.cleared = anyio.Event()
                self._queue.append(party)
                await party.cleared.wait()
                flying = True
            self._close(party)
            self._peak = max(self._inside, self._peak - 1)
            await self._carry(party)
        finally:
            self._close(party)
            party.landed.set()
            if flying or party not in self._queue:
                self._pass_on()
            else:
                self._queue.remove(party)

    def _close(self, party: Party) -> None:
        if self._boarding is party:
            self._boarding = None

    async def _carry(self, party: Party) -> None:
        flights = party.flights
        merged = flights[0]
        if len(flights) > 1:
            chunks = [chunk for flight in flights for chunk in flight.chunks]
            labels = ", ".join(dict.fromkeys(flight.label for flight in flights))
            keys = [key for flight in flights for key in (flight.keys or ("",))]
            merged = replace(merged, chunks=chunks, count=len(flights), label=labels, keys=keys)
        try:
            party.answers = await self._fly(merged)
        except SolidbError as problem:
            if len(flights) == 1 or not isinstance(problem, ConnectionFailed):
                party.problem = problem

    def _pass_on(self) -> None:
        if self._queue:
            cleared = self._queue.popleft().cleared
            if cleared is not None:
                cleared.set()
        else:
            self._air -= 1
