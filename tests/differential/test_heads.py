"""Random queries in two halves: SQL for the first clauses and the evaluator for the rest answer as one."""

from __future__ import annotations

from random import Random

import pytest

from solidb_odm.commands import Rollback
from solidb_odm.engines.sqlite.channel import FileChannel
from solidb_odm.engines.sqlite.plan_cache import Known
from solidb_odm.engines.sqlite.sql.heads import split
from solidb_odm.errors import SolidbError
from solidb_odm.language.parser import parse

from .data import data_set
from .queries import Queries
from .sides import Answer, Failure, File, Memory, agree, difference
from .test_planner import readings

SEEDS = range(500, 520)


def _halves(channel: FileChannel, query: str) -> Answer | None:
    """Return what a query answers in two halves; None if it has no head."""
    parsed, queries = parse(query), channel._queries
    catalogue = channel._catalogue
    catalogue.refresh()
    head = split(parsed, (), catalogue.find, catalogue.names, database="t", strict=False)
    if head is None:
        return None
    try:
        return queries._evaluate(Known(False, head=head), parsed, {})
    except SolidbError as error:
        return Failure(str(error))
    finally:
        channel.perform(Rollback())


@pytest.mark.parametrize("seed", SEEDS)
def test_sql_and_the_evaluator_answer_as_the_evaluator_alone(seed: int) -> None:
    random = Random(seed)
    data = data_set(random)
    file, memory = File(data, "t"), Memory(data, "t")
    channel = file.engine.driver.channel()
    assert isinstance(channel, FileChannel)
    halved = 0
    for query in readings(Queries(random)):
        by_halves, by_python = _halves(channel, query), memory.ask(query)
        if by_halves is not None:
            halved += 1
            assert agree(by_halves, by_python, query), f"{query}\n    {difference(by_halves, by_python)}"
    channel.close()
    file.close()
    assert halved > 2
