"""Random histories of documents that end: they expire, are orphaned, marked, let go of, or changed by others.

A dictionary beside them says what is there. Sessions end, too: they are closed or collected, and what they
held goes on in the next one.
"""

from __future__ import annotations

import copy
import gc
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm import (
    BackReference,
    Cascade,
    Document,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    SoftDelete,
    TTLIndex,
    back_reference,
    create_engine,
    select,
    upsert,
)
from solidb_odm.errors import DocumentNotFound, StaleDocumentError
from solidb_odm.model import expiry
from tests.sizes import examples

registry = Registry()
BEGUN = datetime.now(UTC) + timedelta(days=1)
HOUR = timedelta(hours=1)


class Shelf(Document, collection="ending_shelves", registry=registry):
    n: int = 0
    books: ClassVar[BackReference[Book]] = back_reference("Book.shelf", cascade=Cascade("delete-orphan"))


class Cover(Document, collection="ending_covers", registry=registry):
    n: int = 0


class Book(Document, collection="ending_books", registry=registry):
    n: int = 0
    tags: list[int] = []
    shelf: Link[Shelf] | None = None
    cover: Annotated[Link[Cover] | None, Cascade("all", "delete-orphan")] = None


class Pass(Document, collection="ending_passes", registry=registry):
    """What is over at a time."""

    n: int = 0
    tags: list[int] = []
    until: Annotated[datetime, TTLIndex()]


class Card(SoftDelete, Document, collection="ending_cards", registry=registry):
    n: int = 0
    code: Annotated[int, Index(unique=True)]


MODELS: dict[str, Any] = {"s": Shelf, "c": Cover, "b": Book, "p": Pass, "d": Card}
Stored = dict[str, dict[str, Any]]


def shown(document: Any) -> dict[str, Any]:
    """Return what a document holds as the dictionaries have it."""
    held: dict[str, Any] = {"n": document.n}
    if isinstance(document, Book):
        held |= {"tags": list(document.tags)}
        held |= {"shelf": document.shelf and document.shelf.key}
        held |= {"cover": document.cover and document.cover.key}
    if isinstance(document, Pass):
        held |= {"tags": list(document.tags), "until": round((document.until - BEGUN) / HOUR)}
    if isinstance(document, Card):
        held |= {"code": document.code, "is_deleted": document.deleted_at is not None}
    return held


class History:
    """A session, and what has to be in it and in the database."""

    def __init__(self, engine: Engine, seed: int, *, is_server: bool) -> None:
        self.dice = random.Random(seed)
        self.engine, self.session, self.is_server = engine, Session(engine), is_server
        self.hours = 0
        """How late it is."""
        self.now: Stored = {}
        self.saved: Stored = {}
        self.leaving: set[str] = set()
        """What the next flush deletes along."""
        self.coming: set[str] = set()
        """What the next flush stores along; nothing finds it before."""
        self.kept: list[Any] = []
        """What the caller holds, of this session and of those before."""
        self.steps: list[str] = []
        self.count = 0

    def moment(self) -> float:
        return (BEGUN + self.hours * HOUR).timestamp()

    # --- picking ---------------------------------------------------------------------------------

    def is_there(self, key: str, held: dict[str, Any]) -> bool:
        """Return whether a read finds a document: it is neither over, nor marked, nor about to be deleted."""
        is_over = "until" in held and held["until"] <= self.hours
        return not (is_over or held.get("is_deleted") or key in self.leaving | self.coming)

    def keys(self, kinds: str) -> list[str]:
        return sorted(k for k, held in self.now.items() if k[0] in kinds and self.is_there(k, held))

    def pick(self, kinds: str) -> str | None:
        keys = self.keys(kinds)
        return self.dice.choice(keys) if keys else None

    def get(self, key: str) -> Any:
        found = self.session.get_one(MODELS[key[0]], key)
        if self.dice.random() < 0.3:
            self.kept.append(found)
        return found

    def new_key(self, kind: str) -> str:
        self.count += 1
        return f"{kind}{self.count}"

    def later(self) -> int:
        return self.hours + self.dice.randint(1, 4)

    # --- making and changing -----------------------------------------------------------------------

    def add(self) -> None:
        key = self.new_key(self.dice.choice("spd"))
        held: dict[str, Any] = {"n": self.count}
        if key[0] == "p":
            held |= {"tags": [], "until": self.later()}
            made: Document = Pass(key=key, n=self.count, until=BEGUN + held["until"] * HOUR)
        elif key[0] == "d":
            held |= {"code": self.count, "is_deleted": False}
            made = Card(key=key, n=self.count, code=self.count)
        else:
            made = Shelf(key=key, n=self.count)
        self.session.add(made)
        self.now[key] = held

    def add_book(self) -> None:
        shelf, key = self.pick("s"), self.new_key("b")
        cover = self.new_cover() if self.dice.random() < 0.6 else None
        self.session.add(Book(key=key, shelf=self.get(shelf) if shelf else None, cover=cover))
        self.now[key] = {"n": 0, "tags": [], "shelf": shelf, "cover": cover and cover.key}

    def new_cover(self) -> Cover:
        key = self.new_key("c")
        self.now[key] = {"n": 7}
        self.coming.add(key)
        return Cover(key=key, n=7)

    def change(self) -> None:
        if (key := self.pick("sbcpd")) is not None:
            self.get(key).n = self.now[key]["n"] = self.count

    def append(self) -> None:
        if (key := self.pick("bp")) is not None:
            self.get(key).tags.append(self.count)
            self.now[key]["tags"].append(self.count)

    # --- orphans -----------------------------------------------------------------------------------

    def leave(self, key: str | None) -> None:
        """Note that a document is deleted along with what was done, and what goes with it."""
        if key is not None and key in self.now:
            self.leaving.add(key)
            self.leave(self.now[key].get("cover"))
            for other in [each for each, held in self.now.items() if held.get("shelf") == key]:
                self.leave(other)

    def cover(self) -> None:
        """Give a book another cover, or that of another book."""
        if (key := self.pick("b")) is None:
            return
        book, old = self.get(key), self.now[key]["cover"]
        others = [each for each in self.keys("b") if self.now[each]["cover"] and each != key]
        if others and self.dice.random() < 0.4:
            other = self.dice.choice(others)
            theirs = self.get(other)
            book.cover, theirs.cover = theirs.cover, None
            self.now[key]["cover"], self.now[other]["cover"] = self.now[other]["cover"], None
        else:
            book.cover = self.new_cover() if self.dice.random() < 0.6 else None
            self.now[key]["cover"] = book.cover and book.cover.key
        self.leave(old)

    def shelve(self) -> None:
        """Put a book on another shelf, or on none: then it goes, if it was ever stored."""
        books = [each for each in self.keys("b") if self.now[each]["shelf"]]
        if not books:
            return
        key, shelf = self.dice.choice(books), self.pick("s")
        if shelf is not None and self.dice.random() < 0.6:
            self.get(key).shelf = self.get(shelf)
            self.now[key]["shelf"] = shelf
        else:
            book = self.get(key)
            book.shelf = self.now[key]["shelf"] = None
            if book not in self.session.new:
                self.leave(key)

    def delete(self) -> None:
        if (key := self.pick("sbd")) is None:
            return
        document = self.get(key)
        is_new = document in self.session.new
        self.session.delete(document)
        if key[0] != "d":
            self.leave(key)
        elif is_new:  # what was never stored is not kept, marked or not
            del self.now[key]
        else:
            self.now[key]["is_deleted"] = True

    # --- time, and what is hidden ------------------------------------------------------------------

    def wait(self) -> None:
        self.hours += 1

    def prolong(self) -> None:
        if (key := self.pick("p")) is not None:
            self.now[key]["until"] = self.later()
            self.get(key).until = BEGUN + self.now[key]["until"] * HOUR

    def store_again(self) -> None:
        """Store what is over, or marked, anew."""
        hidden = [k for k, held in self.saved.items() if k[0] in "pd" and held == self.now.get(k)]
        hidden = [key for key in hidden if not self.is_there(key, self.now[key])]
        if not hidden:
            return
        if self.is_server:  # which commits statements at once
            self.commit()
        key = self.dice.choice(sorted(hidden))
        values: dict[str, Any] = {"key": key, "n": self.count}
        if key[0] == "p":
            self.now[key] = {"n": self.count, "tags": [], "until": self.later()}
            values["until"] = BEGUN + self.now[key]["until"] * HOUR
        else:
            self.now[key] |= {"n": self.count, "is_deleted": False}
            values["code"] = self.now[key]["code"]
        if self.dice.random() < 0.5:
            self.session.execute(upsert(MODELS[key[0]]).values(**values))
            if self.is_server:
                self.saved = copy.deepcopy(self.now)
        else:
            self.session.merge(MODELS[key[0]](**values))

    # --- bringing up to date -------------------------------------------------------------------------

    def drop(self) -> None:
        """Change a document, and take that back by reading it anew, or by letting go of it."""
        if (key := self.settled()) is None:
            return
        document = self.get(key)
        document.n = -1
        if hasattr(document, "tags"):
            document.tags.append(-1)
        moves: list[Any] = [self.session.refresh, self.session.expire]
        moves += [] if key[0] == "c" else [self.session.expunge]  # their books hold the objects of covers
        move = self.dice.choice(moves)
        move(document)
        self.kept.append(document)
        if move == self.session.expunge:
            assert document not in self.session

    def settled(self) -> str | None:
        """Return a document whose changes have all been sent to where it is read from."""
        if not self.is_server:
            self.session.flush()
            self.deleted_along()
        keys = [key for key in self.keys("sbcpd") if not self.session.is_modified(self.get(key))]
        keys = [key for key in keys if self.get(key) not in self.session.new]
        return self.dice.choice(keys) if keys else None

    def merge(self) -> None:
        if (key := self.settled()) is None or key[0] not in "sp":
            return
        values: dict[str, Any] = {"key": key, "n": self.count}
        if key[0] == "p":
            values["until"] = BEGUN + self.now[key]["until"] * HOUR
        assert self.session.merge(MODELS[key[0]](**values)) is self.get(key)
        self.now[key]["n"] = self.count

    def come_back(self) -> None:
        """Let go of a document, change it, and add it again."""
        if (key := self.settled()) is None or key[0] == "c":
            return
        document = self.get(key)
        self.session.expunge(document)
        document.n = self.now[key]["n"] = self.count
        self.session.add(document)
        assert self.get(key) is document

    # --- ends of sessions and transactions -------------------------------------------------------------

    def deleted_along(self) -> None:
        """Take away what a flush has deleted."""
        for key in self.leaving:
            self.now.pop(key, None)
        self.leaving.clear()
        self.coming.clear()

    def flush(self) -> None:
        self.session.flush()
        if not self.is_server:
            self.deleted_along()

    def query(self) -> None:
        if (self.leaving or self.coming) and self.is_server:
            return
        for kind, model in MODELS.items():
            found = self.session.scalars(select(model)).all()
            self.deleted_along()
            assert {each.key: shown(each) for each in found} == {k: self.now[k] for k in self.keys(kind)}

    def commit(self) -> None:
        self.session.commit()
        self.deleted_along()
        self.saved = copy.deepcopy(self.now)
        self.check()

    def back(self) -> None:
        self.session.rollback()
        self.leaving.clear()
        self.coming.clear()
        self.now = copy.deepcopy(self.saved)
        self.check()

    def nested(self) -> None:
        if not self.is_server:
            self.flush()
        before = copy.deepcopy((self.now, self.leaving, self.coming))
        raises = self.dice.random() < 0.6
        moves = [
            self.add, self.add_book, self.change, self.append, self.cover, self.shelve, self.delete,
            self.wait, self.prolong, self.query, self.merge, self.nested, self.drop,
        ]  # fmt: skip
        moves += [] if self.is_server else [self.store_again, self.come_back]
        try:
            with self.session.begin_nested():
                for _ in range(3):
                    self.make(self.dice.choice(moves))
                if raises:
                    raise InterruptedError
        except InterruptedError:
            self.now, self.leaving, self.coming = before
        if not self.is_server:
            self.deleted_along()
        self.check_held()

    def conflict(self) -> None:
        """A block changes what somebody else has changed: a file refuses the block, a server the commit."""
        self.commit()
        if (key := self.pick("sbpd")) is None:
            return
        document = self.get(key)
        with Session(self.engine) as other:
            other.get_one(MODELS[key[0]], key).n = self.now[key]["n"] = self.saved[key]["n"] = self.count
            other.commit()
        shelf = Shelf(key=self.new_key("s"))
        self.session.add(shelf)
        with pytest.raises(StaleDocumentError) as caught:
            self.change_late(document)
        assert [each.key for each in caught.value.documents] == [key]
        if self.is_server:
            assert document.n == -1
        self.session.refresh(document)
        self.now[shelf.key] = {"n": 0}
        self.commit()

    def change_late(self, document: Any) -> None:
        with self.session.begin_nested():
            document.n = -1
        assert self.is_server
        self.session.commit()

    def end(self) -> None:
        """Close the session, or lose it; what it held goes on in another one."""
        self.commit()
        held = {key: self.get(key) for key in self.keys("sbcpd")}
        if self.dice.random() < 0.5:
            self.session.close()
        self.session = Session(self.engine)
        gc.collect()
        self.kept += held.values()
        if (key := self.pick("sbcpd")) is not None:
            held[key].n = self.now[key]["n"] = self.count
            self.session.add(held[key])
            assert self.get(key) is held[key]

    def gone(self) -> None:
        """What is over for a session is over for all that it does with it."""
        self.commit()
        if (key := self.pick("p")) is None:
            return
        document = self.get(key)
        self.hours = self.now[key]["until"]
        assert self.session.get(Pass, key) is None
        with pytest.raises(DocumentNotFound):
            self.session.refresh(document)
        if self.dice.random() < 0.5:
            self.now[key]["until"] = self.later()
            document.until = BEGUN + self.now[key]["until"] * HOUR
            assert self.session.get(Pass, key) is document

    # --- the law ---------------------------------------------------------------------------------

    def check(self) -> None:
        """What is stored is what was committed; nobody else's change of a held document counts."""
        with Session(self.engine) as other:
            stored = {
                each.key: shown(each) for model in MODELS.values() for each in other.scalars(select(model))
            }
        there = {key: held for key, held in self.saved.items() if self.is_there(key, held)}
        assert stored == there
        self.check_held()

    def check_held(self) -> None:
        """What the session holds is what there is."""
        for key in self.keys("sbcpd"):
            assert shown(self.get(key)) == self.now[key], key
        for key in (self.saved.keys() | self.now.keys()) - {*self.keys("sbcpd")} - self.leaving - self.coming:
            assert self.session.get(MODELS[key[0]], key) is None, key

    def make(self, move: Callable[[], None]) -> None:
        self.count += 1
        self.steps.append(move.__name__)
        move()

    def run(self, count: int) -> None:
        """Make so many moves, and commit."""
        often = [self.add, self.add_book, self.add_book, self.change, self.append, self.cover, self.shelve]
        moves = [
            *often, *often, self.delete, self.wait, self.prolong, self.store_again, self.drop, self.merge,
            self.come_back, self.flush, self.query, self.commit, self.back, self.nested, self.nested,
            self.conflict, self.end, self.gone,
        ]  # fmt: skip
        for _ in range(count):
            self.make(self.dice.choice(moves))
        self.commit()


def run(engine: Engine, seed: int, monkeypatch: pytest.MonkeyPatch, *, is_server: bool = False) -> None:
    engine.create_all(registry)
    history = History(engine, seed, is_server=is_server)
    monkeypatch.setattr(expiry, "now", history.moment)
    try:
        history.run(30)
    except BaseException:
        print(seed, history.steps)
        raise
    finally:
        history.session.close()


@settings(max_examples=examples(20))
@given(st.integers(0, 10**6))
def test_a_history_of_documents_that_end(seed: int) -> None:
    with create_engine("sqlite://") as engine, pytest.MonkeyPatch.context() as monkeypatch:
        run(engine, seed, monkeypatch)


@pytest.mark.parametrize("seed", range(2))
def test_a_history_of_documents_that_end_on_each_engine(
    engine: Engine, engine_url: str, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(engine, seed, monkeypatch, is_server=engine_url.startswith("solidb"))


def test_the_clock_of_these_histories_is_ahead_of_all_that_deletes() -> None:
    """No engine deletes what is over for the library alone."""
    assert BEGUN.timestamp() > time.time()
