"""Ranking documents by an index, under the conditions of a query.

The index ranks, SQL tests conditions; where it can't say them all, the language does. First the best are
tested, a few times as many as are wanted; where too few of them pass, all documents that pass are found
first, and only these are ranked. So the answer is exact and never short.
"""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ..._types import Json, Stored
from . import json_text
from .documents import COLUMNS

if TYPE_CHECKING:
    from .catalogue import Collection, StoredIndex
    from .nearness import Nearness
    from .sql.candidates import Matching

_ROUNDS: Final = (4, 64)
"""How many times as many documents as are wanted are tested before all are."""
_WIDER: Final = 16
_FEW: Final = 1_000
"""The most documents found by another index that are ranked among themselves."""
MOST_UNKNOWN: Final = 1_000
"""The most documents that an index does not know for which it is worth while."""
Run = Callable[[Sequence[int]], list[Json]]
"""Runs the query over the documents with these rowids."""


T = TypeVar("T")


def in_order(ranked: Iterable[tuple[float, str, T]], *, descending: bool) -> list[T]:
    """Return what has a distance and a key, the nearest first, and by key what is equally near."""
    by_key = sorted(ranked, key=itemgetter(1), reverse=descending)
    return [item for _, _, item in sorted(by_key, key=itemgetter(0))]


def keys_of(connection: sqlite3.Connection, table: str, rowids: Iterable[int]) -> dict[int, str]:
    """Return the keys of documents by rowid."""
    sql = f"SELECT rowid, key FROM {table} WHERE rowid IN (SELECT value FROM json_each(?))"
    return dict(connection.execute(sql, (json_text.encode(list(rowids)),)).fetchall())


def by_key(connection: sqlite3.Connection, table: str, rowids: Iterable[int]) -> list[Stored | None]:
    """Return documents by key."""
    sql = f"SELECT {COLUMNS} FROM {table} WHERE rowid IN (SELECT value FROM json_each(?)) ORDER BY key"
    return connection.execute(sql, (json_text.encode(list(rowids)),)).fetchall()


class IndexRanking(ABC):
    """Ranks the documents of one collection for one query. ``allowed`` is what SQL can say of conditions."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        collection: Collection,
        index: StoredIndex,
        wanted: Nearness,
        allowed: Matching | None,
        binds: Mapping[str, Any],
    ) -> None:
        self._connection = connection
        self._collection = collection
        self._index = index
        self._allowed = allowed
        self._binds = binds
        self._is_filtered = bool(wanted.conditions)
        self._is_descending = wanted.is_descending
        self._is_by_key = wanted.is_by_key

    @property
    def _is_exact(self) -> bool:
        """Whether SQL says all conditions."""
        return not self._is_filtered or (self._allowed is not None and self._allowed.is_exact)

    @abstractmethod
    def is_possible(self) -> bool:
        """Return whether the index can tell."""

    @abstractmethod
    def documents(self, count: int, offset: int = 0) -> list[Stored | None] | None:
        """Return the first documents in their order, without so many; None if the language must say it."""

    @abstractmethod
    def rows(self, count: int, limit: int, run: Run) -> list[Json] | None:
        """Return the rows of the query; None if the index can't tell or does not know many documents."""

    @abstractmethod
    def _first(self, most: int, among: list[int] | None) -> list[int] | None:
        """Return the ``most`` first documents and all that may be as good; None if the index can't tell.

        They are fewer only if there are no more. ``among`` leaves just these documents.
        """

    def _rounds(self, count: int) -> Iterator[tuple[list[int] | None, list[int]]]:
        """Yield the first documents and those of them that pass, always more; None when there are no more.

        Nothing is yielded if the index can't tell.
        """
        among = self._few_passing()
        most = count * (_ROUNDS[0] if self._is_filtered and not (among is not None and self._is_exact) else 1)
        while True:
            first = self._first(most, among)
            if first is None:
                return
            passed = first if among is not None else self._passing(first)
            yield (None if len(first) < most else first), passed
            if len(first) < most:
                return
            most *= _WIDER
            if among is None and self._allowed is not None and self._is_far(most, count):
                among, most = self._all_passing(self._allowed), count if self._is_exact else most

    def _is_far(self, most: int, count: int) -> bool:
        """Return whether to look at all documents that pass takes less time than at the ``most`` first."""
        if most <= _ROUNDS[-1] * count:
            return False
        (rows,) = self._connection.execute(f"SELECT max(rowid) FROM {self._collection.table}").fetchone()
        return most > (rows or 0) // _WIDER

    def _read(self, rowids: Sequence[int]) -> list[Stored | None]:
        """Return documents in the order of these rowids."""
        documents = self._stored(rowids)
        return [documents[rowid] for rowid in rowids if rowid in documents]

    def _stored(self, rowids: Sequence[int]) -> dict[int, tuple[Any, ...]]:
        """Return documents by rowid, as they are stored."""
        sql = f"SELECT rowid, {COLUMNS} FROM {self._collection.table} WHERE rowid IN"
        given = (json_text.encode(rowids),)
        rows = self._connection.execute(f"{sql} (SELECT value FROM json_each(?))", given).fetchall()
        return {row[0]: row[1:] for row in rows}

    def _few_passing(self) -> list[int] | None:
        """Return the documents that pass, if an index finds them and they are few."""
        if self._allowed is None or not self._allowed.is_served:
            return None
        passing = self._all_passing(self._allowed, f" LIMIT {_FEW + 1}")
        return passing if len(passing) <= _FEW else None

    def _passing(self, rowids: list[int]) -> list[int]:
        """Return those of some documents that pass what SQL can say of the conditions."""
        if self._allowed is None or self._allowed.condition == "1":
            return rowids
        sql = (
            f"SELECT d.rowid FROM json_each(:solidb_rows) AS r CROSS JOIN {self._collection.table} AS d"
            f" ON d.rowid = r.value WHERE ({self._allowed.condition})"
        )
        given = {**self._allowed.parameters.values(self._binds), "solidb_rows": json_text.encode(rowids)}
        return [row[0] for row in self._connection.execute(sql, given).fetchall()]

    def _others(self, table: str, most: int, among: str = "1") -> list[int]:
        """Return documents of a table of those the index does not rank, by key, as far as they may pass."""
        condition, given = among, dict[str, Any](solidb_most=most)
        if self._allowed is not None:
            condition += f" AND ({self._allowed.condition})"
            given |= self._allowed.parameters.values(self._binds)
        sql = (
            f"SELECT d.rowid FROM {table} AS r CROSS JOIN {self._collection.table} AS d ON d.rowid = r.rowid"
            f" WHERE {condition} ORDER BY d.key {'DESC' if self._is_descending else 'ASC'} LIMIT :solidb_most"
        )
        return [row[0] for row in self._connection.execute(sql, given).fetchall()]

    def _all_passing(self, allowed: Matching, limit: str = "") -> list[int]:
        sql = f"{allowed.sql}{limit}"
        rows = self._connection.execute(sql, allowed.parameters.values(self._binds)).fetchall()
        return [row[0] for row in rows]
