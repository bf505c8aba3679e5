"""The order in which documents of several classes are inserted: those that links lead to first."""

from __future__ import annotations

import random
import sys
from types import ModuleType
from typing import Any

import pytest

from solidb_odm.work.links import rank_of


def linked(count: int, ends: dict[int, list[int]], name: str) -> list[Any]:
    """Return classes of a module of their own with links by their numbers, which may lead in circles."""
    module = ModuleType(name)
    sys.modules[name] = module
    lines = [
        "from solidb_odm import Document, Link, Registry",
        "class Base(Document, abstract=True, registry=Registry()): pass",
    ]
    for number in range(count):
        links = "; ".join(f"to{end}: 'Link[{name}{end}] | None' = None" for end in ends.get(number, []))
        lines.append(f"class {name}{number}(Base): {links or 'pass'}")
    try:
        exec("\n".join(lines), vars(module))
        return [getattr(module, f"{name}{number}") for number in range(count)]
    finally:
        del sys.modules[name]


def reached(start: int, ends: dict[int, list[int]]) -> set[int]:
    known, waiting = set[int](), [start]
    while waiting:
        for end in ends.get(waiting.pop(), []):
            if end not in known:
                known.add(end)
                waiting.append(end)
    return known


@pytest.mark.parametrize("seed", range(10))
def test_a_class_ranks_above_those_it_links_to_except_in_a_circle(seed: int) -> None:
    chance = random.Random(seed)
    ends = {number: chance.sample(range(8), chance.randint(0, 2)) for number in range(8)}
    models = linked(8, ends, f"Ranked{seed}x")
    order = chance.sample(range(8), 8)
    ranks = dict(sorted((number, rank_of(models[number])) for number in order))
    for number, targets in ends.items():
        for target in targets:
            if number in reached(target, ends):
                assert ranks[number] == ranks[target]
            else:
                assert ranks[number] > ranks[target]


def test_classes_that_link_to_the_two_before_have_ranks_in_their_order() -> None:
    ends = {number: [end for end in (number - 1, number - 2) if end >= 0] for number in range(50)}
    models = linked(50, ends, "RankedInRow")  # over which there are ten thousand million ways
    assert rank_of(models[-1]) == 49
    assert [rank_of(model) for model in models] == list(range(50))
