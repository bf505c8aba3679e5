"""A conversation with the file: commands in, replies out.

Channels of an encrypted file, which go on when its key changes.
"""

from __future__ import annotations

import gc
import math
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import Any, ClassVar, Final, TypeVar

from ..._tracing import get_logger
from ..._types import Receipt, Stored
from ...commands import (
    Apply,
    Begin,
    CollectionSpec,
    Command,
    Commit,
    CountDocuments,
    CreateCollection,
    CreateDatabase,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    DropDatabase,
    DropIndex,
    ExplainQuery,
    FetchDocuments,
    FillField,
    Get,
    GetMany,
    Inserts,
    ListCollections,
    Release,
    RenameCollection,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
    SetSchema,
)
from ...errors import (
    ClosedError,
    CollectionNotFound,
    QueryError,
    QueryLimitError,
    StoreLocked,
    StoreUnavailable,
    UsageError,
)
from ...language.nodes import Query
from ..interface import Capabilities
from . import forks, library
from .analysis import Statistics
from .catalogue import Catalogue
from .cipher import Cipher
from .definition import Definition, expiring, remove_expired
from .documents import COLUMNS, Writer, get_many
from .file_transaction import Transaction, WriteQueue
from .file_url import StoreOptions
from .interrupts import raise_interrupt
from .memory_store import CopiedReads, MemoryStore
from .plan_cache import PlanCache
from .queries import Queries
from .replica.performer import ReplicaStore
from .sql_names import table_sql
from .store import closed_with, translate
from .vector_index import VectorCache

R = TypeVar("R")

_logger = get_logger("solidb_odm.engine")

_POLL: Final = 0.01

CAPABILITIES: Final = Capabilities(name="file", body="text", interactive_transactions=True)


def _is_own(collection: str) -> bool:
    """Return whether a collection is the migrations' own, which a server does not list either."""
    return collection.startswith("_migrations")


class SweepClock:
    """When expired documents are next removed; shared by the channels of one driver."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._next = 0.0

    def stop(self) -> None:
        """Never be due."""
        self._next = math.inf

    def is_due(self) -> bool:
        """Return whether it is time, and if so wind the clock."""
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class FileChannel:
    """Performs commands on one connection. Use it from one thread at a time."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        options: StoreOptions,
        clock: SweepClock,
        plans: PlanCache,
        vectors: VectorCache,
        statistics: Statistics,
        queue: WriteQueue,
        give_back: Callable[[sqlite3.Connection], None],
        cipher: Cipher | None = None,
        memory: MemoryStore | None = None,
    ) -> None:
        self._connection = connection
        self._options = options
        self._clock = clock
        self._give_back = give_back
        self._cipher = cipher
        self._closed = self._given_back = self._forked = self._busy = self._is_replica = False
        self._may_read_on = False
        self._forgotten = closed_with(self, [connection])
        self._catalogue = Catalogue(connection, plans.catalogue)
        self._transaction = Transaction(
            connection, self._catalogue, statistics, queue, options.timeout, memory
        )
        weakref.finalize(self, queue.leave, self._transaction.turn).atexit = False
        self._writer = Writer(connection, self._catalogue)
        self._definition = Definition(connection, self._catalogue)
        self._queries = Queries(
            connection, self._catalogue, self._transaction, self._writer, options, plans, vectors
        )
        self._transaction.is_cancelled = self._queries.is_cancelled
        self._gets: dict[str, str] = {}
        self._perform: dict[type[Any], Callable[[Any], Any]] = {
            Get: self._get,
            GetMany: self._get_many,
            Apply: self._apply,
            FillField: self._fill,
            RunQuery: self._queries.run,
            FetchDocuments: self._queries.fetch,
            Commit: self._commit,
        }
        """What performs commands: those that every session gives, and what was given besides."""
        self._copies: CopiedReads | None = None
        if memory is not None:
            opened = partial(_copy_channel, options, plans, vectors)
            self._copies = CopiedReads(memory, self._transaction, options.timeout, opened)
            self._perform = {kind: self._copies.instead(work) for kind, work in self._perform.items()}
        forks.watch(self)
        self.sweep()

    @property
    def is_in_transaction(self) -> bool:
        """Whether something was written that is not committed."""
        return self._transaction.is_open

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    def perform(self, command: Command[R], /) -> R:
        """Perform a command and return its reply."""
        work = self._perform.get(type(command)) or self._rarely(type(command))
        if self._closed:
            raise ClosedError("the channel is closed", hint="open another with driver.channel()")
        if self._forked:
            raise forks.refusal()
        if work is None:
            raise UsageError(
                f"a file can't perform {type(command).__name__}", hint="see the capabilities of the engine"
            )
        if self._may_read_on:
            self._may_read_on = not self._ended_all()
        self._busy = True
        try:
            reply: R = work(command)
            return reply
        except BaseException as exc:
            if (told := self._told(exc)) is exc:
                raise
            raise told from exc
        finally:
            self._busy = False

    def known_rows(
        self, query: Query, binds: Mapping[str, Any], is_steady: bool, are_documents: bool
    ) -> list[Any] | None:
        """Return the documents, or the values, of a query that ran before; None if it must be a command.

        It does what ``FetchDocuments`` or ``RunQuery`` do, with fewer calls. ``is_steady``: the types of its
        values are the same whenever it is asked.
        """
        if self._closed or self._forked or self._may_read_on or self._copies is not None:
            return None
        self._busy = True
        try:
            return self._queries.known_rows(query, binds, is_steady, are_documents)
        except BaseException as exc:
            if (told := self._told(exc)) is exc:
                raise
            raise told from exc
        finally:
            self._busy = False

    def _ended_all(self) -> bool:
        """Return whether no statement reads on, which what was raised in its midst may hold in its traceback.

        What is asked then would be answered by the state of the file that such a statement has begun to read.
        """
        if not library.is_reading(self._connection):
            return True
        gc.collect()
        return not library.is_reading(self._connection)

    def _told(self, error: BaseException) -> BaseException:
        """Return our error for what a command raised; raise what interrupted it, if something did."""
        in_file = self._copies is None  # a database in memory has no older states to read
        if in_file and not isinstance(error, library.integrity_errors()):
            self._may_read_on = True
        if isinstance(error, library.errors()):
            raise_interrupt(error)
            return translate(error, self._options.path, self._cipher)
        if isinstance(error, UnicodeDecodeError):  # of SQLite's words about a damaged file
            return translate(error, self._options.path, self._cipher)
        if isinstance(error, UnicodeEncodeError):
            return QueryError(f"a key or a value is not valid Unicode: {error}")
        if isinstance(error, RecursionError):
            return QueryLimitError("the query, or a value in it, is nested too deep")
        return error

    def _rarely(self, kind: type[Any]) -> Callable[[Any], Any] | None:
        """Return what performs a command that few sessions give; it is made when the first one comes."""
        rare = self._RARE.get(kind)
        if rare is not None:
            self._add(kind, partial(rare, self))
        elif not self._is_replica:
            self._is_replica = True
            replica = ReplicaStore(self._connection, self._catalogue, self._transaction, self._writer)
            for kind_of_replica, work_of_replica in replica.performs.items():
                self._add(kind_of_replica, work_of_replica)
        return self._perform.get(kind)

    def _add(self, kind: type[Any], work: Callable[[Any], Any]) -> None:
        self._perform[kind] = work if self._copies is None else self._copies.instead(work)

    def after_fork(self) -> None:
        """Refuse all work in this child of the process that opened the channel."""
        self._forked = True
        if self._closed:
            return
        self._forgotten.detach()
        forks.leave(self._connection, self._options.path, in_use=self._busy)

    @property
    def is_given_back(self) -> bool:
        """Whether the channel was closed, and its connection is in other hands."""
        return self._given_back

    def interrupt(self) -> None:
        """Stop what another thread runs on this channel, until ``resume``."""
        self._queries.ticks.cancelled = True
        self._connection.interrupt()
        if self._copies is not None:
            self._copies.interrupt()

    def resume(self) -> None:
        """Go on after ``interrupt``."""
        self._queries.ticks.cancelled = False
        self._end_stopped()
        if self._copies is not None:
            self._copies.resume()

    def _end_stopped(self) -> None:
        """See that statements run again: SQLite stops all until the last of those that ran then has ended.

        One whose cursor a traceback holds ends when the collector finds it.
        """
        for _ in range(3):
            try:
                self._connection.execute("SELECT 1").fetchone()
            except library.operational_errors() as exc:
                if library.code_of(exc) != sqlite3.SQLITE_INTERRUPT:
                    return
            else:
                return
            gc.collect()

    def sweep(self) -> None:
        """Delete the documents whose time is over, if it is time to look."""
        with self._translating():
            self._sweep()

    def remove_expired(self) -> int:
        """Delete the documents whose time is over now, and return how many."""
        with self._translating():
            return self._remove_expired()

    def close(self) -> None:
        """Undo an open transaction and give the channel back. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._forked:
            return
        if self._forgotten.detach() is None:  # the collector came first, and has closed the connection
            self._given_back = True
            return
        try:
            self._transaction.rollback()
        except library.errors_of_reading() as exc:
            raise translate(exc, self._options.path, self._cipher) from exc
        finally:
            if self._copies is not None:
                self._copies.close()
            if self._may_read_on and not self._ended_all():
                self._connection.close()
            else:
                self._give_back(self._connection)
            self._given_back = True

    @contextmanager
    def _translating(self) -> Generator[None, None, None]:
        """Raise SQLite's errors as ours."""
        try:
            yield
        except library.errors_of_reading() as exc:
            raise translate(exc, self._options.path, self._cipher) from exc

    # --- documents -------------------------------------------------------------------------------

    def _get(self, command: Get) -> Stored | None:
        sql = self._gets.get(command.collection)
        if sql is None:
            sql = f"SELECT {COLUMNS} FROM {table_sql(command.collection)} WHERE key = ?"
            self._gets[command.collection] = sql
        try:
            row: Stored | None = self._connection.execute(sql, (command.key,)).fetchone()
            return row
        except library.operational_errors() as exc:
            raise self._missing(command.collection, exc) from exc

    def _get_many(self, command: GetMany) -> list[Stored]:
        try:
            return get_many(self._connection, table_sql(command.collection), command.keys)
        except library.operational_errors() as exc:
            raise self._missing(command.collection, exc) from exc

    def _missing(self, collection: str, error: sqlite3.OperationalError) -> Exception:
        """Return CollectionNotFound if that is why a statement failed, else the error."""
        self._catalogue.refresh()
        try:
            self._catalogue.need(collection)
        except CollectionNotFound as exc:
            return exc
        return error

    def _fill(self, command: FillField) -> list[str] | None:
        with self._transaction.step():
            return self._writer.fill(self._catalogue.need(command.collection), command.path, command.value)

    def _apply(self, command: Apply) -> list[list[Receipt]]:
        with self._transaction.step():
            if Inserts in map(type, command.batches):
                # What has expired there holds no key and no unique value.
                names = {batch.collection for batch in command.batches if isinstance(batch, Inserts)}
                grown = map(self._catalogue.find, names)
                remove_expired(
                    self._connection, [collection for collection in grown if collection is not None]
                )
            return self._writer.apply(command.batches)

    def _commit(self, _: Commit) -> None:
        self._transaction.commit()
        self._sweep()

    # --- schema ----------------------------------------------------------------------------------

    def _define(self, work: Callable[[Any], None], command: Command[None]) -> None:
        with self._transaction.change_of_schema():
            work(command)

    def _describe(self, command: DescribeCollection) -> CollectionSpec | None:
        self._catalogue.refresh()
        collection = self._catalogue.find(command.name)
        return None if collection is None else collection.spec()

    def _count(self, command: CountDocuments) -> int:
        self._catalogue.refresh()
        table = self._catalogue.need(command.name).table
        count: int = self._connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return count

    def _drop_database(self, _: DropDatabase) -> None:
        with self._transaction.change_of_schema():
            for name in self._catalogue.names():
                self._definition.drop_collection(DropCollection(name))

    def _sweep(self) -> None:
        """Remove expired documents if it is time.

        Nothing of it is raised: it is a chore that comes after a commit, which must not look as if it had
        failed. Another writer's lock just puts it off.
        """
        if self._connection.in_transaction or not self._clock.is_due():
            return
        try:
            self._catalogue.refresh()
            if expiring(self._catalogue):
                self._remove_expired()
        except library.errors_of_chores() as exc:
            self._transaction.rollback()
            if not _puts_off(exc, self._options.path):
                _logger.warning("expired documents were not removed: %s", exc)

    def _remove_expired(self) -> int:
        with self._transaction.change_of_schema():
            return remove_expired(self._connection, expiring(self._catalogue))

    _RARE: ClassVar[dict[type[Any], Callable[[Any, Any], Any]]] = {
        ExplainQuery: lambda self, command: self._queries.explain(command),
        Begin: lambda self, _: self._transaction.begin(),
        Rollback: lambda self, _: self._transaction.rollback(),
        Savepoint: lambda self, command: self._transaction.savepoint(command.name),
        RollbackTo: lambda self, command: self._transaction.rollback_to(command.name),
        Release: lambda self, command: self._transaction.release(command.name),
        ListCollections: lambda self, _: [name for name in self._catalogue.names() if not _is_own(name)],
        DescribeCollection: _describe,
        CountDocuments: _count,
        CreateCollection: lambda self, command: self._define(self._definition.create_collection, command),
        DropCollection: lambda self, command: self._define(self._definition.drop_collection, command),
        RenameCollection: lambda self, command: self._define(self._definition.rename_collection, command),
        CreateIndex: lambda self, command: self._define(self._definition.create_index, command),
        DropIndex: lambda self, command: self._define(self._definition.drop_index, command),
        SetSchema: lambda self, command: self._define(self._definition.set_schema, command),
        CreateDatabase: lambda self, _: None,
        DropDatabase: _drop_database,
    }


def _copy_channel(
    options: StoreOptions, plans: PlanCache, vectors: VectorCache, connection: sqlite3.Connection
) -> FileChannel:
    """Open a channel to a copy of what is committed in memory, of which nothing expires."""
    clock = SweepClock(0.0)
    clock.stop()
    return FileChannel(
        connection, options, clock, plans, vectors, Statistics(), WriteQueue(), sqlite3.Connection.close
    )


def _puts_off(error: Exception, path: str) -> bool:
    ours = translate(error, path) if isinstance(error, library.errors_of_reading()) else error
    return isinstance(ours, (StoreLocked, StoreUnavailable))


class KeyedChannel(FileChannel):
    """A channel whose connection can be taken away between two commands; the next one opens another."""

    def __init__(self, set_up: Callable[[KeyedChannel], None]) -> None:
        self._set_up = set_up
        self._gate = threading.RLock()  # held while a command runs
        self._is_paused = False
        set_up(self)

    def perform(self, command: Command[R], /) -> R:
        with self._gate:
            self._go_on()
            return super().perform(command)

    def known_rows(
        self, query: Query, binds: Mapping[str, Any], is_steady: bool, are_documents: bool
    ) -> list[Any] | None:
        with self._gate:
            self._go_on()
            return super().known_rows(query, binds, is_steady, are_documents)

    def sweep(self) -> None:
        with self._gate:
            self._go_on()
            super().sweep()

    def remove_expired(self) -> int:
        with self._gate:
            self._go_on()
            return super().remove_expired()

    def resume(self) -> None:
        with self._gate:
            if not self._is_paused:
                super().resume()

    def interrupt(self) -> None:
        with suppress(*library.errors()):  # the connection may be taken away just now
            super().interrupt()

    def close(self) -> None:
        with self._gate:
            self._is_paused = False
            super().close()

    def after_fork(self) -> None:
        self._gate = threading.RLock()  # a thread of the parent may have held it
        super().after_fork()

    def pause(self, held: ExitStack, seconds: float) -> str:
        """Give the connection back and run no command until ``held`` ends; return what is in the way."""
        if not self._gate.acquire(timeout=max(0.0, seconds)):
            return "a statement that runs"
        if self.is_in_transaction:
            self._gate.release()
            return "a session with changes that are not committed"
        held.callback(self._gate.release)
        if not self.is_given_back:
            super().close()
            self._is_paused = True
        return ""

    @property
    def is_in_transaction(self) -> bool:
        return not self.is_given_back and super().is_in_transaction

    def _go_on(self) -> None:
        if self._is_paused:
            if self._forked:
                raise forks.refusal()
            self._is_paused = False
            try:
                self._set_up(self)
            except BaseException:
                self._closed = self._is_paused = True
                raise


class Pause:
    """Takes the connections of channels away until ``held`` ends, within so many seconds."""

    def __init__(self, path: str, held: ExitStack, seconds: float) -> None:
        self._path, self._held = path, held
        self._deadline = time.monotonic() + seconds

    def take(self, channels: Sequence[KeyedChannel]) -> None:
        """Pause all that can be paused now; StoreLocked says what can't be, if the time is over."""
        outcomes = [channel.pause(self._held, self._deadline - time.monotonic()) for channel in channels]
        reasons = [reason for reason in outcomes if reason]
        if reasons and time.monotonic() >= self._deadline:
            raise StoreLocked(
                f"the key of {self._path} can't be changed: there is {_counted(reasons)}",
                path=self._path,
                hint="commit, roll back or close it first",
            )
        if reasons:
            time.sleep(_POLL)


def _counted(reasons: list[str]) -> str:
    return ", ".join(
        reason if (count := reasons.count(reason)) == 1 else f"{reason} ({count} of them)"
        for reason in dict.fromkeys(reasons)
    )
