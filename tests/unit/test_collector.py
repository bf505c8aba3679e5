"""The collector is held off while a batch is made, and never longer."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from solidb_odm._collector import make_batch
from tests.garbage import all_garbage, collect_garbage

MANY = list(range(50_000))


@pytest.fixture(scope="module", autouse=True)
def _all_garbage() -> Iterator[None]:
    with all_garbage():
        yield


@pytest.fixture(autouse=True)
def _collecting() -> None:
    assert gc.isenabled()


def test_the_collector_is_off_while_many_are_made_and_on_afterwards() -> None:
    seen: list[tuple[int, bool]] = []

    def make(rows: Sequence[int]) -> list[int]:
        seen.append((len(rows), gc.isenabled()))
        return [row + 1 for row in rows]

    assert make_batch(make, MANY) == [row + 1 for row in MANY]
    assert seen == [(20_000, False), (20_000, False), (10_000, False)]
    assert gc.isenabled()


def test_few_are_made_as_ever() -> None:
    assert make_batch(lambda _: [gc.isenabled()], MANY[:10]) == [True]


def test_an_error_in_a_batch_that_is_kept_does_not_keep_the_collector_off() -> None:
    def fail(rows: Sequence[int]) -> list[int]:
        raise ValueError(len(rows))

    with pytest.raises(ValueError, match="20000") as caught:
        make_batch(fail, MANY)
    assert gc.isenabled()
    assert caught.traceback


def test_a_collector_that_was_off_stays_off() -> None:
    gc.disable()
    try:
        assert make_batch(lambda _: [gc.isenabled()], MANY[:1000]) == [False]
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_a_batch_inside_a_batch_leaves_the_outer_one_its_hold() -> None:
    def outer(rows: Sequence[int]) -> list[bool]:
        make_batch(lambda _: [0], rows)
        return [gc.isenabled()]

    assert make_batch(outer, MANY[:1000]) == [False]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process.*fork:DeprecationWarning")
def test_a_child_that_is_forked_in_the_middle_collects() -> None:
    def fork(_: Sequence[int]) -> list[int]:
        child = os.fork()
        if not child:
            os._exit(0 if gc.isenabled() else 1)
        return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])]

    assert make_batch(fork, MANY[:1000]) == [0]


YOUNG = (0, 1) if sys.version_info < (3, 14) else (0,)
FROZEN = """
import gc
from solidb_odm._collector import make_batch
gc.freeze()
frozen = gc.get_freeze_count()
made = make_batch(lambda rows: [[row] for row in rows], range(10_000))
assert gc.get_freeze_count() == frozen > 0, "a batch froze objects, or thawed them"
"""


def _lists(rows: Sequence[int]) -> list[list[int]]:
    return [[row] for row in rows]


def test_a_large_batch_is_old_when_it_is_made() -> None:
    collect_garbage()
    made = make_batch(_lists, MANY[:10_000])
    young = {id(each) for generation in YOUNG for each in gc.get_objects(generation)}
    assert young.isdisjoint(map(id, made))
    assert not gc.get_freeze_count()


def test_what_grows_old_unseen_is_bounded_until_all_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    grown: list[int] = []
    collections = {"collections": -1}
    monkeypatch.setattr(gc, "freeze", lambda: grown.append(gc.get_count()[0]))
    monkeypatch.setattr(gc, "get_stats", lambda: [collections])
    kept = [make_batch(_lists, MANY[:19_000]) for _ in range(15)]
    bounded = len(grown)
    assert 0 < sum(grown) <= 200_000
    assert bounded < len(kept), "Python's own count of what grows old must go on"
    collections["collections"] = -2
    kept.append(make_batch(_lists, MANY[:19_000]))
    assert len(grown) == bounded + 1


def test_a_batch_leaves_frozen_what_the_program_froze() -> None:
    subprocess.run([sys.executable, "-c", FROZEN], check=True, timeout=120)
