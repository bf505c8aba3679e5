"""Outer joins: the documents a row is joined to, or none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..model.expressions.base import Expression
from ..model.expressions.build_scope import Source
from .columns import Column, Scalar
from .scope import sources_of


@dataclass(frozen=True, slots=True)
class Partner:
    """A source of an outer join, and the conditions that say which of its documents belong to a row."""

    source: Source
    conditions: tuple[Expression, ...]


def or_none(column: Column, source: Source) -> Column:
    """Let a column over a source be None where a row has no partner there."""
    if not isinstance(column, Scalar) or column.decode is None:
        return column
    reads = any(each is source for each in sources_of([column.expression]))
    return replace(column, decode=_or_none(column.decode)) if reads else column


def _or_none(decode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else decode(value)
