"""Calls with arguments of any kind, whatever the signature says: nulls, odd numbers, empty texts, dates."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from solidb_odm.language.functions import Function, catalogue

from .calls import left_out, signature_of
from .expressions import Expressions
from .literals import literal

_VALUES: Final[list[Any]] = [
    *(None, True, False, 0, 1, -1, 2, 3, 5, -3, 10, 100, 0.5, -0.5, 1.5, 2.0, -2.0, 3.7, 0.0),
    *(1e10, 1e18, 2**53, 2**63 - 1, -(2**63) + 1, 1e-7, 1700000000, 1700000000123),
    *("", "a", "abc", "é", "日本語", "𝄞x", "  x ", "12", "-3.5", "1e3", "true", "null", "x", "d", "#"),
    *("a,b,c", "the quick brown fox", "not a date", "year", "m", "UTC", "Europe/Paris"),
    *("America/New_York", "%Y-%m-%d"),
    *("2024-02-29", "2024-02-29T12:30:45.123Z", "2024-03-10T02:30:00+02:00", "2021-01-01 10:00:00"),
    *("docs/d01", "docs", "P1DT2H", "half_up", "1d", "5m", '{"a":[1,2]}'),
    "https://user:pw@host.org:8080/p/a?x=1&y=2#f",
    *([], [1], [1, 2, 3], ["a", "b"], [None, 1, "x"], [3, 1, 2, 1.0], [[1, 2], [3, 4]], [[1], 2, [[3]]]),
    *([{"x": 1, "y": 2}, {"x": 2}], [1.5, 2.5], [0.1, 0.2, 0.3]),
    *({}, {"x": 1}, {"a b": [1], "x": {"y": 1}}, {"_key": "d01", "x": 2}, {"lat": 1, "lon": 2}),
    {"type": "Point", "coordinates": [1, 2]},
]
_LAMBDAS: Final = (
    *("x -> x", "x -> x > 1", "x -> x.x", "x -> [x, 1]", "x -> null", "x -> LENGTH(x)"),
    *("(p, q) -> p", "(p, q) -> q", "(p, q) -> p + q"),
)
_MORE: Final = 3
_DIFFERENT: Final = re.compile(
    r'SOUNDEX\(.*"fr"|DATE_(ISO8601|TIMESTAMP)\((0|\(-|false|null).*,|DATE_(ADD|SUBTRACT|SERIES)\(.*\d{9}|TIME_BUCKET\(9'
)
"""What only a server says, and years that are none in Python."""


def calls_with_any_arguments(random: Random, rounds: int) -> Iterator[str]:
    """Yield calls of every function that both sides answer, with as many arguments as it takes."""
    writer = Expressions(random)
    for _ in range(rounds):
        for function in catalogue():
            if function.deterministic and "file" in function.engines and not left_out(function.name):
                call = _call(function, random, writer)
                if not _DIFFERENT.search(call):
                    yield call


def _call(function: Function, random: Random, writer: Expressions) -> str:
    signature = signature_of(function)
    kinds = [*signature.needed, *signature.more]
    most = function.min_args + _MORE if function.max_args is None else function.max_args
    odd = random.choice([0.15, 0.3, 0.5, 1.0])
    arguments = []
    for place in range(random.randint(function.min_args, most)):
        kind = kinds[min(place, len(kinds) - 1)]
        if kind.startswith("lambda"):
            arguments.append(random.choice(_LAMBDAS))
        elif random.random() < odd:
            arguments.append(literal(random.choice(_VALUES)))
        else:
            arguments.append(writer.constant(kind))
    if len(arguments) > 1 and arguments[0] == "null":
        arguments[0] = "false"  # of a null and a wrong argument, either may count
    return f'RETURN TRY({function.name}({", ".join(arguments)}), "failed")'
