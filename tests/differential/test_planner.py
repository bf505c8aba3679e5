"""Random queries: one SQL statement answers as the evaluator does over the same documents."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from solidb_odm.commands import ExplainQuery, RunQuery
from solidb_odm.language.parser import parse

from .data import data_set
from .queries import Queries
from .sides import File, Memory, agree, difference

SEEDS = range(40)
QUERIES = 25


def readings(writer: Queries) -> list[str]:
    """Return queries of all the kinds that read, those that SQL can say more often."""
    kinds = [
        writer.simple,
        writer.simple,
        writer.selection,
        writer.grouping,
        writer.joined,
        writer.windowed,
        writer.traversal,
        writer.common_tables,
        writer.set_operation,
        writer.late,
        writer.match,
        writer.groups_only,
        writer.pairs,
        writer.counted,
    ]
    return [writer.random.choice(kinds)() for _ in range(QUERIES)]


@pytest.mark.parametrize("seed", SEEDS)
def test_sql_answers_as_the_evaluator(seed: int) -> None:
    random = Random(seed)
    data = data_set(random)
    file, memory = File(data, "t"), Memory(data, "t")
    for query in readings(Queries(random)):
        by_sql, by_python = file.ask(query), memory.ask(query)
        assert agree(by_sql, by_python, query), f"{query}\n    {difference(by_sql, by_python)}"
    file.close()


def test_the_queries_reach_both_paths() -> None:
    random = Random(1)
    file = File(data_set(random), "t")
    channel = file.engine.driver.channel()
    paths: Counter[bool] = Counter()
    for query in readings(Queries(random)):
        parsed = parse(query)
        explained: dict[str, Any] = channel.perform(ExplainQuery(parsed, {}))
        channel.perform(RunQuery(parsed, {}, query)) if explained["python"] is None else None
        paths[explained["python"] is None] += 1
    channel.close()
    file.close()
    assert min(paths[True], paths[False]) > QUERIES // 5
