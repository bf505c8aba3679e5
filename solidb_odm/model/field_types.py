"""Field types that an engine knows more about than JSON: points on the earth, and vectors.

``RenamedFrom``: what a field was called before, for migrations and for documents not yet renamed.

``Lossy``: leave to store what would come back changed.
"""

from __future__ import annotations

from typing import Annotated, Any, TypeAlias, cast

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.dataclasses import dataclass as checked_dataclass
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .._dataclasses import dataclass
from ..errors import DeclarationError
from .stored.forms import LOSSY, RENAMED


@checked_dataclass(frozen=True)
class GeoPoint:
    """A place on the earth in degrees (WGS 84), stored as ``{"lat": .., "lon": ..}``.

    This is the form that both the server's geo index and its geo functions accept.
    """

    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


Vector: TypeAlias = list[float]
"""Numbers for a ``VectorIndex``, all of one length."""


class RenamedFrom:
    """Declare the former stored name of a field: ``title: Annotated[str, RenamedFrom("label")]``.

    A migration then renames the field without asking, and documents that still have the old name can be read.
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


@dataclass(frozen=True, slots=True)
class Lossy:
    """Store a field as Pydantic serializes it, even if reading it may give another value.

    ``Annotated[date | str, Lossy()]``, ``Annotated[Any, Lossy()]``. Without it, a type with values that JSON
    can't distinguish is refused when the class is created, and a value that JSON would change when it is
    written.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        schema: Any = handler(source)
        schema["metadata"] = {**(schema.get("metadata") or {}), LOSSY: True}
        return schema  # type: ignore[no-any-return]
