"""Ctrl-C, and signal handlers that raise: what was interrupted is rolled back, or committed, whole."""

from __future__ import annotations

import contextlib
import gc
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from solidb_odm import Document, Session, create_engine, sdbql, select
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import SolidbError
from solidb_odm.work import UnitOfWork
from tests.interrupts import interrupt_at

pytestmark = pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="this system has no timers")


class Interrupted(Document, collection="interrupted"):
    n: int = 0


class Stop(BaseException):
    """What the handler of the signal raises."""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with create_engine(f"sqlite:///{tmp_path}/interrupted.db") as opened:
        with Session(opened) as session:
            session.add_all(Interrupted(key=f"k{number:04}", n=number % 7) for number in range(300))
            session.commit()
        yield opened


@pytest.fixture
def alarm() -> Iterator[Callable[[float], None]]:
    """Have a signal handler raise after so many seconds."""

    def stop(_: int, __: FrameType | None) -> None:
        raise Stop

    gc.collect()
    gc.disable()  # Python drops what is raised in the callbacks of garbage
    before = signal.signal(signal.SIGALRM, stop)
    yield lambda seconds: signal.setitimer(signal.ITIMER_REAL, seconds)
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)
    gc.enable()


LONG = {
    "SQL alone": "FOR a IN interrupted FOR b IN interrupted FOR c IN interrupted "
    "FILTER a.n + b.n + c.n < 0 RETURN a",
    "our functions": "FOR a IN interrupted FOR b IN interrupted FOR c IN interrupted "
    "FILTER DATE_YEAR(CONCAT('20', a.n + 10, '-01-0', b.n + 1)) < c.n RETURN a",
    "Python": "FOR a IN interrupted FOR b IN interrupted FOR c IN interrupted "
    "FILTER MERGE(a, b).n + c.n < 0 RETURN a",
}


@pytest.mark.parametrize("query", LONG.values(), ids=LONG)
def test_a_long_query_is_interrupted_by_what_the_handler_raises(
    engine: Engine, alarm: Callable[[float], None], query: str
) -> None:
    with Session(engine) as session:
        changed = session.get_one(Interrupted, "k0001")
        changed.n = 99
        session.flush()
        begun = time.process_time()
        alarm(0.1)
        with pytest.raises((Stop, KeyboardInterrupt)):
            session.execute(sdbql(query)).all()
        assert time.process_time() - begun < 5
        assert session.dirty == [changed]
        session.commit()
    with Session(engine) as session:
        assert session.get_one(Interrupted, "k0001").n == 99


STEPS = (
    "plan", "applied", "failed", "committed", "_inserted", "_removed", "unflush", "_take_back", "_return_to",
)  # fmt: skip


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("late", [False, True])
def test_an_interrupt_between_two_steps_leaves_a_session_whole(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, step: str, late: bool
) -> None:
    real = getattr(UnitOfWork, step)
    armed = [True]

    def interrupted(self: UnitOfWork, *arguments: Any, **options: Any) -> Any:
        if not armed:
            return real(self, *arguments, **options)
        armed.clear()
        if late:
            real(self, *arguments, **options)
        raise KeyboardInterrupt

    with Session(engine) as session:
        _change(session)
        monkeypatch.setattr(UnitOfWork, step, interrupted)
        with contextlib.suppress(KeyboardInterrupt):
            session.commit() if step in STEPS[:6] else session.rollback()
        armed.clear()
        _check_whole(engine, session)


def _change(session: Session) -> None:
    session.get_one(Interrupted, "k0001").n = 50
    session.delete(session.get_one(Interrupted, "k0002"))
    session.add(Interrupted(key="fresh", n=50))


def _check_whole(engine: Engine, session: Session) -> None:
    """The file holds all of the change or nothing, and the session holds the rest, whole."""
    assert _stored(engine) in (BEFORE, AFTER)
    if _stored(engine) == AFTER:
        assert [*session.new, *session.dirty, *session.deleted] == []
    pending = (len(session.new), len(session.dirty), len(session.deleted))
    assert pending in ((0, 0, 0), (1, 1, 1))
    expected = AFTER if pending == (1, 1, 1) else _stored(engine)
    session.commit()
    assert _stored(engine) == expected


BEFORE, AFTER = (1, True, None), (50, False, 50)


def _stored(engine: Engine) -> tuple[Any, ...]:
    with Session(engine) as session:
        fresh = session.get(Interrupted, "fresh")
        changed = session.get_one(Interrupted, "k0001").n
        return changed, session.get(Interrupted, "k0002") is not None, fresh and fresh.n


@pytest.mark.parametrize("seed", range(6))
def test_an_interrupt_at_any_line_leaves_a_session_whole(engine: Engine, seed: int) -> None:
    """A trace raises before a line of ours, drawn at random: closer than any signal can come."""
    random_ = random.Random(seed)
    move = random_.choice(["commit", "commit", "rollback"])
    with Session(engine) as session:
        _change(session)
        error = interrupt_at(getattr(session, move), random_.randrange(30, 900), _is_ours)
        assert error is None or isinstance(error, (KeyboardInterrupt, SolidbError))
        _check_whole(engine, session)


READS: dict[str, Callable[[Session], object]] = {
    "documents": lambda session: session.scalars(select(Interrupted).where(Interrupted.n >= 0)).all(),
    "values": lambda session: session.scalars(select(Interrupted.n)).all(),
    "one": lambda session: session.get(Interrupted, "k0001"),
    "Python": lambda session: session.execute(
        sdbql("FOR a IN interrupted FILTER MERGE(a, {x: 1}).n >= 0 SORT a.n RETURN a")
    ).all(),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_what_was_interrupted_holds_no_old_state_of_the_file(
    engine: Engine, read: Callable[[Session], object]
) -> None:
    """Whoever keeps the exception keeps, in its traceback, the statement that was interrupted."""
    with Session(engine) as session:
        read(session)  # so that the lines below are those of a known query
    kept: list[BaseException | None] = []
    for at in range(1, 140, 2):
        with Session(engine) as writer:
            changed = writer.get_one(Interrupted, "k0001")
            with Session(engine) as session:
                kept.append(interrupt_at(partial(read, session), at, _reads))
            changed.n = 1000 + at
            writer.commit()
            with Session(engine) as following:  # on the connection of the interrupted one
                assert following.get_one(Interrupted, "k0001").n == 1000 + at
    assert any(isinstance(error, KeyboardInterrupt) for error in kept)


def _is_ours(frame: FrameType) -> bool:
    return "solidb_odm" in frame.f_code.co_filename


def _reads(frame: FrameType) -> bool:
    """Return whether it is of what reads a file."""
    names = ("channel.py", "queries.py", "document_source.py")
    return _is_ours(frame) and Path(frame.f_code.co_filename).name in names


def test_a_session_in_use_by_another_thread_is_still_refused(engine: Engine) -> None:
    refused: list[str] = []

    def use(session: Session) -> None:
        try:
            session.execute(select(Interrupted)).all()
        except SolidbError as problem:
            refused.append(type(problem).__name__)

    with Session(engine) as session:
        session.on("before_flush", lambda s: _in_thread(use, s))
        session.add(Interrupted(key="other"))
        session.commit()
    assert refused == ["ConcurrentUseError"]


def _in_thread(work: Callable[[Session], None], session: Session) -> None:
    thread = threading.Thread(target=work, args=(session,))
    thread.start()
    thread.join()
