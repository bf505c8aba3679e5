"""What AGGREGATE computes over the values of one group."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from typing import Any, TypeAlias

from ..._types import Json
from ...errors import QueryError
from ..functions import lookup
from ..values import canonical, compare, finite, is_number, sort_key
from .runtime import Run

Aggregation: TypeAlias = Callable[[Run, "list[Json]"], Json]


def find_aggregate(name: str) -> Aggregation | None:
    """Find an aggregate function by its name in upper case."""
    return _AGGREGATES.get(name)


def unknown_aggregate(name: str) -> QueryError:
    """Make the error for an aggregate function that does not exist."""
    return QueryError(
        f"Unknown aggregate function: {name}",
        hint="use INTO g = expr and a function of arrays for what AGGREGATE lacks",
    )


def _numbers(values: list[Json]) -> list[Json]:
    return [value for value in values if is_number(value)]


def _sum(_run: Run, values: list[Json]) -> Json:
    return finite(float(sum(map(float, _numbers(values)), 0.0)))


def _average(_run: Run, values: list[Json]) -> Json:
    numbers = _numbers(values)
    return finite(sum(map(float, numbers), 0.0) / len(numbers)) if numbers else None


def _extreme(sign: int) -> Aggregation:
    def find(_run: Run, values: list[Json]) -> Json:
        best: Json = None
        for value in values:
            if value is not None and (best is None or sign * compare(value, best) > 0):
                best = value
        return best

    return find


def _first_seen(_run: Run, values: list[Json]) -> Json:
    seen: dict[Any, Json] = {}
    for value in values:
        seen.setdefault(canonical(value), value)
    return list(seen.values())


def _median(run: Run, values: list[Json]) -> Json:
    numbers, function = _numbers(values), lookup("MEDIAN")
    return function.implementation(run.context, [numbers]) if numbers and function else None


def _variance(*, sample: bool = False, root: bool = False) -> Aggregation:
    """Make a variance or deviation: one pass (Welford), whose rounding is the server's."""

    def compute(_run: Run, values: list[Json]) -> Json:
        count, mean, squares = 0, 0.0, 0.0
        for value in _numbers(values):
            count += 1
            delta = value - mean
            mean += delta / count
            squares += delta * (value - mean)
        if count < 1 + sample:
            return None
        variance = squares / (count - sample)
        return finite(math.sqrt(variance) if root else variance)

    return compute


def _bits(work: Callable[[int, int], int]) -> Aggregation:
    def combine(_run: Run, values: list[Json]) -> Json:
        present = [value for value in values if value is not None]
        if not present or not all(is_number(value) and value == int(value) for value in present):
            return None
        return reduce(work, map(int, present))

    return combine


def _count(_run: Run, values: list[Json]) -> Json:
    return sum(value is not None for value in values)


def _count_distinct(_run: Run, values: list[Json]) -> Json:
    return len(set(map(canonical, values)))


def _sorted_unique(run: Run, values: list[Json]) -> Json:
    return sorted(_first_seen(run, values), key=sort_key)


_AGGREGATES: dict[str, Aggregation] = {
    "COUNT": _count,
    "LENGTH": lambda _run, values: len(values),
    "SUM": _sum,
    "AVG": _average,
    "AVERAGE": _average,
    "MIN": _extreme(-1),
    "MINIMUM": _extreme(-1),
    "MAX": _extreme(1),
    "MAXIMUM": _extreme(1),
    "COUNT_DISTINCT": _count_distinct,
    "COUNT_UNIQUE": _count_distinct,
    "UNIQUE": _first_seen,
    "SORTED_UNIQUE": _sorted_unique,
    "COLLECT_LIST": lambda _run, values: values,
    "COLLECT": lambda _run, values: values,
    "PUSH": lambda _run, values: values,
    **dict.fromkeys(("VARIANCE", "VARIANCE_POPULATION", "VAR_POP"), _variance()),
    **dict.fromkeys(("VARIANCE_SAMPLE", "VAR_SAMP"), _variance(sample=True)),
    **dict.fromkeys(("STDDEV", "STDDEV_POPULATION", "STDDEV_POP"), _variance(root=True)),
    **dict.fromkeys(("STDDEV_SAMPLE", "STDDEV_SAMP"), _variance(sample=True, root=True)),
    "MEDIAN": _median,
    "BIT_AND": _bits(lambda a, b: a & b),
    "BIT_OR": _bits(lambda a, b: a | b),
    "BIT_XOR": _bits(lambda a, b: a ^ b),
}
