"""Taking over the values of one document object into another of the same key, all of them or none."""

from __future__ import annotations

from typing import Any, cast

from ..errors import InvalidDocument
from ..model.document import Document
from ..model.state import expose, note_assigned
from ..model.stored.codec import check_valid, encode_value, validate
from ..model.stored.samples import shell_of
from .differences import identical

_ABSENT = object()


def take_over(held: Document, given: Document) -> None:
    """Set a document to the values that are set on another, at once.

    SchemaViolation if they don't fit together, InvalidDocument if a frozen field would change; then nothing
    is changed.
    """
    mapping = type(held).__solidb_mapping__
    names = (given.model_fields_set | set(given.__pydantic_extra__ or ())) - {"key", *mapping.unstored}
    fresh = _joined(held, given, names)
    old, new = encode_value(mapping, held), encode_value(mapping, fresh)
    changed = {
        mapping.python_name(name)
        for name in {*old, *new}
        if not identical(old.get(name, _ABSENT), new.get(name, _ABSENT))
    }
    if changed:
        _check_frozen(held, changed)
        check_valid(mapping, fresh, new)
        if held.model_config.get("validate_assignment"):
            fresh = _joined(fresh, validate(mapping, new), changed & set(mapping.fields))
    values = cast("Any", held.__dict__)
    values.update(fresh.__dict__)
    object.__setattr__(held, "__pydantic_extra__", fresh.__pydantic_extra__)
    object.__setattr__(held, "__pydantic_fields_set__", held.model_fields_set | given.model_fields_set)
    note_assigned(held, names | changed)
    expose(held)


def _joined(base: Document, given: Document, names: set[str]) -> Any:
    """Return an object with the values of one document, and some of another."""
    fields = {name: value for name, value in given.__dict__.items() if name in names}
    joined = shell_of(type(base), {**base.__dict__, **fields})
    if base.__pydantic_extra__ is not None:
        own = given.__pydantic_extra__ or {}
        extra = {**base.__pydantic_extra__, **{name: own[name] for name in own if name in names}}
        object.__setattr__(joined, "__pydantic_extra__", extra)
    return joined


def _check_frozen(held: Document, changed: set[str]) -> None:
    is_frozen = bool(held.model_config.get("frozen"))
    for name, info in type(held).model_fields.items():
        if name in changed and (is_frozen or info.frozen):
            raise InvalidDocument(
                f"{type(held).__name__} {held.key!r} can't be merged: {name!r} is frozen, and differs",
                collection=type(held).__solidb_collection__,
                key=held.key,
                hint=f"leave {name!r} out of what is merged, or delete the document and add the other one",
            )
