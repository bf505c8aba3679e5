"""Programs end although they left everything open, in both colours."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import solidb_odm

PROGRAM = """
import asyncio, multiprocessing, os, signal, sys, threading, time

from solidb_odm import AsyncSession, Document, Session, create_async_engine, create_engine, select
from solidb_odm.offline import AsyncOfflineSyncManager, OfflineSyncManager, SyncConfig


class Left(Document, collection="left"):
    n: int = 0


kept = []
NOWHERE = "solidb://u:p@127.0.0.1:1"


def config(name):
    return SyncConfig(database="d", local_storage_path=name, sync_interval_seconds=0.01)


def leave_open(name):
    for url in (f"sqlite:///{name}.db", "sqlite://"):
        engine = create_engine(url)
        with Session(engine) as session:
            session.add_all(Left(n=n) for n in range(20))
            session.commit()
        stream = Session(engine).stream(select(Left), batch=5)
        next(iter(stream))
        writer, reader = Session(engine), Session(engine)
        writer.add(Left())
        writer.flush()
        reader.scalars(select(Left)).all()
        cycle = [Session(engine), stream]
        cycle.append(cycle)
        kept.extend((engine, writer, reader, stream))
    manager = OfflineSyncManager(NOWHERE, config(name)).initialize()
    manager.save_document("notes", "a", {"n": 1})
    kept.append(manager)


async def leave_open_in_a_loop(name):
    for url in (f"sqlite:///{name}-async.db", "sqlite://"):
        engine = create_async_engine(url)
        async with AsyncSession(engine) as session:
            session.add_all(Left(n=n) for n in range(20))
            await session.commit()
        stream = AsyncSession(engine).stream(select(Left), batch=5).__aiter__()
        await stream.__anext__()
        writer = AsyncSession(engine)
        writer.add(Left())
        await writer.flush()
        kept.extend((engine, writer, stream))
    manager = await AsyncOfflineSyncManager(NOWHERE, config(f"{name}-async")).initialize()
    await manager.save_document("notes", "a", {"n": 1})
    kept.append(manager)


def end():
    if how == "exit":
        sys.exit(3)
    if how == "interrupt":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    if how == "forgotten":
        kept.clear()


def work(name="a"):
    leave_open(name)
    if "async" in sys.argv:
        async def main():
            await leave_open_in_a_loop(name)
            end()
        asyncio.run(main())
    end()


def in_a_thread():
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


def in_a_child(method):
    leave_open("parent")
    child = multiprocessing.get_context(method).Process(target=work)
    child.start()
    child.join()
    sys.exit(child.exitcode)


def in_a_pool():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(work, ["a", "b"])


def prefork():
    leave_open("parent")
    kept[1].commit()  # a file whose write is open can't be opened in a child
    children = []
    for number in range(2):
        child = os.fork()
        if not child:
            work(f"child{number}")
            sys.exit(0)
        children.append(child)
    sys.exit(max(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))


if __name__ == "__main__":
    how = sys.argv[1]
    if how == "fork":
        in_a_child(how)
    elif how in ("in_a_thread", "in_a_pool", "prefork"):
        globals()[how]()
    else:
        work()
else:
    how = "return"
"""
ENDS = {
    "return": 0,
    "exit": 3,
    "interrupt": -signal.SIGINT,
    "forgotten": 0,
    "in_a_thread": 0,
    "in_a_pool": 0,
    "fork": 0,
    "prefork": 0,
}
BOTH = [("return", "async"), ("interrupt", "async"), ("in_a_thread", "async"), ("exit", "sync")]
BOTH += [("forgotten", "sync"), ("in_a_pool", "sync")]
if hasattr(os, "fork"):
    BOTH += [("fork", "async"), ("prefork", "async")]


@pytest.mark.parametrize(("how", "colour"), BOTH)
def test_a_program_ends_with_everything_left_open(tmp_path: Path, how: str, colour: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(program), how, colour],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(solidb_odm.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    told = [line for line in done.stderr.splitlines() if "ignored" in line or "Error" in line]
    assert (done.returncode, told) == (ENDS[how], [])
