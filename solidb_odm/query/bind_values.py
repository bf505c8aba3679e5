"""Values on their way into a statement: checked by the model, encoded as it stores them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeAlias, cast

from pydantic import AliasChoices, AliasPath, ValidationError

from .._types import JsonObject
from ..errors import SchemaViolation, UsageError
from ..language import nodes as q
from ..language.functions import lookup
from ..language.stored_documents import ENGINE_ATTRIBUTES
from ..model.declaration.computed import described, reads_of, stored_names
from ..model.document import Document
from ..model.document_state import state_of
from ..model.expressions.calls import FunctionCall
from ..model.expressions.expression import Expression, Value, computed
from ..model.expressions.fields import SYSTEM_FIELDS, FieldRef
from ..model.expressions.kinds import NAMES, Kind, takes
from ..model.expressions.literals import check_targets, check_times
from ..model.stored.codec import check_new, encode_value, first_problem, sort_lists
from ..model.stored.embedded import alike, are_of_same_classes, is_lossy, told_apart
from ..model.stored.field_values import encode_as, field_reader, stored_name
from ..model.stored.pydantic_attributes import (
    class_computed_fields,
    class_decorators,
    class_fields,
    extra_of,
)
from ..model.stored.scalars import InexactValueError, json_value
from ..model.type_inspection import cached_by_class
from .conditions import bounded
from .elements import check_no_elements
from .sources import family

Patch: TypeAlias = tuple[tuple[str, Expression], ...]
"""Stored names of fields, and what is written there."""


@bounded
def patch_of(model: type[Document], values: Mapping[str, Any]) -> Patch:
    """Return stored names and expressions for new values of fields; SchemaViolation if one does not fit."""
    return (*(_assignment(model, name, value) for name, value in values.items()), *_recomputed(model, values))


def patches_below(
    model: type[Document], values: Mapping[str, Any], patch: Patch
) -> Iterator[tuple[type[Document], Patch]]:
    """Yield what classes below a model, in its collection, store otherwise of the same values.

    SchemaViolation if a value does not fit there, UsageError if they compute more of it than is known.
    """
    known = dict(patch)
    for child in family(model)[1:]:
        other = patch_of(child, values)
        more = tuple((name, value) for name, value in other if not _is_same(known.get(name), value))
        if more:
            yield child, more


def check_below(document: Document) -> None:
    """Refuse an upsert that a class below, in the same collection, stores otherwise; UsageError."""
    model = type(document)
    if len(family(model)) == 1:
        return
    names = document.model_fields_set.intersection(class_fields(model)) - {"key"}
    values = {name: document.__dict__[name] for name in sorted(names)}
    for child, patch in patches_below(model, values, patch_of(model, values)):
        raise UsageError(
            f"upsert({model.__name__}) may find documents of {child.__name__}, which store "
            f"{', '.join(name for name, _ in patch)} otherwise",
            hint=f"upsert({child.__name__}), or load the documents, change them and commit",
        )


def _is_same(one: Expression | None, other: Expression) -> bool:
    if isinstance(one, Value) and isinstance(other, Value):
        return type(one.value) is type(other.value) and bool(one.value == other.value)
    return one is not None and type(one) is type(other)


def by_names(model: type[Document], values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return new values by the names of their fields, which may be given as fields: ``{User.age: 3}``."""
    return {_field_name(model, key): value for key, value in values.items()}


def _field_name(model: type[Document], field: Any) -> str:
    if isinstance(field, str):
        return field
    if not isinstance(field, FieldRef):
        raise UsageError(
            f"values() takes fields of {model.__name__} or their names, not {field!r}",
            hint="values(field=value)",
        )
    place = field.__solidb_place__
    if place.source is not model or len(place.path) != 1:
        way = "values(field=value)"
        if place.source is model and len(place.path) > 1:
            whole = repr(field).split(".")[1].partition("[")[0]
            way = f"give the whole of it, {whole}=..; or load the documents, set it on each and commit"
        raise UsageError(
            f"values() gives whole fields of {model.__name__} new values, and {field!r} is none", hint=way
        )
    return place.name


def _recomputed(model: type[Document], values: Mapping[str, Any]) -> Iterator[tuple[str, Expression]]:
    """Return the computed fields that change with the values; UsageError where they need other values too."""
    constant = {name for name, value in values.items() if not isinstance(value, Expression)}
    wanted = [name for name in touched_computed(model, values, constant) if name not in values]
    if not wanted:
        return
    checked = {name: _checked(model, name, values[name]) for name in constant if name in model.model_fields}
    document: Any = model.model_construct(**checked)
    for name in wanted:
        yield _computed(model, name, getattr(document, name))


def touched_computed(model: type[Document], values: Container[str], constant: AbstractSet[str]) -> list[str]:
    """Return the computed fields that change with new values, and can be computed of the constant ones.

    UsageError if one can't: what is stored would no longer be what the model computes.
    """
    names: list[str] = []
    for name in class_computed_fields(model):
        reads = reads_of(model, name)
        if name in values or (reads is not None and not any(field in values for field in reads)):
            continue
        if reads is None or not reads <= constant:
            of = "fields its code does not name plainly" if reads is None else ", ".join(sorted(reads))
            raise UsageError(
                f"{model.__name__}.{name} is computed of {of}, and stored; a statement can't do that",
                hint=f"set it in the same values(), {name}=.., or all that it is computed of; or load the "
                "documents, change them and commit",
            )
        names.append(name)
    return names


def _assignment(model: type[Document], name: str, value: Any) -> tuple[str, Expression]:
    if name == "key":
        raise UsageError(
            f"an update can't change the key of {model.__name__}",
            hint="insert a copy under the new key and delete the old document",
        )
    fields = class_fields(model)
    if name in class_computed_fields(model):
        return _computed(model, name, value)
    if name not in fields:
        if model.model_config.get("extra") != "allow":
            raise UsageError(f"{model.__name__} has no field {name!r}{_guess(name, fields)}")
        return name, value if isinstance(value, Expression) else Value(_extra(model, name, value))
    stored = stored_name(model, name)
    if isinstance(value, Expression):
        return stored, _fitting(model, name, value)
    checked = _checked(model, name, value)
    encoded = encode_as(model, name, fields[name].annotation, checked)
    mapping = model.__solidb_mapping__
    if name in mapping.parts or name in mapping.revalidated:
        _check_read_alike(model, name, checked, encoded)
    return stored, Value(encoded)


def _extra(model: type[Document], name: str, value: Any) -> Any:
    """Return the value of an extra attribute, which is stored as it is; SchemaViolation if it is no JSON."""
    try:
        return json_value(value)
    except InexactValueError as error:
        raise SchemaViolation(
            f"{model.__name__}.{name} can't be {value!r}: {error}",
            collection=model.__solidb_mapping__.collection,
            hint=error.hint,
        ) from error


def _check_read_alike(model: type[Document], name: str, value: Any, encoded: Any) -> None:
    """Refuse a value that would be read as another one, or not at all; SchemaViolation."""
    problem = None
    try:
        read = field_reader(cast(Any, model), name).read(encoded)
        again = encode_as(model, name, class_fields(model)[name].annotation, read)
        if model.__solidb_mapping__.fields[name].unordered:
            encoded, again = sort_lists(encoded), sort_lists(again)
        is_read = are_of_same_classes(value, read) and alike(encoded, again)
        is_other = name in model.__solidb_mapping__.revalidated and told_apart(value, read)
        if (not is_read or is_other) and not is_lossy(model, name):
            problem = f"it would be read as {read!r}"
    except ValidationError as error:
        problem = first_problem(error)
    if problem:
        raise SchemaViolation(
            f"{model.__name__}.{name} can't be {value!r}: {problem}",
            collection=model.__solidb_mapping__.collection,
        )


def _fitting(model: type[Document], name: str, value: Expression) -> Expression:
    """Return a value that a statement computes for a field; UsageError if it would not fit there."""
    target: FieldRef = getattr(model, name)
    made = check_no_elements(value, f"values({name}=..)")
    kind, given = target.__solidb_kind__, made.__solidb_kind__
    fits = given in (kind, "any") or kind in ("any", "mixed") or (kind, given) in _TAKEN or _is_null(made)
    if (given == "mixed" and kind != "mixed") or not fits:
        raise UsageError(
            f"{model.__name__}.{name} holds {NAMES[kind]}, and {made!r} is {NAMES[given]}",
            hint="a // b divides integers; func.to_string(value) and func.to_number(text) convert",
        )
    _check_outcome(model, name, target, made)
    check_times(target.__solidb_aware__, made.__solidb_aware__, f"{model.__name__}.{name} = {made!r}")
    if made.__solidb_nullable__ and not target.__solidb_nullable__ and not _is_assumed(made):
        raise UsageError(
            f"{made!r} can be null, and {model.__name__}.{name} can't: the document could not be read again",
            hint="coalesce(value, other) gives another value in place of null",
        )
    return Written(computed(made, "+", Decimal(0)) if (kind, given) == ("decimal", "int") else made)


def _check_outcome(model: type[Document], name: str, target: FieldRef, outcome: Any) -> None:
    """Hold one of the values that an expression can have to the type of the field; UsageError."""
    check_targets(target, outcome)
    if hasattr(outcome, "__solidb_outcomes__"):
        for inner in outcome.__solidb_outcomes__():
            _check_outcome(model, name, target, inner)
    elif isinstance(outcome, Value):
        if outcome.value is not None:
            _checked(model, name, outcome.value)
    elif not takes(target.__solidb_type__, outcome.__solidb_type__):
        raise UsageError(
            f"{model.__name__}.{name} is a {_shown(target)}, and {outcome!r} a {_shown(outcome)}: "
            "the document could not be read again",
            hint="compute the values in Python and commit them",
        )


def _shown(of: Expression) -> str:
    annotation = of.__solidb_type__
    return annotation.__name__ if isinstance(annotation, type) else str(annotation)


_TAKEN: frozenset[tuple[Kind, Kind]] = frozenset({("float", "int"), ("decimal", "int"), ("link", "text")})


def _is_null(value: Expression) -> bool:
    return isinstance(value, Value) and value.value is None


def _is_assumed(value: Expression) -> bool:
    """Return whether a value is null by its general nature only: a function of what is not null."""
    if value.__solidb_kind__ == "any" or not isinstance(value, FunctionCall):
        return value.__solidb_kind__ == "any"
    if value.name in _OF_ELEMENTS:
        return False
    return all(not part.__solidb_nullable__ or _is_assumed(part) for part in _passed_on(value))


def _passed_on(call: FunctionCall) -> tuple[Expression, ...]:
    """Return the arguments of a function that make it null where they are."""
    known = lookup(call.name)
    nulls = "" if known is None else known.nulls
    if call.is_strict or nulls.startswith(("null in, null out", "null if any argument")):
        return call.arguments
    count = next((count for text, count in _FIRST_ARGUMENTS.items() if nulls.startswith(text)), 0)
    return call.arguments[:count]


_FIRST_ARGUMENTS = {"null if the first argument is": 1, "null if one of the first two arguments is": 2}

_OF_ELEMENTS = ("FIRST", "LAST", "NTH")
"""The functions of a list that are null where it has no such element."""


def _checked(model: type[Document], name: str, value: Any) -> Any:
    try:
        return field_reader(cast(Any, model), name).check(value)
    except ValidationError as error:
        raise SchemaViolation(
            f"{model.__name__}.{name} can't be {value!r}: {first_problem(error)}",
            collection=model.__solidb_mapping__.collection,
        ) from error


def _computed(model: type[Document], name: str, value: Any) -> tuple[str, Expression]:
    """Take a new value of a computed field, which a statement does not compute."""
    stored = stored_names(model)[name]
    if isinstance(value, Expression):
        return stored, value
    return stored, Value(encode_as(*described(model, name), value))


class Written(Expression):
    """A value as it is written: a decimal by its digits, from an integer too."""

    __slots__ = ("value",)

    def __init__(self, value: Expression) -> None:
        self.value = value

    def __solidb_operands__(self) -> tuple[Expression, ...]:
        return (self.value,)

    def __solidb_build__(self, scope: Any) -> q.Expression:
        return self.value.__solidb_column__(scope)


def _guess(name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, list(known), 1)
    return f"; did you mean {close[0]!r}?" if close else ""


def documents_of(model: type[Document], rows: Any) -> list[Document]:
    """Make documents of dicts of field values; documents stay as they are."""
    given: list[Any] = [rows] if isinstance(rows, (Mapping, Document)) else list(rows)
    return [_document(model, row, place) for place, row in enumerate(given)]


def _document(model: type[Document], row: Any, place: int) -> Document:
    if isinstance(row, model):
        return row
    if not isinstance(row, Mapping):
        raise UsageError(
            f"values() takes {model.__name__} documents or dicts of their fields, not {row!r}",
            hint=f"values([{model.__name__}(..), ..]) or values([{{'name': ..}}, ..])",
        )
    _check_names(model, cast("Mapping[str, Any]", row))
    try:
        return model.model_validate(dict(cast("Mapping[str, Any]", row)), by_alias=True, by_name=True)
    except ValidationError as error:
        raise SchemaViolation(
            f"row {place} of values() does not fit {model.__name__}: {first_problem(error)}",
            collection=model.__solidb_mapping__.collection,
        ) from error


def _check_names(model: type[Document], row: Mapping[str, Any]) -> None:
    """Refuse values of no field, which would be lost, unless the model says what becomes of them."""
    validators = class_decorators(model).model_validators.values()
    if model.model_config.get("extra") is not None or any(
        validator.info.mode != "after" for validator in validators
    ):
        return
    known = _given_names(model)
    unknown = next((name for name in row if name not in known), None)
    if unknown is not None:
        raise UsageError(
            f"{model.__name__} has no field {unknown!r}{_guess(unknown, class_fields(model))}",
            hint='model_config = ConfigDict(extra="ignore") ignores other names; "allow" stores them',
        )


@cached_by_class
def _given_names(model: Any) -> frozenset[str]:
    """Return the names by which the values of a row may be given."""
    names = {"key", "_key", "_type", *ENGINE_ATTRIBUTES, *SYSTEM_FIELDS}
    for name, info in class_fields(model).items():
        other = info.validation_alias
        aliases = other.choices if isinstance(other, AliasChoices) else [other]
        firsts = {alias.path[0] if isinstance(alias, AliasPath) else alias for alias in aliases}
        names |= {name, *map(str, firsts)}
    return frozenset(names | set(stored_names(model)) | set(stored_names(model).values()))


def stored_form(document: Document) -> JsonObject:
    """Return what is stored of a new document."""
    mapping = type(document).__solidb_mapping__
    body = encode_value(mapping, document)
    check_new(mapping, (document,), (body,), (state_of(document).touched,))
    return body


def given_part(document: Document, row: Any) -> JsonObject:
    """Return what is stored of the fields a row named, besides its key; all fields for a document."""
    whole = stored_form(document)
    if row is not document:
        mapping = type(document).__solidb_mapping__
        kept = {mapping.fields[n].stored for n in document.model_fields_set if n in mapping.fields}
        kept.update(extra_of(document) or ())
        given = document.model_fields_set
        kept.update(stored_names(type(document))[n] for n in touched_computed(type(document), given, given))
        whole = {name: value for name, value in whole.items() if name in kept}
    whole.pop("_key", None)
    return whole
