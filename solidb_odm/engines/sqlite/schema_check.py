"""Holding documents to their collection's JSON Schema when a query writes them.

As on the server, the batches of a session are not checked here: its models were, by Pydantic.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import import_module
from typing import Any

from ..._types import JsonObject
from ...errors import SchemaViolation
from ...language.documents import SYSTEM_ATTRIBUTES
from .catalogue import Collection


def check_document(collection: Collection, key: str, document: JsonObject) -> None:
    """Raise SchemaViolation if a strict collection does not take the document."""
    if collection.schema is None or collection.validation != "strict":
        return
    validator = _validator(json.dumps(collection.schema, sort_keys=True))
    if (
        collection.schema.get("additionalProperties") is False
    ):  # the engine's own attributes are not the model's
        known = collection.schema.get("properties", {})
        own = [name for name in SYSTEM_ATTRIBUTES if name not in known]
        document = {name: value for name, value in document.items() if name not in own}
    for problem in validator.iter_errors(document):
        place = "/".join(map(str, problem.absolute_path)) or "the document"
        raise SchemaViolation(
            f"'{collection.name}' does not take document '{key}': {place}: {problem.message}",
            collection=collection.name,
            key=key,
            hint="change the document, or the schema by a migration",
        )


@lru_cache(maxsize=64)
def _validator(schema: str) -> Any:
    jsonschema = import_module("jsonschema")  # here, because it takes longer to load than all else together
    parsed = json.loads(schema)
    return jsonschema.validators.validator_for(parsed)(parsed)
