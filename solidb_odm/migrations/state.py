"""What the collections are after some revisions: the side of the diff that no database is asked for."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from .._types import JsonObject
from ..commands import CollectionKind, CollectionSpec, IndexSpec, ValidationMode
from ..errors import MigrationError
from ..model.stored.shape import MARKS, enforced, union_schema
from .paths import Path, look, split_target
from .type_text import read_type, type_text

BASE = ""
"""The class of documents without ``_type``."""


@dataclass
class Collection:
    """One collection: ``shapes`` by class, ``""`` for documents that name none."""

    name: str
    kind: CollectionKind = "document"
    validation: ValidationMode = "off"
    shapes: dict[str, JsonObject] = field(default_factory=dict[str, JsonObject])
    indexes: dict[str, IndexSpec] = field(default_factory=dict[str, IndexSpec])
    version: int = 1
    renamed_from: str | None = None
    renamed_types: dict[str, str] = field(default_factory=dict[str, str])

    def spec(self) -> CollectionSpec:
        """Return what the database should have."""
        schema = None
        if self.validation != "off":
            schema = union_schema([enforced(without_hints(shape)) for shape in self.shapes.values()])
        indexes = tuple(self.indexes[name] for name in sorted(self.indexes))
        validation: ValidationMode = self.validation if schema is not None else "off"
        return CollectionSpec(self.name, self.kind, indexes, schema, validation)

    def chosen(self, kind: str | None) -> list[str]:
        """Return the classes an operation on ``vehicles`` (None) or ``vehicles:Bike`` is about."""
        return list(self.shapes) if kind is None else [kind]

    def schema_text(self) -> Any:
        """Return the schema as a revision writes it."""
        if set(self.shapes) == {BASE}:
            return type_text(without_hints(self.shapes[BASE]))
        return {
            "classes": {name: type_text(without_hints(self.shapes[name])) for name in sorted(self.shapes)}
        }

    def field_shape(self, path: Path, kind: str | None = None) -> JsonObject | None:
        """Return the shape at a path, in the first class that has it."""
        found = (look(self.shapes[name], path) for name in self.chosen(kind) if name in self.shapes)
        return next((shape for shape in found if shape is not None), None)


State: TypeAlias = dict[str, Collection]


def copy_of(state: State) -> State:
    """Return a state that can be changed without changing this one."""
    return deepcopy(state)


def need(state: State, target: str) -> Collection:
    """Return the collection of ``vehicles`` or ``vehicles:Bike``; MigrationError if there is none."""
    name, _ = split_target(target)
    if name not in state:
        raise MigrationError(
            f"there is no collection {name!r} at this revision",
            hint="create it first, or name one of " + (", ".join(sorted(state)) or "none that are there"),
        )
    return state[name]


def read_schema(schema: Any) -> dict[str, JsonObject]:
    """Read the schema of ``create_collection``: shapes by class."""
    if schema is None:
        return {BASE: {"fields": {}, "type": "object", "extra": "allow"}}
    if isinstance(schema, dict) and "classes" in schema:
        classes = cast("dict[str, Any]", schema["classes"])
        return {name: _object(read_type(each)) for name, each in classes.items()}
    return {BASE: _object(read_type(schema))}


def _object(shape: JsonObject) -> JsonObject:
    whole: JsonObject = {"type": "object", **shape}
    if "fields" not in whole:
        whole["fields"] = {}
    cast("JsonObject", whole["fields"]).pop("_key", None)
    return whole


def without_hints(shape: Any) -> Any:
    """Return a shape without the old names that the models say."""
    if isinstance(shape, list):
        return [without_hints(each) for each in shape]  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(shape, dict):
        return shape
    parts = cast(JsonObject, shape)
    made: JsonObject = {}
    for name, value in parts.items():
        if name == "renamed_from" and isinstance(value, (str, list)):
            continue
        if name in ("fields", "defs"):
            made[name] = {inner: without_hints(each) for inner, each in value.items()}
        elif name in ("default", "enum"):
            made[name] = value
        else:
            made[name] = without_hints(value)
    return made


def bare(shape: JsonObject) -> JsonObject:
    """Return a shape without what it says of the field."""
    return {name: value for name, value in shape.items() if name not in MARKS}
