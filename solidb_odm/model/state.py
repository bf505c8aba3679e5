"""What the mapper knows of one document object, kept beside its fields in a slot.

In-place changes are found without wrapped containers: a field whose value can change in place is
*watched*, and reading it marks the document as touched, as does setting any attribute. A document
that was not touched since it was loaded or written cannot have changed, so a commit never looks at
it; a touched one is encoded and compared with what is stored.

Values that the caller built and handed in may be held elsewhere; such documents stay ``exposed``
and are compared at every commit.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from .._types import Body, Stored


class Watcher(Protocol):
    """The unit of work, as its documents see it."""

    def touched(self, document: Any, /) -> None:
        """Hear that a document may have changed from now on."""
        ...


class State:
    """The mapper's notes on one document.

    ``body`` is the document as stored; ``owner`` the unit of work it is in; ``related`` the documents
    that were loaded for its back-references.
    """

    __slots__ = ("body", "created", "exposed", "owner", "related", "revision", "touched", "updated")

    def __init__(
        self, owner: Watcher | None, revision: str, created: str, updated: str, body: Body | None
    ) -> None:
        self.owner = owner
        self.revision = revision
        self.created = created
        self.updated = updated
        self.body = body
        self.touched = False
        self.exposed = False
        self.related: dict[Any, tuple[Any, ...]] | None = None

    @property
    def is_stored(self) -> bool:
        """Say whether the engine holds the document."""
        return bool(self.revision)


SLOT = "__solidb_state__"


def touch(document: Any) -> None:
    """Note that a document may have changed."""
    state = state_of(document)
    if not state.touched:
        state.touched = True
        if state.owner is not None:
            state.owner.touched(document)


def expose(document: Any) -> None:
    """Note that somebody may hold values of a document that can change in place."""
    state = state_of(document)
    if not state.exposed:
        state.exposed, state.touched = True, False
    touch(document)


Loaded: TypeAlias = tuple[Watcher, Stored]
"""What there is to note on a loaded document: who has it, and what it was made of.

They stand in the slot until the notes are asked for, which most documents that are read never are.
"""


def state_of(document: Any) -> State:
    """Give the notes on a document; make empty ones if there are none."""
    return state_or_none(document) or _noted(document, State(None, "", "", "", None))


_slot = object.__getattribute__
"""Reads the slot without Pydantic's search for what is not there."""


def state_or_none(document: Any) -> State | None:
    """Give the notes on a document, or None if nothing has been noted."""
    try:
        state: State | Loaded = _slot(document, SLOT)
    except AttributeError:
        return None
    if isinstance(state, State):
        return state
    owner, (_, revision, created, updated, body) = state
    return _noted(document, State(owner, revision, created, updated, body))


def _noted(document: Any, state: State) -> State:
    object.__setattr__(document, SLOT, state)
    return state
