"""Random histories of a session beside the same moves of plain objects: those say what is stored."""

from __future__ import annotations

import copy
import pickle
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from solidb_odm import Document, Engine, Session, create_engine, select
from tests.sizes import examples


class Inner(BaseModel):
    numbers: list[int] = []


class Part(BaseModel):
    name: str = ""
    names: list[str] = []
    more: dict[str, list[int]] = {}
    inner: Inner | None = None


class Held(Document, collection="history_held"):
    name: str = ""
    part: Part = Part()
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    tags: list[str] = []
    anything: Any = None


class Mirror(BaseModel):
    """The same as a plain object, which no session knows."""

    name: str = ""
    part: Part = Part()
    parts: list[Part] = []
    by_name: dict[str, Part] = {}
    tags: list[str] = []
    anything: Any = None


PATHS: list[Callable[[Any], Any]] = [
    lambda each: each.part, lambda each: each.part.names, lambda each: each.part.inner,
    lambda each: each.parts, lambda each: each.parts[0], lambda each: each.parts[-1].more,
    lambda each: each.by_name, lambda each: each.by_name["a"], lambda each: each.by_name["a"].names,
    lambda each: each.tags, lambda each: each.anything, lambda each: each.anything["deep"],
    lambda each: each.part.inner.numbers,
]  # fmt: skip


def change(held: Any, number: int) -> None:
    """Change something in place; the same for the same number."""
    if isinstance(held, Part):
        held.name, held.inner = f"n{number}", Inner(numbers=[number]) if number % 2 else held.inner
    elif isinstance(held, Inner):
        held.numbers = [*held.numbers, number]
    elif isinstance(held, dict):
        inside = next(iter(held.values()), None)
        held[f"k{number}"] = Part(name="d") if isinstance(inside, Part) else [number]
    elif isinstance(held, list):
        if number % 5 == 0 and len(held) > 1:
            held.pop()
        else:
            held.append(another(held[0] if held else "", number))


def another(element: Any, number: int) -> Any:
    if isinstance(element, Part):
        return Part(name="l")
    return f"{number}" if isinstance(element, str) else number


def values(number: int) -> dict[str, Any]:
    return {
        "name": f"v{number}",
        "part": Part(names=["a"], inner=Inner(numbers=[1])),
        "parts": [Part(more={"x": [1]}), Part(name="p")],
        "by_name": {"a": Part(names=["b"])},
        "tags": ["t"],
        "anything": {"deep": [1]},
    }


class History:
    """A session, what the caller holds, and the same without a session."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self.dice = random.Random(seed)
        self.engine, self.session = engine, Session(engine)
        self.documents: dict[str, Held] = {}
        """The documents that the caller holds; others are let go of."""
        self.mirrors: dict[str, Mirror] = {}
        self.committed: dict[str, dict[str, Any]] = {}
        self.revisions: dict[str, str | None] = {}
        self.parts: list[tuple[Any, Any]] = []
        """The parts that the caller holds, each with its mirror."""
        self.deleted: set[str] = set()
        self.shared: set[str] = set()
        self.is_flushed = False
        self.steps: list[str] = []

    # --- moves -----------------------------------------------------------------------------------

    def key(self) -> str | None:
        keys = sorted(self.mirrors.keys() - self.deleted)
        return self.dice.choice(keys) if keys else None

    def document(self, key: str) -> Held:
        found = self.session.get_one(Held, key)
        known = self.documents.get(key)
        assert known is None or known is found
        return found

    def make(self, number: int) -> None:
        key = f"k{self.dice.randrange(4)}"
        if key in self.mirrors:
            return
        document = Held(key=key, **values(number))
        self.session.add(document)
        self.mirrors[key] = Mirror(**values(number))
        if self.dice.random() < 0.5:
            self.documents[key] = document

    def set(self, number: int) -> None:
        if (key := self.key()) is None:
            return
        name = self.dice.choice(["name", "part", "parts", "by_name", "tags", "anything"])
        document, mirror = self.document(key), self.mirrors[key]
        if self.dice.random() < 0.3:  # the same
            setattr(document, name, copy.deepcopy(getattr(mirror, name)))
            setattr(mirror, name, copy.deepcopy(getattr(mirror, name)))
        else:
            setattr(document, name, values(number)[name])
            setattr(mirror, name, values(number)[name])

    def touch(self, number: int) -> None:
        if (key := self.key()) is None:
            return
        path = self.dice.choice(PATHS)
        try:
            held = path(self.mirrors[key])
        except (KeyError, IndexError, AttributeError, TypeError):
            return
        change(path(self.document(key)), number)
        change(held, number)

    def hold(self, number: int) -> None:
        if (key := self.key()) is None:
            return
        path = self.dice.choice(PATHS)
        try:
            mirror = path(self.mirrors[key])
        except (KeyError, IndexError, AttributeError, TypeError):
            return
        if mirror is not None:
            self.parts.append((path(self.document(key)), mirror))

    def change_held(self, number: int) -> None:
        if self.parts:
            held, mirror = self.dice.choice(self.parts)
            change(held, number)
            change(mirror, number)

    def let_go(self, number: int) -> None:
        if self.parts and self.dice.random() < 0.5:
            self.parts.pop(self.dice.randrange(len(self.parts)))
        elif (key := self.key()) is not None and key not in self.shared:
            self.documents.pop(key, None)

    def move(self, number: int) -> None:
        """Put a part that the caller holds into another document, or the same."""
        parts = [(held, mirror) for held, mirror in self.parts if isinstance(held, Part)]
        if not parts or (key := self.key()) is None:
            return
        held, mirror = self.dice.choice(parts)
        document = self.documents[key] = self.document(key)
        self.shared |= set(self.mirrors)  # whoever shares it has to stay, as it does for the mirrors
        for each in self.mirrors.keys() - self.deleted:
            self.documents[each] = self.document(each)
        if self.dice.random() < 0.5:
            document.part, self.mirrors[key].part = held, mirror
        else:
            document.parts.append(held)
            self.mirrors[key].parts.append(mirror)

    def query(self, number: int) -> None:
        found = self.session.scalars(select(Held).order_by(Held.key)).all()
        assert {each.key: each.model_dump(exclude={"key"}) for each in found} == self.held()
        self.is_flushed = True

    def flush(self, number: int) -> None:
        self.session.flush()
        self.is_flushed = True

    def delete(self, number: int) -> None:
        if (key := self.key()) is None:
            return
        document = self.document(key)
        self.session.delete(document)
        if self.dice.random() < 0.4:
            self.session.add(document)
            if key not in self.session_new():
                return
        elif document in self.session.deleted:
            self.documents[key] = document
            self.deleted.add(key)
            return
        else:  # it was new
            del self.mirrors[key]
            self.documents.pop(key, None)

    def session_new(self) -> set[str]:
        return {each.key for each in self.session.new}

    def commit(self, number: int) -> None:
        self.session.commit()
        for key in self.deleted:
            del self.mirrors[key]
            self.documents.pop(key, None)
        self.deleted.clear()
        self.check()

    def back(self, number: int) -> None:
        self.session.rollback()
        self.deleted.clear()
        self.return_to(self.committed)

    def return_to(self, dumps: dict[str, dict[str, Any]]) -> None:
        """Take the values of a moment; what the caller held before is no part of the documents any more."""
        self.parts.clear()
        if self.shared:  # the mirrors share nothing from here on
            self.session.expunge_all()
            self.documents.clear()
        self.shared.clear()
        self.documents = {key: self.document(key) for key in dumps if self.dice.random() < 0.5}
        self.mirrors = {key: Mirror(**copy.deepcopy(dump)) for key, dump in dumps.items()}
        assert {key: self.document(key).model_dump(exclude={"key"}) for key in dumps} == dumps

    def nested(self, number: int) -> None:
        if self.deleted or self.shared:
            return
        before = self.held()
        raises = self.dice.random() < 0.6
        try:
            with self.session.begin_nested():
                for offset in range(3):
                    self.dice.choice([self.set, self.touch, self.change_held, self.make])(number + offset)
                if raises:
                    raise InterruptedError
        except InterruptedError:
            self.return_to(before)
        self.is_flushed = True

    def expire(self, number: int) -> None:
        self.commit(number)
        self.session.expire_all()
        self.return_to(self.committed)

    def refresh(self, number: int) -> None:
        self.commit(number)
        if (key := self.key()) is not None:
            self.session.refresh(self.document(key))
        self.return_to(self.committed)

    def merge(self, number: int) -> None:
        if (key := self.key()) is None or self.shared:
            return
        self.commit(number)
        given = {"name": f"m{number}", "tags": ["m"], "part": Part(name=f"m{number}")}
        merged = self.session.merge(Held(key=key, **copy.deepcopy(given)))
        assert self.document(key) is merged
        dump = {**self.held(), key: {**self.held()[key], **Mirror(**given).model_dump(include=set(given))}}
        self.return_to(dump)

    def pickled(self, number: int) -> None:
        if (key := self.key()) is None or self.shared:
            return
        self.commit(number)
        document = self.document(key)
        document.name = self.mirrors[key].name = f"p{number}"
        self.session.expunge(document)
        self.documents[key] = pickle.loads(pickle.dumps(document))
        self.session.add(self.documents[key])
        self.return_to(self.held())

    # --- the law ---------------------------------------------------------------------------------

    def held(self) -> dict[str, dict[str, Any]]:
        """Return what the documents hold that are not deleted."""
        kept = self.mirrors.keys() - self.deleted
        return {key: copy.deepcopy(self.mirrors[key].model_dump()) for key in kept}

    def check(self) -> None:
        """What another session reads is what the mirrors hold; nothing is written that did not change."""
        assert self.session.dirty == []
        with Session(self.engine) as other:
            stored = {each.key: each for each in other.scalars(select(Held))}
            dumps = {key: each.model_dump(exclude={"key"}) for key, each in stored.items()}
            assert dumps == self.held()
            if not self.is_flushed:
                for key in dumps.keys() & self.committed.keys():
                    assert dumps[key] != self.committed[key] or stored[key].rev == self.revisions[key]
            self.revisions = {key: each.rev for key, each in stored.items()}
        self.committed, self.is_flushed = copy.deepcopy(dumps), False

    def run(self, count: int) -> None:
        """Make so many moves, and commit."""
        often = [self.make, self.set, self.touch, self.hold, self.change_held, self.let_go, self.commit] * 3
        moves = [
            *often, self.make, self.change_held, self.move, self.query, self.flush, self.delete, self.back,
            self.nested, self.expire, self.refresh, self.merge, self.pickled,
        ]  # fmt: skip
        with self.session:
            for number in range(count):
                move = self.dice.choice(moves)
                self.steps.append(move.__name__)
                move(number)
            self.commit(count)


@settings(max_examples=examples(40))
@given(st.integers(0, 10**6))
def test_a_history(seed: int) -> None:
    with create_engine("sqlite://") as engine:
        engine.create_all(Held)
        History(engine, seed).run(40)


@pytest.mark.parametrize("seed", range(3))
def test_a_history_on_each_engine(engine: Engine, seed: int) -> None:
    engine.create_all(Held)
    History(engine, seed).run(40)
