"""What the mapper knows of one document: the state it is in, and what changed since it was stored."""

from __future__ import annotations

from collections.abc import Mapping as AnyMapping
from typing import TYPE_CHECKING, Any, TypeAlias

from .._dataclasses import dataclass
from ..errors import missing
from ..model.document import Document
from ..model.document_state import state_or_none
from ..model.stored.codec import decode
from ..model.stored.pydantic_attributes import extra_of
from .differences import document_difference
from .states import StateName, checked, state_in
from .unit import UnitOfWork


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """The value of an attribute as it is stored, and as it is now; None where there is none."""

    old: Any
    new: Any


Change: TypeAlias = AttributeChange
"""The former name."""


_STATE = "inspect(document).state, a text"
_WAYS = {
    "attrs": "inspect(document).changes, by attribute: changes['name'].old",
    "deleted": _STATE,
    "detached": _STATE,
    "dict": "document.model_dump()",
    "identity": "document.key",
    "identity_key": "document.id",
    "mapper": "type(document).model_fields",
    "modified": "inspect(document).is_modified",
    "object": "inspect(document).document",
    "pending": _STATE,
    "persistent": _STATE,
    "session": "document in session",
    "transient": _STATE,
}
"""What SQLAlchemy's inspection has, by what to write here."""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What ``inspect`` finds.

    *transient*: in no session, not stored. *pending*: the next flush inserts it. *persistent*: stored
    and in a session. *deleted*: the next flush deletes it. *detached*: stored, in no session.

    ``changes`` are the attributes that differ from the stored form, by their Python names; those of
    a document that is not stored have no old values.
    """

    document: Document
    state: StateName
    changes: AnyMapping[str, AttributeChange]

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing(self, name, _WAYS)

    @property
    def is_modified(self) -> bool:
        """Return whether the document differs from what is stored."""
        return bool(self.changes)


def inspect(document: Document) -> Inspection:
    """Return the state of a document and the history of its attributes, without asking the engine."""
    state = checked(document, "inspect")
    owner = None if state is None or not isinstance(state.owner, UnitOfWork) else state.owner
    return Inspection(document, state_in(document, owner), _changes_of(document))


def _changes_of(document: Document) -> dict[str, AttributeChange]:
    state = state_or_none(document)
    mapping = type(document).__solidb_mapping__
    now = _attributes(document)
    if state is None or state.body is None:
        return {name: AttributeChange(None, now.get(name)) for name in mapping.fields}
    difference, _ = document_difference(mapping, document, state)
    old = _attributes(decode(mapping, document.key, state.body))
    names = [*difference.changes, *difference.removed]
    python_names = [known.name if (known := mapping.by_stored.get(name)) else name for name in names]
    return {name: AttributeChange(old.get(name), now.get(name)) for name in python_names}


def _attributes(document: Document) -> dict[str, Any]:
    return {**document.__dict__, **(extra_of(document) or {})}
