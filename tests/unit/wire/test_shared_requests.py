"""Batches that tasks share: who leads, who joins, who gives up."""

from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest
from anyio.lowlevel import checkpoint

from solidb_odm.errors import ConnectionLost, RequestTimeout
from solidb_odm.wire.exchange import RequestBatch
from solidb_odm.wire.shared_requests import CONCURRENT, MOST, SharedRequests

pytestmark = pytest.mark.anyio


class FakeServer:
    """A server: answers every request with its own bytes, once it is let go."""

    def __init__(self) -> None:
        self.sizes: list[int] = []
        self.under_way = self.most = 0
        self.open = anyio.Event()
        self.broken: Exception | None = None
        self.shared = SharedRequests(self.perform)

    async def perform(self, batch: RequestBatch) -> list[bytes]:
        self.sizes.append(batch.count)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            await self.open.wait()
            await checkpoint()
        finally:
            self.under_way -= 1
        if self.broken is not None and batch.count > 1:
            raise self.broken
        return list(batch.chunks)


def request(number: int) -> RequestBatch:
    return RequestBatch((b"%d" % number,), 1, "get", repeatable=True, light=True)


async def ask(server: FakeServer, number: int, answers: dict[int, Sequence[object]]) -> None:
    answers[number] = await server.shared.perform(request(number))


async def test_a_lone_request_is_sent_at_once() -> None:
    server = FakeServer()
    server.open.set()

    assert await server.shared.perform(request(1)) == [b"1"]
    assert await server.shared.perform(request(2)) == [b"2"]
    assert server.sizes == [1, 1]


async def test_what_comes_meanwhile_is_sent_together_and_everyone_gets_their_own() -> None:
    server, answers = FakeServer(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(50):
            group.start_soon(ask, server, number, answers)
        await anyio.wait_all_tasks_blocked()
        server.open.set()

    assert answers == {number: [b"%d" % number] for number in range(50)}
    assert sum(server.sizes) == 50
    assert len(server.sizes) <= 8


async def test_only_so_many_batches_are_under_way() -> None:
    server, answers = FakeServer(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(5 * MOST):
            group.start_soon(ask, server, number, answers)
        await anyio.wait_all_tasks_blocked()
        server.open.set()

    assert len(answers) == 5 * MOST
    assert server.most == CONCURRENT
    assert max(server.sizes) <= MOST


async def test_those_who_ask_again_go_on_together() -> None:
    server, answers = FakeServer(), dict[int, Sequence[object]]()
    server.open.set()

    async def ask_often(number: int) -> None:
        for _ in range(10):
            await ask(server, number, answers)

    async with anyio.create_task_group() as group:
        for number in range(64):
            group.start_soon(ask_often, number)

    assert sum(server.sizes) == 640
    assert len(server.sizes) < 640 / 8


async def test_a_leader_that_gives_up_leaves_the_others_their_answers() -> None:
    server, answers = FakeServer(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        with anyio.CancelScope() as leaders:
            async with anyio.create_task_group() as first:
                for number in range(2 * CONCURRENT):
                    first.start_soon(ask, server, number, answers)
                    await anyio.wait_all_tasks_blocked()
                for number in range(10, 15):
                    group.start_soon(ask, server, number, answers)
                await anyio.wait_all_tasks_blocked()
                leaders.cancel()
        server.open.set()

    assert sorted(answers) == [10, 11, 12, 13, 14]
    assert server.under_way == 0
    assert await server.shared.perform(request(3)) == [b"3"]


async def test_one_that_waits_may_give_up() -> None:
    server, answers = FakeServer(), dict[int, Sequence[object]]()
    async with anyio.create_task_group() as group:
        for number in range(CONCURRENT + 1):
            group.start_soon(ask, server, number, answers)
            await anyio.wait_all_tasks_blocked()
        with anyio.move_on_after(0.01):
            await ask(server, 10, answers)
        group.start_soon(ask, server, 11, answers)
        await anyio.wait_all_tasks_blocked()
        server.open.set()

    assert sorted(answers) == [0, 1, 2, 11]
    assert await server.shared.perform(request(3)) == [b"3"]


async def test_after_a_broken_batch_everyone_tries_alone() -> None:
    server, answers = FakeServer(), dict[int, Sequence[object]]()
    server.broken = ConnectionLost("gone")
    async with anyio.create_task_group() as group:
        for number in range(7):
            group.start_soon(ask, server, number, answers)
        await anyio.wait_all_tasks_blocked()
        server.open.set()

    assert sorted(answers) == list(range(7))
    assert sum(1 for count in server.sizes if count == 1) >= 6


async def test_a_batch_that_takes_too_long_is_an_error_of_each() -> None:
    server, problems = FakeServer(), list[RequestTimeout]()
    server.broken = RequestTimeout("late", seconds=1)

    async def fail(number: int) -> None:
        try:
            await server.shared.perform(request(number))
        except RequestTimeout as problem:
            problems.append(problem)

    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(fail, number)
        await anyio.wait_all_tasks_blocked()
        server.open.set()

    assert {(problem.message, problem.seconds) for problem in problems} == {("late", 1)}
    assert len({id(problem) for problem in problems}) == len(problems) >= 6
