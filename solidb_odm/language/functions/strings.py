"""Strings: cutting, joining, finding. Positions are code points, counted from 0."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from ..._types import Json
from ...errors import QueryError
from ..values import equal, like_regex, template_text, to_text, within_memory
from .arguments import (
    Growth,
    array,
    bounded,
    count_or_zero,
    integer,
    is_array,
    is_number,
    is_object,
    refuse_long,
    text,
)
from .built_in import PROPAGATE_ANY, PROPAGATE_TWO, WHITE_SPACE, Family

function = Family("String")
_INEXACT_FROM: Final = 2.0**53


@function("UPPER", "TO_UPPER", "TOUPPER", parameters="s", returns="string", summary="In upper case.")
def upper(value: Json) -> Json:
    return text(value, "UPPER").upper()


@function("LOWER", "TO_LOWER", "TOLOWER", parameters="s", returns="string", summary="In lower case.")
def lower(value: Json) -> Json:
    return text(value, "LOWER").lower()


def _spread(values: Iterable[Json]) -> Iterator[Json]:
    for value in values:
        if is_array(value):
            yield from value
        else:
            yield value


@function(
    "CONCAT",
    parameters="[x, ...]",
    returns="string",
    nulls="null adds nothing",
    summary="The texts of all arguments in a row; arrays give their elements.",
)
def concat(*values: Json) -> Json:
    return within_memory("".join(joined_text(v) for v in _spread(values) if v is not None))


def joined_text(value: Json) -> str:
    """Write a value as most functions of texts do: floats from 1e15 have no ``.0``, unlike in TO_STRING."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _INEXACT_FROM:
        return str(int(value))
    return to_text(value)


@function(
    "CONCAT_SEPARATOR",
    "CONCAT_WS",
    parameters="separator [, x, ...]",
    returns="string",
    nulls="null if the separator is null; other nulls are left out",
    summary="The texts of the arguments with a separator between; arrays give their elements.",
)
def concat_separator(separator: Json, *values: Json) -> Json:
    if separator is None:
        return None
    parts = (joined_text(v) for v in _spread(values) if v is not None)
    return within_memory(joined_text(separator).join(parts))


@function(
    "JOIN",
    parameters="a [, separator]",
    returns="string",
    nulls="null if the array is null; null elements are empty, a null separator is a comma",
    summary="The texts of an array's elements, separated by a comma or the separator.",
)
def join(values: Json, separator: Json = None) -> Json:
    if values is None:
        return None
    glue = separator if isinstance(separator, str) else ","
    return within_memory(glue.join(joined_text(v) for v in array(values, "JOIN")))


def _window(length: int, start: int, wanted: int | None) -> slice:
    begin = max(0, length + start) if start < 0 else start
    return slice(begin, None if wanted is None else begin + max(0, wanted))


@function(
    "SUBSTRING",
    "SUBSTR",
    parameters="s, start [, length]",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary="The part from ``start`` on; a negative start counts from the end.",
)
def substring(value: Json, start: Json, length: Json = None) -> Json:
    whole = text(value, "SUBSTRING")
    wanted = None if length is None else count_or_zero(length)
    return whole[_window(len(whole), count_or_zero(start), wanted)]


@function(
    "SUBSTRING_BYTES",
    parameters="s, start [, length]",
    returns="string or null",
    nulls=PROPAGATE_TWO,
    summary="SUBSTRING counted in UTF-8 bytes; null where that would split a character.",
)
def substring_bytes(value: Json, start: Json, length: Json = None) -> Json:
    data = text(value, "SUBSTRING_BYTES").encode()
    wanted = None if length is None else count_or_zero(length)
    cut = _window(len(data), count_or_zero(start), wanted)
    try:
        data[cut.start :].decode()
        return data[cut].decode()
    except UnicodeDecodeError:
        return None


@function("LEFT", parameters="s, n", returns="string", nulls=PROPAGATE_TWO, summary="The first n characters.")
def left(value: Json, length: Json) -> Json:
    return text(value, "LEFT")[: max(0, count_or_zero(length))]


@function(
    "RIGHT",
    parameters="s, n",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary="The last n characters; the whole string if n is not above 0.",
)
def right(value: Json, length: Json) -> Json:
    whole, wanted = text(value, "RIGHT"), count_or_zero(length)
    return whole[-wanted:] if wanted > 0 else whole  # RIGHT(s, 0) is s on the server


@function(
    "TRIM",
    parameters="s [, chars|side]",
    returns="string",
    summary="Without white space, or the given characters, at the ends; side 1 is left, 2 is right.",
)
def trim(value: Json, *how: Json) -> Json:
    whole = text(value, "TRIM")
    side = how[0] if how else 0
    if side is None:
        return None
    if isinstance(side, str):
        return whole.strip(side)
    return {1: whole.lstrip, 2: whole.rstrip}.get(count_or_zero(side), whole.strip)(WHITE_SPACE)


def _trimmed(
    strip: Callable[[str, str | None], str], value: Json, characters: tuple[Json, ...], name: str
) -> Json:
    if not characters:
        return strip(text(value, name), WHITE_SPACE)
    return None if characters[0] is None else strip(text(value, name), joined_text(characters[0]))


@function("LTRIM", parameters="s [, chars]", returns="string", summary="TRIM at the left end.")
def ltrim(value: Json, *characters: Json) -> Json:
    return _trimmed(str.lstrip, value, characters, "LTRIM")


@function("RTRIM", parameters="s [, chars]", returns="string", summary="TRIM at the right end.")
def rtrim(value: Json, *characters: Json) -> Json:
    return _trimmed(str.rstrip, value, characters, "RTRIM")


def _parts(value: Json, separator: Json) -> list[str]:
    whole = joined_text(value)
    marks = [joined_text(s) for s in (separator if is_array(separator) else [separator])]
    longest_first = sorted(filter(None, marks), key=len, reverse=True)
    return re.split("|".join(map(re.escape, longest_first)), whole) if longest_first else list(whole)


@function(
    "SPLIT",
    parameters="x, separator [, limit]",
    returns="array of strings",
    nulls=PROPAGATE_TWO,
    summary="The parts between separators (one, or an array of them), at most ``limit``; the rest is lost.",
)
def split(value: Json, separator: Json, limit: Json = None) -> Json:
    parts = _parts(value, separator)
    wanted = -1 if limit is None else count_or_zero(limit)
    return parts if wanted < 0 else parts[:wanted]


@function(
    "SPLIT_PART",
    parameters="x, separator, n",
    returns="string",
    nulls=PROPAGATE_ANY,
    summary='The nth part, counted from 1, or from the end if negative; "" if there is none.',
)
def split_part(value: Json, separator: Json, position: Json) -> Json:
    whole, mark, nth = joined_text(value), joined_text(separator), integer(position, "SPLIT_PART", 3)
    if nth == 0:
        raise QueryError("SPLIT_PART: argument 3 must not be zero")
    parts = whole.split(mark) if mark else [whole]
    index = nth - 1 if nth > 0 else len(parts) + nth
    return parts[index] if 0 <= index < len(parts) else ""


@function(
    "CONTAINS",
    parameters="s|a, x [, returnIndex]",
    returns="bool, or int",
    nulls="null if the first argument is null, or a null is sought in a text",
    summary="Whether the text, or element, is in there; its position in a text or -1 if ``returnIndex``.",
)
def contains(container: Json, wanted: Json, want_index: Json = False) -> Json:
    if is_array(container):
        elements: list[Json] = container
        return any(equal(element, wanted) for element in elements)
    if container is None or wanted is None:
        return None
    index = text(container, "CONTAINS", 1).find(text(wanted, "CONTAINS", 2))
    return index if want_index is True else index >= 0


@function(
    "FIND_LAST",
    "RFIND",
    parameters="s, t [, start [, end]]",
    returns="int",
    nulls=PROPAGATE_TWO,
    summary="The position of the last occurrence between the bounds (inclusive), or -1.",
)
def find_last(value: Json, wanted: Json, start: Json = None, end: Json = None) -> Json:
    whole, sought = text(value, "FIND_LAST"), text(wanted, "FIND_LAST", 2)
    first, after = _bounds(len(whole), start, end)
    if sought or first > len(whole):
        return whole.rfind(sought, first, max(0, after))
    return min(max(after, first), len(whole))


def find_text(value: Json, wanted: Json, start: Json, end: Json) -> int:
    """Return the position of the first occurrence between the inclusive bounds, or -1."""
    whole, sought = text(value, "FIND_FIRST"), text(wanted, "FIND_FIRST", 2)
    first, after = _bounds(len(whole), start, end)
    if sought or first > len(whole):
        return whole.find(sought, first, max(0, after))
    return first


def _bounds(length: int, start: Json, end: Json) -> tuple[int, int]:
    """Return inclusive bounds, negative from the end, as half-open ones, perhaps in reverse."""
    first, last = (count_or_zero(place) for place in (start, end))
    first = max(0, length + first) if first < 0 else first
    last = max(0, length + last) if last < 0 else last
    return first, length if end is None else min(last, length - 1) + 1


@function(
    "STARTS_WITH", parameters="s, prefix", returns="bool", nulls=PROPAGATE_TWO, summary="Whether s begins so."
)
def starts_with(value: Json, prefix: Json) -> Json:
    return text(value, "STARTS_WITH", 1).startswith(text(prefix, "STARTS_WITH", 2))


@function(
    "ENDS_WITH", parameters="s, suffix", returns="bool", nulls=PROPAGATE_TWO, summary="Whether s ends so."
)
def ends_with(value: Json, suffix: Json) -> Json:
    return text(value, "ENDS_WITH", 1).endswith(text(suffix, "ENDS_WITH", 2))


@function(
    "LIKE",
    parameters="x, pattern [, ignoreCase]",
    returns="bool",
    nulls=PROPAGATE_TWO,
    summary="Whether the text of x fits the pattern: % any text, _ any character, \\ escapes.",
)
def like_function(value: Json, pattern: Json, ignore_case: Json = False) -> Json:
    whole, wanted = joined_text(value), text(pattern, "LIKE", 2)
    return like_regex(wanted, ignore_case=ignore_case is True).fullmatch(whole) is not None


@function(
    "REPLACE",
    parameters="s, search, replacement",
    returns="string",
    nulls=PROPAGATE_ANY,
    summary="With every occurrence replaced; an empty search changes nothing.",
)
def replace(value: Json, search: Json, replacement: Json) -> Json:
    whole, wanted = text(value, "REPLACE", 1), text(search, "REPLACE", 2)
    if not wanted:
        return whole
    other = text(replacement, "REPLACE", 3)
    refuse_long(len(whole) + whole.count(wanted) * (len(other) - len(wanted)), "REPLACE")
    return bounded(whole.replace(wanted, other), "REPLACE")


@function(
    "SUBSTITUTE",
    parameters="x, search [, replacement [, limit]]",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary="Replace a text, an array of texts or a {text: replacement} map in one pass; the longest wins.",
)
def substitute(value: Json, search: Json, replacement: Json = None, *rest: Json) -> Json:
    if is_object(search):
        if rest:
            raise QueryError("SUBSTITUTE: a map has the replacements", hint="the third argument is the limit")
        limit, pairs = replacement, _pairs_of_map(search)
    else:
        limit = rest[0] if rest else None
        pairs = _pairs(search, replacement)
    pairs.pop("", None)
    most = 0 if limit is None else min(count_or_zero(limit), sys.maxsize)
    whole = joined_text(value)
    if not pairs or (limit is not None and most <= 0):
        return whole
    pattern = "|".join(re.escape(k) for k in sorted(pairs, key=len, reverse=True))
    growth = Growth("SUBSTITUTE")
    return bounded(re.sub(pattern, lambda m: growth(pairs[m.group()]), whole, count=most), "SUBSTITUTE")


def _pairs_of_map(search: dict[str, Json]) -> dict[str, str]:
    return {key: joined_text(to) for key, to in search.items()}


def _pairs(search: Json, replacement: Json) -> dict[str, str]:
    wanted: list[Json] = search if is_array(search) else [search]
    given: list[Json] = replacement if is_array(replacement) else [replacement] * len(wanted)
    replacements = [*given[: len(wanted)], *[None] * (len(wanted) - len(given))]
    pairs = reversed(list(zip(wanted, replacements, strict=True)))
    return {joined_text(key): joined_text(to) for key, to in pairs}


@function(
    "REPEAT",
    parameters="s, n [, separator]",
    returns="string",
    nulls=PROPAGATE_TWO,
    summary="s n times, with a separator between; at most 1 MiB.",
)
def repeat(value: Json, times: Json, separator: Json = None) -> Json:
    glue = joined_text(separator)
    part, wanted = text(value, "REPEAT"), max(0, count_or_zero(times))
    refuse_long((len(part.encode()) + len(glue.encode())) * wanted - len(glue.encode()), "REPEAT")
    return glue.join([part] * wanted) if part or glue else ""


def _padding(value: Json, length: Json, pad: Json, name: str) -> tuple[str, str]:
    whole, fill = text(value, name), pad if isinstance(pad, str) else " "
    missing = count_or_zero(length) - len(whole)
    if missing <= 0 or not fill:
        return whole, ""
    refuse_long(missing, name)
    return whole, (fill * (missing // len(fill) + 1))[:missing]


@function(
    "PAD_LEFT", "LPAD", parameters="s, n [, pad]", returns="string", nulls=PROPAGATE_TWO,
    summary="Filled up to n characters at the left.",
)  # fmt: skip
def pad_left(value: Json, length: Json, pad: Json = None) -> Json:
    whole, fill = _padding(value, length, pad, "PAD_LEFT")
    return fill + whole


@function(
    "PAD_RIGHT", "RPAD", parameters="s, n [, pad]", returns="string", nulls=PROPAGATE_TWO,
    summary="Filled up to n characters at the right.",
)  # fmt: skip
def pad_right(value: Json, length: Json, pad: Json = None) -> Json:
    whole, fill = _padding(value, length, pad, "PAD_RIGHT")
    return whole + fill


@function(
    "REVERSE",
    parameters="s|a",
    returns="string or array",
    nulls="an error, as of any type but string and array",
    summary="Back to front.",
)
def reverse(value: Json) -> Json:
    if isinstance(value, str) or is_array(value):
        return value[::-1]
    raise QueryError("Unknown function: REVERSE", hint="REVERSE takes a string or an array")


@function(
    "LENGTH",
    "COUNT",
    parameters="x",
    returns="int",
    nulls="0",
    summary="Elements, attributes or characters; true is 1, false 0, a number has the length of its text.",
)
def length(value: Json) -> Json:
    if isinstance(value, bool) or value is None:
        return int(value is True)
    return len(template_text(value)) if is_number(value) else len(value)


@function(
    "CHAR_LENGTH", "CHARACTER_LENGTH", parameters="s", returns="int", summary="The number of characters."
)
def char_length(value: Json) -> Json:
    return len(text(value, "CHAR_LENGTH"))


@function("BYTE_LENGTH", parameters="s", returns="int", summary="The number of UTF-8 bytes.")
def byte_length(value: Json) -> Json:
    return len(text(value, "BYTE_LENGTH").encode())


@function("WORD_COUNT", parameters="s", returns="int", summary="The number of words between white space.")
def word_count(value: Json) -> Json:
    return len(text(value, "WORD_COUNT").split())


@function(
    "TO_STRING", "TO_STR", parameters="x", returns="string", nulls='""', summary="The text of any value."
)
def to_string(value: Json) -> Json:
    return to_text(value)
