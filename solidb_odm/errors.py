"""Every error this package raises, classed by what a caller can do about it.

::

    SolidbError                      the root: catch this for everything
    ├── DeclarationError             fix the model class (raised while the class is made)
    ├── ConfigurationError           fix the URL or the options
    ├── UsageError                   fix the calling code
    │   ├── StateError               this object can't make that move; names both
    │   │   └── MergeConflictError   both sides changed an attribute; ``conflicts`` says which
    │   ├── UnflushedChangesError    flush and commit first, or read="committed"
    │   ├── ConcurrentUseError       one session per thread or task
    │   ├── ResultError              the result is not of the form that was asked for
    │   │   ├── NoResultError, MultipleResultsError
    │   ├── PendingChanges           sync first, or say that the edits may be thrown away
    │   └── ClosedError              the session, engine or client is closed
    ├── ConnectionFailed             reconnect: the server can't be reached, or went away
    │   ├── ConnectionLost           the connection broke while a request was under way
    │   ├── AnswerLost               a write was not answered by a server that is there: look at the data
    │   └── CommitOutcomeUnknown     it broke during a commit; ``committed`` says what is known
    ├── RequestTimeout               try again later, or with more time
    ├── AuthError                    log in again, with other credentials
    ├── ProtocolError                client and server do not understand each other
    │   ├── MessageTooLarge          send or ask for less at once (16 MiB a message)
    │   └── InvalidCommand           the server refused the shape of a request
    ├── DatabaseError                the engine said no
    │   ├── PermissionDenied         log in as somebody who may
    │   ├── NotFoundError            create it first
    │   │   ├── DatabaseNotFound, CollectionNotFound, DocumentNotFound, IndexNotFound
    │   ├── AlreadyExists            choose another name: DatabaseExists, CollectionExists, IndexExists
    │   ├── InvalidDocument          fix the data
    │   │   ├── DuplicateKey, UniqueViolation, SchemaViolation
    │   ├── QueryError               fix the query
    │   │   ├── QuerySyntaxError     with line, column and a caret
    │   │   ├── UnsupportedQueryError   this engine can't do that (yet); names the construct
    │   │   └── QueryTimeout, QueryLimitError
    │   ├── TransactionError         the transaction is over, start again
    │   │   └── TransactionConflict  somebody else was first: try again
    │   ├── StaleDocumentError       somebody else changed it: reload, merge, try again
    │   ├── NotSupportedByServerError   the server has no such thing; says what to use instead
    │   ├── StoreOfAnotherUser       open another folder, or wipe() this one
    │   ├── ServerRollbackSuspected  accept_server() or reupload()
    │   └── StorageError             the file
    │       ├── StoreUnavailable     it can't be opened
    │       │   └── WrongKey         give the key that it was encrypted with
    │       ├── StoreCorrupt         it isn't a database, or it is damaged
    │       └── StoreLocked          another process writes: try again
    ├── MigrationError               a revision can't be made or run; says what to do
    │   ├── DecisionNeeded           say what is meant: ``questions`` have the flags to give
    │   ├── DataLossRefused          it would lose data for good: allow it, or keep the data
    │   ├── IrreversibleMigration    it can't be undone; says why
    │   ├── InvalidDocuments         documents stand against it: ``collection``, ``count``, ``keys``
    │   ├── MigrationLocked          another runner is at work: wait
    │   ├── MigrationFailed          a step failed at a document: mend it and upgrade again
    │   ├── RevisionChanged          a revision is not what was run: restore it, or stamp
    │   ├── RevisionNotFound         there is no such revision
    │   ├── SeveralHeads             merge them first
    │   └── PendingMigrations        upgrade the database first
    └── LoadError                    a stored document does not fit its model

What Python has a class for is of that class too, so that callers who know nothing of this package catch it:
``ConnectionFailed`` is a ``ConnectionError``; ``RequestTimeout``, ``QueryTimeout`` and ``StoreLocked`` are a
``TimeoutError``; ``NotFoundError`` and ``NoResultError`` are a ``LookupError``; ``PermissionDenied`` and
``AuthError`` are a ``PermissionError``; ``DeclarationError`` is a ``TypeError`` and ``ConfigurationError`` a
``ValueError``.

Context is in attributes; nobody needs to parse a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class SolidbError(Exception):
    """The root of all errors of this package. ``hint`` says what to do, if there is something."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, vars(self))


def _restored(kind: type[SolidbError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> SolidbError:
    """Return a copied or unpickled error; not by its constructor, whose arguments are attributes now."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


def missing(owner: object, name: str, ways: Mapping[str, str]) -> AttributeError:
    """Return the error of an attribute that is not there; ``ways`` say what to write instead of some."""
    instead = f"; write {ways[name]}" if name in ways else ""
    text = f"{type(owner).__name__!r} object has no attribute {name!r}{instead}"
    return AttributeError(text, name=name, obj=owner)


class DeclarationError(SolidbError, TypeError):
    """A model class is declared wrongly; raised while the class is made.

    ``model`` and ``field`` name the place.
    """

    def __init__(
        self, message: str, *, model: str = "", field: str | None = None, hint: str | None = None
    ) -> None:
        where = f"{model}.{field}" if field else model
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.model = model
        self.field = field


class ConfigurationError(SolidbError, ValueError):
    """A URL or an option makes no sense."""


class UsageError(SolidbError):
    """The call can't be made here and now; the message names the call to make instead."""


def listed(values: Any, call: str, hint: str | None = None) -> list[Any]:
    """Return the several values that a call was given; UsageError if they are none."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"{call} takes several, not {values!r}", hint=hint)
    return list(values)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def check_callable(function: Any, call: str, hint: str) -> None:
    """Refuse what can't be called; UsageError."""
    if not callable(function):
        raise UsageError(f"{call} takes a function, not {function!r}", hint=hint)


class StateError(UsageError):
    """An object can't make this move from the state it is in."""

    def __init__(self, message: str, *, state: str = "", move: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.state = state
        self.move = move


class UnflushedChangesError(UsageError):
    """A query would not see the session's own unsent changes to a collection it reads."""

    def __init__(self, message: str, *, collections: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.collections = collections


class ResultError(UsageError):
    """A result has not the number of rows that was asked for."""


class NoResultError(ResultError, LookupError):
    """One row was expected, and there is none."""


class MultipleResultsError(ResultError):
    """One row was expected, and there are several."""


class MergeConflictError(StateError):
    """Both sides changed an attribute to different values; ``conflicts`` lists them by document."""

    def __init__(
        self, message: str, *, conflicts: Mapping[str, Sequence[Any]], hint: str | None = None
    ) -> None:
        super().__init__(message, state="persistent", move="rebase", hint=hint)
        self.conflicts = conflicts


class ConcurrentUseError(UsageError):
    """A session was entered by two threads or tasks at once."""


class ClosedError(UsageError):
    """The session, engine or client is closed."""


class ConnectionFailed(SolidbError, ConnectionError):
    """The server can't be reached. Nothing was sent, unless a subclass says otherwise."""

    def __init__(self, message: str, *, address: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.address = address


class ConnectionLost(ConnectionFailed):
    """The connection broke while a request was under way; whether it ran is not known."""


class AnswerLost(ConnectionLost):
    """A query that writes was not answered, though the server is there: its answer is over 16 MiB.

    The server runs such a query and then hangs up, so what it wrote is written. Nothing tells this from
    a connection that something in between has cut.
    """


class CommitOutcomeUnknown(ConnectionLost):
    """The connection broke while a commit was under way.

    ``committed`` is True or False where it could be found out afterwards, else None.
    """

    def __init__(
        self, message: str, *, committed: bool | None = None, address: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, address=address, hint=hint)
        self.committed = committed


class RequestTimeout(SolidbError, TimeoutError):
    """No answer came in time. The connection was dropped; whether the request ran is not known."""

    def __init__(self, message: str, *, seconds: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class AuthError(SolidbError, PermissionError):
    """The credentials are wrong, expired or missing."""


class ProtocolError(SolidbError):
    """The other side sent, or was sent, something that is not the protocol."""


class MessageTooLarge(ProtocolError):
    """A message is over the limit of 16 MiB (64 KiB before login): a request, which was not sent, or
    the answer to one that only reads.
    """

    def __init__(self, message: str, *, size: int = 0, limit: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.size = size
        self.limit = limit


class InvalidCommand(ProtocolError):
    """The server does not take this request in this form."""


class DatabaseError(SolidbError):
    """The engine understood the request and refused it."""


class PermissionDenied(DatabaseError, PermissionError):
    """The user may not do this."""


class NotFoundError(DatabaseError, LookupError):
    """Something that was named does not exist; ``name`` says what."""

    def __init__(self, message: str, *, name: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class DatabaseNotFound(NotFoundError):
    """There is no such database."""


class CollectionNotFound(NotFoundError):
    """There is no such collection."""


class DocumentNotFound(NotFoundError):
    """There is no document with this key; ``collection`` may be empty if the engine did not say."""

    def __init__(
        self, message: str, *, name: str = "", collection: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, name=name, hint=hint)
        self.collection = collection


class IndexNotFound(NotFoundError):
    """There is no such index."""


class AlreadyExists(DatabaseError):
    """Something of this name exists already; ``name`` says what."""

    def __init__(self, message: str, *, name: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class DatabaseExists(AlreadyExists):
    """There is a database of this name."""


class CollectionExists(AlreadyExists):
    """There is a collection of this name."""


class IndexExists(AlreadyExists):
    """There is an index of this name."""


class InvalidDocument(DatabaseError):
    """The engine does not take this document."""

    def __init__(self, message: str, *, collection: str = "", key: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.collection = collection
        self.key = key


class DuplicateKey(InvalidDocument):
    """There is a document with this key already."""


class UniqueViolation(InvalidDocument):
    """A unique index holds this value already; ``fields`` and ``index`` say which."""

    def __init__(
        self,
        message: str,
        *,
        collection: str = "",
        key: str = "",
        index: str = "",
        fields: tuple[str, ...] = (),
        hint: str | None = None,
    ) -> None:
        super().__init__(message, collection=collection, key=key, hint=hint)
        self.index = index
        self.fields = fields


class SchemaViolation(InvalidDocument):
    """The document does not fit the collection's JSON Schema."""


class QueryError(DatabaseError):
    """A query failed. ``query`` and ``binds`` hold what was asked, where known."""

    def __init__(
        self,
        message: str,
        *,
        query: str = "",
        binds: dict[str, Any] | None = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.query = query
        self.binds = binds or {}


class QuerySyntaxError(QueryError):
    """The text is not SDBQL. ``line`` and ``column`` count from 1; 0 where they are not known."""

    def __init__(
        self,
        message: str,
        *,
        query: str = "",
        line: int = 0,
        column: int = 0,
        length: int = 1,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, query=query, hint=hint)
        self.line = line
        self.column = column
        self.length = length

    def __str__(self) -> str:
        if not self.line:
            return super().__str__()
        lines = self.query.split("\n")
        source = lines[self.line - 1] if self.line <= len(lines) else ""
        shown, before = _window(source, self.column - 1)
        caret = " " * before + "^" * max(1, min(self.length, len(shown) - before))
        text = f"line {self.line}, column {self.column}: {self.message}\n{shown}\n{caret}"
        return f"{text}\n  hint: {self.hint}" if self.hint else text


def _window(line: str, place: int, width: int = 100) -> tuple[str, int]:
    """Return the part of a line around a place that fits on a screen, and the place within it."""
    if len(line) <= width:
        return line, place
    start = max(0, place - width // 2)
    left, right = ("... " if start else ""), (" ..." if start + width < len(line) else "")
    return f"{left}{line[start : start + width]}{right}", place - start + len(left)


class UnsupportedQueryError(QueryError):
    """This engine can't run the query; ``construct`` names what it lacks."""

    def __init__(
        self, message: str, *, construct: str = "", query: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, query=query, hint=hint)
        self.construct = construct


class QueryTimeout(QueryError, TimeoutError):
    """The query ran longer than it may."""


class QueryLimitError(QueryError):
    """The query made more rows, or nested deeper, than it may."""


class TransactionError(DatabaseError):
    """The transaction is over, or can't do this."""


class TransactionConflict(TransactionError):
    """Another transaction touches, or has changed, the same document. Nothing was written."""


@dataclass(frozen=True, slots=True)
class StaleDocument:
    """One document that another writer changed; ``found`` is None if it is gone."""

    collection: str
    key: str
    expected: str
    found: str | None


class StaleDocumentError(DatabaseError):
    """Another writer changed or deleted documents since they were loaded. Nothing was written.

    ``documents`` lists them with the expected and the found revision.
    """

    def __init__(
        self, message: str, *, documents: tuple[StaleDocument, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.documents = documents

    @classmethod
    def of(cls, documents: tuple[StaleDocument, ...]) -> StaleDocumentError:
        """Make the error for these documents, with the message that names them."""
        names = ", ".join(f"{d.collection}/{d.key}" for d in documents[:5])
        if len(documents) > 5:
            names += f" and {len(documents) - 5} more"
        return cls(
            f"changed or deleted by somebody else since this session loaded it: {names}; nothing was written",
            documents=documents,
            hint="session.rollback(), session.refresh(obj) and make the change again, "
            "or wrap the unit of work in session.run(work), which retries",
        )


class NotSupportedByServerError(DatabaseError):
    """The server has no such feature; the hint says what to use instead."""


class StorageError(DatabaseError):
    """Something is wrong with the file of the file engine; ``path`` names it."""

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class StoreUnavailable(StorageError):
    """The file can't be opened or written: path, rights or disk."""


class StoreCorrupt(StorageError):
    """The file isn't a database of this package, or it is damaged."""


class StoreLocked(StorageError, TimeoutError):
    """Another process holds the write lock of the file for longer than the time-out."""


class WrongKey(StoreUnavailable):
    """The store is encrypted with another key, or with one where none was given."""


class StoreOfAnotherUser(DatabaseError):
    """The offline store belongs to another user, or to another database."""


class PendingChanges(UsageError):
    """Edits wait to be pushed that this call would throw away; ``count`` says how many."""

    def __init__(self, message: str, *, count: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.count = count


class ServerRollbackSuspected(DatabaseError):
    """The server has ``lost`` of the ``known`` documents: it was restored from a backup, or emptied."""

    def __init__(self, message: str, *, lost: int = 0, known: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.lost = lost
        self.known = known


class LoadError(SolidbError):
    """A stored document does not fit its model. The cause is Pydantic's error."""

    def __init__(
        self,
        message: str,
        *,
        model: str = "",
        collection: str = "",
        key: str = "",
        document: Any = None,
        hint: str | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.model = model
        self.collection = collection
        self.key = key
        self.document = document


# --- migrations ----------------------------------------------------------------------------------


class MigrationError(SolidbError):
    """A revision can't be made or run; the message says what to do."""


class DecisionNeeded(MigrationError):
    """A change can be meant in several ways; ``questions`` say which, each with the flags that answer it."""

    def __init__(self, message: str, *, questions: Sequence[Any] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.questions = list(questions)


class DataLossRefused(MigrationError):
    """A step would destroy data for good, and that was not allowed."""


class IrreversibleMigration(MigrationError):
    """A revision says that it can't be undone, and why; nothing was changed."""


class InvalidDocuments(MigrationError):
    """Documents do not fit what a revision makes of their collection; nothing was changed."""

    def __init__(
        self, message: str, *, collection: str, count: int, keys: Sequence[str], hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.collection = collection
        self.count = count
        self.keys = list(keys)


class MigrationLocked(MigrationError):
    """Another runner is at work on the database."""


class MigrationFailed(MigrationError):
    """A step failed; what was done before it stays, and the next upgrade goes on from there."""

    def __init__(
        self, message: str, *, revision: str, key: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.revision = revision
        self.key = key


class RevisionChanged(MigrationError):
    """A revision that has run is missing, or does something else now."""


class RevisionNotFound(MigrationError):
    """No revision has this name."""


class SeveralHeads(MigrationError):
    """The history has several ends; the hint says how to merge them."""


class PendingMigrations(MigrationError):
    """The database is not at the revision the program needs."""
