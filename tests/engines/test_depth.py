"""Values that are nested deeply: what is stored can be read, and the rest is refused."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm import Document, Session, select
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import InvalidDocument


class Deep(Document, collection="deep_values"):
    x: Any = None


def nested(depth: int, *, objects: bool) -> Any:
    value: Any = "[" * 300  # brackets in a text are no levels
    for _ in range(depth):
        value = {"a": value} if objects else [value]
    return value


@pytest.mark.parametrize("objects", [False, True])
@pytest.mark.parametrize("depth", [1, 119, 120, 128, 210, 400, 5000])
def test_what_is_stored_can_be_read_again(engine: Engine, depth: int, objects: bool) -> None:
    engine.drop_all(Deep)
    with Session(engine) as session:
        session.add(Deep(key="good", x=1))
        session.commit()
        kept = Deep(key="changed", x=1)
        session.add(kept)
        session.commit()
        kept.x = nested(depth, objects=objects)
        if depth > 119:
            with pytest.raises(InvalidDocument):
                session.commit()
            session.rollback()
        else:
            session.commit()
    with Session(engine) as session:
        assert len(session.scalars(select(Deep)).all()) == 2
        assert session.get_one(Deep, "changed").x == (nested(depth, objects=objects) if depth < 120 else 1)
