"""What every document class is held to when it is made, besides its indexes."""

from __future__ import annotations

from typing import Any, cast

from pydantic import AliasChoices, Field
from pydantic.fields import FieldInfo

from ...errors import DeclarationError
from .. import type_inspection
from ..expressions.encoding import stored_name
from .keys import KEY_PATTERN, MAXIMUM_KEY_LENGTH

_RESERVED = ("id", "rev")
_KEY_RULES: list[Any] = cast(
    FieldInfo, Field(min_length=1, max_length=MAXIMUM_KEY_LENGTH, pattern=KEY_PATTERN)
).metadata


def check_reserved(cls: Any) -> None:
    """Refuse fields and attributes that would hide the document's own."""
    for name in _RESERVED:
        if name in cls.__pydantic_fields__ or name in cls.__dict__:
            raise DeclarationError(
                f"is kept for the document's own {'address' if name == 'id' else 'revision'}",
                model=cls.__name__,
                field=name,
                hint=f"call the field something else; Field(alias={name!r}) keeps the name in JSON",
            )


def check_key(cls: Any) -> None:
    """Hold the key to be text, and to be stored as ``_key`` where a class declares it anew."""
    info = cls.__pydantic_fields__["key"]
    if not all(
        isinstance(kind, type) and issubclass(kind, str) for kind in type_inspection.kinds(info.annotation)
    ):
        raise DeclarationError(
            f"a key is text (str), not {info.annotation!r}",
            model=cls.__name__,
            field="key",
            hint="make it of the value you have, e.g. with default_factory; keep that in a field of its own",
        )
    if stored_name(cls, "key") != "_key":
        info.validation_alias, info.serialization_alias = AliasChoices("_key", "key"), "_key"
        if type_inspection.strip(info.annotation) is str:
            info.metadata = [*info.metadata, *_KEY_RULES]
        cls.__solidb_rebuild__(force=True)
    default = info.default
    if isinstance(default, str) and (not default or "/" in default):
        raise DeclarationError(
            f"{default!r} is not a key",
            model=cls.__name__,
            field="key",
            hint="a key is not empty and has no '/'",
        )
