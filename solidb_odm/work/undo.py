"""How to take back what flushes did to the notes on documents: layer on layer, one for each savepoint."""

from __future__ import annotations

from typing import Any, NamedTuple

from .._types import Body
from ..model.declaration.mapping import Mapping
from ..model.document import Document
from ..model.state import State
from ..model.stored.codec import decode


class Noted(NamedTuple):
    """A document and what was noted of it before a flush, or a statement, wrote it."""

    document: Document
    state: State
    stored: tuple[str, str, str, Body | None]
    by_statement: bool = False

    def put_back(self) -> None:
        """Make the old notes the present ones."""
        state = self.state
        state.revision, state.created, state.updated, state.body = self.stored


Notes = dict[int, Noted]


class Undo:
    """The documents a transaction wrote, as they were before; within a layer the first note counts."""

    def __init__(self) -> None:
        self._layers: list[Notes] = [{}]

    def note(self, document: Document, state: State, by_statement: bool = False) -> None:
        """Remember a document before it is written."""
        notes = self._layers[-1]
        if id(document) not in notes:
            stored = (state.revision, state.created, state.updated, state.body)
            notes[id(document)] = Noted(document, state, stored, by_statement)

    def push(self) -> None:
        """Begin a layer."""
        self._layers.append({})

    def pop(self) -> list[Noted]:
        """Give the notes of the top layer, ending it."""
        return list(self._layers.pop().values())

    def merge(self) -> None:
        """End the top layer; what it noted belongs to the one below."""
        top = self._layers.pop()
        self._layers[-1] = {**top, **self._layers[-1]}

    def take(self) -> list[Noted]:
        """Give the notes of all layers, forgetting them."""
        while len(self._layers) > 1:
            self.merge()
        notes = list(self._layers[0].values())
        self.clear()
        return notes

    def clear(self) -> None:
        """Forget all notes."""
        self._layers = [{}]


def restore(document: Any, mapping: Mapping, body: Body) -> None:
    """Give a document the values of a stored form."""
    take_values(document, mapping, decode(mapping, document.key, body))


def take_values(document: Any, mapping: Mapping, fresh: Any) -> None:
    """Give a document the stored values of another, past validation and change tracking.

    What is never stored stays as it is: private attributes and excluded fields.
    """
    own = document.__dict__
    kept = {name: own[name] for name in mapping.unstored if name in own}
    object.__setattr__(document, "__dict__", {**fresh.__dict__, **kept})
    for name in ("__pydantic_fields_set__", "__pydantic_extra__"):
        object.__setattr__(document, name, getattr(fresh, name))
