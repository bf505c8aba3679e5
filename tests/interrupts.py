"""Raising before a chosen line of code: closer than any signal can come."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def interrupt_at(
    work: Callable[[], object], at: int, is_ours: Callable[[FrameType], bool]
) -> BaseException | None:
    """Do work, with a KeyboardInterrupt before the line of this number among those that are ours.

    Return what the work raised then, whatever it is; None if it came to its end. What it raises without an
    interrupt goes on to the caller.
    """
    left = [at]

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not is_ours(frame):
            return trace if event == "line" else None
        if event == "line":
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work()
    except BaseException as error:
        if left[0] > 0:
            raise
        return error
    finally:
        sys.settrace(before)
    return None
