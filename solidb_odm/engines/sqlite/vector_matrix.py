"""The vectors of an index at one state of the file, and which of them are nearest.

A state never changes, so threads share it. The next one takes over the matrix and adds what was written
since, until that has grown to a part of it worth copying.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, TypeAlias

from ..._dataclasses import dataclass

Mark: TypeAlias = tuple[int, int]
"""The number of the last change of a state, and the random mark that it has in the file."""

_ROUNDING: Final = 1e-4
"""What the product of 32-bit matrices may be wrong by, for vectors of length 1."""
_LANGUAGE_ROUNDING: Final = 1e-6
"""What the language may be wrong by, which rounds each step to 32 bits."""
_SHORTEST: Final = 1e-18
"""The squares of shorter vectors are not exact in 32 bits, or zero."""
_LONGEST: Final = 1e18
_COPIED_FROM: Final = 1_000
_FEW: Final = 8
_GROUP: Final = 16


@lru_cache(maxsize=1)
def numpy_module() -> Any:
    """Return NumPy; None where it is not installed."""
    return None if find_spec("numpy") is None else import_module("numpy")


@dataclass(frozen=True, slots=True, eq=False)
class Asked:
    """A vector that others are compared with, in the forms that this needs.

    ``unit`` and ``wide`` are of length 1 where only directions are compared.
    """

    metric: str
    length: float
    narrow: Any
    unit: Any
    wide: Any

    @staticmethod
    def of(numbers: Sequence[float], metric: str, length: float) -> Asked | None:
        """Return a vector of this length; None where 32 bits are too few for the squares of its numbers."""
        if not length <= _LONGEST or (metric == "cosine" and length < _SHORTEST):
            return None
        narrow = numpy_module().array(numbers, dtype="float32")
        wide = narrow.astype("float64")
        if metric != "cosine":
            return Asked(metric, length, narrow, narrow, wide)
        wide /= math.sqrt(wide @ wide)
        return Asked(metric, length, narrow, wide.astype("float32"), wide)


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Vectors with the rowids of their documents, which ascend. None is longer, or shorter, than is said."""

    rowids: Any
    vectors: Any
    lengths: Any
    longest: float
    shortest: float

    @staticmethod
    def of(numpy: Any, rowids: Sequence[int], data: bytes | bytearray, dimension: int) -> Part:
        """Return the part of vectors given by their bytes."""
        vectors = numpy.frombuffer(data, dtype=numpy.float32).reshape(len(rowids), dimension)
        return _measured(numpy.array(rowids, dtype=numpy.int64), vectors, _lengths(numpy, vectors))


def _measured(rowids: Any, vectors: Any, lengths: Any) -> Part:
    """Return vectors with the bounds of their lengths."""
    longest, shortest = float(lengths.max(initial=0.0)), float(lengths.min(initial=math.inf))
    return Part(rowids, vectors, lengths, longest, shortest)


def _lengths(numpy: Any, vectors: Any) -> Any:
    with numpy.errstate(over="ignore", under="ignore"):
        return numpy.sqrt(numpy.einsum("ij,ij->i", vectors, vectors))


@dataclass(frozen=True, slots=True, eq=False)
class Vectors:
    """One state: a matrix, the places in it that do not count any more, and what was written since."""

    mark: Mark
    base: Part
    gone: Any
    extra: Part
    are_odd: list[bool] = field(default_factory=list[bool])
    """Whether the language may take other documents for vectors too, once somebody has looked."""

    @staticmethod
    def of(numpy: Any, mark: Mark, base: Part) -> Vectors:
        """Return a state that was read whole."""
        none = _measured(base.rowids[:0], base.vectors[:0], base.lengths[:0])
        return Vectors(mark, base, numpy.array((), dtype=numpy.int64), none)

    @property
    def longest(self) -> float:
        """A length that no vector exceeds."""
        return max(self.base.longest, self.extra.longest)

    @property
    def shortest(self) -> float:
        """A length that no vector falls below."""
        return min(self.base.shortest, self.extra.shortest)

    def __len__(self) -> int:
        return len(self.base.rowids) - len(self.gone) + len(self.extra.rowids)

    def after(self, mark: Mark, changed: Sequence[int], vectors: Mapping[int, bytes]) -> Vectors:
        """Return the state after documents were changed; those without a vector have none any more."""
        numpy = numpy_module()
        written, base, extra = numpy.array(sorted(set(changed)), dtype=numpy.int64), self.base, self.extra
        stays = ~numpy.isin(extra.rowids, written)
        rowids = sorted(vectors)
        new = Part.of(numpy, rowids, b"".join(map(vectors.__getitem__, rowids)), base.vectors.shape[1])
        extra = _merged(numpy, _chosen(extra, stays), new)
        gone = numpy.union1d(self.gone, numpy.nonzero(numpy.isin(base.rowids, written))[0])
        if len(extra.rowids) + len(gone) > max(_COPIED_FROM, len(base.rowids) // _FEW):
            kept = _chosen(base, numpy.delete(numpy.arange(len(base.rowids)), gone))
            return Vectors.of(numpy, mark, _merged(numpy, kept, extra))
        return Vectors(mark, base, gone, extra)

    def nearest(self, asked: Asked, most: int, among: Sequence[int] | None = None) -> list[int] | None:
        """Return the rowids of the ``most`` nearest vectors and of all within a rounding error of them.

        ``among`` leaves just these documents. None where 32 bits are too few for the squares of the numbers.
        """
        numpy, metric, longest = numpy_module(), asked.metric, self.longest
        scale = longest * max(1.0, asked.length)
        if not scale <= _LONGEST:
            return None
        rowids, scores, lengths = self._scored(numpy, asked, among)
        if most < len(rowids):
            near = _within(scores, most, _slack(metric, scale, longest))
            if len(near) > _FEW * most:
                near = near[_refined(numpy, self._far(numpy, rowids[near], asked), asked, most, scale)]
            if metric == "cosine" and self.shortest < _SHORTEST:
                near = numpy.union1d(near, numpy.nonzero(lengths < _SHORTEST)[0])
            rowids = rowids[near]
        near_rowids: list[int] = rowids.tolist()
        return near_rowids

    def _scored(self, numpy: Any, asked: Asked, among: Sequence[int] | None) -> tuple[Any, Any, Any]:
        """Return rowids, scores and lengths of what counts."""
        base = _scored(numpy, *self._places(numpy, self.base, among), asked)
        if not len(self.extra.rowids):
            return base
        extra = _scored(numpy, *self._places(numpy, self.extra, among), asked)
        rowids, scores, lengths = map(numpy.concatenate, zip(base, extra, strict=True))
        return rowids, scores, lengths

    def rowids(self) -> list[int]:
        """Return the rowids of all documents that have a vector."""
        numpy = numpy_module()
        merged = numpy.concatenate((numpy.delete(self.base.rowids, self.gone), self.extra.rowids))
        merged.sort()
        rowids: list[int] = merged.tolist()
        return rowids

    def without_direction(self) -> list[int]:
        """Return the rowids of the vectors that are too short for their direction to be told."""
        rowids: list[int] = []
        for part in (self.base, self.extra):
            rowids += part.rowids[part.lengths < _SHORTEST].tolist()
        return rowids

    def rows(self, rowids: Sequence[int]) -> Any:
        """Return the vectors of documents that have one."""
        numpy, wanted = numpy_module(), numpy_module().array(rowids, dtype="int64")
        if not len(self.base.rowids):
            return self.extra.vectors[numpy.searchsorted(self.extra.rowids, wanted)]
        last = len(self.base.rowids) - 1
        rows = self.base.vectors[numpy.minimum(numpy.searchsorted(self.base.rowids, wanted), last)]
        if len(self.extra.rowids):
            newer = numpy.isin(wanted, self.extra.rowids)
            rows[newer] = self.extra.vectors[numpy.searchsorted(self.extra.rowids, wanted[newer])]
        return rows

    def runs(self, rowids: Sequence[int], asked: Asked) -> list[list[int]]:
        """Return documents, the nearest first; together those whose order the language's roundings decide."""
        numpy = numpy_module()
        if not rowids:
            return []
        if self.shortest < _SHORTEST and (_lengths(numpy, self.rows(rowids)) < _SHORTEST).any():
            return [list(rowids)]
        far: list[float] = self._far(numpy, rowids, asked).tolist()
        scale = self.longest * max(1.0, asked.length)
        slack = 2 * _language_slack(asked.metric, max(map(abs, far)), scale)
        return runs_of(zip(far, rowids, strict=True), slack)

    def _far(self, numpy: Any, rowids: Sequence[int], asked: Asked) -> Any:
        """Return how far documents are, in 64 bits."""
        steps = range(0, len(rowids), _COPIED_FROM)
        with numpy.errstate(under="ignore", invalid="ignore"):
            parts = [_farness(numpy, self.rows(rowids[at : at + _COPIED_FROM]), asked) for at in steps]
        return parts[0] if len(parts) == 1 else numpy.concatenate(parts)

    def _places(self, numpy: Any, part: Part, among: Sequence[int] | None) -> tuple[Part, Any]:
        """Return a part, and the places in it that count; None for all."""
        gone = self.gone if part is self.base else self.gone[:0]
        if among is None:
            return part, numpy.delete(numpy.arange(len(part.rowids)), gone) if len(gone) else None
        wanted = numpy.unique(numpy.array(among, dtype=numpy.int64))
        places = numpy.searchsorted(part.rowids, wanted)
        inside = places < len(part.rowids)
        places, wanted = places[inside], wanted[inside]
        places = places[part.rowids[places] == wanted]
        return part, numpy.setdiff1d(places, gone, assume_unique=True) if len(gone) else places


def runs_of(ranked: Iterable[tuple[float, int]], slack: float) -> list[list[int]]:
    """Return rowids, the nearest first; together those each of which is no more than ``slack`` farther."""
    apart, before = list[list[int]](), -math.inf
    for far, rowid in sorted(ranked):
        if far - before > slack:
            apart.append([rowid])
        else:
            apart[-1].append(rowid)
        before = far
    return apart


def _scored(numpy: Any, part: Part, places: Any, asked: Asked) -> tuple[Any, Any, Any]:
    """Return rowids, scores (the higher the nearer) and lengths of the vectors at these places."""
    few = places is not None and len(places) * _FEW < len(part.rowids)
    chosen = _chosen(part, places) if few else part
    with numpy.errstate(over="ignore", under="ignore", invalid="ignore"):
        scores = _scores(numpy, chosen, asked)
    if few or places is None:
        return chosen.rowids, scores, chosen.lengths
    return part.rowids[places], scores[places], part.lengths[places]


def _scores(numpy: Any, part: Part, asked: Asked) -> Any:
    products = part.vectors @ asked.unit
    if asked.metric == "cosine":
        return products / part.lengths if part.shortest else _over(numpy, products, part.lengths)
    return products if asked.metric == "dot" else 2 * products - part.lengths**2


def _over(numpy: Any, products: Any, lengths: Any) -> Any:
    """Return products over lengths, and 0 for those of length 0."""
    return numpy.divide(products, lengths, out=numpy.zeros_like(products), where=lengths > 0)


def _slack(metric: str, scale: float, longest: float) -> float:
    """Return what scores may be wrong by."""
    if metric == "cosine":
        return _ROUNDING
    return _ROUNDING * max(1.0, scale if metric == "dot" else 2 * scale + longest**2)


def _within(scores: Any, most: int, slack: float) -> Any:
    """Return the places of the ``most`` highest scores, and of those that are as good as equal to them.

    The highest of each of some groups are compared first: what is below the ``most`` best of these is not
    among the best of all, so that few scores are left to choose from.
    """
    groups = len(scores) // _GROUP
    if groups < 2 * most:
        return (scores >= _worst(scores, most) - slack).nonzero()[0]
    highest = scores[: groups * _GROUP].reshape(_GROUP, groups).max(axis=0)
    places = (scores >= _worst(highest, most) - slack).nonzero()[0]
    chosen = scores[places]
    return places[chosen >= _worst(chosen, most) - slack]


def _worst(scores: Any, most: int) -> Any:
    """Return the least of the ``most`` highest scores."""
    ordered, last = scores.copy(), len(scores) - most
    ordered.partition(last)
    return ordered[last]


def _refined(numpy: Any, far: Any, asked: Asked, most: int, scale: float) -> Any:
    """Return the places of the nearest in 64 bits: 32 were too few to tell them apart."""
    worst = numpy.partition(far, most - 1)[most - 1]
    slack = _language_slack(asked.metric, abs(float(worst)), scale)
    return numpy.nonzero(far <= worst + slack)[0]


def _language_slack(metric: str, far: float, scale: float) -> float:
    """Return what the language may be wrong by, where it says that a vector is so far away."""
    return _LANGUAGE_ROUNDING * (1.0 if metric == "cosine" else far) + _SHORTEST * max(1.0, scale)


def _farness(numpy: Any, vectors: Any, asked: Asked) -> Any:
    wide = vectors.astype(numpy.float64)
    if asked.metric == "euclidean":
        return numpy.linalg.norm(wide - asked.wide, axis=1)
    products = wide @ asked.wide
    if asked.metric == "dot":
        return -products
    lengths = numpy.sqrt(numpy.einsum("ij,ij->i", wide, wide))
    return -_over(numpy, products, lengths)


def _chosen(part: Part, places: Any) -> Part:
    """Return some of the vectors, within the bounds of all."""
    rowids, vectors, lengths = part.rowids[places], part.vectors[places], part.lengths[places]
    return Part(rowids, vectors, lengths, part.longest, part.shortest)


def _merged(numpy: Any, one: Part, other: Part) -> Part:
    """Return both parts as one, in the order of the rowids."""
    if not len(other.rowids):
        return one
    rowids = numpy.concatenate((one.rowids, other.rowids))
    vectors = numpy.concatenate((one.vectors, other.vectors))
    lengths = numpy.concatenate((one.lengths, other.lengths))
    if len(one.rowids) and one.rowids[-1] < other.rowids[0]:
        return _measured(rowids, vectors, lengths)
    order = numpy.argsort(rowids)
    return _measured(rowids[order], vectors[order], lengths[order])
