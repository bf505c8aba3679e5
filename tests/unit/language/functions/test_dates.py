"""Dates are read from texts and numbers, and reckoned with."""

# ruff: noqa: E501  # a case is a line

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.errors import QueryError
from solidb_odm.language.functions.moments import Unit, moment, truncate, zone_of
from tests.unit.language.functions.expressions import holds, lines, value_of

CASES = lines(r"""
[DATE_ISO8601(0), DATE_ISO8601(1735689600), DATE_ISO8601(1735689600000)] => ["1970-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z"]
[DATE_ISO8601("2025-01-01 10:00"), DATE_ISO8601("2025-01-01T10:00:00+02:00")] => ["2025-01-01T10:00:00.000Z", "2025-01-01T08:00:00.000Z"]
[DATE_ISO8601(2025, 1, 2), DATE_TIMESTAMP(2025, 1, 2), DATE_TIMESTAMP("2025-01-01")] => ["2025-01-02T00:00:00.000Z", 1735776000000, 1735689600000]
DATE_ISO8601(2025, 2, 30) !! invalid date components
DATE_YEAR("garbage") !! Invalid date string 'garbage'
[DATE_YEAR(null), DATE_YEAR(1609459200), DATE_YEAR("2025-03-04")] => [null, 2021, 2025]
[DATE_DAYOFWEEK("2025-01-05"), DATE_DAYOFWEEK("2025-01-06"), DATE_ISOWEEK("2025-01-01")] => [0, 1, 1]
[DATE_QUARTER("2025-05-01"), DATE_LEAPYEAR("2024-01-01"), DATE_DAYS_IN_MONTH("2024-02-01")] => [2, true, 29]
DATE_HOUR("2025-01-01T10:00:00Z", "Asia/Tokyo") => 19
DATE_HOUR(0, "Nowhere/Land") !! unknown timezone 'Nowhere/Land'
[DATE_ADD("2025-01-31", 1, "month"), DATE_ADD("2024-02-29", 1, "year")] => ["2025-02-28T00:00:00.000Z", "2025-02-28T00:00:00.000Z"]
[DATE_ADD("2025-01-01", "P1M2DT3H"), DATE_ADD("2025-01-01", 1.9, "days")] => ["2025-02-03T03:00:00.000Z", "2025-01-02T00:00:00.000Z"]
DATE_ADD("2025-03-29T12:00:00Z", 1, "d", "Europe/Paris") => "2025-03-30T11:00:00.000Z"
DATE_ADD("2025-01-01", 1, "fortnight") !! DATE_ADD: unknown unit 'fortnight' (y, m, w, d, h, i, s, f)
DATE_ADD("2025-01-01", "P1.5D") !! is not an ISO 8601 duration
DATE_ADD("2025-01-01", 9000, "y") !! out of range
DATE_SUBTRACT("2025-01-01", 1, "d") => "2024-12-31T00:00:00.000Z"
[DATE_DIFF("2025-01-01", "2025-01-03", "d"), DATE_DIFF("2025-01-03", "2025-01-01")] => [2, -2]
[DATE_DIFF("2025-01-01", "2025-03-01", "month"), DATE_DIFF("2025-01-31", "2025-02-28", "m")] => [2, 1]
DATE_DIFF("2025-01-01", "2025-01-02T12:00:00Z", "d", true) => 1.5
[DATE_COMPARE("2025-01-01", "2025-01-02"), DATE_COMPARE("2025-01-01", "2024-01-01", "m", "d")] => [-1, true]
[DATE_TRUNC("2025-05-17T10:00:00Z", "month"), DATE_TRUNC("2025-01-15", "week")] => ["2025-05-01T00:00:00.000Z", "2025-01-13T00:00:00.000Z"]
DATE_TRUNC("2025-01-15", "quarter") !! unknown unit 'quarter'
DATE_ROUND("2025-01-01T10:07:00Z", 15, "i") => "2025-01-01T10:00:00.000Z"
[DATE_END_OF("2024-02-10", "month"), DATE_END_OF("2024-02-10", "quarter")] => ["2024-02-29T23:59:59.999Z", "2024-03-31T23:59:59.999Z"]
DATE_SERIES("2025-01-31", "2025-03-31", "m") => ["2025-01-31T00:00:00.000Z", "2025-02-28T00:00:00.000Z", "2025-03-31T00:00:00.000Z"]
DATE_FORMAT("2025-01-01T23:00:00Z", "%Y-%m-%d %H:%M", "Europe/Paris") => "2025-01-02 00:00"
DATE_FORMAT("2025-01-02T03:04:05.678Z", "%a %-d %b %y %I:%M %p %j %3f %:z %%") => "Thu 2 Jan 25 03:04 AM 002 678 +00:00 %"
DATE_FORMAT("2025-01-02", "%Q") !! invalid format string '%Q'
[DATE_PARSE("24/09/2026", "%d/%m/%Y"), DATE_PARSE("1 Mar 2025 2:05 PM", ["%F", "%d %b %Y %I:%M %p"])] => ["2026-09-24T00:00:00.000Z", "2025-03-01T14:05:00.000Z"]
DATE_PARSE("2025-01-01 12:00", "%Y-%m-%d %H:%M", "Europe/Paris") => "2025-01-01T11:00:00.000Z"
DATE_PARSE("x", "%Y") !! does not match format '%Y'
DATE_UTCTOLOCAL("2020-10-15T01:00:00.999Z", "America/New_York") => "2020-10-14T21:00:00.999"
DATE_LOCALTOUTC("2020-10-14T21:00:00.999", "America/New_York") => "2020-10-15T01:00:00.999Z"
DATE_LOCALTOUTC("2025-03-30T02:30:00", "Europe/Paris") => "2025-03-30T01:30:00.000Z"
[HUMAN_TIME("2025-01-01", "2025-01-03"), HUMAN_TIME("2025-01-01T01:00:00Z", "2025-01-01"), HUMAN_TIME(0, 5)] => ["2 days ago", "in 1 hour", "just now"]
""")


@pytest.mark.parametrize("line", CASES, ids=str)
def test_dates_answer_as_the_server(line: str) -> None:
    assert holds(line)


_days = st.integers(0, 20_000).map(lambda day: day * 86_400_000 + 12_345)


@given(_days.filter(lambda ms: ms > 10**10), st.integers(-3000, 3000))
def test_subtracting_days_undoes_adding_them(moment: int, days: int) -> None:
    there = "DATE_SUBTRACT(DATE_ADD(@d, @n, 'd'), @n, 'd')"
    assert value_of(f"DATE_TIMESTAMP({there})", d=moment, n=days) == moment


@given(_days.filter(lambda ms: ms > 10**10), st.sampled_from(["y", "m", "w", "d", "h", "i", "s", "f"]))
def test_a_moment_lies_in_its_unit(moment: int, unit: str) -> None:
    start = value_of("DATE_TIMESTAMP(DATE_TRUNC(@d, @u))", d=moment, u=unit)
    end = value_of("DATE_TIMESTAMP(DATE_END_OF(@d, @u))", d=moment, u=unit)
    assert start <= moment <= end


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)))  # noqa: DTZ001  # wall clocks
def test_what_is_formatted_can_be_parsed(moment: datetime) -> None:
    form = "%A %d %B %Y, %H:%M:%S%.6f"
    parsed = value_of("DATE_PARSE(DATE_FORMAT(@d, @f), @f)", d=moment.isoformat(), f=form)
    assert parsed == value_of("DATE_ISO8601(@d)", d=moment.isoformat())


_PARTS = (["0000", "0001", "1969", "2024", "9999"], ["00", "02", "12", "13"], ["01", "29", "30", "31"])
_CLOCKS = ["", "T00:00:00", "T23:59:59.999", "T23:59:59.999999Z", "T24:00:00", "T10:60:00Z", "T10:00:60"]
_OFFSETS = ["", "Z", "+00:00", "-05:30", "+23:59", "+24:00", "-99:99"]


def _read(text: str) -> datetime | None:
    try:
        return moment(text)
    except QueryError:
        return None


def test_dates_as_most_are_written_mean_what_the_general_reader_says() -> None:
    years, months, days = _PARTS
    for date in (f"{year}-{month}-{day}" for year in years for month in months for day in days):
        for text in (f"{date}{clock}{offset}" for clock in _CLOCKS for offset in _OFFSETS):
            assert _read(text) == _read(f" {text}"), text  # a space is not as most are written


@pytest.mark.parametrize("unit", list(Unit))
def test_a_unit_of_utc_starts_where_it_does_in_a_zone_like_it(unit: Unit) -> None:
    for text in ("2024-02-29T23:59:59.999999Z", "2025-01-01T00:00:00Z", "0001-01-08T12:30:31.5Z"):
        assert truncate(moment(text), unit, zone_of(None, "")) == truncate(
            moment(text), unit, zone_of("Etc/Greenwich", "")
        )
