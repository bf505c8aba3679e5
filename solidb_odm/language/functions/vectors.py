"""Vectors, in 32-bit floats as the server keeps them."""

from __future__ import annotations

import math
import operator
from array import array
from collections.abc import Sequence
from typing import Final

from ..._types import Json
from ...errors import QueryError
from .arguments import finite, is_array, text
from .built_in import REFUSE, Family

function = Family("Vector")
_NUMBERS: Final = frozenset((int, float))


def single(value: float) -> float:
    """Round to 32 bits."""
    return array("f", (value,))[0]


def vector(value: Json, name: str, position: int | None = None) -> array[float]:
    """Return an array of numbers, each rounded to 32 bits."""
    if is_array(value) and set(map(type, value)) <= _NUMBERS:
        try:
            return array("f", value)
        except OverflowError as exc:
            raise QueryError(f"{name}: a number is too large for 32 bits") from exc
    place = "argument" if position is None else f"argument {position}"
    raise QueryError(f"{name}: {place} must be an array of numbers")


def dot(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the dot product."""
    return single(sum(map(operator.mul, a, b)))


def norm(a: Sequence[float]) -> float:
    """Return the length."""
    return single(math.sqrt(dot(a, a)))


def cosine(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the cosine of the angle; 0 if a vector has no length."""
    lengths = single(norm(a) * norm(b))
    return single(dot(a, b) / lengths) if lengths else 0.0


def euclidean(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the distance."""
    return norm(list(map(operator.sub, a, b)))


def _pair(left: Json, right: Json, name: str) -> tuple[array[float], array[float]]:
    a, b = vector(left, name, 1), vector(right, name, 2)
    if len(a) != len(b):
        raise QueryError(f"{name}: vectors must have the same dimension ({len(a)} vs {len(b)})")
    return a, b


@function(
    "VECTOR_SIMILARITY",
    parameters="a, b",
    returns="float",
    nulls=REFUSE,
    summary="The cosine of the angle between two vectors: 1.0 for the same direction.",
)
def vector_similarity(left: Json, right: Json) -> Json:
    return finite(cosine(*_pair(left, right, "VECTOR_SIMILARITY")))


@function(
    "VECTOR_DISTANCE",
    parameters="a, b [, metric]",
    returns="float",
    nulls=REFUSE,
    summary='The distance by "euclidean", "cosine" (1 - similarity) or "dot" (the dot product).',
)
def vector_distance(left: Json, right: Json, metric: Json = None) -> Json:
    a, b = _pair(left, right, "VECTOR_DISTANCE")
    return distance_between(
        a, b, "euclidean" if metric is None else text(metric, "VECTOR_DISTANCE", 3).lower()
    )


def distance_between(a: Sequence[float], b: Sequence[float], wanted: str) -> float | None:
    """Return what VECTOR_DISTANCE says of two vectors of 32 bits and one length."""
    if wanted in ("euclidean", "l2"):
        return finite(euclidean(a, b))
    if wanted == "cosine":
        return finite(single(1.0 - cosine(a, b))) if any(a) and any(b) else 0.0
    if wanted in ("dot", "dotproduct", "dot_product"):
        return finite(dot(a, b))
    raise QueryError(f"VECTOR_DISTANCE: unknown metric '{wanted}'", hint='"euclidean", "cosine" or "dot"')


@function(
    "VECTOR_NORMALIZE",
    parameters="a",
    returns="array of floats",
    nulls=REFUSE,
    summary="With length 1; [] of a zero vector.",
)
def vector_normalize(value: Json) -> Json:
    numbers = vector(value, "VECTOR_NORMALIZE")
    length = norm(numbers)
    return [finite(single(n / length)) for n in numbers] if length else []
