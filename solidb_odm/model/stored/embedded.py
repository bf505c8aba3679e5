"""Embedded values have to be of the classes that were declared: others are read as those.

Pydantic lets a field hold an instance of a subclass, writes the declared fields of it and says nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from pydantic import BaseModel

from ..._types import is_map, is_row
from .forms import LOSSY, schemas_in


def embedded_classes(model: type[Any], schema: Any) -> tuple[type[Any], ...]:
    """Return the classes of models and dataclasses that a stored schema reads, but the model itself."""
    return tuple(dict.fromkeys(each for each in _classes(schema) if each is not model))


def _classes(part: Any) -> Iterator[type[Any]]:
    """Yield the classes of a schema, past what may be lossy, whose parts are its author's."""
    waiting, seen = [part], set[int]()
    while waiting:
        each = waiting.pop()
        if is_row(each):
            waiting += each
        elif is_map(each) and id(each) not in seen and LOSSY not in (each.get("metadata") or ()):
            seen.add(id(each))
            if each.get("type") in ("model", "dataclass"):
                yield each["cls"]
            waiting += schemas_in(each)


def of_other_class(document: Any, declared: tuple[type[Any], ...]) -> tuple[str, Any, type[Any]] | None:
    """Find an attribute with an instance of a subclass of a declared class: its name, it, and the class."""
    if not any(map(type.__subclasses__, declared)):
        return None
    for name, value in document.__dict__.items():
        for found in instances(value):
            kind = cast(Any, type(found))
            if kind in declared or _origin(kind) in declared:
                continue
            for each in declared:
                if isinstance(found, each):
                    return name, found, each
    return None


def instances(value: Any) -> Iterator[Any]:
    """Yield the models and dataclass objects in a value, at any depth."""
    if isinstance(value, BaseModel) or hasattr(value, "__dataclass_fields__"):
        yield value
        yield from instances(getattr(value, "__dict__", None))
    elif is_map(value):
        for each in value.values():
            yield from instances(each)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for each in cast("Iterable[Any]", value):
            yield from instances(each)


def _origin(kind: Any) -> Any:
    return getattr(kind, "__pydantic_generic_metadata__", {}).get("origin")
