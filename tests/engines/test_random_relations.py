"""Random histories of related documents: links, cascades, marks, statements, savepoints, two sessions.

A dictionary beside them says what is stored. The same moves are made blocking and with ``await``.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from inspect import iscoroutinefunction
from typing import Annotated, Any, ClassVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm import (
    AsyncSession,
    BackReference,
    Cascade,
    Document,
    Edge,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    SoftDelete,
    back_reference,
    create_async_engine,
    create_engine,
    delete,
    insert,
    select,
    update,
    upsert,
)
from solidb_odm.errors import StaleDocumentError
from tests.sizes import examples

registry = Registry()


class Boss(Document, collection="relation_bosses", registry=registry):
    n: int = 0
    items: ClassVar[BackReference[Item]] = back_reference("Item.owner", cascade=Cascade("delete"))


class Item(Document, collection="relation_items", registry=registry):
    n: int = 0
    tags: list[int] = []
    owner: Annotated[Link[Boss] | None, Cascade("save")] = None


class Note(SoftDelete, Document, collection="relation_notes", registry=registry):
    n: int = 0
    about: Link[Item] | None = None
    code: Annotated[int | None, Index(unique=True)] = None


class Likes(Edge[Boss, Item], collection="relation_likes", registry=registry):
    n: int = 0

    class Settings:
        cascade = Cascade("delete")


MODELS: dict[str, Any] = {"b": Boss, "i": Item, "n": Note, "l": Likes}
Stored = dict[str, dict[str, Any]]


def shown(document: Any) -> dict[str, Any]:
    """Return what a document holds as the dictionaries have it."""
    held: dict[str, Any] = {"n": document.n}
    if isinstance(document, Item):
        held |= {"tags": list(document.tags), "owner": document.owner and document.owner.key}
    if isinstance(document, Note):
        held |= {"about": document.about and document.about.key, "code": document.code}
        held["is_deleted"] = document.deleted_at is not None
    if isinstance(document, Likes):
        held |= {"from": document.from_id.partition("/")[2], "to": document.to_id.partition("/")[2]}
    return held


def different(one: Stored, other: Stored) -> dict[str, Any]:
    keys = one.keys() | other.keys()
    return {key: (one.get(key), other.get(key)) for key in keys if one.get(key) != other.get(key)}


class History:
    """A session, and what has to be in it and in the database."""

    def __init__(self, engine: Engine, session: Any, seed: int, *, is_server: bool) -> None:
        self.dice = random.Random(seed)
        self.engine, self.session, self.is_server = engine, session, is_server
        self.now: Stored = {}
        self.saved: Stored = {}
        self.steps: list[Any] = []
        self.count = 0

    # --- moves -----------------------------------------------------------------------------------

    def keys(self, kinds: str = "bin", *, deleted: bool = False) -> list[str]:
        live = [key for key, held in self.now.items() if held.get("is_deleted", False) == deleted]
        return sorted(key for key in live if key[0] in kinds)

    def pick(self, kinds: str = "bin", *, deleted: bool = False) -> str | None:
        keys = self.keys(kinds, deleted=deleted)
        return self.dice.choice(keys) if keys else None

    def get(self, key: str, *, deleted: bool = False) -> Any:
        model = MODELS[key[0]]
        return (
            self.session.get(model, key, with_deleted=True) if deleted else self.session.get_one(model, key)
        )

    def new_key(self, kind: str) -> str:
        """Return a key, now and then one that was deleted before."""
        self.count += 1
        gone = [key for key in self.saved if key[0] == kind and key not in self.now]
        is_again = gone and kind == "b" and not self.is_server and self.dice.random() < 0.3
        return gone[0] if is_again else f"{kind}{self.count}"

    def free_code(self) -> int | None:
        taken = {held.get("code") for held in (*self.now.values(), *self.saved.values())}
        free = [code for code in range(4) if code not in taken]
        return self.dice.choice([None, *free])

    def add_boss(self) -> None:
        key = self.new_key("b")
        self.session.add(Boss(key=key, n=self.count))
        self.now[key] = {"n": self.count}

    def add_item(self) -> None:
        key, owner = self.new_key("i"), self.pick("b")
        if owner is None or self.dice.random() < 0.3:  # its owner is added along
            owner = self.new_key("b")
            boss = Boss(key=owner, n=0)
            self.now[owner] = {"n": 0}
        else:
            boss = self.get(owner)
        self.session.add(Item(key=key, owner=boss, tags=[1]))
        self.now[key] = {"n": 0, "tags": [1], "owner": owner}

    def add_note(self) -> None:
        key, item, code = self.new_key("n"), self.pick("i"), self.free_code()
        self.session.add(Note(key=key, about=item and self.get(item), code=code))
        self.now[key] = {"n": 0, "about": item, "code": code, "is_deleted": False}

    def add_edge(self) -> None:
        boss, item, key = self.pick("b"), self.pick("i"), self.new_key("l")
        if boss and item:
            self.session.add(Likes(self.get(boss), self.get(item), key=key))
            self.now[key] = {"n": 0, "from": boss, "to": item}

    def change(self) -> None:
        if (key := self.pick("binl")) is not None:
            self.get(key).n = self.now[key]["n"] = self.count

    def append(self) -> None:
        if (key := self.pick("i")) is not None:
            self.get(key).tags.append(self.count)
            self.now[key]["tags"].append(self.count)

    def link(self) -> None:
        key, boss = self.pick("i"), self.pick("b")
        if key is not None:
            chosen = boss if self.dice.random() < 0.8 else None
            self.get(key).owner = chosen and self.get(chosen)
            self.now[key]["owner"] = chosen

    def delete(self) -> None:
        key = self.pick("bin")
        subjects = {self.now[held["about"]]["owner"]: held["about"] for held in self.notes()}
        if key is None or key in subjects or key in subjects.values():
            return  # what a note is about has to be there when the note is stored
        document = self.get(key)
        is_new = document in self.session.new
        self.session.delete(document)
        self.removed(key)
        if is_new:  # what was never stored is not kept, marked or not
            self.now.pop(key, None)

    def notes(self) -> list[dict[str, Any]]:
        return [held for held in self.now.values() if held.get("about") in self.now]

    def removed(self, key: str) -> None:
        """Take a document away, and what is deleted along."""
        if key[0] == "n":
            self.now[key]["is_deleted"] = True
            return
        del self.now[key]
        for other in [each for each, held in self.now.items() if key in (held.get("from"), held.get("to"))]:
            del self.now[other]
        for other in [each for each, held in self.now.items() if held.get("owner") == key and key[0] == "b"]:
            self.removed(other)

    def restore(self) -> None:
        key = self.pick("n", deleted=True)
        if key is not None and self.now[key]["code"] is None:
            self.get(key, deleted=True).deleted_at = None
            self.now[key]["is_deleted"] = False

    def purge(self) -> None:
        if (key := self.pick("n", deleted=True)) is not None:
            self.session.delete(self.get(key, deleted=True), permanently=True)
            del self.now[key]

    def statement(self) -> None:
        """Write by a statement; a server commits it at once."""
        if self.is_server:
            self.commit()
        moves = [
            self.bulk_update,
            self.bulk_change,
            self.bulk_delete,
            self.bulk_mark,
            self.bulk_insert,
            self.upsert,
        ]
        move = self.dice.choice(moves)
        self.steps.append(move.__name__)
        move()
        if self.is_server:
            self.saved = copy.deepcopy(self.now)

    def bulk_update(self) -> None:
        limit = self.dice.randrange(1, self.count + 2)
        found = [key for key in self.keys("i") if self.now[key]["n"] < limit]
        done = self.session.scalar(update(Item).where(Item.n < limit).values(n=Item.n + 1, tags=[limit]))
        assert done == len(found)
        for key in found:
            self.now[key] |= {"n": self.now[key]["n"] + 1, "tags": [limit]}

    def bulk_change(self) -> None:
        found = self.keys("n")
        assert self.session.scalar(update(Note).values(n=self.count)) == len(found)
        for key in found:
            self.now[key]["n"] = self.count

    def bulk_delete(self) -> None:
        if (key := self.pick("i")) is not None:  # statements do not cascade
            assert self.session.scalar(delete(Item).where(Item.key == key)) == 1
            del self.now[key]

    def bulk_mark(self) -> None:
        limit = self.dice.randrange(self.count + 1)
        found = [key for key in self.keys("n") if self.now[key]["n"] <= limit]
        assert self.session.scalar(delete(Note).where(Note.n <= limit)) == len(found)
        for key in found:
            self.now[key]["is_deleted"] = True

    def bulk_insert(self) -> None:
        keys = [self.new_key("b"), f"b{self.count}x"]
        self.session.execute(insert(Boss).values([{"key": key, "n": -7} for key in keys]))
        self.now.update({key: {"n": -7} for key in keys})  # no other move has this number

    def upsert(self) -> None:
        key = self.pick("b") or self.new_key("b")
        self.session.execute(upsert(Boss).values(key=key, n=self.count))
        self.now[key] = {"n": self.count}

    def query(self) -> None:
        """What a query says, of what is not committed too."""
        limit = self.dice.randrange(self.count + 1)
        found = self.session.scalars(select(Item).where(Item.n >= limit)).all()
        assert {each.key: shown(each) for each in found} == {
            key: self.now[key] for key in self.keys("i") if self.now[key]["n"] >= limit
        }
        assert sorted(self.session.scalars(select(Note.key))) == self.keys("n")

    def load(self) -> None:
        """What a link leads to, and what refers to a document."""
        if self.is_server:
            self.commit()
        items = self.session.scalars(select(Item)).all()
        self.session.load(items, Item.owner)
        for each in items:
            owner = self.now[each.key]["owner"]
            assert each.owner is None or owner not in self.now or each.owner.value is self.get(owner)
        bosses = self.session.scalars(select(Boss)).all()
        self.session.load(bosses, Boss.items)
        for each in bosses:
            wanted = [key for key in self.keys("i") if self.now[key]["owner"] == each.key]
            assert sorted(item.key for item in each.items) == wanted

    def commit(self) -> None:
        self.session.commit()
        self.saved = copy.deepcopy(self.now)
        self.check()

    def back(self) -> None:
        self.session.rollback()
        self.now = copy.deepcopy(self.saved)
        self.check()

    def expire(self) -> None:
        self.commit()
        self.session.expire_all()

    def forget(self) -> None:
        self.commit()
        self.session.expunge_all()

    def nested(self) -> None:
        before, raises = copy.deepcopy(self.now), self.dice.random() < 0.6
        moves = [
            self.add_boss,
            self.add_item,
            self.add_note,
            self.change,
            self.append,
            self.link,
            self.delete,
            self.restore,
        ]
        moves += [] if self.is_server else [self.statement, self.nested]
        try:
            with self.session.begin_nested():
                for _ in range(3):
                    self.make(self.dice.choice(moves))
                if raises:
                    raise InterruptedError
        except InterruptedError:
            self.now = before
        self.check_held()

    def other(self) -> None:
        """Somebody else changes or deletes a document, which this session may be changing too."""
        self.commit()
        if (key := self.pick("bin")) is None:
            return
        mine, goes = self.dice.random() < 0.5, self.dice.random() < 0.3
        if mine:
            self.get(key).n = -1
        with Session(self.engine) as other:
            document = other.get_one(MODELS[key[0]], key)
            if goes:
                other.delete(document)
                self.removed(key)
            else:
                document.n = self.now[key]["n"] = self.count
            other.commit()
        self.saved = copy.deepcopy(self.now)
        if mine:
            with pytest.raises(StaleDocumentError):
                self.session.commit()
            self.session.rollback()
        self.session.expire_all()
        self.check()

    # --- the law ---------------------------------------------------------------------------------

    def check(self) -> None:
        """What is stored is what was committed."""
        with Session(self.engine) as other:
            stored = {
                each.key: shown(each)
                for model in MODELS.values()
                for each in other.scalars(select(model).with_deleted())
            }
        assert stored == self.saved, different(stored, self.saved)
        self.check_held()

    def check_held(self) -> None:
        """What the session holds is what there is."""
        for key, held in self.now.items():
            assert shown(self.get(key, deleted=True)) == held, key
        for key in self.saved.keys() - self.now.keys():
            assert self.session.get(MODELS[key[0]], key) is None, key

    def make(self, move: Callable[[], None]) -> None:
        self.count += 1
        self.steps.append(move.__name__)
        move()

    def run(self, moves: int) -> None:
        """Make so many moves, and commit."""
        often = [
            self.add_boss,
            self.add_item,
            self.add_note,
            self.add_edge,
            self.change,
            self.append,
            self.link,
        ]
        chosen = [
            *often, *often, self.delete, self.delete, self.restore, self.purge, self.statement,
            self.statement, self.query, self.load, self.commit, self.back, self.expire, self.forget,
            self.nested, self.other,
        ]  # fmt: skip
        for _ in range(moves):
            self.make(self.dice.choice(chosen))
        self.commit()


class Awaited:
    """A session whose calls are awaited by a loop in another thread."""

    def __init__(self, portal: BlockingPortal, session: AsyncSession) -> None:
        self.portal, self.session = portal, session

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.session, name)
        return partial(self.portal.call, found) if iscoroutinefunction(found) else found

    def get(self, *args: Any, **options: Any) -> Any:
        return self.portal.call(partial(self.session.get, *args, **options))

    def delete(self, document: Any, **options: Any) -> None:
        self.session.delete(document, **options)

    def begin_nested(self) -> Any:
        return self.portal.wrap_async_context_manager(self.session.begin_nested())


@contextmanager
def awaited(url: str, backend: str) -> Iterator[Awaited]:
    with start_blocking_portal(backend) as portal:
        engine = create_async_engine(url)
        session = AsyncSession(engine)
        try:
            yield Awaited(portal, session)
        finally:
            portal.call(session.close)
            portal.call(engine.dispose)


def run(engine: Engine, session: Any, seed: int, *, is_server: bool = False, moves: int = 30) -> None:
    engine.create_all(registry)
    history = History(engine, session, seed, is_server=is_server)
    try:
        history.run(moves)
    except BaseException:
        print(seed, history.steps)
        raise


@settings(max_examples=examples(20))
@given(st.integers(0, 10**6))
def test_a_history_of_related_documents(seed: int) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        run(engine, session, seed)


@pytest.mark.parametrize("seed", range(2))
def test_a_history_of_related_documents_on_each_engine(engine: Engine, engine_url: str, seed: int) -> None:
    with Session(engine) as session:
        run(engine, session, seed, is_server=engine_url.startswith("solidb"))


@pytest.mark.parametrize(
    "engine_url", ["sqlite-file", pytest.param("server", marks=pytest.mark.server)], indirect=True
)
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_history_of_related_documents_that_is_awaited(
    engine: Engine, engine_url: str, backend: str
) -> None:
    with awaited(engine_url, backend) as session:
        run(engine, session, 3, is_server=engine_url.startswith("solidb"))
