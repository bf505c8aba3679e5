"""A commit makes of one document another, whatever they hold, and writes nothing if they are the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from solidb_odm import Document, Engine, Session
from solidb_odm.testing import RecordingEngine
from solidb_odm.work.differences import apply, diff
from tests.sizes import examples

from .typed import CLASSES, JSON, TEXT, TYPES, exact


class Leaf(BaseModel):
    model_config = ConfigDict(extra="allow")
    note: str | None = None
    more: dict[str, Any] = {}


class Nested(Document, collection="nested"):
    name: str | None = None
    leaf: Leaf | None = None
    leaves: list[Leaf] = []
    data: dict[str, Any] = {}
    anything: Any = None


_OBJECTS = st.dictionaries(TEXT, JSON, max_size=4)
_LEAVES = st.builds(Leaf, note=st.none() | TEXT, more=_OBJECTS)
_STATES = st.fixed_dictionaries({
    "name": st.none() | TEXT,
    "leaf": st.none() | _LEAVES,
    "leaves": st.lists(_LEAVES, max_size=2),
    "data": _OBJECTS,
    "anything": JSON,
})  # fmt: skip


@given(_OBJECTS, _OBJECTS)
def test_a_difference_that_is_applied_gives_the_other(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert exact(apply(diff(one, other), one), other)
    assert not diff(one, one)


def test_a_commit_makes_one_document_another(engine: Engine) -> None:
    engine.create_all(Nested)

    @given(_STATES, _STATES)
    @settings(max_examples=examples(40), suppress_health_check=list(HealthCheck))
    def check(before: dict[str, Any], after: dict[str, Any]) -> None:
        made = Nested(**before)
        with Session(engine) as session:
            session.add(made)
            session.commit()
        with Session(engine) as session:
            document = session.get_one(Nested, made.key)
            for name, value in after.items():
                setattr(document, name, value)
            session.commit()
            revision = document.rev
            session.commit()
            assert document.rev == revision
        with Session(engine) as session:
            read = session.get_one(Nested, made.key)
            assert exact({name: getattr(read, name) for name in after}, after)

    check()


def test_parts_that_are_taken_away_in_place_are_gone(engine: Engine) -> None:
    engine.create_all(Nested)

    @given(_OBJECTS, st.data())
    @settings(max_examples=examples(25), suppress_health_check=list(HealthCheck))
    def check(data: dict[str, Any], draw: st.DataObject) -> None:
        assume(data)
        with Session(engine) as session:
            document = Nested(data=data, leaf=Leaf(more=data), leaves=[Leaf(more=data, extra=1)])  # type: ignore[call-arg]
            session.add(document)
            session.commit()
            gone = draw.draw(st.sampled_from(sorted(data)))
            del document.data[gone]
            assert document.leaf is not None
            del document.leaf.more[gone]
            del document.leaves[0].extra  # type: ignore[attr-defined]
            session.commit()
        with Session(engine) as session:
            read = session.get_one(Nested, document.key)
            kept = {name: value for name, value in data.items() if name != gone}
            assert read.data == kept
            assert read.leaf == Leaf(more=kept)
            assert read.leaves == [Leaf(more=data)]

    check()


def _again(value: Any) -> Any:
    """Make an equal value, with another order where order says nothing."""
    if isinstance(value, dict):
        return {name: _again(value[name]) for name in reversed(value)}
    if isinstance(value, (set, frozenset)):
        return type(value)(reversed(list(value)))
    if isinstance(value, list):
        return [_again(each) for each in value]
    return value


@given(st.data())
@settings(max_examples=5, suppress_health_check=list(HealthCheck))
def _nothing_is_written_for(name: str, engine: RecordingEngine, data: st.DataObject) -> None:
    model, part = CLASSES[name]
    value = data.draw(TYPES[name][1], label=name)
    made = model(
        value=value,
        listed=[value],
        named={"a": (value,), "b": ()},
        maybe=value,
        part=part(value=value),
        parts=[],
    )
    with Session(engine) as session:
        session.add(made)
        session.commit()
    with Session(engine) as session:
        document = session.get_one(model, made.key)
        revision = document.rev
        for each in type(document).model_fields:
            if each != "key":
                setattr(document, each, _again(getattr(document, each)))
        engine.clear()
        session.commit()
        assert document.rev == revision, (name, value)
        assert engine.patches == []


@pytest.mark.parametrize("part", range(3))
def test_nothing_is_written_where_values_are_only_set_anew(engine: Engine, part: int) -> None:
    engine.create_all(CLASSES["str"][0])

    for name in list(TYPES)[part::3]:
        _nothing_is_written_for(name, RecordingEngine(engine))
