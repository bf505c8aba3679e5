"""What the models declare, as a state."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

from .._types import JsonObject
from ..errors import ConfigurationError
from ..model.declaration.registry import registry
from ..model.stored.shape import canonical, shape_of, union
from .state import BASE, Collection, State


def models_of(models: Iterable[Any]) -> list[type[Any]]:
    """Return document classes: those given, and those of the modules whose names are given."""
    found: dict[type[Any], None] = {}
    for each in models:
        if isinstance(each, str):
            for model in _in_module(each):
                found[model] = None
        elif getattr(each, "__solidb_collection__", None) is not None:
            found[each] = None
        else:
            raise ConfigurationError(
                f"{each!r} is neither a document class nor the name of a module",
                hint='models=[Wine, Maker], or models=["app.models"]',
            )
    return list(found)


def _in_module(name: str) -> list[type[Any]]:
    try:
        module = import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        raise ConfigurationError(
            f"there is no module {name!r} to take models from",
            hint="models in [tool.solidb_odm] are named from the folder of pyproject.toml",
        ) from error
    own = [
        model
        for model in registry.models()
        if model.__module__ == name or model.__module__.startswith(f"{name}.")
    ]
    named = [each for each in vars(module).values() if isinstance(each, type)]
    shown = [each for each in named if getattr(each, "__solidb_collection__", None) is not None]
    return list(dict.fromkeys([*own, *shown]))


def snapshot(models: Iterable[Any]) -> State:
    """Return the state that the models declare."""
    state: State = {}
    for model in models_of(models):
        _enter(state, model)
    return {name: state[name] for name in sorted(state)}


def _enter(state: State, model: Any) -> None:
    mapping = model.__solidb_mapping__
    settings = getattr(model, "Settings", None)
    found = state.setdefault(mapping.collection, Collection(mapping.collection, mapping.kind))
    shape, kind = shape_of(model), mapping.type_name or BASE
    found.shapes[kind] = _joined(found.shapes.get(kind), shape)
    if mapping.validation != "off":
        found.validation = mapping.validation
    for index in mapping.indexes:
        found.indexes[index.name] = index
    own: dict[str, Any] = dict(vars(settings)) if isinstance(settings, type) else {}
    old = own.get("renamed_from") if "Settings" in vars(model) else None
    if isinstance(old, str) and kind != BASE:
        found.renamed_types[kind] = old
    elif isinstance(old, str):
        found.renamed_from = old
    found.version = max(found.version, int(getattr(settings, "version", 1)))


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
