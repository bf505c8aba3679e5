"""Types of fields, and the values that are stored in them to see whether they come back."""
# ruff: noqa: DTZ001  naive times are cases too

from __future__ import annotations

import dataclasses
import json
import re
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from fractions import Fraction
from ipaddress import IPv4Address, IPv6Interface, IPv6Network
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, NotRequired, Optional, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    HttpUrl,
    Json,
    PlainSerializer,
    RootModel,
    SecretStr,
    StrictBool,
    StrictBytes,
    StrictInt,
)
from pydantic.dataclasses import dataclass as pydantic_dataclass
from pydantic_core import core_schema
from typing_extensions import TypeAliasType, TypedDict

from solidb_odm import Document

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Mixed(Enum):
    TEXT = "1"
    NUMBER = 1
    PAIR = (1, 2)


class Word(StrEnum):
    A = "a"
    B = "b"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Access(Flag):
    READ = 1
    WRITE = 2


class Inner(BaseModel):
    data: bytes = b""
    at: datetime | None = None
    took: timedelta = timedelta(0)
    amount: Decimal = Decimal(0)


class Cat(BaseModel):
    kind: Literal[Colour.RED] = Colour.RED
    lives: int = 9


class Dog(BaseModel):
    kind: Literal[Colour.BLUE] = Colour.BLUE
    toys: set[bytes] = set()


class Numbers(RootModel[list[int]]):
    pass


class Tree(BaseModel):
    size: int | str = 0
    children: list[Tree] = []


class Box(BaseModel, Generic[T]):
    item: T


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)
    x: int
    y: bytes = b""


@dataclasses.dataclass
class Plain:
    name: str
    data: bytes = b""


@pydantic_dataclass(frozen=True)
class Checked:
    at: datetime
    took: timedelta


class Row(NamedTuple):
    name: str
    data: bytes = b""


class Options(TypedDict):
    size: int
    at: NotRequired[date]


class Celsius:
    """A class with a schema of its own."""

    def __init__(self, degrees: float) -> None:
        self.degrees = degrees

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Celsius) and other.degrees == self.degrees

    def __hash__(self) -> int:
        return hash(self.degrees)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.no_info_plain_validator_function(
            lambda value: value if isinstance(value, cls) else cls(value),
            serialization=core_schema.plain_serializer_function_ser_schema(lambda value: value.degrees),
        )


UserId = NewType("UserId", int)
IntOrList = TypeAliasType("IntOrList", "int | list[int]")
Hexed = Annotated[
    int,
    BeforeValidator(lambda value: int(value, 16) if isinstance(value, str) else value),
    PlainSerializer(hex),
]
Secret = Annotated[SecretStr, PlainSerializer(lambda value: value.get_secret_value(), when_used="json")]

INTEGERS = st.integers(-(2**63), 2**64 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
BYTES = st.binary(max_size=6)
DECIMALS = st.decimals(allow_nan=False, allow_infinity=False)
_ZONES = st.sampled_from([UTC, timezone(timedelta(hours=-3, minutes=-30)), ZoneInfo("Asia/Tokyo")])
_NAIVE = st.datetimes()
AWARE = st.datetimes(datetime(1960, 1, 1), datetime(9998, 1, 1), timezones=_ZONES, allow_imaginary=False)
TIMES = _NAIVE | AWARE
SPANS = st.timedeltas(timedelta(days=-90_000), timedelta(days=90_000))
JSON = st.recursive(
    st.none() | st.booleans() | INTEGERS | FLOATS | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
INNERS = st.builds(Inner, data=BYTES, at=st.none() | TIMES, took=SPANS, amount=DECIMALS)
TREES: Any = st.recursive(
    st.builds(Tree, size=st.integers(0, 3) | TEXT),
    lambda inner: st.builds(Tree, size=TEXT, children=st.lists(inner, max_size=2)),
    max_leaves=3,
)
PAIRS = st.tuples(st.integers(-9, 9), TEXT)


def _written(days: list[date]) -> str:
    return json.dumps([str(day) for day in days])


TYPES: dict[str, tuple[Any, Any]] = {
    "str": (str, TEXT),
    "bool": (bool, st.booleans()),
    "int": (int, INTEGERS),
    "float": (float, FLOATS),
    "decimal": (Decimal, DECIMALS),
    "datetime": (datetime, TIMES),
    "aware": (AwareDatetime, AWARE),
    "date": (date, st.dates()),
    "time": (time, st.times() | st.times(timezones=st.just(timezone(timedelta(hours=2))))),
    "timedelta": (timedelta, SPANS),
    "uuid": (UUID, st.uuids()),
    "enum": (Colour, st.sampled_from(Colour)),
    "mixed enum": (Mixed, st.sampled_from(Mixed)),
    "str enum": (Word, st.sampled_from(Word)),
    "int enum": (Level, st.sampled_from(Level)),
    "flag": (Access, st.sampled_from([Access.READ, Access.READ | Access.WRITE, Access(0)])),
    "bytes": (bytes, BYTES),
    "set": (set[bytes], st.sets(BYTES, max_size=3)),
    "frozenset": (frozenset[Decimal], st.frozensets(st.integers(-9, 9).map(Decimal), max_size=3)),
    "tuple": (tuple[int, str], PAIRS),
    "variadic tuple": (tuple[date, ...], st.lists(st.dates(), max_size=3).map(tuple)),
    "list": (list[bytes], st.lists(BYTES, max_size=3)),
    "deque": (deque[int], st.lists(INTEGERS, max_size=3).map(deque)),
    "sequence": (Sequence[int], st.lists(INTEGERS, max_size=3)),
    "mapping": (Mapping[str, int], st.dictionaries(TEXT, INTEGERS, max_size=3)),
    "int keys": (dict[int, str], st.dictionaries(INTEGERS, TEXT, max_size=3)),
    "uuid keys": (dict[UUID, int], st.dictionaries(st.uuids(), INTEGERS, max_size=3)),
    "date keys": (dict[date, int], st.dictionaries(st.dates(), INTEGERS, max_size=3)),
    "time keys": (dict[datetime, int], st.dictionaries(AWARE, INTEGERS, max_size=3)),
    "span keys": (dict[timedelta, int], st.dictionaries(SPANS, INTEGERS, max_size=3)),
    "enum keys": (dict[Colour, int], st.dictionaries(st.sampled_from(Colour), INTEGERS)),
    "mixed keys": (dict[Mixed, int], st.dictionaries(st.sampled_from(Mixed), INTEGERS)),
    "tuple keys": (dict[tuple[int, str], int], st.dictionaries(PAIRS, INTEGERS, max_size=3)),
    "bytes keys": (dict[bytes, int], st.dictionaries(BYTES, INTEGERS, max_size=3)),
    "float keys": (dict[float, int], st.dictionaries(FLOATS, INTEGERS, max_size=3)),
    "union keys": (dict[int | str | None, int], st.dictionaries(st.integers() | TEXT | st.none(), INTEGERS)),
    "frozen keys": (
        dict[Frozen, int],
        st.dictionaries(st.builds(Frozen, x=st.integers(-9, 9), y=BYTES), INTEGERS, max_size=2),
    ),
    "path": (Path, st.sampled_from([Path("/a/b"), Path("c")])),
    "posix path": (PurePosixPath, st.just(PurePosixPath("/a/é"))),
    "windows path": (PureWindowsPath, st.just(PureWindowsPath("C:\\a"))),
    "address": (IPv4Address, st.ip_addresses(v=4)),
    "network": (IPv6Network, st.just(IPv6Network("::/8"))),
    "interface": (IPv6Interface, st.just(IPv6Interface("::1/8"))),
    "url": (HttpUrl, st.just(HttpUrl("http://a.b/c?d=é"))),
    "any url": (AnyUrl, st.just(AnyUrl("foo://a"))),
    "pattern": (re.Pattern[str], st.sampled_from([re.compile("a+"), re.compile("(?i)b")])),
    "complex": (complex, st.complex_numbers(allow_nan=False, allow_infinity=False)),
    "fraction": (Fraction, st.fractions()),
    "zone": (ZoneInfo, st.just(ZoneInfo("Asia/Tokyo"))),
    "constrained": (Annotated[int, Field(gt=0), AfterValidator(abs)], st.integers(1, 9)),
    "strict int": (StrictInt, INTEGERS),
    "strict bool": (StrictBool, st.booleans()),
    "strict bytes": (StrictBytes, BYTES),
    "size": (ByteSize, st.integers(0, 99).map(ByteSize)),
    "literal": (Literal["a", 1, True, b"x"], st.sampled_from(["a", 1, True, b"x"])),
    "enum literal": (Literal[Colour.RED, Mixed.PAIR], st.sampled_from([Colour.RED, Mixed.PAIR])),
    "new type": (UserId, INTEGERS),
    "alias": (IntOrList, INTEGERS | st.lists(INTEGERS, max_size=2)),
    "annotated": (Hexed, st.integers(0, 999)),
    "secret": (Secret, TEXT.map(SecretStr)),
    "parsed": (Json[list[date]], st.lists(st.dates(), max_size=2).map(_written)),
    "any": (Any, JSON),
    "object": (object, JSON),
    "bare list": (list, st.lists(JSON, max_size=2)),
    "bare dict": (dict, st.dictionaries(TEXT, JSON, max_size=2)),
    "bare tuple": (tuple, st.lists(JSON, max_size=2).map(tuple)),
    "numbers": (int | float | bool, INTEGERS | FLOATS | st.booleans()),
    "int or text": (int | str, INTEGERS | TEXT | INTEGERS.map(str)),
    "number or decimal": (int | float | Decimal, INTEGERS | FLOATS | DECIMALS),
    "day or time": (date | datetime, st.dates() | TIMES),
    "model or list": (Inner | list[Inner], INNERS | st.lists(INNERS, max_size=2)),
    "models by tag": (
        Annotated[Cat | Dog, Field(discriminator="kind")],
        st.builds(Cat) | st.builds(Dog, toys=st.sets(BYTES, max_size=2)),
    ),
    "smart models": (Cat | Dog, st.builds(Cat) | st.builds(Dog, toys=st.sets(BYTES, max_size=2))),
    "embedded": (Inner, INNERS),
    "root": (Numbers, st.lists(INTEGERS, max_size=3).map(Numbers)),
    "tree": (Tree, TREES),
    "generic": (Box[bytes], BYTES.map(lambda item: Box[bytes](item=item))),
    "generic model": (Box[list[Inner]], st.builds(Box[list[Inner]], item=st.lists(INNERS, max_size=2))),
    "dataclass": (Plain, st.builds(Plain, name=TEXT, data=BYTES)),
    "pydantic dataclass": (Checked, st.builds(Checked, at=TIMES, took=SPANS)),
    "typed dict": (Options, st.fixed_dictionaries({"size": INTEGERS}, optional={"at": st.dates()})),
    "named tuple": (Row, st.builds(Row, name=TEXT, data=BYTES)),
    "custom": (Celsius, FLOATS.map(Celsius)),
}  # fmt: skip


def _document(name: str, annotation: Any) -> Any:
    """Make a document class that holds values of a type wherever a value can be."""
    label = name.title().replace(" ", "")
    part = _class(BaseModel, f"{label}Part", {"value": annotation})
    fields = {
        "value": annotation,
        "listed": list[annotation],
        "named": dict[str, tuple[annotation, ...]],
        "maybe": Optional[annotation],  # noqa: UP045  the annotation may be a union, or text
        "part": part,
        "parts": list[part],  # type: ignore[valid-type]
    }
    return _class(Document, f"{label}Holder", fields, collection=f"holders_{label.lower()}"), part


def _class(base: Any, name: str, annotations: dict[str, Any], **options: Any) -> Any:
    return type(base)(name, (base,), {"__module__": __name__, "__annotations__": annotations}, **options)


CLASSES = {name: _document(name, annotation) for name, (annotation, _) in TYPES.items()}


def exact(one: Any, other: Any) -> bool:
    """Return whether two values are the same to the last digit, at every depth."""
    if type(one) is not type(other):
        return False
    if isinstance(one, (float, Decimal)):
        return repr(one) == repr(other)
    if isinstance(one, (BaseModel, Plain, Checked)):
        return exact(vars(one), vars(other))
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(exact(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple, deque)):
        return len(one) == len(other) and all(map(exact, one, other))
    return bool(one == other)
