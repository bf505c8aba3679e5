"""When a unit of work is tried again, and after how long."""

from __future__ import annotations

import random

from ...errors import StaleDocumentError, StoreLocked, TransactionConflict

RETRYABLE = (StaleDocumentError, TransactionConflict, StoreLocked)
"""Somebody else was first; the same work on what is stored now may succeed."""

_FIRST = 0.02
_LONGEST = 2.0


class Backoff:
    """Pauses that grow, with jitter, so that two who collided do not collide again."""

    def __init__(self, retries: int) -> None:
        self._left = retries
        self._ceiling = _FIRST

    def pause(self, error: Exception) -> float:
        """Return the seconds to wait before the next try; raise the error if there is none left."""
        if self._left <= 0:
            raise error
        self._left -= 1
        ceiling, self._ceiling = self._ceiling, min(_LONGEST, 2 * self._ceiling)
        return random.uniform(ceiling / 2, ceiling)  # noqa: S311  no secret
