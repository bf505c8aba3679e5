"""A process that is killed anywhere while it writes and syncs with the real server, again and again.

``KILLS`` in the environment kills more often.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.client import Client
from solidb_odm.offline import ConflictStrategy, OfflineSyncManager, SyncConfig
from tests.sizes import tries
from tests.unit.offline.model_server import plain
from tools.server import LocalServer

pytestmark = pytest.mark.server
ROOT = Path(__file__).parents[2]
KILLS = tries("KILLS", 25)

PROGRAM = """
import os, random, signal, sys, time
from solidb_odm.client import Client
from solidb_odm.offline import ConflictStrategy, OfflineSyncManager, SyncConfig

url, database, folder, log, kills, seed = sys.argv[1:]
choose = random.Random(int(seed))
config = dict(database=database, local_storage_path=folder, auto_sync=False,
              conflict_strategy=ConflictStrategy.MergeFields)


def work(turn, log):
    manager = OfflineSyncManager(url, SyncConfig(**config)).initialize()
    for number in range(10**6):
        at = turn * 10**6 + number
        key = f"k{at % 17}"
        os.write(log, f"begin {key} {at}\\n".encode())
        manager.save_document("notes", key, {"mine": at})
        os.write(log, f"saved {key} {at}\\n".encode())
        if at % 5 == 0:
            manager.save_document("notes", "gone", {"mine": at})
            manager.delete_document("notes", "gone")
        if at % 3 == 0:
            manager.sync_now()


log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for turn in range(int(kills)):
    child = os.fork()
    if not child:
        work(turn, log)
    with Client(url) as client:
        end = time.monotonic() + choose.uniform(0.01, 0.5)
        while time.monotonic() < end:
            key = f"k{choose.randrange(17)}"
            if client.query(database, "FOR d IN notes FILTER d._key == @key RETURN 1", {"key": key}):
                client.update(database, "notes", key, {"theirs": turn})
                os.write(log, f"theirs {key} {turn}\\n".encode())
            time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
"""


def last_values(log: Path) -> dict[str, dict[str, int]]:
    """Return by event and key the last value that was written."""
    values: dict[str, dict[str, int]] = {"begin": {}, "saved": {}, "theirs": {}}
    for line in log.read_text().splitlines():
        event, key, value = line.split()
        values[event][key] = int(value)
    return values


@pytest.mark.parametrize("seed", [20261129])
def test_a_kill_anywhere_loses_no_edit_of_anyone(
    server: LocalServer, database: str, tmp_path: Path, seed: int
) -> None:
    url, folder, log = server.url(database), tmp_path / "store", tmp_path / "log"
    config = SyncConfig(
        database=database,
        local_storage_path=folder,
        auto_sync=False,
        conflict_strategy=ConflictStrategy.MergeFields,
    )
    with OfflineSyncManager(url, config) as manager:
        manager.save_document("notes", "k0", {"mine": -1})
        manager.sync_now()
    arguments = [url, database, str(folder), str(log), str(KILLS), str(seed)]
    subprocess.run([sys.executable, "-c", PROGRAM, *arguments], cwd=ROOT, check=True)

    values = last_values(log)
    with OfflineSyncManager(url, config) as manager, Client(url) as client:
        for _ in range(3):
            manager.sync_now()
        assert manager.pending() == []
        assert manager.conflicts() == []
        assert manager.rejections() == []
        here = {each["_key"]: plain(each) for each in manager.list_documents("notes")[0]}
        rows: list[Any] = list(client.query(database, "FOR d IN notes RETURN d"))
    there = {row["_key"]: plain(dict(row)) for row in rows}
    assert here == there
    assert values["saved"]
    assert values["theirs"]
    for key, value in values["saved"].items():
        assert there[key]["mine"] in (value, values["begin"][key]), key
    assert {key: there[key]["theirs"] for key in values["theirs"]} == values["theirs"]
