"""Pace of slow queries: one at a time, handed on, given back, and never for ever."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from solidb_odm import Document, Engine, Registry, Session, create_engine, sdbql
from solidb_odm.engines.sqlite import pace
from solidb_odm.engines.sqlite.pace import Pace, Turn

LONG = 60
"""Seconds after which a test that hangs ends."""


class Grain(Document, collection="grains", registry=Registry()):
    n: int


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with create_engine(f"sqlite:///{tmp_path / 'grains.db'}") as opened:
        opened.create_all(Grain)
        with Session(opened) as session:
            session.add_all([Grain(key=f"g{number:03}", n=number) for number in range(300)])
            session.commit()
        yield opened


@pytest.fixture
def _at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    """A query is slow at once, and its turn is over at each look."""
    monkeypatch.setattr(pace, "SLOW", 0.0)
    monkeypatch.setattr(pace, "SLICE", 0.0)


def never() -> bool:
    return False


def test_a_short_query_takes_no_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SLOW", 3600.0)
    common = Pace()
    first = common.take(never)
    assert first is not None
    turn = Turn(never, common)
    assert not turn.look()  # which would wait
    turn.end()


@pytest.mark.usefixtures("_at_every_look")
def test_a_turn_is_handed_on_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "MOST", 3600.0)
    common, other_has_it = Pace(), threading.Event()
    turn = Turn(never, common)
    assert not turn.look()

    def other() -> None:
        gate = common.take(never)
        assert gate is not None
        other_has_it.set()
        gate.release()

    thread = threading.Thread(target=other)
    thread.start()
    while not other_has_it.is_set():
        turn.look()
    thread.join(LONG)
    turn.end()
    turn.end()  # of one that has none
    again = common.take(never)
    assert again is not None
    again.release()


def test_who_is_cancelled_stops_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "STEP", 0.001)
    monkeypatch.setattr(pace, "MOST", 3600.0)
    common = Pace()
    gate = common.take(never)
    assert gate is not None
    answers = iter([False, False, True])
    assert common.take(lambda: next(answers)) is None
    gate.release()


def test_a_turn_that_nobody_gives_back_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "STEP", 0.001)
    monkeypatch.setattr(pace, "MOST", 0.0)
    common = Pace()
    lost = common.take(never)
    assert common.take(never) is None  # it goes on without
    monkeypatch.setattr(pace, "LOST", 0.0)
    assert common.take(never) is None
    fresh = common.take(never)
    assert fresh is not None
    assert fresh is not lost


def test_a_child_process_begins_anew() -> None:
    common = Pace()
    common.take(never)
    common.after_fork()
    assert common.take(never) is not None


SLOW = "FOR g IN grains FILTER SOUNDEX(TO_STRING(g.n)) != 'x' AND g.n % @d == 0 SORT g.n DESC RETURN g.n"


@pytest.mark.usefixtures("_at_every_look")
def test_queries_of_many_threads_in_turns_answer_as_alone(engine: Engine) -> None:
    def ask(divisor: int) -> list[int]:
        with Session(engine) as session:
            rows: list[int] = list(session.scalars(sdbql(SLOW, d=divisor)))
            return rows

    alone = {divisor: ask(divisor) for divisor in range(1, 9)}
    assert alone[7] == [number for number in range(299, -1, -1) if number % 7 == 0]
    together: dict[int, list[list[int]]] = {divisor: [] for divisor in alone}

    def work(divisor: int) -> None:
        together[divisor] += [ask(divisor) for _ in range(3)]

    threads = [threading.Thread(target=work, args=(divisor,)) for divisor in alone]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LONG)
    assert together == {divisor: [rows] * 3 for divisor, rows in alone.items()}
    gate = pace.PACE.take(never)
    assert gate is not None
    gate.release()


@pytest.mark.usefixtures("_at_every_look")
def test_what_reads_in_python_takes_turns_and_what_writes_does_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    monkeypatch.setattr(Pace, "take", lambda self, is_cancelled: taken.append("turn"))
    with Session(engine) as session:
        session.execute(sdbql(SLOW, d=2)).all()
        assert taken
        taken.clear()
        session.execute(
            sdbql("FOR g IN grains FILTER SOUNDEX(TO_STRING(g.n)) != 'x' UPDATE g WITH { n: g.n } IN grains")
        )
        session.commit()
    assert taken == []
