"""Programs as users write them get the answers that plain Python gives on the same data, on every engine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from solidb_odm import Engine, create_engine
from tests.programs import PROGRAMS


@pytest.fixture(params=["file", pytest.param("server", marks=pytest.mark.server)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database: a file, and the real server."""
    if request.param == "file":
        return f"sqlite:///{tmp_path / 'program.db'}"
    return str(request.getfixturevalue("server").url(request.getfixturevalue("database")))


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_gets_the_answers_of_plain_python(program: str, database_url: str) -> None:
    opened: Engine
    with create_engine(database_url) as opened:
        import_module(f"tests.programs.{program}").run(opened)
