"""Commands on documents: reading by key, writing in batches, and transactions.

A batch holds writes of one collection and one kind; batches are written in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from .._dataclasses import dataclass
from .._types import Body, JsonObject, Receipt, Stored
from .command import Command


@dataclass(frozen=True, slots=True)
class Get(Command[Stored | None]):
    """Read a document by its key; the reply is None if there is none."""

    collection: str
    key: str


@dataclass(frozen=True, slots=True)
class GetMany(Command[list[Stored]]):
    """Read documents by their keys in one round trip. The reply leaves out missing ones and has no order."""

    collection: str
    keys: Sequence[str]


@dataclass(frozen=True, slots=True)
class Inserts:
    """Documents to insert: ``(key, body)``; the body contains ``_key`` too.

    The reply is a receipt for each. Raises DuplicateKey, UniqueViolation or SchemaViolation.
    """

    collection: str
    rows: Sequence[tuple[str, Body]]


@dataclass(frozen=True, slots=True)
class Patch:
    """A change of a stored document, at its top level.

    ``changes`` are the attributes to set, ``removed`` the names of those to remove. ``whole`` is the complete
    new document (with ``_key``); it is required if ``removed`` is not empty, for engines that can't remove
    attributes. An engine that stores text writes a ``whole`` that is text as it is. ``created`` is the time
    of the receipt of the revision, if it is known.
    """

    key: str
    revision: str
    changes: JsonObject
    removed: tuple[str, ...] = ()
    whole: Body | None = None
    created: str = ""


@dataclass(frozen=True, slots=True)
class Patches:
    """Changes of stored documents; each is made only if the document still has the revision given.

    The reply is a receipt for each. Raises StaleDocumentError, which names all documents that have another
    one.
    """

    collection: str
    rows: Sequence[Patch]


@dataclass(frozen=True, slots=True)
class Removals:
    """Documents to delete: ``(key, revision)``; each is deleted only if it still has this revision.

    The reply is a receipt for each, with the deleted revision. Raises StaleDocumentError as Patches does.
    """

    collection: str
    rows: Sequence[tuple[str, str]]


Batch: TypeAlias = Inserts | Patches | Removals


@dataclass(frozen=True, slots=True)
class Apply(Command[list[list[Receipt]]]):
    """Write batches in the transaction of the channel, which is begun if none is open.

    Only for channels whose ``interactive_transactions`` is True. The reply has a list of receipts for each
    batch. If a batch fails, the writes of this command are undone, and the transaction stays open with those
    of earlier commands.
    """

    batches: Sequence[Batch]


@dataclass(frozen=True, slots=True)
class CommitBatches(Command[list[list[Receipt]]]):
    """Write batches and commit, atomically, in a fixed number of round trips.

    Only for channels whose ``interactive_transactions`` is False.
    """

    batches: Sequence[Batch]


@dataclass(frozen=True, slots=True)
class NullsRemoved:
    """The number of documents that RemoveNulls has changed, and the session to pass to the next one."""

    count: int
    session: str


@dataclass(frozen=True, slots=True)
class RemoveNulls(Command[NullsRemoved]):
    """Remove attributes from documents, ``(key, names)``; from each only if all of these are null in it.

    Each document is read and written under its lock and keeps its time of creation. Documents that do not
    exist, or that a schema would then refuse, are not changed. Only for channels whose
    ``interactive_transactions`` is False; others use ``Patch`` in a transaction.
    """

    collection: str
    rows: Sequence[tuple[str, Sequence[str]]]
    session: str = ""


@dataclass(frozen=True, slots=True)
class Begin(Command[bool]):
    """Begin a transaction; the reply is False if one is open already, or the engine has none."""


@dataclass(frozen=True, slots=True)
class Commit(Command[None]):
    """Commit the open transaction of the channel; does nothing if none is open."""


@dataclass(frozen=True, slots=True)
class Rollback(Command[None]):
    """Roll back the open transaction of the channel; does nothing if none is open."""


@dataclass(frozen=True, slots=True)
class Savepoint(Command[None]):
    """Set a savepoint in the transaction of the channel, which is begun if none is open."""

    name: str


@dataclass(frozen=True, slots=True)
class RollbackTo(Command[None]):
    """Roll back to a savepoint and release it."""

    name: str


@dataclass(frozen=True, slots=True)
class Release(Command[None]):
    """Release a savepoint, keeping the writes since."""

    name: str
