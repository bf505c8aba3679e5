"""A thread that a blocking channel runs in, for event loops: asyncio's and trio's."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from queue import SimpleQueue
from typing import Any, Generic, Protocol, TypeVar

import anyio

T = TypeVar("T")
Wake = Callable[[], None]


class Waitable(Protocol):
    """An event of the running loop."""

    def set(self) -> object: ...

    def is_set(self) -> bool: ...

    async def wait(self) -> object: ...


def wakeable() -> tuple[Waitable, Wake]:
    """Return an event of the running event loop, and what sets it from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _wakeable_in_trio()
    event = asyncio.Event()

    def wake() -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(event.set)

    return event, wake


def _wakeable_in_trio() -> tuple[Waitable, Wake]:
    trio: Any = import_module("trio")
    event: Waitable = trio.Event()
    token = trio.lowlevel.current_trio_token()

    def wake() -> None:
        with suppress(trio.RunFinishedError):
            token.run_sync_soon(event.set)

    return event, wake


class _Task(Generic[T]):
    """Work for the thread, and later what came of it."""

    __slots__ = ("_error", "_result", "_wake", "_work")

    def __init__(self, work: Callable[[], T], wake: Wake) -> None:
        self._work = work
        self._wake = wake
        self._result: Any = None
        self._error: BaseException | None = None

    def perform(self) -> None:
        try:
            self._result = self._work()
        except BaseException as exc:  # noqa: BLE001  it is raised where the result is waited for
            self._error = exc
        self._wake()

    def result(self) -> T:
        try:
            if self._error is not None:
                raise self._error
            result: T = self._result
            return result
        finally:
            self._error = None  # whose traceback leads here


class Worker:
    """Runs work in one thread, one piece after another; the thread ends with its last reference.

    It keeps no process from ending.
    """

    def __init__(self) -> None:
        self._queue: SimpleQueue[_Task[Any] | None] = SimpleQueue()
        self._end = weakref.finalize(self, self._queue.put, None)
        threading.Thread(target=_serve, args=(self._queue,), name="solidb_odm file", daemon=True).start()

    async def run(self, work: Callable[[], T], /) -> T:
        """Run work and return its result; after a cancellation it may still be running."""
        event, task = self._put(work)
        await event.wait()
        return task.result()

    async def finish(self, work: Callable[[], T], /) -> T:
        """Run work to its end, and return its result, whoever is cancelled meanwhile."""
        event, task = self._put(work)
        with anyio.CancelScope(shield=True):
            await _until(event)
        return task.result()

    def post(self, work: Callable[[], object], /) -> None:
        """Have work done some time; nobody hears of it."""
        self._queue.put(_Task(work, _nobody))

    def _put(self, work: Callable[[], T]) -> tuple[Waitable, _Task[T]]:
        event, wake = wakeable()
        task = _Task(work, wake)
        self._queue.put(task)
        return event, task

    def end(self) -> None:
        """End the thread when all work is done."""
        self._end()


def _nobody() -> None:
    """Wake nobody."""


async def _until(event: Waitable) -> None:
    """Wait for an event through cancellations by asyncio itself, which know no shield and are told later."""
    cancelled = False
    while not event.is_set():
        try:
            await event.wait()
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        cancel_later()


def cancel_later() -> None:
    """Have the running task of asyncio, whose cancellation was caught, told of it again at its next await."""
    if (waiting := asyncio.current_task()) is not None:
        waiting.uncancel()
        waiting.cancel()


def _serve(queue: SimpleQueue[_Task[Any] | None]) -> None:
    while (task := queue.get()) is not None:
        task.perform()
        del task  # or it would hold its result until the next one comes
