"""Flights that tasks share: who leads, who boards, who gives up."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint

from solidb_odm.errors import ConnectionLost, RequestTimeout
from solidb_odm.wire.requests import Flight
from solidb_odm.wire.shared_requests import LANES, MOST, SharedFlights

pytestmark = pytest.mark.anyio


class Sky:
    """Performs flights: answers every request with its own bytes, once it is let go."""

    def __init__(self) -> None:
        self.flights: list[int] = []
        self.air = self.most = 0
        self.open = anyio.Event()
        self.broken: Exception | None = None
        self.shared = SharedFlights(self.fly)

    async def fly(self, flight: Flight) -> list[bytes]:
        self.flights.append(flight.count)
        self.air += 1
        self.most = max(self.most, self.air)
        try:
            await self.open.wait()
            await checkpoint()
        finally:
            self.air -= 1
        if self.broken is not None and flight.count > 1:
            raise self.broken
        return list(flight.chunks)


def request(number: int) -> Flight:
    return Flight((b"%d" % number,), 1, "get", repeatable=True, light=True)


async def ask(sky: Sky, number: int, answers: dict[int, Sequence[object]]) -> None:
    answers[number] = await sky.shared.fly(request(number))


async def test_a_lone_request_flies_at_once() -> None:
    sky = Sky()
    sky.open.set()

    assert await sky.shared.fly(request(1)) == [b"1"]
    assert await sky.shared.fly(request(2)) == [b"2"]
    assert sky.flights == [1, 1]


async def test_what_comes_meanwhile_flies_together_and_everyone_gets_their_own() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(ask, sky, number, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert answers == {number: [b"%d" % number] for number in range(50)}
    assert sum(sky.flights) == 50
    assert len(sky.flights) <= 8


async def test_only_so_many_flights_are_in_the_air() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(5 * MOST):
            group.start_soon(ask, sky, number, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert len(answers) == 5 * MOST
    assert sky.most == LANES
    assert max(sky.flights) <= MOST


async def test_those_who_ask_again_go_on_together() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    sky.open.set()

    async def ask_often(number: int) -> None:
        for _ in range(10):
            await ask(sky, number, answers)

    async with anyio.create_task_group() as group:
        for number in range(64):
            group.start_soon(ask_often, number)

    assert sum(sky.flights) == 640
    assert len(sky.flights) < 640 / 8


async def test_a_leader_that_gives_up_leaves_the_others_their_answers() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as leaders:
            async with anyio.create_task_group() as first:
                for number in range(2 * LANES):
                    first.start_soon(ask, sky, number, answers)
                    await anyio.wait_all_tasks_blocked()
                for number in range(10, 15):
                    group.start_soon(ask, sky, number, answers)
                await anyio.wait_all_tasks_blocked()
                leaders.cancel()
        sky.open.set()

    assert sorted(answers) == [10, 11, 12, 13, 14]
    assert sky.air == 0
    assert await sky.shared.fly(request(3)) == [b"3"]


async def test_one_that_waits_may_give_up() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(LANES + 1):
            group.start_soon(ask, sky, number, answers)
            await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.01):
            await ask(sky, 10, answers)
        group.start_soon(ask, sky, 11, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert sorted(answers) == [0, 1, 2, 11]
    assert await sky.shared.fly(request(3)) == [b"3"]


async def test_after_a_broken_flight_everyone_tries_alone() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    sky.broken = ConnectionLost("gone")
    async with anyio.create_task_group() as group:
        for number in range(7):
            group.start_soon(ask, sky, number, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert sorted(answers) == list(range(7))
    assert sum(1 for count in sky.flights if count == 1) >= 6


async def test_a_flight_that_takes_too_long_is_an_error_of_each() -> None:
    sky, problems = Sky(), list[RequestTimeout]()
    sky.broken = RequestTimeout("late", seconds=1)

    async def fail(number: int) -> None:
        try:
            await sky.shared.fly(request(number))
        except RequestTimeout as problem:
            problems.append(problem)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(fail, number)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert {(problem.message, problem.seconds) for problem in problems} == {("late", 1)}
    assert len({id(problem) for problem in problems}) == len(problems) >= 6
