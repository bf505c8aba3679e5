"""What is committed is read as it was, whatever a model's author made of its class."""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Annotated, Any
from uuid import UUID

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from typing_extensions import TypeAliasType

from solidb_odm import Document, Engine, Lossy, Registry, Session, Timestamped, sdbql, select, update
from solidb_odm.errors import InvalidDocument, SchemaViolation
from solidb_odm.model import type_inspection


class Blob(BaseModel):
    raw: bytes

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class Grid(BaseModel):
    cells: dict[tuple[int, int], str] = {}

    def __init__(self, cells: Any = None) -> None:
        super().__init__(cells=cells or {})


class Short(BaseModel):
    number: int = Field(serialization_alias="n")

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class Deep(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: str = Field(validation_alias=AliasChoices("old", "name"))


class Holder(Document, collection="made_holders"):
    blob: Blob | None = None
    grid: Grid | None = None
    short: Short | None = None
    deep: list[Deep] = []


class Own(Document, collection="owns"):
    number: int = Field(serialization_alias="n")
    cells: dict[tuple[int, int], str] = {}

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)


class Consuming(Document, collection="consumings"):
    """Its validator takes its input apart."""

    parts: dict[str, int] = {}
    total: int = 0

    @model_validator(mode="before")
    @classmethod
    def take(cls, data: Any) -> Any:
        if isinstance(data, dict) and "parts" in data:
            parts = data.pop("parts")
            data["total"] = sum(parts.values())
            return {**data, "parts": dict(parts)}
        return data


MADE = {
    "init of an embedded model": lambda: Holder(blob=Blob(raw=b"\xff\x00")),
    "init with other arguments": lambda: Holder(grid=Grid({(1, 2): "x"})),
    "init and an alias": lambda: Holder(short=Short(number=1)),
    "init of the document": lambda: Own(number=1, cells={(1, 2): "x"}),
    "choices of aliases in a list": lambda: Holder(deep=[Deep(old="x")]),  # type: ignore[call-arg]
    "a validator that takes its input apart": lambda: Consuming(parts={"a": 1, "b": 2}),
}


@pytest.mark.parametrize("what", MADE)
def test_what_is_committed_is_read(engine: Engine, what: str) -> None:
    made = MADE[what]()
    engine.create_all(type(made))
    with Session(engine) as session:
        session.add(made)
        session.commit()
        values = made.model_dump()
        session.commit()
        assert made.model_dump() == values
    with Session(engine) as session:
        read = session.get_one(type(made), made.key)
        assert read.model_dump() == values
        assert session.is_modified(read) is False


@pytest.mark.parametrize("extra", ["ignore", "allow", "forbid"])
def test_the_name_a_field_is_stored_under_wins_over_older_ones(engine: Engine, extra: Any) -> None:
    class Renamed(Document, collection=f"renamed_{extra}"):
        model_config = ConfigDict(extra=extra)
        full_name: str = Field(validation_alias=AliasChoices("fullname", "full_name", AliasPath("names", 0)))

    engine.create_all(Renamed)
    with Session(engine) as session:
        session.execute(sdbql(f"INSERT {{_key: 'u', fullname: 'Old'}} INTO renamed_{extra}"))
        session.commit()
    with Session(engine) as session:
        user = session.get_one(Renamed, "u")
        assert user.full_name == "Old"
        user.full_name = "New"
        session.commit()
    with Session(engine) as session:
        user = session.get_one(Renamed, "u")
        assert user.full_name == "New"
        assert not user.model_extra
        assert session.is_modified(user) is False


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


class Member(Document, collection="members"):
    password: Annotated[str, AfterValidator(digest)] = ""


class Part(BaseModel):
    code: str

    @field_validator("code")
    @classmethod
    def marked(cls, value: str) -> str:
        return f"<{value}>"


class Whole(Document, collection="marked_wholes"):
    parts: list[Part] = []


class Trimmed(Document, collection="trimmed"):
    name: Annotated[str, AfterValidator(str.strip)] = ""
    tags: Annotated[set[str], AfterValidator(lambda tags: {tag.lower() for tag in tags})] = set()


@pytest.mark.parametrize(
    ("make", "named"),
    [(lambda: Member(password="secret"), "password"), (lambda: Whole(parts=[Part(code="a")]), "parts")],
)
def test_a_validator_that_would_change_what_it_made_is_refused_at_the_commit(
    engine: Engine, make: Any, named: str
) -> None:
    with Session(engine) as session:
        session.add(make())
        with pytest.raises(InvalidDocument, match=f"{named} = .* would be read as .* validator"):
            session.commit()


def test_a_validator_that_leaves_alone_what_it_made_is_no_trouble(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Trimmed(key="t", name=" a ", tags={"B", "c", "D"}))
        session.commit()
    with Session(engine) as session:
        read = session.get_one(Trimmed, "t")
        assert (read.name, read.tags) == ("a", {"b", "c", "d"})
        read.name = "b"
        session.commit()


def _models(base: type[BaseModel], **options: Any) -> Any:
    class Plain(base, **options):  # type: ignore[valid-type, misc]
        raw: bytes = b""
        encoded: Base64Bytes = b""
        number: float = float("nan")
        took: timedelta = timedelta(seconds=90)
        nick: str = Field("", alias="nickName")

    return Plain


def test_a_document_is_configured_as_any_pydantic_model() -> None:
    plain, document = _models(BaseModel), _models(Document, abstract=True)
    for values in ({"raw": "abcd"}, {"encoded": "Zm9vIGJhcg=="}, {"nick": "x"}, {"nickName": "x"}):
        one, other = plain(**values), document(**values)
        assert one.model_dump_json() == other.model_dump_json(exclude={"key"})
    assert document.model_config == plain.model_config


class Temporal(Document, collection="temporals"):
    model_config = ConfigDict(ser_json_temporal="milliseconds", val_temporal_unit="milliseconds")
    at: time = time(4, 5, 6, 7)
    on: dict[date, timedelta] = {date(2020, 1, 2): timedelta(days=1, microseconds=3)}


class ByName(BaseModel):
    model_config = ConfigDict(validate_by_name=True, validate_by_alias=False)
    number: int = Field(alias="n")


class Measured(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""

    @computed_field
    def size(self) -> int:
        return len(self.name)


class Closed(Measured):
    model_config = ConfigDict(extra="forbid")


class Strict(BaseModel):
    model_config = ConfigDict(strict=True)
    on: date = date(2020, 1, 2)


class Made(BaseModel):
    number: int = Field(serialization_alias="n", validation_alias=AliasChoices("x", "y"))

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)

    @model_serializer(mode="wrap")
    def write(self, handler: Any) -> Any:
        return handler(self)


class Featured(Document, collection="featured"):
    by_name: ByName | None = None
    measured: Measured = Measured()
    closed: Closed = Closed()
    strict: Strict = Strict()
    made: Made | None = None
    lower: Annotated[str, Field(max_length=3)] = ""

    @model_validator(mode="before")
    @classmethod
    def look(cls, data: Any) -> Any:
        return data


@pytest.mark.parametrize(
    "make",
    [
        Temporal,
        lambda: Featured(by_name=ByName(number=1)),
        lambda: Featured(measured=Measured(name="abc", more=[1])),  # type: ignore[call-arg]
        lambda: Featured(closed=Closed(name="abc")),
        lambda: Featured(strict=Strict(on=date(2021, 1, 1))),
        lambda: Featured(made=Made(x=1)),
    ],
    ids=[
        "times as numbers",
        "by name",
        "open and computed",
        "closed and computed",
        "strict",
        "init and serializer",
    ],
)
def test_settings_of_models_do_not_change_what_is_read(engine: Engine, make: Callable[[], Document]) -> None:
    with Session(engine) as session:
        session.add(made := make())
        session.commit()
        session.expunge_all()
        read = session.get_one(type(made), made.key)
        assert read == made
        assert session.dirty == []


class Span(Document, collection="feature_spans"):
    model_config = ConfigDict(validate_assignment=True)
    low: int = 0
    high: int = 10

    @model_validator(mode="after")
    def ordered(self) -> Span:
        if self.low > self.high:
            raise ValueError("low above high")
        return self


def test_an_assignment_that_a_validator_refuses_changes_nothing(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(span := Span())
        session.commit()
        with pytest.raises(ValidationError, match="low above high"):
            span.low = 11
        assert (span.low, session.dirty) == (0, [])
        span.high = 20
        span.low = 11
        session.commit()
        session.expunge_all()
        assert (session.get_one(Span, span.key).low, span.high) == (11, 20)


class Clocked(BaseModel):
    names: list[str] = []

    @computed_field
    def seen(self) -> datetime:
        return datetime.now(UTC)


class Watching(Document, collection="watching"):
    part: Clocked = Clocked()
    tags: list[str] = []

    @computed_field
    def count(self) -> int:
        return len(self.part.names) + len(self.tags)


def test_a_computed_field_of_now_in_a_part_is_no_change(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(made := Watching(part=Clocked(names=["a"])))
        session.commit()
        assert session.dirty == []
        session.expunge_all()
        read = session.get_one(Watching, made.key)
        assert (read.part.names, read.count, session.dirty) == (["a"], 1, [])
        read.part.names.append("b")
        session.commit()
        session.expunge_all()
        assert session.get_one(Watching, made.key).part.names == ["a", "b"]


Listed = Annotated[
    list[str],
    BeforeValidator(lambda text: text.split(",") if isinstance(text, str) else text),
    PlainSerializer(",".join),
]


class Money(Document, collection="capped_money"):
    """Its serializers write some values as they write others."""

    tags: Listed = []
    price: int = 0
    last: deque[int] = deque()
    bounded: Annotated[deque[int], AfterValidator(lambda items: deque(items, maxlen=2))] = deque(maxlen=2)
    shown: Annotated[float, PlainSerializer(int), Lossy()] = 0.0

    @field_serializer("price")
    def capped(self, price: int) -> int:
        return min(price, 10**9)


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"tags": []}, r"tags = \[\] would be read as \[''\]: both are stored alike"),
        ({"tags": ["a"], "price": 10**10}, r"price = 10{10} would be read as 10{9}"),
        ({"tags": ["a"], "last": deque([1], maxlen=1)}, r"last = deque\(\[1\], maxlen=1\) would be read as"),
    ],
)
def test_values_that_are_stored_as_others_are_refused(
    engine: Engine, values: dict[str, Any], named: str
) -> None:
    engine.create_all(Money)
    with Session(engine) as session:
        session.add(Money(**values))
        with pytest.raises(InvalidDocument, match=named):
            session.commit()
        session.rollback()
        with pytest.raises(SchemaViolation, match="would be read as"):
            session.execute(update(Money).values(**values))


def test_values_that_are_told_apart_are_taken_whoever_writes_them(engine: Engine) -> None:
    engine.create_all(Money)
    with Session(engine) as session:
        session.add(
            made := Money(tags=["a", "b"], price=125, last=deque([1]), bounded=deque([1, 2, 3]), shown=1.5)
        )
        session.commit()
        session.expunge_all()
        read = session.get_one(Money, made.key)
        assert (read.tags, read.price, read.last, read.bounded.maxlen) == (["a", "b"], 125, deque([1]), 2)
        read.bounded.append(4)
        session.commit()
        session.expunge_all()
        assert session.get_one(Money, made.key).bounded == deque([3, 4], maxlen=2)


class Exact(Document, collection="strict_wholes"):
    """Each type that has a form of its own in a database."""

    model_config = ConfigDict(strict=True)
    amount: Decimal = Decimal("1.50")
    on: date = date(2020, 1, 2)
    at: datetime = datetime(2020, 1, 2, tzinfo=UTC)
    clock: time = time(1, 2)
    took: timedelta = timedelta(seconds=1.5)
    takes: dict[str, list[timedelta]] = {"a": [timedelta(days=-1)]}
    raw: bytes = b"\xff"
    pair: tuple[int, str] = (1, "a")
    some: set[int] = {1}
    few: frozenset[str] = frozenset({"a"})
    last: deque[int] = deque([1])
    number: UUID = UUID(int=7)
    path: PurePosixPath = PurePosixPath("/a")
    address: IPv4Address = IPv4Address("1.2.3.4")
    whole: complex = 1 + 2j


def test_a_strict_document_is_read_as_it_was(engine: Engine) -> None:
    engine.create_all(Exact)
    with Session(engine) as session:
        session.add(made := Exact())
        session.commit()
        session.execute(update(Exact).values(took=timedelta(days=2)))
        session.commit()
        session.expunge_all()
        read = session.get_one(Exact, made.key)
        assert read == made.model_copy(update={"took": timedelta(days=2)})
        assert session.dirty == []


RECURSIVE = (
    "type Json = dict[str, Json] | list[Json] | str | int | None"
    if sys.version_info >= (3, 12)
    else "Json = TypeAliasType('Json', 'dict[str, Json] | list[Json] | str | int | None')"
)


def test_a_type_may_name_itself(engine: Engine) -> None:
    names: dict[str, Any] = {"TypeAliasType": TypeAliasType}
    exec(RECURSIVE, names)
    alias = names["Json"]
    annotations = {"held": alias, "more": list[alias]}
    body = {"__module__": __name__, "__annotations__": annotations}
    loose: Any = type(Document)("Loose", (Document,), body, collection="loose_types", registry=Registry())
    engine.create_all(loose)
    with Session(engine) as session:
        session.add(made := loose(held={"a": [{"b": None}]}, more=[["x"]]))
        session.commit()
        session.expunge_all()
        session.get_one(loose, made.key).held["a"][0]["b"] = [1]
        session.commit()
        session.expunge_all()
        again = session.get_one(loose, made.key)
        assert (again.held, again.more) == ({"a": [{"b": [1]}]}, [["x"]])


class Endless:
    """An alias that names itself, as Python 3.12 makes them."""

    @property
    def __value__(self) -> Any:
        alias: Any = self
        return dict[str, alias] | list[tuple[alias, ...]] | Annotated[str, "a note"]


def test_what_is_said_of_an_alias_that_names_itself_has_an_end() -> None:
    alias: Any = Endless()
    assert type_inspection.alternatives(alias) == (dict[str, Any], list[tuple[Any, ...]], str)
    assert not type_inspection.mentions_model(list[alias])
    assert type_inspection.can_change(alias)


class Leaf(BaseModel):
    model_config = ConfigDict(frozen=True)
    below: tuple[Leaf, ...] = ()
    n: int = 0


class Open(BaseModel):
    model_config = ConfigDict(frozen=True, extra="allow")


class Coded(BaseModel):
    code: str = "a"


@dataclass(frozen=True)
class Held:
    numbers: list[int]
    below: tuple[Held, ...] = ()


class Later(Document, collection="frozen_parts"):
    held: Held
    fixed: FixedLater | None = None
    leaf: Leaf = Leaf()
    opened: Open = Open()


@dataclass(frozen=True, slots=True)
class FixedLater:
    by: dict[str, Coded]


@pytest.mark.parametrize(
    "change",
    [
        lambda each: each.held.numbers.append(2),
        lambda each: each.held.below[0].numbers.append(2),
        lambda each: setattr(each.fixed.by["a"], "code", "b"),
        lambda each: each.fixed.by.clear(),
        lambda each: each.opened.more.append(2),
    ],
    ids=["list", "list below", "model in a dict", "dict", "extra attribute"],
)
def test_what_a_frozen_part_holds_can_change(engine: Engine, change: Callable[[Any], None]) -> None:
    engine.create_all(Later)
    opened = Open.model_validate({"more": [1]})
    held = Held([1], (Held([1]),))
    with Session(engine) as session:
        fixed = FixedLater({"a": Coded()})
        session.add(made := Later(held=held, fixed=fixed, opened=opened, leaf=Leaf(n=1)))
        session.commit()
        session.expunge_all()
        read = session.get_one(Later, made.key)
        before = read.model_dump()
        change(read)
        assert session.is_modified(read)
        session.rollback()
        assert read.model_dump() == before
        change(read)
        after = read.model_dump()
        session.commit()
        session.expunge_all()
        assert session.get_one(Later, made.key).model_dump() == after != before


def test_a_frozen_part_of_frozen_parts_is_not_looked_at() -> None:
    assert not type_inspection.can_change(Leaf)
    assert type_inspection.can_change(Held)


class Counting(Document, collection="counting_posts"):
    count: int = 0

    def model_post_init(self, context: Any) -> None:
        self.count += 1


def test_a_model_that_sets_itself_anew_at_each_load_is_refused(engine: Engine) -> None:
    with Session(engine) as session:
        session.add(Counting())
        with pytest.raises(InvalidDocument, match=r"count = 1 would be read as 2\n.*model_post_init"):
            session.commit()


class Unsound(BaseModel):
    n: int = None  # type: ignore[assignment]


class Unvalidated(Document, collection="unvalidated"):
    x: int = None  # type: ignore[assignment]
    parts: list[Unsound] = []
    other: int = 0


class Frozen(Timestamped, Document, collection="frozen_times"):
    model_config = ConfigDict(frozen=True)
    n: int = 0


@pytest.mark.parametrize(
    "make",
    [
        Unvalidated,
        lambda: Unvalidated(x=1, parts=[Unsound()]),
        lambda: Unvalidated.model_construct(x=1, other=None),
        lambda: Unvalidated.model_construct(x=1, parts=[Unsound.model_construct(n=None)]),
    ],
    ids=["default", "default of a part", "constructed", "constructed part"],
)
def test_what_could_not_be_read_is_not_stored(engine: Engine, make: Callable[[], Unvalidated]) -> None:
    engine.create_all(Unvalidated)
    with Session(engine) as session:
        session.add(make())
        with pytest.raises(SchemaViolation, match="Input should be a valid integer"):
            session.commit()
        session.rollback()
        assert session.scalars(select(Unvalidated)).all() == []


def test_a_frozen_document_knows_its_times(engine: Engine) -> None:
    engine.create_all(Frozen)
    with Session(engine) as session:
        session.add(document := Frozen())
        session.commit()
        session.expunge_all()
        assert session.get_one(Frozen, document.key).created_at == document.created_at
