"""What is set past validation is read as it was set, or the commit is refused and names the field."""

from __future__ import annotations

import copy
import pickle
import re
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from ipaddress import IPv4Address
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple
from uuid import UUID

import pytest
from pydantic import (
    AnyUrl,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    NaiveDatetime,
    StrictInt,
    StringConstraints,
    create_model,
)
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    GeoPoint,
    Link,
    Registry,
    Session,
    Vector,
    create_engine,
    insert,
    select,
    update,
    upsert,
)
from solidb_odm.errors import InvalidDocument, SchemaViolation, StateError, UsageError


class Colour(Enum):
    RED = "red"


class Size(StrEnum):
    BIG = "red"


class Rank(IntEnum):
    LOW = 1


class Part(BaseModel):
    n: int = 0


class Wider(Part):
    m: int = 0


class Other(BaseModel):
    n: int = 0


@dataclass
class Data:
    n: int = 0


class Typed(TypedDict):
    n: int


class Row(NamedTuple):
    n: int
    s: str = "x"


class Whole(int):
    pass


class Aim(Document, collection="set_aims"):
    n: int = 0


class Sum(float):
    pass


KINDS: dict[str, Any] = {
    "int": int, "float": float, "str": str, "bool": bool, "bytes": bytes, "decimal": Decimal,
    "datetime": datetime, "aware": AwareDatetime, "naive": NaiveDatetime, "date": date, "time": time,
    "duration": timedelta, "uuid": UUID, "path": Path, "address": IPv4Address, "url": AnyUrl,
    "enum": Colour, "text enum": Size, "whole enum": Rank, "literal": Literal["a", 1], "model": Part,
    "dataclass": Data, "typed": Typed, "row": Row, "list": list[int], "texts": list[str], "set": set[int],
    "frozenset": frozenset[str], "pair": tuple[int, str], "many": tuple[int, ...], "dict": dict[str, int],
    "keyed": dict[int, str], "queue": deque[int], "any": Any, "bare list": list, "bare dict": dict,
    "models": list[Part], "models by name": dict[str, Part], "optional": int | None, "union": int | str,
    "pattern": re.Pattern[str], "more than 0": Annotated[int, Field(gt=0)], "link": Link[Aim],
    "two letters": Annotated[str, Field(min_length=2)], "place": GeoPoint, "strict": StrictInt,
    "sequence": Sequence[int], "mapping": Mapping[str, int], "vector": Vector,
    "lower": Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)],
    "money": Annotated[Decimal, Field(max_digits=4, decimal_places=2)], "optional model": Part | None,
    "short": Annotated[list[int], Field(max_length=1)], "counter": Counter[str],
    "ordered": OrderedDict[str, int], "lists": defaultdict[str, list[int]],
}  # fmt: skip
VALUES: list[Callable[[], Any]] = [
    lambda: None, lambda: True, lambda: 0, lambda: 1, lambda: -5, lambda: 2**63, lambda: 2**70,
    lambda: 1.0, lambda: 1.5, lambda: float("nan"), lambda: float("inf"), lambda: Sum("nan"),
    lambda: Whole(2**70), lambda: "", lambda: " A ", lambda: "1", lambda: "red", lambda: "2020-01-01",
    lambda: "set_aims/a", lambda: "\ud800", lambda: "\x00", lambda: b"ab", lambda: b"\xff",
    lambda: bytearray(b"x"), lambda: Decimal("1.10"), lambda: Decimal("NaN"),
    lambda: Decimal("1E+5"), lambda: datetime(2020, 1, 1), lambda: datetime(2020, 1, 1, tzinfo=UTC),  # noqa: DTZ001
    lambda: datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=2))), lambda: date(2020, 1, 1),
    lambda: time(1), lambda: time(1, tzinfo=UTC), lambda: timedelta(days=1), lambda: UUID(int=1),
    lambda: Path("a"), lambda: IPv4Address("1.1.1.1"), lambda: AnyUrl("http://a.b/"), lambda: Colour.RED,
    lambda: Size.BIG, lambda: Rank.LOW, lambda: Part(n=1), lambda: Wider(n=1), lambda: Other(n=1),
    lambda: Part.model_construct(n="x"), lambda: Part.model_construct(n=None), lambda: Data(1),
    lambda: Data("x"),  # type: ignore[arg-type]
    lambda: {"n": 1}, lambda: {"n": "x"}, lambda: Row(1), lambda: (1, "x"), lambda: (1, 2), lambda: [1],
    lambda: [True], lambda: ["a"], lambda: [None], lambda: [1.5], lambda: {1}, lambda: {"a"},
    lambda: frozenset({"a"}), lambda: {"a": 1}, lambda: {1: "a"}, lambda: {"a": None}, lambda: {"a": [1]},
    lambda: Whole(3), lambda: Sum(2.5), lambda: deque([1]), lambda: OrderedDict(a=1), lambda: Counter("aa"),
    lambda: defaultdict(list, a=[1]), lambda: [Part(n=1)], lambda: [Wider()], lambda: [Other()],
    lambda: [Part.model_construct(n=None)], lambda: {"a": Part()}, lambda: re.compile("a"),
    lambda: re.compile("a", re.IGNORECASE), object, lambda: int, lambda: print, lambda: ..., lambda: 1 + 2j,
    lambda: Link("set_aims/a"), lambda: Aim(key="z"), lambda: GeoPoint(lat=1, lon=2), lambda: range(3),
    lambda: iter([1]), lambda: {timedelta(1): 1}, lambda: [[1]],
]  # fmt: skip
AS_WRITTEN = {
    "queue": (tuple,),
    "path": (str,),
    "literal": (Path, re.Pattern),
    "sequence": (tuple, set, frozenset, deque, range),
}
"""What is written as the kind itself would be, and read as that."""


@pytest.fixture(scope="module")
def memory() -> Any:
    with create_engine("sqlite://") as engine:
        yield engine


def set_past_validation(model: Any, value: Any, way: str) -> Any:
    """Return a document with a value of a field that nobody looked at."""
    if way == "constructed":
        return model.model_construct(x=value)
    if way == "copied":
        return copy.deepcopy(model.model_construct(x=value))
    made = model.model_construct()
    made.x = value
    return made


def is_as_set(kind: str, value: Any, read: Any) -> bool:
    """Return whether what was read is what was set, by Python's own equality."""
    if isinstance(value, AS_WRITTEN.get(kind, ())):
        return True
    if isinstance(read, (BaseModel, Data)):
        return type(read) is type(value) and bool(read == value)
    if isinstance(read, Link):
        return isinstance(value, (str, Link, Aim)) and getattr(value, "id", value) == read.id
    return bool(read == value)


WAYS = ("assigned", "constructed", "copied")


def stored(session: Session, model: Any, value: Any, way: str) -> Any:
    """Return the document that was stored with a value, or the error that refused it."""
    try:
        session.add(made := set_past_validation(model, value, way))
        session.flush()
    except (InvalidDocument, StateError, UsageError) as error:
        return error
    return made


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", KINDS)
def test_a_value_of_any_kind_in_a_field_of_any_kind(memory: Engine, kind: str) -> None:
    model: Any = create_model(
        "Set", __base__=Document, __cls_kwargs__={"collection": "set_values"}, x=(KINDS[kind], ...)
    )
    for place, make in enumerate(VALUES):
        value = make()
        with Session(memory) as session:
            made = stored(session, model, value, WAYS[place % 3])
            if isinstance(made, InvalidDocument):
                assert re.search(r"\bx\b", str(made)), f"{value!r}: {made}"
            elif isinstance(made, Exception):  # no link can be made of it, or it leads to what is not stored
                assert kind == "link"
            else:
                session.expunge_all()
                read = session.scalars(select(model).where(model.key == made.key)).one()
                assert is_as_set(kind, value, read.x), f"{value!r} was read as {read.x!r}"


# --- parts that are made invalid without the document's knowledge ----------------------------------


class Street(BaseModel):
    name: str
    number: int = 1


class Checked(BaseModel):
    zip: Annotated[str, Field(min_length=2)]
    tags: list[Annotated[str, Field(min_length=1)]] = []


class House(Document, collection="set_houses"):
    street: Street | None = None
    streets: list[Street] = []
    by_name: dict[str, Street] = {}
    checked: Checked | None = None
    data: Data | None = None


def broken_street() -> Street:
    street = Street(name="a")
    street.name = None  # type: ignore[assignment]
    return street


def broken_check() -> Checked:
    part = Checked(zip="ab")
    part.zip = ""
    return part


def broken_tags() -> Checked:
    part = Checked(zip="ab")
    part.tags.append("")
    return part


BROKEN: dict[str, tuple[str, Callable[[], Any]]] = {
    "a part": ("street", broken_street),
    "a part in a list": ("streets", lambda: [Street(name="b"), broken_street()]),
    "a part in a dictionary": ("by_name", lambda: {"a": broken_street()}),
    "a part with a condition": ("checked", broken_check),
    "a list in a part": ("checked", broken_tags),
    "a dataclass": ("data", lambda: Data(None)),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_part_that_is_no_longer_valid_is_refused_at_the_first_commit(engine: Engine, what: str) -> None:
    name, make = BROKEN[what]
    with Session(engine) as session:
        fine = {"street": Street(name="x"), "streets": [Street(name="x")], "checked": Checked(zip="xx")}
        session.add(House(**fine, data=Data(1)))
        session.commit()  # parts of these classes are known to fit
        session.add(House(**{name: make()}))
        with pytest.raises(InvalidDocument, match=rf"House '.*' does not fit its model: {name}\b"):
            session.commit()


def test_a_part_that_is_changed_after_the_document_was_made_of_it_is_looked_at(engine: Engine) -> None:
    street, again = Street(name="a"), Street(name="b")
    house, kept = House(street=street), House(street=again)
    street.name, again.number = None, 7  # type: ignore[assignment]
    with Session(engine) as session:
        session.add_all([house, kept])
        with pytest.raises(SchemaViolation, match=r"street\.name"):
            session.commit()
        street.name = "c"
        session.commit()
        session.expunge_all()
        assert session.get_one(House, kept.key).street == Street(name="b", number=7)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda each: pickle.loads(pickle.dumps(each))])
def test_a_copy_of_what_is_not_valid_is_not_stored(engine: Engine, copied: Callable[[Any], Any]) -> None:
    with Session(engine) as session:
        session.add(copied(House.model_construct(street=Street.model_construct(name=None))))
        with pytest.raises(SchemaViolation, match=r"street\.name"):
            session.commit()


class Positive(Document, collection="set_positives"):
    n: Annotated[int, Field(gt=0)] = 0
    m: int = Field(default_factory=lambda: "x", gt=0)  # type: ignore[assignment, arg-type, return-value]
    tags: list[int] = Field(default_factory=list, min_length=1)


@pytest.mark.parametrize("values", [{"m": 1, "tags": [1]}, {"n": 1, "tags": [1]}, {"n": 1, "m": 1}])
def test_a_default_that_is_no_value_of_its_field_is_not_stored(engine: Engine, values: Any) -> None:
    with Session(engine) as session:
        session.add(Positive(**values))
        left = ({"n", "m", "tags"} - set(values)).pop()
        with pytest.raises(InvalidDocument, match=rf"Positive '.*\b{left}\b"):
            session.commit()


class Stripped(Document, collection="set_stripped"):
    model_config = ConfigDict(str_strip_whitespace=True)
    name: str = ""
    part: Part | None = None


@pytest.mark.parametrize("stored", [False, True])
def test_what_would_be_read_as_another_value_is_refused(engine: Engine, stored: bool) -> None:
    with Session(engine) as session:
        session.add(made := Stripped(name=" a "))
        if stored:
            session.commit()
        made.name = " b "
        with pytest.raises(InvalidDocument, match="name = ' b ' would be read as 'b'"):
            session.commit()
        made.name, made.part = "b", Other(n=1)  # type: ignore[assignment]
        with pytest.raises(InvalidDocument, match=r"part = Other\(n=1\) would be read as Part\(n=1\)"):
            session.commit()
        made.part = Part(n=1)
        session.commit()


class Counted(Document, collection="set_counted"):
    model_config = ConfigDict(extra="allow")
    part: Part = Part()
    parts: list[Part] = []
    checked: Checked | None = None


@pytest.mark.parametrize("way", [insert, update, upsert])
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("part", lambda: Part.model_construct(n=None)),
        ("parts", lambda: [Part.model_construct(n=None)]),
        ("part", lambda: Wider(n=1)),
        ("part", lambda: Other(n=1)),
        ("checked", broken_check),
        ("checked", broken_tags),
        ("more", lambda: {1}),
        ("more", lambda: Part(n=1)),
    ],
    ids=["null", "null in a list", "wider", "other", "condition", "condition in a list", "set", "extra part"],
)
def test_a_statement_refuses_what_would_not_be_read_as_it_is(way: Any, name: str, make: Any) -> None:
    with pytest.raises((InvalidDocument, UsageError), match=name):
        way(Counted).values(**{name: make()})


def test_a_statement_takes_parts_that_fit(engine: Engine) -> None:
    engine.create_all(Counted)
    with Session(engine) as session:
        session.execute(
            insert(Counted).values(key="a", part=Part(n=1), checked=Checked(zip="ab", tags=["x"]))
        )
        session.execute(update(Counted).values(parts=[Part(n=2)], more={"a": [1]}))
        session.commit()
        read = session.get_one(Counted, "a")
        assert (read.part, read.parts, read.checked) == (
            Part(n=1),
            [Part(n=2)],
            Checked(zip="ab", tags=["x"]),
        )
        assert read.more == {"a": [1]}  # type: ignore[attr-defined]


def test_a_value_of_another_type_goes_back_though_it_is_stored_alike(engine: Engine) -> None:
    class Filed(Document, collection="set_and_back", registry=Registry()):
        at: Path = Path("a")
        colour: Colour = Colour.RED

    engine.create_all(Filed)
    with Session(engine) as session:
        session.add(filed := Filed())
        session.commit()
        for take_back in (session.rollback, lambda: session.expire(filed)):
            filed.at, filed.colour = "a", "red"  # type: ignore[assignment]
            take_back()
            assert (filed.at, filed.colour) == (Path("a"), Colour.RED)
