"""Laws of differences and merges."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, computed_field, field_serializer, field_validator, model_validator
from pydantic_core import to_json

from solidb_odm import Document, Registry
from solidb_odm.errors import InvalidDocument
from solidb_odm.model.document_state import state_of
from solidb_odm.model.stored.codec import decode, encode_text
from solidb_odm.work import MISSING, Conflict, apply, diff, merge, plan
from solidb_odm.work.differences import _Comparison, document_difference, identical
from solidb_odm.work.plan import differences, make_plan

scalars = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, -1.5]) | st.sampled_from("ab")
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(objects, objects)
def test_applying_the_difference_makes_one_of_the_other(old: dict, new: dict) -> None:
    assert identical(apply(diff(old, new), old), new)


@given(objects)
def test_a_value_does_not_differ_from_itself(value: dict) -> None:
    assert not diff(value, value)


@given(objects, objects)
def test_a_difference_names_no_more_than_it_must(old: dict, new: dict) -> None:
    found = diff(old, new)
    kept = [name for name in old if name in new and identical(old[name], new[name])]
    assert not {*found.changes, *found.removed} & {*kept}


@given(objects, objects)
def test_a_merge_with_one_changed_side_is_that_side(base: dict, changed: dict) -> None:
    for merged, conflicts in (merge(base, changed, base), merge(base, base, changed)):
        assert identical(merged, changed)
        assert conflicts == []


@given(objects, objects)
def test_a_merge_of_equal_sides_is_without_conflict(base: dict, changed: dict) -> None:
    merged, conflicts = merge(base, changed, changed)
    assert identical(merged, changed)
    assert conflicts == []


@given(objects, objects, objects)
def test_a_merge_mirrors(base: dict, ours: dict, theirs: dict) -> None:
    one, mine = merge(base, ours, theirs, "ours")
    two, yours = merge(base, theirs, ours, "theirs")
    assert identical(one, two)
    assert {each.path for each in mine} == {each.path for each in yours}


def test_numbers_of_different_types_differ() -> None:
    assert diff({"a": 1, "b": True, "c": 1.0}, {"a": 1.0, "b": 1, "c": 1.0}).changes == {"a": 1.0, "b": 1}


def test_a_conflict_names_the_path_and_all_three_values() -> None:
    base = {"in": {"a": 1, "b": 1}, "gone": 1}
    merged, conflicts = merge(base, {"in": {"a": 2, "b": 1}, "gone": 2}, {"in": {"a": 3, "b": 5}})
    assert merged == {"in": {"a": 2, "b": 5}, "gone": 2}
    assert conflicts == [Conflict("in.a", 1, 2, 3), Conflict("gone", 1, 2, MISSING)]


def test_a_function_settles_conflicts_by_their_full_path() -> None:
    seen = []
    merged, _ = merge(
        {"in": {"a": 1}}, {"in": {"a": 2}}, {"in": {"a": 3}}, lambda c: seen.append(c.path) or 9
    )
    assert (merged, seen) == ({"in": {"a": 9}}, ["in.a"])


OWNERS = Registry()


class Part(BaseModel):
    name: str = "x"
    at: datetime | None = None
    counts: dict[str, int] = {}


class Dated(BaseModel):
    name: str = "x"

    @computed_field
    @property
    def length(self) -> int:
        return len(self.name)


class Bag(Document, collection="changed_bags", registry=OWNERS):
    words: list[str] = Field(default=["a"], alias="wordList")
    prices: list[Decimal] = []
    labels: set[str] = set()
    part: Part | None = None
    parts: list[Part] = []
    anything: Any = None


class Watched(Bag, collection="changed_watched", registry=OWNERS):
    dated: Dated = Dated()
    kept: list[str] = ["k"]

    @field_validator("kept")
    @classmethod
    def _keep(cls, kept: list[str]) -> list[str]:
        return sorted(kept)


class Whole(Bag, collection="changed_whole", registry=OWNERS):
    @model_validator(mode="after")
    def _check(self) -> "Whole":
        return self


class Written(Bag, collection="changed_written", registry=OWNERS):
    @field_serializer("words")
    def _write(self, words: list[str]) -> list[str]:
        return list(words)


STORED = [
    {},
    {
        "wordList": ["a"],
        "prices": ["1.0"],
        "labels": ["b", "a"],
        "part": {"name": "x", "at": None, "counts": {}},
    },
    {"wordList": ["b", "c"], "part": {}, "parts": [{}, {"name": "y"}], "more": 1},
    {
        "prices": [1, "2"],
        "labels": ["a", "a"],
        "parts": [{"at": "2024-01-01T12:00:00Z", "counts": {"a": "1"}}],
    },
    {"part": {"name": "y", "more": 1}, "anything": {"a": [1, 1.0]}, "wordList": []},
]
CHANGES: dict[str, Callable[[Any], Any]] = {
    "nothing": lambda bag: bag.words,
    "a word": lambda bag: bag.words.append("a"),
    "no words": lambda bag: bag.words.clear(),
    "a price": lambda bag: bag.prices.append(Decimal("1.0")),
    "equal prices": lambda bag: bag.prices.__init__([Decimal(str(price)) for price in bag.prices]),
    "a label": lambda bag: bag.labels.add("a"),
    "other labels": lambda bag: bag.labels.update("xyz"),
    "a part's name": lambda bag: bag.part and setattr(bag.part, "name", "y"),
    "the same name of a part": lambda bag: bag.part and setattr(bag.part, "name", bag.part.name),
    "a part's time": lambda bag: [
        setattr(part, "at", datetime(2024, 1, 1, 12, tzinfo=UTC)) for part in bag.parts
    ],
    "a part's counts": lambda bag: [part.counts.update(a=1) for part in bag.parts],
    "a part more": lambda bag: bag.parts.append(Part()),
    "something deep": lambda bag: isinstance(bag.anything, dict) and bag.anything.update(a=[1, 1]),
    "a set field": lambda bag: setattr(bag, "words", ["z"]),
}


@pytest.mark.parametrize("as_text", [True, False], ids=["text", "values"])
@pytest.mark.parametrize("model", [Bag, Watched, Whole, Written])
def test_a_value_read_by_itself_tells_the_same_as_the_whole_document(
    model: type[Bag], as_text: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(7)
    mapping = model.__solidb_mapping__
    for stored in STORED:
        for _ in range(12):
            body: Any = {"_key": "k", **stored}
            body = to_json(body).decode() if as_text else body
            document = decode(mapping, "k", body)
            state = state_of(document)
            state.store("r", "", "", body)
            names = chance.sample(list(CHANGES), chance.randint(1, 3))
            for name in names:
                CHANGES[name](document)
            quick = document_difference(mapping, document, state)
            with monkeypatch.context() as patch:
                patch.setattr(_Comparison, "_is_surely_changed", lambda *_: False)
                assert document_difference(mapping, document, state) == quick, (stored, names)


def test_a_list_that_changed_in_place_needs_no_reading_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    mapping = Bag.__solidb_mapping__
    body = encode_text(mapping, Bag(key="k", wordList=["a"], parts=[Part(name="y")]))
    document = decode(mapping, "k", body)
    state_of(document).store("r", "", "", body)
    document.words.append("b")
    document.parts[0].name = "z"
    monkeypatch.delattr(_Comparison, "_read")
    (changes, _), _ = document_difference(mapping, document, state_of(document))
    assert changes == {"wordList": ["a", "b"], "parts": [{"name": "z", "at": None, "counts": {}}]}


@pytest.mark.parametrize("model", [Bag, Watched, Whole, Written])
def test_many_changed_documents_are_written_as_one_by_one(
    model: type[Bag], monkeypatch: pytest.MonkeyPatch
) -> None:
    plans: list[Any] = []
    for many in (20, 1_000_000):
        monkeypatch.setattr(plan, "_MANY", many)
        chance, held = random.Random(7), []
        for number in range(60):
            body = to_json({"_key": f"k{number:02}", **chance.choice(STORED)}).decode()
            held.append(decode(model.__solidb_mapping__, f"k{number:02}", body))
            state_of(held[-1]).store(f"r{number}", "", "", body)
            for name in chance.sample(list(CHANGES), 2):
                CHANGES[name](held[-1])
        made = make_plan(encode_text, [], differences(held), [])
        plans.append([(batch.collection, batch.rows) for batch in made.batches])
    assert plans[0] == plans[1]
    assert len(plans[0][0][1]) > 20


@pytest.mark.parametrize("wrong", [5, [1], {"a"}, None])
def test_one_wrong_value_among_many_changed_documents_is_refused(wrong: Any) -> None:
    mapping = Bag.__solidb_mapping__
    body = encode_text(mapping, Bag(key="k"))
    held = [decode(mapping, "k", body) for _ in range(30)]
    for place, bag in enumerate(held):
        state_of(bag).store("r", "", "", body)
        bag.words = wrong if place == 17 else ["b"]
    with pytest.raises(InvalidDocument, match="does not fit its model"):
        make_plan(encode_text, [], differences(held), [])
