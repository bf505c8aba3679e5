"""Arrays are cut, sorted and compared by the order of values."""

# ruff: noqa: E501  # a case is a line

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.language.values import compare
from tests.unit.language.functions.expressions import holds, lines, value_of, written

CASES = lines(r"""
[FIRST([]), FIRST(null), LAST([1, 2]), NTH([1, 2], -1), NTH([1], 7)] => [null, null, 2, 2, null]
FIRST("abc") !! FIRST: argument must be an array
NTH([1], null) !! NTH
[SLICE([1, 2, 3, 4], 1, 2), SLICE([1, 2, 3], -2), SLICE([1, 2, 3], 0, -1), SLICE([1, 2], 4, -3)] => [[2, 3], [2, 3], [1, 2], []]
[TAKE([1, 2], 1), DROP([1, 2], 1), SKIP(null, 1), CHUNK([1, 2, 3], 2)] => [[1], [2], null, [[1, 2], [3]]]
[PUSH([1], 2), PUSH([1], 1.0, true), POP([1, 2]), SHIFT([1, 2])] => [[1, 2], [1], [1], [2]]
[UNSHIFT([3], 1, 2), UNSHIFT([1], 1, true)] => [[1, 2, 3], [1]]
PUSH(null, 1) !! PUSH: first argument must be an array
[APPEND([1], [2, 3]), APPEND([1], 2), APPEND([1], [1, 2], true)] => [[1, 2, 3], [1, 2], [1, 2]]
APPEND(null, [1]) !! APPEND: first argument must be an array
[UNIQUE([1, 1.0, "1"]), UNIQUE([2, 1, 2.0, null, null])] => [[1, "1"], [2, 1, null]]
UNIQUE(null) !! UNIQUE: argument must be an array
SORTED(["b", 1, null, [1], "a", true]) => [null, true, 1, "a", "b", [1]]
[SORTED_DESC([1, 3, 2]), SORTED_UNIQUE([2, 1, 2])] => [[3, 2, 1], [1, 2]]
[3, 1] |> SORT() => [1, 3]
[FLATTEN([[1], [2, [3]]]), FLATTEN([[1, [2]], [3]], 2)] => [[1, 2, [3]], [1, 2, 3]]
[UNION([1, 2], [2, 3]), INTERSECTION([1, 2], [2.0]), MINUS([1, 2, 3], [2])] => [[1, 2, 3], [2], [1, 3]]
OUTERSECTION([1, 2], [2, 3]) => [1, 3]
UNION([1], null) !! UNION: all arguments must be arrays
INTERSECTION([1]) !! INTERSECTION requires
[POSITION([1, 2], 2), POSITION([1, 2], 2, true), INDEX_OF([1, 2], 3)] => [true, 1, -1]
[REMOVE_VALUE([1, 2, 1], 1, 1), REMOVE_VALUES([1, 2], [1]), REMOVE_NTH([1, 2], -1)] => [[2, 1], [2], [1]]
[REPLACE_NTH([1, 2], 0, 9), REPLACE_NTH([1], 2, 9, 0)] => [[9, 2], [1, 0, 9]]
[ZIP(["k"], [1]), ZIP([1], [2]), ZIP_OBJECT(["a"], [1])] => [{"k": 1}, [[1, 2]], {"a": 1}]
[INTERLEAVE([1, 2], [3]), JACCARD([1, 2], [2, 3]), PAIRWISE([1, 2, 3])] => [[1, 3, 2], 0.3333333333333333, [[1, 2], [2, 3]]]
[TRANSPOSE([[1, 2, 3], [4, 5]]), MODE([3, 1, 3]), MODE([])] => [[[1, 4], [2, 5], [3, null]], 3, null]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_arrays_answer_as_the_server(line: str) -> None:
    assert holds(line)


_arrays = st.lists(st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=2), max_size=6)


@given(_arrays)
def test_a_union_with_itself_is_the_array_without_repetitions(array: list[object]) -> None:
    assert written(value_of("UNION(@a, @a)", a=array)) == written(value_of("UNIQUE(@a)", a=array))


@given(_arrays)
def test_sorted_elements_rise(array: list[object]) -> None:
    ordered = value_of("SORTED(@a)", a=array)
    assert all(compare(a, b) <= 0 for a, b in pairwise(ordered))


@given(_arrays)
def test_shuffling_keeps_all_elements(array: list[object]) -> None:
    assert written(value_of("SORTED(SHUFFLE(@a))", a=array)) == written(value_of("SORTED(@a)", a=array))
