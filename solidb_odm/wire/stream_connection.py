"""An awaited connection: an anyio stream that moves the bytes of the protocol."""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, Self

import anyio
from anyio.abc import ByteStream, SocketAttribute

from ..errors import ConnectionLost, SolidbError
from .connection import Connection, State
from .deadlines import remaining
from .events import Statistics
from .login import check_login, gave_up, login_request
from .requests import Flight, event_of
from .socket_connection import CHUNK, SMALL, acknowledge, watch
from .url import Host, ServerAddress


class StreamWire:
    """One connection: a stream and its state."""

    __slots__ = ("_connection", "_statistics", "_stream", "host", "realm", "reused", "stale")

    stale: Callable[[], object]
    """Say whether the server hung up, or spoke, while nobody asked for anything."""

    def __init__(self, host: Host, stream: ByteStream, statistics: Statistics, realm: str = "") -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._stream, self._statistics = stream, statistics
        self._connection = Connection(str(host))
        self.stale = watch(stream.extra(SocketAttribute.raw_socket))

    @classmethod
    async def open(
        cls, host: Host, address: ServerAddress, statistics: Statistics, realm: str, seconds: float
    ) -> Self:
        """Connect and log in, all in so many seconds."""
        with anyio.fail_after(seconds) as scope:
            stream = await connect(host, address)
            try:
                wire = cls(host, stream, statistics, realm)
                greeting = wire._connection.greet(login_request(address, realm))
                await stream.send(greeting)
                (payload,) = await wire._collect(1, bytes, None, scope)
                check_login(payload, address)
            except BaseException:
                await hang_up(stream)
                raise
        wire._connection.received = 0  # logins are not counted
        statistics.opened(wire._connection)
        return wire

    @property
    def sound(self) -> bool:
        """Whether it is owed nothing and can be used again."""
        return self._connection.state is State.IDLE

    async def fly(self, flight: Flight, seconds: float | None, begun: float) -> list[Any]:
        """Send a flight and collect its answers; on any failure the connection is closed.

        The first answer may take so many seconds since ``begun``, the others as many after the one before.
        """
        connection, statistics = self._connection, self._statistics
        before, answers, error = connection.received, list[Any](), ""
        clock = time.perf_counter() if statistics.awake() else 0.0
        try:
            connection.send(flight.count, flight.size)
            with anyio.move_on_after(remaining(begun, seconds)) as scope:
                answers = await self._swap(flight, seconds, scope)
            if scope.cancelled_caught:  # whatever its deadline says by now: fail_after() goes by that
                raise TimeoutError
            flight.check(answers, connection.address)
        except TimeoutError as problem:
            error = "RequestTimeout"
            raise gave_up(flight.label, seconds, connection.address) from problem
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
            if error:
                await self.aclose()
            if clock:
                statistics.tell(event_of(flight, clock, connection.received - before, answers, error))
        return answers

    async def aclose(self) -> None:
        """Hang up; the server rolls back what this connection left open."""
        self._connection.close()
        self._statistics.closed(self._connection)
        await hang_up(self._stream)

    async def _swap(self, flight: Flight, seconds: float | None, scope: anyio.CancelScope) -> list[Any]:
        chunks, wanted, read = flight.chunks, flight.count, flight.read
        if flight.size <= SMALL:
            await self._stream.send(b"".join(chunks))
            return await self._collect(wanted, read, seconds, scope)
        answers: list[Any] = []
        problem: Exception | None = None
        # Send while taking in answers, so that both sides' full buffers can't lock each other.
        async with anyio.create_task_group() as group:
            group.start_soon(self._push, chunks)
            try:
                answers = await self._collect(wanted, read, seconds, scope)
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
                for start in range(0, len(view), CHUNK):
                    await self._stream.send(bytes(view[start : start + CHUNK]))

    async def _collect(
        self, wanted: int, read: Callable[[bytes], Any], seconds: float | None, scope: anyio.CancelScope
    ) -> list[Any]:
        """Take in answers; each whole one gives the next its own time, a byte now and then does not."""
        answers: list[Any] = []
        while True:
            try:
                data = await self._stream.receive(CHUNK)
            except anyio.EndOfStream:
                data = b""
            came = self._connection.receive(data)
            answers += map(read, came)
            if len(answers) >= wanted:
                return answers
            acknowledge(self._stream.extra(SocketAttribute.raw_socket))
            if came and seconds is not None and not scope.cancel_called:
                scope.deadline = anyio.current_time() + seconds


async def connect(host: Host, address: ServerAddress) -> ByteStream:
    """Open a stream to a node, with TLS if the URL asks for it."""
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


async def hang_up(stream: ByteStream) -> None:
    """Close a stream at once, whatever is cancelled meanwhile."""
    with anyio.CancelScope(shield=True), contextlib.suppress(OSError, anyio.BrokenResourceError):
        await anyio.aclose_forcefully(stream)
