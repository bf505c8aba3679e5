"""Collecting garbage for certain, whatever other threads do."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def collect_garbage() -> None:
    """Collect garbage; ``gc.collect()`` returns at once, without, where another thread is at it."""
    is_collected = False
    while not is_collected:
        cycle: list[Any] = []
        cycle.append(cycle)
        del cycle
        is_collected = gc.collect() > 0
        time.sleep(0)


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Leave what there is out of collections in the block, which then take no time in a large process."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
