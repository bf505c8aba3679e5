"""Series in time are cut into intervals and compared point by point."""

# ruff: noqa: E501  # a case is a line

import pytest

from tests.unit.language.functions.expressions import holds, lines

CASES = lines(r"""
TIME_BUCKET("2025-01-01T10:07:00Z", "5m") => "2025-01-01T10:05:00.000Z"
TIME_BUCKET(1735725600000, "1d") => 1735689600000
TIME_BUCKET(-1, "1s") => -1000
TIME_BUCKET("2025-01-15", "1w") => "2025-01-13T00:00:00.000Z"
TIME_BUCKET("2025-05-15", "3mo") => "2025-04-01T00:00:00.000Z"
TIME_BUCKET("2025-01-01T23:30:00Z", "1d", {timezone: "Europe/Paris"}) => "2025-01-01T23:00:00.000Z"
TIME_BUCKET(7, "5ms", {origin: 1}) => 6
TIME_BUCKET(null, "5m") => null
TIME_BUCKET(0, "5x") !! interval '5x'
DELTA([1, 4, 2]) => [{"t": 1, "v": 3.0}, {"t": 2, "v": -2.0}]
RATE([{t: 0, v: 1}, {t: 2000, v: 5}, {t: 2000, v: 6}], "1s") => [{"t": 2000, "v": 2.0}, {"t": 2000, "v": null}]
FILL([1, null, 3], "interp") => [{"t": 0, "v": 1.0}, {"t": 1, "v": 2.0}, {"t": 2, "v": 3.0}]
FILL([null, 2, null], "prev") => [{"t": 0, "v": 0.0}, {"t": 1, "v": 2.0}, {"t": 2, "v": 2.0}]
FILL([null], "often") !! unknown mode 'often'
RESAMPLE([{t: 0, v: 1}, {t: 30, v: 3}, {t: 70, v: 5}], "60ms") => [{"t": 0, "v": 3.0, "avg": 2.0}, {"t": 60, "v": 5.0, "avg": 5.0}]
RATE([1, 2], "1mo") !! months and years have no fixed length
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_series_answer_as_the_server(line: str) -> None:
    assert holds(line)
