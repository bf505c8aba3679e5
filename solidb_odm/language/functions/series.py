"""Series in time: buckets, changes, rates, gaps. Times in a series are milliseconds."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import timedelta
from itertools import groupby, pairwise
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from ..._types import Json, JsonObject
from ...errors import QueryError
from .arguments import array, finite, is_number, is_object, options
from .built_in import PROPAGATE, REFUSE, Family
from .moments import add_months, at_wall, from_millis, iso, millis, moment, zone_of

function = Family("Time series")

_MONDAY: Final = 4 * 86_400_000  # 1970-01-05, where weeks begin
_WORDS: Final = {
    "ms": (1, "ms millisecond milliseconds"),
    "s": (1_000, "s sec secs second seconds"),
    "m": (60_000, "m min mins minute minutes"),
    "h": (3_600_000, "h hour hours"),
    "d": (86_400_000, "d day days"),
    "w": (604_800_000, "w week weeks"),
}
_LENGTHS: Final = {word: (length, unit) for unit, (length, words) in _WORDS.items() for word in words.split()}
_MONTHS: Final = {"mo": 1, "month": 1, "months": 1, "y": 12, "year": 12, "years": 12}


class Interval(NamedTuple):
    """A length of time: fixed, in milliseconds, or of the calendar, in months."""

    millis: int
    months: int
    weekly: bool


def interval_of(value: Json, name: str) -> Interval:
    """Read an interval such as "5m" or "1 day"."""
    if not isinstance(value, str):
        raise QueryError(f"{name}: interval must be a string")
    match = re.fullmatch(r"\s*(\d{1,15})\s*([A-Za-z]+)\s*", value, re.ASCII)
    count, word = (int(match[1]), match[2]) if match else (0, "")
    word = word.lower() if len(word) > 2 else word  # the short ones are case-sensitive: m is minutes
    if count > 0 and word in _LENGTHS:
        length, unit = _LENGTHS[word]
        return Interval(count * length, 0, unit == "w")
    if count > 0 and word in _MONTHS:
        return Interval(0, count * _MONTHS[word], weekly=False)
    raise QueryError(
        f"interval '{value}': expected a positive integer and a unit",
        hint="like 500ms, 30s, 5m, 1h, 1d, 1w; TIME_BUCKET also takes 1mo and 1y",
    )


def _fixed(value: Json, name: str) -> int:
    interval = interval_of(value, name)
    if not interval.millis:
        raise QueryError(
            f"interval '{value}': months and years have no fixed length here", hint="use days or weeks"
        )
    return interval.millis


def _time(value: Json) -> int:
    if is_number(value):
        return math.floor(value)
    if isinstance(value, str):
        return millis(moment(value))
    raise QueryError("TIME_BUCKET: timestamp must be number or string")


def _local(time: int, zone: ZoneInfo) -> int:
    offset = from_millis(time).astimezone(zone).utcoffset() or timedelta()
    return time + offset // timedelta(milliseconds=1)


def _fixed_bucket(time: int, interval: Interval, origin: int | None, zone: ZoneInfo) -> int:
    start = (_MONDAY if interval.weekly else 0) if origin is None else _local(origin, zone)
    local = _local(time, zone)
    wall = from_millis(local - (local - start) % interval.millis).replace(tzinfo=None)
    return millis(at_wall(wall, zone))


def _calendar_bucket(time: int, months: int, origin: int | None, zone: ZoneInfo) -> int:
    def index(at: int) -> int:
        local = from_millis(at).astimezone(zone)
        return local.year * 12 + local.month - 1

    start = 1970 * 12 if origin is None else index(origin)
    epoch = from_millis(0).replace(tzinfo=None)
    wanted = (index(time) - start) // months * months + start
    return millis(at_wall(add_months(epoch, wanted - 1970 * 12), zone))


@function(
    "TIME_BUCKET",
    parameters="t, interval [, options]",
    returns="int or string, as t is",
    nulls=PROPAGATE,
    summary="The start of the interval that t lies in; options origin, timezone. Numbers are ms.",
)
def time_bucket(value: Json, length: Json, settings: Json = None) -> Json:
    interval, time = interval_of(length, "TIME_BUCKET"), _time(value)
    given = options(settings, "TIME_BUCKET", 3)
    zone = zone_of(given.get("timezone", given.get("tz")), "TIME_BUCKET")
    origin = None if given.get("origin") is None else _time(given["origin"])
    if interval.millis:
        bucket = _fixed_bucket(time, interval, origin, zone)
    else:
        bucket = _calendar_bucket(time, interval.months, origin, zone)
    return iso(from_millis(bucket)) if isinstance(value, str) else bucket


class Point(NamedTuple):
    """One measurement; the value may be missing."""

    time: int
    value: float | None


def _point(item: Json, place: int) -> Point:
    if is_number(item):
        return Point(place, float(item))
    if not is_object(item):
        return Point(place, None)
    fields: JsonObject = item
    time = next((fields[k] for k in ("t", "ts", "time") if k in fields), None)
    value = fields.get("v", fields.get("value"))
    return Point(math.floor(time) if is_number(time) else place, float(value) if is_number(value) else None)


def _points(series: Json, name: str) -> list[tuple[int, float]]:
    """Return the measurements in order of time; nulls are left out."""
    points: list[tuple[int, float]] = []
    for place, item in enumerate(array(series, name, 1)):
        point = _point(item, place)
        if point.value is not None:
            points.append((point.time, point.value))
        elif item is not None:
            raise QueryError(f"{name}: items must be numbers or {{t, v}} objects with a numeric v")
    return sorted(points, key=lambda p: p[0])


@function(
    "DELTA",
    parameters="series",
    returns="array of {t, v}",
    nulls=REFUSE,
    summary="What changed since the last point.",
)
def delta(series: Json) -> Json:
    points = _points(series, "DELTA")
    return [{"t": t, "v": finite(v - before)} for (_, before), (t, v) in pairwise(points)]


@function(
    "RATE",
    parameters="series, interval",
    returns="array of {t, v}",
    nulls=REFUSE,
    summary="The change per interval; null between points of one time.",
)
def rate(series: Json, length: Json) -> Json:
    unit = _fixed(length, "RATE")
    return [
        {"t": t, "v": finite((v - before) / (t - start) * unit) if t != start else None}
        for (start, before), (t, v) in pairwise(_points(series, "RATE"))
    ]


@function(
    "FILL",
    parameters="series, mode|n",
    returns="array of {t, v}",
    nulls=REFUSE,
    summary='With gaps filled: "prev" ("locf"), "next" ("nocb"), "interp" ("linear"), or a number.',
)
def fill(series: Json, mode: Json) -> Json:
    points = [_point(item, place) for place, item in enumerate(array(series, "FILL", 1))]
    filler = _FILLERS.get(mode) if isinstance(mode, str) else None
    if isinstance(mode, str) and filler is None:
        raise QueryError(f"FILL: unknown mode '{mode}' (prev, next, interp, or a number)")
    constant = float(mode) if is_number(mode) else 0.0
    following = _following(points)
    last: Point | None = None
    rows: list[JsonObject] = []
    for point, after in zip(points, following, strict=True):
        value = point.value
        if value is None:
            value = constant if filler is None else filler(point.time, last, after)
        else:
            last = point
        rows.append({"t": point.time, "v": value})
    return rows


def _following(points: list[Point]) -> list[Point | None]:
    """Return for each point the next one that has a value."""
    following: list[Point | None] = []
    after: Point | None = None
    for point in reversed(points):
        following.append(after)
        after = point if point.value is not None else after
    return following[::-1]


def _known(point: Point | None) -> float:
    return 0.0 if point is None or point.value is None else point.value


def _interpolate(time: int, last: Point | None, after: Point | None) -> float:
    if last is None or after is None or last.time == after.time:
        return _known(last or after)
    share = (time - last.time) / (after.time - last.time)
    return _known(last) + (_known(after) - _known(last)) * share


_FILLERS: Final[dict[str, Callable[[int, Point | None, Point | None], float]]] = {
    "prev": lambda _, last, after: _known(last),
    "locf": lambda _, last, after: _known(last),
    "next": lambda _, last, after: _known(after),
    "nocb": lambda _, last, after: _known(after),
    "interp": _interpolate,
    "linear": _interpolate,
}


@function(
    "RESAMPLE",
    parameters="series, interval",
    returns="array of {t, v, avg}",
    nulls=REFUSE,
    summary="One point an interval: its start, the last value in it and the mean.",
)
def resample(series: Json, length: Json) -> Json:
    step = _fixed(length, "RESAMPLE")
    rows: list[JsonObject] = []
    for start, points in groupby(_points(series, "RESAMPLE"), key=lambda p: p[0] // step * step):
        numbers = [value for _, value in points]
        rows.append({"avg": finite(sum(numbers) / len(numbers)), "t": start, "v": numbers[-1]})
    return rows


function.server_only(
    "MATCH_SEQ",
    parameters="events, key, steps",
    summary="Events that follow a pattern.",
    instead="group the events with GROUP_BY and test their order",
)
