"""``RecordingEngine``: an engine that records its commands, for tests without a database.

``max_queries``: a limit on the statements of a block, by which a query in a loop is detected.
"""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar, cast

from .._dataclasses import dataclass
from .._types import JsonObject, Receipt, Stored
from ..commands import (
    Apply,
    Batch,
    Command,
    CommitBatches,
    CountDocuments,
    FetchDocuments,
    GetMany,
    Inserts,
    ListCollections,
    Patches,
    Removals,
    RunQuery,
)
from ..engine.engine import Engine
from ..engine.events import describe
from ..engine.statistics import listening
from ..engines.interface import Capabilities, Channel, Driver
from ..errors import ConfigurationError
from ..language.nodes import Query
from ..model.stored.codec import body_value

R = TypeVar("R")

_TIME = "2026-01-01T00:00:00+00:00"


@dataclass(frozen=True, slots=True)
class Written:
    """A document of a batch: the body that was inserted, the patch, or None for a removal."""

    collection: str
    key: str
    document: JsonObject


class RecordingEngine(Engine):
    """An engine that records every command in ``commands``.

    Without another engine it stores no documents: writes succeed, reads find nothing, and each query returns
    the rows of one call of ``answer``. With one, it passes the commands on.
    """

    def __init__(self, inner: Engine | None = None) -> None:
        self.commands: list[Command[Any]] = []
        self._answers: list[list[Any]] = []
        driver: Driver = _Alone(self._answers) if inner is None else inner.driver
        super().__init__(_Recorder(driver, self.commands))
        if inner is not None:
            self.complete = inner.complete

    def answer(self, rows: Iterable[Any]) -> None:
        """Set the rows of the next query; complete documents contain ``_key`` and ``_rev``."""
        self._answers.append(list(rows))

    def clear(self) -> None:
        """Clear the recorded commands."""
        self.commands.clear()

    @property
    def batches(self) -> list[Batch]:
        """The batches that were written, in order."""
        writes = (command for command in self.commands if isinstance(command, (Apply, CommitBatches)))
        return [batch for command in writes for batch in command.batches]

    @property
    def inserts(self) -> list[Written]:
        """The documents that were inserted, in order."""
        return [
            Written(batch.collection, key, body_value(body))
            for batch in self.batches
            if isinstance(batch, Inserts)
            for key, body in batch.rows
        ]

    @property
    def patches(self) -> list[Written]:
        """The changes that were made, in order: only the attributes that were sent."""
        return [
            Written(batch.collection, patch.key, patch.changes)
            for batch in self.batches
            if isinstance(batch, Patches)
            for patch in batch.rows
        ]

    @property
    def removals(self) -> list[Written]:
        """The documents that were deleted, in order."""
        return [
            Written(batch.collection, key, {})
            for batch in self.batches
            if isinstance(batch, Removals)
            for key, _ in batch.rows
        ]

    @property
    def queries(self) -> list[RunQuery | FetchDocuments]:
        """The queries that were run, in order."""
        return [command for command in self.commands if isinstance(command, (RunQuery, FetchDocuments))]


class _Recorder:
    """A driver that records the commands of its channels."""

    def __init__(self, inner: Driver, commands: list[Command[Any]]) -> None:
        self._inner = inner
        self._commands = commands

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    @property
    def url(self) -> str:
        return self._inner.url

    def channel(self) -> Channel:
        return _RecordingChannel(self._inner.channel(), self._commands)

    def close(self) -> None:
        self._inner.close()


class _RecordingChannel:
    def __init__(self, inner: Channel, commands: list[Command[Any]]) -> None:
        self._inner = inner
        self._commands = commands
        self._known_rows = getattr(inner, "known_rows", None)

    @property
    def capabilities(self) -> Capabilities:
        return self._inner.capabilities

    def perform(self, command: Command[R], /) -> R:
        self._commands.append(command)
        return self._inner.perform(command)

    def known_rows(
        self, query: Query, binds: Mapping[str, Any], is_steady: bool, are_documents: bool
    ) -> list[Any] | None:
        """Note what the inner engine answers without a command as if it had been one."""
        rows: list[Any] | None = None
        if self._known_rows is not None:
            rows = self._known_rows(query, binds, is_steady, are_documents)
        if rows is not None:
            self._commands.append((FetchDocuments if are_documents else RunQuery)(query, binds))
        return rows

    def close(self) -> None:
        self._inner.close()


class _Alone:
    """A driver without a database."""

    capabilities = Capabilities("recording", "value", interactive_transactions=True)
    url = "recording://"

    def __init__(self, answers: list[list[Any]]) -> None:
        self._answers = answers

    def channel(self) -> Channel:
        return _Answering(self._answers)

    def close(self) -> None:
        self._answers.clear()


class _Answering:
    """A channel that stores nothing and replies with the rows of ``answer``."""

    capabilities = _Alone.capabilities

    def __init__(self, answers: list[list[Any]]) -> None:
        self._answers = answers

    def perform(self, command: Command[R], /) -> R:
        return cast(R, self._reply(command))

    def _reply(self, command: Command[Any]) -> Any:
        match command:
            case Apply(batches) | CommitBatches(batches):
                return [[_receipt() for _ in batch.rows] for batch in batches]
            case RunQuery():
                return self._next()
            case FetchDocuments():
                return list(_stored(self._next()))
            case GetMany() | ListCollections():
                return []
            case CountDocuments():
                return 0
            case _:
                return None

    def _next(self) -> list[Any]:
        return self._answers.pop(0) if self._answers else []

    def close(self) -> None:
        """Do nothing: there are no connections."""


def _receipt() -> Receipt:
    return str(uuid.uuid4()), _TIME, _TIME


def _stored(rows: Iterable[Any]) -> Iterator[Stored | None]:
    for row in rows:
        if row is None:
            yield None
        elif not isinstance(row, dict) or "_key" not in row:
            raise ConfigurationError(f"a document to answer with needs a _key: {row!r}")
        else:
            body = {name: value for name, value in cast(JsonObject, row).items() if name != "_rev"}
            yield body["_key"], cast(JsonObject, row).get("_rev", "1"), _TIME, _TIME, body


_SHOWN = 20


@contextmanager
def max_queries(limit: int) -> Generator[list[Command[Any]]]:
    """Raise AssertionError, which lists the statements, if a block runs more than ``limit`` of them.

    Counts the statements of all sessions in this thread or task, and in tasks that it starts. Yields the list
    of commands, which grows as they are performed.
    """
    heard: list[Command[Any]] = []
    with listening(heard.append):
        yield heard
    if len(heard) > limit:
        lines = [f"  {number}. {describe(command)}" for number, command in enumerate(heard[:_SHOWN], 1)]
        if len(heard) > _SHOWN:
            lines.append(f"  .. and {len(heard) - _SHOWN} more")
        told = "\n".join(lines)
        raise AssertionError(
            f"the block asked for {len(heard)} statements, at most {limit} were allowed:\n{told}"
        )
