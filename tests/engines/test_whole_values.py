"""The law of the builder for what fields hold beside plain values: links, models, dicts, sets, unions ..

A condition keeps what Python keeps, rows are grouped and told apart as Python's equality does, sorted as it
sorts. What Python can't order is refused; so is what a query can't tell. An update stores what can be read.
"""

from __future__ import annotations

import operator
import random
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal as D
from enum import Enum, Flag, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from annotated_types import Ge
from pydantic import AwareDatetime, BaseModel, Field, HttpUrl, NaiveDatetime, PastDate, RootModel
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    Session,
    all_,
    any_,
    case,
    coalesce,
    delete,
    desc,
    func,
    in_,
    is_null,
    label,
    not_in,
    over,
    select,
    some,
    union,
    update,
)
from solidb_odm.errors import UsageError
from solidb_odm.model import Link
from tests.engines.builder_table import LAW_ENGINES, law_url


@pytest.fixture(params=LAW_ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a file and of a server."""
    return law_url(request, tmp_path)


class Town(Document, collection="whole_towns"):
    name: str = ""


class Part(BaseModel):
    size: int
    note: str | None = None


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    age: int


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    age: int
    loud: bool = False


class Nested(BaseModel):
    part: Part | None = None
    parts: list[Part] = []
    named: dict[str, int] = {}


class Numbers(RootModel[list[int]]):
    pass


@dataclass
class Spot:
    x: int
    label: str = "q"


class Point(NamedTuple):
    x: int
    y: str = "a"


class Entry(TypedDict):
    key: int
    text: str


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Word(StrEnum):
    A = "a"
    B = "b"


class Right(Flag):
    READ = 1
    WRITE = 2


Make = Callable[[random.Random], Any]


def _of(*values: Any) -> Make:
    return lambda source: source.choice(values)


def _many(make: Make, most: int = 2) -> Make:
    return lambda source: [make(source) for _ in range(source.randint(0, most))]


def _some(values: Any, kind: Callable[[Any], Any]) -> Make:
    return lambda source: kind(source.sample(values, source.randint(0, len(values))))


def _part(source: random.Random) -> Part:
    return Part(size=source.randint(0, 1), note=source.choice((None, "x")))


def _nested(source: random.Random) -> Nested:
    named = source.choice(({}, {"a": 1, "b": 2}, {"b": 2, "a": 1}))
    return Nested(part=source.choice((None, Part(size=1))), parts=_many(_part)(source), named=named)


AT = datetime(2020, 1, 1, tzinfo=UTC)
_moment = _of(AT, AT.astimezone(timezone(timedelta(hours=2))), AT + timedelta(microseconds=5))
_amount = _of(D("1.1"), D("1.10"), D(-2), D("1E+2"))

KINDS: dict[str, tuple[Any, Make]] = {
    "link": (Link[Town], lambda source: Link[Town](source.choice(("whole_towns/1", "whole_towns/2")))),
    "links": (list[Link[Town]], _many(lambda source: Link[Town](f"whole_towns/{source.randint(1, 2)}"))),
    "part": (Part, _part),
    "either": (Cat | Dog, _of(Cat(age=1), Dog(age=1), Dog(age=1, loud=True))),
    "nested": (Nested, _nested),
    "named": (dict[str, int], _of({}, {"a": 1, "b": 2}, {"b": 2, "a": 1}, {"b": 1})),
    "parts_by": (dict[str, Part], lambda source: {"a": _part(source)} if source.random() < 0.7 else {}),
    "times_by": (dict[str, datetime], lambda source: {"a": _moment(source)}),
    "numbers": (Numbers, lambda source: Numbers(_many(_of(0, 1))(source))),
    "spot": (Spot, lambda source: Spot(source.randint(0, 1), source.choice("qr"))),
    "entry": (Entry, lambda source: {"key": source.randint(0, 1), "text": "q"}),
    "id_or_name": (int | str, _of(1, 2, "1", "a")),
    "part_or_size": (Part | int, _of(1, Part(size=1), Part(size=2, note="x"))),
    "anything": (Any, _of(1, "1", [1], {"a": 1}, 2.5, "")),
    "blob": (bytes, _of(b"", b"a", b"\xff\x00")),
    "mark": (UUID, lambda source: UUID(int=source.randint(0, 2))),
    "address": (IPv4Address, _of(IPv4Address("9.0.0.1"), IPv4Address("10.0.0.1"))),
    "path": (Path, _of(Path("/a"), Path("/b/c"), Path("x"))),
    "page": (HttpUrl, _of(HttpUrl("http://a.org/"), HttpUrl("https://b.org/x?q=1"))),
    "took": (timedelta, _of(timedelta(1), timedelta(0), timedelta(microseconds=-1))),
    "clock": (time, _of(time(1), time(1, 2, 3, 4), time(23))),
    "day": (date, _of(date(2020, 1, 1), date(999, 1, 1))),
    "past": (PastDate, _of(date(2020, 1, 1), date(2019, 12, 31))),
    "aware": (AwareDatetime, _moment),
    "naive": (NaiveDatetime, _of(datetime(2020, 1, 1), datetime(2020, 1, 1, 0, 0, 0, 5))),  # noqa: DTZ001
    "point": (Point, _of(Point(0), Point(0, "b"), Point(1))),
    "points": (list[Point], _many(_of(Point(0), Point(0, "b"), Point(1)))),
    "at": (datetime, _moment),
    "colour": (Colour, _of(*Colour)),
    "level": (Level, _of(*Level)),
    "word": (Word, _of(*Word)),
    "right": (Right, _of(Right.READ, Right.WRITE, Right.READ | Right.WRITE)),
    "choice": (Literal["a", "b"], _of("a", "b")),
    "choice_of_two": (Literal["a", 1], _of("a", 1)),
    "marks": (set[int], _some((1, 20, 3), set)),
    "words": (frozenset[str], _some("abc", frozenset)),
    "pair": (tuple[int, str], lambda source: (source.randint(0, 1), source.choice("ab"))),
    "row": (tuple[int, ...], lambda source: tuple(_many(_of(0, 1))(source))),
    "matrix": (list[list[int]], _many(_many(_of(0, 1)))),
    "small": (Annotated[int, Ge(0)], _of(0, 1, 2)),
    "short": (Annotated[str, Field(max_length=5)], _of("", "a", "é", "e\u0301", "\uffff", "\U0001f600")),
    "amount": (D, _amount),
    "amounts": (list[D], _many(_amount)),
    "parts": (list[Part], _many(_part)),
    "spots": (list[Spot], _many(lambda source: Spot(source.randint(0, 1)))),
    "moments": (list[datetime], _many(_moment)),
}
UNTOLD = {
    "in_ select": {"amounts", "marks", "words"},
    "group_by": {"amounts"},
    "distinct": {"amounts"},
    "union": {"amounts"},
    "count_distinct": {"amounts"},
}
"""What a query can't tell, and refuses, by the kinds."""


def _class() -> Any:
    fields: dict[str, Any] = {}
    for name, (kind, _) in KINDS.items():
        fields |= {f"a_{name}": kind, f"b_{name}": kind, f"n_{name}": kind | None}
    defaults = {name: None for name in fields if name.startswith("n_")}
    body = {"__module__": __name__, "__annotations__": fields, **defaults}
    return type(Document)("Whole", (Document,), body, collection="whole_values")


Whole = _class()


def wholes(seed: int) -> list[Any]:
    """Return the documents that a seed stands for."""
    source = random.Random(seed)
    return [_whole(source, f"w{number:02}") for number in range(14)]


def _whole(source: random.Random, key: str) -> Any:
    values: dict[str, Any] = {}
    for name, (_, make) in KINDS.items():
        a = values[f"a_{name}"] = make(source)
        values[f"b_{name}"] = a if source.random() < 0.4 else make(source)
        values[f"n_{name}"] = None if source.random() < 0.4 else make(source)
    return Whole(key=key, **values)


def canonical(value: Any) -> Any:
    """Return something that can be hashed and is equal where two values are."""
    if isinstance(value, RootModel):
        return canonical(value.root)
    if isinstance(value, (BaseModel, Spot)):
        return type(value).__name__, canonical(vars(value))
    if isinstance(value, Link):
        return value.id
    if isinstance(value, dict):
        return frozenset((name, canonical(each)) for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return tuple(map(canonical, value))
    return frozenset(value) if isinstance(value, set) else value


def same(one: Any, other: Any) -> bool:
    """Return whether two values are equal, and both or none of them None."""
    return bool(canonical(one) == canonical(other))


Judge = Callable[[Any], bool]
SEED = 20
FIELDS = [(f"{place}_{name}", name) for name in KINDS for place in "an"]


def conditions(field: str, name: str, rows: list[Any]) -> Iterator[tuple[str, Callable[[], Any], Judge]]:
    """Yield conditions on a field: a name, what makes it, and what Python says."""
    source = random.Random(field)
    one, other = KINDS[name][1](source), KINDS[name][1](source)
    left, right = getattr(Whole, field), getattr(Whole, f"b_{name}")

    def value(row: Any) -> Any:
        return getattr(row, field)

    def beside(row: Any) -> Any:
        return getattr(row, f"b_{name}")

    yield "== value", lambda: left == one, lambda row: same(value(row), one)
    yield "!= value", lambda: left != one, lambda row: not same(value(row), one)
    yield "== field", lambda: left == right, lambda row: same(value(row), beside(row))
    yield "!= field", lambda: left != right, lambda row: not same(value(row), beside(row))
    yield "in_", lambda: in_(left, [one, other]), lambda row: same(value(row), one) or same(value(row), other)
    yield "in_ null", lambda: in_(left, [one, None]), lambda row: value(row) is None or same(value(row), one)
    yield "in_ nothing", lambda: in_(left, []), lambda _: False
    yield "not_in", lambda: not_in(left, [one]), lambda row: not same(value(row), one)
    yield "is_null", lambda: is_null(left), lambda row: value(row) is None
    yield (
        "in_ select",
        lambda: in_(left, select(right)),
        lambda row: any(same(value(row), beside(each)) for each in rows),
    )


@contextmanager
def stored(engine: Engine) -> Generator[tuple[Session, list[Any]]]:
    engine.create_all(Whole, Town)
    with Session(engine) as session:
        session.execute(delete(Whole))
        session.add_all([Town(key="1"), Town(key="2"), *wholes(SEED)])
        session.commit()
        yield session, wholes(SEED)


def sampled(engine: Engine, found: list[Any], most: int) -> list[Any]:
    """Return what is tried: all on a file, some on a server."""
    is_whole = engine.capabilities.name == "sqlite" or len(found) <= most
    return found if is_whole else random.Random(SEED).sample(found, most)


def test_conditions_keep_what_python_keeps(engine: Engine) -> None:
    with stored(engine) as (session, rows):
        found = [(field, name, *each) for field, name in FIELDS for each in conditions(field, name, rows)]
        for field, name, shown, make, judge in sampled(engine, found, 80):
            if name in UNTOLD.get(shown, ()):
                with pytest.raises(UsageError):
                    make()
                continue
            keys = session.scalars(select(Whole.key).where(make()).order_by(Whole.key)).all()
            assert keys == [row.key for row in rows if judge(row)], (field, shown)


def test_values_of_other_rows_are_values_of_the_field(engine: Engine) -> None:
    with stored(engine) as (session, rows):
        for field, name in sampled(engine, FIELDS, 25):
            value = KINDS[name][1](random.Random(field))
            before = over(func.lag(getattr(Whole, field)), order_by=Whole.key)
            wanted = [None, *(getattr(row, field) for row in rows[:-1])]
            columns = select(before, coalesce(before, value)).order_by(Whole.key)
            assert [tuple(map(canonical, row)) for row in session.execute(columns)] == [
                (canonical(each), canonical(value if each is None else each)) for each in wanted
            ], field
            named: Any = select(Whole.key, label("before", before)).cte("named")
            there = select(named.key).where(named.before == value).order_by(named.key)
            keys = [row.key for row, each in zip(rows, wanted, strict=True) if same(each, value)]
            assert session.scalars(there).all() == keys, field


def test_fields_of_named_tuples_and_parts_of_times_are_fields(engine: Engine) -> None:
    naive = datetime(2020, 1, 1, 0, 0, 0, 5)  # noqa: DTZ001
    asked: list[tuple[Any, Judge]] = [
        (Whole.a_point.x == 0, lambda row: row.a_point.x == 0),
        (Whole.n_point.y == "b", lambda row: row.n_point is not None and row.n_point.y == "b"),
        (any_(Whole.a_points).y == "b", lambda row: any(each.y == "b" for each in row.a_points)),
        (coalesce(Whole.n_point, Whole.a_point).x > 0, lambda row: (row.n_point or row.a_point).x > 0),
        (Whole.a_point[1] != "a", lambda row: row.a_point[1] != "a"),
        (Whole.a_past.year == 2019, lambda row: row.a_past.year == 2019),
        (Whole.a_past <= date(2019, 12, 31), lambda row: row.a_past <= date(2019, 12, 31)),
        (Whole.a_naive.year == 2020, lambda _: True),
        (Whole.a_naive + timedelta(1) > naive + timedelta(1), lambda row: row.a_naive > naive),
        (Whole.n_aware.hour == 0, lambda row: row.n_aware is not None),
    ]
    with stored(engine) as (session, rows):
        for condition, judge in asked:
            keys = session.scalars(select(Whole.key).where(condition).order_by(Whole.key)).all()
            assert keys == [row.key for row in rows if judge(row)], condition
    with pytest.raises(UsageError, match="is an int"):
        assert Whole.a_point[0] == "a"


def _told(field: Any) -> dict[str, Callable[[], Any]]:
    """Return the statements that tell equal values from others."""
    return {
        "group_by": lambda: select(field, func.count()).group_by(field),
        "distinct": lambda: select(field).distinct(),
        "union": lambda: union(select(field), select(field)),
        "count_distinct": lambda: select(func.count_distinct(field)),
    }


def test_equal_values_are_one_and_others_are_not(engine: Engine) -> None:
    with stored(engine) as (session, rows):
        found = [(field, name, shown) for field, name in FIELDS for shown in _told(Whole.key)]
        for field, name, shown in sampled(engine, found, 40):
            make = _told(getattr(Whole, field))[shown]
            if name in UNTOLD[shown]:
                with pytest.raises(UsageError):
                    make()
                continue
            got = session.execute(make()).all()
            wanted = Counter(canonical(getattr(row, field)) for row in rows)
            if shown == "count_distinct":
                assert got == [len(wanted)], (field, shown)
            elif shown == "group_by":
                assert Counter({canonical(value): count for value, count in got}) == wanted, (field, shown)
                assert len(got) == len(wanted), (field, shown)
            else:
                assert Counter(map(canonical, got)) == Counter(set(wanted)), (field, shown)


def _order(value: Any) -> Any:
    return value.value if isinstance(value, Enum) else value.id if isinstance(value, Link) else value


def _sorted(rows: list[Any], field: str, *, downwards: bool) -> list[str] | None:
    """Return the keys of the documents by a field, null first; None if Python can't."""
    there = [row for row in rows if getattr(row, field) is not None]
    absent = [row.key for row in rows if getattr(row, field) is None]
    try:
        made = sorted(there, key=lambda row: _order(getattr(row, field)))
    except TypeError:
        return None
    keys = absent + [row.key for row in made]
    if not downwards:
        return keys
    there.reverse()
    made = sorted(there, key=lambda row: _order(getattr(row, field)), reverse=True)
    return [row.key for row in made] + absent[::-1]


def test_what_sorts_sorts_as_python_does(engine: Engine) -> None:
    accepted: set[str] = set()
    with stored(engine) as (session, rows):
        for field, name in sampled(engine, FIELDS, 25):
            for downwards in (False, True):
                key = getattr(Whole, field)
                try:
                    statement = select(Whole.key).order_by(desc(key) if downwards else key)
                except UsageError:
                    continue
                accepted.add(name)
                if name != "anything":
                    wanted = _sorted(rows, field, downwards=downwards)
                    assert session.scalars(statement).all() == wanted, field
    assert accepted >= {"at", "row"} or engine.capabilities.name != "sqlite"


def test_extremes_are_those_of_python(engine: Engine) -> None:
    with stored(engine) as (session, rows):
        for field, name in sampled(engine, FIELDS, 25):
            for extreme in (min, max):
                try:
                    statement = select(getattr(func, extreme.__name__)(getattr(Whole, field)))
                except UsageError:
                    continue
                values = [getattr(row, field) for row in rows if getattr(row, field) is not None]
                if name != "anything":
                    assert session.scalar(statement) == extreme(values), (field, extreme)


@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_an_order_is_that_of_python_or_refused(engine: Engine, compare: Callable[[Any, Any], Any]) -> None:
    with stored(engine) as (session, rows):
        for field, name in sampled(engine, FIELDS, 25):
            bound = KINDS[name][1](random.Random(field))
            try:
                condition = compare(getattr(Whole, field), bound)
            except UsageError:
                continue
            if name == "anything":
                continue
            there = [row for row in rows if getattr(row, field) is not None]
            wanted = [row.key for row in there if compare(getattr(row, field), bound)]
            keys = session.scalars(select(Whole.key).where(condition).order_by(Whole.key)).all()
            assert keys == wanted, (field, compare)


def test_updates_store_values_and_fields_of_the_same_type(engine: Engine) -> None:
    with stored(engine) as (session, rows):
        for field, name in sampled(engine, FIELDS, 12):
            value = KINDS[name][1](random.Random(field))
            session.execute(update(Whole).where(Whole.key == "w00").values({field: value}))
            beside = getattr(Whole, f"b_{name}")
            session.execute(update(Whole).where(Whole.key == "w01").values({field: coalesce(beside, value)}))
            shown = session.scalars(select(getattr(Whole, field)).order_by(Whole.key).limit(2)).all()
            assert list(map(canonical, shown)) == [
                canonical(value),
                canonical(getattr(rows[1], f"b_{name}")),
            ], field


class Goods(Document, collection="whole_goods"):
    number: int = 0
    word: str = "b"
    level: Level = Level.LOW
    colour: Colour | None = None
    choice: Literal["a", "b"] = "a"
    part: Part | None = None
    spot: Spot | None = None
    entry: Entry | None = None
    tags: list[str] = []
    sizes: list[int] = []
    marks: set[int] = set()
    amount: D = D(1)
    places: tuple[int, int] = (0, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Goods.level, Goods.number),
        (Goods.level, Goods.level + 1),
        (Goods.level, coalesce(Goods.level, Goods.number)),
        (Goods.choice, Goods.word),
        (Goods.part, Goods.spot),
        (Goods.spot, Goods.entry),
        (Goods.sizes, Goods.tags),
        (Goods.marks, Goods.sizes),
        (Goods.places, Goods.sizes),
    ],
    ids=repr,
)
def test_an_update_refuses_what_could_not_be_read_again(field: Any, value: Any) -> None:
    with pytest.raises(UsageError, match=r"could not be read again"):
        update(Goods).values({field: value})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Goods.number, Goods.word),
        (Goods.amount, Goods.number),
        (Goods.part, Goods.spot),
        (Goods.sizes, Goods.tags),
        (Goods.level, Goods.number),
    ],
)
def test_the_columns_of_a_union_have_one_type(one: Any, other: Any) -> None:
    with pytest.raises(UsageError, match=r"a column of union\(\) would be"):
        union(select(one), select(other))


def test_branches_of_several_types_are_read_as_what_they_are(engine: Engine) -> None:
    engine.create_all(Goods)
    with Session(engine) as session:
        session.add_all([Goods(key="1", number=7), Goods(key="2", part=Part(size=1), spot=Spot(2))])
        session.commit()
        first = Goods.key == "1"
        shown = select(
            -Goods.level, case((first, Goods.number), else_=Goods.level), coalesce(Goods.word, "x")
        )
        assert session.execute(shown.order_by(Goods.key)).all() == [(-1, 7, "b"), (-1, Level.LOW, "b")]
        mixed: Any = case((first, Goods.part), else_=Goods.spot)
        assert session.scalars(select(mixed).order_by(Goods.key)).all() == [None, Spot(2)]
        assert session.scalar(select(case((first, "a"), else_="b")).where(first)) == "a"
        session.execute(update(Goods).set(Goods.choice, case((first, "a"), else_="b")))
        assert session.scalars(select(Goods.choice).order_by(Goods.key)).all() == ["a", "b"]


class Visit(Document, collection="whole_visits"):
    nick: str | None = None
    name: str = "Ab"
    score: Annotated[int, Ge(0)] | None = None
    at: datetime = AT
    home: Nested | None = None
    work: Nested = Nested(part=Part(size=3))
    spots: list[Spot] = []
    amounts: dict[str, D] = {}


def test_what_is_computed_has_the_methods_and_fields_of_its_type(engine: Engine) -> None:
    engine.create_all(Visit)
    with Session(engine) as session:
        session.add_all([
            Visit(key="1", nick="X", home=Nested(part=Part(size=1))),
            Visit(key="2", spots=[Spot(5, "z")]),
        ])  # fmt: skip
        session.commit()
        name, place = coalesce(Visit.nick, Visit.name), coalesce(Visit.home, Visit.work)
        first: Any = func.first(Visit.spots)
        shown = select(name.lower(), (name + "!").upper(), (Visit.at + timedelta(days=366)).year)
        assert session.execute(shown.order_by(Visit.key)).all() == [("x", "X!", 2021), ("ab", "AB!", 2021)]
        size: Any = some(place.part).size
        parts = select(size, first.x, first.label).order_by(Visit.key)
        assert session.execute(parts).all() == [(1, None, None), (3, 5, "z")]
        found = select(Visit.key).where(name.startswith("X"), size == 1)
        assert session.scalars(found).all() == ["1"]
        assert session.scalars(select(Visit.key).where(first.label == "z")).all() == ["2"]
        with pytest.raises(AttributeError, match="is a text, and has no 'nothing'"):
            getattr(name, "nothing")  # noqa: B009  which a checker would flag


def test_a_value_beside_a_field_need_not_meet_its_constraint(engine: Engine) -> None:
    engine.create_all(Visit)
    with Session(engine) as session:
        session.add_all([Visit(key="1", score=2), Visit(key="2")])
        session.commit()
        low = coalesce(Visit.score, -1)
        assert session.scalars(select(low).order_by(Visit.key)).all() == [2, -1]
        assert sorted(session.scalars(union(select(Visit.key), select(coalesce(Visit.nick, ""))))) == [
            "",
            "1",
            "2",
        ]


def test_a_group_may_be_by_a_condition_on_lists(engine: Engine) -> None:
    engine.create_all(Visit)
    with Session(engine) as session:
        session.add_all([Visit(key="1", name="a"), Visit(key="2", name="b"), Visit(key="3", name="c")])
        session.commit()

        def among() -> Any:
            return case((in_(Visit.name, ["a", "b"]), "first"), else_="last")

        grouped = select(among(), func.count()).group_by(among()).order_by(among())
        assert session.execute(grouped).all() == [("first", 2), ("last", 1)]


class Price(BaseModel):
    amount: D


class Bill(Document, collection="whole_bills"):
    lines: list[Price] = []
    more: list[Price] | None = None


def test_lists_of_models_with_decimals_are_joined_and_replaced_though_not_compared(engine: Engine) -> None:
    engine.create_all(Bill)
    with Session(engine) as session:
        more = [Price(amount=D(2))]
        session.add(Bill(key="1", lines=[Price(amount=D("1.5"))]))
        session.commit()
        session.execute(update(Bill).values(lines=Bill.lines + more, more=[]))
        shown = select(Bill.lines, coalesce(Bill.more, Bill.lines), coalesce(Bill.more, []))
        assert session.execute(shown).all() == [([Price(amount=D("1.5")), Price(amount=D(2))], [], [])]
        assert session.scalars(select(Bill.key).where(Bill.lines != None)).all() == ["1"]  # noqa: E711
        for compare in (
            lambda: Bill.lines == [],
            lambda: in_(Bill.lines, [[]]),
            lambda: Bill.lines == Bill.more,
        ):
            with pytest.raises(UsageError, match="holds decimals"):
                compare()


class Codes(BaseModel):
    codes: set[int] = set()


class Keyring(Document, collection="whole_keyrings"):
    one: Codes | None = None
    many: list[Codes] = []
    named: dict[str, Codes] = {}
    sets: list[set[int]] = []


def test_sets_within_others_are_compared_as_sets_or_refused(engine: Engine) -> None:
    engine.create_all(Keyring)
    stored, asked = {0, 8}, {8, 0}  # equal, and in another order
    assert list(stored) != list(asked)
    with Session(engine) as session:
        session.add(Keyring(key="1", one=Codes(codes=stored), many=[Codes(codes=stored)], sets=[stored]))
        session.commit()
        for condition in (
            any_(Keyring.sets) == asked,
            all_(Keyring.sets) == asked,
            any_(Keyring.many).codes == asked,
            in_(any_(Keyring.many).codes, [{1}, asked]),
            some(Keyring.one).codes == asked,
            Keyring.one != None,  # noqa: E711
        ):
            assert session.scalars(select(Keyring.key).where(condition)).all() == ["1"]
        assert session.scalars(select(Keyring.key).where(any_(Keyring.sets) != asked)).all() == []
    for refused in (
        lambda: Keyring.one == Codes(codes=asked),
        lambda: Keyring.many == [Codes(codes=asked)],
        lambda: any_(Keyring.many) == Codes(codes=asked),
        lambda: Keyring.named == {},
        lambda: Keyring.sets == [asked],
        lambda: select(Keyring.one).distinct().compile(),
    ):
        with pytest.raises(UsageError, match="holds sets"):
            refused()
