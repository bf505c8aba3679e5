"""A sync that an interrupt ended at any line does not hold up the next one for ever."""

from __future__ import annotations

from solidb_odm.offline import turns
from solidb_odm.offline.channels import Deadline
from solidb_odm.offline.sync_results import SyncResult
from tests.interrupts import interrupt_at


def interrupted_at(line: int, taken: turns.Turns) -> bool:
    """Interrupt a run at so many lines of its own code; return whether there were as many."""
    error = interrupt_at(
        lambda: taken.take(SyncResult, Deadline(None)),
        line,
        lambda frame: frame.f_code.co_filename == turns.__file__,
    )
    assert error is None or isinstance(error, KeyboardInterrupt)
    return error is not None


def test_an_interrupt_at_any_line_leaves_the_turn_to_the_next() -> None:
    line = 1
    while interrupted_at(line, taken := turns.Turns()):
        assert taken.take(SyncResult, Deadline(5.0)) == SyncResult()
        line += 1
    assert line > 10
