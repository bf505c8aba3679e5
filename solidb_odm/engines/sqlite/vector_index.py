"""Vector indexes as one connection sees them: what is known is taken over, what changed since is read."""

from __future__ import annotations

import math
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final

from . import library
from .catalogue import StoredIndex
from .vector_graph import Graphs
from .vector_matrix import Asked, Mark, Part, Vectors, numpy_module
from .vector_tables import changes_table, rest_of_vectors, vectors_table

_KEPT: Final = 4
_STATES: Final = 2
_NUMBERS: Final[frozenset[type[Any]]] = frozenset((int, float))
_CHUNK: Final = 1_000
_FEW_CHANGES: Final = 1_000


class VectorCache:
    """The states of indexes that were read last, shared by the channels of one driver; safe for threads."""

    def __init__(self, path: str = "") -> None:
        self.graphs = Graphs(path)
        self._lock = threading.Lock()
        self.reading = threading.Lock()
        """Held by who reads an index whole, so that others need not do it too."""
        self._known: OrderedDict[int, list[Vectors]] = OrderedDict()

    def after_fork(self) -> None:
        """Take new locks: a thread that is not in this process may have held the old ones."""
        self._lock, self.reading = threading.Lock(), threading.Lock()
        self.graphs.after_fork()

    def states(self, number: int) -> list[Vectors]:
        """Return what is known of an index: the last state first, then an older one."""
        with self._lock:
            return list(self._known.get(number, ()))

    def keep(self, number: int, state: Vectors) -> None:
        """Remember a committed state, and forget those that were not used for longest."""
        with self._lock:
            others = [other for other in self._known.get(number, ()) if other.mark != state.mark]
            self._known[number] = [state, *others][:_STATES]
            self._known.move_to_end(number)
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)


class VectorIndexes:
    """Vector indexes of one connection. Ask within one read transaction.

    What a transaction has written is seen by it alone, and kept apart from what all may see.
    """

    def __init__(
        self, connection: sqlite3.Connection, cache: VectorCache, is_writing: Callable[[], bool]
    ) -> None:
        self._connection = connection
        self._cache = cache
        self.is_writing = is_writing
        self._own: dict[int, Vectors] = {}

    def nearest(
        self, index: StoredIndex, query: Sequence[float], most: int, *, exact: bool = True
    ) -> list[int] | None:
        """Return the rowids of the ``most`` nearest vectors and of all within a rounding error of them.

        Unless ``exact``, of very many vectors about the nearest. None without NumPy, and where 32 bits are
        too few.
        """
        if most < 1:
            return []
        state = self.state(index)
        if state is None or not set(map(type, query)) <= _NUMBERS:
            return None
        asked = Asked.of(query, index.spec.metric, math.hypot(*query))
        if asked is None:
            return None
        near = None if exact else self.approximate(index, state, asked, most)
        return near if near is not None else state.nearest(asked, most)

    def first(
        self, index: StoredIndex, rowids: Sequence[int], query: Sequence[float], most: int
    ) -> list[int] | None:
        """Return the ``most`` nearest of these documents; None where the roundings of the language decide."""
        state, asked = self.state(index), Asked.of(query, index.spec.metric, math.hypot(*query))
        first = list[int]()
        for run in [] if state is None or asked is None else state.runs(rowids, asked):
            first += run
            if len(first) >= most:
                break
        return first if len(first) == most else None

    def approximate(self, index: StoredIndex, state: Vectors, asked: Asked, most: int) -> list[int] | None:
        """Return about the ``most`` nearest vectors of very many; None where these must be found exactly."""
        if self.is_writing():  # a graph is built of what is committed
            return None

        def changed(mark: Mark, limit: int) -> list[int] | None:
            return self._changed(index, mark, limit) if self._is_part(index, mark) else None

        near = self._cache.graphs.near(index, state, asked, most, changed)
        if near is None:
            return None
        apart = state.without_direction() if index.spec.metric == "cosine" else []
        return state.nearest(asked, most, [*near, *apart])

    def are_odd(self, index: StoredIndex, state: Vectors) -> bool:
        """Return whether there are documents as ``odd`` returns; it is looked at once for a state."""
        if not state.are_odd:
            state.are_odd.append(bool(self.odd(index, 1)))
        return state.are_odd[0]

    def odd(self, index: StoredIndex, most: int) -> list[int]:
        """Return documents that the index does not know, but the language may take for vectors."""
        sql = f"SELECT rowid FROM {rest_of_vectors(index.number)} WHERE odd LIMIT ?"
        return [row[0] for row in self._connection.execute(sql, (most,)).fetchall()]

    def state(self, index: StoredIndex) -> Vectors | None:
        """Return the vectors as they are now; None without NumPy, or if the file is from before."""
        if numpy_module() is None:
            return None
        mark = self._mark(index)
        if mark is None:
            return None
        if self.is_writing():
            own = self._own.get(index.number)
            states = [*([] if own is None else [own]), *self._cache.states(index.number)]
            state = self._known(index, mark, states)
            self._own[index.number] = state if state is not None else self._whole(index, mark)
            return self._own[index.number]
        self._own.clear()
        return self._shared(index, mark)

    def _shared(self, index: StoredIndex, mark: Mark) -> Vectors:
        """Return the state of what is committed, for all."""
        states = self._cache.states(index.number)
        state = self._known(index, mark, states)
        if state is None:
            with self._cache.reading:
                states = self._cache.states(index.number)
                state = self._known(index, mark, states)
                state = state if state is not None else self._whole(index, mark)
        if state not in states:
            self._cache.keep(index.number, state)
        return state

    def _mark(self, index: StoredIndex) -> Mark | None:
        """Return the mark of the last change; None of an index that was made before there were any."""
        sql = f"SELECT number, mark FROM {changes_table(index.number)} ORDER BY number DESC LIMIT 1"
        try:
            current: Mark | None = self._connection.execute(sql).fetchone()
        except library.operational_errors() as exc:
            if library.code_of(exc) != sqlite3.SQLITE_ERROR:
                raise
            return None
        return current

    def _known(self, index: StoredIndex, mark: Mark, states: Sequence[Vectors]) -> Vectors | None:
        """Return the state with this mark, made of one that is known; None if none of them leads to it."""
        for state in states:
            if state.mark == mark:
                return state
        for state in states:
            if self._is_part(index, state.mark) and (after := self._after(index, state, mark)) is not None:
                return after
        return None

    def _is_part(self, index: StoredIndex, mark: Mark) -> bool:
        """Return whether a state is one that the file has been in, on the way to what it is now."""
        sql = f"SELECT 1 FROM {changes_table(index.number)} WHERE number = ? AND mark = ?"
        return self._connection.execute(sql, mark).fetchone() is not None

    def _after(self, index: StoredIndex, state: Vectors, mark: Mark) -> Vectors | None:
        """Read what changed after a state; None if that is so much that all may be read as well."""
        changed = self._changed(index, state.mark, max(_FEW_CHANGES, len(state) // 2))
        if changed is None:
            return None
        sql = (
            f"SELECT rowid, vector FROM {vectors_table(index.number)}"
            f" WHERE rowid IN (SELECT document FROM {changes_table(index.number)} WHERE number > ?)"
        )
        return state.after(mark, changed, dict(self._connection.execute(sql, state.mark[:1]).fetchall()))

    def _changed(self, index: StoredIndex, mark: Mark, most: int) -> list[int] | None:
        """Return the documents that were changed after a state; None if they are more than ``most``."""
        sql = f"SELECT DISTINCT document FROM {changes_table(index.number)} WHERE number > ? LIMIT ?"
        changed = [row[0] for row in self._connection.execute(sql, (mark[0], most + 1)).fetchall()]
        return None if len(changed) > most else changed

    def _whole(self, index: StoredIndex, mark: Mark) -> Vectors:
        numpy: Any = numpy_module()
        rowids: list[int] = []
        data = bytearray()
        sql = f"SELECT rowid, vector FROM {vectors_table(index.number)} ORDER BY rowid"
        cursor = self._connection.execute(sql)
        while rows := cursor.fetchmany(_CHUNK):
            rowids += [row[0] for row in rows]
            data += b"".join([row[1] for row in rows])
        return Vectors.of(numpy, mark, Part.of(numpy, rowids, data, index.spec.dimension))
