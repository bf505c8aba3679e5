"""What a program pays before it works: classes, collections, the first session and query, the import."""

from __future__ import annotations

import itertools
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from pydantic import BaseModel, create_model

from solidb_odm import Document, Engine, Index, Session, create_engine, select

from .area import OURS, Aim, Area, Row, Setting, Steps, at_most
from .documents import rows
from .ours import User, user
from .timing import Side, Timing, contest, milliseconds

PYDANTIC, SQL = "Pydantic", "`sqlite3` by hand"
_numbers = itertools.count()

# --- classes -------------------------------------------------------------------------------------


def measure_classes(setting: Setting) -> Steps:
    """Time the making of as many classes: plain ones, and ones that each hold the two before."""
    count = setting.size
    return {
        "plain": contest(
            {
                OURS: Side(lambda: [_document() for _ in range(count)]),
                PYDANTIC: Side(lambda: [_bare() for _ in range(count)]),
            },
            setting.repetitions,
            per=count,
        ),
        "shared": contest(
            {
                OURS: Side(lambda: _chain(count, Document)),
                PYDANTIC: Side(lambda: _chain(count, BaseModel)),
            },
            setting.repetitions,
            per=count,
        ),
    }


def _document() -> type[Any]:
    class Plain(Document, collection=f"plain{next(_numbers)}"):
        name: str
        email: Annotated[str, Index(unique=True)]
        age: int = 0
        score: float = 0.0
        tags: list[str] = []
        note: str | None = None
        active: bool = True
        more: dict[str, int] = {}

    return Plain


def _bare() -> type[Any]:
    class Plain(BaseModel):
        name: str
        email: str
        age: int = 0
        score: float = 0.0
        tags: list[str] = []
        note: str | None = None
        active: bool = True
        more: dict[str, int] = {}

    return Plain


def _chain(count: int, last: type[Any]) -> type[Any]:
    """Make models that each hold the two before, and one at the end that holds them all."""
    models: list[type[Any]] = []
    for at in range(count):
        fields: dict[str, Any] = {"x": (int, 0)}
        for back, model in enumerate(models[-2:]):
            fields[f"part{back}"] = (model | None, None)
        models.append(create_model(f"Part{at}", **fields))
    name = f"Whole{next(_numbers)}"
    body = {"__annotations__": {"part": models[-1] | None}, "part": None, "__module__": __name__}
    options = {"collection": name.lower()} if last is Document else {}
    return type(last)(name, (last,), body, **options)


CLASSES_AREA = Area(
    "classes",
    "Making classes",
    "A class of eight fields; and a class over shared models, each of which holds the two before it."
    " A bare model with the key and the index of a document takes 1.2 times the one without, which is the"
    " least; the rest is what a declaration is held to.",
    (5, 10, 20),
    measure_classes,
    (
        Row("plain", "a class", PYDANTIC, at_most(1.5)),
        Row("shared", "a class over shared models, for each of them", PYDANTIC, at_most(1.5)),
    ),
    of="classes",
)

# --- collections, sessions, first query ----------------------------------------------------------


def measure_files(setting: Setting) -> Steps:
    """Time ``create_all`` of as many classes on a new file, and the opening of a session on it."""
    models = [_document() for _ in range(setting.size)]
    folder = setting.folder

    def made() -> None:
        with create_engine(f"sqlite:///{folder / f'ours{next(_numbers)}.db'}") as engine:
            engine.create_all(*models)

    def by_hand() -> None:
        file = sqlite3.connect(folder / f"hand{next(_numbers)}.db")
        file.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; BEGIN")
        for number in range(len(models)):
            file.execute(
                f"CREATE TABLE t{number} (key TEXT UNIQUE, rev TEXT, created TEXT, updated TEXT, doc TEXT)"
            )
            file.execute(f"CREATE UNIQUE INDEX i{number} ON t{number} (doc ->> '$.email')")
        file.commit()
        file.close()

    contests = {"create": contest({OURS: Side(made), SQL: Side(by_hand)}, setting.repetitions)}
    with create_engine(f"sqlite:///{folder / 'again.db'}") as engine:
        engine.create_all(*models)
        contests["again"] = contest({OURS: Side(lambda: engine.create_all(*models))}, setting.repetitions)
        sides = {
            OURS: Side(lambda: _open(engine, models[0])),
            SQL: Side(lambda: _connect(folder / "again.db")),
        }
        contests["session"] = contest(sides, 20 * setting.repetitions)
    return contests


def _open(engine: Engine, model: type[Any]) -> None:
    with Session(engine) as session:
        session.get(model, "missing")


def _connect(path: Path) -> None:
    file = sqlite3.connect(path)
    file.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchall()
    file.close()


FILES_AREA = Area(
    "collections",
    "Making collections, opening sessions",
    "`create_all` of many classes on a new file, and again; a session that asks for one document by its key.",
    (30, 100, 300),
    measure_files,
    (
        Row("create", "`create_all` on a new file", SQL, (Aim("growth", 3.6),)),
        Row("again", "`create_all` on a file that has them", "", (Aim("growth", 3.6),)),
        Row("session", "a session that asks for a document", SQL),
    ),
    of="classes",
)

# --- whole processes -----------------------------------------------------------------------------

NOTHING = "pass"
IMPORT, BASE_IMPORT = "import solidb_odm", "import pydantic, anyio"
USE = "from solidb_odm import Document, Session"
BASE_USE = "from pydantic import BaseModel; import anyio"
FIRST = """
import sys
from typing import Annotated
from pydantic import BaseModel
from solidb_odm import Document, Index, Session, create_engine, select
class Address(BaseModel):
    street: str; city: str; country: str
class User(Document, collection="users"):
    name: str; email: Annotated[str, Index(unique=True)]; age: Annotated[int, Index()]; score: float
    active: bool; bio: str; tags: list[str]; address: Address
engine = create_engine("sqlite:///" + sys.argv[1])
with Session(engine) as session:
    assert session.scalars(select(User).where(User.age >= 30).limit(5)).all()
"""
BASE_FIRST = """
import sqlite3, sys
from pydantic import BaseModel
class Address(BaseModel):
    street: str; city: str; country: str
class User(BaseModel):
    name: str; email: str; age: int; score: float; active: bool; bio: str; tags: list[str]; address: Address
file = sqlite3.connect(sys.argv[1])
rows = file.execute("SELECT doc FROM users WHERE doc ->> '$.age' >= 30 LIMIT 5").fetchall()
assert [User.model_validate_json(row[0]) for row in rows]
"""
BESIDE_IMPORT = "`import pydantic, anyio`"


def measure_processes(setting: Setting) -> Steps:
    """Time whole processes; the medians of their times, without what an empty one takes."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "first.db"
        with create_engine(f"sqlite:///{path}") as engine:
            engine.create_all(User)
            with Session(engine) as session:
                session.add_all([user(row) for row in rows(100)])
                session.commit()
                session.scalars(select(User).limit(1)).all()
        programs = (NOTHING, IMPORT, BASE_IMPORT, USE, BASE_USE, FIRST, BASE_FIRST)
        times: dict[str, list[float]] = {program: [] for program in programs}
        warming = int(setting.size > 1)  # the first turn of several; one alone only shows that they run
        for turn in range(setting.size + warming):
            for program, taken in times.items():
                time = milliseconds(lambda program=program: _start(program, path))
                if turn >= warming:
                    taken.append(time)
    middle = {program: median(taken) for program, taken in times.items()}

    def beside(ours: str, base: str, name: str) -> dict[str, Timing]:
        times = {OURS: middle[ours], name: middle[base]}
        return {side: Timing(time, time) for side, time in times.items()}

    return {
        "import": beside(IMPORT, BASE_IMPORT, BESIDE_IMPORT),
        "use": beside(USE, BASE_USE, PYDANTIC),
        "first": beside(FIRST, BASE_FIRST, SQL),
    }


def _start(program: str, path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([sys.executable, "-c", program, str(path)], env=environment, check=True)


PROCESSES_AREA = Area(
    "processes",
    "Whole processes",
    "Medians of processes that import, that use what they import, and that declare a class and ask a query."
    " Pydantic loads itself at first use, so the second line is the fairer one; a document class is a model,"
    " though, which `BaseModel` alone is not. Of what comes on top a third is what Pydantic loads for any"
    " first class, the rest some 115 modules of ours. A program that declares one class takes 1.3 to 1.5"
    " times as long.",
    (10,),
    measure_processes,
    (
        Row("import", "`import solidb_odm`", BESIDE_IMPORT, at_most(1.5)),
        Row("use", "`from solidb_odm import Document, Session`", PYDANTIC, at_most(1.5)),
        Row("first", "a class, a session and its first query", SQL),
    ),
    of="processes of each kind",
)
