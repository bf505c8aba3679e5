"""On a file statements are part of the transaction: undoing it gives held documents their values back."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from solidb_odm import Engine, Session, create_engine, delete, select, update
from solidb_odm.errors import UniqueViolation

from .conftest import Store
from .documents import Person


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with create_engine(f"sqlite:///{tmp_path / 'people.db'}") as opened:
        yield opened


def test_rollback_gives_back_what_statements_took(session: Session, people: list[Person]) -> None:
    session.execute(update(Person).values(age=99))
    session.execute(delete(Person).where(Person.key == "p1"))

    session.rollback()

    assert [person.age for person in people] == [0, 1, 2, 3]
    assert session.get(Person, "p1") is people[1]
    people[1].age = 7
    session.commit()
    assert session.scalar(select(Person.age).where(Person.key == "p1")) == 7


def test_rollback_gives_back_what_was_read_after_a_statement(store: Store) -> None:
    store.put(Person(key="p", name="n", email="e", age=1))
    with store.session() as session:
        session.execute(update(Person).values(age=99))
        person = session.get_one(Person, "p")
        assert person.age == 99

        session.rollback()

        assert person.age == 1
        person.age = 2
        session.commit()


def test_a_savepoint_undoes_its_own_statements(session: Session, people: list[Person]) -> None:
    session.execute(update(Person).where(Person.key == "p0").values(age=10))
    with pytest.raises(ZeroDivisionError), session.begin_nested():  # noqa: PT012
        session.execute(update(Person).values(age=20))
        session.execute(delete(Person).where(Person.key == "p3"))
        raise ZeroDivisionError
    session.commit()

    assert [person.age for person in people] == [10, 1, 2, 3]
    assert people[3] in session


def test_a_failed_commit_undoes_statements(session: Session, people: list[Person]) -> None:
    session.execute(delete(Person).where(Person.key == "p1"))
    session.execute(update(Person).where(Person.key == "p0").values(age=10))
    session.add(Person(name="twin", email="e2"))

    with pytest.raises(UniqueViolation):
        session.commit()

    session.expunge(session.new[0])
    session.commit()
    assert people[0].age == 0
    assert session.get(Person, "p1") is people[1]
    assert session.scalar(select(Person.age).where(Person.key == "p0")) == 0
