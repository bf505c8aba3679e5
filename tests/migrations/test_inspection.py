"""Models that are written from a database: every document loads by them, and none is changed by that."""

from __future__ import annotations

import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any
from uuid import UUID, uuid4

import pytest
from pydantic import BaseModel, Field

from solidb_odm import (
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Link,
    Registry,
    Session,
    Vector,
    VectorIndex,
    sdbql,
    select,
)
from solidb_odm.migrations.model_text import inspect_models

from .conftest import Place


class Room(BaseModel):
    size: int
    note: str | None = None


class Seen(Document, abstract=True, registry=Registry()):
    """The inspected classes go into the registry for all, so these are kept apart."""


class Inn(Seen, collection="seen_inns"):
    name: Annotated[str, Index(unique=True)]
    opened: date
    seen: datetime
    code: UUID
    price: Decimal = Decimal("1.50")
    rooms: list[Room] = []
    best: Room | None = None
    tags: Annotated[list[str], Index("tags[]")] = []
    place: Annotated[GeoPoint | None, GeoIndex()] = None
    looks: Annotated[Vector | None, VectorIndex(dimension=2)] = None
    story: Annotated[str, FulltextIndex(minimum_length=4)] = ""
    odd: str = Field("", alias="an odd-name")


class Visit(Seen, collection="seen_visits"):
    inn: Link[Inn]
    others: list[Link[Inn]] = []
    nights: int = 1


class LongVisit(Visit):
    reason: str


class Road(Edge[Inn, Inn], collection="seen_roads", registry=Seen.__solidb_registry__):
    miles: float


@pytest.fixture
def filled(place: Place) -> Place:
    with Session(place.engine) as session:
        inns = [
            Inn(
                key=f"i{number}",
                name=f"inn {number}",
                opened=date(1900 + number, 1, 2),
                seen=datetime(2020, 1, 2, 3, 4, number, tzinfo=UTC),
                code=uuid4(),
                rooms=[Room(size=number), Room(size=2, note="x")],
                best=Room(size=1) if number else None,
                tags=["a"],
                place=GeoPoint(lat=1, lon=number),
                looks=[1.0, 2.0],
                **{"an odd-name": "y"},
            )
            for number in range(3)
        ]
        session.add_all(inns)
        session.add_all([Visit(inn=inns[0]), LongVisit(inn=inns[1], others=[inns[0]], reason="snow")])
        session.add(Road(from_=inns[0], to=inns[1], miles=1.5))
        session.commit()
        # what comes after the documents that are looked at is not lost either
        session.execute(sdbql("UPDATE 'i2' WITH {best: {'size': 4, rare: true}, more: [1]} IN seen_inns"))
        session.commit()
    return place


def module_of(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    (folder / "inspected.py").write_text(text)
    module = ModuleType("inspected")
    monkeypatch.setitem(sys.modules, "inspected", module)
    exec(compile(text, str(folder / "inspected.py"), "exec"), vars(module))
    return module


def test_types_links_ends_and_classes_are_found(filled: Place) -> None:
    text = filled.engine.run(inspect_models())
    for line in (
        'class SeenInns(Document, collection="seen_inns"):',
        "    opened: date",
        "    seen: datetime",
        "    code: UUID",
        "    place: GeoPoint",
        "    looks: Vector",
        "    rooms: list[SeenInnsRooms]",
        "    best: SeenInnsBest | None",
        '    odd_name: str = Field(alias="an odd-name")',
        "    inn: Link[SeenInns]",
        "class LongVisit(SeenVisits):",
        "    reason: str",
        'class SeenRoads(Edge[SeenInns, SeenInns], collection="seen_roads"):',
    ):
        if line.startswith("    odd_name"):
            assert 'alias="an odd-name"' in text
        else:
            assert f"\n{line}\n" in text


def test_every_document_loads_and_none_is_changed(
    filled: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: Any = module_of(filled.engine.run(inspect_models()), tmp_path, monkeypatch)
    before = {name: filled.stored(name, system=True) for name in ("seen_inns", "seen_visits", "seen_roads")}
    with Session(filled.engine) as session:
        inns = session.scalars(select(module.SeenInns).order_by(module.SeenInns.key)).all()
        visits = session.scalars(select(module.SeenVisits)).all()
        roads = session.scalars(select(module.SeenRoads)).all()
        assert (len(inns), len(visits), len(roads)) == (3, 2, 1)
        assert {type(each).__name__ for each in visits} == {"SeenVisits", "LongVisit"}
        assert not session.dirty
        for inn in inns:
            inn.name = inn.name.upper()
        session.commit()
        for inn in inns:
            inn.name = inn.name.lower()
        session.commit()
    after = filled.stored("seen_inns")
    hidden = ("_id", "_rev", "_created_at", "_updated_at")
    assert after == [
        {key: value for key, value in row.items() if key not in hidden} for row in before["seen_inns"]
    ]
    declared = {index.name for index in module.SeenInns.__solidb_mapping__.indexes}
    assert declared == {index.name for index in Inn.__solidb_mapping__.indexes}
