"""A real server: it is killed in commits, its clients are, or their tasks are cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Generator
from pathlib import Path

from solidb_odm import AsyncSession, Engine, Session, create_async_engine, create_engine, select
from solidb_odm.errors import CommitOutcomeUnknown, SolidbError
from tools.server import LocalServer, find_server, running_server

from .campaign import SIZE, Ground, Part, Report, in_child, status_of

_DATABASE = "attacked"
_PASSWORD = "attack"
_OPTIONS = "?timeout=10&retries=0"


class Ledger:
    """Which commits were acknowledged, and which were said to have failed."""

    def __init__(self) -> None:
        self.acknowledged = set[int]()
        self.failed = set[int]()

    def judge(self, engine: Engine, report: Report) -> None:
        """Apply the rules of commits; one that was said to have failed is not there."""
        with Session(engine) as session:
            stored = Counter(session.scalars(select(Part.turn)))
        lost = self.acknowledged - stored.keys()
        report.check(not lost, f"{len(lost)} acknowledged commits are lost")
        halves = {turn: count for turn, count in stored.items() if count != SIZE}
        report.check(not halves, f"half commits are stored: {halves}")
        undead = self.failed & stored.keys()
        report.check(not undead, f"{len(undead)} commits are stored that were said to have failed")

    def commit(self, engine: Engine, turn: int) -> bool:
        """Store the documents of one commit; return whether it was acknowledged."""
        try:
            with Session(engine) as session:
                session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
                session.commit()
        except CommitOutcomeUnknown:
            return False
        except SolidbError:
            self.failed.add(turn)
            return False
        self.acknowledged.add(turn)
        return True


def server_kills(ground: Ground, report: Report) -> None:
    """Kill a server while a client commits; start it again on the same data."""
    ledger, turn, data = Ledger(), 0, _data(ground)
    while (binary := find_server()) is not None and ground.turns():
        report.rounds += 1
        with running_server(binary, data, password=_PASSWORD) as server, _opened(server) as engine:
            ledger.judge(engine, report)
            end = threading.Timer(ground.chance.uniform(0.02, 0.4), os.kill, (server.process, signal.SIGKILL))
            end.start()
            while ledger.commit(engine, turn):
                turn += 1
            turn += 1
            end.join()
    if report.rounds:
        binary = find_server() or Path()
        with running_server(binary, data, password=_PASSWORD) as server, _opened(server) as engine:
            ledger.judge(engine, report)


def client_kills(ground: Ground, report: Report) -> None:
    """Kill a process that commits to a server, at a moment drawn at random."""
    binary = find_server()
    if binary is None:
        return
    with running_server(binary, _data(ground), password=_PASSWORD) as server, _opened(server) as engine:
        ledger = Ledger()
        while ground.turns():
            report.rounds += 1
            acknowledged = _killed(server, report.rounds * 1_000, ground.chance.uniform(0.1, 0.4))
            ledger.acknowledged.update(range(report.rounds * 1_000, report.rounds * 1_000 + acknowledged))
            ledger.judge(engine, report)


def _killed(server: LocalServer, first: int, seconds: float) -> int:
    """Have a process commit until it is killed; return how many commits it was told are done."""
    reading, writing = os.pipe()

    def work() -> None:
        with create_engine(server.url(_DATABASE) + _OPTIONS) as engine:
            for turn in range(first, first + 1_000):
                with Session(engine) as session:
                    session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
                    session.commit()
                os.write(writing, b".")

    child = in_child(work)
    time.sleep(seconds)
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)
    status_of(child)
    os.close(writing)
    acknowledged = len(os.read(reading, 1 << 16))
    os.close(reading)
    return acknowledged


def server_cancellations(ground: Ground, report: Report) -> None:
    """Cancel tasks that commit to a server, at moments drawn at random."""
    binary = find_server()
    if binary is None:
        return
    with running_server(binary, _data(ground), password=_PASSWORD) as server, _opened(server) as engine:
        ledger = Ledger()
        asyncio.run(_cancelled(server, ground, report, ledger))
        ledger.judge(engine, report)


async def _cancelled(server: LocalServer, ground: Ground, report: Report, ledger: Ledger) -> None:
    async def commit(turn: int) -> None:
        async with AsyncSession(engine) as session:
            session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
            await session.commit()
            ledger.acknowledged.add(turn)

    async with create_async_engine(server.url(_DATABASE) + _OPTIONS) as engine:
        while ground.turns():
            tasks = [asyncio.ensure_future(commit(report.rounds * 4 + number)) for number in range(4)]
            report.rounds += 1
            await asyncio.sleep(ground.chance.uniform(0, 0.02))
            for task in tasks:
                task.cancel()
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                ours = outcome is None or isinstance(outcome, (asyncio.CancelledError, SolidbError))
                report.check(ours, f"a cancelled commit raised {outcome!r}")


def _data(ground: Ground) -> Path:
    data = ground.folder / "server"
    data.mkdir(exist_ok=True)
    return data


@contextlib.contextmanager
def _opened(server: LocalServer) -> Generator[Engine]:
    """Open an engine on the database of the campaign, which is made if it is not there yet."""
    with create_engine(server.url(_DATABASE) + _OPTIONS) as engine:
        engine.create_database()
        engine.create_all(Part)
        yield engine
