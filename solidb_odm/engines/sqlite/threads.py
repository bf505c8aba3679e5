"""A few threads that blocking channels run in, for event loops: asyncio's and trio's."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from math import inf
from queue import Empty, SimpleQueue
from threading import get_ident
from time import monotonic, sleep
from typing import Any, Final, Generic, Protocol, TypeVar

import anyio

from ...errors import StoreUnavailable

T = TypeVar("T")
Wake = Callable[[], None]

MOST: Final = 5
"""So many threads work at once at most: Python runs one of them at a time, and SQLite has one writer."""

SLOW: Final = 0.05
"""Work that takes longer, in seconds, does not count among these: mostly it waits in SQLite, and short work
should not wait for it."""

LOOK: Final = 0.02
"""How often, in seconds, somebody looks whether work is slow, while other work waits."""

IDLE: Final = 0.1
"""So many seconds a thread waits for work, in which every task of a burst has come; only one waits on."""


class Waitable(Protocol):
    """An event of the running loop."""

    def set(self) -> object: ...

    def is_set(self) -> bool: ...

    async def wait(self) -> object: ...


class LoopEvent(asyncio.Event):
    """An event of asyncio that knows its loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.loop = loop


def wakeable() -> tuple[Waitable, Wake]:
    """Return an event of the running event loop, and what sets it from any thread."""
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return _wakeable_in_trio()
    event = LoopEvent(loop)

    def wake() -> None:
        with suppress(RuntimeError):  # the loop is closed, and nobody waits any more
            loop.call_soon_threadsafe(event.set)

    return event, wake


def set_from_loop(event: Waitable | None, wake: Wake) -> None:
    """Set an event of asyncio at once where its own loop runs, which saves a way through a socket.

    Not for finalizers, which may come while somebody is about to wait for it.
    """
    try:
        is_own = isinstance(event, LoopEvent) and event.loop is asyncio.get_running_loop()
    except RuntimeError:
        is_own = False
    if is_own and event is not None:
        event.set()
    else:
        wake()


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

    __slots__ = ("_error", "_is_given_up", "_result", "_wake", "_work")

    def __init__(self, work: Callable[[], T], wake: Wake) -> None:
        self._is_given_up = False
        self._work = work
        self._wake = wake
        self._result: Any = None
        self._error: BaseException | None = None

    def perform(self) -> None:
        try:
            self._result = self._work()
        except BaseException as exc:  # noqa: BLE001  it is raised where the result is waited for
            self._error = exc
            if self._is_given_up:
                self._error = None
        self._wake()

    def give_up(self) -> None:
        """Keep no error that nobody will hear of.

        Its traceback leads here, and holds the cursors of statements that were stopped: until the collector
        came SQLite would take them for active, and stop what is asked next on their connection.
        """
        self._is_given_up = True
        self._error = None

    def result(self) -> T:
        try:
            if self._error is not None:
                raise self._error
            result: T = self._result
            return result
        finally:
            self._error = None  # whose traceback leads here


class Threads:
    """Threads that workers share. They end with the last reference to this, and keep no process alive."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._begin()

    def _begin(self) -> None:
        self._crew = _Crew(self._workers)
        weakref.finalize(self, self._crew.leave).atexit = False

    def after_fork(self) -> None:
        """Begin again in a child process, which has none of the threads."""
        self._begin()

    def put(self, worker: Worker) -> None:
        """Have a worker's tasks performed, in a new thread if all others are busy and there may be one."""
        while not self._crew.put(worker):
            """It has just ended, and there is another one."""

    def put_late(self, worker: Worker) -> None:
        """Have a worker's tasks performed by a thread that is there; no lock is taken: finalizers call it."""
        self._crew.queue.put(worker)

    def lend(self) -> None:
        """Let another thread work while the calling one only waits."""
        self._crew.lend()

    def take_back(self) -> None:
        """Count the calling thread as working again."""
        self._crew.take_back()

    def end(self) -> None:
        """End the threads when all work is done; if more comes, others are started."""
        crew = self._crew
        self._begin()
        crew.end()


class _Crew:
    """What the threads share. Whoever takes a worker, or puts one, sees to it that others serve the rest.

    One thread that is free for work stays, and waits without being woken; others end when none has come.
    """

    def __init__(self, workers: int) -> None:
        self.queue: SimpleQueue[Worker | None] = SimpleQueue()
        self._workers = workers  # a thread for each is enough, whoever waits
        self._most = min(workers, MOST)
        self._lock = threading.Lock()
        self._alive = self._lent = self._waiting = 0
        self._begun: dict[int, float] = {}  # when the threads that work began it, by their identity
        self._is_over = self._is_left = self._is_watched = False

    def put(self, worker: Worker) -> bool:
        """Have a worker's tasks performed; return False if the threads have been ended."""
        with self._lock:
            if self._is_over:
                return False
            self.queue.put(worker)
            self._start_if_needed()
            if not self._alive:
                raise StoreUnavailable(
                    "the file can't be used: the system can't start a thread for it",
                    hint="let the process have more threads (ulimit -u), or use Session, which needs none",
                )
            return True

    def lend(self) -> None:
        with self._lock:
            self._lent += 1
            self._note(inf)
            self._start_if_needed()

    def take_back(self) -> None:
        with self._lock:
            self._lent -= 1
            self._note(monotonic())

    def _note(self, begun: float) -> None:
        """Note that the calling thread, if it is one of these, began its work at another time."""
        if get_ident() in self._begun:
            self._begun[get_ident()] = begun

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            for _ in range(self._alive):
                self.queue.put(None)

    def leave(self) -> None:
        """End the threads for good; takes no lock."""
        self._is_left = True
        for _ in range(self._alive + 1):  # one may be about to start
            self.queue.put(None)

    def _start_if_needed(self) -> None:
        if self._is_ending() or self._alive >= self._workers or self.queue.qsize() <= self._waiting:
            return
        if self._surplus() >= 0:
            self._watch()
            return
        place = ["free"]  # taken away if it is not known whether the thread has been started
        self._alive, self._waiting = self._alive + 1, self._waiting + 1  # it is about to wait
        is_started = False
        try:
            with suppress(RuntimeError):  # the system has none to give; those that are there do the work
                thread = threading.Thread(
                    target=self._serve, args=(place,), name="solidb_odm file", daemon=True
                )
                thread.start()
                is_started = True
        finally:
            if not is_started:
                place.clear()
                self._alive, self._waiting = self._alive - 1, self._waiting - 1

    def _is_ending(self) -> bool:
        """Return whether the threads have been told to end: what waits in the queue tells them so."""
        return self._is_over or self._is_left

    def _surplus(self) -> int:
        """Return how many more threads there are than may work at once, beside those at something slow."""
        surplus = self._alive - self._lent - self._most
        if surplus < 0:
            return surplus
        late = monotonic() - SLOW
        return surplus - sum(begun < late for begun in tuple(self._begun.values()))

    def _watch(self) -> None:
        """Have somebody look, as long as work waits, whether what all threads are at has become slow."""
        if self._is_watched:
            return
        is_started, self._is_watched = False, True
        try:
            with suppress(RuntimeError):
                threading.Thread(target=self._look, name="solidb_odm file", daemon=True).start()
                is_started = True
        finally:
            if not is_started:
                self._is_watched = False

    def _look(self) -> None:
        while True:
            sleep(LOOK)
            with self._lock:
                if self._is_ending() or self.queue.qsize() <= self._waiting:
                    self._is_watched = False
                    return
                self._start_if_needed()

    def _serve(self, place: list[str]) -> None:
        with self._lock:  # which who starts it holds until that is done
            if not place:
                return
        own = get_ident()
        while (worker := self._next()) is not None:
            self._begun[own] = monotonic()
            worker.perform()
            del worker  # or it would stay, with its channel, until the next one comes
            with self._lock:
                del self._begun[own]
                if self._surplus() > 0:  # others have come while this one waited, or was slow
                    self._alive -= 1
                    return
                self._waiting += 1

    def _next(self) -> Worker | None:
        """Return the worker that comes next; None when the calling thread, then counted out, is to end."""
        while True:
            try:
                worker = self.queue.get(timeout=IDLE if self._are_others() else None)
            except Empty:
                if self._leaves():
                    return None
                continue
            with self._lock:
                self._waiting -= 1
                self._alive -= worker is None
                self._start_if_needed()
            return worker

    def _are_others(self) -> bool:
        """Return whether another thread works or waits for work, so that the calling one need not stay."""
        with self._lock:
            return self._alive - self._lent > 1

    def _leaves(self) -> bool:
        """Count out the calling thread, unless work has just come or no other one is free."""
        with self._lock:
            if self._alive - self._lent <= 1 or not self.queue.empty():
                return False
            self._alive, self._waiting = self._alive - 1, self._waiting - 1
            return True


class Worker:
    """Runs work one piece after another, in one of some threads."""

    def __init__(self, threads: Threads) -> None:
        self._threads = threads
        self._tasks: deque[_Task[Any]] = deque()
        self._turn = threading.Lock()

    async def run(self, work: Callable[[], T], /) -> T:
        """Run work and return its result; after a cancellation it may still be running."""
        event, task = self._put(work)
        try:
            await event.wait()
        except BaseException:
            task.give_up()
            raise
        return task.result()

    async def finish(self, work: Callable[[], T], /) -> T:
        """Run work to its end, and return its result, whoever is cancelled meanwhile."""
        event, task = self._put(work)
        with anyio.CancelScope(shield=True):
            await _until(event)
        return task.result()

    def post(self, work: Callable[[], object], /) -> None:
        """Have work done some time; nobody hears of it."""
        self._tasks.append(_Task(work, _nobody))
        self._threads.put_late(self)

    def perform(self) -> None:
        """Perform the tasks that wait, unless another thread is at them: it looks again before it leaves."""
        while self._tasks and self._turn.acquire(blocking=False):
            try:
                while self._tasks:
                    self._tasks.popleft().perform()
            finally:
                self._turn.release()

    def _put(self, work: Callable[[], T]) -> tuple[Waitable, _Task[T]]:
        event, wake = wakeable()
        task = _Task(work, wake)
        self._tasks.append(task)
        try:
            self._threads.put(self)
        except BaseException:
            with suppress(ValueError):  # or it would be done later, by whoever does what comes next
                self._tasks.remove(task)
            raise
        return event, task


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
