"""What is committed is read in another session as it was: every type, at every place, on every engine."""

from __future__ import annotations

from typing import Any, Optional

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from solidb_odm import Document, Engine, Session

from .typed import TYPES, exact


def _document(name: str, annotation: Any) -> Any:
    """Make a document class that holds values of a type wherever a value can be."""
    label = name.title().replace(" ", "")
    part = _class(BaseModel, f"{label}Part", {"value": annotation})
    fields = {
        "value": annotation,
        "listed": list[annotation],
        "named": dict[str, tuple[annotation, ...]],
        "maybe": Optional[annotation],  # noqa: UP045  the annotation may be a union, or text
        "part": part,
        "parts": list[part],  # type: ignore[valid-type]
    }
    return _class(Document, f"{label}Holder", fields, collection="holders"), part


def _class(base: Any, name: str, annotations: dict[str, Any], **options: Any) -> Any:
    return type(base)(name, (base,), {"__module__": __name__, "__annotations__": annotations}, **options)


CLASSES = {name: _document(name, annotation) for name, (annotation, _) in TYPES.items()}


@given(st.data())
@settings(max_examples=10, suppress_health_check=list(HealthCheck))
def _every_value_comes_back(engine: Engine, name: str, data: st.DataObject) -> None:
    model, part = CLASSES[name]
    values = data.draw(st.lists(TYPES[name][1], min_size=1, max_size=12), label=name)
    made = [
        model(
            value=value,
            listed=[value, value],
            named={"a b": (value,)},
            maybe=value if place % 2 else None,
            part=part(value=value),
            parts=[part(value=value)],
        )
        for place, value in enumerate(values)
    ]
    with Session(engine) as session:
        session.add_all(made)
        session.commit()
    with Session(engine) as session:
        read = {each.key: each for each in session.get_many(model, [each.key for each in made]) if each}
    for each in made:
        assert exact(vars(read[each.key]), vars(each)), (name, read[each.key], each)


@pytest.mark.parametrize("part", range(4))
def test_every_value_comes_back_as_it_was(engine: Engine, part: int) -> None:
    engine.create_all(CLASSES["str"][0])

    for name in list(TYPES)[part::4]:
        _every_value_comes_back(engine, name)
