"""A blocking connection: a socket that moves the bytes of the protocol."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Self, cast

from ...errors import ConnectionLost
from .connection import Connection, State
from .flights import Flight, event_of
from .login import check_login, gave_up, login_request
from .statistics import Statistics
from .url import Host, ServerAddress

CHUNK = 256 * 1024
SMALL = 16 * 1024
"""What the kernel's buffers always take at once, so that sending it can't wait on our reading."""


_Selector = cast(type[selectors.SelectSelector], getattr(selectors, "PollSelector", selectors.SelectSelector))


class SocketWire:
    """One connection: a socket and its state."""

    __slots__ = ("_connection", "_seconds", "_socket", "_statistics", "_watch", "host", "realm", "reused")

    def __init__(self, host: Host, opened: socket.socket, statistics: Statistics, realm: str = "") -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._socket, self._statistics = opened, statistics
        self._seconds = opened.gettimeout()
        self._connection = Connection(str(host))
        self._watch = _Selector()
        self._watch.register(opened, selectors.EVENT_READ)

    @classmethod
    def open(cls, host: Host, address: ServerAddress, statistics: Statistics, realm: str = "") -> Self:
        """Connect and log in."""
        seconds = address.options.connect_timeout
        opened = socket.create_connection((host.name, host.port), timeout=seconds)
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if (context := address.tls_context()) is not None:
                opened = context.wrap_socket(opened, server_hostname=host.name)
            wire = cls(host, opened, statistics, realm)
            greeting = wire._connection.greet(login_request(address, realm))
            (payload,) = wire._swap((greeting,), 1, bytes, seconds)
            check_login(payload, address)
        except BaseException:
            opened.close()
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
        return bool(self._watch.select(0))

    def fly(self, flight: Flight, seconds: float | None) -> list[Any]:
        """Send a flight and collect its answers; on any failure the connection is closed."""
        begun, before = time.perf_counter(), self._connection.received
        answers: list[Any] = []
        error = ""
        try:
            self._connection.send(flight.count)
            answers = self._swap(flight.chunks, flight.count, flight.read, seconds)
        except TimeoutError as problem:
            error = "RequestTimeout"
            raise gave_up(flight.label, seconds, self._connection.address) from problem
        except OSError as problem:
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
                self.close()
            self._statistics.note(event_of(flight, begun, self._connection.received - before, answers, error))
        return answers

    def close(self) -> None:
        """Hang up; the server rolls back what this connection left open."""
        self._connection.close()
        self._watch.close()
        self._socket.close()

    def _swap(
        self, chunks: Sequence[bytes], wanted: int, read: Callable[[bytes], Any], seconds: float | None
    ) -> list[Any]:
        answers: list[Any] = []
        if sum(map(len, chunks)) <= SMALL:
            self._wait_at_most(seconds)
            self._socket.sendall(b"".join(chunks))
        else:
            self._push(deque(memoryview(chunk) for chunk in chunks), read, answers, seconds)
            self._wait_at_most(seconds)
        begun = time.monotonic()
        while len(answers) < wanted:
            came = self._connection.receive(self._socket.recv(CHUNK))
            answers += map(read, came)
            if len(answers) < wanted:
                acknowledge(self._socket)
                if seconds is None:
                    continue
                if came:
                    begun = time.monotonic()
                    self._wait_at_most(seconds)
                else:  # the time is for the whole answer: a byte now and then does not prolong it
                    self._wait_at_most(_left(begun, seconds))
        return answers

    def _wait_at_most(self, seconds: float | None) -> None:
        """Set the socket's time-out, which costs a system call, if it is another one."""
        if seconds != self._seconds:
            self._socket.settimeout(seconds)
            self._seconds = seconds

    def _push(
        self,
        outgoing: deque[memoryview[int]],
        read: Callable[[bytes], Any],
        answers: list[Any],
        seconds: float | None,
    ) -> None:
        """Send while taking in answers, so that both sides' full buffers can't lock each other."""
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
                return  # the server hung up, perhaps after an answer that says why: go and read it
            with contextlib.suppress(BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                answers += map(read, self._connection.receive(self._socket.recv(CHUNK)))
                events = 0
            if events and not _ready(self._socket, events, seconds):
                raise TimeoutError


def acknowledge(opened: socket.socket) -> None:
    """Send the acknowledgement that the kernel holds back for up to 40 ms.

    The server leaves Nagle's algorithm on: it does not write the next small answer of a flight before
    the last one is acknowledged.
    """
    if _QUICK_ACK is not None:
        opened.setsockopt(socket.IPPROTO_TCP, _QUICK_ACK, 1)


_QUICK_ACK: int | None = getattr(socket, "TCP_QUICKACK", None)
"""Linux has it; elsewhere a flight of several small answers can take 40 ms longer."""


def _left(begun: float, seconds: float) -> float:
    left = seconds - (time.monotonic() - begun)
    if left <= 0:
        raise TimeoutError
    return left


def readable(opened: socket.socket) -> bool:
    """Say whether there is something to read, or the other side hung up; without waiting."""
    return bool(_ready(opened, selectors.EVENT_READ, 0))


def _ready(opened: socket.socket, events: int, seconds: float | None) -> int:
    if opened.fileno() < 0:
        return events
    with _Selector() as selector:
        selector.register(opened, events)
        ready = selector.select(seconds)
        return ready[0][1] if ready else 0
