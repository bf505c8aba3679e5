"""What changed: the difference between a document object and its stored form, by top-level attribute.

``apply(diff(old, new), old) == new`` for all JSON objects, told apart exactly: 1, 1.0 and true are
three values.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from dataclasses import field
from typing import Any

from pydantic_core import to_json

from .._dataclasses import dataclass
from .._types import Body, Json, JsonObject
from ..model.declaration.mapping import Mapping
from ..model.stored.codec import body_value, encode_text, encode_value, validate


@dataclass(frozen=True, slots=True)
class Difference:
    """Attributes to set and attributes to take away."""

    changes: JsonObject = field(default_factory=dict[str, Any])
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes or self.removed)


def identical(one: Json, other: Json) -> bool:
    """Say whether two JSON values are the same, with the same types of numbers."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return len(one) == len(other) and all(  # pyright: ignore[reportUnknownArgumentType]
            name in other and identical(value, other[name])
            for name, value in one.items()  # pyright: ignore[reportUnknownVariableType]
        )
    if isinstance(one, list):
        return len(one) == len(other) and all(map(identical, one, other))  # pyright: ignore[reportUnknownArgumentType]
    return bool(one == other)


def diff(old: AnyMapping[str, Any], new: AnyMapping[str, Any]) -> Difference:
    """Give what turns ``old`` into ``new``."""
    changes: JsonObject = {}
    for name, value in new.items():
        other = old.get(name, _ABSENT)
        kind = value.__class__
        if kind is not other.__class__ or value != other or (kind in _NESTED and not identical(value, other)):
            changes[name] = value
    return Difference(changes, tuple(name for name in old if name not in new))


_ABSENT = object()
_NESTED = (dict, list)


def apply(difference: Difference, old: AnyMapping[str, Any]) -> JsonObject:
    """Give the object with the difference made."""
    kept = {name: value for name, value in old.items() if name not in difference.removed}
    return {**kept, **difference.changes}


def document_difference(mapping: Mapping, document: Any, body: Body) -> tuple[Difference, Body]:
    """Give what changed in a document since it was stored, and its whole stored form now.

    What differs from the stored form only because the model reads it so (a default for a missing
    attribute, a coercion, an attribute the model does not know) is not a change.
    """
    if isinstance(body, str):
        text = encode_text(mapping, document)
        if text == body:
            return Difference(), body
        whole: Body = text
        old, new = body_value(body), body_value(text)
    else:
        old = body
        whole = new = encode_value(mapping, document)
    found = diff(old, new)
    if not found:
        return found, body
    difference = _without_reading(mapping, body, found)
    return difference, whole if difference is found else _as(body, apply(difference, old))


def _as(body: Body, value: JsonObject) -> Body:
    """Give a stored form in the form of another, text or values."""
    return to_json(value, inf_nan_mode="constants").decode() if isinstance(body, str) else value


def _without_reading(mapping: Mapping, body: Body, found: Difference) -> Difference:
    """Leave out of a difference what reading the stored form makes of it."""
    baseline = _read_back(mapping, body, [*found.changes, *found.removed])
    changes = {
        name: value
        for name, value in found.changes.items()
        if name not in baseline or not _unchanged(mapping, name, baseline[name], value)
    }
    removed = tuple(name for name in found.removed if name in baseline)
    if len(changes) == len(found.changes) and len(removed) == len(found.removed):
        return found
    return Difference(changes, removed)


def _read_back(mapping: Mapping, body: Body, names: list[str]) -> JsonObject:
    """Give the stored form of what is read from a stored form: at least the attributes of these names."""
    document = validate(mapping, body)
    fields = {mapping.by_stored[name].name for name in names if name in mapping.by_stored}
    if len(fields) < len(names) or mapping.model.__pydantic_decorators__.model_serializers:
        return encode_value(mapping, document)
    value: JsonObject = mapping.serializer.to_python(
        document, mode="json", by_alias=True, include=fields, warnings=False
    )
    return value


def _unchanged(mapping: Mapping, stored: str, one: Json, other: Json) -> bool:
    if identical(one, other):
        return True
    known = mapping.by_stored.get(stored)
    return known is not None and known.unordered and identical(_ordered(one), _ordered(other))


def _ordered(value: Json) -> Json:
    """Sort all lists, for values that hold sets, whose JSON form has no order of its own."""
    if isinstance(value, list):
        return sorted((_ordered(item) for item in value), key=repr)  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, dict):
        return {name: _ordered(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    return value
