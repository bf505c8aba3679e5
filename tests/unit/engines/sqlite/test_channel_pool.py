"""Sessions of an event loop share a few connections, and wait in turn: for one of them, and to write."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from solidb_odm import AsyncSession, Document, Session, create_async_engine, create_engine, func, select
from solidb_odm.commands import Apply, CreateCollection, Get, Inserts, ListCollections
from solidb_odm.engines.sqlite import AsyncFileDriver, FileDriver
from solidb_odm.engines.sqlite import threads as threads_module
from solidb_odm.engines.sqlite.file_transaction import WriteQueue, WriteTurn
from solidb_odm.engines.sqlite.threads import MOST, Threads, Worker
from solidb_odm.errors import ClosedError, ConfigurationError, StoreLocked
from tests.garbage import collect_garbage

pytestmark = pytest.mark.anyio


class Visit(Document, collection="pool_visits"):
    number: int = 0


def counter() -> Callable[[], int]:
    """Return what counts the threads that began since; those of other tests end when they are collected."""
    others = set(threading.enumerate())
    return lambda: sum(each.name == "solidb_odm file" for each in set(threading.enumerate()) - others)


async def becomes(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110  threads come and go without telling
        await anyio.sleep(0.001)


async def test_many_sessions_share_few_threads_and_are_all_served(tmp_path: Path) -> None:
    workers = counter()
    engine = create_async_engine(f"sqlite:///{tmp_path}/a.db?connections=3")
    await engine.create_all(Visit)
    most = 0

    async def visit(number: int) -> None:
        nonlocal most
        async with AsyncSession(engine) as session:
            session.add(Visit(number=number))
            await session.flush()
            most = max(most, workers())
            await session.commit()

    async with anyio.create_task_group() as group:
        for number in range(60):
            group.start_soon(visit, number)
    async with AsyncSession(engine) as session:
        assert sorted(await session.scalars(select(Visit.number))) == list(range(60))
    assert most <= 3
    await engine.dispose()


async def test_connections_share_fewer_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads_module, "SLOW", 3600)  # however long short work takes here
    workers, most = counter(), 0
    engine = create_async_engine(f"sqlite:///{tmp_path}/a.db?connections=20")
    await engine.create_all(Visit)

    async def look() -> None:
        nonlocal most
        async with AsyncSession(engine) as session:
            await session.scalars(select(Visit))
            most = max(most, workers())

    async with anyio.create_task_group() as group:
        for _ in range(60):
            group.start_soon(look)
    assert 0 < most <= MOST + 1  # one of them only looks whether the others are slow
    await engine.dispose()


async def test_writers_that_wait_leave_the_threads_to_who_writes(tmp_path: Path) -> None:
    workers = counter()
    engine = create_async_engine(f"sqlite:///{tmp_path}/a.db?connections=20&timeout=300")
    await engine.create_all(Visit)
    waiting = 0

    async def write() -> None:
        nonlocal waiting
        async with AsyncSession(engine) as session:
            session.add(Visit())
            waiting += 1
            await session.commit()

    with anyio.fail_after(120):
        async with AsyncSession(engine) as first, anyio.create_task_group() as group:
            first.add(Visit())
            await first.flush()
            for _ in range(3 * MOST):
                group.start_soon(write)
            await becomes(lambda: waiting == 3 * MOST and workers() >= 3 * MOST)
            await first.commit()
        async with AsyncSession(engine) as session:
            assert await session.scalar(select(func.count(Visit))) == 3 * MOST + 1
        await becomes(lambda: workers() <= MOST)
    await engine.dispose()


async def test_sessions_are_served_while_slow_statements_run(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite:///{tmp_path}/a.db?connections={MOST + 2}")
    await engine.create_all(Visit)
    driver, go_on, began = engine.driver, threading.Event(), list[int]()
    assert isinstance(driver, AsyncFileDriver)

    async def wait_long() -> None:
        channel = await driver.channel()
        await channel._seat.run(lambda _: (began.append(0), go_on.wait(120)))
        await channel.aclose()

    async with anyio.create_task_group() as group:
        for _ in range(MOST):
            group.start_soon(wait_long)
        await becomes(lambda: len(began) == MOST)
        with anyio.fail_after(60):
            for number in range(3):
                async with AsyncSession(engine) as session:
                    session.add(Visit(number=number))
                    await session.commit()
                    assert await session.scalar(select(func.count(Visit))) == number + 1
        go_on.set()
    await engine.dispose()


async def test_threads_end_with_the_last_channel_of_a_closed_engine(tmp_path: Path) -> None:
    workers = counter()
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db")
    channels = [await driver.channel() for _ in range(3)]
    await driver.aclose()
    for channel in channels:
        assert workers() > 0
        await channel.perform(ListCollections())
        await channel.aclose()
    with anyio.fail_after(60):
        await becomes(lambda: workers() == 0)


async def test_who_waits_for_a_connection_is_served_in_turn(tmp_path: Path) -> None:
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db", connections=1)
    held = await driver.channel()
    served: list[int] = []

    async def wait(number: int) -> None:
        channel = await driver.channel()
        served.append(number)
        await channel.aclose()

    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(wait, number)
            await anyio.wait_all_tasks_blocked()
        assert served == []
        await held.aclose()
    assert served == [0, 1, 2, 3, 4]
    await driver.aclose()


async def test_who_is_cancelled_in_line_takes_no_connection_along(tmp_path: Path) -> None:
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db", connections=1)
    held = await driver.channel()
    async with anyio.create_task_group() as group:
        group.start_soon(driver.channel)
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            await held.aclose()
    with anyio.fail_after(5):
        await (await driver.channel()).aclose()
    await driver.aclose()


async def test_no_connection_in_time_is_an_error_that_says_so(tmp_path: Path) -> None:
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db", connections=1, pool_timeout=0.05)
    held = await driver.channel()
    with pytest.raises(StoreLocked, match="all 1 connections"):
        await driver.channel()
    await held.aclose()
    await (await driver.channel()).aclose()
    await driver.aclose()
    with pytest.raises(ClosedError):
        await driver.channel()


async def test_a_closed_session_leaves_no_transaction_to_the_next(tmp_path: Path) -> None:
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db", connections=1)
    channel = await driver.channel()
    await channel.perform(CreateCollection("docs"))
    await channel.perform(Apply([Inserts("docs", [("a", {"_key": "a"})])]))
    await channel.aclose()
    with pytest.raises(ClosedError):
        await channel.perform(Get("docs", "a"))
    other = await driver.channel()
    assert await other.perform(Get("docs", "a")) is None
    await other.aclose()
    await driver.aclose()


@pytest.mark.parametrize("is_waited_for", [False, True])
async def test_the_place_of_a_channel_that_was_forgotten_is_free_again(
    tmp_path: Path, is_waited_for: bool
) -> None:
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db", connections=1)
    held = [await driver.channel()]
    await held[0].perform(CreateCollection("docs"))
    await held[0].perform(Apply([Inserts("docs", [("a", {"_key": "a"})])]))

    async def write() -> None:
        other = await driver.channel()
        await other.perform(Apply([Inserts("docs", [("b", {"_key": "b"})])]))
        assert await other.perform(Get("docs", "a")) is None
        await other.aclose()

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            if is_waited_for:
                group.start_soon(write)
                await anyio.wait_all_tasks_blocked()
            held.clear()
            if not is_waited_for:
                group.start_soon(write)
    await driver.aclose()


async def test_writers_wait_for_each_other(tmp_path: Path) -> None:
    engine = create_async_engine(f"sqlite:///{tmp_path}/a.db?timeout=30")
    await engine.create_all(Visit)
    inside = most = 0

    async def write(number: int) -> None:
        nonlocal inside, most
        async with AsyncSession(engine) as session:
            session.add(Visit(number=number))
            await session.flush()
            inside += 1
            most = max(most, inside)
            await anyio.lowlevel.checkpoint()
            inside -= 1
            await session.commit()

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(write, number)
    assert most == 1
    await engine.dispose()


def test_an_engine_that_is_not_closed_keeps_no_process_alive(tmp_path: Path) -> None:
    program = f"""
import asyncio
from solidb_odm import AsyncSession, Document, create_async_engine

class Visit(Document, collection="visits"):
    pass

async def main():
    engine = create_async_engine("sqlite:///{tmp_path}/a.db")
    await engine.create_all(Visit)
    async with AsyncSession(engine) as session:
        session.add(Visit())
        await session.commit()
    return engine

engine = asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], timeout=60, check=False, capture_output=True)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("value", ["0", "-1", "many", "1.5", ""])
def test_a_number_of_connections_is_a_whole_one(value: str) -> None:
    with pytest.raises(ConfigurationError, match="connections"):
        FileDriver(f"sqlite://?connections={value}")


# --- the turn to write ---------------------------------------------------------------------------


def never() -> bool:
    return False


def test_the_turn_goes_to_whoever_waits_longest() -> None:
    queue, served = WriteQueue(), list[int]()
    first = WriteTurn()
    assert queue.take(first, 1, never)
    assert queue.take(first, 0, never)  # who has it keeps it

    def write(number: int) -> None:
        writer = WriteTurn()
        assert queue.take(writer, 30, never)
        served.append(number)
        queue.leave(writer)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for place, thread in enumerate(threads, 1):
        thread.start()
        while len(queue._turns) <= place:  # pyright: ignore[reportPrivateUsage]
            pass
    queue.leave(WriteTurn())  # who has it not gives nothing up
    assert served == []
    queue.leave(first)
    for thread in threads:
        thread.join()
    assert served == [0, 1, 2, 3]


@pytest.mark.parametrize(("seconds", "is_cancelled"), [(0.01, False), (30.0, True)])
def test_who_gives_up_is_not_waited_for(seconds: float, is_cancelled: bool) -> None:
    queue = WriteQueue()
    first, other = WriteTurn(), WriteTurn()
    queue.take(first, 1, never)
    assert not queue.take(WriteTurn(), seconds, lambda: is_cancelled)
    queue.leave(first)
    assert queue.take(other, 0, never)


def test_a_session_that_is_forgotten_gives_its_turn_up(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/a.db?timeout=20") as engine:
        engine.create_all(Visit)
        forgotten = Session(engine)
        forgotten.add(Visit(number=1))
        forgotten.flush()
        del forgotten
        collect_garbage()
        with Session(engine) as session:
            session.add(Visit(number=2))
            session.commit()
            assert session.scalars(select(Visit.number)).all() == [2]


def test_a_writer_that_waits_too_long_is_told_that_the_file_is_locked(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/a.db?timeout=0.05") as engine:
        engine.create_all(Visit)
        with Session(engine) as first, Session(engine) as second:
            first.add(Visit())
            first.flush()
            second.add(Visit())
            with pytest.raises(StoreLocked):
                second.flush()
            first.commit()
            second.commit()


async def test_a_task_that_was_given_up_keeps_nothing_of_its_error() -> None:
    """Without the collector: a cursor in its traceback would have SQLite stop the next statement."""

    class Cursor:
        pass

    def work() -> None:
        cursor = Cursor()
        cursors.append(weakref.ref(cursor))
        begun.set()
        assert go_on.wait(60)
        raise ValueError

    cursors = list[weakref.ref[Cursor]]()
    begun, go_on = threading.Event(), threading.Event()
    worker = Worker(Threads(2))
    gc.disable()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(worker.run, work)
            await anyio.to_thread.run_sync(begun.wait, 60)
            group.cancel_scope.cancel()
        go_on.set()
        await worker.run(lambda: None)
        assert cursors[0]() is None
    finally:
        gc.enable()
