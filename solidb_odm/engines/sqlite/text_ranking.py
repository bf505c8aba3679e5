"""The documents of a query that fit a search best, under the query's conditions.

What was found has its score already; keys decide between equal scores, and are read only for those.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from heapq import nlargest
from typing import TYPE_CHECKING, Any, Final

from .index_ranking import IndexRanking, in_order, keys_of

if TYPE_CHECKING:
    from ..._types import Json, Stored
    from .catalogue import Collection, StoredIndex
    from .index_ranking import Run
    from .nearness import Nearness
    from .sql.candidates import Matching

_FEW: Final = 16
"""How many more documents than are wanted are read rather than their keys first."""
_WALK: Final = 2
"""How many keys are passed over in the time of looking up one."""
Scores = Mapping[int, float]
"""How well documents fit, by rowid."""


class TextRanking(IndexRanking):
    """Ranks what a search has found."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        collection: Collection,
        index: StoredIndex,
        wanted: Nearness,
        allowed: Matching | None,
        binds: Mapping[str, Any],
        scores: Scores,
    ) -> None:
        super().__init__(connection, collection, index, wanted, allowed, binds)
        self._scores = scores

    def is_possible(self) -> bool:
        return True

    def documents(self, count: int, offset: int = 0) -> list[Stored | None] | None:
        if not self._is_exact:
            return None
        for near, passed in self._rounds(count):
            if near is None or len(passed) >= count:
                few = len(passed) <= count + _FEW and not offset
                return self._sorted(passed)[:count] if few else self._read(self._best(passed, count)[offset:])
        return None

    def rows(self, count: int, limit: int, run: Run) -> list[Json] | None:
        for near, passed in self._rounds(count):
            if self._is_exact and len(passed) < count and near is not None:
                continue
            rows = run(self._best(passed, count) if self._is_exact and self._is_by_key else passed)
            if near is None or self._is_exact or len(rows) == limit:
                return rows
        return None

    def _first(self, most: int, among: list[int] | None) -> list[int] | None:
        scores = self._scores
        if among is not None:
            scores = {rowid: scores[rowid] for rowid in among if rowid in scores}
        if len(scores) <= most:
            return list(scores)
        worst = nlargest(most, scores.values())[-1]
        return [rowid for rowid, score in scores.items() if score >= worst]

    def _sorted(self, rowids: list[int]) -> list[Stored | None]:
        """Return all of some documents, read at once with the keys that decide between equal scores."""
        ranked = [(-self._scores[rowid], row[0], row) for rowid, row in self._stored(rowids).items()]
        return in_order(ranked, descending=self._is_descending)

    def _best(self, rowids: list[int], count: int) -> list[int]:
        chosen = {rowid: self._scores[rowid] for rowid in rowids}
        table, descending = self._collection.table, self._is_descending
        return [rowid for _, _, rowid in best(self._connection, table, chosen, count, descending=descending)]


def best(
    connection: sqlite3.Connection, table: str, scores: Scores, count: int, *, descending: bool
) -> list[tuple[float, str, int]]:
    """Return score, key and rowid of the best documents, by key where scores are equal."""
    if count < 1 or not scores:
        return []
    worst = nlargest(count, scores.values())[-1] if len(scores) > count else min(scores.values())
    above = [rowid for rowid, score in scores.items() if score > worst]
    equal = [rowid for rowid, score in scores.items() if score == worst]
    keys = keys_of(connection, table, above)
    ranked = [(scores[rowid], key, rowid) for rowid, key in keys.items()]
    last = _first_by_key(connection, table, equal, count - len(above), descending=descending)
    ranked += [(worst, key, rowid) for rowid, key in last]
    ranked.sort(key=lambda pair: pair[1], reverse=descending)
    return sorted(ranked, key=lambda pair: -pair[0])


def _first_by_key(
    connection: sqlite3.Connection, table: str, rowids: list[int], count: int, *, descending: bool
) -> list[tuple[int, str]]:
    """Return rowids and keys of the first of some documents: along the order of all keys, if that is less."""
    if count < 1:
        return []
    order = "DESC" if descending else "ASC"
    if len(rowids) > count * _WALK:
        chosen, first = set(rowids), list[tuple[int, str]]()
        sql = f"SELECT rowid, key FROM {table} ORDER BY key {order} LIMIT ?"
        for rowid, key in connection.execute(sql, (len(rowids) * _WALK,)):
            if rowid in chosen:
                first.append((rowid, key))
                if len(first) == count:
                    return first
    keys = sorted(keys_of(connection, table, rowids).items(), key=lambda pair: pair[1], reverse=descending)
    return keys[:count]
