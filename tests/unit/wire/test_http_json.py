"""JSON whose floats the server reads as they are, though it reads the shortest digits of some wrongly."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.wire.http_json import as_read, encode

UNREACHABLE = [61.815142642251004, -61.172777723533244, 0.9989232851443149]
"""Floats for which there are no digits that the server reads exactly."""

MISREAD = [80.83430664461298, 12.345678901234567, 1e23, 2.2250738585072011e-308, 1.7976931348623157e308]


def read_by_server(text: str) -> float:
    """Read a number as SoliDB 2.6 does: all digits as an integer, then one power of ten."""
    mantissa, _, exponent = text.partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = abs(int(whole + fraction))
    assert digits < 2**64
    power, value = int(exponent or 0) - len(fraction), float(digits)
    while power < -308:
        power, value = power + 308, value / 1e308
    value = value / float(f"1e{-power}") if power < 0 else value * float(f"1e{power}")
    return -value if text[0] == "-" else value


def served(value: Any) -> Any:
    return json.loads(encode(value), parse_float=read_by_server)


def in_bits(value: Any) -> str:
    return repr(value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_float_is_read_as_it_is_or_as_its_neighbour(value: float) -> None:
    read = served(value)
    assert in_bits(read) == in_bits(as_read(value))
    assert read in (value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf))


def test_few_floats_have_no_digits_to_be_read_from() -> None:
    step = (180.0 - 10.0) / 20_000
    values = [10.0 + step * number + 1e-13 * number for number in range(20_000)]
    assert sum(read_by_server(repr(value)) != value for value in values) > 1_000
    assert sum(as_read(value) is not value for value in values) < 100


@pytest.mark.parametrize("value", MISREAD)
def test_floats_that_are_misread_in_their_shortest_form_get_another(value: float) -> None:
    assert served({"a": [value, -value]}) == {"a": [value, -value]}
    assert as_read(value) is value


@pytest.mark.parametrize("value", UNREACHABLE)
def test_what_cannot_be_spelled_is_told(value: float) -> None:
    document = {"place": {"lat": value}, "n": 1}
    assert as_read(document) == served(document) != document
    assert abs(served(value) - value) <= math.ulp(value)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.text()
    | st.floats(-1e6, 1e6).map(lambda x: round(x, 6)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(JSON, st.sampled_from(["12345678901234567.5", '"\\', "1e+20 é", "-0.12345678901234567"]))
def test_nothing_but_floats_is_changed(value: Any, text: str) -> None:
    whole = {"value": value, "text": text, text: [text, 0.1 + 0.2]}
    assert json.loads(encode(whole)) == whole


def test_every_power_of_two_and_the_smallest_floats_arrive() -> None:
    values = [math.ldexp(1.0, exponent) for exponent in range(-1074, 1024)]
    values += [struct.unpack("<d", struct.pack("<Q", number))[0] for number in range(1, 50)]
    assert [in_bits(value) for value in served(values)] == [in_bits(as_read(value)) for value in values]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_json_lacks_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        encode([value])
