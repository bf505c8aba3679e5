"""Classes that a function makes go when nobody holds them, whatever was done with them."""

from __future__ import annotations

import gc
import weakref
from typing import Annotated, Any

from pydantic import BaseModel

from solidb_odm import Document, Index, Link, Session, create_engine, select


def _made(number: int) -> list[Any]:
    class Part(BaseModel):
        n: int = 0

    class Place(Document, collection=f"brief_places_{number}"):
        x: Annotated[int, Index()] = 0
        part: Part | None = None
        parts: list[Part] = []

    class Visit(Document, collection=f"brief_visits_{number}"):
        place: Link[Place] | None = None

    with create_engine("sqlite://") as engine, Session(engine) as session:
        place = Place(part=Part())
        session.add_all([place, Visit(place=place)])
        session.commit()
        session.expunge_all()
        assert session.scalars(select(Place).where(Place.x == 0, Place.part.n == 0)).one().part == Part()
        (visit,) = session.scalars(select(Visit)).all()
        session.load([visit], Visit.place)
    return [Part, Place, Visit]


def test_local_classes_are_collected() -> None:
    made = [weakref.ref(cls) for number in range(20) for cls in _made(number)]

    class Last(Document, collection="brief_last"):
        pass

    with create_engine("sqlite://") as engine, Session(engine) as session:
        assert session.scalars(select(Last)).all() == []
    for _ in range(3):
        gc.collect()
    assert [reference() for reference in made if reference() is not None] == []
