"""What is committed is read as it was, whatever a model's author made of its class."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

import pytest
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    computed_field,
    field_validator,
    model_serializer,
    model_validator,
)

from solidb_odm import Document, Engine, Session, Timestamped, sdbql, select
from solidb_odm.errors import InvalidDocument, SchemaViolation


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
