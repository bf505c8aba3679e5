"""Which values of a model could lose something in JSON: NaN, infinities, integers above 64 bits.

Most fields can't, and most of the others are numbers themselves; only what is left makes a look at
the whole document necessary.
"""

from __future__ import annotations

import enum
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import PurePath
from typing import Any, get_args, get_origin
from uuid import UUID

from .. import type_inspection

_SAFE = (str, bool, bytes, type(None), date, time, timedelta, Decimal, UUID, enum.Enum, PurePath)
_CONTAINERS = (list, tuple, set, frozenset, dict)


def number_fields(model: type[Any]) -> tuple[str, ...]:
    """Return the fields that hold numbers themselves."""
    return tuple(
        name
        for name, info in model.__pydantic_fields__.items()
        if any(member in (int, float) for member in type_inspection.alternatives(info.annotation))
    )


def vector_fields(model: type[Any]) -> tuple[str, ...]:
    """Return the fields that can hold a plain list of floats, and no other numbers deeper than themselves."""
    return tuple(
        name
        for name, info in model.__pydantic_fields__.items()
        if any(map(_is_vector, type_inspection.alternatives(info.annotation)))
    )


def is_deep(model: type[Any]) -> bool:
    """Return whether numbers can stand anywhere else than in the fields themselves and in their vectors."""
    if model.model_config.get("extra") == "allow" or model.__pydantic_computed_fields__:
        return True
    return any(
        _holds_numbers(member, {model})
        for info in model.__pydantic_fields__.values()
        for member in type_inspection.alternatives(info.annotation)
        if member not in (int, float) and not _is_vector(member)
    )


def numeric_fields(model: type[Any]) -> tuple[str, ...]:
    """Return the fields that can hold numbers at any depth."""
    return tuple(
        name
        for name, info in model.__pydantic_fields__.items()
        if any(
            member in (int, float) or _is_vector(member) or _holds_numbers(member, {model})
            for member in type_inspection.alternatives(info.annotation)
        )
    )


def _is_vector(member: Any) -> bool:
    return get_origin(member) is list and get_args(member) == (float,)


def _holds_numbers(annotation: Any, seen: set[type[Any]]) -> bool:
    return any(_member_holds(member, seen) for member in type_inspection.alternatives(annotation))


def _member_holds(member: Any, seen: set[type[Any]]) -> bool:
    if hasattr(member, "__solidb_collection__") or hasattr(member, "__solidb_any_target__"):  # a reference
        return False
    origin = get_origin(member)
    if isinstance(origin, type) and issubclass(origin, _CONTAINERS):
        return any(_holds_numbers(part, seen) for part in get_args(member) if part is not Ellipsis)
    if not isinstance(member, type) or member in (int, float):
        return True
    kind: type[Any] = member
    if issubclass(kind, _SAFE) or kind in seen:
        return False
    fields = getattr(kind, "__pydantic_fields__", None)
    if fields is None:
        return True
    seen.add(kind)
    return any(_holds_numbers(info.annotation, seen) for info in fields.values())
