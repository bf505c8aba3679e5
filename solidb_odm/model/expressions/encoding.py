"""Python values in the form they are stored in, which is the form a query compares them in."""

from __future__ import annotations

from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from .. import type_inspection
from ..class_cache import cached_by_class
from ..stored.field_schemas import field_reader, field_schema
from ..stored.forms import stored_form, type_form
from .constants import plain


def stored_name(model: type[Any], name: str) -> str:
    """Return the name a field is stored under: its serialisation alias, or its own."""
    info = model.__pydantic_fields__[name]
    return info.serialization_alias or info.alias or name


def encode_as(owner: type[Any] | None, name: str, annotation: Any, value: Any) -> Any:
    """Return the stored form of a value, as the field of a model (or else the type) serialises it."""
    kind = cast(Any, type(value))
    if value is None or (kind in (str, int, float, bool) and _is_plain(owner, name, annotation, kind)):
        return value
    reference = getattr(value, "__solidb_reference__", None)
    if reference is not None:
        return reference()
    try:
        if owner is not None and issubclass(owner, BaseModel):
            return encode_field(owner, name, value)
        if annotation is not Any:
            form = type_form(annotation)
            return form.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
    except (PydanticSerializationError, TypeError):
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


def _is_plain(owner: type[Any] | None, name: str, annotation: Any, kind: type[Any]) -> bool:
    """Return whether a value is stored as it is: of the field's type, and with no serialiser on it."""
    if owner is not None and not field_reader(cast(Any, owner), name).is_plain:
        return False
    return any(member is kind for member in type_inspection.alternatives(annotation))


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
