"""One field of a model on its own: its values checked and read as the whole model would.

Pydantic makes one validator of a class; this takes the part of one field out of it, with the
constraints and field validators that the annotation alone does not have.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, core_schema, to_json


class FieldReader:
    """Checks values of one field: Python values that a program gives, and stored ones."""

    __slots__ = ("_reads_json", "_validator", "is_plain")

    def __init__(self, schema: CoreSchema, config: CoreConfig) -> None:
        self._validator = SchemaValidator(schema, config)
        self.is_plain = _is_plain(schema)
        description = repr(schema)
        self._reads_json = any(mark in description for mark in ("'bytes'", "'strict': True"))

    def check(self, value: Any) -> Any:
        """Give the field's value for a Python value; Pydantic's ValidationError if it does not fit."""
        return self._validator.validate_python(value, by_alias=True, by_name=True)

    def read(self, stored: Any) -> Any:
        """Give the field's value for a stored one; Pydantic's ValidationError if it does not fit."""
        if self._reads_json:
            return self._validator.validate_json(to_json(stored), by_alias=True, by_name=True)
        return self._validator.validate_python(stored, by_alias=True, by_name=True)


@lru_cache(maxsize=2048)
def field_reader(model: type[Any], name: str) -> FieldReader:
    """Give the reader of a field of a complete model or Pydantic dataclass."""
    definitions: dict[str, CoreSchema] = {}
    config: CoreConfig = {}
    schema: Any = model.__pydantic_core_schema__
    while schema["type"] not in ("model-fields", "dataclass-args"):
        if schema["type"] == "definitions":
            definitions.update((each["ref"], each) for each in schema["definitions"])
        config = schema.get("config", config)
        schema = definitions[schema["schema_ref"]] if schema["type"] == "definition-ref" else schema["schema"]
    field = _field(schema, name)
    if not definitions:
        return FieldReader(field, config)
    return FieldReader(core_schema.definitions_schema(field, list(definitions.values())), config)


_PLAIN = ("str", "int", "float", "bool", "any", "none")


def _is_plain(schema: Any) -> bool:
    """Say whether stored values are the field's values as they are."""
    while schema["type"] in ("default", "nullable"):
        schema = schema["schema"]
    return schema["type"] in _PLAIN and set(schema) <= {"type", "metadata"}


def _field(schema: Any, name: str) -> CoreSchema:
    if schema["type"] == "model-fields":
        found = schema["fields"][name]["schema"]
    else:
        found = next(field["schema"] for field in schema["fields"] if field["name"] == name)
    return cast(CoreSchema, found)
