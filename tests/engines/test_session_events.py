"""Hooks on models, listeners on sessions, what can be asked about a document, counting."""

from typing import ClassVar

import pytest

from solidb_odm import Engine, Session, select
from solidb_odm.errors import UsageError
from solidb_odm.session import sessionmaker
from solidb_odm.testing import max_queries
from solidb_odm.work import inspect

from .conftest import Store
from .documents import Knows, Person


class Hooked(Person, collection="people"):
    heard: ClassVar[list[str]] = []

    def before_insert(self) -> None:
        self.heard.append("before_insert")
        self.note = "inserted"

    def after_insert(self) -> None:
        self.heard.append(f"after_insert {self.rev is not None}")

    def before_update(self) -> None:
        self.heard.append("before_update")
        self.tags.append("updated")

    def after_update(self) -> None:
        self.heard.append("after_update")

    def before_delete(self) -> None:
        self.heard.append("before_delete")

    def after_delete(self) -> None:
        self.heard.append("after_delete")

    def after_load(self) -> None:
        self.heard.append("after_load")


@pytest.fixture(autouse=True)
def _silence() -> None:
    Hooked.heard.clear()


def test_hooks_run_around_what_they_are_named_for(store: Store, session: Session) -> None:
    ada = Hooked(name="Ada")
    session.add(ada)
    session.commit()
    assert Hooked.heard == ["before_insert", "after_insert True"]
    session.commit()

    ada.age = 1
    session.commit()
    assert Hooked.heard[2:] == ["before_update", "after_update"]
    found = store.get(ada)
    assert (found.note, found.tags) == ("inserted", ["updated"])
    assert Hooked.heard[4:] == ["after_load"]

    session.delete(ada)
    session.commit()
    assert Hooked.heard[5:] == ["before_delete", "after_delete"]


def test_a_hook_may_change_add_and_delete_other_documents(store: Store, session: Session) -> None:
    bob, eve = Person(name="Bob"), Person(name="Eve")
    session.add_all([bob, eve])
    session.commit()

    class Busy(Person, collection="people"):
        def before_insert(self) -> None:
            bob.age = 7
            session.delete(eve)
            session.add(Knows(self, bob, key="by-hook"))

    session.add(Busy(name="Ada"))
    session.commit()

    assert store.get(bob).age == 7
    assert store.get(eve) is None
    assert session.get(Knows, "by-hook") is not None


def test_a_change_made_after_a_write_is_kept_for_the_next(store: Store, session: Session) -> None:
    class Late(Person, collection="people"):
        def after_insert(self) -> None:
            self.tags.append("late")
            self.age = 1

    ada = Late(name="Ada")
    session.add(ada)
    session.commit()
    assert session.dirty == [ada]
    session.commit()
    assert (store.get(ada).tags, store.get(ada).age) == (["late"], 1)


def test_listeners_hear_of_flush_commit_and_rollback(store: Store) -> None:
    heard: list[str] = []
    sessions = sessionmaker(store.engine)
    for event in ("before_flush", "after_flush", "before_commit", "after_commit", "after_rollback"):
        sessions.on(event, lambda session, event=event: heard.append(event))

    with sessions.begin() as session:
        session.add(Person(name="Ada"))
    assert heard == ["before_commit", "before_flush", "after_flush", "after_commit"]
    with sessions() as session:
        session.rollback()
    assert heard[4:] == ["after_rollback"]


def test_what_a_listener_adds_before_a_commit_is_part_of_it(store: Store, session: Session) -> None:
    log = Person(key="log", name="Log")
    session.on("before_commit", lambda opened: opened.add(log))
    session.commit()
    assert store.get(log) == log


def test_an_unknown_event_is_refused(session: Session) -> None:
    with pytest.raises(UsageError, match="before_commit"):
        session.on("on_commit", print)


def test_inspect_names_the_state_and_the_changes(store: Store, session: Session) -> None:
    ada = Person(name="Ada", tags=["t"])
    assert inspect(ada).state == "transient"
    session.add(ada)
    assert inspect(ada).state == "pending"
    session.commit()
    assert (inspect(ada).state, inspect(ada).changes) == ("persistent", {})

    ada.name = "Augusta"
    ada.tags.append("u")
    changes = inspect(ada).changes
    assert {name: (each.old, each.new) for name, each in changes.items()} == {
        "name": ("Ada", "Augusta"),
        "tags": (["t"], ["t", "u"]),
    }
    session.delete(ada)
    assert inspect(ada).state == "deleted"
    session.rollback()
    session.expunge(ada)
    assert inspect(ada).state == "detached"


def test_max_queries_fails_where_more_is_asked(store: Store, session: Session) -> None:
    people = [Person(name=str(number)) for number in range(3)]
    store.put(*people)
    with max_queries(1):
        session.get_many(Person, [each.key for each in people])
    with pytest.raises(AssertionError, match="3 statements, at most 2"), max_queries(2):
        assert [session.scalars(select(Person)).all() for _ in range(3)]


def test_statistics_count_what_a_session_asks(engine: Engine, store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.commit()
    session.get(Person, "nobody")
    session.scalars(select(Person)).all()
    session.rollback()
    assert session.statistics.statements == 3
    assert session.statistics.by_command["Get"] == 1
