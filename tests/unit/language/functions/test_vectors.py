"""Vectors are reckoned with in 32 bits."""

# ruff: noqa: E501  # a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
VECTOR_SIMILARITY([1, 0], [1, 1]) => 0.7071067690849304
VECTOR_SIMILARITY([1, 0], [1, 1, 1]) !! VECTOR_SIMILARITY: vectors must have the same dimension (2 vs 3)
[VECTOR_DISTANCE([0, 0], [3, 4]), VECTOR_DISTANCE([1, 0], [0, 1], "cosine"), VECTOR_DISTANCE([1, 2], [3, 4], "dot")] => [5.0, 1.0, 11.0]
[VECTOR_NORMALIZE([3, 4]), VECTOR_NORMALIZE([0, 0])] => [[0.6000000238418579, 0.800000011920929], []]
VECTOR_DISTANCE([1], ["a"]) !! must be an array of numbers
VECTOR_DISTANCE([1], [1], "taxi") !! unknown metric 'taxi'
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_vectors_answer_as_the_server(line: str) -> None:
    assert holds(line)
