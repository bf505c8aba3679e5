"""What the mapper knows of one document object, kept beside its fields in a slot.

In-place changes are found without wrapped containers: a field whose value can change in place is
*watched*, and reading it marks the document as touched, as does setting any attribute. A document
that was not touched since it was loaded or written cannot have changed, so a commit never looks at
it; a touched one is encoded and compared with what is stored.

Values that the caller built, or read, may be held elsewhere; such documents are ``exposed``, and compared
at every commit as long as somebody else holds a part of them.

What reading makes up (a default where nothing is stored, a coercion) is no change until it is assigned; so
the names of the attributes that were set are noted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable
from itertools import repeat
from typing import Any, Protocol, TypeAlias

from .._types import Body, JsonObject
from .stored.pydantic_attributes import FIELDS_SET


class Watcher(Protocol):
    """The unit of work, as its documents see it."""

    def touched(self, document: Any, state: State, /) -> None:
        """Hear that a document may have changed from now on."""
        ...


class State:
    """The mapper's notes on one document.

    ``body`` is the document as stored; ``owner`` the unit of work it is in; ``related`` the documents
    that were loaded for its back-references. ``assigned`` are the attributes that were set since ``body``
    was stored; ``baseline`` is what reading ``body`` gave, in stored form, where reading it again may give
    something else. ``is_gone`` says that it was deleted for good.
    """

    __slots__ = (
        "assigned", "baseline", "body", "created", "exposed", "is_gone", "owner", "related", "revision",
        "touched", "updated",
    )  # fmt: skip

    def __init__(
        self, owner: Watcher | None, revision: str, created: str, updated: str, body: Body | None
    ) -> None:
        self.owner = owner
        self.revision = revision
        self.created = created
        self.updated = updated
        self.body = body
        self.assigned: set[str] | None = None
        self.baseline: JsonObject | None = None
        self.touched = False
        self.exposed = False
        self.is_gone = False
        self.related: dict[Any, tuple[Any, ...]] | None = None

    @property
    def is_stored(self) -> bool:
        """Return whether the engine holds the document."""
        return bool(self.revision)

    def store(self, revision: str, created: str, updated: str, body: Body | None) -> None:
        """Take what is stored now; nothing is assigned beyond that."""
        self.revision, self.created, self.updated, self.body = revision, created, updated, body
        self.assigned = self.baseline = None


SLOT = "__solidb_state__"


class AllFields(set[str]):
    """The fields that were set of documents that were read together: all there are, and extra attributes.

    Documents share one, since a set for each is a quarter of what they weigh; Pydantic only ever adds names
    of fields, which are in it. A document gives one of its own to who asks for it, and one that takes extra
    attributes takes its own before any attribute is set.
    """

    __slots__ = ()


def is_shared(document: Any) -> bool:
    """Return whether a document has the set of the fields that were set together with others."""
    return type(getattr(document, FIELDS_SET, None)) is AllFields


def own_fields_set(document: Any) -> set[str]:
    """Return the set of the fields that were set of one document, which is no other's."""
    names: set[str] = _slot(document, FIELDS_SET)
    if type(names) is AllFields:
        names = set(names)
        object.__setattr__(document, FIELDS_SET, names)
    return names


def touch(document: Any, state: State | None = None, assigned: str | None = None) -> None:
    """Note that a document may have changed, and which attribute is set, if one is.

    ``state`` are the notes on the document, where they are known.
    """
    state = state or state_of(document)
    if not state.touched:
        if state.owner is not None:
            state.owner.touched(document, state)
        state.touched = True  # the last: an interrupt before it must not hide the change
    if assigned is not None and (state.body is not None or state.owner is not None):
        state.assigned = {*(state.assigned or ()), assigned}


def note_assigned(document: Any, names: Iterable[str]) -> None:
    """Note that attributes were set, whatever their values."""
    state = state_of(document)
    if state.body is not None or state.owner is not None:
        state.assigned = {*(state.assigned or ()), *names}


def expose(document: Any) -> None:
    """Note that somebody may hold values of a document that can change in place."""
    state = state_of(document)
    if not state.exposed:
        if state.body is not None and state.baseline is None and document.__solidb_unsteady__:
            state.exposed = True  # computed fields read others meanwhile
            try:
                state.baseline = document.__solidb_baseline__()
            finally:
                state.exposed = False
        state.exposed, state.touched = True, False
    if not state.touched:  # as in touch(), which most that is read would call
        if state.owner is not None:
            state.owner.touched(document, state)
        state.touched = True


Loaded: TypeAlias = "tuple[Watcher, str, str, str, Body | None]"
"""What there is to note on a document that was loaded, or added: who has it, what is stored beside its key.

They stand in the slot until the notes are asked for, which most documents that are read never are.
"""


def state_of(document: Any) -> State:
    """Return the notes on a document; make empty ones if there are none."""
    try:
        state: State | Loaded = _slot(document, SLOT)
    except AttributeError:
        return _noted(document, State(None, "", "", "", None))
    return state if isinstance(state, State) else _unpacked(document, state)


_slot = object.__getattribute__
"""Reads the slot without Pydantic's search for what is not there."""


def has_notes(document: Any) -> bool:
    """Return whether anything has been noted on a document."""
    try:
        _slot(document, SLOT)
    except AttributeError:
        return False
    return True


def any_noted(documents: Iterable[Any]) -> bool:
    """Return whether anything has been noted on any of some documents."""
    for document in documents:
        try:
            _slot(document, SLOT)
        except AttributeError:
            continue
        return True
    return False


def begin_notes(document: Any, notes: Loaded) -> None:
    """Note what there is to note on a document that was added, loaded or inserted, and not touched since."""
    object.__setattr__(document, SLOT, notes)


def untouched_notes(document: Any) -> Loaded | None:
    """Return the notes on a document that nobody has asked for yet; None if somebody has."""
    notes: State | Loaded = _slot(document, SLOT)
    return None if isinstance(notes, State) else notes


def all_untouched(documents: Collection[Any]) -> list[Loaded] | None:
    """Return the notes on documents, if nobody has asked for those on any of them yet."""
    notes: list[Any] = list(map(_slot, documents, repeat(SLOT)))
    return notes if {tuple}.issuperset(map(type, notes)) else None


def begin_all_notes(documents: Iterable[Any], notes: Iterable[Loaded]) -> None:
    """Note what there is to note on documents; nothing comes in between."""
    deque(map(object.__setattr__, documents, repeat(SLOT), notes), 0)


def state_or_none(document: Any) -> State | None:
    """Return the notes on a document, or None if nothing has been noted."""
    try:
        state: State | Loaded = _slot(document, SLOT)
    except AttributeError:
        return None
    return state if isinstance(state, State) else _unpacked(document, state)


def _unpacked(document: Any, state: Loaded) -> State:
    made = State(*state)
    object.__setattr__(document, SLOT, made)
    return made


def _noted(document: Any, state: State) -> State:
    object.__setattr__(document, SLOT, state)
    return state


def pickled(document: Any) -> tuple[Any, ...] | None:
    """Return the notes that a pickled document keeps: what is stored of it, and what was set since."""
    state = state_or_none(document)
    if state is None or state.body is None:
        return None
    assigned = None if state.assigned is None else tuple(state.assigned)
    return state.revision, state.created, state.updated, state.body, assigned, state.baseline


def unpickle(document: Any, notes: tuple[Any, ...] | None) -> None:
    """Restore the notes of a document that was pickled; it is in no session."""
    if notes is None:
        return
    revision, created, updated, body, assigned, baseline = notes
    state = _noted(document, State(None, revision, created, updated, body))
    state.assigned = None if assigned is None else set(assigned)
    state.baseline = baseline
    state.exposed = True
