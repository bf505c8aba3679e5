"""Streams: the rows of a select, all of them, in order, for one sort."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Annotated, Any

import pytest

from solidb_odm import Document, Index, Link, Session, aliased, asc, create_engine, desc, func, label, select
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


@pytest.mark.parametrize("statement", [select(Person), select(Person.key)], ids=["documents", "values"])
def test_a_stream_in_the_order_of_keys_asks_a_server_for_its_keys_once(
    store: Store, session: Session, statement: Any
) -> None:
    """A server reads the whole collection for each page that begins after a key; a file has their order."""
    store.put(*people())
    engine = RecordingEngine(session.engine)
    with Session(engine) as other:
        rows = list(other.stream(statement, batch=5))
    assert [getattr(row, "key", row) for row in rows] == [person.key for person in people()]
    asked = [command for command in engine.commands if isinstance(command, FetchDocuments | RunQuery)]
    named = [value for command in asked for value in command.binds.values() if isinstance(value, list)]
    if not session.engine.capabilities.interactive_transactions:
        assert len(asked) == 1 + 1 + 5
        assert list(map(len, named)) == [5] * 5
    else:
        assert not named


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


# --- joins and groups ------------------------------------------------------------------------------


class Rider(Document, collection="stream_riders"):
    name: str
    town: str


class Ride(Document, collection="stream_rides"):
    rider: Annotated[Link[Rider] | None, Index()] = None
    length: int
    guide: Link[Rider] | None = None


@pytest.fixture
def rides() -> Iterator[RecordingEngine]:
    """Yield 40 rides of 7 riders, some of none and one rider without any, in a file."""
    dice = random.Random(3)
    with create_engine("sqlite://") as engine:
        engine.create_all(Rider, Ride)
        riders = [
            Rider(key=f"r{number}", name=f"n{number % 3}", town=dice.choice("ab")) for number in range(8)
        ]
        with Session(engine) as session:
            session.add_all(riders)
            session.add_all(
                Ride(
                    key=f"k{number:02}",
                    rider=dice.choice([*riders[:7], None]),
                    length=dice.randrange(9),
                    guide=dice.choice([*riders, None]),
                )
                for number in range(40)
            )
            session.commit()
        yield RecordingEngine(engine)


def _joins() -> dict[str, Any]:
    other = aliased(Rider)
    joined = select(Ride.length, Rider.name).join(Rider, Ride.rider == Rider.id)
    whole = select(Ride, Rider).join(Rider, Ride.rider == Rider.id)
    per_length = select(Ride.length, func.count(Ride.key)).group_by(Ride.length)
    lengths = select(Ride.length, label("rides", func.count(Ride.key))).group_by(Ride.length).cte("lengths")
    return {
        "by key": joined,
        "sorted": joined.order_by(desc(Ride.length)),
        "sorted by the other": joined.order_by(Rider.name),
        "of one town": joined.where(Rider.town == "a").order_by(Ride.length),
        "documents": whole.order_by(Rider.name, desc(Ride.length)),
        "each with each": select(Ride.length, Rider.name).join(Rider, Ride.length > 4).order_by(Ride.length),
        "twice": select(Rider.name, other.name)
        .join(Ride, Ride.rider == Rider.id)
        .join(other, Ride.guide == other.id)
        .order_by(other.name),
        "outer": select(Rider.name, Ride.length)
        .outerjoin(Ride, Ride.rider == Rider.id)
        .order_by(Ride.length),
        "outer, the other way": select(Ride, Rider)
        .outerjoin(Rider, Ride.rider == Rider.id)
        .order_by(Rider.name),
        "one value": select(Rider.name).join(Ride, Ride.rider == Rider.id).order_by(Ride.length),
        "groups": per_length,
        "sorted groups": per_length.order_by(desc(func.count(Ride.key))),
        "named rows": select(lengths.length, lengths.rides).order_by(desc(lengths.rides)),
        "values": select(Ride.length).order_by(Ride.length),
    }


JOINS = _joins()
SINGLE = ("one value", "values")


@pytest.mark.parametrize("form", JOINS)
def test_a_stream_of_a_join_or_of_groups_gives_what_the_select_gives(
    rides: RecordingEngine, form: str
) -> None:
    statement = JOINS[form]
    with Session(rides) as session:
        rows = (
            list(session.execute(statement).all()) if form not in SINGLE else session.scalars(statement).all()
        )
        page = list(session.page(statement, size=1000))  # rows that are alike in the order stand as keys do
        assert sorted(map(repr, page)) == sorted(map(repr, rows))
        for size, window in ((4, 8), (7, 10), (100, 100), (3, 1000), (1, 1)):
            assert list(streamed(session, statement, size, window)) == page


@pytest.mark.parametrize(
    ("form", "asked"),
    [
        ("sorted", 2),
        ("documents", 2 + 6),
        ("outer", 2),
        ("groups", 2),
        ("named rows", 2),
        ("by key", 2),
        ("values", 2),
    ],
)
def test_joins_are_sorted_and_groups_made_once_for_many_batches(
    rides: RecordingEngine, form: str, asked: int
) -> None:
    with Session(rides) as session:
        size = 5
        rides.clear()
        found = list(session.stream(JOINS[form], batch=size))
    assert len(found) > size
    assert len(rides.commands) == asked


@pytest.mark.parametrize("form", ["by key", "sorted", "one value", "values"])
def test_as_many_values_are_read_at_once_as_have_room(
    rides: RecordingEngine, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(rides) as session:
        whole = list(session.stream(JOINS[form]))
        monkeypatch.setattr("solidb_odm.session.paging._CHARACTERS", 1)
        rides.clear()
        assert list(session.stream(JOINS[form], batch=9)) == whole
    rows = [each for each in rides.commands if isinstance(each, RunQuery)]
    assert len(rows) >= 1 + len(whole) // 9


def test_rows_of_a_join_that_no_longer_match_are_left_out(rides: RecordingEngine) -> None:
    statement = select(Ride, Rider).join(Rider, Ride.rider == Rider.id).order_by(Ride.length)
    with Session(rides) as session:
        whole = session.execute(statement).all()
        found = session.stream(statement, batch=3)
        next(found)
        session.delete(whole[20][0])
        whole[21][0].rider = None
        session.commit()
        rest = list(found)
    assert len(rest) == len(whole) - 3
    assert rest == [row for place, row in enumerate(whole) if place not in (0, 20, 21)]
