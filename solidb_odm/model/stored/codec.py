"""Documents to stored form and back, exactly.

Pydantic does the work in one call each way. Around it stand the few things JSON loses in silence
(NaN, integers above 64 bits) and the stored forms Pydantic can't take as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from math import isfinite
from typing import Any, cast
from uuid import UUID

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from ..._types import Body, JsonObject, is_list, is_map
from ...errors import InvalidDocument, LoadError, SchemaViolation
from ...language.stored_documents import DEEPEST, ENGINE_ATTRIBUTES, is_deep
from ..declaration.mapping import TYPE_ATTRIBUTE, VERSION_ATTRIBUTE, Mapping
from .embedded import (
    alike,
    are_of_same_classes,
    instances,
    is_bare,
    is_lossy,
    of_other_class,
    told_apart,
)
from .field_values import field_reader
from .pydantic_attributes import raise_interrupt
from .scalars import MAXIMUM, MINIMUM, NUMBER_HINT, InexactValueError, inexact_number, is_exact
from .value_columns import sets_itself

OF_AUTHORS = (PydanticSerializationError, ValueError, TypeError, AttributeError, LookupError, ArithmeticError)
"""What Pydantic raises of values it can't write or read, and the functions of a model's author do."""

_LONG_NUMBER = re.compile(r"[0-9]{19}")
_FLOATS: frozenset[type[Any]] = frozenset((float,))
_subclasses = type.__subclasses__
_PLAIN = frozenset((str, int, float, bool, type(None)))
_VALUES = frozenset((date, datetime, UUID))


def encode_text(mapping: Mapping, document: Any) -> str:
    """Return the document as JSON text; InvalidDocument if it can't be stored exactly."""
    if mapping.is_open or any(map(_subclasses, mapping.embedded)):
        _check_parts(mapping, document)
    try:
        text = mapping.serializer.to_json(document, by_alias=True, warnings="error").decode()
    except OF_AUTHORS as error:
        raise_interrupt(error)
        raise _unfit(mapping, document, error) from error
    if not mapping.is_simple:
        text = _marked(mapping, text)
    has_deep = mapping.deep_numbers or mapping.vectors
    if _may_lose(mapping, document, text) if has_deep else _has_inexact(mapping, document):
        encode_value(mapping, document)
    return text


def is_text_of(mapping: Mapping, document: Any, text: str) -> bool:
    """Return whether a document of which nothing was assigned is stored as a text; False says nothing.

    It takes half as long as ``encode_text``, which finds out what can't be stored, and so is no such text.
    """
    if not mapping.is_simple or mapping.is_open or mapping.deep_numbers or mapping.vectors:
        return False
    if any(map(_subclasses, mapping.embedded)):
        return False
    try:
        made: bytes = mapping.serializer.to_json(document, by_alias=True, warnings=False)
    except (*OF_AUTHORS, RecursionError) as error:
        raise_interrupt(error)
        return False
    return made.decode() == text


def _marked(mapping: Mapping, text: str) -> str:
    """Return the text of a document with what tells its class and its version."""
    if mapping.type_name is not None:
        text = f'{{"{TYPE_ATTRIBUTE}":{json.dumps(mapping.type_name)},{text[1:]}'
    if mapping.version > 1:
        text = f'{{"{VERSION_ATTRIBUTE}":{mapping.version},{text[1:]}'
    return text


def encode_many(
    mapping: Mapping, documents: Sequence[Any], *, as_text: bool, sure: set[str] | None = None
) -> Sequence[Body] | None:
    """Return the documents as ``encode_text`` or ``encode_value`` would, in one call to Pydantic.

    None if they have to be encoded one by one, which also tells which of them can't be stored. A call for
    each takes 2.4 us for a document of eight fields, half of it to find out that warnings are errors.
    ``sure`` is given the fields of which it is known then that they are read as they are.
    """
    is_marked = mapping.type_name is not None or mapping.version > 1
    serializer = mapping.batch_serializer(as_text=as_text)
    if serializer is None or (is_marked and not as_text):
        return None
    try:
        made: list[Any] = serializer.to_python(
            documents, mode="json", by_alias=True, round_trip=as_text, warnings="error"
        )
    except Exception as error:  # noqa: BLE001  one of them fails again by itself, with an error that names it
        raise_interrupt(error)
        return None
    unsure, is_derived = mapping.columns.unsure, any(map(_subclasses, mapping.embedded))
    if mapping.is_open or (is_derived and unsure(documents, mapping.parts)):
        for document in documents:
            _check_parts(mapping, document)
    is_exact = mapping.numeric is not None and not unsure(documents, mapping.numeric)
    if sure is not None and is_exact:
        sure.update(mapping.numeric or ())
    for document, body in () if is_exact else zip(documents, made, strict=True):
        if as_text:
            if _may_lose(mapping, document, body):
                encode_value(mapping, document)
        elif _value_may_lose(mapping, document):
            _check_exact(mapping, document, body, "")
    return [_marked(mapping, text) for text in made] if is_marked else made


def _check_parts(mapping: Mapping, document: Any) -> None:
    """Refuse what Pydantic would leave out without a word."""
    if (other := of_other_class(document, mapping.embedded)) is not None:
        name, value, declared = other
        problem = (
            f"{name} = {value!r} is a {type(value).__name__}, of which a {declared.__name__} would be read"
        )
        hint = f"declare {declared.__name__} | {type(value).__name__}, best with a discriminator"
        raise _inexact(mapping, document, problem, hint)
    for name in document.__pydantic_extra__ or ():
        if name in ENGINE_ATTRIBUTES or name == TYPE_ATTRIBUTE:
            problem = f"the extra attribute {name!r} has the name of one that is not the document's own"
            raise _inexact(mapping, document, problem, "give it another name")


def _may_lose(mapping: Mapping, document: Any, text: str) -> bool:
    """Return whether the text may hold numbers that JSON does not have."""
    if not (mapping.deep_numbers or mapping.vectors):
        return _has_inexact(mapping, document)
    if "NaN" in text or "Infinity" in text:
        return True
    if not mapping.deep_numbers and _has_plain_vectors(mapping, document):
        return _has_inexact(mapping, document)
    return _LONG_NUMBER.search(text) is not None or _has_inexact(mapping, document)


def _has_plain_vectors(mapping: Mapping, document: Any) -> bool:
    """Return whether the vectors are lists of floats, among which just NaN and infinities are inexact."""
    values = document.__dict__
    for name in mapping.vectors:
        value: Any = values.get(name)
        if value is not None and not (value.__class__ is list and set(map(type, value)) <= _FLOATS):
            return False
    return True


def _has_inexact(mapping: Mapping, document: Any) -> bool:
    values = document.__dict__
    for name in mapping.numbers:
        value = values.get(name)
        kind = value.__class__
        if kind is float or (kind is not int and isinstance(value, (float, Decimal))):
            if not isfinite(value):
                return True
        elif isinstance(value, int) and not MINIMUM <= value <= MAXIMUM:
            return True
    return False


def encode_value(mapping: Mapping, document: Any) -> JsonObject:
    """Return the document as JSON values; InvalidDocument if it can't be stored exactly."""
    if mapping.embedded or mapping.is_open:
        _check_parts(mapping, document)
    try:
        value: JsonObject = mapping.serializer.to_python(
            document, mode="json", by_alias=True, warnings="error"
        )
    except OF_AUTHORS as error:
        raise_interrupt(error)
        raise _unfit(mapping, document, error) from error
    if mapping.type_name is not None:
        value[TYPE_ATTRIBUTE] = mapping.type_name
    if mapping.version > 1:
        value[VERSION_ATTRIBUTE] = mapping.version
    if _value_may_lose(mapping, document):
        _check_exact(mapping, document, value, "")
    return value


def _value_may_lose(mapping: Mapping, document: Any) -> bool:
    """Return whether the values have to be looked through for numbers that JSON does not have."""
    return bool(mapping.deep_numbers or mapping.vectors) or _has_inexact(mapping, document)


def check_valid(mapping: Mapping, document: Any, body: Body, names: Iterable[str] | None = None) -> None:
    """Hold a document to its model, and to be read as it is: all fields, or those named.

    SchemaViolation with Pydantic's error as the cause, InvalidDocument.
    """
    try:
        read = validate(mapping, body)
    except (*OF_AUTHORS, RecursionError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else repr(error)
        raise SchemaViolation(
            f"{mapping.model.__name__} {document.key!r} does not fit its model: {problem}",
            collection=mapping.collection,
            key=document.key,
            hint="an attribute was set to a value that the model does not accept; nothing was sent",
        ) from error
    held, again = document.__dict__, read.__dict__
    for name in mapping.fields if names is None else names:
        if name in mapping.fields and not _is_surely_equal(held.get(name), again.get(name)):
            _check_read_alike(mapping, document, read, name)


def check_changed(
    mapping: Mapping, document: Any, body: Body, changed: JsonObject, sure: Collection[str] = ()
) -> None:
    """Hold the changed fields of a document to its model, as ``check_valid``.

    ``changed`` are their stored values. Those whose values say by themselves that they fit need no look; few
    of many are read one by one, where no validator of the model's author could want to see the others. The
    fields in ``sure`` are known to be read as they are.
    """
    known = [mapping.by_stored[stored].name for stored in changed if stored in mapping.by_stored]
    names = known
    if _is_unicode(body, changed):
        rest = [name for name in known if name not in sure]
        names = mapping.columns.unsure((document,), rest) if rest else rest
    is_apart = not mapping.revalidated and len(known) == len(changed)
    if is_apart and not names:
        return
    is_few = len(changed) * _FEW_OF <= len(mapping.fields)
    is_exact = isinstance(body, str) or not mapping.json_only
    if not (is_apart and is_few and is_exact) or not _read_alike(mapping, document, changed, names):
        check_valid(mapping, document, body, {*names, *mapping.revalidated})


def _read_alike(mapping: Mapping, document: Any, changed: JsonObject, names: Iterable[str]) -> bool:
    """Return whether fields are known to be read as they are; False says nothing."""
    for name in names:
        try:
            again = field_reader(mapping.model, name).read(changed[mapping.fields[name].stored])
        except (*OF_AUTHORS, RecursionError):  # who reads the whole says what is wrong
            return False
        if not _is_surely_equal(document.__dict__.get(name), again):
            return False
    return True


_FEW_OF = 4
"""How many times as many fields a document has as are read one by one."""


def check_new(
    mapping: Mapping,
    documents: Sequence[Any],
    bodies: Sequence[Body],
    touched: Sequence[bool],
    sure: Collection[str] = (),
) -> None:
    """Hold new documents of a class to their model, as ``check_valid``, where they may not fit.

    ``touched`` says of which an attribute may have been set; of none if it is empty. Others are what
    validation made of them; but defaults and parts are taken as they are, and validators of the author may
    make another value of what they made before. The fields in ``sure`` are known to be read as they are.
    """
    is_suspect = bool(mapping.is_unsound or mapping.revalidated or mapping.parts)
    is_whole = mapping.is_unsound or any(touched)
    names = mapping.fields if is_whole else dict.fromkeys((*mapping.parts, *mapping.revalidated))
    rest = [name for name in names if name not in sure]
    unsure: Iterable[str] = mapping.columns.unsure(documents, rest) if is_suspect or is_whole else ()
    if any(touched) and not all(map(_is_unicode, bodies, bodies)):
        unsure = names
    for place, document in enumerate(documents if unsure else ()):
        if is_suspect or touched[place]:
            check_valid(mapping, document, bodies[place], unsure)


def _is_unicode(body: Body, values: Any) -> bool:
    """Return whether all texts in some values of a body are Unicode; one that was written is."""
    try:
        return isinstance(body, str) or bool(to_json(values))
    except ValueError:
        return False


def _is_surely_equal(one: Any, other: Any) -> bool:
    """Return whether two values are equal, and of the same classes, at every depth; False says nothing.

    What is stored of them is then the same, and nobody can tell them apart.
    """
    kind = one.__class__
    if one is other or kind is not other.__class__:
        return one is other
    if kind in _PLAIN or kind in _VALUES:
        return bool(one == other)
    if kind is list or kind is tuple:
        return len(one) == len(other) and all(map(_is_surely_equal, one, other))
    if kind is dict:
        return one.keys() == other.keys() and all(
            _is_surely_equal(value, other[name]) for name, value in one.items()
        )
    if kind is set or kind is frozenset:
        kinds = set(map(type, one))
        return one == other and _PLAIN >= kinds == set(map(type, other))
    return is_bare(one) and is_bare(other) and _is_surely_equal(one.__dict__, other.__dict__)


def _check_read_alike(mapping: Mapping, document: Any, read: Any, name: str) -> None:
    """Refuse a field that would be read as another value; InvalidDocument."""
    value, again = document.__dict__.get(name), read.__dict__.get(name)
    is_alike = False
    if are_of_same_classes(value, again):
        form = stored_field(mapping, document, name)
        is_alike = alike(form, stored_field(mapping, read, name))
        if is_alike and not (name in mapping.revalidated and told_apart(value, again)):
            return
        if value == again and not is_alike and not alike(form, stored_field(mapping, document, name)):
            return  # its author writes it in another way each time
    if is_lossy(mapping.model, name):
        return
    problem = f"{name} = {value!r} would be read as {again!r}"
    hint = "set it to a value that its type takes as it is; nothing was sent"
    if any(isinstance(part, BaseModel) and sets_itself(type(part)) for part in instances(document)):
        hint = "let model_post_init leave alone what is set, as it runs again at each load; nothing was sent"
    if is_alike:
        problem = f"{problem}: both are stored alike"
        hint = (
            "let a serializer and a validator of the field tell them apart, or Annotated[.., Lossy()] stores "
            "it all the same"
        )
    elif name in mapping.revalidated:
        problem = f"{problem}: its validator changes what it gave before"
        hint = "let the validator leave alone what it made, or make the value before the document is made"
    raise _inexact(mapping, document, problem, hint)


def stored_field(mapping: Mapping, document: Any, name: str) -> Any:
    """Return the stored form of one field, sorted where it is a set's."""
    try:
        form = mapping.serializer.to_python(
            document, mode="json", include={name}, exclude_computed_fields=True, warnings=False
        )
    except PydanticSerializationError as error:
        raise_interrupt(error)
        raise
    return sort_lists(form) if mapping.fields[name].unordered else form


def sort_lists(value: Any) -> Any:
    """Return JSON with its lists sorted, for values that hold sets, whose JSON has no order of its own."""
    if is_list(value):
        return sorted((sort_lists(item) for item in value), key=repr)
    if is_map(value):
        return {name: sort_lists(inner) for name, inner in value.items()}
    return value


def decode(mapping: Mapping, key: str, body: Body) -> Any:
    """Make the model object of a stored document; LoadError if it does not fit the model."""
    try:
        return validate(mapping, body)
    except (*OF_AUTHORS, RecursionError) as error:
        problem = first_problem(error) if isinstance(error, ValidationError) else str(error)
        hint = (
            "give the field a type or a default that takes it, or repair the document "
            "(a migration, or an update statement)"
        )
        if "recursion" in problem and is_deep(body):  # as a server's own UPDATE may nest it
            problem = f"it is nested deeper than {DEEPEST} levels"
            hint = "write its deep field again, with update(Model).where(Model.key == key).values(..)"
        raise LoadError(
            f"the stored document {mapping.collection}/{key} does not fit {mapping.model.__name__}:"
            f" {problem}",
            model=mapping.model.__name__,
            collection=mapping.collection,
            key=key,
            document=_as_stored(body),
            hint=hint,
        ) from error


def validate(mapping: Mapping, body: Body) -> Any:
    """Make the model object; Pydantic's ValidationError as it is."""
    validator = mapping.validator
    if mapping.is_simple:
        if isinstance(body, str):
            return validator.validate_json(body, **mapping.names)
        if not mapping.json_only:
            return validator.validate_python(body, **mapping.names)
        return validator.validate_json(to_json(body), **mapping.names)
    if mapping.start and isinstance(body, str) and body.startswith(mapping.start):
        return validator.validate_json(body, **mapping.names)
    value = {**body_value(body)}
    value.pop(TYPE_ATTRIBUTE, None)
    is_as_stored = True
    if mapping.version > 1 and (version := int(value.pop(VERSION_ATTRIBUTE, 1))) < mapping.version:
        is_as_stored = False
        model = cast("Any", mapping.model)  # the mapping has looked that it can
        upgrade = cast("Callable[[JsonObject, int], JsonObject]", model.upgrade_from)
        value = upgrade(value, version)
    for name in mapping.drops:
        value.pop(name, None)
    for older, stored in mapping.older.items():
        if stored in value:
            value.pop(older, None)
    if is_as_stored and not (mapping.json_only or isinstance(body, str)):
        return validator.validate_python(value, **mapping.names)
    return validator.validate_json(to_json(value), **mapping.names)


def _as_stored(body: Body) -> Any:
    """Return a body as decoded values, or as it is where it is damaged or nested too deep to be read."""
    try:
        return body_value(body)
    except (ValueError, RecursionError):
        return body


def body_value(body: Body) -> JsonObject:
    """Return a body as decoded values."""
    return from_json(body) if isinstance(body, str) else body


def first_problem(error: ValidationError) -> str:
    """Return in one line what Pydantic found: the place and the first problem."""
    details = error.errors(include_url=False, include_context=False)
    first = details[0]
    place = ".".join(str(step) for step in first["loc"])
    more = f" (and {len(details) - 1} more)" if len(details) > 1 else ""
    return f"{place}: {first['msg']}{more}" if place else f"{first['msg']}{more}"


def _unfit(mapping: Mapping, document: Any, error: Exception) -> InvalidDocument:
    name, reason = _culprit(mapping, document)
    if isinstance(reason, InexactValueError):
        return _inexact(mapping, document, f"{name} = {reason}", reason.hint)
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    detail = lines[1] if len(lines) > 1 and lines[0].startswith("Pydantic") else lines[0] if lines else "?"
    detail = re.sub(r"^PydanticSerializationUnexpectedValue\((.*)\)$", r"\1", detail)
    detail = re.sub(r"^(Error serializing to JSON: )?(Pydantic\w+: )?", "", detail)
    if "serialize unknown type" in detail:
        hint = "say how it is stored and read: PlainSerializer and BeforeValidator in Annotated"
    else:
        hint = "an attribute was set to a value that the model does not accept; nothing was sent"
    return SchemaViolation(
        f"{mapping.model.__name__} {document.key!r} does not fit its model: "
        + (detail if not name or repr(name) in detail else f"{name}: {detail}"),
        collection=mapping.collection,
        key=document.key,
        hint=hint,
    )


def _culprit(mapping: Mapping, document: Any) -> tuple[str, BaseException | None]:
    """Find the attribute that can't be written, and why."""
    for name in (*document.__dict__, *(document.__pydantic_extra__ or ())):
        try:
            to_json(mapping.serializer.to_python(document, mode="json", include={name}, warnings="error"))
        except OF_AUTHORS as error:
            raise_interrupt(error)
            return name, error.__cause__
    return "", None


def _check_exact(mapping: Mapping, document: Any, value: Any, path: str) -> None:
    if isinstance(value, (int, float)):
        if not is_exact(value):
            problem = f"{path.lstrip('.')} = {inexact_number(value)}"
            raise _inexact(mapping, document, problem, NUMBER_HINT)
    elif is_map(value):
        for name, inner in value.items():
            _check_exact(mapping, document, inner, f"{path}.{name}")
    elif is_list(value):
        for position, inner in enumerate(value):
            _check_exact(mapping, document, inner, f"{path}[{position}]")


def _inexact(mapping: Mapping, document: Any, problem: str, hint: str) -> InvalidDocument:
    return InvalidDocument(
        f"{mapping.model.__name__} {document.key!r} can't be stored exactly: {problem}",
        collection=mapping.collection,
        key=document.key,
        hint=hint,
    )
