"""Interrupts and cancellations of what stands above sessions: offline sync, migrations, pools of loops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import signal
from collections.abc import Callable, Generator
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from solidb_odm import AsyncSession, Session, create_async_engine, create_engine, func, sdbql, select
from solidb_odm.errors import MigrationLocked, SolidbError
from solidb_odm.migrations import Migrator
from solidb_odm.offline import OfflineSyncManager, SyncConfig

from .campaign import SIZE, Ground, Part, Report

_armed: list[bool] = []


@contextlib.contextmanager
def _signals() -> Generator[None]:
    """Let an alarm raise, once each time it is armed; Python drops what is raised in callbacks of garbage."""

    def stop(_: int, __: FrameType | None) -> None:
        if _armed:
            _armed.clear()
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, before)
        gc.enable()


def _interrupted(work: Callable[[], object], seconds: float) -> bool:
    """Do work with an alarm after so many seconds; return whether it came."""
    _armed.append(True)
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        work()
        _armed.clear()
        return False
    except KeyboardInterrupt:
        return True
    finally:
        _armed.clear()
        signal.setitimer(signal.ITIMER_REAL, 0)


# --- offline sync --------------------------------------------------------------------------------


def sync_interrupts(ground: Ground, report: Report) -> None:
    """Interrupt saving and syncing; then sync once more: both sides agree, and have all that was saved."""
    model: Any = import_module("tests.unit.offline.model_server")
    with _signals():
        while ground.turns():
            server = model.ModelServer()
            try:
                _synced(ground, report, server)
            finally:
                server.end()


def _synced(ground: Ground, report: Report, server: Any) -> None:
    folder = ground.folder / f"sync{report.rounds}"
    config = SyncConfig(database="d", local_storage_path=folder, auto_sync=False)
    saved: dict[str, int] = {}
    with OfflineSyncManager(server, config).initialize() as manager:
        for turn in range(10):
            report.rounds += 1
            key = f"k{turn % 4}"

            def work(key: str = key, turn: int = turn) -> None:
                manager.save_document("notes", key, {"n": turn})
                saved[key] = turn
                manager.sync_now()

            try:
                _interrupted(work, ground.chance.uniform(1e-5, 2e-2))
            except SolidbError as problem:
                report.check(False, f"an interrupt of a sync was called {problem!r}")
            if ground.chance.random() < 0.3:
                server.put("notes", f"other{turn}", n=turn)
        manager.sync_now()
        here = {row["_key"]: row["n"] for row in manager.list_documents("notes")[0]}
        there = {key: row["n"] for key, row in server.all("notes").items()}
        report.check(here == there, f"after interrupts the store has {here}, the server {there}")
        lost = {key: n for key, n in saved.items() if here.get(key, -1) < n}
        report.check(not lost, f"saved and not there after interrupts: {lost}")
        report.check(not manager.pending(), "edits wait for ever after an interrupt")


# --- migrations ----------------------------------------------------------------------------------

_FIRST = """\
revision = "a1"
down_revision = None


def upgrade(op):
    op.create_collection("moved")
"""
_SECOND = """\
revision = "b2"
down_revision = "a1"


def count(document):
    return {**document, "n": document["n"] + 1}


def back(document):
    return {**document, "n": document["n"] - 1}


def upgrade(op):
    op.for_each("moved", count, reverse=back, batch=7)
    op.rename_field("moved", "text", "words")
"""
_FOUND = """
FOR d IN moved COLLECT n = d.n, w = HAS(d, 'words') ? 'words' : 'text' WITH COUNT INTO c RETURN [n, w, c]
"""
_DOCUMENTS = 40


def migration_interrupts(ground: Ground, report: Report) -> None:
    """Interrupt upgrades and downgrades; the next run goes on, and each document is changed once."""
    folder = ground.folder / "revisions"
    folder.mkdir()
    (folder / "20260101_a1_first.py").write_text(_FIRST)
    (folder / "20260102_b2_second.py").write_text(_SECOND)
    with _signals():
        while ground.turns():
            _migrated(ground, report, folder)


def _migrated(ground: Ground, report: Report, folder: Path) -> None:
    with create_engine(f"sqlite:///{ground.fresh(report.rounds)}") as engine:
        migrator = Migrator(engine, folder)
        migrator.upgrade("a1")
        with Session(engine) as session:
            session.execute(sdbql(f"FOR i IN 1..{_DOCUMENTS} INSERT {{n: 1, text: 'x'}} INTO moved"))
            session.commit()
        for target in ("b2", "a1") * 3:
            report.rounds += 1
            move = migrator.upgrade if target == "b2" else migrator.downgrade
            for _ in range(20):
                try:
                    seconds = ground.chance.uniform(1e-3, 8e-2)
                    if not _interrupted(lambda move=move, target=target: move(target), seconds):  # type: ignore[misc]
                        break
                except MigrationLocked:
                    report.check(False, "a run that was interrupted keeps its lock")
                    return
                except SolidbError as problem:
                    report.check(False, f"an interrupt of a migration was called {problem!r}")
                    return
            else:
                move(target)
            wanted = [2, "words"] if target == "b2" else [1, "text"]
            with Session(engine) as session:
                rows = session.execute(sdbql(_FOUND)).all()
            report.check(rows == [[*wanted, _DOCUMENTS]], f"after interrupts {target} has {rows}")


# --- a pool --------------------------------------------------------------------------------------


def pool_cancellations(ground: Ground, report: Report) -> None:
    """Cancel tasks that share few connections; all of these serve again, and no half commit is stored."""
    for number, where in enumerate(("file", "memory")):
        asyncio.run(_pooled(ground, report, number, where))


async def _pooled(ground: Ground, report: Report, number: int, where: str) -> None:
    url = f"sqlite:///{ground.folder}/pool{number}.db" if where == "file" else "sqlite://"
    half = ground.end if number else (asyncio.get_running_loop().time() + ground.end) / 2
    engine = create_async_engine(f"{url}?connections=3&timeout=30&pool_timeout=30")
    await engine.create_all(Part)
    while ground.turns() and asyncio.get_running_loop().time() < half:
        report.rounds += 1
        tasks = [asyncio.ensure_future(_use(engine, ground.chance, report.rounds)) for _ in range(6)]
        await asyncio.sleep(ground.chance.uniform(0, 0.02))
        for task in ground.chance.sample(tasks, 4):
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            is_expected = outcome is None or isinstance(outcome, asyncio.CancelledError)
            report.check(is_expected, f"a task beside cancelled ones raised {outcome!r}")
        async with AsyncSession(engine) as one, AsyncSession(engine) as two, AsyncSession(engine) as three:
            counts = [await session.scalar(select(func.count(Part))) for session in (one, two, three)]
        report.check(len(set(counts)) == 1, f"connections of one pool count {counts}")
        report.check((counts[0] or 0) % SIZE == 0, f"half a commit is stored: {counts[0]} documents")
    await engine.dispose()


async def _use(engine: Any, chance: random.Random, turn: int) -> None:
    kind = chance.randrange(3)
    async with AsyncSession(engine) as session:
        if kind == 0:
            async for _ in session.stream(select(Part), batch=3):
                await asyncio.sleep(0)
        elif kind == 1:
            await session.scalars(select(Part).where(Part.turn == turn))
        session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
        if kind == 2:
            await session.flush()
        await session.commit()
