"""Random models: what is committed of their documents is read as it was, and reading changes nothing."""

from __future__ import annotations

import copy
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum, IntEnum
from functools import cached_property, partial
from itertools import count
from types import new_class
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AliasChoices,
    AliasPath,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    RootModel,
    ValidationError,
    WrapValidator,
    computed_field,
    field_serializer,
    field_validator,
    model_serializer,
    model_validator,
)
from typing_extensions import TypedDict

from solidb_odm import (
    Document,
    Engine,
    Link,
    Registry,
    Session,
    SoftDelete,
    Timestamped,
    create_engine,
)
from solidb_odm.errors import SolidbError
from tests.sizes import examples

T = TypeVar("T")


class Colour(Enum):
    RED = "red"
    BLUE = 2


class Rank(IntEnum):
    LOW = 1
    HIGH = 2


class Cat(BaseModel):
    kind: Literal["cat"] = "cat"
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"] = "dog"
    name: str = Field("rex", alias="dogName")
    model_config = ConfigDict(populate_by_name=True)


class Tree(BaseModel):
    value: int = 0
    below: list[Tree] = []


class Names(RootModel[list[str]]):
    pass


class Box(BaseModel, Generic[T]):
    inside: T


@dataclass
class Plain:
    n: int = 0
    tags: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Fixed:
    numbers: list[int]
    by: dict[str, list[int]] = field(default_factory=dict[str, list[int]])


class Typed(TypedDict, total=False):
    n: int
    on: date


class Row(NamedTuple):
    n: int
    s: str = "x"


class Aim(Document, collection="random_aims"):
    n: int = 0


def now() -> datetime:
    return datetime.now(UTC)


KINDS: list[tuple[Any, list[Any]]] = [
    (int, [0, -7, 2**53 + 1]), (float, [0.0, -0.5, 1e300, 3.0]), (str, ["", " a ", "é\x00", "1"]),
    (bool, [True, False]), (bytes, [b"", b"\xff\x00", b"abcd"]), (Decimal, [Decimal("1.10"), Decimal(0)]),
    (datetime, [datetime(2020, 1, 2, 3, 4, 5, 6, tzinfo=UTC), datetime(2020, 1, 1)]),  # noqa: DTZ001
    (date, [date(2020, 2, 3)]), (time, [time(1, 2, 3)]), (timedelta, [timedelta(days=1, microseconds=3)]),
    (UUID, [UUID(int=7)]), (Colour, list(Colour)), (Rank, list(Rank)), (Literal["a", 1], ["a", 1]),
    (list[int], [[], [1, 2]]), (set[str], [set(), {"a", "b"}]), (frozenset[int], [frozenset({1})]),
    (tuple[int, str], [(1, "a")]), (tuple[int, ...], [(), (1, 2)]), (dict[str, int], [{}, {"a": 1}]),
    (dict[int, list[str]], [{1: ["a"]}]), (deque[int], [deque([1])]), (Any, [None, 1, {"a": [1]}, "x"]),
    (list, [[], [1, "a"]]), (dict, [{}, {"a": {"b": 1}}]), (Cat, [Cat(), Cat(lives=1)]),
    (Annotated[Cat | Dog, Field(discriminator="kind")], [Cat(lives=2), Dog(name="x")]),
    (list[Cat], [[], [Cat(lives=3)]]), (dict[str, Dog], [{"a": Dog(name="b")}]), (Plain, [Plain(1, ["a"])]),
    (Tree, [Tree(value=1, below=[Tree(value=2)])]), (Names, [Names(["a"])]), (Box[int], [Box[int](inside=1)]),
    (Box[list[Cat]], [Box[list[Cat]](inside=[Cat()])]), (Typed, [{}, {"n": 1, "on": date(2020, 1, 1)}]),
    (Row, [Row(1)]), (Link[Aim], [Link("random_aims/a")]), (list[Link[Aim]], [[], [Link("random_aims/b")]]),
    (Annotated[int, Field(ge=0)], [0, 5]), (Annotated[str, Field(max_length=3)], ["abc"]),
    (int | str, [1, "a"]), (Fixed, [Fixed([1]), Fixed([], {"a": [2]})]),
    (tuple[list[int], ...], [([1], [2])]),
]  # fmt: skip


def same(value: Any) -> Any:
    return value


def listed(value: Any) -> Any:
    """Change what is given, if it can change: no caller's value may be touched by that."""
    if isinstance(value, list):
        value.reverse()
        value.reverse()
    return value


def handled(value: Any, handler: Any) -> Any:
    return handler(value)


VALIDATORS: list[Any] = [AfterValidator(same), BeforeValidator(listed), WrapValidator(handled), Field()]
CONFIGS: list[dict[str, Any]] = [
    {}, {}, {"extra": "allow"}, {"extra": "forbid"}, {"frozen": True}, {"validate_assignment": True},
    {"use_enum_values": True}, {"populate_by_name": True}, {"str_strip_whitespace": True},
    {"revalidate_instances": "always"}, {"ser_json_timedelta": "iso8601"}, {"ser_json_bytes": "hex"},
    {"val_json_bytes": "hex", "ser_json_bytes": "hex"}, {"ser_json_inf_nan": "null"},
    {"ser_json_bytes": "base64", "val_json_bytes": "base64"},
    {"ser_json_timedelta": "float"}, {"strict": True}, {"validate_default": True},
    {"alias_generator": lambda name: name.title()}, {"validate_by_name": True, "validate_by_alias": False},
    {"serialize_by_alias": True}, {"use_attribute_docstrings": True}, {"from_attributes": True},
    {"str_to_lower": True}, {"coerce_numbers_to_str": True}, {"arbitrary_types_allowed": True},
    {"ser_json_temporal": "seconds"}, {"ser_json_temporal": "milliseconds"}, {"allow_inf_nan": False},
    {"hide_input_in_errors": True}, {"loc_by_alias": False}, {"protected_namespaces": ()},
    {"defer_build": True},
    {"val_temporal_unit": "milliseconds"}, {"cache_strings": False}, {"str_max_length": 20},
]  # fmt: skip


ALIASES: list[Callable[[str], dict[str, Any]]] = [
    lambda name: {"alias": f"{name}Alias"}, lambda name: {"serialization_alias": f"{name}_out"},
    lambda name: {"validation_alias": f"{name}_in"},
    lambda name: {"validation_alias": AliasChoices(f"{name}_old", f"{name}_new")},
    lambda name: {"validation_alias": AliasPath(f"{name}_at", 0)}, lambda _: {}, lambda _: {}, lambda _: {},
]  # fmt: skip


# --- what an author may have beside fields; ``classes`` will hold the class ------------------------


def kind_of_first(self: Any) -> str:
    first = next(name for name in type(self).model_fields if name in "abcd")
    value = getattr(self, first)
    return type(value.value if isinstance(value, Enum) else value).__name__  # as dumped() has it


def shown(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["shown"] = computed_field(return_type=str)(property(kind_of_first))


def kept(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    once = cached_property(kind_of_first)
    namespace["kept"] = computed_field(return_type=str)(once)


def of_now(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["at"] = computed_field(return_type=datetime)(property(lambda _: now()))


def private(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["_private"] = PrivateAttr(default_factory=list)


def after_making(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    def post(self: Any, _: Any) -> None:
        self.__dict__.setdefault("nothing", None)
        del self.__dict__["nothing"]

    namespace["model_post_init"] = post


def own_init(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    def init(self: Any, /, **data: Any) -> None:
        super(classes[0], self).__init__(**data)

    namespace["__init__"] = init


def looked_at_before(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["look"] = field_validator(first, mode="before")(lambda cls, value: listed(value))


def looked_at_after(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["look"] = field_validator(first)(lambda cls, value: listed(value))


def checked(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["check"] = model_validator(mode="after")(same)


def taken_apart(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    def before(cls: Any, data: Any) -> Any:
        return dict(data) if isinstance(data, dict) else data

    namespace["before"] = model_validator(mode="before")(classmethod(before))


def field_written(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["write"] = field_serializer(first, mode="wrap")(lambda self, value, handler: handler(value))


def whole_written(namespace: dict[str, Any], first: str, classes: list[Any]) -> None:
    namespace["whole"] = model_serializer(mode="wrap")(lambda self, handler: handler(self))


BESIDE = [
    shown, kept, of_now, private, after_making, own_init, looked_at_before, looked_at_after, checked,
    taken_apart, field_written, whole_written,
]  # fmt: skip


MAKERS = count()


class Maker:
    """Makes random classes; one seed makes one."""

    additions = BESIDE

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.number = next(MAKERS)  # a name is made once: a class made again takes the place of the first
        self.values: dict[tuple[str, str], list[Any]] = {}

    def chance(self, share: float) -> bool:
        return self.dice.random() < share

    def new_name(self, kind: str) -> str:
        return f"{kind}{self.dice.randrange(10**9)}_{self.number}"

    def model(self, bases: tuple[Any, ...], depth: int, names: Sequence[str] = "abc", **options: Any) -> Any:
        """Return a class with these bases; its parts are such classes too, down to a depth."""
        name = self.new_name("Made")
        namespace: dict[str, Any] = {"__module__": __name__, "__qualname__": name, "__annotations__": {}}
        config = {**self.dice.choice(CONFIGS), **(self.dice.choice(CONFIGS) if self.chance(0.3) else {})}
        namespace["model_config"] = config
        names = names[: self.dice.randint(1, 3)]
        for each in names:
            self.add_field(namespace, each, depth)
        classes: list[Any] = []
        for add in self.additions:
            if self.chance(0.1):
                add(namespace, names[0], classes)
        classes.append(new_class(name, bases, options, lambda body: body.update(namespace)))
        return classes[0]

    def type_of_field(self, depth: int) -> tuple[Any, list[Any]]:
        """Return a type and some of its values; a class stands for its objects."""
        annotation, values = self.dice.choice(KINDS)
        if depth and self.chance(0.25):
            part = self.model((BaseModel,), depth - 1)
            annotation, values = (list[part], [[part]]) if self.chance(0.3) else (part, [part])  # type: ignore[valid-type]
        if self.chance(0.3):
            annotation, values = annotation | None, [*values, None]
        if self.chance(0.2):
            annotation = Annotated[annotation, self.dice.choice(VALIDATORS)]
        return annotation, values

    def add_field(self, namespace: dict[str, Any], name: str, depth: int) -> None:
        annotation, values = self.type_of_field(depth)
        options = self.dice.choice(ALIASES)(name)
        plain = [value for value in values if value is not None and not made_of_classes(value)]
        if plain and self.chance(0.4):
            chosen = self.dice.choice(plain)
            is_called = self.chance(0.5)
            options |= (
                {"default_factory": partial(copy.deepcopy, chosen)} if is_called else {"default": chosen}
            )
        if self.chance(0.05):
            options["frozen"] = True
        namespace["__annotations__"][name] = annotation
        if options:
            namespace[name] = Field(**options)
        self.values[namespace["__qualname__"], name] = values

    def made(self, model: Any) -> Any:
        """Return an object of a class with random values, validated."""
        given: dict[str, Any] = {}
        for name, info in model.model_fields.items():
            owners = (each.__qualname__ for each in model.__mro__)
            values = next((self.values[each, name] for each in owners if (each, name) in self.values), None)
            if values is None or (not info.is_required() and self.chance(0.3)):
                continue
            value = self.filled(copy.deepcopy(self.dice.choice(values)))
            alias: Any = info.validation_alias or info.alias or name
            by_name = model.model_config.get("validate_by_alias") is False
            if by_name:
                given[name] = value
            elif isinstance(alias, AliasChoices):
                given[self.dice.choice(alias.choices)] = value
            elif isinstance(alias, AliasPath):
                given[alias.path[0]] = [value]
            else:
                given[alias] = value
        if model.model_config.get("extra") == "allow" and self.chance(0.7):
            given["more"] = self.dice.choice([1, "x", [1], {"a": None}])
        return model(**given)

    def filled(self, value: Any) -> Any:
        if isinstance(value, type):
            return self.made(value)
        if isinstance(value, list):
            return [self.filled(each) for each in value]
        return value


def made_of_classes(value: Any) -> bool:
    return isinstance(value, type) or (isinstance(value, list) and bool(value) and isinstance(value[0], type))


BASES: list[Any] = [(Document,), (Document,), (SoftDelete, Document), (Timestamped, Document)]
VARYING = {"at", "created_at", "updated_at"}


def dumped(value: Any) -> Any:
    """Return what an object holds, without what is of the time."""
    if isinstance(value, BaseModel):
        return dumped(value.model_dump(by_alias=False))
    if isinstance(value, dict):
        return {name: dumped(each) for name, each in value.items() if name not in VARYING}
    if isinstance(value, (list, tuple, deque)):
        return [dumped(each) for each in value]
    return value.value if isinstance(value, Enum) else value  # Pydantic does not convert defaults


def check(seed: int, engine: Engine) -> str:
    """Make a class and a document of it, store it, and read and change it in several ways."""
    maker = Maker(seed)
    try:
        model = maker.model(maker.dice.choice(BASES), 2, collection="random_models", registry=Registry())
        engine.create_all(model)
        document, other = maker.made(model), maker.made(model)
    except (SolidbError, ValidationError) as error:  # some of these classes don't take their own objects
        return f"refused: {error}"
    with Session(engine) as session:
        session.add(document)
        try:
            session.commit()
        except SolidbError as error:
            return f"not stored: {error}"
        held = check_unchanged(session, document)
        session.refresh(document)
        assert dumped(document) == held
    with Session(engine) as session:
        read = session.get_one(model, document.key)
        assert dumped(read) == held
        assert {name: type(value) for name, value in held_by(read)} == {
            name: type(value) for name, value in held_by(document)
        }
        check_unchanged(session, read)
        change_in_place(session, read, maker.dice)
        return change(session, session.get_one(model, document.key), other)


def held_by(document: Any) -> list[tuple[str, Any]]:
    return [(name, getattr(document, name)) for name in type(document).model_fields]


def check_unchanged(session: Session, document: Any) -> Any:
    """Hold looking at a document to be no change of it; return what it holds."""
    assert session.dirty == []
    held, revision = dumped(document), document.rev
    held_by(document)
    assert session.dirty == []
    session.commit()
    assert (dumped(document), document.rev) == (held, revision)
    return held


def containers(value: Any) -> Iterator[Any]:
    """Yield what can change in place in a value, at any depth."""
    if isinstance(value, (BaseModel, Plain, Fixed)):
        yield from (found for inner in vars(value).values() for found in containers(inner))
    elif isinstance(value, dict):
        yield value
        yield from (found for inner in value.values() for found in containers(inner))
    elif isinstance(value, (list, tuple, deque)):
        yield from [] if isinstance(value, tuple) else [value]
        yield from (found for inner in value for found in containers(inner))
    elif isinstance(value, set):
        yield value


def change_in_place(session: Session, document: Any, dice: random.Random) -> None:
    """Change something that a document holds; it is read as it was left, or refused and then as it was."""
    kept = dumped(document)
    chosen = dice.choice([*(each for _, value in held_by(document) for each in containers(value)), None])
    if isinstance(chosen, (list, deque)) and chosen and dice.random() < 0.6:
        chosen.append(copy.deepcopy(chosen[-1]))
    elif chosen:
        chosen.popitem() if isinstance(chosen, dict) else chosen.pop()
    left = dumped(document)
    try:
        session.commit()
    except SolidbError:
        session.rollback()
        left = kept
    session.expunge_all()
    assert dumped(session.get_one(type(document), document.key)) == left


def change(session: Session, document: Any, other: Any) -> str:
    """Set the fields of a document to those of another one; they are read as they were set."""
    model = type(document)
    names = [name for name, info in model.model_fields.items() if name in "abc" and not info.frozen]
    if model.model_config.get("frozen"):
        return "ok"
    try:
        for name in names:
            setattr(document, name, getattr(other, name))
        session.commit()
    except SolidbError as error:
        return f"not changed: {error}"
    held = dumped(document)
    session.expunge_all()
    assert dumped(session.get_one(model, document.key)) == held
    return "ok"


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=examples(40))
@given(st.integers(0, 10**6))
def test_a_document_of_any_model(seed: int) -> None:
    with create_engine("sqlite://") as engine:
        check(seed, engine)


@pytest.mark.filterwarnings("ignore")
def test_documents_of_most_models_are_stored(engine: Engine) -> None:
    outcomes = [check(seed, engine) for seed in range(10)]
    assert outcomes.count("ok") >= 8, outcomes
