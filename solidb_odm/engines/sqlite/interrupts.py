"""Interrupts that come while SQLite runs: it takes whatever Python raises below it for a failed statement.

Ctrl-C, and whatever else a signal handler raises, comes up in the first Python function that SQLite calls:
the one that counts the time, or one of those that SQL gets from us. Both note it; who asked raises it again.
"""

from __future__ import annotations

import math
import sqlite3
import threading
import time
from collections.abc import Callable, Generator
from typing import TypeVar

R = TypeVar("R")


class _Noted(threading.local):
    """What came up below SQLite in this thread since it was last asked for."""

    interrupt: BaseException | None = None
    has_failed = False


_noted = _Noted()


class Ticks:
    """What SQLite asks now and then whether to go on: until a deadline, a cancellation or an interrupt."""

    def __init__(self) -> None:
        self.deadline = math.inf
        self.cancelled = False

    def handler(self) -> Callable[[], int]:
        """Return the function to ask; a generator, as a signal handler may raise in its first instruction."""
        ticks = self._ticks()
        next(ticks)
        return ticks.__next__

    def _ticks(self) -> Generator[int, None, None]:
        while True:
            try:
                while True:
                    yield int(time.monotonic() > self.deadline or self.cancelled)
            except GeneratorExit:
                raise
            except BaseException as interrupt:  # noqa: BLE001 - raised again above SQLite
                _noted.interrupt = interrupt
            yield 1  # out of the block, which would hold the interrupt, and the cursors in its traceback


def guarded(function: Callable[..., R]) -> Callable[..., R]:
    """Return a function for SQL that notes an interrupt on its way through SQLite."""

    def call(*arguments: object) -> R:
        try:
            return function(*arguments)
        except Exception:
            _noted.has_failed = True
            raise
        except BaseException as interrupt:
            _noted.interrupt = interrupt
            raise

    return call


def raise_interrupt(error: sqlite3.Error) -> None:
    """Raise what interrupted a statement, if this error of SQLite comes from that."""
    interrupt, has_failed = _noted.interrupt, _noted.has_failed
    _noted.interrupt, _noted.has_failed = None, False
    try:
        if interrupt is not None:
            raise interrupt from error
    finally:
        del interrupt  # whose traceback leads here
    if not has_failed and str(error).startswith("user-defined function"):  # it came before its first line
        raise KeyboardInterrupt from error
