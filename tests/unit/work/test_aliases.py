"""Whether somebody beside a document holds a part of it, and what follows for a session."""

from __future__ import annotations

import copy
import weakref
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr, computed_field

from solidb_odm import Document, GeoPoint, Link, Session, create_engine, select
from solidb_odm.work import aliases
from solidb_odm.work.aliases import are_sole, has_aliases


class Part(BaseModel):
    names: list[str] = []


@dataclass
class Plain:
    names: list[str] = field(default_factory=list[str])


@dataclass(slots=True)
class Slotted:
    names: list[str] = field(default_factory=list[str])


class Whole(Document, collection="wholes"):
    model_config = ConfigDict(extra="allow", arbitrary_types_allowed=True)
    numbers: list[float] = [1.0, 2.0]
    rows: list[list[int]] = [[1], [2]]
    by_name: dict[str, list[int]] = {"a": [1]}
    pair: tuple[list[int], int] = ([1], 2)
    labels: set[str] = {"x"}
    queue: deque[int] = deque([1])
    part: Part = Part(names=["a"])
    parts: list[Part] = [Part(names=["b"])]
    plain: Plain = Plain(["c"])
    slotted: Slotted = Slotted(["d"])
    place: GeoPoint | None = None
    anything: Any = None


def whole() -> Whole:
    made: dict[str, Any] = {
        "part": Part(names=["a"]),
        "parts": [Part(names=["b"])],
        "plain": Plain(["c"]),
        "slotted": Slotted(["d"]),
        "anything": {"deep": [{"deeper": [1]}]},
        "extra": {"list": [1]},
    }
    return Whole(**made)


PARTS: dict[str, Callable[[Any], Any]] = {
    "a list": lambda w: w.numbers,
    "a list in a list": lambda w: w.rows[1],
    "a dict": lambda w: w.by_name,
    "a list in a dict": lambda w: w.by_name["a"],
    "a list in a tuple": lambda w: w.pair[0],
    "the tuple": lambda w: w.pair,
    "a set": lambda w: w.labels,
    "a queue": lambda w: w.queue,
    "a model": lambda w: w.part,
    "a list in a model": lambda w: w.part.names,
    "the attributes of a model": lambda w: vars(w.part),
    "a model in a list": lambda w: w.parts[0],
    "a list in a model in a list": lambda w: w.parts[0].names,
    "a dataclass": lambda w: w.plain,
    "a list in a dataclass": lambda w: w.plain.names,
    "a list in a dataclass with slots": lambda w: w.slotted.names,
    "something deep": lambda w: w.anything["deep"][0]["deeper"],
    "an extra attribute": lambda w: w.extra,
    "something in an extra attribute": lambda w: w.extra["list"],
    "a bound method": lambda w: w.numbers.append,
    "an iterator": lambda w: iter(w.rows),
    "a weak reference": lambda w: weakref.ref(w.part),
    "a weak reference to a set": lambda w: weakref.ref(w.labels),
    "the attributes": lambda w: vars(w),
    "a shallow copy": lambda w: w.model_copy(),
    "a partial function": lambda w: partial(len, w.part.names),
}


@pytest.mark.parametrize("what", PARTS)
def test_whoever_holds_a_part_of_a_document_is_seen(what: str) -> None:
    document = whole()
    assert not has_aliases(document)
    held = PARTS[what](document)
    assert has_aliases(document), held
    del held
    assert not has_aliases(document)


class Common(Document, collection="commons"):
    """Holds what most documents do: lists, dictionaries and models that can change."""

    numbers: list[float] = [1.0, 2.0]
    rows: list[list[int]] = [[1], [2]]
    by_name: dict[str, list[int]] = {"a": [1]}
    part: Part = Part(names=["a"])
    parts: list[Part] = [Part(names=["b"])]
    anything: Any = {"deep": [{"deeper": [1]}, datetime(2026, 1, 1, tzinfo=UTC)]}


OF_COMMON = [
    "a list", "a list in a list", "a dict", "a list in a dict", "a model", "a list in a model",
    "the attributes of a model", "a model in a list", "a list in a model in a list", "something deep",
    "a bound method", "an iterator", "a weak reference", "the attributes", "a shallow copy",
    "a partial function",
]  # fmt: skip


@pytest.mark.parametrize("what", OF_COMMON)
def test_documents_of_common_values_take_no_closer_look(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    document = Common()
    with monkeypatch.context() as patch:
        patch.delattr(aliases, "_is_held")
        assert not has_aliases(document)
    held = PARTS[what](document)
    assert has_aliases(document), held
    del held
    with monkeypatch.context() as patch:
        patch.delattr(aliases, "_is_held")
        assert not has_aliases(document)


@pytest.mark.parametrize("what", OF_COMMON)
def test_many_documents_are_looked_at_together(what: str) -> None:
    documents = [Common() for _ in range(5)]
    assert are_sole(documents)
    held = PARTS[what](documents[3])
    assert not are_sole(documents), held
    del held
    assert are_sole(documents)


class Various(Common, collection="various_parts"):
    """Holds links, and what can change in containers that are rarer."""

    labels: set[str] = {"a"}
    fixed: frozenset[str] = frozenset(("a", "b"))
    words: tuple[str, ...] = ("a", "b")
    pair: tuple[list[int], str] = ([1], "a")
    owner: Link[Common] | None = None
    others: list[Link[Common]] = []


@pytest.mark.parametrize(
    "what", [*OF_COMMON, "a list in a tuple", "the tuple", "a set", "a weak reference to a set"]
)
def test_many_documents_of_sets_tuples_and_links_are_looked_at_together(what: str) -> None:
    links = [Link[Common](f"commons/{number}") for number in range(5)]
    words, fixed = ("a", "b"), frozenset("ab")
    documents = [Various(owner=link, others=[link], words=words, fixed=fixed) for link in links]
    assert are_sole(documents)
    held = PARTS[what](documents[3])
    assert not are_sole(documents), held
    del held
    assert are_sole(documents)


class Structs(Common, collection="struct_parts"):
    """Holds dataclass objects, beside what is common."""

    plain: Plain = Plain(["c"])
    plains: list[Plain | None] = [Plain(["d"]), None]


OF_STRUCTS: dict[str, Callable[[Any], Any]] = {
    "a dataclass": lambda w: w.plain,
    "a list in a dataclass": lambda w: w.plain.names,
    "a dataclass in a list": lambda w: w.plains[0],
    "a list in a dataclass in a list": lambda w: w.plains[0].names,
    "the attributes of a dataclass": lambda w: vars(w.plain),
    "a weak reference to a dataclass": lambda w: weakref.ref(w.plains[0]),
    "a method": lambda w: w.plain.__repr__,
}


@pytest.mark.parametrize("what", [*OF_STRUCTS, *OF_COMMON])
def test_dataclass_objects_take_no_closer_look(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    get = OF_STRUCTS.get(what) or PARTS[what]
    documents = [Structs() for _ in range(5)]
    with monkeypatch.context() as patch:
        patch.delattr(aliases, "_is_held")
        assert not any(map(has_aliases, documents))
    assert are_sole(documents)
    held = get(documents[3])
    assert not are_sole(documents), held
    assert list(map(has_aliases, documents)) == [False, False, False, True, False], held
    del held
    assert are_sole(documents)
    assert not any(map(has_aliases, documents))


@dataclass
class Below(Plain):
    more: dict[str, list[int]] = field(default_factory=dict[str, list[int]])


@dataclass
class Listed(list[Any]):
    """Holds more than its attributes, and is read as a list."""

    names: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Fixed:
    names: list[str] = field(default_factory=list[str])


@dataclass
class BelowSlotted(Slotted):
    more: list[str] = field(default_factory=list[str])


class Undeclared(Plain):
    pass


INSIDE: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "below": (lambda: Below(["a"], {"a": [1]}), lambda value: value.more["a"]),
    "listed": (lambda: Listed([1]), lambda value: value),
    "slotted": (lambda: Slotted(["a"]), lambda value: value.names),
    "below slotted": (lambda: BelowSlotted(["a"], ["b"]), lambda value: value.names),
    "fixed": (lambda: Fixed(["a"]), lambda value: value.names),
    "undeclared": (lambda: Undeclared(["a"]), lambda value: value.names),
    "in a tuple": (lambda: (Plain(["a"]), 1), lambda value: value[0].names),
    "with more": (lambda: with_more(Plain(["a"])), lambda value: value.more),
}


def with_more(value: Any) -> Any:
    """Return an object with an attribute that its class does not declare."""
    value.more = ["m"]
    return value


@pytest.mark.parametrize("name", INSIDE)
def test_a_part_of_any_kind_of_dataclass_object_is_not_overlooked(name: str) -> None:
    make, get = INSIDE[name]
    documents = [Common.model_construct(anything=[make()]) for _ in range(3)]
    plain = [Common.model_construct(anything=[make()]) for _ in range(3)]
    held = get(documents[1].anything[0])
    assert has_aliases(documents[1]), held
    assert not are_sole(documents)
    if are_sole(plain):
        assert not any(map(has_aliases, plain))


@pytest.mark.parametrize("what", PARTS)
def test_what_one_of_many_documents_shares_is_not_overlooked(what: str) -> None:
    documents = [whole() for _ in range(5)]
    held = PARTS[what](documents[2])
    assert not are_sole(documents), held


def test_a_value_of_two_documents_is_not_overlooked() -> None:
    documents = [Common() for _ in range(5)]
    documents[1].parts = documents[4].parts
    assert not are_sole(documents)


VALUES: list[Any] = [
    None, 1, "a", [1], [[1]], {"a": 1}, {"a": {"b": [2]}}, [Part()], Part(), (1,), {1}, ([1],), [{1}],
    [({1}, 2)], frozenset((1,)), Plain(["a"]), [Plain()], Slotted(), {"a": [Below()]},
]  # fmt: skip


@given(st.lists(st.sampled_from(VALUES), min_size=1, max_size=5), st.integers(0, 4))
def test_documents_that_look_sole_together_are_so_one_by_one(values: list[Any], kept: int) -> None:
    documents = [Common.model_construct(anything=copy.deepcopy(value)) for value in values]
    held = documents[kept % len(values)].anything
    if are_sole(documents):
        assert not any(map(has_aliases, documents)), held
    held = None
    if any(map(has_aliases, documents)):
        assert not are_sole(documents)


def test_a_value_that_two_fields_share_is_their_own() -> None:
    document = Common()
    document.by_name["a"] = document.rows[0]
    document.anything = document.parts
    assert not has_aliases(document)
    held = document.rows[0]
    assert has_aliases(document), held


DICTIONARIES: list[Any] = [OrderedDict({"a": [1]}), defaultdict(list[int], {"a": [1]})]


@pytest.mark.parametrize("place", range(len(DICTIONARIES)))
def test_the_dictionaries_of_the_standard_library_are_looked_into(place: int) -> None:
    document = Whole(anything=copy.deepcopy(DICTIONARIES[place]))
    assert not has_aliases(document)
    held = document.anything["a"]
    assert has_aliases(document), held


def test_a_value_that_two_places_of_a_document_share_is_its_own() -> None:
    shared = ["a"]
    document = Whole(anything=[shared, shared])
    assert has_aliases(document)
    del shared
    assert not has_aliases(document)


class Counting(Document, collection="counting"):
    """Stores what follows from a private attribute."""

    tags: list[str] = []
    _seen: list[str] = PrivateAttr(default_factory=list[str])

    @computed_field
    def count(self) -> int:
        return len(self._seen)


def test_what_is_computed_from_private_attributes_is_compared_at_every_flush() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Counting)
        session.add(counting := Counting())
        session.commit()
        assert has_aliases(counting)
        counting._seen.append("b")  # pyright: ignore[reportPrivateUsage]
        assert session.dirty == [counting]


class Tagged(Document, collection="tagged"):
    tags: list[str] = []
    part: Part = Part()


def test_a_session_looks_no_more_at_documents_that_were_read_and_not_changed() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Tagged)
        built = [Tagged(tags=["a"]) for _ in range(20)]
        session.add_all(built)
        session.commit()
        assert session._work.candidates() == []  # pyright: ignore[reportPrivateUsage]
        assert [each.tags for each in built] == [["a"]] * 20
        session.scalars(select(Tagged)).all()
        assert session._work.candidates() == []  # pyright: ignore[reportPrivateUsage]


def test_a_part_outlives_the_callers_hold_on_its_document() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Tagged)
        session.add(Tagged(key="a", tags=["a"]))
        session.commit()
        names, tags = session.get_one(Tagged, "a").part.names, session.get_one(Tagged, "a").tags
        session.scalars(select(Tagged)).all()
        session.commit()
        names.append("n")
        session.commit()
        tags.append("t")
        session.commit()
        with Session(engine) as other:
            found = other.get_one(Tagged, "a")
            assert (found.tags, found.part.names) == (["a", "t"], ["n"])
