"""Queries that sort documents by nearness and take the first: the index says which can be among them.

``FOR d IN docs SORT DISTANCE(d.place.lat, d.place.lon, 10, 20) LIMIT 5 RETURN d`` would compute the distance
of every document. Here the geo index gives the documents of a box that must hold the five, and the vector
index the nearest vectors; just these are sorted, by the language itself. Documents that the index does not
know are always among them, as they can come first.

The nearest vectors of an index, by one product of a matrix where NumPy is there.
"""

from __future__ import annotations

import math
import sqlite3
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final

from ..._types import Json
from ...language import nodes
from ...language.functions.shapes import metres
from ...language.walk import walk
from .catalogue import Catalogue, Collection, StoredIndex
from .layout import rest_table, side_table
from .sql.proximity import surroundings

_INDEXES_KEPT: Final = 4
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
            while len(self._kept) > _INDEXES_KEPT:
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


_MOST_ROWS: Final = 1_000
"""The most documents that are wanted, or that no index knows, for which this is worth while."""
_FIRST_RADIUS: Final = 1_000.0
_SLACK: Final = 1.02
_KEPT: Final = 256
_FAR: Final = 1e300
_CALLS: Final = frozenset(("DISTANCE", "VECTOR_DISTANCE", "LENGTH", "CONCAT"))
_PLAIN: Final = (
    nodes.Block,
    nodes.For,
    nodes.SortKey,
    nodes.Return,
    nodes.Name,
    nodes.Attribute,
    nodes.Literal,
    nodes.Bind,
    nodes.Array,
    nodes.Object,
    nodes.Ternary,
    nodes.Compare,
    nodes.Call,
    nodes.Unary,
)


@dataclass(frozen=True, slots=True)
class Nearness:
    """A query whose first sort key is a distance from something constant."""

    collection: str
    kind: str
    path: str
    constants: tuple[nodes.Expression, ...]
    limit: nodes.Expression
    offset: nodes.Expression | None


def nearness(query: nodes.Query) -> Nearness | None:
    """Return what a query sorts by, if an index may choose its documents."""
    if not isinstance(query, nodes.Block) or len(query.body) != 1 or not query.sort or query.limit is None:
        return None
    loop, first = query.body[0], query.sort[0]
    if not isinstance(loop, nodes.For) or not isinstance(loop.source, nodes.Name) or first.descending:
        return None
    if loop.system_time is not None or loop.valid_time or loop.options or query.late_lets or query.tables:
        return None
    if query.returns is None or query.returns.distinct or not all(map(_is_plain, walk(query))):
        return None
    if sum(isinstance(node, nodes.Name) and node.name == loop.source.name for node in walk(query)) != 1:
        return None
    found = _by_place(first.expression, loop.variable) or _by_vector(first.expression, loop.variable)
    if found is None:
        return None
    kind, path, constants = found
    return Nearness(loop.source.name, kind, path, constants, query.limit, query.offset)


def _is_plain(node: nodes.Node) -> bool:
    return isinstance(node, _PLAIN) and (not isinstance(node, nodes.Call) or node.name in _CALLS)


_Found = tuple[str, str, tuple[nodes.Expression, ...]]


def _by_place(node: nodes.Expression, variable: str) -> _Found | None:
    if not isinstance(node, nodes.Call) or node.name != "DISTANCE" or len(node.arguments) != 4:
        return None
    lat, lon = (_path(argument, variable) for argument in node.arguments[:2])
    if not lat.endswith(".lat") or lon != f"{lat[: -len('.lat')]}.lon":
        return None
    return "geo", lat[: -len(".lat")], node.arguments[2:]


def _by_vector(node: nodes.Expression, variable: str) -> _Found | None:
    """Take ``LENGTH(d.v) == n ? VECTOR_DISTANCE(d.v, vector, metric) : far`` apart."""
    if not isinstance(node, nodes.Ternary) or not isinstance(node.condition, nodes.Compare):
        return None
    length, call = node.condition.left, node.then
    if node.condition.operator != "==" or not isinstance(call, nodes.Call) or len(call.arguments) != 3:
        return None
    path = _path(call.arguments[0], variable)
    if call.name != "VECTOR_DISTANCE" or not path or length != nodes.Call("LENGTH", (call.arguments[0],)):
        return None
    return "vector", path, (*call.arguments[1:], node.condition.right, node.otherwise)


def _path(node: nodes.Expression, variable: str) -> str:
    """Return the path of an attribute of the variable; an empty text for anything else."""
    steps: list[str] = []
    while isinstance(node, nodes.Attribute):
        steps.append(node.name)
        node = node.base
    is_own = isinstance(node, nodes.Name) and node.name == variable
    return ".".join(reversed(steps)) if is_own else ""


class NearestRows:
    """Chooses documents on one connection."""

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

    def chosen(self, wanted: Nearness, binds: Mapping[str, Any]) -> Sequence[int] | None:
        """Return the rowids of documents among which the first ones are; None if no index can tell."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else _index(collection, wanted)
        count = _count(wanted, binds)
        if collection is None or index is None or count is None:
            return None
        constants = [_constant(node, binds) for node in wanted.constants]
        found = (
            self._near(index, constants, count)
            if wanted.kind == "geo"
            else self._alike(index, constants, count)
        )
        others = None if found is None else self._unknown(collection, index)
        return None if found is None or others is None else [*found, *others]

    def index_of(self, wanted: Nearness) -> StoredIndex | None:
        """Return the index that chooses the documents."""
        collection = self._catalogue.find(wanted.collection)
        return None if collection is None else _index(collection, wanted)

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

    def _alike(self, index: StoredIndex, constants: list[Json], count: int) -> Sequence[int] | None:
        given, metric, length, far = constants
        vector: list[Any] = given if isinstance(given, list) else []  # pyright: ignore[reportUnknownVariableType]
        if not all(map(_is_number, vector)) or not any(vector):
            return None
        if metric != index.spec.metric or metric not in ("cosine", "euclidean"):
            return None
        if not len(vector) == length == index.spec.dimension or not _is_number(far) or far < _FAR:
            return None
        found = self._vectors.nearest(index, [float(each) for each in vector], count)
        if found is None or len(found) < count:
            return None
        return found if metric != "cosine" else [*found, *self._vectors.without_length(index)]

    def _unknown(self, collection: Collection, index: StoredIndex) -> list[int] | None:
        """Return the documents that the index does not know; None if they are many."""
        if index.spec.kind == "geo":
            sql = f"SELECT rowid FROM {rest_table(index)} LIMIT ?"
        else:
            known = f"SELECT rowid FROM {side_table(index)}"
            sql = f"SELECT rowid FROM {collection.table} WHERE rowid NOT IN ({known}) LIMIT ?"
        rows = self._connection.execute(sql, (_MOST_ROWS + 1,)).fetchall()
        if index.spec.kind == "geo":
            off = (
                "north > 90 OR south < -90 OR east > 180 OR west < -180"  # from there everything is null far
            )
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
