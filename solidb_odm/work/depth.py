"""How deep values may be nested: what nobody could read again is refused before it is written."""

from __future__ import annotations

import re
from typing import Any, Final, cast

from .._types import Body
from ..errors import InvalidDocument
from ..model.declaration.mapping import Mapping

DEEPEST: Final = 120
"""Levels of lists and objects in a document. The server's JSON reader takes 127, Pydantic's some 200."""

_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def check_depth(mapping: Mapping, key: str, body: Body) -> None:
    """Raise InvalidDocument for a document that is nested deeper than it could be read."""
    if isinstance(body, str) and body.count("[") + body.count("{") <= DEEPEST:
        return
    if _is_deep(body):
        raise InvalidDocument(
            f"{mapping.collection}/{key} is nested deeper than {DEEPEST} levels",
            collection=mapping.collection,
            key=key,
            hint="keep trees as documents that link to each other, or the deep part as a text",
        )


def _is_deep(body: Body) -> bool:
    if isinstance(body, str):
        return _depth_of_text(body) > DEEPEST
    nested: list[Any] = [part for part in body.values() if type(part) in (dict, list)]
    for _ in range(DEEPEST - 1):
        if not nested:
            return False
        nested = [part for each in nested for part in _parts(each) if type(part) in (dict, list)]
    return bool(nested)


def _parts(value: Any) -> Any:
    return cast("dict[str, Any]", value).values() if isinstance(value, dict) else value


def _depth_of_text(text: str) -> int:
    depth = deepest = 0
    for found in _BRACKETS.finditer(text):
        mark = text[found.start()]
        if mark in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in "]}":
            depth -= 1
    return deepest
