"""Answers to queries for what is nearest: an index says which documents can be among the first.

Just these are sorted, by the language itself. Documents that the index does not know are among them where
they can come first, or may be an error.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ..._types import Json, Stored
from ...language import nodes
from ...language.functions.shapes import metres
from .layout import rest_table, side_table
from .nearness import Nearness, nearness
from .sql.index_filters import surroundings
from .vector_ranking import VectorRanking

if TYPE_CHECKING:
    from .catalogue import Catalogue, Collection, StoredIndex
    from .sql.candidates import Narrowings
    from .vector_index import VectorIndexes

_MOST_ROWS: Final = 1_000
"""The most documents that are wanted, or that no index knows, for which this is worth while."""
_FIRST_RADIUS: Final = 1_000.0
_SLACK: Final = 1.02
_KEPT: Final = 256
_FAR: Final = 1e300
_NUMBERS: Final[frozenset[type[Any]]] = frozenset((int, float))
Run = Callable[[Sequence[int]], list[Json]]
"""Runs the query over the documents with these rowids."""


class NearestRows:
    """Answers on one connection."""

    def __init__(self, connection: sqlite3.Connection, catalogue: Catalogue, vectors: VectorIndexes) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._vectors = vectors
        self._looked_at: dict[int, tuple[nodes.Query, Nearness | None]] = {}

    def of(self, query: nodes.Query) -> Nearness | None:
        """Return what a query sorts by, if an index may choose its documents; looked at once."""
        known = self._looked_at.get(id(query))
        if known is None:
            if len(self._looked_at) >= _KEPT:
                self._looked_at.clear()
            known = self._looked_at[id(query)] = (query, nearness(query))
        return known[1]

    def documents(
        self,
        wanted: Nearness,
        binds: Mapping[str, Any],
        narrowings: Narrowings | None,
        *,
        approximate: bool,
    ) -> list[Stored | None] | None:
        """Return the documents of an answer, as they are stored; None if the language must sort them."""
        count = _count(wanted, binds)
        ranking = None
        if wanted.is_plain:
            ranking = self._ranking(wanted, binds, narrowings, approximate=approximate)
        if ranking is None or count is None:
            return None
        found = ranking.documents(count)
        offset = 0 if wanted.offset is None else _constant(wanted.offset, binds)
        return None if found is None else found[offset:count]

    def rows(
        self,
        wanted: Nearness,
        binds: Mapping[str, Any],
        narrowings: Narrowings | None,
        run: Run,
        *,
        approximate: bool,
    ) -> list[Json] | None:
        """Return the rows of an answer; None if no index can choose the documents."""
        if wanted.kind == "vector":
            count = _count(wanted, binds)
            ranking = self._ranking(wanted, binds, narrowings, approximate=approximate)
            limit = _constant(wanted.limit, binds)
            return None if ranking is None or count is None else ranking.rows(count, limit, run)
        chosen = self._places(wanted, binds)
        return None if chosen is None else run(chosen)

    def index_of(
        self, wanted: Nearness, binds: Mapping[str, Any], narrowings: Narrowings | None
    ) -> StoredIndex | None:
        """Return the index that chooses the documents; None if none can."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else _index(collection, wanted)
        if wanted.kind == "vector":
            ranking = self._ranking(wanted, binds, narrowings)
            usable = ranking is not None and _count(wanted, binds) is not None and ranking.is_possible()
        else:
            usable = self._places(wanted, binds) is not None
        return index if usable else None

    # --- vectors ---------------------------------------------------------------------------------

    def _ranking(
        self,
        wanted: Nearness,
        binds: Mapping[str, Any],
        narrowings: Narrowings | None,
        *,
        approximate: bool = False,
    ) -> VectorRanking | None:
        """Return what ranks the vectors of an index; None if it would rank others, or differently."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else _index(collection, wanted)
        if wanted.kind != "vector" or collection is None or index is None:
            return None
        given, metric, length, far, sign = [_constant(node, binds) for node in wanted.constants]
        vector: list[Any] = given if isinstance(given, list) else []  # pyright: ignore[reportUnknownVariableType]
        if not set(map(type, vector)) <= _NUMBERS or not all(map(math.isfinite, vector)) or not any(vector):
            return None
        if metric != index.spec.metric or (metric == "dot") != (sign == -1):
            return None
        if not len(vector) == length == index.spec.dimension or not _is_number(far) or far < _FAR:
            return None
        allowed = None
        if wanted.conditions and narrowings is not None:
            variable, conditions = wanted.variable, wanted.conditions
            allowed = narrowings.matching(collection.name, variable, conditions, self._catalogue.find)
        return VectorRanking(
            self._connection,
            self._vectors,
            collection,
            index,
            list(map(float, vector)),
            wanted,
            allowed,
            binds,
            approximate=approximate,
        )

    # --- places ----------------------------------------------------------------------------------

    def _places(self, wanted: Nearness, binds: Mapping[str, Any]) -> list[int] | None:
        """Return the rowids of documents among which the first ones are; None if no index can tell."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else _index(collection, wanted)
        count = _count(wanted, binds)
        if wanted.kind != "geo" or wanted.conditions or index is None or count is None:
            return None
        found = self._near(index, [_constant(node, binds) for node in wanted.constants], count)
        others = None if found is None else self._unknown(index)
        return None if found is None or others is None else [*found, *others]

    def _near(self, index: StoredIndex, constants: list[Json], count: int) -> list[int] | None:
        """Return what lies in a box that surely holds the nearest."""
        lat, lon = constants
        if not _is_number(lat) or not _is_number(lon) or abs(lat) > 90 or abs(lon) > 180:
            return None
        radius = _FIRST_RADIUS
        while True:
            box = surroundings(lat, lon, radius)
            if box[2] <= -180 and box[3] >= 180:
                return None
            if len(self._inside(index, box, count)) >= count:
                break
            radius *= 2
        corners = [(x, y) for y in box[:2] for x in box[2:]]
        farthest = max(metres((float(lon), float(lat)), corner) for corner in corners)
        whole = surroundings(lat, lon, farthest * _SLACK + _FIRST_RADIUS)
        return self._inside(index, whole, -1)

    def _inside(self, index: StoredIndex, box: tuple[float, float, float, float], most: int) -> list[int]:
        south, north, west, east = box
        sql = (
            f"SELECT rowid FROM {side_table(index)}"
            " WHERE north >= ? AND south <= ? AND east >= ? AND west <= ? LIMIT ?"
        )
        rows = self._connection.execute(sql, (south, north, west, east, most)).fetchall()
        return [row[0] for row in rows]

    def _unknown(self, index: StoredIndex) -> list[int] | None:
        """Return the documents that the index does not know; None if they are many."""
        sql = f"SELECT rowid FROM {rest_table(index)} LIMIT ?"
        rows = self._connection.execute(sql, (_MOST_ROWS + 1,)).fetchall()
        off = "north > 90 OR south < -90 OR east > 180 OR west < -180"  # from there everything is null far
        sql = f"SELECT rowid FROM {side_table(index)} WHERE {off} LIMIT ?"
        rows += self._connection.execute(sql, (_MOST_ROWS + 1,)).fetchall()
        return None if len(rows) > _MOST_ROWS else [row[0] for row in rows]


def _index(collection: Collection, wanted: Nearness) -> StoredIndex | None:
    for index in collection.indexes:
        if index.spec.kind == wanted.kind and index.spec.fields == (wanted.path,):
            return index
    return None


def _count(wanted: Nearness, binds: Mapping[str, Any]) -> int | None:
    limit = _constant(wanted.limit, binds)
    offset = 0 if wanted.offset is None else _constant(wanted.offset, binds)
    if type(limit) is not int or type(offset) is not int or limit < 1 or offset < 0:
        return None
    return limit + offset if limit + offset <= _MOST_ROWS else None


def _constant(node: nodes.Expression, binds: Mapping[str, Any]) -> Json:
    """Return the value of a literal or a bind; None for anything else."""
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.Bind):
        return binds.get(node.name)
    if isinstance(node, nodes.Array):
        return [_constant(item, binds) for item in node.items]
    if isinstance(node, nodes.Unary) and node.operator == "-":
        value = _constant(node.operand, binds)
        return -value if _is_number(value) else None
    return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
