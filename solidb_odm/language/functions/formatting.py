"""Strings: letter case, shortening, masks, number formats, URLs, JSON text, addresses."""

from __future__ import annotations

import html
import ipaddress
import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterator
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Final
from urllib.parse import parse_qs, quote, unquote, unquote_plus, urlencode, urlsplit

from ..._types import Json, JsonObject
from ...errors import QueryError
from ..values import json_text
from .arguments import (
    count_or_zero,
    flag,
    integer,
    is_array,
    is_number,
    is_object,
    mapping,
    number,
    refuse_long,
    text,
    whole,
    whole_or,
)
from .built_in import ACCEPT, Family
from .strings import joined_text

function = Family("String format")
_PORTS: Final = {"http": 80, "https": 443, "ws": 80, "wss": 443, "ftp": 21}

_LETTERS = str.maketrans(
    {
        "ß": "ss",
        "æ": "ae",
        "Æ": "AE",
        "œ": "oe",
        "Œ": "OE",
        "ø": "o",
        "Ø": "O",
        "ł": "l",
        "Ł": "L",
        "đ": "d",
        "Đ": "D",
    }
)
_SEPARATORS = {
    "en": (".", ","),
    "fr": (",", "\u202f"),
    "de": (",", "."),
    "es": (",", "."),
    "it": (",", "."),
    "pt": (",", "."),
    "nl": (",", "."),
    "ch": (".", "'"),
}


@function("CAPITALIZE", parameters="s", returns="string", summary="With the first letter in upper case.")
def capitalize(value: Json) -> Json:
    plain = text(value, "CAPITALIZE")
    return plain[:1].upper() + plain[1:]


@function(
    "TITLE_CASE",
    "INITCAP",
    parameters="s",
    returns="string",
    summary="Every word capitalised, the rest lower.",
)
def title_case(value: Json) -> Json:
    return re.sub(r"\S+", lambda m: m.group()[:1].upper() + m.group()[1:].lower(), text(value, "TITLE_CASE"))


def without_accents(plain: str) -> str:
    """Return the text with its accents taken off."""
    parts = unicodedata.normalize("NFD", plain.translate(_LETTERS))
    return unicodedata.normalize("NFC", "".join(c for c in parts if unicodedata.category(c) != "Mn"))


@function("UNACCENT", parameters="s", returns="string", summary="Without accents.")
def unaccent(value: Json) -> Json:
    return without_accents(text(value, "UNACCENT"))


@function("SLUGIFY", parameters="s", returns="string", summary="For a URL: lower case, hyphens, no accents.")
def slugify(value: Json) -> Json:
    plain = without_accents(text(value, "SLUGIFY")).lower()
    return re.sub(r"[\W_]+", "-", plain).strip("-")


@function(
    "TRUNCATE_TEXT",
    "ELLIPSIS",
    parameters="s, n [, suffix]",
    returns="string",
    summary='At most n characters, the suffix ("...") included.',
)
def truncate_text(value: Json, length: Json, suffix: Json = None) -> Json:
    plain, most = text(value, "TRUNCATE_TEXT"), max(0, count_or_zero(length))
    tail = "..." if suffix is None else joined_text(suffix)
    if len(plain) <= most:
        return plain
    return plain[: max(0, most - len(tail))].rstrip() + tail[:most]


@function(
    "MASK",
    parameters="s [, start [, end [, char]]]",
    returns="string",
    summary="With the characters from start (0) to before end (the last one) hidden; negative: from the end.",
)
def mask(value: Json, start: Json = None, end: Json = None, character: Json = None) -> Json:
    plain = text(value, "MASK")
    first = count_or_zero(start)
    last = -1 if end is None else count_or_zero(end)
    hidden = joined_text(character)[:1] or "*"
    begin, stop, _ = slice(first, last).indices(len(plain))
    refuse_long(len(hidden) * (stop - begin), "MASK")
    return plain[:begin] + hidden * max(0, stop - begin) + plain[max(begin, stop) :]


@function(
    "ENCODE_URI", "URL_ENCODE", "ENCODE_URI_COMPONENT", parameters="s", returns="string",
    summary="Percent-encoded for a part of a URL.",
)  # fmt: skip
def encode_uri(value: Json) -> Json:
    return quote(text(value, "ENCODE_URI"), safe="")


@function("DECODE_URI", "DECODE_URI_COMPONENT", parameters="s", returns="string", summary="Undo ENCODE_URI.")
def decode_uri(value: Json) -> Json:
    return unquote(text(value, "DECODE_URI"))


@function("URL_DECODE", parameters="s", returns="string", summary="Undo ENCODE_URI; a plus is a space.")
def url_decode(value: Json) -> Json:
    return unquote_plus(text(value, "URL_DECODE"))


@function(
    "PARSE_URL",
    parameters="s",
    returns="object or null",
    summary="The parts of a URL: scheme, host, port, path, query, params, fragment, username, password.",
)
def parse_url(value: Json) -> Json:
    if not isinstance(value, str):
        return None
    try:
        parts = urlsplit(value)
        port = parts.port
    except ValueError:
        return None
    if not parts.scheme:
        return None
    return {
        "fragment": parts.fragment or None,
        "host": parts.hostname,
        "params": _query_fields(parts.query),
        "password": parts.password,
        "path": parts.path or ("/" if parts.scheme in _PORTS else ""),
        "port": port or _PORTS.get(parts.scheme),
        "query": parts.query or None,
        "scheme": parts.scheme,
        "username": parts.username or None,
    }


@function(
    "QUERY_STRING",
    parameters="o|s",
    returns="string or object",
    summary="An object as a URL's query string; a query string as an object.",
)
def query_string(value: Json) -> Json:
    if isinstance(value, str):
        return _query_fields(value.removeprefix("?"))
    fields = mapping(value, "QUERY_STRING")
    pairs = [
        (key, joined_text(item))
        for key, given in sorted(fields.items())
        for item in (given if is_array(given) else [given])
        if item is not None
    ]
    return urlencode(pairs)


def _query_fields(query: str) -> JsonObject:
    fields: JsonObject = {}
    for name, given in parse_qs(query, keep_blank_values=True).items():
        fields[name] = given if len(given) > 1 else given[0]
    return fields


@function(
    "NUMBER_FORMAT",
    parameters="n [, decimals [, locale|object]]",
    returns="string",
    nulls="null if the first argument is null",
    summary="With thousands separated and a fixed number of decimals (0).",
)
def number_format(value: Json, decimals: Json = None, locale: Json = None) -> Json:
    places = 0 if decimals is None else integer(decimals, "NUMBER_FORMAT", 2)
    if not 0 <= places <= 20:
        raise QueryError("NUMBER_FORMAT: decimals must be between 0 and 20")
    point, thousands = _separators(locale)
    exact = Decimal(str(number(value, "NUMBER_FORMAT")))
    rounded = (
        exact.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP) if abs(exact) < Decimal(10) ** 20 else exact
    )
    plain = f"{rounded or abs(rounded):,.{places}f}"
    return plain.translate({ord(","): thousands, ord("."): point})


def _separators(locale: Json) -> tuple[str, str]:
    if is_object(locale):
        given: JsonObject = locale
        return str(given.get("decimal", ".")), str(given.get("thousands", ","))
    name = "en" if locale is None else text(locale, "NUMBER_FORMAT", 3)
    separators = _SEPARATORS.get(name.lower().replace("_", "-").split("-")[0])
    if separators is None:
        raise QueryError(
            f"NUMBER_FORMAT: unknown locale '{name}'",
            hint=f"one of {', '.join(_SEPARATORS)}, or {{decimal, thousands}}",
        )
    return separators


@function(
    "HUMAN_BYTES",
    parameters="n [, binary [, decimals]]",
    returns="string",
    summary='A size for people: "1.5 MB", or "1.5 MiB" if binary.',
)
def human_bytes(value: Json, binary: Json = False, decimals: Json = None) -> Json:
    size = abs(float(number(value, "HUMAN_BYTES")))
    places = 1 if decimals is None else whole_or(decimals, -1)
    if not 0 <= places <= 6:
        raise QueryError("HUMAN_BYTES: decimals must be an integer from 0 to 6")
    step = 1024 if flag(binary, "HUMAN_BYTES", "binary") else 1000
    units = (
        ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        if step == 1024
        else ["B", "kB", "MB", "GB", "TB", "PB", "EB"]
    )
    power = 0
    while round(size, places) >= step and power < len(units) - 1:
        size, power = size / step, power + 1
    written = f"{size:.{places}f}" if power else str(math.floor(size + 0.5))
    shown = written.rstrip("0").rstrip(".") if "." in written else written
    return f"{'-' if value < 0 and shown != '0' else ''}{shown} {units[power]}"


@function("IPV4_TO_NUMBER", parameters="s", returns="int or null", summary="An IPv4 address as a number.")
def ipv4_to_number(value: Json) -> Json:
    try:
        return int(ipaddress.IPv4Address(value)) if isinstance(value, str) else None
    except ValueError:
        return None


@function(
    "IPV4_FROM_NUMBER", parameters="n", returns="string or null", summary="A number as an IPv4 address."
)
def ipv4_from_number(value: Json) -> Json:
    if not is_number(value) or value != int(value) or not 0 <= value < 2**32:
        return None
    return str(ipaddress.IPv4Address(int(value)))


def _keeping(allowed: Callable[[str], bool], others: str) -> Callable[[str], str]:
    return lambda value: "".join(c for c in value if allowed(c) or c in others)


_WHITE: Final = " \t\n\r\v\f"
_RULES: Final[dict[str, Callable[[str], str]]] = {
    "trim": str.strip,
    "lowercase": str.lower,
    "lower": str.lower,
    "uppercase": str.upper,
    "upper": str.upper,
    "alphanumeric": _keeping(str.isalnum, _WHITE),
    "alnum": _keeping(str.isalnum, _WHITE),
    "alpha": _keeping(str.isalpha, _WHITE),
    "numeric": _keeping(str.isnumeric, ".-"),
    "digits": _keeping(str.isnumeric, ".-"),
    "email": lambda value: _keeping(str.isalnum, "@._-+")(value.strip().lower()),
    "url": lambda value: _keeping(str.isalnum, "-_.~:/?#[]@!$&'()*+,;=%")(value.strip()),
    "html": html.escape,
    "strip_html": partial(re.sub, r"<[A-Za-z/!][^>]*(?:>|$)", ""),
    "normalize_whitespace": lambda value: " ".join(value.split()),
    "normalize": lambda value: " ".join(value.split()),
}


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(digits)
    return number


def _no_constant(name: str) -> Json:
    raise ValueError(name)


@function(
    "JSON_PARSE",
    "PARSE_JSON",
    parameters="s",
    returns="any",
    summary="The value of a JSON text; null if it is none.",
)
def json_parse(value: Json) -> Json:
    if not isinstance(value, str):
        return None
    try:
        return json.loads(
            value,
            parse_constant=_no_constant,
            parse_int=lambda digits: whole(int(digits)),
            parse_float=_finite,
        )
    except (ValueError, RecursionError):
        return None


@function(
    "JSON_STRINGIFY",
    "TO_JSON",
    parameters="x",
    returns="string",
    nulls=ACCEPT,
    summary="A value as JSON text.",
)
def json_stringify(value: Json) -> Json:
    return json_text(value)


@function(
    "JSON_STRINGIFY_PRETTY", parameters="x", returns="string", nulls=ACCEPT, summary="Indented JSON text."
)
def json_stringify_pretty(value: Json) -> Json:
    return "".join(_indented(value, "\n"))


def _indented(value: Json, newline: str) -> Iterator[str]:
    """Write each element and attribute on a line of its own."""
    inner = newline + "  "
    if is_object(value) and value:
        for place, name in enumerate(sorted(value)):
            yield f"{',' if place else '{'}{inner}{json_text(name)}: "
            yield from _indented(value[name], inner)
        yield newline + "}"
    elif is_array(value) and value:
        for place, item in enumerate(value):
            yield f"{',' if place else '['}{inner}"
            yield from _indented(item, inner)
        yield newline + "]"
    else:
        yield json_text(value)


@function(
    "JSON_POINTER",
    parameters="x, pointer [, default]",
    returns="any",
    nulls="the default, or null",
    summary="The value at a JSON pointer such as /a/0.",
)
def json_pointer(value: Json, pointer: Json, default: Json = None) -> Json:
    if value is None:
        return default
    path = text(pointer, "JSON_POINTER", 2)
    if path and not path.startswith("/"):
        return default
    for raw in path.split("/")[1:]:
        step = raw.replace("~1", "/").replace("~0", "~")
        if is_object(value) and step in value:
            value = value[step]
        elif is_array(value) and re.fullmatch("0|[1-9][0-9]{0,9}", step) and int(step) < len(value):
            value = value[int(step)]
        else:
            return default
    return value


@function(
    "SANITIZE",
    parameters="s [, rule(s)]",
    returns="string",
    summary="Cleaned by rules: trim (the default), lower, upper, alnum, alpha, numeric, email, url, html, "
    "strip_html, normalize_whitespace.",
)
def sanitize(value: Json, rules: Json = "trim") -> Json:
    cleaned = text(value, "SANITIZE")
    given: list[Json] = rules if is_array(rules) else [rules if isinstance(rules, str) else "trim"]
    for name in given:
        rule = _RULES.get(str(name).lower())
        cleaned = cleaned if rule is None else rule(cleaned)
    return cleaned
