"""Lambdas run over arrays and objects."""

# ruff: noqa: E501  # a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
MAP([1, 2], x -> x * 2) => [2, 4]
MAP(null, x -> x) !! MAP expects an array as first argument, got Null
MAP([1], 5) !! MAP expects a lambda
FILTER([1, 2, 3], x -> x > 1) => [2, 3]
FLAT_MAP([1, 2], x -> [x, x]) => [1, 1, 2, 2]
[REDUCE([1, 2, 3], (a, b) -> a + b), REDUCE([1, 2], (a, x) -> a + x, 10)] => [6, 13]
[FIND([1, 2, 3], x -> x > 1), FIND_FIRST([1], x -> x > 1)] => [2, null]
[ALL([1, 2], x -> x > 0), SOME([1], x -> x > 1), NONE([1], x -> x > 1), EVERY([], x -> false)] => [true, false, true, true]
GROUP_BY([{a: 1}, {a: 2}, {a: 1}], x -> x.a) => [{"items": [{"a": 1}, {"a": 1}], "key": 1}, {"items": [{"a": 2}], "key": 2}]
SORT_BY([3, 1, 2], x -> -x) => [3, 2, 1]
[KEY_BY([{k: "a"}], "k"), COUNT_BY(["a", "b", "a", null])] => [{"a": {"k": "a"}}, {"a": 2, "b": 1}]
[MIN_BY([{p: 2}, {p: 1}], "p"), MAX_BY([{p: 2}, {p: 1}], x -> x.p)] => [{"p": 1}, {"p": 2}]
WINDOW_BY([{a: 2}, {a: 1}], x -> x.a) => [{"a": 1, "row_number": 1}, {"a": 2, "row_number": 2}]
[MAP_VALUES({a: 1}, v -> v * 2), MAP_KEYS({a: 1}, (k, v) -> UPPER(k)), FILTER_KEYS({a: 1, b: 2}, (k, v) -> v > 1)] => [{"a": 2}, {"A": 1}, {"b": 2}]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_lambdas_answer_as_the_server(line: str) -> None:
    assert holds(line)
