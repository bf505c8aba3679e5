"""What is stored reads back as it was, and what can't is refused by name."""
# ruff: noqa: DTZ001  naive times are cases too

import math
import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Json,
    PlainSerializer,
    SerializationInfo,
    computed_field,
    create_model,
    model_validator,
)

from solidb_odm import Document, select
from solidb_odm.errors import InvalidDocument, LoadError, SchemaViolation, SolidbError
from solidb_odm.model.stored.codec import (
    body_value,
    check_changed,
    check_valid,
    decode,
    encode_many,
    encode_text,
    encode_value,
)
from solidb_odm.model.stored.field_values import field_reader
from solidb_odm.model.stored.shape import document_schema


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Part(BaseModel):
    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")
    name: str = ""
    data: bytes = b""
    when: datetime | None = None


class Everything(Document):
    decimal: Decimal
    moment: datetime
    day: date
    clock: time
    span: timedelta
    unique: uuid.UUID
    colour: Colour
    level: Level
    raw: bytes
    numbers: set[int]
    words: frozenset[str]
    pair: tuple[int, str]
    path: PurePosixPath
    part: Part | None
    parts: dict[str, list[Part]]
    anything: Any
    floating: float
    numbered: dict[int, str]


_ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30)), ZoneInfo("Asia/Tokyo")])
# A time that the clocks skip is no instant: Python calls it unequal to itself in another zone.
_TIMES = st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1), timezones=_ZONES, allow_imaginary=False)
_TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | _TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)
_PARTS = st.builds(Part, name=_TEXT, data=st.binary(max_size=8), when=st.none() | _TIMES)
_DOCUMENTS = st.builds(
    Everything,
    decimal=st.decimals(allow_nan=False, allow_infinity=False),
    moment=_TIMES,
    day=st.dates(),
    clock=st.times(),
    span=st.timedeltas(timedelta(days=-9999), timedelta(days=9999)),
    unique=st.uuids(),
    colour=st.sampled_from(Colour),
    level=st.sampled_from(Level),
    raw=st.binary(max_size=8),
    numbers=st.sets(st.integers(-(2**63), 2**64 - 1), max_size=4),
    words=st.frozensets(_TEXT, max_size=4),
    pair=st.tuples(st.integers(-9, 9), _TEXT),
    path=st.sampled_from([PurePosixPath("/a/b"), PurePosixPath("c")]),
    part=st.none() | _PARTS,
    parts=st.dictionaries(_TEXT, st.lists(_PARTS, max_size=2), max_size=2),
    anything=_JSON,
    floating=st.floats(allow_nan=False, allow_infinity=False),
    numbered=st.dictionaries(st.integers(-9, 9), _TEXT, max_size=3),
)


_EXAMPLE: dict[str, Any] = {
    "decimal": Decimal("1.50"),
    "moment": datetime(2020, 2, 3, 4, 5, 6, 7, UTC),
    "day": date(2020, 2, 3),
    "clock": time(4, 5, 6),
    "span": timedelta(days=1, microseconds=5),
    "unique": uuid.UUID(int=7),
    "colour": Colour.RED,
    "level": Level.HIGH,
    "raw": b"\xff\x00",
    "numbers": {1},
    "words": frozenset({"a"}),
    "pair": (1, "b"),
    "path": PurePosixPath("/a/b"),
    "part": Part(data=b"\xfe", when=datetime(2021, 1, 1)),
    "parts": {"one": [Part(name="x")]},
    "anything": {"deep": [1, 2.0, None]},
    "floating": 1.0,
    "numbered": {3: "three"},
}


@given(_DOCUMENTS)
def test_stored_text_reads_back_as_the_same_document(document: Everything) -> None:
    mapping = Everything.__solidb_mapping__

    assert decode(mapping, document.key, encode_text(mapping, document)) == document


@given(_DOCUMENTS)
def test_stored_values_read_back_as_the_same_document(document: Everything) -> None:
    mapping = Everything.__solidb_mapping__

    assert decode(mapping, document.key, encode_value(mapping, document)) == document


@given(st.lists(_DOCUMENTS, max_size=3))
def test_many_are_encoded_in_one_call_as_each_by_itself(documents: list[Everything]) -> None:
    mapping = Everything.__solidb_mapping__

    assert encode_many(mapping, documents, as_text=True) == [encode_text(mapping, each) for each in documents]
    assert encode_many(mapping, documents, as_text=False) == [
        encode_value(mapping, each) for each in documents
    ]


class Plain(Document):
    number: int = 1
    part: Part = Part()


class Kind(Plain):
    more: str = ""


class Open(Document, extra="allow"):
    name: str = ""


class Computing(Document):
    one: int = 1

    @computed_field
    def two(self) -> int:
        return self.one + 1


class Nested(Document, collection="encoded_nested"):
    text: Json[list[int]] = [1]


def _told(value: float, info: SerializationInfo) -> float:
    return -value if info.round_trip else value


class Telling(Document):
    number: Annotated[float, PlainSerializer(_told)] = 1


class Failing(Document):
    text: Annotated[str, PlainSerializer(lambda value: value or 1 / 0)] = "x"


def _changed(document: Any, **values: Any) -> Any:
    document.__dict__.update(values)
    return document


@pytest.mark.parametrize(
    "make",
    [
        lambda: Plain(number=7, part=Part(name="é", data=b"xy")),
        lambda: Kind(more="more"),
        lambda: Everything(**_EXAMPLE),
        lambda: Open(name="a", other=[1, {"two": 2.0}]),
        Computing,
        lambda: Nested(text="[1, 2]"),
        Telling,
        lambda: _changed(Plain(), number="seven"),
        lambda: _changed(Plain(), number=2**70),
        lambda: _changed(Plain(), part=Kind()),
        lambda: _changed(Plain(), part=None),
        lambda: _changed(Failing(), text=""),
        lambda: _changed(Open(), name="\ud800"),
        lambda: Open(other=math.nan),
        lambda: Open(_id="taken"),
    ],
)
@pytest.mark.parametrize("as_text", [True, False])
def test_many_are_encoded_in_one_call_as_each_by_itself_or_not_at_all(make: Any, as_text: bool) -> None:
    documents = [make(), make()]
    mapping = type(documents[0]).__solidb_mapping__
    encode: Any = encode_text if as_text else encode_value

    def each() -> Any:
        try:
            return [encode(mapping, document) for document in documents]
        except (InvalidDocument, ArithmeticError) as error:
            return type(error), str(error)

    try:
        many: Any = encode_many(mapping, documents, as_text=as_text)
    except InvalidDocument as error:
        many = type(error), str(error)
    assert many in (None, each())


class Tree(BaseModel):
    parts: list["Tree"] = []


class Shade(Enum):
    DARK = "dark"
    LIGHT = 1


class DeepShade(Enum):
    DEEP = ((("a",),),)


@pytest.mark.parametrize(
    ("annotation", "is_shallow"),
    [
        (int, True),
        (list[dict[str, list[float | None]]], True),
        (Part, True),
        (tuple[Part, list[Part], dict[str, Part]], True),
        (tuple[Part, Part, Tree], False),
        (Shade, True),
        (DeepShade, False),
        (datetime | None, True),
        (Any, False),
        (list, False),
        (dict, False),
        (dict[str, Any], False),
        (tuple[str, Any], False),
        (Tree, False),
        (Json[Any], False),
        (Annotated[str, PlainSerializer(lambda value: value)], False),
    ],
)
def test_only_what_can_not_be_deep_is_not_looked_at(annotation: Any, is_shallow: bool) -> None:
    model = create_model("Holder", __base__=Document, field=(annotation, None))
    assert model.__solidb_mapping__.is_shallow is is_shallow


def test_an_open_model_can_be_deep() -> None:
    assert not Open.__solidb_mapping__.is_shallow
    assert Plain.__solidb_mapping__.is_shallow


def test_plain_models_are_encoded_in_one_call() -> None:
    for document in (Plain(), Everything(**_EXAMPLE), Open()):
        assert encode_many(type(document).__solidb_mapping__, [document], as_text=True) is not None
        assert encode_many(type(document).__solidb_mapping__, [document], as_text=False) is not None


@given(_DOCUMENTS)
def test_a_selected_field_reads_back_as_the_document_has_it(document: Everything) -> None:
    stored = encode_value(Everything.__solidb_mapping__, document)

    for name in Everything.model_fields:
        if name != "key":
            assert field_reader(Everything, name).read(stored[name]) == getattr(document, name)


@given(_TIMES.filter(lambda moment: moment.tzinfo), _TIMES.filter(lambda moment: moment.tzinfo))
def test_stored_times_sort_as_times_do(one: datetime, other: datetime) -> None:
    def text(moment: datetime) -> str:
        stored = select(Everything).where(Everything.moment == moment).compile().bind_vars["p0"]
        assert isinstance(stored, str)
        return stored

    assert (text(one) < text(other)) == (one < other)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["field", "any", "embedded", "list"])
def test_what_is_no_number_in_json_is_refused_by_name(value: float, place: str) -> None:
    class Inner(BaseModel):
        floats: list[float | None]

    class Holder(Document):
        field: float = 0
        any: Any = None
        embedded: Inner | None = None
        list: dict[str, tuple[Inner, ...]] = {}

    held = {
        "field": value,
        "any": [value],
        "embedded": Inner(floats=[value]),
        "list": {"a": (Inner(floats=[value]),)},
    }
    document = Holder(key="k", **{place: held[place]})
    with pytest.raises(InvalidDocument, match=rf"Holder 'k' can't be stored exactly: {place}"):
        encode_text(Holder.__solidb_mapping__, document)


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**30])
def test_integers_above_64_bits_are_refused(value: int) -> None:
    class Big(Document):
        number: int

    with pytest.raises(InvalidDocument, match=r"number = \d|number = -\d") as caught:
        encode_text(Big.__solidb_mapping__, Big(number=value))
    assert "does not fit into 64 bits" in str(caught.value)
    assert "Decimal or text" in str(caught.value.hint)


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 2**53 + 1])
def test_integers_of_64_bits_are_exact(value: int) -> None:
    class Long(Document):
        number: int

    mapping = Long.__solidb_mapping__
    assert decode(mapping, "k", encode_text(mapping, Long(number=value))).number == value


def test_a_value_the_model_does_not_take_is_refused_when_it_is_stored() -> None:
    class Aged(Document):
        age: int
        born: datetime

    document = Aged(age=1, born=datetime(2020, 1, 1))
    document.age = "old"  # type: ignore[assignment]
    with pytest.raises(SchemaViolation, match=r"Aged .* does not fit its model"):
        encode_text(Aged.__solidb_mapping__, document)
    document.age, document.born = 1, "soon"  # type: ignore[assignment]
    with pytest.raises(SchemaViolation, match="expected a datetime, not 'soon'"):
        encode_text(Aged.__solidb_mapping__, document)


def test_a_stored_document_that_does_not_fit_is_named() -> None:
    class Fitted(Document):
        age: int

    with pytest.raises(
        LoadError, match=r"fitted/k does not fit Fitted: age: Input should be a valid integer"
    ):
        decode(Fitted.__solidb_mapping__, "k", '{"_key": "k", "age": "old"}')


def test_serialisers_and_validators_of_a_field_are_undone_by_each_other() -> None:
    class Hashed(Document):
        number: Annotated[
            int,
            BeforeValidator(lambda value: int(str(value).lstrip("#"))),
            PlainSerializer(lambda value: f"#{value}"),
        ]

    mapping = Hashed.__solidb_mapping__
    assert encode_value(mapping, Hashed(number=5, key="k")) == {"_key": "k", "number": "#5"}
    assert field_reader(Hashed, "number").read("#5") == 5


def test_excluded_fields_are_not_stored() -> None:
    class Secretive(Document):
        secret: str = Field(default="x", exclude=True)

    assert encode_value(Secretive.__solidb_mapping__, Secretive(secret="y", key="k")) == {"_key": "k"}


def test_the_schema_speaks_of_stored_names_and_lets_new_fields_be_missing() -> None:
    class Described(Document):
        model_config = ConfigDict(extra="forbid")
        name: str = Field(alias="n")
        age: int = 0

    schema = document_schema(Described)
    assert schema["required"] == ["n"]
    assert {"n", "age"} <= set(schema["properties"])
    assert schema["additionalProperties"] is False


def test_the_schema_of_a_model_that_holds_itself_has_its_properties_at_the_top() -> None:
    class Tree(BaseModel):
        size: int
        children: "list[Tree]" = []

    Tree.model_rebuild(_types_namespace={"Tree": Tree})
    schema = document_schema(Tree)
    assert schema["required"] == ["size"]
    assert "size" in schema["properties"]


class Wide(Document, collection="encoded_wide"):
    count: Annotated[int, Field(ge=0)] = 0
    share: float = 0.0
    label: Annotated[str, Field(max_length=5, alias="theLabel")] = ""
    side: Literal["left", "right"] = "left"
    at: datetime | None = None
    price: Decimal = Decimal(1)
    shade: Shade = Shade.DARK
    words: list[str] = []
    part: Part = Part()
    either: int | str = 1
    code: bytes = b""
    one: str = ""
    two: str = ""

    model_config = ConfigDict(populate_by_name=True)


class WideChecked(Wide, collection="encoded_wide_checked"):
    @model_validator(mode="after")
    def both(self) -> Self:
        if self.one and not self.two:
            raise ValueError("one without two")
        return self


_GIVEN: list[tuple[str, Any]] = [
    ("count", 3), ("count", -1), ("count", "3"), ("count", "x"), ("count", True), ("count", None),
    ("share", 2), ("share", 1.5), ("label", "abc"), ("label", "too long"), ("label", 5),
    ("side", "right"), ("side", "up"),
    ("at", datetime(2026, 1, 1, tzinfo=UTC)), ("at", "2026-01-01T00:00:00Z"), ("at", None), ("at", "soon"),
    ("price", Decimal("1.50")), ("price", 2), ("shade", Shade.LIGHT), ("shade", "dark"), ("words", ["a"]),
    ("words", ("a",)), ("words", [1]), ("part", Part()), ("part", None), ("either", "1"), ("either", 2.0),
    ("code", b"a"), ("code", "a"), ("one", "x"), ("one", "\ud800"),
]  # fmt: skip


@pytest.mark.parametrize("model", [Wide, WideChecked])
@pytest.mark.parametrize(("name", "value"), _GIVEN)
def test_one_changed_field_of_many_is_held_to_its_model_as_the_whole_is(
    model: type[Wide], name: str, value: Any
) -> None:
    mapping = model.__solidb_mapping__
    document = model(key="a")
    document.__dict__[name] = value
    stored = mapping.fields[name].stored
    for encode in (encode_value, encode_text):
        try:
            body: Any = encode(mapping, document)
        except InvalidDocument:
            continue
        changed = {stored: body_value(body)[stored]}
        outcomes: list[Any] = []
        for check in (check_valid, check_changed):
            try:
                check(mapping, document, body, changed)
                outcomes.append(None)
            except SolidbError as error:
                outcomes.append((type(error), str(error)))
        assert outcomes[0] == outcomes[1]
