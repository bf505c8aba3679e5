"""Client processes end in the middle of their work: nothing hangs, and what is stored is what was told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import solidb_odm
from solidb_odm import Document, Engine, Registry, Session, create_engine, select
from solidb_odm.errors import DuplicateKey, TransactionConflict
from tools.server import LocalServer

from .proxy import Proxy

pytestmark = pytest.mark.server

SIZE = 4
"""The documents of one commit."""

PROGRAM = """
import asyncio, os, signal, sys, threading

from solidb_odm import AsyncSession, Document, Session, create_async_engine, create_engine, select
from solidb_odm.client import AsyncClient, Client


class Ended(Document, collection="ended"):
    turn: int
    n: int = 0


how, url = sys.argv[1:]
kept = []


def parts(turn):
    return [Ended(key=f"t{turn}-{n}", turn=turn, n=n) for n in range(4)]


def say(turn):
    os.write(1, b"%d\\n" % turn)  # what a daemon thread prints at the end may block it


def commit(engine, turn):
    with Session(engine) as session:
        session.add_all(parts(turn))
        session.commit()
    say(turn)


def leave_open(engine):
    commit(engine, 1)
    stream = Session(engine).stream(select(Ended), batch=2)
    next(iter(stream))
    writer = Session(engine)
    writer.add_all(parts(2))
    writer.flush()
    transaction = Client(url).transaction(url.rpartition("/")[2])
    transaction.__enter__().insert(url.rpartition("/")[2], "ended", {"turn": 3, "n": 0}, "t3-0")
    kept.extend((engine, stream, writer, transaction))


async def leave_open_in_a_loop(engine):
    async with AsyncSession(engine) as session:
        session.add_all(parts(1))
        await session.commit()
    say(1)
    rows = AsyncSession(engine).stream(select(Ended), batch=2)
    await rows.__anext__()
    writer = AsyncSession(engine)
    writer.add_all(parts(2))
    await writer.flush()
    client = AsyncClient(url)
    feed = client.changes("ended")
    await feed.__aenter__()
    kept.extend((engine, rows, writer, client, feed))


def in_a_daemon_thread(work):
    begun = threading.Event()
    thread = threading.Thread(target=work, args=(begun,), daemon=True)
    thread.start()
    begun.wait(60)


def commit_for_ever(begun=None):
    engine = create_engine(url)
    for turn in range(1, 10**6):
        commit(engine, turn)
        if begun and turn == 3:
            begun.set()


def watch_for_ever(begun):
    async def watch():
        async with AsyncClient(url).changes("ended") as feed:
            with create_engine(url) as engine:
                commit(engine, 1)
            await feed.__anext__()
            begun.set()
            async for _ in feed:
                pass
    asyncio.run(watch())


async def commit_until_interrupted():
    engine = create_async_engine(url)

    async def work(number):
        for turn in range(number, 10**6, 4):
            async with AsyncSession(engine) as session:
                session.add_all(parts(turn))
                await session.commit()
            say(turn)
            if turn == 9:
                os.kill(os.getpid(), signal.SIGINT)

    await asyncio.gather(*map(work, range(4)))


def main():
    if how == "killed":
        commit_for_ever()
    elif how == "daemon":
        in_a_daemon_thread(commit_for_ever)
    elif how == "daemon feed":
        in_a_daemon_thread(watch_for_ever)
    elif how == "interrupt":
        asyncio.run(commit_until_interrupted())
    elif how.startswith("async"):
        loop = asyncio.new_event_loop()
        loop.run_until_complete(leave_open_in_a_loop(create_async_engine(url)))
        if how == "async closed loop":
            loop.close()
            asyncio.run(leave_open_again(kept[2]))
    else:
        leave_open(create_engine(url))
    if how.endswith("exit"):
        raise SystemExit(3)
    if how.endswith("at once"):
        os._exit(3)


async def leave_open_again(session):
    await session.commit()  # on a new connection: those of the closed loop are gone
    say(2)
    engine = create_async_engine(url)
    async with AsyncSession(engine) as other:
        other.add_all(parts(5))
        await other.commit()
    say(5)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    main()
"""


class Ended(Document, collection="ended", registry=Registry()):
    """What the programs store."""

    turn: int
    n: int = 0


@pytest.fixture
def engine(server: LocalServer, database: str) -> Iterator[Engine]:
    with create_engine(server.url(database)) as opened:
        opened.create_all(Ended)
        yield opened


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str, str], subprocess.Popen[str]]]:
    """Start the program; it is killed if it is there after the test."""
    processes: list[subprocess.Popen[str]] = []

    def started(how: str, url: str) -> subprocess.Popen[str]:
        program = tmp_path / "program.py"
        program.write_text(PROGRAM)
        process = subprocess.Popen(
            [sys.executable, "-W", "ignore", str(program), how, url],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(Path(solidb_odm.__file__).parents[1])},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        return process

    yield started
    for process in processes:
        process.kill()
        process.communicate()


Start = Callable[[str, str], subprocess.Popen[str]]


def judge(engine: Engine, acknowledged: set[int], unknown: int = 0) -> None:
    """Apply the rules, and see that nothing of the dead keeps others for long from writing the same keys."""
    end = time.monotonic() + 90
    while True:
        try:
            return _judge(engine, acknowledged, unknown)
        except (TransactionConflict, DuplicateKey):  # the server is about to learn that the client is gone
            assert time.monotonic() < end


def _judge(engine: Engine, acknowledged: set[int], unknown: int) -> None:
    with Session(engine) as session:
        turns = Counter(session.scalars(select(Ended.turn)))
        assert set(turns.values()) <= {SIZE}
        assert acknowledged <= turns.keys()
        assert len(turns.keys() - acknowledged) <= unknown
        missing = [turn for turn in range(max([*turns, 3]) + 2) if turn not in turns]
        session.add_all(Ended(key=f"t{turn}-{n}", turn=turn, n=n) for turn in missing for n in range(SIZE))
        session.commit()
        assert len(session.scalars(select(Ended)).all()) == SIZE * (len(turns) + len(missing))


ENDS = {
    "return": 0,
    "exit": 3,
    "at once": 3,
    "async": 0,
    "async exit": 3,
    "async closed loop": 0,
    "daemon": 0,
    "daemon feed": 0,
    "interrupt": -signal.SIGINT,
}
UNKNOWN = {"daemon": 1, "interrupt": 4}
"""How many commits may be on their way when the process ends."""


@pytest.mark.parametrize("how", ENDS)
def test_a_program_ends_in_the_middle_of_its_work(
    start: Start, server: LocalServer, database: str, engine: Engine, how: str
) -> None:
    process = start(how, server.url(database))
    told, problems = process.communicate(timeout=20)
    assert process.returncode == ENDS[how], problems
    assert [line for line in problems.splitlines() if "ignored" in line or "Fatal" in line] == []
    acknowledged = set(map(int, told.split()))
    assert acknowledged
    judge(engine, acknowledged, UNKNOWN.get(how, 0))


STOPPED_AT = {
    "begin": "begin_transaction",
    "stage": "batch",
    "commit": "commit_transaction",
    "answer": "commit_transaction",
}


@pytest.mark.parametrize("place", STOPPED_AT)
def test_a_client_that_is_killed_in_a_commit_leaves_all_of_it_or_nothing(
    start: Start, server: LocalServer, database: str, proxy: Proxy, engine: Engine, place: str
) -> None:
    """A commit stops before the server has a command of it, or after it has done all and nobody was told."""
    seen, stopped, go_on = list[str](), threading.Event(), threading.Event()

    def stop(request: dict[str, Any]) -> bool | str:
        seen.append(request["cmd"])
        if request["cmd"] == STOPPED_AT[place] and seen.count(request["cmd"]) == 3 and place == "answer":
            return "after"
        if seen.count(STOPPED_AT[place]) < 3:
            return False
        stopped.set()  # of a lost answer, when the client asks what became of its commit
        go_on.wait(100)
        return True

    proxy.cut = stop
    url = f"solidb://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}?retries=0"
    process = start("killed", url)
    assert stopped.wait(100)
    process.kill()
    told, _ = process.communicate(timeout=100)
    go_on.set()
    assert process.returncode == -signal.SIGKILL
    judge(engine, set(map(int, told.split())), unknown=1)
