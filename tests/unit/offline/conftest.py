"""A model server, and managers on it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from solidb_odm.offline import OfflineSyncManager, SyncConfig

from .model_server import ModelServer

Opener = Callable[..., OfflineSyncManager]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    model = ModelServer()
    yield model
    model.end()


@pytest.fixture
def opened(server: ModelServer, tmp_path: Path) -> Iterator[Opener]:
    """Open managers of the server by name; closed after the test."""
    managers: list[OfflineSyncManager] = []

    def open_one(name: str = "a", **settings: object) -> OfflineSyncManager:
        config = SyncConfig(
            **{"database": "db", "local_storage_path": tmp_path / name, "auto_sync": False} | settings
        )
        managers.append(OfflineSyncManager(server, config).initialize())
        return managers[-1]

    yield open_one
    for manager in managers:
        manager.close()


@pytest.fixture
def manager(opened: Opener) -> OfflineSyncManager:
    return opened()
