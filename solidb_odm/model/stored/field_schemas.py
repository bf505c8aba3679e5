"""One field of a model on its own: its values checked and read as the whole model would.

Pydantic makes one validator of a class; this takes the part of one field out of it, with the
constraints and field validators that the annotation alone does not have.
"""

from __future__ import annotations

from typing import Any, cast

from pydantic_core import CoreConfig, CoreSchema, SchemaValidator, core_schema, to_json

from ..type_inspection import cached_by_class
from .forms import reads_json, stored_form


class FieldReader:
    """Checks values of one field: Python values that a program gives, and stored ones."""

    __slots__ = ("_checker", "_reader", "_reads_json", "is_plain")

    def __init__(self, checked: CoreSchema, stored: CoreSchema, config: CoreConfig) -> None:
        self._checker = SchemaValidator(checked, config)
        self._reader = SchemaValidator(stored, config, _use_prebuilt=False)
        self.is_plain = _is_plain(checked)
        self._reads_json = reads_json(stored)

    def check(self, value: Any) -> Any:
        """Return the field's value for a Python value; Pydantic's ValidationError if it does not fit."""
        return self._checker.validate_python(value, by_alias=True, by_name=True)

    def read(self, stored: Any) -> Any:
        """Return the field's value for a stored one; Pydantic's ValidationError if it does not fit."""
        if self._reads_json:
            return self._reader.validate_json(to_json(stored), by_alias=True, by_name=True)
        return self._reader.validate_python(stored, by_alias=True, by_name=True)


@cached_by_class
def field_reader(model: type[Any], name: str) -> FieldReader:
    """Return the reader of a field of a complete model or Pydantic dataclass."""
    form = stored_form(model)
    checked, _ = field_schema(form.origin, name)
    return FieldReader(checked, *field_schema(form.schema, name))


def field_schema(schema: Any, name: str) -> tuple[CoreSchema, CoreConfig]:
    """Take the schema of a field out of its model's, with what it refers to, and the model's settings."""
    definitions: dict[str, CoreSchema] = {}
    config: CoreConfig = {}
    while schema["type"] not in ("model-fields", "dataclass-args"):
        if schema["type"] == "definitions":
            definitions.update((each["ref"], each) for each in schema["definitions"])
        config = schema.get("config", config)
        schema = definitions[schema["schema_ref"]] if schema["type"] == "definition-ref" else schema["schema"]
    field = _field(schema, name)
    if definitions:
        field = core_schema.definitions_schema(field, list(definitions.values()))
    return field, config


_PLAIN = ("str", "int", "float", "bool", "any", "none")


def _is_plain(schema: Any) -> bool:
    """Return whether stored values are the field's values as they are."""
    while schema["type"] in ("default", "nullable"):
        schema = schema["schema"]
    return schema["type"] in _PLAIN and set(schema) <= {"type", "metadata"}


def _field(schema: Any, name: str) -> CoreSchema:
    if schema["type"] == "model-fields":
        found = schema["fields"][name]["schema"]
    else:
        found = next(field["schema"] for field in schema["fields"] if field["name"] == name)
    return cast(CoreSchema, found)
