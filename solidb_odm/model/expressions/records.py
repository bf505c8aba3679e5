"""Fields of structured values: of models, dataclasses and typed dictionaries."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable
from typing import Any, NamedTuple, cast, get_type_hints

from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from .. import type_inspection
from ..class_cache import cached_by_annotation
from .encoding import stored_name


class RecordField(NamedTuple):
    """A field: its stored name, its type, and the model that knows how it is written, if one does."""

    stored: str
    annotation: Any
    owner: type[Any] | None


def records(annotation: Any) -> tuple[type[Any], ...]:
    """Return the structured types that values of a type can be, themselves, not in a list."""
    return tuple(
        member
        for member in type_inspection.alternatives(annotation)
        if type_inspection.is_model(member) or type_inspection.is_record(member)
    )


def fields_of(record: type[Any]) -> dict[str, RecordField]:
    """Return the fields of a structured type by their Python names."""
    if not hasattr(record, "__pydantic_fields__"):
        return _plain_fields(cast(Hashable, record))
    return {
        name: RecordField(stored_name(record, name), info.annotation, record)
        for name, info in record.__pydantic_fields__.items()
    }


@cached_by_annotation
def _plain_fields(hashable: Hashable) -> dict[str, RecordField]:
    record = cast("type[Any]", hashable)
    hints = get_type_hints(record, include_extras=True)
    names = list(hints) if is_typeddict(record) else [field.name for field in dataclasses.fields(record)]
    return {name: RecordField(_alias(hints[name]) or name, _required(hints[name]), None) for name in names}


def _alias(annotation: Any) -> str | None:
    notes = [note for note in type_inspection.metadata(annotation) if isinstance(note, FieldInfo)]
    return next((note.serialization_alias or note.alias for note in notes if note.alias), None)


def _required(annotation: Any) -> Any:
    """Return the type of an item of a typed dictionary without ``NotRequired``; it is null where it lacks."""
    origin = str(getattr(annotation, "__origin__", ""))
    if origin.endswith("NotRequired"):
        return annotation.__args__[0] | None
    return annotation.__args__[0] if origin.endswith(("Required", "ReadOnly")) else annotation
