"""Times of a document in one form, so that their texts sort as the times do.

Pydantic writes ``2026-01-01T00:00:00Z`` and ``2026-01-01T00:00:00.5Z``, and keeps offsets from UTC:
none of these sort as texts. A document's own times are stored in UTC with ``+00:00``, as the server
writes its times; a naive time stays as it is. Embedded models keep the form they have.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, cast

from pydantic_core import PydanticSerializationUnexpectedValue, core_schema

_OTHERS = ("model", "dataclass", "definition-ref")


def stored_time(value: Any) -> str:
    """Give the text a time is stored as."""
    if not isinstance(value, datetime):
        raise PydanticSerializationUnexpectedValue(f"expected a datetime, not {value!r}")
    return (value if value.tzinfo is None else value.astimezone(UTC)).isoformat()


def store_times(schema: Any) -> None:
    """Make the times of a model's core schema, which is changed, be stored in one form."""
    while schema["type"] != "model-fields":
        schema = schema["schema"]
    _walk([*schema["fields"].values(), *schema.get("computed_fields", ())])


def _walk(part: Any) -> None:
    if isinstance(part, (list, tuple)):
        for each in cast("list[Any]", part):
            _walk(each)
    elif isinstance(part, dict):
        schema = cast("dict[str, Any]", part)
        if schema.get("type") == "datetime" and "serialization" not in schema:
            schema["serialization"] = core_schema.plain_serializer_function_ser_schema(
                stored_time, when_used="json"
            )
        elif schema.get("type") not in _OTHERS:
            _walk([inner for name, inner in schema.items() if name not in ("serialization", "metadata")])
