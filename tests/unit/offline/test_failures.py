"""What goes wrong in the field: each failure loses nothing, says what it is, and heals."""

from __future__ import annotations

import itertools
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.engines.sqlite import driver
from solidb_odm.errors import (
    InvalidDocument,
    ServerRollbackSuspected,
    StoreLocked,
    StoreUnavailable,
)
from solidb_odm.offline import (
    Change,
    ChangeType,
    ConflictStrategy,
    OfflineSyncManager,
    SyncConfig,
    SyncState,
    sync_manager,
)
from solidb_odm.offline.folder import store_url

from .conftest import Opener
from .model_server import ModelServer, plain

QUEUED = int(os.environ.get("SOLIDB_SYNC_QUEUED", "3000"))
"""Edits in the long queue; 100,000 of them are pushed by night."""


def local(manager: OfflineSyncManager, collection: str = "notes") -> dict[str, dict[str, Any]]:
    return {each["_key"]: plain(each) for each in manager.list_documents(collection)[0]}


# --- the disk ------------------------------------------------------------------------------------


class Disk:
    """A disk of so many pages, for connections that are opened from now on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pages = 1 << 30
        self._opened: list[sqlite3.Connection] = []
        opening = driver.open_connection

        def limited(*given: Any) -> sqlite3.Connection:
            connection = opening(*given)
            self._opened.append(connection)
            self._limit(connection)
            return connection

        monkeypatch.setattr(driver, "open_connection", limited)

    def shrink_to(self, pages: int) -> None:
        self.pages = pages
        for connection in self._opened:
            self._limit(connection)

    def _limit(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA max_page_count = {self.pages}")


def save_for_ever(manager: OfflineSyncManager, saved: set[str]) -> None:
    for number in itertools.count():
        manager.save_document("notes", f"k{number}", {"text": "x" * 2000})
        saved.add(f"k{number}")


def test_a_full_disk_fails_the_save_and_loses_no_edit(
    opened: Opener, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk(monkeypatch)
    manager = opened()
    manager.save_document("notes", "first", {"text": "x"})
    disk.shrink_to(60)
    saved = {"first"}
    with pytest.raises(StoreUnavailable, match="disk is full"):
        save_for_ever(manager, saved)
    assert set(local(manager)) == saved
    with pytest.raises(StoreUnavailable, match="disk is full"):
        manager.sync_now()
    disk.shrink_to(1 << 30)
    manager.save_document("notes", "last", {"text": "x"})
    manager.sync_now()
    assert set(server.all("notes")) == {*saved, "last"}
    assert manager.pending() == []


def impatient(config: SyncConfig) -> str:
    return f"{store_url(config)}&timeout=0.05"


def test_a_locked_store_fails_the_save_in_time_and_is_read_meanwhile(
    opened: Opener, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_manager, "store_url", impatient)
    manager = opened()
    manager.save_document("notes", "first", {"n": 1})
    other = sqlite3.connect(tmp_path / "a" / "store.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreLocked):
        manager.save_document("notes", "second", {"n": 2})
    with pytest.raises(StoreLocked):
        manager.sync_now()
    assert set(local(manager)) == {"first"}
    other.execute("ROLLBACK")
    other.close()
    manager.save_document("notes", "second", {"n": 2})
    assert manager.sync_now().pushed == 2
    assert server.all("notes") == local(manager)


# --- long queues ---------------------------------------------------------------------------------


def test_a_long_queue_with_a_poison_document_is_pushed_but_for_that_one(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    poison = QUEUED // 2
    server.refuse = lambda collection, document: (
        InvalidDocument("poison") if document.get("n") == poison else None
    )
    manager.save_document("notes", "first", {})
    manager.query("FOR i IN 1..@most INSERT {_key: TO_STRING(i), n: i} INTO notes", {"most": QUEUED})
    assert manager.sync_status().pending_changes == QUEUED + 1
    result = manager.sync_now()
    assert (result.pushed, result.rejected) == (QUEUED, 1)
    assert [each.document_key for each in manager.rejections()] == [str(poison)]
    assert len(server.requests) < 20 + QUEUED // 100
    server.requests.clear()
    assert manager.sync_now().pushed == 0
    assert len(server.requests) < 10


# --- the server ----------------------------------------------------------------------------------


@pytest.fixture
def restored(manager: OfflineSyncManager, server: ModelServer) -> OfflineSyncManager:
    """A store whose server was restored from a backup: it has all documents, most as they were before."""
    for number in range(100):
        server.put("notes", f"k{number:02}", n=number)
    manager.sync_now()
    backup = server.backup("notes")
    manager.query("FOR d IN notes FILTER d.n < 60 UPDATE d WITH {new: true} IN notes")
    assert manager.sync_now().pushed == 60
    server.restore("notes", backup)
    return manager


def test_a_server_that_lost_changes_blocks_before_they_are_lost_here(
    restored: OfflineSyncManager, server: ModelServer
) -> None:
    before = local(restored)
    with pytest.raises(ServerRollbackSuspected, match="60 of 100"):
        restored.sync_now()
    assert restored.sync_status().state is SyncState.Blocked
    assert local(restored) == before
    restored.reupload()
    restored.sync_now()
    assert server.all("notes") == local(restored) == before
    assert restored.pending() == []
    assert restored.sync_now().pushed == 0


def test_what_a_restored_server_has_can_be_accepted(
    restored: OfflineSyncManager, server: ModelServer
) -> None:
    with pytest.raises(ServerRollbackSuspected):
        restored.sync_now()
    restored.save_document("notes", "k01", {"mine": 1})
    restored.accept_server()
    restored.sync_now()
    assert local(restored) == server.all("notes")
    assert [key for key, each in local(restored).items() if "new" in each] == ["k01"]


def emptied(manager: OfflineSyncManager, server: ModelServer) -> dict[str, dict[str, Any]]:
    """Sync a few documents with a server, and have it made anew."""
    for number in range(5):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    server.drop("notes")
    server.identity = ""
    with pytest.raises(ServerRollbackSuspected, match="has 5 of its documents"):
        manager.sync_now()
    assert manager.sync_status().state is SyncState.Blocked
    return local(manager)


def test_a_server_that_lost_its_name_takes_not_even_few_documents_away(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    held = emptied(manager, server)
    assert len(held) == 5
    manager.save_document("notes", "k0", {"mine": 1})
    manager.reupload()
    manager.sync_now()
    assert server.all("notes") == local(manager) == {**held, "k0": {"n": 0, "mine": 1}}
    assert manager.sync_now().pushed == 0


def test_a_server_that_was_made_anew_can_be_accepted(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    emptied(manager, server)
    manager.save_document("notes", "mine", {"n": 9})
    manager.accept_server()
    manager.sync_now()
    assert server.all("notes") == local(manager) == {"mine": {"n": 9}}


def test_few_lost_changes_are_taken_as_the_server_has_them(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    for number in range(10):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    backup = server.backup("notes")
    server.update("notes", "k1", new=True)
    manager.sync_now()
    server.restore("notes", backup)
    manager.sync_now()
    assert local(manager) == server.all("notes")
    assert "new" not in local(manager)["k1"]


@pytest.mark.parametrize("times", ["same", "earlier", "later"])
def test_a_node_that_knows_the_same_documents_by_other_revisions_changes_nothing(
    manager: OfflineSyncManager, server: ModelServer, times: str
) -> None:
    for number in range(100):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    manager.save_document("notes", "k1", {"mine": 1})
    manager.save_document("notes", "fresh", {"mine": 2})
    year = {"same": None, "earlier": "2020", "later": "2090"}[times]
    server.restore("notes", [_on_another_node(row, year) for row in server.backup("notes")])
    changes: list[Change] = []
    manager.on_change(changes.append)
    result = manager.sync_now()
    assert (result.pushed, result.pulled, result.conflicts) == (2, 0, ())
    assert local(manager) == server.all("notes")
    assert not [each for each in changes if each.change_type is ChangeType.RemoteUpdate]
    assert manager.sync_now().pushed == 0


def _on_another_node(row: tuple[Any, ...], year: str | None) -> tuple[Any, ...]:
    key, revision, created, updated, document = row
    return key, f"b-{revision}", created, updated if year is None else year + updated[4:], document


def test_a_collection_of_another_kind_stops_and_the_others_go_on(opened: Opener, server: ModelServer) -> None:
    server.make("links", "edge")
    server.put("links", "e", _from="notes/a", _to="notes/b")
    manager = opened(collections=["links", "notes"])
    manager.save_document("links", "mine", {"n": 1})
    manager.save_document("notes", "n", {"n": 1})
    assert manager.sync_now().pushed == 1
    assert server.all("notes") == {"n": {"n": 1}}
    assert set(local(manager, "links")) == {"mine"}
    assert "documents on the device and edges on the server" in manager.sync_status().last_error
    assert [edit.document_key for edit in manager.pending()] == ["mine"]


def test_a_transaction_staged_long_before_its_commit_is_seen(opened: Opener, server: ModelServer) -> None:
    manager = opened(conflict_strategy=ConflictStrategy.MergeFields)
    for number in range(20):
        server.put("notes", f"k{number}", n=0)
    manager.sync_now()
    for seconds in (1, 60, 290):
        server.put("notes", f"other{seconds}", n=0)
        manager.sync_now()
        server.update("notes", f"k{seconds % 20}", staged=seconds, staged_for=seconds)
        assert manager.sync_now().pulled == 1
    assert local(manager) == server.all("notes")
