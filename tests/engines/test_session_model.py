"""Random lives of a session against a dictionary: reads see its own writes, commits are what lasts."""

from __future__ import annotations

import copy
import gc
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from solidb_odm import Engine, Session, asc, create_engine, desc, select
from tests.sizes import examples

from .documents import MODELS, Address, Person

KEYS = st.sampled_from([f"k{number}" for number in range(6)])
AGES = st.integers(0, 4)
NAMES = st.sampled_from(["ada", "bob", "eve"])


class Life(RuleBasedStateMachine):
    """``stored`` is what is committed, ``now`` what the session should see; both by key."""

    engine: Engine

    def __init__(self) -> None:
        super().__init__()
        with Session(self.engine) as session:
            for each in session.scalars(select(Person)):
                session.delete(each)
            session.commit()
        self.session = Session(self.engine)
        self.stored: dict[str, dict[str, Any]] = {}
        self.now: dict[str, dict[str, Any]] = {}
        self.marks: list[dict[str, dict[str, Any]]] = []
        self.aliases: dict[str, list[Any]] = {}  # parts the caller holds of documents it does not hold
        self.blocks: list[Any] = []

    def held(self, key: str) -> Person:
        return self.session.get_one(Person, key)

    @rule(key=KEYS, name=NAMES, age=AGES)
    def add(self, key: str, name: str, age: int) -> None:
        if key in self.now:
            return
        fresh = Person(key=key, name=name, age=age, tags=["t"], address=Address(city="c"), meta={"deep": []})
        self.session.add(fresh)
        self.now[key] = {"name": name, "age": age, "tags": ["t"], "city": "c", "note": None}
        self.now[key] |= {"lines": [], "deep": []}

    @rule(key=KEYS, age=AGES, name=NAMES)
    def change(self, key: str, age: int, name: str) -> None:
        if key in self.now:
            found = self.held(key)
            found.age, found.name = age, name
            self.now[key] |= {"age": age, "name": name}

    @rule(key=KEYS, note=st.none() | NAMES)
    def note(self, key: str, note: str | None) -> None:
        if key in self.now:
            self.held(key).note = note
            self.now[key]["note"] = note

    @rule(key=KEYS, tag=NAMES)
    def change_in_place(self, key: str, tag: str) -> None:
        if key in self.now:
            self.held(key).tags.append(tag)
            self.held(key).address.city += tag
            self.now[key]["tags"].append(tag)
            self.now[key]["city"] += tag

    @rule(key=KEYS, part=st.sampled_from(["tags", "address", "lines", "deep"]))
    def keep_an_alias(self, key: str, part: str) -> None:
        """Keep a part of a document, and nothing else of it."""
        if key in self.now:
            person = self.held(key)
            places = {"lines": lambda: person.address.lines, "deep": lambda: person.meta["deep"]}
            found = places[part]() if part in places else getattr(person, part)
            self.aliases.setdefault(key, []).append((part, found))

    @rule(key=KEYS, what=NAMES)
    def change_by_alias(self, key: str, what: str) -> None:
        for part, alias in self.aliases.get(key, [])[-1:]:
            if part == "address":
                alias.city += what
                self.now[key]["city"] += what
            else:
                alias.append(what)
                self.now[key][part].append(what)

    @rule(key=KEYS)
    def drop_aliases(self, key: str) -> None:
        self.aliases.pop(key, None)

    @rule(key=KEYS)
    def delete(self, key: str) -> None:
        if key in self.now:
            self.session.delete(self.held(key))
            del self.now[key]
            self.aliases.pop(key, None)

    @rule()
    def forget(self) -> None:
        gc.collect()

    @rule()
    def flush(self) -> None:
        self.session.flush()

    @rule()
    def commit(self) -> None:
        if not self.blocks:
            self.session.commit()
            self.stored = copy.deepcopy(self.now)

    @rule()
    def roll_back(self) -> None:
        if not self.blocks:
            self.aliases.clear()
            self.session.rollback()
            self.now = copy.deepcopy(self.stored)

    @rule()
    def begin_nested(self) -> None:
        if len(self.blocks) < 2:
            block = self.session.begin_nested()
            block.__enter__()
            self.blocks.append(block)
            self.marks.append(copy.deepcopy(self.now))

    @rule(fail=st.booleans())
    def end_nested(self, fail: bool) -> None:
        if not self.blocks:
            return
        block, mark = self.blocks.pop(), self.marks.pop()
        if fail:
            assert not block.__exit__(KeyError, KeyError(), None)  # the error goes on
            self.now = mark
            self.aliases.clear()
        else:
            block.__exit__(None, None, None)

    @rule(low=AGES, limit=st.integers(0, 4), offset=st.integers(0, 2), down=st.booleans())
    def select(self, low: int, limit: int, offset: int, down: bool) -> None:
        way = desc if down else asc
        wanted = (
            select(Person).where(Person.age >= low).order_by(way(Person.name)).offset(offset).limit(limit)
        )
        found = self.session.scalars(wanted).all()
        rows = sorted(
            ((row["name"], key) for key, row in self.now.items() if row["age"] >= low), reverse=down
        )
        assert [(each.name, each.key) for each in found] == rows[offset : offset + limit]
        for each in found:
            self.compare(each)

    @rule(note=st.none() | NAMES)
    def count(self, note: str | None) -> None:
        found = self.session.scalars(select(Person.key).where(Person.note == note)).all()
        assert found == sorted(key for key, row in self.now.items() if row["note"] == note)

    @rule(key=KEYS)
    def get(self, key: str) -> None:
        found = self.session.get(Person, key)
        assert (found is None) == (key not in self.now)
        if found is not None:
            self.compare(found)

    def compare(self, person: Person) -> None:
        row = self.now[person.key]
        assert (person.name, person.age, person.note) == (row["name"], row["age"], row["note"])
        assert (person.tags, person.address) == (row["tags"], Address(city=row["city"], lines=row["lines"]))
        assert person.meta == {"deep": row["deep"]}

    @invariant()
    def states_are_consistent(self) -> None:
        new, deleted = {each.key for each in self.session.new}, {each.key for each in self.session.deleted}
        assert new <= self.now.keys()
        assert not (deleted & self.now.keys()) - new

    def teardown(self) -> None:
        while self.blocks:
            self.end_nested(fail=False)
        self.session.commit()
        with Session(self.engine) as other:
            assert {each.key for each in other.scalars(select(Person))} == self.now.keys()
            for key in self.now:
                self.compare(other.get_one(Person, key))
        self.session.close()


def live(engine: Engine, count: int, steps: int) -> None:
    engine.create_all(*MODELS)
    machine = type("LifeHere", (Life,), {"engine": engine})
    wanted = settings(
        max_examples=examples(count),
        stateful_step_count=steps,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(machine, settings=wanted)


def test_a_session_in_memory_behaves_like_a_dictionary() -> None:
    with create_engine("sqlite://") as engine:
        live(engine, 60, 30)


@pytest.mark.server
def test_a_session_on_a_server_behaves_like_a_dictionary(server: Any, database: str) -> None:
    with create_engine(server.url(database)) as engine:
        live(engine, 12, 25)
