"""A process that is killed while it writes or syncs: what was saved is there, and queued."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from solidb_odm.offline import OfflineSyncManager, SyncConfig

from .model_server import ModelServer, plain

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from solidb_odm.offline import OfflineSyncManager, SyncConfig
from tests.unit.offline.model_server import ModelServer

config = SyncConfig(database="d", local_storage_path=sys.argv[1], auto_sync=False)
manager = OfflineSyncManager(ModelServer(), config).initialize()
for number in range(1_000_000):
    manager.save_document("notes", f"k{number % 50}", {"n": number})
    print(number, flush=True)
"""


@pytest.mark.parametrize("turn", range(4))
def test_what_was_saved_before_a_kill_is_there_and_queued(turn: int, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "0\n"
        time.sleep(random.Random(turn).uniform(0.0, 0.3))
        process.kill()
        saved = [0, *(int(line) for line in process.stdout.read().split("\n")[:-1])]
    server = ModelServer()
    config = SyncConfig(database="d", local_storage_path=folder, auto_sync=False)
    with OfflineSyncManager(server, config) as manager:
        newest = {f"k{number % 50}": number for number in saved}
        stored = {key: plain(manager.get_document("notes", key) or {}).get("n", -1) for key in newest}
        assert all(stored[key] >= number for key, number in newest.items())
        assert {edit.document_key for edit in manager.pending()} >= set(newest)
        manager.sync_now()
        assert {key: server.all("notes")[key]["n"] for key in newest} == stored
    server.end()
