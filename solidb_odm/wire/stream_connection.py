"""An async connection: an anyio stream that moves the bytes of the protocol."""

from __future__ import annotations

import contextlib
import math
import socket
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Self

from .._lazy import Later
from ..errors import ConnectionLost, SolidbError
from .connection import Connection, ConnectionState, remaining
from .exchange import RequestBatch, event_of
from .login import check_login, gave_up, login_request
from .round_trips import RequestCounts
from .socket_connection import CHUNK, SMALL, acknowledge, pending_input
from .url import Host, ServerAddress

if TYPE_CHECKING:
    import anyio
    import anyio.abc
    from anyio.abc import ByteStream
else:
    anyio = Later("anyio")


class StreamConnection:
    """One connection: a stream and its state."""

    __slots__ = ("_protocol", "_statistics", "_stream", "host", "realm", "reused", "stale")

    stale: Callable[[], object]
    """Return whether the server closed the connection, or sent something, while no answer was due."""

    def __init__(self, host: Host, stream: ByteStream, statistics: RequestCounts, realm: str = "") -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._stream, self._statistics = stream, statistics
        self._protocol = Connection(str(host))
        self.stale = pending_input(stream.extra(anyio.abc.SocketAttribute.raw_socket))

    @classmethod
    async def open(
        cls, host: Host, address: ServerAddress, statistics: RequestCounts, realm: str, seconds: float
    ) -> Self:
        """Connect and log in, all in so many seconds."""
        with anyio.fail_after(seconds) as scope:
            stream = await connect(host, address)
            try:
                connection = cls(host, stream, statistics, realm)
                greeting = connection._protocol.greet(login_request(address, realm))
                await stream.send(greeting)
                (payload,) = await connection._collect(1, bytes, None, scope)
                check_login(payload, address)
            except BaseException:
                await hang_up(stream)
                raise
        connection._protocol.received = 0  # logins are not counted
        connection._protocol.usual = address.options.timeout
        statistics.opened(connection._protocol)
        return connection

    @property
    def sound(self) -> bool:
        """Whether it is owed nothing and can be used again."""
        return self._protocol.state is ConnectionState.IDLE

    async def round_trip(self, batch: RequestBatch, seconds: float | None, begun: float) -> list[Any]:
        """Send a batch and collect its answers; on any failure the connection is closed.

        The first answer may take so many seconds since ``begun``, the others as many after the one before.
        """
        protocol, statistics = self._protocol, self._statistics
        before, answers, error = protocol.received, list[Any](), ""
        clock = time.perf_counter() if statistics.awake() else 0.0
        try:
            protocol.send(batch.count, batch.size)
            with anyio.move_on_after(remaining(begun, seconds)) as scope:
                answers = await self._swap(batch, seconds, scope)
            if scope.cancelled_caught:  # whatever its deadline says by now: fail_after() goes by that
                raise TimeoutError
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
