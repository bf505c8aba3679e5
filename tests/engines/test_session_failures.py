"""After every failed commit nothing is half-written and the session goes on with its changes."""

import threading
from collections.abc import Callable

import pytest

from solidb_odm import Document, Engine, Session, select
from solidb_odm.errors import (
    ConcurrentUseError,
    DuplicateKey,
    LoadError,
    SchemaViolation,
    SolidbError,
    StaleDocumentError,
    UniqueViolation,
)

from .conftest import Store
from .documents import Knows, Loose, Person


class Trouble:
    """A session with one change of every kind, and something that keeps the commit from succeeding."""

    def __init__(self, store: Store, session: Session, kind: str, early: Person | None = None) -> None:
        self.store, self.session = store, session
        self.kept, self.gone = Person(key="kept", name="Kept", tags=["t"]), Person(key="gone", name="Gone")
        self.rival = Person(key="rival", name="Rival", email="r@x")
        store.put(self.rival)
        session.add_all([self.kept, self.gone])
        session.commit()
        self.new = Person(key="new", name="New")
        self.culprit = self._make(kind)
        if early is not None:
            session.add(early)
            session.flush()
            early.age = 3
        self._spoil(kind)
        self.kept.tags.append("u")
        session.delete(self.gone)
        session.add(self.new)
        session.add(Knows(self.kept, self.new, key="edge"))

    def _make(self, kind: str) -> Person:
        if kind == "duplicate key":
            culprit = Person(key="rival", name="Copy")
        elif kind == "unique violation":
            culprit = Person(key="thief", name="Thief", email="r@x")
        elif kind == "model violation":
            culprit = Person(key="bad", name="Bad")
        else:
            culprit = self.session.get_one(Person, "rival")
            self.store.change(self.rival, age=99)
        return culprit

    def _spoil(self, kind: str) -> None:
        if kind == "stale":
            self.culprit.age = 1
        elif kind == "model violation":
            self.culprit.age = "old"
        self.session.add(self.culprit)

    def mend(self, kind: str) -> None:
        if kind == "duplicate key":
            self.session.expunge(self.culprit)
        elif kind == "unique violation":
            self.culprit.email = "t@x"
        elif kind == "model violation":
            self.culprit.age = 1
        else:
            self.session.refresh(self.culprit)

    def check_nothing_written(self) -> None:
        with Session(self.store.engine) as other:
            assert other.get_one(Person, "kept").tags == ["t"]
            assert other.get_one(Person, "gone").rev == self.gone.rev
            assert [other.get(Person, "new"), other.get(Knows, "edge"), other.get(Person, "thief")] == [
                None
            ] * 3

    def check_all_written(self) -> None:
        with Session(self.store.engine) as other:
            assert other.get_one(Person, "kept").tags == ["t", "u"]
            assert other.get(Person, "gone") is None
            assert other.get(Knows, "edge") is not None


KINDS: dict[str, type[SolidbError]] = {
    "duplicate key": DuplicateKey,
    "unique violation": UniqueViolation,
    "model violation": SchemaViolation,
    "stale": StaleDocumentError,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flushed", [False, True], ids=["at once", "flushed before"])
def test_a_failed_commit_writes_nothing_and_can_be_mended(
    store: Store, session: Session, kind: str, flushed: bool
) -> None:
    early = Person(key="early", name="Early")
    trouble = Trouble(store, session, kind, early if flushed else None)
    dirty = [each for each in session.dirty if each is not early]
    new, deleted = session.new, session.deleted

    for _ in range(2):
        with pytest.raises(KINDS[kind]):
            session.commit()
        trouble.check_nothing_written()
        assert [each for each in session.dirty if each is not early] == dirty
        assert session.deleted == deleted
        assert {each.key for each in session.new} >= {each.key for each in new}
    trouble.mend(kind)
    session.commit()

    trouble.check_all_written()
    if flushed:
        assert store.get(early).age == 3


@pytest.mark.parametrize("kind", KINDS)
def test_a_failed_commit_can_be_rolled_back(store: Store, session: Session, kind: str) -> None:
    trouble = Trouble(store, session, kind)
    tags = trouble.kept.tags
    with pytest.raises(KINDS[kind]):
        session.commit()

    session.rollback()

    assert trouble.kept.tags == ["t"]
    assert tags == ["t", "u"]
    assert (trouble.kept in session, trouble.gone in session, trouble.new in session) == (True, True, False)
    assert (session.new, session.dirty, session.deleted) == ([], [], [])
    trouble.kept.tags.append("v")
    session.commit()
    assert store.get(trouble.kept).tags == ["t", "v"]


def test_rollback_takes_flushed_changes_back_too(store: Store, session: Session) -> None:
    ada, bob = Person(name="Ada", tags=["t"]), Person(name="Bob")
    session.add_all([ada, bob])
    session.commit()
    revision = ada.rev
    ada.tags.append("u")
    session.delete(bob)
    new = Person(name="New")
    session.add(new)
    session.flush()
    ada.tags.append("v")
    session.flush()

    session.rollback()

    assert (ada.tags, ada.rev) == (["t"], revision)
    assert (bob in session, new in session, new.rev) == (True, False, None)
    assert session.get(Person, bob.key) is bob
    session.add(new)
    ada.age = 1
    session.commit()
    assert (store.get(new), store.get(ada)) == (new, ada)


def test_a_document_deleted_and_added_again_is_just_changed_after_a_failure(
    store: Store, session: Session
) -> None:
    ada = Person(key="ada", name="Ada")
    store.put(Person(key="rival", name="Rival"))
    session.add(ada)
    session.commit()
    session.delete(ada)
    session.flush()
    session.add(ada)
    ada.age = 5
    rival = Person(key="rival", name="Copy")
    session.add(rival)
    with pytest.raises(DuplicateKey):
        session.commit()

    session.expunge(rival)
    session.commit()

    assert store.get(ada).age == 5


def test_a_stale_change_names_the_documents_on_both_sides(store: Store, session: Session) -> None:
    ada, bob, eve = (Person(name=name) for name in ("Ada", "Bob", "Eve"))
    session.add_all([ada, bob, eve])
    session.commit()
    base = ada.rev
    store.change(ada, age=1)
    with store.session() as other:
        other.delete(other.get_one(Person, bob.key))
        other.commit()

    ada.name = bob.name = eve.name = "Changed"
    with pytest.raises(StaleDocumentError) as caught:
        session.commit()

    found = {each.key: (each.collection, each.expected, each.found) for each in caught.value.documents}
    assert found[ada.key] == ("people", base, store.get(ada).rev)
    assert found[bob.key][2] is None
    assert eve.key not in found
    assert store.get(eve).name == "Eve"


def test_a_stale_deletion_is_refused(store: Store, session: Session) -> None:
    ada = Person(name="Ada")
    session.add(ada)
    session.commit()
    store.change(ada, age=1)

    session.delete(ada)
    with pytest.raises(StaleDocumentError, match=ada.key):
        session.commit()

    session.rollback()
    session.refresh(ada)
    session.delete(ada)
    session.commit()
    assert store.get(ada) is None


def test_two_sessions_see_each_others_commits(store: Store) -> None:
    ada = Person(name="Ada")
    store.put(ada)
    with store.session() as one, store.session() as two:
        mine, yours = one.get_one(Person, ada.key), two.get_one(Person, ada.key)
        assert mine is not yours
        mine.age = 1
        one.commit()
        assert yours.age == 0
        (again,) = two.scalars(select(Person)).all()
        assert (again is yours, yours.age) == (True, 1)
        yours.age = 2
        two.commit()
    assert store.get(ada).age == 2


def test_a_document_that_does_not_fit_its_model_leaves_the_session_usable(
    store: Store, session: Session
) -> None:
    class Strict(Document, collection="loose"):
        name: str
        count: int

    store.put(Loose(key="bad", name="B", count="many"), Loose(key="good", name="G", count=1))
    with pytest.raises(LoadError, match="count") as caught:
        session.get(Strict, "bad")
    assert (caught.value.key, caught.value.collection) == ("bad", "loose")

    fine = Person(name="Ada")
    session.add(fine)
    session.commit()
    assert store.get(fine) == fine


def test_a_session_in_use_by_another_thread_refuses(engine: Engine, store: Store) -> None:
    started, release = threading.Event(), threading.Event()
    with store.session() as session:

        def wait(_: Session) -> None:
            started.set()
            assert release.wait(10)

        session.on("before_commit", wait)
        worker = threading.Thread(target=session.commit)
        worker.start()
        assert started.wait(10)
        with pytest.raises(ConcurrentUseError):
            session.get(Person, "x")
        release.set()
        worker.join(10)
        assert session.get(Person, "x") is None


def test_an_interrupted_commit_leaves_a_session_that_works(store: Store, session: Session) -> None:
    ada, bob = Person(name="Ada"), Person(name="Bob")
    session.add(ada)
    session.commit()
    ada.age = 1
    session.add(bob)
    session.flush()
    session.on("before_commit", _interrupt_once())

    with pytest.raises(KeyboardInterrupt):
        session.commit()
    assert (store.get(ada).age, store.get(bob)) == (0, None)

    session.commit()
    assert (store.get(ada).age, store.get(bob)) == (1, bob)


def _interrupt_once() -> Callable[[Session], None]:
    left = [KeyboardInterrupt()]

    def interrupt(_: Session) -> None:
        if left:
            raise left.pop()

    return interrupt


def test_a_block_whose_commit_fails_is_rolled_back(store: Store, session: Session) -> None:
    store.put(Person(key="rival", name="Rival"))
    copy = Person(key="rival", name="Copy")
    with pytest.raises(DuplicateKey), session.begin():
        session.add(copy)
    assert (session.new, copy in session) == ([], False)
    assert session.get_one(Person, "rival").name == "Rival"
