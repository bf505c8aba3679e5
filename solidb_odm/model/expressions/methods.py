"""Methods and parts of plain Python types that SDBQL has too: ``User.name.lower()``, ``User.born.year``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from ..._dataclasses import dataclass
from ...errors import UsageError
from .. import type_inspection
from .base import Expression, lift
from .calls import FunctionCall, Test
from .kinds import NAMES, Kind, value_kind


@dataclass(frozen=True, slots=True)
class Method:
    """A method or property of a Python type that SDBQL has too."""

    kinds: tuple[type[Any], ...]
    make: Callable[[Expression], Any]


def has_kind(annotation: Any, kinds: tuple[type[Any], ...]) -> bool:
    """Return whether values of a type can be of one of the kinds."""
    return any(
        isinstance(member, type) and issubclass(member, kinds) for member in type_inspection.kinds(annotation)
    )


def _text(function: str, *kinds: Kind, result: Any = str) -> Method:
    """Return a method of texts; ``kinds`` are those of its arguments."""
    call = Test if result is bool else FunctionCall

    def make(target: Expression) -> Callable[..., Expression]:
        def method(*arguments: Any) -> Expression:
            if len(arguments) > len(kinds):
                raise UsageError(f"{target!r}: {function} takes {len(kinds)} arguments in a query")
            for argument, kind in zip(arguments, kinds, strict=False):
                _check(argument, kind, target)
            return call(function, (target, *map(lift, arguments)), result)

        return method

    return Method((str,), make)


def _check(argument: Any, kind: Kind, target: Expression) -> None:
    given = argument.__solidb_kind__ if isinstance(argument, Expression) else value_kind(argument)
    if given not in (kind, "any"):
        raise UsageError(f"a method of {target!r} was given {argument!r} where it takes {NAMES[kind]}")


def _part(function: str, *kinds: type[Any]) -> Method:
    return Method(kinds, lambda target: FunctionCall(function, (target,), int))


METHODS: dict[str, Method] = {
    "startswith": _text("STARTS_WITH", "text", result=bool),
    "endswith": _text("ENDS_WITH", "text", result=bool),
    "lower": _text("LOWER"),
    "upper": _text("UPPER"),
    "strip": _text("TRIM", "text"),
    "lstrip": _text("LTRIM", "text"),
    "rstrip": _text("RTRIM", "text"),
    "replace": _text("REPLACE", "text", "text"),
    "split": _text("SPLIT", "text", result=list[str]),
    "find": _text("FIND_FIRST", "text", result=int),
    "year": _part("DATE_YEAR", date),
    "month": _part("DATE_MONTH", date),
    "day": _part("DATE_DAY", date),
    "hour": _part("DATE_HOUR", datetime),
    "minute": _part("DATE_MINUTE", datetime),
    "second": _part("DATE_SECOND", datetime),
}
