"""``RenamedFrom``: what a field was called before, for migrations and for documents not yet renamed."""

from __future__ import annotations

from typing import Any, cast

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ...errors import DeclarationError
from ..stored.forms import RENAMED


class RenamedFrom:
    """Say the stored name a field had: ``title: Annotated[str, RenamedFrom("label")]``.

    A migration then renames it without asking, and documents that still have the old name are read as well.
    """

    __slots__ = ("names",)

    def __init__(self, *names: str) -> None:
        if not names or not all(names):
            raise DeclarationError(
                "RenamedFrom takes the old stored names as texts", hint='RenamedFrom("label")'
            )
        self.names = names

    def __repr__(self) -> str:
        return f"RenamedFrom({', '.join(map(repr, self.names))})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RenamedFrom) and other.names == self.names

    def __hash__(self) -> int:
        return hash(self.names)

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        return cast(CoreSchema, {**schema, "metadata": {**schema.get("metadata", {}), RENAMED: self.names}})

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {**handler(schema), "x-renamed-from": list(self.names)}
