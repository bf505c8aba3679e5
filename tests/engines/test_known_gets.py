"""A document of a class that the session read before is got with fewer steps, and nothing else changes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import pytest

from solidb_odm import Document, Registry, Session, SoftDelete, TTLIndex, create_engine, sdbql, select
from solidb_odm.engine.engine import Engine
from solidb_odm.engine.statistics import listening
from solidb_odm.errors import ClosedError, LoadError, SolidbError, UsageError
from solidb_odm.session.session_base import UNGIVEN

from .test_costs import calls_of

GOT = Registry()


class Stone(Document, collection="got_stones", registry=GOT):
    weight: int = 0
    marks: list[str] = []


class Gem(Stone):
    colour: str = "red"


class Coin(SoftDelete, collection="got_coins", registry=GOT):
    worth: int = 0


class Ice(Document, collection="got_ice", registry=GOT):
    until: Annotated[datetime, TTLIndex()]


class Seed(Document, collection="got_seeds", registry=GOT):
    size: int = 0

    def after_load(self) -> None:
        self.__dict__["size"] += 100


class Leaf(Document, collection="got_leaves", registry=GOT):
    size: int = 0


KEYS = [f"k{number}" for number in range(6)]


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with create_engine(f"sqlite:///{tmp_path}/got.db") as opened:
        opened.create_all(GOT)
        past, future = (datetime.now(UTC) + timedelta(days=days) for days in (-1, 1))
        with Session(opened) as session:
            for number, key in enumerate(KEYS):
                session.add_all([Stone(key=key, weight=number), Leaf(key=key, size=number), Seed(key=key)])
                session.add_all([Coin(key=key), Ice(key=key, until=past if number % 2 else future)])
            session.add(Gem(key="gem"))
            session.commit()
        yield opened


def test_it_takes_half_the_calls(engine: Engine) -> None:
    with Session(engine) as session:
        first = calls_of(lambda: session.get(Leaf, "k0"))
        again = calls_of(lambda: session.get(Leaf, "k1"))
    assert 2 * again < first


Move = Callable[[Session, Engine, random.Random], object]


def _get(model: type[Any]) -> Move:
    def move(session: Session, _engine: Engine, chance: random.Random) -> object:
        document = session.get(model, chance.choice([*KEYS, "gem", "none"]))
        return None if document is None else (type(document).__name__, document.model_dump(exclude={"until"}))

    return move


def _write(session: Session, engine: Engine, chance: random.Random) -> object:
    key, kind = chance.choice(KEYS), chance.choice(["change", "delete", "make"])
    with Session(engine) as other, suppress(SolidbError):
        leaf = other.get(Leaf, key)
        if kind == "make" or leaf is None:
            other.add(Leaf(key=f"{key}{chance.random()}" if leaf else key, size=7))
        elif kind == "change":
            leaf.size += 10
        else:
            other.delete(leaf)
        other.commit()
    return kind


def _delete(session: Session, _engine: Engine, chance: random.Random) -> object:
    leaf = session.get(Leaf, chance.choice(KEYS))
    if leaf is not None:
        session.delete(leaf)
    return leaf is None


def _add(session: Session, _engine: Engine, chance: random.Random) -> object:
    key = chance.choice([*KEYS, "new"])
    if session.get(Leaf, key) is None:
        with suppress(SolidbError):
            session.add(Leaf(key=key, size=50))
    return key


def _change(session: Session, _engine: Engine, chance: random.Random) -> object:
    leaf = session.get(Leaf, chance.choice(KEYS))
    if leaf is not None:
        leaf.size += 1
    return leaf and leaf.size


def _end(name: str) -> Move:
    def move(session: Session, _engine: Engine, _chance: random.Random) -> object:
        try:
            return getattr(session, name)()
        except SolidbError as error:
            session.rollback()
            return type(error).__name__

    return move


MOVES: list[Move] = [
    *(_get(model) for model in (Leaf, Leaf, Leaf, Stone, Gem, Coin, Ice, Seed)),
    *(_write, _delete, _add, _change),
    *map(_end, ("commit", "rollback", "expire_all", "expunge_all")),
]


@pytest.mark.parametrize("seed", range(40))
def test_histories_are_those_of_a_session_that_takes_the_long_way(
    tmp_path: Path, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes: list[list[object]] = []
    for is_long in (False, True):
        chance, seen, held = random.Random(seed), list[object](), list[object]()
        if is_long:
            monkeypatch.setattr(Session, "_got", lambda *_: UNGIVEN)
        with create_engine(f"sqlite:///{tmp_path}/{is_long}.db") as engine:
            engine.create_all(GOT)
            with Session(engine) as session:
                session.add_all(model(key=key) for key in KEYS for model in (Stone, Leaf, Seed, Coin))
                session.add(Gem(key="gem"))
                session.commit()
            with Session(engine) as session:
                for _ in range(40):
                    seen.append(chance.choice(MOVES)(session, engine, chance))
                    if chance.random() < 0.3:
                        held.extend(session)  # from here on the session holds these
                seen.append(session.statistics.statements)
        outcomes.append(seen)
    short, long = outcomes
    assert short == long


def test_a_held_document_is_that_object(engine: Engine) -> None:
    with Session(engine) as session:
        held = session.get_one(Leaf, "k1")
        assert session.get(Leaf, "k1") is held
        before = session.statistics.statements
        assert session.get(Leaf, "k1") is held
        assert session.statistics.statements == before
        session.delete(held)
        assert session.get(Leaf, "k1") is None


def test_what_is_hidden_stays_hidden(engine: Engine) -> None:
    with Session(engine) as session:
        for _ in range(3):
            assert [session.get(Ice, key) is None for key in KEYS] == [False, True] * 3
        session.delete(session.get_one(Coin, "k1"))
        session.commit()
    with Session(engine) as session:
        for _ in range(3):
            assert session.get(Coin, "k0") is not None
            assert session.get(Coin, "k1") is None
            assert session.get(Coin, "k1", with_deleted=True) is not None


def test_listeners_and_statistics_hear_of_it(engine: Engine) -> None:
    heard: list[str] = []
    with Session(engine) as session, listening(lambda command: heard.append(type(command).__name__)):
        for key in KEYS[:3]:
            session.get(Leaf, key)
        assert session.statistics.by_command == {"Get": 3}
    assert heard == ["Get"] * 3


def test_odd_keys_and_classes_are_told_as_before(engine: Engine) -> None:
    with Session(engine) as session:
        leaf = session.get_one(Leaf, "k1")
        assert session.get(Leaf, "got_leaves/k1") is leaf
        for wrong in (1, None, ["k1"], "got_stones/k1"):
            with pytest.raises(UsageError):
                session.get(Leaf, wrong)  # type: ignore[arg-type]
        for nothing in (None, [], "Leaf", leaf):
            with pytest.raises(UsageError, match="a document is read by its class"):
                session.get(nothing, "k1")  # type: ignore[call-overload]
    with pytest.raises(ClosedError):
        session.get(Leaf, "k1")


def test_a_class_made_meanwhile_is_known(engine: Engine) -> None:
    with Session(engine) as session:
        assert session.get(Stone, "k1") is not None
        assert session.get(Leaf, "k1") is not None

        class Pebble(Leaf):
            shine: int = 1

        with Session(engine) as other:
            other.add(Pebble(key="pebble"))
            other.commit()
        assert type(session.get(Leaf, "pebble")) is Pebble


def test_a_document_that_does_not_fit_is_told_each_time(engine: Engine) -> None:
    with Session(engine) as session:
        assert session.get(Leaf, "k1") is not None
        session.execute(sdbql("""INSERT {_key: 'odd', "size": 'large'} INTO got_leaves"""))
        for _ in range(2):
            with pytest.raises(LoadError, match="odd"):
                session.get(Leaf, "odd")


def test_a_collection_that_is_dropped_meanwhile_is_made_again(engine: Engine) -> None:
    with Session(engine) as session:
        assert session.get(Leaf, "k1") is not None
        engine.drop_all(Leaf)
        assert session.get(Leaf, "k2") is None
        assert session.scalars(select(Leaf)).all() == []
