"""The field notes of the examples, on a server that is killed while they are written."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import ConnectionFailed
from tools.server import running_server

from .server_killer import kill_soon

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.server


def write_until_it_dies(notes: Any, manager: Any) -> int:
    written = 0
    while True:
        notes.write_notes(manager)
        written += 3
        try:
            manager.sync_now()
        except ConnectionFailed:
            return written


def test_no_note_is_lost_when_the_server_is_killed(
    server_binary: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(ROOT / "examples")
    notes, data = importlib.import_module("field_notes"), tmp_path / "server"
    data.mkdir()
    monkeypatch.chdir(tmp_path)
    with running_server(server_binary, data, password="secret") as first:
        first.create_database("fieldwork")
        with notes.open_notes(first.url("fieldwork")) as manager:
            killer = kill_soon(data, 1.0)
            written = write_until_it_dies(notes, manager)
            killer.join()
    with (
        running_server(server_binary, data, password="secret") as second,
        notes.open_notes(second.url("fieldwork")) as manager,
        Client(second.url("fieldwork")) as client,
    ):
        manager.sync_now()
        assert manager.pending() == []
        (found,) = client.query("fieldwork", "RETURN COLLECTION_COUNT('field_notes')")
        assert found == written
