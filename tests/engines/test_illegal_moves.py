"""Moves that a document can't make name the state it is in, the move, and the way out."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from solidb_odm import Session, select
from solidb_odm.errors import ClosedError, ConcurrentUseError, SchemaViolation, StateError
from solidb_odm.session import inspect

from .conftest import Store
from .documents import Person

MOVES: dict[str, Callable[[Session, Person], object]] = {
    "delete": lambda session, person: session.delete(person),
    "refresh": lambda session, person: session.refresh(person),
    "expire": lambda session, person: session.expire(person),
    "expunge": lambda session, person: session.expunge(person),
    "rebase": lambda session, person: session.rebase(person, prefer="ours"),
}


def transient(session: Session) -> Person:
    return Person(key="ada", name="Ada")


def detached(session: Session) -> Person:
    person = Person(key="ada", name="Ada")
    session.add(person)
    session.commit()
    session.expunge(person)
    return person


def removed(session: Session) -> Person:
    person = Person(key="ada", name="Ada")
    session.add(person)
    session.commit()
    session.delete(person)
    session.commit()
    return person


STATES = {transient: "transient", detached: "detached", removed: "transient"}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("make", STATES, ids=lambda each: each.__name__)
def test_a_move_of_a_document_outside_names_state_and_move(
    session: Session, make: Callable[[Session], Person], move: str
) -> None:
    person = make(session)
    with pytest.raises(StateError, match=f"can't {move} Person 'ada', which is {STATES[make]}") as caught:
        MOVES[move](session, person)
    assert (caught.value.state, caught.value.move) == (STATES[make], move)
    assert caught.value.hint


@pytest.mark.parametrize("move", ["refresh", "expire", "rebase"])
def test_a_pending_document_has_nothing_stored(session: Session, move: str) -> None:
    person = Person(key="ada", name="Ada")
    session.add(person)
    with pytest.raises(StateError, match=f"can't {move} Person 'ada', which is pending") as caught:
        MOVES[move](session, person)
    assert caught.value.state == "pending"
    assert session.new == [person]


@pytest.mark.parametrize("move", [*MOVES, "add"])
def test_a_document_of_another_session_stays_there(store: Store, session: Session, move: str) -> None:
    store.put(Person(key="ada", name="Ada"))
    moves = {**MOVES, "add": lambda session, person: session.add(person)}
    with store.session() as other:
        person = other.get_one(Person, "ada")
        with pytest.raises(StateError, match=f"can't {move} .* persistent in another session"):
            moves[move](session, person)
        assert person in other


@pytest.mark.parametrize("wrong", [None, "ada", Person, {"name": "Ada"}], ids=repr)
@pytest.mark.parametrize("move", [*MOVES, "add", "merge", "inspect"])
def test_what_is_no_document_is_told_so(session: Session, move: str, wrong: object) -> None:
    more = {"add": session.add, "merge": session.merge, "inspect": inspect}
    call = more.get(move) or (lambda given: MOVES[move](session, given))
    with pytest.raises(StateError, match=f"a session can only {move} documents, not"):
        call(wrong)


def test_one_document_is_not_several(session: Session) -> None:
    with pytest.raises(StateError, match="add_all"):
        session.add_all(Person(name="Ada"))


@pytest.mark.parametrize("move", ["add", "delete", "expunge", "expire", "merge", "get"])
def test_a_closed_session_makes_no_move(store: Store, move: str) -> None:
    session = store.session()
    person = Person(key="ada", name="Ada")
    session.add(person)
    session.close()
    given = (Person, "ada") if move == "get" else (person,)
    with pytest.raises(ClosedError, match="make a new one"):
        getattr(session, move)(*given)
    with pytest.raises(ClosedError, match="make a new one"), session.begin():
        pass
    assert inspect(person).state == "transient"


def test_two_threads_cant_use_a_session_at_once_not_even_to_add(store: Store, session: Session) -> None:
    store.put(Person(key="ada", name="Ada"))
    errors: list[BaseException] = []

    def intrude() -> None:
        for move in (lambda: session.add(Person(name="Bob")), lambda: session.get(Person, "ada")):
            try:
                move()
            except ConcurrentUseError as error:
                errors.append(error)

    def listen(_session: Session) -> None:
        thread = threading.Thread(target=intrude)
        thread.start()
        thread.join()

    session.on("before_flush", listen)
    session.add(Person(name="Eve"))
    session.commit()

    assert len(errors) == 2
    assert session.scalars(select(Person.name).order_by(Person.name)).all() == ["Ada", "Eve"]


def test_after_a_failed_flush_every_document_is_in_the_state_it_was_in(session: Session) -> None:
    stored, gone = Person(key="s", name="S"), Person(key="g", name="G")
    session.add_all([stored, gone])
    session.commit()
    stored.age, wrong = 5, Person(key="w", name="W")
    session.add(wrong)
    wrong.age = "x"
    session.delete(gone)

    with pytest.raises(SchemaViolation):
        session.flush()

    assert [inspect(each).state for each in (stored, gone, wrong)] == ["persistent", "deleted", "pending"]
    assert session.dirty == [stored]
    wrong.age = 1
    session.commit()
    assert session.scalars(select(Person.key).order_by(Person.key)).all() == ["s", "w"]


def test_a_nested_rollback_gives_the_membership_back(session: Session) -> None:
    ada, bob, eve = (Person(key=key, name=key) for key in ("ada", "bob", "eve"))
    session.add_all([ada, bob])
    session.commit()
    session.delete(bob)
    with pytest.raises(ZeroDivisionError):
        _change_and_fail(session, ada, bob, eve)

    assert [inspect(each).state for each in (ada, eve)] == ["persistent", "transient"]
    assert session.get(Person, "bob") is None
    session.commit()
    assert session.scalars(select(Person.key)).all() == ["ada"]


def _change_and_fail(session: Session, ada: Person, bob: Person, eve: Person) -> None:
    with session.begin_nested():
        session.add_all([eve, bob])
        session.delete(ada)
        session.flush()
        raise ZeroDivisionError
