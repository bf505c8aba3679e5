"""Fields as expressions: ``User.age``, ``User.address.city``, ``User.meta["k"]``, ``User.name.lower()``.

A ``FieldRef`` keeps everything it knows under one private name, so that an embedded model may have
fields called anything.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, time, timedelta
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, cast

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import nodes as q
from .. import type_inspection
from ..links.paths import beyond
from ..stored.field_schemas import field_reader
from ..stored.forms import stored_form, type_form
from ..stored.times import format_time
from .base import OPERATORS, Expression, Predicate, Scope, Source, Value
from .constants import plain
from .methods import METHODS, has_kind
from .operators import NAMES


@dataclass(frozen=True, slots=True)
class Place:
    """Where a field is: the source it belongs to and the way to it.

    ``owner`` and ``name`` are the class that declares the last field and its Python name, which
    know how its values are encoded; None for what no class describes.
    """

    source: Source
    path: tuple[str | int, ...]
    annotation: Any
    owner: type[Any] | None
    name: str
    nullable: bool


class FieldRef(Expression):
    """A field of a model in a query."""

    __slots__ = ("__place__",)
    __place__: Place

    def __init__(self, place: Place) -> None:
        object.__setattr__(self, "__place__", place)

    def __build__(self, scope: Scope) -> q.Expression:
        stored = self.__stored__(scope)
        if not self.__decimal__:
            return stored
        # Decimals are stored as text, to be exact, and text has another order than numbers.
        absent = q.Compare(stored, "==", q.Literal(None))
        return q.Ternary(absent, q.Literal(None), q.Call("TO_NUMBER", (stored,)))

    @property
    def __decimal__(self) -> bool:
        """Say whether the field holds decimals."""
        return is_decimal(self.__place__.annotation)

    def __stored__(self, scope: Scope) -> q.Expression:
        """Make the node of the value as it is stored."""
        place = self.__place__
        node: q.Expression = q.Name(scope.variable(place.source))
        for step in place.path:
            node = q.Attribute(node, step) if isinstance(step, str) else q.Index(node, q.Literal(step))
        return node

    def __encode__(self, value: Any) -> Any:
        place = self.__place__
        if place.path[0] in ("_created_at", "_updated_at") and isinstance(value, datetime):
            return format_time(value)
        encoded = encode_as(place.owner, place.name, place.annotation, value)
        return float(encoded) if self.__decimal__ and isinstance(encoded, str) else encoded

    def __compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        compared = super().__compare__(operator, other)
        check_order(self.__place__.annotation, operator, compared, self)
        return compared

    @property
    def __nullable__(self) -> bool:
        return self.__place__.nullable

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol of Python's, which no field is
            raise AttributeError(name)
        place = self.__place__
        models = type_inspection.embedded(place.annotation)
        target = end_target(place) or type_inspection.link_target(place.annotation)
        if target is not None:
            if name == "id":
                return self.__solidb_id__()
            if name not in OPERATORS or name in getattr(target, "__pydantic_fields__", ()):
                return beyond(self, target, name)
        for model in models:
            if name in model.__pydantic_fields__:
                return child(place, model, name)
        method = METHODS.get(name)
        if method is not None and has_kind(place.annotation, method.kinds):
            return method.make(self)
        if name in OPERATORS:
            return OPERATORS[name](self)
        raise AttributeError(_unknown(place, models, name))

    def __reduce__(self) -> tuple[Any, ...]:
        return FieldRef, (self.__place__,)

    def __dir__(self) -> list[str]:
        place = self.__place__
        target = end_target(place) or type_inspection.link_target(place.annotation)
        models = (target,) if target is not None else type_inspection.embedded(place.annotation)
        fields = [name for model in models for name in getattr(model, "__pydantic_fields__", ())]
        methods = [name for name, each in METHODS.items() if has_kind(place.annotation, each.kinds)]
        behind = ["id", "value"] if target is not None else []
        return sorted({*fields, *methods, *behind, *NAMES})

    def __solidb_id__(self) -> FieldRef:
        """Give what a link, or the end of an edge, is stored as: ``collection/key``."""
        return FieldRef(replace(self.__place__, annotation=str, owner=None, name="id"))

    def __setattr__(self, name: str, value: Any) -> None:
        raise UsageError(f"{self!r} is a part of a query; set attributes on a document, not on its class")

    def __getitem__(self, step: str | int) -> FieldRef:
        place = self.__place__
        if not isinstance(step, (str, int)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise UsageError(f"{self!r}[{step!r}]: a query can take an element by a number or a text only")
        inner = type_inspection.element(place.annotation)
        return FieldRef(Place(place.source, (*place.path, step), inner, None, "", True))

    def __repr__(self) -> str:
        place = self.__place__
        source = getattr(place.source, "__name__", None) or repr(place.source)
        return source + "".join(f".{step}" if isinstance(step, str) else f"[{step}]" for step in place.path)


def end_target(place: Place) -> Any:
    """Give the class at an end of an edge, if the field is one that says its class."""
    if place.name not in ("from_", "to") or getattr(place.owner, "__solidb_kind__", None) != "edge":
        return None
    return next(iter(type_inspection.embedded(place.annotation)), None)


def is_decimal(annotation: Any) -> bool:
    """Say whether the values of a type are decimals, or None."""
    return _is_only(annotation, Decimal)


def _is_only(annotation: Any, kind: type[Any]) -> bool:
    if annotation is int or annotation is str:  # most fields
        return False
    members = [member for member in type_inspection.alternatives(annotation) if member is not type(None)]
    return bool(members) and all(isinstance(m, type) and issubclass(m, kind) for m in members)


def check_order(annotation: Any, operator: q.ComparisonOperator, compared: Any, what: Expression) -> None:
    """Refuse to order what is stored as text that sorts in another order; UsageError."""
    value = getattr(compared, "right", None)
    if operator not in _ORDERED or not _is_only(annotation, timedelta):
        return
    if isinstance(value, Value) and isinstance(value.value, str):
        raise UsageError(
            f"{what!r} is stored as ISO 8601 text, which does not sort as durations do",
            hint='model_config = ConfigDict(ser_json_timedelta="float") in its model stores seconds',
        )


_ORDERED = ("<", "<=", ">", ">=")


def child(place: Place, model: type[Any], name: str) -> FieldRef:
    """Give the reference of a field of an embedded model."""
    info = model.__pydantic_fields__[name]
    nullable = place.nullable or type_inspection.is_nullable(info.annotation)
    return FieldRef(
        Place(place.source, (*place.path, stored_name(model, name)), info.annotation, model, name, nullable)
    )


def moved(reference: FieldRef, source: Source) -> FieldRef:
    """Give the same field of another source, such as an alias."""
    return FieldRef(replace(reference.__place__, source=source))


def stored_name(model: type[Any], name: str) -> str:
    """Give the name a field is stored under: its serialisation alias, or its own."""
    info = model.__pydantic_fields__[name]
    return info.serialization_alias or info.alias or name


# --- values --------------------------------------------------------------------------------------


def encode_as(owner: type[Any] | None, name: str, annotation: Any, value: Any) -> Any:
    """Give the stored form of a value, as the field of a model (or else the type) serialises it."""
    kind = cast(Any, type(value))
    if value is None or (kind in (str, int, float, bool) and _is_plain(owner, name, annotation, kind)):
        return value
    reference = getattr(value, "__solidb_reference__", None)
    if reference is not None:
        return reference()
    try:
        if owner is not None and issubclass(owner, BaseModel):
            return _encode_field(owner, name, value)
        if annotation is not Any:
            form = type_form(annotation)
            return form.serializer.to_python(value, mode="json", by_alias=True, warnings=False)
    except (PydanticSerializationError, TypeError):
        return plain(value)
    return plain(value)


def _encode_field(owner: type[BaseModel], name: str, value: Any) -> Any:
    """Serialise one field through its model, so that field serialisers count too."""
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
    """Say whether a value is stored as it is: of the field's type, and with no serialiser on it."""
    if owner is not None and not field_reader(cast(Any, owner), name).is_plain:
        return False
    return any(member is kind for member in type_inspection.alternatives(annotation))


def encode_element(reference: Expression, value: Any) -> Any:
    """Give the stored form of a value that is looked for in a list or set field."""
    if not isinstance(reference, FieldRef):
        return plain(value)
    place = reference.__place__
    if place.owner is not None and type_inspection.is_collection(place.annotation):
        try:
            encoded = _encode_field(place.owner, place.name, [value])
        except (PydanticSerializationError, TypeError, KeyError):
            return encode_as(None, "", type_inspection.element(place.annotation), value)
        if isinstance(encoded, list) and len(encoded) == 1:  # pyright: ignore[reportUnknownArgumentType]
            return encoded[0]  # pyright: ignore[reportUnknownVariableType]
    return encode_as(None, "", type_inspection.element(place.annotation), value)


def _unknown(place: Place, models: tuple[type[Any], ...], name: str) -> str:
    label = f"{getattr(place.source, '__name__', place.source)}." + ".".join(str(step) for step in place.path)
    known = [field for model in models for field in model.__pydantic_fields__]
    if models:
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        return f"{label} ({models[0].__name__}) has no field {name!r}{guess}"
    if type_inspection.is_collection(place.annotation):
        return f"{label} is a list: write any_({label}).{name} or all_({label}).{name} for its elements"
    if name in METHODS or hasattr(str, name) or hasattr(time, name):
        return f"{label} has no {name!r} in a query; the functions in solidb_odm.func may have what you need"
    return f"{label} has no field {name!r}"
