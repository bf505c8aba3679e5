"""Types of which nothing has to be tried: what their values are stored as is known without samples.

Most classes consist of texts, numbers, times, lists and dicts of these, and models of the same. Such a class
needs no trial when it is made, and what only reading and writing needs can wait for the first document.
What is not named here may well be stored exactly too, but has to be tried.
"""

from __future__ import annotations

import enum
import types
from collections import deque
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import Any, Literal, Union, cast, get_args, get_origin
from uuid import UUID

from pydantic import AliasChoices, BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ..type_inspection import alternatives, cached_by_annotation, embedded

_VALUES: frozenset[Any] = frozenset(
    (str, int, float, bool, bytes, type(None), date, datetime, time, timedelta, Decimal, UUID, list, dict)
)
_HOLDERS = frozenset((list, set, frozenset, tuple))
_UNIONS = frozenset((Union, types.UnionType))
_CONSTRAINTS = frozenset(("annotated_types", "pydantic._internal._fields"))
"""The modules whose notes limit values and don't change how they are read."""

PURE = frozenset((list, dict, set, frozenset, tuple, deque, str, int, float, bool))
"""What makes the same default each time it is called."""

_SETTINGS = frozenset(
    ("extra", "frozen", "populate_by_name", "str_strip_whitespace", "title", "validate_assignment",
     "validate_by_alias", "validate_by_name", "validate_default")
)  # fmt: skip
_written_by_author = attrgetter(
    "validators", "root_validators", "field_serializers", "model_serializers",
    "model_validators", "computed_fields",
)  # fmt: skip


_PLAIN_CLASSES: tuple[Any, ...] = (str, int, float, bool)


def is_plain_type(annotation: Any) -> bool:
    """Return whether all values of a type are known to come back as they were stored."""
    if isinstance(annotation, type):
        return annotation in _VALUES or _is_plain_class(cast("type[Any]", annotation))
    return annotation is Any or annotation is None or _is_plain_form(annotation)


def _is_plain_class(kind: type[Any]) -> bool:
    if issubclass(kind, enum.Enum):
        is_read_otherwise = hasattr(kind, "__get_pydantic_core_schema__")
        return not is_read_otherwise and all(type(member.value) is str for member in kind)
    is_part = issubclass(kind, BaseModel) and not hasattr(kind, "__solidb_reference__")
    return is_part and _is_plain_model(kind)


@cached_by_annotation
def _is_plain_form(annotation: Any) -> bool:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in _UNIONS:
        return all(map(is_plain_type, arguments)) and _are_told_apart(_others(arguments))
    if origin is Literal:
        return all(type(argument) is str for argument in arguments)
    if origin is dict:
        return not arguments or (arguments[0] is str and is_plain_type(arguments[1]))
    return origin in _HOLDERS and all(argument is ... or is_plain_type(argument) for argument in arguments)


def _others(arguments: tuple[Any, ...]) -> list[Any]:
    return [argument for argument in arguments if argument is not type(None)]


def _are_told_apart(members: list[Any]) -> bool:
    """Return whether the form of a JSON value alone says which of some plain types it is of."""
    forms = [_json_form(member) for member in members]
    return len(members) == 1 or (None not in forms and len(set(forms)) == len(forms))


def _json_form(kind: Any) -> Any:
    origin = get_origin(kind) or kind
    if origin in _PLAIN_CLASSES:
        return origin
    if origin in (list, dict):
        return list if origin is list else dict
    return dict if isinstance(origin, type) and issubclass(origin, BaseModel) else None


def _is_plain_model(model: Any) -> bool:
    """Return whether a model that others embed needs no trial; one that holds itself is not plain."""
    verdict: bool | None = model.__dict__.get(_VERDICT)
    if verdict is None:
        if not model.__dict__.get("__pydantic_complete__"):
            return False
        type.__setattr__(model, _VERDICT, False)  # as long as its fields are looked at, which may lead back
        fields: dict[str, FieldInfo] = model.__pydantic_fields__
        has_settings = hasattr(model, "Settings")  # which may hold indexes
        verdict = not has_settings and has_plain_rules(model) and all(map(is_plain_field, fields.values()))
        type.__setattr__(model, _VERDICT, verdict)
    return verdict


def is_plain_field(info: FieldInfo, more: tuple[type[Any], ...] = ()) -> bool:
    """Return whether a field of a model needs no trial, and has the same default each time."""
    return is_plainly_declared(info, more) and _is_plain_default(info)


def is_plainly_declared(info: FieldInfo, more: tuple[type[Any], ...] = ()) -> bool:
    """Return whether a field needs no trial; ``more`` are the notes that may stand beside its type."""
    alias: Any = info.validation_alias
    if alias is info.alias is info.serialization_alias is None and not info.metadata:  # as most fields are
        if info.exclude or info.discriminator:
            return False
        return is_plain_type(info.annotation) and _has_plain_value(info)
    names: list[Any] = alias.choices if isinstance(alias, AliasChoices) else [alias]
    return (
        is_plain_type(info.annotation)
        and all(_is_plain_note(info.annotation, note) or isinstance(note, more) for note in info.metadata)
        and not (info.exclude or info.discriminator)
        and all(
            alias is None or type(alias) is str for alias in (info.alias, info.serialization_alias, *names)
        )
        and _has_plain_value(info)
    )


def is_plain_link(info: FieldInfo, more: tuple[type[Any], ...]) -> bool:
    """Return whether a field holds links or the end of an edge, which come back as they were stored."""
    if is_end(info):
        return True
    members = _others(alternatives(info.annotation))
    if len(members) != 1 or not all(isinstance(note, more) for note in info.metadata):
        return False
    inner = get_args(members[0])[0] if get_origin(members[0]) is list else members[0]
    is_bare = info.alias is info.validation_alias is info.serialization_alias is None and not info.exclude
    is_link = hasattr(get_origin(inner) or inner, "__solidb_any_target__")
    return is_bare and is_link and info.default in (PydanticUndefined, None, []) and _is_plain_default(info)


def is_end(info: FieldInfo) -> bool:
    """Return whether a field is the end of an edge as ``Edge`` declares it."""
    return len(info.metadata) == 1 and hasattr(info.metadata[0], "__solidb_end__") and not info.exclude


def _is_plain_note(annotation: Any, note: Any) -> bool:
    """Return whether a note limits values, and does not say how the types of a union are tried."""
    if type(note).__module__ not in _CONSTRAINTS:
        return False
    return get_origin(annotation) not in _UNIONS or len(_others(get_args(annotation))) == 1


def _has_plain_value(info: FieldInfo) -> bool:
    """Return whether there is no default, or one that is known to be a value of the field, or None."""
    value: Any = info.default
    if value is PydanticUndefined or value is None:
        return True
    is_known = type(value) in _VALUES or type(value) in PURE or isinstance(value, enum.Enum)
    annotation: Any = info.annotation
    return is_known and (annotation in _PLAIN_CLASSES or not embedded(annotation))


def _is_plain_default(info: FieldInfo) -> bool:
    factory: Any = info.default_factory
    return factory is None or isinstance(factory, type)


def has_plain_rules(model: Any) -> bool:
    """Return whether a model reads and writes by its fields alone, without functions of its author."""
    return validated_fields(model) == frozenset()


def validated_fields(model: Any) -> frozenset[str] | None:
    """Return the fields with validators of the author of a model that has no other functions of its own."""
    decorators = model.__pydantic_decorators__
    is_plain = (
        _SETTINGS.issuperset(model.model_config)
        and not any(_written_by_author(decorators))
        and not (model.__pydantic_root_model__ or model.__pydantic_custom_init__)
        and not model.__pydantic_generic_metadata__["parameters"]
        and model.__get_pydantic_core_schema__.__func__ is _SCHEMA
    )
    validators = decorators.field_validators.values()
    names = frozenset(name for validator in validators for name in validator.info.fields)
    return None if not is_plain or "*" in names else names


_SCHEMA = cast(Any, BaseModel.__get_pydantic_core_schema__).__func__
_VERDICT = "__solidb_is_plain__"
