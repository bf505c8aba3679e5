"""Asyncio sessions that nobody closed, and tasks that are cancelled while a session works."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

import solidb_odm
from solidb_odm import (
    AsyncEngine,
    AsyncSession,
    Document,
    Engine,
    Session,
    create_async_engine,
    func,
    select,
)
from tests.garbage import collect_garbage

PROGRAM = """
import asyncio, sys
from solidb_odm import AsyncSession, Document, create_async_engine
class Left(Document, collection="left"):
    n: int = 0
async def main():
    session = AsyncSession(create_async_engine("sqlite:///left.db"))
    session.add(Left())
    await session.commit()
    if sys.argv[1] == "raise":
        raise SystemExit(3)
asyncio.run(main())
"""


class Abandoned(Document, collection="abandoned"):
    n: int = 0


@pytest.mark.parametrize(("how", "status"), [("return", 0), ("raise", 3)])
def test_a_session_that_nobody_closed_does_not_keep_the_process(
    tmp_path: Path, how: str, status: int
) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "always", "-c", PROGRAM, how],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(solidb_odm.__file__).parents[1])},
        capture_output=True,
        timeout=60,
        text=True,
        check=False,
    )
    assert (done.returncode, "ResourceWarning" in done.stderr) == (status, True)


@pytest.mark.parametrize("in_cycle", [False, True])
async def test_a_session_that_nobody_closed_warns_once_and_leaves_the_engine_whole(
    async_engine: AsyncEngine, in_cycle: bool
) -> None:
    """In a cycle the collector may close a connection before anything else of the session ends."""
    await async_engine.create_all(Abandoned)
    session = AsyncSession(async_engine)
    session.add(Abandoned(key="left"))
    await session.flush()
    await session.scalars(select(Abandoned))
    held: list[object] = [session]
    if in_cycle:
        held.append(held)
    collect_garbage()  # of others
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del session, held
        collect_garbage()
    said = [str(warning.message) for warning in told if "session" in str(warning.message).lower()]
    assert said == ["an AsyncSession was not closed: use 'async with', or await session.close()"]
    for number in range(3):
        async with AsyncSession(async_engine) as other:
            other.add(Abandoned(key=f"k{number}"))
            await other.commit()
    async with AsyncSession(async_engine) as other:
        assert await other.scalar(select(func.count(Abandoned))) == 3


@pytest.mark.parametrize("in_cycle", [False, True])
def test_a_session_that_is_collected_leaves_the_engine_whole(engine: Engine, in_cycle: bool) -> None:
    engine.create_all(Abandoned)
    session = Session(engine)
    session.add(Abandoned(key="left"))
    session.flush()
    held: list[object] = [session]
    if in_cycle:
        held.append(held)
    del session, held
    collect_garbage()
    for number in range(3):
        with Session(engine) as other:
            other.add(Abandoned(key=f"k{number}"))
            other.commit()
    with Session(engine) as other:
        assert other.scalar(select(func.count(Abandoned))) == 3


async def _work(engine: object, keys: int) -> None:
    async with AsyncSession(engine) as session:  # type: ignore[arg-type]
        session.add_all(Abandoned() for _ in range(keys))
        await session.commit()


def test_tasks_cancelled_at_any_moment_leave_whole_commits_and_no_threads(tmp_path: Path) -> None:
    async def main() -> tuple[int, int]:
        engine = create_async_engine(f"sqlite:///{tmp_path}/cancelled.db")
        await engine.create_all(Abandoned)
        others = {thread.name for thread in threading.enumerate()}
        for turn in range(60):
            task = asyncio.create_task(_work(engine, 20))
            await asyncio.sleep(0.0003 * turn)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with AsyncSession(engine) as session:
            stored = await session.scalar(select(func.count(Abandoned))) or 0
        for thread in threading.enumerate():
            if thread.daemon and thread.name not in others:
                await asyncio.to_thread(thread.join, 20)
        left = sum(each.daemon and each.name not in others for each in threading.enumerate())
        await engine.dispose()
        return stored % 20, left

    assert asyncio.run(main()) == (0, 0)


def test_a_commit_that_is_cancelled_on_the_way_is_known_to_the_session(tmp_path: Path) -> None:
    """What was stored is not new any more; what was not stored still is."""

    async def main() -> list[tuple[bool, bool]]:
        found: list[tuple[bool, bool]] = []
        engine = create_async_engine(f"sqlite:///{tmp_path}/known.db")
        await engine.create_all(Abandoned)
        for turn in range(40):
            document = Abandoned(key=f"k{turn}")
            async with AsyncSession(engine) as session, AsyncSession(engine) as other:
                session.add(document)
                task = asyncio.create_task(session.commit())
                await asyncio.sleep(0.0002 * turn)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                found.append((await other.get(Abandoned, document.key) is not None, document.rev is not None))
        await engine.dispose()
        return found

    assert [pair for pair in asyncio.run(main()) if pair[0] != pair[1]] == []
