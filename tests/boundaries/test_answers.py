"""Every answer of a server, of both of its protocols, changed at random between it and us."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from solidb_odm import create_engine
from solidb_odm.client import Client
from solidb_odm.errors import SolidbError
from tests.sizes import examples
from tools.attack.campaign import Part
from tools.attack.wrong_server import LIMIT, WrongServer, client_calls, engine_calls
from tools.server import LocalServer

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore:.*does not have the indexes:RuntimeWarning"),
]
DATABASE = "wrong_answers"
CALLS = 12
"""How many calls are made of one kind of wrong answers."""


@pytest.fixture(scope="module")
def wrong(server: LocalServer) -> Iterator[WrongServer]:
    server.create_database(DATABASE)
    with create_engine(server.url(DATABASE)) as engine:
        engine.create_all(Part)
    with WrongServer(server.host, server.port, random.Random(1)) as between:
        yield between
    server.drop_database(DATABASE)


@pytest.fixture(scope="module")
def url(wrong: WrongServer, server: LocalServer) -> str:
    where = f"{server.user}:{server.password}@127.0.0.1:{wrong.port}/{DATABASE}"
    return f"solidb://{where}?timeout={LIMIT}&retries=0"


def is_ours(call: Callable[[], Any]) -> bool:
    try:
        call()
    except SolidbError:
        return True
    return True


def test_what_is_asked_is_answered_where_no_answer_is_changed(wrong: WrongServer, url: str) -> None:
    wrong.rate = 0
    with Client(url) as client:
        calls = client_calls(client, DATABASE)
        assert all(map(is_ours, calls.values()))
        assert len(calls) > 100
    for name, call in engine_calls(url).items():
        assert name
        call()


@given(seed=st.integers(0, 2**32))  # the proxy has threads, and no use for a chance of hypothesis's own
@settings(max_examples=examples(6))
def test_any_answer_is_read_or_refused_with_an_error_of_ours(wrong: WrongServer, url: str, seed: int) -> None:
    wrong.chance, wrong.rate = random.Random(seed), 0.4
    with Client(url) as client:
        calls = client_calls(client, DATABASE) | engine_calls(url)
        for name in random.Random(seed).sample(sorted(calls), CALLS):
            try:
                calls[name]()
            except SolidbError:
                continue
            except Exception as problem:
                raise AssertionError(name) from problem
