"""Fields as expressions: ``User.age``, ``User.address.city``, ``User.meta["k"]``, ``User.name.lower()``.

A ``FieldRef`` keeps everything it knows under one private name, so that an embedded model may have
fields called anything.

The attributes that every stored document has besides its fields: id, revision and times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime, time, timedelta
from difflib import get_close_matches
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, cast, get_args

from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from ..._dataclasses import dataclass
from ..._types import is_list
from ...errors import UsageError
from ...language import decimals
from ...language import nodes as q
from .. import type_inspection
from ..links.link_paths import beyond
from ..stored.field_values import encode_as, encode_field, is_customised, is_plainly_stored
from ..stored.forms import type_form
from ..stored.pydantic_attributes import FIELDS, raise_interrupt
from ..stored.scalars import format_time
from .build_scope import Scope, Source
from .calls import METHODS, RecordField, default_awareness, field_within, fields_of, has_kind, records
from .column_methods import NAMES
from .comparisons import (
    EXACT,
    EXTENT,
    KnownComparison,
    KnownForm,
    Mark,
    are_plain,
    as_known,
    is_stored,
    known_as,
)
from .expression import Comparison, Expression, Predicate, Value
from .kinds import OPERATORS, Kind, awareness, choices, kind_of
from .literals import Key, check_literal, check_reference


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


class _Nothing:
    """A type that no value has."""


class _KeyText:
    """What stands for the type of keys: texts, of which those with a ``/`` are none."""


_UNKNOWN: Final = (None, ())
_NONE: Final = (_Nothing, ())
_made: Any = object.__new__
_OPERATORS: Final[tuple[q.ComparisonOperator, ...]] = ("==", "!=", "<", "<=", ">", ">=")
_MOST_NAMED: Final = 64
"""Of how many values, such as the members of an enumeration, a field keeps what they are stored as."""


def _comparing(operator: q.ComparisonOperator) -> Callable[[FieldRef, object], Predicate]:
    """Return the method of an operator."""
    place = _OPERATORS.index(operator)

    def compare(self: FieldRef, other: Any) -> Predicate:
        alike, forms = self.__solidb_forms__
        if type(other) is alike and ("\0" not in other if alike is str else -EXACT < other < EXACT):
            # its type alone says how it is stored, compared and planned
            made: KnownComparison = _made(KnownComparison)
            made.known = forms[place], other
            made.__solidb_extent__ = EXTENT
            return made
        if alike is None:
            self.__solidb_find_forms__()
            return compare(self, other)
        if alike is _KeyText and type(other) is str and "/" not in other and "\0" not in other:
            return known_as(forms[place], other)
        memo, named = self.__solidb_memo__, None
        if isinstance(other, Enum) or (memo is not None and type(other) is str):
            named = operator, type(other), other
        if named is not None and memo is not None and named in memo:
            return known_as(*memo[named])
        compared = as_known(self.__solidb_mark__, self.__solidb_compare__(operator, other))
        if named is not None and (memo is None or len(memo) < _MOST_NAMED) and is_stored(compared):
            object.__setattr__(self, "__solidb_memo__", {**(memo or {}), named: compared.known})
        return cast(Predicate, compared)

    return compare


class FieldRef(Expression):
    """A field of a model in a query.

    A class keeps the references of its fields, and these keep what each query would find out about them
    again: their kind, the type of the values they are compared with as they are, their sort keys, the fields
    behind them, and what they are in the form of a statement.
    """

    __slots__ = (
        "__solidb_alike__", "__solidb_children__", "__solidb_forms__", "__solidb_known_kind__",
        "__solidb_mark__", "__solidb_memo__", "__solidb_orders__", "__solidb_place__",
    )  # fmt: skip
    __solidb_place__: Place
    __solidb_known_kind__: Kind | None
    __solidb_alike__: type[Any] | None
    __solidb_children__: dict[str, FieldRef] | None
    __solidb_mark__: Mark | None
    """What stands for the field in forms, if a class keeps it; None for one that is made for one query."""
    __solidb_forms__: tuple[type[Any] | None, tuple[KnownForm, ...]]
    """The type of values that is known of such a field, and the form of each operator with one."""
    __solidb_memo__: dict[tuple[Any, ...], tuple[KnownForm, Any]] | None
    """The forms and the stored values of what it was compared with, of fields whose values are few."""

    def __init__(self, place: Place, mark: Mark | None = None) -> None:
        put = object.__setattr__
        put(self, "__solidb_place__", place)
        put(self, "__solidb_mark__", mark)
        if mark is not None:
            mark.field = self
        put(self, "__solidb_known_kind__", None)
        put(self, "__solidb_alike__", None)
        put(self, "__solidb_forms__", _UNKNOWN)
        put(self, "__solidb_memo__", None)
        put(self, "__solidb_children__", None)
        put(self, "__solidb_orders__", None)

    if not TYPE_CHECKING:
        __eq__, __ne__, __lt__, __le__, __gt__, __ge__ = map(_comparing, _OPERATORS)
        __hash__ = object.__hash__

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        stored = self.__solidb_stored__(scope)
        return decimals.key(stored) if self.__solidb_kind__ == "decimal" else stored

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        return self.__solidb_stored__(scope)

    def __solidb_column__(self, scope: Scope) -> q.Expression:
        return self.__solidb_stored__(scope)

    @property
    def __solidb_type__(self) -> Any:
        return self.__solidb_place__.annotation

    @property
    def __solidb_source__(self) -> Source:
        return self.__solidb_place__.source

    @property
    def __solidb_kind__(self) -> Kind:
        known = self.__solidb_known_kind__
        if known is None:
            known = self.__solidb_found_kind__()
            object.__setattr__(self, "__solidb_known_kind__", known)
        return known

    def __solidb_found_kind__(self) -> Kind:
        place = self.__solidb_place__
        if _is_end(place) and place.name != "id":
            return "link"
        kind = kind_of(place.annotation)
        if kind in ("any", "link") or place.owner is None:
            return kind
        if kind == "duration" and _is_iso_duration(place):  # a text, with which nothing can be computed
            return "other"
        owner: Any = place.owner
        return "other" if is_customised(owner, place.name) else kind

    def __solidb_stored__(self, scope: Scope) -> q.Expression:
        """Make the node of the value as it is stored."""
        place = self.__solidb_place__
        whole = q.Name(scope.variable(place.source))
        node = q.path(whole, place.path)
        types = scope.types_with(place.source, str(place.path[0])) if place.path else None
        if types is None:
            return node
        is_one = q.Compare(q.Attribute(whole, "_type"), "IN", types)
        return q.Ternary(is_one, node, q.Literal(None))

    def __solidb_encode__(self, value: Any) -> Any:
        place = self.__solidb_place__
        if place.path[:1] in _SYSTEM_TIMES and isinstance(value, datetime):
            return format_time(value)
        return encode_as(place.owner, place.name, place.annotation, value)

    def __solidb_check__(self, value: Any, operator: str) -> None:
        place = self.__solidb_place__
        super().__solidb_check__(value, operator)
        if place.path == ("_key",) and isinstance(value, str) and "/" in value:
            raise UsageError(
                f"{self!r} can't be {value!r}: a key has no '/'",
                hint=f"{value.partition('/')[2]!r} is the key; Model.id == {value!r} compares the whole",
            )
        if self.__solidb_kind__ == "link":
            check_reference(end_target(place), value, self)

    @property
    def __solidb_leads_to__(self) -> Any:
        place = self.__solidb_place__
        if self.__solidb_kind__ not in ("link", "list"):
            return None
        return end_target(place) or type_inspection.link_target(place.annotation)

    @property
    def __solidb_aware__(self) -> bool | None:
        place = self.__solidb_place__
        if self.__solidb_kind__ != "datetime":
            return None
        said = default_awareness(place.owner, place.name) if awareness(place.annotation) is None else None
        return super().__solidb_aware__ if said is None else said

    def __solidb_compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        alike = self.__solidb_alike__ or self.__solidb_find_alike__()
        if type(other) is alike and (alike is str or -EXACT < other < EXACT):
            # all the questions below have one answer for such values
            return Comparison(self, operator, Value(other, self.__solidb_place__.annotation))
        if operator in _ORDERED and _is_iso_duration(self.__solidb_place__):
            raise UsageError(
                f"{self!r} is stored as ISO 8601 text, which does not sort as durations do",
                hint='model_config = ConfigDict(ser_json_timedelta="float") in its model stores seconds',
            )
        return super().__solidb_compare__(operator, other)

    def __solidb_find_forms__(self) -> None:
        """Find the forms of comparisons with values that are stored as they are, if a class keeps it."""
        mark, alike = self.__solidb_mark__, self.__solidb_alike__ or self.__solidb_find_alike__()
        if choices(self.__solidb_place__.annotation) is not None:
            object.__setattr__(self, "__solidb_memo__", {})
        stored = self.__solidb_find_stored__()
        if alike is not stored:
            alike = _KeyText
        known = _NONE if mark is None else (alike, tuple((mark, name, stored) for name in _OPERATORS))
        object.__setattr__(self, "__solidb_forms__", known)

    def __solidb_find_alike__(self) -> type[Any]:
        """Find the type whose values all may be compared with the field, and are stored as they are."""
        is_key = self.__solidb_place__.path == ("_key",)
        kind = _Nothing if is_key else self.__solidb_find_stored__()
        object.__setattr__(self, "__solidb_alike__", kind)
        return kind

    def __solidb_find_stored__(self) -> type[Any]:
        """Find the type whose values are all stored as they are; some of them may be no keys."""
        place = self.__solidb_place__
        kind: type[Any] = _ALIKE.get(self.__solidb_kind__, _Nothing)
        is_open = kind is not _Nothing and choices(place.annotation) is None
        is_plain = is_open and is_plainly_stored(place.owner, place.name, place.annotation, kind)
        return kind if is_plain else _Nothing

    def __solidb_among__(self, operator: q.ComparisonOperator, values: list[Any]) -> Predicate | None:
        """Return the condition that this is among values that are stored as they are; None of others."""
        if self.__solidb_forms__ is _UNKNOWN:
            self.__solidb_find_forms__()
        alike, forms = self.__solidb_forms__
        if set(map(type, values)) != {str if alike is _KeyText else alike} or not are_plain(values):
            return None
        if alike is _KeyText and "/" in "".join(values):
            return None
        return known_as((forms[0][0], operator, list), values)

    def __solidb_known__(self, compared: Predicate) -> Predicate:
        """Return a comparison of this as a known one, where a class keeps it and its values say the rest."""
        return cast(Predicate, as_known(self.__solidb_mark__, compared))

    @property
    def __solidb_nullable__(self) -> bool:
        return self.__solidb_place__.nullable

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # a protocol of Python's, which no field is
            raise AttributeError(name)
        children = self.__solidb_children__
        if children is not None and name in children:
            return children[name]
        place = self.__solidb_place__
        models = records(place.annotation)
        target = end_target(place) or type_inspection.link_target(place.annotation)
        if target is not None:
            if name == "id":
                return self.__solidb_id__()
            if name not in OPERATORS or name in getattr(target, FIELDS, ()):
                return beyond(self, target, name)
        field = field_within(place.annotation, name)
        if field is not None:
            return self.__solidb_keep__(child(place, field, name), name)
        method = METHODS.get(name)
        if method is not None and has_kind(place.annotation, method.kinds):
            return method.make(self)
        if name in OPERATORS:
            return OPERATORS[name](self)
        raise AttributeError(_unknown(place, models, name))

    def __solidb_keep__(self, field: FieldRef, name: str) -> FieldRef:
        """Keep a field behind this one, if this one is kept itself."""
        mark = self.__solidb_mark__
        if mark is None:
            return field
        kept = FieldRef(field.__solidb_place__, Mark(mark.model))
        object.__setattr__(self, "__solidb_children__", {**(self.__solidb_children__ or {}), name: kept})
        return kept

    def __reduce__(self) -> tuple[Any, ...]:
        return FieldRef, (self.__solidb_place__,)

    def __dir__(self) -> list[str]:
        place = self.__solidb_place__
        target = end_target(place) or type_inspection.link_target(place.annotation)
        own = [name for record in records(place.annotation) for name in fields_of(record)]
        fields = own if target is None else list(getattr(target, FIELDS, ()))
        methods = [name for name, method in METHODS.items() if has_kind(place.annotation, method.kinds)]
        behind = ["id", "value"] if target is not None else []
        return sorted({*fields, *methods, *behind, *NAMES})

    def __solidb_id__(self) -> FieldRef:
        """Return what a link, or the end of an edge, is stored as: ``collection/key``."""
        return FieldRef(replace(self.__solidb_place__, annotation=str, owner=None, name="id"))

    def __setattr__(self, name: str, value: Any) -> None:
        raise UsageError(f"{self!r} is a part of a query; set attributes on a document, not on its class")

    def __getitem__(self, step: Any) -> FieldRef:
        place = self.__solidb_place__
        step = step_within(self, step)
        field = field_within(place.annotation, step)
        if field is not None:
            return child(place, field, str(step))
        check_step(self, step)
        inner = type_inspection.item(place.annotation, step)
        return FieldRef(Place(place.source, (*place.path, step), inner, None, "", True))

    def __repr__(self) -> str:
        place = self.__solidb_place__
        source = getattr(place.source, "__name__", None) or repr(place.source)
        return source + "".join(_shown(place))


def _shown(place: Place) -> Iterator[str]:
    """Yield the steps of a way as they are written in Python, and not as they are stored."""
    annotation: Any = getattr(place.source, "__solidb_model__", place.source)
    system = {stored: name for name, (stored, _) in SYSTEM_FIELDS.items()} | {"_key": "key"}
    for step in place.path:
        named = next(
            (
                (name, field)
                for record in records(annotation)
                for name, field in fields_of(record).items()
                if field.stored == step
            ),
            None,
        )
        if named is not None:
            annotation = named[1].annotation
            yield f".{named[0]}"
        elif isinstance(step, int) or kind_of(annotation) == "dict":
            annotation = type_inspection.item(annotation, step)
            yield f"[{step!r}]"
        else:
            annotation = Any
            yield f".{system.get(step, step)}"


def end_target(place: Place) -> Any:
    """Return the class at an end of an edge, if the field is one that says its class."""
    if not _is_end(place):
        return None
    return next(iter(type_inspection.embedded(place.annotation)), None)


def _is_end(place: Place) -> bool:
    return place.name in ("from_", "to") and getattr(place.owner, "__solidb_kind__", None) == "edge"


_ORDERED = ("<", "<=", ">", ">=")
_ALIKE: dict[Kind, type[Any]] = {"text": str, "int": int, "float": float, "bool": bool}
_SYSTEM_TIMES = (("_created_at",), ("_updated_at",))


def _is_iso_duration(place: Place) -> bool:
    if kind_of(place.annotation) != "duration":
        return False
    encoded = encode_as(place.owner, place.name, place.annotation, timedelta(seconds=1))
    return isinstance(encoded, str)


def step_within(items: Expression, step: Any) -> str | int:
    """Return the step to an element: a number, or a key of a dict in its stored form; UsageError."""
    if items.__solidb_kind__ == "dict":
        return stored_key(items, step)
    if not isinstance(step, (str, int)):
        raise UsageError(f"{items!r}[{step!r}]: a query can take an element by a number or a text only")
    return step


def key_type(items: Expression) -> Any:
    """Return the type of the keys of a dict."""
    arguments = [get_args(member) for member in type_inspection.alternatives(items.__solidb_type__)]
    return next((pair[0] for pair in arguments if len(pair) == 2), str)


def stored_key(items: Expression, key: Any) -> str:
    """Return the text that a key of a dict is stored as; UsageError if it is none of this dict."""
    keys: Any = key_type(items)
    if type(key) is not str:
        check_literal(keys, kind_of(keys), key, "==", Key(items))
        return str(next(iter(encode_as(None, "", dict[keys, Any], {key: None}))))
    if keys is not str:
        try:
            type_form(dict[keys, Any]).read({key: None})
        except ValidationError as error:
            check_literal(keys, kind_of(keys), key, "==", Key(items))
            raise UsageError(f"{Key(items)!r} can't be {key!r}") from error
    return key


def check_step(items: Expression, step: str | int) -> None:
    """Refuse what has no elements, or none of this name; UsageError."""
    kind = items.__solidb_kind__
    if kind == "text":
        raise UsageError(
            f"{items!r}[{step!r}]: a query can't index a text", hint="func.substring(text, start, length)"
        )
    known = type_inspection.places_of(items.__solidb_type__) if kind == "list" else None
    if known is not None and isinstance(step, int) and not -len(known) <= step < len(known):
        raise UsageError(f"{items!r}[{step!r}]: {items!r} has {len(known)} elements")
    fits: dict[str, Any] = {
        "list": int,
        "dict": str,
        "model": (),
        "any": (str, int),
        "mixed": (str, int),
        "other": (str, int),
    }
    if not isinstance(step, fits.get(kind, ())) or isinstance(step, bool):
        raise UsageError(
            f"{items!r}[{step!r}]: {items!r} has no such element in a query",
            hint="a list takes a number, a dict a text; any_(list) asks for any element",
        )


def child(place: Place, field: RecordField, name: str) -> FieldRef:
    """Return the reference of a field of an embedded model, dataclass or typed dictionary."""
    nullable = place.nullable or type_inspection.is_nullable(field.annotation)
    path = place.path if field.stored == "" else (*place.path, field.stored)
    return FieldRef(Place(place.source, path, field.annotation, field.owner, name, nullable))


def moved(reference: FieldRef, source: Source) -> FieldRef:
    """Return the same field of another source, such as an alias."""
    return FieldRef(replace(reference.__solidb_place__, source=source))


# --- values --------------------------------------------------------------------------------------


def encode_element(items: Expression, value: Any) -> Any:
    """Return the stored form of a value that is looked for in a list or set."""
    inner = type_inspection.element(items.__solidb_type__)
    place = items.__solidb_place__ if isinstance(items, FieldRef) else None
    if place is None or place.owner is None or not type_inspection.is_collection(place.annotation):
        return encode_as(None, "", inner, value)
    try:
        encoded = encode_field(place.owner, place.name, [value])
    except (PydanticSerializationError, TypeError, KeyError) as error:
        raise_interrupt(error)
        return encode_as(None, "", inner, value)
    if is_list(encoded) and len(encoded) == 1:
        return encoded[0]
    return encode_as(None, "", inner, value)


def _unknown(place: Place, models: tuple[type[Any], ...], name: str) -> str:
    label = f"{getattr(place.source, '__name__', place.source)}." + ".".join(str(step) for step in place.path)
    known = [field for model in models for field in fields_of(model)]
    if models:
        close = get_close_matches(name, known, 1)
        guess = f"; did you mean {close[0]!r}?" if close else f"; it has {', '.join(known)}"
        return f"{label} ({models[0].__name__}) has no field {name!r}{guess}"
    if type_inspection.is_collection(place.annotation):
        return f"{label} is a list: write any_({label}).{name} or all_({label}).{name} for its elements"
    if name in METHODS or hasattr(str, name) or hasattr(time, name):
        return f"{label} has no {name!r} in a query; the functions in solidb_odm.func may have what you need"
    return f"{label} has no field {name!r}"


SYSTEM_FIELDS: dict[str, tuple[str, Any]] = {
    "id": ("_id", str),
    "rev": ("_rev", str),
    "created_at": ("_created_at", datetime),
    "updated_at": ("_updated_at", datetime),
}
"""Attribute on the model: name on the engine, type."""


class IdRef(Expression):
    """``User.id``: ``collection/key``.

    Built from the key, because the server's own ``_id`` carries the name of the database too
    (``db:users/ada``) and is no use as the end of an edge.
    """

    __slots__ = ("__solidb_mark__", "__solidb_orders__", "model")

    def __init__(self, model: Any, mark: Mark | None = None) -> None:
        self.model, self.__solidb_mark__, self.__solidb_orders__ = model, mark, None
        if mark is not None:
            mark.field = self

    def __solidb_compare__(self, operator: q.ComparisonOperator, other: Any) -> Predicate:
        mark = self.__solidb_mark__
        if mark is not None and type(other) is str and "\0" not in other:
            collection, _, key = other.partition("/")
            if collection == self.model.__solidb_collection__ and key and "/" not in key:
                # nothing that is checked below can be wrong with it
                return known_as((mark, operator, str), other)
        return self.__solidb_known__(super().__solidb_compare__(operator, other))

    def __solidb_known__(self, compared: Predicate) -> Predicate:
        """Return a comparison of this as a known one, where a class keeps it and its values say the rest."""
        return cast(Predicate, as_known(self.__solidb_mark__, compared))

    def __reduce__(self) -> tuple[Any, ...]:
        return IdRef, (self.model,)

    @property
    def __solidb_type__(self) -> Any:
        return str

    @property
    def __solidb_source__(self) -> Any:
        return self.model

    @property
    def __solidb_leads_to__(self) -> Any:
        return self.model

    def __solidb_check__(self, value: Any, operator: str) -> None:
        reference = None if isinstance(value, type) else getattr(value, "__solidb_reference__", None)
        super().__solidb_check__(cast(Any, value) if reference is None else reference(), operator)
        if operator in ("==", "!=", "IN", "NOT IN"):
            check_reference(self.model, value, self)

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        prefix = q.Literal(f"{self.model.__solidb_collection__}/")
        key = q.Attribute(q.Name(scope.variable(self.model)), "_key")
        return q.Call("CONCAT", (prefix, key))

    def __repr__(self) -> str:
        return f"{self.model.__name__}.id"
