"""Python values in the form they are stored in, which is the form a query compares them in.

Comparisons with numbers that the server's indexes do not tell from their neighbours.

Values that no field describes, in the JSON form they have in a query.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, TypeAlias, cast

from pydantic import BaseModel
from pydantic.errors import PydanticUserError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from ...errors import UsageError
from ...language import nodes as q
from .. import type_inspection
from ..stored.field_schemas import field_reader, field_schema
from ..stored.forms import stored_form, type_form
from ..stored.scalars import is_exact
from ..type_inspection import cached_by_class

Size: TypeAlias = Literal["", "large", "huge"]

_LARGE = 1 << 53
_HUGE = 2.0**63
_WIDER: dict[str, q.ComparisonOperator] = {"<": "<=", ">": ">="}


def size_of(value: Any) -> Size:
    """Return whether a value is a number that the server's indexes find neighbours of, or don't find.

    They take integers beyond 2**53 for their neighbours, and floats beyond 64 bits for the largest of 64.
    """
    if isinstance(value, float):
        return "huge" if abs(value) >= _HUGE else ""
    return "large" if isinstance(value, int) and abs(value) >= _LARGE else ""


def exactly_compared(
    left: q.Expression, operator: q.ComparisonOperator, right: q.Expression, size: Size
) -> q.Expression:
    """Make a comparison that is exact where the server's index is not."""
    compared = q.Compare(left, operator, right)
    if size == "huge":
        return q.Unary("NOT", q.Unary("NOT", compared))  # which no index serves
    wider = _WIDER.get(operator)
    if size == "large" and wider is not None:  # the index finds the neighbours too, and then they go
        return q.Logical("AND", (q.Compare(left, wider, right), compared))
    return compared


def stored_name(model: type[Any], name: str) -> str:
    """Return the name a field is stored under: its serialisation alias, or its own."""
    info = model.__pydantic_fields__[name]
    return info.serialization_alias or info.alias or name


def encode_as(owner: type[Any] | None, name: str, annotation: Any, value: Any) -> Any:
    """Return the stored form of a value, as the field of a model (or else the type) serialises it."""
    kind = cast(Any, type(value))
    if value is None or (kind in (str, int, float, bool) and _is_plain(owner, name, annotation, kind)):
        return value
    reference = getattr(value, "__solidb_reference__", None)
    if reference is not None:
        return reference()
    try:
        if owner is not None and issubclass(owner, BaseModel):
            return encode_field(owner, name, value)
        if annotation is not Any:
            form = type_form(annotation)
            return form.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
    except (PydanticSerializationError, PydanticUserError, TypeError):
        return plain(value)
    return plain(value)


def encode_field(owner: type[BaseModel], name: str, value: Any) -> Any:
    """Return the stored form of one field, made by its model, so that field serialisers count too."""
    shell = owner.__new__(owner)
    object.__setattr__(shell, "__dict__", {name: value})
    object.__setattr__(shell, "__pydantic_fields_set__", {name})
    object.__setattr__(shell, "__pydantic_extra__", None)
    object.__setattr__(shell, "__pydantic_private__", None)
    encoded = stored_form(owner).serializer.to_python(
        shell, mode="json", by_alias=True, include={name}, warnings=False
    )
    return encoded[stored_name(owner, name)]


def _is_plain(owner: type[Any] | None, name: str, annotation: Any, kind: type[Any]) -> bool:
    """Return whether a value is stored as it is: of the field's type, and with no serialiser on it."""
    if owner is not None and not field_reader(cast(Any, owner), name).is_plain:
        return False
    return any(member is kind for member in type_inspection.alternatives(annotation))


@cached_by_class
def is_customised(owner: Any, name: str) -> bool:
    """Return whether a serialiser of its own stores a field as something its type does not tell."""
    if name not in getattr(owner, "__pydantic_fields__", ()):
        return False
    schema: dict[str, Any] | None = cast(Any, field_schema(stored_form(owner).origin, name)[0])
    while schema is not None:
        written: dict[str, Any] = schema.get("serialization", {})
        if str(written.get("type", "")).startswith("function"):
            return True
        schema = schema.get("schema")
    return False


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
    except (ValueError, RecursionError) as error:
        raise UsageError(f"a {type(value).__name__} has too many levels to be a value in a query") from error
