"""Documents that a revision takes away: what it wants of those that stay is not asked of them."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import ConfigDict

from solidb_odm import Document, Index, Registry, TTLIndex
from solidb_odm.errors import InvalidDocuments

from .conftest import Place

TRUCK = {"_key": "b", "_type": "Truck", "plate": "x", "made": 0, "load": "sand"}
VAN = {"_key": "a", "_type": "Van", "plate": "x", "made": 9_000_000_000, "seats": 9}
TARGET = "carriers_that_go"


def carriers(
    plate: Any = str, made: Any = int, *, extra: Any = "ignore", checks: str = "off", trucks: bool = True
) -> list[Any]:
    """Return a family of documents, with trucks or without."""

    class Carrier(Document, collection=TARGET, registry=Registry()):
        __annotations__ = {"plate": plate, "made": made}
        model_config = ConfigDict(extra=extra)
        Settings = type("Settings", (), {"schema_validation": checks})

    class Van(Carrier):
        seats: int

    class Truck(Carrier):
        load: str

    return [Carrier, Van, Truck] if trucks else [Carrier, Van]


@pytest.mark.parametrize(
    "demand",
    [
        {"extra": "forbid"},
        {"checks": "strict"},
        {"extra": "forbid", "checks": "strict"},
        {"plate": Annotated[str, Index(unique=True)]},
        {"made": Annotated[int, TTLIndex(seconds=60)]},
        {"extra": "forbid", "plate": Annotated[str, Index(unique=True)], "checks": "strict"},
    ],
)
def test_what_is_wanted_of_a_collection_is_not_asked_of_a_class_that_goes(
    place: Place, demand: dict[str, Any]
) -> None:
    place.go(*carriers())
    place.put(TARGET, VAN, TRUCK)
    migrator = place.go(*carriers(**demand, trucks=False), drop=[f"{TARGET}:Truck"])
    assert place.stored(TARGET) == [VAN]
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored(TARGET) == [VAN, TRUCK]


def test_what_is_wanted_is_asked_of_those_that_stay(place: Place) -> None:
    place.go(*carriers())
    place.put(TARGET, VAN, TRUCK, {**VAN, "_key": "c", "doors": 4})
    with pytest.raises(InvalidDocuments, match="doors is not declared") as caught:
        place.go(*carriers(extra="forbid", trucks=False), drop=[f"{TARGET}:Truck"])
    assert caught.value.keys == ["c"]
    assert len(place.stored(TARGET)) == 3


def test_an_index_that_is_made_before_they_go_meets_them(place: Place) -> None:
    place.write(
        "aaaa", None, 'op.create_collection("lorries")\nop.set_schema("lorries:Truck", {"fields": {}})'
    )
    steps = ['op.create_index("lorries", "plate", unique=True)', 'op.drop_collection("lorries:Truck")']
    path = place.write("bbbb", "aaaa", "\n".join(steps))
    migrator = place.migrator()
    migrator.upgrade("aaaa")
    place.put("lorries", VAN, TRUCK)
    with pytest.raises(InvalidDocuments, match="a second time, and is to be unique"):
        migrator.upgrade()
    assert place.stored("lorries") == [VAN, TRUCK]
    path.unlink()
    place.write("bbbb", "aaaa", "\n".join(reversed(steps)))
    place.migrator().upgrade()
    assert place.stored("lorries") == [VAN]


def test_a_collection_that_takes_an_old_name_is_another_one(place: Place) -> None:
    def old() -> type[Document]:
        class Bill(Document, collection="bills_before", registry=Registry()):
            number: int

        return Bill

    def new() -> list[Any]:
        registry = Registry()

        class Bill(Document, collection="bills_after", registry=registry):
            number: int

            class Settings:
                renamed_from = "bills_before"

        class Draft(Document, collection="bills_before", registry=registry):
            number: Annotated[int, Index(unique=True)]

        return [Bill, Draft]

    place.go(old())
    rows = [{"_key": key, "number": 1} for key in "ab"]
    place.put("bills_before", *rows)
    migrator = place.go(*new())
    assert (place.stored("bills_after"), place.stored("bills_before")) == (rows, [])
    assert migrator.check(documents=True).ok
    migrator.downgrade("-1")
    assert place.stored("bills_before") == rows
