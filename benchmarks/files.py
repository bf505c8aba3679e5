"""On a SQLite file: ours, by hand, and SQLAlchemy, taking turns within one run."""

from __future__ import annotations

import gc
import random
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from .alchemy import Alchemy
from .area import Area, Row, Setting, Steps, at_most, faster
from .contender import Contender
from .documents import filters, rows
from .floor import Floor
from .ours import Ours
from .timing import Timing, timed

CONTENDERS: list[type[Contender]] = [Ours, Floor, Alchemy]
GETS, QUERIES, EVERY = 1000, 300, 100
TEXT = """
Documents of eight fields, one of them a nested model and one a list, with a unique index on one field and a
plain one on another. *By hand* is `sqlite3` and Pydantic: the same table of key, revision, times and JSON
text, with the same two indexes. SQLAlchemy has a column per field and JSON for the two nested ones,
validates nothing, and is told of a change in a list by a new list; ours is found where it was made. All
three write over the revision that they read and over no other, and forget nothing at a commit.

Where the ratio with the collector off is quite another one, a collection of all that the process holds fell
into the turns of one side only: there the ratio with it off tells, not the one that the aim is held to.

Two aims are beyond Python. A point query whose row has a key, a revision and times, which Pydantic reads,
and which is entered in the identity map with what is needed to see changes, takes 1.2 times as many
instructions as *by hand* in the plainest loop without any session, and 1.65 times with a statement that
operators make. What a session adds, 0.7 times *by hand*, is its turn among threads, a deadline, the look for
another schema, and the result. Of a page a third is SQLite's, which compares values of any type where SQL by
hand knows theirs, and a third is Pydantic's. A change of 1 % takes 0.3 to 0.36 times what SQLAlchemy takes
*by hand*, so three times as fast would be the file alone.
"""


def measure(setting: Setting) -> Steps:
    """Run every contender, in turns, and keep each step's best time."""
    best: dict[str, dict[str, dict[bool, float]]] = {}
    done: set[tuple[int, ...]] = set()
    for repetition in range(setting.repetitions):
        turn = repetition % len(CONTENDERS)
        for kind in CONTENDERS[turn:] + CONTENDERS[:turn]:
            for collecting in (True, False):
                times, counts = _once(kind(), setting.size, collecting=collecting)
                done.add(counts)
                for step, time in times.items():
                    known = best.setdefault(step, {}).setdefault(kind.name, {})
                    known[collecting] = min(time, known.get(collecting, time))
    if len(done) != 1:
        raise RuntimeError(f"the contenders did not do the same work: {sorted(done)}")
    return {
        step: {name: Timing(known[True], known[False]) for name, known in sides.items()}
        for step, sides in best.items()
    }


def _once(contender: Contender, size: int, *, collecting: bool) -> tuple[dict[str, float], tuple[int, ...]]:
    def time(work: Callable[[], object]) -> float:
        return timed(work, collecting=collecting)

    data, ranges = rows(size), filters(QUERIES)
    places = random.Random(3).sample(range(size), min(GETS, size))
    emails = [data[place]["email"] for place in places]
    gc.collect()
    with TemporaryDirectory() as folder:
        contender.open(Path(folder) / "bench.db")
        times = {
            "build": time(lambda: contender.build(data)),
            "insert": time(contender.insert),
            "load": time(contender.load),
            "change": time(lambda: contender.change(EVERY)),
            "unchanged": time(contender.commit_unchanged),
            "get": time(lambda: contender.get(places)),
            "query": time(lambda: contender.query(ranges)),
            "point": time(lambda: contender.find(emails)),
            "text": time(lambda: contender.find_by_text(emails)),
        }
        counts = contender.counts()
        contender.close()
    return times, counts


BESIDE = {
    "build": ("build the objects", (), ()),
    "insert": ("insert and commit", at_most(1.7), faster(3.5)),
    "load": ("load all", at_most(1.3), faster(2)),
    "change": ("change 1 % in place and commit", at_most(4), faster(3)),
    "get": (f"{GETS:,} gets by key", (), faster(4)),
    "query": (f"{QUERIES} filtered, sorted pages", at_most(1.3), ()),
    "point": (f"{GETS:,} point queries, each with a statement of its own", at_most(1.5), ()),
    "text": (f"{GETS:,} point queries of one text", at_most(1.5), ()),
}
AREA = Area(
    "file",
    "On a SQLite file",
    TEXT,
    (1_000, 10_000, 40_000),
    measure,
    tuple(
        row
        for step, (what, floor, alchemy) in BESIDE.items()
        for row in (Row(step, what, Floor.name, floor), Row(step, what, Alchemy.name, alchemy))
    ),
)
