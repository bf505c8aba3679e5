"""A blocking connection: a socket that moves the bytes of the protocol."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Self

from ..errors import ConnectionLost, SolidbError
from .connection import Connection, ConnectionState, left
from .exchange import RequestBatch, event_of
from .login import check_login, gave_up, login_request
from .round_trips import RequestCounts
from .sockets import CHUNK, SMALL, acknowledge, limit, pending_input, ready
from .url import Host, ServerAddress

QUICK = 0.001
"""A wait for a connection, in seconds, that is not worth setting a socket's time-out again."""


class SocketConnection:
    """One connection: a socket and its state."""

    __slots__ = ("_seconds", "_socket", "_statistics", "host", "protocol", "realm", "reused", "stale")

    stale: Callable[[], object]
    """Return whether the server closed the connection, or sent something, while no answer was due."""

    def __init__(self, host: Host, opened: socket.socket, statistics: RequestCounts, realm: str = "") -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._socket, self._statistics = opened, statistics
        self._seconds: float | None = -1.0  # not set yet
        self.protocol = Connection(str(host))
        self.stale = pending_input(opened)

    @classmethod
    def open(
        cls, host: Host, address: ServerAddress, statistics: RequestCounts, realm: str, seconds: float
    ) -> Self:
        """Connect and log in, all in so many seconds."""
        begun = time.monotonic()
        opened = socket.create_connection((host.name, host.port), timeout=seconds)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if (context := address.tls_context()) is not None:
                opened.settimeout(left(begun, seconds))
                opened = context.wrap_socket(opened, server_hostname=host.name)
            connection = cls(host, opened, statistics, realm)
            greeting = connection.protocol.greet(login_request(address, realm))
            opened.settimeout(left(begun, seconds))
            opened.sendall(greeting)
            answers: list[bytes] = []
            connection._collect(answers, 1, bytes, begun, seconds)
            check_login(answers[0], address)
        except BaseException:
            opened.close()
            raise
        connection.protocol.received = 0  # logins are not counted
        connection.protocol.usual = address.options.timeout
        statistics.opened(connection.protocol)
        return connection

    @property
    def sound(self) -> bool:
        """Whether it is owed nothing and can be used again."""
        return self.protocol.state is ConnectionState.IDLE

    def round_trip(self, batch: RequestBatch, seconds: float | None, begun: float) -> list[Any]:
        """Send a batch and collect its answers; on any failure the connection is closed.

        The first answer may take so many seconds since ``begun``, the others as many after the one before.
        """
        protocol, statistics = self.protocol, self._statistics
        before, error = protocol.received, ""
        answers: list[Any] = []
        clock = time.perf_counter() if statistics.awake() else 0.0
        try:
            chunks, wanted = batch.chunks, batch.count
            if len(chunks) == 1 and len(chunks[0]) <= SMALL:
                answers = self._swap(chunks[0], wanted, batch.read, begun, seconds)
            else:
                protocol.send(wanted, batch.size)
                views = deque(memoryview(chunk) for chunk in chunks)
                answers = self._push(views, wanted, batch.read, begun, seconds)
            if batch.keys or len(answers) != wanted:
                batch.check(answers, protocol.address)
        except SolidbError as problem:  # before what Python has for the same
            error = type(problem).__name__
            raise
        except (TimeoutError, BlockingIOError) as problem:
            error = "RequestTimeout"
            raise gave_up(batch.label, seconds or protocol.usual, protocol.address) from problem
        except OSError as problem:
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
                self.close()
            if clock:
                statistics.tell(event_of(batch, clock, protocol.received - before, answers, error))
        return answers

    def close(self) -> None:
        """Close it; the server rolls back what this connection left open."""
        self.protocol.close()
        self._socket.close()
        self._statistics.closed(self.protocol)

    def _swap(
        self,
        chunk: bytes,
        wanted: int,
        read: Callable[[bytes], Any],
        begun: float,
        seconds: float | None,
    ) -> list[Any]:
        """Send what fits into the kernel's buffer and take in the answers."""
        protocol = self.protocol
        protocol.send(wanted, len(chunk))
        if time.monotonic() - begun > QUICK:
            self._wait_at_most(seconds and left(begun, seconds))
        elif seconds != self._seconds:
            self._wait_at_most(seconds)
        self._socket.sendall(chunk)
        came = protocol.receive(self._socket.recv(SMALL))
        if len(came) == wanted == 1:  # as most come
            return [read(came[0])]
        answers = list(map(read, came))
        self._collect(answers, wanted, read, begun, seconds)
        return answers

    def _collect(
        self,
        answers: list[Any],
        wanted: int,
        read: Callable[[bytes], Any],
        begun: float,
        seconds: float | None,
    ) -> None:
        """Take in answers until there are as many as wanted; each may take so many seconds as a whole.

        Without a limit an answer may begin at any time, and its rest takes the usual time at most.
        """
        begun = begun if seconds is not None else time.monotonic()
        while len(answers) < wanted:
            acknowledge(self._socket)
            was_in_answer = self.protocol.is_in_answer
            limit_now = self.protocol.usual if seconds is None and was_in_answer else seconds
            self._wait_at_most(limit_now and left(begun, limit_now))
            came = self.protocol.receive(self._socket.recv(CHUNK))
            answers += map(read, came)
            if came or (seconds is None and not was_in_answer):
                begun = time.monotonic()

    def _wait_at_most(self, seconds: float | None) -> None:
        """Set the socket's time-out, which costs system calls, if it is another one."""
        if seconds != self._seconds:
            limit(self._socket, seconds)
            self._seconds = seconds

    def _push(
        self,
        outgoing: deque[memoryview[int]],
        wanted: int,
        read: Callable[[bytes], Any],
        begun: float,
        seconds: float | None,
    ) -> list[Any]:
        """Send while taking in answers, so that both sides' full buffers can't lock each other."""
        answers: list[Any] = []
        self._wait_at_most(0)
        while outgoing:
            events = 0
            try:
                sent = self._socket.send(outgoing[0][:CHUNK])
                outgoing[0] = outgoing[0][sent:]
                if not outgoing[0]:
                    outgoing.popleft()
            except (BlockingIOError, ssl.SSLWantWriteError):
                events = selectors.EVENT_READ | selectors.EVENT_WRITE
            except ssl.SSLWantReadError:
                events = selectors.EVENT_READ
            except (BrokenPipeError, ConnectionResetError):
                break  # the server hung up, perhaps after an answer that says why: go and read it
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                answers += map(read, self.protocol.receive(self._socket.recv(CHUNK)))
                events = 0
            if events and not ready(self._socket, events, seconds):
                raise TimeoutError
            if not events:
                begun = time.monotonic()
        self._collect(answers, wanted, read, begun, seconds)
        return answers
