"""A stopwatch, with the garbage collector as users have it, or held off."""

from __future__ import annotations

import gc
import resource
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """The best times of one piece of work: with the garbage collector on, and with it held off."""

    on: float
    off: float


@dataclass(frozen=True)
class Side:
    """One contender: what it does, and what must be done before each time. Only the work is timed."""

    work: Callable[[], object]
    before: Callable[[], object] = lambda: None


def processor() -> float:
    """Return the seconds of the processor that this process has had, and its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


class Watch:
    """What time is measured by: the wall's, or the processor's where others use the machine too."""

    clock: Callable[[], float] = staticmethod(time.perf_counter)


def milliseconds(work: Callable[[], object], *, collecting: bool = True) -> float:
    """Time one call, with garbage collected before it."""
    gc.collect()
    return timed(work, collecting=collecting)


def timed(work: Callable[[], object], *, collecting: bool) -> float:
    """Time one call."""
    if not collecting:
        gc.disable()
    try:
        started = Watch.clock()
        work()
        return (Watch.clock() - started) * 1000
    finally:
        gc.enable()


def contest(sides: Mapping[str, Side], repetitions: int, *, per: int = 1) -> dict[str, Timing]:
    """Let contenders take turns and keep the best of each, divided by the number of things that it does."""
    best: dict[tuple[str, bool], float] = {}
    for side in sides.values():  # what is loaded, planned or cached at first use is no matter here
        side.before()
        side.work()
    for repetition in range(repetitions):
        gc.collect()
        names = list(sides)
        turn = repetition % len(names)
        for name in names[turn:] + names[:turn]:
            for collecting in (True, False):
                sides[name].before()
                taken = timed(sides[name].work, collecting=collecting) / per
                best[name, collecting] = min(taken, best.get((name, collecting), taken))
    return {name: Timing(best[name, True], best[name, False]) for name in sides}
