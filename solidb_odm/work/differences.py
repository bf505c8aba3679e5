"""What changed: the difference between a document object and its stored form, by top-level attribute.

``apply(diff(old, new), old) == new`` for all JSON objects, told apart exactly: 1, 1.0 and true are
three values.
"""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import Any, NamedTuple, cast

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json

from .._types import Body, Json, JsonObject, is_map, is_row
from ..model.declaration.mapping import TYPE_ATTRIBUTE, VERSION_ATTRIBUTE, MappedField, Mapping
from ..model.document_state import State
from ..model.stored.codec import (
    OF_AUTHORS,
    encode_text,
    encode_value,
    is_text_of,
    sort_lists,
    stored_field,
    validate,
)
from ..model.stored.field_values import encode_field, field_reader
from ..model.stored.pydantic_attributes import raise_interrupt


class Difference(NamedTuple):
    """Attributes to set and attributes to take away."""

    changes: JsonObject
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.changes or self.removed)


def identical(one: Json, other: Json) -> bool:
    """Return whether two JSON values are the same, with the same types of numbers."""
    kind = one.__class__
    if kind is not other.__class__:
        return False
    if kind is dict:
        return len(one) == len(other) and all(
            name in other and identical(value, other[name]) for name, value in one.items()
        )
    if kind is list:
        return len(one) == len(other) and all(map(identical, one, other))
    return bool(one == other)


def diff(old: AnyMapping[str, Any], new: AnyMapping[str, Any]) -> Difference:
    """Return what turns ``old`` into ``new``."""
    changes: JsonObject = {}
    for name, value in new.items():
        other = old.get(name, _ABSENT)
        kind = value.__class__
        if kind is not other.__class__ or value != other or (kind in _NESTED and not identical(value, other)):
            changes[name] = value
    removed = () if new.keys() >= old.keys() else tuple(name for name in old if name not in new)
    return Difference(changes, removed)


_ABSENT = object()
_NESTED = (dict, list)


def apply(difference: Difference, old: AnyMapping[str, Any]) -> JsonObject:
    """Return the object with the difference made."""
    kept = {name: value for name, value in old.items() if name not in difference.removed}
    return {**kept, **difference.changes}


def document_difference(
    mapping: Mapping, document: Any, state: State, text: str | None = None
) -> tuple[Difference, Body]:
    """Return what changed in a document since it was stored, and its whole stored form now.

    ``text`` is the document as text, where it is known.

    An attribute that was assigned is compared with what is stored. Others can only have changed in place,
    and are compared with what reading gave: a default for a missing attribute, a coercion, an attribute
    the model does not know are no changes. What is computed is written along with other changes, and by
    itself only if it is not another value each time.
    """
    if mapping.cached or mapping.keeps_below:
        mapping.forget_computed(document)
    body = state.body
    assert body is not None
    if isinstance(body, str):
        text = encode_text(mapping, document) if text is None else text
        if text == body:
            return Difference({}), body
        whole: Body = text
        old, new = from_json(body), from_json(text)
    else:
        old = body
        whole = new = encode_value(mapping, document)
    raw = diff(old, new)
    if not (raw.changes or raw.removed):
        return raw, body
    if _are_assigned(mapping, raw, state.assigned):
        difference = raw
    else:
        difference = _Comparison(mapping, document, state, old).real(raw)
    if mapping.version > 1 and old.get(VERSION_ATTRIBUTE, 1) != mapping.version:
        is_changed = difference.removed or set(difference.changes) - {VERSION_ATTRIBUTE}
        return (raw, whole) if is_changed else (Difference({}), body)  # what was upgraded is written whole
    return difference, whole if difference is raw else _as(body, apply(difference, old))


def is_as_stored(mapping: Mapping, document: Any, state: State) -> bool:
    """Return whether a document is known to be as it is stored, at the least cost; False says nothing."""
    body = state.body
    if state.assigned or not isinstance(body, str) or mapping.cached or mapping.keeps_below:
        return False
    return is_text_of(mapping, document, body)


def _are_assigned(mapping: Mapping, difference: Difference, assigned: set[str] | None) -> bool:
    """Return whether a difference is of attributes that were assigned, and whose order is a part of them."""
    if assigned is None or difference.removed:
        return False
    for stored in difference.changes:
        known = mapping.by_stored.get(stored)
        if known is None or known.unordered or known.name not in assigned:
            return False
    return True


def _as(body: Body, value: JsonObject) -> Body:
    """Return a stored form in the form of another, text or values."""
    return to_json(value, inf_nan_mode="constants").decode() if isinstance(body, str) else value


class _Comparison:
    """Tells the changes of a document from what reading its stored form makes up."""

    __slots__ = (
        "_assigned", "_baseline", "_body", "_document", "_known_document", "_known_form", "_mapping", "_old",
    )  # fmt: skip

    def __init__(self, mapping: Mapping, document: Any, state: State, old: JsonObject) -> None:
        self._mapping, self._document, self._old = mapping, document, old
        self._body = cast(Body, state.body)
        self._assigned = state.assigned or frozenset[str]()
        self._baseline = state.baseline
        self._known_document: Any = _ABSENT
        self._known_form: JsonObject | None = None

    def real(self, difference: Difference) -> Difference:
        """Return the part of a difference that the program made."""
        derived = difference.changes.keys() & self._mapping.computed
        changes = {
            name: value
            for name, value in difference.changes.items()
            if name not in derived and self._is_changed(name, value)
        }
        removed = tuple(filter(self._is_removed, difference.removed))
        if derived:
            all_of_them = bool(changes or removed or self._assigned)
            names = derived if all_of_them else self._computed_anew(derived, difference.changes)
            changes = {
                name: value for name, value in difference.changes.items() if name in changes or name in names
            }
        if len(changes) == len(difference.changes) and len(removed) == len(difference.removed):
            return difference
        return Difference(changes, removed)

    def _is_changed(self, stored: str, value: Json) -> bool:
        mapping, model = self._mapping, cast("Any", type(self._document))
        known, name = mapping.by_stored.get(stored), mapping.python_name(stored)
        if name in self._assigned:
            return not _unchanged(mapping, stored, self._old.get(stored, _ABSENT), value)
        if known is not None and not mapping.rewrites and name not in model.__solidb_watched__:
            return False  # it can't have changed in place
        if known is not None and self._is_surely_changed(known, value):
            return True
        baseline = self._read_form if self._baseline is None else self._baseline
        if stored not in baseline or not _unchanged(mapping, stored, baseline[stored], value):
            return known is None or not self._is_of_the_moment(known)
        return known is not None and _sets_more(self._value(name), self._read_value(name))

    def _is_surely_changed(self, known: MappedField, value: Json) -> bool:
        """Return whether a stored value that is read by itself is stored as another one; False says nothing.

        The whole document need not be read, where no function of the author could want to see it.
        """
        mapping, stored, model = self._mapping, known.stored, self._mapping.model
        is_whole = (
            self._baseline is not None or mapping.revalidated or mapping.rewrites or mapping.version > 1
        )
        if is_whole or mapping.computes_below or stored not in self._old:
            return False
        if mapping.columns.keeps(known.name, self._old[stored]):
            return True  # not the same, as the attributes differ
        try:
            again = encode_field(model, known.name, field_reader(model, known.name).read(self._old[stored]))
        except (*OF_AUTHORS, RecursionError) as error:
            raise_interrupt(error)
            return False
        return not _unchanged(mapping, stored, again, value)

    def _is_of_the_moment(self, known: MappedField) -> bool:
        """Return whether a field differs just by what is computed in its parts, and is another each time."""
        if not self._mapping.computes_below or known.name not in self._mapping.parts:
            return False
        if self._read_document is None:
            return False
        stored = known.stored
        once, again = self._read_form.get(stored, _ABSENT), self._form_of(self._read()).get(stored, _ABSENT)
        if _unchanged(self._mapping, stored, once, again):
            return False
        now, before = (
            stored_field(self._mapping, document, known.name)
            for document in (self._document, self._read_document)
        )
        return identical(now, before)

    def _is_removed(self, stored: str) -> bool:
        if self._mapping.python_name(stored) in self._assigned:
            return True
        return stored in (self._read_form if self._baseline is None else self._baseline)

    def _computed_anew(self, names: set[str], now: JsonObject) -> set[str]:
        """Return the computed attributes that two readings give alike, and the document does not."""
        again = self._form_of(self._read())
        return {
            name
            for name in names
            if name in self._read_form
            and identical(self._read_form[name], again.get(name, _ABSENT))
            and not _unchanged(self._mapping, name, self._read_form[name], now[name])
        }

    # --- what reading the stored form gives ---------------------------------------------------------

    def _read(self) -> Any:
        try:
            return validate(self._mapping, self._body)
        except ValidationError:  # it was stored when the model, or the time, was another one
            return None

    def _form_of(self, document: Any) -> JsonObject:
        if document is None:
            return self._old
        try:
            return self._mapping.serializer.to_python(document, mode="json", by_alias=True, warnings=False)  # type: ignore[no-any-return]
        except PydanticSerializationError as error:
            raise_interrupt(error)
            raise

    @property
    def _read_document(self) -> Any:
        if self._known_document is _ABSENT:
            self._known_document = self._read()
        return self._known_document

    @property
    def _read_form(self) -> JsonObject:
        form = self._known_form  # without the lock of a cached property, which takes as long as the rest
        if form is None:
            form = self._form_of(self._read_document)
            type_name = self._mapping.type_name
            self._known_form = form = form if type_name is None else {**form, TYPE_ATTRIBUTE: type_name}
        return form

    def _value(self, name: str) -> Any:
        return self._document.__dict__.get(name)

    def _read_value(self, name: str) -> Any:
        return None if self._read_document is None else self._read_document.__dict__.get(name)


def _sets_more(now: Any, before: Any) -> bool:
    """Return whether a field of an embedded model was set that reading only had a default for."""
    if isinstance(now, BaseModel) and isinstance(before, BaseModel):
        own = now.__dict__
        return bool(now.model_fields_set - before.model_fields_set) or any(
            _sets_more(value, before.__dict__.get(name)) for name, value in own.items()
        )
    if is_map(now) and is_map(before):
        return any(_sets_more(value, before.get(name)) for name, value in now.items())
    if is_row(now) and is_row(before):
        return any(map(_sets_more, now, before))
    return False


def _unchanged(mapping: Mapping, stored: str, one: Json, other: Json) -> bool:
    if one == other and identical(one, other):  # most are not equal, which C finds out
        return True
    known = mapping.by_stored.get(stored)
    return known is not None and known.unordered and identical(sort_lists(one), sort_lists(other))
