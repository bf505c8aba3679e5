"""Aggregates over arrays. The server takes a non-array for a function that it does not know."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from ..._types import Json
from ...errors import QueryError
from ..values import canonical, sort_key
from .arguments import array, finite, is_array, is_number
from .built_in import REFUSE, Family

function = Family("Statistics")
_NULLS: Final = "null is an error; null elements are left out"


def _elements(value: Json, name: str) -> list[Json]:
    if is_array(value):
        return value
    raise QueryError(f"Unknown function: {name}", hint=f"{name} takes an array: {name}(x ?? [])")


def _numbers(value: Json, name: str) -> list[float]:
    return [float(v) for v in _elements(value, name) if is_number(v)]


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


def _variance(numbers: list[float], missing: int) -> float | None:
    if len(numbers) <= missing:
        return None
    mean = _mean(numbers)
    return finite(sum((x - mean) * (x - mean) for x in numbers) / (len(numbers) - missing))


def _median(numbers: list[float]) -> float:
    ordered = sorted(numbers)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def _root(value: float | None) -> float | None:
    return None if value is None else math.sqrt(value)


_AGGREGATES: Final[list[tuple[tuple[str, ...], Callable[[list[float]], float | None], str]]] = [
    (("SUM",), lambda v: finite(sum(v, -0.0)), "The sum; -0.0 of no numbers."),
    (("AVG", "AVERAGE"), lambda v: finite(_mean(v)) if v else None, "The mean; null of no numbers."),
    (("MEDIAN",), lambda v: finite(_median(v)) if v else None, "The middle value; null of no numbers."),
    (("VARIANCE", "VAR_POP", "VARIANCE_POPULATION"), lambda v: _variance(v, 0), "The population's variance."),
    (("VAR_SAMP", "VARIANCE_SAMPLE"), lambda v: _variance(v, 1), "The sample's variance."),
    (
        ("STDDEV", "STDDEV_POP", "STDDEV_POPULATION"),
        lambda v: _root(_variance(v, 0)),
        "The population's standard deviation.",
    ),
    (("STDDEV_SAMP", "STDDEV_SAMPLE"), lambda v: _root(_variance(v, 1)), "The sample's standard deviation."),
]


def _define(names: tuple[str, ...], work: Callable[[list[float]], float | None], summary: str) -> None:
    def aggregate(value: Json) -> Json:
        return work(_numbers(value, names[0]))

    function(*names, parameters="a", returns="float or null", nulls=_NULLS, summary=summary)(aggregate)


for _entry in _AGGREGATES:
    _define(*_entry)


@function(
    "PRODUCT",
    parameters="a",
    returns="float",
    nulls="null in, null out",
    summary="The product; 1.0 of no numbers.",
)
def product(value: Json) -> Json:
    return None if value is None else finite(math.prod(_numbers(value, "PRODUCT"), start=1.0))


def _extreme(values: tuple[Json, ...], name: str, pick: Callable[..., Json]) -> Json:
    if len(values) == 1:
        candidates: list[Json] = [v for v in _elements(values[0], name) if v is not None]
    elif all(v is None or is_number(v) for v in values):
        if None in values:
            return None
        candidates = list(values)
    else:
        raise QueryError(f"Unknown function: {name}", hint=f"{name} takes an array, or numbers")
    best = pick(candidates, key=sort_key) if candidates else None
    return float(best) if is_number(best) else best


@function(
    "MIN",
    "MINIMUM",
    parameters="a|n, ...",
    returns="any, numbers as float",
    nulls="null elements are left out, a null among numbers gives null",
    summary="The least element of an array, or of the numbers given.",
)
def minimum(*values: Json) -> Json:
    return _extreme(values, "MIN", min)


@function(
    "MAX",
    "MAXIMUM",
    parameters="a|n, ...",
    returns="any, numbers as float",
    nulls="null elements are left out, a null among numbers gives null",
    summary="The greatest element of an array, or of the numbers given.",
)
def maximum(*values: Json) -> Json:
    return _extreme(values, "MAX", max)


def percentile_of(numbers: list[float], share: float, method: str) -> float | None:
    """Return the percentile by rank or interpolated between neighbours; null when out of range."""
    if not numbers or not 0 <= share <= 100:
        return None
    ordered = sorted(numbers)
    if method == "rank":
        return ordered[max(1, math.ceil(share / 100 * len(ordered))) - 1]
    place = share / 100 * (len(ordered) - 1)
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


@function(
    "PERCENTILE",
    "QUANTILE",
    parameters="a, p [, method]",
    returns="float or null",
    nulls=_NULLS,
    summary='The value below which p percent lie, by "rank" or "interpolation".',
)
def percentile(value: Json, share: Json, method: Json = "rank") -> Json:
    numbers = [float(v) for v in array(value, "PERCENTILE", 1) if is_number(v)]
    interpolated = isinstance(method, str) and method.lower() == "interpolation"
    if not is_number(share):
        return None
    return percentile_of(numbers, share, "interpolation" if interpolated else "rank")


@function(
    "COUNT_DISTINCT",
    "COUNT_UNIQUE",
    "UNIQUE_COUNT",
    parameters="a",
    returns="int",
    nulls=REFUSE,
    summary="The number of different elements.",
)
def count_distinct(value: Json) -> Json:
    return len({canonical(v) for v in array(value, "COUNT_DISTINCT")})
