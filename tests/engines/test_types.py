"""What is committed is read in another session as it was: every type, at every place, on every engine."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from solidb_odm import Engine, Session

from .typed import CLASSES, TYPES, exact


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
