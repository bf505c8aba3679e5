"""Counting what work costs, whatever the machine does meanwhile: calls, lines, and steps of SQLite."""

from __future__ import annotations

import gc
import sqlite3
import sys
from collections.abc import Callable
from typing import Any

import pytest

from solidb_odm.engines.sqlite import catalogue


def calls_of(work: Callable[[], object]) -> int:
    """Count the calls of Python and of C, without what the collector would add."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    gc.collect()
    gc.disable()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        gc.enable()
    return count


def traced_lines(work: Callable[[], object]) -> int:
    """Count the lines that run, as loops call nothing."""
    count = 0

    def trace(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    gc.collect()
    gc.disable()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(before)
        gc.enable()
    return count


class Steps:
    """Counts what SQLite does on connections that are opened from now on, in fifties of its instructions."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        counting = catalogue.counting

        def counted(kind: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
            return counting(self._counted(kind))

        patch.setattr(catalogue, "counting", counted)

    def _counted(self, kind: type[sqlite3.Connection]) -> type[sqlite3.Connection]:
        setting = kind.set_progress_handler

        def set_progress_handler(connection: sqlite3.Connection, handler: Any, _: int) -> None:
            def tick() -> int:
                self.count += 1
                return 0 if handler is None else handler()

            setting(connection, tick, 50)

        return type("Counted", (kind,), {"set_progress_handler": set_progress_handler})

    def of(self, work: Callable[[], object]) -> int:
        """Return how many of them some work takes."""
        before = self.count
        work()
        return self.count - before
