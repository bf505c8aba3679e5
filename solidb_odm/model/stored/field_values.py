"""Values of one field of a model on its own: checked, read and stored as the whole model would.

Pydantic makes one validator of a class; this takes the part of one field out of it, with the
constraints and field validators that the annotation alone does not have. What no field describes
is stored by its type, or in the JSON form of its value.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, Final, cast

from pydantic import BaseModel
from pydantic.errors import PydanticUserError
from pydantic_core import (
    CoreConfig,
    CoreSchema,
    PydanticSerializationError,
    SchemaValidator,
    core_schema,
    to_json,
    to_jsonable_python,
)

from ...errors import UsageError
from .. import type_inspection
from ..type_inspection import cached_by_class
from .core_schemas import definitions_of
from .forms import reads_json, stored_form, type_form
from .pydantic_attributes import raise_interrupt
from .scalars import is_exact


class FieldReader:
    """Checks values of one field: Python values that a program gives, and stored ones."""

    __slots__ = ("_checker", "_reader", "_reads_json", "is_plain", "writes_plain")

    def __init__(self, checked: CoreSchema, stored: CoreSchema, config: CoreConfig) -> None:
        self._checker = SchemaValidator(checked, config)
        self._reader = SchemaValidator(stored, config, _use_prebuilt=False)
        self.is_plain = keeps_values(checked)
        self.writes_plain = _writes_plain(checked)
        self._reads_json = reads_json(stored) or bool(config.get("strict"))

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
    node, config = fields_node(schema)
    field = _field(node, name)
    if schema["type"] == "definitions" and (needed := definitions_of(field, schema["definitions"])):
        field = core_schema.definitions_schema(field, needed)
    return field, config


def fields_node(schema: Any) -> tuple[Any, CoreConfig]:
    """Return the part of a model's schema that holds its fields, and the model's settings."""
    *around, node = _way_to_fields(schema)
    configs: list[CoreConfig] = [part["config"] for part in around if "config" in part]
    return node, configs[-1] if configs else {}


def _way_to_fields(schema: Any) -> Iterator[Any]:
    """Yield the parts of a model's schema around that which holds its fields, and this."""
    definitions: dict[str, CoreSchema] = {}
    yield schema
    while schema["type"] not in ("model-fields", "dataclass-args"):
        if schema["type"] == "definitions":
            definitions.update((definition["ref"], definition) for definition in schema["definitions"])
        schema = definitions[schema["schema_ref"]] if schema["type"] == "definition-ref" else schema["schema"]
        yield schema


_PLAIN = ("str", "int", "float", "bool", "any", "none")


def keeps_values(schema: Any) -> bool:
    """Return whether stored values are the field's values as they are."""
    while schema["type"] in ("default", "nullable"):
        schema = schema["schema"]
    return schema["type"] in _PLAIN and set(schema) <= {"type", "metadata"}


def _writes_plain(schema: Any) -> bool:
    """Return whether values are stored as they are; they may be constrained."""
    while schema["type"] in ("default", "nullable") and "serialization" not in schema:
        schema = schema["schema"]
    return schema["type"] in _PLAIN and "serialization" not in schema


def _field(schema: Any, name: str) -> CoreSchema:
    if schema["type"] == "model-fields":
        inner = schema["fields"][name]["schema"]
    else:
        inner = next(field["schema"] for field in schema["fields"] if field["name"] == name)
    return cast(CoreSchema, inner)


def stored_name(model: type[Any], name: str) -> str:
    """Return the name a field is stored under: its serialisation alias, or its own."""
    info = model.__pydantic_fields__[name]
    return info.serialization_alias or info.alias or name


def encode_as(owner: type[Any] | None, name: str, annotation: Any, value: Any) -> Any:
    """Return the stored form of a value, as the field of a model (or else the type) serialises it."""
    kind = value.__class__
    if value is None or (kind in _PLAIN_CLASSES and is_plainly_stored(owner, name, annotation, kind)):
        return value
    reference = getattr(value, "__solidb_reference__", None)
    if reference is not None:
        if isinstance(value, type):
            raise UsageError(f"the class {value.__name__} is no value", hint="give a document, or a field")
        return reference()
    try:
        if owner is not None and issubclass(owner, BaseModel):
            return encode_field(owner, name, value)
        if annotation is not Any and value is not ...:  # which Pydantic would leave as it is
            form = type_form(annotation)
            return form.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
    except (PydanticSerializationError, PydanticUserError, TypeError) as error:
        raise_interrupt(error)
        return plain(value)
    return plain(value)


def encode_field(owner: type[BaseModel], name: str, value: Any) -> Any:
    """Return the stored form of one field, made by its model, so that field serialisers count too."""
    shell = owner.__new__(owner)
    object.__setattr__(shell, "__dict__", {name: value})
    object.__setattr__(shell, "__pydantic_fields_set__", {name})
    object.__setattr__(shell, "__pydantic_extra__", None)
    object.__setattr__(shell, "__pydantic_private__", None)
    encoded = stored_form(owner).serializer.to_python(
        shell, mode="json", by_alias=True, include={name}, warnings=False
    )
    return encoded[stored_name(owner, name)]


_PLAIN_CLASSES = (str, int, float, bool)


def is_plainly_stored(owner: type[Any] | None, name: str, annotation: Any, kind: type[Any]) -> bool:
    """Return whether a value is stored as it is: of the field's type, and with no serialiser on it."""
    if owner is not None and not field_reader(cast(Any, owner), name).writes_plain:
        return False
    return any(member is kind for member in type_inspection.alternatives(annotation))


_AROUND = ("default", "nullable", "function-after", "function-before", "function-wrap")
_AS_THEY_ARE = ("str", "int", "bool", "literal")


@cached_by_class
def is_stored_as_it_is(owner: Any, name: str, *others: Any) -> bool:
    """Return whether a text, an ``int`` or a ``bool`` in a field is stored as it is, if it can be stored.

    ``others`` are other kinds of schemas, and functions that write values, to ask for instead.
    """
    *around, node = _way_to_fields(stored_form(owner).schema)
    schema: Any = _field(node, name)
    while schema["type"] in _AROUND:
        around.append(schema)
        schema = schema["schema"]
    if any("serialization" in part for part in (*around, node)):
        return False
    way = schema["serialization"].get("function") if "serialization" in schema else schema["type"]
    return way in (others or _AS_THEY_ARE)


@cached_by_class
def is_customised(owner: Any, name: str) -> bool:
    """Return whether a serialiser of its own stores a field as something its type does not tell."""
    if name not in getattr(owner, "__pydantic_fields__", ()):
        return False
    schema: dict[str, Any] | None = cast(Any, field_schema(stored_form(owner).origin, name)[0])
    while schema is not None:
        written: dict[str, Any] = schema.get("serialization", {})
        if str(written.get("type", "")).startswith("function"):
            return True
        schema = schema.get("schema")
    return False


def plain(value: Any) -> Any:
    """Return the JSON form of a value that no field describes."""
    from_document = getattr(value, "__solidb_reference__", None)
    if from_document is not None and not isinstance(value, type):
        return from_document()
    if value is None or type(value) in (str, int, float, bool):
        return value
    return _jsonable(value)


_TEXTS: Final[set[type[Any]]] = {str}
_FLOATS: Final[set[type[Any]]] = {float}


def inexact(value: Any) -> str:
    """Return what keeps an encoded value from travelling exactly; empty text if nothing does."""
    kind = value.__class__
    if kind is str:
        return ""
    if kind in (int, float) and not is_exact(value):
        return f"{value} is no number in JSON" if kind is float else f"{value} does not fit into 64 bits"
    kinds: set[type[Any]] = set(map(type, value)) if kind is list else set()
    if kinds == _TEXTS or (kinds == _FLOATS and all(map(math.isfinite, value))):
        return ""  # keys, or a vector, at one look
    if kind is list or kind is dict:
        inner: Iterable[Any] = value.values() if kind is dict else value
        return next((problem for part in inner if (problem := inexact(part))), "")
    return ""


def _jsonable(value: Any) -> Any:
    try:
        return to_jsonable_python(value, bytes_mode="base64")
    except PydanticSerializationError as error:
        raise_interrupt(error)
        raise UsageError(
            f"a {type(value).__name__} can't be used as a value in a query: {value!r}",
            hint="use values of the types that fields hold",
        ) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(f"a {type(value).__name__} has too many levels to be a value in a query") from error
