"""``python -m benchmarks.pouchdb [count]``: a first sync and a push beside PouchDB and express-pouchdb.

Both go over loopback, with documents of 260 letters. Needs Node.js with npm, and the server; it is no line of
``make bench``, which needs neither.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from solidb_odm import Session, sdbql
from solidb_odm.client import Client
from solidb_odm.offline import OfflineSyncManager, SyncConfig
from tools.server import LocalServer, find_server, running_server

PACKAGES = ("express@4", "express-pouchdb@4", "pouchdb@9")


def peer(folder: Path, count: int) -> dict[str, float]:
    """Return the seconds that PouchDB takes."""
    install = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
    subprocess.run(install, check=True)
    program = folder / "pouchdb.js"
    program.write_text(Path(__file__).with_name("pouchdb.js").read_text())
    done = subprocess.run(
        ["node", program.name, str(count)], cwd=folder, check=True, capture_output=True, text=True
    )
    timings: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return timings


def ours(folder: Path, count: int) -> dict[str, float]:
    """Return the seconds that a store takes, with a server of its own."""
    binary = find_server()
    if binary is None:
        sys.exit("there is no server: make server")
    (folder / "data").mkdir()
    rows = [
        {"_key": f"k{at:06}", "n": at, "title": "a title of a note", "text": "x" * 200, "tags": ["a", "b"]}
        for at in range(count)
    ]
    with running_server(binary, folder / "data", password="benchmark") as server:
        return {"pull": _pull(server, folder, rows), "push": _push(server, folder, rows)}


def _pull(server: LocalServer, folder: Path, rows: list[dict[str, Any]]) -> float:
    server.create_database("one")
    with Client(server.url("one")) as client:
        client.create_collection("one", "notes")
        for start in range(0, len(rows), 1000):
            page = rows[start : start + 1000]
            client.query("one", "FOR d IN @page INSERT d INTO notes", {"page": page})
    with _store(server, "one", folder) as manager:
        return _timed(manager, len(rows))


def _push(server: LocalServer, folder: Path, rows: list[dict[str, Any]]) -> float:
    server.create_database("two")
    with _store(server, "two", folder) as manager:
        manager.save_document("notes", rows[0]["_key"], rows[0])
        with Session(manager.engine) as session:
            session.execute(sdbql("FOR d IN @rows INSERT d INTO notes", rows=rows[1:]))
            session.commit()
        return _timed(manager, len(rows))


def _store(server: LocalServer, database: str, folder: Path) -> OfflineSyncManager:
    config = SyncConfig(database=database, local_storage_path=folder / database, auto_sync=False)
    return OfflineSyncManager(server.url(database), config)


def _timed(manager: OfflineSyncManager, count: int) -> float:
    begun = time.perf_counter()
    result = manager.sync_now()
    seconds = time.perf_counter() - begun
    if result.pushed + result.pulled != count:
        sys.exit(f"{result} where {count} documents were to be synchronized")
    return seconds


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with TemporaryDirectory() as theirs, TemporaryDirectory() as own:
        other, mine = peer(Path(theirs), count), ours(Path(own), count)
    for way in ("pull", "push"):
        ratio = other[way] / mine[way]
        seconds = f"PouchDB {other[way]:.2f} s, solidb_odm {mine[way]:.2f} s"
        print(f"{way} {count:,}: {seconds}, {ratio:.1f} times as fast")


if __name__ == "__main__":
    main()
