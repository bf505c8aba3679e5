"""Calls of the language's functions, and expressions whose nodes are made by functions of ours.

Methods and parts of plain Python types that SDBQL has too: ``User.name.lower()``, ``User.born.year``.

Fields of structured values: of models, dataclasses and typed dictionaries.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple, Union, cast, get_type_hints

from pydantic.fields import FieldInfo
from typing_extensions import is_typeddict

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import decimals
from ...language import nodes as q
from ...language.functions.built_in import WHITE_SPACE
from .. import type_inspection
from ..stored.field_values import encode_as, is_customised, stored_name
from ..stored.pydantic_attributes import FIELDS, ROOT_MODEL, class_fields
from ..type_inspection import cached_by_annotation
from .build_scope import Scope
from .expression import Expression, Predicate, Value, constant
from .kinds import BY_TYPE, NAMES, OPERATORS, Kind, awareness, kind_of, value_kind
from .literals import check_pair, check_types


@dataclass(frozen=True, slots=True, eq=False)
class FunctionCall(Expression):
    """``NAME(arguments)``; ``annotation`` is the type of its values.

    With ``is_strict`` it is null where an argument is, for which the language has an error.
    """

    name: str
    arguments: tuple[Expression, ...]
    annotation: Any = Any
    is_strict: bool = False

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.arguments

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        called = self._called(scope)
        return decimals.key(called) if self.__solidb_kind__ == "decimal" else called

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        return self._called(scope)

    def _called(self, scope: Scope) -> q.Expression:
        nodes = tuple(
            argument.__solidb_digits__(scope)
            if argument.__solidb_kind__ == "decimal"
            else argument.__solidb_build__(scope)
            for argument in self.arguments
        )
        gaps = tuple(
            q.Compare(node, "==", q.Literal(None))
            for node, argument in zip(nodes, self.arguments, strict=True)
            if self.is_strict and (argument.__solidb_nullable__ or scope.may_lack(argument))
        )
        called = q.Call(self.name, nodes)
        if not gaps:
            return called
        return q.Ternary(gaps[0] if len(gaps) == 1 else q.Logical("OR", gaps), q.Literal(None), called)

    def __repr__(self) -> str:
        return f"{self.name}({', '.join(repr(argument) for argument in self.arguments)})"

    @property
    def __solidb_nullable__(self) -> bool:
        return True

    def __getitem__(self, position: Any) -> Expression:
        is_list = self.__solidb_kind__ in ("list", "any")
        if not is_list or type(position) is not int or position < 0:
            raise UsageError(
                f"{self!r}[{position!r}]: a query takes an element of a list by an index of 0 or more",
                hint="func.last(list) is the last one",
            )
        inner = type_inspection.item(self.annotation, position)
        return FunctionCall("NTH", (self, Value(position, int)), inner, True)


@dataclass(frozen=True, slots=True, eq=False)
class Test(FunctionCall, Predicate):
    """A function call that is true or false."""

    @property
    def __solidb_type__(self) -> Any:
        return bool


@dataclass(frozen=True, slots=True, eq=False)
class Built(Expression):
    """An expression whose node is made by a function of its operands' nodes."""

    parts: tuple[Expression, ...]
    make: Callable[..., q.Expression]

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return self.parts

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        return self.make(*(part.__solidb_build__(scope) for part in self.parts))

    @property
    def __solidb_nullable__(self) -> bool:
        return True


@dataclass(frozen=True, slots=True, eq=False)
class BuiltPredicate(Built, Predicate):
    """A condition whose node is made by a function of its operands' nodes."""


def lift(value: Any, like: Expression | None = None, *, checked: bool = False) -> Expression:
    """Make an expression of a value, as ``like`` stores and compares it; expressions stay as they are.

    UsageError where it is ``checked`` and can't stand beside ``like``.
    """
    if isinstance(value, Expression):
        if checked and like is not None:
            check_pair(like.__solidb_kind__, value.__solidb_kind__, "this", like, value)
            check_types(like.__solidb_type__, value.__solidb_type__, "this", like, value)
        return value
    if like is None:
        return constant(value)
    if checked:
        like.__solidb_check__(value, "==")
    return like.__solidb_value__(value)


@dataclass(frozen=True, slots=True)
class Method:
    """A method or property of a Python type that SDBQL has too."""

    kinds: tuple[type[Any], ...]
    make: Callable[[Expression], Any]


def has_kind(annotation: Any, kinds: tuple[type[Any], ...]) -> bool:
    """Return whether values of a type can be of one of the kinds."""
    return any(
        isinstance(member, type) and issubclass(member, kinds) for member in type_inspection.kinds(annotation)
    )


_WHITE_SPACE: Final = WHITE_SPACE + "\x1c\x1d\x1e\x1f"
"""What Python's ``strip()`` takes away; the language's functions leave four of these."""


def _text(function: str, *kinds: Kind, result: Any = str, optional: bool = False) -> Method:
    """Return a method of texts; ``kinds`` are those of its arguments, which may be ``optional``."""
    call = Test if result is bool else FunctionCall

    def make(target: Expression) -> Callable[..., Expression]:
        def method(*arguments: Any) -> Expression:
            if len(arguments) > len(kinds) or (len(arguments) < len(kinds) and not optional):
                takes = ", ".join(NAMES[kind] for kind in kinds) or "nothing"
                raise UsageError(f"{function} of {target!r} takes {takes} in a query, not {arguments!r}")
            for argument, kind in zip(arguments, kinds, strict=False):
                _check(argument, kind, target)
            if function in ("REPLACE", "SPLIT") and isinstance(arguments[0], str) and not arguments[0]:
                raise UsageError(f"{function} of {target!r} looks for a text, and {arguments[0]!r} is none")
            if optional and not arguments:
                arguments = (_WHITE_SPACE,)
            return call(function, (target, *map(lift, arguments)), result)

        return method

    return Method((str,), make)


def _check(argument: Any, kind: Kind, target: Expression) -> None:
    given = argument.__solidb_kind__ if isinstance(argument, Expression) else value_kind(argument)
    if given not in (kind, "any"):
        raise UsageError(f"a method of {target!r} was given {argument!r} where it takes {NAMES[kind]}")


def _part(function: str, *kinds: type[Any]) -> Method:
    return Method(kinds, lambda target: FunctionCall(function, (target,), int))


METHODS: dict[str, Method] = {
    "startswith": _text("STARTS_WITH", "text", result=bool),
    "endswith": _text("ENDS_WITH", "text", result=bool),
    "lower": _text("LOWER"),
    "upper": _text("UPPER"),
    "strip": _text("TRIM", "text", optional=True),
    "lstrip": _text("LTRIM", "text", optional=True),
    "rstrip": _text("RTRIM", "text", optional=True),
    "replace": _text("REPLACE", "text", "text"),
    "split": _text("SPLIT", "text", result=list[str]),
    "find": _text("FIND_FIRST", "text", result=int),
    "year": _part("DATE_YEAR", date),
    "month": _part("DATE_MONTH", date),
    "day": _part("DATE_DAY", date),
    "hour": _part("DATE_HOUR", datetime),
    "minute": _part("DATE_MINUTE", datetime),
    "second": _part("DATE_SECOND", datetime),
}


class RecordField(NamedTuple):
    """A field: its stored name, its type, and the model that knows how it is written, if one does.

    No model does for a field that several of a union have, each in its own way.
    """

    stored: str | int
    annotation: Any
    owner: type[Any] | None


def records(annotation: Any) -> tuple[type[Any], ...]:
    """Return the structured types that values of a type can be, themselves, not in a list."""
    return tuple(
        member
        for member in type_inspection.alternatives(annotation)
        if type_inspection.is_model(member)
        or type_inspection.is_record(member)
        or type_inspection.is_named_tuple(member)
    )


def fields_of(record: type[Any]) -> dict[str, RecordField]:
    """Return the fields of a structured type by their Python names."""
    if places := type_inspection.places(record):
        return {name: RecordField(at, place, None) for at, (name, place) in enumerate(places.items())}
    if not hasattr(record, FIELDS):
        return _plain_fields(cast(Hashable, record))
    if getattr(record, ROOT_MODEL, False):  # which is stored as its root
        return {"root": RecordField("", class_fields(record)["root"].annotation, None)}
    return {
        name: RecordField(stored_name(record, name), info.annotation, record)
        for name, info in class_fields(record).items()
    }


def field_within(annotation: Any, name: str | int) -> RecordField | None:
    """Return the field that structured values of a type have under a name; None if none of them does.

    Of a union it is that of all members, and null in those that lack it. UsageError where their stored
    forms differ, so that one value would be looked for in several forms.
    """
    members = records(annotation)
    fields_by_member = {
        record: fields[str(name)] for record in members if name in (fields := fields_of(record))
    }
    if not fields_by_member:
        return None
    first = next(iter(fields_by_member.values()))
    is_one = len({_declaring(record, str(name)) for record in fields_by_member}) == 1
    if len(members) > 1:
        _check_alike(members, fields_by_member, str(name), is_one)
    types: list[Any] = (
        [first.annotation] if is_one else [field.annotation for field in fields_by_member.values()]
    )
    if not set(type_inspection.alternatives(annotation)) <= set(fields_by_member):
        types.append(None)
    return RecordField(first.stored, Union[tuple(types)], first.owner if is_one else None)  # noqa: UP007


def _declaring(record: type[Any], name: str) -> type[Any]:
    """Return the first class that says of a field what this one says."""
    says = getattr(record, FIELDS, {}).get(name)
    declared = [base for base in record.__mro__ if _is_alike(getattr(base, FIELDS, {}).get(name), says)]
    return declared[-1] if says is not None else record


def _is_alike(one: Any, other: Any) -> bool:
    return None not in (one, other) and (one.annotation, one.metadata) == (other.annotation, other.metadata)


def _check_alike(
    members: tuple[type[Any], ...], fields: dict[type[Any], RecordField], name: str, is_one: bool
) -> None:
    stored = {field.stored for field in fields.values()}
    forms = {_own_form(field, name) for field in fields.values()}
    others = [
        record
        for record in members
        if any(field.stored in stored and other != name for other, field in fields_of(record).items())
    ]
    if len(stored) == 1 and not others and (forms == {None} or (is_one and len(forms) == 1)):
        return
    shown = " and ".join(dict.fromkeys(record.__name__ for record in [*fields, *others]))
    raise UsageError(
        f"{name!r} is stored in different ways by {shown}, so a query can't tell what it is",
        hint="give it one type and one alias in all of them, in a base class that they share",
    )


def _own_form(field: RecordField, name: str) -> Any:
    """Return how a model stores a field otherwise than its type says; None if it does not."""
    kind, owner = kind_of(field.annotation), cast(Any, field.owner)
    if owner is not None and is_customised(owner, name):
        return "serialiser"
    sample = {"duration": timedelta(seconds=1), "bytes": b"\xff"}.get(kind)
    encoded = None if sample is None else encode_as(owner, name, field.annotation, sample)
    is_usual = sample is None or encoded == encode_as(None, "", field.annotation, sample)
    naive = kind == "datetime" and default_awareness(owner, name) is False
    return None if is_usual and not naive else (str(encoded), naive)


def default_awareness(owner: Any, name: str) -> bool | None:
    """Return whether the times of a field have an offset, by its default; None where it does not say."""
    info = getattr(owner, FIELDS, {}).get(name)
    if info is None:
        return None
    if isinstance(info.default, datetime):
        return info.default.tzinfo is not None
    return False if info.default_factory == datetime.now else None


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


@dataclass(frozen=True, slots=True, eq=False)
class PartOf(Expression):
    """A field of a structured value that an expression gives: ``coalesce(User.home, User.work).city``."""

    whole: Expression
    field: RecordField
    name: str

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.whole,)

    def __solidb_build__(self, scope: Scope) -> q.Expression:
        stored = self.__solidb_digits__(scope)
        return decimals.key(stored) if self.__solidb_kind__ == "decimal" else stored

    def __solidb_digits__(self, scope: Scope) -> q.Expression:
        whole, stored = self.whole.__solidb_build__(scope), self.field.stored
        return whole if stored == "" else q.path(whole, (stored,))

    @property
    def __solidb_type__(self) -> Any:
        return self.field.annotation

    @property
    def __solidb_kind__(self) -> Kind:
        owner: Any = self.field.owner
        is_own = owner is not None and is_customised(owner, self.name)
        return "other" if is_own else kind_of(self.field.annotation)

    @property
    def __solidb_aware__(self) -> bool | None:
        if self.__solidb_kind__ != "datetime":
            return None
        said = awareness(self.field.annotation)
        return default_awareness(self.field.owner, self.name) is not False if said is None else said

    def __solidb_encode__(self, value: Any) -> Any:
        return encode_as(self.field.owner, self.name, self.field.annotation, value)

    @property
    def __solidb_nullable__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"{self.whole!r}.{self.name}"


def attribute_of(target: Expression, name: str) -> Any:
    """Return what an expression has under a name: a field of its value, a method, or an operator."""
    annotation = target.__solidb_type__
    field = field_within(annotation, name)
    if field is not None:
        return PartOf(target, field, name)
    method = METHODS.get(name)
    if method is not None and has_kind(annotation, method.kinds):
        return method.make(target)
    if name in OPERATORS:
        return OPERATORS[name](target)
    raise AttributeError(
        f"{target!r} is {NAMES[target.__solidb_kind__]}, and has no {name!r} in a query; the functions in "
        "solidb_odm.func may have what you need"
    )


BY_TYPE.append(attribute_of)
