"""``solidb-odm sync``, as a person types it; the server is away unless a test says so."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.cli import main
from solidb_odm.errors import InvalidDocument
from solidb_odm.offline import ConflictStrategy, OfflineSyncManager, SyncConfig, SyncState
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
        conflict_strategy=ConflictStrategy.Custom(undecided),
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


def undecided(_local: Any, _remote: Any, _base: Any) -> dict[str, Any]:
    raise LookupError("nobody knows")


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
    assert "notes/refused  1 attempt  n is below 0" in sync(capsys, "rejections", store=store)
    assert '  remote  {"_key": "clash", "n": 1}' in sync(capsys, "conflicts", store=store)


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


def test_a_retry_without_a_server_leaves_the_edit_to_the_next_sync(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert "wait to be pushed again" in sync(capsys, "retry", "notes", "refused", store=store, code=1)
    assert "notes/refused" in sync(capsys, "pending", store=store)
    assert sync(capsys, "rejections", store=store) == ""


def test_a_store_remembers_its_server_from_the_beginning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = SyncConfig(database="d", local_storage_path=tmp_path, auto_sync=False)
    OfflineSyncManager("solidb://ann:secret@127.0.0.1:1", config).initialize().close()
    assert main(["sync", "status", "--store", str(tmp_path)]) == 0
    assert "server      solidb://127.0.0.1:1/d\n" in capsys.readouterr().out
    assert "secret" not in (tmp_path / "store.db").read_bytes().decode(errors="replace")


def test_a_collection_that_stopped_is_said_after_a_sync(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ModelServer()
    server.make("notes")
    server.unreadable.add("notes")
    config = SyncConfig(database="d", local_storage_path=tmp_path, auto_sync=False)
    OfflineSyncManager(server, config).initialize().close()
    monkeypatch.setattr(OfflineSyncManager, "_connect", lambda _: server)
    assert sync(capsys, "now", store=str(tmp_path)).splitlines() == [
        "pushed 0, pulled 0, conflicts 0, rejected 0",
        "not synced: notes: no right to read notes",
    ]
    server.end()


def test_a_key_comes_from_a_variable_and_is_changed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlcipher3")
    store = str(tmp_path / "secret")
    config = SyncConfig(
        database="d", local_storage_path=store, auto_sync=False, encryption_key="old passphrase"
    )
    with OfflineSyncManager(AWAY, config) as manager:
        manager.save_document("notes", "n", {"n": 1})
    monkeypatch.setenv("OLD", "old passphrase")
    monkeypatch.setenv("NEW", "new passphrase")
    assert "no key was given" in sync(capsys, "pending", store=store, code=1)
    assert "MISSING is not set" in sync(capsys, "pending", "--key-env", "MISSING", store=store, code=1)
    assert "notes/n" in sync(capsys, "pending", "--key-env", "OLD", store=store)
    sync(capsys, "rotate-key", "--key-env", "OLD", "--new-key-env", "NEW", store=store)
    assert "another key" in sync(capsys, "pending", "--key-env", "OLD", store=store, code=1)
    assert "notes/n" in sync(capsys, "pending", "--key-env", "NEW", store=store)


def test_reports_are_the_attributes_of_the_results_as_json(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """``--json`` stands before or after the command."""
    status = json.loads(sync(capsys, "status", "--json", store=store))
    counts = {name: status[name] for name in ("pending_changes", "rejected", "conflicts")}
    assert counts == {"pending_changes": 1, "rejected": 1, "conflicts": 1}
    assert status["state"] in {state.value for state in SyncState}
    assert datetime.fromisoformat(status["last_sync"]).tzinfo is not None
    for report, key in (("pending", "waits"), ("rejections", "refused"), ("conflicts", "clash")):
        assert main(["--url", AWAY, "--json", "sync", report, "--store", store]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        assert (row["collection"], row["document_key"]) == ("notes", key)
    assert json.loads(sync(capsys, "discard", "notes", "waits", "--json", store=store)) is None


def test_status_says_the_state(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    printed = sync(capsys, "status", store=store)
    assert "\nstate       " in printed
    assert "1 attempt  " in sync(capsys, "rejections", store=store)
