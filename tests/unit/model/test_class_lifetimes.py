"""Classes that a function makes go when nobody holds them, whatever was done with them."""

from __future__ import annotations

import subprocess
import sys
import weakref
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from solidb_odm import Document, Index, Link, Session, create_engine, select
from tests.garbage import collect_garbage

ROOT = Path(__file__).parents[3]


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


def check_local_classes() -> None:
    """Assert that nothing of ours keeps classes of a function alive."""
    made = [weakref.ref(cls) for number in range(20) for cls in _made(number)]
    collect_garbage()
    collect_garbage()  # what the finalizers of the first let go of
    assert [reference() for reference in made if reference() is not None] == []


def test_local_classes_are_collected() -> None:
    """Tried in a process of its own: what other tests hold, and their threads, are no matter of ours."""
    check = f"from {__name__} import check_local_classes as check; check()"
    done = subprocess.run(
        [sys.executable, "-c", check], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
