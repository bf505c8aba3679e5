"""How long to wait before another try: twice as long each time, with jitter, so that clients spread."""

from __future__ import annotations

import random
from collections.abc import Callable


def pause(attempt: int, first: float, most: float, jitter: Callable[[], float] = random.random) -> float:
    """Return the seconds to wait after so many tries: from half to all of what doubling has come to."""
    return min(most, first * 2.0 ** min(attempt, 32)) * (0.5 + jitter() / 2)
