"""Methods and parts of plain Python types that SDBQL has too: ``User.name.lower()``, ``User.born.year``."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from ..._dataclasses import dataclass
from .. import type_inspection
from .base import Expression, FunctionCall, Test, lift


@dataclass(frozen=True, slots=True)
class Method:
    """A method or property of a Python type that SDBQL has too."""

    kinds: tuple[type[Any], ...]
    make: Callable[[Expression], Any]


def has_kind(annotation: Any, kinds: tuple[type[Any], ...]) -> bool:
    """Say whether values of a type can be of one of the kinds."""
    return any(
        isinstance(member, type) and issubclass(member, kinds) for member in type_inspection.kinds(annotation)
    )


def _text(function: str, *, test: bool = False) -> Method:
    call = Test if test else FunctionCall

    def make(target: Expression) -> Callable[..., Expression]:
        return lambda *arguments: call(function, (target, *(lift(argument) for argument in arguments)))

    return Method((str,), make)


def _part(function: str, *kinds: type[Any]) -> Method:
    return Method(kinds, lambda target: FunctionCall(function, (target,)))


METHODS: dict[str, Method] = {
    "startswith": _text("STARTS_WITH", test=True),
    "endswith": _text("ENDS_WITH", test=True),
    "lower": _text("LOWER"),
    "upper": _text("UPPER"),
    "strip": _text("TRIM"),
    "lstrip": _text("LTRIM"),
    "rstrip": _text("RTRIM"),
    "replace": _text("REPLACE"),
    "split": _text("SPLIT"),
    "find": _text("FIND_FIRST"),
    "year": _part("DATE_YEAR", date),
    "month": _part("DATE_MONTH", date),
    "day": _part("DATE_DAY", date),
    "hour": _part("DATE_HOUR", datetime),
    "minute": _part("DATE_MINUTE", datetime),
    "second": _part("DATE_SECOND", datetime),
}
