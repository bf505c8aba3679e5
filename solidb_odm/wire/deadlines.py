"""The arithmetic of time-outs: how much is left of the time a caller allows."""

from __future__ import annotations

import time

LEAST = 0.001
"""Seconds that are always left: what comes next fails by its own time-out, and says at what."""


def remaining(begun: float, seconds: float | None) -> float | None:
    """Return what is left of so many seconds since ``begun``; None, for no limit, stays None."""
    return None if seconds is None else max(LEAST, seconds - (time.monotonic() - begun))


def within(limit: float, seconds: float | None) -> float:
    """Return the shorter of a limit and what is left."""
    return limit if seconds is None else min(limit, seconds)


def left(begun: float, seconds: float) -> float:
    """Return what is left of so many seconds since ``begun``, or raise TimeoutError."""
    rest = seconds - (time.monotonic() - begun)
    if rest <= 0:
        raise TimeoutError
    return rest
