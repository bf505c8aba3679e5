"""Calls for transactions, blocking and async."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from ..errors import StateError, TransactionError
from .calls import AsyncCaller, AsyncRunner, Caller, Runner
from .transaction import AsyncClientTransaction, ClientTransaction, enter, leave, level_of

C = TypeVar("C")


class Flag(int):
    """A bool that can also be called: other SoliDB clients have a method."""

    def __call__(self) -> bool:
        """Return the value."""
        return bool(self)

    def __repr__(self) -> str:
        return repr(bool(self))


class Identifier(str):
    """A transaction's identifier, which can also be called: other SoliDB clients have a method."""

    __slots__ = ()

    def __call__(self) -> str:
        """Return the identifier."""
        return str(self)


def _none_open() -> TransactionError:
    return TransactionError("no transaction is open", hint="client.begin_transaction(db) opens one")


def _one_open() -> StateError:
    return StateError(
        "this client has an open transaction already",
        state="in a transaction",
        move="begin",
        hint="commit() or rollback() it, or open others with client.transaction(db)",
    )


class Transactions(Caller):
    """Calls for transactions, blocking."""

    def begin_transaction(self, db: str, isolation: str | None = None) -> str:
        """Begin a transaction for this client; return its identifier.

        Until ``commit`` or ``rollback`` this client's insert, update, delete and query belong to it, from any
        thread or task. All other calls (get, list, bulk, sub-clients) do not.

        ``isolation`` is read_uncommitted, read_committed (the default), repeatable_read or serializable, in
        any spelling. The server behaves the same at every level: writes are staged and applied together by
        the commit, which fails with TransactionConflict if a document that was updated or deleted has been
        changed since; queries see committed data, without the transaction's own writes, and there is no
        snapshot. So read_uncommitted is in effect read_committed, and repeatable_read and serializable hold
        for the documents that the transaction writes, but not for those that it only reads. JSON Schemas are
        not checked. The server rolls a transaction back after 300 seconds.
        """
        if self.in_transaction:
            raise _one_open()
        return _begin(self._runner, db, isolation).id

    def commit(self) -> None:
        """Write what the open transaction staged, atomically; raise TransactionConflict if it can't be."""
        if (transaction := self._runner.transaction) is None:
            raise _none_open()
        transaction.commit()

    def rollback(self) -> None:
        """Discard what the open transaction staged."""
        if (transaction := self._runner.transaction) is None:
            raise _none_open()
        transaction.rollback()

    def transaction(self, db: str, isolation: str | None = None) -> TransactionScope[Self]:
        """Return a transaction for a block: ``with client.transaction(db) as tx``.

        ``tx`` is a client whose writes belong to the transaction; so do those of this client in the same
        thread. The end of the block commits, an exception rolls back, ``tx.rollback()`` ends it early.
        """
        return TransactionScope(self.over, self._runner.apart(), db, isolation)

    @property
    def in_transaction(self) -> Flag:
        """Whether a transaction is open for this client, thread or task."""
        transaction = self._runner.transaction
        return Flag(transaction is not None and transaction.is_open)

    @property
    def transaction_id(self) -> Identifier | None:
        """The identifier of the open transaction; None if there is none."""
        transaction = self._runner.transaction
        return Identifier(transaction.id) if transaction is not None and transaction.is_open else None


class TransactionScope(Generic[C]):
    """The block of ``with client.transaction(db) as tx``."""

    def __init__(self, make: Callable[[Runner], C], runner: Runner, db: str, isolation: str | None) -> None:
        self._make = make
        self._runner, self._db, self._isolation = runner, db, isolation

    def __enter__(self) -> C:
        enter(_begin(self._runner, self._db, self._isolation))
        return self._make(self._runner)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        transaction = self._runner.transaction
        if transaction is None:
            return
        leave(transaction)
        if not transaction.is_open:
            return
        try:
            if error is None:
                transaction.commit()
            elif isinstance(error, Exception):
                transaction.rollback()
        finally:
            if transaction.is_open:  # the block, or its end, was cancelled or interrupted
                transaction.abandon()


def _begin(runner: Runner, db: str, isolation: str | None) -> ClientTransaction:
    transaction = ClientTransaction(runner.hub, runner.hub.driver.lease(runner.seconds))
    transaction.begin(db, level_of(isolation))
    runner.stage.own = transaction
    return transaction


class AsyncTransactions(AsyncCaller):
    """Calls for transactions, async."""

    async def begin_transaction(self, db: str, isolation: str | None = None) -> str:
        """Begin a transaction for this client; return its identifier.

        For the isolation levels see ``Client.begin_transaction``.
        """
        if self.in_transaction:
            raise _one_open()
        return (await _abegin(self._runner, db, isolation)).id

    async def commit(self) -> None:
        """Write what the open transaction staged, atomically; raise TransactionConflict if it can't be."""
        if (transaction := self._runner.transaction) is None:
            raise _none_open()
        await transaction.commit()

    async def rollback(self) -> None:
        """Discard what the open transaction staged."""
        if (transaction := self._runner.transaction) is None:
            raise _none_open()
        await transaction.rollback()

    def transaction(self, db: str, isolation: str | None = None) -> AsyncTransactionScope[Self]:
        """Return a transaction for a block: ``async with client.transaction(db) as tx``.

        ``tx`` is a client whose writes belong to the transaction; so do those of this client in the same
        task. The end of the block commits, an exception rolls back, ``tx.rollback()`` ends it early.
        """
        return AsyncTransactionScope(self.over, self._runner.apart(), db, isolation)

    @property
    def in_transaction(self) -> Flag:
        """Whether a transaction is open for this client, thread or task."""
        transaction = self._runner.transaction
        return Flag(transaction is not None and transaction.is_open)

    @property
    def transaction_id(self) -> Identifier | None:
        """The identifier of the open transaction; None if there is none."""
        transaction = self._runner.transaction
        return Identifier(transaction.id) if transaction is not None and transaction.is_open else None


class AsyncTransactionScope(Generic[C]):
    """The block of ``async with client.transaction(db) as tx``."""

    def __init__(
        self, make: Callable[[AsyncRunner], C], runner: AsyncRunner, db: str, isolation: str | None
    ) -> None:
        self._make = make
        self._runner, self._db, self._isolation = runner, db, isolation

    async def __aenter__(self) -> C:
        enter(await _abegin(self._runner, self._db, self._isolation))
        return self._make(self._runner)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        transaction = self._runner.transaction
        if transaction is None:
            return
        leave(transaction)
        if not transaction.is_open:
            return
        try:
            if error is None:
                await transaction.commit()
            elif isinstance(error, Exception):
                await transaction.rollback()
        finally:
            if transaction.is_open:  # the block, or its end, was cancelled or interrupted
                await transaction.abandon()


async def _abegin(runner: AsyncRunner, db: str, isolation: str | None) -> AsyncClientTransaction:
    transaction = AsyncClientTransaction(runner.hub, runner.hub.driver.lease(runner.seconds))
    await transaction.begin(db, level_of(isolation))
    runner.stage.own = transaction
    return transaction
