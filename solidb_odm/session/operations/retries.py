"""When a unit of work is tried again, and after how long."""

from __future__ import annotations

from ..._backoff import pause
from ...errors import StaleDocumentError, StoreLocked, TransactionConflict

RETRYABLE = (StaleDocumentError, TransactionConflict, StoreLocked)
"""Another writer was first; the same work on what is stored now may succeed."""

_FIRST = 0.02
_LONGEST = 2.0


class Backoff:
    """The pauses between tries, so that two writers that collided do not collide again."""

    def __init__(self, retries: int) -> None:
        self._retries = retries
        self._tried = 0

    def pause(self, error: Exception) -> float:
        """Return the seconds to wait before the next try; raise the error if there is none left."""
        if self._tried >= self._retries:
            raise error
        self._tried += 1
        return pause(self._tried - 1, _FIRST, _LONGEST)
