"""The documents of a query whose vectors are nearest, under the query's conditions.

The index ranks vectors, SQL tests conditions; where it can't say them all, the language does. First the
nearest are tested, a few times as many as are wanted; where too few of them pass, all documents that pass
are found first, and only their vectors are ranked. So the answer is exact and never short.
"""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from ...language.functions.vectors import distance_between
from . import json_text
from .documents import COLUMNS

if TYPE_CHECKING:
    from ..._types import Json, Stored
    from .catalogue import Collection, StoredIndex
    from .nearness import Nearness
    from .sql.candidates import Matching
    from .vector_index import VectorIndexes

_ROUNDS: Final = (4, 64)
"""How many times as many vectors as are wanted are tested before all documents are."""
_WIDER: Final = 16
_MOST_UNKNOWN: Final = 1_000
"""The most documents without a vector for which this is worth while."""


class VectorRanking:
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
        self._connection = connection
        self._vectors = vectors
        self._collection = collection
        self._index = index
        self._vector = vector
        self._state = vectors.state(index)
        self._is_filtered = bool(wanted.conditions)
        self._is_approximate = approximate and not wanted.conditions
        self._allowed = allowed
        self._binds = binds

    @property
    def _is_exact(self) -> bool:
        """Whether SQL says all conditions."""
        return not self._is_filtered or (self._allowed is not None and self._allowed.is_exact)

    def is_possible(self) -> bool:
        """Return whether the index can tell."""
        return self._state is not None

    def documents(self, count: int) -> list[Stored | None] | None:
        """Return the first documents in their order; None if the language must say it."""
        if self._state is None or not self._is_exact or self._vectors.odd(self._index, 1):
            return None
        for near, passed in self._rounds(count):
            if len(passed) >= count:
                return self._ranked(passed)[:count]
            if near is None:
                break
        return None

    def rows(self, count: int, limit: int, run: Callable[[Sequence[int]], list[Json]]) -> list[Json] | None:
        """Return the rows of the query; None if the index can't tell or does not know many documents."""
        if self._state is None:
            return None
        odd = self._vectors.odd(self._index, _MOST_UNKNOWN + 1)
        if len(odd) > _MOST_UNKNOWN:
            return None
        for near, passed in self._rounds(count):
            if near is None:
                others = self._vectors.without(self._index, _MOST_UNKNOWN + 1)
                return None if len(others) > _MOST_UNKNOWN else run([*passed, *others])
            if len(passed) < count:
                continue
            rows = run([*passed, *odd])
            if self._is_exact or len(run(passed) if odd else rows) == limit:
                return rows
        return None

    def _rounds(self, count: int) -> Iterator[tuple[list[int] | None, list[int]]]:
        """Yield the nearest vectors and those of them that pass, always more; None when there are no more.

        Nothing is yielded if the index can't tell.
        """
        among: list[int] | None = None
        most = count * (_ROUNDS[0] if self._is_filtered else 1)
        while self._state is not None:
            near = self._about(most)
            if near is None:
                near = self._state.nearest(self._vector, self._index.spec.metric, most, among)
            if near is None:
                return
            passed = near if among is not None else self._passing(near)
            yield (None if len(near) < most else near), passed
            if len(near) < most:
                return
            most *= _WIDER
            if most > _ROUNDS[-1] * count and among is None and self._allowed is not None:
                among, most = self._all_passing(self._allowed), count if self._is_exact else most

    def _about(self, most: int) -> list[int] | None:
        """Return about the nearest vectors, if there are very many and that is enough."""
        if self._state is None or not self._is_approximate:
            return None
        return self._vectors.approximate(self._index, self._state, self._vector, most)

    def _passing(self, rowids: list[int]) -> list[int]:
        """Return those of some documents that pass what SQL can say of the conditions."""
        if self._allowed is None:
            return rowids
        sql = f"{self._allowed.sql} AND d.rowid IN (SELECT value FROM json_each(:solidb_rows))"
        given = {**self._allowed.parameters.values(self._binds), "solidb_rows": json_text.encode(rowids)}
        return [row[0] for row in self._connection.execute(sql, given).fetchall()]

    def _all_passing(self, allowed: Matching) -> list[int]:
        rows = self._connection.execute(allowed.sql, allowed.parameters.values(self._binds)).fetchall()
        return [row[0] for row in rows]

    def _ranked(self, rowids: list[int]) -> list[Stored | None]:
        """Return documents in the order of the language: by distance, then by key."""
        table, wanted = self._collection.table, "SELECT value FROM json_each(?)"
        sql = f"SELECT rowid, {COLUMNS} FROM {table} WHERE rowid IN ({wanted})"
        found = self._connection.execute(sql, (json_text.encode(rowids),)).fetchall()
        distances = self._distances([row[0] for row in found])
        ranked = zip(distances, [row[1] for row in found], [row[1:] for row in found], strict=True)
        return [row for _, _, row in sorted(ranked)]

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
        return [sign * each for each in exact]
