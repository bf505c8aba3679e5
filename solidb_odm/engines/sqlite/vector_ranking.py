"""The documents of a query whose vectors are nearest, under the query's conditions."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ...language.functions.vectors import distance_between
from . import json_text
from .documents import COLUMNS
from .index_ranking import MOST_UNKNOWN, IndexRanking, first, in_order

if TYPE_CHECKING:
    from ..._types import Json, Stored
    from .catalogue import Collection, StoredIndex
    from .index_ranking import Ranked, Run
    from .nearness import Nearness
    from .sql.candidates import Matching
    from .vector_index import VectorIndexes


class VectorRanking(IndexRanking):
    """Ranks the vectors of one index for one query."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        vectors: VectorIndexes,
        collection: Collection,
        index: StoredIndex,
        vector: list[float],
        wanted: Nearness,
        allowed: Matching | None,
        binds: Mapping[str, Any],
        *,
        approximate: bool,
    ) -> None:
        super().__init__(connection, collection, index, wanted, allowed, binds)
        self._vectors = vectors
        self._vector = vector
        self._state = vectors.state(index)
        self._is_approximate = approximate and not wanted.conditions

    def is_possible(self) -> bool:
        return self._state is not None

    def documents(self, count: int) -> list[Stored | None] | None:
        if self._state is None or not self._is_exact or self._vectors.are_odd(self._index, self._state):
            return None
        for near, passed in self._rounds(count):
            if len(passed) >= count:
                return first(self._ranked(passed), count)
            if near is None and not self._vectors.without(self._index, 1):  # there are no others to come last
                return first(self._ranked(passed), count)
            if near is None:
                break
        return None

    def rows(self, count: int, limit: int, run: Run) -> list[Json] | None:
        if self._state is None:
            return None
        is_odd = self._vectors.are_odd(self._index, self._state)
        odd = self._vectors.odd(self._index, MOST_UNKNOWN + 1) if is_odd else []
        if len(odd) > MOST_UNKNOWN:
            return None
        for near, passed in self._rounds(count):
            if near is None:
                others = self._vectors.without(self._index, MOST_UNKNOWN + 1)
                return None if len(others) > MOST_UNKNOWN else run([*passed, *others])
            if len(passed) < count:
                continue
            rows = run([*passed, *odd])
            if self._is_exact or len(run(passed) if odd else rows) == limit:
                return rows
        return None

    def _first(self, most: int, among: list[int] | None) -> list[int] | None:
        near = self._about(most)
        if near is not None or self._state is None:
            return near
        return self._state.nearest(self._vector, self._index.spec.metric, most, among)

    def _about(self, most: int) -> list[int] | None:
        """Return about the nearest vectors, if there are very many and that is enough."""
        if self._state is None or not self._is_approximate:
            return None
        return self._vectors.approximate(self._index, self._state, self._vector, most)

    def _ranked(self, rowids: list[int]) -> list[Ranked]:
        """Return documents in the order of the language: by distance, then by key."""
        table, wanted = self._collection.table, "SELECT value FROM json_each(?)"
        sql = f"SELECT rowid, {COLUMNS} FROM {table} WHERE rowid IN ({wanted})"
        rows = self._connection.execute(sql, (json_text.encode(rowids),)).fetchall()
        distances = self._distances([row[0] for row in rows])
        ranked = zip(distances, [row[1] for row in rows], [row[1:] for row in rows], strict=True)
        return in_order(ranked, descending=self._is_descending)

    def _distances(self, rowids: list[int]) -> list[float]:
        """Return how far documents are, as exactly as their order needs."""
        state, metric = self._state, self._index.spec.metric
        assert state is not None
        clear = state.distances(rowids, self._vector, metric)
        if clear is not None:
            return clear
        asked, sign = array("f", self._vector), -1 if metric == "dot" else 1
        exact = [
            distance_between(asked, array("f", row.tobytes()), metric) or 0.0 for row in state.rows(rowids)
        ]
        return [sign * distance for distance in exact]
