r"""Documents as JSON text: the form in which the file keeps them.

The text a caller hands over is trusted to be JSON. What SQLite's JSON functions can't read as
written is put right here: an escaped letter in a name (``"\u0061"``) is written plainly.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any, Final

from pydantic_core import from_json

from ..._types import Body, Json
from ...errors import InvalidDocument, StoreCorrupt

NUL_ESCAPE: Final = "\\u0000"
"""How JSON writes a NUL character, at which SQLite's JSON functions cut a string off."""

_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")

_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def decode(text: str) -> Json:
    """Read one JSON text."""
    try:
        return from_json(text, cache_strings="keys")
    except ValueError:  # nested deeper than the fast reader goes, or damaged
        try:
            return json.loads(text)
        except ValueError as exc:
            raise damaged(exc) from exc


def damaged(problem: Exception) -> StoreCorrupt:
    """Make the error of a stored document that is no JSON object any more."""
    return StoreCorrupt(
        f"a stored document is damaged: {problem}",
        hint="restore the file from a copy; select(..).unreadable(..) reads past it",
    )


def decode_many(texts: Sequence[str]) -> list[Any]:
    """Read JSON texts in one go, which is faster than one by one."""
    try:
        joined = ",".join(texts)
    except TypeError as exc:  # bytes among them
        raise damaged(exc) from exc
    whole: list[Any] = decode(f"[{joined}]")
    return whole


def encode(value: Json) -> str:
    """Write a value as JSON text; InvalidDocument if JSON has no form for it."""
    try:
        text = _encode(value)
        text.encode()
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidDocument(f"not a JSON value: {exc}") from exc
    return text


def has_nul(text: str) -> bool:
    """Return whether JSON text holds a NUL character, and not the text of its escape."""
    return NUL_ESCAPE in text and _NUL.search(text) is not None


def body_text(body: Body) -> str:
    """Return a document's text in the form the file keeps."""
    if not isinstance(body, str):
        return encode(body)
    return encode(json.loads(body)) if "\\u" in body else body
