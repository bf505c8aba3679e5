"""Feeds for the reader: they connect, subscribe, and reconnect after a lost connection."""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import field
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, Self, TypeVar, cast

from .._backoff import pause
from .._dataclasses import dataclass
from .._lazy import Later
from .._types import JsonObject
from ..errors import ClosedError, ConnectionFailed, RequestTimeout, SolidbError
from ..wire.exchange import Exchange
from ..wire.faults import Subject, fault
from ..wire.feed_connections import SocketFeed, StreamFeed
from ..wire.frames import Refusal
from .calls import AsyncRunner, Runner
from .databases import ping
from .requests import at, rest
from .results import ClientResult, DocumentResult

if TYPE_CHECKING:
    import anyio
else:
    anyio = Later("anyio")

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent(ClientResult):
    """One change of a collection. ``doc`` is the document after it; None after a removal.

    The operation ``gap`` says that changes before this one were missed, ``skipped`` of them if their number
    is known. The server does not repeat them; read the collection again if none may be missed.
    """

    operation: Literal["insert", "update", "delete", "truncate", "gap"]
    collection: str
    key: str = ""
    doc: DocumentResult | None = None
    skipped: int | None = None


@dataclass(slots=True)
class Subscription(Generic[T]):
    """A subscription: its request, and the items that wait for the reader."""

    request: JsonObject
    context: Subject
    collection: str = ""
    items: deque[T] = field(default_factory=deque[Any])
    began: bool = False  # the server has agreed to it, on this connection
    ever: bool = False  # and on any

    def take(self, message: JsonObject) -> None:
        """Store a message of the feed for the reader; raise the error of a refusal."""
        if "error" in message:
            text = str(message["error"]).removeprefix("Invalid SDBQL query: ")
            raise fault(Refusal("DatabaseError", text), self.context)
        kind = message.get("type")
        if kind == "subscribed":
            if self.ever and not self.began and self.collection:
                self.items.append(cast(T, ChangeEvent(operation="gap", collection=self.collection)))
            self.began = self.ever = True
        elif kind == "query_result":
            self.items.append(cast(T, message["result"]))
        elif kind == "lagged":
            skipped = message.get("skipped")
            gap = ChangeEvent(operation="gap", collection=self.collection, skipped=skipped, raw=message)
            self.items.append(cast(T, gap))
        elif "operation" in message:
            self.items.append(cast(T, change_of(message)))


class LiveFeed(Generic[T]):
    """A feed of items from the server, blocking.

    It connects when it is entered as a ``with`` block or first read. ``close``, from any thread, ends it, and
    so does closing the client.
    """

    def __init__(self, runner: Runner, subscription: Subscription[T], patience: float) -> None:
        self._runner, self._subscription, self._reconnect_seconds = runner, subscription, patience
        self._feed: SocketFeed | None = None
        self._closed = False

    def __enter__(self) -> Self:
        self._connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        while not self._subscription.items:
            self._read(None)
        return self._subscription.items.popleft()

    def poll(self, seconds: float = 0.0) -> T | None:
        """Return the next item; None if none arrives within these seconds, or a reconnection takes longer."""
        deadline = time.monotonic() + seconds
        while not self._subscription.items:
            left = deadline - time.monotonic()
            try:
                self._read(max(0.0, left))
            except StopIteration:
                return None
            if left <= 0 and not self._subscription.items:
                return None
        return self._subscription.items.popleft()

    def close(self) -> None:
        """Close the feed."""
        self._closed = True
        if self._feed is not None:
            self._feed.close()

    def _read(self, seconds: float | None) -> None:
        if self._closed:
            raise StopIteration
        try:
            if self._feed is None:
                self._connect()
            elif (messages := self._feed.receive(seconds)) is not None:
                for message in messages:
                    self._subscription.take(message)
        except (ConnectionFailed, RequestTimeout):
            self._drop()
            if self._closed:
                raise StopIteration from None
            if not self._subscription.ever or self._reconnect_seconds <= 0:
                raise
            self._come_back()
        except BaseException:
            self._drop()
            raise

    def _come_back(self) -> None:
        deadline = time.monotonic() + self._reconnect_seconds
        for seconds in waits():
            time.sleep(seconds)
            if self._closed:
                raise StopIteration
            try:
                return self._connect()
            except (ConnectionFailed, RequestTimeout):
                if time.monotonic() > deadline:
                    raise
                with suppress(SolidbError):
                    self._runner.run(ping())  # which finds another node, if there is one
        return None

    def _connect(self) -> None:
        if self._closed:
            raise ClosedError("the feed is closed", hint="make another one")
        if self._feed is not None:
            return
        self._runner.hub.feeds.add(self)
        token = self._runner.run(feed_token())
        pool = self._runner.hub.driver.pool
        self._feed = SocketFeed.open(pool.host, pool.address, token)
        try:
            self._feed.say(self._subscription.request)
            seconds = self._runner.seconds or pool.address.options.timeout
            deadline = time.monotonic() + seconds
            while not self._subscription.began:
                messages = self._feed.receive(deadline - time.monotonic())
                if messages is None:
                    raise RequestTimeout("the server did not answer the subscription", seconds=seconds)
                for message in messages:
                    self._subscription.take(message)
        except BaseException:
            self._drop()
            raise

    def _drop(self) -> None:
        feed, self._feed = self._feed, None
        self._subscription.began = False
        if feed is not None:
            feed.close()


class AsyncLiveFeed(Generic[T]):
    """A feed of items from the server, async.

    It connects when it is entered as an ``async with`` block or first read. ``aclose``, from any task, ends
    it, and so does closing the client.
    """

    def __init__(self, runner: AsyncRunner, subscription: Subscription[T], patience: float) -> None:
        self._runner, self._subscription, self._reconnect_seconds = runner, subscription, patience
        self._feed: StreamFeed | None = None
        self._closed = False

    async def __aenter__(self) -> Self:
        await self._connect()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._subscription.items:
            await self._read(None)
        return self._subscription.items.popleft()

    async def poll(self, seconds: float = 0.0) -> T | None:
        """Return the next item; None if none arrives within these seconds, or a reconnection takes longer."""
        deadline = time.monotonic() + seconds
        while not self._subscription.items:
            left = deadline - time.monotonic()
            try:
                await self._read(max(0.0, left))
            except StopAsyncIteration:
                return None
            if left <= 0 and not self._subscription.items:
                return None
        return self._subscription.items.popleft()

    async def aclose(self) -> None:
        """Close the feed."""
        self._closed = True
        if self._feed is not None:
            await self._feed.aclose()

    async def _read(self, seconds: float | None) -> None:
        if self._closed:
            raise StopAsyncIteration
        try:
            if self._feed is None:
                await self._connect()
            elif (messages := await self._feed.receive(seconds)) is not None:
                for message in messages:
                    self._subscription.take(message)
        except (ConnectionFailed, RequestTimeout):
            await self._drop()
            if self._closed:
                raise StopAsyncIteration from None
            if not self._subscription.ever or self._reconnect_seconds <= 0:
                raise
            await self._come_back()
        except SolidbError:
            await self._drop()
            raise

    async def _come_back(self) -> None:
        deadline = time.monotonic() + self._reconnect_seconds
        for seconds in waits():
            await anyio.sleep(seconds)
            if self._closed:
                raise StopAsyncIteration
            try:
                return await self._connect()
            except (ConnectionFailed, RequestTimeout):
                if time.monotonic() > deadline:
                    raise
                with suppress(SolidbError):
                    await self._runner.run(ping())  # which finds another node, if there is one
        return None

    async def _connect(self) -> None:
        if self._closed:
            raise ClosedError("the feed is closed", hint="make another one")
        if self._feed is not None:
            return
        self._runner.hub.feeds.add(self)
        token = await self._runner.run(feed_token())
        pool = self._runner.hub.driver.pool
        self._feed = await StreamFeed.open(pool.host, pool.address, token)
        try:
            await self._feed.say(self._subscription.request)
            seconds = self._runner.seconds or pool.address.options.timeout
            deadline = time.monotonic() + seconds
            while not self._subscription.began:
                messages = await self._feed.receive(deadline - time.monotonic())
                if messages is None:
                    raise RequestTimeout("the server did not answer the subscription", seconds=seconds)
                for message in messages:
                    self._subscription.take(message)
        except BaseException:
            await self._drop()
            raise

    async def _drop(self) -> None:
        feed, self._feed = self._feed, None
        self._subscription.began = False
        if feed is not None:
            with anyio.CancelScope(shield=True):
                await feed.aclose()


def change_of(message: JsonObject) -> ChangeEvent:
    """Return the change that a message describes."""
    data = message.get("data")
    return ChangeEvent.of(message, doc=None if data is None else DocumentResult(data))


def feed_token() -> Exchange[str]:
    """Return a token, valid for some seconds, that opens a feed."""
    return str((yield from rest("GET", at("livequery", "token")))["token"])


def waits() -> Iterator[float]:
    """Yield the seconds to wait between attempts to reconnect, without end."""
    for attempt in itertools.count():
        yield pause(attempt, 0.1, 5.0)
