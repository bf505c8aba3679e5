"""Whatever a function is given, it answers with JSON or with an error of ours."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm.errors import DatabaseError
from solidb_odm.language.functions import Function, catalogue
from solidb_odm.language.interpreter import MemorySource, Run
from tests.sizes import examples

_words = st.sampled_from(
    (
        *("", "a", "a.b", "day", "m", "2025-01-31", "2025-01-01T00:00:00+02:00", "9999-12-31", "P1M", "5m"),
        *("%Y-%m", "Europe/Paris", "c/k", "c", "v", "[a-z]+", "(", "$1", "en", "euclidean", "ff", "YQ=="),
        *("é\u0301ß", "0", "1.5", "/a/0", "\ud7ff\U0001f600", "http://[::1"),
    )
)
_numbers = st.sampled_from(
    [0, 1, -1, 2, 3.5, -0.0, 1e10, 2**53, 2**63 - 1, -(2**63), 2**64 - 1, 1e300, 1e-300, 0.1]
)
_scalars = st.none() | st.booleans() | _numbers | _words
_values = st.recursive(
    _scalars,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "t", "v", "lat", "lon", "type"]), inner, max_size=3)
    ),
    max_leaves=6,
)
SOURCE = MemorySource({"c": [{"_key": "k", "a": 1, "v": [1, 2], "t": "some text"}]}, edges=["e"])


def _is_json(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(key) is str and _is_json(item) for key, item in value.items())
    if isinstance(value, list):
        return all(map(_is_json, value))
    return value is None or type(value) in (bool, int, float, str)


@pytest.mark.parametrize("function", catalogue(), ids=lambda f: f.name)
@settings(max_examples=examples(15))
@given(data=st.data())
def test_a_function_answers_or_fails_properly(function: Function, data: st.DataObject) -> None:
    most = min(function.max_args if function.max_args is not None else 4, 6)
    count = data.draw(st.integers(function.min_args, max(most, function.min_args)))
    arguments = data.draw(st.lists(_values, min_size=count, max_size=count))
    before = json.dumps(arguments)
    try:
        result = function.implementation(Run(SOURCE, {}), arguments)
    except DatabaseError:
        result = None
    assert _is_json(result)
    json.dumps(result, allow_nan=False)
    assert json.dumps(arguments) == before  # a stored document may be among them
