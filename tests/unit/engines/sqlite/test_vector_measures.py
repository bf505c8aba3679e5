"""Many vectors are measured as the language measures each, to the last bit."""

from __future__ import annotations

from array import array
from random import Random
from typing import Any

import pytest

from solidb_odm.engines.sqlite import vector_measures
from solidb_odm.language.functions.search import measure
from solidb_odm.language.functions.vectors import distance_between

numpy: Any = pytest.importorskip("numpy")


def rows(random: Random, count: int, dimension: int, scale: float) -> list[array[float]]:
    """Return vectors of any direction, whole numbers, equal ones and those of length 0."""
    made = [array("f", [scale * random.gauss(0, 1) for _ in range(dimension)]) for _ in range(count)]
    made += [array("f", [scale * random.randint(-2, 2) for _ in range(dimension)]) for _ in range(count)]
    return [*made, made[0], made[0], array("f", [0.0] * dimension)]


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
@pytest.mark.parametrize("dimension", [1, 3, 8, 128])
def test_each_is_measured_as_by_the_language(dimension: int, metric: str) -> None:
    random = Random(dimension)
    for scale in (1e-30, 1e-18, 1e-3, 1.0, 1e4, 1e19, 1e30):
        vectors = rows(random, 12, dimension, scale)
        matrix = numpy.array(vectors, dtype="float32").reshape(len(vectors), dimension)
        for asked in (vectors[0], vectors[-1], vectors[15], rows(random, 1, dimension, scale)[0]):
            scores = [measure(metric)(asked, row) for row in vectors]
            assert list(map(repr, vector_measures.scores(matrix, asked, metric))) == list(map(repr, scores))
            far = [distance_between(asked, row, metric) or 0.0 for row in vectors]
            assert vector_measures.distances(matrix, asked, metric) == far


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
def test_nearly_all_are_measured_at_once(metric: str, monkeypatch: pytest.MonkeyPatch) -> None:
    random = Random(1)
    matrix = numpy.array([[random.gauss(0, 1) for _ in range(64)] for _ in range(500)], dtype="float32")
    known = list(vector_measures._certain(matrix, array("f", matrix[7]), metric))
    assert known.count(None) < 10
    monkeypatch.setattr(vector_measures, "_CHUNK", 13)
    assert list(vector_measures._certain(matrix, array("f", matrix[7]), metric)) == known
