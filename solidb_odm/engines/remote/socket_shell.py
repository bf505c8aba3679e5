"""The blocking shell: a pool for threads, and the lane that an exchange runs on."""

from __future__ import annotations

import os
import time
from threading import Condition
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from ...commands import Command, Operation, run
from ...errors import ClosedError, ConnectionFailed, ConnectionLost, SolidbError
from .flights import Flight, HttpAnswer, HttpCall, Pause, pauses
from .http import as_answer, http_event, new_client, request_of, unanswered
from .login import in_order, none_free, unreachable
from .pool import PoolPolicy, Verdict
from .socket_wire import SocketWire
from .statistics import Statistics
from .url import Host, ServerAddress

T = TypeVar("T")
R = TypeVar("R")


class SocketPool:
    """Connections to one server, shared by threads. Each has logged in."""

    def __init__(self, address: ServerAddress, statistics: Statistics) -> None:
        self.address, self.statistics = address, statistics
        self.host = address.hosts[0]
        options = address.options
        self._most = options.pool_size + options.pool_overflow
        self._policy = self._new_policy()
        self._turn = Condition()
        self._process = os.getpid()
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

    def http(self, call: HttpCall, seconds: float | None = None) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to."""
        client, begun = self.http_client(), time.perf_counter()
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                response = client.send(request_of(client, host, self.address, call, seconds))
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                problems[host] = problem  # nothing was sent: the next node, then
            except httpx.HTTPError as problem:
                raise unanswered(problem, call, host) from problem
            else:
                self.host = host
                self.statistics.http(http_event(call, begun, response))
                return as_answer(response)
        raise unreachable(problems) from next(reversed(problems.values()))

    def http_client(self) -> httpx.Client:
        """Give the client that HTTP calls are made with; bodies can be streamed on it."""
        with self._turn:
            if self._closed:
                raise ClosedError("the engine is closed", hint="create another one")
            if self._http is None:
                self._http = new_client(httpx.Client, self.address)
            return self._http

    def close(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        self.purge()
        if self._http is not None:
            self._http.close()

    def _take(self) -> SocketWire | None:
        seconds = self.address.options.pool_timeout
        deadline = time.monotonic() + seconds
        if self._process != os.getpid():
            self._forget()
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

    def _forget(self) -> None:
        """Leave the connections to the process that this one was forked from."""
        self._process, self._turn = os.getpid(), Condition()
        for wire in self._policy.empty():
            wire.close()
        self._policy = self._new_policy()

    def _new_policy(self) -> PoolPolicy[SocketWire]:
        options = self.address.options
        return PoolPolicy(
            size=options.pool_size, overflow=options.pool_overflow, idle_seconds=options.idle_seconds
        )

    def _drop(self) -> None:
        with self._turn:
            self._policy.drop()
            self._turn.notify()


class Lane:
    """The I/O of one exchange: it holds at most one connection, from the first flight to the end."""

    def __init__(self, pool: SocketPool, seconds: float | None = None) -> None:
        self._pool = pool
        self._seconds = seconds  # instead of the URL's time-out
        self._wire: SocketWire | None = None
        self._host: Host | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After anything but a planned error the exchange may have left a transaction open.
        self.release(clean=error is None or isinstance(error, SolidbError))

    @property
    def sound(self) -> bool:
        """Whether it holds a connection that can be used on."""
        return self._wire is not None and self._wire.sound

    def perform(self, command: Command[R], /) -> R:
        """Perform a flight, an HTTP call or a pause."""
        reply: Any = None
        if isinstance(command, Flight):
            reply = self._fly(command)
        elif isinstance(command, HttpCall):
            reply = self._pool.http(command, self._seconds)
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
        seconds = flight.patience(self._seconds or self._pool.address.options.timeout)
        wire = self._on(flight)
        try:
            return wire.fly(flight, seconds)
        except ConnectionLost:
            self.release(clean=False)
            self._pool.purge()
            if not (flight.repeatable and wire.reused):
                raise
        return self._again(flight).fly(flight, seconds)

    def _again(self, flight: Flight) -> SocketWire:
        """Take a new connection after one broke, patiently: the server may be starting again."""
        for pause in pauses(4):
            try:
                return self._on(flight)
            except ConnectionFailed:
                time.sleep(pause)
        return self._on(flight)

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


def run_exchange(exchange: Operation[T], pool: SocketPool, seconds: float | None = None) -> T:
    """Run an exchange from its beginning to its end on a lane of its own."""
    with Lane(pool, seconds) as lane:
        return run(exchange, lane)
