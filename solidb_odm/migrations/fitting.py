"""Whether a stored value fits a shape, and what is wrong with it if not."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, time
from typing import Any, cast
from uuid import UUID

from .._types import Json, JsonObject, is_list, is_map
from ..language.stored_documents import SYSTEM_ATTRIBUTES
from ..model.stored.shape import canonical, is_required
from .state import bare
from .type_text import type_text

_SYSTEM = frozenset({*SYSTEM_ATTRIBUTES, "_type", "_version"})


def misfit(shape: JsonObject, value: Json, defs: JsonObject, where: str = "") -> str | None:
    """Return what keeps a value from fitting, None if nothing does."""
    if "ref" in shape:
        return misfit(defs.get(shape["ref"], {}), value, defs, where)
    if "anyOf" in shape:
        problems = [misfit(member, value, defs, where) for member in shape["anyOf"]]
        if None in problems:
            return None
        return next(
            (p for p in problems if p and p.startswith(f"{where}.")),
            f"{_at(where)} is {_shown(value)}, where {declared(shape)} is declared",
        )
    kind = shape.get("type")
    is_another = kind is not None and not _KINDS.get(kind, _is_anything)(value)
    if is_another or ("enum" in shape and canonical(value) not in map(canonical, shape["enum"])):
        return f"{_at(where)} is {_shown(value)}, where {declared(shape)} is declared"
    problem = _bounds(shape, value)
    if problem:
        return f"{_at(where)} {problem}"
    return _inside(shape, value, defs, where)


def undeclared(shape: JsonObject, value: Json, defs: JsonObject) -> str | None:
    """Return an attribute of a closed model that is not declared, None if there is none."""
    return misfit(_outline(shape), value, {name: _outline(definition) for name, definition in defs.items()})


def leftover(shape: JsonObject, value: Json, defs: JsonObject) -> str | None:
    """Return what keeps a value from fitting a shape with nothing besides, None if nothing does."""
    return misfit(_closed(shape), value, {name: _closed(definition) for name, definition in defs.items()})


def _closed(shape: JsonObject) -> JsonObject:
    """Return a shape whose models take no attributes that are not declared, and links lead to its targets."""
    made: JsonObject = {**shape, "extra": "forbid"} if "fields" in shape else dict(shape)
    if "target" in shape:
        made["pattern"] = f"^{re.escape(shape['target'])}/"
    for name in ("items", "values"):
        if isinstance(shape.get(name), dict):
            made[name] = _closed(shape[name])
    for name in ("anyOf", "prefixItems"):
        if name in shape:
            made[name] = [_closed(part) for part in shape[name]]
    if "fields" in shape:
        made["fields"] = {name: _closed(part) for name, part in shape["fields"].items()}
    return made


def _outline(shape: JsonObject) -> JsonObject:
    """Return a shape that says where attributes are declared, and nothing of values."""
    made: JsonObject = {name: shape[name] for name in ("ref", "extra") if name in shape}
    if "anyOf" in shape:
        made["anyOf"] = [_outline(part) for part in shape["anyOf"]]
    for name in ("items", "values"):
        if isinstance(shape.get(name), dict):
            made[name] = _outline(shape[name])
    if "fields" in shape:
        made["fields"] = {
            name: {**_outline(part), "optional": True} for name, part in shape["fields"].items()
        }
    return made


def _inside(shape: JsonObject, value: Any, defs: JsonObject, where: str) -> str | None:
    if is_map(value):
        return _object(shape, value, defs, where)
    if is_list(value):
        rows: list[Any] = list(cast("Any", value))
        firsts = shape.get("prefixItems", [])
        for place, (inner, item) in enumerate(zip(firsts, rows, strict=False)):
            if problem := misfit(inner, item, defs, f"{where}[{place}]"):
                return problem
        inner = shape.get("items")
        if is_map(inner):
            for place, item in enumerate(rows[len(firsts) :], len(firsts)):
                if problem := misfit(inner, item, defs, f"{where}[{place}]"):
                    return problem
    return None


def _object(shape: JsonObject, value: JsonObject, defs: JsonObject, where: str) -> str | None:
    if "values" in shape:
        for name, item in value.items():
            if problem := misfit(shape["values"], item, defs, f"{where}.{name}"):
                return problem
    fields: JsonObject | None = shape.get("fields")
    if fields is None:
        return None
    for name, inner in fields.items():
        if name in value:
            if not inner.get("computed") and (problem := misfit(inner, value[name], defs, f"{where}.{name}")):
                return problem
        elif is_required(inner):
            return f"{_at(f'{where}.{name}')} is missing"
    if shape.get("extra") == "forbid":
        more = [name for name in value if name not in fields and not (not where and name in _SYSTEM)]
        if more:
            return f"{_at(f'{where}.{more[0]}')} is not declared"
    return None


def _bounds(shape: JsonObject, value: Any) -> str | None:
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, (int, float)):
        for word, fails in _NUMBERS.items():
            if word in shape and fails(value, shape[word]):
                return f"is {value}, where {word} is {shape[word]}"
    size = len(value) if isinstance(value, str) or is_list(value) else None
    if size is not None:
        least, most = ("minLength", "maxLength") if isinstance(value, str) else ("minItems", "maxItems")
        if size < shape.get(least, 0) or size > shape.get(most, size):
            return f"has a length of {size}"
    if isinstance(value, str) and (reads := _FORMATS.get(shape.get("format", ""))) is not None:
        try:
            reads(value)
        except ValueError:
            return f"is {_shown(value)}, which is no {shape['format']}"
    if isinstance(value, str) and "pattern" in shape:
        try:
            if not re.search(shape["pattern"], value):
                return f"is {_shown(value)}, which {shape['pattern']} does not match"
        except re.error:
            return None
    return None


_KINDS: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: (
        (isinstance(value, int) and not isinstance(value, bool))
        or (isinstance(value, float) and value.is_integer())
    ),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "minimum": lambda value, bound: value < bound,
    "maximum": lambda value, bound: value > bound,
    "exclusiveMinimum": lambda value, bound: value <= bound,
    "exclusiveMaximum": lambda value, bound: value >= bound,
    "multipleOf": lambda value, bound: isinstance(value, int) and value % bound != 0,
}


_FORMATS: dict[str, Callable[[str], Any]] = {
    "date-time": datetime.fromisoformat,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "uuid": UUID,
}


def _is_anything(_: Any) -> bool:
    return True


def _at(where: str) -> str:
    return where.lstrip(".") or "the document"


def declared(shape: JsonObject) -> str:
    """Return what a message says of a shape: its text as revisions write it, or what it is."""
    if "enum" in shape:
        return " or ".join(map(canonical, shape["enum"])) if len(shape["enum"]) < 9 else "one of a set"
    text = type_text(bare(shape))
    if isinstance(text, str):
        return text
    members: list[JsonObject] = shape.get("anyOf", [])
    if members:
        return " | ".join(dict.fromkeys(map(declared, members)))
    if "fields" in shape:
        return "a model of " + (", ".join(shape["fields"]) or "no fields")
    for word, made in (("items", "list"), ("values", "dict")):
        if isinstance(shape.get(word), dict):
            return f"{made}[{declared(shape[word])}]"
    return str(shape.get("type", "a model that holds itself" if "ref" in shape else "another value"))


def _shown(value: Json) -> str:
    text = canonical(value)
    return text if len(text) < 60 else f"{text[:57]}..."
