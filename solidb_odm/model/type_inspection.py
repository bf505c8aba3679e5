"""What annotations say: the models in a type, whether it admits None, whether values change in place.

Remembering what was found out about a class, as long as the class lives and no longer.
"""

from __future__ import annotations

import dataclasses
import enum
import operator
import types
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from functools import wraps
from pathlib import PurePath
from typing import (
    Annotated,
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
    get_type_hints,
)
from uuid import UUID

from pydantic import (
    AwareDatetime,
    BaseModel,
    FutureDate,
    FutureDatetime,
    NaiveDatetime,
    PastDate,
    PastDatetime,
)
from typing_extensions import is_typeddict

from .stored.pydantic_attributes import FIELDS, GENERIC, class_fields

P = ParamSpec("P")
R = TypeVar("R")

CACHE = "__solidb_cache__"
"""Where a class keeps what was found out about it, by name."""
attributes_of = type.__dict__["__dict__"].__get__
"""Returns the attributes of a class, past a metaclass that looks for each as one that may be missing."""


def cached_by_class(function: Callable[Concatenate[Any, P], R]) -> Callable[Concatenate[Any, P], R]:
    """Let a function of a class, and of hashable positional arguments, remember what it returned."""
    name = f"{function.__module__}.{function.__qualname__}"

    @wraps(function)
    def remembering(cls: Any, /, *args: P.args, **kwargs: P.kwargs) -> R:
        own = attributes_of(cls).get(CACHE)
        key = (name, *args) if args else name
        if own is not None and key in own:
            return own[key]  # type: ignore[no-any-return]
        answer = function(cls, *args, **kwargs)
        if own is None:
            own = {}
            type.__setattr__(cls, CACHE, own)
        own[key] = answer
        return answer

    return remembering


def keep(cls: Any, name: str, value: Any) -> None:
    """Let a class keep a value under a name, as long as it is the class that it is."""
    own = cls.__dict__.get(CACHE)
    if own is None:
        type.__setattr__(cls, CACHE, {name: value})
    else:
        own[name] = value


def forget(cls: Any) -> None:
    """Forget what was found out about a class, which is another one by now."""
    if CACHE in cls.__dict__:
        type.__delattr__(cls, CACHE)


def cached_by_annotation(function: Callable[[Any], R]) -> Callable[[Any], R]:
    """Let a function of an annotation remember what it returned, unless that would keep a class alive."""
    remembered: dict[Any, R] = {}

    @wraps(function)
    def remembering(annotation: Any) -> R:
        try:
            return remembered[annotation]
        except KeyError:
            answer = function(annotation)
        except TypeError:  # an annotation that can't be hashed
            return function(annotation)
        if _lasts(annotation):
            if len(remembered) >= _MOST_ANNOTATIONS:
                remembered.clear()
            remembered[annotation] = answer
        return answer

    return remembering


_MOST_ANNOTATIONS = 4096


def _lasts(annotation: Any) -> bool:
    """Return whether the classes of an annotation are those of modules, which stay."""
    if isinstance(annotation, type):
        return "<locals>" not in annotation.__qualname__
    if (bound := getattr(annotation, "__bound__", None)) is not None:
        return _lasts(bound)
    if getattr(annotation, "__value__", None) is not None or hasattr(annotation, "__metadata__"):
        return False
    parts: tuple[Any, ...] = getattr(annotation, "__args__", ())
    origin = getattr(annotation, "__origin__", None)
    return (origin is None or _lasts(origin)) and all(map(_lasts, parts))


UNCHANGEABLE = (
    str, int, float, bool, bytes, complex, type(None), datetime, date, time, timedelta,
    Decimal, UUID, enum.Enum, PurePath,
)  # fmt: skip


def strip(annotation: Any) -> Any:
    """Take ``Annotated``, type aliases and new types away from the outside."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif hasattr(annotation, "__value__"):
            annotation = _written_out(annotation, ())
        elif hasattr(annotation, "__supertype__"):  # a NewType
            annotation = annotation.__supertype__
        else:
            return annotation


def _written_out(annotation: Any, within: tuple[Any, ...]) -> Any:
    """Return a type with its type aliases written out; within itself an alias is anything.

    ``within`` are the aliases that are being written out: ``type Json = dict[str, Json] | ..`` has no end.
    """
    if hasattr(annotation, "__value__"):
        alias = get_origin(annotation) or annotation
        return Any if alias in within else _written_out(annotation.__value__, (*within, alias))
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin in (None, Literal, Callable):
        return annotation
    if origin is Annotated:
        return Annotated[(_written_out(arguments[0], within), *arguments[1:])]
    parts = tuple(_written_out(argument, within) for argument in arguments)
    if all(map(operator.is_, parts, arguments)):
        return annotation
    return Union[parts] if origin in (Union, types.UnionType) else origin[parts]  # noqa: UP007


def alternatives(annotation: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the annotation itself."""
    return (annotation,) if isinstance(annotation, type) else _alternatives(annotation)


@cached_by_annotation
def _alternatives(annotation: Any) -> tuple[Any, ...]:
    annotation = strip(annotation)
    if isinstance(annotation, TypeVar):
        return alternatives(annotation.__bound__) if annotation.__bound__ is not None else (Any,)
    if get_origin(annotation) in (Union, types.UnionType):
        return tuple(inner for member in get_args(annotation) for inner in alternatives(member))
    return (annotation,)


def kinds(annotation: Any) -> tuple[Any, ...]:
    """Return the types of the values: the members of a union, for ``Literal`` the types of its values.

    For a class of Pydantic's that only says which values are valid, it is the class of the values.
    """
    return tuple(
        kind
        for member in alternatives(annotation)
        for kind in (map(type, get_args(member)) if get_origin(member) is Literal else (_valued(member),))
    )


def _valued(member: Any) -> Any:
    if not isinstance(member, type):
        return member
    if member.__name__ == "EmailStr" and member.__module__ == "pydantic.networks":
        return str  # by its name: to load its module takes 15 ms, before any class is made
    return _VALUED.get(member, member)


_VALUED: dict[Any, type[Any]] = {
    AwareDatetime: datetime,
    NaiveDatetime: datetime,
    PastDatetime: datetime,
    FutureDatetime: datetime,
    PastDate: date,
    FutureDate: date,
}


def is_named_tuple(member: Any) -> bool:
    """Return whether a type is a named tuple, which is stored as a list."""
    is_class = isinstance(member, type) and issubclass(cast("type[Any]", member), tuple)
    return is_class and hasattr(cast(Any, member), "_fields")


def places(member: Any) -> dict[str, Any]:
    """Return the fields of a named tuple by their names, with their types; empty for other types."""
    if not is_named_tuple(member):
        return {}
    hints = get_type_hints(member, include_extras=True)
    return {name: hints.get(name, Any) for name in member._fields}


def places_of(annotation: Any) -> tuple[Any, ...] | None:
    """Return the types of the places of tuples that all have one form; None for any other type."""
    members = [member for member in alternatives(annotation) if member is not type(None)]
    if len(members) != 1:
        return None
    if is_named_tuple(members[0]):
        return tuple(places(members[0]).values())
    arguments = get_args(members[0])
    is_fixed = get_origin(members[0]) is tuple and Ellipsis not in arguments
    return arguments if is_fixed else None


def unparametrized(model: Any) -> Any:
    """Return the generic model that one with parameters is made from; any other class itself."""
    return getattr(model, GENERIC, {}).get("origin") or model


def is_nullable(annotation: Any) -> bool:
    """Return whether the type admits None."""
    return any(member is type(None) or member is None or member is Any for member in alternatives(annotation))


def metadata(annotation: Any) -> Iterator[Any]:
    """Return what ``Annotated`` says, also within the members of a union."""
    if get_origin(annotation) is Annotated:
        inner, *notes = get_args(annotation)
        yield from notes
        yield from metadata(inner)
    elif hasattr(annotation, "__value__"):
        yield from metadata(annotation.__value__)
    elif get_origin(annotation) in (Union, types.UnionType):
        for member in get_args(annotation):
            yield from metadata(member)


def embedded(annotation: Any) -> tuple[type[Any], ...]:
    """Return the models and Pydantic dataclasses that the type can be, itself, not in a list."""
    return tuple(member for member in alternatives(annotation) if is_model(member))


def parts_of(annotation: Any) -> Iterator[Any]:
    """Yield the types of what stands in lists, dicts and the like of a type, at any depth."""
    for member in alternatives(annotation):
        if get_origin(member) is Literal or hasattr(get_origin(member), "__solidb_any_target__"):
            continue
        for argument in get_args(member):
            if argument is not Ellipsis:
                yield argument
                yield from parts_of(argument)


def is_record(member: Any) -> bool:
    """Return whether a type is a standard dataclass or a typed dictionary, whose fields are attributes."""
    if not isinstance(member, type) or is_model(member):
        return False
    return dataclasses.is_dataclass(member) or is_typeddict(cast(Any, member))


def is_model(member: Any) -> bool:
    """Return whether a type is a model or a Pydantic dataclass."""
    return isinstance(member, type) and hasattr(cast("type[Any]", member), FIELDS)


def mentions_model(annotation: Any) -> bool:
    """Return whether values of the type can hold models, at any depth."""
    if embedded(annotation):
        return True
    return any(
        mentions_model(argument)
        for member in alternatives(annotation)
        for argument in get_args(member)
        if argument is not Ellipsis and get_origin(member) is not Literal
    )


def element(annotation: Any) -> Any:
    """Return the type of the elements of a list, set or tuple; Any where it is not known."""
    for member in alternatives(annotation):
        if fields := places(member):
            return Union[tuple(fields.values())]  # noqa: UP007
        arguments = [a for a in get_args(member) if a is not Ellipsis]
        origin = get_origin(member)
        if isinstance(origin, type) and arguments:
            return arguments[-1] if issubclass(origin, dict) else Union[tuple(arguments)]  # noqa: UP007
    return Any


def item(annotation: Any, step: str | int) -> Any:
    """Return the type of one element: of a tuple of fixed length that of its place, else that of all."""
    for member in alternatives(annotation):
        arguments = get_args(member) or tuple(places(member).values())
        if (
            (get_origin(member) is tuple or is_named_tuple(member))
            and isinstance(step, int)
            and Ellipsis not in arguments
        ):
            return arguments[step] if -len(arguments) <= step < len(arguments) else Any
    return element(annotation)


def holds(annotation: Any, kind: type[Any]) -> bool:
    """Return whether values of a type can hold ones of a class, at any depth."""
    described = (get_origin(member) or member for member in _members_below(annotation, set()))
    return any(isinstance(part, type) and issubclass(part, kind) for part in described)


def is_collection(annotation: Any) -> bool:
    """Return whether the type is a list, set, tuple or the like, and nothing else but None."""
    members = [member for member in alternatives(annotation) if member is not type(None)]
    kinds = [get_origin(member) or member for member in members]
    return bool(kinds) and all(
        isinstance(kind, type) and issubclass(kind, (list, tuple, set, frozenset)) for kind in kinds
    )


def link_target(annotation: Any) -> Any:
    """Return the class that links of a field's type lead to, at any depth; None if the type holds none."""
    for member in alternatives(annotation):
        arguments = [argument for argument in get_args(member) if argument is not Ellipsis]
        described: Any = get_origin(member) or member
        if anything := getattr(described, "__solidb_any_target__", None):
            return arguments[0] if arguments else anything
        leads_to = next(
            (target for argument in arguments if (target := link_target(argument)) is not None), None
        )
        if leads_to is not None:
            return leads_to
    return None


@cached_by_annotation
def _changeable(member: Any) -> bool:
    return _is_changeable(member, ())


def _is_changeable(member: Any, within: tuple[Any, ...]) -> bool:
    """Return whether a value can change in place; ``within`` are the frozen classes that lead to it."""
    origin = get_origin(member)
    if origin is Literal:
        return False
    if isinstance(origin, type) and issubclass(origin, (tuple, frozenset)):
        return any(_may_change(part, within) for part in get_args(member) if part is not Ellipsis)
    described = cast(Any, origin or member)
    if hasattr(described, "__solidb_reference__"):  # a document or a link
        return False
    if not isinstance(member, type):
        return True
    kind: type[Any] = member
    if issubclass(kind, UNCHANGEABLE):
        return False
    if kind in within:
        return False
    types_held = _types_of_frozen(kind)
    return types_held is None or any(_may_change(part, (*within, kind)) for part in types_held)


def _may_change(annotation: Any, within: tuple[Any, ...]) -> bool:
    return any(_is_changeable(member, within) for member in alternatives(annotation))


def _types_of_frozen(kind: Any) -> list[Any] | None:
    """Return the types of the fields of a frozen class; None of another, or where they are not known."""
    if issubclass(kind, BaseModel):
        is_closed = kind.model_config.get("frozen") and kind.model_config.get("extra") != "allow"
        return [info.annotation for info in class_fields(kind).values()] if is_closed else None
    parameters = getattr(kind, "__dataclass_params__", None)
    if parameters is None or not parameters.frozen:
        return None
    hints = _hints(kind)
    names = [field.name for field in dataclasses.fields(kind)]
    return [hints[name] for name in names] if hints.keys() >= set(names) else None


def can_change(annotation: Any) -> bool:
    """Return whether a value of the type can change while an attribute goes on holding it."""
    return not (isinstance(annotation, type) and annotation in UNCHANGEABLE) and _can_change(annotation)


@cached_by_annotation
def _can_change(annotation: Any) -> bool:
    return any(map(_changeable, alternatives(annotation)))


def has_unordered(annotation: Any) -> bool:
    """Return whether the type holds sets, at any depth, whose JSON form has no order of its own."""
    if isinstance(annotation, type) and annotation in UNCHANGEABLE:
        return False
    alone = _has_unordered_alone(annotation)
    if alone is not None:
        return alone
    return any(_is_set(member) for member in _members_below(annotation, set()))


@cached_by_annotation
def _has_unordered_alone(annotation: Any) -> bool | None:
    """Return whether a type holds sets; None where that is for the models in it to say."""
    members = list(_members_below(annotation, set()))
    return None if any(map(is_model, members)) else any(map(_is_set, members))


def models_below(model: type[Any]) -> list[type[Any]]:
    """Return a model and the models its fields can hold, at any depth, each once."""
    seen: set[type[Any]] = set()
    for _ in _members_below(model, seen):
        pass
    return [model for model in seen if is_model(model)]


def _is_set(member: Any) -> bool:
    kind = get_origin(member) or member
    return isinstance(kind, type) and issubclass(kind, (set, frozenset, AbstractSet))


def _hints(record: Any) -> dict[str, Any]:
    """Return the types of the fields of a dataclass, a typed dictionary or a named tuple, as far as known."""
    try:
        return get_type_hints(record, include_extras=True)
    except (NameError, TypeError):
        return {}


def _members_below(annotation: Any, seen: set[type[Any]]) -> Iterator[Any]:
    """Yield the types that values of a type can hold, at any depth; the fields of a class once."""
    for member in alternatives(annotation):
        yield member
        if (is_record(member) or is_named_tuple(member)) and member not in seen:
            seen.add(member)
            for hint in _hints(member).values():
                yield from _members_below(hint, seen)
        for argument in get_args(member):
            if argument is not Ellipsis and get_origin(member) is not Literal:
                yield from _members_below(argument, seen)
        if is_model(member) and member not in seen and not hasattr(member, "__solidb_reference__"):
            seen.add(member)
            for field in class_fields(member).values():
                yield from _members_below(field.annotation, seen)
