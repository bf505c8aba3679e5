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


def leave_open(name, *, with_threads=True):
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
    if with_threads:  # what they hold just then, a child that is forked would wait for
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
    if how == "interrupt":
        signal.signal(signal.SIGINT, signal.default_int_handler)
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(60)
    if how == "forgotten":
        kept.clear()
    if how == "raise":
        raise SystemExit(3)


def work(name="a"):
    leave_open(name)
    if "async" in sys.argv:
        async def main():
            await leave_open_in_a_loop(name)
            end()
        asyncio.run(main())
    end()


def notebook():
    loop = asyncio.new_event_loop()
    for name in ("a", "b"):
        loop.run_until_complete(leave_open_in_a_loop(name))


def loop_in_a_thread():
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(leave_open_in_a_loop("a"), loop).result()


def in_a_pool():
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        pool.map(work, ["a", "b"])


def prefork():
    leave_open("parent", with_threads=False)
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
    if how in ("notebook", "loop_in_a_thread", "in_a_pool", "prefork"):
        globals()[how]()
    else:
        work()
else:
    how = "return"
"""
ENDS = {"raise": 3, "interrupt": -signal.SIGINT}
LOADED = """
import sys, threading
from solidb_odm.offline import OfflineSyncManager, SyncConfig
threading.Thread.start = lambda self: None
OfflineSyncManager("solidb://u:p@127.0.0.1:1", SyncConfig(database="d", local_storage_path="a")).initialize()
sys.exit("httpcore" not in sys.modules)
"""
BOTH = [
    ("return", "async"),
    ("raise", "async"),
    ("interrupt", "async"),
    ("forgotten", "sync"),
    ("in_a_pool", "sync"),
]
BOTH += [("notebook", "async"), ("loop_in_a_thread", "async")]
if hasattr(os, "fork"):
    BOTH.append(("prefork", "async"))


@pytest.mark.parametrize(("how", "colour"), BOTH)
def test_a_program_ends_with_everything_left_open(tmp_path: Path, how: str, colour: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = run(tmp_path, "-W", "ignore", str(program), how, colour)
    told = [line for line in done.stderr.splitlines() if "ignored" in line or "Error" in line]
    assert (done.returncode, told) == (ENDS.get(how, 0), [])


def test_an_offline_store_loads_the_client_before_its_threads_would(tmp_path: Path) -> None:
    """A process that is forked while a thread loads a module could never load it."""
    assert run(tmp_path, "-c", LOADED).returncode == 0


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(Path(solidb_odm.__file__).parents[1])},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
