"""Numbers come back as floats; what is no number is refused."""

# ruff: noqa: E501  # a case is a line

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
[FLOOR(4.8), FLOOR(-1.5), CEIL(1), ABS(-3), TRUNC(-1.7)] => [4.0, -2.0, 1.0, 3.0, -1.0]
CEIL(-0.5) => -0.0
FLOOR(null) !! FLOOR: argument must be a number
FLOOR("3") !! FLOOR: argument must be a number
ABS(null) !! ABS: argument must be a number
[ROUND(2.5), ROUND(-2.5), ROUND(-1.5), ROUND(1.2345, 2)] => [3.0, -3.0, -2.0, 1.23]
[ROUND(1.005, 2), ROUND(1.005, 2, "half_up"), ROUND(2.675, 2)] => [1.0, 1.01, 2.68]
[ROUND(2.5, 0, "half_even"), ROUND(-2.5, 0, "up"), ROUND(-2.5, 0, "ceil")] => [2.0, -3.0, -2.0]
ROUND(1.5, 400) => 1.5
ROUND([1, 2]) !! ROUND: argument must be a number
[SQRT(16), POW(2, 3), POW(2, 0.5), EXP(0), CBRT(27)] => [4.0, 8.0, 1.4142135623730951, 1.0, 3.0]
POW(10, 400) => null
POW(-8, 0.5) => null
SQRT(-1) !! SQRT: argument must be non-negative
LOG(0) !! LOG: argument must be positive
[MOD(-7, 3), SIGN(-2), GCD(12, 18), LCM(4, 6), HYPOT(3, 4)] => [-1.0, -1, 6, 12, 5.0]
MOD(1, 0) !! division by zero
MOD(null, 1) => null
CLAMP(9, 1, 5) => 5.0
[BIT_AND(6, 3), BIT_OR(6, 3), BIT_XOR(6, 3), BIT_NOT(5), BIT_SHIFT_LEFT(1, 4)] => [2, 7, 5, -6, 16]
BIT_AND(1.5, 1) !! must be an integer
[RANGE(3), RANGE(3, 1), RANGE(0, 6, 3)] => [[0, 1, 2, 3], [3, 2, 1], [0, 3, 6]]
RANGE(0, 1, 0.25) => [0.0, 0.25, 0.5, 0.75, 1.0]
RANGE(1, 5, -1) => []
RANGE(9000000) !! more than 1000000
RANGE(1, 2, 0) !! step must not be zero
[DECAY_LINEAR(5, 0, 10, 0, 0.5), DECAY_EXP(10, 0, 10, 0, 0.5), DECAY_GAUSS(10, 0, 10, 0, 0.5)] => [0.75, 0.5, 0.5]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_numbers_answer_as_the_server(line: str) -> None:
    assert holds(line)


@given(st.integers(-(2**60), 2**60), st.integers(-(2**60), 2**60))
def test_random_numbers_stay_between_the_bounds(one: int, other: int) -> None:
    low, high = sorted((one, other))
    assert low <= value_of("RANDOM_INT(@low, @high)", low=low, high=high) <= high


@given(st.floats(-1e15, 1e15))
def test_rounding_moves_a_number_by_half_at_most(number: float) -> None:
    assert abs(value_of("ROUND(@n)", n=number) - number) <= 0.5
