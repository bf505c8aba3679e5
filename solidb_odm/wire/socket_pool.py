"""The blocking shell: a pool for threads, and the lease that an exchange runs on."""

from __future__ import annotations

import os
import time
from threading import Lock, RLock
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

import httpx

from ..commands import Command, Operation, run
from ..errors import ConnectionFailed, ConnectionLost, SolidbError
from .connection import IDLE, remaining, within
from .exchange import Delay, HttpAnswer, HttpCall, RequestBatch, is_planned, misshapen, pauses
from .http import (
    AnswerDeadline,
    answered_by,
    as_answer,
    auth_of,
    http_event,
    new_client,
    read_whole,
    request_of,
    send,
    too_slow,
    unanswered,
)
from .login import closed, in_order, no_time_left, none_free, unreachable
from .open_answers import OpenAnswers
from .pool import PoolPolicy, Ticket
from .round_trips import RequestCounts
from .socket_connection import SocketConnection
from .url import Host, ServerAddress

if TYPE_CHECKING:
    import httpcore

T = TypeVar("T")
R = TypeVar("R")


class SocketPool:
    """Connections to one server, shared by threads. Each has logged in."""

    def __init__(self, address: ServerAddress, statistics: RequestCounts) -> None:
        self.address, self.statistics = address, statistics
        self.host = address.hosts[0]
        options = address.options
        self.seconds = options.timeout
        self._most = options.pool_size + options.pool_overflow
        self._policy = self._new_policy()
        self._lock = RLock()
        self._process = os.getpid()
        self.auth = auth_of(address)
        self.answers = OpenAnswers()
        self._http: httpx.Client | None = None
        self._opened: WeakSet[httpcore.NetworkStream] = WeakSet()
        self._closed = False

    def idle(self, now: float) -> SocketConnection | None:
        """Take an idle connection that is still open, if there is one and no caller waits for it."""
        if self._process != os.getpid():
            self._forget()
        while (connection := self._policy.reuse(now)) is not None:
            if not connection.stale():
                return connection
            self.discard(connection)
        return None

    def take(self, seconds: float | None = None) -> SocketConnection:
        """Take an idle connection, or a new one, or wait for one.

        All in so many seconds, if the pool's own time-outs are not shorter.
        """
        begun = time.monotonic()
        connection = self.idle(begun) or self._queue(begun, seconds)
        while connection is not None:
            if not connection.stale():
                return connection
            self.discard(connection)
            connection = self.idle(begun) or self._queue(begun, seconds)
        try:
            return self.connect(seconds=remaining(begun, seconds))
        except BaseException:
            self._drop()
            raise

    def connect(self, realm: str = "", seconds: float | None = None) -> SocketConnection:
        """Open a connection that the pool does not count."""
        problems: dict[Host, Exception] = {}
        begun = time.monotonic()
        for host in in_order(self.address.hosts, self.host):
            limit = within(self.address.options.connect_timeout, remaining(begun, seconds))
            try:
                connection = SocketConnection.open(host, self.address, self.statistics, realm, limit)
            except ConnectionLost as problem:
                problems[host] = problem
            except SolidbError:
                raise  # this node answered, and no other one would answer otherwise
            except OSError as problem:
                problems[host] = problem
            else:
                self.host = host
                return connection
        if seconds is not None and time.monotonic() - begun >= seconds:
            raise no_time_left(problems, seconds) from next(reversed(problems.values()))
        raise unreachable(problems) from next(reversed(problems.values()))

    def give(self, connection: SocketConnection) -> None:
        """Return a connection to the pool."""
        if connection.protocol.state is not IDLE or connection.host is not self.host:
            self.discard(connection)
            return
        connection.reused = True
        if self._policy.put(connection, time.monotonic()):
            self._settle()
        if self._closed:  # before, or meanwhile
            self.purge()

    def discard(self, connection: SocketConnection) -> None:
        """Close a connection instead of giving it back."""
        connection.close()
        self._drop()

    def purge(self) -> None:
        """Close the idle connections: one broke, so the others are not to be trusted."""
        with self._lock:
            connections = self._policy.empty()
        for connection in connections:
            connection.close()
        self._settle()

    def http(self, call: HttpCall, seconds: float | None = None) -> HttpAnswer:
        """Make an HTTP call to the node the driver talks to, its whole answer in so many seconds."""
        client, begun = self.http_client(), time.perf_counter()
        seconds = seconds or self.seconds
        problems: dict[Host, Exception] = {}
        for host in in_order(self.address.hosts, self.host):
            try:
                request = request_of(client, host, self.address, call, seconds)
                with answered_by(AnswerDeadline(seconds)):
                    response = send(client, self.auth.flow(request, once=False), request)
                    content = read_whole(response)
            except TimeoutError as problem:
                raise too_slow(call, host, seconds) from problem
            except (httpx.ConnectError, httpx.ConnectTimeout) as problem:
                problems[host] = problem  # nothing was sent: the next node, then
            except httpx.HTTPError as problem:
                raise unanswered(problem, call, host, seconds) from problem
            else:
                self.host = host
                self.statistics.http(http_event(call, begun, response, content))
                return as_answer(response, content)
        raise unreachable(problems) from next(reversed(problems.values()))

    def http_client(self) -> httpx.Client:
        """Return the client that HTTP calls are made with; bodies can be streamed on it."""
        if self._process != os.getpid():
            self._forget()
        self.answers.end_forgotten()
        with self._lock:
            if self._closed:
                raise closed()
            if self._http is None:
                self._http = new_client(self.address, self._opened)
            return self._http

    def close(self) -> None:
        """Close the idle connections now and the others when they come back."""
        self._closed = True
        if self._process != os.getpid():
            self._forget()
        self.purge()
        self.answers.end_forgotten()
        if self._http is not None:
            self._http.close()

    def _queue(self, begun: float, seconds: float | None) -> SocketConnection | None:
        """Wait for a turn; return the connection it brings, or None: open one."""
        if self._closed:
            raise closed()
        turn = Lock()  # an Event holds a lock of its own while it is set
        turn.acquire()
        ticket = Ticket[SocketConnection](turn.release)
        with self._lock:
            self._policy.queue(ticket)
        self._settle()
        limit = within(self.address.options.pool_timeout, remaining(begun, seconds))
        try:
            served = ticket.served or turn.acquire(timeout=max(0.0, limit))
        except BaseException:
            self._leave(ticket)
            raise
        if not served and not self._withdrawn(ticket):
            served = True  # at the last moment
        if not served:
            raise none_free(limit, self._most)
        if self._is_closed():
            self._leave(ticket)
            raise closed()
        return ticket.connection

    def _is_closed(self) -> bool:
        return self._closed

    def _withdrawn(self, ticket: Ticket[SocketConnection]) -> bool:
        with self._lock:
            return self._policy.withdraw(ticket)

    def _leave(self, ticket: Ticket[SocketConnection]) -> None:
        """Return the connection of a caller that was interrupted."""
        if not self._withdrawn(ticket):
            self._drop() if ticket.connection is None else self.give(ticket.connection)

    def _settle(self) -> None:
        with self._lock:
            expired = self._policy.settle(time.monotonic())
        for old in expired:
            old.close()

    def _forget(self) -> None:
        """Leave the connections to the process that this one was forked from."""
        self._process, self._lock = os.getpid(), RLock()
        for connection in self._policy.empty():
            connection.close()
        self._policy = self._new_policy()
        for stream in list(
            self._opened
        ):  # their client's lock may be held for ever, by a thread of the parent
            stream.close()
        self._http, self._opened = None, WeakSet()

    def _new_policy(self) -> PoolPolicy[SocketConnection]:
        options = self.address.options
        return PoolPolicy(
            size=options.pool_size, overflow=options.pool_overflow, idle_seconds=options.idle_seconds
        )

    def _drop(self) -> None:
        with self._lock:
            self._policy.drop()
        self._settle()


class Lease:
    """The I/O of one exchange: it leases at most one connection, from the first batch to the end."""

    __slots__ = ("_connection", "_host", "_pool", "_seconds", "_was_answered")

    def __init__(self, pool: SocketPool, seconds: float | None = None) -> None:
        self._pool, self._seconds = pool, seconds or pool.seconds
        self._connection: SocketConnection | None = None
        self._host: Host | None = None
        self._was_answered = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # After anything but a planned error the exchange may have left a transaction open.
        self.release(clean=error is None or is_planned(error))

    @property
    def sound(self) -> bool:
        """Whether it holds a connection that can be used on."""
        return self._connection is not None and self._connection.sound

    def run(self, exchange: Operation[T]) -> T:
        """Run an exchange from its beginning to its end, and give the connection back."""
        try:
            result = run(exchange, self)
        except BaseException as problem:
            # After anything but a planned error the exchange may have left a transaction open.
            self.release(clean=is_planned(problem))
            ours = misshapen(problem) if self._host or self._was_answered else None
            if ours is not None:
                raise ours from problem
            raise
        if (connection := self._connection) is not None and not connection.realm:
            self._connection = None  # as release() does
            self._pool.give(connection)
        else:
            self.release()
        return result

    def perform(self, command: Command[R], /) -> R:
        """Perform a batch of requests, an HTTP call or a pause."""
        reply: Any = None
        if isinstance(command, RequestBatch):
            reply = self._round_trip(command)
        elif isinstance(command, HttpCall):
            reply = self._pool.http(command, self._seconds)
            self._was_answered = True
        elif isinstance(command, Delay):
            time.sleep(command.seconds)
        else:
            raise TypeError(f"a lease does not perform {type(command).__name__}")
        answer: R = reply
        return answer

    def release(self, *, clean: bool = True) -> None:
        """Return the connection to the pool; not ``clean``: close it, which makes the server roll back."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.realm:
            connection.close()
        elif clean:
            self._pool.give(connection)
        else:
            self._pool.discard(connection)

    def _round_trip(self, batch: RequestBatch) -> list[Any]:
        seconds = None if batch.untimed else batch.timeout or self._seconds
        begun = time.monotonic()
        connection = None if self._connection or self._host or batch.realm else self._pool.idle(begun)
        if connection is None:
            connection = self._on(batch, seconds)
        else:  # the first batch of most exchanges
            self._connection, self._host = connection, connection.host
        try:
            return connection.round_trip(batch, seconds, begun)
        except ConnectionLost:
            self.release(clean=False)
            self._pool.purge()
            if not (batch.repeatable and connection.reused and self._pool.address.options.retries):
                raise
        return self._again(batch, begun, seconds)

    def _again(self, batch: RequestBatch, begun: float, seconds: float | None) -> list[Any]:
        """Send the batch on a new connection after one broke, with pauses: the server may be restarting."""
        options = self._pool.address.options
        for pause in pauses(options.retries - 1, options.retry_wait):
            try:
                return self._on(batch, remaining(begun, seconds)).round_trip(batch, seconds, begun)
            except ConnectionLost:
                raise  # it was there and broke again: the request is at fault
            except ConnectionFailed:
                time.sleep(within(pause, remaining(begun, seconds)))
        return self._on(batch, remaining(begun, seconds)).round_trip(batch, seconds, begun)

    def _on(self, batch: RequestBatch, seconds: float | None) -> SocketConnection:
        realm = batch.realm
        if self._connection is not None:
            if self._connection.realm == realm and self._connection.sound:
                return self._connection
            self.release(clean=self._connection.sound)
        connection = self._pool.connect(realm, seconds) if realm else self._pool.take(seconds)
        self._take(connection, batch)
        return connection

    def _take(self, connection: SocketConnection, batch: RequestBatch) -> None:
        self._connection = connection
        if batch.same_node and connection.host != self._host:
            raise ConnectionFailed(f"{self._host} is no longer reachable", address=str(self._host))
        self._host = connection.host
