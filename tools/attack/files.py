"""What we read from disks: each is read with bytes at random changed, taken out, put in or cut off.

What is read may be anything, for damage can't always be told; what is raised is an error of ours.
"""

from __future__ import annotations

import io
import random
import shutil
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout, suppress
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

from solidb_odm import (
    Document,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Session,
    create_engine,
    func,
    matches,
    select,
)
from solidb_odm.client.collections import chunks_in
from solidb_odm.offline import OfflineSyncManager, SyncConfig

from . import mutations
from .texts import REVISION


class Filed(Document, collection="filed"):
    """What the files hold."""

    name: Annotated[str, Index(unique=True)]
    about: Annotated[str, FulltextIndex()] = ""
    home: Annotated[GeoPoint | None, GeoIndex()] = None
    numbers: list[int] = []


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file: makes the files of a new folder, says which is damaged, and reads them all."""

    make: Callable[[Path], object]
    name: str
    read: Callable[[Path], object]

    @property
    def is_text(self) -> bool:
        """Whether people or programs write it as text."""
        return not self.name.endswith((".db", "-wal"))


def filed(number: int) -> Filed:
    """Make a document with something in every index."""
    home = GeoPoint(lat=number % 90, lon=1)
    return Filed(
        key=f"k{number}", name=f"n{number}", about=f"a harbour {number}", home=home, numbers=[number]
    )


# --- databases -----------------------------------------------------------------------------------


def _make_database(folder: Path) -> None:
    with create_engine(f"sqlite:///{folder}/a.db") as engine, Session(engine) as session:
        session.add_all(map(filed, range(40)))
        session.commit()


def _make_log(folder: Path) -> None:
    """Leave a log of commits that is not in the file yet, as a process does that is killed."""
    made = folder / "made"
    made.mkdir()
    with create_engine(f"sqlite:///{made}/a.db") as engine, Session(engine) as session:
        session.add_all(map(filed, range(20)))
        session.commit()
        session.add_all(map(filed, range(20, 40)))
        session.commit()
        for part in ("", "-wal"):
            shutil.copy(f"{made}/a.db{part}", f"{folder}/a.db{part}")
    shutil.rmtree(made)


def _use_database(folder: Path) -> None:
    with create_engine(f"sqlite:///{folder}/a.db?timeout=1") as engine:
        with Session(engine) as session:
            session.scalars(select(Filed).where(Filed.name >= "n").order_by(Filed.name)).all()
            session.scalars(select(Filed).where(matches(Filed.about, "harbour"))).all()
            session.scalar(select(func.sum(func.length(Filed.numbers))))
            session.get(Filed, "k3")
        with Session(engine) as session:
            session.add(filed(99))
            session.commit()


def _make_store(folder: Path, key: bytes | None = None) -> None:
    with _opened(folder, key) as manager:
        for number in range(20):
            manager.save_document("notes", f"k{number}", {"n": number, "text": "x" * 50})


def _use_store(folder: Path, key: bytes | None = None) -> None:
    with _opened(folder, key) as manager:
        manager.list_documents("notes")
        manager.pending()
        manager.sync_status()
        manager.save_document("notes", "k1", {"n": 1})
        manager.delete_document("notes", "k2")


def _opened(folder: Path, key: bytes | None) -> OfflineSyncManager:
    config = SyncConfig(database="d", local_storage_path=folder, auto_sync=False, encryption_key=key)
    return OfflineSyncManager("solidb://user:password@127.0.0.1:1", config).initialize()


# --- texts ---------------------------------------------------------------------------------------

_PYPROJECT = """\
[project]
name = "app"

[tool.solidb_odm]
models = ["json"]
migrations = "revisions"
url = "sqlite:///a.db"

[tool.solidb_odm.databases.other]
url = "sqlite:///other.db"
migrations = "elsewhere"
"""


def _make_project(folder: Path) -> None:
    (folder / "pyproject.toml").write_text(_PYPROJECT)
    (folder / "revisions").mkdir()
    (folder / "revisions" / "20260101_a1_first.py").write_text(REVISION)


def _command(*words: str) -> Callable[[Path], object]:
    """Return what runs a command of the command line in a folder."""

    def run(folder: Path) -> object:
        main = import_module("solidb_odm.cli.main").main
        told, path = io.StringIO(), sys.path[:]
        given = [word.format(folder=folder) for word in ("--config", "{folder}/pyproject.toml", *words)]
        with redirect_stdout(told), redirect_stderr(told), suppress(SystemExit):
            main(given)
        sys.path[:] = path
        return told.getvalue()

    return run


def _make_dump(folder: Path) -> None:
    _make_project(folder)
    _make_database(folder)
    _command("--url", "sqlite:///{folder}/a.db", "dump", "{folder}/all.jsonl")(folder)
    (folder / "a.db").unlink()


def _make_export(folder: Path) -> None:
    (folder / "export.jsonl").write_text('{"_key": "a", "n": 1}\n{"n": [1.5, null, "x"]}\n\n{"_rev": "r"}\n')


def _import(folder: Path) -> object:
    return list(chunks_in(folder / "export.jsonl", "c"))


_OTHER = _command("--database", "other", "current")
_LOAD = _command("--url", "sqlite:///{folder}/b.db", "load", "{folder}/all.jsonl")
KINDS: dict[str, Kind] = {
    "database": Kind(_make_database, "a.db", _use_database),
    "log": Kind(_make_log, "a.db-wal", _use_database),
    "database with a log": Kind(_make_log, "a.db", _use_database),
    "store": Kind(_make_store, "store.db", _use_store),
    "configuration": Kind(_make_project, "pyproject.toml", _command("heads")),
    "configuration of another": Kind(_make_project, "pyproject.toml", _OTHER),
    "revision": Kind(_make_project, "revisions/20260101_a1_first.py", _command("upgrade", "head")),
    "dump": Kind(_make_dump, "all.jsonl", _LOAD),
    "export": Kind(_make_export, "export.jsonl", _import),
}
_KEY = b"k" * 32
if find_spec("sqlcipher3") is not None:
    for _part in ("store.db", "store.db-key"):
        _made, _used = partial(_make_store, key=_KEY), partial(_use_store, key=_KEY)
        KINDS[f"encrypted {_part}"] = Kind(_made, _part, _used)


class Files:
    """Files of each kind, made once and damaged again and again."""

    def __init__(self, folder: Path, kinds: dict[str, Kind] = KINDS) -> None:
        self._folder, self._kinds = folder, kinds
        for name, kind in kinds.items():
            (folder / name).mkdir()
            kind.make(folder / name)

    def read(self, name: str, place: Path) -> object:
        """Read a file of a kind as it was made."""
        shutil.copytree(self._folder / name, place)
        return self._kinds[name].read(place)

    def damaged(self, name: str, chance: random.Random) -> object:
        """Damage a file of a kind, and read it."""
        kind = self._kinds[name]
        place = self._folder / "damaged"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._folder / name, place)
        file = place / kind.name
        whole = file.read_bytes()
        if kind.is_text and chance.random() < 0.5:
            file.write_bytes(mutations.text(chance, [whole.decode()]).encode(errors="surrogatepass"))
        else:
            file.write_bytes(mutations.data(chance, whole))
        return kind.read(place)
