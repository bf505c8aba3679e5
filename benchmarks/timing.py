"""A stopwatch, and the arithmetic of repetitions."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable


def milliseconds(work: Callable[[], object]) -> float:
    """Time one call, with garbage collected before it and left alone during it."""
    gc.collect()
    gc.disable()
    try:
        started = time.perf_counter()
        work()
        return (time.perf_counter() - started) * 1000
    finally:
        gc.enable()
