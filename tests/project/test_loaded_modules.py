"""A program pays at its start for what it uses, and for nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EVENT_LOOPS = {"asyncio", "anyio", "trio"}
SERVER = {"httpx", "httpcore", "websockets", "msgpack", "cronsim"}
EXTRAS = {"numpy", "shapely", "jellyfish", "argon2", "opentelemetry"}

MODELS = """
from typing import Annotated
from solidb_odm import Document, Edge, FulltextIndex, Index, Link, select, traverse

class User(Document, collection="users"):
    name: Annotated[str, Index(unique=True)]
    bio: Annotated[str, FulltextIndex()] = ""

class Follows(Edge[User, User], collection="follows"):
    since: int = 0
"""
ON_A_FILE = """
from solidb_odm import Session, create_engine, func, sdbql

engine = create_engine("sqlite://")
engine.create_all()
with Session(engine) as session:
    ada, bob = User(name="Ada"), User(name="Bob")
    session.add_all([ada, bob, Follows(ada, bob)])
    session.commit()
    assert session.scalars(traverse(ada, Follows)).all() == [bob]
    assert session.scalar(select(func.count(User))) == 2
    assert session.execute(sdbql("FOR u IN users SORT u.name RETURN UPPER(u.name)")).all() == ["ADA", "BOB"]
"""
ON_A_FILE_AWAITED = """
import asyncio
from solidb_odm import AsyncSession, create_async_engine

async def main():
    async with AsyncSession(create_async_engine("sqlite://")) as session:
        session.add(User(name="Ada"))
        await session.commit()
        assert len((await session.scalars(select(User))).all()) == 1

asyncio.run(main())
"""
MIGRATED = """
from tempfile import TemporaryDirectory
from solidb_odm import create_engine
from solidb_odm.migrations import Migrator

with TemporaryDirectory() as folder, create_engine("sqlite://") as engine:
    migrator = Migrator(engine, folder, models=[User, Follows])
    migrator.revision("first", autogenerate=True)
    migrator.upgrade()
    assert migrator.check().ok
"""
ON_A_SERVER = """
from solidb_odm import Session, create_engine
from solidb_odm.errors import ConnectionFailed

with Session(create_engine("solidb://root:secret@127.0.0.1:9/shop")) as session:
    try:
        session.get(User, "ada")
    except ConnectionFailed:
        pass
"""

CLIENT = """
from solidb_odm.client import Client
from solidb_odm.errors import ConnectionFailed

try:
    Client.connect("127.0.0.1:9")
except ConnectionFailed:
    pass
"""
OFFLINE = """
from tempfile import TemporaryDirectory
from solidb_odm.offline import OfflineSyncManager, SyncConfig

with TemporaryDirectory() as folder:
    config = SyncConfig(database="notes", local_storage_path=folder, auto_sync=False)
    manager = OfflineSyncManager("solidb://root:secret@127.0.0.1:9", config).initialize()
    manager.save_document("notes", "n1", {"text": "seen two herons"})
    assert manager.get_document("notes", "n1")["text"] == "seen two herons"
    manager.close()
"""

IN_SQL = """
from solidb_odm import Session, create_engine

engine = create_engine("sqlite://")
engine.create_all()
with Session(engine) as session:
    session.add(User(name="Ada"))
    session.commit()
    found = session.scalars(select(User).where(User.name >= "A").order_by(User.name).limit(5)).all()
    assert [user.name for user in found] == ["Ada"]
"""
IN_PYTHON = """
from solidb_odm import Session, create_engine, sdbql

with Session(create_engine("sqlite://")) as session:
    matches = sdbql("FOR t IN ['ab', 'b'] FILTER REGEX_TEST(t, 'a.') RETURN SOUNDEX(t)")
    assert session.execute(matches).all() == ["A100"]
"""
EVALUATOR = {
    "regex",
    "solidb_odm.language.functions.families",
    "solidb_odm.language.interpreter.prepared",
    "solidb_odm.language.parser.queries",
}


def loaded(program: str, *, whole: bool = False) -> set[str]:
    """Return the top-level modules that a program has loaded at its end, or the whole names of all."""
    names = "sys.modules" if whole else "{name.partition('.')[0] for name in sys.modules}"
    asked = program + f"\nimport sys\nprint(*sorted({names}))\n"
    ended = subprocess.run(
        [sys.executable, "-c", asked],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ended.stdout.split())


@pytest.mark.parametrize(
    ("program", "absent"),
    [
        pytest.param(
            "import solidb_odm", EVENT_LOOPS | SERVER | EXTRAS | {"pydantic", "sqlite3"}, id="import"
        ),
        pytest.param(MODELS, EVENT_LOOPS | SERVER | EXTRAS | {"sqlite3", "jsonschema", "html"}, id="models"),
        pytest.param(MODELS + ON_A_FILE, EVENT_LOOPS | SERVER | EXTRAS | {"jsonschema"}, id="file"),
        pytest.param(MODELS + MIGRATED, EVENT_LOOPS | SERVER | EXTRAS, id="file, migrated"),
        pytest.param(MODELS + ON_A_FILE_AWAITED, SERVER | EXTRAS | {"trio"}, id="file, awaited"),
        pytest.param(
            MODELS + ON_A_SERVER, EVENT_LOOPS | EXTRAS | {"sqlite3", "websockets", "cronsim"}, id="server"
        ),
        pytest.param(CLIENT, EVENT_LOOPS | EXTRAS | {"sqlite3"}, id="client"),
        pytest.param(OFFLINE, EVENT_LOOPS | EXTRAS, id="offline"),
    ],
)
def test_a_program_loads_only_what_it_uses(program: str, absent: set[str]) -> None:
    assert loaded(program) & absent == set()


def test_what_sql_answers_loads_no_evaluator() -> None:
    assert loaded(MODELS + IN_SQL, whole=True) & EVALUATOR == set()


def test_what_is_loaded_is_seen() -> None:
    assert loaded(MODELS + IN_PYTHON, whole=True) >= EVALUATOR
    assert {"asyncio", "anyio"} <= loaded(MODELS + ON_A_FILE_AWAITED)
    assert "msgpack" in loaded(MODELS + ON_A_SERVER)
