"""Arrays of numbers are summed up; nulls in them do not count."""

# a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
[SUM([1, 2]), SUM([1, "2", null, 3.5]), AVG([1, null, 2]), MEDIAN([1, 2])] => [3.0, 4.5, 1.5, 1.5]
[SUM([]), AVG([]), MIN([]), MAX([]), PRODUCT([])] => [-0.0, null, null, null, 1.0]
SUM(null) !! Unknown function: SUM
SUM(5) !! Unknown function: SUM
[MIN([3, 1]), MIN(["b", 3, null]), MAX(["b", 3])] => [1.0, 3.0, "b"]
[MIN(2, 1), MAX(1, 2.5), MAX(1, null)] => [1.0, 2.5, null]
MIN(1, "a") !! Unknown function: MIN
PRODUCT(null) => null
[VARIANCE([1, 2, 3, 4]), STDDEV_SAMP([1, 2, 3, 4]), VAR_SAMP([1])] => [1.25, 1.2909944487358056, null]
[PERCENTILE([1, 2, 3, 4], 50), PERCENTILE([1, 2, 3, 4], 50, "interpolation")] => [2.0, 2.5]
PERCENTILE([1], 101) => null
COUNT_DISTINCT([1, 1.0, "1", null]) => 3
[APPROX_COUNT_DISTINCT([1, 1, 2]), APPROX_PERCENTILE([1, 2, 3], 50)] => [2.0, 2.0]
APPROX_TOP_K(["a", "a", "b"], 1) => [{"count": 2, "value": "a"}]
[MINHASH_COUNT(0.05), MINHASH_ERROR(400)] => [400, 0.05]
MINHASH([1], 4) => ["4b07c692cb636152", "fe81d09462f06657", "e592f69ec66b8f31", "99cf9d295fead71f"]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_aggregates_answer_as_the_server(line: str) -> None:
    assert holds(line)
