"""Flights that tasks share: who leads, who waits, who gives up."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from solidb_odm.engines.remote.flights import Flight
from solidb_odm.engines.remote.sharing import MOST, SharedFlights
from solidb_odm.errors import ConnectionLost, RequestTimeout

pytestmark = pytest.mark.anyio


class Sky:
    """Performs flights: answers every request with its own bytes, once it is let go."""

    def __init__(self) -> None:
        self.flights: list[int] = []
        self.open = anyio.Event()
        self.broken: Exception | None = None
        self.shared = SharedFlights(self.fly)

    async def fly(self, flight: Flight) -> list[bytes]:
        self.flights.append(flight.count)
        await self.open.wait()
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
    assert sky.flights == [1, 49]


async def test_a_flight_has_a_most() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(2 * MOST):
            group.start_soon(ask, sky, number, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert len(answers) == 2 * MOST
    assert max(sky.flights) == MOST


async def test_a_leader_that_gives_up_leaves_the_others_their_answers() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as leader:
            async with anyio.create_task_group() as first:
                first.start_soon(ask, sky, 0, answers)
                await anyio.wait_all_tasks_blocked()
                for number in range(1, 5):
                    group.start_soon(ask, sky, number, answers)
                await anyio.wait_all_tasks_blocked()
                leader.cancel()
        sky.open.set()

    assert sorted(answers) == [1, 2, 3, 4]


async def test_one_that_waits_may_give_up() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        group.start_soon(ask, sky, 0, answers)
        await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.01):
            await ask(sky, 1, answers)
        group.start_soon(ask, sky, 2, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert sorted(answers) == [0, 2]
    assert await sky.shared.fly(request(3)) == [b"3"]


async def test_after_a_broken_flight_everyone_tries_alone() -> None:
    sky, answers = Sky(), dict[int, Sequence[object]]()
    sky.broken = ConnectionLost("gone")
    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(ask, sky, number, answers)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert sorted(answers) == [0, 1, 2, 3, 4]
    assert sky.flights == [1, 4, 1, 1, 1, 1]


async def test_a_flight_that_takes_too_long_is_an_error_of_each() -> None:
    sky, problems = Sky(), list[RequestTimeout]()
    sky.broken = RequestTimeout("late", seconds=1)

    async def fail(number: int) -> None:
        try:
            await sky.shared.fly(request(number))
        except RequestTimeout as problem:
            problems.append(problem)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(fail, number)
        await anyio.wait_all_tasks_blocked()
        sky.open.set()

    assert [(problem.message, problem.seconds) for problem in problems] == [("late", 1)] * 3
    assert len({id(problem) for problem in problems}) == 3
