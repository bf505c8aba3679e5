"""What kind of value an expression has, as its annotation says: what the operators of queries go by.

``any`` is what no annotation describes: everything may be asked of it. ``mixed`` is a union of several
kinds, and ``other`` what has a stored form of its own: both can only be equal to something.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Literal, TypeAlias, cast, get_args, get_origin
from uuid import UUID

from pydantic import (
    AwareDatetime,
    FutureDatetime,
    NaiveDatetime,
    PastDatetime,
    PlainSerializer,
    WrapSerializer,
)

from .. import type_inspection
from ..stored.pydantic_attributes import FIELDS, ROOT_MODEL
from ..type_inspection import cached_by_annotation

Kind: TypeAlias = Literal[
    "any", "bool", "int", "float", "decimal", "text", "bytes", "datetime", "date", "time", "duration", "uuid",
    "enum", "list", "dict", "model", "link", "mixed", "other",
]  # fmt: skip

ORDERED: frozenset[Kind] = frozenset(
    {"any", "bool", "int", "float", "decimal", "text", "datetime", "date", "time", "duration", "uuid", "list"}
)
"""The kinds whose stored form sorts as Python does."""

NUMBERS: dict[Kind, Any] = {
    "int": int, "float": float, "decimal": Decimal, "duration": timedelta, "any": Any,
}  # fmt: skip
"""The types of what has an opposite, by its kind."""

OPERATORS: dict[str, Callable[[Any], Any]] = {}
"""What expressions have by name besides fields; ``column_methods`` fills it."""
BY_TYPE: list[Callable[[Any, str], Any]] = []
"""Finds what an expression has by the type of its values; ``calls`` adds it."""

NAMES: dict[Kind, str] = {
    "any": "a value of any type",
    "bool": "a bool",
    "int": "an int",
    "float": "a float",
    "decimal": "a Decimal",
    "text": "a text",
    "bytes": "bytes",
    "datetime": "a datetime",
    "date": "a date",
    "time": "a time",
    "duration": "a timedelta",
    "uuid": "a UUID",
    "enum": "a member of an enum",
    "list": "a list",
    "dict": "a dict",
    "model": "a model",
    "link": "a link",
    "mixed": "a value of several types",
    "other": "a value with a stored form of its own",
}

_CLASSES: tuple[tuple[type[Any], Kind], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float"),
    (str, "text"),
    (Decimal, "decimal"),
    (datetime, "datetime"),
    (date, "date"),
    (time, "time"),
    (timedelta, "duration"),
    (UUID, "uuid"),
    (bytes, "bytes"),
    (enum.Flag, "other"),
    (enum.Enum, "enum"),
    (list, "list"),
    (tuple, "list"),
    (set, "list"),
    (frozenset, "list"),
    (dict, "dict"),
)
_TIMES: dict[Any, bool | None] = {
    AwareDatetime: True,
    NaiveDatetime: False,
    PastDatetime: None,
    FutureDatetime: None,
}


def kind_of(annotation: Any) -> Kind:
    """Return the kind of the values of a type, None aside."""
    return _kind_of(annotation)


@cached_by_annotation
def _kind_of(annotation: Any) -> Kind:
    if any(
        isinstance(note, (PlainSerializer, WrapSerializer)) for note in type_inspection.metadata(annotation)
    ):
        return "other"
    members = [
        member
        for member in type_inspection.kinds(annotation)
        if member is not type(None) and member is not None
    ]
    kinds: set[Kind] = {_member_kind(member) for member in members}
    if not kinds or "any" in kinds:
        return "any"
    if kinds == {"int", "float"}:
        return "float"
    return kinds.pop() if len(kinds) == 1 else "mixed"


def _member_kind(member: Any) -> Kind:
    if member is Any or member is object:
        return "any"
    origin: Any = get_origin(member) or member
    if hasattr(origin, "__solidb_any_target__") or hasattr(member, "__solidb_collection__"):
        return "link"
    if not isinstance(origin, type):
        return "other"
    kind = cast("type[Any]", origin)
    if getattr(kind, ROOT_MODEL, False):
        return "other"
    if hasattr(kind, FIELDS) or type_inspection.is_record(kind):
        return "model"
    for base, name in _CLASSES:
        if issubclass(kind, base):
            return name
    return "other"


def awareness(annotation: Any) -> bool | None:
    """Return whether the times of a type have an offset; None where it does not say."""
    said = {
        _TIMES.get(member) for member in type_inspection.alternatives(annotation) if member is not type(None)
    }
    return said.pop() if len(said) == 1 else None


_PLAIN: dict[Any, Kind] = {str: "text", int: "int", float: "float", bool: "bool"}


def value_kind(value: Any) -> Kind:
    """Return the kind of a Python value."""
    plain = _PLAIN.get(type(value))
    if plain is not None:
        return plain
    if hasattr(value, "__solidb_reference__"):
        return "link"
    return _member_kind(cast(Any, type(value)))


@cached_by_annotation
def choices(annotation: Any) -> tuple[Any, ...] | None:
    """Return the values a type admits, None aside, where it names all: of enums and of ``Literal``."""
    values: list[Any] = []
    for member in type_inspection.alternatives(annotation):
        if get_origin(member) is Literal:
            values += get_args(member)
        elif isinstance(member, type) and issubclass(member, enum.Enum) and not issubclass(member, enum.Flag):
            values += member
        elif member is not type(None) and member is not None:
            return None
    return tuple(values) or None


def takes(target: Any, given: Any) -> bool:
    """Return whether the values of a type are values of another one, in the form they are stored in.

    What a constraint of it says of a value is left out, and so is None.
    """
    one, other = kind_of(target), kind_of(given)
    if "any" in (one, other) or (one, other) in _TAKEN:
        return True
    wanted, known = choices(target), choices(given)
    if wanted is not None:
        return known is not None and all(any(value == choice for choice in wanted) for value in known)
    if one == "mixed" or (other == "mixed" and known is None):
        members = _members(target)
        return all(
            any(accepted == member or takes(accepted, member) for accepted in members)
            for member in _members(given)
        )
    if one != other:
        return False
    if one == "model":
        return set(_members(given)) <= set(_members(target))
    if one == "other":
        return _members(target) == _members(given)
    return one not in ("list", "dict") or _takes_elements(target, given)


def includes(wide: Any, narrow: Any) -> bool:
    """Return whether the values of a type are read as such of another one, null among them."""
    if wide == narrow or kind_of(wide) == "any":
        return True
    if type_inspection.is_nullable(narrow) and not type_inspection.is_nullable(wide):
        return False
    if awareness(wide) not in (None, awareness(narrow)) or is_set(wide) != is_set(narrow):
        return False
    return all(
        any(takes(member, part) or _is_below(part, member) for member in _members(wide))
        for part in _members(narrow)
    )


def _is_below(narrow: Any, wide: Any) -> bool:
    return isinstance(narrow, type) and isinstance(wide, type) and issubclass(narrow, wide)


_TAKEN: frozenset[tuple[Kind, Kind]] = frozenset({("float", "int"), ("decimal", "int"), ("link", "text")})


def plain_type(expressions: Iterable[Any]) -> Any:
    """Return the plain type, without constraints, of the values of all expressions; None if there is none."""
    listed = list(expressions)
    kinds: set[Kind] = {expression.__solidb_kind__ for expression in listed}
    if len(kinds) != 1 or any(choices(expression.__solidb_type__) is not None for expression in listed):
        return None
    return {"text": str, "int": int, "float": float, "bool": bool}.get(kinds.pop())


def _members(annotation: Any) -> list[Any]:
    return [member for member in type_inspection.alternatives(annotation) if member not in (None, type(None))]


def _takes_elements(target: Any, given: Any) -> bool:
    if is_set(target) and not is_set(given):  # whose elements could come twice
        return False
    shapes = [_members(annotation) for annotation in (target, given)]
    if any(get_origin(shape) is tuple and Ellipsis not in get_args(shape) for shape in shapes[0]):
        return shapes[0] == shapes[1]
    return takes(type_inspection.element(target), type_inspection.element(given))


def kinds_within(annotation: Any) -> frozenset[Kind]:
    """Return the kinds of the members of a union, None aside; of another type its own."""
    members = type_inspection.kinds(annotation)
    return frozenset(kind_of(member) for member in members if member not in (None, type(None)))


SequenceForm: TypeAlias = Literal["a list", "a tuple", "a set"]


def sequence_forms(annotation: Any) -> frozenset[SequenceForm]:
    """Return what the lists of a type are in Python, where one of another form is never equal."""
    members = [get_origin(member) or member for member in type_inspection.alternatives(annotation)]
    return frozenset(sequence_form(member) for member in members if _member_kind(member) == "list")


def sequence_form(kind: type[Any]) -> SequenceForm:
    """Return whether a type of lists is of lists, tuples or sets."""
    if issubclass(kind, tuple):
        return "a tuple"
    return "a set" if issubclass(kind, AbstractSet) else "a list"


def is_set(annotation: Any) -> bool:
    """Return whether values of a type are sets, which are stored as lists in any order."""
    return any(_is_set(member) for member in type_inspection.alternatives(annotation))


def _is_set(member: Any) -> bool:
    described = get_origin(member) or member
    return isinstance(described, type) and issubclass(described, AbstractSet)
