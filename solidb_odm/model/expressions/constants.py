"""Values that no field describes, in the JSON form they have in a query."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from pydantic_core import PydanticSerializationError, to_jsonable_python

from ...errors import UsageError
from ..stored.exactness import is_exact


def plain(value: Any) -> Any:
    """Return the JSON form of a value that no field describes."""
    from_document = getattr(value, "__solidb_reference__", None)
    if from_document is not None:
        return from_document()
    if value is None or type(value) in (str, int, float, bool):
        return value
    return _jsonable(value)


def inexact(value: Any) -> str:
    """Return what keeps an encoded value from travelling exactly; empty text if nothing does."""
    kind = cast(Any, type(value))
    if kind in (int, float) and not is_exact(value):
        return f"{value} is no number in JSON" if kind is float else f"{value} does not fit into 64 bits"
    if kind is list or kind is dict:
        inner: Iterable[Any] = value.values() if kind is dict else value
        return next((problem for each in inner if (problem := inexact(each))), "")
    return ""


def _jsonable(value: Any) -> Any:
    try:
        return to_jsonable_python(value, bytes_mode="base64")
    except PydanticSerializationError as error:
        raise UsageError(
            f"a {type(value).__name__} can't be used as a value in a query: {value!r}",
            hint="use values of the types that fields hold",
        ) from error
