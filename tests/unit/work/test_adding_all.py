"""What ``add_all`` can't add, it adds nothing of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest

from solidb_odm import Cascade, Document, Edge, Link, Registry, Session, create_engine
from solidb_odm.errors import SolidbError

registry = Registry()


class Town(Document, collection="towns", registry=registry):
    name: str = ""


class Person(Document, collection="people", registry=registry):
    town: Annotated[Link[Town] | None, Cascade("save")] = None


class Road(Edge[Town, Town], collection="roads", registry=registry):
    length: int = 0


def of_another_session(session: Session) -> Any:
    other = Session(session.engine)
    other.add(person := Person())
    person.__dict__["_other"] = other
    return person


def deleted(session: Session) -> Any:
    session.add(person := Person())
    session.commit()
    session.delete(person)
    session.commit()
    return person


def with_a_part_of_another_session(session: Session) -> Any:
    other = Session(session.engine)
    other.add(town := Town())
    town.__dict__["_other"] = other
    return Person(town=town)


BAD: dict[str, Callable[[Session], Any]] = {
    "of another session": of_another_session,
    "whose key is taken": lambda session: Person(key="held"),
    "no document": lambda session: "ada",
    "deleted": deleted,
    "with a part of another session": with_a_part_of_another_session,
}


def good(count: int) -> list[Document]:
    """Return documents of all kinds: alone, with others, and many of one class."""
    ends = Town(name="a"), Town(name="b")
    return [Person(town=Town()), Road(*ends), ends[0], *(Person() for _ in range(count)), Town()]


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("count", [1, 300])
@pytest.mark.parametrize("at", [0, 2, -1])
def test_all_are_added_or_none(bad: str, count: int, at: int) -> None:
    with Session(create_engine("sqlite://")) as session, Session(session.engine) as later:
        held, stored = Person(key="held"), Person(key="stored")
        with Session(session.engine) as before:
            before.add(stored)
            before.commit()
        wrong = BAD[bad](session)
        session.add(held)
        documents = good(count)
        given: list[Any] = [*documents, stored, held]
        given.insert(len(given) + at if at < 0 else at, wrong)

        with pytest.raises(SolidbError):
            session.add_all(given)

        assert list(session.new) == [held]
        assert stored not in session
        later.add_all([*documents, stored])
        session.add(Person(key=documents[0].key))
        later.rollback()


@pytest.mark.parametrize("count", [3, 300])
def test_a_key_that_comes_twice_is_refused_and_neither_is_added(count: int) -> None:
    with Session(create_engine("sqlite://")) as session:
        with pytest.raises(SolidbError):
            session.add_all([*(Person() for _ in range(count)), Person(key="a"), Person(key="a")])
        assert list(session.new) == []
        session.add(Person(key="a"))
        session.commit()
