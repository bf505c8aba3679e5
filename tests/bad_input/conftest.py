"""The two ways to ask, as one fixture: within a second, or within a minute for what must be answered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from solidb_odm import create_engine

from .asking import MOMENT, SECONDS, Ask, fill, of_evaluator, through_session

WAYS = ["session", "evaluator"]


def _asked(way: str, seconds: float) -> Iterator[Ask]:
    if way == "evaluator":
        yield of_evaluator(seconds)
        return
    with create_engine(f"sqlite://?query_timeout={seconds:g}") as engine:
        fill(engine)
        yield through_session(engine)


@pytest.fixture(params=WAYS)
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Ask a query through a session on a file, or of the evaluator."""
    yield from _asked(request.param, SECONDS)


@pytest.fixture(params=WAYS)
def ask_in_a_moment(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """As ``ask``, for queries that are ended."""
    yield from _asked(request.param, MOMENT)


@pytest.fixture(params=WAYS)
def ask_within_a_minute(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """As ``ask``, for queries that must be answered however busy the machine is."""
    yield from _asked(request.param, 60.0)
