"""Objects are read, merged and compared by attribute."""

# ruff: noqa: E501  # a case is a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
[ATTRIBUTES({b: 1, _a: 2}), ATTRIBUTES({b: 1, _a: 2}, true), VALUES({b: 1, a: 2})] => [["_a", "b"], ["b"], [2, 1]]
[ATTRIBUTES([1]), VALUES([1]), KEYS(null)] => [[], [], null]
[ENTRIES({b: 1, a: 2}), FROM_ENTRIES([["a", 1]])] => [[["a", 2], ["b", 1]], {"a": 1}]
ENTRIES([1]) !! ENTRIES
[HAS({a: null}, "a"), HAS(5, "a"), HAS([{a: 1}], "a")] => [true, false, true]
HAS({a: 1}, 0) !! HAS
[KEEP({a: 1, b: 2}, ["a"]), UNSET({a: 1, b: 2}, "a"), UNSET(null, "a")] => [{"a": 1}, {"b": 2}, null]
[MERGE({a: {b: 1}}, {a: {c: 2}}), MERGE({a: 1}, null, {b: 2}), MERGE(null)] => [{"a": {"c": 2}}, {"a": 1, "b": 2}, {}]
MERGE({}, 5) !! MERGE: all arguments must be objects, got: Number(5)
MERGE([{a: 1}, {b: 2}]) !! must be objects
[DEEP_MERGE({a: {x: 1}}, {a: {y: 2}}), DEEP_MERGE([{a: 1}, {b: 2}])] => [{"a": {"x": 1, "y": 2}}, {"a": 1, "b": 2}]
[GET({a: [{b: 1}]}, "a.0.b"), GET({a: null}, "a", 7), GET({}, "a", 7)] => [1, null, 7]
VALUE({a: [5]}, ["a", 0]) => 5
[SET_PATH({}, "a.b", 1), SET_PATH(null, "a", 1), UNSET_PATH({a: {b: 1, c: 2}}, "a.b")] => [{"a": {"b": 1}}, {"a": 1}, {"a": {"c": 2}}]
SET_PATH({a: "x"}, "a.b", 1) !! SET_PATH
DIFF({a: {b: 1}, c: 1}, {a: {b: 2}, c: 1.0}) => {"a.b": {"old": 1, "new": 2}}
[MATCHES({a: 1, b: 2}, {a: 1.0}), MATCHES({a: 1}, [{a: 2}, {a: 1}], true)] => [true, 1]
[TRANSLATE("FR", {FR: "France"}), TRANSLATE("DE", {}), TRANSLATE("DE", {}, "?")] => ["France", "DE", "?"]
HASH({a: 1}) == HASH({a: 1.0}) => true
[UNSET_RECURSIVE({a: {p: 1, q: 2}}, "p"), REDACT({a: [{p: 1}]}, ["p"])] => [{"a": {"q": 2}}, {"a": [{}]}]
KEEP_RECURSIVE({a: {p: 1, q: 2}, b: 1}, "p") => {"a": {"p": 1}}
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_objects_answer_as_the_server(line: str) -> None:
    assert holds(line)


_objects = st.dictionaries(st.text(max_size=2), st.integers(-3, 3), max_size=4)


@given(_objects)
def test_entries_make_the_object_again(value: dict[str, int]) -> None:
    assert value_of("FROM_ENTRIES(ENTRIES(@o))", o=value) == value


@given(_objects, _objects)
def test_a_difference_is_empty_just_for_equal_objects(old: dict[str, int], new: dict[str, int]) -> None:
    assert (value_of("DIFF(@a, @b)", a=old, b=new) == {}) == (old == new)
