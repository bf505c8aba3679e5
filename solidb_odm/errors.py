"""All errors of this package, classified by what the caller can do about them.

::

    SolidbError                      the base class: catches every error
    ├── DeclarationError             fix the model class (raised when the class is created)
    ├── ConfigurationError           fix the URL or the options
    ├── UsageError                   fix the calling code
    │   ├── StateError               the object's state does not allow the call
    │   │   └── MergeConflictError   two writers changed an attribute; see ``conflicts``
    │   ├── UnflushedChangesError    flush and commit first, or read="committed"
    │   ├── ConcurrentUseError       one session per thread or task
    │   ├── ResultError              the result does not have the required number of rows
    │   │   └── NoResultError, MultipleResultsError
    │   ├── PendingChanges           sync first, or allow the edits to be discarded
    │   └── ClosedError              the session, engine or client is closed
    ├── ConnectionFailed             reconnect: the server can't be reached
    │   └── ConnectionLost           the connection was lost during a request
    │       ├── AnswerLost           a write took place, but its answer was too large: read the data
    │       └── CommitOutcomeUnknown  it was lost during a commit; see ``committed``
    ├── RequestTimeout               try again later, or with a longer time-out
    ├── AuthError                    log in again, with other credentials
    ├── ProtocolError                a message does not follow the protocol
    │   ├── MessageTooLarge          send or request less at once (16 MiB for each message)
    │   └── InvalidCommand           the server refused the form of a request
    ├── DatabaseError                the engine refused the request
    │   ├── PermissionDenied         log in as a user with the permission
    │   ├── NotFoundError            create it first
    │   │   └── DatabaseNotFound, CollectionNotFound, DocumentNotFound, IndexNotFound
    │   ├── AlreadyExists            choose another name: DatabaseExists, CollectionExists, IndexExists
    │   ├── InvalidDocument          fix the data
    │   │   └── DuplicateKey, UniqueViolation, SchemaViolation
    │   ├── QueryError               fix the query
    │   │   ├── QuerySyntaxError     with line, column and a caret
    │   │   ├── UnsupportedQueryError   this engine can't run the query; see ``construct``
    │   │   └── QueryTimeout, QueryLimitError
    │   ├── TransactionError         the transaction has ended: begin a new one
    │   │   └── TransactionConflict  another transaction changed a document: try again
    │   ├── StaleDocumentError       another writer changed a document: reload it and try again
    │   ├── NotSupportedByServerError   the server lacks the feature; the hint names an alternative
    │   ├── StoreOfAnotherUser       open another folder, or wipe() this one
    │   ├── ServerRollbackSuspected  accept_server() or reupload()
    │   └── StorageError             a problem with the file
    │       ├── StoreUnavailable     it can't be opened
    │       │   └── WrongKey         open it with the key that it was encrypted with
    │       ├── StoreCorrupt         it is not a database, or is damaged
    │       └── StoreLocked          another process is writing: try again
    ├── MigrationError               a revision can't be created or run; the message says why
    │   ├── DecisionNeeded           choose a meaning: ``questions`` lists the flags
    │   ├── DataLossRefused          data would be lost permanently: allow it, or keep the data
    │   ├── IrreversibleMigration    it can't be undone; the message says why
    │   ├── InvalidDocuments         documents do not match: ``collection``, ``count``, ``keys``
    │   ├── MigrationLocked          another program runs migrations: wait
    │   ├── MigrationFailed          a step failed at a document: correct it and upgrade again
    │   ├── RevisionChanged          a revision has changed since it was run: restore it, or stamp
    │   ├── RevisionNotFound         there is no such revision
    │   ├── SeveralHeads             merge them first
    │   └── PendingMigrations        upgrade the database first
    └── LoadError                    a stored document does not match its model

Some classes also derive from a built-in class, so that code that knows nothing of this package can catch
them: ``ConnectionFailed`` is a ``ConnectionError``; ``RequestTimeout``, ``QueryTimeout`` and ``StoreLocked``
are a ``TimeoutError``; ``NotFoundError`` and ``NoResultError`` are a ``LookupError``; ``PermissionDenied``
and ``AuthError`` are a ``PermissionError``; ``DeclarationError`` is a ``TypeError`` and
``ConfigurationError`` a ``ValueError``.

Details are in attributes, so that no program needs to parse a message.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any


class SolidbError(Exception):
    """The base of all errors of this package. ``hint`` says what to do; None if nothing can be suggested."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, vars(self))


def _restored(kind: type[SolidbError], arguments: tuple[Any, ...], attributes: dict[str, Any]) -> SolidbError:
    """Return a copied or unpickled error, without calling its constructor, which takes other arguments."""
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


def missing(owner: object, name: str, ways: Mapping[str, str]) -> AttributeError:
    """Return the error for a missing attribute; ``ways`` maps some names to what to write instead."""
    instead = f"; write {ways[name]}" if name in ways else ""
    text = f"{type(owner).__name__!r} object has no attribute {name!r}{instead}"
    return AttributeError(text, name=name, obj=owner)


class DeclarationError(SolidbError, TypeError):
    """A model class is declared incorrectly; raised when the class is created.

    ``model`` and ``field`` are the names of the class and the field.
    """

    def __init__(
        self, message: str, *, model: str = "", field: str | None = None, hint: str | None = None
    ) -> None:
        where = f"{model}.{field}" if field else model
        super().__init__(f"{where}: {message}" if where else message, hint=hint)
        self.model = model
        self.field = field


class ConfigurationError(SolidbError, ValueError):
    """A URL or an option is invalid."""


class UsageError(SolidbError):
    """A call is wrong, or not possible at this point; the message names the call to make instead."""


def listed(values: Any, call: str, hint: str | None = None) -> list[Any]:
    """Return the values of an iterable that a call was given; raise UsageError if it is not iterable."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Iterable):
        raise UsageError(f"{call} takes several, not {values!r}", hint=hint)
    return list(values)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def check_callable(function: Any, call: str, hint: str, *, is_awaited: bool = False) -> None:
    """Raise UsageError unless an argument can be called, and gives no coroutine that nobody would await."""
    if not callable(function):
        raise UsageError(f"{call} takes a function, not {function!r}", hint=hint)
    if iscoroutinefunction(function) and not is_awaited:
        raise UsageError(f"{call} takes a plain function, and would not await {function!r}", hint=hint)


class StateError(UsageError):
    """An object is in a state that does not allow the call. ``state`` is the state, ``move`` the call."""

    def __init__(self, message: str, *, state: str = "", move: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.state = state
        self.move = move


class UnflushedChangesError(UsageError):
    """A query would not see uncommitted changes of the session to ``collections`` that it reads."""

    def __init__(self, message: str, *, collections: tuple[str, ...] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.collections = collections


class ResultError(UsageError):
    """A result does not have the number of rows that the call requires."""


class NoResultError(ResultError, LookupError):
    """A single row was required, and the result is empty."""


class MultipleResultsError(ResultError):
    """A single row was required, and the result has several."""


class MergeConflictError(StateError):
    """Two writers changed an attribute to different values; ``conflicts`` lists these by document."""

    def __init__(
        self, message: str, *, conflicts: Mapping[str, Sequence[Any]], hint: str | None = None
    ) -> None:
        super().__init__(message, state="persistent", move="rebase", hint=hint)
        self.conflicts = conflicts


class ConcurrentUseError(UsageError):
    """Two threads or tasks used a session at the same time."""


class ClosedError(UsageError):
    """The session, engine or client is closed."""


class ConnectionFailed(SolidbError, ConnectionError):
    """The server at ``address`` can't be reached. Nothing was sent, unless a subclass says otherwise."""

    def __init__(self, message: str, *, address: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.address = address


class ConnectionLost(ConnectionFailed):
    """The connection was lost during a request; whether the server performed it is not known."""


class AnswerLost(ConnectionLost):
    """The answer to a query that writes was lost: it would be larger than 16 MiB.

    The server performs such a query and then closes the connection, so its writes took place. A connection
    that was lost for another reason looks the same to the client.
    """


class CommitOutcomeUnknown(ConnectionLost):
    """The connection was lost during a commit.

    ``committed`` is True or False if the outcome could be determined afterwards, and None if not.
    """

    def __init__(
        self, message: str, *, committed: bool | None = None, address: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, address=address, hint=hint)
        self.committed = committed


class RequestTimeout(SolidbError, TimeoutError):
    """No answer arrived within ``seconds``; whether the server performed the request is not known."""

    def __init__(self, message: str, *, seconds: float | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.seconds = seconds


class AuthError(SolidbError, PermissionError):
    """The credentials are wrong, expired or missing."""


class ProtocolError(SolidbError):
    """A message does not follow the protocol, or the other side says that it does not."""


class MessageTooLarge(ProtocolError):
    """A message exceeds the limit of 16 MiB (64 KiB before login); ``size`` and ``limit`` are in bytes.

    It is a request, which was not sent, or the answer to a request that only reads.
    """

    def __init__(self, message: str, *, size: int = 0, limit: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.size = size
        self.limit = limit


class InvalidCommand(ProtocolError):
    """The server refused the form of a request."""


class DatabaseError(SolidbError):
    """The engine refused a valid request."""


class PermissionDenied(DatabaseError, PermissionError):
    """The user lacks the permission for a request."""


class NotFoundError(DatabaseError, LookupError):
    """A database, collection, index or document does not exist; ``name`` is its name."""

    def __init__(self, message: str, *, name: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.name = name


class DatabaseNotFound(NotFoundError):
    """There is no such database."""


class CollectionNotFound(NotFoundError):
    """There is no such collection."""


class DocumentNotFound(NotFoundError):
    """There is no document with this key; ``collection`` is empty if the engine did not name it."""

    def __init__(
        self, message: str, *, name: str = "", collection: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, name=name, hint=hint)
        self.collection = collection


class IndexNotFound(NotFoundError):
    """There is no such index."""


class AlreadyExists(DatabaseError):
    """A database, collection or index of this name exists already; ``name`` is the name."""

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
    """The engine refused a document; ``collection`` and ``key`` identify it."""

    def __init__(self, message: str, *, collection: str = "", key: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.collection = collection
        self.key = key


class DuplicateKey(InvalidDocument):
    """There is a document with this key already."""


class UniqueViolation(InvalidDocument):
    """Another document has the same value of a unique index; ``index`` is its name, ``fields`` its fields."""

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
    """A document does not match the JSON Schema of its collection."""


class QueryError(DatabaseError):
    """A query failed. ``query`` is its text and ``binds`` its bind variables, if they are known."""

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
    """A text is not valid SDBQL. ``line`` and ``column`` count from 1; they are 0 if not known."""

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
    """This engine can't run a query; ``construct`` names the part that it does not support."""

    def __init__(
        self, message: str, *, construct: str = "", query: str = "", hint: str | None = None
    ) -> None:
        super().__init__(message, query=query, hint=hint)
        self.construct = construct


class QueryTimeout(QueryError, TimeoutError):
    """A query exceeded its time limit."""


class QueryLimitError(QueryError):
    """A query exceeded a limit: of rows, of nesting, or of the size of a value."""


class TransactionError(DatabaseError):
    """A transaction has ended, or does not allow the request."""


class TransactionConflict(TransactionError):
    """Another transaction has changed, or is changing, the same document. Nothing was written."""


@dataclass(frozen=True, slots=True)
class StaleDocument:
    """A document that another writer changed; ``found`` is its revision now, None if it was deleted."""

    collection: str
    key: str
    expected: str
    found: str | None


class StaleDocumentError(DatabaseError):
    """Another writer changed or deleted documents since they were loaded. Nothing was written.

    ``documents`` lists them, each with the revision that was loaded and the present one.
    """

    def __init__(
        self, message: str, *, documents: tuple[StaleDocument, ...] = (), hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.documents = documents

    @classmethod
    def of(cls, documents: tuple[StaleDocument, ...]) -> StaleDocumentError:
        """Return the error for these documents, with a message that names them."""
        names = ", ".join(f"{d.collection}/{d.key}" for d in documents[:5])
        if len(documents) > 5:
            names += f" and {len(documents) - 5} more"
        return cls(
            f"changed or deleted by another writer since it was loaded: {names}; nothing was written",
            documents=documents,
            hint="session.rollback(), session.refresh(obj) and make the change again, "
            "or wrap the unit of work in session.run(work), which retries",
        )


class NotSupportedByServerError(DatabaseError):
    """The server has no such feature; the hint says what to use instead."""


class StorageError(DatabaseError):
    """A problem with the file of a file engine; ``path`` is its path."""

    def __init__(self, message: str, *, path: str = "", hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.path = path


class StoreUnavailable(StorageError):
    """The file can't be opened or written, because of its path, its permissions or the disk."""


class StoreCorrupt(StorageError):
    """The file is not a database of this package, or is damaged."""


class StoreLocked(StorageError, TimeoutError):
    """Another process held the write lock of the file longer than the time-out."""


class WrongKey(StoreUnavailable):
    """The key does not open the store, or the store is encrypted and no key was given."""


class StoreOfAnotherUser(DatabaseError):
    """The offline store belongs to another user or another database."""


class PendingChanges(UsageError):
    """A call would discard edits that are not pushed yet; ``count`` is their number."""

    def __init__(self, message: str, *, count: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.count = count


class ServerRollbackSuspected(DatabaseError):
    """The server lacks ``lost`` of ``known`` documents: it may have been restored or emptied."""

    def __init__(self, message: str, *, lost: int = 0, known: int = 0, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.lost = lost
        self.known = known


class LoadError(SolidbError):
    """A stored document does not match its model. The cause (``__cause__``) is Pydantic's error."""

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


class MigrationError(SolidbError):
    """A revision can't be created or run; the message says what to do."""


class DecisionNeeded(MigrationError):
    """A change is ambiguous; ``questions`` lists the possible meanings, with the flags that choose them."""

    def __init__(self, message: str, *, questions: Sequence[Any] = (), hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.questions = list(questions)


class DataLossRefused(MigrationError):
    """A step would delete data permanently, which was not allowed."""


class IrreversibleMigration(MigrationError):
    """A revision can't be undone; the message says why. Nothing was changed."""


class InvalidDocuments(MigrationError):
    """``count`` documents do not match a collection as a revision changes it; ``keys`` has some of them."""

    def __init__(
        self, message: str, *, collection: str, count: int, keys: Sequence[str], hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.collection = collection
        self.count = count
        self.keys = list(keys)


class MigrationLocked(MigrationError):
    """Another program is running migrations on the database."""


class MigrationFailed(MigrationError):
    """A step failed. The steps before it remain done, and the next upgrade continues after them."""

    def __init__(
        self, message: str, *, revision: str, key: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.revision = revision
        self.key = key


class RevisionChanged(MigrationError):
    """A revision that was run is missing, or its steps have changed."""


class RevisionNotFound(MigrationError):
    """There is no revision with this name."""


class SeveralHeads(MigrationError):
    """The history of revisions has several heads; the hint says how to merge them."""


class PendingMigrations(MigrationError):
    """The database is not at the revision that the program requires."""
