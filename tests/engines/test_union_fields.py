"""Fields of unions of models mean what they mean in Python, whichever of the models a value is of.

A field that all have has the types of all; in a value whose model lacks the field it is null.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass as plain_dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, ConfigDict, Field, field_serializer
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    Registry,
    Session,
    all_,
    and_,
    any_,
    coalesce,
    desc,
    func,
    in_,
    is_null,
    label,
    or_,
    select,
    some,
    unnest,
)
from solidb_odm.errors import UsageError


class Shared(BaseModel):
    at: Annotated[int, Field(ge=0)] = 0


class Words(Shared):
    kind: Literal["words"] = "words"
    body: str
    note: str | None = None


class Picture(Shared):
    kind: Literal["picture"] = "picture"
    width: int
    price: Decimal = Decimal("1.10")


@plain_dataclass
class Rule:
    kind: Literal["rule"]
    width: float = 1.5


class Poll(TypedDict):
    kind: Literal["poll"]
    body: str


Block = Annotated[Words | Picture, Field(discriminator="kind")]
Any4 = Words | Picture | Rule | Poll


class UnionBase(Document, abstract=True, registry=Registry()):
    pass


class Sheet(UnionBase, collection="union_sheets"):
    number: int
    head: Block | None = None
    first: Any4
    blocks: list[Block] = []
    named: dict[str, Block] = {}


BLOCKS: list[Words | Picture] = [
    Words(body="a"),
    Picture(width=3, at=2),
    Words(body="b", note="n", at=1),
    Picture(width=30, price=Decimal("1.1")),
    Picture(width=4, price=Decimal(20)),
]
FIRST: list[Any4] = [*BLOCKS, Rule("rule"), Rule("rule", 4.0), {"kind": "poll", "body": "a"}]
SHEETS = [
    Sheet(
        key=f"s{number:02}",
        number=number,
        head=None if number % 3 == 0 else BLOCKS[number % 5],
        first=FIRST[number % 8],
        blocks=BLOCKS[: number % 4] if number % 2 else BLOCKS[5 - number % 4 :],
        named={"x": BLOCKS[number % 5]} if number % 4 else {},
    )
    for number in range(16)
]


def field(value: Any, name: str) -> Any:
    """Return what a field of a union is: that of the value, or None."""
    return value.get(name) if isinstance(value, dict) else getattr(value, name, None)


VALUES: dict[str, list[Any]] = {
    "kind": ["words", "picture"],
    "body": ["a", "zz"],
    "width": [3, 4, 100],
    "note": ["n"],
    "price": [Decimal("1.1"), Decimal(20)],
    "at": [0, 1, 5],
}
PLACES: dict[str, tuple[Callable[[], Any], Callable[[Any], Any]]] = {
    "head": (lambda: some(Sheet.head), lambda sheet: sheet.head),
    "first": (lambda: Sheet.first, lambda sheet: sheet.first),
    "named": (lambda: Sheet.named["x"], lambda sheet: sheet.named.get("x")),
    "coalesce": (lambda: coalesce(Sheet.head, Sheet.head), lambda sheet: sheet.head),
}
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda one, other: one == other,
    "!=": lambda one, other: one != other,
    ">": lambda one, other: one is not None and one > other,
}


def condition(sign: str, left: Any, value: Any) -> Any:
    return left > value if sign == ">" else OPERATORS[sign](left, value)


@pytest.fixture
def session(engine: Engine) -> Any:
    engine.create_all(Sheet)
    with Session(engine) as opened:
        opened.add_all([sheet.model_copy(deep=True) for sheet in SHEETS])
        opened.commit()
        yield opened


def keys(session: Session, wanted: Any) -> list[str]:
    return session.scalars(select(Sheet.key).where(wanted).order_by(Sheet.key)).all()


def test_conditions_on_fields_of_a_union_keep_what_python_keeps(session: Session) -> None:
    for place, (make, read) in PLACES.items():
        for name, values in VALUES.items():
            for value in values:
                for sign in ("==", "!=", ">") if name != "kind" else ("==", "!="):
                    judge = OPERATORS[sign]
                    wanted = [sheet.key for sheet in SHEETS if judge(field(read(sheet), name), value)]
                    made = condition(sign, getattr(make(), name), value)
                    assert keys(session, made) == wanted, (place, name, sign, value)
            missing = [sheet.key for sheet in SHEETS if field(read(sheet), name) is None]
            assert keys(session, is_null(getattr(make(), name))) == missing, (place, name)


def test_elements_that_are_a_union_are_asked_alike(session: Session) -> None:
    for name, values in VALUES.items():
        for value in values:
            for quantifier, holds in ((any_, any), (all_, all)):
                made = getattr(quantifier(Sheet.blocks), name) == value
                wanted = [s.key for s in SHEETS if holds(field(b, name) == value for b in s.blocks)]
                assert keys(session, made) == wanted, (name, value)
    each: Any = any_(Sheet.blocks)
    both = and_(each.kind == "picture", or_(each.width > 3, each.price == Decimal("1.100")))
    assert keys(session, both) == [
        sheet.key
        for sheet in SHEETS
        if any(isinstance(b, Picture) and (b.width > 3 or b.price == Decimal("1.1")) for b in sheet.blocks)
    ]
    assert keys(session, in_(each.kind, ["picture", "words"])) == [s.key for s in SHEETS if s.blocks]


def test_fields_of_a_union_are_columns_groups_and_sort_keys(session: Session) -> None:
    row: Any = unnest(Sheet.blocks)
    counted = select(row.kind, func.count(), func.sum(row.width), func.max(row.price)).group_by(row.kind)
    blocks = [block for sheet in SHEETS for block in sheet.blocks]
    words, pictures = ([b for b in blocks if isinstance(b, kind)] for kind in (Words, Picture))
    assert session.execute(counted.order_by(row.kind)).all() == [
        ("picture", len(pictures), sum(b.width for b in pictures), max(b.price for b in pictures)),
        ("words", len(words), 0, None),
    ]
    head: Any = Sheet.head
    shown = select(Sheet.number, head.at, head.body, label("price", head.price))
    assert session.execute(shown.order_by(desc(head.at), Sheet.number)).all() == [
        (sheet.number, field(sheet.head, "at"), field(sheet.head, "body"), field(sheet.head, "price"))
        for sheet in sorted(SHEETS, key=lambda s: (-1 if s.head is None else -s.head.at, s.number))
        if sheet.head is not None
    ] + [(sheet.number, None, None, None) for sheet in SHEETS if sheet.head is None]


class Iso(BaseModel):
    model_config = ConfigDict(ser_json_timedelta="iso8601")
    is_a: Literal["iso"] = "iso"
    took: timedelta


class Seconds(BaseModel):
    is_a: Literal["seconds"] = "seconds"
    took: timedelta


class Alias(BaseModel):
    is_a: Literal["alias"] = "alias"
    other: int = Field(alias="size")


class Size(BaseModel):
    is_a: Literal["size"] = "size"
    size: int


class Shown(BaseModel):
    is_a: Literal["shown"] = "shown"
    size: int

    @field_serializer("size")
    def _text(self, value: int) -> str:
        return str(value)


class Naive(BaseModel):
    is_a: Literal["naive"] = "naive"
    at: datetime = datetime(2020, 1, 1)  # noqa: DTZ001


class Aware(BaseModel):
    is_a: Literal["aware"] = "aware"
    at: datetime


class Trip(UnionBase, collection="union_trips"):
    there: Naive | None = None
    back: Naive


def test_a_field_of_a_computed_value_is_naive_where_its_default_is(engine: Engine) -> None:
    with Session(engine) as session:
        session.add_all([Trip(back=Naive()), Trip(there=Naive(at=datetime(2021, 1, 1)), back=Naive())])  # noqa: DTZ001
        session.commit()
        late = coalesce(Trip.there, Trip.back).at > datetime(2020, 6, 1)  # noqa: DTZ001
        assert [trip.there is None for trip in session.scalars(select(Trip).where(late))] == [False]


class Odd(UnionBase, collection="union_odd"):
    durations: Iso | Seconds | None = None
    named: Alias | Size | None = None
    written: list[Shown | Size] = []
    moments: Naive | Aware | None = None


@pytest.mark.parametrize(
    "make",
    [
        lambda: some(Odd.durations).took,
        lambda: some(Odd.named).size,
        lambda: any_(Odd.written).size,
        lambda: unnest(Odd.written).size,
        lambda: some(Odd.moments).at,
    ],
)
def test_a_field_that_models_of_a_union_store_differently_is_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(UsageError, match="stored in different ways by"):
        make()
