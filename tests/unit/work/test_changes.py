"""Laws of differences and merges."""

from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.work import MISSING, Conflict, apply, diff, merge
from solidb_odm.work.differences import identical

scalars = (
    st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.0, 1.0, -1.5]) | st.sampled_from("ab")
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)
objects = st.dictionaries(st.sampled_from("abcd"), values, max_size=4)


@given(objects, objects)
def test_applying_the_difference_makes_one_of_the_other(old: dict, new: dict) -> None:
    assert identical(apply(diff(old, new), old), new)


@given(objects)
def test_a_value_does_not_differ_from_itself(value: dict) -> None:
    assert not diff(value, value)


@given(objects, objects)
def test_a_difference_names_no_more_than_it_must(old: dict, new: dict) -> None:
    found = diff(old, new)
    kept = [name for name in old if name in new and identical(old[name], new[name])]
    assert not {*found.changes, *found.removed} & {*kept}


@given(objects, objects)
def test_a_merge_with_one_changed_side_is_that_side(base: dict, changed: dict) -> None:
    for merged, conflicts in (merge(base, changed, base), merge(base, base, changed)):
        assert identical(merged, changed)
        assert conflicts == []


@given(objects, objects)
def test_a_merge_of_equal_sides_is_without_conflict(base: dict, changed: dict) -> None:
    merged, conflicts = merge(base, changed, changed)
    assert identical(merged, changed)
    assert conflicts == []


@given(objects, objects, objects)
def test_a_merge_mirrors(base: dict, ours: dict, theirs: dict) -> None:
    one, mine = merge(base, ours, theirs, "ours")
    two, yours = merge(base, theirs, ours, "theirs")
    assert identical(one, two)
    assert {each.path for each in mine} == {each.path for each in yours}


def test_numbers_of_different_types_differ() -> None:
    assert diff({"a": 1, "b": True, "c": 1.0}, {"a": 1.0, "b": 1, "c": 1.0}).changes == {"a": 1.0, "b": 1}


def test_a_conflict_names_the_path_and_all_three_values() -> None:
    base = {"in": {"a": 1, "b": 1}, "gone": 1}
    merged, conflicts = merge(base, {"in": {"a": 2, "b": 1}, "gone": 2}, {"in": {"a": 3, "b": 5}})
    assert merged == {"in": {"a": 2, "b": 5}, "gone": 2}
    assert conflicts == [Conflict("in.a", 1, 2, 3), Conflict("gone", 1, 2, MISSING)]


def test_a_function_settles_conflicts_by_their_full_path() -> None:
    seen = []
    merged, _ = merge(
        {"in": {"a": 1}}, {"in": {"a": 2}}, {"in": {"a": 3}}, lambda c: seen.append(c.path) or 9
    )
    assert (merged, seen) == ({"in": {"a": 9}}, ["in.a"])
