"""What the collections are after some revisions: the side of the diff that no database is asked for.

What the models declare, as a state.
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, TypeAlias, cast

from .._types import JsonObject, is_list, is_map
from ..commands import CollectionKind, CollectionSpec, IndexSpec, ValidationMode, without_repeats
from ..errors import ConfigurationError, MigrationError
from ..model.declaration.registry import models_of
from ..model.stored.shape import MARKS, canonical, enforced, shape_of, union, union_schema
from .paths import Path, look, members_of, parts_of, split_target
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
        shapes = (look(self.shapes[name], path) for name in self.chosen(kind) if name in self.shapes)
        return next((shape for shape in shapes if shape is not None), None)


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
        return {name: _object(read_type(text)) for name, text in classes.items()}
    return {BASE: _object(read_type(schema))}


def _object(shape: JsonObject) -> JsonObject:
    whole: JsonObject = {"type": "object", **shape}
    if "fields" not in whole:
        whole["fields"] = {}
    cast("JsonObject", whole["fields"]).pop("_key", None)
    return whole


def without_hints(shape: Any) -> Any:
    """Return a shape without the old names that the models say."""
    if is_list(shape):
        return [without_hints(part) for part in shape]
    if not is_map(shape):
        return shape
    made: JsonObject = {}
    for name, value in shape.items():
        if name == "renamed_from" and isinstance(value, (str, list)):
            continue
        if name in ("fields", "defs"):
            made[name] = {inner: without_hints(part) for inner, part in value.items()}
        elif name in ("default", "enum"):
            made[name] = value
        else:
            made[name] = without_hints(value)
    return made


def aligned(old: JsonObject, new: JsonObject) -> JsonObject:
    """Return a shape in which models that hold themselves are called what they were before."""
    if "defs" not in old or "defs" not in new:
        return new
    names: dict[str, str] = {}
    _align(old, new, old.get("defs", {}), new.get("defs", {}), names)
    changed = {model: name for model, name in names.items() if model != name}
    taken = {*new.get("defs", {})} - changed.keys()
    if not changed or len({*changed.values()}) < len(changed) or taken.intersection(changed.values()):
        return new
    made: JsonObject = _renamed(new, changed)
    return {
        **made,
        "defs": {changed.get(model, model): definition for model, definition in made["defs"].items()},
    }


def _align(
    old: JsonObject, new: JsonObject, before: JsonObject, after: JsonObject, names: dict[str, str]
) -> None:
    ones = [member["ref"] for member in members_of(old) if "ref" in member]
    others = [member["ref"] for member in members_of(new) if "ref" in member]
    if len(ones) == len(others) == 1 and others[0] not in names:
        names[others[0]] = ones[0]
        _align(before.get(ones[0], {}), after.get(others[0], {}), before, after, names)
    for member in members_of(old):
        inside = dict(parts_of(member))
        for twin in members_of(new):
            for part, inner in parts_of(twin):
                if part in inside:
                    _align(inside[part], inner, before, after, names)


def _renamed(part: Any, names: dict[str, str]) -> Any:
    if is_list(part):
        return [_renamed(item, names) for item in part]
    if not is_map(part):
        return part
    made = {key: _renamed(value, names) for key, value in part.items() if key not in ("default", "enum")}
    made |= {key: part[key] for key in ("default", "enum") if key in part}
    model = part.get("ref")
    return {**made, "ref": names.get(model, model)} if isinstance(model, str) else made


def bare(shape: JsonObject) -> JsonObject:
    """Return a shape without what it says of the field."""
    return {name: value for name, value in shape.items() if name not in MARKS}


def declared_models(models: Iterable[Any]) -> list[type[Any]]:
    """Return the document classes that a Migrator, or the configuration, names."""
    way = 'models=[Wine, Maker], models=registry, or models=["app.models"]'
    return models_of(models, ConfigurationError, way, may_be_empty=True)


def snapshot(models: Iterable[Any]) -> State:
    """Return the state that the models declare."""
    state: State = {}
    for model in declared_models(models):
        _enter(state, model)
    return {name: state[name] for name in sorted(state)}


def _enter(state: State, model: Any) -> None:
    mapping = model.__solidb_mapping__
    settings = getattr(model, "Settings", None)
    collection = state.setdefault(mapping.collection, Collection(mapping.collection, mapping.kind))
    shape, kind = shape_of(model), mapping.type_name or BASE
    collection.shapes[kind] = _joined(collection.shapes.get(kind), shape)
    if mapping.validation != "off":
        collection.validation = mapping.validation
    for index in without_repeats((*collection.indexes.values(), *mapping.indexes)):
        collection.indexes[index.name] = index
    own: dict[str, Any] = dict(vars(settings)) if isinstance(settings, type) else {}
    old = own.get("renamed_from") if "Settings" in vars(model) else None
    if isinstance(old, str) and kind != BASE:
        collection.renamed_types[kind] = old
    elif isinstance(old, str):
        collection.renamed_from = old
    collection.version = max(collection.version, int(getattr(settings, "version", 1)))


def _joined(one: JsonObject | None, other: JsonObject) -> JsonObject:
    """Return what documents of either of two unrelated classes look like."""
    if one is None or canonical(one) == canonical(other):
        return other
    fields: JsonObject = {}
    for name in sorted({*one["fields"], *other["fields"]}):
        pair = [shape["fields"][name] for shape in (one, other) if name in shape["fields"]]
        if len(pair) == 2 and canonical(pair[0]) != canonical(pair[1]):
            fields[name] = union(pair)
        else:
            fields[name] = pair[0] if len(pair) == 2 else {**pair[0], "optional": True}
    return {**one, **other, "fields": fields}
