"""The awaited shell: the same as the blocking one on anyio's streams, for asyncio and trio.

A task that is cancelled while answers are owed leaves through ``finally``: its connection is closed, because
whoever used it next would read the wrong answers.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import anyio
import httpx
from anyio.abc import ByteStream, SocketAttribute

from ...commands import Command, Operation, arun
from ...errors import ClosedError, ConnectionFailed, ConnectionLost, SolidbError
from .connection import Connection, State
from .flights import Flight, HttpAnswer, HttpCall, Pause, pauses
from .http import as_answer, new_client, request_of, unanswered
from .login import check_login, gave_up, in_order, login_request, none_free, unreachable
from .pool import PoolPolicy, Verdict
from .socket_shell import readable
from .statistics import RequestEvent, Statistics
from .url import Host, ServerAddress

T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 256 * 1024
_SMALL = 16 * 1024


class StreamWire:
    """One connection: a stream and its state."""

    __slots__ = ("_connection", "_statistics", "_stream", "host", "realm", "reused")

    def __init__(self, host: Host, stream: ByteStream, statistics: Statistics, realm: str = "") -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._stream, self._statistics = stream, statistics
        self._connection = Connection(str(host))

    @classmethod
    async def open(cls, host: Host, address: ServerAddress, statistics: Statistics, realm: str = "") -> Self:
        """Connect and log in."""
        seconds = address.options.connect_timeout
        with anyio.fail_after(seconds):
            stream = await _connect(host, address)
        try:
            wire = cls(host, stream, statistics, realm)
            greeting = wire._connection.greet(login_request(address, realm))
            (payload,) = await wire._swap((greeting,), 1, bytes, seconds)
            check_login(payload, address)
        except BaseException:
            await _hang_up(stream)
            raise
        statistics.opened()
        return wire

    @property
    def sound(self) -> bool:
        """Whether it is owed nothing and can be used again."""
        return self._connection.state is State.IDLE

    @property
    def stale(self) -> bool:
        """Whether the server hung up while nobody asked for anything."""
        return readable(self._stream.extra(SocketAttribute.raw_socket))

    async def fly(self, flight: Flight, seconds: float | None) -> list[Any]:
        """Send a flight and collect its answers; on any failure the connection is closed."""
        begun, before, error = time.perf_counter(), self._connection.received, ""
        try:
            self._connection.send(flight.count)
            answers = await self._swap(flight.chunks, flight.count, flight.read, seconds)
        except TimeoutError as problem:
            error = "RequestTimeout"
            raise gave_up(flight.label, seconds, self._connection.address) from problem
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as problem:
            error = "ConnectionLost"
            raise ConnectionLost(
                f"the connection to {self.host} broke during {flight.label}: {problem}",
                address=str(self.host),
            ) from problem
        except BaseException as problem:
            error = type(problem).__name__
            raise
        finally:
            if not self.sound:
                await self.aclose()
            self._statistics.note(
                RequestEvent(
                    flight.label,
                    flight.count,
                    (time.perf_counter() - begun) * 1000,
                    flight.size,
                    self._connection.received - before,
                    flight.text,
                    dict(flight.binds),
                    error,
                )
            )
        return answers

    async def aclose(self) -> None:
        """Hang up; the server rolls back what this connection left open."""
        self._connection.close()
        await _hang_up(self._stream)

    async def _swap(
        self, chunks: Sequence[bytes], wanted: int, read: Callable[[bytes], Any], seconds: float | None
    ) -> list[Any]:
        if sum(map(len, chunks)) <= _SMALL:
            with anyio.fail_after(seconds):
                await self._stream.send(b"".join(chunks))
            return await self._collect(wanted, read, seconds)
        answers: list[Any] = []
        problem: Exception | None = None
        # Send while taking in answers, so that both sides' full buffers can't lock each other.
        async with anyio.create_task_group() as group:
            group.start_soon(self._push, chunks)
            try:
                answers = await self._collect(wanted, read, seconds)
            except (SolidbError, OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as failure:
                problem = failure  # raised inside, it would come out as a group
            group.cancel_scope.cancel()
        if problem is not None:
            raise problem
        return answers

    async def _push(self, chunks: Sequence[bytes]) -> None:
        # If the server hung up, perhaps after an answer that says why, the reading side finds out.
        with contextlib.suppress(OSError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            for chunk in chunks:
                view = memoryview(chunk)
                for start in range(0, len(view), _CHUNK):
                    await self._stream.send(bytes(view[start : start + _CHUNK]))

    async def _collect(self, wanted: int, read: Callable[[bytes], Any], seconds: float | None) -> list[Any]:
        answers: list[Any] = []
        while len(answers) < wanted:
            with anyio.fail_after(seconds):
                try:
                    data = await self._stream.receive(_CHUNK)
                except anyio.EndOfStream:
                    data = b""
            answers += map(read, self._connection.receive(data))
        return answers


async def _connect(host: Host, address: ServerAddress) -> ByteStream:
    context = address.tls_context()
    stream: ByteStream
    if context is None:
        stream = await anyio.connect_tcp(host.name, host.port)
    else:
        stream = await anyio.connect_tcp(
            host.name, host.port, ssl_context=context, tls_hostname=host.name, tls_standard_compatible=False
        )
    raw = stream.extra(SocketAttribute.raw_socket)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


async def _hang_up(stream: ByteStream) -> None:
    with anyio.CancelScope(shield=True), contextlib.suppress(OSError, anyio.BrokenResourceError):
        await anyio.aclose_forcefully(stream)


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

    async def http(self, call: HttpCall) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to."""
        if self._http is None:
            self._http = new_client(httpx.AsyncClient, self.address)
        self.statistics.http()
        try:
            return as_answer(await self._http.send(request_of(self._http, self.host, self.address, call)))
        except httpx.HTTPError as problem:
            raise unanswered(problem, call, self.host) from problem

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

    def __init__(self, pool: StreamPool) -> None:
        self._pool = pool
        self._wire: StreamWire | None = None
        self._host: Host | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After anything but a planned error the exchange may have left a transaction open.
        await self.release(clean=error is None or isinstance(error, SolidbError))

    async def perform(self, command: Command[R], /) -> R:
        """Perform a flight, an HTTP call or a pause."""
        reply: Any = None
        if isinstance(command, Flight):
            reply = await self._fly(command)
        elif isinstance(command, HttpCall):
            reply = await self._pool.http(command)
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

    async def _fly(self, flight: Flight) -> list[Any]:
        seconds = None if flight.unhurried else self._pool.address.options.timeout
        wire = await self._on(flight)
        try:
            return await wire.fly(flight, seconds)
        except ConnectionLost:
            await self.release(clean=False)
            await self._pool.purge()
            if not (flight.repeatable and wire.reused):
                raise
        for pause in pauses(4):
            with contextlib.suppress(ConnectionFailed):
                return await (await self._on(flight)).fly(flight, seconds)
            await self.release(clean=False)
            await anyio.sleep(pause)
        return await (await self._on(flight)).fly(flight, seconds)

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


async def run_exchange(exchange: Operation[T], pool: StreamPool) -> T:
    """Run an exchange from its beginning to its end on a lane of its own."""
    async with AsyncLane(pool) as lane:
        return await arun(exchange, lane)
