"""A part of a transaction that is undone by itself."""

from contextlib import suppress

import pytest

from solidb_odm import Session, create_engine, delete, select
from solidb_odm.errors import SchemaViolation, StateError

from .conftest import Store
from .documents import Knows, Person


class Oops(Exception):
    pass


def stored(session: Session, *names: str) -> list[Person]:
    people = [Person(key=name, name=name, tags=["t"]) for name in names]
    session.add_all(people)
    session.commit()
    return people


def test_a_nested_block_is_written_with_the_commit_after_it(store: Store, session: Session) -> None:
    (ada,) = stored(session, "ada")
    with session.begin_nested():
        ada.tags.append("u")
        session.add(Person(key="bob", name="Bob"))
    session.commit()

    assert store.get(ada).tags == ["t", "u"]
    assert session.get(Person, "bob") is not None


def fail_in_block(session: Session, ada: Person, bob: Person, pending: Person) -> None:
    with session.begin_nested():
        ada.tags.append("inner")
        ada.age = 99
        pending.name = "Inner"
        session.delete(bob)
        session.add(Person(key="inner", name="Inner"))
        session.flush()
        ada.tags.append("more")
        session.add(Knows(ada, pending, key="edge"))
        raise Oops


def test_a_failed_nested_block_is_undone_and_what_was_before_it_stays(store: Store, session: Session) -> None:
    ada, bob, eve = stored(session, "ada", "bob", "eve")
    pending = Person(key="pending", name="Pending")
    ada.tags.append("outer")
    session.add(pending)
    session.delete(eve)

    with pytest.raises(Oops):
        fail_in_block(session, ada, bob, pending)

    assert (ada.tags, ada.age, pending.name) == (["t", "outer"], 0, "Pending")
    assert bob in session
    assert [session.get(Person, "inner"), session.get(Person, "eve")] == [None, None]
    ada.age = 1
    session.commit()
    found = {each.key: each for each in session.scalars(select(Person))}
    assert sorted(found) == ["ada", "bob", "pending"]
    assert (store.get(ada).tags, store.get(ada).age) == (["t", "outer"], 1)
    assert store.get(pending).name == "Pending"
    assert session.get(Knows, "edge") is None


def test_blocks_in_blocks_are_undone_one_by_one(store: Store, session: Session) -> None:
    (ada,) = stored(session, "ada")
    with session.begin_nested():
        ada.age = 1
        try:
            with session.begin_nested():
                ada.age = 2
                session.flush()
                raise Oops
        except Oops:
            assert ada.age == 1
        with session.begin_nested():
            ada.note = "kept"
    assert (ada.age, ada.note) == (1, "kept")
    session.commit()
    assert (store.get(ada).age, store.get(ada).note) == (1, "kept")


def test_a_rollback_undoes_finished_blocks_too(store: Store, session: Session) -> None:
    (ada,) = stored(session, "ada")
    with session.begin_nested():
        ada.age = 1
    session.rollback()
    assert ada.age == 0
    session.commit()
    assert store.get(ada).age == 0


def test_a_block_with_a_bad_value_is_undone_at_its_end(store: Store, session: Session) -> None:
    (ada,) = stored(session, "ada")
    with pytest.raises(SchemaViolation), session.begin_nested():
        ada.age = "old"
    assert ada.age == 0
    ada.age = 3
    session.commit()
    assert store.get(ada).age == 3


def test_a_transaction_cant_end_inside_a_block(session: Session) -> None:
    with session.begin_nested(), pytest.raises(StateError, match="inside begin_nested"):
        session.commit()
    with session.begin_nested(), pytest.raises(StateError, match="inside begin_nested"):
        session.rollback()


def test_what_was_read_in_the_place_of_a_document_that_left_goes_back_too(
    store: Store, session: Session
) -> None:
    (ada,) = stored(session, "ada")
    ada.age = 5
    session.flush()
    session.expunge(ada)
    before = session.get_one(Person, "ada").age
    with pytest.raises(Oops):
        change_and_let_go(session, session.get_one(Person, "ada"))
    read = session.get_one(Person, "ada")
    assert read.age == before
    session.rollback()
    assert (read.age, session.get_one(Person, "ada").age, session.dirty) == (0, 0, [])
    read.age = 1
    session.commit()
    assert store.get(read).age == 1


def change_and_let_go(session: Session, person: Person) -> None:
    with session.begin_nested():
        person.age = 6
        session.flush()
        session.expunge(person)
        session.get_one(Person, "ada").age = 7
        session.flush()
        raise Oops


def test_what_was_read_in_the_place_of_a_new_document_that_left_goes_with_it(session: Session) -> None:
    session.add(new := Person(key="new", name="New"))
    session.flush()
    session.expunge(new)
    read = session.get(Person, "new")
    session.rollback()
    assert read is None or read not in session
    assert session.get(Person, "new") is None


def replace(session: Session, ada: Person) -> None:
    """Delete a person and store another, with equal values, under the key."""
    session.delete(ada)
    session.flush()
    session.add(Person(key="ada", name="ada", tags=["t"]))
    session.flush()


@pytest.mark.parametrize("way", ["rollback", "savepoint", "two savepoints"])
def test_a_document_that_was_replaced_is_the_one_of_its_key_again(
    store: Store, session: Session, way: str
) -> None:
    (ada,) = stored(session, "ada")
    if way == "rollback":
        replace(session, ada)
        session.rollback()
    else:
        with suppress(Oops), session.begin_nested():
            if way == "two savepoints":
                session.delete(ada)
                with session.begin_nested():
                    session.add(Person(key="ada", name="ada", tags=["t"]))
            else:
                replace(session, ada)
            raise Oops

    assert session.get(Person, "ada") is ada
    assert session.scalars(select(Person)).all() == [ada]
    assert (session.new, session.deleted, session.dirty) == ([], [], [])
    ada.age = 7
    session.commit()
    assert store.get(ada).age == 7


def test_what_a_statement_deleted_and_another_replaced_is_there_again() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Person)
        (ada,) = stored(session, "ada")
        session.execute(delete(Person))
        session.add(Person(key="ada", name="ada", tags=["t"]))
        session.flush()
        session.rollback()
        assert session.get(Person, "ada") is ada
