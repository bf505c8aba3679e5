"""How the language measures many vectors against one, to the last bit.

The language adds products in 64 bits, one after another, and rounds each sum to 32 bits. A sum by NumPy may
differ in the last of the 64 bits, which the rounding nearly always hides; where it does not, the language
measures itself.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ...language.functions.search import measure
from ...language.functions.vectors import distance_between, single
from .vector_matrix import numpy_module

_CHUNK: Final = 1_000
_UNIT: Final = 3e-16
"""More than what each addition of a sum, by the language and by NumPy, may be wrong by."""


def scores(vectors: Any, asked: Sequence[float], metric: str) -> list[float]:
    """Return what ``measure`` says of vectors of 32 bits, one a row."""
    exactly, point = measure(metric), array("f", asked)
    return [
        exactly(point, array("f", vectors[place].tobytes())) if value is None else value
        for place, value in enumerate(_certain(vectors, point, metric))
    ]


def distances(vectors: Any, asked: Sequence[float], metric: str) -> list[float]:
    """Return what VECTOR_DISTANCE says of vectors of 32 bits, one a row."""
    point, measured = array("f", asked), list[float]()
    for place, value in enumerate(_certain(vectors, point, metric)):
        if value is None:
            measured.append(distance_between(point, array("f", vectors[place].tobytes()), metric) or 0.0)
        else:
            measured.append(single(1.0 - value) if metric == "cosine" else value)
    return measured


def _certain(vectors: Any, point: array[float], metric: str) -> Iterator[float | None]:
    """Yield cosines, distances or products where no rounding can make another number of them."""
    for start in range(0, len(vectors), _CHUNK):
        yield from _of_chunk(vectors[start : start + _CHUNK], point, metric)


def _of_chunk(vectors: Any, point: array[float], metric: str) -> list[float | None]:
    numpy = numpy_module()
    wide, other = vectors.astype("float64"), numpy.frombuffer(point, dtype="float32").astype("float64")
    with numpy.errstate(all="ignore"):
        if metric == "dot":
            values, sure = _sums(numpy, wide * other)
        elif metric == "euclidean":
            squares, sure = _sums(numpy, (wide - other) ** 2)
            values = _narrow(numpy.sqrt(squares))
        else:
            products, sure = _sums(numpy, wide * other)
            squares, are_sure = _sums(numpy, wide * wide)
            own, is_sure = _sums(numpy, (other * other)[None, :])
            lengths = _narrow(_narrow(numpy.sqrt(own)) * _narrow(numpy.sqrt(squares)))
            values, sure = _narrow(products / lengths), sure & are_sure & is_sure & (lengths > 0)
        sure &= numpy.isfinite(values)
    return [value if known else None for value, known in zip(values.tolist(), sure.tolist(), strict=True)]


def _sums(numpy: Any, terms: Any) -> tuple[Any, Any]:
    """Return the sums of rows, rounded to 32 bits, and whether they are the same whatever the order."""
    sums, room = terms.sum(axis=1), terms.shape[1] * _UNIT * numpy.abs(terms).sum(axis=1)
    rounded = _narrow(sums)
    return rounded, (_narrow(sums - room) == rounded) & (_narrow(sums + room) == rounded)


def _narrow(values: Any) -> Any:
    """Round to 32 bits, in numbers of 64."""
    return values.astype("float32").astype("float64")
