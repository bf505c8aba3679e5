"""Types: tests, conversions, and choosing between values."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Final

from ..._types import Json, JsonObject
from ...errors import QueryError, UnsupportedQueryError
from ..values import compare, equal, to_number, truthy, typename
from .arguments import array, flag, is_array, is_number, is_object, text
from .built_in import ACCEPT, REFUSE, CallContext, Family, lookup
from .moments import parse_text

function = Family("Type")
_NEVER: Final = "false"
_KEY: Final = re.compile(r"[A-Za-z0-9_\-:.]{1,254}")
_EMAIL: Final = re.compile(r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}")
_URL: Final = re.compile(r"https?://[^\s/$.?#]\S+")
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}")
_MAX_CALLS: Final = 8


def _is_date(value: Json) -> bool:
    return isinstance(value, str) and parse_text(value) is not None


def _is_whole(value: Json) -> bool:
    return is_number(value) and (isinstance(value, int) or value.is_integer())


def _is_ipv4(value: Json) -> bool:
    try:
        return isinstance(value, str) and bool(str(ipaddress.IPv4Address(value)))
    except ValueError:
        return False


def _luhn(value: Json, length: int | None = None) -> bool:
    plain = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(plain, str):
        return False
    digits = re.sub(r"[ -]", "", plain)
    if not re.fullmatch("[0-9]+", digits) or (length is not None and len(digits) != length):
        return False
    doubled = (int(d) * (1 + i % 2) for i, d in enumerate(reversed(digits)))
    return sum(n - 9 if n > 9 else n for n in doubled) % 10 == 0


def _is_iban(value: Json) -> bool:
    plain = re.sub(r"\s", "", value).upper() if isinstance(value, str) else ""
    if not _IBAN.fullmatch(plain):
        return False
    return int("".join(str(int(c, 36)) for c in plain[4:] + plain[:4])) % 97 == 1


def _fits(pattern: re.Pattern[str]) -> Callable[[Json], bool]:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


_TESTS: Final[list[tuple[tuple[str, ...], Callable[[Json], bool], str]]] = [
    (("IS_NULL",), lambda x: x is None, "Whether x is null; a missing attribute is."),
    (("IS_BOOL", "IS_BOOLEAN"), lambda x: isinstance(x, bool), "Whether x is true or false."),
    (("IS_NUMBER", "IS_NUMERIC"), is_number, "Whether x is a number."),
    (("IS_INTEGER", "IS_INT"), _is_whole, "Whether x is a whole number; 2.0 is one."),
    (("IS_STRING",), lambda x: isinstance(x, str), "Whether x is a string."),
    (("IS_ARRAY", "IS_LIST"), is_array, "Whether x is an array."),
    (("IS_OBJECT", "IS_DOCUMENT"), is_object, "Whether x is an object."),
    (("IS_EMPTY",), lambda x: x is None or x in ("", [], {}), 'Whether x is null, "", [] or {}.'),
    (
        ("IS_BLANK",),
        lambda x: x is None or (isinstance(x, str) and not x.strip()),
        "Whether x is null or white space.",
    ),
    (("IS_DATE", "IS_DATETIME", "IS_DATESTRING"), _is_date, "Whether x is the text of a date."),
    (("IS_KEY",), _fits(_KEY), "Whether x can be a document's key."),
    (("IS_EMAIL",), _fits(_EMAIL), "Whether x looks like an e-mail address."),
    (("IS_URL",), _fits(_URL), "Whether x is a URL of http or https."),
    (("IS_UUID",), _fits(_UUID), "Whether x is a UUID."),
    (("IS_IPV4",), _is_ipv4, "Whether x is an IPv4 address."),
    (("IS_IBAN",), _is_iban, "Whether x is an IBAN with the right check digits."),
    (("IS_SIREN",), lambda x: _luhn(x, 9), "Whether x is a SIREN number."),
    (("IS_SIRET",), lambda x: _luhn(x, 14), "Whether x is a SIRET number."),
    (("LUHN",), _luhn, "Whether the digits of x pass the Luhn check."),
]


def _define(names: tuple[str, ...], test: Callable[[Json], bool], summary: str) -> None:
    def check(value: Json) -> Json:
        return bool(test(value))

    nulls = "true" if names[0] in ("IS_NULL", "IS_EMPTY", "IS_BLANK") else _NEVER
    function(*names, parameters="x", returns="bool", nulls=nulls, summary=summary)(check)


for _entry in _TESTS:
    _define(*_entry)


@function(
    "TYPENAME",
    "TYPEOF",
    "TYPE_OF",
    parameters="x",
    returns="string",
    nulls='"null"',
    summary="The type's name.",
)
def type_of(value: Json) -> Json:
    return typename(value)


@function("TO_NUMBER", "TO_NUM", parameters="x", returns="number", nulls="0", summary="x as a number, or 0.")
def as_number(value: Json) -> Json:
    return to_number(value)


@function(
    "TO_BOOL",
    "TO_BOOLEAN",
    parameters="x",
    returns="bool",
    nulls="false",
    summary="Whether x counts as true.",
)
def as_bool(value: Json) -> Json:
    return truthy(value)


@function(
    "TO_ARRAY",
    "TO_LIST",
    parameters="x",
    returns="array",
    nulls="[]",
    summary="An array as it is, an object's values, anything else in an array.",
)
def as_array(value: Json) -> Json:
    if value is None or is_array(value):
        return value or []
    if is_object(value):
        fields: JsonObject = value
        return [fields[k] for k in sorted(fields)]
    return [value]


@function(
    "NOT_NULL",
    "COALESCE",
    parameters="x, ...",
    returns="any",
    nulls="null if all are",
    summary="The first that is not null.",
)
def not_null(*values: Json) -> Json:
    return next((v for v in values if v is not None), None)


@function("NULLIF", parameters="a, b", returns="any", nulls=ACCEPT, summary="null if both are equal, else a.")
def null_if(left: Json, right: Json) -> Json:
    return None if equal(left, right) else left


@function(
    "IF",
    parameters="condition, a, b",
    returns="any",
    nulls="null is false",
    lazy=True,
    summary="a or b; the other one is not computed.",
)
def choose(condition: Json, positive: Json, negative: Json) -> Json:
    return positive if truthy(condition) else negative


@function(
    "TRY",
    parameters="x [, fallback]",
    returns="any",
    nulls=ACCEPT,
    lazy=True,
    summary="x; the fallback, or null, if x fails.",
)
def attempt(value: Json, _fallback: Json = None) -> Json:
    return value


@function(
    "ASSERT",
    parameters="condition [, message]",
    returns="bool",
    nulls=REFUSE,
    summary="true; an error if the condition is null or false. 0 passes.",
)
def check_true(condition: Json, message: Json = None) -> Json:
    if condition is None or condition is False:
        raise QueryError("Assertion failed" if message is None else text(message, "ASSERT", 2))
    return True


@function(
    "EXISTS",
    parameters='path [, "type", type]',
    returns="bool",
    nulls="true for an attribute that is there and null",
    lazy=True,
    summary="Whether the attribute is there, and of the type.",
)
def exists(value: Json, _word: Json = None, wanted: Json = None) -> Json:
    if wanted is None:
        return value is not None
    return typename(value) == text(wanted, "EXISTS", 3)


@function(
    "IN_RANGE",
    parameters="x, low, high [, includeLow [, includeHigh]]",
    returns="bool",
    nulls=ACCEPT,
    summary="Whether x is between the bounds, by the order of values.",
)
def in_range(value: Json, low: Json, high: Json, include_low: Json = None, include_high: Json = None) -> Json:
    with_low = include_low is None or flag(include_low, "IN_RANGE", "includeLow")
    with_high = include_high is None or flag(include_high, "IN_RANGE", "includeHigh")
    above, below = compare(value, low), compare(value, high)
    return (above > 0 or (above == 0 and with_low)) and (below < 0 or (below == 0 and with_high))


def _call(context: CallContext, name: Json, arguments: list[Json], caller: str) -> Json:
    for _ in range(_MAX_CALLS):
        wanted = text(name, caller, 1)
        function = lookup(wanted)
        if function is None:
            raise QueryError(f"Unknown function: {wanted.upper()}")
        if function.name not in ("APPLY", "CALL"):
            return function.implementation(context, arguments)
        name, arguments = (arguments or [None])[0], arguments[1:]
        if function.name == "APPLY":
            arguments = array(arguments[0], "APPLY", 2) if arguments else []
    raise UnsupportedQueryError(f"{caller}: calls nest deeper than {_MAX_CALLS}", construct=caller)


@function(
    "APPLY", parameters="name [, arguments]", returns="any", nulls=REFUSE, context=True, lazy=True,
    deterministic=False,
    summary="Call a function by name, with an array of arguments.",
)  # fmt: skip
def apply(context: CallContext, name: Json, arguments: Json = None) -> Json:
    return _call(context, name, [] if arguments is None else array(arguments, "APPLY", 2), "APPLY")


@function(
    "CALL", parameters="name, ...", returns="any", nulls=REFUSE, context=True, lazy=True, deterministic=False,
    summary="Call a function by name.",
)  # fmt: skip
def call(context: CallContext, name: Json, *arguments: Json) -> Json:
    return _call(context, name, list(arguments), "CALL")
