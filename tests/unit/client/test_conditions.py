"""Conditions on rows: what is left to the server never loses a row."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.client.columnar.selects import read_select
from solidb_odm.client.columnar.tables import columns_in, condition_from, holds, narrowed

VALUES = st.sampled_from([None, 0, 1.5, -2, "a", "b", True, False])
ORDERS = ["EQ", "NE", "GT", "GTE", "LT", "LTE"]


def leaf(column: str, word: str, value: Any) -> dict[str, Any]:
    return {"column": column, "op": word, "value": value}


def joined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(parts, min_size=1, max_size=3)
    return st.builds(lambda word, found: {word: found}, st.sampled_from(["and", "or"]), some)


COLUMNS = st.sampled_from("xyz")
LEAVES = st.one_of(
    st.builds(leaf, COLUMNS, st.sampled_from(ORDERS), VALUES),
    st.builds(leaf, COLUMNS, st.just("IN"), st.lists(VALUES, max_size=3)),
)
CONDITIONS = st.recursive(LEAVES, joined, max_leaves=8)
ROWS = st.fixed_dictionaries(dict.fromkeys("xyz", VALUES))


@given(CONDITIONS, ROWS)
def test_what_the_server_is_asked_for_holds_wherever_the_condition_does(
    condition: dict[str, Any], row: dict[str, Any]
) -> None:
    assert not holds(condition, row) or holds(narrowed(condition), row)


@given(CONDITIONS)
def test_the_server_is_asked_for_no_conjunction_and_no_order_of_texts(condition: dict[str, Any]) -> None:
    asked = repr(narrowed(condition))

    assert "'and'" not in asked
    for word in ("GT", "LT", "GTE", "LTE"):
        for text in ("'a'", "True", "None"):
            assert f"'op': '{word}', 'value': {text}" not in asked


@given(ROWS)
def test_not_is_never_true_where_the_condition_is(row: dict[str, Any]) -> None:
    for text in ("x = 1.5 AND y != 'a'", "x > 0 OR NOT (y = 'b' AND z = 1.5)", "x IN (0, 1.5)", "x IS NULL"):
        straight = read_select(f"SELECT * FROM t WHERE {text}", {}).condition
        turned = read_select(f"SELECT * FROM t WHERE NOT ({text})", {}).condition
        assert not (holds(straight, row) and holds(turned, row))


def test_equalities_are_a_condition() -> None:
    condition = condition_from({"x": 1, "y": "a"})

    assert holds(condition, {"x": 1, "y": "a"})
    assert not holds(condition, {"x": 1, "y": "b"})
    assert columns_in(condition) == ["x", "y"]
    assert condition_from({}) is None
