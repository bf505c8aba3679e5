"""Paths of stored names: ``address.city``, ``lines[].sku``, ``rooms{}.size``, ``pet[kind=cat].lives``.

A path leads into a document and into a shape alike.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeAlias

from .._types import Json, JsonObject, is_list, is_map
from ..errors import MigrationError
from ..model.stored.shape import union


class Part(NamedTuple):
    """One part of a path: a ``name``, the ``items`` of a list, the ``values`` of a dict, or a ``member``."""

    kind: str
    text: str = ""
    value: str = ""


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
        raise MigrationError("an empty path leads nowhere", hint="name a field, e.g. address.city")
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
        else:
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
    part, rest = path[0], path[1:]
    for key, inner in _inside(document, part):
        yield from places(inner, rest, at if key is None else (*at, key))


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


def look(shape: JsonObject, path: Path) -> JsonObject | None:
    """Return the shape at a path, None if there is none."""
    found: list[JsonObject] = []

    def note(inner: JsonObject | None) -> JsonObject | None:
        if inner is not None:
            found.append(inner)
        return inner

    change_at(shape, path, note)
    return found[0] if found else None


def change_at(shape: JsonObject, path: Path, change: Change) -> JsonObject:
    """Return a shape with another one at a path; ``change`` gets None where there is none, or returns it."""
    if not path:
        return change(shape) or {}
    if "anyOf" in shape:
        return _in_union(shape, path, change)
    part, rest = path[0], path[1:]
    if part.kind == "name" and "fields" in shape:
        fields = dict(shape["fields"])
        old = fields.get(part.text)
        if rest and old is None:
            return shape
        new = change_at(old, rest, change) if rest and old is not None else change(old)
        if new is None:
            fields.pop(part.text, None)
        else:
            fields[part.text] = new
        return {**shape, "fields": {key: fields[key] for key in sorted(fields)}}
    if part.kind == "items" and shape.get("type") == "array":
        return {**shape, "items": change_at(shape.get("items", {}), rest, change)}
    if part.kind == "values" and "values" in shape:
        return {**shape, "values": change_at(shape["values"], rest, change)}
    if part.kind == "member" and is_member(shape, part):
        return change_at(shape, rest, change)
    return shape


def _in_union(shape: JsonObject, path: Path, change: Change) -> JsonObject:
    members = [
        change_at(member, path, change) if _leads(member, path[0]) else member for member in shape["anyOf"]
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


def is_member(shape: JsonObject, part: Part) -> bool:
    """Return whether a shape is the member of a union that a part names."""
    found = shape.get("fields", {}).get(part.text, {}).get("enum")
    return bool(found == [part.value])
