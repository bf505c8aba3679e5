"""Dates: parts, arithmetic, comparing, formats, zones."""

from __future__ import annotations

import calendar
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from ..._types import Json
from ...errors import QueryError
from . import clock_formats
from .arguments import is_array, is_integral, number, text
from .built_in import PROPAGATE_TWO, CallContext, Family
from .moments import (
    Unit,
    add,
    add_months,
    at_wall,
    iso,
    millis,
    moment,
    parse_duration,
    span_of,
    truncate,
    unit_of,
    zone_of,
)

_LONGEST: Final = 2**63 - 1
function = Family("Date")
MAX_SERIES: Final = 100_000
_MILLISECOND: Final = timedelta(milliseconds=1)

_PARTS: Final[list[tuple[tuple[str, ...], Callable[[datetime], int | bool], str]]] = [
    (("DATE_YEAR",), lambda d: d.year, "The year."),
    (("DATE_MONTH",), lambda d: d.month, "The month, from 1."),
    (("DATE_DAY",), lambda d: d.day, "The day of the month."),
    (("DATE_HOUR",), lambda d: d.hour, "The hour."),
    (("DATE_MINUTE",), lambda d: d.minute, "The minute."),
    (("DATE_SECOND",), lambda d: d.second, "The second."),
    (("DATE_MILLISECOND",), lambda d: d.microsecond // 1000, "The millisecond."),
    (("DATE_DAYOFWEEK",), lambda d: d.isoweekday() % 7, "The day of the week; Sunday is 0."),
    (("DATE_DAYOFYEAR",), lambda d: d.timetuple().tm_yday, "The day of the year, from 1."),
    (("DATE_ISOWEEK", "DATE_WEEK"), lambda d: d.isocalendar().week, "The ISO week."),
    (("DATE_ISOWEEKYEAR",), lambda d: d.isocalendar().year, "The year of the ISO week."),
    (("DATE_QUARTER",), lambda d: (d.month + 2) // 3, "The quarter, from 1."),
    (("DATE_LEAPYEAR",), lambda d: calendar.isleap(d.year), "Whether the year is a leap year."),
    (("DATE_DAYS_IN_MONTH",), lambda d: calendar.monthrange(d.year, d.month)[1], "The length of the month."),
]


def _define(names: tuple[str, ...], part: Callable[[datetime], int | bool], summary: str) -> None:
    def extract(value: Json, zone: Json = None) -> Json:
        when = moment(value)
        return part(when if zone is None else when.astimezone(zone_of(zone, names[0])))

    returns = "bool" if names[0] == "DATE_LEAPYEAR" else "int"
    function(*names, parameters="d [, timezone]", returns=returns, summary=summary)(extract)


for _entry in _PARTS:
    _define(*_entry)


@function(
    "DATE_NOW",
    "NOW",
    returns="int",
    context=True,
    deterministic=False,
    summary="This moment, in milliseconds.",
)
def now(context: CallContext) -> Json:
    return millis(context.now())


@function(
    "DATE_NOW_ISO",
    "NOW_ISO",
    returns="string",
    context=True,
    deterministic=False,
    summary="This moment, as text.",
)
def now_iso(context: CallContext) -> Json:
    return iso(context.now())


def _from_parts(values: tuple[Json, ...], name: str) -> datetime | None:
    """Return the moment of one date, or of year, month, day, ... in UTC; None for null."""
    if len(values) == 1:
        return None if values[0] is None else moment(values[0])
    if not 3 <= len(values) <= 7:
        raise QueryError(f"{name} requires 1 argument(s), a date, or 3 to 7: year, month, day, ...")
    if not all(map(is_integral, values)):
        raise QueryError(f"{name}: date components must be integers")
    year, month, day, *rest = (int(v) for v in values)
    hour, minute, second, milli = (*rest, 0, 0, 0, 0)[:4]
    try:
        return datetime(year, month, day, hour, minute, second, milli * 1000, UTC)
    except (ValueError, OverflowError) as exc:
        raise QueryError(f"{name}: invalid date components", hint=str(exc)) from exc


@function(
    "DATE_ISO8601",
    parameters="d|year, [month, day, hour, minute, second, millisecond]",
    returns="string",
    nulls="null for a null date; an error among the parts of one",
    summary="As text in UTC: 2025-01-31T10:00:00.000Z.",
)
def date_iso8601(*values: Json) -> Json:
    when = _from_parts(values, "DATE_ISO8601")
    return when and iso(when)


@function(
    "DATE_TIMESTAMP",
    parameters="d|year, [month, day, hour, minute, second, millisecond]",
    returns="int",
    nulls="null for a null date; an error among the parts of one",
    summary="As milliseconds since 1970.",
)
def date_timestamp(*values: Json) -> Json:
    when = _from_parts(values, "DATE_TIMESTAMP")
    return None if when is None else millis(when)


def _moved(sign: int, name: str, value: Json, amount: Json, rest: tuple[Json, ...]) -> Json:
    when = moment(value)
    if isinstance(amount, str):
        return _moved_by_text(sign, name, when, amount, rest)
    if not rest:
        raise QueryError(f"{name} requires 3 to 4 argument(s): date, amount, unit [, timezone]")
    units = sign * int(number(amount, name, 2))
    return iso(add(when, units, unit_of(rest[0], name), zone_of((*rest, None)[1], name)))


def _moved_by_text(sign: int, name: str, when: datetime, amount: str, rest: tuple[Json, ...]) -> Json:
    duration = parse_duration(amount)
    if duration is None:
        raise QueryError(
            f"{name}: '{amount}' is not an ISO 8601 duration (like 'P1DT2H')",
            hint="or pass a number and a unit",
        )
    if len(rest) > 1:
        raise QueryError(f"{name} requires 2 to 3 argument(s): date, duration [, timezone]")
    zone = zone_of((*rest, None)[0], name)
    return iso((duration if sign > 0 else duration.negated()).after(when, zone))


@function(
    "DATE_ADD",
    parameters="d, n|duration, [unit, timezone]",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary='Later by n units, or by an ISO duration such as "P1DT2H".',
)
def date_add(value: Json, amount: Json, *rest: Json) -> Json:
    return _moved(1, "DATE_ADD", value, amount, rest)


@function(
    "DATE_SUBTRACT",
    "DATE_SUB",
    parameters="d, n|duration, [unit, timezone]",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary="Earlier by n units, or by an ISO duration.",
)
def date_subtract(value: Json, amount: Json, *rest: Json) -> Json:
    return _moved(-1, "DATE_SUBTRACT", value, amount, rest)


def _months_between(start: datetime, end: datetime, *, fraction: bool) -> float:
    """Count the months from one wall-clock time to another, whole ones or with a part of the next."""
    whole = (end.year - start.year) * 12 + end.month - start.month
    if whole and (add_months(start, whole) > end) == (whole > 0) and add_months(start, whole) != end:
        whole += -1 if whole > 0 else 1
    if not fraction:
        return whole
    anchor = add_months(start, whole)
    step = 1 if end >= anchor else -1
    return whole + (end - anchor) / abs(add_months(start, whole + step) - anchor)


@function(
    "DATE_DIFF",
    parameters="d1, d2 [, unit [, asFloat [, timezone1 [, timezone2]]]]",
    returns="int or float",
    nulls=PROPAGATE_TWO,
    summary="How many units (days) from d1 to d2, cut to an int unless ``asFloat``.",
)
def date_diff(
    first: Json,
    second: Json,
    unit: Json = None,
    as_float: Json = None,
    zone1: Json = None,
    zone2: Json = None,
) -> Json:
    name, start, end = "DATE_DIFF", moment(first), moment(second)
    wanted = Unit.DAY if unit is None else unit_of(unit, name)
    if as_float is not None and not isinstance(as_float, bool):
        raise QueryError("DATE_DIFF: asFloat must be a boolean")
    wall_start = start.astimezone(zone_of(zone1, name)).replace(tzinfo=None)
    wall_end = end.astimezone(zone_of(zone1 if zone2 is None else zone2, name)).replace(tzinfo=None)
    if wanted <= Unit.MONTH:
        length = _months_between(wall_start, wall_end, fraction=as_float is True)
        length = length / 12 if wanted is Unit.YEAR else length
    elif wanted <= Unit.DAY:
        length = (wall_end - wall_start) / wanted.length
    else:
        length = (end - start) / wanted.length
    return float(length) if as_float else int(length)


def _fields(when: datetime) -> dict[Unit, int]:
    return {
        Unit.YEAR: when.year,
        Unit.MONTH: when.month,
        Unit.DAY: when.day,
        Unit.HOUR: when.hour,
        Unit.MINUTE: when.minute,
        Unit.SECOND: when.second,
        Unit.MILLISECOND: when.microsecond // 1000,
    }


@function(
    "DATE_COMPARE",
    parameters="d1, d2 [, unitFrom [, unitTo]]",
    returns="int, or bool",
    nulls=PROPAGATE_TWO,
    summary="-1, 0 or 1; with units, whether the dates agree in them.",
)
def date_compare(first: Json, second: Json, largest: Json = None, smallest: Json = None) -> Json:
    a, b = moment(first), moment(second)
    if largest is None:
        return (a > b) - (a < b)
    start = unit_of(largest, "DATE_COMPARE")
    end = start if smallest is None else unit_of(smallest, "DATE_COMPARE")
    if Unit.WEEK in (start, end):
        raise QueryError("DATE_COMPARE: units are y, m, d, h, i, s, f")
    if end < start:
        raise QueryError("DATE_COMPARE: unitRangeEnd must not be larger than unitRangeStart")
    fields = _fields(b)
    return all(value == fields[unit] for unit, value in _fields(a).items() if start <= unit <= end)


@function("DATE_TRUNC", parameters="d, unit [, timezone]", returns="string", summary="The start of the unit.")
def date_trunc(value: Json, unit: Json, zone: Json = None) -> Json:
    return iso(truncate(moment(value), unit_of(unit, "DATE_TRUNC"), zone_of(zone, "DATE_TRUNC")))


@function(
    "DATE_ROUND",
    parameters="d, n|unit [, unit|timezone]",
    returns="string",
    summary="The start of a slot of n days, hours, minutes and so on; without n as DATE_TRUNC.",
)
def date_round(value: Json, amount: Json, unit: Json = None) -> Json:
    if isinstance(amount, str):
        return date_trunc(value, amount, unit)
    if isinstance(amount, bool) or not isinstance(amount, int) or amount <= 0:
        raise QueryError("DATE_ROUND: amount must be a positive integer")
    wanted = unit_of(unit, "DATE_ROUND")
    if wanted < Unit.DAY:
        raise QueryError("DATE_ROUND: unit must be one of d, h, i, s, f")
    when = moment(value)
    step = amount * (wanted.length // _MILLISECOND)
    if step > _LONGEST:
        raise QueryError("DATE_ROUND: amount is too large")
    return iso(when - timedelta(milliseconds=millis(when) % step, microseconds=when.microsecond % 1000))


@function(
    "DATE_END_OF",
    parameters="d, unit [, timezone]",
    returns="string",
    summary="The last millisecond of the unit, also of a quarter.",
)
def date_end_of(value: Json, unit: Json, zone: Json = None) -> Json:
    name, when = "DATE_END_OF", moment(value)
    (wanted, length), place = span_of(unit, name), zone_of(zone, name)
    start = truncate(when, wanted, place)
    if wanted is Unit.MILLISECOND:
        return iso(start)
    if length == 3:
        start = add(start, -((start.astimezone(place).month - 1) % 3), Unit.MONTH, place)
    return iso(add(start, length, wanted, place) - _MILLISECOND)


@function(
    "DATE_SERIES",
    parameters="from, to, unit [, step [, timezone]]",
    returns="array of strings",
    nulls=PROPAGATE_TWO,
    context=True,
    summary="The dates from one to another, ``step`` (1) units apart; at most 100,000.",
)
def date_series(
    context: CallContext, first: Json, last: Json, unit: Json, step: Json = None, zone: Json = None
) -> Json:
    name, start, end = "DATE_SERIES", moment(first), moment(last)
    (wanted, length), place = span_of(unit, name), zone_of(zone, name)
    if step is not None and (not is_integral(step) or step < 1):
        raise QueryError("DATE_SERIES: step must be a positive integer")
    pace = length * (1 if step is None else int(step))
    dates: list[Json] = []
    while (when := add(start, len(dates) * pace, wanted, place)) <= end:
        if len(dates) >= MAX_SERIES:
            raise QueryError(f"DATE_SERIES: more than {MAX_SERIES} dates; use a larger unit or step")
        context.spend(1)
        dates.append(iso(when))
    return dates


@function(
    "DATE_FORMAT",
    parameters="d, format [, timezone]",
    returns="string",
    summary="In a format such as %Y-%m-%d %H:%M.",
)
def date_format(value: Json, form: Json, zone: Json = None) -> Json:
    when = moment(value).astimezone(zone_of(zone, "DATE_FORMAT"))
    if not isinstance(form, str):
        raise QueryError("DATE_FORMAT: format must be a string")
    return clock_formats.write(when, form)


@function(
    "DATE_PARSE",
    parameters="s, format(s) [, timezone]",
    returns="string",
    summary="The date of a text in a format such as %d/%m/%Y, or in the first that fits.",
)
def date_parse(value: Json, forms: Json, zone: Json = None) -> Json:
    written, place = text(value, "DATE_PARSE", 1).strip(), zone_of(zone, "DATE_PARSE")
    candidates: list[Json] = forms if is_array(forms) else [forms]
    for form in candidates:
        moment = clock_formats.read(written, text(form, "DATE_PARSE", 2))
        if moment is not None:
            wall, offset = moment
            return iso(at_wall(wall, place) if offset is None else wall.replace(tzinfo=UTC) - offset)
    wanted = f"format '{candidates[0]}'" if len(candidates) == 1 else f"any of the {len(candidates)} formats"
    raise QueryError(f"DATE_PARSE: '{written}' does not match {wanted}")
