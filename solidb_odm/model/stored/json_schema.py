"""The JSON Schema that an engine holds stored documents to."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from ..._types import JsonObject

_SYSTEM = ("_id", "_key", "_rev", "_created_at", "_updated_at", "_type")


def document_schema(model: type[BaseModel]) -> JsonObject:
    """Give the JSON Schema of a model's stored form.

    Types as they are written, but required as they are read: a document from before a field with a
    default was added stays valid. The server checks an update together with its own attributes
    (``_id``, ``_rev`` ..), so a closed schema has to allow them.
    """
    schema = _whole(model.model_json_schema(by_alias=True, mode="serialization"))
    required = _whole(model.model_json_schema(by_alias=False, mode="validation")).get("required", [])
    aliases = {
        name: info.serialization_alias or info.alias or name
        for name, info in model.__pydantic_fields__.items()
    }
    schema["required"] = sorted(aliases[name] for name in required if name in aliases)
    if schema.get("additionalProperties") is False:
        properties = dict(schema.get("properties", {}))
        for name in _SYSTEM:
            properties.setdefault(name, {})
        schema["properties"] = properties
    return schema


def _whole(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the schema with its properties at the top, where a model that holds itself has a reference."""
    reference = schema.pop("$ref", None)
    return schema if reference is None else {**schema["$defs"][reference.rpartition("/")[2]], **schema}
