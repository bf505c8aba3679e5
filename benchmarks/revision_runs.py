"""Migrations: steps over many documents beside loops by hand, generating revisions, memory, and the help."""

from __future__ import annotations

import itertools
import json
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

from solidb_odm import Document, Engine, Registry, Session, create_engine, sdbql, select
from solidb_odm.migrations import Migrator, MigratorBase
from tools.server import LocalServer, find_server, running_server

from .area import OURS, Aim, Area, Row, Setting, Steps, at_most
from .timing import Side, Timing, contest, milliseconds

SQL, SESSIONS, DECLARING, ARGPARSE = (
    "`sqlite3` by hand",
    "sessions in a loop",
    "declaring them",
    "bare `argparse`",
)
BATCH = 500
AT_ONCE = 5000
_numbers = itertools.count()

EACH = "op.for_each('things', raised)"
CONSTANT = "op.add_field('things', 'stars', 'int', fill=3)"
FUNCTION = "def raised(d):\n    d['n'] += 1\n    return d\n"


class Thing(Document, collection="things"):
    n: int
    name: str
    tags: list[str]
    address: dict[str, Any]
    text: str

    class Settings:
        indexes: ClassVar[list[Any]] = []


def documents(size: int) -> Iterator[dict[str, Any]]:
    """Yield the documents that are changed."""
    for number in range(size):
        yield {
            "_key": f"k{number:07d}",
            "n": number,
            "name": f"name {number}",
            "tags": ["a", "b"],
            "address": {"city": "Paris", "zip": number},
            "text": "x" * 60,
        }


def _revision(folder: Path, name: str, down: str | None, up: str) -> None:
    folder.mkdir(exist_ok=True)
    text = f'revision = "{name}"\ndown_revision = {down!r}\n{FUNCTION}\ndef upgrade(op):\n    {up}\n'
    (folder / f"20260101_0000_{name}_x.py").write_text(text)


def _history(folder: Path, step: str) -> Path:
    made = folder / f"revisions{next(_numbers)}"
    _revision(made, "aaaa", None, "op.create_collection('things')")
    _revision(made, "bbbb", "aaaa", step)
    return made


def _filled(engine: Engine, history: Path, size: int) -> None:
    Migrator(engine, history).upgrade("aaaa")
    rows = documents(size)
    with Session(engine) as session:
        while batch := list(itertools.islice(rows, AT_ONCE)):
            session.execute(sdbql("FOR d IN @ds INSERT d INTO things", ds=batch))
            session.commit()


# --- steps on a file -----------------------------------------------------------------------------


def measure_steps(setting: Setting) -> Steps:
    """Time a function over all documents, and a constant default, each on a new copy of the file."""
    folder = setting.folder
    histories = {"each": _history(folder, EACH), "constant": _history(folder, CONSTANT)}
    with create_engine(f"sqlite:///{folder / 'ours.db'}") as engine:
        _filled(engine, histories["each"], setting.size)
    _fill_by_hand(folder / "hand.db", setting.size)
    by_hand = {"each": _loop, "constant": _update}
    return {
        step: contest(
            {
                OURS: Side(
                    lambda step=step: _upgrade(folder, histories[step]), lambda: _copy(folder, "ours.db")
                ),
                SQL: Side(
                    lambda step=step: by_hand[step](folder / "copy.db"), lambda: _copy(folder, "hand.db")
                ),
            },
            setting.repetitions,
        )
        for step in histories
    }


def _copy(folder: Path, name: str) -> None:
    for ending in ("", "-wal", "-shm"):
        (folder / f"copy.db{ending}").unlink(missing_ok=True)
    shutil.copy(folder / name, folder / "copy.db")


def _upgrade(folder: Path, history: Path) -> None:
    with create_engine(f"sqlite:///{folder / 'copy.db'}") as engine:
        Migrator(engine, history).upgrade()


def _fill_by_hand(path: Path, size: int) -> None:
    file = sqlite3.connect(path)
    file.execute("PRAGMA journal_mode=WAL")
    file.execute("CREATE TABLE things (key TEXT PRIMARY KEY, rev TEXT, doc TEXT)")
    rows = ((row["_key"], "r", json.dumps(row)) for row in documents(size))
    file.executemany("INSERT INTO things VALUES (?, ?, ?)", rows)
    file.commit()
    file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    file.close()


def _loop(path: Path) -> None:
    file = sqlite3.connect(path)
    after = ""
    page = "SELECT key, doc FROM things WHERE key > ? ORDER BY key LIMIT ?"
    while rows := file.execute(page, (after, BATCH)).fetchall():
        changed: list[tuple[str, str, str]] = []
        for key, text in rows:
            document = json.loads(text)
            document["n"] += 1
            changed.append((json.dumps(document), os.urandom(16).hex(), key))
        file.executemany("UPDATE things SET doc = ?, rev = ? WHERE key = ?", changed)
        file.commit()
        after = rows[-1][0]
    file.close()


def _update(path: Path) -> None:
    file = sqlite3.connect(path)
    file.execute(
        "UPDATE things SET doc = json_set(doc, '$.stars', 3), rev = lower(hex(randomblob(16)))"
        " WHERE json_type(doc, '$.stars') IS NULL"
    )
    file.commit()
    file.close()


STEPS_AREA = Area(
    "migrations",
    "Migrations on a file",
    "A function over all documents, in batches of 500 that are committed with their checkpoint, and with what"
    " they were kept for a downgrade; and a constant default.",
    (5_000, 50_000, 100_000),
    measure_steps,
    (
        Row("each", "`op.for_each`", SQL, at_most(2)),
        Row("constant", "`op.add_field` with a constant", SQL, at_most(1.5)),
    ),
)

# --- on a server ---------------------------------------------------------------------------------


def measure_server(setting: Setting) -> Steps | None:
    """Time a function over all documents beside a loop of sessions; None where there is no server."""
    binary = find_server()
    if binary is None:
        return None
    with running_server(binary, setting.folder) as server:
        sides = {OURS: _migrated, SESSIONS: _in_sessions}
        best: dict[tuple[str, bool], float] = {}
        for _ in range(setting.repetitions):
            for name, side in sides.items():
                for collecting in (True, False):
                    with _database(server, setting) as (engine, history):
                        taken = milliseconds(lambda: side(engine, history), collecting=collecting)  # noqa: B023  called at once
                    best[name, collecting] = min(taken, best.get((name, collecting), taken))
    return {"each": {name: Timing(best[name, True], best[name, False]) for name in sides}}


@contextmanager
def _database(server: LocalServer, setting: Setting) -> Iterator[tuple[Engine, Path]]:
    name = f"migrated{next(_numbers)}"
    server.create_database(name)
    history = _history(setting.folder, EACH)
    with create_engine(server.url(name)) as engine:
        _filled(engine, history, setting.size)
        yield engine, history
    server.drop_database(name)


def _migrated(engine: Engine, history: Path) -> None:
    Migrator(engine, history).upgrade()


def _in_sessions(engine: Engine, _: Path) -> None:
    after = ""
    while True:
        with Session(engine) as session:
            page = select(Thing).where(Thing.key > after).order_by(Thing.key).limit(BATCH)
            documents = session.scalars(page).all()
            if not documents:
                return
            for document in documents:
                document.n += 1
            session.commit()
            after = documents[-1].key


SERVER_AREA = Area(
    "migrations-server",
    "Migrations on a server",
    "A function over all documents, with what they were kept for a downgrade.",
    (500, 2_000, 8_000),
    measure_server,
    (Row("each", "`op.for_each`", SESSIONS, at_most(1.5)),),
)

# --- generating, memory, help --------------------------------------------------------------------


def measure_models(setting: Setting) -> Steps:
    """Time the generating of a revision for new models beside declaring them."""
    models = _models(setting.size)

    def generate() -> None:
        MigratorBase(None, setting.folder / f"made{next(_numbers)}", models=models).revision(
            "x", autogenerate=True
        )

    sides = {OURS: Side(generate), DECLARING: Side(lambda: _models(setting.size))}
    return {"generate": contest(sides, setting.repetitions, per=setting.size)}


def _models(count: int) -> list[Any]:
    base: Any = type(Document)(
        "Base", (Document,), {"__module__": __name__}, abstract=True, registry=Registry()
    )
    return [_model(base, number) for number in range(count)]


def _model(base: Any, number: int) -> Any:
    kinds = {"name": str, "email": str, "age": int, "score": float, "tags": list[str], "note": str | None}
    namespace = {"__annotations__": kinds, "__module__": __name__, "note": None, "score": 1.5}
    return type(Document)(f"Made{number}", (base,), namespace, collection=f"made{number}")


MODELS_AREA = Area(
    "migrations-models",
    "Generating revisions",
    "The first revision of as many classes of six fields, for each of them.",
    (50, 200, 400),
    measure_models,
    (Row("generate", "a class in a revision", DECLARING, at_most(1.5)),),
    of="classes",
)


def measure_memory(setting: Setting) -> Steps:
    """Weigh the process that has run a function over all documents, at its heaviest."""
    history = _history(setting.folder, EACH)
    with create_engine(f"sqlite:///{setting.folder / 'ours.db'}") as engine:
        _filled(engine, history, setting.size)
        Migrator(engine, history).upgrade()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024.0
    return {"peak": {OURS: Timing(peak, peak)}}


MEMORY_AREA = Area(
    "migrations-memory",
    "Memory of a migration",
    "A process that fills a file in batches and runs a function over all of it; bytes at its heaviest.",
    (20_000, 50_000, 1_000_000),
    measure_memory,
    (Row("peak", "the process", aims=(Aim("growth", 1.3),)),),
    unit="bytes",
)

BARE = "import argparse; p = argparse.ArgumentParser(); p.add_argument('--url'); p.print_help()"
HELP = "from solidb_odm.cli import main; main(['--help'])"


def measure_help(setting: Setting) -> Steps:
    """Time `solidb-odm --help` beside a program of argparse alone; the medians of whole processes."""
    times: dict[str, list[float]] = {HELP: [], BARE: []}
    with TemporaryDirectory() as folder:
        for turn in range(setting.size + 1):
            for program, taken in times.items():
                time = milliseconds(lambda program=program: _start(program, folder))
                if turn:
                    taken.append(time)
    middle = {name: median(times[program]) for name, program in ((OURS, HELP), (ARGPARSE, BARE))}
    return {"help": {name: Timing(time, time) for name, time in middle.items()}}


def _start(program: str, folder: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    command = [sys.executable, "-c", program]
    subprocess.run(command, env=environment, cwd=folder, check=True, stdout=subprocess.DEVNULL)


HELP_AREA = Area(
    "migrations-help",
    "The command's help",
    "Medians of whole processes.",
    (10,),
    measure_help,
    (Row("help", "`solidb-odm --help`", ARGPARSE, at_most(3)),),
    of="processes of each kind",
)
