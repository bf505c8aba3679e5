"""When the next sync is due, as a state machine without clocks or sleep."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Final

from .._backoff import pause

FIRST_WAIT: Final = 0.5
LONGEST_WAIT: Final = 60.0
COALESCE: Final = 0.05
"""Seconds between an edit and its push, in which others may join it."""


class Schedule:
    """Times are seconds of a monotonic clock, given by whoever asks."""

    def __init__(self, interval: float, jitter: Callable[[], float] = random.random) -> None:
        self._interval, self._jitter = interval, jitter
        self.failures = 0
        self.due = 0.0

    def edited(self, now: float) -> None:
        """Note an edit: it is pushed soon, unless the server is away."""
        if not self.failures:
            self.due = min(self.due, now + COALESCE)

    def rang(self, now: float) -> None:
        """Note that the server has something new, or is back."""
        self.failures = 0
        self.due = min(self.due, now)

    def succeeded(self, now: float) -> None:
        """Note a sync that went well."""
        self.failures = 0
        self.due = now + self._interval

    def failed(self, now: float) -> None:
        """Note a sync that failed: wait twice as long as before, up to a minute, with jitter."""
        self.due = now + pause(self.failures, FIRST_WAIT, LONGEST_WAIT, self._jitter)
        self.failures += 1
