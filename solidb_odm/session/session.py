"""``Session`` and ``AsyncSession``: thin shells over the operations, a line or two a method."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator, Iterable
from contextlib import asynccontextmanager, contextmanager
from types import TracebackType
from typing import Any, Self, TypeVar, overload

import anyio

from ..commands import Operation, arun, run
from ..engines.base import AsyncChannel, Channel
from ..errors import DocumentNotFound
from ..model.document import Document
from ..query.statement import Statement
from . import operations
from .base import Read, SessionBase, compiled, first_column
from .engine import AsyncEngine, Engine
from .result import Result

D = TypeVar("D", bound=Document)
T = TypeVar("T")


class Session(SessionBase):
    """A unit of work: documents, their changes, and one transaction at a time.

    Use it as a context manager: leaving the block closes it and rolls back what was not committed.
    """

    def __init__(self, engine: Engine, *, autoflush: bool = True) -> None:
        super().__init__(engine.capabilities, autoflush=autoflush, auto_create=engine.auto_create)
        self.engine = engine
        self._channel: Channel | None = None

    def get(self, model: type[D], key: str) -> D | None:
        """Give the document with this key, from the session if it is there; None if there is none."""
        return self._run(operations.get(self._context, model, key))

    def get_one(self, model: type[D], key: str) -> D:
        """Give the document with this key; DocumentNotFound if there is none."""
        return found(self.get(model, key), model, key)

    def get_many(self, model: type[D], keys: Iterable[str]) -> list[D | None]:
        """Give the documents with these keys, in their order, in one round trip."""
        return self._run(operations.get_many(self._context, model, keys))

    def execute(self, statement: Statement[T], *, read: Read | None = None) -> Result[T]:
        """Run a statement; its rows are documents, values, or tuples of several columns.

        Queries see the session's own changes. On a server that needs a select over one collection;
        for other queries UnflushedChangesError, unless ``read="committed"`` leaves the changes out.
        """
        program = compiled(statement)
        return Result(self._run(operations.execute(self._context, program, read)), program.columns)

    @overload
    def scalars(
        self, statement: Statement[tuple[T, *tuple[Any, ...]]], *, read: Read | None = None
    ) -> Result[T]: ...
    @overload
    def scalars(self, statement: Statement[T], *, read: Read | None = None) -> Result[T]: ...
    def scalars(self, statement: Statement[Any], *, read: Read | None = None) -> Result[Any]:
        """Run a statement and give its first column."""
        program = compiled(statement)
        rows = self._run(operations.execute(self._context, program, read))
        return Result(first_column(rows, program), program.columns[:1])

    @overload
    def scalar(
        self, statement: Statement[tuple[T, *tuple[Any, ...]]], *, read: Read | None = None
    ) -> T | None: ...
    @overload
    def scalar(self, statement: Statement[T], *, read: Read | None = None) -> T | None: ...
    def scalar(self, statement: Statement[Any], *, read: Read | None = None) -> Any:
        """Run a statement and give the first column of its first row; None if there is no row."""
        return self.scalars(statement, read=read).first()

    def flush(self) -> None:
        """Check all changes and, on a file, write them into the open transaction."""
        self._run(operations.flush(self._context))

    def commit(self) -> None:
        """Write all changes and make them lasting, in one transaction.

        StaleDocumentError if somebody else changed a document meanwhile. After an error nothing is
        written and the session holds the changes as before.
        """
        self._run(operations.commit(self._context))

    def rollback(self) -> None:
        """Undo what was not committed; documents get their stored values back, new ones leave."""
        self._run(operations.rollback(self._context))

    def refresh(self, *documents: Document) -> None:
        """Give documents the values that are stored now, in one round trip a collection."""
        self._run(operations.refresh(self._context, documents))

    @contextmanager
    def begin(self) -> Generator[Self]:
        """Commit at the end of the block, or roll back if it raises."""
        try:
            yield self
        except BaseException:
            self.rollback()
            raise
        self.commit()

    def close(self) -> None:
        """Roll back what was not committed, let go of the documents and of the connection."""
        if self._closed:
            return
        self._closed = True
        self._work.expunge_all()
        if self._channel is not None:
            self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, operation: Operation[T]) -> T:
        with self._used():
            if self._channel is None:
                self._channel = self.engine.driver.channel()
            return run(operation, self._channel)


class AsyncSession(SessionBase):
    """``Session`` with ``await``, on asyncio and trio."""

    def __init__(self, engine: AsyncEngine, *, autoflush: bool = True) -> None:
        super().__init__(engine.capabilities, autoflush=autoflush, auto_create=engine.auto_create)
        self.engine = engine
        self._channel: AsyncChannel | None = None

    async def get(self, model: type[D], key: str) -> D | None:
        """Give the document with this key, from the session if it is there; None if there is none."""
        return await self._run(operations.get(self._context, model, key))

    async def get_one(self, model: type[D], key: str) -> D:
        """Give the document with this key; DocumentNotFound if there is none."""
        return found(await self.get(model, key), model, key)

    async def get_many(self, model: type[D], keys: Iterable[str]) -> list[D | None]:
        """Give the documents with these keys, in their order, in one round trip."""
        return await self._run(operations.get_many(self._context, model, keys))

    async def execute(self, statement: Statement[T], *, read: Read | None = None) -> Result[T]:
        """Run a statement; its rows are documents, values, or tuples of several columns.

        Queries see the session's own changes. On a server that needs a select over one collection;
        for other queries UnflushedChangesError, unless ``read="committed"`` leaves the changes out.
        """
        program = compiled(statement)
        return Result(await self._run(operations.execute(self._context, program, read)), program.columns)

    @overload
    async def scalars(
        self, statement: Statement[tuple[T, *tuple[Any, ...]]], *, read: Read | None = None
    ) -> Result[T]: ...
    @overload
    async def scalars(self, statement: Statement[T], *, read: Read | None = None) -> Result[T]: ...
    async def scalars(self, statement: Statement[Any], *, read: Read | None = None) -> Result[Any]:
        """Run a statement and give its first column."""
        program = compiled(statement)
        rows = await self._run(operations.execute(self._context, program, read))
        return Result(first_column(rows, program), program.columns[:1])

    @overload
    async def scalar(
        self, statement: Statement[tuple[T, *tuple[Any, ...]]], *, read: Read | None = None
    ) -> T | None: ...
    @overload
    async def scalar(self, statement: Statement[T], *, read: Read | None = None) -> T | None: ...
    async def scalar(self, statement: Statement[Any], *, read: Read | None = None) -> Any:
        """Run a statement and give the first column of its first row; None if there is no row."""
        return (await self.scalars(statement, read=read)).first()

    async def flush(self) -> None:
        """Check all changes and, on a file, write them into the open transaction."""
        await self._run(operations.flush(self._context))

    async def commit(self) -> None:
        """Write all changes and make them lasting, in one transaction.

        StaleDocumentError if somebody else changed a document meanwhile. After an error nothing is
        written and the session holds the changes as before.
        """
        await self._run(operations.commit(self._context))

    async def rollback(self) -> None:
        """Undo what was not committed; documents get their stored values back, new ones leave."""
        await self._run(operations.rollback(self._context))

    async def refresh(self, *documents: Document) -> None:
        """Give documents the values that are stored now, in one round trip a collection."""
        await self._run(operations.refresh(self._context, documents))

    @asynccontextmanager
    async def begin(self) -> AsyncGenerator[Self]:
        """Commit at the end of the block, or roll back if it raises."""
        try:
            yield self
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self.rollback()
            raise
        await self.commit()

    async def close(self) -> None:
        """Roll back what was not committed, let go of the documents and of the connection."""
        if self._closed:
            return
        self._closed = True
        self._work.expunge_all()
        if self._channel is not None:
            with anyio.CancelScope(shield=True):
                await self._channel.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _run(self, operation: Operation[T]) -> T:
        with self._used():
            if self._channel is None:
                self._channel = await self.engine.driver.channel()
            return await arun(operation, self._channel)


def found(document: D | None, model: type[D], key: str) -> D:
    """Give the document; DocumentNotFound if it is None."""
    if document is None:
        collection = model.__solidb_collection__
        raise DocumentNotFound(f"there is no {collection}/{key}", name=key, collection=collection)
    return document
