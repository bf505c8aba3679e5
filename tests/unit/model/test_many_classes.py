"""Many classes that hold, name or inherit from each other: what one costs does not grow with the others."""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    RootModel,
    computed_field,
    create_model,
    model_validator,
)
from pydantic_core import SchemaSerializer, SchemaValidator
from typing_extensions import Annotated, TypeAliasType  # noqa: UP035  what create_model is given at run time

from solidb_odm import Document, Edge, Link, Lossy, Registry, RenamedFrom, SoftDelete, Timestamped
from solidb_odm.errors import DeclarationError
from solidb_odm.model.declaration import forward_references, metaclass, registry
from solidb_odm.model.stored import core_schemas
from solidb_odm.model.stored.core_schemas import core_schema_of, nodes_in
from solidb_odm.model.stored.forms import ADAPTED, stored_form, stored_schema

DAY = datetime(2020, 1, 2)  # noqa: DTZ001  without a zone, as many are


def shouted(text: str) -> str:
    return text.upper()


FIELDS: list[tuple[Any, Any]] = [
    (int, 1),
    (datetime, DAY),
    (bytes, b"ab"),
    (float, 0.5),
    (dict[int, str], {1: "a"}),
    (Annotated[str, AfterValidator(shouted)], "A"),
    (Annotated[str, RenamedFrom("before")], "r"),
    (Annotated[str, Field(alias="other")], "o"),
    (int | str, "u"),
]


def forms(part: Any) -> list[tuple[Any, Any]]:
    lossy = Annotated[part | None, Lossy()]
    return [(part | None, None), (list[part], []), (dict[str, part], {}), (lossy, None)]


def models(count: int, chance: random.Random) -> list[type[BaseModel]]:
    """Return models that each hold some of those before: as they are, in lists, in unions, past Lossy."""
    made: list[type[BaseModel]] = []
    for number in range(count):
        kind, default = chance.choice(FIELDS)
        fields: dict[str, Any] = {"own": (kind, default)}
        for place, part in enumerate(chance.sample(made, min(len(made), 2))):
            form, default = chance.choice(forms(part))
            fields[f"part{place}"] = (form, default)
        if made:
            fields["last"] = (made[-1] | None, None)
        checks: Any = {"check": model_validator(mode="after")(lambda self: self)} if number % 3 == 0 else {}
        made.append(create_model(f"Part{number}", __validators__=checks, **fields))
    return made


def whole(model: type[BaseModel], chance: random.Random, depth: int) -> BaseModel:
    """Return an object whose parts are filled down to a depth."""
    values: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        kind: Any = info.annotation
        inner = [part for part in getattr(kind, "__args__", ()) if hasattr(part, "model_fields")]
        if name == "own" or not inner or not depth:
            continue
        part = whole(inner[0], chance, depth - 1)
        origin = getattr(kind, "__origin__", None)
        values[name] = [part] if origin is list else {"k": part} if origin is dict else part
    return model.model_construct(**values)


@pytest.mark.parametrize("seed", range(12))
def test_a_schema_with_definitions_reads_and_writes_as_the_one_without(seed: int) -> None:
    chance = random.Random(seed)
    top = models(13, chance)[-1]
    plain: Any = top.__pydantic_core_schema__
    made = core_schemas._with_definitions(plain)
    assert made["type"] == "definitions"
    written = [
        SchemaSerializer(stored_schema(schema), ADAPTED, _use_prebuilt=False) for schema in (plain, made)
    ]
    read = [SchemaValidator(stored_schema(schema), ADAPTED, _use_prebuilt=False) for schema in (plain, made)]
    for depth in range(5):
        value = whole(top, chance, depth)
        texts = [writer.to_json(value, warnings=False, by_alias=True) for writer in written]
        assert texts[0] == texts[1]
        again = [reader.validate_json(texts[0], by_alias=True, by_name=True) for reader in read]
        assert repr(again[0]) == repr(again[1])


def chain(count: int, back: int, own: tuple[Any, Any]) -> type[BaseModel]:
    made: list[type[BaseModel]] = []
    for number in range(count):
        fields: dict[str, Any] = {"own": own}
        fields |= {f"part{place}": (part | None, None) for place, part in enumerate(made[-back:])}
        made.append(create_model(f"Part{number}", **fields))
    return made[-1]


@pytest.mark.parametrize("own", [(int, 0), (datetime, DAY), (int | str, 0)])
def test_the_schema_of_models_that_hold_those_before_grows_as_they_do(own: tuple[Any, Any]) -> None:
    def nodes(count: int) -> int:
        return sum(1 for _ in nodes_in(stored_form(chain(count, 2, own)).schema))

    short, long = nodes(20), nodes(40)
    assert long < 2.2 * short


def test_models_that_each_hold_the_two_before_are_stored_and_read() -> None:
    last = chain(60, 2, (datetime, DAY))
    form = stored_form(last)  # which never ended, as there are a million million ways to the first of them
    value = last.model_validate({"part0": {"part1": {"own": "2021-02-03T04:05:06"}}})
    assert form.validator.validate_json(form.serializer.to_json(value)) == value


def test_models_in_a_long_row_are_stored_and_read() -> None:
    last = chain(70, 1, (datetime, DAY))
    value: dict[str, Any] = {}
    for _ in range(60):
        value = {"part0": value}
    held, form = last.model_validate(value), stored_form(last)
    assert form.validator.validate_json(form.serializer.to_json(held)) == held


def test_a_few_parts_stand_where_they_are_used() -> None:
    model = chain(8, 2, (int, 0))
    assert core_schema_of(model) is model.__pydantic_core_schema__


def test_a_class_is_tried_again_only_when_what_it_misses_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    rebuild = forward_references._rebuild

    def counting(cls: Any) -> bool | None:
        tried.append(cls.__name__)
        return rebuild(cls)

    monkeypatch.setattr(forward_references, "_rebuild", counting)
    own = Registry()

    class Base(Document, abstract=True, registry=own):
        pass

    named = {"__annotations__": {"to": "Link[NamedAtLast]"}, "__module__": __name__}
    waiting = [
        type(Base)(f"Names{number}", (Base,), {**named, "__qualname__": f"many.Names{number}"})
        for number in range(20)
    ]
    assert len(tried) == 20
    last = type(Base)("NamedAtLast", (Base,), {"__module__": __name__, "__qualname__": "many.NamedAtLast"})
    assert len(tried) == 40
    assert all(model.__pydantic_complete__ for model in waiting)
    assert set(own.models()) == {*waiting, last}


def test_a_class_that_misses_two_names_is_complete_with_the_second() -> None:
    own = Registry()

    class Base(Document, abstract=True, registry=own):
        pass

    class Wants(Base, collection="many_wants"):
        one: Link[FirstOfTwo]
        other: Link[SecondOfTwo] | None = None

    class FirstOfTwo(Base, collection="many_first"):
        pass

    assert not Wants.__pydantic_complete__

    class SecondOfTwo(Base, collection="many_second"):
        pass

    assert Wants.__pydantic_complete__


def test_children_of_one_class_are_not_compared_with_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[str] = []
    agree = registry._check_agreement

    def counting(model: Any, spec: Any, other: Any) -> None:
        compared.append(other.__name__)
        agree(model, spec, other)

    monkeypatch.setattr(registry, "_check_agreement", counting)

    class Root(Document, collection="many_roots", registry=Registry()):
        pass

    children = [
        type(Root)(f"Child{number}", (Root,), {"__module__": __name__, "__qualname__": f"many.Child{number}"})
        for number in range(30)
    ]
    assert compared == []
    assert len(Root.__solidb_registry__.claimants("many_roots")) == len(children) + 1


def test_the_ends_of_an_edge_need_no_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []
    monkeypatch.setattr(metaclass, "try_fields", lambda cls, names: tried.extend(names))

    class ManyEnds(Document, collection="many_ends", registry=Registry()):
        pass

    class ManyWays(Edge[ManyEnds, ManyEnds], collection="many_ways"):
        weight: float = 0.0
        odd: Annotated[str, AfterValidator(shouted)] = ""

    assert ManyWays.__solidb_mapping__.kind == "edge"
    assert tried == ["odd"]


def test_the_annotations_of_bases_are_looked_up_once() -> None:
    for base in (Document, Edge, Timestamped, SoftDelete):
        assert not [text for text in base.__annotations__.values() if isinstance(text, str)]


class Branch(BaseModel):
    at: datetime | None = None
    branches: list[Branch] = []
    named: dict[int, Branch] = {}
    packed: Json[list[Branch]] | None = None


class Ring(BaseModel):
    model_config = ConfigDict(extra="forbid")
    next: Ring | Knot | None = None

    @computed_field
    @property
    def kind(self) -> str:
        return "ring"


class Knot(BaseModel):
    model_config = ConfigDict(strict=True)
    next: Ring | None = None
    took: timedelta | None = None
    more: Any = None


Ring.model_rebuild()


class Rope(RootModel[list["Rope"]]):
    pass


class LooseBranch(BaseModel):
    branches: Annotated[list[LooseBranch], Lossy()] = []


class Renamed(BaseModel):
    parts: Annotated[list[Renamed], RenamedFrom("pieces")] = []


class TakesItsOwnName(BaseModel):
    parts: Annotated[list[TakesItsOwnName], RenamedFrom("pieces")] = []
    pieces: int = 0


Packed = TypeAliasType("Packed", Json[dict[str, int]])


class HoldsPacked(BaseModel):
    one: Packed | None = None
    other: Packed | None = None
    part: HoldsPacked | None = None


def holding(kind: Any) -> Any:
    name = f"Holder{id(kind)}"
    body = {"__annotations__": {"whole": kind, "more": kind | None}, "more": None, "__module__": __name__}
    return type(Document)(name, (Document,), body, collection=name.lower(), registry=Registry())


@pytest.mark.parametrize(
    "value",
    [
        Branch(at=DAY, branches=[Branch(at=DAY)], named={3: Branch(packed="[{}]")}),  # type: ignore[arg-type]
        Ring(next=Ring(next=Knot(took=timedelta(seconds=2), more=[1]))),
        Knot(next=Ring(next=Knot(took=timedelta(days=1)))),
        Rope([Rope([]), Rope([Rope([])])]),
        LooseBranch(branches=[LooseBranch()]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_class_over_models_that_hold_themselves_is_made_whole_at_first_use(value: BaseModel) -> None:
    cls = holding(type(value))
    assert "__solidb_stored_form__" not in cls.__dict__
    form, document = stored_form(cls), cls(key="k", whole=value, more=value)
    text = form.serializer.to_json(document, by_alias=True)
    assert form.validator.validate_json(text, by_alias=True, by_name=True) == document


@pytest.mark.parametrize("kind", [TakesItsOwnName, HoldsPacked])
def test_what_the_whole_of_a_class_alone_tells_is_still_told_as_it_is_made(kind: Any) -> None:
    with pytest.raises(DeclarationError):
        holding(kind)


def test_old_names_are_looked_for_as_a_class_is_made() -> None:
    assert "__solidb_stored_form__" in holding(Renamed).__dict__


def test_a_class_that_is_only_read_makes_no_serializer() -> None:
    cls = holding(Branch)
    mapping = cls.__solidb_mapping__
    assert mapping.validator is stored_form(cls).validator
    assert stored_form(cls)._serializer is None
    assert mapping.serializer is stored_form(cls).serializer
    assert mapping.serializer.to_python(cls(key="k", whole=Branch()), include={"key"}) == {"key": "k"}
