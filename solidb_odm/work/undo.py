"""How to take back what a flush did to the notes on documents, and to the documents themselves."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from .._types import Body
from ..model.codec import decode
from ..model.document import Document
from ..model.mapping import Mapping
from ..model.state import State


class Noted(NamedTuple):
    """What was known of a document before a flush wrote it."""

    stored: tuple[str, str, str, Body | None]
    is_new: bool
    is_removed: bool


class Undo:
    """The documents a transaction wrote, as they were stored before it; the first note counts."""

    def __init__(self) -> None:
        self._notes: dict[int, tuple[Document, State, Noted]] = {}

    def note(self, document: Document, state: State, *, is_new: bool, is_removed: bool = False) -> None:
        """Remember a document before it is written."""
        key = id(document)
        known = self._notes.get(key)
        if known is None:
            stored = (state.revision, state.created, state.updated, state.body)
            self._notes[key] = (document, state, Noted(stored, is_new, is_removed))
        elif is_removed:
            if known[2].is_new:
                del self._notes[key]
            else:
                self._notes[key] = (document, state, known[2]._replace(is_removed=True))

    def take(self) -> Iterator[tuple[Document, State, Noted]]:
        """Give all notes, forgetting them."""
        notes, self._notes = self._notes, {}
        yield from notes.values()

    def clear(self) -> None:
        """Forget all notes."""
        self._notes = {}


def restore(document: Any, mapping: Mapping, state: State) -> None:
    """Give a document the values of its stored form again."""
    assert state.body is not None
    take_values(document, decode(mapping, document.key, state.body))


def take_values(document: Any, fresh: Any) -> None:
    """Give a document all the values of another, past validation and change tracking."""
    for name in ("__dict__", "__pydantic_fields_set__", "__pydantic_extra__", "__pydantic_private__"):
        object.__setattr__(document, name, getattr(fresh, name))
