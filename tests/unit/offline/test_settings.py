"""Settings that make no sense are refused when a store is opened, and both colours offer the same."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest

from solidb_odm.commands import CreateCollection, DescribeCollection, Savepoint
from solidb_odm.errors import (
    CollectionExists,
    ConfigurationError,
    ConnectionFailed,
    StoreOfAnotherUser,
    UsageError,
)
from solidb_odm.offline import (
    AsyncOfflineSyncManager,
    Change,
    OfflineSyncManager,
    StorageEngine,
    SyncConfig,
    SyncState,
    local,
)
from solidb_odm.offline.schedule import LONGEST_WAIT, Schedule

from .model_server import ModelServer, plain

AWAY = "solidb://ada:secret@127.0.0.1:1"


def opened(folder: Path, url: str = AWAY, **settings: Any) -> OfflineSyncManager:
    given: dict[str, Any] = {"database": "d", "local_storage_path": folder, "auto_sync": False}
    given |= settings
    return OfflineSyncManager(url, SyncConfig(**given)).initialize()


@pytest.mark.parametrize(
    "settings",
    [
        {"database": ""},
        {"storage_engine": StorageEngine.RocksDB},
        {"sync_interval_seconds": 0},
        {"collections": ["_system"]},
        {"collections": ["a"], "sync_filter": "FOR d IN b FILTER d.x RETURN d"},
        {"sync_filter": "FOR d IN c FILTER d.x == @y RETURN d"},
        {"sync_filter": "FOR d IN c FILTER d.x RETURN d", "sync_filter_params": {"unused": 1}},
        {"sync_filter": ["FOR d IN c FILTER d.x RETURN d", "FOR d IN c FILTER d.y RETURN d"]},
        {"sync_filter": "FOR d IN c FILTER d.x RETURN d._key"},
        {"sync_filter": "FOR d IN c FILTER d.x SORT d.y RETURN d"},
        {"sync_filter": "FOR d IN c FILTER d.x LIMIT 5 RETURN d"},
        {"sync_filter": "FOR d IN c FOR e IN f RETURN d"},
        {"sync_filter": "FOR d IN c FILTER d.x REMOVE d IN c"},
        {"sync_filter": "FOR d IN [1] RETURN d"},
        {"sync_filter": "RETURN 1"},
        {"sync_filter": "not SDBQL at all"},
        {"encryption_key": ""},
        {"encryption_key": b"x" * 30},
    ],
    ids=repr,
)
def test_settings_that_make_no_sense_are_refused(settings: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        opened(tmp_path, **settings)


def test_keys_and_passwords_are_not_shown() -> None:
    config = SyncConfig(database="d", local_storage_path="x", encryption_key="hidden")
    assert "hidden" not in repr(config)


def test_opening_and_logging_in_need_no_network(tmp_path: Path) -> None:
    with opened(tmp_path) as manager:
        manager.authenticate("ada", "another password")
        manager.save_document("notes", "a", {})
        with pytest.raises(ConnectionFailed):
            manager.sync_now()
        assert manager.sync_status().state is SyncState.Offline
        with pytest.raises(UsageError):
            manager.authenticate()
        with pytest.raises(UsageError, match="not encrypted"):
            manager.rotate_key("new")


def test_a_store_belongs_to_one_user_until_it_is_wiped(tmp_path: Path) -> None:
    from solidb_odm.commands import call
    from solidb_odm.commands.replica import WriteSettings

    with opened(tmp_path) as manager:
        manager.engine.run(call(WriteSettings({"owner": "ada"})))
        with pytest.raises(StoreOfAnotherUser):
            manager.authenticate("bob", "secret")
    with pytest.raises(StoreOfAnotherUser):
        opened(tmp_path, AWAY.replace("ada", "bob"))
    with opened(tmp_path) as manager:
        manager.wipe()
    opened(tmp_path, AWAY.replace("ada", "bob")).close()


def test_both_colours_have_the_same_methods() -> None:
    def methods(kind: type[Any]) -> dict[str, Any]:
        found = inspect.getmembers(kind, inspect.isfunction)
        return {name: inspect.signature(each) for name, each in found if not name.startswith("_")}

    blocking, awaited = methods(OfflineSyncManager), methods(AsyncOfflineSyncManager)
    assert {name: signature.parameters for name, signature in blocking.items()} == {
        name: signature.parameters for name, signature in awaited.items()
    }


class AsyncModel:
    """The model server, awaited."""

    def __init__(self, server: ModelServer) -> None:
        self._server = server

    async def perform(self, command: Any) -> Any:
        await anyio.lowlevel.checkpoint()
        return self._server.perform(command)

    async def aclose(self) -> None:
        pass


@pytest.mark.anyio
async def test_the_awaited_manager_syncs_by_itself(
    server: ModelServer, tmp_path: Path, anyio_backend: str
) -> None:
    server.put("notes", "theirs", n=1)
    arrived = anyio.Event()

    def listen(change: Change) -> None:
        if change.document_key == "theirs":
            arrived.set()

    config = SyncConfig(database="d", local_storage_path=tmp_path, sync_interval_seconds=3600)
    manager = AsyncOfflineSyncManager(AsyncModel(server), config)
    manager.on_change(listen)
    async with manager:
        with anyio.fail_after(60):
            await arrived.wait()
        await manager.save_document("notes", "ours", {"n": 2})
        assert await manager.wait_pushed("notes", "ours", timeout=60) == "pushed"
        documents, total = await manager.list_documents("notes")
        assert ({each["_key"]: plain(each) for each in documents}, total) == (server.all("notes"), 2)


def test_waits_grow_to_a_minute_and_end_when_the_server_is_back() -> None:
    schedule = Schedule(30.0, jitter=lambda: 1.0)
    waits: list[float] = []
    for _ in range(12):
        schedule.failed(100.0)
        waits.append(schedule.due - 100.0)
    assert waits[:4] == [0.5, 1.0, 2.0, 4.0]
    assert waits[-1] == LONGEST_WAIT
    schedule.edited(100.0)
    assert schedule.due == 100.0 + LONGEST_WAIT
    schedule.rang(100.0)
    assert schedule.due == 100.0
    schedule.began()
    schedule.succeeded(100.0)
    assert schedule.due == 130.0
    schedule.edited(100.0)
    assert schedule.due < 101.0


@pytest.mark.parametrize("failures", [0, 2])
def test_what_is_edited_during_a_sync_has_the_next_one_soon(failures: int) -> None:
    schedule = Schedule(3600.0)
    for _ in range(failures):
        schedule.failed(100.0)
    schedule.began()
    schedule.edited(101.0)
    schedule.succeeded(102.0)
    assert schedule.due < 103.0
    schedule.began()
    schedule.succeeded(110.0)
    assert schedule.due == 3710.0


def test_a_collection_that_another_thread_makes_first_is_no_error_of_a_save() -> None:
    saving = local.save("d", "notes", "a", {"n": 1})
    assert isinstance(next(saving), DescribeCollection)
    assert isinstance(saving.send(None), CreateCollection)
    assert isinstance(saving.throw(CollectionExists("notes", name="notes")), Savepoint)
    saving.close()
