"""Paths of stored names: ``address.city``, ``lines[].sku``, ``rooms{}.size``, ``pet[kind=cat].lives``.

A path leads into a document and into a shape alike. Where a model on its way holds itself, it leads to all
that a document holds of the model, at every depth: ``tree.name`` is the name of the tree and of its branches.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from .._types import Json, JsonObject, is_list, is_map
from ..errors import MigrationError
from ..model.stored.shape import union


class Part(NamedTuple):
    """One part of a path: a ``name``, the ``items`` of a list, the ``values`` of a dict, or a ``member``.

    ``with_depths`` puts in ``ways``, which lead to the values of a model that holds itself, and ``depths``,
    which is such a value and what it holds of the same model, by the ways to it.
    """

    kind: str
    text: str = ""
    value: str = ""
    ways: tuple[tuple[Part, ...], ...] = ()


Path: TypeAlias = tuple[Part, ...]
Pointer: TypeAlias = tuple[str | int, ...]

ITEMS, VALUES = Part("items"), Part("values")
_TOKEN = re.compile(r"\.?(?:`([^`]+)`|([^.\[\]{}`=]+))|(\[\])|(\{\})|\[([^\]=]+)=([^\]]*)\]")


def name(text: str) -> Part:
    """Return the part of a path that is an attribute."""
    return Part("name", text)


def parse_path(text: str) -> Path:
    """Read a path; MigrationError if it is none."""
    parts: list[Part] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise MigrationError(f"{text!r} is not a path", hint="e.g. address.city, or lines[].sku")
        quoted, plain, items, values, attribute, value = match.groups()
        if items:
            parts.append(ITEMS)
        elif values:
            parts.append(VALUES)
        elif attribute:
            parts.append(Part("member", attribute, value))
        else:
            parts.append(name(quoted or plain))
        at = match.end()
    if not parts:
        raise MigrationError("a path can't be empty", hint="name a field, e.g. address.city")
    return tuple(parts)


def path_text(path: Path) -> str:
    """Write a path."""
    text = ""
    for part in path:
        if part.kind == "items":
            text += "[]"
        elif part.kind == "values":
            text += "{}"
        elif part.kind == "member":
            text += f"[{part.text}={part.value}]"
        elif part.kind == "name":
            plain = part.text if re.fullmatch(r"[^.\[\]{}`=]+", part.text) else f"`{part.text}`"
            text += f".{plain}" if text else plain
    return text


def split_target(text: str) -> tuple[str, str | None]:
    """Return collection and class of ``vehicles`` or ``vehicles:Bike``; the class is None for all of them."""
    collection, colon, kind = text.partition(":")
    return collection, kind if colon else None


# --- documents -----------------------------------------------------------------------------------


def places(document: Json, path: Path, at: Pointer = ()) -> Iterator[tuple[Any, Pointer]]:
    """Yield the containers that a path's last part is taken from, with the pointers to them."""
    if len(path) == 1:
        yield document, at
        return
    for inner, where in _reached(document, path[0], at):
        yield from places(inner, path[1:], where)


def _reached(value: Json, part: Part, at: Pointer) -> Iterator[tuple[Json, Pointer]]:
    if part.kind not in ("depths", "ways"):
        for key, inner in _inside(value, part):
            yield inner, at if key is None else (*at, key)
        return
    if part.kind == "depths":
        yield value, at
    for way in part.ways:
        for container, key, pointer in slots(value, way):
            if part.kind == "depths":
                yield from _reached(container[key], part, (*at, *pointer))
            else:
                yield container[key], (*at, *pointer)


def _inside(value: Json, part: Part) -> Iterator[tuple[str | int | None, Json]]:
    if part.kind == "name" and is_map(value) and part.text in value:
        yield part.text, value[part.text]
    elif part.kind == "items" and is_list(value):
        yield from enumerate(value)
    elif part.kind == "values" and is_map(value):
        yield from list(value.items())
    elif part.kind == "member" and is_map(value) and value.get(part.text) == part.value:
        yield None, value


def slots(document: Json, path: Path) -> Iterator[tuple[Any, str | int, Pointer]]:
    """Yield the places where a path's value stands: container, key, pointer."""
    if path[-1].kind == "member":
        for slot in slots(document, path[:-1]):
            if next(_inside(slot[0][slot[1]], path[-1]), None) is not None:
                yield slot
        return
    for container, at in places(document, path):
        for key, _ in _inside(container, path[-1]):
            if key is not None:
                yield container, key, (*at, key)


# --- shapes --------------------------------------------------------------------------------------

Change: TypeAlias = Callable[[JsonObject | None], JsonObject | None]


_INDIRECT = ("anyOf", "ref")


def look(shape: JsonObject, path: Path) -> JsonObject | None:
    """Return the shape at a path, None if there is none."""
    if len(path) == 1 and path[0].kind == "name" and "fields" in shape and shape.keys().isdisjoint(_INDIRECT):
        there: JsonObject | None = shape["fields"].get(path[0].text)
        return there
    shapes: list[JsonObject] = []

    def note(inner: JsonObject | None) -> JsonObject | None:
        if inner is not None:
            shapes.append(inner)
        return inner

    change_at(shape, path, note)
    return shapes[0] if shapes else None


def change_at(shape: JsonObject, path: Path, change: Change) -> JsonObject:
    """Return a shape with another one at a path; ``change`` gets None where there is none, or returns it.

    Behind a model that holds itself, the definition of the model is changed.
    """
    if not path:
        return change(shape) or {}
    definitions = dict(shape.get("defs", {}))
    made = _changed(shape, path, change, definitions)
    return {**made, "defs": definitions} if definitions else made


def _changed(shape: JsonObject, path: Path, change: Change, definitions: JsonObject) -> JsonObject:
    if not path:
        return change(shape) or {}
    if "anyOf" in shape:
        return _in_union(shape, path, change, definitions)
    part, rest = path[0], path[1:]
    if "ref" in shape:
        before = definitions.get(shape["ref"], {})
        after = _changed(before, path, change, definitions)
        if after != before:
            definitions[shape["ref"]] = after
        return shape
    if part.kind == "name" and "fields" in shape:
        fields = dict(shape["fields"])
        old = fields.get(part.text)
        if rest and old is None:
            return shape
        new = _changed(old, rest, change, definitions) if rest and old is not None else change(old)
        if new is None:
            fields.pop(part.text, None)
        else:
            fields[part.text] = new
        return {**shape, "fields": {key: fields[key] for key in sorted(fields)}}
    if part.kind == "items" and shape.get("type") == "array":
        return {**shape, "items": _changed(shape.get("items", {}), rest, change, definitions)}
    if part.kind == "values" and "values" in shape:
        return {**shape, "values": _changed(shape["values"], rest, change, definitions)}
    if part.kind == "member" and is_member(shape, part):
        return _changed(shape, rest, change, definitions)
    return shape


def _in_union(shape: JsonObject, path: Path, change: Change, definitions: JsonObject) -> JsonObject:
    members = [
        _changed(member, path, change, definitions)
        if _leads(resolved(member, definitions), path[0])
        else member
        for member in shape["anyOf"]
    ]
    others = {key: value for key, value in shape.items() if key != "anyOf"}
    if path[0].kind == "member":
        path = path[1:]
        if not path:
            members = [member for member in members if member != {}]
    return {**union(members), **others}


def _leads(member: JsonObject, part: Part) -> bool:
    if part.kind == "name":
        return "fields" in member
    if part.kind == "member":
        return is_member(member, part)
    return ("values" in member) if part.kind == "values" else member.get("type") == "array"


# --- models that hold themselves -----------------------------------------------------------------


def members_of(shape: JsonObject) -> list[JsonObject]:
    """Return the members of a union, or the one there is."""
    members: list[JsonObject] = shape.get("anyOf", [shape])
    return members


def resolved(shape: JsonObject, definitions: JsonObject) -> JsonObject:
    """Return the definition that a shape refers to, or the shape."""
    return definitions.get(shape["ref"], {}) if "ref" in shape else shape


def with_depths(path: Path, shape: JsonObject) -> Path:
    """Return a path that leads to all a document holds of the last model on its way that holds itself."""
    definitions: JsonObject = shape.get("defs", {})
    made: list[Part] = []
    here = [shape]
    for part in path:
        members = [member for inner_shape in here for member in members_of(inner_shape)]
        model = next((member["ref"] for member in members if "ref" in member), None)
        if model is not None and part.kind == "name":
            made = [Part("ways", model, "", tuple(ways(shape, model))), depths(model, definitions)]
        made.append(part)
        here = [inner for inner_shape in members for inner in _step(resolved(inner_shape, definitions), part)]
    return tuple(made)


def _step(shape: JsonObject, part: Part) -> list[JsonObject]:
    if part.kind == "name":
        inner: Json = shape.get("fields", {}).get(part.text)
    elif part.kind == "member":
        inner = shape if is_member(shape, part) else None
    else:
        inner = shape.get(part.kind)
    return [inner] if is_map(inner) else []


def ways(shape: JsonObject, model: str) -> Iterator[Path]:
    """Yield the paths from a document to the values of a model that holds itself, not to what is in these."""
    return _ways(shape, model, shape.get("defs", {}), frozenset((model,)), ())


def depths(model: str, definitions: JsonObject, closed: frozenset[str] = frozenset()) -> Part:
    """Return the part of a path that is a value of a model and all it holds of it; not through ``closed``."""
    closed |= {model}
    return Part("depths", model, "", tuple(_ways(definitions.get(model, {}), model, definitions, closed, ())))


def _ways(
    shape: JsonObject, wanted: str, definitions: JsonObject, closed: frozenset[str], path: Path
) -> Iterator[Path]:
    for member in members_of(shape):
        model = member.get("ref")
        if model == wanted:
            yield path
        elif model is not None and model not in closed:
            way = (*path, depths(model, definitions, closed))
            yield from _ways(definitions.get(model, {}), wanted, definitions, closed | {model}, way)
        for part, inner in parts_of(member):
            yield from _ways(inner, wanted, definitions, closed, (*path, part))


def parts_of(shape: JsonObject) -> Iterator[tuple[Part, JsonObject]]:
    """Yield what is inside a shape, with the parts of paths that lead there."""
    for field, inner in shape.get("fields", {}).items():
        yield name(field), inner
    for part in (ITEMS, VALUES):
        inner = shape.get(part.kind)
        if is_map(inner):
            yield part, inner


def is_member(shape: JsonObject, part: Part) -> bool:
    """Return whether a shape is the member of a union that a part names."""
    values = shape.get("fields", {}).get(part.text, {}).get("enum")
    return bool(values == [part.value])
