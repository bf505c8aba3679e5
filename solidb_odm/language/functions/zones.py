"""Time zones, and times as people say them."""

from __future__ import annotations

import zoneinfo
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..._types import Json
from .arguments import flag, text
from .base import PROPAGATE, Context, Family
from .moments import at_wall, iso, millis, moment, wall_of, wall_text, zone_of

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
def human_time(context: Context, value: Json, reference: Json = None) -> Json:
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
