"""The file engine for event loops: the blocking one, in threads.

Channels to a file, handed from session to session of an event loop, and the few threads they run in.

A thread for each session costs more than most of what a session asks; so does a connection. As many
connections as there may be are kept, and who finds none free waits in line.
"""

from __future__ import annotations

import threading
import weakref
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TypeVar

import anyio
import anyio.to_thread

from ...commands import Command, Commit, Rollback
from ...errors import ClosedError, StoreLocked
from ..interface import Capabilities
from . import forks
from .channel import CAPABILITIES, FileChannel
from .driver import FileDriver, Observer
from .threads import LoopEvent, Threads, Waitable, Wake, Worker, set_from_loop, wakeable

T = TypeVar("T")


class Seat:
    """A place in the pool: a channel, once it was opened, and what runs it in a thread."""

    __slots__ = ("channel", "worker")

    def __init__(self, threads: Threads) -> None:
        self.worker = Worker(threads)
        self.channel: FileChannel | None = None

    async def run(self, work: Callable[[FileChannel], T]) -> T:
        """Run work on the channel in its thread."""
        return await self.worker.run(partial(work, self._opened()))

    async def finish(self, work: Callable[[FileChannel], T]) -> T:
        """Run work on the channel to its end, whoever is cancelled meanwhile."""
        return await self.worker.finish(partial(work, self._opened()))

    async def open(self, open_channel: Callable[[], FileChannel]) -> None:
        """Open the channel; cancelled meanwhile, leave none behind."""
        is_given_up = threading.Event()

        def opened() -> FileChannel:
            channel = open_channel()
            if is_given_up.is_set():
                channel.close()
            return channel

        try:
            self.channel = await self.worker.run(opened)
        except BaseException:
            is_given_up.set()
            raise

    def _opened(self) -> FileChannel:
        if self.channel is None:
            raise ClosedError("the channel is closed", hint="open another with driver.channel()")
        return self.channel


class _Waiter:
    """Somebody who waits for a seat until some moment; what wakes it may be called for nothing."""

    __slots__ = ("_event", "seat", "until", "wake")

    def __init__(self, until: float) -> None:
        self.until = until
        self._event: Waitable | None = None
        self.wake: Wake = _nobody
        self.seat: Seat | None = None

    def begin(self) -> Waitable:
        """Return an event to wait for."""
        event, self.wake = wakeable()
        self._event = event
        return event

    def serve(self, seat: Seat) -> None:
        """Give it a seat, and wake it."""
        self.seat = seat
        set_from_loop(self._event, self.wake)


def _nobody() -> None:
    """Wake nobody: the waiter looks before it waits."""


def _wake_late(pool: weakref.ref[ChannelPool], loop: weakref.ref[AbstractEventLoop]) -> None:
    there, running = pool(), loop()
    if there is not None and running is not None:
        there.wake_late(running)


def _closed() -> ClosedError:
    return ClosedError("the engine is closed", hint="make another with create_engine(url)")


class ChannelPool:
    """At most ``most`` channels to one file; safe for threads and for several event loops.

    The collector may ``forget`` a seat while this very thread holds the lock, so that takes none: it notes
    the seat and wakes who waits longest, who looks again.
    """

    def __init__(
        self, open_channel: Callable[[], FileChannel], threads: Threads, most: int, seconds: float
    ) -> None:
        self._open_channel = open_channel
        self._threads = threads
        self._most = most
        self._seconds = seconds
        self._lock = threading.Lock()
        self._idle: list[Seat] = []
        self._taken = 0
        self._waiting: deque[_Waiter] = deque()
        self._forgotten: deque[Seat] = deque()
        self._timed: weakref.WeakSet[AbstractEventLoop] = weakref.WeakSet()
        self._closed = False

    async def take(self) -> Seat:
        """Return a seat with an open channel, after waiting in line for one.

        StoreLocked if none gets free in time.
        """
        seat = self._at_once()
        if seat is None:
            seat = await self._in_line()
        if seat.channel is None:
            try:
                await seat.open(self._open_channel)
            except BaseException:
                self._hand_on(seat)
                raise
        return seat

    def give_back_at_once(self, seat: Seat) -> bool:
        """Take a seat back if there is nothing to wait for; return whether that is so."""
        if self._closed or seat.channel is None or seat.channel.is_in_transaction:
            return False
        self._hand_on(seat)
        return True

    async def give_back(self, seat: Seat) -> None:
        """Take a seat back, without the transaction that may be open on its channel."""
        channel = seat.channel
        try:
            if channel is not None and self._closed:
                seat.channel = None
                await seat.worker.run(channel.close)
            elif channel is not None and channel.is_in_transaction:
                seat.channel = None  # stays so if it can't be rolled back
                await seat.worker.run(lambda: channel.perform(Rollback()))
                seat.channel = channel
        finally:
            self._hand_on(seat)

    def forget(self, seat: Seat) -> None:
        """Close the channel of a seat that nobody gave back, and return its place to another."""
        if seat.channel is not None:
            seat.worker.post(seat.channel.close)
        self._forgotten.append(seat)
        with suppress(IndexError):
            self._waiting[0].wake()

    async def empty(self) -> None:
        """Close the idle channels; others are opened when they are needed."""
        with self._lock:
            idle, self._idle = self._idle, []
        for seat in idle:
            if seat.channel is not None:
                await seat.worker.run(seat.channel.close)

    async def aclose(self) -> None:
        """Close the idle channels; those in use are closed when they are given back."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = list(self._waiting), deque()
        for waiter in waiting:
            waiter.wake()
        await self.empty()
        self._end_if_over()

    def _end_if_over(self) -> None:
        """End the threads of a closed pool, once nobody has one of its channels."""
        with self._lock:
            self._count_forgotten()
            is_over = self._closed and not self._taken
        if is_over:
            self._threads.end()

    def after_fork(self) -> None:
        """Begin again in a child process, which has none of the threads."""
        self._lock = threading.Lock()
        self._threads.after_fork()
        self._idle, self._taken = [], 0
        self._waiting.clear()
        self._forgotten.clear()
        self._timed = weakref.WeakSet()

    def _at_once(self) -> Seat | None:
        """Return a seat if one is free; None if the caller must wait."""
        with self._lock:
            if self._closed:
                raise _closed()
            self._count_forgotten()
            if self._idle:
                self._taken += 1
                return self._idle.pop()
            if self._taken < self._most:
                self._taken += 1
                return Seat(self._threads)
            return None

    def _count_forgotten(self) -> None:
        while self._forgotten:
            self._forgotten.popleft()
            self._taken -= 1

    async def _in_line(self) -> Seat:
        waiter = _Waiter(monotonic() + self._seconds)
        self._waiting.append(waiter)
        try:
            await self._served(waiter)
        except BaseException:
            self._leave_line(waiter)
            raise
        if waiter.seat is None:
            self._leave_line(waiter)
        if waiter.seat is None:
            if self._closed:
                raise _closed()
            raise StoreLocked(
                f"all {self._most} connections to the file were in use for {self._seconds:g} s",
                hint="close sessions when their work is done (async with), or raise ?connections=",
            )
        return waiter.seat

    async def _served(self, waiter: _Waiter) -> None:
        """Wait until a waiter has a seat, its time is up, or the pool is closed."""
        while True:
            event = waiter.begin()
            self._serve()  # a seat may have been forgotten before anybody could be woken
            left = waiter.until - monotonic()
            if waiter.seat is not None or self._closed or left <= 0:
                return
            if isinstance(event, LoopEvent):
                self._wake_in(event.loop, left)
                await event.wait()
            else:
                with anyio.move_on_after(left):
                    await event.wait()

    def _wake_in(self, loop: AbstractEventLoop, seconds: float) -> None:
        """Have an event loop wake those whose time is up: one timer for all of them costs little."""
        if loop not in self._timed:
            self._timed.add(loop)
            pool: weakref.ref[ChannelPool] = weakref.ref(self)
            loop.call_later(seconds, _wake_late, pool, weakref.ref(loop))

    def wake_late(self, loop: AbstractEventLoop) -> None:
        """Wake the waiters whose time is up, and go on looking while others wait."""
        self._timed.discard(loop)
        waiting, now = tuple(self._waiting), monotonic()
        for waiter in waiting:
            if waiter.until <= now:
                waiter.wake()
        later = [waiter.until for waiter in waiting if waiter.until > now]
        if later:
            self._wake_in(loop, min(later) - now)

    def _serve(self) -> None:
        """Give free places, those of forgotten seats too, to those who wait longest."""
        with self._lock:
            self._count_forgotten()
            while self._waiting and self._taken < self._most:
                self._taken += 1
                waiter = self._waiting.popleft()
                waiter.serve(self._idle.pop() if self._idle else Seat(self._threads))

    def _leave_line(self, waiter: _Waiter) -> None:
        """Stop waiting; a seat that came just now goes to the next, unless the waiter goes on with it."""
        with self._lock:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                return
        if waiter.seat is not None:
            seat, waiter.seat = waiter.seat, None
            self._hand_on(seat)

    def _hand_on(self, seat: Seat) -> None:
        """Pass a seat to whoever waits longest, or keep it."""
        with self._lock:
            if self._waiting:
                self._waiting.popleft().serve(seat)
                return
            self._taken -= 1
            if not self._closed:
                self._idle.append(seat)
                return
        self._end_if_over()


R = TypeVar("R")


class AsyncFileChannel:
    """Performs commands on one connection, in a thread. Use it from one task at a time."""

    def __init__(self, pool: ChannelPool, seat: Seat) -> None:
        self._pool = pool
        self._seat = seat
        self._is_new = True
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def perform(self, command: Command[R], /) -> R:
        """Perform a command and return its reply.

        A cancellation stops the statement and rolls the open transaction back.
        """
        self._check_open()
        is_first, self._is_new = self._is_new, False

        def work(channel: FileChannel) -> R:
            if is_first:
                channel.sweep()
            return channel.perform(command)

        if isinstance(command, Commit):  # its outcome must be known; it waits for nobody
            return await self._seat.finish(work)
        try:
            return await self._seat.run(work)
        except anyio.get_cancelled_exc_class():
            await self._abandon()
            raise

    async def remove_expired(self) -> int:
        """Delete the documents whose time is over now, and return how many."""
        self._check_open()
        return await self._seat.run(lambda channel: channel.remove_expired())

    async def aclose(self) -> None:
        """Undo an open transaction and give the channel back. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        if self._pool.give_back_at_once(self._seat):
            return
        with anyio.CancelScope(shield=True):
            await self._pool.give_back(self._seat)

    def __del__(self) -> None:
        if not self._closed:
            self._pool.forget(self._seat)  # the session warns

    def _check_open(self) -> None:
        if self._closed:
            raise ClosedError("the channel is closed", hint="open another with driver.channel()")

    async def _abandon(self) -> None:
        """Stop what the thread is doing, and wait until it has."""
        channel = self._seat.channel
        if channel is None:
            return
        channel.interrupt()
        with anyio.CancelScope(shield=True):
            await self._seat.run(_recover)


def _recover(channel: FileChannel) -> None:
    channel.resume()
    channel.perform(Rollback())


class AsyncFileDriver:
    """Opens channels to one SQLite file, or to one database in memory, for asyncio and trio."""

    def __init__(
        self,
        url: str,
        *,
        on_statement: Observer | None = None,
        secret: str | bytes | None = None,
        **options: object,
    ) -> None:
        self._driver = FileDriver(url, on_statement=on_statement, secret=secret, **options)
        settings = self._driver.options
        threads = Threads(settings.connections)
        self._driver.writers.lender = threads
        self._pool = ChannelPool(self._driver.channel, threads, settings.connections, settings.pool_timeout)
        forks.watch(self._pool)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def url(self) -> str:
        return self._driver.url

    async def channel(self) -> AsyncFileChannel:
        """Take a channel from the pool, or open one; wait in line while all that there may be are in use."""
        return AsyncFileChannel(self._pool, await self._pool.take())

    async def settle_key(self) -> None:
        """Note that the file has this key, should a change of it have been cut short."""
        await anyio.to_thread.run_sync(self._driver.settle_key)

    async def change_key(self, secret: str | bytes) -> None:
        """Encrypt the file with another key; StoreLocked if changes stay uncommitted meanwhile."""
        with anyio.CancelScope(shield=True):
            await self._pool.empty()
            await anyio.to_thread.run_sync(self._driver.change_key, secret)

    async def aclose(self) -> None:
        """Close the idle connections; channels still open close theirs when they are given back."""
        with anyio.CancelScope(shield=True):
            await self._pool.aclose()
            await anyio.to_thread.run_sync(self._driver.close)
