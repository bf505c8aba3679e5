"""What a finalizer does, which the collector runs between any two lines of ours, waits for nobody.

Programs end sessions in finalizers without writing any: a generator that reads from a session in a ``with``
block ends it when it is collected. So each law here is tried at one line of a module after the other.
"""

from __future__ import annotations

import gc
import itertools
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any

import anyio
import pytest

from solidb_odm import Document, Session, create_engine, sdbql, select
from solidb_odm.engine.engine import Engine
from solidb_odm.engines.sqlite import AsyncFileDriver, file_transaction, memory_store, plan_cache
from solidb_odm.engines.sqlite import async_driver as channel_pool
from solidb_odm.engines.sqlite.async_driver import AsyncFileChannel
from solidb_odm.language import stored_documents
from solidb_odm.language.stored_documents import KeyMaker
from solidb_odm.wire import pool, round_trips, socket_pool
from solidb_odm.wire.connection import ConnectionState
from solidb_odm.wire.round_trips import RequestCounts
from solidb_odm.wire.socket_connection import SocketConnection
from solidb_odm.wire.socket_pool import SocketPool
from solidb_odm.wire.url import parse_url
from tests.garbage import only_new_garbage

PATIENCE = 60
"""Seconds after which what has not ended is taken for stuck."""


class Collected(Document, collection="collected"):
    n: int = 0


class Collector:
    """Calls a finalizer before the line of that number, of those that a thread runs in some modules."""

    def __init__(self, modules: tuple[ModuleType, ...], line: int, finalizer: Callable[[], object]) -> None:
        self._files = {module.__file__ for module in modules}
        self._left, self._finalizer = line, finalizer
        self.has_run = False

    def __call__(self, frame: FrameType, event: str, _: object) -> Any:
        if self.has_run or frame.f_code.co_filename not in self._files:
            return None
        if event == "line":
            self._left -= 1
            self.has_run = self._left < 0
            if self.has_run:
                self._finalizer()
        return self


def collected(
    modules: tuple[ModuleType, ...], line: int, finalizer: Callable[[], object], work: Callable[[], object]
) -> bool:
    """Do work, which must end, with a finalizer at a line of it; return whether there was such a line."""
    collector, problems = Collector(modules, line, finalizer), list[BaseException]()

    def traced() -> None:
        sys.settrace(collector)
        try:
            work()
        except BaseException as problem:
            problems.append(problem)
        finally:
            sys.settrace(None)

    thread = threading.Thread(target=traced, daemon=True)
    thread.start()
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it waits for what its own thread holds"
    if problems:
        raise problems[0]
    return collector.has_run


def all_lines() -> Iterator[int]:
    """Count the lines at which there can be a finalizer; the test ends with the first at which none ran."""
    yield from range(1000)
    raise AssertionError("no end of lines")


def flushed(engine: Engine) -> Iterator[Session]:
    """Give a session with the turn to write; it is closed with the generator."""
    with Session(engine) as session:
        session.add(Collected(n=1))
        session.flush()
        yield session


def forgotten(engine: Engine) -> Iterator[Session]:
    """Give a session with the turn to write, which nobody closes."""
    session = Session(engine)
    session.add(Collected(n=1))
    session.flush()
    yield session


@pytest.fixture
def frozen() -> Iterator[None]:
    """Keep what there is out of the collector's sight, so that it is quick."""
    with only_new_garbage():
        yield


@pytest.mark.usefixtures("frozen")
@pytest.mark.parametrize("holder", [flushed, forgotten])
def test_a_writer_gets_its_turn_when_the_one_before_is_collected(
    tmp_path: Path, holder: Callable[[Engine], Iterator[Session]]
) -> None:
    def collect() -> None:
        held.clear()
        gc.collect()

    with create_engine(f"sqlite:///{tmp_path}/a.db?timeout=30") as engine:
        engine.create_all(Collected)
        held: list[Iterator[Session]] = []
        for line in range(20):  # those of one look at the queue after another, too
            held.append(holder(engine))
            next(held[0])
            with Session(engine) as session:
                session.add(Collected(n=2))
                assert collected((file_transaction,), line, collect, session.commit)
        with Session(engine) as session:
            assert session.scalars(select(Collected.n)).all() == [2] * 20


@pytest.mark.usefixtures("frozen")
def test_a_reader_in_memory_is_answered_while_the_writer_is_collected_or_a_finalizer_reads() -> None:
    with create_engine("sqlite://?timeout=30") as engine:
        engine.create_all(Collected)
        held, answers = list[Iterator[Session]](), list[list[int]]()

        def collect() -> None:
            held.clear()
            gc.collect()

        def ask() -> None:
            with Session(engine) as session:
                answers.append(session.scalars(select(Collected.n)).all())

        for finalizer in (collect, ask):
            for line in all_lines():
                collect()
                held.append(flushed(engine))
                next(held[0])
                if not collected((memory_store,), line, finalizer, ask):
                    break
        collect()
        assert not any(answers)


def test_a_task_gets_the_connection_of_a_session_that_is_collected(tmp_path: Path) -> None:
    async def main(held: list[AsyncFileChannel]) -> None:
        driver = AsyncFileDriver(f"sqlite:///{tmp_path}/b.db", connections=1, pool_timeout=30)
        held.append(await driver.channel())
        async with anyio.create_task_group() as group:
            group.start_soon(take, driver)
            await anyio.wait_all_tasks_blocked()
            held.clear()
        await driver.aclose()

    async def take(driver: AsyncFileDriver) -> None:
        await (await driver.channel()).aclose()

    for line in all_lines():
        held: list[AsyncFileChannel] = []

        def run(held: list[AsyncFileChannel] = held) -> None:
            anyio.run(main, held)

        if not collected((channel_pool,), line, held.clear, run):
            break


def test_keys_made_by_a_finalizer_differ_from_all_others() -> None:
    for line in all_lines():
        maker, keys = KeyMaker(), list[str]()

        def make(maker: KeyMaker = maker, keys: list[str] = keys) -> None:
            keys.append(maker())

        def work(make: Callable[[], None] = make) -> None:
            make()
            make()

        has_run = collected((stored_documents,), line, make, work)
        assert len(set(keys)) == 2 + has_run
        if not has_run:
            break


def test_a_query_is_answered_while_a_finalizer_asks_another(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/c.db") as engine:
        engine.create_all(Collected)
        numbers, answers = itertools.count(), list[list[int]]()

        def ask() -> None:
            with Session(engine) as session:
                query = f"FOR n IN 1..3 FOR c IN collected FILTER c.n == n + {next(numbers)} RETURN c.n"
                answers.append(session.execute(sdbql(query)).all())

        for line in all_lines():
            if not collected((plan_cache,), line, ask, ask):
                break
        assert answers == [[]] * next(numbers)


class OneConnection(SocketPool):
    """A pool whose only connection speaks to nobody."""

    def __init__(self, opened: socket.socket) -> None:
        url = "solidb://u:p@localhost/d?pool_size=1&pool_overflow=0&pool_timeout=30"
        super().__init__(parse_url(url), RequestCounts())
        self.only = SocketConnection(self.host, opened, self.statistics)
        self.only.protocol.state = ConnectionState.IDLE  # it has logged in

    def connect(self, realm: str = "", seconds: float | None = None) -> SocketConnection:
        return self.only


def test_a_connection_comes_back_from_a_finalizer_to_whoever_waits() -> None:
    ours, theirs = socket.socketpair()
    for line in range(40):
        connections = OneConnection(ours)
        give = partial(connections.give, connections.take())
        assert collected((pool, socket_pool, round_trips), line, give, connections.take)
        assert connections._policy.busy == 1  # pyright: ignore[reportPrivateUsage]
    ours.close()
    theirs.close()
