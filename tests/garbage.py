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


def leave_out_what_is_there() -> None:
    """Leave what there is out of collections, which take half a second in a process of many tests."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Leave what there is out of the collections in a block."""
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        leave_out_what_is_there()


@contextmanager
def all_garbage() -> Iterator[None]:
    """Leave nothing out of the collections in a block."""
    gc.unfreeze()
    try:
        yield
    finally:
        leave_out_what_is_there()
