"""Devices and other writers on one server, with faults at every step: whoever loses an edit is found.

Each actor owns an attribute of every document and writes growing numbers into it, so a lost edit is told
exactly: the server's number is lower than the newest one the actor wrote. Nor do two ever change the same
attribute, so a device that reports a conflict has taken its own write for another's. A gardener makes and
deletes documents of its own, so that removals are told too.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from solidb_odm.errors import ConnectionFailed, ConnectionLost, SolidbError
from solidb_odm.offline import Conflict, ConflictStrategy, OfflineSyncManager, SyncConfig
from solidb_odm.offline.remote import CreateMany, CreateOne, ReplaceMany

from .model_server import plain

HOT = 5
STEPS = 60


class Crash(BaseException):
    """The process is gone."""


class Simulator:
    """One run, determined by its seed. ``answers``: the only faults are that answers to writes are lost."""

    def __init__(
        self,
        seed: int,
        folder: Path,
        server: Any,
        *,
        devices: int = 3,
        fault: float = 0.08,
        answers: bool = False,
        steps: int = STEPS,
    ) -> None:
        self.random = random.Random(seed)
        self.folder, self.server, self.fault, self.only_answers = folder, server, fault, answers
        self.names = [f"device{number}" for number in range(devices)]
        self.newest: dict[tuple[str, str], int] = {}
        self.steps = steps
        self.count = self.step = 0
        self.conflicts: list[Conflict] = []
        self.managers = {name: self._open(name) for name in self.names}
        server.make("notes")

    def run(self) -> None:
        """Make random moves, then heal everything, and check that nothing is lost."""
        self._connect(faulty=True)
        for number in range(self.steps):
            self.step = number
            self.random.choices([self._edit, self._sync, self._write, self._garden], weights=[5, 4, 2, 1])[
                0
            ]()
        self._connect(faulty=False)
        self._heal()
        self.check()

    def close(self) -> None:
        """Close the devices."""
        for manager in self.managers.values():
            manager.close()

    def check(self) -> None:
        """Compare what is stored with what was written."""
        stored = self.server.all("notes")
        lost = {
            place: (number, stored.get(place[0], {}).get(place[1]))
            for place, number in self.newest.items()
            if stored.get(place[0], {}).get(place[1]) != number
        }
        assert lost == {}
        assert self.conflicts == []
        for name, manager in self.managers.items():
            documents, _ = manager.list_documents("notes")
            assert {document["_key"]: plain(document) for document in documents} == stored, name
            assert manager.sync_status().pending_changes == 0, name

    # --- moves -----------------------------------------------------------------------------------

    def _number(self, key: str, actor: str) -> int:
        self.count += 1
        self.newest[key, actor] = self.count
        return self.count

    def _edit(self) -> None:
        name, key = self.random.choice(self.names), self._key()
        self.managers[name].save_document("notes", key, {name: self._number(key, name)})

    def _sync(self) -> None:
        name = self.random.choice(self.names)
        try:
            with suppress(ConnectionFailed):
                self.managers[name].sync_now()
        except Crash:
            self.managers[name].close()
            self.managers[name] = self._open(name)

    def _key(self) -> str:
        """Return one of a few keys that everybody writes; new ones appear as time goes by."""
        return f"k{self.step // 6 + self.random.randrange(HOT)}"

    def _write(self, key: str | None = None) -> None:
        key = key or self._key()
        actor = self.random.choice(["plain", "transaction"])
        staged = self.random.uniform(0, 290) if actor == "transaction" else 0.0
        self.server.update("notes", key, staged=staged, **{actor: self._number(key, actor)})

    def _garden(self) -> None:
        key = f"garden{self.random.randrange(4)}"
        if key in self.server.all("notes"):
            self.server.delete("notes", key)
            self.newest.pop((key, "gardener"))
        else:
            self.server.put("notes", key, gardener=self._number(key, "gardener"))

    # --- faults ----------------------------------------------------------------------------------

    def _connect(self, *, faulty: bool) -> None:
        nothing: Callable[..., None] = lambda *_: None  # noqa: E731
        hook = self._strike if faulty else nothing
        self.server.before = self.server.between = nothing if self.only_answers else hook
        self.server.after = self._lose if faulty and self.only_answers else hook

    def _strike(self, command: object = None) -> None:
        if self.random.random() >= self.fault:
            return
        kind = self.random.choice(["lost", "crash", "overtake"])
        if kind == "lost":
            raise ConnectionLost("cut")
        if kind == "crash":
            raise Crash
        self._write(self._target(command))  # somebody is first, between our look and our write

    def _lose(self, command: object) -> None:
        """Lose the answer to every second write."""
        if isinstance(command, CreateMany | CreateOne | ReplaceMany) and self.random.random() < 0.5:
            raise ConnectionLost("cut")

    def _target(self, command: object) -> str | None:
        """Return a key that a request is about to write."""
        match command:
            case CreateOne(_, document):
                return str(document["_key"])
            case CreateMany(_, documents):
                return str(self.random.choice(documents)["_key"])
            case ReplaceMany(_, rows):
                return self.random.choice(rows)[0]
            case _:
                return None

    def _heal(self) -> None:
        for _ in range(3):
            for manager in self.managers.values():
                with suppress(SolidbError):
                    manager.sync_now()
        if len(self.managers) > 1:
            next(iter(self.managers.values())).sync_now()

    def _open(self, name: str) -> OfflineSyncManager:
        config = SyncConfig(
            database="db",
            local_storage_path=self.folder / name,
            auto_sync=False,
            conflict_strategy=ConflictStrategy.MergeFields,
        )
        manager = OfflineSyncManager(self.server, config).initialize()
        manager.on_conflict(self._meet)
        return manager

    def _meet(self, conflict: Conflict) -> None:
        """Note a conflict: nobody else writes an actor's attribute, so there should be none."""
        self.conflicts.append(conflict)
