"""Changes are found wherever they are made, and nothing else is written."""

import gc
from collections.abc import Callable
from typing import Any

import pytest

from solidb_odm import Session
from solidb_odm.errors import SchemaViolation
from tests.garbage import collect_garbage, only_new_garbage

from .conftest import Store
from .documents import Address, Loose, Person


def person() -> Person:
    return Person(
        name="Ada",
        tags=["a"],
        meta={"deep": {"list": [1]}, "gone": 1},
        labels={"x"},
        address=Address(city="London", lines=["1"]),
        homes=[Address(city="Paris")],
        note="n",
    )


IN_PLACE: dict[str, tuple[Callable[[Person], Any], str]] = {
    "list": (lambda p: p.tags.append("b"), "tags"),
    "dict": (lambda p: p.meta["deep"]["list"].append(2), "meta"),
    "key of a dict": (lambda p: p.meta.pop("gone"), "meta"),
    "set": (lambda p: p.labels.add("y"), "labels"),
    "embedded model": (lambda p: setattr(p.address, "city", "Rome"), "address"),
    "list in an embedded model": (lambda p: p.address.lines.append("2"), "address"),
    "model in a list": (lambda p: setattr(p.homes[0], "city", "Rome"), "homes"),
    "attribute": (lambda p: setattr(p, "age", 36), "age"),
    "attribute to None": (lambda p: setattr(p, "note", None), "note"),
}


@pytest.mark.parametrize("what", IN_PLACE)
def test_a_change_in_place_is_found_and_sent_alone(store: Store, session: Session, what: str) -> None:
    change, attribute = IN_PLACE[what]
    ada = person()
    store.put(ada)
    found = session.get_one(Person, ada.key)
    store.engine.clear()

    change(found)
    assert session.dirty == [found]
    session.commit()

    (patch,) = store.engine.patches
    assert list(patch.document) == [attribute]
    assert store.get(ada) == found
    assert session.dirty == []


@pytest.mark.parametrize("what", IN_PLACE)
def test_a_change_in_a_document_this_session_made_is_found(store: Store, session: Session, what: str) -> None:
    ada = person()
    session.add(ada)
    session.commit()
    for _ in range(2):
        session.commit()

    IN_PLACE[what][0](ada)
    session.commit()

    assert store.get(ada) == ada


def test_values_kept_from_before_a_commit_are_still_watched(store: Store, session: Session) -> None:
    ada = person()
    store.put(ada)
    found = session.get_one(Person, ada.key)
    tags, home, meta = found.tags, found.homes[0], found.meta["deep"]
    session.commit()

    tags.append("late")
    session.commit()
    home.city = "Oslo"
    session.commit()
    meta["new"] = True
    session.commit()

    stored = store.get(ada)
    assert (stored.tags, stored.homes[0].city, stored.meta["deep"]["new"]) == (["a", "late"], "Oslo", True)


def test_values_handed_in_are_still_watched(store: Store, session: Session) -> None:
    address, tags, meta = Address(city="Rome"), ["t"], {"a": 1}
    ada = Person(name="Ada", address=address)
    session.add(ada)
    session.commit()
    address.city = "Oslo"
    session.commit()
    ada.tags, ada.meta = tags, meta
    session.commit()
    tags.append("u")
    session.commit()
    meta["b"] = 2
    session.commit()

    stored = store.get(ada)
    assert (stored.address.city, stored.tags, stored.meta) == ("Oslo", ["t", "u"], {"a": 1, "b": 2})


def test_a_copy_that_shares_values_is_watched(store: Store, session: Session) -> None:
    ada = person()
    twin = ada.model_copy(update={"key": "twin"})
    session.add(twin)
    session.commit()

    ada.tags.append("shared")
    session.commit()

    assert store.get(twin).tags == ["a", "shared"]


def test_changes_of_documents_nobody_holds_are_not_lost(store: Store, session: Session) -> None:
    people = [person() for _ in range(20)]
    store.put(*people)

    with only_new_garbage():
        for each in people:
            session.get_one(Person, each.key).tags.append("kept")
            session.get_one(Person, each.key).age = 7
            gc.collect()
    session.commit()

    assert all((found.tags, found.age) == (["a", "kept"], 7) for found in map(store.get, people) if found)


def test_documents_nobody_holds_or_changed_are_let_go(store: Store, session: Session) -> None:
    people = [person() for _ in range(20)]
    store.put(*people)
    for each in people:
        assert session.get_one(Person, each.key).name == "Ada"
    collect_garbage()
    assert list(session) == []


def test_nothing_is_written_where_nothing_changed(store: Store, session: Session) -> None:
    ada = person()
    store.put(ada)
    found = session.get_one(Person, ada.key)
    asked = session.statistics.statements
    store.engine.clear()

    assert found.tags == ["a"]
    found.age = found.age
    found.tags.append("x")
    found.tags.pop()
    session.commit()
    session.commit()

    assert session.statistics.statements == asked
    assert store.engine.batches == []
    assert found.rev == ada.rev == store.get(ada).rev


def test_types_of_numbers_are_told_apart(store: Store, session: Session) -> None:
    ada = Person(name="Ada", meta={"n": 1, "b": True})
    store.put(ada)
    found = session.get_one(Person, ada.key)
    found.meta["n"] = 1.5
    found.meta["b"] = 1
    session.commit()
    stored = store.get(ada).meta
    assert (type(stored["n"]), type(stored["b"])) == (float, int)


def test_extra_attributes_are_set_changed_and_removed(store: Store, session: Session) -> None:
    loose = Loose(name="L", a=1, b=[1], c="c")
    store.put(loose)
    found = session.get_one(Loose, loose.key)

    found.b.append(2)
    session.commit()
    del found.a
    found.d = {"new": 1}
    session.commit()
    found.d["more"] = 2
    found.model_extra["e"] = None
    session.commit()

    assert store.get(loose).model_extra == {"b": [1, 2], "c": "c", "d": {"new": 1, "more": 2}, "e": None}


def test_an_attribute_of_a_document_in_a_unique_index_can_be_removed(store: Store, session: Session) -> None:
    class Unique(Person, collection="people"):
        model_config = {"extra": "allow"}

    someone = Unique(name="S", email="s@x", extra=1)
    store.put(someone)
    found = session.get_one(Unique, someone.key)
    del found.extra
    session.commit()
    assert store.get(someone).model_extra == {}


def test_a_value_the_model_refuses_is_never_sent(store: Store, session: Session) -> None:
    ada = person()
    store.put(ada)
    found = session.get_one(Person, ada.key)
    store.engine.clear()

    found.age = "old"
    with pytest.raises(SchemaViolation, match="age"):
        session.commit()
    assert store.engine.batches == []

    found.age = 36
    session.commit()
    assert store.get(ada).age == 36


def test_a_bad_value_set_before_adding_is_refused_too(session: Session) -> None:
    ada = Person(name="Ada")
    ada.tags = [1]
    session.add(ada)
    with pytest.raises(SchemaViolation, match="tags"):
        session.flush()


def test_reading_and_private_attributes_change_nothing(store: Store, session: Session) -> None:
    ada = person()
    store.put(ada)
    found = session.get_one(Person, ada.key)
    assert repr(found) == repr(ada)
    assert found.model_dump() == ada.model_dump()
    assert dict(found)
    assert session.dirty == []
    store.engine.clear()
    found.secret = "not stored"
    session.commit()
    assert store.engine.batches == []
