"""A statement of a form that ran before is run with fewer steps, and nothing else about it is different."""

from __future__ import annotations

import linecache
import operator
import weakref
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel

from solidb_odm import (
    Document,
    Index,
    QueryEvent,
    Registry,
    Session,
    SoftDelete,
    TTLIndex,
    create_engine,
    desc,
    func,
    in_,
    like,
    not_,
    not_in,
    or_,
    sdbql,
    select,
)
from solidb_odm.engine.engine import Engine
from solidb_odm.engine.statistics import listening
from solidb_odm.errors import (
    ClosedError,
    ConcurrentUseError,
    InvalidDocument,
    LoadError,
    NoResultError,
    QueryTimeout,
    UsageError,
)
from tests.counts import calls_of
from tests.interrupts import interrupt_at

KNOWN = Registry()


class Book(Document, collection="known_books", registry=KNOWN):
    title: Annotated[str, Index()]
    pages: int = 0
    price: float = 0.0
    sold: bool = False
    tags: list[str] = []


class Shelf(SoftDelete, collection="known_shelves", registry=KNOWN):
    name: str


class Leaflet(Document, collection="known_leaflets", registry=KNOWN):
    pages: int = 0


BY_TITLE = "FOR b IN known_books FILTER b.title == @title RETURN b"


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with create_engine(f"sqlite:///{tmp_path}/known.db") as opened:
        opened.create_all(KNOWN)
        with Session(opened) as session:
            session.add_all(Book(title=f"t{n}", pages=n, price=n / 2, sold=n % 2 == 0) for n in range(20))
            session.add_all([Shelf(key="a", name="here"), Shelf(key="b", name="gone")])
            session.add_all(Leaflet(key=str(number)) for number in range(10))
            session.commit()
        yield opened


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with Session(engine) as opened:
        yield opened


def titled(title: str) -> Any:
    return select(Book).where(Book.title == title)


ASKED: dict[str, Callable[[Session, str], list[str]]] = {
    "select": lambda session, title: [book.title for book in session.scalars(titled(title))],
    "text": lambda session, title: [
        book.title for book in session.scalars(sdbql(BY_TITLE, title=title).into(Book))
    ],
}


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_it_takes_a_third_of_the_calls(session: Session, ask: Callable[[Session, str], list[str]]) -> None:
    session.scalars(select(Shelf)).all()
    first = calls_of(lambda: ask(session, "t1"))
    again = calls_of(lambda: ask(session, "t2"))
    assert again < 80 < 1.5 * again < first
    assert ask(session, "t3") == ["t3"]


JOINED: dict[str, tuple[Callable[[Any, Any, Any], Any], Callable[[bool, bool, bool], bool]]] = {
    "a | b": (lambda a, b, _: a | b, lambda a, b, _: a or b),
    "a & b": (lambda a, b, _: a & b, lambda a, b, _: a and b),
    "(a | b) & c": (lambda a, b, c: (a | b) & c, lambda a, b, c: (a or b) and c),
    "a | (b & c)": (lambda a, b, c: a | (b & c), lambda a, b, c: a or (b and c)),
    "or_(a, b, c)": (or_, lambda a, b, c: a or b or c),
    "a, or_(b, c)": (lambda a, b, c: (a, or_(b, c)), lambda a, b, c: a and (b or c)),
    "or_(a, not b), c": (lambda a, b, c: (or_(a, not_(b)), c), lambda a, b, c: (a or not b) and c),
}
"""Conditions that are joined, in a query and in Python."""


@pytest.mark.parametrize(("join", "says"), JOINED.values(), ids=JOINED)
def test_joined_conditions_mean_what_they_say_with_any_values(
    session: Session, join: Callable[[Any, Any, Any], Any], says: Callable[[bool, bool, bool], bool]
) -> None:
    books = session.scalars(select(Book)).all()
    for title, pages, price in [
        ("t1", 5, 3.0),
        ("t7", 7, 3.5),
        ("t5", 2, 2.0),
        ("t3", 3, 9.0),
        ("", 19, -1.0),
    ]:
        wanted = join(Book.title == title, Book.pages <= pages, Book.price > price)
        asked = select(Book).where(*(wanted if isinstance(wanted, tuple) else (wanted,)))
        expected = [
            book for book in books if says(book.title == title, book.pages <= pages, book.price > price)
        ]
        for statement in (asked, asked.limit(50), asked.order_by(Book.pages).limit(50)):
            assert set(map(id, session.scalars(statement))) == set(map(id, expected))


def test_joined_conditions_of_a_known_form_take_half_the_calls(session: Session) -> None:
    def ask(title: str, pages: int) -> list[int]:
        wanted = (Book.title == title) | (Book.pages == pages)
        return [book.pages for book in session.scalars(select(Book).where(wanted))]

    known = ask("t1", 2), ask("t2", 3)
    again = calls_of(lambda: ask("t3", 4))
    assert known == ([1, 2], [2, 3])
    assert again < 160
    assert ask("t5", 6) == [5, 6]
    assert ask("t5", 5) == [5]


def test_equal_values_in_joined_conditions_are_told_apart_from_others(session: Session) -> None:
    session.add(Shelf(key="t1", name="t1"))
    session.add(Book(title="t1", tags=["other"]))
    for low, high, expected in [(3, 5, 2), (3, 3, 1), (4, 6, 2), (5, 5, 1)]:
        asked = select(Book.key).where((Book.pages == low) | (Book.pages == high))
        assert len(session.scalars(asked).all()) == expected


def test_joined_conditions_on_two_models_are_one_join(session: Session) -> None:
    for name, title in [("here", "t1"), ("gone", "t2")]:
        joined = select(Book).join(Shelf).where((Shelf.name == name) & (Book.title == title))
        assert [book.title for book in session.scalars(joined)] == [title]
        with pytest.raises(UsageError, match="Shelf"):
            session.scalars(select(Book).where((Shelf.name == name) & (Book.title == title)))


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_listeners_and_statistics_hear_of_it(
    session: Session, ask: Callable[[Session, str], list[str]]
) -> None:
    heard: list[str] = []
    for place in range(4):
        assert ask(session, f"t{place}") == [f"t{place}"]
    assert session.statistics.by_command == {"FetchDocuments": 4}
    with listening(lambda command: heard.append(type(command).__name__)):
        assert ask(session, "t9") == ["t9"]
    assert heard == ["FetchDocuments"]
    assert session.statistics.statements == 5


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_engines_that_are_watched_tell_of_it(
    engine: Engine, ask: Callable[[Session, str], list[str]]
) -> None:
    told: list[str] = []

    @engine.on_query
    def note(event: QueryEvent) -> None:
        told.append(event.command)

    with Session(engine) as session:
        for place in range(3):
            ask(session, f"t{place}")
    assert told == ["FetchDocuments"] * 3


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_it_sees_what_the_session_has_not_sent(
    engine: Engine, session: Session, ask: Callable[[Session, str], list[str]]
) -> None:
    for _ in range(2):
        assert ask(session, "t1") == ["t1"]
    book = session.scalars(titled("t1")).one()
    book.title = "changed"
    assert ask(session, "t1") == []
    assert ask(session, "changed") == ["changed"]
    session.add(Book(title="fresh"))
    assert ask(session, "fresh") == ["fresh"]
    session.delete(session.scalars(titled("t2")).one())
    assert ask(session, "t2") == []
    session.commit()
    held = session.scalars(titled("t3")).one()
    held.tags.append("seen")
    assert ask(session, "t4") == ["t4"]
    with session.no_autoflush:
        held.title = "unsent"
        assert [book.title for book in session.scalars(titled("t3"))] == ["unsent"]
    session.rollback()
    assert ask(session, "t3") == ["t3"]


@pytest.mark.parametrize("ask", ASKED.values(), ids=ASKED)
def test_a_held_document_is_that_object_and_takes_what_is_newer(
    engine: Engine, session: Session, ask: Callable[[Session, str], list[str]]
) -> None:
    book = session.scalars(titled("t1")).one()
    for _ in range(2):
        assert ask(session, "t1") == ["t1"]
    assert session.scalars(titled("t1")).one() is book
    with Session(engine) as other:
        other.scalars(titled("t1")).one().pages = 77
        other.commit()
    assert ask(session, "t1") == ["t1"]
    assert book.pages == 77
    session.expire(book)
    assert session.scalars(titled("t1")).one() is book


def test_it_follows_the_schema(engine: Engine, session: Session) -> None:
    for place in range(3):
        assert ASKED["select"](session, f"t{place}") == [f"t{place}"]
    engine.drop_all(Book)
    assert ASKED["select"](session, "t1") == []  # it makes the collection, as the first one would have
    with Session(engine) as other:
        other.add(Book(title="t1"))
        other.commit()
    assert ASKED["select"](session, "t1") == ["t1"]


def test_values_that_sql_can_not_hold_are_told_apart(session: Session) -> None:
    session.add(Book(title="a\0b"))
    session.commit()
    for title, found in [("t1", ["t1"]), ("a\0b", ["a\0b"]), ("a", []), ("t2", ["t2"]), ("a\0c", [])]:
        for ask in ASKED.values():
            assert ask(session, title) == found


def test_numbers_of_any_kind_and_size(session: Session) -> None:
    def count(condition: Any) -> int:
        return len(session.scalars(select(Book).where(condition)).all())

    for number, expected in [(3, 17), (2**60, 0), (3.5, 16), (-(2**53), 20), (True, None)]:
        if expected is not None:
            assert count(Book.pages >= number) == expected
    for price, expected in [(1.0, 18), (2, 16), (1e300, 0)]:
        assert count(Book.price >= price) == expected
    with pytest.raises(Exception, match="write 1 or 0"):
        count(Book.pages == True)  # noqa: E712


def test_pages_and_sorts(session: Session) -> None:
    def pages(low: int, count: int, start: int) -> list[int]:
        wanted = select(Book).where(Book.pages >= low, Book.sold == True)  # noqa: E712
        ordered = wanted.order_by(desc(Book.pages), Book.title).offset(start).limit(count)
        return [book.pages for book in session.scalars(ordered)]

    assert pages(4, 3, 1) == [16, 14, 12]
    assert pages(6, 2, 2) == [14, 12]
    assert pages(1, 1, 1) == [16]  # True is 1
    assert pages(2, 2, 2) == [14, 12]
    assert pages(50, 5, 3) == []
    assert session.scalars(select(Book)).all() == session.scalars(select(Book)).all()


def test_fields_of_a_known_statement_are_read_under_their_names(session: Session) -> None:
    for pages in (3, 4, 4, 99):
        asked = select(Book.title).where(Book.pages == pages)
        titles = [f"t{pages}"] if pages < 20 else []
        assert session.scalars(asked).all() == titles
        assert session.scalars(asked.limit(1)).first() == (titles[0] if titles else None)
        rows = session.execute(select(Book.pages, Book.title).where(Book.pages == pages)).all()
        assert [(row.pages, row.title) for row in rows] == [(pages, title) for title in titles]
        assert session.scalars(select(Book).where(Book.pages == pages)).all() == [
            book for book in session.scalars(select(Book)) if book.pages == pages
        ]
    session.add(Book(title="t3", pages=3))
    assert session.scalars(select(Book.title).where(Book.pages == 3)).all() == ["t3", "t3"]
    assert session.scalars(select(Book.title).where(Book.pages == 3).distinct()).all() == ["t3"]


VALUES: dict[str, Callable[[str], Any]] = {
    "field": lambda title: select(Book.title).where(Book.title == title),
    "limit": lambda title: select(Book.title).where(Book.title == title).limit(5),
    "text": lambda title: sdbql("FOR b IN known_books FILTER b.title == @title RETURN b.title", title=title),
    "text into": lambda title: sdbql(
        "FOR b IN known_books FILTER b.title == @title RETURN b.title", title=title
    ).into(str),
}
"""Statements of one value."""


@pytest.mark.parametrize("of", VALUES.values(), ids=VALUES)
def test_values_of_a_known_statement_are_counted_heard_and_as_fresh(
    engine: Engine, of: Callable[[str], Any]
) -> None:
    heard: list[Any] = []
    with Session(engine) as session:
        assert [session.scalars(of(f"t{place}")).all() for place in range(4)] == [
            [f"t{place}"] for place in range(4)
        ]
        assert session.execute(of("t5")).all() == ["t5"]
        assert session.scalar(of("t6")) == "t6"
        assert session.scalar(of("none")) is None
        assert session.statistics.by_command == {"RunQuery": 7}
        with listening(heard.append):
            assert session.scalar(of("t7")) == "t7"
        assert [type(command).__name__ for command in heard] == ["RunQuery"]
        assert calls_of(lambda: session.scalar(of("t8"))) < 105
        session.scalars(titled("t1")).one().title = "changed"
        assert session.scalars(of("t1")).all() == []
        assert session.scalars(of("changed")).all() == ["changed"]
        with session.no_autoflush:
            session.scalars(titled("t2")).one().title = "unsent"
            assert session.scalars(of("t2")).all() == ["t2"]
        session.rollback()
        assert [session.scalar(of(title)) for title in ("t1", "t2", "a\0b", "t")] == ["t1", "t2", None, None]
        session.close()
        with pytest.raises(ClosedError):
            session.scalar(of("t1"))


@pytest.mark.parametrize("of", VALUES.values(), ids=VALUES)
def test_values_of_a_known_statement_are_told_to_who_watches(
    engine: Engine, of: Callable[[str], Any]
) -> None:
    told: list[str] = []

    @engine.on_query
    def note(event: QueryEvent) -> None:
        told.append(event.command)

    with Session(engine) as session:
        assert [session.scalar(of(f"t{place}")) for place in range(3)] == ["t0", "t1", "t2"]
    assert told == ["RunQuery"] * 3


def test_one_text_gives_documents_and_values_in_turns(session: Session) -> None:
    for place in range(4):
        asked = sdbql(BY_TITLE, title=f"t{place}")
        (stored,), document = session.execute(asked).all(), session.scalars(asked.into(Book)).one()
        assert (stored["title"], stored["pages"], stored["_key"]) == (f"t{place}", place, document.key)
        assert type(document) is Book
        assert session.scalars(asked.into(Document)).one() is document
        assert session.scalars(select(Book).where(Book.title == f"t{place}")).one() is document


def test_values_are_read_as_their_fields_are(tmp_path: Path) -> None:
    class Sale(Document, collection="known_sales", registry=Registry()):
        shop: str
        price: Decimal
        day: date | None = None
        parts: list[int] = []

    with create_engine(f"sqlite:///{tmp_path}/sales.db") as engine, Session(engine) as session:
        session.add_all(
            Sale(shop=f"s{n}", price=Decimal(n) / 4, day=date(2026, 1, n + 1) if n % 2 else None, parts=[n])
            for n in range(6)
        )
        session.commit()
        for n in (0, 1, 2, 3, 5):
            for column, value in [
                (Sale.price, Decimal(n) / 4),
                (Sale.day, date(2026, 1, n + 1) if n % 2 else None),
                (Sale.parts, [n]),
            ]:
                assert session.scalars(select(column).where(Sale.shop == f"s{n}")).all() == [value]


def test_a_count_of_a_known_form_is_that_of_its_values(session: Session) -> None:
    def count(low: int) -> int | None:
        return session.scalar(select(func.count(Book)).where(Book.pages >= low))

    assert [count(low) for low in (0, 5, 19, 20)] == [20, 15, 1, 0]
    assert calls_of(lambda: count(3)) < 150
    session.add(Book(title="new", pages=50))
    assert [count(low) for low in (0, 50)] == [21, 1]
    titled = select(func.count(Book)).where(Book.title == "t1")
    assert session.execute(titled).one() == 1
    assert session.scalars(select(func.count(Book)).group_by(Book.sold)).all() == [11, 10]
    assert session.scalar(select(func.count(Book.title)).where(Book.pages >= 5)) == 16
    assert session.scalar(titled.join(Shelf)) == 2


def test_a_count_leaves_out_what_is_marked_as_deleted(session: Session) -> None:
    def count(name: str) -> tuple[int | None, int | None]:
        asked = select(func.count(Shelf)).where(Shelf.name == name)
        return session.scalar(asked), session.scalar(asked.with_deleted())

    assert (count("here"), count("gone")) == ((1, 1), (1, 1))
    session.delete(session.get_one(Shelf, "b"))
    session.commit()
    assert (count("here"), count("gone")) == ((1, 1), (0, 1))


def test_what_is_marked_as_deleted_stays_away(session: Session) -> None:
    def named(name: str) -> list[str]:
        return [each.name for each in session.scalars(select(Shelf).where(Shelf.name == name))]

    assert named("here") == ["here"]
    assert named("gone") == ["gone"]
    session.delete(session.get_one(Shelf, "b"))
    session.commit()
    assert named("here") == ["here"]
    assert named("gone") == []


def test_what_expires_meanwhile_is_gone(tmp_path: Path) -> None:
    class Pass(Document, collection="known_passes", registry=Registry()):
        holder: str
        until: Annotated[datetime, TTLIndex(seconds=0)]

    with create_engine(f"sqlite:///{tmp_path}/passes.db") as engine, Session(engine) as session:
        now = datetime.now(UTC)
        session.add_all(
            [Pass(holder="a", until=now + timedelta(days=1)), Pass(holder="b", until=now - timedelta(days=1))]
        )
        session.commit()
        for _ in range(3):
            for holder, found in [("a", 1), ("b", 0)]:
                assert len(session.scalars(select(Pass).where(Pass.holder == holder)).all()) == found


def test_rows_that_do_not_fit_are_told_each_time(session: Session) -> None:
    session.execute(sdbql('INSERT {_key: "odd", title: "odd", pages: "many"} INTO known_books'))
    session.commit()
    for title in ("t1", "odd", "t2", "odd"):
        if title == "odd":
            with pytest.raises(LoadError, match="pages"):
                session.scalars(titled(title))
        else:
            assert session.scalars(titled(title)).one().title == title
    with pytest.raises(NoResultError):
        session.scalars(titled("none")).one()


def test_a_closed_session_is_refused(session: Session) -> None:
    for place in range(3):
        session.scalars(titled(f"t{place}")).one()
    session.close()
    with pytest.raises(ClosedError):
        session.scalars(titled("t1"))


def test_a_session_in_use_is_refused(session: Session) -> None:
    for place in range(3):
        session.scalars(titled(f"t{place}")).one()
    session.on("before_flush", lambda used: used.scalars(titled("t1")))
    session.add(Book(title="new"))
    with pytest.raises(ConcurrentUseError):
        session.commit()


def test_its_time_is_limited_and_counted(tmp_path: Path) -> None:
    with (
        create_engine(f"sqlite:///{tmp_path}/slow.db", query_timeout=60) as engine,
        Session(engine) as session,
    ):
        engine.create_all(Book)
        session.add_all(Book(title=f"t{n}") for n in range(2_000))
        session.commit()
        text = "FOR b IN known_books FILTER b.pages == @pages RETURN b"  # which has no index
        ask = sdbql(text, pages=1).into(Book)
        for _ in range(2):
            assert session.scalars(ask).all() == []
        before = session.statistics.statements
        channel: Any = session._channel
        ticks = channel._known_rows.__self__._queries.ticks
        ticks.cancelled = True  # as a deadline that is over
        with pytest.raises(QueryTimeout):
            session.scalars(ask).all()
        ticks.cancelled = False
        assert session.statistics.statements == before + 1
        assert session.scalars(ask).all() == []


class Part(BaseModel):
    name: str = ""


class LargerPart(Part):
    size: int = 0


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Kit(Document, collection="known_kits", registry=KNOWN):
    label: str = ""
    words: list[str] = ["a"]
    numbers: list[float | None] = [None, 1.0]
    prices: list[Decimal] = [Decimal("1.5")]
    whole: dict[str, int] = {"one": 1}
    parts: list[Part] = [Part(name="x")]
    colours: list[Colour] = [Colour.RED]
    days: set[date] = {date(2026, 1, 2)}
    open_values: list[Any] = [1, "a", None]


def _put(name: str, place: Any, value: Any) -> Callable[[Kit], None]:
    def change(kit: Kit) -> None:
        getattr(kit, name)[place] = value

    return change


IN_PLACE: dict[str, Callable[[Kit], object]] = {
    "nothing": lambda kit: kit.words,
    "append": lambda kit: kit.words.append("b"),
    "another": _put("words", 0, "z"),
    "a number for none": _put("numbers", 0, 2.5),
    "no number for none": _put("numbers", 0, float("nan")),
    "an int for a float": _put("numbers", 1, 1),
    "the same decimal, longer": _put("prices", 0, Decimal("1.50")),
    "a float for a decimal": _put("prices", 0, 1.5),
    "an item of a dict": _put("whole", "one", 2),
    "a truth for an int": _put("whole", "one", True),
    "a larger int": _put("whole", "one", 2**70),
    "a part of a part": lambda kit: setattr(kit.parts[0], "name", "y"),
    "a part of a class below": _put("parts", 0, LargerPart(name="x", size=3)),
    "another colour": _put("colours", 0, Colour.BLUE),
    "the value of a colour": _put("colours", 0, "red"),
    "a day more": lambda kit: kit.days.add(date(2026, 1, 3)),
    "another value": _put("open_values", 0, 1.0),
    "assigned, the same": lambda kit: setattr(kit, "words", ["a"]),
    "assigned, of another type": lambda kit: setattr(kit, "label", 5),
}


@pytest.mark.parametrize("change", IN_PLACE.values(), ids=IN_PLACE)
def test_a_question_does_not_change_what_a_commit_stores(
    engine: Engine, change: Callable[[Kit], object]
) -> None:
    outcomes: list[object] = []
    for is_asked in (False, True):
        key = f"kit-{is_asked}"
        with Session(engine) as session:
            session.add(Kit(key=key))
            session.commit()
        with Session(engine) as session:
            kit = session.get_one(Kit, key)
            for label in ("none", "nobody", ""):  # the first look prepares the class, the last finds it
                assert kit.words == ["a"]
                session.scalars(select(Kit).where(Kit.label == label)).all()
            change(kit)
            try:
                if is_asked:
                    session.scalars(select(Kit).where(Kit.label == "no such")).all()
                session.commit()
            except InvalidDocument as error:
                outcomes.append(str(error).replace(key, ""))
                continue
        [stored] = engine_rows(engine, key)
        outcomes.append({name: value for name, value in stored.items() if not name.startswith("_")})
    unasked, asked = outcomes
    assert asked == unasked


def engine_rows(engine: Engine, key: str) -> list[Any]:
    with Session(engine) as session:
        return session.execute(sdbql("FOR k IN known_kits FILTER k._key == @key RETURN k", key=key)).all()


def test_a_question_for_each_document_read_costs_little_more(engine: Engine, session: Session) -> None:
    books = session.scalars(select(Book)).all()
    empty = Session(engine)

    def look_and_ask(book: Book) -> None:
        assert book.tags == []
        assert session.scalars(titled(book.title)).all() == [book]

    for book in books[:3]:
        look_and_ask(book)
        empty.scalars(titled(book.title)).all()
    plain = calls_of(lambda: empty.scalars(titled("t5")).all())
    looked = calls_of(lambda: look_and_ask(books[5]))
    assert looked < 2 * plain
    empty.close()


READ: dict[str, Callable[[Session, str], object]] = {
    "asked": lambda session, number: session.scalars(titled(f"t{number}")).one(),
    "got": lambda session, number: session.get_one(Leaflet, number),
}


@pytest.mark.parametrize("read", READ.values(), ids=READ)
def test_an_interrupt_at_any_line_leaves_the_session_usable(
    session: Session, read: Callable[[Session, str], object]
) -> None:
    for place in range(3):
        read(session, str(place))
    at, is_over = 0, False
    while not is_over:
        at += 1
        is_over = _interrupted(lambda: read(session, "5"), at)
        assert session.scalars(titled("t6")).one().pages == 6
        assert session.get_one(Leaflet, "6").key == "6"
    assert at > 20


def test_equal_values_are_those_of_their_own_places(session: Session) -> None:
    for low, high, count in [(3, 9, 4), (5, 5, 5), (2, 9, 2), (4, 4, 9), (6, 6, 6), (0, 19, 19)]:
        asked = (
            select(Book).where(Book.pages >= low, Book.pages != high).order_by(desc(Book.pages), Book.title)
        )
        pages = sorted((n for n in range(20) if n >= low and n != high), reverse=True)[:count]
        assert [book.pages for book in session.scalars(asked.limit(count))] == pages


def test_sort_keys_of_a_known_form_are_told_apart(session: Session) -> None:
    books = [(n, f"t{n}", n % 2 == 0) for n in range(20)]
    keys = {
        "up": ([Book.pages], lambda book: book[0]),
        "down": ([desc(Book.pages)], lambda book: -book[0]),
        "text": ([Book.title], lambda book: book[1]),
        "both": ([Book.sold, desc(Book.pages)], lambda book: (book[2], -book[0])),
        "both, the other way": ([desc(Book.sold), Book.pages], lambda book: (not book[2], book[0])),
    }
    for _ in range(3):
        for given, key in keys.values():
            asked = select(Book).where(Book.pages < 15).order_by(*given).limit(7)
            expected = sorted((book for book in books if book[0] < 15), key=key)[:7]
            assert [book.pages for book in session.scalars(asked)] == [book[0] for book in expected]


def test_a_page_of_a_known_form_takes_little_more_than_its_rows(session: Session) -> None:
    def rows(low: int) -> Any:
        return select(Book).where(Book.pages > low).order_by(Book.pages)

    cursor = session.page(rows(2), 9).next
    for low in (1, 2, 9):
        session.scalars(rows(low).limit(10)).all()
        session.page(rows(low), 9)
        session.page(rows(low), 9, after=cursor)
    limited = calls_of(lambda: session.scalars(rows(4).limit(10)).all())
    assert calls_of(lambda: session.page(rows(4), 9)) < 4 * limited
    assert calls_of(lambda: session.page(rows(4), 9, after=cursor)) < 7 * limited


def _is_one_step(frame: FrameType) -> bool:
    """Return whether a line gives the session back, into which Python lets no signal come."""
    return linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip() == "use.is_over = True"


def _is_of_a_finalizer(frame: FrameType) -> bool:
    """Return whether it runs for something that is gone: Python drops what is raised there."""
    while frame.f_back is not None:
        if frame.f_code.co_name == "__del__" or frame.f_code.co_filename == weakref.__file__:
            return True
        frame = frame.f_back
    return False


def _is_ours(frame: FrameType) -> bool:
    is_ours = "solidb_odm" in frame.f_code.co_filename
    return is_ours and not _is_of_a_finalizer(frame) and not _is_one_step(frame)


def _interrupted(work: Callable[[], object], at: int) -> bool:
    """Raise before a line of ours; return whether the work was done before."""
    error = interrupt_at(work, at, _is_ours)
    assert error is None or isinstance(error, KeyboardInterrupt)
    return error is None


class Size(Enum):
    SMALL = "s"
    LARGE = "l"
    HUGE = "h"


class Made(Document, collection="known_made", registry=KNOWN):
    number: Annotated[int, Index()]
    size: Size
    finish: Literal["matt", "gloss"] | None = None
    on: date
    at: datetime
    token: UUID
    price: Decimal
    label: str = ""


MADE = [
    Made(
        key=f"made-{n:02}",
        number=n,
        size=list(Size)[n % 3],
        finish=("matt", "gloss", None)[n % 3],
        on=date(2026, 1, 1 + n),
        at=datetime(2026, 1, 1, n, tzinfo=UTC),
        token=UUID(int=n * 7),
        price=Decimal(n) / 10,
        label=f"no {n}",
    )
    for n in range(12)
]
COMPARED: dict[str, tuple[Any, Callable[[Any], Any], list[str]]] = {
    "size": (Made.size, lambda made: made.size, ["==", "!="]),
    "finish": (Made.finish, lambda made: made.finish, ["==", "!="]),
    "key": (Made.key, lambda made: made.key, ["==", "!=", "<", ">="]),
    "on": (Made.on, lambda made: made.on, ["==", "!=", "<", ">="]),
    "at": (Made.at, lambda made: made.at, ["==", "!=", "<", ">="]),
    "token": (Made.token, lambda made: made.token, ["==", "!="]),
    "price": (Made.price, lambda made: made.price, ["==", "!=", "<", ">="]),
    "label": (Made.label, lambda made: made.label, ["==", "!=", "<", ">="]),
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">=": operator.ge,
}


@pytest.mark.parametrize(("field", "read", "signs"), COMPARED.values(), ids=COMPARED)
def test_values_of_any_type_are_compared_as_in_python(
    session: Session, field: Any, read: Callable[[Any], Any], signs: list[str]
) -> None:
    session.add_all(made.model_copy(deep=True) for made in MADE)
    session.commit()
    for sign in signs:
        compare = OPERATORS[sign]
        for other in (*MADE[:6], *MADE[:2]):
            value = read(other)
            asked = select(Made).where(compare(field, value), Made.number < 9).order_by(Made.number)
            expected = [made.key for made in MADE if made.number < 9 and compare(read(made), value)]
            assert [made.key for made in session.scalars(asked)] == expected


COLUMNS: dict[str, tuple[Any, ...]] = {
    "texts and numbers": (Made.label, Made.number),
    "values that are read": (Made.size, Made.price, Made.at, Made.finish),
    "the engine's own": (Made.key, Made.rev, Made.created_at),
    "one twice": (Made.number, Made.number),
}


@pytest.mark.parametrize("columns", COLUMNS.values(), ids=COLUMNS)
def test_rows_of_values_are_those_of_the_documents(session: Session, columns: tuple[Any, ...]) -> None:
    session.add_all(made.model_copy(deep=True) for made in MADE)
    session.commit()
    names = [repr(column).partition(".")[2] for column in columns]
    for low in (3, 9, 11, 12, 5):
        made = session.scalars(select(Made).where(Made.number >= low).order_by(Made.number)).all()
        asked: Any = select(*columns).where(Made.number >= low).order_by(Made.number)
        expected = [tuple(getattr(document, name) for name in names) for document in made]
        result = session.execute(asked)
        rows = result.all()
        assert rows == expected
        assert [row._fields for row in rows] == [tuple(names)] * len(expected)
        assert session.scalars(asked).all() == [row[0] for row in expected]
        assert session.scalar(asked) == (expected[0][0] if expected else None)
        if len(set(names)) == len(names):
            assert session.execute(asked).mappings() == [
                dict(zip(names, row, strict=True)) for row in expected
            ]
    assert asked.known_fetch() is not None


def test_rows_of_values_see_what_the_session_changed(session: Session) -> None:
    asked = select(Book.title, Book.pages).where(Book.pages > 17).order_by(Book.pages)
    assert [session.execute(asked).all() for _ in range(3)] == [[("t18", 18), ("t19", 19)]] * 3
    book = session.scalars(titled("t1")).one()
    book.pages = 30
    assert session.execute(
        select(Book.title, Book.pages).where(Book.pages > 18).order_by(Book.pages)
    ).all() == [
        ("t19", 19),
        ("t1", 30),
    ]


AMONG: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "size": (Made.size, lambda made: made.size),
    "finish": (Made.finish, lambda made: made.finish),
    "key": (Made.key, lambda made: made.key),
    "id": (Made.id, lambda made: made.id),
    "on": (Made.on, lambda made: made.on),
    "token": (Made.token, lambda made: made.token),
    "price": (Made.price, lambda made: made.price),
    "label": (Made.label, lambda made: made.label),
    "number": (Made.number, lambda made: made.number),
}


@pytest.mark.parametrize(("field", "read"), AMONG.values(), ids=AMONG)
def test_values_among_others_are_those_of_python(
    session: Session, field: Any, read: Callable[[Any], Any]
) -> None:
    session.add_all(made.model_copy(deep=True) for made in MADE)
    session.commit()
    for chosen in (MADE[:1], MADE[1:4], MADE[2:3] * 2, MADE[:0], MADE, MADE[5:6]):
        values = [read(made) for made in chosen]
        for wanted in (values, tuple(values), [*values, None]):
            among = select(Made).where(in_(field, wanted), Made.number < 9).order_by(Made.number)
            others = select(Made).where(not_in(field, wanted), Made.number < 9).order_by(Made.number)
            expected = [made.key for made in MADE if made.number < 9 and read(made) in wanted]
            rest = [made.key for made in MADE if made.number < 9 and read(made) not in wanted]
            assert [made.key for made in session.scalars(among)] == expected
            assert [made.key for made in session.scalars(others)] == rest
        if chosen:
            one = values[0]
            assert [made.key for made in session.scalars(select(Made).where(field == one))] == [
                made.key for made in MADE if read(made) == one
            ]


ASKED_AGAIN: dict[str, Callable[[int], Any]] = {
    "a number": lambda n: select(Made).where(Made.number == n),
    "a text that no index knows": lambda n: select(Made).where(Made.number == n, Made.label == f"no {n}"),
    "a member of an enumeration": lambda n: select(Made).where(
        Made.number == n, Made.size == list(Size)[n % 3]
    ),
    "a literal": lambda n: select(Made).where(Made.number == n, Made.finish == ("matt", "gloss")[n % 2]),
    "a day": lambda n: select(Made).where(Made.on == date(2026, 1, 1 + n)),
    "the beginning of a text": lambda n: select(Made).where(func.starts_with(Made.label, f"no {n}")),
    "a decimal": lambda n: select(Made).where(Made.number == n, Made.price == Decimal(n) / 10),
    "some texts": lambda n: select(Made).where(in_(Made.label, [f"no {i}" for i in range(n)])),
    "some keys": lambda n: select(Made).where(in_(Made.key, [f"made-{n:02}"])),
    "an id": lambda n: select(Made).where(Made.id == f"known_made/made-{n:02}"),
    "two columns": lambda n: select(Made.key, Made.label).where(Made.number == n),
    "a pattern": lambda n: select(Made).where(like(Made.label, f"%o {n}%")),
    "a pattern that begins with a text": lambda n: select(Made).where(like(Made.label, f"no {n}%")),
    "a sorted page": lambda n: select(Made).where(Made.number >= n).order_by(desc(Made.number)).limit(n + 1),
}


@pytest.mark.parametrize("ask", ASKED_AGAIN.values(), ids=ASKED_AGAIN)
def test_a_statement_with_other_values_is_not_built_anew(session: Session, ask: Callable[[int], Any]) -> None:
    for n in range(4):
        session.execute(ask(n)).all()
        session.scalars(titled("none")).all()
    plain = calls_of(lambda: session.scalars(titled("none")).all())
    assert calls_of(lambda: session.execute(ask(5)).all()) < 8 * plain


@pytest.mark.parametrize("ask", ASKED_AGAIN.values(), ids=ASKED_AGAIN)
def test_sqlite_compiles_a_statement_once_for_all_values(session: Session, ask: Callable[[int], Any]) -> None:
    """It compiles anew for each value of a pattern that it may take for the bounds of an index."""
    session.add_all(made.model_copy(deep=True) for made in MADE)
    session.commit()
    for n in range(3):
        session.scalars(ask(n)).all()
    channel: Any = session._channel
    compilations: Iterator[int] = channel._channel._connection.compilations
    before = next(compilations)
    for n in range(3, 6):
        session.scalars(ask(n)).all()
    looks = next(compilations) - before - 1
    assert looks <= 3  # one for each statement, by which it is known that none was compiled
