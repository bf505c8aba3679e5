"""Embedded values have to be of the classes that were declared: others are read as those.

Pydantic lets a field hold an instance of a subclass, writes the declared fields of it and says nothing.

Whether a value is read as it is: an attribute that was set past validation may be written as something else.
A part of a new document may have been set so before or after the document was made of it, which
nothing notes; so the parts are looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeGuard, cast

from pydantic import BaseModel

from ..._types import Json, is_list, is_map, is_row
from .core_schemas import nodes_in, schemas_in
from .field_values import field_schema
from .forms import LOSSY, stored_form
from .pydantic_attributes import extra_of, private_of


def embedded_classes(model: type[Any], schema: Any) -> tuple[type[Any], ...]:
    """Return the classes of models and dataclasses that a stored schema reads, but the model itself."""
    return tuple(dict.fromkeys(cls for cls in _classes(schema) if cls is not model))


def _classes(part: Any) -> Iterator[type[Any]]:
    """Yield the classes of a schema, past what may be lossy, whose parts are its author's."""
    waiting, seen = [part], set[int]()
    while waiting:
        node = waiting.pop()
        if is_row(node):
            waiting += node
        elif is_map(node) and id(node) not in seen and LOSSY not in (node.get("metadata") or ()):
            seen.add(id(node))
            if node.get("type") in ("model", "dataclass"):
                yield node["cls"]
            waiting += [inner for inner in schemas_in(node) if isinstance(inner, (dict, list, tuple))]


def of_other_class(document: Any, declared: tuple[type[Any], ...]) -> tuple[str, Any, type[Any]] | None:
    """Find an attribute with an instance of a subclass of a declared class: its name, it, and the class."""
    if not any(map(type.__subclasses__, declared)):
        return None
    for name, value in document.__dict__.items():
        for part in instances(value):
            kind = cast(Any, type(part))
            if kind in declared or _origin(kind) in declared:
                continue
            for expected in declared:
                if isinstance(part, expected):
                    return name, part, expected
    return None


def instances(value: Any) -> Iterator[Any]:
    """Yield the models and dataclass objects in a value, at any depth."""
    if isinstance(value, BaseModel) or hasattr(value, "__dataclass_fields__"):
        yield value
        yield from instances(getattr(value, "__dict__", None))
    elif is_map(value):
        for item in value.values():
            yield from instances(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in cast("Iterable[Any]", value):
            yield from instances(item)


def _origin(kind: Any) -> Any:
    return getattr(kind, "__pydantic_generic_metadata__", {}).get("origin")


# --- whether a value is read as it is --------------------------------------------------------------


def alike(one: Json, other: Json) -> bool:
    """Return whether two JSON values are equal, where whole numbers of both kinds are."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if is_map(one) and is_map(other):
        return one.keys() == other.keys() and all(alike(value, other[name]) for name, value in one.items())
    if is_list(one) and is_list(other):
        return len(one) == len(other) and all(map(alike, one, other))
    return bool(one == other)


def are_of_same_classes(value: Any, again: Any) -> bool:
    """Return whether the models and dataclass objects in a value are of the classes they were read as."""
    if isinstance(value, Iterator):  # it is read up by now
        return False
    if isinstance(again, BaseModel) or hasattr(again, "__dataclass_fields__"):
        if not _is_of_class(type(value), type(cast(Any, again))):
            return False
        return are_of_same_classes(getattr(value, "__dict__", None), getattr(again, "__dict__", None))
    if is_map(again):
        return not is_map(value) or all(
            are_of_same_classes(inner, again[name]) for name, inner in value.items() if name in again
        )
    return not (is_row(again) and is_row(value)) or all(map(are_of_same_classes, value, again))


def told_apart(value: Any, again: Any) -> bool:
    """Return whether two values that are stored alike are seen to be no equal ones, at any depth.

    Those of two types (an int for a float) may stand for each other, and objects that compare by identity say
    nothing.
    """
    if isinstance(value, BaseModel) and isinstance(again, BaseModel):
        names = type(again).__pydantic_fields__
        return any(told_apart(value.__dict__.get(name), again.__dict__.get(name)) for name in names)
    if is_map(value) and is_map(again):
        return len(value) != len(again) or any(
            name not in again or told_apart(inner, again[name]) for name, inner in value.items()
        )
    if is_several(value) and is_several(again):
        is_bounded = getattr(value, "maxlen", None) != getattr(again, "maxlen", None)
        return is_bounded or len(value) != len(again) or any(map(told_apart, value, again))
    if type(value) is not type(again) or cast(Any, type(value)).__eq__ is object.__eq__:
        return False
    if hasattr(value, "__dataclass_fields__"):
        own = list(cast("dict[str, Any]", getattr(value, "__dataclass_fields__", {})))
        return any(told_apart(getattr(value, name, None), getattr(again, name, None)) for name in own)
    try:
        return bool(value != again)
    except Exception:  # noqa: BLE001  of an author, or an array that has no single answer
        return False


def is_several(value: Any) -> TypeGuard[Sequence[Any]]:
    """Return whether a value is one of the ordered containers that hold any values."""
    return isinstance(value, (list, tuple, deque))


def _is_of_class(kind: Any, read: Any) -> bool:
    """Return whether a class is that which was read, or one of the same generic class."""
    origin = _origin(read)
    return kind is read or (origin is not None and origin in (kind, _origin(kind)))


def is_lossy(model: type[Any], name: str) -> bool:
    """Return whether a field may be read as another value, as its author said."""
    schema, _ = field_schema(stored_form(model).origin, name)
    return any(LOSSY in (node.get("metadata") or ()) for node in nodes_in(schema))


# --- parts of new documents ------------------------------------------------------------------------


def part_fields(model: type[Any], schema: Any) -> tuple[str, ...]:
    """Return the fields of a model that can hold models or dataclass objects."""
    return tuple(
        name
        for name, info in model.__pydantic_fields__.items()
        if info.exclude is not True and any(map(is_part, nodes_in(field_schema(schema, name)[0])))
    )


def is_part(node: Any) -> bool:
    """Return whether a schema is that of a model or a dataclass."""
    return node.get("type") in ("model", "dataclass")


def is_bare(value: Any) -> bool:
    """Return whether a value is a model that has nothing beside its fields."""
    return isinstance(value, BaseModel) and extra_of(value) is None and private_of(value) is None
