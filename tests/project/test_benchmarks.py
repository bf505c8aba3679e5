"""The benchmarks still run, on a handful of documents; what they measure is no matter here."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.server import LocalServer

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sqlalchemy") is None and not os.environ.get("CI"),
    reason="sqlalchemy is not installed; `make setup` installs it",
)


AREAS = [
    "file", "held", "requests", "vector-insert", "vector-search", "vector-graph", "fulltext", "places",
    "joins", "links", "elements", "bulk", "sdbql", "classes", "collections", "memory",
    "migrations", "migrations-models", "migrations-memory",
]  # fmt: skip


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--repeat", "1", *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def measured(size: int, *areas: str) -> list[Any]:
    """Return what is found of areas, all in one process."""
    ended = run("--json", "--size", str(size), *(word for area in areas for word in ("--only", area)))
    assert ended.returncode == 0, ended.stderr
    return [json.loads(line) for line in ended.stdout.splitlines()]


@pytest.mark.timeout(400)
def test_every_area_is_measured() -> None:
    found = measured(6, *AREAS)
    assert len(found) == len(AREAS)
    for steps in found:
        assert steps
        assert all(timing["on"] > 0 for sides in steps.values() for timing in sides.values())


def test_processes_are_measured() -> None:
    processes, command = measured(1, "processes", "migrations-help")
    assert set(processes) == {"import", "use", "first"}
    assert set(command) == {"help"}


def test_a_section_of_the_page_has_a_line_for_each_row_and_says_whether_aims_are_met() -> None:
    ended = run("--size", "20", "--only", "memory")
    assert ended.returncode == 0, ended.stderr
    assert "## Memory" in ended.stdout
    assert "| a loaded document |" in ended.stdout
    assert "| ≤ 1.3 |" in ended.stdout


@pytest.mark.server
@pytest.mark.timeout(400)
def test_the_areas_of_the_server_are_measured(server: LocalServer) -> None:
    for steps in measured(6, "server", "held-server", "migrations-server", "client", "sync"):
        assert steps
