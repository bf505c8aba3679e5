"""``AsyncSession``: ``Session`` with ``await``."""

from __future__ import annotations

import warnings
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable, Mapping
from contextlib import asynccontextmanager
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Never, Self, TypeVar, overload

import anyio

from .._wrong_calls import Awaited, missing_call, refuse_more, refuse_options
from ..commands import Operation, arun
from ..engine.engine import AsyncEngine
from ..engine.statistics import AsyncCountedChannel
from ..errors import StaleDocumentError, UsageError, check_callable
from ..model.document import Document
from ..query.load_paths import Loadable
from ..query.statement import Statement
from ..work import AttributeConflict, Prefer
from . import paging
from .context import Event
from .explanation import Explanation, explain
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
    AsyncBlock,
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

D = TypeVar("D", bound=Document)
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Done:
    """What can be awaited, and is done already: for calls that have nothing to wait for."""

    __slots__ = ()

    def __await__(self) -> Generator[None]:
        yield from ()


class AsyncRows(AsyncIterator[T_co]):
    """The rows of ``AsyncSession.stream``, in order: ``async for``. To await them first changes nothing."""

    def __init__(self, rows: AsyncGenerator[T_co]) -> None:
        self._rows = rows

    def __await__(self) -> Generator[None, None, Self]:
        yield from ()
        return self

    if not TYPE_CHECKING:

        def __iter__(self) -> Any:
            raise UsageError("these rows are awaited", hint="async for row in session.stream(..)")

    def __anext__(self) -> Awaitable[T_co]:
        return self._rows.__anext__()

    def __repr__(self) -> str:
        return "<rows of a stream: async for row in .. reads them>"

    async def aclose(self) -> None:
        """Read no further."""
        await self._rows.aclose()


class AsyncSession(SessionBase, Awaited):
    """``Session`` with ``await``, on asyncio and trio."""

    @overload
    def __init__(
        self, engine: AsyncEngine, *, autoflush: bool = True, expire_on_commit: bool = False
    ) -> None: ...
    @overload
    def __init__(
        self, *, bind: AsyncEngine, autoflush: bool = True, expire_on_commit: bool = False
    ) -> None: ...
    def __init__(
        self,
        engine: AsyncEngine | None = None,
        *,
        bind: AsyncEngine | None = None,
        autoflush: bool = True,
        expire_on_commit: bool = False,
        **others: Never,
    ) -> None:
        refuse_options("AsyncSession()", others)
        engine = checked_engine(engine, bind, "AsyncSession", is_async=True)
        super().__init__(
            engine.capabilities,
            autoflush=autoflush,
            expire_on_commit=expire_on_commit,
            auto_create=engine.auto_create,
            complete=engine.complete,
        )
        self.engine = engine
        self._channel: AsyncCountedChannel | None = None

    def __del__(self) -> None:
        """Warn of a session with an open connection that can no longer be awaited."""
        if getattr(self, "_channel", None) is not None:
            self._channel = None  # first: who keeps the warning keeps the session
            warnings.warn(
                "an AsyncSession was not closed: use 'async with', or await session.close()",
                ResourceWarning,
                stacklevel=1,
                source=self,
            )
        super().__del__()

    # --- reading --------------------------------------------------------------------------------

    async def get(self, model: type[D], key: str, *, with_deleted: bool = False, **others: Never) -> D | None:
        """Return the document with this key, from the session if it holds it; None if there is none.

        A SoftDelete document that is marked as deleted is returned only ``with_deleted=True``.
        """
        if others:
            refuse_options("get()", others)
        return visible(await self._run(reading.get(self._context, model, key)), with_deleted)

    async def get_one(self, model: type[D], key: str, *, with_deleted: bool = False, **others: Never) -> D:
        """Return the document with this key; raise DocumentNotFound if there is none."""
        return present(await self.get(model, key, with_deleted=with_deleted, **others), model, key)

    async def get_many(self, model: type[D], keys: Iterable[str], *others: Never) -> list[D | None]:
        """Return the documents with these keys, in their order, in one round trip."""
        refuse_more("get_many() takes one list of keys", others, KEYS)
        documents = await self._run(reading.get_many(self._context, model, keys))
        return [visible(document, with_deleted=False) for document in documents]

    async def execute(
        self, statement: Statement[T], parameters: Any = None, *, read: Read | None = None, **others: Never
    ) -> Result[T]:
        """Run a statement and return its rows: documents, values, or named tuples (``row.name``).

        Queries see the session's own changes. On a server this works for a select over one collection;
        other queries over changed collections raise UnflushedChangesError, unless ``read="committed"``
        ignores the changes.
        """
        program = compiled(statement, parameters, others)
        rows = await self._run(loading.execute(self._context, program, read))
        return Result(rows, program.columns, writes=bool(program.writes))

    @overload
    async def scalars(
        self,
        statement: Statement[tuple[T, *tuple[Any, ...]]],
        parameters: Any = None,
        *,
        read: Read | None = None,
    ) -> Result[T]: ...
    @overload
    async def scalars(
        self, statement: Statement[T], parameters: Any = None, *, read: Read | None = None
    ) -> Result[T]: ...
    async def scalars(
        self, statement: Statement[Any], parameters: Any = None, *, read: Read | None = None, **others: Never
    ) -> Result[Any]:
        """Run a statement and return the first column of its rows."""
        program = compiled(statement, parameters, others)
        rows = await self._run(loading.execute(self._context, program, read))
        return Result(first_column(rows, program), program.columns[:1], writes=bool(program.writes))

    @overload
    async def scalar(
        self,
        statement: Statement[tuple[T, *tuple[Any, ...]]],
        parameters: Any = None,
        *,
        read: Read | None = None,
    ) -> T | None: ...
    @overload
    async def scalar(
        self, statement: Statement[T], parameters: Any = None, *, read: Read | None = None
    ) -> T | None: ...
    async def scalar(
        self, statement: Statement[Any], parameters: Any = None, *, read: Read | None = None, **others: Never
    ) -> Any:
        """Run a statement and return the first column of the first row; None if there is no row."""
        return (await self.scalars(statement, parameters, read=read, **others)).first()

    async def page(
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
        return await self._run(paging.page(self._context, statement, size, after, before, read))

    def stream(
        self, statement: Statement[T], batch: int = 1000, *, read: Read | None = None, **others: Never
    ) -> AsyncRows[T]:
        """Return the rows of a select one by one, reading ``batch`` at a time and keeping no more.

        A select of documents, also with joins, is sorted once for 100,000 rows (20,000 on a server, of values
        too), whose keys are kept: a row that no longer matches when its batch is read is left out, and one
        that is moved in the order is not returned twice. Groups and rows of named statements are read in
        blocks of this size, and on a file values in blocks of some megabytes. Documents that are changed
        meanwhile stay in the session until the commit.
        """
        refuse_options("stream()", others)
        return AsyncRows(self._stream(RowStream(statement, batch, read)))

    async def _stream(self, rows: RowStream) -> AsyncGenerator[Any]:
        while not rows.is_over:
            batch = await self._run(rows.batch(self._context))
            for row in batch:
                yield row
            self._work.release(batch)

    async def explain(
        self, statement: Statement[Any] | str, binds: Mapping[str, Any] | None = None
    ) -> Explanation:
        """Return how the engine would run a statement, or a text in SDBQL with its binds; print it to read.

        On a file this is the SQL, the indexes it uses, and what is computed in Python and why. On a server it
        is the server's own plan, for which it runs the reading part. Nothing is written or flushed.
        """
        return await self._run(explain(self._context, statement, binds))

    # --- writing --------------------------------------------------------------------------------

    def delete(self, document: Document, *others: Never, permanently: bool = False) -> Done:
        """Delete a document at the next flush; a document that was never stored only leaves the session.

        A SoftDelete document is marked as deleted, unless ``permanently=True``.
        """
        refuse_more("delete() takes one document", others, DELETE_EACH)
        self._delete(document, permanently)
        return Done()

    async def flush(self, *others: Never, **options: Never) -> None:
        """Check all changes and, on a file, write them into the open transaction."""
        refuse_more("flush() writes all changes in their order", others, "write session.flush()")
        refuse_options("flush()", options)
        await self._run(writing.flush(self._context))

    async def commit(self, *others: Never) -> None:
        """Write all changes in one transaction and commit it.

        Raises StaleDocumentError if another writer has changed one of the documents. After an error nothing
        is written, and the session holds the changes as before.
        """
        if others:
            refuse_more("commit() writes all changes", others, "write session.commit()")
        await self._run(writing.commit(self._context))

    async def rollback(self) -> None:
        """Undo all changes since the last commit: documents get their stored values back, new ones leave."""
        await self._run(writing.rollback(self._context))

    def begin(self, **others: Never) -> AsyncBlock[Self]:
        """Return a block for (async) ``with``: commit at its end, or roll back if it or the commit raises."""
        refuse_options("begin()", others)
        return AsyncBlock(self._begin(), "begin")

    @asynccontextmanager
    async def _begin(self) -> AsyncGenerator[Self]:
        self._enter_block()
        try:
            yield self
            await self.commit()
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.rollback()
            raise
        finally:
            self._has_begun = False

    def begin_nested(self) -> AsyncBlock[Self]:
        """Return a block for (async) ``with``: if it raises, only its own changes are undone (a savepoint).

        Blocks may be nested. The changes of a block are written by the commit after it.
        """
        return AsyncBlock(self._begin_nested(), "begin_nested")

    @asynccontextmanager
    async def _begin_nested(self) -> AsyncGenerator[Self]:
        await self._run(writing.begin_nested(self._context))
        try:
            yield self
            await self._run(writing.release(self._context))
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._run(writing.rollback_to(self._context))
            raise

    async def run(self, work: Callable[[Self], Awaitable[T]], *, retries: int = 3) -> T:
        """Call a function with the session and commit; try again if another writer was first.

        Before another try the session drops all documents, so the function must load what it changes. It may
        run several times: do what can't be undone, such as sending mail, after ``run()``.
        """
        self._check_clean()
        way = "session.run(work), where work(session) reads and changes documents"
        check_callable(work, "run()", way, is_awaited=True)
        backoff = Backoff(retries)
        while True:
            try:
                async with self.begin():
                    result = await work(self)
            except RETRYABLE as error:
                await anyio.sleep(backoff.pause(error))
                self.expunge_all()
            else:
                return result

    # --- single documents -----------------------------------------------------------------------

    async def refresh(self, *documents: Document, **others: Never) -> None:
        """Read the stored values of documents again, in one round trip for each collection."""
        refuse_options("refresh()", others)
        await self._run(refreshes.refresh(self._context, documents))

    async def load(self, documents: Iterable[Document], *paths: Loadable) -> None:
        """Load what documents refer to, with one query for each link: ``session.load(posts, Post.author)``.

        Afterwards ``post.author.value`` is the document. A path may have several links,
        ``Post.author.value.team``, or start from the documents of the path before: ``session.load(posts,
        Post.author, User.team)``. Ends of edges, back-references (``User.posts``) and neighbours
        (``outgoing(Follows, depth=2)``) are paths too.
        """
        await self._run(loading.load(self._context, documents, paths))

    async def merge(self, document: D, **others: Never) -> D:
        """Return the session's object of a document from elsewhere, with the values set on that one.

        The object is loaded or, if it is not stored, added. Raises StaleDocumentError if another writer has
        changed the document since it was loaded.
        """
        refuse_options("merge()", others)
        return await self._run(refreshes.merge_in(self._context, document))

    async def rebase(
        self, *documents: Document | StaleDocumentError, prefer: Prefer | None = None
    ) -> dict[str, list[AttributeConflict]]:
        """Apply the uncommitted changes of documents to what is stored now, for the next commit.

        ``except StaleDocumentError as error: session.rebase(error)``. If both sides changed an attribute,
        ``prefer`` decides: ``"ours"``, ``"theirs"``, or a function that takes an AttributeConflict and
        returns the stored value. Without it, MergeConflictError is raised and nothing is changed. Returns the
        conflicts by document.
        """
        return await self._run(refreshes.rebase(self._context, self._documents(documents), prefer))

    # --- the end --------------------------------------------------------------------------------

    async def close(self) -> None:
        """Roll back what was not committed, and release the documents and the connection."""
        if self._closed:
            return
        self._closed = True
        self._work.end()
        await self._let_go()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, operation: Operation[T]) -> T:
        use = Use()
        use.thread = get_ident()
        try:
            self._enter(use)
            if self._channel is None:
                self._channel = AsyncCountedChannel(await self.engine.channel(), self.statistics)
            return await arun(operation, self._channel)
        except BaseException as error:
            if self._use is use and (not isinstance(error, Exception) or self._work.is_torn):
                await self._settle()
            raise
        finally:
            use.is_over = True

    async def _settle(self) -> None:
        """After a cancellation or an interrupt: take back what was not committed."""
        await self._let_go()
        self._work.recover()

    async def _let_go(self) -> None:
        channel, self._channel = self._channel, None
        if channel is not None:
            await channel.aclose()


class async_sessionmaker(Awaited):  # noqa: N801  as SQLAlchemy calls it
    """``sessionmaker`` for ``AsyncSession``."""

    @overload
    def __init__(
        self, engine: AsyncEngine | None = None, *, autoflush: bool = True, expire_on_commit: bool = False
    ) -> None: ...
    @overload
    def __init__(
        self, *, bind: AsyncEngine, autoflush: bool = True, expire_on_commit: bool = False
    ) -> None: ...
    def __init__(
        self,
        engine: AsyncEngine | None = None,
        *,
        bind: AsyncEngine | None = None,
        autoflush: bool = True,
        expire_on_commit: bool = False,
        **others: Never,
    ) -> None:
        refuse_options("async_sessionmaker()", others)
        is_later = engine is None and bind is None
        self.engine = None if is_later else checked_engine(engine, bind, "async_sessionmaker", is_async=True)
        self._autoflush = autoflush
        self._expire_on_commit = expire_on_commit
        self._listeners: list[tuple[Event, Callable[[AsyncSession], object]]] = []

    def configure(
        self,
        *,
        bind: AsyncEngine | None = None,
        autoflush: bool | None = None,
        expire_on_commit: bool | None = None,
        **others: Never,
    ) -> None:
        """Change the engine or options of the sessions that are created from now on."""
        refuse_options("configure()", others)
        if bind is not None:
            self.engine = checked_engine(bind, None, "async_sessionmaker", is_async=True)
        self._autoflush = self._autoflush if autoflush is None else autoflush
        self._expire_on_commit = self._expire_on_commit if expire_on_commit is None else expire_on_commit

    def __call__(
        self, *, autoflush: bool | None = None, expire_on_commit: bool | None = None, **others: Never
    ) -> AsyncSession:
        """Return a new session; what is given holds for this one only."""
        refuse_options("async_sessionmaker()()", others)
        session = AsyncSession(
            checked_engine(self.engine, None, "async_sessionmaker", is_async=True),
            autoflush=self._autoflush if autoflush is None else autoflush,
            expire_on_commit=self._expire_on_commit if expire_on_commit is None else expire_on_commit,
        )
        for event, listener in self._listeners:
            session.on(event, listener)
        return session

    @overload
    def on(self, event: Event) -> Callable[[Callable[[AsyncSession], T]], Callable[[AsyncSession], T]]: ...
    @overload
    def on(self, event: Event, listener: Callable[[AsyncSession], T]) -> Callable[[AsyncSession], T]: ...
    def on(self, event: Event, listener: Any = UNGIVEN) -> Any:
        """Register a function for an event of sessions that are created from now on; see ``Session.on``."""
        return listening(event, listener, self._listen)

    def _listen(self, event: Event, listener: Callable[[AsyncSession], object]) -> None:
        self._listeners.append((event, listener))

    def begin(self) -> AsyncBlock[AsyncSession]:
        """Return a session for a block, which commits at the end, or rolls back if the block raises."""
        return AsyncBlock(self._begin(), "begin")

    @asynccontextmanager
    async def _begin(self) -> AsyncGenerator[AsyncSession]:
        async with self() as session, session.begin():
            yield session

    if not TYPE_CHECKING:  # a checker would hold every misspelt name to be there

        def __getattr__(self, name: str) -> Any:
            raise missing_call(self, name, MAKER_WAYS)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {'no engine yet' if self.engine is None else self.engine.url}>"
