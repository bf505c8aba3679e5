"""What the mapper uses of Pydantic beyond its documentation, so that a new version says first what moved."""

from __future__ import annotations

import inspect
import re
import tomllib
from datetime import UTC, datetime
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, FutureDatetime, SecretStr, TypeAdapter, computed_field
from pydantic.dataclasses import dataclass
from pydantic_core import SchemaSerializer, SchemaValidator, core_schema

from solidb_odm.model.stored.core_schemas import nodes_in


class Probe(BaseModel):
    model_config = ConfigDict(extra="allow")
    name: str = ""
    made: datetime | None = None
    due: FutureDatetime | None = None
    tags: list[str] = []

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)

    @computed_field
    @property
    def size(self) -> int:
        return len(self.name)


SCHEMA: Any = Probe.__pydantic_core_schema__

CLASS_ATTRIBUTES = (
    "__pydantic_complete__",
    "__pydantic_computed_fields__",
    "__pydantic_core_schema__",
    "__pydantic_custom_init__",
    "__pydantic_decorators__",
    "__pydantic_fields__",
    "__pydantic_generic_metadata__",
    "__pydantic_parent_namespace__",
    "__pydantic_root_model__",
    "__pydantic_serializer__",
    "__pydantic_validator__",
)


@pytest.mark.parametrize("name", CLASS_ATTRIBUTES)
def test_a_class_has(name: str) -> None:
    assert hasattr(Probe, name)


@pytest.mark.parametrize("name", ["__pydantic_config__", "__pydantic_fields__"])
def test_a_dataclass_has(name: str) -> None:
    assert hasattr(dataclass(config=ConfigDict(strict=True))(type("Made", (), {})), name)


@pytest.mark.parametrize("name", ["__pydantic_extra__", "__pydantic_fields_set__", "__pydantic_private__"])
def test_an_object_has_a_slot(name: str) -> None:
    assert name in BaseModel.__slots__
    assert hasattr(Probe(), name)


@pytest.mark.parametrize("name", ["computed_fields", "field_serializers", "model_serializers"])
def test_the_decorators_of_a_class_have(name: str) -> None:
    assert hasattr(Probe.__pydantic_decorators__, name)


@pytest.mark.parametrize("name", ["args", "origin", "parameters"])
def test_a_generic_class_says(name: str) -> None:
    assert name in Probe.__pydantic_generic_metadata__


def test_a_rebuild_takes_the_names_of_types_and_a_depth() -> None:
    parameters = inspect.signature(BaseModel.model_rebuild).parameters
    assert {"_types_namespace", "_parent_namespace_depth"} <= parameters.keys()


def test_the_metaclass_takes_where_names_are_looked_for() -> None:
    parameters = inspect.signature(type(BaseModel).__new__).parameters
    assert "__pydantic_reset_parent_namespace__" in parameters


@pytest.mark.parametrize("maker", [SchemaSerializer, SchemaValidator])
def test_what_embedded_classes_made_for_themselves_can_be_left_unused(maker: Any) -> None:
    assert maker(core_schema.str_schema(), {}, _use_prebuilt=False)


def test_the_schema_of_a_model_is_a_tree_of_kinds_and_fields() -> None:
    assert (SCHEMA["type"], SCHEMA["cls"], SCHEMA["custom_init"]) == ("model", Probe, True)
    assert SCHEMA["config"]["extra_fields_behavior"] == "allow"
    fields = SCHEMA["schema"]
    assert fields["type"] == "model-fields"
    assert [each["property_name"] for each in fields["computed_fields"]] == ["size"]
    name = fields["fields"]["name"]
    assert (name["type"], name["schema"]["type"], name["schema"]["default"]) == ("model-field", "default", "")


def test_times_that_must_be_to_come_say_so_in_one_word() -> None:
    due = SCHEMA["schema"]["fields"]["due"]["schema"]["schema"]["schema"]
    assert (due["type"], due["now_op"]) == ("datetime", "future")


def test_secrets_are_written_by_functions_of_one_name() -> None:
    schema: Any = TypeAdapter(SecretStr).core_schema
    functions = [node["serialization"]["function"] for node in nodes_in(schema) if "serialization" in node]
    names = [f"{each.__module__}.{each.__name__}" for each in functions]
    assert any(name.startswith("pydantic.types._serialize_secret") for name in names)


def test_patterns_are_written_by_their_attribute() -> None:
    schema: Any = TypeAdapter(re.Pattern[str]).core_schema
    functions = [node["serialization"]["function"] for node in nodes_in(schema) if "serialization" in node]
    assert any(isinstance(each, attrgetter) for each in functions)


def test_a_validator_takes_stored_names_and_own_ones() -> None:
    validator = SchemaValidator(SCHEMA)
    assert validator.validate_python({"name": "x"}, by_alias=True, by_name=True).size == 1
    assert validator.validate_json(b'{"made": "2020-01-01T00:00:00+00:00"}').made == datetime(
        2020, 1, 1, tzinfo=UTC
    )


def test_the_dependency_has_an_upper_bound() -> None:
    page = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())
    dependencies: list[str] = page["project"]["dependencies"]
    (bound,) = [each for each in dependencies if each.startswith("pydantic")]
    assert "<" in bound
