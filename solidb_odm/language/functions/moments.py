"""Moments in time: reading and writing them, zones, units, durations, adding and cutting.

A date is an ISO text, or a number: of seconds below 10^10, of milliseconds above. Local times that
happen twice mean the earlier one; those that a clock change skips move on by the length of the gap.
"""

from __future__ import annotations

import calendar
import re
import zoneinfo
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..._dataclasses import dataclass
from ..._types import Json
from ...errors import QueryError
from .arguments import flag, is_number, text
from .built_in import PROPAGATE, CallContext, Family

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
SECONDS_BELOW: Final = 1e10
_ZERO: Final = timedelta()
_ISO: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
    r"(?:[Tt ](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
    r" ?(?P<zone>[Zz]|[+-]\d\d(?::?\d\d)?)?)?",
    re.ASCII,
)
_COMMON: Final = re.compile(
    r"\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d(?:\.\d{3}(?:\d{3})?)?(?:Z|[+-]\d\d:\d\d)?", re.ASCII
)
"""What nearly all dates are written as, which Python reads in one call."""
_DURATION: Final = re.compile(
    r"(?P<sign>[+-]?)P(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?=\d)(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:[.,]\d+)?)S)?)?",
    re.ASCII | re.IGNORECASE,
)


class Unit(IntEnum):
    """A unit of the calendar, the largest first."""

    YEAR = 0
    MONTH = 1
    WEEK = 2
    DAY = 3
    HOUR = 4
    MINUTE = 5
    SECOND = 6
    MILLISECOND = 7

    @property
    def length(self) -> timedelta:
        """How long it is; years and months have no length of their own."""
        return _LENGTHS[self]


_LENGTHS: Final = {
    Unit.WEEK: timedelta(weeks=1),
    Unit.DAY: timedelta(days=1),
    Unit.HOUR: timedelta(hours=1),
    Unit.MINUTE: timedelta(minutes=1),
    Unit.SECOND: timedelta(seconds=1),
    Unit.MILLISECOND: timedelta(milliseconds=1),
}
_SMALLER: Final = ("microsecond", "second", "minute", "hour", "day", "month")
_START: Final[dict[Unit, dict[str, Any]]] = {
    unit: {name: int(name in ("day", "month")) for name in _SMALLER[:count]}
    for unit, count in {
        Unit.YEAR: 6,
        Unit.MONTH: 5,
        Unit.WEEK: 4,
        Unit.DAY: 4,
        Unit.HOUR: 3,
        Unit.MINUTE: 2,
        Unit.SECOND: 1,
    }.items()
}
"""What a time shows at the start of a unit; of a week, of its day."""
_UNITS: Final = {
    word: unit
    for unit, words in {
        Unit.YEAR: "y year years",
        Unit.MONTH: "m month months",
        Unit.WEEK: "w week weeks",
        Unit.DAY: "d day days",
        Unit.HOUR: "h hour hours",
        Unit.MINUTE: "i minute minutes",
        Unit.SECOND: "s second seconds",
        Unit.MILLISECOND: "f ms millisecond milliseconds",
    }.items()
    for word in words.split()
}


def unit_of(value: Json, name: str) -> Unit:
    """Return the unit of a word such as "d" or "days"."""
    if not isinstance(value, str):
        raise QueryError(f"{name}: unit must be a string")
    unit = _UNITS.get(value) or _UNITS.get(value.strip().lower())  # a year, which is 0, is looked for twice
    if unit is None:
        raise QueryError(f"{name}: unknown unit '{value}' (y, m, w, d, h, i, s, f)")
    return unit


def span_of(value: Json, name: str) -> tuple[Unit, int]:
    """Return a unit and how many of it; a quarter is three months."""
    if isinstance(value, str) and value.strip().lower() in ("q", "quarter", "quarters"):
        return Unit.MONTH, 3
    return unit_of(value, name), 1


def zone_of(value: Json, name: str) -> ZoneInfo:
    """Return the IANA time zone of a name; null is UTC."""
    if value is None:
        return ZoneInfo("UTC")
    if not isinstance(value, str):
        raise QueryError(f"{name}: timezone must be a string")
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as exc:
        raise QueryError(
            f"unknown timezone '{value}'",
            hint="use an IANA name such as Europe/Paris (on Windows: pip install tzdata)",
        ) from exc


def parse_wall(text: str) -> tuple[datetime, timedelta | None] | None:
    """Read an ISO text as wall-clock time and its offset, if it has one; None if it is no date."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    parts = match.groupdict()
    fraction = int((parts["fraction"] or "0")[:6].ljust(6, "0"))
    year, month, day, hour, minute, second = (
        int(parts[p] or 0) for p in ("year", "month", "day", "hour", "minute", "second")
    )
    try:
        wall = datetime(year, month, day, hour, minute, second, fraction)  # noqa: DTZ001  # a wall clock
    except ValueError:
        return None
    return wall, _offset(parts["zone"])


def _offset(zone: str | None) -> timedelta | None:
    if not zone:
        return None
    if zone in "Zz":
        return _ZERO
    digits = zone[1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if zone[0] == "-" else offset


def parse_text(text: str) -> datetime | None:
    """Read an ISO text as a moment, in UTC if it says nothing else; None if it is no date."""
    if _COMMON.fullmatch(text):
        try:
            when = datetime.fromisoformat(text)
            return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
        except (ValueError, OverflowError):
            pass  # no date, or one with an odd offset
    read = parse_wall(text)
    if read is None:
        return None
    wall, offset = read
    try:
        return wall.replace(tzinfo=UTC) - (offset or _ZERO)
    except OverflowError:
        return None


def wall_of(value: Json) -> datetime:
    """Return the wall-clock time that a date shows, whatever its offset."""
    if not isinstance(value, str):
        return moment(value).replace(tzinfo=None)
    read = parse_wall(value)
    if read is None:
        raise QueryError(f"Invalid date string '{value}'")
    return read[0]


def moment(value: Json) -> datetime:
    """Return the moment that a date argument means, in UTC."""
    if isinstance(value, str):
        read = parse_text(value)
        if read is None:
            raise QueryError(f"Invalid date string '{value}'")
        return read
    if is_number(value):
        return from_millis(int(value * 1000) if abs(value) < SECONDS_BELOW else int(value))
    raise QueryError("Date must be a timestamp or date string")


def from_millis(millis: int) -> datetime:
    """Return the moment of a number of milliseconds since 1970."""
    try:
        return EPOCH + timedelta(milliseconds=millis)
    except OverflowError as exc:
        raise QueryError(f"Invalid timestamp: {millis}", hint="a file knows the years 1 to 9999") from exc


def millis(when: datetime) -> int:
    """Return the milliseconds since 1970."""
    return (when - EPOCH) // timedelta(milliseconds=1)


def wall_text(when: datetime) -> str:
    """Write the wall-clock time in ISO form with milliseconds."""
    return when.replace(tzinfo=None).isoformat(timespec="milliseconds")


def iso(when: datetime) -> str:
    """Write a moment in UTC: ``2025-01-31T10:00:00.000Z``."""
    if when.tzinfo is not UTC:
        when = when.astimezone(UTC)
    return when.isoformat(timespec="milliseconds")[: -len("+00:00")] + "Z"


def at_wall(wall: datetime, zone: ZoneInfo, like: timedelta | None = None) -> datetime:
    """Return the moment when clocks in the zone show a time; of two, the one with offset ``like``."""
    candidates = [wall.replace(tzinfo=zone, fold=fold) for fold in (0, 1)]
    for candidate in candidates:
        if like is not None and candidate.utcoffset() == like and _shows(candidate, wall):
            return candidate.astimezone(UTC)
    return candidates[0].astimezone(UTC)


def _shows(when: datetime, wall: datetime) -> bool:
    return when.astimezone(UTC).astimezone(when.tzinfo).replace(tzinfo=None) == wall


def _out_of_range() -> QueryError:
    return QueryError("date out of range", hint="a file knows the years 1 to 9999")


def add_months(wall: datetime, months: int) -> datetime:
    """Add months to a wall-clock time; the day moves to the end of a shorter month."""
    year, month = divmod(wall.year * 12 + wall.month - 1 + months, 12)
    if not 1 <= year <= 9999:
        raise _out_of_range()
    day = min(wall.day, calendar.monthrange(year, month + 1)[1])
    return wall.replace(year=year, month=month + 1, day=day)


def add(when: datetime, amount: int, unit: Unit, zone: ZoneInfo) -> datetime:
    """Add units: years to days by the calendar of the zone, shorter ones as elapsed time."""
    local = when.astimezone(zone)
    wall = local.replace(tzinfo=None)
    try:
        if unit <= Unit.MONTH:
            moved = add_months(wall, amount * (12 if unit is Unit.YEAR else 1))
        elif unit <= Unit.DAY:
            moved = wall + amount * unit.length
        else:
            return when + amount * unit.length
        return at_wall(moved, zone, local.utcoffset())
    except OverflowError as exc:
        raise _out_of_range() from exc


def truncate(when: datetime, unit: Unit, zone: ZoneInfo) -> datetime:
    """Return the start of the unit that a moment lies in, by the clocks of the zone."""
    local = when if zone.key == "UTC" and when.tzinfo is UTC else when.astimezone(zone)
    if unit is Unit.MILLISECOND:
        return when.replace(microsecond=local.microsecond // 1000 * 1000)
    start = local.replace(**_START[unit])
    if unit is Unit.WEEK:
        start -= timedelta(days=start.weekday())
    return start if local is when else at_wall(start.replace(tzinfo=None), zone, local.utcoffset())


@dataclass(frozen=True, slots=True)
class Duration:
    """An ISO duration: ``P1Y2M3DT4H5M6.7S``."""

    months: int
    days: int
    millis: int

    def negated(self) -> Duration:
        """Return the same length backwards."""
        return Duration(-self.months, -self.days, -self.millis)

    def after(self, when: datetime, zone: ZoneInfo) -> datetime:
        """Return the moment that is this much after another."""
        for amount, unit in (
            (self.months, Unit.MONTH),
            (self.days, Unit.DAY),
            (self.millis, Unit.MILLISECOND),
        ):
            when = add(when, amount, unit, zone) if amount else when
        return when


def parse_duration(text: str) -> Duration | None:
    """Read an ISO duration; None if it is none."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.group(name) for name in match.groupdict() if name != "sign"):
        return None
    parts = {k: v or "0" for k, v in match.groupdict().items()}
    seconds = float(parts["seconds"].replace(",", "."))
    duration = Duration(
        months=int(parts["years"]) * 12 + int(parts["months"]),
        days=int(parts["weeks"]) * 7 + int(parts["days"]),
        millis=int(parts["hours"]) * 3_600_000 + int(parts["minutes"]) * 60_000 + round(seconds * 1000),
    )
    return duration.negated() if match.group("sign") == "-" else duration


function = Family("Date")


def _zone_info(when: datetime) -> Json:
    offset = when.utcoffset() or timedelta()
    return {
        "begin": None,
        "dst": bool(when.dst()),
        "end": None,
        "name": when.tzname() or "",
        "offset": int(offset.total_seconds()),
    }


def _named_zone(zone: Json, name: str) -> ZoneInfo:
    return zone_of(text(zone, name, 2), name)


@function(
    "DATE_UTCTOLOCAL",
    parameters="d, timezone [, zoneinfo]",
    returns="string, or object",
    summary="What clocks in the zone show; with facts about the zone if told.",
)
def date_utctolocal(value: Json, zone: Json, zoneinfo_wanted: Json = None) -> Json:
    local = moment(value).astimezone(_named_zone(zone, "DATE_UTCTOLOCAL"))
    if not flag(zoneinfo_wanted, "DATE_UTCTOLOCAL", "zoneinfo"):
        return wall_text(local)
    return {"local": wall_text(local), "tzdb": None, "zoneInfo": _zone_info(local)}


@function(
    "DATE_LOCALTOUTC",
    parameters="d, timezone [, zoneinfo]",
    returns="string, or object",
    summary="When clocks in the zone show this time; with facts about the zone if told.",
)
def date_localtoutc(value: Json, zone: Json, zoneinfo_wanted: Json = None) -> Json:
    place = _named_zone(zone, "DATE_LOCALTOUTC")
    when = at_wall(wall_of(value), place)
    if not flag(zoneinfo_wanted, "DATE_LOCALTOUTC", "zoneinfo"):
        return iso(when)
    return {"tzdb": None, "utc": iso(when), "zoneInfo": _zone_info(when.astimezone(place))}


@function("DATE_TIMEZONE", returns="string", summary="The time zone of dates without one: UTC on a file.")
def date_timezone() -> Json:
    return "UTC"


@function("DATE_TIMEZONES", returns="array of strings", summary="The names of all time zones.")
def date_timezones() -> Json:
    return sorted(zoneinfo.available_timezones())


@function(
    "HUMAN_TIME",
    parameters="d [, now]",
    returns="string",
    nulls=PROPAGATE,
    context=True,
    deterministic=False,
    summary='For people: "2 days ago", "in 1 hour", "just now".',
)
def human_time(context: CallContext, value: Json, reference: Json = None) -> Json:
    current = context.now() if reference is None else moment(reference)
    seconds = (millis(current) - millis(moment(value))) / 1000
    length = int(abs(seconds))
    for size, word in (
        (31_536_000, "year"),
        (2_592_000, "month"),
        (86_400, "day"),
        (3600, "hour"),
        (60, "minute"),
    ):
        if length >= size:
            phrase = f"{length // size} {word}{'' if length // size == 1 else 's'}"
            return f"in {phrase}" if seconds < 0 else f"{phrase} ago"
    return "just now"
