"""A type that can't be stored exactly is refused when its class is made, and a type that can is not."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from pydantic import (
    AliasPath,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    HttpUrl,
    PlainSerializer,
    Secret,
    SecretStr,
    SerializeAsAny,
    field_serializer,
    field_validator,
)

from solidb_odm import Document, Lossy
from solidb_odm.errors import DeclarationError, InvalidDocument
from solidb_odm.model.stored.codec import decode, encode_text
from tests.identifiers import steady


class Colour(Enum):
    RED = "red"
    BLUE = 2


class Word(StrEnum):
    A = "a"


class Cat(BaseModel):
    name: str


class Dog(BaseModel):
    name: str
    breed: str = ""


class Fish(BaseModel):
    name: str
    fins: int


class Tagged(BaseModel):
    kind: Literal["tagged"] = "tagged"
    name: str = ""


class Other(BaseModel):
    kind: Literal["other"] = "other"
    name: str = ""


@dataclass
class Point:
    x: int
    y: int


class Row(NamedTuple):
    number: float


class Typed(BaseModel):
    kind: Literal["typed"] = "typed"
    type: str = ""
    fields: list[int] = []
    schema_: dict[str, int] = Field(default={}, alias="schema")


class Opaque:
    pass


def declare(annotation: Any) -> Any:
    meta: Any = type(Document)
    return meta(
        "Holder",
        (Document,),
        {
            "__module__": __name__,
            "__annotations__": {"field": annotation},
            "model_config": ConfigDict(arbitrary_types_allowed=True),
        },
        collection="holders",
    )


REFUSED: list[tuple[Any, str]] = [
    (str | date, "datetime.date(2020, 2, 3) is stored as \"2020-02-03\" and would be read as '2020-02-03'"),
    (bytes | str, "JSON does not tell its types apart"),
    (UUID | str, "JSON does not tell its types apart"),
    (Decimal | str, "JSON does not tell its types apart"),
    (Path | str, "would be read as PosixPath"),
    (HttpUrl | str, "JSON does not tell its types apart"),
    (Word | str, "<Word.A: 'a'> is stored as \"a\""),
    (set[int] | list[int], "JSON does not tell its types apart"),
    (tuple[int, ...] | list[int], "JSON does not tell its types apart"),
    (list[int] | deque[int], "JSON does not tell its types apart"),
    (float | timedelta, "JSON does not tell its types apart"),
    (Dog | Cat, "would be read as Dog"),
    (Cat | dict[str, str], "JSON does not tell its types apart"),
    (list[int | str | bytes], "JSON does not tell its types apart"),
    (dict[str, date | str | None], "JSON does not tell its types apart"),
    (Callable[[], int], "a function can't be stored"),
    (type[int], "a class can't be stored"),
    (Iterable[int], "iterated only once"),
    (Hashable, "nothing says how a Hashable is stored and read"),
    (Opaque, "nothing says how a Opaque is stored and read"),
    (Secret[date], "asterisks"),
    (list[SecretStr], "asterisks"),
    (Annotated[datetime, PlainSerializer(lambda value: value.strftime("%d.%m."))], "is stored as"),
    (Annotated[str, PlainSerializer(lambda value: value.lower())], "would be read as 'aa b '"),
    (Annotated[float, PlainSerializer(lambda value: f"{value} EUR")], "is not read again"),
]


@pytest.mark.parametrize(("annotation", "problem"), REFUSED, ids=[steady(str(each)) for each, _ in REFUSED])
def test_what_would_come_back_changed_is_refused_with_field_reason_and_way_out(
    annotation: Any, problem: str
) -> None:
    with pytest.raises(DeclarationError) as caught:
        declare(annotation)
    assert "Holder.field: " in str(caught.value)
    assert problem in str(caught.value)
    assert caught.value.hint


ACCEPTED: list[Any] = [
    int | str,
    int | float,
    bool | int | float | str | None,
    int | Decimal,
    float | Decimal,
    date | datetime,
    UUID | date,
    IPv4Address | UUID,
    time | date,
    list[int] | list[str],
    list[int] | int,
    str | Literal["auto"],  # noqa: PYI051
    Literal["auto", 1, True, b"x"] | None,
    Literal[Colour.RED],
    Tagged | Other,
    Annotated[Tagged | Other, Field(discriminator="kind")],
    Cat | Fish,
    Cat | Point | int,
    list[Cat] | Cat,
    Colour,
    dict[Colour, int],
    dict[tuple[int, str], date],
    dict[int | str, int],
    re.Pattern[str],
    Any,
    object,
    Annotated[datetime, PlainSerializer(lambda value: value.timestamp())],
    Annotated[AwareDatetime, PlainSerializer(lambda value: value.timestamp())],
    Annotated[
        float,
        BeforeValidator(lambda value: float(str(value).rstrip(" EUR"))),
        PlainSerializer(lambda value: f"{value} EUR"),
    ],
    Annotated[
        list[str],
        PlainSerializer(lambda value: ",".join(value)),
        BeforeValidator(lambda value: value.split(",") if isinstance(value, str) else value),
    ],
    Annotated[Typed | Tagged, Field(discriminator="kind")],
    Typed,
    Annotated[str | date, Lossy()],
    Annotated[Path | str, Lossy()] | None,
    Annotated[SecretStr, Lossy()],
    Annotated[Callable[[], int], Lossy()],
]


@pytest.mark.parametrize("annotation", ACCEPTED, ids=lambda each: steady(str(each)))
def test_what_comes_back_is_accepted(annotation: Any) -> None:
    assert declare(annotation).__solidb_mapping__.fields.keys() == {"key", "field"}


def test_a_serializer_method_that_loses_is_refused() -> None:
    class Price(BaseModel):
        amount: float
        note: str = ""

        @field_serializer("amount")
        def rounded(self, value: float) -> float:
            return round(value, 2)

    with pytest.raises(DeclarationError, match=r"Holder\.Price\.amount: .* would be read as 0\.33"):
        declare(Price)


def test_a_serializer_method_with_its_validator_is_accepted() -> None:
    class Price(BaseModel):
        amount: float

        @field_serializer("amount")
        def written(self, value: float) -> str:
            return f"{value} EUR"

        @field_validator("amount", mode="before")
        @classmethod
        def read(cls, value: Any) -> Any:
            return value.removesuffix(" EUR") if isinstance(value, str) else value

    holder = declare(Price)
    mapping = holder.__solidb_mapping__
    document = holder(key="k", field=Price(amount=1.25))
    assert decode(mapping, "k", encode_text(mapping, document)) == document


def test_a_required_field_that_is_excluded_is_refused() -> None:
    class Inner(BaseModel):
        secret: str = Field(exclude=True)

    with pytest.raises(DeclarationError, match=r"Inner\.secret: is not stored .* no default"):
        declare(Inner)


def test_a_field_that_is_excluded_at_times_is_stored_always() -> None:
    class Kept(Document):
        size: int | None = Field(default=5, exclude_if=lambda value: value is None)

    mapping = Kept.__solidb_mapping__
    assert decode(mapping, "k", encode_text(mapping, Kept(key="k", size=None))).size is None


class Animal(BaseModel):
    name: str


class Bird(Animal):
    wings: int = 2


@dataclass
class Base:
    x: int


@dataclass
class Derived(Base):
    y: int = 0


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (Animal, Bird(name="x")),
        (dict[str, list[Animal]], {"a": [Animal(name="y"), Bird(name="x")]}),
        (Base, Derived(1)),
    ],
    ids=["model", "deep", "dataclass"],
)
def test_an_instance_of_a_subclass_would_lose_its_class_and_is_refused(annotation: Any, value: Any) -> None:
    holder = declare(annotation)

    with pytest.raises(InvalidDocument, match=r"field = .* is a (Bird|Derived), of which a") as caught:
        encode_text(holder.__solidb_mapping__, holder(key="k", field=value))
    assert "declare" in str(caught.value.hint)


class Forgetful(BaseModel):
    model_config = ConfigDict(ser_json_inf_nan="null")
    number: float = 0
    data: bytes = b""


@pytest.mark.parametrize("annotation", [Forgetful, SerializeAsAny[Forgetful], Row])
def test_numbers_that_a_model_would_write_as_null_are_refused(annotation: Any) -> None:
    holder = declare(annotation)

    value = Row(math.nan) if annotation is Row else Forgetful(number=math.nan)
    with pytest.raises(InvalidDocument, match="nan is not a JSON number"):
        encode_text(holder.__solidb_mapping__, holder(key="k", field=value))


def test_a_model_that_is_serialised_as_any_is_stored_as_what_it_is_declared() -> None:
    holder = declare(SerializeAsAny[Forgetful])
    mapping = holder.__solidb_mapping__
    document = holder(key="k", field=Forgetful(data=b"\xff"))
    assert decode(mapping, "k", encode_text(mapping, document)) == document


def test_fields_may_be_called_as_the_parts_of_a_schema_are() -> None:
    class Odd(BaseModel):
        metadata: bytes = b""
        config: Animal | None = None
        type: str = ""

    holder = declare(Odd)
    mapping = holder.__solidb_mapping__
    document = holder(key="k", field=Odd(metadata=b"\xff", type="t"))
    assert decode(mapping, "k", encode_text(mapping, document)) == document
    with pytest.raises(InvalidDocument, match="is a Bird"):
        encode_text(mapping, holder(key="k", field=Odd(config=Bird(name="x"))))


def test_a_declared_subclass_is_kept() -> None:
    holder = declare(list[Animal | Bird])
    mapping = holder.__solidb_mapping__
    document = holder(key="k", field=[Bird(name="x"), Animal(name="y")])
    assert decode(mapping, "k", encode_text(mapping, document)) == document


@pytest.mark.parametrize("name", ["_type", "_rev", "_id", "_created_at"])
def test_an_extra_attribute_can_not_have_the_name_of_the_servers_own(name: str) -> None:
    class Loose(Document):
        model_config = ConfigDict(extra="allow")

    with pytest.raises(InvalidDocument, match=f"extra attribute '{name}'"):
        encode_text(Loose.__solidb_mapping__, Loose(key="k", **{name: "x"}))


def test_names_of_embedded_fields_may_be_read_and_written_as_they_like() -> None:
    class Named(BaseModel):
        model_config = ConfigDict(alias_generator=str.upper)
        one: int
        two: int = Field(default=0, validation_alias="t")
        three: int = Field(default=0, serialization_alias="w")
        four: int = Field(default=0, validation_alias=AliasPath("a", "b"))

    holder = declare(Named)
    mapping = holder.__solidb_mapping__
    document = holder(key="k", field=Named.model_construct(one=1, two=2, three=3, four=4))
    assert decode(mapping, "k", encode_text(mapping, document)) == document


def test_annotations_as_text_find_the_types_of_the_function_around() -> None:
    class Local(BaseModel):
        size: int

    class Around(Document):
        local: Local
        more: list[Local] = []

    assert Around(local=Local(size=1)).local.size == 1
    assert Around.__pydantic_complete__


def test_the_field_of_an_embedded_model_is_named() -> None:
    class Inner(BaseModel):
        value: str | date

    with pytest.raises(DeclarationError, match=r"Holder\.Inner\.value: JSON does not tell"):
        declare(list[Inner])


def test_a_model_that_holds_itself_is_tried_once() -> None:
    class Tree(BaseModel):
        size: int | str = 0
        children: list[Tree] = []

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    holder = declare(Tree)
    document = holder(key="k", field=Tree(size="1", children=[Tree(size=1)]))
    mapping = holder.__solidb_mapping__
    assert decode(mapping, "k", encode_text(mapping, document)) == document


def test_a_type_unknown_to_pydantic_is_a_declaration_error() -> None:
    with pytest.raises(DeclarationError, match="bytearray") as caught:

        class Raw(Document):
            data: bytearray

    assert "PlainSerializer" in str(caught.value.hint)


def test_an_excluded_field_can_be_anything() -> None:
    class Cached(Document):
        made: Callable[[], int] | None = Field(default=None, exclude=True)

    assert Cached(made=lambda: 1, key="k").made is not None


def test_a_field_that_may_lose_keeps_what_json_makes_of_it() -> None:
    class Open(Document):
        value: Annotated[Any, Lossy()] = None

    mapping = Open.__solidb_mapping__
    document = Open(key="k", value=(1, date(2020, 1, 1)))
    assert decode(mapping, "k", encode_text(mapping, document)).value == [1, "2020-01-01"]


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ((1,), r"value = \(1,\) is no JSON value, and no type says to read a tuple"),
        ([{"a": {1}}], r"value = \{1\} is no JSON value, and no type says to read a set"),
        (datetime(2020, 1, 1, tzinfo=UTC), "no type says to read a datetime"),
        ({"a": {1: 2}}, "the key 1 would be read as a text"),
        (Cat(name="x"), "no type says to read a Cat"),
        ([2**64], "does not fit into 64 bits"),
    ],
)
@pytest.mark.parametrize("place", ["value", "extra"])
def test_values_of_no_type_are_json_values(value: Any, problem: str, place: str) -> None:
    class Loose(Document):
        model_config = ConfigDict(extra="allow")
        value: Any = None

    document = Loose(key="k", **{place: value})
    with pytest.raises(InvalidDocument, match=problem.replace("value =", f"{place} =")) as caught:
        encode_text(Loose.__solidb_mapping__, document)
    assert caught.value.hint


def test_flags_that_the_text_of_a_pattern_does_not_have_are_refused() -> None:
    class Rule(Document):
        pattern: re.Pattern[str]

    mapping = Rule.__solidb_mapping__
    kept = Rule(key="k", pattern=re.compile("(?i)a"))
    assert decode(mapping, "k", encode_text(mapping, kept)) == kept
    with pytest.raises(InvalidDocument, match="has flags that its text has not"):
        encode_text(mapping, Rule(key="k", pattern=re.compile("a", re.IGNORECASE)))


def test_durations_that_seconds_can_not_hold_are_refused() -> None:
    class Age(Document):
        span: timedelta

    mapping = Age.__solidb_mapping__
    with pytest.raises(InvalidDocument, match="more digits than a number of seconds"):
        encode_text(mapping, Age(span=timedelta(days=99_999, microseconds=1)))


def test_times_beyond_the_calendar_in_utc_are_refused() -> None:
    class Event(Document):
        at: datetime

    early = datetime.fromisoformat("0001-01-01T00:00:00+05:00")
    with pytest.raises(InvalidDocument, match="before the year 1"):
        encode_text(Event.__solidb_mapping__, Event(at=early))


def test_the_classes_own_json_stays_pydantics() -> None:
    class Inner(BaseModel):
        data: bytes = b"a"
        at: datetime = datetime(2020, 1, 1, tzinfo=UTC)

    class Outer(Document):
        inner: Inner = Inner()

    assert Inner().model_dump_json() == '{"data":"a","at":"2020-01-01T00:00:00Z"}'
    text = encode_text(Outer.__solidb_mapping__, Outer(key="k"))
    assert text == '{"_key":"k","inner":{"data":"YQ==","at":"2020-01-01T00:00:00+00:00"}}'
