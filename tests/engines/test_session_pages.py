"""Pages and streams by keyset."""

import gc
import random
from itertools import chain

import pytest

from solidb_odm import Session, asc, desc, is_null, not_, select
from solidb_odm.errors import UsageError

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
        select(Person).join(Knows, Knows.from_ == Person.id),
    ],
    ids=["limit", "offset", "distinct", "join"],
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
    assert session.statistics.statements == before + 5


def test_changes_made_on_the_way_are_committed(store: Store, session: Session) -> None:
    everybody = people(12)
    store.put(*everybody)
    for person in session.stream(select(Person), batch=5):
        person.tags.append("seen")
    session.commit()
    assert all(store.get(each).tags == ["seen"] for each in everybody)
