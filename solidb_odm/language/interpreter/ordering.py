"""Sorting of rows by compiled keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

from ..._types import Json
from ...errors import DatabaseError
from .. import nodes
from ..values import sort_key
from .compiler import Compiler
from .runtime import Row, Value
from .scope import Scope

_NUMBERS = frozenset((int, float))


@dataclass(frozen=True, slots=True)
class Key:
    """A compiled sort key."""

    value: Value
    descending: bool


def compile_keys(compiler: Compiler, keys: Sequence[nodes.SortKey], scope: Scope) -> list[Key]:
    """Compile sort keys; they can hold no window functions."""
    return [Key(compiler.expression(key.expression, scope), key.descending) for key in keys]


def order_rows(rows: Iterable[Row], keys: Sequence[Key]) -> list[Row]:
    """Sort rows, leaving those alike in their order. A key that fails reads as null."""
    ordered = list(rows)
    for key in reversed(keys):
        column = column_keys([_safe(key.value, row) for row in ordered])
        places = sorted(range(len(ordered)), key=column.__getitem__, reverse=key.descending)
        ordered = [ordered[place] for place in places]
    return ordered


def column_keys(values: list[Json]) -> list[Json]:
    """Return what to sort these values by: themselves where Python orders them as the server."""
    kinds = set(map(type, values))
    if kinds == {str} or kinds <= _NUMBERS:
        return values
    return list(map(sort_key, values))


def _safe(value: Value, row: Row) -> Json:
    try:
        return value(row)
    except DatabaseError as exc:
        row[0].swallow(exc)
        return None


def sorted_by(rows: list[Row], values: list[list[Json]]) -> list[Row]:
    """Sort rows ascending by lists of values beside them."""
    columns = [column_keys(list(column)) for column in zip(*values, strict=True)]
    keys = list(zip(*columns, strict=True)) if columns else list(repeat((), len(rows)))
    return [rows[place] for place in sorted(range(len(rows)), key=keys.__getitem__)]
