"""Queries of a session that holds documents which its server has not got yet.

Those that surely don't match are left out before they are encoded; what is asked must not show that. A file
stands in for the server: it gets all writes with the commit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from enum import StrEnum
from random import Random
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, field_serializer

from solidb_odm import (
    Cascade,
    Document,
    Edge,
    Engine,
    Link,
    Lossy,
    Registry,
    Session,
    create_engine,
    desc,
    in_,
    is_null,
    not_,
    or_,
    sdbql,
    select,
)
from solidb_odm.engines.interface import Capabilities, Channel, Driver
from solidb_odm.language import nodes as q
from solidb_odm.language.walk import collections_read
from solidb_odm.model.stored.field_values import is_stored_as_it_is
from solidb_odm.session import overlay
from solidb_odm.session.operations import queries
from solidb_odm.testing import RecordingEngine
from tests.counts import calls_of


class Unsent(Document, abstract=True, registry=Registry()):
    pass


class Colour(StrEnum):
    RED = "a"
    BLUE = "b"


class Size(BaseModel):
    width: int = 0
    text: str = ""


NUMBERS = [UUID(int=0), UUID(int=2**80)]
DAYS = [date(2020, 1, 1), date(2020, 1, 2)]


class Owner(Unsent, collection="unsent_owners"):
    name: str = ""


class Item(Unsent, collection="unsent_items"):
    name: str = ""
    code: Annotated[str, Field(alias="c")] = ""
    other: Annotated[str | None, AfterValidator(lambda value: value)] = None
    level: int | None = None
    is_open: bool = False
    mixed: int | bool | str | None = None
    upper: Annotated[str, PlainSerializer(str.upper, return_type=str), Lossy()] = ""
    colour: Colour | None = None
    tags: list[str] = []
    size: Size = Size()
    owner: Link[Owner] | None = None
    number: UUID = NUMBERS[0]
    day: date = DAYS[0]
    shown: Annotated[date, PlainSerializer(lambda day: day.replace(day=1).isoformat()), Lossy()] = DAYS[0]


class Tie(Edge[Owner, Owner], collection="unsent_ties", registry=Unsent.__solidb_registry__):
    by: Annotated[Link[Owner] | None, Cascade("save")] = None


class Wide(Item):
    width: int = 0


class Swapped(Unsent, collection="unsent_swapped"):
    """One whose serializer stores other names than it holds."""

    name: Annotated[str, Lossy()] = ""
    level: int = 0

    @field_serializer("name")
    def _other(self, name: str) -> str:
        return {"a": "b", "b": "a"}.get(name, name)


class Open(Item):
    model_config = ConfigDict(extra="allow")


class _Late:
    """A driver that gets all writes with the commit, as that of a server does."""

    def __init__(self, inner: Driver) -> None:
        self._inner = inner

    @property
    def capabilities(self) -> Capabilities:
        return replace(self._inner.capabilities, interactive_transactions=False)

    @property
    def url(self) -> str:
        return self._inner.url

    def channel(self) -> Channel:
        return self._inner.channel()

    def close(self) -> None:
        self._inner.close()


def _late(engine: Engine) -> RecordingEngine:
    return RecordingEngine(Engine(_Late(engine.driver)))


Case: TypeAlias = tuple[Any, Callable[[Any], bool]]
"""A condition, and the same in Python."""


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


CASES: tuple[Case, ...] = (
    (Item.name == "a", lambda item: item.name == "a"),
    (in_(Item.name, ["a", "c"]), lambda item: item.name in ("a", "c")),
    (Item.name != "a", lambda item: item.name != "a"),
    (not_(Item.name == "a"), lambda item: item.name != "a"),
    (or_(Item.name == "a", Item.level == 1), lambda item: item.name == "a" or item.level == 1),
    (Item.code == "b", lambda item: item.code == "b"),
    (Item.other == "a", lambda item: item.other == "a"),
    (in_(Item.other, ["a", None]), lambda item: item.other in ("a", None)),
    (Item.level == 1, lambda item: item.level == 1),
    (in_(Item.level, [0, 2]), lambda item: item.level in (0, 2)),
    (Item.is_open == True, lambda item: item.is_open),  # noqa: E712
    (Item.mixed == 1, lambda item: _same(item.mixed, 1)),
    (Item.mixed == True, lambda item: _same(item.mixed, True)),  # noqa: E712
    (Item.mixed == "a", lambda item: item.mixed == "a"),
    (Item.upper == "b", lambda item: item.upper.upper() == "B"),
    (Item.colour == Colour.RED, lambda item: item.colour is Colour.RED),
    (Item.tags == ["a"], lambda item: item.tags == ["a"]),
    (Item.size.width == 1, lambda item: item.size.width == 1),
    (Item.size.text == "a", lambda item: item.size.text == "a"),
    (Item.number == NUMBERS[1], lambda item: item.number == NUMBERS[1]),
    (in_(Item.day, DAYS[:1]), lambda item: item.day == DAYS[0]),
    (Item.day == DAYS[1], lambda item: item.day == DAYS[1]),
    (Item.colour == Colour.BLUE, lambda item: item.colour is Colour.BLUE),
    (Item.owner == "unsent_owners/a", lambda item: item.owner == "unsent_owners/a"),
    (Item.key == "k3", lambda item: item.key == "k3"),
    (in_(Item.key, ["k1", "n1"]), lambda item: item.key in ("k1", "n1")),
)


def _values(chosen: Random) -> dict[str, Any]:
    text = chosen.choice
    return {
        "name": text("abc"),
        "c": text("abc"),
        "other": text(["a", "b", None]),
        "level": text([0, 1, 2, None]),
        "is_open": text([True, False]),
        "mixed": text([0, 1, True, False, "a", "b", None]),
        "upper": text("aAbB"),
        "colour": text([*Colour, None]),
        "tags": text([["a"], ["b"], []]),
        "size": Size(width=text([0, 1]), text=text("ab")),
        "owner": text(["unsent_owners/a", "unsent_owners/b", None]),
        "number": text(NUMBERS),
        "day": text(DAYS),
    }


def _item(chosen: Random, key: str) -> Item:
    return chosen.choice((Item, Wide, Open))(key=key, **_values(chosen))


def _change(chosen: Random, item: Item) -> None:
    if chosen.random() < 0.5:
        item.tags.append("a")
        item.size.width += 1
        return
    for name, value in chosen.sample(sorted(_values(chosen).items(), key=lambda pair: pair[0]), 4):
        setattr(item, "code" if name == "c" else name, value)


def _shown(chosen: Random, session: Session, stored: dict[str, Item]) -> dict[str, Item]:
    """Change, delete and add documents; return what queries must show then, by keys."""
    keys = chosen.sample(sorted(stored), 8)
    held = [item for item in session.get_many(Item, keys) if item is not None]
    shown = {**stored, **{item.key: item for item in held}}
    for item in held:
        turn = chosen.choice(("change", "change", "delete", "leave"))
        if turn == "change":
            _change(chosen, item)
        elif turn == "delete":
            session.delete(item)
            del shown[item.key]
    taken = chosen.choice(sorted(stored.keys() - keys))  # by somebody else; its commit would tell
    new = [_item(chosen, key) for key in (taken, *(f"n{n}" for n in range(8)))]
    session.add_all(new)
    for item in chosen.sample(new, 4):
        _change(chosen, item)
    return shown | {item.key: item for item in new}


@pytest.mark.parametrize("seed", range(6))
def test_queries_see_unsent_documents_as_if_they_were_all_evaluated(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chosen = Random(seed)
    engine = create_engine("sqlite://")
    engine.create_all(Owner, Item)
    with Session(engine) as session:
        session.add_all([_item(chosen, f"k{n}") for n in range(14)])
        session.commit()
    with Session(engine) as reader, Session(_late(engine)) as session:
        shown = _shown(chosen, session, {item.key: item for item in reader.scalars(select(Item))})
        for condition, holds in (*CASES, *_pairs(chosen)):
            expected = sorted(key for key, item in shown.items() if holds(item))
            whole = select(Item).where(condition)
            some = whole.order_by(desc(Item.key)).offset(1).limit(3)
            assert sorted(item.key for item in session.scalars(whole)) == expected
            assert [item.key for item in session.scalars(some)] == expected[::-1][1:4]
            assert sorted(session.scalars(select(Item.key).where(condition))) == expected
            with monkeypatch.context() as patch:
                patch.setattr(overlay, "_that_may_match", _all)
                assert sorted(item.key for item in session.scalars(whole)) == expected
                assert [item.key for item in session.scalars(some)] == expected[::-1][1:4]


def _all(_query: q.Block, _binds: dict[str, Any], documents: list[Document]) -> list[Document]:
    return documents


def _pairs(chosen: Random) -> list[Case]:
    """Return pairs of conditions that must both hold."""

    def both(one: Case, other: Case) -> Case:
        return one[0] & other[0], lambda item: one[1](item) and other[1](item)

    return [both(*chosen.sample(CASES, 2)) for _ in range(12)]


def test_what_is_stored_otherwise_than_it_is_held_is_no_plain_field() -> None:
    plain = {name for name in Item.model_fields if is_stored_as_it_is(Item, name)}
    assert plain == {"key", "name", "code", "other", "level", "is_open"}
    assert is_stored_as_it_is(Wide, "width")
    assert not is_stored_as_it_is(Swapped, "name")
    others = {name for name in Item.model_fields if is_stored_as_it_is(Item, name, "uuid", "date", "enum")}
    assert others == {"number", "day", "colour"}


def test_a_serializer_of_the_class_has_its_say() -> None:
    engine = create_engine("sqlite://")
    engine.create_all(Swapped)
    with Session(_late(engine)) as session:
        session.add_all([Swapped(key="k0", name="a", level=1), Swapped(key="k1", name="b", level=1)])
        for name in "ab":
            stored = sdbql(
                "FOR s IN unsent_swapped FILTER s.level == 1 AND s.name == @name RETURN s", name=name
            )
            assert [item.name for item in session.scalars(stored.into(Swapped))] == [
                {"a": "b", "b": "a"}[name]
            ]


def test_a_document_with_the_key_of_a_new_one_is_hidden_by_it() -> None:
    engine = create_engine("sqlite://")
    engine.create_all(Item)
    with Session(engine) as session:
        session.add_all([Item(key=f"k{n}", name="a") for n in range(3)])
        session.commit()
    with Session(_late(engine)) as session:
        session.add_all([Item(key="k0", name="b"), Item(key="k1", name="a", level=9)])
        wanted = select(Item).where(Item.name == "a").order_by(Item.key)
        assert [(item.key, item.level) for item in session.scalars(wanted)] == [("k1", 9), ("k2", None)]
        assert [item.key for item in session.scalars(wanted.limit(1).offset(1))] == ["k2"]


def test_ends_and_links_are_compared_by_what_they_lead_to() -> None:
    engine = create_engine("sqlite://")
    engine.create_all(Owner, Tie)
    ann, bob = Owner(key="a"), Owner(key="b")
    ids = ["unsent_owners/a", "unsent_owners/b"]
    with Session(_late(engine)) as session:
        ends: list[Any] = [ann, bob, *ids]
        ties = [Tie(from_=one, to=other, by=by) for one in ends for other in ends for by in (*ends, None)]
        session.add_all(ties)
        for one in ids:
            for other in ids:
                wanted = select(Tie).where(Tie.from_ == one, in_(Tie.to, [other]))
                assert len(session.scalars(wanted).all()) == 20
                assert len(session.scalars(wanted.where(Tie.by == one)).all()) == 8
                assert len(session.scalars(wanted.where(is_null(Tie.by))).all()) == 4


def _add_missing_item(session: Session, number: int) -> None:
    if session.scalars(select(Item).where(Item.code == f"c{number}")).first() is None:
        session.add(Item.model_validate({"c": f"c{number}"}))


def _add_missing_number(session: Session, number: int) -> None:
    if session.scalars(select(Item).where(Item.number == UUID(int=number))).first() is None:
        session.add(Item(number=UUID(int=number)))


def _add_missing_tie(session: Session, number: int) -> None:
    one, other = f"unsent_owners/{number % 7}", f"unsent_owners/{number}"
    if session.scalars(select(Tie).where(Tie.from_ == one, Tie.to == other)).first() is None:
        session.add(Tie(from_=one, to=other))


@pytest.mark.parametrize("add", [_add_missing_item, _add_missing_number, _add_missing_tie])
def test_asking_before_adding_finds_what_is_stored_and_what_is_not(
    engine: Engine, add: Callable[[Session, int], None]
) -> None:
    engine.create_all(Owner, Item, Tie)
    with Session(engine) as session:
        for count in (5, 12):
            for number in (*range(count), *range(0, count, 2)):
                add(session, number)
            session.commit()
            assert len([*session.scalars(select(Item.key)), *session.scalars(select(Tie.key))]) == count


def _get_or_create(add: Callable[[Session, int], None], count: int) -> tuple[int, int]:
    """Return the calls of a loop that asks before it adds, and the values that it sent."""
    engine = create_engine("sqlite://")
    engine.create_all(Item, Tie)
    late = _late(engine)
    with Session(late) as session:

        def loop() -> None:
            for number in range(count):
                add(session, number)

        loop()
        session.rollback()
        late.clear()
        calls = calls_of(loop)
        sent = [
            len(value) if value.__class__ is list else 1
            for query in late.queries
            for value in query.binds.values()
        ]
        assert len(session.new) == count
    return calls, sum(sent)


@pytest.mark.parametrize("add", [_add_missing_item, _add_missing_number, _add_missing_tie])
def test_asking_before_adding_grows_with_the_documents(add: Callable[[Session, int], None]) -> None:
    few, sent_of_few = _get_or_create(add, 40)
    many, sent_of_many = _get_or_create(add, 160)
    assert many < 8 * few
    assert sent_of_many < 8 * sent_of_few


def test_the_collections_of_a_known_statement_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each question of a session that holds what may have changed walked over the nodes of its query."""
    walked: list[q.Query] = []

    def noted(query: q.Query) -> frozenset[str]:
        walked.append(query)
        return collections_read(query)

    monkeypatch.setattr(queries, "collections_read", noted)
    with create_engine("sqlite://") as engine:
        engine.create_all(Item)
        with Session(_late(engine)) as session:
            session.add(Item(key="own", name="own"))
            asked = [select(Item).where(Item.name == f"t{number}", Item.code == "c") for number in range(9)]
            assert [len(session.scalars(statement).all()) for statement in asked] == [0] * 9
            assert [row.key for row in session.scalars(select(Item).where(Item.name == "own"))] == ["own"]
    assert len(walked) <= 4
