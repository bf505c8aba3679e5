"""Pages and streams by keyset."""

import gc
import pickle
import random
from collections.abc import Iterator
from copy import deepcopy
from decimal import Decimal
from itertools import chain
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from solidb_odm import (
    Document,
    Index,
    Registry,
    Session,
    asc,
    create_engine,
    desc,
    func,
    is_null,
    label,
    not_,
    over,
    select,
    union,
)
from solidb_odm.errors import UsageError
from solidb_odm.session.keysets import Place, keyset

from .conftest import Store
from .documents import Knows, Person

random_ages = [0, 1, 1, 2, 2, 2, 3]
NOTES = [None, None, "a", "a", "b", "c", "c"]


def people(count: int = 30) -> list[Person]:
    dice = random.Random(7)
    return [
        Person(
            key=f"k{number:02}",
            name=f"n{number}",
            age=dice.choice(random_ages),
            note=dice.choice(NOTES),
            email=f"{(number * 7) % 30:02}@x" if number % 3 else None,
        )
        for number in range(count)
    ]


ORDERS = {
    "key": (),
    "age": (asc(Person.age),),
    "age down": (desc(Person.age),),
    "note": (Person.note,),
    "note down": (desc(Person.note),),
    "note, age down": (Person.note, desc(Person.age)),
    "note down, age": (desc(Person.note), asc(Person.age)),
    "indexed": (Person.email,),
    "indexed down": (desc(Person.email),),
    "name in small letters": (Person.name.lower(),),
}


def pages(session: Session, statement, size: int) -> list[list]:
    found, after = [], None
    while True:
        page = session.page(statement, size=size, after=after)
        found.append(list(page))
        after = page.next
        if after is None:
            return found


@pytest.mark.parametrize("order", ORDERS)
def test_pages_hold_every_row_once_and_in_order(store: Store, session: Session, order: str) -> None:
    store.put(*people())
    statement = select(Person).order_by(*ORDERS[order])

    found = pages(session, statement, 4)

    assert [len(page) for page in found] == [4] * 7 + [2]
    assert [each for page in found for each in page] == session.scalars(statement).all()


def test_pages_of_columns_and_filters(store: Store, session: Session) -> None:
    store.put(*people())
    one = select(Person.name).where(Person.age > 1).order_by(desc(Person.note))
    two = select(Person.name, Person.age).where(not_(is_null(Person.note))).order_by(Person.age)

    assert list(chain(*pages(session, one, 3))) == session.scalars(one).all()
    assert list(chain(*pages(session, two, 5))) == session.execute(two).all()


def test_the_last_page_has_no_cursor_even_if_it_is_full(store: Store, session: Session) -> None:
    store.put(*people(8))
    assert [len(page) for page in pages(session, select(Person), 4)] == [4, 4]
    assert pages(session, select(Person).where(Person.age > 99), 4) == [[]]


def test_rows_that_come_and_go_between_pages_do_not_shift_the_others(store: Store, session: Session) -> None:
    store.put(*people(10))
    first = session.page(select(Person), size=5)
    store.put(Person(key="a", name="before"))
    session.delete(first[0])

    second = session.page(select(Person), size=5, after=first.next)

    assert [each.key for each in second] == [f"k{number:02}" for number in range(5, 10)]


def test_pages_show_the_sessions_own_changes(store: Store, session: Session) -> None:
    store.put(*people(6))
    session.add(Person(key="k025", name="new"))
    session.delete(session.get_one(Person, "k01"))
    found = list(chain(*pages(session, select(Person), 2)))
    assert [each.key for each in found] == ["k00", "k02", "k025", "k03", "k04", "k05"]


def test_a_cursor_belongs_to_its_order(store: Store, session: Session) -> None:
    store.put(*people(6))
    cursor = session.page(select(Person).order_by(Person.age), size=2).next
    with pytest.raises(UsageError, match="another order"):
        session.page(select(Person).order_by(Person.name), size=2, after=cursor)
    with pytest.raises(UsageError, match="not a cursor"):
        session.page(select(Person), size=2, after="§$%")


@pytest.mark.parametrize(
    "statement",
    [
        select(Person).limit(3),
        select(Person).offset(1),
        select(Person.age).distinct(),
        select(func.count(Person)),
        select(label("p", over(func.row_number(), order_by=Person.key))),
        select(select(Person.age).cte("ages").age),
        union(select(Person), select(Person)),
    ],
    ids=["limit", "offset", "distinct", "count", "window", "rows without a key", "union"],
)
def test_what_has_no_pages_says_so(session: Session, statement) -> None:
    with pytest.raises(UsageError):
        session.page(statement, size=2)


def test_a_page_has_rows(session: Session) -> None:
    with pytest.raises(UsageError, match="at least one"):
        session.page(select(Person), size=0)


def test_a_stream_gives_all_rows_in_batches_and_keeps_none(store: Store, session: Session) -> None:
    store.put(*people(25))
    before = session.statistics.statements
    alive = 0

    for number, person in enumerate(session.stream(select(Person), batch=5)):
        assert person.tags == []  # reading may change it, but did not
        if number % 5 == 4:
            gc.collect()
            alive = max(alive, len(list(session)))

    assert number == 24
    assert alive <= 10
    is_file = session.engine.capabilities.interactive_transactions
    assert session.statistics.statements == before + (5 if is_file else 6)  # its keys, once


def test_changes_made_on_the_way_are_committed(store: Store, session: Session) -> None:
    everybody = people(12)
    store.put(*everybody)
    for person in session.stream(select(Person), batch=5):
        person.tags.append("seen")
    session.commit()
    assert all(store.get(each).tags == ["seen"] for each in everybody)


@pytest.mark.parametrize("order", ORDERS)
def test_pages_go_backwards_as_they_went_forwards(store: Store, session: Session, order: str) -> None:
    store.put(*people())
    statement = select(Person).order_by(*ORDERS[order])
    forwards = pages(session, statement, 7)
    page = session.page(statement, size=7)
    while page.next is not None:
        page = session.page(statement, size=7, after=page.next)

    found = [list(page)]
    while page.previous is not None:
        page = session.page(statement, size=7, before=page.previous)
        found.insert(0, list(page))

    assert found == forwards
    again = session.page(statement, size=7, after=page.next)
    assert list(again) == forwards[1]


def test_going_back_is_stable_under_rows_that_come_and_go(store: Store, session: Session) -> None:
    store.put(*(Person(key=f"k{number}", name="n", age=number) for number in range(9)))
    statement = select(Person.age).order_by(desc(Person.age))
    first = session.page(statement, size=3)
    second = session.page(statement, size=3, after=first.next)
    session.add(Person(key="new", name="n", age=100))
    session.delete(session.get_one(Person, "k7"))
    session.commit()

    back = session.page(statement, size=3, before=second.previous)

    assert (list(second), list(back)) == ([5, 4, 3], [100, 8, 6])
    assert session.page(statement, size=3, before=back.previous or first.next).previous is None


def test_an_empty_page_leads_back_to_the_row_before_it(store: Store, session: Session) -> None:
    store.put(*(Person(key=f"k{number}", name="n") for number in range(4)))
    first = session.page(select(Person.key), size=2)
    for key in ("k2", "k3"):
        session.delete(session.get_one(Person, key))
    session.commit()

    end = session.page(select(Person.key), size=2, after=first.next)

    assert (list(end), end.next) == ([], None)
    assert list(session.page(select(Person.key), size=2, before=end.previous)) == ["k0", "k1"]


def test_joins_have_pages(store: Store, session: Session) -> None:
    everybody = people(6)
    store.put(*everybody, *(Knows(one, other) for one in everybody for other in everybody[:3]))
    statement = (
        select(Person.name, Knows.to).join(Knows, Knows.from_ == Person.id).order_by(desc(Person.note))
    )

    found = list(chain(*pages(session, statement, 4)))

    assert found == session.execute(statement).all()
    assert len(found) == 18


def test_groups_and_named_statements_have_pages(store: Store, session: Session) -> None:
    store.put(*people())
    groups = select(Person.note, Person.age, func.count()).group_by(Person.note, Person.age)
    by_count = groups.order_by(desc(func.count()))
    found = list(chain(*pages(session, by_count, 3)))
    assert sorted(found, key=repr) == sorted(session.execute(groups).all(), key=repr)
    assert [row[2] for row in found] == sorted((row[2] for row in found), reverse=True)

    place = over(func.row_number(), partition_by=Person.age, order_by=Person.key)
    ranked = select(Person.key, Person.age, label("place", place)).cte("ranked")
    statement = select(ranked.key, ranked.place).where(ranked.place <= 2).order_by(ranked.place)
    assert list(chain(*pages(session, statement, 3))) == session.execute(statement.order_by(ranked.key)).all()

    old = select(Person).where(Person.age > 1).cte("old")
    by_age = select(old).order_by(desc(old.age), old.key)
    assert list(chain(*pages(session, by_age, 4))) == session.scalars(by_age).all()


def test_pages_are_read_into_models_and_cut_by_decimals(store: Store, session: Session) -> None:
    class Price(Document, collection="page_prices"):
        amount: Decimal

    class Line(BaseModel):
        key: str
        amount: Decimal

    store.put(*(Price(key=f"k{at}", amount=Decimal(at) / 2) for at in (20, 3, 100, 7, 2)))
    statement = select(Price.key, Price.amount).order_by(Price.amount)

    found = list(chain(*pages(session, statement.into(Line), 2)))

    assert [line.amount for line in found] == [1, Decimal("1.5"), Decimal("3.5"), 10, 50]
    assert [row.key for row in chain(*pages(session, select(Price).order_by(Price.amount), 2))] == [
        "k2", "k3", "k7", "k20", "k100",
    ]  # fmt: skip


def test_a_page_has_one_cursor(session: Session) -> None:
    with pytest.raises(UsageError, match="not both"):
        session.page(select(Person), size=1, after="x", before="y")


class Runner(Document, collection="paged_runners"):
    time: Annotated[int, Index()]


def test_an_index_leads_to_a_page_that_is_deep_in_its_order() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Runner)
        session.add_all(Runner(key=f"k{number:03}", time=number // 3) for number in range(300))
        session.commit()
        wanted = keyset(select(Runner).order_by(Runner.time))
        deep = session.page(select(Runner).order_by(Runner.time), size=200)
        steps = str(session.explain(wanted.part(Place(deep.next), 5, is_file=True)))
    assert "SEARCH t1 USING INDEX" in steps
    assert "(<expr>>?" in steps


class Parcel(Document, collection="paged_parcels", registry=Registry()):
    weight: Annotated[int | None, Index()] = None
    price: Decimal = Decimal(0)
    street: str = ""


WAYS = {
    "key": (),
    "weight": (Parcel.weight,),
    "weight down": (desc(Parcel.weight),),
    "price down, street": (desc(Parcel.price), Parcel.street),
    "street, weight down": (Parcel.street, desc(Parcel.weight)),
}


@pytest.fixture(scope="module")
def parcels() -> Iterator[Session]:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Parcel)
        session.add_all(
            Parcel(key=f"k{n:02}", weight=n % 5 or None, price=Decimal(n % 7) / 2, street=f"s{n % 3}")
            for n in range(40)
        )
        session.commit()
        yield session


@pytest.mark.parametrize("way", WAYS)
def test_pages_of_one_form_and_other_values_are_parts_of_all_rows(parcels: Session, way: str) -> None:
    for low in ("s1", "s0", "s2", "s1"):
        for size in (3, 7, 3):
            asked = select(Parcel).where(Parcel.street >= low).order_by(*WAYS[way])
            expected = parcels.scalars(asked).all()
            assert list(chain(*pages(parcels, asked, size))) == expected
            last = parcels.page(asked, size=len(expected) - 1).next
            assert last is not None
            back = parcels.page(asked, size=size, before=last)
            assert list(back) == expected[-2 - size : -2]


@pytest.mark.parametrize("way", WAYS)
def test_a_page_asks_the_same_whether_its_form_was_built_before_or_not(way: str) -> None:
    rows = [[None, 1, "a", "k"], [2.5, None, "a", "b"], [2, 2, 2, 2], ["a", "a", "b", "c"], [None] * 4]
    for is_file in (True, False):
        for values in rows * 2:
            for street in ("s1", "s2"):
                known = keyset(select(Parcel).where(Parcel.street == street).order_by(*WAYS[way]))
                anew = keyset(deepcopy(select(Parcel)).where(Parcel.street == street).order_by(*WAYS[way]))
                cursor = known.cursor(values[: len(known.keys)])
                assert cursor == anew.cursor(values[: len(known.keys)])
                for place in (
                    Place(),
                    Place(cursor),
                    Place(cursor, backwards=True),
                    Place(known.including(cursor)),
                ):
                    for one, other in zip(
                        known.parts(place, 3, is_file=is_file),
                        anew.parts(place, 3, is_file=is_file),
                        strict=True,
                    ):
                        compiled, built = one.compile(), other._build()
                        assert (compiled.text, compiled.bind_vars) == (built.text, built.bind_vars)


def test_the_next_pages_of_one_form_share_their_nodes() -> None:
    def part(street: str, values: list[Any]) -> Any:
        wanted = keyset(select(Parcel).where(Parcel.street == street).order_by(Parcel.weight))
        return wanted.part(Place(wanted.cursor(values)), 9, is_file=True).compile().query

    part("s6", [2, "k2"])  # of which the order is kept
    assert part("s7", [3, "k3"]) is part("s8", [4, "k4"])
    assert (
        keyset(select(Parcel).order_by(Parcel.street)).kept
        is keyset(select(Parcel).order_by(Parcel.street)).kept
    )


def test_a_page_that_is_copied_keeps_its_cursors(parcels: Session) -> None:
    keys = select(Parcel.key).order_by(Parcel.weight)
    first = parcels.page(keys, size=10)
    second = parcels.page(keys, size=10, after=first.next)
    for copied in (deepcopy(second), pickle.loads(pickle.dumps(second))):
        assert list(copied) == list(second)
        assert (copied.next, copied.previous) == (second.next, second.previous)
    assert None not in (second.next, second.previous)


def test_a_cursor_says_where_its_page_was_when_it_was_read() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Parcel)
        session.add_all(Parcel(key=f"k{n}", weight=n) for n in range(1, 9))
        session.commit()
        asked = select(Parcel).order_by(Parcel.weight)
        page = session.page(asked, size=3)
        page[2].weight = 7
        session.commit()
        assert [parcel.key for parcel in session.page(asked, size=3, after=page.next)] == ["k4", "k5", "k6"]
