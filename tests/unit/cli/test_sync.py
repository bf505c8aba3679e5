"""``solidb-odm sync``, as a person types it; the server is away unless a test says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from solidb_odm.cli import main
from solidb_odm.errors import InvalidDocument
from solidb_odm.offline import ConflictStrategy, OfflineSyncManager, SyncConfig
from tests.unit.offline.model_server import ModelServer

AWAY = "solidb://admin:password@127.0.0.1:1"


@pytest.fixture
def store(tmp_path: Path) -> str:
    """A store with one edit that waits, one that was refused, and one conflict."""
    server = ModelServer()
    config = SyncConfig(
        database="d",
        local_storage_path=tmp_path / "store",
        auto_sync=False,
        conflict_strategy=ConflictStrategy.Custom(lambda local, remote, base: {}[0]),
    )
    with OfflineSyncManager(server, config).initialize() as manager:
        for key in ("clash", "refused"):
            server.put("notes", key, n=0)
        manager.sync_now()
        server.put("notes", "clash", n=1)
        manager.save_document("notes", "clash", {"n": 2})
        manager.save_document("notes", "refused", {"n": -1})
        server.refuse = lambda collection, document: refusal(document)
        manager.sync_now()
        manager.save_document("notes", "waits", {"n": 3})
    server.end()
    return str(tmp_path / "store")


def refusal(document: dict[str, int]) -> InvalidDocument | None:
    return InvalidDocument("n is below 0") if document["n"] < 0 else None


def sync(capsys: pytest.CaptureFixture[str], *arguments: str, store: str, code: int = 0) -> str:
    assert main(["--url", AWAY, "sync", *arguments, "--store", store]) == code
    printed = capsys.readouterr()
    return printed.err if code else printed.out


def test_status_counts_what_waits(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = dict(line.split(maxsplit=1) for line in sync(capsys, "status", store=store).splitlines()[:3])
    assert lines == {"pending": "1", "rejected": "1", "conflicts": "1"}


def test_what_waits_is_listed(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert sync(capsys, "pending", store=store).startswith("insert  notes/waits  since ")
    assert "notes/refused  1 attempts  n is below 0" in sync(capsys, "rejections", store=store)
    assert '  remote  {"n": 1' in sync(capsys, "conflicts", store=store)


def test_a_conflict_is_resolved_and_an_edit_discarded(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    sync(capsys, "resolve", "notes", "clash", '{"n": 9}', store=store)
    assert sync(capsys, "conflicts", store=store) == ""
    assert '"n": 0' in sync(capsys, "discard", "notes", "refused", store=store)
    assert sync(capsys, "rejections", store=store) == ""


def test_a_server_that_is_away_and_a_store_that_is_missing_are_said(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "can't" in sync(capsys, "now", store=store, code=1)
    assert "no offline store" in sync(capsys, "status", store=f"{store}/missing", code=1)
    assert "no conflict" in sync(capsys, "resolve", "notes", "waits", "local", store=store, code=1)
