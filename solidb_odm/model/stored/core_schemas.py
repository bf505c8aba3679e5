"""Pydantic's core schemas as data: the schemas in one, and what it refers to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._types import is_map, is_row

OPAQUE = frozenset({"metadata", "serialization", "config", "expected", "members", "default"})

_HOLDING = (dict, list, tuple)


def schemas_in(part: Any) -> list[Any]:
    """Return the parts of a schema that hold schemas; all of what is by names of fields, which may be any."""
    is_schema = isinstance(part.get("type"), str)
    return [inner for name, inner in part.items() if not is_schema or name not in OPAQUE]


def nodes_in(schema: Any) -> Iterator[Any]:
    """Yield a schema and the schemas in it, each once: they share parts, so that a tree would be endless."""
    waiting, seen = [schema], set[int]()
    while waiting:
        part = waiting.pop()
        if is_map(part):
            if id(part) not in seen:
                seen.add(id(part))
                yield part
                is_schema = isinstance(part.get("type"), str)
                for name, inner in part.items():
                    if isinstance(inner, _HOLDING) and not (is_schema and name in OPAQUE):
                        waiting.append(inner)
        elif is_row(part):
            waiting += part


def definitions_of(part: Any, definitions: list[Any]) -> list[Any]:
    """Return the definitions of a schema that a part of it refers to, by way of others too."""
    known: dict[Any, Any] = {definition["ref"]: definition for definition in definitions}
    needed: dict[Any, Any] = {}
    waiting = [part]
    while waiting:
        for node in nodes_in(waiting.pop()):
            name: Any = node.get("schema_ref") if node.get("type") == "definition-ref" else None
            if name in known and name not in needed:
                needed[name] = known[name]
                waiting.append(known[name])
    return list(needed.values())


# --- the schema of a class over many models --------------------------------------------------------


def core_schema_of(model: Any) -> Any:
    """Return the schema of a complete model or Pydantic dataclass, with many parts as definitions.

    Pydantic writes the schema of a part out wherever it is used, which costs itself nothing: it has made the
    validator of each class before. What is made of a schema for a database starts anew, at every place of a
    part; of twenty models that each hold the two before, these are ten thousand.
    """
    origin: Any = model.__pydantic_core_schema__
    kept = model.__dict__.get(_KEPT)
    if kept is None or kept[0] is not origin:
        kept = origin, _with_definitions(origin)
        type.__setattr__(model, _KEPT, kept)
    return kept[1]


_KEPT = "__solidb_core_schema__"
_FEW = 8
"""As many parts may stand where they are used: definitions have a price in each validation."""


def _with_definitions(schema: Any) -> Any:
    """Return a schema whose parts that have names are definitions, if they are more than a few."""
    parts = _named_parts(schema)
    if len(parts) <= _FEW:
        return schema
    outer: list[Any] = schema.get("definitions", [])
    top = schema["schema"] if outer else schema
    inner = [{**_members(node, parts), "ref": _shared(ref)} for ref, node in parts.items()]
    defined = [_members(definition, parts) for definition in outer]
    return {"type": "definitions", "schema": _members(top, parts), "definitions": [*defined, *inner]}


def _named_parts(schema: Any) -> dict[str, Any]:
    """Return the schemas with names in one, as ``nodes_in`` would yield them, past what ends at once."""
    waiting, seen, parts = [schema], set[int](), dict[str, Any]()
    while waiting:
        part = waiting.pop()
        if is_map(part):
            kind = part.get("type")
            if (kind.__class__ is str and kind in _ENDS and "ref" not in part) or id(part) in seen:
                continue
            seen.add(id(part))
            if kind.__class__ is str and "ref" in part:
                parts.setdefault(part["ref"], part)
            waiting += [
                inner
                for name, inner in part.items()
                if isinstance(inner, _HOLDING) and not (kind.__class__ is str and name in OPAQUE)
            ]
        elif is_row(part):
            waiting += part
    return parts


_ENDS = frozenset({"str", "int", "float", "bool", "none", "any", "datetime", "date", "decimal", "uuid"})


def _members(node: Any, parts: dict[str, Any]) -> Any:
    """Return a schema with references in the place of the parts in it."""
    is_schema = isinstance(node.get("type"), str)
    return {
        name: inner if is_schema and name in OPAQUE else _referring(inner, parts)
        for name, inner in node.items()
    }


def _referring(part: Any, parts: dict[str, Any]) -> Any:
    if is_row(part):
        return type(part)(_referring(inner, parts) for inner in part)
    if not is_map(part) or _is_marked(part):
        return part
    ref: Any = part.get("ref") if isinstance(part.get("type"), str) else None
    if isinstance(ref, str) and _are_alike(part, parts[ref]):
        return {"type": "definition-ref", "schema_ref": _shared(ref)}
    return _members(part, parts)


def _shared(ref: str) -> str:
    return f"{ref}, shared"  # which is no name that Pydantic gives


def _is_marked(part: Any) -> bool:
    """Return whether this package has left a note in a schema, which counts where it stands."""
    return any(str(name).startswith("solidb_") for name in part.get("metadata") or ())


def _are_alike(part: Any, other: Any) -> bool:
    """Return whether a part is written out of the same class without a word more at its place."""
    return part.keys() == other.keys() and all(
        value is other[name] or (name == "metadata" and value == other[name]) for name, value in part.items()
    )
