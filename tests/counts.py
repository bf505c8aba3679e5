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

    def _counted(self, kind: Any) -> type[sqlite3.Connection]:
        steps = self

        class Counted(kind):  # type: ignore[misc]
            def set_progress_handler(self, progress_handler: Any, n: int) -> None:  # noqa: ARG002
                def tick() -> int:
                    steps.count += 1
                    return 0 if progress_handler is None else progress_handler()

                super().set_progress_handler(tick, 50)

        return Counted

    def of(self, work: Callable[[], object]) -> int:
        """Return how many of them some work takes."""
        before = self.count
        work()
        return self.count - before
