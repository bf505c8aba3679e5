"""Whether reading the same stored form twice gives the same values.

A default that is called (``uuid4``, ``datetime.now``), a computed field or a validator of an embedded model's
author may give another value each time. Of classes that hold such, what was read is kept to compare with.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from .field_schemas import field_schema
from .forms import LOSSY, is_map, is_row, nodes_in, stored_form

_PURE = frozenset((list, dict, set, frozenset, tuple, deque, str, int, float, bool))
_OWN = ("pydantic", "pydantic_core", "solidb_odm")


def is_unsteady(model: Any, names: Iterable[str]) -> bool:
    """Return whether fields of a complete model can be read as another value each time."""
    form = stored_form(model)
    return any(_any_node(field_schema(form.origin, name)[0], _varies) for name in names)


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
    return any(map(holds, nodes_in(part)))


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


def _varies(node: Any) -> bool:
    factory = node.get("default_factory")
    is_called = factory is not None and factory not in _PURE and not isinstance(factory, type)
    return is_called or bool(node.get("computed_fields")) or is_written_by_author(node)


def is_written_by_author(node: Any) -> bool:
    """Return whether a schema is a validator that the author of a model wrote."""
    kind = node.get("type")
    if not isinstance(kind, str) or not kind.startswith("function-") or not is_map(node.get("function")):
        return False
    function = node["function"].get("function")
    module = getattr(getattr(function, "__func__", function), "__module__", None) or type(function).__module__
    return module.partition(".")[0] not in _OWN
