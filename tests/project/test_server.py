"""The real server that other tests lean on: found, started, asked and stopped."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.server import LocalServer, ServerDidNotStart, find_server, running_server


@pytest.mark.server
def test_a_database_is_made_for_a_test_and_can_be_dropped_twice(server: LocalServer, database: str) -> None:
    assert database in server.http.get("/_api/databases").json()["databases"]

    server.drop_database(database)
    server.drop_database(database)

    assert database not in server.http.get("/_api/databases").json()["databases"]


@pytest.mark.server
def test_the_url_names_user_and_database(server: LocalServer) -> None:
    assert server.url("shop") == f"solidb://admin:{server.password}@127.0.0.1:{server.port}/shop"


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    binary = tmp_path / "solidb"
    binary.write_text("#!/bin/sh\necho no room left\nexit 3\n")
    binary.chmod(0o755)

    with (
        pytest.raises(ServerDidNotStart, match=r"ended with 3:\nno room left"),
        running_server(binary, tmp_path),
    ):
        pass


def test_the_environment_names_the_binary(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    binary = tmp_path / "mine"
    binary.write_text("")
    monkeypatch.setenv("SOLIDB_BIN", str(binary))
    assert find_server() is None  # it can't be run

    binary.chmod(0o755)
    assert find_server() == binary
