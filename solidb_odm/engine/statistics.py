"""What sessions ask of their engines: counters, and listeners that hear every command."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, TypeAlias, TypeVar

from ..commands import (
    Begin,
    Command,
    Commit,
    FetchDocuments,
    Release,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
)
from ..engines.interface import AsyncChannel, Channel
from ..language.nodes import Query

R = TypeVar("R")
Listener: TypeAlias = Callable[[Command[Any]], None]

CONTROL: frozenset[type[Any]] = frozenset({Begin, Commit, Rollback, Savepoint, RollbackTo, Release})
"""What only begins or ends transactions and savepoints."""
_FETCH: Final = FetchDocuments.__name__
_RUN: Final = RunQuery.__name__
_KnownRows: TypeAlias = Callable[..., "list[Any] | None"]
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("listeners", default=())


class Statistics:
    """The number of commands that a session has performed, by their names.

    Each read, and each flush or commit that writes, counts as one. The begin and end of a transaction on a
    file are not counted.
    """

    def __init__(self) -> None:
        self.by_command: Counter[str] = Counter()

    @property
    def statements(self) -> int:
        """How many there were in all."""
        return self.by_command.total()

    def hear(self, command: Command[Any]) -> None:
        """Count a command and tell the listeners."""
        self.by_command[type(command).__name__] += 1
        for listener in _listeners.get():
            listener(command)

    def reset(self) -> None:
        """Reset the counts to zero."""
        self.by_command.clear()

    def __repr__(self) -> str:
        return f"<Statistics {dict(self.by_command)}>"


@contextmanager
def listening(listener: Listener) -> Generator[None]:
    """Tell ``listener`` of the commands of all sessions in this thread or task, and in tasks it starts."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


class CountedChannel:
    """A channel that counts what it performs."""

    __slots__ = ("_channel", "_counted", "_hear", "_known_rows", "_perform")

    def __init__(self, channel: Channel, statistics: Statistics) -> None:
        self._channel = channel
        self._perform = channel.perform
        self._known_rows: _KnownRows | None = getattr(channel, "known_rows", None)
        self._counted = statistics.by_command
        self._hear = statistics.hear

    def perform(self, command: Command[R], /) -> R:
        kind = type(command)
        if kind not in CONTROL:
            if _listeners.get():
                self._hear(command)
            else:  # as it does, without the call
                self._counted[kind.__name__] += 1
        return self._perform(command)

    def known_rows(
        self, query: Query, binds: Mapping[str, Any], is_steady: bool, are_documents: bool
    ) -> list[Any] | None:
        """Return the documents, or the values, of a query that ran before.

        None where no file can tell them without a command.
        """
        if self._known_rows is None or _listeners.get():
            return None
        try:
            rows = self._known_rows(query, binds, is_steady, are_documents)
        except Exception:
            self._counted[_FETCH if are_documents else _RUN] += 1
            raise
        if rows is not None:
            self._counted[_FETCH if are_documents else _RUN] += 1
        return rows

    def close(self) -> None:
        self._channel.close()


class AsyncCountedChannel:
    """``CountedChannel``, async."""

    __slots__ = ("_channel", "_hear")

    def __init__(self, channel: AsyncChannel, statistics: Statistics) -> None:
        self._channel = channel
        self._hear = statistics.hear

    async def perform(self, command: Command[R], /) -> R:
        if type(command) not in CONTROL:
            self._hear(command)
        return await self._channel.perform(command)

    async def aclose(self) -> None:
        await self._channel.aclose()
