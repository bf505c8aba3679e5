"""What campaigns share: a judge's notes, the models they store, and the rules that all are judged by."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from solidb_odm import Document, Session, create_engine, func, select
from solidb_odm.errors import SolidbError

SIZE = 5
"""The documents of one commit; a stored number that is no multiple of it is half a commit."""


class Part(Document, collection="parts"):
    """One document of a commit."""

    turn: int
    n: int = 0


@dataclass(slots=True)
class Report:
    """What one campaign did, and what it found wrong."""

    rounds: int = 0
    faults: list[str] = field(default_factory=list[str])

    def check(self, holds: bool, rule: str) -> None:
        """Note a fault unless a rule holds."""
        if not holds:
            self.faults.append(rule)


@dataclass(slots=True)
class Ground:
    """Where a campaign takes place: its chance, its end, and a folder of its own."""

    chance: random.Random
    end: float
    folder: Path

    def turns(self) -> bool:
        """Return whether there is time for another round."""
        return time.monotonic() < self.end

    def fresh(self, number: int) -> Path:
        """Return the path of a file that is not there yet, removing the one before."""
        for old in self.folder.glob("attacked*"):
            old.unlink()
        return self.folder / f"attacked{number}.db"


Campaign: TypeAlias = Callable[[Ground, Report], None]


def commit(path: Path, turn: int, options: str = "") -> None:
    """Store the documents of one commit."""
    with create_engine(f"sqlite:///{path}{options}") as engine, Session(engine) as session:
        session.add_all(Part(turn=turn, n=n) for n in range(SIZE))
        session.commit()


def stored(path: Path) -> int:
    """Return the number of documents in a file."""
    with create_engine(f"sqlite:///{path}") as engine, Session(engine) as session:
        return session.scalar(select(func.count(Part))) or 0


def judge(path: Path, report: Report, acknowledged: int) -> None:
    """Apply the rules of commits: what was acknowledged is there, no half commit is, the file is whole."""
    count = stored(path)
    report.check(
        count >= acknowledged * SIZE, f"{acknowledged * SIZE} documents acknowledged, {count} stored"
    )
    report.check(count % SIZE == 0, f"half a commit is stored: {count} documents")
    connection = sqlite3.connect(path)
    try:
        (state,) = connection.execute("PRAGMA integrity_check('_solidb_collections')").fetchone()
        report.check(state == "ok", f"the file is damaged: {state}")
    finally:
        connection.close()


def in_child(work: Callable[[], None]) -> int:
    """Run a function in a forked process, which is the caller's to wait for; return its number."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 0
    try:
        work()
    except SolidbError:
        status = 3
    except BaseException as problem:  # noqa: BLE001 - it must not come out twice
        print(f"  in a child: {problem!r}", file=sys.stderr, flush=True)
        status = 4
    os._exit(status)


def status_of(child: int) -> int:
    """Wait for a process and return its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
