"""An async connection: its account of each round trip, over a transport that moves the bytes.

On asyncio that is a protocol of the loop, elsewhere a stream of anyio.
"""

from __future__ import annotations

import contextlib
import math
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, Self

from .._lazy import Later
from ..errors import ConnectionLost, SolidbError
from .connection import Connection, ConnectionState, remaining
from .exchange import RequestBatch, event_of
from .login import check_login, gave_up, login_request
from .loop_transport import LoopTransport, asyncio_loop
from .round_trips import RequestCounts
from .sockets import CHUNK, SMALL, acknowledge, pending_input
from .url import Host, ServerAddress

if TYPE_CHECKING:
    import anyio
    import anyio.abc
    from anyio.abc import ByteStream
else:
    anyio = Later("anyio")


class Transport(Protocol):
    """The bytes of one connection."""

    def stale(self) -> object:
        """Return whether the server closed the connection, or sent something, while no answer was due."""
        ...

    def swap(self, batch: RequestBatch, seconds: float | None, begun: float, /) -> Awaitable[list[Any]]:
        """Send a batch and collect its answers.

        The first may take so many seconds since ``begun``, the others as many after the one before. Without a
        limit an answer may begin at any time, and its rest takes the usual time at most.
        """
        ...

    def close(self) -> Awaitable[None]:
        """Close it at once, whatever is cancelled meanwhile."""
        ...


class StreamConnection:
    """One connection: a transport and its state."""

    __slots__ = ("_protocol", "_statistics", "_transport", "host", "realm", "reused", "stale")

    def __init__(
        self,
        host: Host,
        protocol: Connection,
        transport: Transport,
        statistics: RequestCounts,
        realm: str = "",
    ) -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._protocol, self._transport, self._statistics = protocol, transport, statistics
        self.stale = transport.stale

    @classmethod
    async def open(
        cls, host: Host, address: ServerAddress, statistics: RequestCounts, realm: str, seconds: float
    ) -> Self:
        """Connect and log in, all in so many seconds."""
        protocol = Connection(str(host))
        with anyio.fail_after(seconds):
            transport = await _open(host, address, protocol)
            try:
                greeting = protocol.greet(login_request(address, realm))
                login = RequestBatch((greeting,), 1, "the login", bytes)
                check_login((await transport.swap(login, None, time.monotonic()))[0], address)
            except BaseException:
                await transport.close()
                raise
        protocol.received = 0  # logins are not counted
        protocol.usual = address.options.timeout
        statistics.opened(protocol)
        return cls(host, protocol, transport, statistics, realm)

    @property
    def sound(self) -> bool:
        """Whether it is owed nothing and can be used again."""
        return self._protocol.state is ConnectionState.IDLE

    async def round_trip(self, batch: RequestBatch, seconds: float | None, begun: float) -> list[Any]:
        """Send a batch and collect its answers; on any failure the connection is closed.

        The first answer may take so many seconds since ``begun``, the others as many after the one before.
        """
        protocol, statistics = self._protocol, self._statistics
        before, error = protocol.received, ""
        answers: list[Any] = []
        clock = time.perf_counter() if statistics.awake() else 0.0
        try:
            protocol.send(batch.count, batch.size)
            answers = await self._transport.swap(batch, seconds, begun)
            batch.check(answers, protocol.address)
        except SolidbError as problem:  # before what Python has for the same
            error = type(problem).__name__
            raise
        except TimeoutError as problem:
            error = "RequestTimeout"
            raise gave_up(batch.label, seconds or protocol.usual, protocol.address) from problem
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as problem:
            error = "ConnectionLost"
            raise ConnectionLost(
                f"the connection to {self.host} was lost during {batch.label}: {problem}",
                address=str(self.host),
            ) from problem
        except BaseException as problem:
            error = type(problem).__name__
            raise
        finally:
            if error:
                await self.aclose()
            if clock:
                statistics.tell(event_of(batch, clock, protocol.received - before, answers, error))
        return answers

    async def aclose(self) -> None:
        """Close it; the server rolls back what this connection left open."""
        self._protocol.close()
        self._statistics.closed(self._protocol)
        await self._transport.close()


class StreamTransport:
    """The bytes of a connection on a stream of anyio, as trio has it."""

    __slots__ = ("_pending", "_protocol", "_stream")

    def __init__(self, protocol: Connection, stream: ByteStream) -> None:
        self._protocol, self._stream = protocol, stream
        self._pending = pending_input(stream.extra(anyio.abc.SocketAttribute.raw_socket))

    def stale(self) -> object:
        """Return whether the server closed the connection, or sent something, while no answer was due."""
        return self._pending()

    async def swap(self, batch: RequestBatch, seconds: float | None, begun: float) -> list[Any]:
        """Send a batch and collect its answers, each within its time."""
        answers: list[Any] = []
        with anyio.move_on_after(remaining(begun, seconds)) as scope:
            answers = await self._swap(batch, seconds, scope)
        if scope.cancelled_caught:  # whatever its deadline says by now: fail_after() goes by that
            raise TimeoutError
        return answers

    async def close(self) -> None:
        """Close it at once."""
        await hang_up(self._stream)

    async def _swap(self, batch: RequestBatch, seconds: float | None, scope: anyio.CancelScope) -> list[Any]:
        chunks, wanted, read = batch.chunks, batch.count, batch.read
        if batch.size <= SMALL:
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
        """Take in answers; each whole one gives the next its own time, a byte now and then does not.

        Without a limit an answer may begin at any time, and its rest takes the usual time at most.
        """
        answers: list[Any] = []
        usual = self._protocol.usual
        while True:
            was_in_answer = self._protocol.is_in_answer
            try:
                data = await self._stream.receive(CHUNK)
            except anyio.EndOfStream:
                data = b""
            came = self._protocol.receive(data)
            answers += map(read, came)
            if len(answers) >= wanted:
                return answers
            acknowledge(self._stream.extra(anyio.abc.SocketAttribute.raw_socket))
            if came and seconds is not None and not scope.cancel_called:
                scope.deadline = anyio.current_time() + seconds
            if seconds is None and usual is not None and (came or not was_in_answer):
                begun = self._protocol.is_in_answer
                scope.deadline = anyio.current_time() + usual if begun else math.inf


async def _open(host: Host, address: ServerAddress, protocol: Connection) -> Transport:
    """Open the transport that suits the event loop."""
    loop = asyncio_loop()
    if loop is None or sys.platform == "win32":  # where closing the stream would end its copy, too
        return StreamTransport(protocol, await connect(host, address))
    transport = LoopTransport(protocol, loop)
    stream = await anyio.connect_tcp(host.name, host.port)  # tries all addresses of the name
    try:
        copy = stream.extra(anyio.abc.SocketAttribute.raw_socket).dup()
    finally:
        await hang_up(stream)
    context = address.tls_context()
    try:
        copy.setblocking(False)
        copy.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        name = host.name if context is not None else None
        await loop.create_connection(lambda: transport, sock=copy, ssl=context, server_hostname=name)
    except BaseException:
        copy.close()
        raise
    return transport


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
    raw = stream.extra(anyio.abc.SocketAttribute.raw_socket)
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return stream


async def hang_up(stream: ByteStream) -> None:
    """Close a stream at once, whatever is cancelled meanwhile."""
    with anyio.CancelScope(shield=True), contextlib.suppress(OSError, anyio.BrokenResourceError):
        await anyio.aclose_forcefully(stream)
