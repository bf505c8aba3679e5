"""Processes that are killed, forked, run side by side, or have no room left on the disk."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import time
from pathlib import Path

from solidb_odm import Session, create_engine
from solidb_odm.errors import ConcurrentUseError, SolidbError, StoreUnavailable
from solidb_odm.offline import OfflineSyncManager, SyncConfig

from .campaign import SIZE, Ground, Part, Report, commit, in_child, judge, status_of


def kills(ground: Ground, report: Report) -> None:
    """Kill a process that commits, or makes its schema, at a moment drawn at random."""
    while ground.turns():
        report.rounds += 1
        path = ground.fresh(report.rounds)
        reading, writing = os.pipe()

        def work(path: os.PathLike[str] = path, writing: int = writing) -> None:
            with create_engine(f"sqlite:///{path}") as engine:
                for turn in range(10_000):
                    with Session(engine) as session:
                        session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
                        session.commit()
                    os.write(writing, b".")

        child = in_child(work)
        time.sleep(ground.chance.uniform(0, 0.12))
        os.kill(child, signal.SIGKILL)
        status_of(child)
        os.close(writing)
        acknowledged = len(os.read(reading, 1 << 16))
        os.close(reading)
        judge(path, report, acknowledged)


def stores(ground: Ground, report: Report) -> None:
    """Kill a process that edits an offline store: what was saved is there, and waits to be pushed."""
    while ground.turns():
        report.rounds += 1
        folder = ground.folder / f"store{report.rounds}"
        reading, writing = os.pipe()

        def work(folder: Path = folder, writing: int = writing) -> None:
            with _store(folder) as manager:
                for number in range(10_000):
                    manager.save_document("notes", f"k{number % 20}", {"n": number})
                    os.write(writing, b".")

        child = in_child(work)
        time.sleep(ground.chance.uniform(0, 0.25))
        os.kill(child, signal.SIGKILL)
        status_of(child)
        os.close(writing)
        saved = len(os.read(reading, 1 << 16))
        os.close(reading)
        with _store(folder) as manager:
            _judge_store(manager, saved, report)
        shutil.rmtree(folder)


def _store(folder: Path) -> OfflineSyncManager:
    config = SyncConfig(database="d", local_storage_path=folder, auto_sync=False)
    return OfflineSyncManager("solidb://user:password@127.0.0.1:1", config).initialize()


def _judge_store(manager: OfflineSyncManager, saved: int, report: Report) -> None:
    newest = {f"k{number % 20}": number for number in range(saved)}
    stored = {row["_key"]: row["n"] for row in manager.list_documents("notes")[0]}
    waiting = {edit.document_key for edit in manager.pending()}
    lost = {key: number for key, number in newest.items() if stored.get(key, -1) < number}
    report.check(not lost, f"saved and not there: {lost}")
    report.check(waiting == set(stored), f"stored {sorted(stored)}, waiting {sorted(waiting)}")


def forks(ground: Ground, report: Report) -> None:
    """Fork while a session is open; parent and child go on, and end in an order drawn at random."""
    while ground.turns():
        report.rounds += 1
        path = ground.fresh(report.rounds)
        engine = create_engine(f"sqlite:///{path}")
        session = Session(engine)
        session.add_all(Part(turn=0, n=n) for n in range(SIZE))
        session.commit()
        writes = ground.chance.random() < 0.3
        if writes:
            session.add_all(Part(turn=1, n=n) for n in range(SIZE))
            session.flush()

        def work(session: Session = session, pause: float = ground.chance.uniform(0, 0.02)) -> None:
            with contextlib.suppress(ConcurrentUseError):
                session.add(Part(turn=9))
                session.commit()
                os._exit(5)
            time.sleep(pause)
            with Session(session.engine) as own:
                own.add_all(Part(turn=2, n=n) for n in range(SIZE))
                own.commit()

        child = in_child(work)
        time.sleep(ground.chance.uniform(0, 0.02))
        session.commit()
        session.close()
        engine.dispose()
        status = status_of(child)
        report.check(status in ((0, 3) if writes else (0,)), f"a forked process ended with {status}")
        judge(path, report, 1 + writes + (status == 0))


def neighbours(ground: Ground, report: Report) -> None:
    """Let processes open a new file, make its collections and commit, all at the same time."""
    while ground.turns():
        report.rounds += 1
        path = ground.fresh(report.rounds)
        children = [in_child(lambda path=path: commit(path, 0)) for _ in range(4)]  # type: ignore[misc]
        statuses = [status_of(child) for child in children]
        report.check(statuses == [0] * 4, f"processes side by side ended with {statuses}")
        judge(path, report, statuses.count(0))


def disks(ground: Ground, report: Report) -> None:
    """Let no file grow beyond a size drawn at random: a commit fails with our error, and whole."""
    while ground.turns():
        report.rounds += 1
        path = ground.fresh(report.rounds)
        commit(path, 0)
        reading, writing = os.pipe()

        def work(
            path: os.PathLike[str] = path,
            size: int = ground.chance.randrange(40_000, 400_000),
            out: int = writing,
        ) -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
            with create_engine(f"sqlite:///{path}") as engine, Session(engine) as session:
                for turn in range(200):
                    session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
                    try:
                        session.commit()
                    except StoreUnavailable:
                        os._exit(3)
                    os.write(out, b".")

        status = status_of(in_child(work))
        os.close(writing)
        acknowledged = len(os.read(reading, 1 << 16))
        os.close(reading)
        report.check(status in (0, 3), f"a full disk ended the process with {status}")
        judge(path, report, 1 + acknowledged)


def damage(ground: Ground, report: Report) -> None:
    """Overwrite bytes of a file, or cut it: what is read is right, or the error is ours."""
    path = ground.fresh(0)
    commit(path, 0)
    whole = path.read_bytes()
    while ground.turns():
        report.rounds += 1
        path = ground.fresh(report.rounds)
        data = bytearray(whole)
        for _ in range(ground.chance.choice((1, 8, 200))):
            data[ground.chance.randrange(len(data))] = ground.chance.randrange(256)
        if ground.chance.random() < 0.3:
            del data[ground.chance.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            commit(path, 1)
        except SolidbError:
            continue
        except Exception as problem:  # noqa: BLE001 - any other class is the fault looked for
            report.check(False, f"a damaged file raised {problem!r}")
