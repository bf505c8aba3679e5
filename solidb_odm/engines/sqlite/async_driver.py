"""The file engine for event loops: the blocking one, in a thread."""

from __future__ import annotations

from typing import TypeVar

import anyio
import anyio.to_thread

from ...commands import Command, Commit, Rollback
from ..base import Capabilities
from .channel import CAPABILITIES, FileChannel
from .driver import FileDriver
from .sql_trace import Observer
from .threads import Worker, start_worker

R = TypeVar("R")


class AsyncFileChannel:
    """Performs commands on one connection, in a thread. Use it from one task at a time."""

    def __init__(self, channel: FileChannel, worker: Worker) -> None:
        self._channel = channel
        self._worker = worker
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    async def perform(self, command: Command[R], /) -> R:
        """Perform a command and return its reply.

        A cancellation stops the statement and rolls the open transaction back.
        """

        def work(channel: FileChannel) -> R:
            return channel.perform(command)

        if isinstance(command, Commit):  # its outcome must be known; it waits for nobody
            return await self._worker.finish(work)
        try:
            return await self._worker.run(work)
        except anyio.get_cancelled_exc_class():
            await self._abandon()
            raise

    async def remove_expired(self) -> int:
        """Delete the documents whose time is over now, and return how many."""
        return await self._worker.run(FileChannel.remove_expired)

    async def aclose(self) -> None:
        """Undo an open transaction and give the channel back. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        with anyio.CancelScope(shield=True):
            await self._worker.aclose()

    async def _abandon(self) -> None:
        """Stop what the thread is doing, and wait until it has."""
        self._channel.interrupt()
        with anyio.CancelScope(shield=True):
            await self._worker.run(_recover)


def _recover(channel: FileChannel) -> None:
    channel.resume()
    channel.perform(Rollback())


class AsyncFileDriver:
    """Opens channels to one SQLite file, or to one database in memory, for asyncio and trio."""

    def __init__(self, url: str, *, on_statement: Observer | None = None, **options: object) -> None:
        self._driver = FileDriver(url, on_statement=on_statement, **options)

    @property
    def capabilities(self) -> Capabilities:
        return CAPABILITIES

    @property
    def url(self) -> str:
        return self._driver.url

    async def channel(self) -> AsyncFileChannel:
        """Open a channel in a thread of its own."""
        worker = await start_worker(self._driver.channel)
        return AsyncFileChannel(worker.channel, worker)

    async def aclose(self) -> None:
        """Close the idle connections; channels still open close theirs when they are given back."""
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._driver.close)
