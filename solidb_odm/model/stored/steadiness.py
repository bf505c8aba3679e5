"""Whether reading the same stored form twice gives the same values.

A default that is called (``uuid4``, ``datetime.now``), a computed field or a validator of an embedded model's
author may give another value each time. Of classes that hold such, what was read is kept to compare with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .field_schemas import field_schema
from .forms import LOSSY, is_map, is_row, schemas_in, stored_form

_PURE = frozenset((list, dict, set, frozenset, tuple, deque, str, int, float, bool))
_OWN = ("pydantic", "pydantic_core", "solidb_odm")


def is_unsteady(model: Any, names: Iterable[str]) -> bool:
    """Return whether fields of a complete model can be read as another value each time."""
    form = stored_form(model)
    return any(_varies(field_schema(form.origin, name)[0]) for name in names)


def revalidated_fields(model: Any) -> tuple[str, ...]:
    """Return the fields of a model that validators of its author read, and may read as other values."""
    origin = stored_form(model).origin
    fields = [name for name, info in model.__pydantic_fields__.items() if info.exclude is not True]
    if not _has_author(origin):
        return ()
    schemas = {name: field_schema(origin, name)[0] for name in fields}
    whole = _has_author(_without_fields(origin))
    return tuple(
        name for name, schema in schemas.items() if (whole or _has_author(schema)) and not _is_lossy(schema)
    )


def _has_author(part: Any) -> bool:
    return _any_node(part, is_written_by_author)


def _is_lossy(part: Any) -> bool:
    return _any_node(part, lambda node: LOSSY in (node.get("metadata") or ()))


def _any_node(part: Any, holds: Callable[[Any], bool]) -> bool:
    if is_row(part):
        return any(_any_node(each, holds) for each in part)
    if not is_map(part):
        return False
    return holds(part) or any(_any_node(inner, holds) for inner in schemas_in(part))


def _without_fields(part: Any) -> Any:
    """Return what stands around the fields of a model: its own validators."""
    if is_row(part):
        return []
    if not is_map(part):
        return part
    return {
        name: _without_fields(inner)
        for name, inner in part.items()
        if name not in ("fields", "definitions", "config", "metadata")
    }


def _varies(part: Any) -> bool:
    if is_row(part):
        return any(map(_varies, part))
    if not is_map(part):
        return False
    if part.get("computed_fields"):
        return True
    factory = part.get("default_factory")
    if factory is not None and factory not in _PURE and not isinstance(factory, type):
        return True
    if is_written_by_author(part):
        return True
    return any(
        _varies(inner) for name, inner in part.items() if name not in ("metadata", "serialization", "config")
    )


def is_written_by_author(node: Any) -> bool:
    """Return whether a schema is a validator that the author of a model wrote."""
    kind = node.get("type")
    if not isinstance(kind, str) or not kind.startswith("function-") or not is_map(node.get("function")):
        return False
    function = node["function"].get("function")
    module = getattr(getattr(function, "__func__", function), "__module__", None) or type(function).__module__
    return module.partition(".")[0] not in _OWN
