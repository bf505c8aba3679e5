"""The normal form of models: it changes with what is stored, and with nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Annotated, ClassVar, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field

from solidb_odm import Document, Engine, Index, Link, Session, sdbql
from solidb_odm.commands import CollectionSpec, DescribeCollection, IndexSpec, call
from solidb_odm.errors import IndexExists
from solidb_odm.migrations.fitting import misfit
from solidb_odm.model.stored.codec import encode_value
from solidb_odm.model.stored.shape import canonical, enforced, shape_of, union_schema
from solidb_odm.schema.creation import create_all, merged


class Inner(BaseModel):
    """Words."""

    size: Annotated[int, Field(ge=0, title="Size", description="how large")] = 0


class Other(BaseModel):
    size: Annotated[int, Field(ge=0)] = 0


class Cat(BaseModel):
    kind: Literal["cat"]


class Dog(BaseModel):
    kind: Literal["dog"]


class Branch(BaseModel):
    children: list[Branch] = []


class Tree(Document, collection="shape_trees"):
    name: str
    children: list[Branch] = []

    class Settings:
        schema_validation = "strict"


class Bush(Tree):
    height: int = 1


def test_words_and_class_names_leave_no_trace() -> None:
    assert shape_of(Inner) == shape_of(Other)


def test_the_order_of_union_members_leaves_no_trace() -> None:
    class One(BaseModel):
        pet: Annotated[Cat | Dog, Field(discriminator="kind")]
        way: Literal["b", "a"] | None

    class Two(BaseModel):
        pet: Annotated[Dog | Cat, Field(discriminator="kind")]
        way: Literal["a", "b"] | None

    assert shape_of(One) == shape_of(Two)


def test_links_say_where_they_lead() -> None:
    class Leaf(Document, collection="shape_leaves"):
        tree: Link[Tree]

    assert shape_of(Leaf)["fields"]["tree"]["target"] == "shape_trees"
    assert "target" not in str(enforced(shape_of(Leaf)))


def test_a_field_that_a_function_fills_is_not_required() -> None:
    class Made(BaseModel):
        tags: list[str] = Field(default_factory=list)
        serial: int = Field(default_factory=lambda: 7)

    shape = shape_of(Made)["fields"]

    assert shape["tags"]["default"] == []
    assert shape["serial"] == {"type": "integer", "factory": True}
    assert "required" not in enforced(shape_of(Made))


def test_a_shared_schema_keeps_its_definitions_whatever_the_order() -> None:
    specs = [Tree.__collection_spec__(), Bush.__collection_spec__()]

    (one,), (other,) = merged(specs), merged(specs[::-1])

    assert one.schema == other.schema
    assert one.schema is not None
    assert set(one.schema["$defs"]) == {"Branch"}


def test_definitions_of_one_name_that_differ_get_names_of_their_own() -> None:
    one = {"$ref": "#/$defs/N", "$defs": {"N": {"type": "string"}}}
    two = {"$ref": "#/$defs/N", "$defs": {"N": {"type": "integer"}}}

    joined = union_schema([one, two])

    assert joined is not None
    assert sorted(each["$ref"] for each in joined["anyOf"]) == ["#/$defs/N", "#/$defs/N2"]


def test_a_closed_schema_reads_back_as_it_was_declared(engine: Engine) -> None:
    class Shut(Document, collection="shape_shut"):
        model_config = {"extra": "forbid"}
        name: str

        class Settings:
            schema_validation = "strict"

    engine.create_all(Shut)

    found = engine.run(call(DescribeCollection("shape_shut")))
    assert found is not None
    assert found.schema == Shut.__collection_spec__().schema


def test_a_changed_option_of_an_index_is_noticed(engine: Engine) -> None:
    index = IndexSpec("face", "vector", ("face",), dimension=2)
    engine.run(create_all([CollectionSpec("shape_faces", indexes=(index,))]))

    with pytest.raises(IndexExists, match="face"):
        engine.run(create_all([CollectionSpec("shape_faces", indexes=(replace(index, dimension=3),))]))


class Colour(Enum):
    RED = "red"


class Stamped(BaseModel):
    at: datetime = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    seal: bytes = b"\xff\x00"


class Everything(Document, collection="shape_everything"):
    at: datetime = datetime(2020, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=2)))
    naive: datetime | int | None = datetime(2020, 1, 1)  # noqa: DTZ001  without a zone
    day: date = date(2020, 1, 1)
    moment: time = time(1, 2, 3)
    amount: Decimal = Decimal("1.10")
    took: timedelta = timedelta(seconds=1.5)
    serials: set[UUID] = {UUID(int=3), UUID(int=1)}
    seal: Annotated[bytes, Field(max_length=2)] = b"\xff\x00"
    colour: Colour = Colour.RED
    part: Stamped = Stamped()
    parts: list[Stamped] = [Stamped()]
    table: dict[int, datetime] = {1: datetime(2020, 1, 1, tzinfo=timezone(timedelta(hours=1)))}
    pair: tuple[int, timedelta] = (1, timedelta(seconds=2))
    ratio: float = 1

    class Settings:
        schema_validation = "strict"


def test_defaults_stand_in_a_shape_as_documents_hold_them() -> None:
    fields = shape_of(Everything)["fields"]
    stored = encode_value(Everything.__solidb_mapping__, Everything())
    stored.pop("_key")
    assert canonical({name: fields[name]["default"] for name in stored}) == canonical(stored)
    assert misfit(shape_of(Everything), stored, {}) is None


def test_a_strict_schema_takes_what_documents_hold(engine: Engine) -> None:
    engine.create_all(Everything)
    stored = encode_value(Everything.__solidb_mapping__, Everything(key="a"))
    with Session(engine) as session:
        session.execute(sdbql("INSERT @d INTO shape_everything", d=stored))
        session.commit()
        assert session.get_one(Everything, "a").took == timedelta(seconds=1.5)


def test_settings_of_a_class_below_do_not_lift_the_schema_of_its_collection() -> None:
    class Hedge(Tree):
        length: int = 1

        class Settings:
            indexes: ClassVar[list[Index]] = [Index("length")]

    assert Hedge.__collection_spec__().validation == "strict"
    assert merged([Tree.__collection_spec__(), Hedge.__collection_spec__()])[0].schema == union_schema(
        [enforced(shape_of(Tree)), enforced(shape_of(Hedge))]
    )
