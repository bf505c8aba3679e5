"""Concurrent calls of a sync join: who comes while one runs waits, and shares the next with the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from .._lazy import Later
from ..errors import SolidbError
from .channels import Deadline
from .sync_results import SyncResult

if TYPE_CHECKING:
    import anyio
else:
    anyio = Later("anyio")

T = TypeVar("T")


class _Runs:
    """Which runs have begun and ended; a run that began after a call covers all that it is to sync."""

    def __init__(self) -> None:
        self.begun = 0
        self.running = False
        self.thread = 0
        self.ended = 0
        self.result: SyncResult | SolidbError = SyncResult()

    def begin(self) -> None:
        self.running = True
        self.begun += 1

    def end(self, result: SyncResult | SolidbError) -> None:
        self.running, self.ended, self.result = False, self.begun, result

    def shared(self) -> SyncResult:
        """Return the result of the last run, or raise what it failed with."""
        if isinstance(self.result, SolidbError):
            raise self.result
        return self.result


class Turns:
    """One run at a time, in threads."""

    def __init__(self) -> None:
        self._runs = _Runs()
        self._changed = threading.Condition()

    def take(self, work: Callable[[], SyncResult], deadline: Deadline) -> SyncResult:
        """Run work, or wait for a run that somebody else begins after now."""
        with self._changed:
            before = self._runs.begun
            if self._runs.running and self._runs.thread == threading.get_ident():
                self._runs.end(_interrupted())  # as the calling thread was, before it could say that it ended
            while self._runs.running:
                self._changed.wait(deadline.left)
                deadline.check()
                if self._runs.ended > before:
                    return self._runs.shared()
            self._runs.thread = threading.get_ident()
            self._runs.begin()
        outcome: SyncResult | SolidbError = _interrupted()
        try:
            outcome = result = work()
        except SolidbError as problem:
            outcome = problem
            raise
        finally:
            with self._changed:
                self._runs.end(outcome)
                self._changed.notify_all()
        return result


def _interrupted() -> SolidbError:
    return SolidbError("the sync was interrupted")


class AsyncTurns:
    """One run at a time, in tasks."""

    def __init__(self) -> None:
        self._runs = _Runs()
        self._ended = anyio.Event()

    async def enter(self, deadline: Deadline) -> SyncResult | None:
        """Return None to whoever is to run, and must call ``leave``; else the result of another's run."""
        before = self._runs.begun
        while self._runs.running:
            with anyio.move_on_after(deadline.left):
                await self._ended.wait()
            deadline.check()
            if self._runs.ended > before:
                return self._runs.shared()
        self._runs.begin()
        return None

    def leave(self, result: SyncResult | SolidbError) -> None:
        """End the run that ``enter`` began."""
        self._runs.end(result)
        self._ended.set()
        self._ended = anyio.Event()
