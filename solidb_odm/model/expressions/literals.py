"""Which Python values may stand beside an expression of a type, and what to write where one may not.

A value of another type would be compared in silence, and the answer would be empty.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime, time
from decimal import Decimal
from enum import Enum
from typing import Any, Literal, TypeAlias, cast, get_args

from typing_extensions import is_typeddict

from ..._dataclasses import dataclass
from ...errors import UsageError
from ...language import decimals
from ...language import nodes as q
from .. import type_inspection
from ..stored.pydantic_attributes import ROOT_MODEL
from .kinds import (
    NAMES,
    ORDERED,
    Kind,
    awareness,
    choices,
    is_set,
    kind_of,
    kinds_within,
    sequence_form,
    sequence_forms,
    value_kind,
)

ORDERS = ("<", "<=", ">", ">=")


def check_order(kind: Kind, operator: str, what: object) -> None:
    """Refuse to order values whose stored form sorts in another way than they do; UsageError."""
    if kind not in ORDERED:
        raise UsageError(
            f"{what!r} is {NAMES[kind]}, which {operator} can't order in a query",
            hint=f"{what!r}.id is the text it is stored as"
            if kind == "link"
            else "compare it with == or in_(), or order the documents in Python",
        )


def check_literal(annotation: Any, kind: Kind, value: Any, operator: str, what: object) -> None:
    """Refuse a Python value that an expression of a type can't be compared with; UsageError."""
    if value is None:
        if operator in ORDERS:
            raise UsageError(f"{what!r} {operator} None: None can't be ordered", hint="is_null(..)")
        return
    given = value_kind(value)
    if kind == "any":
        if operator in ORDERS:
            check_order(given, operator, value)
        return
    if kind == "mixed":
        _check_mixed(annotation, given, value, what)
    elif kind == "other":
        _check_other(annotation, value, what)
    elif not _agrees(kind, given, value) and not (given == "dict" and _is_typed_dict(annotation)):
        raise _refusal(annotation, kind, given, value, what)
    _check_within(annotation, kind, value, operator, what)
    if kind in ("int", "float", "decimal", "mixed"):
        _check_number(value, what)
    if kind == "time" and isinstance(value, time) and value.tzinfo is not None and operator in ORDERS:
        raise UsageError(f"times with an offset do not sort as texts: {what!r} {operator} {value!r}")
    _check_choice(annotation, value, operator, what)


def _check_number(value: Any, what: object) -> None:
    """Refuse a number that no document can hold; UsageError."""
    if isinstance(value, (float, Decimal)) and not Decimal(value).is_finite():
        raise UsageError(f"{what!r} can't be compared with {value!r}, which is no number in JSON")


def _check_within(annotation: Any, kind: Kind, value: Any, operator: str, what: object) -> None:
    """Hold what a value of the right kind holds, or names, to the type of a field; UsageError."""
    if kind == "link":
        check_reference(type_inspection.link_target(annotation), value, what)
    if kind == "model" and value_kind(value) == "model":
        _check_class(annotation, value, what)
    if kind == "dict":
        _check_pairs(annotation, value, what)
    if kind == "list":
        _check_form(annotation, value, what)
    if kind == "list" and (fields := type_inspection.places_of(annotation)) is not None:
        _check_places(fields, value, what)
    elif kind == "list":
        inner = type_inspection.element(annotation)
        for item in value:
            if isinstance(item, Decimal) and kind_of(inner) in ("int", "float"):
                raise _refusal(inner, kind_of(inner), "decimal", item, Element(what))
            check_item(inner, item, operator if operator in ORDERS else "==", Element(what))


def _check_pairs(annotation: Any, value: Any, what: object) -> None:
    """Hold the keys and values of a dict to the types of a field's; UsageError."""
    pairs = [get_args(member) for member in type_inspection.alternatives(annotation)]
    known = [pair for pair in pairs if len(pair) == 2]
    if len(known) == 1 and isinstance(value, dict):
        for key, item in cast(Any, value).items():
            check_item(known[0][0], key, "==", Key(what))
            check_item(known[0][1], item, "==", Element(what))


def _check_form(annotation: Any, value: Any, what: object) -> None:
    """Refuse a list where a field holds tuples or sets, and so on: they are never equal; UsageError."""
    forms, given = sequence_forms(annotation), sequence_form(cast(Any, type(value)))
    if forms and given not in forms:
        wanted = " or ".join(sorted(forms))
        raise UsageError(
            f"{what!r} is {wanted}, and never equal to {value!r}, which is {given}",
            hint=" or ".join(f"{form.split()[1]}(..)" for form in sorted(forms)),
        )


def _check_class(annotation: Any, value: Any, what: object) -> None:
    """Hold a model to be one of the classes of a field; UsageError. A generic one is what it is made from."""
    classes = [type_inspection.unparametrized(member) for member in type_inspection.alternatives(annotation)]
    known = [member for member in classes if isinstance(member, type) and kind_of(member) == "model"]
    plain = tuple(member for member in known if not is_typeddict(member))
    if not isinstance(value, plain) and type_inspection.unparametrized(type(value)) not in known:
        names = " or ".join(_name(member) for member in known)
        raise UsageError(f"{what!r} is a {names}, and can't be compared with {value!r}")


def _check_places(fields: tuple[Any, ...], value: Any, what: object) -> None:
    """Hold a tuple to the types of the places of a field's; UsageError."""
    if len(value) != len(fields):
        raise UsageError(
            f"{what!r} has {len(fields)} elements, and can't be {value!r}, which has {len(value)}"
        )
    for inner, item in zip(fields, value, strict=True):
        check_item(inner, item, "==", Element(what))


def check_whole(annotation: Any, kind: Kind, what: object) -> None:
    """Refuse to compare values as a whole that hold decimals or sets somewhere within; UsageError.

    1.1 is 1.10, and the elements of a set come in any order: their stored forms would differ.
    """
    inner = type_inspection.element(annotation) if kind == "list" else annotation
    if kind in _PLAIN or (kind == "list" and (inner is Decimal or kind_of(inner) in _PLAIN)):
        return
    for held, why in ((Decimal, "decimals, which are equal by their value"), (AbstractSet, "sets")):
        if type_inspection.holds(inner, held):
            raise UsageError(
                f"{what!r} holds {why}: a query can't compare it as a whole",
                hint="compare its fields or elements one by one",
            )


_PLAIN = frozenset(NAMES) - {"list", "dict", "model", "mixed", "other"}
"""The kinds whose values hold no others."""


def _is_typed_dict(annotation: Any) -> bool:
    return any(is_typeddict(member) for member in type_inspection.alternatives(annotation))


def check_distinct(annotation: Any, kind: Kind, what: object, where: str) -> None:
    """Refuse to tell equal values from others where their stored forms can differ; UsageError."""
    if holds_decimals(annotation):
        raise UsageError(
            f"{where} can't tell equal lists of decimals apart from others: {what!r}",
            hint="unnest(list) makes a row of each element",
        )
    check_whole(annotation, kind, what)


def check_item(annotation: Any, value: Any, operator: str, what: object) -> None:
    """Refuse a Python value that elements of a type can't be compared with; UsageError."""
    kind = kind_of(annotation)
    check_literal(annotation, kind, value, operator, what)
    if kind == "datetime":
        check_awareness(awareness(annotation) is not False, value, what)


def _agrees(kind: Kind, given: Kind, value: Any) -> bool:
    if kind in ("int", "float"):
        return given in ("int", "float") or (given == "decimal" and _is_exact(Decimal(value)))
    if kind == "decimal":
        return given in ("decimal", "int", "float")
    return kind == given or (kind == "link" and given == "text" and str(value).count("/") == 1)


def _is_exact(value: Decimal) -> bool:
    return value.is_finite() and Decimal(float(value)) == value


def as_number(value: Any) -> Any:
    """Return a decimal as the int or float it is, to be compared with such; all else as it is."""
    if not isinstance(value, Decimal):
        return value
    return int(value) if value == value.to_integral_value() else float(value)


def _check_mixed(annotation: Any, given: Kind, value: Any, what: object) -> None:
    kinds = kinds_within(annotation)
    if given == "decimal" and "any" not in kinds:
        raise UsageError(
            f"{what!r} can't be compared with {value!r}: it holds values of several types",
            hint="compare it with int(value) or float(value)",
        )
    if given == "list" and "list" in kinds:
        _check_within(lists_within(annotation), "list", value, "==", what)
    fits = any(_agrees(kind, given, value) for kind in kinds - {"mixed", "other"})
    if not fits and "other" not in kinds and not ("link" in kinds and "text" in kinds and given == "text"):
        raise UsageError(
            f"{what!r} can't be compared with {value!r}: it holds "
            + " or ".join(sorted(NAMES[kind] for kind in kinds))
        )


def _check_other(annotation: Any, value: Any, what: object) -> None:
    """Hold a value with a stored form of its own to the class of the field, where that is one."""
    for member in type_inspection.kinds(annotation):
        described = getattr(member, "__origin__", member)
        if not isinstance(described, type) or isinstance(value, described) or kind_of(described) != "other":
            return
        if hasattr(described, ROOT_MODEL) or hasattr(described, "__get_pydantic_core_schema__"):
            return
    raise UsageError(f"{what!r} can't be compared with {value!r}, which is no {_name(annotation)}")


def _name(annotation: Any) -> str:
    return str(getattr(annotation, "__name__", annotation))


def check_awareness(aware: bool | None, value: Any, what: object) -> None:
    """Hold a time to having an offset, or none, as those it is compared with; UsageError."""
    if aware is not None and isinstance(value, datetime) and (value.tzinfo is not None) is not aware:
        ways = {
            True: "give it an offset: datetime(..., tzinfo=UTC); naive ones are for NaiveDatetime fields",
            False: "take the offset away: value.replace(tzinfo=None)",
        }
        given, way = "naive" if aware else "aware", ways[aware]
        raise UsageError(
            f"{what!r} holds {'aware' if aware else 'naive'} times, and {value!r} is {given}", hint=way
        )


def _check_choice(annotation: Any, value: Any, operator: str, what: object) -> None:
    """Hold a value to the members of an enum or the values of a ``Literal``."""
    known = choices(annotation) if operator not in ORDERS else None
    if known is None or any(value == choice for choice in known):
        return
    shown = ", ".join(str(choice) if isinstance(choice, Enum) else repr(choice) for choice in known[:10])
    raise UsageError(f"{what!r} can't be {value!r}", hint=f"it is one of {shown}")


def check_times(one: bool | None, other: bool | None, shown: object) -> None:
    """Refuse to put times with an offset beside ones that have none; UsageError."""
    if one is not None and other is not None and one is not other:
        raise UsageError(
            f"{shown}: aware and naive times can't be compared, in Python as in a query",
            hint="a field says which by its type, AwareDatetime or NaiveDatetime, or by its default",
        )


_WAYS: dict[tuple[Kind, Kind], str] = {
    ("bool", "int"): "compare it with True or False",
    ("int", "bool"): "write 1 or 0",
    ("float", "bool"): "write 1.0 or 0.0",
    ("decimal", "bool"): "write 1 or 0",
    ("list", "text"): "contains(field, item), or any_(field) == item, asks for an element",
    ("date", "datetime"): "compare it with value.date()",
    ("datetime", "date"): "compare it with datetime(value.year, value.month, value.day, tzinfo=UTC)",
    ("float", "decimal"): "a float has no such value: compare it with float(value)",
    ("int", "decimal"): "an int has no such value: compare it with float(value)",
    ("link", "text"): "a document is named 'collection/key': User.id, or the document itself",
    ("model", "dict"): "compare it with a model, or its fields one by one",
}


def _refusal(annotation: Any, kind: Kind, given: Kind, value: Any, what: object) -> UsageError:
    way = _WAYS.get((kind, given))
    if way is None and kind == "list":
        way = "contains(field, item), or any_(field) == item, asks for an element"
    if way is None and kind == "enum":
        way = f"compare it with a member: {', '.join(map(str, choices(annotation) or ()))}"
    return UsageError(
        f"{what!r} is {NAMES[kind]}, and can't be compared with {value!r}",
        hint=way or f"compare it with {NAMES[kind]}",
    )


_COMPARABLE: tuple[frozenset[Kind], ...] = (
    frozenset({"int", "float"}),
    frozenset({"int", "decimal"}),
    frozenset({"link", "text"}),
)


_TIMES: frozenset[Kind] = frozenset({"datetime", "date"})
_NUMBERS: frozenset[Kind] = frozenset({"int", "float"})


def check_pair(left: Kind, right: Kind, operator: str, what: object, other: object) -> None:
    """Refuse to compare expressions of kinds that have nothing in common; UsageError."""
    check_targets(what, other)
    pair = frozenset({left, right})
    if pair == frozenset(("link", "text")):
        _check_names(what, other)
    if (
        len(pair) == 1
        or "any" in pair
        or "mixed" in pair
        or pair in _COMPARABLE
        or pair == frozenset(("link", "text"))
    ):
        return
    way = "compare values of one type; func.to_number() and func.to_string() convert"
    if pair & _TIMES and pair & _NUMBERS:
        way = "compare a time with a time, as datetime.now(UTC); func.now() is a number of milliseconds"
    raise UsageError(
        f"{what!r} is {NAMES[left]} and {other!r} {NAMES[right]}: {operator} can't compare them in a query",
        hint=way,
    )


def _check_names(what: object, other: object) -> None:
    """Refuse to compare what names a document, by its collection and key, with a key alone; UsageError."""
    for named, key in ((what, other), (other, what)):
        place = getattr(key, "__solidb_place__", None)
        if place is not None and place.path == ("_key",):
            owner = repr(key).rpartition(".")[0]
            raise UsageError(
                f"{named!r} holds 'collection/key', and {key!r} is a key alone: they are never equal",
                hint=f"compare it with the id: {named!r} == {owner}.id",
            )


def check_reference(target: Any, value: Any, what: object) -> None:
    """Refuse what names no document, or one of a collection that is not led to; UsageError."""
    if value is None or target is None:
        return
    collection = getattr(target, "__solidb_collection__", None)
    if isinstance(value, type):
        raise UsageError(f"{what!r} can't be the class {value.__name__}", hint="give a document, or its id")
    named = value if isinstance(value, str) else value.__solidb_reference__()
    if named.count("/") != 1:
        raise UsageError(
            f"{what!r} can't be {value!r}: a document is named 'collection/key'",
            hint=f"'{collection or 'collection'}/{value}', or compare the key: Model.key == {value!r}",
        )
    if collection is not None and named.partition("/")[0] != collection:
        raise UsageError(f"{what!r} leads to documents of {collection!r}, but {named!r} is not one of them")


def check_targets(one: Any, other: Any) -> None:
    """Refuse to compare what names documents of two collections, which are never the same; UsageError."""
    targets = [getattr(side, "__solidb_leads_to__", None) for side in (one, other)]
    names = [getattr(target, "__solidb_collection__", None) for target in targets]
    if None not in names and names[0] != names[1]:
        raise UsageError(
            f"{one!r} leads to documents of {names[0]!r}, and {other!r} to those of {names[1]!r}",
            hint="they are never the same: compare the ids of one class",
        )


@dataclass(frozen=True, slots=True)
class Element:
    """Names an element of a list in a message."""

    items: object

    def __repr__(self) -> str:
        return f"an element of {self.items!r}"


@dataclass(frozen=True, slots=True)
class Key:
    """Names a key of a dict in a message."""

    items: object

    def __repr__(self) -> str:
        return f"a key of {self.items!r}"


def check_list_order(annotation: Any, kind: Kind, operator: str, what: object) -> None:
    """Refuse to order lists whose elements have no order, or whose stored forms have another; UsageError."""
    if kind == "list":
        if is_set(annotation):
            raise UsageError(
                f"{what!r} is a set, which {operator} can't order in a query: in Python it compares subsets",
                hint="contains(field, item), any_(field) == item",
            )
        element = type_inspection.element(annotation)
        inner = kind_of(element)
        check_order("other" if inner == "decimal" else inner, operator, Element(what))
        if inner != "any" and type_inspection.is_nullable(element):
            raise UsageError(f"{Element(what)!r} can be None, which {operator} can't order in a query")


def holds_decimals(annotation: Any) -> bool:
    """Return whether a type is of lists of decimals, which are compared by the decimals' keys."""
    return kind_of(annotation) == "list" and kind_of(type_inspection.element(annotation)) == "decimal"


def alike(what: Any, node: q.Expression, *, inside: bool = False) -> q.Expression:
    """Build what equal values have in common: of a list of decimals the keys, of a set a sorted list.

    ``inside``: just for its elements, whose order does not matter; so an index over them can serve.
    """
    annotation, null = what.__solidb_type__, q.Literal(None)
    if what.__solidb_kind__ != "list" or getattr(what, "value", node) is None:
        return node
    if holds_decimals(annotation):
        node = decimals.keys(node)
    if inside or not is_set(annotation):
        return node
    return q.Ternary(q.Compare(node, "==", null), null, q.Call("SORTED", (node,)))


def check_elements(one: Any, other: Any, operator: str, what: object, beside: object) -> None:
    """Refuse to compare lists of elements that have nothing in common; UsageError."""
    forms = sequence_forms(one) | sequence_forms(other)
    if len(forms) > 1:
        raise UsageError(
            f"{what!r} and {beside!r} are {' and '.join(sorted(forms))}, which are never equal",
            hint="any_(list, lambda one: ..) compares their elements",
        )
    inner, inner_beside = type_inspection.element(one), type_inspection.element(other)
    left: Kind = kind_of(inner)
    right: Kind = kind_of(inner_beside)
    if "decimal" in (left, right) and left != right and "any" not in (left, right):
        raise UsageError(
            f"{what!r} is a list of {NAMES[left]} and {beside!r} of {NAMES[right]}: no {operator}",
            hint="any_(list, lambda one: ..) compares their elements",
        )
    check_pair(left, right, operator, Element(what), Element(beside))
    check_types(inner, inner_beside, operator, Element(what), Element(beside))


def check_types(one: Any, other: Any, operator: str, what: object, beside: object) -> None:
    """Refuse to compare values of types of which a part is stored alike and never equal; UsageError."""
    if "other" in (kind_of(one), kind_of(other)):
        return
    left, right = kinds_within(one), kinds_within(other)
    if kind_of(one) == kind_of(other) == "list":
        check_elements(one, other, operator, what, beside)
    if len(left) == len(right) == 1 or (left | right) & {"any", "other", "link"}:
        return
    left, right = _without_int(left), _without_int(right)
    clash = any(
        one_kind != kind and _STORED.get(one_kind, 1) == _STORED.get(kind, 2)
        for one_kind in left
        for kind in right
    )
    if clash or not left & right:
        raise UsageError(
            f"{what!r} holds {_shown(left)}, and {beside!r} {_shown(right)}: {operator} can't compare them "
            "in a query",
            hint="compare values of one type",
        )
    if "list" in left & right:
        check_elements(lists_within(one), lists_within(other), operator, what, beside)


_STORED: dict[Kind, str] = {
    "text": "text", "bytes": "text", "datetime": "text", "date": "text", "time": "text", "uuid": "text",
    "decimal": "text", "float": "number", "duration": "number", "dict": "dict", "model": "dict",
}  # fmt: skip
"""What values of a kind are in JSON: two kinds that are the same there can't be told apart."""


def lists_within(annotation: Any) -> Any:
    """Return the type of lists that a union has."""
    members = type_inspection.alternatives(annotation)
    return next(member for member in members if kind_of(member) == "list")


def _without_int(kinds: frozenset[Kind]) -> frozenset[Kind]:
    return kinds.difference(_INT).union(_FLOAT) if "int" in kinds else kinds


_INT: frozenset[Kind] = frozenset({"int"})
_FLOAT: frozenset[Kind] = frozenset({"float"})


def _shown(kinds: frozenset[Kind]) -> str:
    return " or ".join(sorted(NAMES[kind] for kind in kinds))


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
