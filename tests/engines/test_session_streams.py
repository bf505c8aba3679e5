"""Streams: the rows of a select, all of them, in order, for one sort."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest

from solidb_odm import Document, Session, asc, create_engine, desc, select
from solidb_odm.commands import FetchDocuments, RunQuery, run
from solidb_odm.session.paging import RowStream
from solidb_odm.testing import RecordingEngine

from .conftest import Store
from .documents import Person

ORDERS: dict[str, tuple[Any, ...]] = {
    "key": (),
    "age": (asc(Person.age),),
    "age down": (desc(Person.age),),
    "note": (asc(Person.note),),
    "note down, age": (desc(Person.note), asc(Person.age)),
    "indexed": (asc(Person.email),),
}


def people() -> list[Person]:
    dice = random.Random(5)
    return [
        Person(
            key=f"k{number:02}",
            name=f"n{number}",
            age=dice.randrange(4),
            note=dice.choice("abc"),
            email=f"e{number * 7 % 30:02}",
        )
        for number in range(30)
    ]


def streamed(session: Session, statement: Any, size: int, window: int) -> Iterator[Any]:
    """Stream with windows of keys that are small enough for several."""
    rows = RowStream(statement, size, None, window=window)
    channel = session.engine.channel()
    try:
        while not rows.is_over:
            yield from run(rows.batch(session._context), channel)  # pyright: ignore[reportPrivateUsage]
    finally:
        channel.close()


@pytest.mark.parametrize("order", ORDERS)
def test_a_stream_gives_what_the_select_gives(store: Store, session: Session, order: str) -> None:
    store.put(*people())
    whole = select(Person).where(Person.age > 0).order_by(*ORDERS[order])
    columns = select(Person.name, Person.note).order_by(*ORDERS[order])
    documents, rows = session.scalars(whole).all(), session.execute(columns).all()
    for size, window in ((4, 8), (7, 10), (30, 30), (3, 1000)):
        assert list(streamed(session, whole, size, window)) == documents
        assert list(streamed(session, columns, size, window)) == rows


class Runner(Document, collection="runners"):
    number: int
    time: int


@pytest.fixture
def runners() -> Iterator[RecordingEngine]:
    with create_engine("sqlite://") as engine:
        engine.create_all(Runner)
        with Session(engine) as session:
            session.add_all(Runner(key=f"k{n:02}", number=n, time=n * 7 % 30) for n in range(30))
            session.commit()
        yield RecordingEngine(engine)


@pytest.mark.parametrize("size", [4, 30])
def test_a_stream_sees_what_the_session_holds_and_has_not_saved(
    store: Store, session: Session, size: int
) -> None:
    store.put(*people())
    held = session.scalars(select(Person).where(Person.age == 1)).all()
    for place, person in enumerate(held[:6]):
        if place % 2:
            session.delete(person)
        else:
            person.age, person.note = 3, "a"
    session.add(Person(key="new", name="new", age=2, note="b", email="new"))
    whole = select(Person).where(Person.age > 0).order_by(Person.note, desc(Person.age))
    documents = session.scalars(whole).all()
    assert list(session.stream(whole, batch=size)) == documents
    assert len(documents) == len({each.key for each in documents})


def test_many_batches_are_sorted_once(runners: RecordingEngine) -> None:
    with Session(runners) as session:
        runners.clear()
        found = [each.time for each in session.stream(select(Runner).order_by(Runner.time), batch=5)]
    assert found == list(range(30))
    assert len(runners.commands) == 1 + 1 + 5  # a page, the keys of all others, and their batches
    assert [len(getattr(each, "binds", {}).get("p0", "")) for each in runners.commands[2:]] == [5] * 5


def test_every_engine_sorts_once_for_many_batches(store: Store, session: Session) -> None:
    store.put(*people())
    engine = RecordingEngine(session.engine)
    with Session(engine) as other:
        found = list(other.stream(select(Person).order_by(Person.note), batch=5))
    assert [each.key for each in found] == [
        each.key for each in session.scalars(select(Person).order_by(Person.note))
    ]
    asked = [each for each in engine.commands if isinstance(each, FetchDocuments | RunQuery)]
    assert len(asked) == 1 + 1 + 5


def test_a_row_that_is_moved_in_the_order_meanwhile_is_there_once(runners: RecordingEngine) -> None:
    seen: list[int] = []
    with Session(runners) as session:
        for runner in session.stream(select(Runner).order_by(Runner.time), batch=5):
            seen.append(runner.number)
            runner.time += 3
            session.commit()
    assert sorted(seen) == list(range(30))


def test_a_row_that_no_longer_matches_is_left_out(runners: RecordingEngine) -> None:
    statement = select(Runner).where(Runner.number < 20).order_by(Runner.time)
    with Session(runners) as session:
        found = session.stream(statement, batch=2)
        first = next(found)
        later = [each for each in session.scalars(statement).all() if each is not first][5:7]
        later[0].number, gone = 99, later[1]
        session.delete(gone)
        session.commit()
        rest = [each.number for each in found]
    assert len(rest) == 20 - 1 - 2
    assert gone.number not in rest
    assert 99 not in rest
