"""Wrong settings and arguments are refused at once, by an error of ours that names what would be right."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.errors import ConfigurationError, SolidbError, UsageError
from solidb_odm.offline import (
    AsyncOfflineSyncManager,
    Conflict,
    ConflictResolution,
    ConflictStrategy,
    OfflineSyncManager,
    SyncConfig,
)

from .conftest import Opener
from .model_server import ModelServer


class Nothing:
    """A class that is no document."""


WRONG_SETTINGS: dict[str, list[Any]] = {
    "database": [None, 5, "", b"x"],
    "local_storage_path": [None, 5, b"folder", ""],
    "collections": ["notes", 5, [5], [None], [""], ["_own"]],
    "models": [Nothing, [Nothing], 5, "notes", [5], None],
    "auto_sync": ["no", 5, None],
    "push_on_change": ["no", 5, None],
    "sync_interval_seconds": ["5", None, 0, -1, float("nan"), float("inf"), True],
    "conflict_strategy": [
        "LastWriteWins",
        None,
        5,
        {"notes": "MergeFields"},
        {5: ConflictStrategy.MergeFields},
        ConflictStrategy.Custom,
    ],
    "storage_engine": ["sqlite", None],
    "sync_filter": [5, [5], "x", ["x"], b"x", [""], "FOR d IN _own RETURN d"],
    "sync_filter_params": [{"unused": 1}, 5, [1]],
    "encryption_key": [5, "", b"", bytearray(32), ["x"]],
}
WRONG_ARGUMENTS: dict[str, list[tuple[Any, ...]]] = {
    "authenticate": [(5,), ("user", 5), (), ("", "x")],
    "save_document": [
        (5, "k", {}),
        ("", "k", {}),
        ("notes", 5, {}),
        ("notes", "", {}),
        ("notes", "k", None),
        ("notes", "k", [1]),
        ("notes", "k", "x"),
        ("notes", "k", {5: 1}),
        ("notes", None, {"_key": 5}),
        ("notes", "k", {"x": {1}}),
        ("notes", "k", {"x": Nothing()}),
    ],
    "get_document": [(5, "k"), ("notes", 5), ("notes", None), (None, "k")],
    "delete_document": [(5, "k"), ("notes", 5), ("notes", None)],
    "query": [(5,), (None,), ("",), ("RETURN @x", 5), ("RETURN @x", {5: 1})],
    "list_documents": [(5,), (None,), ("notes", "x"), ("notes", 1.5), ("notes", 1, "x"), ("notes", -1)],
    "sync_now": [("x",), (float("nan"),)],
    "wait_pushed": [("notes", 5), (5, "k"), ("notes", "k", "x"), ("notes", "k", None)],
    "on_change": [(5,), (None,)],
    "on_collection_change": [("notes", 5), (5, print)],
    "on_conflict": [(5,), (None,)],
    "resolve": [
        (None, ConflictResolution.AcceptLocal),
        (Conflict("notes", "k", None, None, None), "local"),
        (Conflict("notes", "k", None, None, None), ConflictResolution.AcceptLocal),
    ],
    "retry": [(5,), (None, "k"), ("notes", 5)],
    "discard": [("notes", 5), (5, "k")],
    "set_filter": [(5,), ([5],), ("x",), (None, {"unused": 1})],
    "rotate_key": [(5,), (None,), ("x",)],
}
WITHOUT = {
    "initialize",
    "close",
    "sync_status",
    "pause_sync",
    "resume_sync",
    "pending",
    "conflicts",
    "rejections",
}
WITHOUT |= {"verify", "accept_server", "reupload", "wipe", "hear", "heard_collections"}


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, values in WRONG_SETTINGS.items() for value in values]
)
def test_wrong_settings_are_refused_at_opening(
    server: ModelServer, tmp_path: Path, name: str, value: Any
) -> None:
    given: dict[str, Any] = {"database": "db", "local_storage_path": tmp_path / "x"} | {name: value}
    with pytest.raises(ConfigurationError):
        OfflineSyncManager(server, SyncConfig(**given)).initialize()
    assert not (tmp_path / "x").exists()


def test_settings_are_a_config_and_a_strategy_takes_a_function(server: ModelServer) -> None:
    wrong: Any = {"database": "db"}
    with pytest.raises(ConfigurationError, match=r"SyncConfig\(database=.., local_storage_path=..\)"):
        OfflineSyncManager(server, wrong)
    for make in (ConflictStrategy.Custom, ConflictResolution.Merge):
        with pytest.raises(UsageError):
            make(wrong if make is ConflictStrategy.Custom else "x")


@pytest.mark.parametrize(
    ("name", "given"), [(name, given) for name, calls in WRONG_ARGUMENTS.items() for given in calls]
)
def test_wrong_arguments_are_refused(manager: OfflineSyncManager, name: str, given: tuple[Any, ...]) -> None:
    manager.save_document("notes", "k", {})
    call: Callable[..., Any] = getattr(manager, name)
    parameters = inspect.signature(call).parameters.values()
    named = [each.name for each in parameters if each.kind is each.KEYWORD_ONLY][: len(given)]
    positional = [each for each in parameters if each.kind is not each.KEYWORD_ONLY][: len(given)]
    by_name = dict(zip(named, given[len(positional) :], strict=False))
    with pytest.raises(SolidbError):
        call(*given[: len(positional)], **by_name)
    assert manager.sync_now().pushed == 1


def test_every_method_that_takes_something_is_tried() -> None:
    methods = {name for name, _ in inspect.getmembers(AsyncOfflineSyncManager, inspect.isfunction)}
    assert {name for name in methods if not name.startswith("_")} == WRONG_ARGUMENTS.keys() | WITHOUT


@pytest.mark.parametrize("decision", ["local", 5, {"n": 1}, ConflictResolution.Merge])
def test_what_decides_no_conflict_parks_it(opened: Opener, server: ModelServer, decision: Any) -> None:
    manager = opened()
    manager.on_conflict(lambda conflict: decision)
    server.put("notes", "k", n=1)
    manager.sync_now()
    server.update("notes", "k", n=2)
    manager.save_document("notes", "k", {"n": 3})
    manager.save_document("notes", "other", {})
    assert manager.sync_now().pushed == 1
    assert [each.document_key for each in manager.conflicts()] == ["k"]


@pytest.mark.anyio
async def test_the_awaited_manager_refuses_alike(tmp_path: Path) -> None:
    config = SyncConfig(database="db", local_storage_path=tmp_path, auto_sync=False)
    async with AsyncOfflineSyncManager("solidb://127.0.0.1:1", config) as manager:
        wrong: Any = 5
        for call in (
            lambda: manager.save_document("notes", wrong, {}),
            lambda: manager.list_documents(wrong),
            lambda: manager.wait_pushed("notes", wrong),
            lambda: manager.retry(wrong),
            lambda: manager.sync_now(timeout="x"),  # type: ignore[arg-type]
        ):
            with pytest.raises(UsageError):
                await call()
