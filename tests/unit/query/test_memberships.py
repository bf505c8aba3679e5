"""Lists of values: each is held to the field and stored as a comparison with it alone would store it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BeforeValidator, PlainSerializer

from solidb_odm import Document, in_, select
from solidb_odm.errors import UsageError


class Colour(StrEnum):
    RED = "red"


def turned(text: str) -> str:
    """Return a text the other way round, as it is stored."""
    return text[::-1]


class Bead(Document, collection="beads_of_memberships"):
    name: str
    size: Literal["s", "m"]
    colour: Colour
    backwards: Annotated[str, PlainSerializer(turned, return_type=str), BeforeValidator(turned)]
    weight: float
    count: int
    made: date
    price: Decimal


LISTS: list[tuple[Any, list[Any]]] = [
    (Bead.name, ["a", "b", "c"]),
    (Bead.name, ["a", None]),
    (Bead.name, ["a", "b/c"]),
    (Bead.key, ["a", "b"]),
    (Bead.size, ["s", "m"]),
    (Bead.colour, [Colour.RED, "red"]),
    (Bead.backwards, ["ab", "cd"]),
    (Bead.weight, [1.5, 2.5]),
    (Bead.weight, [1, 2.5, Decimal("0.5")]),
    (Bead.count, [1, 2, 3]),
    (Bead.made, [date(2024, 1, 2), date(2024, 1, 3)]),
    (Bead.price, [Decimal("1.10"), 2]),
    (Bead.key, ["a", "b"]),
    (Bead.name, []),
]
REFUSED: list[tuple[Any, list[Any]]] = [
    (Bead.name, ["a", 1]),
    (Bead.name, [1, 1]),
    (Bead.count, [1, True]),
    (Bead.count, [True, True]),
    (Bead.size, ["s", "xl"]),
    (Bead.colour, ["red", "blue"]),
    (Bead.key, ["a", "beads_of_memberships/b"]),
    (Bead.key, ["a", "b", "c/d", "e"]),
]


def binds(statement: Any) -> list[Any]:
    return list(statement.compile().bind_vars.values())


@pytest.mark.parametrize(("field", "values"), LISTS)
def test_a_list_is_stored_as_its_values_are_one_by_one(field: Any, values: list[Any]) -> None:
    together = binds(select(Bead).where(in_(field, values)))
    alone = [binds(select(Bead).where(in_(field, [value])))[0][0] for value in values]
    assert together == [alone]


@pytest.mark.parametrize(("field", "values"), REFUSED)
def test_a_value_that_does_not_fit_is_refused_wherever_it_stands(field: Any, values: list[Any]) -> None:
    with pytest.raises(UsageError):
        in_(field, values)
