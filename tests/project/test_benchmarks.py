"""The benchmarks still run, on a handful of documents; what they measure is no matter here."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.server import LocalServer

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("sqlalchemy") is None and not os.environ.get("CI"),
    reason="sqlalchemy is not installed; `make setup` installs it",
)


def run_part(part: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", "--size", "200", "--repeat", "1", "--only", part],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("part", ["embedded", "sdbql", "memory", "imports"])
def test_a_benchmark_runs(part: str) -> None:
    ended = run_part(part)
    assert ended.returncode == 0, ended.stderr
    assert "## " in ended.stdout


@pytest.mark.server
def test_the_benchmark_of_the_server_runs(server: LocalServer) -> None:
    ended = run_part("server")
    assert ended.returncode == 0, ended.stderr
    assert "## On a server" in ended.stdout


@pytest.mark.server
def test_the_benchmark_of_the_client_runs(server: LocalServer) -> None:
    ended = run_part("client")
    assert ended.returncode == 0, ended.stderr
    assert "## The client" in ended.stdout
