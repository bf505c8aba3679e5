"""Where somebody else was first: trying again, merging, making the changes anew."""

import pytest

from solidb_odm import Session, sdbql
from solidb_odm.errors import MergeConflictError, StaleDocumentError, StateError

from .conftest import Store
from .documents import Address, Person


def test_a_unit_of_work_is_run_again_until_nobody_interferes(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    store.put(ada)
    runs = []

    def grow(session: Session) -> int:
        found = session.get_one(Person, ada.key)
        runs.append(found.age)
        if len(runs) < 3:
            store.change(ada, age=10 * len(runs))
        found.age += 1
        return found.age

    assert session.run(grow) == 21
    assert runs == [0, 10, 20]
    assert store.get(ada).age == 21


def test_a_unit_of_work_gives_up_after_its_retries(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    store.put(ada)
    runs = []

    def never(session: Session) -> None:
        found = session.get_one(Person, ada.key)
        runs.append(1)
        store.change(ada, age=len(runs))
        found.note = "mine"

    with pytest.raises(StaleDocumentError):
        session.run(never, retries=1)
    assert len(runs) == 2
    assert store.get(ada).note is None


def test_other_errors_are_not_retried_and_roll_back(session: Session) -> None:
    runs = []

    def fail(session: Session) -> None:
        runs.append(1)
        session.add(Person(name="Ada"))
        raise KeyError

    with pytest.raises(KeyError):
        session.run(fail)
    assert (runs, session.new) == ([1], [])


def test_a_unit_of_work_starts_clean(session: Session) -> None:
    session.add(Person(name="Ada"))
    with pytest.raises(StateError, match="uncommitted changes"):
        session.run(lambda _: None)


def test_rebase_makes_our_changes_anew_on_what_others_wrote(store: Store, session: Session) -> None:
    ada = Person(name="Ada", meta={"a": 1, "b": 1}, address=Address(city="Rome"))
    session.add(ada)
    session.commit()
    store.change(ada, age=36, meta={"a": 1, "b": 2}, address=Address(city="Rome", lines=["1"]))
    ada.name, ada.meta["a"], ada.address.city = "Augusta", 9, "Oslo"

    with pytest.raises(StaleDocumentError) as caught:
        session.commit()
    assert session.rebase(caught.value) == {}
    session.commit()

    found = store.get(ada)
    assert (found.name, found.age, found.meta) == ("Augusta", 36, {"a": 9, "b": 2})
    assert found.address == Address(city="Oslo", lines=["1"])


def test_rebase_asks_what_to_prefer_where_both_changed(store: Store, session: Session) -> None:
    ada = Person(name="Ada", age=1, meta={"n": 1})
    session.add(ada)
    session.commit()
    store.change(ada, age=5, meta={"n": 5})
    ada.age, ada.meta["n"] = 7, 7

    with pytest.raises(MergeConflictError, match="age") as caught:
        session.rebase(ada)
    assert {each.path for each in caught.value.conflicts[ada.id]} == {"age", "meta.n"}
    assert (ada.age, session.is_modified(ada)) == (7, True)

    session.rebase(ada, prefer=lambda conflict: conflict.ours + conflict.theirs)
    session.commit()
    assert (store.get(ada).age, store.get(ada).meta) == (12, {"n": 12})


@pytest.mark.parametrize(("side", "age"), [("ours", 7), ("theirs", 5)])
def test_rebase_prefers_a_side(store: Store, session: Session, side: str, age: int) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.commit()
    store.change(ada, age=5)
    ada.age = 7
    (conflicts,) = session.rebase(ada, prefer=side).values()
    session.commit()
    assert (conflicts[0].base, conflicts[0].ours, conflicts[0].theirs) == (0, 7, 5)
    assert store.get(ada).age == age


def test_merge_takes_the_values_that_were_set(store: Store, session: Session) -> None:
    ada = Person(key="ada", name="Ada", age=36, tags=["t"])
    store.put(ada)
    given = Person(key="ada", name="Augusta")

    held = session.merge(given)
    session.commit()

    assert held is session.get(Person, "ada")
    assert (store.get(ada).name, store.get(ada).age, store.get(ada).tags) == ("Augusta", 36, ["t"])
    assert session.merge(held) is held


def test_merge_adds_a_copy_of_what_is_not_stored(store: Store, session: Session) -> None:
    given = Person(name="Ada", tags=["t"])
    held = session.merge(given)
    given.tags.append("not seen")
    session.commit()
    assert held is not given
    assert store.get(given).tags == ["t"]


def test_merge_of_an_outdated_document_is_refused(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    store.put(ada)
    old = store.get(ada)
    store.change(ada, age=1)
    old.name = "Augusta"
    with pytest.raises(StaleDocumentError, match=ada.key):
        session.merge(old)
    assert session.scalar(sdbql("RETURN 1")) == 1
