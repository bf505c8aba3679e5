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

    channel: FileChannel

    async def run(self, work: Work[T], /) -> T:
        """Run work and return its result; after a cancellation it may still be running."""
        ...

    async def finish(self, work: Work[T], /) -> T:
        """Run work to its end, and return its result, whoever is cancelled meanwhile."""
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
    """Runs work in the thread of an aiosqlite connection, which does not keep the process alive."""

    def __init__(self, connection: aiosqlite.Connection, channel: FileChannel) -> None:
        self._connection = connection
        self.channel = channel

    @classmethod
    async def start(cls, open_channel: Callable[[], FileChannel]) -> AiosqliteWorker:
        """Start the thread and open the channel in it; cancelled meanwhile, it leaves neither behind."""
        opened: list[FileChannel] = []
        given_up = threading.Event()

        def connect() -> Any:
            opened.append(open_channel())
            if given_up.is_set():
                opened[0].close()
            return _ChannelConnection(opened[0])

        connection = aiosqlite.Connection(connect, iter_chunk_size=1)
        connection._thread.daemon = True  # noqa: SLF001 - whoever forgets to close a session still ends
        try:
            await connection
        except BaseException:  # aiosqlite has stopped the thread
            given_up.set()
            for channel in opened:
                channel.close()
            raise
        return cls(connection, opened[0])

    async def run(self, work: Work[T], /) -> T:
        return cast(T, await self._connection.execute_fetchall(cast(Any, work)))

    async def finish(self, work: Work[T], /) -> T:
        task = asyncio.ensure_future(self.run(work))
        cancelled = False
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError:
                cancelled = True
        if cancelled and (waiting := asyncio.current_task()) is not None:
            waiting.uncancel()  # it is told again, at its next await
            waiting.cancel()
        return task.result()

    async def aclose(self) -> None:
        await self._connection.close()


class ThreadWorker:
    """Runs work in anyio's worker threads, one piece at a time."""

    def __init__(self, channel: FileChannel) -> None:
        self.channel = channel
        self._turn = threading.Lock()

    async def finish(self, work: Work[T], /) -> T:
        scope = anyio.CancelScope(shield=True)
        with scope:
            result = await self.run(work)
        assert not scope.cancelled_caught
        return result

    async def run(self, work: Work[T], /) -> T:
        def run() -> T:
            with self._turn:
                return work(self.channel)

        return await anyio.to_thread.run_sync(run, abandon_on_cancel=True)

    async def aclose(self) -> None:
        await self.run(FileChannel.close)
