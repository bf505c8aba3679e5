"""The async shell: the same as the blocking one on anyio, for asyncio and trio.

A task that is cancelled while answers are owed leaves through ``finally``: its connection is closed, because
whoever used it next would read the wrong answers.
"""

from __future__ import annotations

import time
from types import CoroutineType, TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx

from .._lazy import Later
from ..commands import Command, Operation, arun
from ..errors import ConnectionFailed, ConnectionLost, SolidbError
from .connection import remaining, within
from .exchange import Delay, HttpAnswer, HttpCall, RequestBatch, is_planned, misshapen, pauses
from .http import (
    aread_whole,
    as_answer,
    asend,
    auth_of,
    http_event,
    new_async_client,
    request_of,
    too_slow,
    unanswered,
)
from .login import closed, in_order, no_time_left, none_free, unreachable
from .pool import PoolPolicy, Ticket
from .round_trips import RequestCounts
from .shared_requests import SharedRequests
from .stream_connection import StreamConnection
from .url import Host, ServerAddress

if TYPE_CHECKING:
    import anyio
else:
    anyio = Later("anyio")

T = TypeVar("T")
R = TypeVar("R")


class StreamPool:
    """Connections to one server, shared by the tasks of one event loop. Each has logged in."""

    def __init__(self, address: ServerAddress, statistics: RequestCounts) -> None:
        self.address, self.statistics = address, statistics
        self.host = address.hosts[0]
        options = address.options
        self.seconds = options.timeout
        self._most = options.pool_size + options.pool_overflow
        self._policy: PoolPolicy[StreamConnection] = PoolPolicy(
            size=options.pool_size, overflow=options.pool_overflow, idle_seconds=options.idle_seconds
        )
        self.shared = SharedRequests(self._round_trip)
        self.auth = auth_of(address)
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    def idle(self, now: float) -> StreamConnection | None:
        """Take the next idle connection, if there is one that still stands and no caller waits for it."""
        connection = self._policy.reuse(now)
        if connection is None or not connection.stale():
            return connection
        self._policy.put(connection, now)
        return None  # take() closes it

    async def take(self, seconds: float | None = None) -> StreamConnection:
        """Take a connection: an idle one that still stands, or a new one, or wait for one.

        All in so many seconds, if the pool's own time-outs are not shorter.
        """
        begun = time.monotonic()
        while True:
            connection = self._policy.reuse(begun)
            if connection is None:
                connection = await self._queue(begun, seconds)
            if connection is None:
                break
            if not connection.stale():
                return connection
            await self.discard(connection)
        try:
            return await self.connect(seconds=remaining(begun, seconds))
        except BaseException:
            self._drop()
            raise

    async def connect(self, realm: str = "", seconds: float | None = None) -> StreamConnection:
        """Open a connection that the pool does not count."""
        problems: dict[Host, Exception] = {}
        begun = time.monotonic()
        for host in in_order(self.address.hosts, self.host):
            limit = within(self.address.options.connect_timeout, remaining(begun, seconds))
            try:
                connection = await StreamConnection.open(host, self.address, self.statistics, realm, limit)
            except ConnectionLost as problem:
                problems[host] = problem
            except SolidbError:
                raise  # this node answered, and no other one would answer otherwise
            except (OSError, anyio.BrokenResourceError) as problem:
                problems[host] = problem
            else:
                self.host = host
                return connection
        if seconds is not None and time.monotonic() - begun >= seconds:
            raise no_time_left(problems, seconds) from next(reversed(problems.values()))
        raise unreachable(problems) from next(reversed(problems.values()))

    async def give(self, connection: StreamConnection) -> None:
        """Return a connection to the pool."""
        if not self.keeps(connection):
            await self.discard(connection)
        elif self.put(connection):
            await self.settle()

    def keeps(self, connection: StreamConnection) -> bool:
        """Return whether a connection is in order, and one that the pool still wants."""
        return connection.sound and connection.host is self.host and not self._closed

    def put(self, connection: StreamConnection) -> bool:
        """Return a connection that the pool keeps; say whether to settle now."""
        connection.reused = True
        return self._policy.put(connection, time.monotonic())

    async def discard(self, connection: StreamConnection) -> None:
        """Close a connection instead of giving it back."""
        self._drop()
        await connection.aclose()

    async def purge(self) -> None:
        """Close the idle connections: one broke, so the others are not to be trusted."""
        for connection in self._policy.empty():
            await connection.aclose()
        await self.settle()

    async def http(self, call: HttpCall, seconds: float | None = None) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to, its whole answer in so many seconds."""
        client, begun = self.http_client(), time.perf_counter()
        seconds = seconds or self.seconds
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                with anyio.fail_after(seconds):
                    request = request_of(client, host, self.address, call, seconds)
                    response = await asend(client, self.auth.flow(request, once=False), request)
                    content = await aread_whole(response)
            except TimeoutError as problem:
                raise too_slow(call, host, seconds) from problem
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                problems[host] = problem  # nothing was sent: the next node, then
            except httpx.HTTPError as problem:
                raise unanswered(problem, call, host, seconds) from problem
            else:
                self.host = host
                self.statistics.http(http_event(call, begun, response, content))
                return as_answer(response, content)
        raise unreachable(problems) from next(reversed(problems.values()))

    async def _round_trip(self, batch: RequestBatch) -> list[Any]:
        lease = AsyncLease(self)
        try:
            answers = await lease.round_trip(batch)
        except BaseException as problem:
            await lease.release(clean=is_planned(problem))
            raise
        await lease.release()
        return answers

    def http_client(self) -> httpx.AsyncClient:
        """Return the client that HTTP calls are made with; bodies can be streamed on it."""
        if self._closed:
            raise closed()
        if self._http is None:
            self._http = new_async_client(self.address)
        return self._http

    async def aclose(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        await self.purge()
        if self._http is not None:
            await self._http.aclose()

    async def _queue(self, begun: float, seconds: float | None) -> StreamConnection | None:
        """Wait for a turn; return the connection it brings, or None: open one."""
        if self._closed:
            raise closed()
        turn = anyio.Event()
        ticket = Ticket[StreamConnection](turn.set)
        self._policy.queue(ticket)
        limit = within(self.address.options.pool_timeout, remaining(begun, seconds))
        try:
            await self.settle()
            if not ticket.served:
                with anyio.move_on_after(limit):
                    await turn.wait()
        except BaseException:
            await self._leave(ticket)
            raise
        if not ticket.served:
            self._policy.withdraw(ticket)
            raise none_free(limit, self._most)
        if self._is_closed():
            await self._leave(ticket)
            raise closed()
        return ticket.connection

    def _is_closed(self) -> bool:
        return self._closed

    async def _leave(self, ticket: Ticket[StreamConnection]) -> None:
        """Leave the queue, or give back what came of it."""
        if not ticket.served:
            self._policy.withdraw(ticket)
        elif ticket.connection is None:
            self._drop()
        else:
            with anyio.CancelScope(shield=True):
                await self.give(ticket.connection)

    async def settle(self) -> None:
        """Serve the queue, and close what is too old."""
        for old in self._policy.settle(time.monotonic()):
            await old.aclose()

    def _drop(self) -> None:
        self._policy.drop()
        self._policy.serve()


class AsyncLease:
    """The I/O of one exchange: it leases at most one connection, from the first batch to the end."""

    __slots__ = ("_connection", "_host", "_pool", "_seconds", "_was_answered")

    def __init__(self, pool: StreamPool, seconds: float | None = None) -> None:
        self._pool = pool
        self._seconds = seconds or pool.seconds
        self._connection: StreamConnection | None = None
        self._host: Host | None = None
        self._was_answered = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After anything but a planned error the exchange may have left a transaction open.
        await self.release(clean=error is None or is_planned(error))

    @property
    def sound(self) -> bool:
        """Whether it holds a connection that can be used on."""
        return self._connection is not None and self._connection.sound

    async def run(self, exchange: Operation[T]) -> T:
        """Run an exchange from its beginning to its end, and give the connection back."""
        try:
            result = await arun(exchange, self)
        except BaseException as problem:
            # After anything but a planned error the exchange may have left a transaction open.
            await self.release(clean=is_planned(problem))
            ours = misshapen(problem) if self._host or self._was_answered else None
            if ours is not None:
                raise ours from problem
            raise
        await self.release()
        return result

    def _shares(self, batch: RequestBatch) -> bool:
        return self._connection is None and not batch.timeout and self._seconds == self._pool.seconds

    def perform(self, command: Command[R], /) -> CoroutineType[Any, Any, R]:
        """Perform a batch of requests, an HTTP call or a pause."""
        performed: Any
        if not isinstance(command, RequestBatch):
            performed = self._perform(command)
        elif command.light and self._shares(command):
            performed = self._pool.shared.perform(command)
        else:
            performed = self.round_trip(command)
        coroutine: CoroutineType[Any, Any, R] = performed
        return coroutine

    async def _perform(self, command: Command[R]) -> R:
        reply: Any = None
        if isinstance(command, HttpCall):
            reply = await self._pool.http(command, self._seconds)
            self._was_answered = True
        elif isinstance(command, Delay):
            await anyio.sleep(command.seconds)
        else:
            raise TypeError(f"a lease does not perform {type(command).__name__}")
        answer: R = reply
        return answer

    async def release(self, *, clean: bool = True) -> None:
        """Return the connection to the pool; not ``clean``: close it, which makes the server roll back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.realm:
            await connection.aclose()
        elif not clean or not self._pool.keeps(connection):
            await self._pool.discard(connection)
        elif self._pool.put(connection):
            await self._pool.settle()

    async def round_trip(self, batch: RequestBatch) -> list[Any]:
        """Perform a batch on the leased connection."""
        seconds = batch.time_limit(self._seconds)
        begun = time.monotonic()
        connection = None if self._connection or self._host or batch.realm else self._pool.idle(begun)
        if connection is None:
            connection = await self._on(batch, seconds)
        else:  # the first batch of most exchanges
            self._connection, self._host = connection, connection.host
        try:
            return await connection.round_trip(batch, seconds, begun)
        except ConnectionLost:
            await self.release(clean=False)
            await self._pool.purge()
            if not (batch.repeatable and connection.reused and self._pool.address.options.retries):
                raise
        return await self._again(batch, begun, seconds)

    async def _again(self, batch: RequestBatch, begun: float, seconds: float | None) -> list[Any]:
        """Send the batch on a new connection after one broke, with pauses: the server may be restarting."""
        options = self._pool.address.options
        for pause in pauses(options.retries - 1, options.retry_wait):
            try:
                connection = await self._on(batch, remaining(begun, seconds))
                return await connection.round_trip(batch, seconds, begun)
            except ConnectionLost:
                raise  # it was there and broke again: the request is at fault
            except ConnectionFailed:
                await anyio.sleep(within(pause, remaining(begun, seconds)))
        connection = await self._on(batch, remaining(begun, seconds))
        return await connection.round_trip(batch, seconds, begun)

    async def _on(self, batch: RequestBatch, seconds: float | None) -> StreamConnection:
        realm = batch.realm
        if self._connection is not None:
            if self._connection.realm == realm and self._connection.sound:
                return self._connection
            await self.release(clean=self._connection.sound)
        pool = self._pool
        connection = self._connection = await (pool.connect(realm, seconds) if realm else pool.take(seconds))
        if batch.same_node and connection.host != self._host:
            raise ConnectionFailed(f"{self._host} is no longer reachable", address=str(self._host))
        self._host = connection.host
        return connection
