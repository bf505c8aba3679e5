"""The JSON Schema that an engine holds stored documents to."""

from __future__ import annotations

from pydantic import BaseModel

from ..._types import JsonObject
from .shape import enforced, shape_of


def document_schema(model: type[BaseModel]) -> JsonObject:
    """Return the JSON Schema of a model's stored form.

    Types as they are written, but required as they are read: a document from before a field with a
    default was added stays valid. Docstrings and titles leave no trace in it.
    """
    return enforced(shape_of(model))
