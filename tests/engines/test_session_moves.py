"""What documents go through in a session: adding, loading, deleting, letting go."""

from typing import Any

import pytest

from solidb_odm import Session
from solidb_odm.errors import ClosedError, DocumentNotFound, StateError, UsageError
from solidb_odm.session import inspect

from .conftest import Store
from .documents import Knows, Loose, Person


def test_an_added_document_is_stored_by_the_commit(store: Store, session: Session) -> None:
    ada = Person(name="Ada", tags=["a"])
    session.add(ada)
    assert store.get(ada) is None

    session.commit()

    found = store.get(ada)
    assert found == ada
    assert (found.rev, found.created_at) == (ada.rev, ada.created_at)


def test_one_document_is_one_object(store: Store, session: Session) -> None:
    ada, bob = Person(name="Ada"), Person(name="Bob")
    store.put(ada, bob)

    first = session.get(Person, ada.key)

    assert session.get(Person, ada.key) is first
    assert session.get_many(Person, [bob.key, "nobody", ada.key])[2] is first
    assert session.get_many(Person, ["nobody"]) == [None]


def test_get_many_asks_once_and_only_for_what_is_missing(store: Store, session: Session) -> None:
    people = [Person(name=str(number)) for number in range(5)]
    store.put(*people)
    held = session.get(Person, people[0].key)
    before = session.statistics.statements

    found = session.get_many(Person, [person.key for person in people])

    assert [each and each.name for each in found] == ["0", "1", "2", "3", "4"]
    assert found[0] is held
    assert session.statistics.statements == before + 1


def test_get_one_says_what_there_is_not(session: Session) -> None:
    with pytest.raises(DocumentNotFound, match="people/nobody"):
        session.get_one(Person, "nobody")


@pytest.mark.parametrize("key", [None, 7])
def test_a_key_that_is_not_text_is_refused(session: Session, key: Any) -> None:
    with pytest.raises(UsageError, match="key of a Person is text"):
        session.get(Person, key)
    with pytest.raises(UsageError, match="key of a Person is text"):
        session.get_many(Person, ["a", key])


def test_a_deleted_document_is_gone_after_the_commit(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.commit()

    session.delete(ada)
    assert session.get(Person, ada.key) is None
    assert session.deleted == [ada]
    session.commit()

    assert store.get(ada) is None
    assert ada not in session
    assert ada.rev is None


def test_deleting_what_was_only_added_leaves_nothing_to_write(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.delete(ada)
    session.commit()
    assert store.engine.batches == []


def test_a_deletion_can_be_taken_back_with_the_changes_before_it(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.commit()

    ada.name = "Ada L."
    session.delete(ada)
    session.add(ada)
    session.commit()
    assert store.get(ada).name == "Ada L."

    ada.name = "Ada Lovelace"
    session.commit()
    assert store.get(ada).name == "Ada Lovelace"


def test_a_key_can_be_used_again_in_the_commit_that_deletes_it(store: Store, session: Session) -> None:
    old = Person(key="ada", name="Ada")
    session.add(old)
    session.commit()

    session.delete(old)
    new = Person(key="ada", name="Another")
    session.add(new)
    assert session.get(Person, "ada") is new
    session.commit()

    assert store.get(new).name == "Another"
    new.age = 5
    session.commit()
    assert store.get(new).age == 5


def test_letting_go_of_the_new_owner_of_a_key_brings_the_old_one_back(session: Session) -> None:
    old = Person(key="ada", name="Ada")
    session.add(old)
    session.commit()
    session.delete(old)
    new = Person(key="ada", name="Another")
    session.add(new)

    session.expunge(new)
    session.rollback()

    assert session.get(Person, "ada") is old


def test_the_key_of_a_pending_document_can_change(store: Store, session: Session) -> None:
    ada = Person(key="a", name="Ada")
    session.add(ada)
    ada.key = "b"
    assert session.get(Person, "a") is None

    session.commit()

    assert session.get(Person, "b") is ada
    assert store.get(ada) == ada


def test_an_expunged_document_keeps_its_changes_to_itself(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.commit()

    ada.name = "Eve"
    session.expunge(ada)
    session.commit()
    assert store.get(ada).name == "Ada"

    session.add(ada)  # and may come back with them
    session.commit()
    assert store.get(ada).name == "Eve"


def test_two_objects_cant_stand_for_one_document(session: Session) -> None:
    session.add(Person(key="ada", name="Ada"))
    with pytest.raises(StateError, match="people/ada") as caught:
        session.add(Person(key="ada", name="Ada again"))
    assert "merge" in (caught.value.hint or "")


def test_a_document_belongs_to_one_session(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    with store.session() as other, pytest.raises(StateError, match="another session"):
        other.add(ada)
    with store.session() as other, pytest.raises(StateError, match="pending in another session"):
        other.delete(ada)


def test_an_edge_brings_its_ends_along_and_comes_after_them(store: Store, session: Session) -> None:
    ada, bob = Person(name="Ada"), Person(name="Bob")
    knows = Knows(ada, bob, since=1833)

    session.add(knows)
    session.commit()

    assert [written.collection for written in store.engine.inserts] == ["people", "people", "knows"]
    assert store.get(knows).from_ == ada.id
    assert store.get(bob) == bob


def test_an_end_set_later_comes_along_too(store: Store, session: Session) -> None:
    knows = Knows(Person(name="Ada"), Person(name="Bob"))
    session.add(knows)
    session.commit()

    eve = Person(name="Eve")
    knows.to = eve
    session.commit()

    assert store.get(eve) == eve
    assert store.get(knows).to == eve.id


def test_edges_are_deleted_before_their_ends(store: Store, session: Session) -> None:
    ada, bob = Person(name="Ada"), Person(name="Bob")
    knows = Knows(ada, bob)
    session.add(knows)
    session.commit()
    store.engine.clear()

    for each in (ada, bob, knows):
        session.delete(each)
    session.commit()

    assert [written.collection for written in store.engine.removals] == ["knows", "people", "people"]


def test_documents_are_written_in_the_order_of_their_keys(store: Store, session: Session) -> None:
    session.add_all([Person(key="c", name="C"), Loose(key="z", name="Z"), Person(key="a", name="A")])
    session.commit()
    assert [written.key for written in store.engine.inserts] == ["z", "a", "c"]


def test_a_block_commits_at_its_end_and_rolls_back_when_it_raises(store: Store, session: Session) -> None:
    ada, bob = Person(name="Ada"), Person(name="Bob")
    with session.begin():
        session.add(ada)
    with pytest.raises(ZeroDivisionError):
        _add_and_fail(session, bob)

    assert store.get(ada) == ada
    assert store.get(bob) is None
    assert bob not in session


def _add_and_fail(session: Session, document: Person) -> None:
    with session.begin():
        session.add(document)
        raise ZeroDivisionError


def test_leaving_the_block_of_a_session_rolls_back_what_was_not_committed(store: Store) -> None:
    ada = Person(name="Ada")
    with store.session() as session:
        session.add(ada)
        session.flush()
    assert store.get(ada) is None


def test_a_closed_session_says_so(store: Store) -> None:
    session = store.session()
    ada = Person(name="Ada")
    session.add(ada)
    session.close()
    session.close()

    with pytest.raises(ClosedError):
        session.commit()
    with pytest.raises(ClosedError):
        session.add(Person(name="Bob"))
    assert ada not in session


def test_a_session_takes_documents_only(session: Session) -> None:
    with pytest.raises(StateError, match="can only add documents"):
        session.add({"name": "Ada"})


def test_refresh_reads_what_others_wrote_and_keeps_what_is_never_stored(
    store: Store, session: Session
) -> None:
    ada = Person(name="Ada", tags=["a"], secret="s")
    session.add(ada)
    session.commit()
    store.change(ada, name="Augusta", tags=["b"])

    ada.age = 5
    session.refresh(ada)

    assert (ada.name, ada.tags, ada.age, ada.secret) == ("Augusta", ["b"], 0, "s")
    session.commit()
    assert store.get(ada).age == 0


def test_refresh_of_what_is_gone_or_foreign_says_so(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    with pytest.raises(StateError, match="not a stored document"):
        session.refresh(ada)
    session.add(ada)
    session.commit()
    with store.session() as other:
        other.delete(other.get_one(Person, ada.key))
        other.commit()

    with pytest.raises(DocumentNotFound, match=ada.key):
        session.refresh(ada)


def test_an_expired_document_is_read_anew_when_it_is_asked_for(store: Store, session: Session) -> None:
    ada = Person(name="Ada", tags=["a"])
    session.add(ada)
    session.commit()
    store.change(ada, age=36)
    ada.tags.append("lost")

    session.expire(ada)
    assert ada.tags == ["a"]

    assert session.get(Person, ada.key) is ada
    assert ada.age == 36
    before = session.statistics.statements
    session.get(Person, ada.key)
    assert session.statistics.statements == before


def test_documents_outlive_their_session(store: Store) -> None:
    ada, flushed = Person(name="Ada", tags=["a"]), Person(name="Flushed")
    with store.session() as session:
        session.add(ada)
        session.commit()
        session.add(flushed)
        session.flush()
    assert (inspect(ada).state, inspect(flushed).state, flushed.rev) == ("detached", "transient", None)

    ada.tags.append("b")
    with store.session() as other:
        other.add_all([ada, flushed])
        other.commit()
    assert store.get(ada).tags == ["a", "b"]
    assert store.get(flushed) == flushed


def test_expire_on_commit_reads_anew_what_is_asked_for_after_it(store: Store) -> None:
    ada, bob = Person(name="Ada", age=1), Person(name="Bob", age=1)
    with Session(store.engine, expire_on_commit=True) as session:
        session.add_all([ada, bob])
        session.commit()
        store.change(ada, age=2)
        bob.age = 5

        assert (session.get_one(Person, ada.key).age, session.get_one(Person, bob.key).age) == (2, 5)
        assert ada.age == 2
        session.commit()


def test_without_it_documents_stay_as_they_are(store: Store) -> None:
    ada = Person(name="Ada", age=1)
    with Session(store.engine, expire_on_commit=False) as session:
        session.add(ada)
        session.commit()
        store.change(ada, age=2)

        assert session.get_one(Person, ada.key).age == 1
        ada.age = 3
        session.expire_all()
        assert (ada.age, session.get_one(Person, ada.key).age) == (1, 2)
