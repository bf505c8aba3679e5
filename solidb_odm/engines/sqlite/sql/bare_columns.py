"""Attributes read as SQLite has them, where that tells the value.

``doc -> path`` is the JSON of an attribute, whatever it holds. ``doc ->> path`` is a text or a number at
once, which takes a fifth less time and need not be read again in Python; but true is 1 in it, an array is its
text, and a float may be off by its last digit. Most attributes are always texts, or integers: so they are
read bare, and a column in which a value could mean another one is read as JSON from then on, first in the
same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from ...._dataclasses import dataclass
from .row_shapes import Flat

if TYPE_CHECKING:
    from .plans import Plan

_TOLD: Final = frozenset((str, int, type(None)))
_NESTED: Final = ("[", "{")


@dataclass(frozen=True, slots=True)
class Bare:
    """A statement that answers a query with some columns bare: those in these places."""

    plan: Plan
    flat: Flat
    sql: str
    places: frozenset[int]

    def values(self, columns: Sequence[Sequence[Any]], rows: list[Any], *, are_loaded: bool) -> list[Any]:
        """Return the values of rows; ``are_loaded``: those of several columns may be tuples."""
        flat, places = self.flat, self.places
        if flat.kind == "any":
            return list(columns[0])
        if len(places) < len(columns):
            read = zip(columns, flat.decoders, strict=True)
            parts = [part if at in places else decode(part) for at, (part, decode) in enumerate(read)]
            rows = list(zip(*parts, strict=True))
        if flat.kind == "object":
            return [dict(zip(flat.names, row, strict=True)) for row in rows]
        return rows if are_loaded else list(map(list, rows))

    def odd(self, columns: Sequence[Sequence[Any]]) -> frozenset[int]:
        """Return the places of bare columns in which a value could mean another one."""
        return frozenset([place for place in self.places if not _is_told(columns[place])])

    def without(self, places: frozenset[int]) -> Bare | None:
        """Return the statement with these columns read as JSON; None if none is left."""
        return bare_form(self.plan, self.places - places)


def bare_form(plan: Plan, places: frozenset[int] | None = None) -> Bare | None:
    """Return the statement of a plan with columns read bare: all that can be, or these; None if none can."""
    flat = plan.shape.flat
    if flat is None or plan.distinct:
        return None
    able = frozenset([at for at, sql in enumerate(flat.bare) if sql])
    places = able if places is None else able & places
    columns = plan.shape.columns
    head = f"SELECT {', '.join(columns)} FROM "
    if not places or plan.sql.count(head) != 1:
        return None
    chosen = [flat.bare[at] if at in places else sql for at, sql in enumerate(columns)]
    return Bare(plan, flat, plan.sql.replace(head, f"SELECT {', '.join(chosen)} FROM "), places)


def _is_told(column: Sequence[Any]) -> bool:
    """Return whether each value can only have been a text, an integer or null."""
    try:
        text = "".join(column)
    except TypeError:  # not only texts
        if not _TOLD.issuperset(map(type, column)) or 0 in column or 1 in column:
            return False
        return not any(value.startswith(_NESTED) for value in column if value.__class__ is str)
    return ("[" not in text and "{" not in text) or not any(value.startswith(_NESTED) for value in column)
