"""The two ways to ask, as one fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from solidb_odm import create_engine

from .asking import SECONDS, Ask, fill, of_evaluator, through_session


@pytest.fixture(params=["session", "evaluator"])
def ask(request: pytest.FixtureRequest) -> Iterator[Ask]:
    """Ask a query through a session on a file, or of the evaluator."""
    if request.param == "evaluator":
        yield of_evaluator()
        return
    with create_engine(f"sqlite://?query_timeout={SECONDS:g}") as engine:
        fill(engine)
        yield through_session(engine)
