"""Objects: attributes, paths, merging, comparing. Attributes come in byte order, as on the server."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ..._types import Json, JsonObject
from ...errors import QueryError
from ..values import describe, equal, is_number, to_text
from .arguments import array, flag, is_array, is_object, mapping, text
from .built_in import ACCEPT, Family

function = Family("Object")
_ABSENT: Final = object()
_MAX_DEPTH: Final = 128


def _pairs(value: Json, remove_internal: Json, name: str) -> list[tuple[str, Json]]:
    """Return the attributes of an object, or of the objects in an array, one after the other."""
    hide = flag(remove_internal, name, "removeInternal")
    if not is_object(value) and not is_array(value):
        raise QueryError(f"{name}: argument must be an object or array of objects")
    holders: list[Json] = value if is_array(value) else [value]
    pairs = [pair for holder in holders if is_object(holder) for pair in sorted(holder.items())]
    return [pair for pair in pairs if not (hide and pair[0].startswith("_"))]


@function(
    "ATTRIBUTES",
    "KEYS",
    parameters="o [, removeInternal [, sort]]",
    returns="array of strings",
    summary="The names of the attributes, sorted; without those that start with _ if told.",
)
def attributes(value: Json, remove_internal: Json = None, sort: Json = None) -> Json:
    names = [name for name, _ in _pairs(value, remove_internal, "ATTRIBUTES")]
    return sorted(names) if flag(sort, "ATTRIBUTES", "sort") else names


@function(
    "VALUES",
    parameters="o [, removeInternal]",
    returns="array",
    summary="The values in the order of attributes.",
)
def values_of(value: Json, remove_internal: Json = None) -> Json:
    return [item for _, item in _pairs(value, remove_internal, "VALUES")]


@function("ENTRIES", parameters="o", returns="array of [name, value]", summary="The attributes as pairs.")
def entries(value: Json) -> Json:
    return [[name, item] for name, item in sorted(mapping(value, "ENTRIES").items())]


@function("FROM_ENTRIES", parameters="a", returns="object", summary="An object of [name, value] pairs.")
def from_entries(pairs: Json) -> Json:
    result: JsonObject = {}
    for pair in array(pairs, "FROM_ENTRIES"):
        if not is_array(pair) or len(pair) != 2:
            raise QueryError("FROM_ENTRIES: every element must be a [key, value] pair")
        name: Json = pair[0]
        result[text(name, "FROM_ENTRIES")] = pair[1]
    return result


@function(
    "HAS", parameters="o, name", returns="bool", nulls="false", summary="Whether the attribute is there."
)
def has(value: Json, name: Json) -> Json:
    wanted = text(name, "HAS", 2)
    if is_array(value):
        elements: list[Json] = value
        return any(is_object(e) and wanted in e for e in elements)
    return is_object(value) and wanted in value


def _names(given: tuple[Json, ...], function_name: str) -> set[str]:
    flat = [name for part in given for name in (part if is_array(part) else [part])]
    return {text(name, function_name, 2) for name in flat}


@function(
    "KEEP",
    parameters="o, name, ...",
    returns="object",
    summary="Only these attributes (names, or one array).",
)
def keep(value: Json, *names: Json) -> Json:
    wanted = _names(names, "KEEP")
    return {k: v for k, v in mapping(value, "KEEP", 1).items() if k in wanted}


@function("UNSET", parameters="o, name, ...", returns="object", summary="Without these attributes.")
def unset(value: Json, *names: Json) -> Json:
    unwanted = _names(names, "UNSET")
    return {k: v for k, v in mapping(value, "UNSET", 1).items() if k not in unwanted}


def _unset_deep(value: Json, unwanted: set[str]) -> Json:
    if is_object(value):
        fields: JsonObject = value
        return {k: _unset_deep(v, unwanted) for k, v in fields.items() if k not in unwanted}
    if is_array(value):
        elements: list[Json] = value
        return [_unset_deep(e, unwanted) for e in elements]
    return value


@function(
    "UNSET_RECURSIVE",
    "REDACT",
    parameters="o, name, ...",
    returns="object",
    summary="Without these attributes at any depth.",
)
def unset_recursive(value: Json, *names: Json) -> Json:
    return _unset_deep(value, _names(names, "UNSET_RECURSIVE"))


def _keep_deep(value: Json, wanted: set[str], named: bool) -> Json:
    """Keep what has a wanted name; ``named`` if the value itself has one: its scalars stay then."""
    if is_object(value):
        fields: JsonObject = value
        kept = {k: _keep_deep(v, wanted, k in wanted) for k, v in fields.items()}
        return {k: v for k, v in kept.items() if k in wanted or _holds(v)}
    if is_array(value):
        elements: list[Json] = value
        parts = [_keep_deep(e, wanted, named) for e in elements]
        return parts if named else [e for e in parts if _holds(e)]
    return value


def _holds(value: Json) -> bool:
    return (is_object(value) or is_array(value)) and bool(value)


@function(
    "KEEP_RECURSIVE",
    parameters="o, name, ...",
    returns="object",
    summary="Only these attributes, at any depth.",
)
def keep_recursive(value: Json, *names: Json) -> Json:
    return _keep_deep(value, _names(names, "KEEP_RECURSIVE"), False)


@function(
    "MERGE",
    parameters="o, ...",
    returns="object",
    nulls="nulls are left out",
    summary="All attributes; the last wins.",
)
def merge(*parts: Json) -> Json:
    merged: JsonObject = {}
    for part in parts:
        if part is not None:
            merged |= _merged_part(part, "MERGE")
    return merged


def _merged_part(part: Json, name: str) -> JsonObject:
    if is_object(part):
        return part
    raise QueryError(f"{name}: all arguments must be objects, got: {describe(part)}")


def _merge_deep(left: JsonObject, right: JsonObject) -> JsonObject:
    merged = dict(left)
    for key, item in right.items():
        old = merged.get(key)
        if is_object(old) and is_object(item):
            merged[key] = _merge_deep(old, item)
        else:
            merged[key] = item
    return merged


@function(
    "DEEP_MERGE",
    "MERGE_RECURSIVE",
    parameters="o, ...",
    returns="object",
    nulls="nulls are left out",
    summary="MERGE that also merges inner objects; takes one array of objects too.",
)
def deep_merge(*parts: Json) -> Json:
    given: list[Json] = parts[0] if len(parts) == 1 and is_array(parts[0]) else list(parts)
    merged: JsonObject = {}
    for part in given:
        if part is not None:
            merged = _merge_deep(merged, _merged_part(part, "DEEP_MERGE"))
    return merged


def _steps(path: Json, name: str) -> list[str | int]:
    """Return the steps of a path: ``"a.b.0"``, or an array of names and places."""
    if isinstance(path, str):
        return list(path.split("."))
    return [int(step) if is_number(step) else text(step, name, 2) for step in array(path, name, 2)]


def _strict_steps(path: Json, name: str) -> list[str | int]:
    """Return the steps of a path that is written to: no fractions, nor 2.0."""
    if is_array(path) and any(isinstance(step, float) for step in path):
        raise QueryError(f"{name}: the steps of a path must be strings or integers")
    return _steps(path, name)


def _child(value: Json, step: str | int) -> Json:
    if is_object(value):
        return value.get(str(step), _ABSENT)
    if is_array(value) and str(step).lstrip("-").isdecimal():
        elements: list[Json] = value
        place = int(step)
        if place < 0 and isinstance(step, str):
            return _ABSENT
        return elements[place] if -len(elements) <= place < len(elements) else _ABSENT
    return _ABSENT


def value_at(value: Json, path: Json, name: str, default: Json = None) -> Json:
    """Return what is at a path, or the default if there is nothing."""
    for step in _steps(path, name):
        value = _child(value, step)
        if value is _ABSENT:
            return default
    return value


@function(
    "GET",
    parameters="o, path [, default]",
    returns="any",
    nulls="the default, or null",
    summary='The value at a path such as "a.b.0"; the default where there is none.',
)
def get(value: Json, path: Json, default: Json = None) -> Json:
    if value is None:
        return default
    if not isinstance(path, str):
        raise QueryError("GET: path must be a string")
    return value_at(value, path, "GET", default)


@function(
    "VALUE",
    parameters="o, path",
    returns="any",
    nulls="null, if the path is an array",
    summary='The value at a path such as ["a", 0].',
)
def value_of(value: Json, path: Json) -> Json:
    if not is_array(path):
        raise QueryError("VALUE: path must be an array of attribute names and indexes")
    return None if value is None else value_at(value, path, "VALUE")


def _replaced(value: Json, steps: list[str | int], item: Json) -> Json:
    if not steps:
        return item
    step, rest = steps[0], steps[1:]
    if is_array(value) and str(step).isdecimal():
        elements: list[Json] = list(value)
        place = int(step)
        if place > len(elements):
            raise QueryError(f"SET_PATH: there is no element {place}", hint=f"the array has {len(elements)}")
        elements[place : place + 1] = [
            _replaced(elements[place] if place < len(elements) else None, rest, item)
        ]
        return elements
    if value is not None and not is_object(value):
        raise QueryError(f"SET_PATH: there is no attribute {step} in {describe(value)}")
    fields: JsonObject = value or {}
    return {**fields, str(step): _replaced(fields.get(str(step)), rest, item)}


@function(
    "SET_PATH",
    nulls="an object is made of null",
    parameters="o, path, x",
    returns="object",
    summary="With x at the path; objects on the way are made.",
)
def set_path(value: Json, path: Json, item: Json) -> Json:
    steps = _strict_steps(path, "SET_PATH")
    if not 0 < len(steps) <= _MAX_DEPTH or steps == [""]:
        raise QueryError(f"SET_PATH: path must have 1 to {_MAX_DEPTH} steps")
    return _replaced(value, steps, item)


def _without(value: Json, steps: list[str | int]) -> Json:
    if not steps or _child(value, steps[0]) is _ABSENT:
        return value
    step, rest = steps[0], steps[1:]
    if is_array(value):
        elements: list[Json] = list(value)
        elements[int(step)] = _without(elements[int(step)], rest)
        if not rest:
            del elements[int(step)]
        return elements
    fields: JsonObject = dict(value)
    item = fields.pop(str(step))
    return {**fields, str(step): _without(item, rest)} if rest else fields


@function(
    "UNSET_PATH",
    parameters="o, path",
    returns="object",
    nulls="null, if the path is one",
    summary="Without what is at the path.",
)
def unset_path(value: Json, path: Json) -> Json:
    steps = [step for step in _strict_steps(path, "UNSET_PATH") if step != ""]
    if not steps:
        raise QueryError("UNSET_PATH: path is empty")
    return _without(value, steps[:_MAX_DEPTH])


def _differences(old: Json, new: Json, path: str) -> Iterator[tuple[str, JsonObject]]:
    if is_object(old) and is_object(new):
        before: JsonObject = old
        after: JsonObject = new
        for key in sorted(before.keys() | after.keys()):
            yield from _differences(before.get(key), after.get(key), f"{path}.{key}" if path else key)
    elif not equal(old, new):
        yield path, {"new": new, "old": old}


@function(
    "DIFF",
    parameters="old, new",
    returns="object",
    nulls="null is an empty object",
    summary='What changed, by path: {"a.b": {old, new}}; arrays count as one value.',
)
def diff(old: Json, new: Json) -> Json:
    before, after = (mapping({} if v is None else v, "DIFF", place) for place, v in enumerate((old, new), 1))
    return dict(_differences(before, after, ""))


@function(
    "MATCHES",
    parameters="doc, example(s) [, returnIndex]",
    returns="bool, or int",
    nulls="false",
    summary="Whether the document has the attributes of an example; which example, or -1, if told.",
)
def matches(document: Json, examples: Json, want_index: Json = False) -> Json:
    candidates: list[Json] = examples if is_array(examples) else [examples]
    if not is_array(examples) and not is_object(examples):
        raise QueryError("MATCHES: examples must be an object or an array of objects")
    index = next((i for i, e in enumerate(candidates) if _fits(document, e)), -1)
    return index if flag(want_index, "MATCHES", "returnIndex") else index >= 0


def _fits(document: Json, example: Json) -> bool:
    if not is_object(document) or not is_object(example):
        return False
    fields, wanted = document, example
    return all(name in fields and equal(fields[name], item) for name, item in wanted.items())


@function(
    "TRANSLATE",
    parameters="x, map [, default]",
    returns="any",
    nulls=ACCEPT,
    summary="What the map has for x; else the default, or x itself.",
)
def translate(value: Json, table: Json, *default: Json) -> Json:
    known = {} if table is None else mapping(table, "TRANSLATE", 2)
    return known.get(to_text(value), default[0] if default else value)
