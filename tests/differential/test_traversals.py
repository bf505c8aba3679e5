"""Traversals over random graphs: SQL answers as the evaluator, and a file as a server."""

from __future__ import annotations

import os
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solidb_odm.commands import ExplainQuery
from solidb_odm.language.parser import parse
from tools.server import LocalServer

from .graphs import graph, match, nested, traversal
from .sides import File, Memory, Server, agree, difference

SEEDS = range(8)
QUERIES = int(os.environ.get("SDBQL_QUERIES", "60"))


def _query(random: Random) -> str:
    return random.choices([traversal, match, nested], [8, 1, 1])[0](random)


@given(st.randoms(use_true_random=False))
def test_sql_walks_as_the_evaluator(random: Random) -> None:
    data, query = graph(random), _query(random)
    file = File(data, "t")
    by_sql, by_python = file.ask(query), Memory(data, "t").ask(query)
    file.close()
    assert agree(by_sql, by_python, query), f"{query}\n    {difference(by_sql, by_python)}"


def test_most_traversals_are_one_statement() -> None:
    random = Random(7)
    file = File(graph(random), "t")
    channel = file.engine.driver.channel()
    explained: list[Any] = [channel.perform(ExplainQuery(parse(_query(random)), {})) for _ in range(200)]
    channel.close()
    file.close()
    assert sum(one["python"] is None for one in explained) > 120


@pytest.mark.server
@pytest.mark.parametrize("seed", SEEDS)
def test_a_file_walks_as_a_server(seed: int, server: LocalServer, database: str) -> None:
    random = Random(seed)
    data = graph(random)
    file, remote = File(data, database), Server(data, database, server.http)
    for _ in range(QUERIES):
        query = _query(random)
        ours, theirs = file.ask(query), remote.ask(query)
        assert agree(ours, theirs, query), f"seed {seed}: {query}\n    {difference(ours, theirs)}"
    file.close()
