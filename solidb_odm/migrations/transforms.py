"""What one step makes of one document, and what it takes away from it: all without a database.

A transform gets a document it may change and a list for what it overwrites: ``[pointer, old]`` or
``[pointer, old, new]``, of which the attic is made. What a step has nothing to do with comes out equal.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any, NamedTuple, TypeAlias, cast

from .._types import Json, JsonObject, is_list
from ..language.stored_documents import SYSTEM_ATTRIBUTES
from ..model.stored.shape import canonical
from .fitting import misfit
from .paths import Path, members_of, parse_path, places, slots, split_target, with_depths
from .state import Collection
from .steps import UNSET, Step
from .type_text import read_type

ABSENT = {"_absent": True}
"""Stands in the attic for a value that was not there."""

Kept: TypeAlias = list[Any]
Transform: TypeAlias = Callable[[JsonObject, Kept], None]


class Unfit(Exception):
    """A value can't become what a step wants; the message says why."""


class Unfitting(NamedTuple):
    """Stands among what is kept for a value that can't become what a step wants, unless it was restored."""

    pointer: list[Any]
    problem: str


def path_of(pointer: tuple[str | int, ...]) -> str:
    """Return where a value stands in a document, as messages say it: ``lines[2].sku``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in pointer)
    return "".join(parts).lstrip(".")


def settled(document: JsonObject, before: JsonObject, kept: Kept) -> Kept:
    """Return what is kept, without values that did not fit and were restored; Unfit if one was not."""
    for entry in kept:
        if isinstance(entry, Unfitting) and canonical(_at(document, entry.pointer)) == canonical(
            _at(before, entry.pointer)
        ):
            raise Unfit(entry.problem)
    return [entry for entry in kept if not isinstance(entry, Unfitting)]


def transform_of(step: Step, collection: Collection | None) -> Transform | None:
    """Return what a step does to each document of its collection, None if it does nothing to them."""
    make = _TRANSFORMS.get(step.operation)
    if make is None:
        return None
    transform = make(step, collection)
    kind = split_target(step.collection)[1]
    if transform is None or kind is None:
        return transform

    def of_class(document: JsonObject, kept: Kept) -> None:
        if document.get("_type", "") == kind:
            transform(document, kept)

    return of_class


def path_of_step(step: Step, collection: Collection | None) -> Path:
    """Return the path that a step is about, to every depth of models that hold themselves."""
    path = parse_path(step["path"])
    if collection is None:
        return path
    kinds = collection.chosen(split_target(step.collection)[1])
    paths = [with_depths(path, collection.shapes[kind]) for kind in kinds if kind in collection.shapes]
    return max(paths, key=len, default=path)


def _add_field(step: Step, collection: Collection | None) -> Transform | None:
    path, fill = path_of_step(step, collection), step["fill"]
    if path[-1].kind != "name":
        return None
    name, has_fill = path[-1].text, fill is not UNSET

    def transform(document: JsonObject, kept: Kept) -> None:
        for container, at in list(places(document, path)):
            if not isinstance(container, dict):
                continue
            if name in container:
                kept.append([[*at, name], container[name], container[name]])
            elif has_fill:
                container[name] = deepcopy(fill)

    return transform


def _rename_field(step: Step, collection: Collection | None) -> Transform:
    path, new = path_of_step(step, collection), parse_path(step["new"])[0].text
    name = path[-1].text

    def transform(document: JsonObject, kept: Kept) -> None:
        for container, at in list(places(document, path)):
            if isinstance(container, dict) and name in container:
                if new in container:  # written by code that knows the new name: it is the newer one
                    kept.append([[*at, new], container[new], container[new]])
                    kept.append([[*at, name], cast(JsonObject, container).pop(name)])
                else:
                    container[new] = cast(JsonObject, container).pop(name)

    return transform


def _drop_field(step: Step, collection: Collection | None) -> Transform:
    path, keep = path_of_step(step, collection), step["keep"]

    def transform(document: JsonObject, kept: Kept) -> None:
        lists: dict[tuple[str | int, ...], tuple[list[Any], set[Any]]] = {}
        for container, key, pointer in list(slots(document, path)):
            if isinstance(container, dict):
                value: Json = cast("Any", container).pop(key)
                if keep:
                    kept.append([list(pointer), value])
            else:
                lists.setdefault(pointer[:-1], (container, set()))[1].add(key)
        for pointer, (items, gone) in lists.items():
            before = list(items)
            items[:] = [item for place, item in enumerate(before) if place not in gone]
            if keep:
                kept.append([list(pointer), before, list(items)])

    return transform


def _alter_field(step: Step, collection: Collection | None) -> Transform | None:
    path = path_of_step(step, collection)
    shape = read_type(step["type"])
    if shape.get("computed"):  # written by recompute
        return None
    change = Conversion(step, shape, _defs(collection, step))

    def transform(document: JsonObject, kept: Kept) -> None:
        for container, key, pointer in list(slots(document, path)):
            old = container[key]
            try:
                new = change(old, path_of(pointer))
            except Unfit as problem:
                kept.append(Unfitting(list(pointer), str(problem)))
                continue
            if new is not old and canonical(new) != canonical(old):
                kept.append([list(pointer), old, new])
                container[key] = new
        if step["fill"] is not UNSET and path[-1].kind == "name":
            for container, at in list(places(document, path)):
                if isinstance(container, dict) and path[-1].text not in container:
                    container[path[-1].text] = deepcopy(step["fill"])
                    kept.append([[*at, path[-1].text], ABSENT, step["fill"]])

    return transform


def _defs(collection: Collection | None, step: Step) -> JsonObject:
    if collection is None:
        return {}
    kind = split_target(step.collection)[1]
    definitions: JsonObject = {}
    for name in collection.chosen(kind):
        definitions |= collection.shapes.get(name, {}).get("defs", {})
    return definitions


class Conversion:
    """One value from the old type to the new one."""

    def __init__(self, step: Step, shape: JsonObject, defs: JsonObject) -> None:
        self._fill, self._convert = step["fill"], step["convert"]
        self._shape, self._defs = shape, defs
        given: dict[Any, Any] = step["values"] or {}
        self._values: dict[Any, Any] = {_key(old): new for old, new in given.items()}
        self._targets = any("target" in member for member in members_of(shape))
        self._partial = (
            "type" in shape and shape["type"] == "object" and "fields" not in shape and "values" not in shape
        )

    def __call__(self, value: Json, where: str = "") -> Json:
        if self._values:
            value = self._mapped(value)
        if value is not None and self._convert is not None:
            value = _converted(value, self._convert, where)
        if self._partial:
            return value
        problem = misfit(self._shape, value, self._defs, where)
        if problem is None:
            return value
        if self._fill is not UNSET:
            return deepcopy(self._fill)
        raise Unfit(problem)

    def _mapped(self, value: Json) -> Json:
        if _key(value) in self._values:
            return self._values[_key(value)]
        if self._targets and isinstance(value, str):
            collection, slash, key = value.partition("/")
            if slash and collection in self._values:
                return f"{self._values[collection]}/{key}"
        return value


def _key(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value)


def _converted(value: Json, convert: Any, where: str) -> Json:
    try:
        if callable(convert):
            return convert(value)
        return _CONVERSIONS[convert](value)
    except (TypeError, ValueError, KeyError) as error:
        kind = getattr(convert, "__name__", convert)
        raise Unfit(f"{where or 'the value'} is {value!r}, which has no form as {kind}: {error}") from error


def _number_text(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)


def _list_item(value: Any) -> Any:
    return value if is_list(value) else [value]


def _boolean(value: Any) -> bool:
    if isinstance(value, str):
        return {"true": True, "false": False}[value.lower()]
    return bool(value)


def _integer(value: Any) -> int:
    number = int(value)
    if isinstance(value, float) and not value.is_integer():
        raise ValueError("it has a fraction")
    return number


_CONVERSIONS: dict[str, Callable[[Any], Any]] = {
    "int": _integer,
    "float": float,
    "str": _number_text,
    "bool": _boolean,
    "list": _list_item,
}


def _rename_type(step: Step, _: Collection | None) -> Transform:
    def transform(document: JsonObject, kept: Kept) -> None:  # noqa: ARG001  one signature
        if document.get("_type") == step["old"]:
            document["_type"] = step["new"]

    return transform


_SYSTEM = frozenset(SYSTEM_ATTRIBUTES)


class Leave(Exception):
    """A function has left a document alone, whatever it did to the dict."""


def _for_each(step: Step, _: Collection | None) -> Transform | None:
    function = step["function"]
    if function is None:
        return None

    def transform(document: JsonObject, _kept: Kept) -> None:
        system = {name: document[name] for name in _SYSTEM & document.keys()}
        made = function(document)
        if made is None:
            raise Leave
        if not isinstance(made, dict):
            raise Unfit(f"the function returned {type(made).__name__}, where a dict or None is wanted")
        new = cast(JsonObject, made)
        for name, value in system.items():
            if new.setdefault(name, value) != value:
                raise Unfit(f"the function changed {name}, which is the database's")
        if new is not document:
            document.clear()
            document.update(new)

    return transform


_TRANSFORMS: dict[str, Callable[[Step, Collection | None], Transform | None]] = {
    "add_field": _add_field,
    "rename_field": _rename_field,
    "drop_field": _drop_field,
    "alter_field": _alter_field,
    "rename_type": _rename_type,
    "for_each": _for_each,
}


def references(path: Path | None, old: str, new: str) -> Transform:
    """Return what rewrites ``old/key`` to ``new/key`` at a path; None stands for the ends of edges."""
    prefix = f"{old}/"

    def transform(document: JsonObject, kept: Kept) -> None:  # noqa: ARG001  one signature
        places: list[tuple[Any, Any, Any]] = (
            [(document, end, ()) for end in ("_from", "_to") if end in document]
            if path is None
            else list(slots(document, path))
        )
        for container, key, _ in places:
            value = container[key]
            if isinstance(value, str) and value.startswith(prefix):
                container[key] = f"{new}/{value[len(prefix) :]}"

    return transform


def restore(before: JsonObject, document: JsonObject, kept: Kept) -> bool:
    """Put back what a step kept, where nobody has changed it since; say whether that was everything."""
    whole = True
    for entry in kept:
        pointer, old = entry[0], entry[1]
        if len(entry) == 2 or canonical(_at(before, pointer)) == canonical(entry[2]):
            _put(document, pointer, old)
        else:
            whole = False
    return whole


def _at(document: Any, pointer: list[Any]) -> Json:
    for key in pointer:
        try:
            document = document[key]
        except (KeyError, IndexError, TypeError):
            return ABSENT
    return document


def _put(document: Any, pointer: list[Any], value: Json) -> None:
    *way, last = pointer
    container = _at(document, way)
    if isinstance(container, dict) and container != ABSENT:
        fields = cast("Any", container)
        if value == ABSENT:
            fields.pop(last, None)
        else:
            fields[last] = value
    elif is_list(container) and isinstance(last, int) and last < len(container):
        container[last] = value
