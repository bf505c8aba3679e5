"""The nearest vectors of an index, by one product of a matrix where NumPy is there."""

from __future__ import annotations

import math
import sqlite3
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from .catalogue import StoredIndex
from .layout import side_table

_KEPT: Final = 4
_ROUNDING: Final = 1e-4
_LONGEST: Final = 1e18


@dataclass(frozen=True, slots=True)
class _Matrix:
    rowids: list[int]
    vectors: Any
    lengths: Any
    longest: float


class VectorIndexes:
    """Vector indexes of one connection; the matrices last used stay in memory while nothing is written."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._kept: OrderedDict[tuple[int, int, int], _Matrix] = OrderedDict()

    def nearest(self, index: StoredIndex, query: list[float], most: int) -> Sequence[int] | None:
        """Return the rowids of the ``most`` nearest vectors and of all within a rounding error of them.

        None without NumPy, and where 32 bits are too few for the squares of the numbers.
        """
        if find_spec("numpy") is None or not all(map(math.isfinite, query)):
            return None
        numpy: Any = import_module("numpy")
        matrix = self._matrix(numpy, index)
        if matrix.longest * max(1.0, math.hypot(*query)) > _LONGEST:
            return None
        if most >= len(matrix.rowids) or most < 1:
            return matrix.rowids if most >= 1 else ()
        asked = numpy.asarray(query, dtype=numpy.float32)
        scores = _scores(numpy, matrix, asked, index.spec.metric)
        worst = numpy.partition(scores, len(scores) - most)[len(scores) - most]
        near = numpy.nonzero(scores >= worst - _ROUNDING * max(1.0, abs(float(worst))))[0]
        places: list[int] = near.tolist()
        return [matrix.rowids[at] for at in places]

    def without_length(self, index: StoredIndex) -> list[int]:
        """Return the rowids of the vectors of zeros, which have no direction."""
        numpy: Any = import_module("numpy")
        matrix = self._matrix(numpy, index)
        return [matrix.rowids[at] for at in numpy.nonzero(matrix.lengths == 0)[0].tolist()]

    def _matrix(self, numpy: Any, index: StoredIndex) -> _Matrix:
        (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        key = (index.number, version, self._connection.total_changes)
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._read(numpy, index)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return found

    def _read(self, numpy: Any, index: StoredIndex) -> _Matrix:
        rows = self._connection.execute(f"SELECT rowid, vector FROM {side_table(index)}").fetchall()
        flat = numpy.frombuffer(b"".join(row[1] for row in rows), dtype=numpy.float32)
        vectors = flat.reshape(len(rows), index.spec.dimension)
        with numpy.errstate(over="ignore"):
            lengths = numpy.linalg.norm(vectors, axis=1)
        return _Matrix([row[0] for row in rows], vectors, lengths, float(lengths.max(initial=0.0)))


def _scores(numpy: Any, matrix: _Matrix, asked: Any, metric: str) -> Any:
    """Return a score for each vector, the higher the nearer."""
    products = matrix.vectors @ asked
    if metric == "dot":
        return products
    if metric == "euclidean":
        return 2 * products - matrix.lengths**2
    lengths = matrix.lengths * numpy.linalg.norm(asked)
    return numpy.divide(products, lengths, out=numpy.zeros_like(products), where=lengths > 0)
