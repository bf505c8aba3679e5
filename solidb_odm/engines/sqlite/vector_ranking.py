"""The documents of a query whose vectors are nearest, under the query's conditions."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from . import vector_measures
from .index_ranking import MOST_UNKNOWN, IndexRanking, in_order, keys_of
from .vector_tables import rest_of_vectors

if TYPE_CHECKING:
    from ..._types import Json, Stored
    from .catalogue import Collection, StoredIndex
    from .index_ranking import Run
    from .nearness import Nearness
    from .sql.candidates import Matching
    from .vector_index import VectorIndexes
    from .vector_matrix import Asked


class VectorRanking(IndexRanking):
    """Ranks the vectors of one index for one query."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        vectors: VectorIndexes,
        collection: Collection,
        index: StoredIndex,
        asked: Asked,
        wanted: Nearness,
        allowed: Matching | None,
        binds: Mapping[str, Any],
        *,
        approximate: bool,
    ) -> None:
        super().__init__(connection, collection, index, wanted, allowed, binds)
        self._vectors = vectors
        self._asked = asked
        self._rest = rest_of_vectors(index.number)
        self._state = vectors.state(index)
        self._is_approximate = approximate and not wanted.conditions

    def is_possible(self) -> bool:
        return self._state is not None

    def documents(self, count: int, offset: int = 0) -> list[Stored | None] | None:
        if self._state is None or not self._is_exact or self._vectors.are_odd(self._index, self._state):
            return None
        for near, passed in self._rounds(count):
            if near is None or len(passed) >= count:
                ordered = self._ordered(passed)
                if len(ordered) < count:
                    ordered += self._others(self._rest, count - len(ordered))
                return self._read(ordered[offset:count])
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
                in_place = self._is_exact and self._is_by_key and not odd  # where only the first others count
                most = count - len(passed) if in_place else MOST_UNKNOWN + 1
                others = self._others(self._rest, most)
                return run([*passed, *others]) if in_place or len(others) < most else None
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
        return self._state.nearest(self._asked, most, among)

    def _about(self, most: int) -> list[int] | None:
        """Return about the nearest vectors, if there are very many and that is enough."""
        if self._state is None or not self._is_approximate:
            return None
        return self._vectors.approximate(self._index, self._state, self._asked, most)

    def _ordered(self, rowids: list[int]) -> list[int]:
        """Return documents in the order of the language: by distance, then by key."""
        assert self._state is not None
        runs = self._state.runs(rowids, self._asked)
        if len(runs) < len(rowids):
            unclear = [rowid for run in runs if len(run) > 1 for rowid in run]
            keys = keys_of(self._connection, self._collection.table, unclear)
            exact = dict(zip(unclear, self._distances(unclear), strict=True))
            runs = [
                in_order(((exact[row], keys[row], row) for row in run), descending=self._is_descending)
                if len(run) > 1
                else run
                for run in runs
            ]
        return [rowid for run in runs for rowid in run]

    def _distances(self, rowids: list[int]) -> list[float]:
        """Return how far documents are, as the language has it."""
        assert self._state is not None
        metric = self._index.spec.metric
        measured = vector_measures.distances(self._state.rows(rowids), self._asked.narrow, metric)
        return [-far for far in measured] if metric == "dot" else measured
