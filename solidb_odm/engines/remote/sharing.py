"""Flights shared by tasks: while one is under way, the light requests of others gather for the next.

There is no task of its own behind this. The first caller flies at once; who comes meanwhile waits, and when
the flight has landed one of the waiting flies for all of them.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

import anyio
from anyio.lowlevel import checkpoint

from ...errors import ConnectionFailed, SolidbError
from .flights import Flight

MOST = 128
"""The most requests in one flight, so that nobody waits long for the answers to others."""


class Seat:
    """One request on its way."""

    __slots__ = ("answers", "called", "flight", "gone", "leads", "problem")

    def __init__(self, flight: Flight) -> None:
        self.flight, self.called = flight, anyio.Event()
        self.leads = self.gone = False
        self.answers: list[Any] | None = None
        self.problem: SolidbError | None = None


class SharedFlights:
    """Gathers light requests; ``fly`` performs a flight on a connection of the pool."""

    __slots__ = ("_crowd", "_fly", "_flying", "_waiting")

    def __init__(self, fly: Callable[[Flight], Awaitable[list[Any]]]) -> None:
        self._fly = fly
        self._waiting: deque[Seat] = deque()
        self._flying = False
        self._crowd = 1

    async def fly(self, flight: Flight) -> list[Any]:
        """Give the answer to a request that may be sent again."""
        seat = Seat(flight)
        if not self._flying or await self._called_to_lead(seat):
            await self._lead(seat)
        if seat.problem is not None:
            raise seat.problem
        return seat.answers if seat.answers is not None else await self._fly(flight)

    async def _called_to_lead(self, seat: Seat) -> bool:
        self._waiting.append(seat)
        try:
            await seat.called.wait()
        except BaseException:
            seat.gone = True
            if seat.leads:
                self._pass_on()
            raise
        return seat.leads

    async def _lead(self, seat: Seat) -> None:
        self._flying = True
        seats = [seat]
        try:
            if self._crowd > 1:
                await checkpoint()  # the others that were just answered come again
            while self._waiting and len(seats) < MOST:
                other = self._waiting.popleft()
                if not other.gone:
                    seats.append(other)
            self._crowd = len(seats)
            await self._carry(seats)
        except BaseException:  # this caller has given up; the others have not
            self._waiting.extendleft(other for other in reversed(seats[1:]) if not other.called.is_set())
            raise
        finally:
            self._pass_on()

    async def _carry(self, seats: Sequence[Seat]) -> None:
        first = seats[0].flight
        chunks = [chunk for seat in seats for chunk in seat.flight.chunks]
        merged = replace(first, chunks=chunks, count=len(seats)) if len(seats) > 1 else first
        try:
            answers = await self._fly(merged)
        except SolidbError as problem:
            for seat in seats:
                if len(seats) == 1 or not isinstance(problem, ConnectionFailed):
                    seat.problem = copy.copy(problem)  # each raises its own; a broken flight is tried alone
        else:
            for seat, answer in zip(seats, answers, strict=True):
                seat.answers = [answer]
        for seat in seats:
            seat.called.set()

    def _pass_on(self) -> None:
        while self._waiting:
            seat = self._waiting.popleft()
            if not seat.gone:
                seat.leads = True
                seat.called.set()
                return
        self._flying = False
