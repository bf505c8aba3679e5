"""The change feed's connections: a blocking one on a socket, and an async one on anyio."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Final, Self

from .._lazy import Later
from .._types import JsonObject
from ..errors import ConnectionFailed, ConnectionLost, RequestTimeout, SolidbError
from .feed import SILENCE, Feed
from .sockets import CHUNK
from .stream_connection import connect, hang_up
from .url import Host, ServerAddress

if TYPE_CHECKING:
    import anyio
    from anyio.abc import ByteStream
else:
    anyio = Later("anyio")

LOOK: Final = 0.005
"""The least seconds to look for bytes: in no time at all those that are there already would not be read."""


class SocketFeed:
    """A feed, blocking."""

    def __init__(self, opened: socket.socket, feed: Feed, host: Host) -> None:
        self._socket, self._feed, self._host = opened, feed, host

    @classmethod
    def open(cls, host: Host, address: ServerAddress, token: str) -> Self:
        """Connect to a node and agree on the feed."""
        seconds = address.options.connect_timeout
        try:
            opened = socket.create_connection((host.name, host.port), timeout=seconds)
        except OSError as problem:
            raise _unreachable(host, problem) from problem
        try:
            if (context := address.tls_context()) is not None:
                opened = context.wrap_socket(opened, server_hostname=host.name)
            shell = cls(opened, Feed(host, address, token), host)
            deadline = time.monotonic() + seconds
            while not shell._feed.is_open:
                if time.monotonic() > deadline:
                    raise _too_slow(host, seconds)
                shell.receive(seconds)
        except SolidbError:
            opened.close()
            raise
        except OSError as problem:
            opened.close()
            raise _unreachable(host, problem) from problem
        except BaseException:
            opened.close()
            raise
        return shell

    def say(self, message: JsonObject) -> None:
        """Send a message."""
        self._feed.say(message)
        self._flush()

    def receive(self, seconds: float | None = None) -> list[JsonObject] | None:
        """Return the messages that come next, perhaps none yet; None if no byte came in so many seconds.

        ConnectionLost after a silence in which the server should have pinged.
        """
        self._flush()
        try:
            self._socket.settimeout(SILENCE if seconds is None else max(LOOK, seconds))
            data = self._socket.recv(CHUNK)
        except TimeoutError:
            if seconds is None:
                raise _silent(self._host) from None
            return None
        except OSError as problem:
            raise _broken(self._host, problem) from problem
        messages = self._feed.receive(data)
        self._flush()
        return messages

    def close(self) -> None:
        """Send a close frame and close; a thread that waits in ``receive`` finds the feed ended."""
        self._feed.close()
        with contextlib.suppress(ConnectionLost):
            self._flush(1.0)
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def __del__(self) -> None:
        self._socket.close()  # of a feed that was left in the middle

    def _flush(self, seconds: float = SILENCE) -> None:
        if data := self._feed.outgoing():
            try:
                self._socket.settimeout(seconds)
                self._socket.sendall(data)
            except OSError as problem:
                raise _broken(self._host, problem) from problem


class StreamFeed:
    """A feed, async."""

    def __init__(self, stream: ByteStream, feed: Feed, host: Host) -> None:
        self._stream, self._feed, self._host = stream, feed, host

    @classmethod
    async def open(cls, host: Host, address: ServerAddress, token: str) -> Self:
        """Connect to a node and agree on the feed."""
        seconds = address.options.connect_timeout
        try:
            with anyio.fail_after(seconds):
                stream = await connect(host, address)
                try:
                    shell = cls(stream, Feed(host, address, token), host)
                    while not shell._feed.is_open:
                        await shell.receive()
                except BaseException:
                    await hang_up(stream)
                    raise
        except SolidbError:
            raise
        except TimeoutError as problem:
            raise _too_slow(host, seconds) from problem
        except OSError as problem:
            raise _unreachable(host, problem) from problem
        return shell

    async def say(self, message: JsonObject) -> None:
        """Send a message."""
        self._feed.say(message)
        await self._flush()

    async def receive(self, seconds: float | None = None) -> list[JsonObject] | None:
        """Return the messages that come next, perhaps none yet; None if no byte came in so many seconds.

        ConnectionLost after a silence in which the server should have pinged.
        """
        await self._flush()
        data: bytes | None = None
        try:
            with anyio.move_on_after(SILENCE if seconds is None else max(LOOK, seconds)):
                data = await self._stream.receive(CHUNK)
        except anyio.EndOfStream:
            data = b""
        except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as problem:
            raise _broken(self._host, problem) from problem
        if data is None:
            if seconds is None:
                raise _silent(self._host)
            return None
        messages = self._feed.receive(data)
        await self._flush()
        return messages

    async def aclose(self) -> None:
        """Send a close frame and close the connection."""
        self._feed.close()
        with contextlib.suppress(ConnectionLost):
            await self._flush(1.0)
        await hang_up(self._stream)

    async def _flush(self, seconds: float = SILENCE) -> None:
        """Send what there is, whole: who is cancelled would lose what was received just before, too."""
        if data := self._feed.outgoing():
            try:
                with anyio.fail_after(seconds, shield=True):
                    await self._stream.send(data)
            except (OSError, anyio.BrokenResourceError, anyio.ClosedResourceError) as problem:
                raise _broken(self._host, problem) from problem


def _unreachable(host: Host, problem: Exception) -> ConnectionFailed:
    return ConnectionFailed(f"can't connect to {host}: {problem}", address=str(host))


def _too_slow(host: Host, seconds: float) -> RequestTimeout:
    return RequestTimeout(f"{host} did not open the change feed in {seconds:g} seconds", seconds=seconds)


def _broken(host: Host, problem: Exception) -> ConnectionLost:
    return ConnectionLost(f"the change feed was lost: {problem}", address=str(host))


def _silent(host: Host) -> ConnectionLost:
    return ConnectionLost(
        f"the change feed of {host} has been silent for {SILENCE:g} seconds", address=str(host)
    )
