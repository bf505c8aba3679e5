"""Fixtures for all tests: both event loops, a real server, and every engine by its URL."""

from __future__ import annotations

import gc
import os
import secrets
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from solidb_odm import AsyncEngine, Engine, create_async_engine, create_engine
from tests.forks import Starter
from tests.garbage import leave_out_what_is_there
from tests.sizes import DECIDES, examples
from tools.server import LocalServer, find_server, running_server

REQUIRED = os.environ.get("SOLIDB_REQUIRE_SERVER") == "1"

_calm = [HealthCheck.too_slow]  # the machine may be busy; speed is the benchmarks' matter
settings.register_profile("dev", deadline=None, max_examples=examples(200), suppress_health_check=_calm)
# What decides about a change tries many examples, the same each time; `make test` by hand fewer, new ones.
settings.register_profile(
    "ci", deadline=None, derandomize=True, print_blob=True, max_examples=200, suppress_health_check=_calm
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if DECIDES else "dev"))


def pytest_report_header() -> str:
    """Say at the top of a run which server it uses."""
    return f"solidb server: {find_server() or 'none (make server installs it)'}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let no test of the server be skipped, whatever its reason, where the server is required."""
    report = yield
    if REQUIRED and report.skipped and not hasattr(report, "wasxfail") and item.get_closest_marker("server"):
        report.outcome, report.longrepr = "failed", f"skipped, but the server is required: {report.longrepr}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Keep all tests and what they import out of the garbage collector's sight, so that it is quick."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        leave_out_what_is_there()


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Run every test marked ``anyio`` on both event loops."""
    backend: str = request.param
    return backend


@pytest.fixture(scope="session")
def server_binary() -> Path:
    """The program of a real server, for tests that start one of their own. Mark them with ``server``."""
    binary = find_server()
    if binary is None:
        missing = "no solidb server in SOLIDB_BIN, PATH or cargo's bin; `make server` installs it"
        pytest.skip(missing)
    return binary


@pytest.fixture(scope="session")
def server(server_binary: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    """A real server for the whole run. Mark its tests with ``server``."""
    with running_server(server_binary, tmp_path_factory.mktemp("solidb")) as running:
        yield running


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """What runs programs in forks of a process that has imported the package."""
    with Starter() as started:
        yield started


@pytest.fixture
def database(server: LocalServer) -> Iterator[str]:
    """A fresh database on the server, dropped after the test."""
    name = f"test_{secrets.token_hex(6)}"
    server.create_database(name)
    yield name
    server.drop_database(name)


ENGINES = ["sqlite-file", "sqlite-memory", pytest.param("server", marks=pytest.mark.server)]


@pytest.fixture(params=ENGINES)
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty database, once for every engine there is."""
    if request.param == "sqlite-file":
        return f"sqlite:///{tmp_path / 'test.db'}"
    if request.param == "sqlite-memory":
        return "sqlite://"
    running: LocalServer = request.getfixturevalue("server")
    return running.url(request.getfixturevalue("database"))


@pytest.fixture
def engine(engine_url: str) -> Iterator[Engine]:
    """An open engine over an empty database, once for every engine there is."""
    with create_engine(engine_url) as opened:
        yield opened


@pytest.fixture
async def async_engine(engine_url: str, anyio_backend: str) -> AsyncIterator[AsyncEngine]:
    """An open engine to await, once for every engine there is, on both event loops."""
    async with create_async_engine(engine_url) as opened:
        yield opened
