from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import QueryError
from solidb_odm.language.check import check_names, check_values
from solidb_odm.language.nodes import Query
from solidb_odm.language.parser import parse
from solidb_odm.language.walk import bind_names

QUERY = parse("FOR u IN users FILTER u.age > @min RETURN u")
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",))),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
)


def check_binds(query: Query, binds: dict[str, Any]) -> None:
    check_names(bind_names(query), binds)
    check_values(binds)


def test_a_missing_value_is_named() -> None:
    with pytest.raises(QueryError, match="no value for @min") as caught:
        check_binds(QUERY, {"mni": 3})
    assert "given: @mni" in str(caught.value)


def test_all_missing_values_are_named() -> None:
    with pytest.raises(QueryError, match="no value for @a, @b"):
        check_binds(parse("RETURN [@b, @a, @c]"), {"c": 1})


def test_a_value_that_is_not_used_is_allowed() -> None:
    check_binds(QUERY, {"min": 18, "unused": None})


@given(JSON)
def test_any_json_may_be_sent(value: Any) -> None:
    check_binds(QUERY, {"min": value})


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (float("nan"), "@min can't be sent: nan is not a JSON number"),
        ([1, float("inf")], r"@min\[1\] can't be sent: inf"),
        ({"a": {"b": [b"x"]}}, r"@min\.a\.b\[0\] can't be sent: bytes is not JSON"),
        (datetime(2025, 1, 1, tzinfo=UTC), "datetime is not JSON"),
        ({1: "x"}, "the key 1 is no text"),
        (2**64, "does not fit 64 bits"),
        (-(2**63) - 1, "does not fit 64 bits"),
        ({"x"}, "set is not JSON"),
        ("\ud800", "not valid Unicode"),
        ({"\ud800": 1}, "not valid Unicode"),
    ],
    ids=repr,
)
def test_what_is_not_json_is_refused_with_its_place(value: Any, message: str) -> None:
    with pytest.raises(QueryError, match=message):
        check_binds(QUERY, {"min": value})


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(QueryError, match="levels"):
        check_binds(QUERY, {"min": endless})
