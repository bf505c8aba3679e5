"""``Lossy``: leave to store what would come back changed."""

from __future__ import annotations

from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema

from ..._dataclasses import dataclass
from .forms import LOSSY


@dataclass(frozen=True, slots=True)
class Lossy:
    """Store a field as Pydantic writes it, though it may come back as another value.

    ``Annotated[date | str, Lossy()]``, ``Annotated[Any, Lossy()]``: without it, a type whose values
    JSON can't tell apart is refused when its class is made, and a value that JSON would change when it
    is written.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        schema["metadata"] = {**(schema.get("metadata") or {}), LOSSY: True}
        return schema  # type: ignore[no-any-return]
