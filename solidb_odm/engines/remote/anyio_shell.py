"""The awaited shell: the same as the blocking one on anyio, for asyncio and trio.

A task that is cancelled while answers are owed leaves through ``finally``: its connection is closed, because
whoever used it next would read the wrong answers.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import anyio
import httpx

from ...commands import Command, Operation, arun
from ...errors import ClosedError, ConnectionFailed, ConnectionLost, SolidbError
from .flights import Flight, HttpAnswer, HttpCall, Pause, pauses
from .http import as_answer, http_event, new_client, request_of, unanswered
from .login import in_order, none_free, unreachable
from .pool import PoolPolicy, Verdict
from .sharing import SharedFlights
from .statistics import Statistics
from .stream_wire import StreamWire
from .url import Host, ServerAddress

T = TypeVar("T")
R = TypeVar("R")


class StreamPool:
    """Connections to one server, shared by the tasks of one event loop. Each has logged in."""

    def __init__(self, address: ServerAddress, statistics: Statistics) -> None:
        self.address, self.statistics = address, statistics
        self.host = address.hosts[0]
        options = address.options
        self._most = options.pool_size + options.pool_overflow
        self._policy: PoolPolicy[StreamWire] = PoolPolicy(
            size=options.pool_size, overflow=options.pool_overflow, idle_seconds=options.idle_seconds
        )
        self._waiting: list[anyio.Event] = []
        self.shared = SharedFlights(self._fly)
        self._http: httpx.AsyncClient | None = None
        self._closed = False

    async def lease(self) -> StreamWire:
        """Take a connection: an idle one that still stands, or a new one, or wait for one."""
        while True:
            wire = await self._take()
            if wire is None:
                break
            if not wire.stale:
                wire.reused = True
                return wire
            await self.discard(wire)
        try:
            return await self.connect()
        except BaseException:
            self._drop()
            raise

    async def connect(self, realm: str = "") -> StreamWire:
        """Open a connection that the pool does not count."""
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                wire = await StreamWire.open(host, self.address, self.statistics, realm)
            except (OSError, ConnectionLost, anyio.BrokenResourceError) as problem:
                problems[host] = problem
            else:
                self.host = host
                return wire
        raise unreachable(problems) from next(reversed(problems.values()))

    async def give(self, wire: StreamWire) -> None:
        """Give a connection back."""
        if not wire.sound or wire.host != self.host or self._closed:
            await self.discard(wire)
            return
        expired = self._policy.give(wire, time.monotonic())
        self._wake()
        for old in expired:
            await old.aclose()

    async def discard(self, wire: StreamWire) -> None:
        """Close a connection instead of giving it back."""
        self._drop()
        await wire.aclose()

    async def purge(self) -> None:
        """Close the idle connections: one broke, so the others are not to be trusted."""
        for wire in self._policy.empty():
            await wire.aclose()

    async def http(self, call: HttpCall, seconds: float | None = None) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to."""
        client, begun = self.http_client(), time.perf_counter()
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                response = await client.send(request_of(client, host, self.address, call, seconds))
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                problems[host] = problem  # nothing was sent: the next node, then
            except httpx.HTTPError as problem:
                raise unanswered(problem, call, host) from problem
            else:
                self.host = host
                self.statistics.http(http_event(call, begun, response))
                return as_answer(response)
        raise unreachable(problems) from next(reversed(problems.values()))

    async def _fly(self, flight: Flight) -> list[Any]:
        async with AsyncLane(self) as lane:
            return await lane.fly(flight)

    def http_client(self) -> httpx.AsyncClient:
        """Give the client that HTTP calls are made with; bodies can be streamed on it."""
        if self._closed:
            raise ClosedError("the engine is closed", hint="create another one")
        if self._http is None:
            self._http = new_client(httpx.AsyncClient, self.address)
        return self._http

    async def aclose(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        await self.purge()
        if self._http is not None:
            await self._http.aclose()

    async def _take(self) -> StreamWire | None:
        seconds = self.address.options.pool_timeout
        deadline = anyio.current_time() + seconds
        while True:
            if self._closed:
                raise ClosedError("the engine is closed", hint="create another one")
            taken = self._policy.take(time.monotonic())
            if taken.verdict is not Verdict.WAIT:
                for wire in taken.expired:
                    await wire.aclose()
                return taken.wire
            turn = anyio.Event()
            self._waiting.append(turn)
            try:
                with anyio.move_on_after(deadline - anyio.current_time()):
                    await turn.wait()
            except BaseException:
                if turn.is_set():
                    self._wake()  # cancelled after its turn had come: the next one's, then
                raise
            finally:
                if turn in self._waiting:
                    self._waiting.remove(turn)
            if not turn.is_set():
                raise none_free(seconds, self._most)

    def _drop(self) -> None:
        self._policy.drop()
        self._wake()

    def _wake(self) -> None:
        if self._waiting:
            self._waiting.pop(0).set()


class AsyncLane:
    """The I/O of one exchange: it holds at most one connection, from the first flight to the end."""

    def __init__(self, pool: StreamPool, seconds: float | None = None) -> None:
        self._pool = pool
        self._seconds = seconds  # instead of the URL's time-out
        self._wire: StreamWire | None = None
        self._host: Host | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After anything but a planned error the exchange may have left a transaction open.
        await self.release(clean=error is None or isinstance(error, SolidbError))

    @property
    def sound(self) -> bool:
        """Whether it holds a connection that can be used on."""
        return self._wire is not None and self._wire.sound

    async def perform(self, command: Command[R], /) -> R:
        """Perform a flight, an HTTP call or a pause."""
        reply: Any = None
        if isinstance(command, Flight):
            alone = self._wire is not None or self._seconds or command.timeout or not command.light
            reply = await (self.fly(command) if alone else self._pool.shared.fly(command))
        elif isinstance(command, HttpCall):
            reply = await self._pool.http(command, self._seconds)
        elif isinstance(command, Pause):
            await anyio.sleep(command.seconds)
        else:
            raise TypeError(f"a lane does not perform {type(command).__name__}")
        return cast(R, reply)

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
        seconds = flight.patience(self._seconds or self._pool.address.options.timeout)
        wire = await self._on(flight)
        try:
            return await wire.fly(flight, seconds)
        except ConnectionLost:
            await self.release(clean=False)
            await self._pool.purge()
            if not (flight.repeatable and wire.reused):
                raise
        return await (await self._again(flight)).fly(flight, seconds)

    async def _again(self, flight: Flight) -> StreamWire:
        """Take a new connection after one broke, patiently: the server may be starting again."""
        for pause in pauses(4):
            try:
                return await self._on(flight)
            except ConnectionFailed:
                await anyio.sleep(pause)
        return await self._on(flight)

    async def _on(self, flight: Flight) -> StreamWire:
        realm = flight.realm
        if self._wire is not None and (self._wire.realm != realm or not self._wire.sound):
            await self.release(clean=self._wire.sound)
        if self._wire is None:
            self._wire = await self._pool.connect(realm) if realm else await self._pool.lease()
            if flight.same_node and self._wire.host != self._host:
                raise ConnectionFailed(f"{self._host} is gone", address=str(self._host))
            self._host = self._wire.host
        return self._wire


async def run_exchange(exchange: Operation[T], pool: StreamPool, seconds: float | None = None) -> T:
    """Run an exchange from its beginning to its end on a lane of its own."""
    async with AsyncLane(pool, seconds) as lane:
        return await arun(exchange, lane)
