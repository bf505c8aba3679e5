"""A sync that an interrupt ended at any line does not hold up the next one for ever."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from solidb_odm.offline import turns
from solidb_odm.offline.channels import Deadline
from solidb_odm.offline.sync_results import SyncResult


class Stop(BaseException):
    """What a signal handler raises."""


def interrupted_at(line: int, taken: turns.Turns) -> bool:
    """Interrupt a run at so many lines of its own code; return whether there were as many."""
    seen = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal seen
        if frame.f_code.co_filename != turns.__file__:
            return None
        if event == "line":
            seen += 1
            if seen == line:
                raise Stop
        return trace

    sys.settrace(trace)
    try:
        taken.take(SyncResult, Deadline(None))
    except Stop:
        return True
    finally:
        sys.settrace(None)
    return False


def test_an_interrupt_at_any_line_leaves_the_turn_to_the_next() -> None:
    line = 1
    while interrupted_at(line, taken := turns.Turns()):
        assert taken.take(SyncResult, Deadline(5.0)) == SyncResult()
        line += 1
    assert line > 10
