"""What is said to be surely stored and read as it is: held to storing and reading it."""

from __future__ import annotations

import enum
import random
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional
from uuid import UUID

import pytest
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_serializer, field_validator
from pydantic.dataclasses import dataclass as pydantic_dataclass

from solidb_odm import Document, Registry
from solidb_odm.errors import SolidbError
from solidb_odm.model.declaration.mapping import Mapping
from solidb_odm.model.stored import codec
from solidb_odm.model.stored.codec import check_changed, check_new, check_valid, encode_text, encode_value
from solidb_odm.model.stored.field_values import encode_field, field_reader
from solidb_odm.work.differences import identical

STORE = Registry()


class Colour(enum.Enum):
    RED, BLUE = "red", "blue"


class Rank(enum.IntEnum):
    LOW, HIGH = 1, 2


class Rights(enum.IntFlag):
    READ, WRITE = 1, 2


class Text(str):
    __slots__ = ()


class Moment(datetime):
    pass


class Item(BaseModel):
    sku: str
    count: Annotated[int, Field(ge=0, le=99)]
    price: float = 0.0
    at: datetime | None = None


class Special(Item):
    more: str = ""


class Box(BaseModel):
    items: list[Item] = []
    inner: Optional[Box] = None  # noqa: UP045  a name in quotes


class Shouting(BaseModel):
    model_config = ConfigDict(str_to_upper=True)
    word: str


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    word: str


class Written(BaseModel):
    word: str

    @field_serializer("word")
    def _write(self, word: str) -> str:
        return word


class Read(BaseModel):
    word: str

    @field_validator("word")
    @classmethod
    def _read(cls, word: str) -> str:
        return word.lower()


class Stripped(BaseModel):
    model_config = ConfigDict(str_strip_whitespace=True, str_max_length=3)
    word: str


class Ahead(BaseModel):
    model_config = ConfigDict(regex_engine="python-re")
    word: Annotated[str, Field(pattern="^(?!b)")]


class Hexadecimal(BaseModel):
    model_config = ConfigDict(ser_json_bytes="hex", val_json_bytes="hex")
    raw: bytes


class Latin(BaseModel):
    model_config = ConfigDict(ser_json_bytes="utf8")
    raw: bytes


@dataclass
class Point:
    x: float
    name: str = ""
    more: list[Item] = field(default_factory=list[Item])


@dataclass(frozen=True, kw_only=True)
class Fixed:
    at: datetime | None = None
    inner: Point | None = None


@dataclass(slots=True)
class Slotted:
    x: float


@dataclass
class Doubling:
    x: float

    def __post_init__(self) -> None:
        self.x *= 2


@dataclass
class Derived:
    x: float
    y: float = field(init=False, default=1.0)


@dataclass
class Given:
    x: float
    y: InitVar[float] = 1.0


@pydantic_dataclass(config=ConfigDict(str_to_lower=True))
class Checked:
    word: str


class Car(BaseModel):
    kind: Literal["car"] = "car"
    doors: int


class Boat(BaseModel):
    kind: Literal["boat"] = "boat"
    mast: str


def item(**values: Any) -> Item:
    return Item.model_construct(**{"sku": "a", "count": 1, "price": 1.5, "at": None, **values})


def lower(word: str) -> Checked:
    """Return an object whose word was set past validation."""
    made = Checked("a")
    vars(made)["word"] = word
    return made


def with_more(made: Any) -> Any:
    """Return an object with an attribute that is no field."""
    made.other = 1
    return made


NOON = datetime(2024, 2, 29, 12, tzinfo=timezone(timedelta(hours=2, minutes=30)))
NAIVE = [datetime.fromisoformat(text) for text in ("0001-01-01", "9999-12-31T23:59:59.999999")]
SURE: dict[str, tuple[Any, list[Any]]] = {
    "text": (str, ["", "a", "ä\0", "😀"]),
    "short": (Annotated[str, Field(min_length=1, max_length=3)], ["a", "äöü"]),
    "whole": (int, [0, -1, 2**63, -(2**63)]),
    "bounded": (Annotated[int, Field(gt=0, lt=10)], [1, 9]),
    "number": (float, [0.0, -0.0, 1.5, 1e300, 1e308, -1e308]),
    "positive": (Annotated[float, Field(ge=0, le=2)], [0.0, 2.0]),
    "truth": (bool, [True, False]),
    "steps": (Annotated[int, Field(multiple_of=3, ge=-3)], [0, -3, 6]),
    "halves": (Annotated[float, Field(multiple_of=0.5)], [0.0, -0.0, 1.5]),
    "coded": (Annotated[str, Field(pattern="^a.*b$", max_length=5)], ["ab", "a\tb"]),
    "upper": (Annotated[str, StringConstraints(to_upper=True)], ["", "A", "Ä1"]),
    "trimmed": (Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)], ["a", "a b"]),
    "codes": (dict[str, list[Annotated[str, Field(pattern="^a")]]], [{}, {"x": ["a", "ab"], "y": []}]),
    "raw": (bytes, [b"", b"a", bytes(range(256)), b"\xff\xfe>?"]),
    "hash": (Annotated[bytes, Field(min_length=2, max_length=4)] | None, [None, b"\xfb\xff", b"abcd"]),
    "blobs": (list[bytes], [[], [b"\xfb", b"\xef\xbb"]]),
    "price": (Annotated[Decimal, Field(max_digits=4, decimal_places=2)], [Decimal("12.30"), Decimal("-0")]),
    "dozens": (Annotated[Decimal, Field(multiple_of=12, ge=0)], [Decimal("24.0"), Decimal("1.2E+1")]),
    "point": (Point, [Point(1.5), Point(0.0, "a", [item()])]),
    "fixed_points": (list[Fixed], [[], [Fixed(), Fixed(at=NOON, inner=Point(1.5))]]),
    "checked": (dict[str, Checked], [{"a": Checked("a")}]),
    "shouting": (Shouting, [Shouting(word="A")]),
    "stripped": (list[Stripped], [[], [Stripped(word="a"), Stripped(word="a b")]]),
    "ahead": (Ahead, [Ahead(word="ab")]),
    "moment": (datetime, [NOON, NOON.astimezone(UTC), *NAIVE]),
    "day": (date, [date(1, 1, 1), date(9999, 12, 31)]),
    "hour": (time, [time(0), time(23, 59, 59, 999999)]),
    "span": (timedelta, [timedelta(0), timedelta(days=-3, seconds=1), timedelta(days=999999)]),
    "money": (Decimal, [Decimal("0.10"), Decimal("-0"), Decimal("1E+5"), Decimal(10) ** 40]),
    "name": (UUID, [UUID(int=0), UUID(int=2**128 - 1)]),
    "colour": (Colour, [Colour.RED, Colour.BLUE]),
    "rank": (Rank, [Rank.LOW]),
    "choice": (Literal["a", "b"], ["a", "b"]),
    "maybe": (int | None, [None, 3]),
    "texts": (list[str], [[], ["a", "b"]]),
    "few": (Annotated[list[int], Field(max_length=2)], [[], [1, 2]]),
    "vector": (list[float], [[], [0.5, -1.5]]),
    "labels": (set[str], [set(), {"a", "b"}]),
    "fixed": (frozenset[int], [frozenset({1, 2})]),
    "pair": (tuple[int, str], [(1, "a")]),
    "row": (tuple[float, ...], [(), (1.5, 2.5)]),
    "counts": (dict[str, int], [{}, {"a": 1, "": 2}]),
    "nested": (dict[str, list[Item]], [{"a": [item()], "b": []}]),
    "anything": (Any, [None, 1, 1.5, "a", True, [1, {"a": [None]}]]),
    "plain": (dict[str, Any], [{"a": {"b": [1.5]}}]),
    "item": (Item, [item(), item(at=NOON)]),
    "part": (Item | None, [None, item()]),
    "box": (Box, [Box(), Box(items=[item()], inner=Box(items=[item(), item()], inner=Box()))]),
    "either": (int | str, [1, "1"]),
    "any_number": (int | float | None, [1, 1.0, None]),
    "vehicle": (Annotated[Car | Boat, Field(discriminator="kind")], [Car(doors=3), Boat(mast="a")]),
}
"""Types with values that are sure."""

OPEN: dict[str, Any] = {
    "open": Open, "written": Written, "read": Read, "rights": Rights, "later": time | int,
    "by_number": dict[int, str], "hexadecimal": Hexadecimal, "latin": Latin,
    "slotted": Slotted, "doubling": Doubling, "derived": Derived, "given": Given,
}  # fmt: skip
"""Types of which nothing need be sure."""

ODD: list[Any] = [
    None, True, 1, -5, 100, 2**64, 1.0, float("nan"), float("inf"), 1e308, "", "a", "abcd", "zz", "\ud800",
    Text("a"), b"a", b"\xff\xfe\xfd", bytearray(b"ab"), [b"a"], [b"a", "a"], "aab", "a b ", " ", "ab\n", "A",
    6, -6, 0.5, 0.75, Decimal("123.45"), Decimal("1.234"), Decimal(36), {"a": ["a"]}, {"a": ["b"]},
    NOON, NOON.date(), Moment(2024, 1, 1, tzinfo=UTC), time(1, tzinfo=UTC),
    timedelta(microseconds=1),
    Decimal("1.5"), Decimal("NaN"), UUID(int=5), Colour.RED, Rank.HIGH, Rights.READ | Rights.WRITE,
    [], ["a"], [1], [1.5, True], [1, 2, 3], ["a", None], {"a"}, {1}, frozenset({1}), (), (1,), (1, "a"),
    {}, {"a": 1}, {1: 1}, {"a": [1]}, {"a": [item()]}, {"a": {"b": object}}, item(), item(count=100),
    item(price=True), item(price=float("inf")), item(at="2024-01-01"), item(sku=None), [item()],
    Special(sku="a", count=1), Item.model_construct(sku="a"), Box.model_construct(items=[{"sku": "a"}]),
    Box.model_construct(items=(item(),), inner=None), Box(items=[item()]), Shouting.model_construct(word="a"),
    Open.model_validate({"word": "a", "more": 1}), Written(word="ab"), Read.model_construct(word="A"),
    Stripped.model_construct(word=" a"), Stripped.model_construct(word="abcd"), [Stripped(word="a")],
    Ahead.model_construct(word="b"), Ahead(word="a"), Hexadecimal(raw=b"\xff"), Latin(raw=b"a"),
    Latin.model_construct(raw=b"\xff"), Point(1.5), Point(1), Point(float("nan")), Point(1.5, None),  # type: ignore[arg-type]
    Point(1.5, "a", [item(count=100)]), Point(1.5, "a", [{"sku": "a"}]), [Fixed(inner=Point(1))],  # type: ignore[list-item]
    [Fixed(at=NOON)], {"a": Checked("b")}, {"a": lower("B")}, Slotted(1.5), Doubling(1.0), Derived(1.5),
    with_more(Point(1.5)), Given(1.5),
    Car.model_construct(doors="3"),     Car.model_construct(kind="boat", doors=1), Boat(mast="a"),
]  # fmt: skip
"""Values that are set past validation in fields of all types."""

TYPES = {name: annotation for name, (annotation, _) in SURE.items()} | OPEN


def documents(name: str, annotation: Any) -> Any:
    """Return a class of documents with one field."""
    space: dict[str, Any] = {"__annotations__": {"value": annotation}, "__module__": __name__}
    name = f"sure_{name}"
    metaclass: Any = type(Document)
    return metaclass(name.title(), (Document,), space, collection=name, registry=STORE)


CLASSES = {name: documents(name, annotation) for name, annotation in TYPES.items()}


def given(name: str, value: Any) -> Any:
    """Return a document whose value was set past validation."""
    return CLASSES[name].model_construct(key="k", value=value)


@pytest.mark.parametrize("name", SURE)
def test_values_of_known_types_are_sure(name: str) -> None:
    mapping: Mapping = CLASSES[name].__solidb_mapping__
    made = [given(name, value) for value in SURE[name][1]]
    assert mapping.columns.unsure(made, mapping.fields) == []
    assert mapping.columns.unsure([], mapping.fields) == []


def refusal(check: Callable[[], object]) -> tuple[type[Exception], str] | None:
    """Return the error of a check."""
    try:
        check()
    except SolidbError as error:
        return type(error), str(error)
    return None


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("name", TYPES)
def test_sure_values_are_stored_and_read_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    mapping: Mapping = CLASSES[name].__solidb_mapping__
    monkeypatch.setattr(codec, "_is_surely_equal", lambda *_: False)  # each field is looked at closely
    for value in [*ODD, *SURE.get(name, (None, []))[1]]:
        document = given(name, value)
        if mapping.columns.unsure((document,), ("value",)):
            continue
        if value == "\ud800":  # texts and bodies are looked at for these
            continue
        for encode in (encode_text, encode_value):
            body: Any = encode(mapping, document)
            assert refusal(lambda: check_valid(mapping, document, body)) is None, value  # noqa: B023


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", TYPES)
def test_values_set_past_validation_are_refused_as_by_reading_them(name: str) -> None:
    mapping: Mapping = CLASSES[name].__solidb_mapping__
    for value in [*ODD, *SURE.get(name, (None, []))[1]]:
        document = given(name, value)
        for encode in (encode_text, encode_value):
            if refusal(lambda: encode(mapping, document)):  # noqa: B023
                continue
            body: Any = encode(mapping, document)
            whole = refusal(lambda: check_valid(mapping, document, body))  # noqa: B023
            assert refusal(lambda: check_new(mapping, [document], [body], [True])) == whole, value  # noqa: B023
            changed = {"value": codec.body_value(body)["value"]}
            assert refusal(lambda: check_changed(mapping, document, body, changed)) == whole, value  # noqa: B023


def test_one_document_of_many_that_is_not_sure_is_found() -> None:
    chance = random.Random(7)
    for name, (_, values) in SURE.items():
        mapping: Mapping = CLASSES[name].__solidb_mapping__
        made = [given(name, chance.choice(values)) for _ in range(30)]
        odd = [value for value in ODD if mapping.columns.unsure((given(name, value),), ("value",))]
        for value in odd:
            place = chance.randrange(30)
            some = [*made[:place], given(name, value), *made[place + 1 :]]
            assert mapping.columns.unsure(some, mapping.fields) == ["value"], value


def test_a_missing_attribute_is_not_sure() -> None:
    document = CLASSES["text"].model_construct(key="k")
    assert CLASSES["text"].__solidb_mapping__.columns.unsure((document,), ("key", "value")) == ["value"]


@pytest.mark.parametrize("key", ["", "a/b", "a\n", "a\x7f", "x" * 255, Text("a")])
def test_an_odd_key_is_not_sure(key: Any) -> None:
    document = CLASSES["text"].model_construct(key=key, value="a")
    assert CLASSES["text"].__solidb_mapping__.columns.unsure((document,), ("key",)) == ["key"]


JSON: list[Any] = [
    None, True, 1, -5, 6, 2**63, 1.0, -0.0, "", "a", "abcd", "aab", "1", "2024-01-01", [], ["a"], [1],
    [1.5, True], [None], [["a"]], {}, {"a": 1}, {"a": 1.0}, {"a": [{"sku": "a", "count": 1}]},
    {"a": {"b": [1.5, "x"]}}, {"kind": "car"}, {"sku": "a", "count": 1, "price": 1.5, "at": None},
]  # fmt: skip


@pytest.mark.parametrize("name", TYPES)
def test_stored_values_that_are_kept_are_read_and_stored_as_they_are(name: str) -> None:
    model, mapping = CLASSES[name], CLASSES[name].__solidb_mapping__
    for stored in JSON:
        if mapping.columns.keeps("value", stored):
            value = field_reader(model, "value").read(stored)
            assert identical(value, stored), stored
            assert identical(encode_field(model, "value", value), stored)


def test_values_that_json_has_are_kept() -> None:
    columns = {name: CLASSES[name].__solidb_mapping__.columns for name in TYPES}
    kept = {name for name in TYPES if any(columns[name].keeps("value", stored) for stored in JSON)}
    assert kept == {
        "text", "short", "whole", "bounded", "number", "positive", "truth", "maybe", "texts", "few", "vector",
        "counts", "anything", "plain", "either", "any_number", "trimmed", "codes", "upper", "halves", "steps",
        "coded",
    }  # fmt: skip
