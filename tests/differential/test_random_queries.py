"""Random queries: the file engine answers as a real server does, row by row.

The seed is printed with every difference. ``SDBQL_SEED`` sets it (a number, or ``random``), and
``SDBQL_QUERIES`` how many queries are asked of each of the ten data sets, ``SDBQL_CALLS`` how many calls
of each function with arguments of any kind.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from random import Random

import pytest

from tools.server import LocalServer

from .arguments import calls_with_any_arguments
from .calls import signatures
from .data import DataSet, data_set
from .expressions import Expressions
from .queries import Queries
from .sides import File, Server, agree, ask_and_read, difference

_CHOSEN = os.environ.get("SDBQL_SEED", "20600")
SEED = secrets.randbelow(10**9) if _CHOSEN == "random" else int(_CHOSEN)
QUERIES = int(os.environ.get("SDBQL_QUERIES", "60"))
CALLS = int(os.environ.get("SDBQL_CALLS", "3"))


def _random_queries(random: Random) -> Iterator[str]:
    writer = Queries(random)
    return (writer.query() for _ in range(QUERIES))


def _calls_of_every_function(random: Random) -> Iterator[str]:
    writer = Expressions(random)
    return (f"RETURN {writer.call(signature, {}, 1)}" for signature in signatures()["any"])


def _differences(queries: Iterator[str], data: DataSet, file: File, server: Server) -> list[str]:
    found = []
    for query in queries:
        ours, theirs = (ask_and_read(side.ask, query, data.collections["scratch"]) for side in (file, server))
        if not agree(ours, theirs, query):
            found.append(f"{query}\n  file and server:\n    {difference(ours, theirs)}")
    return found


@pytest.mark.server
@pytest.mark.parametrize("seed", range(SEED, SEED + 10))
def test_a_file_answers_random_queries_as_a_server(seed: int, server: LocalServer, database: str) -> None:
    random = Random(seed)
    data = data_set(random)
    file, remote = File(data, database), Server(data, database, server.http)
    found = _differences(_random_queries(random), data, file, remote)
    file.close()
    assert not found, f"SDBQL_SEED={seed}\n" + "\n".join(found)


@pytest.mark.server
def test_every_function_answers_random_arguments_as_a_server(server: LocalServer, database: str) -> None:
    random = Random(SEED)
    data = data_set(random)
    file, remote = File(data, database), Server(data, database, server.http)
    found = _differences(_calls_of_every_function(random), data, file, remote)
    file.close()
    assert not found, f"SDBQL_SEED={SEED}\n" + "\n".join(found)


@pytest.mark.server
def test_every_function_answers_arguments_of_any_kind_as_a_server(server: LocalServer, database: str) -> None:
    random = Random(SEED)
    data = data_set(random)
    file, remote = File(data, database), Server(data, database, server.http)
    found = _differences(calls_with_any_arguments(random, CALLS), data, file, remote)
    file.close()
    assert not found, f"SDBQL_SEED={SEED}\n" + "\n".join(found)
