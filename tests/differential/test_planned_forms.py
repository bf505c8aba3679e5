"""Each form of query that the planner knows: SQL answers as the evaluator, and SQL it is."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from solidb_odm.commands import ExplainQuery
from solidb_odm.language.parser import parse

from .data import data_set
from .planned import Planned, with_lines
from .sides import File, Memory, agree, difference

SEEDS = range(8)
FORMS = tuple(Planned(Random(0)).forms)
QUERIES = 12


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("form", FORMS)
def test_sql_answers_as_the_evaluator(form: str, seed: int) -> None:
    random = Random(f"{form} {seed}")
    data = with_lines(data_set(random), random)
    file, memory = File(data, "t"), Memory(data, "t")
    channel = file.engine.driver.channel()
    writer = Planned(random)
    in_sql = 0
    for _ in range(QUERIES):
        query = writer.forms[form]()
        explained: dict[str, Any] = channel.perform(ExplainQuery(parse(query), {}))
        in_sql += explained["python"] is None
        by_sql, by_python = file.ask(query), memory.ask(query)
        assert agree(by_sql, by_python, query), f"{query}\n    {difference(by_sql, by_python)}"
    channel.close()
    file.close()
    assert in_sql >= QUERIES // 8
