"""Regular expressions, in the syntax of Rust's ``regex`` crate."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from re import compile as compile_plain
from typing import Any, Final, TypeVar

from ..._types import Json
from ...errors import QueryLimitError
from ..patterns import SECONDS_PER_SEARCH, compile_regex, regex_search
from .arguments import Growth, bounded, count_or_zero, text
from .built_in import PROPAGATE_TWO, Family

function = Family("Regular expression")
_Result = TypeVar("_Result")
_REFERENCE: Final = compile_plain(r"\$(?:\$|\{([^}]*)\}|([0-9A-Za-z_]+))")


def _timed(pattern: str, work: Callable[[], _Result]) -> _Result:
    try:
        return work()
    except TimeoutError as exc:
        raise QueryLimitError(
            f"regular expression {pattern!r} took more than {SECONDS_PER_SEARCH:g} s on one text",
            hint="avoid nested repetitions such as (a+)+",
        ) from exc


@function(
    "REGEX_TEST",
    "REGEX_MATCH",
    parameters="s, regex [, ignoreCase]",
    returns="bool",
    nulls=PROPAGATE_TWO,
    summary="Whether the pattern is found in the text.",
)
def regex_test(value: Json, pattern: Json, ignore_case: Json = False) -> Json:
    wanted = text(pattern, "REGEX_TEST", 2)
    return regex_search(text(value, "REGEX_TEST", 1), wanted, ignore_case=ignore_case is True)


def _expand(match: Any, template: str) -> str:
    """Fill in ``$1``, ``$name`` and ``${name}``; a group that is not there is empty."""

    def group(reference: Any) -> str:
        if reference.group() == "$$":
            return "$"
        name = reference.group(1) if reference.group(1) is not None else reference.group(2)
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(group, template)


@function(
    "REGEX_REPLACE",
    parameters="s, regex, replacement [, ignoreCase]",
    returns="string",
    nulls="null if one of the first three arguments is null",
    summary="With every match replaced; $1 and ${name} stand for groups.",
)
def regex_replace(value: Json, pattern: Json, replacement: Json, ignore_case: Json = False) -> Json:
    if value is None or pattern is None or replacement is None:
        return None
    whole, wanted = text(value, "REGEX_REPLACE", 1), text(pattern, "REGEX_REPLACE", 2)
    if not wanted:
        return whole
    template = text(replacement, "REGEX_REPLACE", 3)
    compiled = compile_regex(wanted, ignore_case=ignore_case is True)
    growth = Growth("REGEX_REPLACE")

    def replaced() -> str:
        parts: list[str] = []
        start = 0
        for match in _matches(compiled, whole):
            parts += (whole[start : match.start()], growth(_expand(match, template)))
            start = match.end()
        return "".join((*parts, whole[start:]))

    return bounded(_timed(wanted, replaced), "REGEX_REPLACE")


def _matches(compiled: Any, whole: str) -> Iterator[Any]:
    """Yield all matches; an empty one at the end of the one before is none, as in Rust."""
    end = -1
    for match in compiled.finditer(whole, timeout=SECONDS_PER_SEARCH):
        if match.start() < match.end() or match.start() != end:
            yield match
        end = match.end()


@function(
    "REGEX_MATCHES",
    parameters="s, regex [, ignoreCase]",
    returns="array of strings",
    nulls=PROPAGATE_TWO,
    summary="The texts of all matches.",
)
def regex_matches(value: Json, pattern: Json, ignore_case: Json = False) -> Json:
    wanted, whole = text(pattern, "REGEX_MATCHES", 2), text(value, "REGEX_MATCHES", 1)
    compiled = compile_regex(wanted, ignore_case=ignore_case is True)
    return _timed(wanted, lambda: [m.group() for m in _matches(compiled, whole)])


@function(
    "REGEX_SPLIT",
    parameters="s, regex [, limit]",
    returns="array of strings",
    nulls=PROPAGATE_TWO,
    summary="The parts between matches, at most ``limit``; the last one holds the rest.",
)
def regex_split(value: Json, pattern: Json, limit: Json = None) -> Json:
    wanted, whole = text(pattern, "REGEX_SPLIT", 2), text(value, "REGEX_SPLIT", 1)
    most = count_or_zero(limit)
    compiled = compile_regex(wanted)
    return _timed(wanted, lambda: _split(compiled, whole, most if most > 0 else None))


def _split(compiled: Any, whole: str, most: int | None) -> list[str]:
    parts: list[str] = []
    start = 0
    for match in _matches(compiled, whole):
        if most is not None and len(parts) + 1 >= most:
            break
        parts.append(whole[start : match.start()])
        start = match.end()
    return [*parts, whole[start:]]
