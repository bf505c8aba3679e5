"""Answers to queries for what is nearest: an index says which documents can be among the first.

Just these are sorted, by the language itself. Documents that the index does not know are among them where
they can come first, or may be an error.
"""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from ..._types import Json, Stored
from ...language import nodes
from .nearness import Nearness, circles, is_null, nearness
from .place_ranking import HALF_WAY, PlaceRanking
from .vector_matrix import Asked, numpy_module
from .vector_ranking import VectorRanking

if TYPE_CHECKING:
    from .catalogue import Catalogue, Collection, StoredIndex
    from .index_ranking import IndexRanking, Run
    from .plan_cache import PlanCache
    from .sql.candidates import Matching, Narrowings
    from .vector_index import VectorIndexes

_MOST_ROWS: Final = 1_000_000
"""The most documents that are wanted of an index."""
_FAR: Final = 1e300
_NUMBERS: Final[frozenset[type[Any]]] = frozenset((int, float))


class NearestRows:
    """Answers on one connection."""

    def __init__(
        self, connection: sqlite3.Connection, catalogue: Catalogue, vectors: VectorIndexes, plans: PlanCache
    ) -> None:
        self._connection = connection
        self._catalogue = catalogue
        self._vectors = vectors
        self._reach: dict[tuple[int, int], float] = {}
        self.of = (plans.analyses.get(nearness) or plans.seen_by(nearness)).of

    def documents(
        self,
        wanted: Nearness,
        binds: Mapping[str, Any],
        narrowings: Narrowings | None,
        *,
        approximate: bool,
    ) -> list[Stored | None] | None:
        """Return the documents of an answer, as they are stored; None if the language must sort them."""
        count = count_of(wanted, binds)
        if count is None or not wanted.is_plain:
            return None
        wanted, radius = _within(wanted, binds) if wanted.kind == "geo" else (wanted, math.inf)
        ranking = self._ranking(wanted, binds, narrowings, approximate=approximate, radius=radius)
        offset = 0 if wanted.offset is None else constant(wanted.offset, binds)
        return None if ranking is None else ranking.documents(count, offset)

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
        count, limit = count_of(wanted, binds), constant(wanted.limit, binds)
        ranking = self._ranking(wanted, binds, narrowings, approximate=approximate)
        return None if ranking is None or count is None else ranking.rows(count, limit, run)

    def index_of(
        self, wanted: Nearness, binds: Mapping[str, Any], narrowings: Narrowings | None
    ) -> StoredIndex | None:
        """Return the index that chooses the documents; None if none can."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else index_for(collection, wanted)
        ranking = self._ranking(wanted, binds, narrowings)
        usable = ranking is not None and count_of(wanted, binds) is not None and ranking.is_possible()
        return index if usable else None

    def _ranking(
        self,
        wanted: Nearness,
        binds: Mapping[str, Any],
        narrowings: Narrowings | None,
        *,
        approximate: bool = False,
        radius: float = math.inf,
    ) -> IndexRanking | None:
        """Return what ranks the documents by an index; None if it would rank others, or differently."""
        if wanted.kind == "vector":
            return self._vectors_of(wanted, binds, narrowings, approximate=approximate)
        return self._places(wanted, binds, narrowings, radius)

    def allowed(
        self, collection: Collection, wanted: Nearness, narrowings: Narrowings | None
    ) -> Matching | None:
        """Return what SQL can say of the query's conditions."""
        if not wanted.conditions or narrowings is None:
            return None
        name, variable, find = collection.name, wanted.variable, self._catalogue.find
        return narrowings.matching(name, variable, wanted.conditions, find, self._connection)

    # --- vectors ---------------------------------------------------------------------------------

    def _vectors_of(
        self,
        wanted: Nearness,
        binds: Mapping[str, Any],
        narrowings: Narrowings | None,
        *,
        approximate: bool,
    ) -> VectorRanking | None:
        """Return what ranks the vectors of an index; None if it would rank others, or differently."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else index_for(collection, wanted)
        if collection is None or index is None:
            return None
        given, metric, length, far, sign = [constant(node, binds) for node in wanted.constants]
        vector: list[Any] = given if isinstance(given, list) else []  # pyright: ignore[reportUnknownVariableType]
        if not set(map(type, vector)) <= _NUMBERS or numpy_module() is None:
            return None
        if metric != index.spec.metric or (metric == "dot") != (sign == -1):
            return None
        if not len(vector) == length == index.spec.dimension or not _is_number(far) or far < _FAR:
            return None
        size = math.hypot(*vector)
        asked = Asked.of(vector, metric, size) if size else None
        if asked is None:
            return None
        return VectorRanking(
            self._connection,
            self._vectors,
            collection,
            index,
            asked,
            wanted,
            self.allowed(collection, wanted, narrowings),
            binds,
            approximate=approximate,
        )

    # --- places ----------------------------------------------------------------------------------

    def _places(
        self, wanted: Nearness, binds: Mapping[str, Any], narrowings: Narrowings | None, radius: float
    ) -> PlaceRanking | None:
        """Return what ranks the places of an index; None if it would rank others, or differently."""
        collection = self._catalogue.find(wanted.collection)
        index = None if collection is None else index_for(collection, wanted)
        if collection is None or index is None:
            return None
        lat, lon, *far = [constant(node, binds) for node in wanted.constants]
        if not _is_number(lat) or not _is_number(lon):
            return None
        if far and not (_is_number(far[0]) and far[0] > HALF_WAY):
            return None
        return PlaceRanking(
            self._connection,
            collection,
            index,
            (float(lat), float(lon)),
            wanted,
            self.allowed(collection, wanted, narrowings),
            binds,
            nulls_last=bool(far),
            reach=self._reach,
            radius=radius,
        )


def _within(wanted: Nearness, binds: Mapping[str, Any]) -> tuple[Nearness, float]:
    """Take the conditions that the place is at most so far from where it is measured from for a radius."""
    centre = [constant(node, binds) for node in wanted.constants[:2]]
    ours = [
        compare for compare, ends in circles(wanted).items() if [constant(n, binds) for n in ends] == centre
    ]
    limits = {compare: constant(compare.right, binds) for compare in ours if compare.operator == "<="}
    if not limits or not all(map(_is_number, limits.values())):
        return wanted, math.inf
    said = [
        *limits,
        *(compare for compare in ours if compare.operator == "!=" and is_null(compare.right, binds)),
    ]
    others = tuple(condition for condition in wanted.conditions if condition not in said)
    return replace(wanted, conditions=others), min(map(float, limits.values()))


def index_for(collection: Collection, wanted: Nearness) -> StoredIndex | None:
    """Return the index that knows what a query measures."""
    for index in collection.indexes:
        if index.spec.kind == wanted.kind and index.spec.fields == (wanted.path,):
            return index
    return None


def count_of(wanted: Nearness, binds: Mapping[str, Any]) -> int | None:
    """Return how many of the first documents a query needs; None if that is unknown, or many."""
    limit = constant(wanted.limit, binds)
    offset = 0 if wanted.offset is None else constant(wanted.offset, binds)
    if type(limit) is not int or type(offset) is not int or limit < 1 or offset < 0:
        return None
    return limit + offset if limit + offset <= _MOST_ROWS else None


def constant(node: nodes.Expression, binds: Mapping[str, Any]) -> Json:
    """Return the value of a literal or a bind; None for anything else."""
    if isinstance(node, nodes.Literal):
        return node.value
    if isinstance(node, nodes.Bind):
        return binds.get(node.name)
    if isinstance(node, nodes.Array):
        return [constant(item, binds) for item in node.items]
    if isinstance(node, nodes.Unary) and node.operator == "-":
        value = constant(node.operand, binds)
        return -value if _is_number(value) else None
    return None


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) and math.isfinite(value)
