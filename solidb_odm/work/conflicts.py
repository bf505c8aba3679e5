"""Three versions of one document made one: what it was, what we made of it, what others made of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeAlias

from .._dataclasses import dataclass
from .._types import Json, JsonObject
from .differences import identical


class _Missing:
    """An attribute that is not there, which is another thing than null."""

    def __repr__(self) -> str:
        return "MISSING"

    def __bool__(self) -> bool:
        return False


MISSING: Any = _Missing()


@dataclass(frozen=True, slots=True)
class AttributeConflict:
    """An attribute that both sides changed, to different values; ``MISSING`` where it is not there.

    ``path`` is dotted, in stored names; the values are in stored form.
    """

    path: str
    base: Json
    ours: Json
    theirs: Json


Conflict: TypeAlias = AttributeConflict
"""The former name."""

Prefer: TypeAlias = Literal["ours", "theirs"] | Callable[[AttributeConflict], Json]


def merge(
    base: Mapping[str, Any], ours: Mapping[str, Any], theirs: Mapping[str, Any], prefer: Prefer | None = None
) -> tuple[JsonObject, list[AttributeConflict]]:
    """Return the document with the changes of both sides, and the attributes both changed differently.

    Objects inside are merged attribute by attribute, everything else as a whole. A conflict is settled
    as ``prefer`` says; without it our value stands.
    """
    merged: JsonObject = {}
    conflicts: list[AttributeConflict] = []
    for name in dict.fromkeys((*theirs, *ours)):
        versions = (base.get(name, MISSING), ours.get(name, MISSING), theirs.get(name, MISSING))
        value = _merge_value(name, versions, prefer, conflicts)
        if value is not MISSING:
            merged[name] = value
    return merged, conflicts


def _merge_value(
    path: str, versions: tuple[Json, Json, Json], prefer: Prefer | None, conflicts: list[AttributeConflict]
) -> Json:
    base, ours, theirs = versions
    if identical(ours, theirs) or identical(base, theirs):
        return ours
    if identical(base, ours):
        return theirs
    if all(isinstance(version, dict) for version in versions):
        value, inner = merge(base, ours, theirs, _below(path, prefer))
        conflicts += [
            AttributeConflict(f"{path}.{conflict.path}", conflict.base, conflict.ours, conflict.theirs)
            for conflict in inner
        ]
        return value
    conflict = AttributeConflict(path, base, ours, theirs)
    conflicts.append(conflict)
    return _settle(conflict, prefer)


def _below(path: str, prefer: Prefer | None) -> Prefer | None:
    if not callable(prefer):
        return prefer
    ask = prefer
    return lambda inner: ask(AttributeConflict(f"{path}.{inner.path}", inner.base, inner.ours, inner.theirs))


def _settle(conflict: AttributeConflict, prefer: Prefer | None) -> Json:
    if callable(prefer):
        return prefer(conflict)
    return conflict.theirs if prefer == "theirs" else conflict.ours
