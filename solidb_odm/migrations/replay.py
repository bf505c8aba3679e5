"""What a step makes of the state, and which steps undo it: all without a database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .._types import JsonObject, is_list, is_map
from ..commands import IndexSpec, index_name
from ..commands.schema import ELEMENTS
from ..errors import MigrationError
from ..model.stored.shape import MARKS
from .fitting import misfit
from .paths import Change, Part, change_at, name, parse_path, path_text, split_target
from .state import BASE, Collection, State, need, read_schema
from .steps import UNSET, Step, index_options, make_index
from .type_text import read_type, type_text


def apply_step(state: State, step: Step) -> None:
    """Change the state as a step says; MigrationError if it can't."""
    change = _APPLY.get(step.operation)
    if change is not None:
        change(state, step)


def _create_collection(state: State, step: Step) -> None:
    collection, _ = split_target(step.collection)
    if collection in state:
        raise MigrationError(f"there is a collection {collection!r} already")
    indexes = {index.name: index for index in step["indexes"]}
    state[collection] = Collection(
        collection,
        step["kind"],
        step["validation"],
        read_schema(step["schema"]),
        indexes,
        step["version"],
    )


def _drop_collection(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    _, kind = split_target(step.collection)
    if kind is None:
        del state[collection.name]
    else:
        collection.shapes.pop(kind, None)


def _rename_collection(state: State, step: Step) -> None:
    old, new = step.collection, step["new"]
    moved = need(state, old)
    if new in state:
        raise MigrationError(f"{old!r} can't be renamed to {new!r}: there is a collection of that name")
    del state[old]
    moved.name = new
    state[new] = moved
    for collection in state.values():
        collection.shapes = {kind: _retarget(shape, old, new) for kind, shape in collection.shapes.items()}


def _retarget(part: Any, old: str, new: str) -> Any:
    if is_list(part):
        return [_retarget(item, old, new) for item in part]
    if not is_map(part):
        return part
    return {
        key: new if key == "target" and value == old else _retarget(value, old, new)
        for key, value in part.items()
    }


def _rename_type(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    if step["old"] not in collection.shapes:
        raise MigrationError(f"{collection.name!r} has no class {step['old']!r}")
    collection.shapes = {
        step["new"] if kind == step["old"] else kind: s for kind, s in collection.shapes.items()
    }


def _set_schema(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    _, kind = split_target(step.collection)
    if step["validation"] is not UNSET:
        collection.validation = step["validation"]
    if step["schema"] is None:
        return
    if isinstance(step["schema"], dict) and "classes" in step["schema"]:
        collection.shapes = read_schema(step["schema"])
        return
    given = read_type(step["schema"])
    if "fields" in given or "type" in given:
        collection.shapes[kind or BASE] = read_schema(step["schema"])[BASE]
        return
    for chosen in collection.chosen(kind):
        merged = {**collection.shapes[chosen], **given}
        collection.shapes[chosen] = {key: value for key, value in merged.items() if value is not None}


def _in_shapes(collection: Collection, step: Step, change: Change) -> None:
    _, kind = split_target(step.collection)
    path = parse_path(step["path"])
    for chosen in collection.chosen(kind):
        if chosen in collection.shapes:
            collection.shapes[chosen] = change_at(collection.shapes[chosen], path, change)


def _add_field(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    shape = read_type(step["type"])
    if parse_path(step["path"])[-1].kind == "member":
        _add_member(collection, step, shape)
    else:
        _in_shapes(collection, step, lambda _: shape)


def _add_member(collection: Collection, step: Step, shape: JsonObject) -> None:
    path = parse_path(step["path"])

    def widen(old: JsonObject | None) -> JsonObject | None:
        if old is None:
            return shape
        marks = {key: value for key, value in old.items() if key in MARKS}
        rest = {key: value for key, value in old.items() if key not in MARKS}
        return {**read_type({"anyOf": [rest, shape]}), **marks}

    _in_shapes(collection, Step("", step.collection, {"path": path_text(path[:-1])}), widen)


def _rename_field(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    path, new = parse_path(step["path"]), step["new"]
    taken: list[JsonObject] = []

    def take(old: JsonObject | None) -> JsonObject | None:
        if old is not None:
            taken.append(old)
        return None

    _, kind = split_target(step.collection)
    for chosen in collection.chosen(kind):
        if chosen not in collection.shapes:
            continue
        taken.clear()
        left = change_at(collection.shapes[chosen], path, take)
        if taken:
            left = change_at(left, (*path[:-1], parse_path(new)[0]), _put(taken[0]))
        collection.shapes[chosen] = left
    collection.indexes = {index.name: index for index in renamed_indexes(collection, path, new)}


def _put(shape: JsonObject) -> Change:
    return lambda _: shape


def renamed_indexes(collection: Collection, path: tuple[Part, ...], new: str) -> list[IndexSpec]:
    """Return the indexes of a collection after a field of it is renamed, with the names models give them."""
    return [renamed_index(index, path, new) for index in collection.indexes.values()]


def renamed_index(index: IndexSpec, path: tuple[Part, ...], new: str) -> IndexSpec:
    """Return an index after a field is renamed."""
    old = [part.text for part in path if part.kind == "name"]

    def renamed(field: str) -> str:
        steps = field.split(".")
        if [step.removesuffix(ELEMENTS) for step in steps[: len(old)]] == old:
            end = ELEMENTS if steps[len(old) - 1].endswith(ELEMENTS) else ""
            steps[len(old) - 1] = parse_path(new)[0].text + end
        return ".".join(steps)

    fields = tuple(map(renamed, index.fields))
    is_default = index.name == index_name(index.fields, index.kind)
    return replace(
        index,
        fields=fields,
        name=index_name(fields, index.kind) if is_default else index.name,
        where=tuple((renamed(path), value) for path, value in index.where),
        decimals=tuple(map(renamed, index.decimals)),
    )


def _drop_field(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    _in_shapes(collection, step, lambda _: None)


def _alter_field(state: State, step: Step) -> None:
    given = read_type(step["type"])

    def change(old: JsonObject | None) -> JsonObject | None:
        if old is not None and given.get("type") == "object" and "fields" not in given and "fields" in old:
            return {"fields": old["fields"], **given}
        return given

    _in_shapes(need(state, step.collection), step, change)


def index_of(step: Step) -> IndexSpec:
    """Return the index that ``create_index`` makes."""
    return make_index(step["fields"], step["name"], step["kind"], step["options"])


def _create_index(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    index = index_of(step)
    if index.name in collection.indexes:
        raise MigrationError(f"{collection.name!r} has an index {index.name!r} already")
    collection.indexes[index.name] = index


def _drop_index(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    if collection.indexes.pop(step["name"], None) is None:
        raise MigrationError(f"{collection.name!r} has no index {step['name']!r} at this revision")


def _upgrade_documents(state: State, step: Step) -> None:
    collection = need(state, step.collection)
    if step["version"]:
        collection.version = step["version"]


_APPLY: dict[str, Callable[[State, Step], None]] = {
    "create_collection": _create_collection,
    "drop_collection": _drop_collection,
    "rename_collection": _rename_collection,
    "rename_type": _rename_type,
    "set_schema": _set_schema,
    "add_field": _add_field,
    "rename_field": _rename_field,
    "drop_field": _drop_field,
    "alter_field": _alter_field,
    "create_index": _create_index,
    "drop_index": _drop_index,
    "upgrade_documents": _upgrade_documents,
}


# --- the way back --------------------------------------------------------------------------------


def reversal(state: State, step: Step) -> list[Step]:
    """Return the steps that undo a step, which is about to be applied to the state."""
    undo = _UNDO.get(step.operation)
    return undo(state, step) if undo is not None else []


def create_step(collection: Collection) -> Step:
    """Return the step that makes a collection."""
    return Step(
        "create_collection",
        collection.name,
        {
            "schema": collection.schema_text(),
            "kind": collection.kind,
            "validation": collection.validation,
            "indexes": tuple(collection.indexes[key] for key in sorted(collection.indexes)),
            "version": collection.version,
        },
    )


def index_step(collection: str, index: IndexSpec) -> Step:
    """Return the step that makes an index."""
    return Step(
        "create_index",
        collection,
        {"fields": index.fields, "name": index.name, "kind": index.kind, "options": index_options(index)},
    )


def _undo_drop_collection(state: State, step: Step) -> list[Step]:
    collection = need(state, step.collection)
    _, kind = split_target(step.collection)
    if not step["keep"]:
        return [Step("irreversible", "", {"reason": f"the documents of {step.collection} were not kept"})]
    if kind is None:
        return [create_step(collection)]
    shape = type_text(collection.shapes[kind]) if kind in collection.shapes else None
    return [Step("set_schema", step.collection, {"schema": shape, "validation": collection.validation})]


def _undo_set_schema(state: State, step: Step) -> list[Step]:
    before = need(state, step.collection)
    collection, kind = split_target(step.collection)
    if kind is not None and kind not in before.shapes:
        return [Step("drop_collection", step.collection, {"keep": True})]
    validation = before.validation if step["validation"] is not UNSET else UNSET
    given = None if step["schema"] is None else read_type(step["schema"])
    if given is not None and "fields" not in given and "type" not in given:
        old = (
            before.shapes[kind or BASE]
            if (kind or BASE) in before.shapes
            else next(iter(before.shapes.values()))
        )
        schema: Any = {key: old.get(key) for key in given}
        return [Step("set_schema", step.collection, {"schema": schema, "validation": validation})]
    schema = None if given is None else before.schema_text()
    target = collection if schema is not None else step.collection
    return [Step("set_schema", target, {"schema": schema, "validation": validation})]


def _undo_drop_field(state: State, step: Step) -> list[Step]:
    collection = need(state, step.collection)
    path = parse_path(step["path"])
    if not step["keep"]:
        return [Step("irreversible", "", {"reason": f"the values of {step['path']} were not kept"})]
    _, kind = split_target(step.collection)
    shape = collection.field_shape(path, kind)
    text = "any" if shape is None else type_text(shape)
    return [Step("add_field", step.collection, {"path": step["path"], "type": text, "fill": UNSET})]


def _undo_rename_field(_: State, step: Step) -> list[Step]:
    path = parse_path(step["path"])
    back = path_text((*path[:-1], name(parse_path(step["new"])[0].text)))
    return [Step("rename_field", step.collection, {"path": back, "new": path_text(path[-1:])})]


def _undo_alter_field(state: State, step: Step) -> list[Step]:
    _, kind = split_target(step.collection)
    shape = need(state, step.collection).field_shape(parse_path(step["path"]), kind)
    given = read_type(step["type"])
    if shape is not None and given.get("type") == "object" and "fields" not in given and "fields" in shape:
        shape = {key: value for key, value in shape.items() if key != "fields"}
    given_values: dict[Any, Any] = step["values"] or {}
    values = {old: new for old, new in given_values.items() if shape is None or misfit(shape, new, {})}
    turned = {new: old for old, new in values.items()}
    return [
        Step(
            "alter_field",
            step.collection,
            {
                "path": step["path"],
                "type": "any" if shape is None else type_text(shape),
                "fill": UNSET,
                "values": turned
                if turned and len(turned) == len(values)
                else None,  # the rest comes from the attic
                "convert": step["reverse"],
                "reverse": step["convert"],
            },
        )
    ]


def _undo_drop_index(state: State, step: Step) -> list[Step]:
    collection = need(state, step.collection)
    index = collection.indexes.get(step["name"])
    return [] if index is None else [index_step(step.collection, index)]


def _undo_for_each(_: State, step: Step) -> list[Step]:
    arguments = {**step.arguments, "function": step["reverse"], "reverse": step["function"]}
    return [Step("for_each", step.collection, arguments)]


_UNDO: dict[str, Callable[[State, Step], list[Step]]] = {
    "create_collection": lambda _, step: [Step("drop_collection", step.collection, {"keep": True})],
    "drop_collection": _undo_drop_collection,
    "rename_collection": lambda _, step: [Step("rename_collection", step["new"], {"new": step.collection})],
    "rename_type": lambda _, step: [
        Step("rename_type", step.collection, {"old": step["new"], "new": step["old"]})
    ],
    "set_schema": _undo_set_schema,
    "add_field": lambda _, step: [Step("drop_field", step.collection, {"path": step["path"], "keep": True})],
    "rename_field": _undo_rename_field,
    "drop_field": _undo_drop_field,
    "alter_field": _undo_alter_field,
    "create_index": lambda _, step: [Step("drop_index", step.collection, {"name": index_of(step).name})],
    "drop_index": _undo_drop_index,
    "for_each": _undo_for_each,
    "recompute": lambda _, step: [Step("recompute", step.collection, {"names": step["names"]})],
    "upgrade_documents": lambda state, step: [
        Step("upgrade_documents", step.collection, {"version": need(state, step.collection).version})
    ],
    "execute": lambda _, __: [
        Step("irreversible", "", {"reason": "a query wrote to the documents; write its reverse here"})
    ],
}


def reversals(state: State, steps: list[Step]) -> list[Step]:
    """Return the steps that undo all of these; the state is changed to what they lead to."""
    return [step for step, _ in numbered_reversals(state, steps)]


def numbered_reversals(state: State, steps: list[Step]) -> list[tuple[Step, int]]:
    """Return the steps that undo these, each with the number of the step it undoes."""
    undone: list[list[tuple[Step, int]]] = []
    for number, step in enumerate(steps):
        undone.append([(back, number) for back in reversal(state, step)])
        apply_step(state, step)
    return [pair for pairs in reversed(undone) for pair in pairs]
