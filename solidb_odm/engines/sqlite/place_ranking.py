"""The documents of a query whose places are nearest, under the query's conditions.

The R*Tree gives the boxes around places in 32 bits. Rings around the centre grow until one surely holds
enough of them; just the documents that can be among the first are read, and measured as the language does.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ...language.functions.shapes import EARTH_RADIUS, metres, on_globe
from . import json_text
from .index_ranking import MOST_UNKNOWN, IndexRanking, in_order
from .layout import field_path
from .place_tables import NO_PLACE, ODD, places_table, rest_of_places
from .sql.index_filters import INSIDE, NOWHERE, surroundings
from .vector_matrix import runs_of

if TYPE_CHECKING:
    from ..._types import Json, Stored
    from .catalogue import Collection, StoredIndex
    from .index_ranking import Run
    from .nearness import Nearness
    from .sql.candidates import Matching

_START: Final = 1_000.0
_LEAST: Final = 20.0
HALF_WAY: Final = math.pi * EARTH_RADIUS + _START
_ROUNDING: Final = 6.0
"""Metres by which a place in 32 bits may be elsewhere."""
_ROOM: Final = 64
"""How many more places than eight times those that are wanted are read before a smaller ring is tried."""
_NARROW: Final = 1.3
_REMEMBERED: Final = 256
Near = list[tuple[float, int]]
"""About how far documents are, and their rowids."""


class PlaceRanking(IndexRanking):
    """Ranks the places of one index by their distance from one.

    ``reach`` remembers how far away the last place was by how many were asked for. ``radius`` leaves out what
    is farther away.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        collection: Collection,
        index: StoredIndex,
        centre: tuple[float, float],
        wanted: Nearness,
        allowed: Matching | None,
        binds: Mapping[str, Any],
        *,
        nulls_last: bool,
        reach: dict[tuple[int, int], float],
        radius: float,
    ) -> None:
        super().__init__(connection, collection, index, wanted, allowed, binds)
        self._lat, self._lon = centre
        self._about: dict[int, float] = {}
        self._error = 0.0
        self._nulls_last = nulls_last
        self._reach = reach
        self._radius = radius
        self._rest = rest_of_places(index.number)
        self._skips_null = not index.is_outdated and wanted.has_place(binds)
        path = field_path(index.spec.fields[0])[1:-1]
        self._place = f"d.doc -> '{path}.lat', d.doc -> '{path}.lon'"

    def is_possible(self) -> bool:
        return on_globe((self._lon, self._lat))

    def documents(self, count: int, offset: int = 0) -> list[Stored | None] | None:
        if not self.is_possible() or not self._is_exact or self._odd(1):
            return None
        if self._radius < math.inf and (not self._skips_null or self._unknown(1, f"kind > {NO_PLACE}")):
            return None  # what has a place but no distance is in every circle
        rowids = [] if self._nulls_last else self._without_place(count)
        if len(rowids) < count:
            near = self._nearest(count - len(rowids))
            if near is None:
                return None
            rowids += near
        if len(rowids) < count and self._nulls_last and self._radius == math.inf:
            rowids += self._without_place(count - len(rowids))
        return self._read(rowids[offset:])

    def rows(self, count: int, limit: int, run: Run) -> list[Json] | None:
        among = f"kind > {NO_PLACE}" if self._skips_null else "1"
        unknown = self._odd(MOST_UNKNOWN + 1) if self._nulls_last else self._unknown(MOST_UNKNOWN + 1, among)
        if not self.is_possible() or len(unknown) > MOST_UNKNOWN:
            return None
        for near, passed in self._rounds(count):
            if near is None:
                others = self._others(self._rest, MOST_UNKNOWN + 1, among)
                return None if len(others) > MOST_UNKNOWN else run([*passed, *others])
            if len(passed) < count:
                continue
            rows = run([*passed, *unknown])
            if self._is_exact or len(run(passed) if unknown else rows) == limit:
                return rows
        return None

    # --- what the index knows --------------------------------------------------------------------

    def _first(self, most: int, among: list[int] | None) -> list[int] | None:
        near = self._ring(most) if among is None else self._distances(among)
        worst = near[most - 1][0] + 2 * _ROUNDING if len(near) > most else math.inf
        self._about = {rowid: far for far, rowid in near if far <= worst}
        self._error = _ROUNDING if among is None else 0.0
        return list(self._about)

    def _ring(self, most: int) -> Near:
        """Return the places of a ring that surely holds the ``most`` nearest, or of the whole globe."""
        asked = (self._index.number, most)
        radius, room = self._reach.get(asked, _START), 8 * most + _ROOM
        too_small, too_large = 0.0, math.inf
        while True:
            is_narrow = radius <= max(_LEAST, too_small * _NARROW)
            near = self._inside(radius, -1 if is_narrow else room)
            if len(near) >= room and not is_narrow:
                too_large = radius
                radius = math.sqrt(too_small * radius) if too_small else radius / 4
                continue
            near.sort()
            if len(near) >= most and near[most - 1][0] + _ROUNDING <= radius:
                if len(self._reach) >= _REMEMBERED:
                    self._reach.clear()
                self._reach[asked] = max(_LEAST, near[most - 1][0] * 1.1)
                return near
            if radius >= min(HALF_WAY, self._radius + 2 * _ROUNDING):
                return [row for row in near if row[0] <= self._radius + _ROUNDING]
            too_small = radius
            radius = min(radius * self._growth(len(near), most), too_large, HALF_WAY)
            if radius < too_large < math.inf:
                radius = max(radius, math.sqrt(too_small * too_large))

    def _growth(self, count: int, most: int) -> float:
        """Return how much larger the next ring is, if places are as dense there."""
        return min(4.0, max(1.5, 1.2 * math.sqrt(most / count))) if count else 4.0

    def _inside(self, radius: float, most: int) -> Near:
        """Return the plain places in the boxes around a circle, and those of them in its corners."""
        side = places_table(self._index.number)
        is_plain = f"NOT EXISTS (SELECT 1 FROM {self._rest} AS r WHERE r.rowid = {side}.rowid)"
        sql = (
            f"SELECT rowid, (south + north) / 2, (west + east) / 2 FROM {side}"
            f" WHERE {INSIDE.format(*'????')} AND {is_plain} LIMIT ?"
        )
        here = (self._lon, self._lat)
        boxes = surroundings(self._lat, self._lon, radius)
        return [
            (metres(here, (lon, lat)), rowid)
            for box in boxes
            if box is not NOWHERE
            for rowid, lat, lon in self._connection.execute(sql, (*box, most)).fetchall()
        ]

    # --- what the documents say ------------------------------------------------------------------

    def _nearest(self, count: int) -> list[int] | None:
        """Return the nearest documents that have a place; None if one of them is at no place."""
        for near, passed in self._rounds(count):
            if near is None or len(passed) >= count:
                ordered = self._ordered(passed)
                return None if ordered is None else ordered[:count]
        return None

    def _ordered(self, rowids: list[int]) -> list[int] | None:
        """Return documents in the order of the language, measured as it does where 32 bits do not tell."""
        apart = runs_of(((self._about[rowid], rowid) for rowid in rowids), 2 * self._error)
        unclear = [rowid for run in apart if self._is_unclear(run) for rowid in run]
        exact = dict[int, tuple[float, str]]()
        for rowid, key, *place in self._columns(f"d.rowid, d.key, {self._place}", unclear):
            measured = self._metres(*place)
            if measured is None:
                return None
            exact[rowid] = measured, key
        return [rowid for run in apart for rowid in self._inside_radius(run, exact)]

    def _is_unclear(self, run: list[int]) -> bool:
        """Return whether 32 bits do not tell the order of documents, or whether one is inside the radius."""
        return len(run) > 1 or abs(self._about[run[0]] - self._radius) <= self._error

    def _inside_radius(self, run: list[int], exact: Mapping[int, tuple[float, str]]) -> list[int]:
        """Return those of some documents that are inside the radius, in order."""
        if run[0] not in exact:
            return run if self._about[run[0]] <= self._radius else []
        ranked = [(*exact[rowid], rowid) for rowid in run if exact[rowid][0] <= self._radius]
        return in_order(ranked, descending=self._is_descending)

    def _distances(self, among: list[int]) -> Near:
        """Return how far documents are, the nearest first, without those that have no place."""
        rows = self._columns(f"d.rowid, {self._place}", among)
        measured = [(self._metres(*place), rowid) for rowid, *place in rows]
        return sorted([(far, rowid) for far, rowid in measured if far is not None and far <= self._radius])

    def _columns(self, columns: str, rowids: list[int]) -> list[Any]:
        if not rowids:
            return []
        sql = f"SELECT {columns} FROM {self._collection.table} AS d WHERE d.rowid IN"
        given = (json_text.encode(rowids),)
        return self._connection.execute(f"{sql} (SELECT value FROM json_each(?))", given).fetchall()

    def _metres(self, lat: str | None, lon: str | None) -> float | None:
        """Return the metres to a place as the language has them, for the texts of its numbers."""
        try:
            place = (float(lon or ""), float(lat or ""))
        except ValueError:
            return None
        return metres(place, (self._lon, self._lat)) if on_globe(place) else None

    # --- documents without a plain place ---------------------------------------------------------

    def _unknown(self, most: int, condition: str = "1") -> list[int]:
        """Return documents that the index does not know."""
        sql = f"SELECT rowid FROM {self._rest} WHERE {condition} LIMIT ?"
        return [row[0] for row in self._connection.execute(sql, (most,)).fetchall()]

    def _odd(self, most: int) -> list[int]:
        """Return those of them that the language may measure or refuse; all, if the index does not say."""
        return self._unknown(most, "1" if self._index.is_outdated else f"kind > {NO_PLACE} AND kind = {ODD}")

    def _without_place(self, most: int) -> list[int]:
        """Return documents that have no distance, where none is odd, by key."""
        return self._others(self._rest, most, f"r.kind > {NO_PLACE}" if self._skips_null else "1")
