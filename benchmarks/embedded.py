"""On a SQLite file: ours, by hand, and SQLAlchemy, taking turns within one run."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from .alchemy import Alchemy
from .contender import Contender
from .documents import filters, rows
from .floor import Floor
from .ours import Ours
from .timing import milliseconds

CONTENDERS: list[type[Contender]] = [Ours, Floor, Alchemy]
GETS, QUERIES, EVERY = 1000, 300, 100
STEPS = {
    "build": "build the objects",
    "insert": "insert and commit",
    "load": "load all",
    "change": "change 1 % and commit",
    "unchanged": "commit, nothing changed",
    "get": f"{GETS:,} gets by key",
    "query": f"{QUERIES} filtered, sorted pages",
}


@dataclass(frozen=True)
class Times:
    """The best time of each step in milliseconds, per contender's name."""

    size: int
    best: dict[str, dict[str, float]]

    def ratio(self, step: str, over: type[Contender], under: type[Contender]) -> float:
        """Return how many times as long ``over`` takes as ``under``."""
        return self.best[over.name][step] / self.best[under.name][step]


def measure(size: int, repetitions: int) -> Times:
    """Run every contender ``repetitions`` times, in turns, and keep each step's best time."""
    best: dict[str, dict[str, float]] = {contender.name: {} for contender in CONTENDERS}
    done: set[tuple[int, ...]] = set()
    for repetition in range(repetitions):
        turn = repetition % len(CONTENDERS)
        for kind in CONTENDERS[turn:] + CONTENDERS[:turn]:
            times, counts = _once(kind(), size)
            done.add(counts)
            for step, time in times.items():
                best[kind.name][step] = min(time, best[kind.name].get(step, time))
    if len(done) != 1:
        raise RuntimeError(f"the contenders did not do the same work: {sorted(done)}")
    return Times(size, best)


def _once(contender: Contender, size: int) -> tuple[dict[str, float], tuple[int, ...]]:
    data, ranges = rows(size), filters(QUERIES)
    places = random.Random(3).sample(range(size), min(GETS, size))
    with TemporaryDirectory() as folder:
        contender.open(Path(folder) / "bench.db")
        times = {
            "build": milliseconds(lambda: contender.build(data)),
            "insert": milliseconds(contender.insert),
            "load": milliseconds(contender.load),
            "change": milliseconds(lambda: contender.change(EVERY)),
            "unchanged": milliseconds(contender.commit_unchanged),
            "get": milliseconds(lambda: contender.get(places)),
            "query": milliseconds(lambda: contender.query(ranges)),
        }
        counts = contender.counts()
        contender.close()
    return times, counts
