"""What a session holds stays right when statements write past the unit of work."""

from solidb_odm import AsyncSession, Session, delete, sdbql, select, update, upsert

from .conftest import Store
from .documents import Person


def test_held_documents_take_what_an_update_gives_them(session: Session, people: list[Person]) -> None:
    session.execute(update(Person).where(Person.age >= 2).values(age=Person.age + 10))
    session.commit()

    assert [person.age for person in people] == [0, 1, 12, 13]
    people[3].tags.append("later")
    session.commit()
    assert session.scalar(select(Person.tags).where(Person.key == "p3")) == ["t", "later"]


def test_held_documents_leave_when_a_statement_deletes_them(session: Session, people: list[Person]) -> None:
    session.execute(delete(Person).where(Person.key == "p1"))
    session.commit()

    assert people[1] not in session
    assert session.get(Person, "p1") is None
    session.add(Person(key="p1", name="again", email="e1"))
    session.commit()


def test_an_upsert_and_the_language_itself_are_seen_too(session: Session, people: list[Person]) -> None:
    session.execute(upsert(Person).values({"key": "p0", "name": "up", "email": "e0"}))
    session.execute(sdbql('FOR p IN people FILTER p._key == "p1" UPDATE p WITH {name: "raw"} IN people'))
    session.commit()

    assert [people[0].name, people[1].name] == ["up", "raw"]


def test_what_a_statement_returns_is_the_held_object(session: Session, people: list[Person]) -> None:
    changed = update(Person).where(Person.key == "p2").values(age=50).returning(Person)

    found = session.scalars(changed).one()

    assert found is people[2]
    assert found.age == 50


def test_a_deleted_document_that_is_returned_is_not_stored(session: Session, people: list[Person]) -> None:
    gone = session.scalars(delete(Person).where(Person.key == "p2").returning(Person)).one()

    assert gone not in session
    assert session.get(Person, "p2") is None


def test_a_statement_costs_one_more_request_only_if_its_documents_are_held(store: Store) -> None:
    store.put(Person(key="p", name="n", email="e"))
    with store.session() as session:
        session.execute(update(Person).values(age=1))
        assert len(store.engine.commands) == 1


async def test_the_async_session_does_the_same(async_session: AsyncSession) -> None:
    person = Person(key="p", name="n", email="e", tags=["t"])
    async_session.add(person)
    await async_session.commit()

    await async_session.execute(update(Person).values(age=5))
    assert person.age == 5
    await async_session.execute(delete(Person))
    assert person not in async_session
