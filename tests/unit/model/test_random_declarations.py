"""Random class statements: each makes a class whose documents are read as they were written, or is refused
by an error of ours."""

from __future__ import annotations

import typing
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum
from itertools import permutations
from typing import Annotated, Any, ClassVar, Final, ForwardRef, Generic, Literal, NamedTuple, TypeVar, Union
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import (
    AliasChoices,
    AliasPath,
    BaseModel,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_serializer,
)
from pydantic.dataclasses import dataclass

from solidb_odm import (
    Cascade,
    Document,
    Edge,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Link,
    Lossy,
    Session,
    SoftDelete,
    Timestamped,
    TTLIndex,
    Vector,
    VectorIndex,
    create_engine,
    select,
)
from solidb_odm.errors import SolidbError
from solidb_odm.model.declaration.checks import KeyRule, check_fields
from solidb_odm.model.declaration.mapping import complete_mapping
from solidb_odm.model.links.placement import link_fields
from solidb_odm.model.stored.plain_types import (
    has_plain_rules,
    is_plain_type,
    is_plainly_declared,
    validated_fields,
)
from solidb_odm.model.stored.trial import is_unsteady, try_fields
from solidb_odm.model.type_inspection import link_target
from tests.sizes import examples

T = TypeVar("T")


class Kind(Enum):
    A = "a"
    B = 2


class Part(BaseModel):
    a: int = 0
    b: list[str] = []


@dataclass
class Data:
    x: int = 0


class Row(NamedTuple):
    x: int


class Target(Document, collection="random_targets"):
    n: int = 0


class Above(Document, abstract=True):
    a: int = 0
    tags: list[Part] = []


class Template(Document, Generic[T], abstract=True):
    a: T
    x: dict[str, T] = {}


class Below(Target):
    a: str | None = None


class Plain:
    pass


def nothing() -> None:
    """Be a default that is called, or a value that is none."""


ANNOTATIONS: list[Any] = [
    int, str, float, bool, bytes, None, Any, object, datetime, timedelta, Decimal, UUID, Kind, Part, Data,
    Row, Target, Link[Target], list, dict, tuple, list[int], dict[str, int], dict[int, Part], set[str],
    tuple[int, str], int | None, int | str | None, Literal["a"], Literal[1, "x"], T, "int",
    "Missing",
    "list[Missing]", "not a type!!", "", 1, object(), [], Plain, Callable, type, GeoPoint, Vector,
    Annotated[int, 1], Annotated[int, Field(gt=0)], Annotated[str, Field(alias="z")], ClassVar[int],
    Final[int], list["int"], dict[Any, Any], list[Link[Target]], Link, Index, Index("a"), ..., SecretStr,
    Part | Target, list[Target], Annotated, Generic, ForwardRef("int"), ForwardRef("Nope"), property, complex,
    range, Exception, BaseModel, Document, Edge, SoftDelete, dict, list, set, tuple,
    *(getattr(typing, name) for name in ("Dict", "List", "Set", "Tuple", "Type", "Deque", "Union")),
    typing.Optional, typing.Sequence, typing.Mapping, tuple[()],
]  # fmt: skip
UNSET = object()
DEFAULTS: list[Any] = [
    UNSET, UNSET, UNSET, None, 0, 1, "x", "", [], {}, (), set(), 1.5, object(), Part(), Index(), nothing, int,
    Kind.A, Field(), Field(default=1), Field(default_factory=list), Field(alias="q"), Field(alias="_key"),
    Field(alias="a.b"), Field(alias=""), Field(exclude=True), Field(exclude=True, default=1),
    Field(serialization_alias="_id"), Field(validation_alias=AliasChoices("o", "n")),
    Field(validation_alias=AliasPath("o", 0)), PrivateAttr(1), property(nothing), float("nan"), b"\xff",
    Exception(), Decimal(1), datetime(2020, 1, 1, tzinfo=UTC),
]  # fmt: skip
NAMES = [
    "a", "b", "tags", "x", "key", "id", "rev", "created_at", "updated_at", "_a", "__b", "_key",
    "model_config", "Settings", "model_dump", "class", "copy", "json", "é", "a b", "", "1x", "from_", "to",
    "deleted_at",
    "before_insert", "__solidb_x__", "metadata", "registry",
]  # fmt: skip
OPTIONS: list[Any] = [True, False, None, 0, -1, 3, "x", "", "a", [], {}, {"a": 1}, {"a": [1]}, 1.5, "cosine"]
INDEXES: list[tuple[type[Index], tuple[str, ...]]] = [
    (Index, ("unique", "where", "name")),
    (FulltextIndex, ("minimum_length", "name")),
    (GeoIndex, ("name",)),
    (TTLIndex, ("seconds", "name")),
    (VectorIndex, ("dimension", "metric", "name")),
]
PATHS: list[Any] = ["a", "b", "a.b", "", "x.y.z", "key", "id", "_key", 1, None, "a[]", "tags[]"]
SETTINGS = ["indexes", "schema_validation", "collection", "version", "cascade", "renamed_from", "index"]
VALUES: list[Any] = [None, 1, "x", "strict", "", [], {}, [1], [Index("a")], True, "a/b", Cascade("delete")]
BASES: list[tuple[type, ...]] = [
    (Document,), (Document,), (SoftDelete, Document), (Timestamped, Document), (Edge,),
    (Edge[Target, Target],), (Target,), (Document, Part), (Part, Document), (Above,), (Template[int],),
    (Template[list[Part]],), (Below,), (Below, Part), (SoftDelete, Target), (Timestamped, Below),
    (Above, Target),
]  # fmt: skip


@st.composite
def indexes(draw: st.DrawFn) -> Index:
    """Give an index, of odd arguments where those are taken."""
    kind, names = draw(st.sampled_from(INDEXES))
    paths = draw(st.lists(st.sampled_from(PATHS), max_size=2))
    chosen = draw(st.dictionaries(st.sampled_from(names), st.sampled_from(OPTIONS), max_size=2))
    with suppress(SolidbError):
        made = kind(*paths, **chosen)
        repr(made)
        return made
    return Index()


Statement = tuple[tuple[type, ...], dict[str, Any], dict[str, Any]]


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Give the bases, the namespace and the options of a class."""
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {"__module__": __name__, "__qualname__": "Made"}
    for name in draw(st.lists(st.sampled_from(NAMES), unique=True, max_size=3)):
        annotation = draw(st.sampled_from(ANNOTATIONS))
        if draw(st.integers(0, 3)) == 0:
            with suppress(Exception):  # some are no types to Python itself
                annotation = Annotated[annotation, draw(indexes())]
        if draw(st.integers(0, 9)):
            annotations[name] = annotation
        if (default := draw(st.sampled_from(DEFAULTS))) is not UNSET:
            namespace[name] = default
    namespace["__annotations__"] = annotations
    own = draw(st.dictionaries(st.sampled_from(SETTINGS), st.sampled_from(VALUES), max_size=2))
    if own:
        own = {**own, "indexes": [draw(indexes())]} if draw(st.booleans()) else own
        namespace["Settings"] = type("Settings", (), own)
    options = draw(
        st.dictionaries(st.sampled_from(["collection", "extra", "zzz"]), st.sampled_from(VALUES), max_size=1)
    )
    return draw(st.sampled_from(BASES)), namespace, options or {"collection": "random_made"}


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=examples(120))
@given(statements())
def test_a_class_works_or_is_refused(
    statement: tuple[tuple[type, ...], dict[str, Any], dict[str, Any]],
) -> None:
    bases, namespace, options = statement
    with suppress(SolidbError), create_engine("sqlite://") as engine, Session(engine) as session:
        model: Any = type(Document)("Made", bases, dict(namespace), **options)
        engine.create_all(model)
        try:
            document = model()
        except ValidationError:
            return
        session.add(document)
        session.commit()
        session.expunge_all()
        assert session.get_one(model, document.key).model_dump() == document.model_dump()
        assert session.scalars(select(model.key).where(model.key == document.key)).all() == [document.key]


def hold_to_trial(model: Any) -> None:
    """Try what was taken as known of a class: it must show the same."""
    fields = model.__pydantic_fields__
    known = [name for name, info in fields.items() if is_plainly_declared(info, (Index, KeyRule))]
    check_fields(model, known)
    assert not [name for name in known if link_target(fields[name].annotation) is not None]
    assert model.__solidb_unsteady__ == is_unsteady(model, model.__solidb_watched__)
    complete_mapping(model.__solidb_mapping__)
    validated = validated_fields(model)
    if validated is not None:
        for name in known:
            if name not in validated and len(fields) > 1:
                try_fields(model, [name])
    if len(known) == len(fields) and has_plain_rules(model):
        try_fields(model, model.__pydantic_fields__)
        assert link_fields(model) == ()


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=examples(200))
@given(statements())
def test_what_is_not_tried_would_have_passed(
    statement: tuple[tuple[type, ...], dict[str, Any], dict[str, Any]],
) -> None:
    bases, namespace, options = statement
    try:
        model: Any = type(Document)("Made", bases, dict(namespace), **options)
        _ = model.__solidb_mapping__
    except SolidbError:
        return
    hold_to_trial(model)


class Deep(BaseModel):
    parts: list[Part] = []
    made: UUID = Field(default_factory=UUID)


class Own(BaseModel):
    @model_serializer
    def written(self) -> int:
        return 1


class Loop(BaseModel):
    below: list[Loop] = []


INNER: list[Any] = [
    *[each for each in ANNOTATIONS if isinstance(each, type)], Deep, Own, Loop, Link[Target], Any,
    int | None, int | str, Annotated[int, Lossy()], Annotated[str, Index()], Literal["a"], Literal[1],
]  # fmt: skip
HOLDERS: list[Callable[[Any], Any]] = [
    lambda inner: inner,
    lambda inner: inner | None,
    lambda inner: list[inner],
    lambda inner: set[inner],
    lambda inner: dict[str, inner],
    lambda inner: dict[inner, str],
    lambda inner: tuple[inner, ...],
    lambda inner: list[dict[str, inner | None]],
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("holder", range(len(HOLDERS)))
def test_types_that_are_not_tried_would_have_passed(holder: int) -> None:
    for inner in INNER:
        try:
            annotation = HOLDERS[holder](inner)
            body = {"__module__": __name__, "__annotations__": {"a": annotation}}
            model: Any = type(Document)("Made", (Document,), body, collection="random_made")
        except (SolidbError, TypeError):  # no type to Python itself
            continue
        hold_to_trial(model)


class Other(BaseModel):
    c: int


MEMBERS: list[Any] = [str, int, float, bool, bytes, datetime, list[str], dict[str, int], Part, Other, None]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mode", ["smart", "left_to_right"])
@pytest.mark.parametrize("count", [2, 3])
def test_unions_that_are_not_tried_would_have_passed(count: int, mode: Any) -> None:
    number = 0
    for members in permutations(MEMBERS, count):
        annotation = Annotated[Union[members], Field(union_mode=mode)]  # noqa: UP007
        plain = Union[members] if mode == "smart" else annotation  # noqa: UP007
        body = {"__module__": __name__, "__annotations__": {"a": plain}}
        with suppress(SolidbError):
            model: Any = type(Document)("Made", (Document,), body, collection="random_unions")
            hold_to_trial(model)
            number += is_plainly_declared(model.__pydantic_fields__["a"])
    assert bool(number) is (mode == "smart")


def test_plain_classes_are_not_tried() -> None:
    for annotation in (int, str | None, list[Part], dict[str, list[datetime]], Literal["a"], Deep, int | str):
        assert is_plain_type(annotation)
    for annotation in (
        Part | Other,
        str | datetime,
        int | set[int],
        Own,
        Loop,
        Link[Target],
        list[Link[Target]],
        Annotated[int, 1],
        Data,
        Target,
    ):
        assert not is_plain_type(annotation)
