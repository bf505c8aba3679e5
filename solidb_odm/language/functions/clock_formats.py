"""Date formats: ``%Y-%m-%d`` and the rest of strftime, as the server's library writes and reads it.

Names of days and months are English, whatever the locale of the process.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from ...errors import QueryError

_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS: Final = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_COMPOSED: Final = {
    "D": "%m/%d/%y", "x": "%m/%d/%y", "F": "%Y-%m-%d", "v": "%e-%b-%Y", "R": "%H:%M", "T": "%H:%M:%S",
    "X": "%H:%M:%S", "r": "%I:%M:%S %p", "c": "%a %b %e %H:%M:%S %Y", "+": "%Y-%m-%dT%H:%M:%S%.f%:z",
}  # fmt: skip
_DIRECTIVE: Final = re.compile(r"%([-_0]?)(:{0,3}z|#z|\.[369]?f|[369]f|.)", re.DOTALL)


def _offset(when: datetime, colon: str) -> str:
    minutes = int((when.utcoffset() or timedelta()).total_seconds()) // 60
    sign, minutes = ("-", -minutes) if minutes < 0 else ("+", minutes)
    return f"{sign}{minutes // 60:02}{colon}{minutes % 60:02}"


def _fraction(when: datetime) -> str:
    digits = f"{when.microsecond:06}000"
    if not when.microsecond:
        return ""
    return "." + (digits[:3] if digits[3:] == "000000" else digits[:6])


def _sunday_week(when: datetime) -> int:
    return (when.timetuple().tm_yday + 6 - (when.weekday() + 1) % 7) // 7


def _monday_week(when: datetime) -> int:
    return (when.timetuple().tm_yday + 6 - when.weekday()) // 7


_NUMBERS: Final[dict[str, tuple[int, str, Callable[[datetime], int]]]] = {
    "Y": (4, "0", lambda d: d.year),
    "C": (2, "0", lambda d: d.year // 100),
    "y": (2, "0", lambda d: d.year % 100),
    "q": (1, "0", lambda d: (d.month + 2) // 3),
    "m": (2, "0", lambda d: d.month),
    "d": (2, "0", lambda d: d.day),
    "e": (2, " ", lambda d: d.day),
    "j": (3, "0", lambda d: d.timetuple().tm_yday),
    "H": (2, "0", lambda d: d.hour),
    "k": (2, " ", lambda d: d.hour),
    "I": (2, "0", lambda d: (d.hour + 11) % 12 + 1),
    "l": (2, " ", lambda d: (d.hour + 11) % 12 + 1),
    "M": (2, "0", lambda d: d.minute),
    "S": (2, "0", lambda d: d.second),
    "f": (9, "0", lambda d: d.microsecond * 1000),
    "w": (1, "0", lambda d: d.isoweekday() % 7),
    "u": (1, "0", lambda d: d.isoweekday()),
    "U": (2, "0", _sunday_week),
    "W": (2, "0", _monday_week),
    "G": (4, "0", lambda d: d.isocalendar().year),
    "g": (2, "0", lambda d: d.isocalendar().year % 100),
    "V": (2, "0", lambda d: d.isocalendar().week),
    "s": (1, "0", lambda d: int(d.timestamp())),
}
_TEXTS: Final[dict[str, Callable[[datetime], str]]] = {
    "A": lambda d: _DAYS[d.weekday()],
    "a": lambda d: _DAYS[d.weekday()][:3],
    "B": lambda d: _MONTHS[d.month - 1],
    "b": lambda d: _MONTHS[d.month - 1][:3],
    "h": lambda d: _MONTHS[d.month - 1][:3],
    "p": lambda d: "AM" if d.hour < 12 else "PM",
    "P": lambda d: "am" if d.hour < 12 else "pm",
    "Z": lambda d: d.tzname() or "UTC",
    "z": lambda d: _offset(d, ""),
    ":z": lambda d: _offset(d, ":"),
    ".f": _fraction,
    ".3f": lambda d: f".{d.microsecond // 1000:03}",
    ".6f": lambda d: f".{d.microsecond:06}",
    ".9f": lambda d: f".{d.microsecond:06}000",
    "3f": lambda d: f"{d.microsecond // 1000:03}",
    "6f": lambda d: f"{d.microsecond:06}",
    "9f": lambda d: f"{d.microsecond:06}000",
    "n": lambda _: "\n",
    "t": lambda _: "\t",
    "%": lambda _: "%",
}


def write(when: datetime, form: str) -> str:
    """Write a moment in a form, by the clocks of its zone."""

    def directive(match: re.Match[str]) -> str:
        padding, letter = match.groups()
        if letter in _COMPOSED:
            return write(when, _COMPOSED[letter])
        if letter in _NUMBERS:
            width, fill, number = _NUMBERS[letter]
            fill = {"-": "", "_": " ", "0": "0", "": fill}[padding]
            return str(number(when)).rjust(width, fill) if fill else str(number(when))
        if letter in _TEXTS:
            return _TEXTS[letter](when)
        raise _invalid(form)

    if _DIRECTIVE.sub("", form).count("%"):
        raise _invalid(form)
    return _DIRECTIVE.sub(directive, form)


def _invalid(form: str) -> QueryError:
    return QueryError(f"DATE_FORMAT: invalid format string '{form}'")


_READABLE: Final = {
    "Y": r"(?P<Y>[+-]?\d{1,4})", "y": r"(?P<y>\d{1,2})", "m": r"(?P<m>\d{1,2})", "d": r"(?P<d>\d{1,2})",
    "e": r" ?(?P<d>\d{1,2})", "H": r"(?P<H>\d{1,2})", "k": r" ?(?P<H>\d{1,2})", "I": r"(?P<I>\d{1,2})",
    "l": r" ?(?P<I>\d{1,2})", "M": r"(?P<M>\d{1,2})", "S": r"(?P<S>\d{1,2})", "f": r"(?P<f>\d{1,9})",
    "j": r"(?P<j>\d{1,3})", "s": r"(?P<s>-?\d+)", "p": "(?P<p>[AaPp][Mm])", "P": "(?P<p>[AaPp][Mm])",
    "z": r"(?P<z>[+-]\d\d:?\d\d|Z)", ":z": r"(?P<z>[+-]\d\d:?\d\d|Z)", "#z": r"(?P<z>[+-]\d\d(?::?\d\d)?|Z)",
    ".f": r"(?:\.(?P<f>\d{1,9}))?", ".3f": r"\.(?P<f>\d{3})",
    ".6f": r"\.(?P<f>\d{6})", ".9f": r"\.(?P<f>\d{9})",
    "3f": r"(?P<f>\d{3})", "6f": r"(?P<f>\d{6})", "9f": r"(?P<f>\d{9})",
    "A": f"(?:{'|'.join(_DAYS)})", "a": f"(?:{'|'.join(d[:3] for d in _DAYS)})",
    "B": f"(?P<b>{'|'.join(_MONTHS)}|{'|'.join(m[:3] for m in _MONTHS)})",
    "n": r"\s*", "t": r"\s*", "%": "%",
}  # fmt: skip
_READABLE.update({"b": _READABLE["B"], "h": _READABLE["B"]})


def _pattern(form: str) -> str | None:
    """Return the regular expression that reads a form; None if it can't be read."""
    output, place = "", 0
    for match in _DIRECTIVE.finditer(form):
        output += re.escape(form[place : match.start()])
        place = match.end()
        letter = match.group(2)
        inner = _pattern(_COMPOSED[letter]) if letter in _COMPOSED else _READABLE.get(letter)
        if inner is None:
            return None
        output += inner
    return output + re.escape(form[place:])


def read(text: str, form: str) -> tuple[datetime, timedelta | None] | None:
    """Read a wall-clock time, and its offset if the form has one; None if the text does not fit."""
    pattern = _pattern(form)
    try:
        match = pattern and re.fullmatch(pattern, text, re.ASCII | re.IGNORECASE)
        return _moment(match.groupdict()) if match else None
    except (ValueError, re.error, OverflowError):  # no such day, or one part named twice
        return None


def _moment(parts: dict[str, str]) -> tuple[datetime, timedelta | None]:
    if "s" in parts:
        return datetime.fromtimestamp(int(parts["s"]), UTC).replace(tzinfo=None), timedelta()
    if ("H" in parts or "I" in parts) and "M" not in parts:
        raise ValueError("an hour needs its minute")
    day = datetime(_year(parts), 1, 1)  # noqa: DTZ001  # a wall clock
    if "j" in parts:
        day += timedelta(days=int(parts["j"]) - 1)
    else:
        day = day.replace(month=_month(parts), day=int(parts["d"]))
    micros = int((parts.get("f") or "0").ljust(6, "0")[:6])
    minute, second = int(parts.get("M", 0)), int(parts.get("S", 0))
    return day.replace(hour=_hour(parts), minute=minute, second=second, microsecond=micros), _zone(parts)


def _year(parts: dict[str, str]) -> int:
    if "Y" in parts:
        return int(parts["Y"])
    if "y" not in parts:
        raise ValueError("no year")
    short = int(parts["y"])
    return short + (1900 if short >= 70 else 2000)


def _month(parts: dict[str, str]) -> int:
    if "b" in parts:
        return [m[:3].lower() for m in _MONTHS].index(parts["b"][:3].lower()) + 1
    if "m" not in parts or "d" not in parts:
        raise ValueError("no month or day")
    return int(parts["m"])


def _hour(parts: dict[str, str]) -> int:
    if "I" not in parts:
        return int(parts.get("H", 0))
    hour = int(parts["I"])
    if not 1 <= hour <= 12:
        raise ValueError("an hour of twelve")
    return hour % 12 + (12 if parts.get("p", "").lower() == "pm" else 0)


def _zone(parts: dict[str, str]) -> timedelta | None:
    if "z" not in parts:
        return None
    if parts["z"] in "Zz":
        return timedelta()
    digits = parts["z"][1:].replace(":", "").ljust(4, "0")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -offset if parts["z"][0] == "-" else offset
