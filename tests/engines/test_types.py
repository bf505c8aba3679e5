"""What is committed is read in another session as it was: every type, at every place, on every engine."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from solidb_odm import Document, Engine, Session, any_, contains, func, select

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


class Sealed(BaseModel):
    data: bytes
    took: timedelta


class Chest(Document, collection="chests"):
    blobs: list[bytes]
    sealed: list[Sealed]
    named: dict[str, bytes]
    numbers: list[int | Decimal]


def test_parts_of_stored_values_are_read_as_what_they_are(engine: Engine) -> None:
    engine.create_all(Chest)
    sealed = Sealed(data=b"\xff", took=timedelta(seconds=1.5))
    with Session(engine) as session:
        numbers: list[int | Decimal] = [1, Decimal("1.0")]
        session.add(Chest(blobs=[b"\xff", b"a"], sealed=[sealed], named={"k": b"\xfe"}, numbers=numbers))
        session.commit()
        parts = select(func.first(Chest.blobs), Chest.blobs[1], Chest.named["k"], Chest.sealed[0])

        assert session.execute(parts).one() == (b"\xff", b"a", b"\xfe", sealed)
        assert session.scalars(select(func.last(Chest.numbers))).one() == Decimal("1.0")
        assert type(session.scalars(select(func.last(Chest.numbers))).one()) is Decimal
        assert session.scalars(select(Chest.key).where(contains(Chest.sealed, sealed))).all()
        assert session.scalars(select(Chest.key).where(any_(Chest.sealed).data == b"\xff")).all()
