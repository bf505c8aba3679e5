"""Classes that are sent by value, as parallel programs do, stay the same at home and work elsewhere."""

from __future__ import annotations

import copy
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

import cloudpickle
import pytest
from pydantic import BaseModel, computed_field

from solidb_odm import Document, Index, Link, Registry, Session, create_engine, select

ROOT = Path(__file__).parents[3]
USE = """
import sys, cloudpickle
from solidb_odm import Session, create_engine, select
Base, Made, Child = cloudpickle.load(sys.stdin.buffer)
with create_engine("sqlite://") as engine, Session(engine) as session:
    engine.create_all(Made.__solidb_registry__)
    session.add_all([Made(key="a", name="x"), Child(key="b", name="y", other="made/a")])
    session.commit()
    session.expunge_all()
    found = select(Made).where(Made.upper == "Y", Made.part.n == 0, Made.length == 1)
    print(session.scalars(found).one().lower)
"""


def classes(**options: Any) -> tuple[Any, Any, Any]:
    class Part(BaseModel):
        n: int = 0

    class Base(Document, abstract=True, **options):
        name: Annotated[str, Index()] = ""

    class Made(Base, collection="made"):
        part: Part = Part()
        other: Link[Made] | None = None

        @computed_field  # type: ignore[prop-decorator]
        @property
        def upper(self) -> str:
            return self.name.upper()

        @cached_property
        def lower(self) -> str:
            return self.name.lower()

        @computed_field  # type: ignore[prop-decorator]
        @cached_property
        def length(self) -> int:
            return len(self.lower)

    class Child(Made):
        more: int = 0

    return Base, Made, Child


@pytest.mark.parametrize("options", [{}, {"registry": Registry()}], ids=["global", "own registry"])
def test_classes_work_in_another_process(options: Any) -> None:
    sent = cloudpickle.dumps(classes(**options))
    done = subprocess.run([sys.executable, "-c", USE], cwd=ROOT, input=sent, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().strip() == "y"


def test_classes_are_themselves_in_their_own_process() -> None:
    _, made, child = classes()
    document = child(key="c", name="z")
    with create_engine("sqlite://") as engine, Session(engine) as session:
        session.add(document)
        session.commit()
        for each in (made, child):
            assert cloudpickle.loads(cloudpickle.dumps(each)) is each
            assert len(copy.deepcopy(each.model_fields)) == len(each.model_fields)
        again = cloudpickle.loads(cloudpickle.dumps(document))
        assert (again, again.rev) == (document, document.rev)
        assert session.scalars(select(made).where(made.name == "z")).all() == [document]
