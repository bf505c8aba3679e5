"""Offline stores on a real server, beside what the server does bare: bulk_insert, and reading by a cursor."""

from __future__ import annotations

import importlib.util
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm.client import Client
from solidb_odm.commands import CreateCollection, call
from solidb_odm.offline import OfflineSyncManager, SyncConfig, pull
from solidb_odm.wire.round_trips import RequestEvent
from tools.server import LocalServer, find_server, running_server

from .area import OURS, Aim, Area, Row, Setting, Steps, at_most
from .documents import rows
from .timing import Side, Timing, contest, milliseconds

TEXT = """
A store pushes new documents, and another takes all of them in; beside it `bulk_insert` and a cursor over the
same documents, through our client. *Nothing to do* is a `sync_now` of a store that has nothing new, when
nothing was written on the server for five minutes; the next line is one when all documents were, because a
transaction may still be on its way, and the one after it when one document has changed since. *Encrypted* is
the save and the push of the same documents into an encrypted store, beside a plain one. The last line counts
bytes: what went over the wire for each document that was changed by one device and taken in by another.
"""
BULK, CURSOR, PLAIN = "bulk_insert", "a cursor", "a plain store"
CHANGED = 200
CHANGE = "FOR d IN notes FILTER d._key IN @keys UPDATE d WITH {seen: true} IN notes"


def measure(setting: Setting) -> Steps | None:
    """Time a store's pushes and pulls; None where there is no server."""
    binary = find_server()
    if binary is None:
        return None
    with (
        TemporaryDirectory() as folder,
        running_server(binary, Path(folder)) as server,
        Client(server.url()) as client,
    ):
        return _Bench(server, client, setting).measured()


@contextmanager
def _minutes_later() -> Generator[None]:
    """Sync as if no transaction could be on its way any more."""
    window = pull.OVERLAP
    setattr(pull, "OVERLAP", 0.0)  # noqa: B010
    try:
        yield
    finally:
        setattr(pull, "OVERLAP", window)  # noqa: B010


class _Bench:
    """One server, with a database of its own for each turn."""

    def __init__(self, server: LocalServer, client: Client, setting: Setting) -> None:
        self.server, self.client, self.setting = server, client, setting
        self.documents = [{**row, "_key": f"k{number}"} for number, row in enumerate(rows(setting.size))]
        self.numbers: Iterator[int] = count()
        self.database = ""
        self.manager: OfflineSyncManager | None = None

    def measured(self) -> Steps:
        repetitions = self.setting.repetitions
        steps: dict[str, dict[str, Timing]] = {
            "push": contest(
                {OURS: Side(self._sync, self._filled), BULK: Side(self._bulk, self._fresh)}, repetitions
            ),
            "first sync": contest(
                {OURS: Side(self._sync, self._empty), CURSOR: Side(self._read, self._loaded)}, repetitions
            ),
        }
        if importlib.util.find_spec("sqlcipher3"):
            sides = {
                OURS: Side(self._fill_and_sync, lambda: self._open(b"k" * 32)),
                PLAIN: Side(self._fill_and_sync, lambda: self._open(None)),
            }
            steps["encrypted"] = contest(sides, repetitions)
        steps["nothing"] = {OURS: self._nothing()}
        steps["late"] = {OURS: self._late()}
        steps["one"] = {OURS: self._one()}
        carried = self._bytes()
        steps["bytes"] = {OURS: Timing(carried, carried)}
        self._close()
        return steps

    # --- work ------------------------------------------------------------------------------------

    def _sync(self) -> None:
        assert self.manager is not None
        self.manager.sync_now()

    def _fill_and_sync(self) -> None:
        self._fill()
        self._sync()

    def _bulk(self) -> None:
        self.client.create_collection(self.database, "bare")
        self.client.insert_many(self.database, "bare", self.documents)

    def _read(self) -> None:
        path = f"/_api/database/{self.database}/cursor"
        page = self.server.http.post(path, json={"query": "FOR d IN notes RETURN d"}).json()
        while page["has_more"]:
            page = self.server.http.put(f"/_api/cursor/{page['id']}").json()

    def _nothing(self) -> Timing:
        """Time syncs that find nothing new, when no transaction may be on its way any more."""
        self._empty()
        self._sync()
        turns = range(5 * self.setting.repetitions)
        with _minutes_later():
            return Timing(
                min(milliseconds(self._sync) for _ in turns),
                min(milliseconds(self._sync, collecting=False) for _ in turns),
            )

    def _late(self) -> Timing:
        """Time syncs that find nothing new, when all documents were written in the last minutes."""
        turns = range(5 * self.setting.repetitions)
        return Timing(
            min(milliseconds(self._sync) for _ in turns),
            min(milliseconds(self._sync, collecting=False) for _ in turns),
        )

    def _one(self) -> Timing:
        """Time syncs that find one changed document, when all were written in the last minutes."""

        def changed(*, collecting: bool) -> float:
            self.client.update(self.database, "notes", "k0", {"turn": next(self.numbers)})
            return milliseconds(self._sync, collecting=collecting)

        turns = range(3 * self.setting.repetitions)
        return Timing(
            min(changed(collecting=True) for _ in turns), min(changed(collecting=False) for _ in turns)
        )

    def _bytes(self) -> float:
        """Return the bytes on the wire for each document that one store changes and another takes in."""
        self._loaded()
        stores = [self._another(), self._another()]
        carried: list[int] = []

        def count_bytes(event: RequestEvent) -> None:
            carried.append(event.sent + event.received)

        for store in stores:
            store.sync_now()
            statistics = store.remote.driver.statistics  # type: ignore[union-attr]
            statistics.observer, statistics.awake = count_bytes, lambda: True
        changed = min(CHANGED, self.setting.size)
        keys = [row["_key"] for row in self.documents[:changed]]
        stores[0].query(CHANGE, {"keys": keys})
        for store in stores:
            with _minutes_later():
                store.sync_now()
            store.close()
        return sum(carried) / changed

    # --- what comes before -----------------------------------------------------------------------

    def _fresh(self) -> None:
        """Make an empty database."""
        self._close()
        self.database = f"bench{next(self.numbers)}"
        self.server.create_database(self.database)

    def _open(self, key: bytes | None) -> None:
        self._fresh()
        self.manager = self._another(key)

    def _another(self, key: bytes | None = None) -> OfflineSyncManager:
        config = SyncConfig(
            database=self.database,
            local_storage_path=self.setting.folder / f"store{next(self.numbers)}",
            auto_sync=False,
            encryption_key=key,
        )
        return OfflineSyncManager(self.server.url(self.database), config).initialize()

    def _fill(self) -> None:
        assert self.manager is not None
        self.manager.engine.run(call(CreateCollection("notes")))
        self.manager.query("FOR d IN @documents INSERT d INTO notes", {"documents": self.documents})

    def _filled(self) -> None:
        self._open(None)
        self._fill()

    def _loaded(self) -> None:
        """Make a database that holds the documents."""
        self._fresh()
        self.client.create_collection(self.database, "notes")
        self.client.insert_many(self.database, "notes", self.documents)

    def _empty(self) -> None:
        """Open a store that knows nothing of a database that holds the documents."""
        self._loaded()
        self.manager = self._another()

    def _close(self) -> None:
        if self.manager is not None:
            self.manager.close()
            self.manager = None


AREA = Area(
    "sync",
    "Offline stores",
    TEXT,
    (2_000, 10_000, 20_000),
    measure,
    (
        Row("push", "push new documents", BULK, at_most(4)),
        Row("first sync", "take in a collection", CURSOR, (*at_most(3), Aim("growth", 3))),
        Row("encrypted", "save and push, encrypted", PLAIN, at_most(1.6)),
        Row("nothing", "nothing to do", aims=(Aim("absolute", 50),)),
        Row("late", "nothing to do, all written just before"),
        Row("one", "one change, all written just before"),
        Row("bytes", "bytes for a changed document"),
    ),
)
