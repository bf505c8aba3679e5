"""The file engine for event loops: the blocking one, in threads."""

from __future__ import annotations

import warnings
from typing import TypeVar

import anyio
import anyio.to_thread

from ...commands import Command, Commit, Rollback
from ...errors import ClosedError
from ..base import Capabilities
from . import forks
from .channel import CAPABILITIES, FileChannel
from .channel_pool import ChannelPool, Seat
from .driver import FileDriver
from .sql_trace import Observer

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
        return await self._seat.run(FileChannel.remove_expired)

    async def aclose(self) -> None:
        """Undo an open transaction and give the channel back. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            await self._pool.give_back(self._seat)

    def __del__(self) -> None:
        if not self._closed:
            self._pool.forget(self._seat)  # before the warning, which may be raised as an error
            warnings.warn(
                "a session was not closed: use async with", ResourceWarning, source=self, stacklevel=2
            )

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

    def __init__(self, url: str, *, on_statement: Observer | None = None, **options: object) -> None:
        self._driver = FileDriver(url, on_statement=on_statement, **options)
        settings = self._driver.options
        self._pool = ChannelPool(self._driver.channel, settings.connections, settings.pool_timeout)
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

    async def aclose(self) -> None:
        """Close the idle connections; channels still open close theirs when they are given back."""
        with anyio.CancelScope(shield=True):
            await self._pool.aclose()
            await anyio.to_thread.run_sync(self._driver.close)
