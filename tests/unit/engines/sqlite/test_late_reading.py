"""Documents are read once they are sorted, where SQLite must sort, and come in the same order."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    FetchDocuments,
    IndexSpec,
    Inserts,
)
from solidb_odm.engines.sqlite.channel import FileChannel
from solidb_odm.engines.sqlite.driver import FileDriver
from solidb_odm.language.parser import parse

QUERY = "FOR d IN things FILTER d.n >= 3 SORT d.{field} DESC, d._key LIMIT 2, 5 RETURN d"


@pytest.fixture
def things() -> Any:
    driver = FileDriver("sqlite://")
    channel = driver.channel()
    channel.perform(CreateCollection("things"))
    channel.perform(CreateIndex("things", IndexSpec("by_rank", "persistent", ("rank",))))
    rows: list[Any] = [(f"k{n}", {"_key": f"k{n}", "n": n, "rank": n % 4}) for n in range(20)]
    channel.perform(Apply([Inserts("things", rows)]))
    yield channel
    channel.close()
    driver.close()


@pytest.mark.parametrize("field", ["n", "rank"])
def test_a_sort_that_no_index_serves_whole_reads_documents_late(things: FileChannel, field: str) -> None:
    query = parse(QUERY.format(field=field))
    expected = sorted((-(n if field == "n" else n % 4), f"k{n}") for n in range(3, 20))[2:7]

    found = things.perform(FetchDocuments(query))

    assert [row[0] for row in found if row] == [key for _, key in expected]
    assert " AS late " in things.perform(ExplainQuery(query))["sql"]


def test_an_index_that_has_the_order_needs_no_second_look(things: FileChannel) -> None:
    query = parse("FOR d IN things SORT d._key LIMIT 3 RETURN d")

    assert " AS late " not in things.perform(ExplainQuery(query))["sql"]
    assert [row[0] for row in things.perform(FetchDocuments(query)) if row] == ["k0", "k1", "k10"]
