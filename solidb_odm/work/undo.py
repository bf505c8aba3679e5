"""How to take back what flushes did to the notes on documents: layer on layer, one for each savepoint.

Where a savepoint goes back to: what was not yet written when it was made.

Taking over the values of one document object into another of the same key, all of them or none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias, cast
from weakref import ref

from pydantic import ValidationError

from .._dataclasses import dataclass
from .._types import Body, JsonObject
from ..errors import InvalidDocument, LoadError
from ..model.declaration.mapping import Mapping
from ..model.document import Document
from ..model.document_state import State, expose, note_assigned, state_of
from ..model.stored.codec import body_value, check_valid, decode, encode_value, validate
from ..model.stored.field_values import field_reader
from ..model.stored.pydantic_attributes import EXTRA, FIELDS_SET, extra_of
from ..model.stored.samples import shell_of
from .differences import identical

if TYPE_CHECKING:
    from .plan import Documents


class Noted(NamedTuple):
    """A document and what was noted of it before a flush, or a statement, wrote it."""

    document: Document
    state: State
    stored: tuple[str, str, str, Body | None]
    assigned: frozenset[str]
    baseline: JsonObject | None
    by_statement: bool

    def put_back(self) -> None:
        """Make the old notes the present ones."""
        state = self.state
        assigned = {*self.assigned, *(state.assigned or ())}
        state.store(*self.stored)
        state.assigned, state.baseline, state.is_gone = assigned or None, self.baseline, False


Notes = dict[int, Noted | Document]
"""What was noted first, by the identity of the document; the mere document if it was stored never before."""

_NOTHING = ("", "", "", None)
_NONE = frozenset[str]()


class Undo:
    """The documents a transaction wrote, as they were before; within a layer the first note counts."""

    def __init__(self) -> None:
        self._layers: list[Notes] = [{}]

    def note(
        self,
        document: Document,
        state: State,
        assigned: set[str] | None = None,
        by_statement: bool = False,
    ) -> None:
        """Remember a document before it is written, and which of its attributes were assigned."""
        notes = self._layers[-1]
        known = notes.get(id(document))
        if known is None:
            stored = (state.revision, state.created, state.updated, state.body)
            notes[id(document)] = Noted(
                document, state, stored, frozenset(assigned or ()), state.baseline, by_statement
            )
            return
        whole = _whole(known)
        notes[id(document)] = whole._replace(assigned=whole.assigned | assigned) if assigned else whole

    def note_new(self, document: Document) -> None:
        """Remember a document before it is inserted, that was not touched since it was added."""
        self._layers[-1].setdefault(id(document), document)

    def note_all_new(self, documents: Sequence[Document]) -> None:
        """Remember documents before they are inserted, that were not touched since they were added."""
        deque(map(self._layers[-1].setdefault, map(id, documents), documents), 0)

    def push(self) -> None:
        """Begin a layer."""
        self._layers.append({})

    def pop(self) -> list[Noted]:
        """Return the notes of the top layer, ending it."""
        return list(map(_whole, self._layers.pop().values()))

    def merge(self) -> None:
        """End the top layer; what it noted belongs to the one below."""
        top, below = self._layers.pop(), self._layers[-1]
        for key, noted in top.items():
            known = below.setdefault(key, noted)
            if known is not noted:
                known, assigned = _whole(known), _whole(noted).assigned
                below[key] = known._replace(assigned=known.assigned | assigned) if assigned else known

    def settle(self) -> None:
        """Forget all notes, as what was written lasts: what was deleted is gone for good."""
        notes, self._layers = self._merged(), [{}]
        for noted in notes.values():
            if isinstance(noted, Noted):  # a document that was only inserted is there
                noted.state.is_gone = not noted.state.is_stored

    def take(self) -> list[Noted]:
        """Return the notes of all layers, forgetting them."""
        notes = self.all()
        self._layers = [{}]
        return notes

    def all(self) -> list[Noted]:
        """Return the notes of all layers, which become one."""
        return list(map(_whole, self._merged().values()))

    def clear(self) -> None:
        """Forget all notes."""
        self._layers = [{}]

    def _merged(self) -> Notes:
        while len(self._layers) > 1:
            self.merge()
        return self._layers[0]


def _whole(noted: Noted | Document) -> Noted:
    """Return a note with all that there is to it."""
    if isinstance(noted, Noted):
        return noted
    return Noted(noted, state_of(noted), _NOTHING, _NONE, None, by_statement=False)


def restore(document: Any, mapping: Mapping, body: Body) -> None:
    """Set a document to the values of a stored form; of one that no longer fits, as many as can be read."""
    try:
        fresh = decode(mapping, document.key, body)
    except LoadError:
        fresh = _as_far_as_read(document, mapping, body)
    take_values(document, mapping, fresh)
    state = state_of(document)
    state.assigned = state.baseline = None


def _as_far_as_read(document: Any, mapping: Mapping, body: Body) -> Any:
    """Return an object with the fields that can be read, one by one, and those of the document else."""
    stored, held = body_value(body), dict(document.__dict__)
    for name, known in mapping.fields.items():
        if known.stored in stored:
            with suppress(ValidationError):
                held[name] = field_reader(mapping.model, name).read(stored[known.stored])
    fresh = shell_of(mapping.model, held)
    object.__setattr__(fresh, FIELDS_SET, set(document.model_fields_set))
    object.__setattr__(fresh, EXTRA, extra_of(document))
    return fresh


def take_values(document: Any, mapping: Mapping, fresh: Any) -> None:
    """Set a document to the stored values of another, past validation and change tracking.

    What is never stored stays as it is: private attributes and excluded fields.
    """
    own = document.__dict__
    kept = {name: own[name] for name in mapping.unstored if name in own}
    object.__setattr__(document, "__dict__", {**fresh.__dict__, **kept})
    for name in (FIELDS_SET, EXTRA):
        object.__setattr__(document, name, getattr(fresh, name))


Rewritten: TypeAlias = dict[str, "set[str] | None"]
"""The keys of what statements wrote, by collection; None where any may be among them."""


@dataclass(slots=True)
class Mark:
    """The unwritten documents of a unit of work at one moment, with their values, and how they came or went.

    Stored documents that are not named had the values of their stored form.
    """

    new: Documents = field(default_factory=dict[int, Document])
    changed: Documents = field(default_factory=dict[int, Document])
    deleted: Documents = field(default_factory=dict[int, Document])
    values: dict[int, JsonObject] = field(default_factory=dict[int, JsonObject])
    assigned: dict[int, frozenset[str]] = field(default_factory=dict[int, frozenset[str]])
    dropped: Documents = field(default_factory=dict[int, Document])
    removed: Documents = field(default_factory=dict[int, Document])
    along: dict[int, ref[Document]] = field(default_factory=dict[int, "ref[Document]"])
    rewritten: Rewritten = field(default_factory=dict[str, "set[str] | None"])


_ABSENT = object()


def take_over(held: Document, given: Document) -> None:
    """Set a document to the values that are set on another, at once.

    SchemaViolation if they don't fit together, InvalidDocument if a frozen field would change; then nothing
    is changed.
    """
    mapping = type(held).__solidb_mapping__
    names = (given.model_fields_set | set(extra_of(given) or ())) - {"key", *mapping.unstored}
    fresh = _joined(held, given, names)
    old, new = encode_value(mapping, held), encode_value(mapping, fresh)
    changed = {
        mapping.python_name(name)
        for name in {*old, *new}
        if not identical(old.get(name, _ABSENT), new.get(name, _ABSENT))
    }
    if changed:
        _check_frozen(held, changed)
        check_valid(mapping, fresh, new)
        if held.model_config.get("validate_assignment"):
            fresh = _joined(fresh, validate(mapping, new), changed & set(mapping.fields))
    values = cast("Any", held.__dict__)
    values.update(fresh.__dict__)
    object.__setattr__(held, EXTRA, extra_of(fresh))
    object.__setattr__(held, FIELDS_SET, held.model_fields_set | given.model_fields_set)
    note_assigned(held, names | changed)
    expose(held)


def _joined(base: Document, given: Document, names: set[str]) -> Any:
    """Return an object with the values of one document, and some of another."""
    fields = {name: value for name, value in given.__dict__.items() if name in names}
    joined = shell_of(type(base), {**base.__dict__, **fields})
    if (kept := extra_of(base)) is not None:
        own = extra_of(given) or {}
        extra = {**kept, **{name: own[name] for name in own if name in names}}
        object.__setattr__(joined, EXTRA, extra)
    return joined


def _check_frozen(held: Document, changed: set[str]) -> None:
    is_frozen = bool(held.model_config.get("frozen"))
    for name, info in type(held).model_fields.items():
        if name in changed and (is_frozen or info.frozen):
            raise InvalidDocument(
                f"{type(held).__name__} {held.key!r} can't be merged: {name!r} is frozen, and differs",
                collection=type(held).__solidb_collection__,
                key=held.key,
                hint=f"leave {name!r} out of what is merged, or delete the document and add the other one",
            )
