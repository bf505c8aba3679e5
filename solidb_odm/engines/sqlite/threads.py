"""Where a blocking channel runs for an event loop: aiosqlite's thread on asyncio, anyio's on trio.

aiosqlite gives a connection a thread of its own and queues what is asked of it. Its connection can be
anything that has the few methods it calls, so the channel itself takes that place.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar, cast

import aiosqlite
import anyio
import anyio.to_thread

from .channel import FileChannel

T = TypeVar("T")
Work = Callable[[FileChannel], T]


class Worker(Protocol):
    """Runs work on one channel in a thread, one piece after another."""

    async def run(self, work: Work[T], /) -> T:
        """Run work and return its result; after a cancellation it may still be running."""
        ...

    async def aclose(self) -> None:
        """Close the channel when all work is done, and end the thread."""
        ...


async def start_worker(open_channel: Callable[[], FileChannel]) -> Worker:
    """Open a channel in a thread that suits the running event loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return ThreadWorker(await anyio.to_thread.run_sync(open_channel))
    return await AiosqliteWorker.start(open_channel)


class _Reply:
    """What aiosqlite takes for a cursor: its rows are the result."""

    def __init__(self, result: Any) -> None:
        self._result = result

    def fetchall(self) -> Any:
        return self._result


class _ChannelConnection:
    """What aiosqlite takes for a connection: what it executes is work on the channel."""

    def __init__(self, channel: FileChannel) -> None:
        self._channel = channel

    def execute(self, work: Work[Any], _parameters: Iterable[Any]) -> _Reply:
        return _Reply(work(self._channel))

    def close(self) -> None:
        self._channel.close()


class AiosqliteWorker:
    """Runs work in the thread of an aiosqlite connection."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    @classmethod
    async def start(cls, open_channel: Callable[[], FileChannel]) -> AiosqliteWorker:
        """Start the thread and open the channel in it."""

        def connect() -> Any:
            return _ChannelConnection(open_channel())

        return cls(await aiosqlite.Connection(connect, iter_chunk_size=1))

    async def run(self, work: Work[T], /) -> T:
        return cast(T, await self._connection.execute_fetchall(cast(Any, work)))

    async def aclose(self) -> None:
        await self._connection.close()


class ThreadWorker:
    """Runs work in anyio's worker threads, one piece at a time."""

    def __init__(self, channel: FileChannel) -> None:
        self._channel = channel
        self._turn = threading.Lock()

    async def run(self, work: Work[T], /) -> T:
        def run() -> T:
            with self._turn:
                return work(self._channel)

        return await anyio.to_thread.run_sync(run, abandon_on_cancel=True)

    async def aclose(self) -> None:
        await self.run(FileChannel.close)
