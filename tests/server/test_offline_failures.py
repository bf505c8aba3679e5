"""Failures around offline stores on the real server: processes, connections, logins, restarts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.client import Client
from solidb_odm.errors import AuthError, ConnectionFailed, ProtocolError, RequestTimeout, SolidbError
from solidb_odm.offline import ConflictStrategy, OfflineSyncManager, SyncConfig, SyncState
from tests.unit.offline.model_server import plain
from tools.server import LocalServer, running_server

from .fault_proxy import Fault, FaultProxy

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
Opener = Callable[..., OfflineSyncManager]


@pytest.fixture
def opened(server: LocalServer, database: str, tmp_path: Path) -> Iterator[Opener]:
    """Open managers by name; closed after the test."""
    managers: list[OfflineSyncManager] = []

    def open_one(name: str = "a", *, url: str = "", **settings: Any) -> OfflineSyncManager:
        given: dict[str, Any] = {
            "database": database,
            "local_storage_path": tmp_path / name,
            "auto_sync": False,
            "conflict_strategy": ConflictStrategy.MergeFields,
        }
        config = SyncConfig(**given | settings)
        managers.append(OfflineSyncManager(url or server.url(database), config).initialize())
        return managers[-1]

    yield open_one
    for manager in managers:
        manager.close()


@pytest.fixture
def client(server: LocalServer, database: str) -> Iterator[Client]:
    with Client(server.url(database)) as opened:
        yield opened


def local(manager: OfflineSyncManager) -> dict[str, Any]:
    return {each["_key"]: plain(each) for each in manager.list_documents("notes")[0]}


def there(client: Client, database: str) -> dict[str, Any]:
    rows = client.query(database, "FOR d IN notes RETURN d")
    return {row["_key"]: plain(dict(row)) for row in rows}


TORN = (ConnectionFailed, RequestTimeout, ProtocolError)
CHANGE = "FOR d IN notes FILTER d.n < 20 UPDATE d WITH {mine: @turn} IN notes"
AGAIN = "FOR d IN notes FILTER d.mine == @turn UPDATE d WITH {again: @turn} IN notes"
WRITER = """
import sys
from solidb_odm.offline import OfflineSyncManager, SyncConfig

url, database, folder, name = sys.argv[1:]
config = SyncConfig(database=database, local_storage_path=folder, auto_sync=False)
with OfflineSyncManager(url, config) as manager:
    for number in range(60):
        manager.save_document("notes", f"{name}{number}", {"n": number})
        manager.save_document("notes", "shared", {f"{name}": number})
        if number % 10 == 0:
            manager.sync_now()
"""


def test_two_processes_write_and_sync_one_store(
    opened: Opener, server: LocalServer, client: Client, database: str, tmp_path: Path
) -> None:
    opened("shared").close()
    arguments = [server.url(database), database, str(tmp_path / "shared")]
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, *arguments, name], cwd=ROOT) for name in ("a", "b")
    ]
    assert [writer.wait(110) for writer in writers] == [0, 0]
    manager = opened("shared")
    manager.sync_now()
    assert manager.pending() == []
    assert local(manager) == there(client, database)
    assert len(local(manager)) == 121
    assert local(manager)["shared"] == {"a": 59, "b": 59}


@pytest.mark.parametrize(
    "fault",
    [
        Fault("cut", after=5),
        Fault("cut", after=60),
        Fault("cut", after=700),
        Fault("cut", after=1500),
        Fault("reset", after=900),
        Fault("cut", "to server", after=5),
        Fault("cut", "to server", after=60),
        Fault("cut", "to server", after=600),
        Fault("cut", "to server", after=30_000),
        Fault("delay", after=200, seconds=0.02),
        Fault("stall", after=1200),
        Fault("double"),
        Fault("double", "to server"),
    ],
    ids=lambda fault: f"{fault.kind} {fault.way} {fault.after}",
)
def test_answers_that_are_torn_or_late_lose_nothing(
    opened: Opener, client: Client, server: LocalServer, database: str, fault: Fault
) -> None:
    with FaultProxy(server.host, server.port) as proxy:
        url = server.url(database).replace(f":{server.port}/", f":{proxy.port}/") + "?timeout=2"
        manager, other = opened("a", url=url), opened("b")
        for number in range(150):
            manager.save_document("notes", f"k{number}", {"mine": 0, "n": number, "text": "x" * 200})
        manager.sync_now()
        other.sync_now()
        for turn in range(1, 4):
            manager.query(CHANGE, {"turn": turn})
            manager.save_document("notes", f"fresh{turn}", {"mine": turn, "n": 1000})
            other.save_document("notes", f"k{turn}", {"theirs": turn})
            other.sync_now()
            proxy.spoil(Fault(fault.kind, fault.way, fault.after, fault.seconds))
            with suppress(*([SolidbError] if fault.kind == "double" else TORN)):
                manager.sync_now()
            proxy.spoil(Fault())
            proxy.reset_all()
            manager.query(AGAIN, {"turn": turn})
        manager.retry()  # of half a request twice the server understands nothing, and refuses it
        for _ in range(3):
            with suppress(SolidbError):
                manager.sync_now()
    assert manager.pending() == []
    assert local(manager) == there(client, database)
    assert len(local(manager)) == 153
    assert all(local(manager)[f"k{turn}"]["theirs"] == turn for turn in range(1, 4))
    fresh = {f"fresh{turn}": {"mine": turn, "n": 1000, "again": turn} for turn in range(1, 4)}
    assert {key: each for key, each in local(manager).items() if key in fresh} == fresh


def test_a_transaction_that_was_staged_before_other_syncs_is_seen(
    opened: Opener, client: Client, database: str
) -> None:
    manager, other = opened("a"), opened("b")
    for number in range(3):
        manager.save_document("notes", f"k{number}", {"n": number})
    manager.sync_now()
    with client.transaction(database) as transaction:
        transaction.update(database, "notes", "k0", {"staged": True})
        other.sync_now()
        other.save_document("notes", "k1", {"later": True})
        other.sync_now()
        assert manager.sync_now().pulled == 1
    assert manager.sync_now().pulled == 1
    assert local(manager) == there(client, database)
    assert local(manager)["k0"] == {"n": 0, "staged": True}


PASSWORD, NEW_PASSWORD = "a long password", "another long password"


def test_a_restart_kills_all_tokens_and_no_edit(server_binary: Path, tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    config = SyncConfig(database="d", local_storage_path=tmp_path / "store", auto_sync=False)
    with running_server(server_binary, folder, password=PASSWORD) as server:
        server.create_database("d")
        manager = OfflineSyncManager(server.url("d"), config).initialize()
        save_and_sync(manager, 1)
    manager.save_document("notes", "a", {"n": 2})
    with pytest.raises((ConnectionFailed, RequestTimeout)):
        manager.sync_now()
    with running_server(server_binary, folder, password=PASSWORD, port=server.port) as server:
        assert manager.sync_now().pushed == 1
        body = {"current_password": PASSWORD, "new_password": NEW_PASSWORD}
        server.http.put("/_api/auth/password", json=body).raise_for_status()
    with running_server(server_binary, folder, password=NEW_PASSWORD, port=server.port) as server:
        with pytest.raises(AuthError):
            save_and_sync(manager, 3)
        assert manager.sync_status().state is SyncState.AuthRequired
        assert [edit.document_key for edit in manager.pending()] == ["a"]
        manager.authenticate(server.user, NEW_PASSWORD)
        assert manager.sync_now().pushed == 1
        with Client(server.url("d")) as client:
            assert there(client, "d") == {"a": {"n": 3}}
        manager.close()


def save_and_sync(manager: OfflineSyncManager, number: int) -> None:
    manager.save_document("notes", "a", {"n": number})
    manager.sync_now()
