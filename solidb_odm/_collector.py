"""Python's garbage collector, held off while a batch of documents is made.

Making many documents at once has the collector run again and again, over all the objects of the program, and
find nothing: it looks for cycles that nobody refers to any more, and the new documents are all in use. So it
waits until the batch is there. References are counted as ever, by which nearly all memory is freed.

Held off is the collector of the whole process, for the fraction of a second that a part of a batch takes. It
is left alone where it is off already, by the program's wish or because another thread is making a batch.

Afterwards a large batch counts as old. Its objects are young else, and whatever the program does next, a
commit of one document, waits for two collections that look at all of them: 20 to 60 ms for 10,000 documents.
"""

from __future__ import annotations

import gc
import os
import sys
import sysconfig
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from operator import call
from typing import TypeVar, cast

T = TypeVar("T")
R = TypeVar("R")

AT_LEAST = 200
"""Smaller batches are not worth it."""
_AT_MOST = 20_000
"""How much of a batch is made before garbage is looked for again."""
_IS_COUNTING = sys.implementation.name == "cpython"
"""Elsewhere a hold would not end at once, and collections free what counting does here."""
_HAS_GENERATIONS = _IS_COUNTING and not sysconfig.get_config_var("Py_GIL_DISABLED")
_LARGE = 5_000
"""So many young objects are made old; fewer are soon looked at."""
_UNSEEN = 200_000
"""How many objects are made old before all are looked at. Python decides when that is, by what grew old its
way, and does not know of these: so it is left to do the rest its way, and they begin again at nothing."""


def make_batch(make: Callable[[Sequence[T]], list[R]], rows: Sequence[T]) -> list[R]:
    """Return what a function makes of rows, part by part if they are many, with the collector held off."""
    if len(rows) < AT_LEAST:
        return make(rows)
    made: list[R] = []
    for start in range(0, len(rows), _AT_MOST):
        with HeldOff():
            made += make(rows[start : start + _AT_MOST])
    return made


class HeldOff(AbstractContextManager[None, None]):
    """A block in which the collector is held off."""

    __slots__ = ("_hold",)

    def __enter__(self) -> None:
        self._hold = _hold_off()

    def __exit__(self, *error: object) -> None:
        if self._hold is not None:
            _ageing.grow_old()
            self._hold = None


AS_EVER: AbstractContextManager[None, None] = nullcontext()
"""A block of a few documents, whose caller sees that they are fewer than ``AT_LEAST``."""


class _Hold:
    """Turns the collector on when nothing refers to the hold any more.

    That ends it whatever ends the call that began it, an interrupt between any two steps too. The call
    goes straight to C, so that no interrupt comes between.
    """

    __slots__ = ("__weakref__",)
    __del__ = cast("Callable[[_Hold], None]", staticmethod(gc.enable))


_holds: weakref.WeakSet[_Hold] = weakref.WeakSet()


class _Ageing:
    """Makes young objects old, without looking at them."""

    def __init__(self) -> None:
        self._unseen = self._collections = 0

    def grow_old(self) -> None:
        """Make the young objects old if they are many, unless the program has frozen some of its own."""
        young = gc.get_count()[0]
        if young < _LARGE or not _HAS_GENERATIONS:
            return
        collections = gc.get_stats()[-1]["collections"]
        if collections != self._collections:
            self._unseen, self._collections = 0, collections
        if self._unseen + young <= _UNSEEN and not gc.get_freeze_count():
            self._unseen += young
            deque(map(call, (gc.freeze, gc.unfreeze)), 0)  # by C, so that no interrupt comes between


_ageing = _Ageing()


def _hold_off() -> _Hold | None:
    """Hold the collector off as long as the caller keeps the answer."""
    if not (_IS_COUNTING and gc.isenabled()):
        return None
    hold = _Hold()
    _holds.add(hold)
    gc.disable()
    return hold


def _after_fork() -> None:
    """Turn the collector on in a child process: the thread that held it off is not in it."""
    if _holds:
        gc.enable()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
