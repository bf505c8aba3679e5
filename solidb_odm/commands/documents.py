"""Commands on documents: reading by key, and writing in batches.

Writes travel as batches, one collection and one kind each, in the order they must happen.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from .._dataclasses import dataclass
from .._types import Body, JsonObject, Receipt, Stored
from .command import Command


@dataclass(frozen=True, slots=True)
class Get(Command[Stored | None]):
    """Read one document; None if there is none."""

    collection: str
    key: str


@dataclass(frozen=True, slots=True)
class GetMany(Command[list[Stored]]):
    """Read the documents with these keys in one round trip; missing ones are left out, any order."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Inserts:
    """New documents: ``(key, body)``; the body holds ``_key`` too.

    One receipt each. DuplicateKey, UniqueViolation or SchemaViolation if one can't be stored.
    """

    collection: str
    rows: Sequence[tuple[str, Body]]


@dataclass(frozen=True, slots=True)
class Patch:
    """The change of one stored document, top level only.

    ``changes`` are the attributes to set, ``removed`` those to take away. ``whole`` is the new
    document in full (with ``_key``), given if ``removed`` is not empty: an engine that can't
    remove attributes replaces the document. As text it may be given always; an engine that keeps
    text then writes it as it is. ``created`` is the time of the revision's receipt, if it is known.
    """

    key: str
    revision: str
    changes: JsonObject
    removed: tuple[str, ...] = ()
    whole: Body | None = None
    created: str = ""


@dataclass(frozen=True, slots=True)
class Patches:
    """Changes of stored documents, each only if the revision is still the one given.

    One receipt each. StaleDocumentError, naming all that moved, if one is not.
    """

    collection: str
    rows: Sequence[Patch]


@dataclass(frozen=True, slots=True)
class Removals:
    """Deletions: ``(key, revision)``, each only if the revision is still the one given.

    One receipt each, with the revision that was deleted. StaleDocumentError as for Patches.
    """

    collection: str
    rows: Sequence[tuple[str, str]]


Batch: TypeAlias = Inserts | Patches | Removals


@dataclass(frozen=True, slots=True)
class Apply(Command[list[list[Receipt]]]):
    """Write batches inside the channel's transaction, which begins if none is open.

    Only for channels whose ``interactive_transactions`` is True. The reply has one list of receipts
    for each batch. If a batch fails, what this command wrote is undone; the transaction stays open
    with what earlier commands wrote.
    """

    batches: Sequence[Batch]


@dataclass(frozen=True, slots=True)
class CommitBatches(Command[list[list[Receipt]]]):
    """Write batches and commit, all or nothing, in a fixed number of round trips.

    Only for channels whose ``interactive_transactions`` is False.
    """

    batches: Sequence[Batch]


@dataclass(frozen=True, slots=True)
class NullsRemoved:
    """How many documents RemoveNulls has changed, and the session to give with the next."""

    count: int
    session: str


@dataclass(frozen=True, slots=True)
class RemoveNulls(Command[NullsRemoved]):
    """Take attributes away from documents, ``(key, names)``, each only if all of its names are null there.

    Each document is read and written under its lock and keeps its time of creation; other documents are
    left alone, as are those that are gone or that a schema refuses then. Only for channels whose
    ``interactive_transactions`` is False: elsewhere ``Patch`` does that in the transaction.
    """

    collection: str
    rows: Sequence[tuple[str, Sequence[str]]]
    session: str = ""


@dataclass(frozen=True, slots=True)
class Begin(Command[bool]):
    """Open a transaction and say so; False if one is open already, or the engine has none to open."""


@dataclass(frozen=True, slots=True)
class Commit(Command[None]):
    """Commit the channel's open transaction; nothing if none is open."""


@dataclass(frozen=True, slots=True)
class Rollback(Command[None]):
    """Undo the channel's open transaction; nothing if none is open."""


@dataclass(frozen=True, slots=True)
class Savepoint(Command[None]):
    """Mark a place in the channel's transaction, which begins if none is open."""

    name: str


@dataclass(frozen=True, slots=True)
class RollbackTo(Command[None]):
    """Undo what was written since the savepoint, and forget it."""

    name: str


@dataclass(frozen=True, slots=True)
class Release(Command[None]):
    """Forget a savepoint, keeping what was written since."""

    name: str
