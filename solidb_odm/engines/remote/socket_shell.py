"""The blocking shell: sockets, a pool for threads, and the lane that an exchange runs on."""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from ...commands import Command, Operation, run
from ...errors import ClosedError, ConnectionFailed, ConnectionLost, SolidbError
from .connection import Connection, State
from .flights import Flight, HttpAnswer, HttpCall, Pause, pauses
from .http import as_answer, new_client, request_of, unanswered
from .login import check_login, gave_up, in_order, login_request, none_free, unreachable
from .pool import PoolPolicy, Verdict
from .statistics import RequestEvent, Statistics
from .url import Host, ServerAddress

T = TypeVar("T")
R = TypeVar("R")
_CHUNK = 256 * 1024
_SMALL = 16 * 1024
"""What the kernel's buffers always take at once, so that sending it can't wait on our reading."""


class SocketWire:
    """One connection: a socket and its state."""

    __slots__ = ("_connection", "_socket", "_statistics", "host", "realm", "reused")

    def __init__(self, host: Host, opened: socket.socket, statistics: Statistics, realm: str = "") -> None:
        self.host, self.realm, self.reused = host, realm, False
        self._socket, self._statistics = opened, statistics
        self._connection = Connection(str(host))

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
        return readable(self._socket)

    def fly(self, flight: Flight, seconds: float | None) -> list[Any]:
        """Send a flight and collect its answers; on any failure the connection is closed."""
        begun, before, error = time.perf_counter(), self._connection.received, ""
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

    def close(self) -> None:
        """Hang up; the server rolls back what this connection left open."""
        self._connection.close()
        self._socket.close()

    def _swap(
        self, chunks: Sequence[bytes], wanted: int, read: Callable[[bytes], Any], seconds: float | None
    ) -> list[Any]:
        answers: list[Any] = []
        if sum(map(len, chunks)) <= _SMALL:
            self._socket.settimeout(seconds)
            self._socket.sendall(b"".join(chunks))
        else:
            self._push(deque(memoryview(chunk) for chunk in chunks), read, answers, seconds)
        self._socket.settimeout(seconds)
        while len(answers) < wanted:
            answers += map(read, self._connection.receive(self._socket.recv(_CHUNK)))
        return answers

    def _push(
        self,
        outgoing: deque[memoryview[int]],
        read: Callable[[bytes], Any],
        answers: list[Any],
        seconds: float | None,
    ) -> None:
        """Send while taking in answers, so that both sides' full buffers can't lock each other."""
        self._socket.settimeout(0)
        while outgoing:
            events = 0
            try:
                sent = self._socket.send(outgoing[0][:_CHUNK])
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
                answers += map(read, self._connection.receive(self._socket.recv(_CHUNK)))
                events = 0
            if events and not _ready(self._socket, events, seconds):
                raise TimeoutError


_Selector = cast(type[selectors.SelectSelector], getattr(selectors, "PollSelector", selectors.SelectSelector))


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


class SocketPool:
    """Connections to one server, shared by threads. Each has logged in."""

    def __init__(self, address: ServerAddress, statistics: Statistics) -> None:
        self.address, self.statistics = address, statistics
        self.host = address.hosts[0]
        options = address.options
        self._most = options.pool_size + options.pool_overflow
        self._policy: PoolPolicy[SocketWire] = PoolPolicy(
            size=options.pool_size, overflow=options.pool_overflow, idle_seconds=options.idle_seconds
        )
        self._turn = Condition()
        self._http: httpx.Client | None = None
        self._closed = False

    def lease(self) -> SocketWire:
        """Take a connection: an idle one that still stands, or a new one, or wait for one."""
        while True:
            wire = self._take()
            if wire is None:
                break
            if not wire.stale:
                wire.reused = True
                return wire
            self.discard(wire)
        try:
            return self.connect()
        except BaseException:
            self._drop()
            raise

    def connect(self, realm: str = "") -> SocketWire:
        """Open a connection that the pool does not count."""
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                wire = SocketWire.open(host, self.address, self.statistics, realm)
            except (OSError, ConnectionLost) as problem:
                problems[host] = problem
            else:
                self.host = host
                return wire
        raise unreachable(problems) from next(reversed(problems.values()))

    def give(self, wire: SocketWire) -> None:
        """Give a connection back."""
        if not wire.sound or wire.host != self.host or self._closed:
            self.discard(wire)
            return
        with self._turn:
            expired = self._policy.give(wire, time.monotonic())
            self._turn.notify()
        for old in expired:
            old.close()

    def discard(self, wire: SocketWire) -> None:
        """Close a connection instead of giving it back."""
        wire.close()
        self._drop()

    def purge(self) -> None:
        """Close the idle connections: one broke, so the others are not to be trusted."""
        with self._turn:
            wires = self._policy.empty()
        for wire in wires:
            wire.close()

    def http(self, call: HttpCall) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to."""
        if self._http is None:
            self._http = new_client(httpx.Client, self.address)
        self.statistics.http()
        try:
            return as_answer(self._http.send(request_of(self._http, self.host, self.address, call)))
        except httpx.HTTPError as problem:
            raise unanswered(problem, call, self.host) from problem

    def close(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        self.purge()
        if self._http is not None:
            self._http.close()

    def _take(self) -> SocketWire | None:
        seconds = self.address.options.pool_timeout
        deadline = time.monotonic() + seconds
        with self._turn:
            while True:
                if self._closed:
                    raise ClosedError("the engine is closed", hint="create another one")
                taken = self._policy.take(time.monotonic())
                for wire in taken.expired:
                    wire.close()
                if taken.verdict is not Verdict.WAIT:
                    return taken.wire
                if not self._turn.wait(deadline - time.monotonic()):
                    raise none_free(seconds, self._most)

    def _drop(self) -> None:
        with self._turn:
            self._policy.drop()
            self._turn.notify()


class Lane:
    """The I/O of one exchange: it holds at most one connection, from the first flight to the end."""

    def __init__(self, pool: SocketPool) -> None:
        self._pool = pool
        self._wire: SocketWire | None = None
        self._host: Host | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After anything but a planned error the exchange may have left a transaction open.
        self.release(clean=error is None or isinstance(error, SolidbError))

    def perform(self, command: Command[R], /) -> R:
        """Perform a flight, an HTTP call or a pause."""
        reply: Any = None
        if isinstance(command, Flight):
            reply = self._fly(command)
        elif isinstance(command, HttpCall):
            reply = self._pool.http(command)
        elif isinstance(command, Pause):
            time.sleep(command.seconds)
        else:
            raise TypeError(f"a lane does not perform {type(command).__name__}")
        return cast(R, reply)

    def release(self, *, clean: bool = True) -> None:
        """Give the connection back; not ``clean``: close it, which makes the server roll back."""
        wire, self._wire = self._wire, None
        if wire is None:
            return
        if wire.realm:
            wire.close()
        elif clean:
            self._pool.give(wire)
        else:
            self._pool.discard(wire)

    def _fly(self, flight: Flight) -> list[Any]:
        seconds = None if flight.unhurried else self._pool.address.options.timeout
        wire = self._on(flight)
        try:
            return wire.fly(flight, seconds)
        except ConnectionLost:
            self.release(clean=False)
            self._pool.purge()
            if not (flight.repeatable and wire.reused):
                raise
        for pause in pauses(4):
            with contextlib.suppress(ConnectionFailed):
                return self._on(flight).fly(flight, seconds)
            self.release(clean=False)
            time.sleep(pause)
        return self._on(flight).fly(flight, seconds)

    def _on(self, flight: Flight) -> SocketWire:
        realm = flight.realm
        if self._wire is not None and (self._wire.realm != realm or not self._wire.sound):
            self.release(clean=self._wire.sound)
        if self._wire is None:
            self._wire = self._pool.connect(realm) if realm else self._pool.lease()
            if flight.same_node and self._wire.host != self._host:
                raise ConnectionFailed(f"{self._host} is gone", address=str(self._host))
            self._host = self._wire.host
        return self._wire


def run_exchange(exchange: Operation[T], pool: SocketPool) -> T:
    """Run an exchange from its beginning to its end on a lane of its own."""
    with Lane(pool) as lane:
        return run(exchange, lane)
