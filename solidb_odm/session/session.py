"""``Session``: a thin shell over the operations, a line or two a method; ``sessionmaker`` makes them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, overload

from .._wrong_calls import Blocking, missing_call, refuse_more, refuse_options
from ..commands import Begin, Get, Operation, run
from ..engine.engine import Engine
from ..engine.statistics import CountedChannel
from ..errors import CollectionNotFound, SolidbError, StaleDocumentError, StoreLocked, check_callable
from ..model.document import Document
from ..query.columns import Entity
from ..query.load_paths import Loadable
from ..query.statement import Statement
from ..work import AttributeConflict, Prefer
from . import paging
from .context import Event
from .explanation import Explanation, explain
from .hydration import load_column, load_documents, load_rows
from .operations import commits as writing
from .operations import loads as loading
from .operations import queries as reading
from .operations import refreshes
from .operations.commits import RETRYABLE, Backoff
from .paging import Page, RowStream
from .result import Result
from .session_base import (
    DELETE_EACH,
    KEYS,
    MAKER_WAYS,
    UNGIVEN,
    Block,
    Read,
    SessionBase,
    Use,
    checked_engine,
    compiled,
    first_column,
    listening,
    present,
    visible,
)

if TYPE_CHECKING:
    from ..engine.engine import Engine

D = TypeVar("D", bound=Document)
T = TypeVar("T")


class Session(SessionBase, Blocking):
    """A unit of work: documents, their changes, and one transaction at a time.

    Use it as a context manager: the end of the block closes the session and rolls back what was not
    committed. With ``expire_on_commit``, after a commit documents are read again by the next ``get`` or
    query; their attributes keep the last known values, because reading an attribute never does I/O.
    """

    @overload
    def __init__(self, engine: Engine, *, autoflush: bool = True, expire_on_commit: bool = False) -> None: ...
    @overload
    def __init__(self, *, bind: Engine, autoflush: bool = True, expire_on_commit: bool = False) -> None: ...
    def __init__(
        self,
        engine: Engine | None = None,
        *,
        bind: Engine | None = None,
        autoflush: bool = True,
        expire_on_commit: bool = False,
        **others: Never,
    ) -> None:
        refuse_options("Session()", others)
        engine = checked_engine(engine, bind, "Session", is_async=False)
        super().__init__(
            engine.capabilities,
            autoflush=autoflush,
            expire_on_commit=expire_on_commit,
            auto_create=engine.auto_create,
            complete=engine.complete,
        )
        self.engine = engine
        self._channel: CountedChannel | None = None

    # --- reading --------------------------------------------------------------------------------

    def get(self, model: type[D], key: str, *, with_deleted: bool = False, **others: Never) -> D | None:
        """Return the document with this key, from the session if it holds it; None if there is none.

        A SoftDelete document that is marked as deleted is returned only ``with_deleted=True``.
        """
        if others:
            refuse_options("get()", others)
        known: D | None = Session._got(self, model, key)
        if known is not UNGIVEN:
            return known
        return visible(self._run(reading.get(self._context, model, key)), with_deleted)

    def get_one(self, model: type[D], key: str, *, with_deleted: bool = False, **others: Never) -> D:
        """Return the document with this key; raise DocumentNotFound if there is none."""
        return present(self.get(model, key, with_deleted=with_deleted, **others), model, key)

    def get_many(self, model: type[D], keys: Iterable[str], *others: Never) -> list[D | None]:
        """Return the documents with these keys, in their order, in one round trip."""
        refuse_more("get_many() takes one list of keys", others, KEYS)
        documents = self._run(reading.get_many(self._context, model, keys))
        return [visible(document, with_deleted=False) for document in documents]

    def execute(
        self, statement: Statement[T], parameters: Any = None, *, read: Read | None = None, **others: Never
    ) -> Result[T]:
        """Run a statement and return its rows: documents, values, or named tuples (``row.name``).

        Queries see the session's own changes. On a server this works for a select over one collection;
        other queries over changed collections raise UnflushedChangesError, unless ``read="committed"``
        ignores the changes.
        """
        if parameters is None and not others and (known := Session._fetched(self, statement)) is not None:
            return known
        program = compiled(statement, parameters, others)
        rows = self._run(loading.execute(self._context, program, read))
        return Result(rows, program.columns, writes=bool(program.writes))

    @overload
    def scalars(
        self,
        statement: Statement[tuple[T, *tuple[Any, ...]]],
        parameters: Any = None,
        *,
        read: Read | None = None,
    ) -> Result[T]: ...
    @overload
    def scalars(
        self, statement: Statement[T], parameters: Any = None, *, read: Read | None = None
    ) -> Result[T]: ...
    def scalars(
        self, statement: Statement[Any], parameters: Any = None, *, read: Read | None = None, **others: Never
    ) -> Result[Any]:
        """Run a statement and return the first column of its rows."""
        if (
            parameters is None
            and not others
            and (known := Session._fetched(self, statement, is_first=True)) is not None
        ):
            return known
        program = compiled(statement, parameters, others)
        rows = self._run(loading.execute(self._context, program, read))
        rows = rows if program.single else first_column(rows, program)
        return Result(rows, program.columns[:1], writes=bool(program.writes))

    @overload
    def scalar(
        self,
        statement: Statement[tuple[T, *tuple[Any, ...]]],
        parameters: Any = None,
        *,
        read: Read | None = None,
    ) -> T | None: ...
    @overload
    def scalar(
        self, statement: Statement[T], parameters: Any = None, *, read: Read | None = None
    ) -> T | None: ...
    def scalar(
        self, statement: Statement[Any], parameters: Any = None, *, read: Read | None = None, **others: Never
    ) -> Any:
        """Run a statement and return the first column of the first row; None if there is no row."""
        return self.scalars(statement, parameters, read=read, **others).first()

    def page(
        self,
        statement: Statement[T],
        size: int,
        *,
        after: str | None = None,
        before: str | None = None,
        read: Read | None = None,
        **others: Never,
    ) -> Page[T]:
        """Return a page of up to ``size`` rows of a select.

        Without a cursor it is the first page; ``after=page.next`` returns the next one, and
        ``before=page.previous`` the one before, in the same order.
        """
        refuse_options("page()", others)
        return self._run(paging.page(self._context, statement, size, after, before, read))

    def stream(
        self, statement: Statement[T], batch: int = 1000, *, read: Read | None = None, **others: Never
    ) -> Iterator[T]:
        """Return the rows of a select one by one, reading ``batch`` at a time and keeping no more.

        A select of documents, also with joins, is sorted once for 100,000 rows (20,000 on a server, of values
        too), whose keys are kept: a row that no longer matches when its batch is read is left out, and one
        that is moved in the order is not returned twice. Groups and rows of named statements are read in
        blocks of this size, and on a file values in blocks of some megabytes. Documents that are changed
        meanwhile stay in the session until the commit.
        """
        refuse_options("stream()", others)
        rows = RowStream(statement, batch, read)
        while not rows.is_over:
            loaded = self._run(rows.batch(self._context))
            yield from loaded
            self._work.release(loaded)

    def explain(self, statement: Statement[Any] | str, binds: Mapping[str, Any] | None = None) -> Explanation:
        """Return how the engine would run a statement, or a text in SDBQL with its binds; print it to read.

        On a file this is the SQL, the indexes it uses, and what is computed in Python and why. On a server it
        is the server's own plan, for which it runs the reading part. Nothing is written or flushed.
        """
        return self._run(explain(self._context, statement, binds))

    # --- writing --------------------------------------------------------------------------------

    def delete(self, document: Document, *others: Never, permanently: bool = False) -> None:
        """Delete a document at the next flush; a document that was never stored only leaves the session.

        A SoftDelete document is marked as deleted, unless ``permanently=True``.
        """
        refuse_more("delete() takes one document", others, DELETE_EACH)
        self._delete(document, permanently)

    def flush(self, *others: Never, **options: Never) -> None:
        """Check all changes and, on a file, write them into the open transaction."""
        refuse_more("flush() writes all changes in their order", others, "write session.flush()")
        refuse_options("flush()", options)
        self._run(writing.flush(self._context))

    def commit(self, *others: Never) -> None:
        """Write all changes in one transaction and commit it.

        Raises StaleDocumentError if another writer has changed one of the documents. After an error nothing
        is written, and the session holds the changes as before.
        """
        if others:
            refuse_more("commit() writes all changes", others, "write session.commit()")
        self._run(writing.commit(self._context))

    def rollback(self) -> None:
        """Undo all changes since the last commit: documents get their stored values back, new ones leave."""
        self._run(writing.rollback(self._context))

    def begin(self, **others: Never) -> Block[Self]:
        """Return a block for (async) ``with``: commit at its end, or roll back if it or the commit raises."""
        refuse_options("begin()", others)
        return Block(self._begin(), "begin")

    @contextmanager
    def _begin(self) -> Generator[Self]:
        self._enter_block()
        try:
            yield self
            self.commit()
        except BaseException:
            self.rollback()
            raise
        finally:
            self._has_begun = False

    def begin_nested(self) -> Block[Self]:
        """Return a block for (async) ``with``: if it raises, only its own changes are undone (a savepoint).

        Blocks may be nested. The changes of a block are written by the commit after it.
        """
        return Block(self._begin_nested(), "begin_nested")

    @contextmanager
    def _begin_nested(self) -> Generator[Self]:
        self._run(writing.begin_nested(self._context))
        try:
            yield self
            self._run(writing.release(self._context))
        except BaseException:
            self._run(writing.rollback_to(self._context))
            raise

    def run(self, work: Callable[[Self], T], *, retries: int = 3) -> T:
        """Call a function with the session and commit; try again if another writer was first.

        Before another try the session drops all documents, so the function must load what it changes. It may
        run several times: do what can't be undone, such as sending mail, after ``run()``.
        """
        self._check_clean()
        check_callable(work, "run()", "session.run(work), where work(session) reads and changes documents")
        backoff = Backoff(retries)
        while True:
            try:
                with self.begin():
                    result = work(self)
            except RETRYABLE as error:
                time.sleep(backoff.pause(error))
                self.expunge_all()
            else:
                return result

    # --- single documents -----------------------------------------------------------------------

    def refresh(self, *documents: Document, **others: Never) -> None:
        """Read the stored values of documents again, in one round trip for each collection."""
        refuse_options("refresh()", others)
        self._run(refreshes.refresh(self._context, documents))

    def load(self, documents: Iterable[Document], *paths: Loadable) -> None:
        """Load what documents refer to, with one query for each link: ``session.load(posts, Post.author)``.

        Afterwards ``post.author.value`` is the document. A path may have several links,
        ``Post.author.value.team``, or start from the documents of the path before: ``session.load(posts,
        Post.author, User.team)``. Ends of edges, back-references (``User.posts``) and neighbours
        (``outgoing(Follows, depth=2)``) are paths too.
        """
        self._run(loading.load(self._context, documents, paths))

    def merge(self, document: D, **others: Never) -> D:
        """Return the session's object of a document from elsewhere, with the values set on that one.

        The object is loaded or, if it is not stored, added. Raises StaleDocumentError if another writer has
        changed the document since it was loaded.
        """
        refuse_options("merge()", others)
        return self._run(refreshes.merge_in(self._context, document))

    def rebase(
        self, *documents: Document | StaleDocumentError, prefer: Prefer | None = None
    ) -> dict[str, list[AttributeConflict]]:
        """Apply the uncommitted changes of documents to what is stored now, for the next commit.

        ``except StaleDocumentError as error: session.rebase(error)``. If both sides changed an attribute,
        ``prefer`` decides: ``"ours"``, ``"theirs"``, or a function that takes an AttributeConflict and
        returns the stored value. Without it, MergeConflictError is raised and nothing is changed. Returns the
        conflicts by document.
        """
        return self._run(refreshes.rebase(self._context, self._documents(documents), prefer))

    # --- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Roll back what was not committed, and release the documents and the connection."""
        if self._closed:
            return
        self._closed = True
        self._work.end()
        self._let_go()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, operation: Operation[T]) -> T:
        use = Use()
        use.thread = get_ident()
        try:
            self._enter(use)
            if self._channel is None:
                self._channel = CountedChannel(self.engine.channel(), self.statistics)
            return run(operation, self._channel)
        except BaseException as error:
            self._after(error, use)
            raise
        finally:
            use.is_over = True

    def _fetched(self, statement: object, *, is_first: bool = False) -> Result[Any] | None:
        """Return the rows of a statement of a form that ran before, or the first column of them.

        None where there is more to do.

        It comes to what ``_run`` does with such a statement, in a third of the calls. Attributes of sessions
        and statements are looked for as ones that may be missing, which takes ten times as long as a look
        into their dict; and methods likewise, so that their classes are asked for these.
        """
        own = self.__dict__
        channel, work = own["_channel"], own["_work"]
        known = statement.known_fetch() if isinstance(statement, Statement) else None
        if known is None or channel is None or own["_closed"]:
            return None
        column, query, binds, is_steady = known
        use, last = Use(), own["_use"]
        use.thread = get_ident()
        try:
            if not last.is_over or last.__dict__.setdefault("following", use) is not use:
                return None  # _enter will see to that
            own["_use"] = use
            is_changed = (
                work.new or work.deleted or work.changed or work.exposed
            )  # as has_work, without the call
            if is_changed and not reading.is_settled(own["_context"]):
                return None
            rows = channel.known_rows(query, binds, is_steady, type(column) is Entity)
            if rows is None:
                return None
            if type(column) is Entity:
                return Result(load_documents(work, column.model, rows), (column,))
            if isinstance(column, tuple):
                loaded = load_rows(work, column, False, rows)
                return Result([row[0] for row in loaded], column[:1]) if is_first else Result(loaded, column)
            return Result(rows, ()) if column is None else Result(load_column(work, column, rows), (column,))
        except BaseException as error:
            self._after(error, use)
            raise
        finally:
            use.is_over = True

    def _got(self, model: Any, key: str) -> Any:
        """Return the document with a key, of a class that was read before; UNGIVEN where there is more to do.

        It comes to what ``_run`` does with ``reading.get``, in half the time; see ``_fetched``.
        """
        own = self.__dict__
        channel, work, last = own["_channel"], own["_work"], own["_use"]
        known = work.readings.get(model) if isinstance(model, type) else None
        if known is None or channel is None or own["_closed"] or not known.may_get(key):
            return UNGIVEN
        use = Use()
        use.thread = get_ident()
        try:
            if not last.is_over or last.__dict__.setdefault("following", use) is not use:
                return UNGIVEN  # _enter will see to that
            own["_use"] = use
            held = work.identity.get(known.collection, key)
            if held is not None:
                is_known = type(held) is model and held.key == key and not (work.deleted or work.expired)
                return held if is_known else UNGIVEN
            row = channel.perform(Get(known.collection, key))
            documents: list[Any] = [] if row is None else load_documents(work, model, [row])
            return documents[0] if documents else None
        except CollectionNotFound:
            return UNGIVEN
        except BaseException as error:
            self._after(error, use)
            raise
        finally:
            use.is_over = True

    def _after(self, error: BaseException, use: Use) -> None:
        """Settle the session where an operation was interrupted, or left something half done."""
        if self._use is use and (not isinstance(error, Exception) or self._work.is_torn):
            self._settle()

    def _settle(self) -> None:
        """After an interrupt: keep what was committed, and take back what was not."""
        work, channel = self._work, self._channel
        if work.is_committing and channel is not None and _is_over(channel):
            work.committed()
        self._let_go()
        work.recover()

    def _let_go(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            channel.close()


def _is_over(channel: CountedChannel) -> bool:
    """Say whether a channel on which a commit was asked for has no transaction open any more."""
    try:
        return channel.perform(Begin())
    except StoreLocked:  # another writes now, so this one does not
        return True
    except SolidbError:
        return False


class sessionmaker(Blocking):  # noqa: N801  as SQLAlchemy calls it
    """A factory of sessions: ``Sessions = sessionmaker(engine)``, ``with Sessions() as session``."""

    @overload
    def __init__(
        self, engine: Engine | None = None, *, autoflush: bool = True, expire_on_commit: bool = False
    ) -> None: ...
    @overload
    def __init__(self, *, bind: Engine, autoflush: bool = True, expire_on_commit: bool = False) -> None: ...
    def __init__(
        self,
        engine: Engine | None = None,
        *,
        bind: Engine | None = None,
        autoflush: bool = True,
        expire_on_commit: bool = False,
        **others: Never,
    ) -> None:
        refuse_options("sessionmaker()", others)
        is_later = engine is None and bind is None
        self.engine = None if is_later else checked_engine(engine, bind, "sessionmaker", is_async=False)
        self._autoflush = autoflush
        self._expire_on_commit = expire_on_commit
        self._listeners: list[tuple[Event, Callable[[Session], object]]] = []

    def configure(
        self,
        *,
        bind: Engine | None = None,
        autoflush: bool | None = None,
        expire_on_commit: bool | None = None,
        **others: Never,
    ) -> None:
        """Change the engine or options of the sessions that are created from now on."""
        refuse_options("configure()", others)
        if bind is not None:
            self.engine = checked_engine(bind, None, "sessionmaker", is_async=False)
        self._autoflush = self._autoflush if autoflush is None else autoflush
        self._expire_on_commit = self._expire_on_commit if expire_on_commit is None else expire_on_commit

    def __call__(
        self, *, autoflush: bool | None = None, expire_on_commit: bool | None = None, **others: Never
    ) -> Session:
        """Return a new session; what is given holds for this one only."""
        refuse_options("sessionmaker()()", others)
        session = Session(
            checked_engine(self.engine, None, "sessionmaker", is_async=False),
            autoflush=self._autoflush if autoflush is None else autoflush,
            expire_on_commit=self._expire_on_commit if expire_on_commit is None else expire_on_commit,
        )
        for event, listener in self._listeners:
            session.on(event, listener)
        return session

    @overload
    def on(self, event: Event) -> Callable[[Callable[[Session], T]], Callable[[Session], T]]: ...
    @overload
    def on(self, event: Event, listener: Callable[[Session], T]) -> Callable[[Session], T]: ...
    def on(self, event: Event, listener: Any = UNGIVEN) -> Any:
        """Register a function for an event of sessions that are created from now on; see ``Session.on``."""
        return listening(event, listener, self._listen)

    def _listen(self, event: Event, listener: Callable[[Session], object]) -> None:
        self._listeners.append((event, listener))

    def begin(self) -> Block[Session]:
        """Return a session for a block, which commits at the end, or rolls back if the block raises."""
        return Block(self._begin(), "begin")

    @contextmanager
    def _begin(self) -> Generator[Session]:
        with self() as session, session.begin():
            yield session

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, MAKER_WAYS)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {'no engine yet' if self.engine is None else self.engine.url}>"
