"""Report what engines do: an event and a span for each command, and a warning about slow queries.

Nobody pays who does not watch: a channel is wrapped only where somebody listens.

What ``echo=True`` prints: each query in SDBQL with its bind values, then what the engine made of it.

Values that look like secrets by the names around them are not printed.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import field
from time import perf_counter
from typing import Any, Final, TypeAlias, TypeVar, cast

from .._dataclasses import dataclass
from .._tracing import get_logger, recorder
from .._types import Json, JsonObject
from ..commands import (
    Apply,
    Command,
    CommitBatches,
    ExplainQuery,
    FetchDocuments,
    Get,
    GetMany,
    RunQuery,
)
from ..engines.interface import AsyncChannel, Capabilities, Channel
from ..errors import SolidbError
from ..language import printer
from ..language.walk import collections_read, collections_written
from .statistics import CONTROL

R = TypeVar("R")

slow_logger = get_logger("solidb_odm.slow")
_logger = get_logger("solidb_odm.engine")


@dataclass(frozen=True, slots=True)
class QueryEvent:
    """One command that an engine performed.

    ``text`` is the SDBQL of a query, or a description of another command. ``rows`` is the number of rows or
    documents that were read or written. ``error`` is the exception that the engine raised, or None. ``plan``
    is the plan of a slow query, in the engine's own format; None for others.
    """

    command: str
    engine: str
    text: str
    collections: tuple[str, ...]
    milliseconds: float
    rows: int
    binds: Mapping[str, Any] = field(default_factory=dict[str, Any])
    error: BaseException | None = None
    plan: Json = None


Watcher: TypeAlias = Callable[[QueryEvent], object]


class Observation:
    """The watchers of an engine, and from how many seconds on a query is slow."""

    def __init__(self, slow_query: float | None = None) -> None:
        self.watchers: list[Watcher] = []
        self.slow_query = slow_query
        self.announcer: Callable[[Command[Any]], None] | None = None
        """Told of a command before it is performed."""

    @property
    def is_on(self) -> bool:
        """Return whether anybody wants to know."""
        return bool(self.watchers) or self.slow_query is not None or self.announcer is not None

    def explaining(self, command: Command[Any], seconds: float) -> ExplainQuery | None:
        """Return the command that explains a query, if it was slow."""
        if self.slow_query is None or seconds < self.slow_query:
            return None
        match command:
            case RunQuery(query, binds) | FetchDocuments(query, binds):
                return ExplainQuery(query, binds)
            case _:
                return None

    def tell(
        self, capabilities: Capabilities, command: Command[Any], seconds: float, reply: Any, plan: Json
    ) -> None:
        """Make the event of a command and tell it; ``reply`` may be what was raised."""
        event = _event(capabilities.name, command, seconds * 1000, reply, plan)
        if plan is not None:
            _warn(event)
        for watcher in self.watchers:
            try:
                watcher(event)
            except Exception:  # a watcher must not make a commit look as if it had failed
                _logger.exception("a listener of on_query failed")


def _event(engine: str, command: Command[Any], milliseconds: float, reply: Any, plan: Json) -> QueryEvent:
    failed = isinstance(reply, BaseException)
    binds: Mapping[str, Any] = command.binds if isinstance(command, (RunQuery, FetchDocuments)) else {}
    return QueryEvent(
        type(command).__name__,
        engine,
        describe(command),
        _collections(command),
        milliseconds,
        0 if failed else _count(command, reply),
        binds,
        reply if failed else None,
        plan,
    )


def _warn(event: QueryEvent) -> None:
    """Log a slow query; never the values of its bind variables, which may be secrets."""
    slow_logger.warning(
        "a query took %.0f ms for %d rows: %s  -- binds %s; plan: %s",
        event.milliseconds,
        event.rows,
        event.text,
        ", ".join(sorted(event.binds)) or "none",
        _without_values(event.plan),
    )


def _without_values(plan: Json) -> Json:
    """Return a plan without the values of parameters, wherever in it they stand."""
    if isinstance(plan, list):
        return [_without_values(part) for part in cast("Any", plan)]
    if not isinstance(plan, dict):
        return plan
    parts = cast(JsonObject, plan).items()
    return {name: _without_values(value) for name, value in parts if name != "parameters"}


def describe(command: Command[Any]) -> str:
    """Return in one line what a command asks for: SDBQL for a query."""
    name = type(command).__name__
    match command:
        case RunQuery(text=text) if text:
            return text
        case RunQuery(query) | FetchDocuments(query):
            return printer.print_query(query)
        case Get(collection, key):
            return f"{name} {collection}/{key}"
        case GetMany(collection, keys):
            return f"{name} {collection}, {len(keys)} keys"
        case Apply(batches) | CommitBatches(batches):
            written = (f"{type(batch).__name__} {batch.collection} ({len(batch.rows)})" for batch in batches)
            return f"{name} {', '.join(written)}"
        case _:
            return name


def _collections(command: Command[Any]) -> tuple[str, ...]:
    match command:
        case RunQuery(query) | FetchDocuments(query):
            return tuple(sorted(collections_read(query) | collections_written(query)))
        case Apply(batches) | CommitBatches(batches):
            return tuple(dict.fromkeys(batch.collection for batch in batches))
        case _:
            name = getattr(command, "collection", None)
            return () if name is None else (name,)


def _count(command: Command[Any], reply: Any) -> int:
    match command:
        case Apply() | CommitBatches():
            return sum(map(len, reply))
        case RunQuery() | FetchDocuments() | GetMany():
            return len(reply)
        case _:
            return int(isinstance(command, Get) and reply is not None)


class ObservedChannel:
    """A channel whose commands are told."""

    __slots__ = ("_channel", "_observation")

    def __init__(self, channel: Channel, observation: Observation) -> None:
        self._channel = channel
        self._observation = observation

    @property
    def capabilities(self) -> Capabilities:
        return self._channel.capabilities

    def perform(self, command: Command[R], /) -> R:
        if self._observation.announcer is not None:
            self._observation.announcer(command)
        start = perf_counter()
        try:
            reply = self._channel.perform(command)
        except BaseException as error:
            self._observation.tell(self.capabilities, command, perf_counter() - start, error, None)
            raise
        seconds = perf_counter() - start
        plan: Json = None
        if (explaining := self._observation.explaining(command, seconds)) is not None:
            try:
                plan = self._channel.perform(explaining)
            except SolidbError as error:
                plan = f"it can't be explained: {error}"
        self._observation.tell(self.capabilities, command, seconds, reply, plan)
        return reply

    def close(self) -> None:
        self._channel.close()


class AsyncObservedChannel:
    """``ObservedChannel``, async."""

    __slots__ = ("_channel", "_observation")

    def __init__(self, channel: AsyncChannel, observation: Observation) -> None:
        self._channel = channel
        self._observation = observation

    @property
    def capabilities(self) -> Capabilities:
        return self._channel.capabilities

    async def perform(self, command: Command[R], /) -> R:
        if self._observation.announcer is not None:
            self._observation.announcer(command)
        start = perf_counter()
        try:
            reply = await self._channel.perform(command)
        except BaseException as error:
            self._observation.tell(self.capabilities, command, perf_counter() - start, error, None)
            raise
        seconds = perf_counter() - start
        plan: Json = None
        if (explaining := self._observation.explaining(command, seconds)) is not None:
            try:
                plan = await self._channel.perform(explaining)
            except SolidbError as error:
                plan = f"it can't be explained: {error}"
        self._observation.tell(self.capabilities, command, seconds, reply, plan)
        return reply

    async def aclose(self) -> None:
        await self._channel.aclose()


_SYSTEMS = {"file": "sqlite", "server": "solidb"}


def spans() -> Watcher:
    """Return a watcher that makes spans; ConfigurationError without OpenTelemetry."""
    record = recorder("solidb_odm")

    def tell(event: QueryEvent) -> None:
        error = None if event.error is None else type(event.error).__name__
        record(" ".join((event.command, *event.collections)), event.milliseconds, _attributes(event), error)

    return tell


def _attributes(event: QueryEvent) -> dict[str, Any]:
    """Return what a span says; not the values of bind variables, which may be secrets."""
    attributes: dict[str, Any] = {
        "db.system.name": _SYSTEMS.get(event.engine, event.engine),
        "db.operation.name": event.command,
        "db.query.text": event.text,
        "db.response.returned_rows": event.rows,
    }
    if len(event.collections) == 1:
        attributes["db.collection.name"] = event.collections[0]
    return attributes


logger = get_logger("solidb_odm.engine")
echo_logger = get_logger("solidb_odm.echo")
"""Prints what engines with ``echo=True`` do, and no others."""

_SECRET: Final = re.compile(r"passw|passphrase|secret|token|api_?key|credential|\bpin\b", re.IGNORECASE)
_SILENT: Final = ("PRAGMA", "SAVEPOINT solidb_", "RELEASE solidb_", "ROLLBACK TO solidb_")
_LONGEST: Final = 120


def announce(to: logging.Logger, command: Command[Any]) -> None:
    """Log what is asked of an engine, before it is."""
    match command:
        case RunQuery(_, binds) | FetchDocuments(_, binds):
            text = describe(command)
            to.info("%s  -- %s", text, shown(text, binds))
        case Apply() | CommitBatches():
            to.info("%s", describe(command))
        case _:
            if type(command) not in CONTROL:
                to.info("%s", describe(command))


def shown(text: str, binds: Mapping[str, Any]) -> str:
    """Return bind values as a log may show them: short, and no secrets."""
    if not binds:
        return "no binds"
    return ", ".join(f"@{name} = {_value(text, name, value)}" for name, value in binds.items())


def _value(text: str, name: str, value: Any) -> str:
    """Return a value, or stars if its name, or what it is compared with, is that of a secret."""
    around = re.findall(rf"([\w.`\[\]]+)[^\w@]{{1,8}}@{re.escape(name)}\b", text)
    after = re.findall(rf"@{re.escape(name)}\b[^\w@]{{1,8}}([\w.`\[\]]+)", text)
    if any(map(_SECRET.search, (name, *around, *after))):
        return "***"
    written = repr(value)
    return written if len(written) <= _LONGEST else f"{written[:_LONGEST]}…"


def log_statement(to: logging.Logger, sql: str, parameters: int, milliseconds: float, rows: int) -> None:
    """Log one SQL statement on one line; not those by which the engine looks after itself."""
    if not sql.startswith(_SILENT):
        line = " ".join(sql.split())
        to.info("    %s  -- %d parameters, %d rows, %.2f ms", line, parameters, rows, milliseconds)


def log_request(to: logging.Logger, event: Any) -> None:
    """Log one round trip to a server."""
    to.info("    %s  -- %d requests, %.2f ms", event.command, event.requests, event.milliseconds)
