"""Offline stores on the real server: what the model server stands for, it does."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anyio
import pytest

from solidb_odm import Document, Edge, Session, create_engine, traverse
from solidb_odm.cli import main
from solidb_odm.client import Client
from solidb_odm.errors import AuthError, ConnectionFailed, ServerRollbackSuspected, StoreOfAnotherUser
from solidb_odm.offline import (
    AsyncOfflineSyncManager,
    Change,
    ChangeType,
    ConflictStrategy,
    OfflineSyncManager,
    SyncConfig,
    SyncState,
    pull,
)
from solidb_odm.wire.round_trips import RequestEvent
from tests.sizes import tries
from tests.unit.offline.model_server import plain
from tests.unit.offline.simulator import Simulator
from tools.server import LocalServer, running_server

from .offline_server import RealServer
from .server_killer import kill_soon

pytestmark = pytest.mark.server
SEEDS = tries("SOLIDB_SYNC_SERVER_SEEDS", 40)
Opener = Callable[..., OfflineSyncManager]


class Person(Document, collection="offline_people"):
    name: str


class Knows(Edge[Person, Person], collection="offline_knows"):
    pass


@pytest.fixture
def opened(server: LocalServer, database: str, tmp_path: Path) -> Iterator[Opener]:
    """Open managers by name; closed after the test."""
    managers: list[OfflineSyncManager] = []

    def open_one(name: str = "a", *, url: str = "", **settings: Any) -> OfflineSyncManager:
        given: dict[str, Any] = {
            "database": database,
            "local_storage_path": tmp_path / name,
            "auto_sync": False,
        }
        given |= settings
        managers.append(OfflineSyncManager(url or server.url(database), SyncConfig(**given)).initialize())
        return managers[-1]

    yield open_one
    for manager in managers:
        manager.close()


@pytest.fixture
def client(server: LocalServer, database: str) -> Iterator[Client]:
    with Client(server.url(database)) as opened:
        yield opened


def local(manager: OfflineSyncManager, collection: str = "notes") -> dict[str, Any]:
    return {each["_key"]: plain(each) for each in manager.list_documents(collection)[0]}


def there(client: Client, database: str, collection: str = "notes") -> dict[str, Any]:
    rows = client.query(database, f"FOR d IN {collection} RETURN d")
    return {row["_key"]: plain(dict(row)) for row in rows}


def test_edits_of_every_kind_reach_the_server_and_others(
    opened: Opener, client: Client, database: str
) -> None:
    here, other = opened("a"), opened("b")
    for number in range(1200):
        here.save_document("notes", f"k{number}", {"n": number, "gone": True})
    assert here.sync_now().pushed == 1200
    assert other.sync_now().pulled == 1200
    other.query("FOR d IN notes FILTER d.n < 10 REPLACE d WITH {n: d.n} IN notes")
    other.query("FOR d IN notes FILTER d.n >= 1100 REMOVE d IN notes")
    assert other.sync_now().pushed == 110
    assert here.sync_now().pulled == 110
    assert local(here) == local(other) == there(client, database)
    assert there(client, database)["k3"] == {"n": 3}
    assert (here.sync_now().pulled, other.sync_now().pulled) == (0, 0)


def requests_of(manager: OfflineSyncManager) -> list[RequestEvent]:
    """Return a list that fills with what a manager sends from now on."""
    seen: list[RequestEvent] = []
    statistics = manager.remote.driver.statistics  # type: ignore[union-attr]
    statistics.observer, statistics.awake = seen.append, lambda: True
    return seen


def test_many_updates_go_together_whatever_becomes_of_some(
    opened: Opener, client: Client, server: LocalServer, database: str
) -> None:
    here = opened("a")
    here.save_document("notes", "k0", {"n": 0, "code": 0, "old": 1})
    here.query("FOR i IN 1..399 INSERT {_key: CONCAT('k', i), n: i, code: i, old: 1} INTO notes")
    here.sync_now()
    body = {"name": "code", "fields": ["code"], "type": "persistent", "unique": True}
    server.http.post(f"/_api/database/{database}/index/notes", json=body).raise_for_status()
    here.query("FOR d IN notes UPDATE d WITH {seen: {at: d.n / 7, by: [1, null]}, old: null} IN notes")
    here.query("FOR d IN notes FILTER d.n IN [7, 8] REPLACE d WITH {n: d.n, code: d.code} IN notes")
    here.save_document("notes", "k20", {"code": 21})
    client.update(database, "notes", "k10", {"theirs": True})
    client.delete(database, "notes", "k11")
    asked = requests_of(here)
    result = here.sync_now()
    assert [each.document_key for each in here.rejections()] == ["k20"]
    assert (result.pushed, result.rejected, len(result.conflicts)) == (
        398,
        1,
        2,
    )  # k10 is as it was written there
    assert len(asked) < 120
    here.discard("notes", "k20")
    here.sync_now()
    assert local(here) == there(client, database)
    assert there(client, database)["k12"] == {
        "n": 12,
        "code": 12,
        "old": None,
        "seen": {"at": 12 / 7, "by": [1, None]},
    }
    assert there(client, database)["k7"] == {"n": 7, "code": 7}


@pytest.mark.parametrize("is_late", [False, True], ids=["all written just before", "one written since"])
def test_nothing_to_do_is_seen_by_one_query(
    opened: Opener, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    if is_late:
        monkeypatch.setattr(pull, "OVERLAP", 0.0)
        monkeypatch.setattr(pull, "MARK_EVERY", 0.0)
    filters = ["FOR d IN notes FILTER d.n >= 0 RETURN d", "FOR d IN others RETURN d"]
    here = opened("a", sync_filter=filters)
    for name in ("notes", "others"):
        for key in ("Z", "a", "a-b", "a_b", "\u00e9", "k1"):
            here.save_document(name, key, {"n": 1})
        here.query(f"FOR i IN 10..400 INSERT {{_key: CONCAT('k', i), n: i}} INTO {name}")
    for turn in range(3):
        here.query("FOR d IN notes FILTER d.n == 50 UPDATE d WITH {turn: @turn} IN notes", {"turn": turn})
        here.sync_now()
    asked = requests_of(here)
    assert here.sync_now().pulled == 0
    assert len(asked) == 4  # whose database it is, its collections, and one for each


def test_updates_are_checked_by_a_schema_and_call_triggers(
    opened: Opener, client: Client, server: LocalServer, database: str
) -> None:
    here = opened("a", collections=["checked", "watched"])
    for number in range(8):
        for name in ("checked", "watched"):
            here.save_document(name, f"k{number}", {"n": number})
    here.sync_now()
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}}
    client.collections.set_schema("checked", schema)
    trigger = {"name": "t", "collection": "watched", "events": ["update"], "script_path": "nowhere"}
    server.http.post(f"/_api/database/{database}/triggers", json=trigger).raise_for_status()
    here.query("FOR d IN checked UPDATE d WITH {n: d.n == 3 ? 'three' : d.n + 1} IN checked")
    here.query("FOR d IN watched UPDATE d WITH {n: d.n + 1} IN watched")
    asked = requests_of(here)
    result = here.sync_now()
    assert (result.pushed, result.rejected) == (15, 1)
    assert [each.document_key for each in here.rejections()] == ["k3"]
    assert sum("PUT" in event.command for event in asked) == 16  # as in no transaction


KEYS = ["a/b", "/", "a/", ".", "..", "...", "%41", "%2F", "?", "#", "a?b", "a b", " ", "a:b", "a'b", 'a"b']
KEYS += [
    "a\\b",
    "-",
    "*",
    "+",
    ";",
    ",",
    "\n",
    "\t",
    "\x7f",
    "\u2028",
    "\u00e4",
    "e\u0308",
    "x" * 300,
    "1",
    "01",
]


def test_every_key_is_made_changed_replaced_and_removed(
    opened: Opener, client: Client, database: str
) -> None:
    here, other = opened("a"), opened("b")
    for key in KEYS:
        here.save_document("notes", key, {"n": 1, "old": True})
    assert here.sync_now().pushed == len(KEYS)
    assert other.sync_now().pulled == len(KEYS)
    for key in KEYS:
        other.save_document("notes", key, {"n": 2})
    assert other.sync_now().pushed == len(KEYS)
    assert here.sync_now().pulled == len(KEYS)
    here.query("FOR d IN notes REPLACE d WITH {n: 3} IN notes")
    assert here.sync_now().pushed == len(KEYS)
    assert other.sync_now().pulled == len(KEYS)
    assert local(here) == local(other) == there(client, database) == {key: {"n": 3} for key in KEYS}
    for key in KEYS:
        other.delete_document("notes", key)
    assert other.sync_now().pushed == len(KEYS)
    assert here.sync_now().pulled == len(KEYS)
    assert local(here) == there(client, database) == {}


def test_a_url_and_a_client_say_where_the_server_is(
    server: LocalServer, database: str, tmp_path: Path, client: Client
) -> None:
    config = SyncConfig(database=database, local_storage_path=tmp_path / "x", auto_sync=False)
    with OfflineSyncManager(client, config) as manager:
        manager.save_document("notes", "a", {"n": 1})
        assert manager.sync_now().pushed == 1


def test_sessions_edges_and_traversals_sync(opened: Opener, server: LocalServer, database: str) -> None:
    here, other = opened("a", models=[Person, Knows]), opened("b", models=[Person, Knows])
    with Session(here.engine) as session:
        ada, bob = Person(name="Ada"), Person(name="Bob")
        session.add_all([ada, bob, Knows(ada, bob)])
        session.commit()
    here.sync_now()
    other.sync_now()
    with Session(other.engine) as session:
        start = session.get(Person, ada.key)
        assert start is not None
        assert [each.name for each in session.scalars(traverse(start, Knows)).all()] == ["Bob"]
    with create_engine(server.url(database)) as engine, Session(engine) as session:
        assert session.get(Person, bob.key) is not None
        assert engine.count(Knows) == 1


def test_transactions_imports_and_removals_are_seen_by_the_next_sync(
    opened: Opener, client: Client, server: LocalServer, database: str
) -> None:
    manager = opened()
    manager.save_document("notes", "a", {"n": 1})
    manager.sync_now()
    real = RealServer(server.url(database), server.http, database)
    real.update("notes", "a", staged=1.0, n=2)
    manager.sync_now()
    assert local(manager) == {"a": {"n": 2}}
    files = {"file": ("x.jsonl", b'{"_key": "imported", "n": 5}\n')}
    server.http.post(f"/_api/database/{database}/collection/notes/import", files=files).raise_for_status()
    manager.sync_now()
    assert local(manager) == there(client, database)
    client.query(database, "REMOVE 'a' IN notes")
    manager.sync_now()
    assert set(local(manager)) == {"imported"}
    real.end()


def test_what_the_server_refuses_is_kept_and_repaired(
    opened: Opener, client: Client, database: str, server: LocalServer
) -> None:
    manager = opened()
    manager.save_document("notes", "first", {"code": 1})
    manager.sync_now()
    body = {"name": "code", "fields": ["code"], "type": "persistent", "unique": True}
    server.http.post(f"/_api/database/{database}/index/notes", json=body).raise_for_status()
    for number in range(5):
        manager.save_document("notes", f"k{number}", {"code": number})
    manager.save_document("notes", "huge", {"code": 99, "text": "x" * 11_000_000})
    result = manager.sync_now()
    assert (result.pushed, result.rejected) == (4, 2)
    reasons = {each.document_key: each.error for each in manager.rejections()}
    assert "Unique" in reasons["k1"]
    assert set(reasons) == {"k1", "huge"}
    manager.save_document("notes", "k1", {"code": 100})
    manager.discard("notes", "huge")
    assert manager.sync_now().pushed == 1
    assert local(manager) == there(client, database)


def test_conflicts_are_merged(opened: Opener, client: Client, database: str) -> None:
    here, other = (opened(name, conflict_strategy=ConflictStrategy.MergeFields) for name in ("a", "b"))
    here.save_document("notes", "n", {"a": 0, "b": 0})
    here.sync_now()
    other.sync_now()
    here.save_document("notes", "n", {"a": 1})
    other.save_document("notes", "n", {"b": 1})
    here.sync_now()
    assert other.sync_now().conflicts == ()
    here.sync_now()
    assert local(here) == local(other) == there(client, database) == {"n": {"a": 1, "b": 1}}


def test_filters_hold_a_part(opened: Opener, client: Client, database: str) -> None:
    writer = opened("w")
    for number in range(20):
        writer.save_document("notes", f"k{number}", {"n": number})
    writer.sync_now()
    text = "FOR d IN notes FILTER d.n < @most RETURN d"
    manager = opened("f", sync_filter=text, sync_filter_params={"most": 5})
    assert manager.sync_now().pulled == 5
    client.query(database, "UPDATE 'k0' WITH {n: 50} IN notes")
    manager.save_document("notes", "k1", {"n": 60})
    manager.sync_now()
    assert set(local(manager)) == {"k2", "k3", "k4"}
    assert there(client, database)["k1"] == {"n": 60}
    manager.set_filter(text, {"most": 10})
    manager.sync_now()
    assert len(local(manager)) == 8


def test_an_emptied_server_blocks_until_somebody_decides(
    opened: Opener, client: Client, database: str
) -> None:
    manager = opened()
    for number in range(60):
        manager.save_document("notes", f"k{number}", {"n": number})
    manager.sync_now()
    client.query(database, "FOR d IN notes REMOVE d IN notes")
    with pytest.raises(ServerRollbackSuspected):
        manager.sync_now()
    assert manager.sync_status().state is SyncState.Blocked
    manager.reupload()
    manager.sync_now()
    assert len(there(client, database)) == 60


def test_a_wrong_password_leaves_the_old_login(opened: Opener, server: LocalServer) -> None:
    manager = opened()
    manager.save_document("notes", "a", {"n": 1})
    with pytest.raises(AuthError):
        manager.authenticate(server.user, "wrong")
    assert manager.sync_now().pushed == 1
    with pytest.raises((AuthError, StoreOfAnotherUser)):
        manager.authenticate("somebody", "else")


def test_a_refused_login_keeps_the_edits(opened: Opener, server: LocalServer, database: str) -> None:
    url = f"solidb://{server.user}:wrong@{server.host}:{server.port}/{database}"
    manager = opened(url=url)
    manager.save_document("notes", "a", {"n": 1})
    with pytest.raises(AuthError):
        manager.sync_now()
    assert manager.sync_status().state is SyncState.AuthRequired
    manager.authenticate(server.user, server.password)
    assert manager.sync_now().pushed == 1


def test_the_doorbell_rings_whatever_the_interval(opened: Opener, client: Client, database: str) -> None:
    writer = opened("w")
    writer.save_document("notes", "first", {"n": 1})
    writer.sync_now()
    manager = opened("a", auto_sync=True, sync_interval_seconds=3600)
    deadline = time.monotonic() + 60
    while manager.get_document("notes", "first") is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    client.insert(database, "notes", {"n": 2}, key="second")
    deadline = time.monotonic() + 60
    while manager.get_document("notes", "second") is None:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    manager.save_document("notes", "third", {"n": 3})
    assert manager.wait_pushed("notes", "third", timeout=60) == "pushed"


@pytest.mark.anyio
async def test_the_awaited_manager_does_the_same(
    server: LocalServer, database: str, tmp_path: Path, anyio_backend: str
) -> None:
    async def opened(name: str, **settings: Any) -> AsyncOfflineSyncManager:
        given: dict[str, Any] = {
            "database": database,
            "local_storage_path": tmp_path / name,
            "auto_sync": False,
        }
        given |= settings
        return await AsyncOfflineSyncManager(server.url(database), SyncConfig(**given)).initialize()

    here, other = await opened("a"), await opened("b", auto_sync=True)
    arrived = anyio.Event()

    @other.on_change
    def hear(change: Change) -> None:
        if change.change_type is ChangeType.RemoteInsert:
            arrived.set()

    await here.save_document("notes", "n", {"text": "heron"})
    assert (await here.sync_now()).pushed == 1
    with anyio.fail_after(20):
        await arrived.wait()
    await other.delete_document("notes", "n")
    assert await other.wait_pushed("notes", "n", timeout=60) == "pushed"
    assert (await here.sync_now()).pulled == 1
    assert await here.list_documents("notes") == ([], 0)
    assert (await here.verify()).differences == 0
    await here.close()
    await other.close()


def test_a_server_that_is_killed_while_it_writes_loses_nothing(server_binary: Path, tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    config = SyncConfig(database="d", local_storage_path=tmp_path / "store", auto_sync=False)
    with running_server(server_binary, tmp_path / "server", password="secret") as first:
        first.create_database("d")
        manager = OfflineSyncManager(first.url("d"), config).initialize()
        for number in range(2000):
            manager.save_document("notes", f"k{number}", {"n": number})
        killer = kill_soon(tmp_path / "server")
        with pytest.raises(ConnectionFailed):
            _write_for_ever(manager)
        killer.join()
        manager.close()
    with (
        running_server(server_binary, tmp_path / "server", password="secret") as second,
        Client(second.url("d")) as client,
        OfflineSyncManager(second.url("d"), config) as manager,
    ):
        manager.sync_now()
        assert manager.pending() == []
        assert local(manager) == there(client, "d")
        assert len(local(manager)) == 2000


def _write_for_ever(manager: OfflineSyncManager) -> None:
    while True:
        manager.sync_now()
        manager.query("FOR d IN notes UPDATE d WITH {again: d._rev} IN notes")


@pytest.mark.timeout(600)
def test_random_histories_lose_nothing_on_the_real_server(server: LocalServer, tmp_path: Path) -> None:
    for seed in range(SEEDS):
        database = f"sim_{seed}_{os.getpid()}"
        server.create_database(database)
        real = RealServer(server.url(database), server.http, database)
        simulator = Simulator(seed, tmp_path / str(seed), real)
        try:
            simulator.run()
        finally:
            simulator.close()
            real.end()
            server.drop_database(database)


def test_a_store_belongs_to_one_server_whatever_its_address(
    opened: Opener, server: LocalServer, server_binary: Path, database: str, tmp_path: Path
) -> None:
    manager = opened("a")
    manager.save_document("notes", "n", {"n": 1})
    manager.sync_now()
    manager.close()
    elsewhere = server.url(database).replace(server.host, "localhost")
    other_address = opened("a", url=elsewhere)
    other_address.save_document("notes", "m", {"n": 2})
    assert other_address.sync_now().pushed == 1
    other_address.close()
    (tmp_path / "server").mkdir()
    with running_server(server_binary, tmp_path / "server") as second:
        second.create_database(database)
        opened("b", url=second.url(database)).sync_now()
        moved = opened("a", url=second.url(database))
        moved.save_document("notes", "secret", {"n": 3})
        with pytest.raises(StoreOfAnotherUser, match="another server"):
            moved.sync_now()
        with Client(second.url(database)) as strange:
            assert "notes" not in strange.list_collections(database)
    assert [edit.document_key for edit in moved.pending()] == ["secret"]


def test_an_encrypted_store_remembers_the_login(
    opened: Opener, server: LocalServer, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("sqlcipher3")
    nobody = f"solidb://{server.host}:{server.port}/{database}"
    for name, key in (("encrypted", "a passphrase"), ("plain", None)):
        manager = opened(name, encryption_key=key)
        manager.save_document("notes", name, {"n": 1})
        manager.sync_now()
        manager.close()
    with pytest.raises(AuthError):
        opened("plain", url=nobody).sync_now()
    again = opened("encrypted", url=nobody, encryption_key="a passphrase")
    again.save_document("notes", "more", {"n": 2})
    assert again.sync_now().pushed == 1
    folder = str(again.config.folder)
    again.save_document("notes", "last", {"n": 3})
    monkeypatch.setenv("STORE_KEY", "a passphrase")
    monkeypatch.delenv("SOLIDB_URL", raising=False)
    assert main(["sync", "now", "--store", folder, "--key-env", "STORE_KEY"]) == 0
    assert again.pending() == []
    elsewhere = opened("encrypted", url=f"solidb://127.0.0.1:1/{database}", encryption_key="a passphrase")
    assert elsewhere.address is not None
    assert elsewhere.address.password == ""
