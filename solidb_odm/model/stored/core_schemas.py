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
