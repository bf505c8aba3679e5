"""Classes of every build: bases, mixins, names, validators and settings, as Pydantic users write them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import Enum
from functools import cached_property
from typing import Any, Generic, TypeVar

import pytest
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
    computed_field,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic.alias_generators import to_camel

from solidb_odm import Document, Engine, Session, SoftDelete, Timestamped, delete, func, select, update
from solidb_odm.errors import UsageError

T = TypeVar("T")


class Sourced(Document, abstract=True):
    source: str = "x"

    def said(self) -> str:
        return self.source


class Counted(BaseModel):
    count: int = 0


class Loud:
    def shout(self) -> str:
        return "!"


class Machine(Sourced, Counted, Loud, collection="machines"):
    size: int


class Robot(Machine):
    arms: int = 2


class Thinking(Robot, abstract=True):
    thought: str = ""


class Android(Thinking, SoftDelete, Timestamped):
    name: str = ""


class Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)
    long_name: str
    only_read: int = Field(default=1, validation_alias="r")
    only_written: int = Field(default=1, serialization_alias="w")


class Named(Document, collection="named"):
    model_config = ConfigDict(alias_generator=to_camel)
    first_name: str
    number: int = Field(alias="n")
    only_read: int = Field(default=0, validation_alias="r")
    only_written: int = Field(default=0, serialization_alias="w")
    choice: int = Field(default=0, validation_alias=AliasChoices("one", "two"))
    path: int = Field(default=0, validation_alias=AliasPath("a", "b"))
    part: Part | None = None
    parts: list[Part] = []


class Colour(Enum):
    RED = "red"


class Careful(Document, collection="careful"):
    model_config = ConfigDict(
        extra="forbid",
        validate_assignment=True,
        validate_default=True,
        str_strip_whitespace=True,
        use_enum_values=True,
        revalidate_instances="always",
        ser_json_bytes="hex",
        val_json_bytes="hex",
        ser_json_timedelta="iso8601",
    )
    low: int
    high: int
    name: str = ""
    colour: Colour = Colour.RED
    data: bytes = b"\xff"
    took: timedelta = timedelta(seconds=1.5)
    size: int = Field(default_factory=lambda held: held["high"] - held["low"])
    _cache: list[int] = PrivateAttr(default_factory=list)

    @model_validator(mode="after")
    def in_order(self) -> Careful:
        if self.low > self.high:
            raise ValueError("low is above high")
        return self

    @field_validator("name")
    @classmethod
    def titled(cls, value: str) -> str:
        return value.title()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def middle(self) -> float:
        return (self.low + self.high) / 2

    @computed_field  # type: ignore[prop-decorator]
    @cached_property
    def label(self) -> str:
        return f"{self.low}-{self.high}"

    def model_post_init(self, context: Any) -> None:
        self._cache.append(self.low)


class Wrapped(Document, collection="wrapped"):
    size: int

    @model_serializer(mode="wrap")
    def written(self, handler: Any) -> dict[str, Any]:
        return {**handler(self), "more": 1}


class Box(Document, Generic[T], collection="boxes"):
    item: T


class Frozen(Document, collection="frozen"):
    model_config = ConfigDict(frozen=True, strict=True)
    at: datetime
    tags: tuple[str, ...] = ()
    words: frozenset[bytes] = frozenset()


class Strict(Document, collection="strict"):
    model_config = ConfigDict(strict=True)
    at: datetime
    colour: Colour
    tags: set[str]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Machine, Named, Careful, Wrapped, Box[int], Frozen, Strict)
    with Session(engine) as opened:
        yield opened


def again(session: Session, document: Any) -> Any:
    """Store a document and read it anew."""
    session.add(document)
    session.commit()
    session.expunge_all()
    read = session.get_one(type(document), document.key)
    assert read == document
    return read


def test_classes_of_many_levels_share_a_collection(session: Session) -> None:
    session.add_all([Machine(size=1), Robot(size=2, source="s"), Android(size=3, count=4)])
    session.commit()
    session.expunge_all()

    assert {type(each) for each in session.scalars(select(Machine))} == {Machine, Robot, Android}
    assert {type(each) for each in session.scalars(select(Robot))} == {Robot, Android}
    assert session.scalars(select(Android.thought).where(Android.source == "x")).all() == [""]
    android = session.scalars(select(Android)).one()
    assert (android.said(), android.shout(), android.count) == ("x", "!", 4)


def test_statements_reach_a_class_and_its_subclasses(session: Session) -> None:
    session.add_all([Machine(size=1), Robot(size=2), Android(size=3)])
    session.commit()

    assert session.scalar(update(Robot).values(arms=9)) == 2
    assert session.scalars(select(Robot.arms)).all() == [9, 9]
    assert session.scalar(delete(Android)) == 1
    session.commit()
    assert session.scalar(select(func.count(Android))) == 0
    assert session.scalar(select(func.count(Android)).with_deleted()) == 1
    assert session.scalar(select(func.count(Machine)).with_deleted()) == 3


def test_names_of_every_kind_are_stored_queried_and_updated(session: Session) -> None:
    made: Any = Named
    document = made(
        firstName="a",
        n=1,
        r=2,
        onlyWritten=3,
        two=4,
        a={"b": 5},
        part={"longName": "p", "r": 6, "onlyWritten": 7},
    )
    read = again(session, document)
    assert (read.only_read, read.choice, read.path, read.part.only_read) == (2, 4, 5, 6)
    part: Any = Named.part
    found = select(Named.key).where(
        Named.number == 1, Named.choice == 4, Named.path == 5, part.only_read == 6
    )
    assert session.scalars(found).all() == [document.key]
    session.execute(update(Named).values(first_name="b", path=8))
    session.commit()
    session.expunge_all()
    assert session.scalars(select(Named)).one().path == 8


def test_validators_and_settings_hold_on_both_ways(session: Session) -> None:
    read = again(session, Careful(low=1, high=4, name=" ada "))

    assert (read.name, read.colour, read.size, read.middle, read.label) == ("Ada", "red", 3, 2.5, "1-4")
    assert read._cache == [1]
    read.high = 8
    session.commit()
    middle: Any = Careful.middle
    assert session.scalars(select(Careful.high).where(middle == 4.5)).all() == [8]
    with pytest.raises(ValidationError, match="low is above high"):
        read.low = 9


def test_private_attributes_are_no_changes(session: Session) -> None:
    read = again(session, Careful(low=1, high=4))
    read._cache.append(2)

    assert not session.is_modified(read)


def test_models_with_serializers_generics_and_strict_models_come_back(session: Session) -> None:
    again(session, Wrapped(size=1))
    again(session, Box[int](item=1))
    again(session, Frozen(at=datetime(2020, 1, 1), tags=("a",), words=frozenset({b"\xff"})))  # noqa: DTZ001
    again(session, Strict(at=datetime(2020, 1, 1), colour=Colour.RED, tags={"a"}))  # noqa: DTZ001


def test_an_engine_counts_a_collection_and_not_one_of_its_classes(engine: Engine, session: Session) -> None:
    session.add_all([Machine(size=1), Robot(size=2)])
    session.commit()
    assert engine.count(Machine) == 2
    with pytest.raises(UsageError, match=r"func\.count\(Robot\)"):
        engine.count(Robot)
    assert session.scalar(select(func.count(Robot))) == 1
