"""Search by words, beside FTS5 alone."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from solidb_odm import (
    Document,
    FulltextIndex,
    Session,
    Vector,
    VectorIndex,
    create_engine,
    desc,
    hybrid,
    matches,
    select,
)

from .area import OURS, Area, Row, Setting, Steps, at_most
from .timing import Side, contest

FTS5, WANTED = "FTS5 and its rows", 10
TEXT = f"""
Texts of twenty words out of five thousand, some much more frequent than others. Ours has the scores of the
server and returns {WANTED} documents; FTS5 ranks by its own `bm25` and returns {WANTED} rows, read with
Pydantic by nobody.
"""


class Story(Document, collection="stories"):
    body: Annotated[str, FulltextIndex()]
    face: Annotated[Vector, VectorIndex(dimension=8)]


def texts(count: int) -> list[str]:
    """Return texts, the same ones every time."""
    chance = random.Random(9)
    words = [f"word{number}" for number in range(5_000)]
    weights = [1 / (number + 10) for number in range(len(words))]
    return [" ".join(chance.choices(words, weights, k=20)) for _ in range(count)]


def measure(setting: Setting) -> Steps:
    """Time the forms of a search, turn by turn."""
    chance = random.Random(3)
    bodies = texts(setting.size)
    with TemporaryDirectory() as folder, create_engine(f"sqlite:///{Path(folder) / 'ours.db'}") as engine:
        engine.create_all(Story)
        with Session(engine) as session:
            session.add_all([Story(body=body, face=[chance.random() for _ in range(8)]) for body in bodies])
            session.commit()
        file = sqlite3.connect(Path(folder) / "fts.db")
        file.execute("CREATE VIRTUAL TABLE texts USING fts5(body)")
        file.executemany("INSERT INTO texts VALUES (?)", [(body,) for body in bodies])
        file.commit()
        with Session(engine) as session:
            contests = {
                step: contest(
                    {
                        OURS: Side(lambda condition=condition: _ask(session, condition())),
                        FTS5: Side(lambda query=query: file.execute(SQL, (query,)).fetchall()),
                    },
                    5 * setting.repetitions,
                )
                for step, (condition, query) in FORMS.items()
            }
        file.close()
    return contests


SQL = f"SELECT rowid, body FROM texts WHERE texts MATCH ? ORDER BY rank LIMIT {WANTED}"


def _ask(session: Session, search: object) -> object:
    score = search.score  # type: ignore[attr-defined]
    return session.scalars(select(Story).where(search).order_by(desc(score)).limit(WANTED)).all()  # type: ignore[arg-type]


FORMS = {
    "one": (lambda: matches(Story.body, "word40"), "word40"),
    "two": (lambda: matches(Story.body, "word3 word70"), "word3 OR word70"),
    "phrase": (lambda: matches(Story.body, "word1 word2", phrase=0), '"word1 word2"'),
    "hybrid": (
        lambda: hybrid(Story.face, [0.5] * 8, Story.body, "word3 word70", limit=WANTED),
        "word3 OR word70",
    ),
}
AREA = Area(
    "fulltext",
    "Search by words",
    TEXT,
    (2_000, 20_000, 60_000),
    measure,
    (
        Row("one", "one word, ranked", FTS5, at_most(5)),
        Row("two", "two words, ranked", FTS5, at_most(5)),
        Row("phrase", "a phrase, ranked", FTS5, at_most(5)),
        Row("hybrid", "words and vector together", FTS5, at_most(5)),
    ),
    of="texts",
)
