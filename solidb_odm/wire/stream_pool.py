"""The awaited shell: the same as the blocking one on anyio, for asyncio and trio.

A task that is cancelled while answers are owed leaves through ``finally``: its connection is closed, because
whoever used it next would read the wrong answers.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self, TypeVar

import anyio
import httpx

from ..commands import Command, Operation, arun
from ..errors import ConnectionFailed, ConnectionLost
from .deadlines import remaining, within
from .events import Statistics
from .http import as_answer, http_event, new_client, request_of, too_slow, unanswered
from .login import closed, in_order, no_time_left, none_free, unreachable
from .pool import PoolPolicy, Ticket
from .requests import (
    SHAPE_ERRORS,
    Flight,
    HttpAnswer,
    HttpCall,
    Pause,
    is_planned,
    misshapen,
    pauses,
)
from .shared_requests import SharedFlights
from .stream_connection import StreamWire
from .url import Host, ServerAddress

T = TypeVar("T")
R = TypeVar("R")


class StreamPool:
    """Connections to one server, shared by the tasks of one event loop. Each has logged in."""

    def __init__(self, address: ServerAddress, statistics: Statistics) -> None:
        self.address, self.statistics = address, statistics
        self.host = address.hosts[0]
        options = address.options
        self.seconds = options.timeout
        self._most = options.pool_size + options.pool_overflow
        self._policy: PoolPolicy[StreamWire] = PoolPolicy(
            size=options.pool_size, overflow=options.pool_overflow, idle_seconds=options.idle_seconds
        )
        self.shared = SharedFlights(self._fly)
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    async def lease(self, seconds: float | None = None) -> StreamWire:
        """Take a connection: an idle one that still stands, or a new one, or wait for one.

        All in so many seconds, if the pool's own time-outs are not shorter.
        """
        begun = time.monotonic()
        while True:
            wire = self._policy.reuse(begun)
            if wire is None:
                wire = await self._queue(begun, seconds)
            if wire is None:
                break
            if not wire.stale():
                return wire
            await self.discard(wire)
        try:
            return await self.connect(seconds=remaining(begun, seconds))
        except BaseException:
            self._drop()
            raise

    async def connect(self, realm: str = "", seconds: float | None = None) -> StreamWire:
        """Open a connection that the pool does not count."""
        problems: dict[Host, Exception] = {}
        begun = time.monotonic()
        for host in in_order(self.address.hosts, self.host):
            patience = within(self.address.options.connect_timeout, remaining(begun, seconds))
            try:
                wire = await StreamWire.open(host, self.address, self.statistics, realm, patience)
            except (OSError, ConnectionLost, anyio.BrokenResourceError) as problem:
                problems[host] = problem
            else:
                self.host = host
                return wire
        if seconds is not None and time.monotonic() - begun >= seconds:
            raise no_time_left(problems, seconds) from next(reversed(problems.values()))
        raise unreachable(problems) from next(reversed(problems.values()))

    async def give(self, wire: StreamWire) -> None:
        """Give a connection back."""
        if not wire.sound or wire.host is not self.host or self._closed:
            await self.discard(wire)
            return
        wire.reused = True
        if self._policy.put(wire, time.monotonic()):
            await self._settle()

    async def discard(self, wire: StreamWire) -> None:
        """Close a connection instead of giving it back."""
        self._drop()
        await wire.aclose()

    async def purge(self) -> None:
        """Close the idle connections: one broke, so the others are not to be trusted."""
        for wire in self._policy.empty():
            await wire.aclose()
        await self._settle()

    async def http(self, call: HttpCall, seconds: float | None = None) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to, its whole answer in so many seconds."""
        client, begun = self.http_client(), time.perf_counter()
        seconds = seconds or self.seconds
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                with anyio.fail_after(seconds):
                    response = await client.send(request_of(client, host, self.address, call, seconds))
            except TimeoutError as problem:
                raise too_slow(call, host, seconds) from problem
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                problems[host] = problem  # nothing was sent: the next node, then
            except httpx.HTTPError as problem:
                raise unanswered(problem, call, host, seconds) from problem
            else:
                self.host = host
                self.statistics.http(http_event(call, begun, response, response.content))
                return as_answer(response, response.content)
        raise unreachable(problems) from next(reversed(problems.values()))

    async def _fly(self, flight: Flight) -> list[Any]:
        async with AsyncLane(self) as lane:
            return await lane.fly(flight)

    def http_client(self) -> httpx.AsyncClient:
        """Give the client that HTTP calls are made with; bodies can be streamed on it."""
        if self._closed:
            raise closed()
        if self._http is None:
            self._http = new_client(httpx.AsyncClient, self.address)
        return self._http

    async def aclose(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        await self.purge()
        if self._http is not None:
            await self._http.aclose()

    async def _queue(self, begun: float, seconds: float | None) -> StreamWire | None:
        """Wait for a turn; give the connection it brings, or None: open one."""
        if self._closed:
            raise closed()
        turn = anyio.Event()
        ticket = Ticket[StreamWire](turn.set)
        self._policy.queue(ticket)
        patience = within(self.address.options.pool_timeout, remaining(begun, seconds))
        try:
            await self._settle()
            if not ticket.served:
                with anyio.move_on_after(patience):
                    await turn.wait()
        except BaseException:
            await self._leave(ticket)
            raise
        if not ticket.served:
            self._policy.withdraw(ticket)
            raise none_free(patience, self._most)
        if self._is_closed():
            await self._leave(ticket)
            raise closed()
        return ticket.wire

    def _is_closed(self) -> bool:
        return self._closed

    async def _leave(self, ticket: Ticket[StreamWire]) -> None:
        """Leave the queue, or give back what came of it."""
        if not ticket.served:
            self._policy.withdraw(ticket)
        elif ticket.wire is None:
            self._drop()
        else:
            with anyio.CancelScope(shield=True):
                await self.give(ticket.wire)

    async def _settle(self) -> None:
        for old in self._policy.settle(time.monotonic()):
            await old.aclose()

    def _drop(self) -> None:
        self._policy.drop()
        self._policy.serve()


class AsyncLane:
    """The I/O of one exchange: it holds at most one connection, from the first flight to the end."""

    __slots__ = ("_host", "_pool", "_seconds", "_wire")

    def __init__(self, pool: StreamPool, seconds: float | None = None) -> None:
        self._pool = pool
        self._seconds = seconds or pool.seconds
        self._wire: StreamWire | None = None
        self._host: Host | None = None

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
        return self._wire is not None and self._wire.sound

    async def run(self, exchange: Operation[T]) -> T:
        """Run an exchange from its beginning to its end, and give the connection back."""
        try:
            result = await arun(exchange, self)
        except BaseException as problem:
            # After anything but a planned error the exchange may have left a transaction open.
            await self.release(clean=is_planned(problem))
            ours = misshapen(problem) if self._host and isinstance(problem, SHAPE_ERRORS) else None
            if ours is not None:
                raise ours from problem
            raise
        await self.release()
        return result

    def _shares(self, flight: Flight) -> bool:
        return self._wire is None and not flight.timeout and self._seconds == self._pool.seconds

    async def perform(self, command: Command[R], /) -> R:
        """Perform a flight, an HTTP call or a pause."""
        reply: Any = None
        if isinstance(command, Flight):
            shared = command.light and self._shares(command)
            reply = await (self._pool.shared.fly(command) if shared else self.fly(command))
        elif isinstance(command, HttpCall):
            reply = await self._pool.http(command, self._seconds)
        elif isinstance(command, Pause):
            await anyio.sleep(command.seconds)
        else:
            raise TypeError(f"a lane does not perform {type(command).__name__}")
        answer: R = reply
        return answer

    async def release(self, *, clean: bool = True) -> None:
        """Give the connection back; not ``clean``: close it, which makes the server roll back."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        if wire.realm:
            await wire.aclose()
        elif clean:
            await self._pool.give(wire)
        else:
            await self._pool.discard(wire)

    async def fly(self, flight: Flight) -> list[Any]:
        """Perform a flight on this lane's connection."""
        seconds = flight.patience(self._seconds)
        begun = time.monotonic()
        wire = await self._on(flight, seconds)
        try:
            return await wire.fly(flight, seconds, begun)
        except ConnectionLost:
            await self.release(clean=False)
            await self._pool.purge()
            if not (flight.repeatable and wire.reused and self._pool.address.options.retries):
                raise
        return await self._again(flight, begun, seconds)

    async def _again(self, flight: Flight, begun: float, seconds: float | None) -> list[Any]:
        """Fly on a new connection after one broke, patiently: the server may be starting again."""
        options = self._pool.address.options
        for pause in pauses(options.retries - 1, options.retry_wait):
            try:
                wire = await self._on(flight, remaining(begun, seconds))
                return await wire.fly(flight, seconds, begun)
            except ConnectionLost:
                raise  # it was there and broke again: the request is at fault
            except ConnectionFailed:
                await anyio.sleep(within(pause, remaining(begun, seconds)))
        wire = await self._on(flight, remaining(begun, seconds))
        return await wire.fly(flight, seconds, begun)

    async def _on(self, flight: Flight, seconds: float | None) -> StreamWire:
        realm = flight.realm
        if self._wire is not None:
            if self._wire.realm == realm and self._wire.sound:
                return self._wire
            await self.release(clean=self._wire.sound)
        pool = self._pool
        wire = self._wire = await (pool.connect(realm, seconds) if realm else pool.lease(seconds))
        if flight.same_node and wire.host != self._host:
            raise ConnectionFailed(f"{self._host} is gone", address=str(self._host))
        self._host = wire.host
        return wire
