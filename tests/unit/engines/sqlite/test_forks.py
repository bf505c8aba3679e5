"""Processes that are forked while sessions are open: each keeps to its own connections."""

from __future__ import annotations

import os
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from solidb_odm import Document, Session, create_engine, func, select
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import ConcurrentUseError, StoreUnavailable

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


class Forked(Document, collection="forked"):
    n: int = 0


def in_child(work: Callable[[], bool]) -> int:
    """Run a function in a forked process; 0 if it says yes."""
    child = os.fork()
    if child == 0:
        status = 2
        try:
            status = 0 if work() else 1
        except BaseException as problem:
            print(repr(problem), file=sys.stderr, flush=True)
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def refused(session: Session) -> bool:
    """Return whether a session refuses to read, to write, and to commit."""
    session.add(Forked(n=9))
    for move in (session.commit, session.rollback, lambda: session.get(Forked, "x")):
        try:
            move()
        except ConcurrentUseError:
            continue
        return False
    session.close()
    return True


def stored(path: Path) -> int:
    with create_engine(f"sqlite:///{path}") as engine, Session(engine) as session:
        return session.scalar(select(func.count(Forked))) or 0


def add(engine: Engine) -> bool:
    with Session(engine) as session:
        session.add(Forked())
        session.commit()
    return True


@pytest.mark.parametrize("writing", [False, True])
def test_a_session_is_refused_in_a_child_process_and_goes_on_in_its_own(
    tmp_path: Path, writing: bool
) -> None:
    path = tmp_path / "fork.db"
    with create_engine(f"sqlite:///{path}") as engine, Session(engine) as session:
        session.add(Forked(key="first"))
        session.commit()
        if writing:
            session.add(Forked(key="second"))
            session.flush()
        assert in_child(lambda: refused(session)) == 0
        session.add(Forked(key="third"))
        session.commit()
    assert stored(path) == 2 + writing


def test_parent_and_child_lose_no_commits(tmp_path: Path) -> None:
    """The parent closes its last connection while the child writes: the log of commits must stay."""
    path = tmp_path / "fork.db"
    for _ in range(20):
        engine = create_engine(f"sqlite:///{path}")
        session = Session(engine)
        session.add(Forked())
        session.commit()
        ready, go = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                add(engine)
                os.read(ready, 1)
                status = 0 if add(engine) else 1
            finally:
                os._exit(status)
        session.close()
        engine.dispose()
        os.write(go, b"x")
        assert os.waitpid(child, 0)[1] == 0
        os.close(ready)
        os.close(go)
    assert stored(path) == 60
    with sqlite3.connect(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_a_file_that_was_being_written_at_the_fork_is_not_opened_in_the_child(tmp_path: Path) -> None:
    def is_refused() -> bool:
        with pytest.raises(StoreUnavailable, match="forked"):
            add(engine)
        return True

    with create_engine(f"sqlite:///{tmp_path}/fork.db") as engine, Session(engine) as session:
        session.add(Forked())
        session.flush()
        assert in_child(is_refused) == 0
        session.commit()
    assert stored(tmp_path / "fork.db") == 1


def test_a_child_opens_the_file_anew(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/fork.db") as engine:
        add(engine)
        assert in_child(lambda: add(engine)) == 0
        add(engine)
    assert stored(tmp_path / "fork.db") == 3
