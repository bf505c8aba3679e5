"""The threads that event loops share: which wait for work, which end, and where the system gives none."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Any

import pytest

from solidb_odm.engines.sqlite import threads as module
from solidb_odm.engines.sqlite.threads import LOOK, MOST, Threads, Worker
from solidb_odm.errors import StoreUnavailable
from tests.garbage import collect_garbage

Hook = Callable[[], None]
NAME = "solidb_odm file"


class Recorded(SimpleQueue[Any]):
    """A queue that tells how long it was waited at, and does something where nothing has come."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[float | None] = []
        self.when_empty: list[Hook] = []

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        self.waits.append(timeout)
        try:
            return super().get(block, timeout)
        except Empty:
            if self.when_empty:
                self.when_empty.pop()()
            raise


@pytest.fixture
def queues(monkeypatch: pytest.MonkeyPatch) -> list[Recorded]:
    """Return the queues that threads are made with; they wait for a millisecond only."""
    made: list[Recorded] = []

    def make() -> Recorded:
        made.append(Recorded())
        return made[-1]

    monkeypatch.setattr(module, "SimpleQueue", make)
    monkeypatch.setattr(module, "IDLE", 0.001)
    return made


class Job(Worker):
    """One piece of work that nobody waits for."""

    def __init__(self, threads: Threads, work: Callable[[], object]) -> None:
        super().__init__(threads)
        self._work = work

    def perform(self) -> None:
        self._work()


def becomes(condition: Callable[[], bool]) -> bool:
    """Wait until a condition holds; return whether it came to that."""
    end = time.monotonic() + 60
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)
    return condition()


def serving(threads: Threads, many: int) -> list[threading.Thread]:
    """Return as many threads as have worked at the same time."""
    seen: list[threading.Thread] = []
    meeting = threading.Barrier(many)

    def work() -> None:
        meeting.wait(60)
        seen.append(threading.current_thread())

    for _ in range(many):
        threads.put(Job(threads, work))
    assert becomes(lambda: len(seen) == many)
    return seen


def test_one_thread_stays_and_is_not_woken_while_the_others_end(queues: list[Recorded]) -> None:
    threads = Threads(20)
    seen = serving(threads, MOST)
    assert becomes(lambda: sum(each.is_alive() for each in seen) == 1)
    assert becomes(lambda: queues[0].waits[-1] is None)
    begun = len(queues[0].waits)
    (left,) = [each for each in seen if each.is_alive()]
    assert serving(threads, 1) == [left]
    assert becomes(lambda: queues[0].waits[begun:] == [None])
    threads.end()
    left.join(60)
    assert not left.is_alive()


@pytest.mark.parametrize("is_late", [False, True], ids=["put", "put_late"])
def test_work_that_comes_just_as_a_thread_gives_up_is_done(queues: list[Recorded], is_late: bool) -> None:
    """While the only other one is at something long."""
    threads = Threads(20)
    go_on, done = threading.Event(), threading.Event()

    def come() -> None:
        (threads.put_late if is_late else threads.put)(Job(threads, done.set))

    queues[0].when_empty.append(come)
    for work in (lambda: go_on.wait(60), lambda: None):
        threads.put(Job(threads, work))
    assert done.wait(60)
    go_on.set()
    threads.end()


def test_short_work_does_not_wait_for_as_many_slow_pieces_as_may_work_at_once() -> None:
    threads = Threads(MOST + 3)
    go_on, ended = threading.Event(), list[int]()
    slow = [Job(threads, lambda: (go_on.wait(120), ended.append(0))) for _ in range(MOST)]
    for each in slow:
        threads.put(each)
    for _ in range(3):
        done = threading.Event()
        threads.put(Job(threads, done.set))
        assert done.wait(60)
    assert not ended
    go_on.set()
    assert becomes(lambda: len(ended) == MOST)
    threads.end()


def test_slow_work_has_no_more_threads_than_workers() -> None:
    threads = Threads(MOST + 2)
    go_on, begun = threading.Event(), list[threading.Thread]()

    def work() -> None:
        begun.append(threading.current_thread())
        go_on.wait(120)

    for _ in range(2 * MOST):
        threads.put(Job(threads, work))
    assert becomes(lambda: len(begun) == MOST + 2)
    looked = threading.Event()
    threading.Timer(5 * LOOK, looked.set).start()
    assert looked.wait(60)
    assert len(begun) == MOST + 2
    go_on.set()
    assert becomes(lambda: len(begun) == 2 * MOST)
    threads.end()
    for each in begun:
        each.join(60)


def test_who_looks_for_slow_work_ends_with_the_threads() -> None:
    others = set(threading.enumerate())
    threads = Threads(MOST + 1)
    go_on, done = threading.Event(), list[int]()
    for _ in range(2 * MOST):
        threads.put(Job(threads, lambda: (go_on.wait(120), done.append(0))))
    go_on.set()
    assert becomes(lambda: len(done) == 2 * MOST)
    del threads
    collect_garbage()
    assert becomes(lambda: not [each for each in set(threading.enumerate()) - others if each.name == NAME])


def test_threads_that_end_start_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, made = Threads(MOST), list[object]()
    ending, crew = serving(threads, 3), threads._crew

    class Counted(threading.Thread):
        def __init__(self, *args: Any, target: Any = None, **options: Any) -> None:
            if getattr(target, "__self__", None) is crew:
                made.append(self)
            super().__init__(*args, target=target, **options)

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", Counted)
        del threads
        collect_garbage()
        for each in ending:
            each.join(60)
        assert not [each for each in ending if each.is_alive()]
    assert made == []


def test_a_thread_that_only_waits_is_not_the_one_that_stays(queues: list[Recorded]) -> None:
    threads = Threads(20)
    go_on, lent = threading.Event(), threading.Event()
    first: list[threading.Thread] = []

    def wait() -> None:
        first.append(threading.current_thread())
        threads.lend()
        lent.set()
        go_on.wait(60)
        threads.take_back()

    threads.put(Job(threads, wait))
    assert lent.wait(60)
    (second,) = serving(threads, 1)
    assert becomes(lambda: queues[0].waits[-1] is None)
    go_on.set()
    first[0].join(60)
    assert [first[0].is_alive(), second.is_alive()] == [False, True]
    threads.end()


class NoThread(threading.Thread):
    """A thread that the system refuses."""

    def start(self) -> None:
        raise RuntimeError("can't start new thread")


class Interrupted(threading.Thread):
    """A thread whose start is interrupted when it has begun."""

    begun: list[threading.Thread] = []

    def start(self) -> None:
        super().start()
        self.begun.append(self)
        raise KeyboardInterrupt


def test_where_no_thread_can_be_had_nothing_is_done_later(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, done = Threads(5), list[str]()
    worker = Worker(threads)

    async def run(name: str) -> None:
        await worker.run(lambda: done.append(name))

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", NoThread)
        with pytest.raises(StoreUnavailable, match="start a thread"):
            asyncio.run(run("refused"))
    asyncio.run(run("asked"))
    assert done == ["asked"]


def test_threads_that_are_there_do_the_work_of_those_that_can_not_be_had(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads, done = Threads(5), list[int]()

    async def run() -> None:
        await Worker(threads).run(lambda: None)
        with monkeypatch.context() as patch:
            patch.setattr(threading, "Thread", NoThread)
            async with asyncio.TaskGroup() as group:
                for number in range(20):
                    group.create_task(Worker(threads).run(lambda number=number: done.append(number)))

    asyncio.run(run())
    assert sorted(done) == list(range(20))


def test_a_thread_whose_start_was_interrupted_ends_and_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    threads, done = Threads(5), list[str]()

    async def run(name: str) -> None:
        await Worker(threads).run(lambda: done.append(name))

    with monkeypatch.context() as patch:
        patch.setattr(threading, "Thread", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(run("interrupted"))
    begun = Interrupted.begun.pop()
    begun.join(60)
    assert not begun.is_alive()
    assert done == []
    asyncio.run(run("asked"))
    assert done == ["asked"]
