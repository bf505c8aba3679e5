"""Documents with vectors: stored, searched by nearness, and searched by an approximate index."""

from __future__ import annotations

import itertools
import json
import random
import sqlite3
from array import array
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel

from solidb_odm import Document, Engine, Index, Session, Vector, VectorIndex, create_engine, nearest, select
from solidb_odm.engines.sqlite import vector_graph

from .area import OURS, Aim, Area, Row, Setting, Steps, at_most
from .documents import ordered_key
from .timing import Side, Timing, contest

FLOOR, NUMPY = "`json.dumps`, `array` and two rows", "NumPy on the matrix, and the ten rows"
NEW_MATRIX = "NumPy, the matrix read again"
WORDS = "Writes about birds, maps and old machines. " * 5
SHORT, LONG, WANTED = 128, 1_536, 10
KINDS = 50


class Short(Document, collection="short"):
    text: str
    kind: Annotated[int, Index()]
    embedding: Annotated[Vector, VectorIndex(dimension=SHORT, metric="cosine")]


class Long(Document, collection="long"):
    text: str
    kind: Annotated[int, Index()]
    embedding: Annotated[Vector, VectorIndex(dimension=LONG, metric="cosine")]


class Bare(BaseModel):
    text: str
    kind: int
    embedding: list[float]


def vectors(count: int, dimension: int) -> list[list[float]]:
    """Return vectors around a hundred centres, the same ones every time."""
    chance = np.random.default_rng(5)
    centres = chance.normal(size=(100, dimension))
    rows: list[list[float]] = (
        centres[chance.integers(0, 100, count)] + chance.normal(size=(count, dimension))
    ).tolist()
    return rows


# --- inserting -----------------------------------------------------------------------------------

INSERT_TEXT = f"""
Documents with a vector and a text of {len(WORDS)} characters, built and committed. *By hand* is the same
without Pydantic: the text of the document by `json.dumps`, the vector packed to 32-bit floats, a row for
each.
"""


def measure_inserts(setting: Setting) -> Steps:
    """Time the insert of vectors of both lengths; an eighth as many of the long ones."""
    return {
        "short": _inserts(Short, vectors(setting.size, SHORT), setting),
        "long": _inserts(Long, vectors(max(1, setting.size // 8), LONG), setting),
    }


def _inserts(model: type[Any], rows: list[list[float]], setting: Setting) -> dict[str, Timing]:
    with TemporaryDirectory() as folder:
        file = sqlite3.connect(Path(folder) / "hand.db", isolation_level=None)
        file.executescript(
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
            "CREATE TABLE docs (key TEXT PRIMARY KEY, doc TEXT);"
            "CREATE INDEX kinds ON docs (doc ->> '$.kind');"
            "CREATE TABLE vectors (rowid INTEGER PRIMARY KEY, vector BLOB)"
        )
        with create_engine(f"sqlite:///{Path(folder) / 'ours.db'}") as engine:
            engine.create_all(model)
            sides = {
                OURS: Side(lambda: _insert(engine, model, rows)),
                FLOOR: Side(lambda: _insert_by_hand(file, rows)),
            }
            contests = contest(sides, setting.repetitions, per=len(rows))
        file.close()
    return contests


def _insert(engine: Engine, model: type[Any], rows: list[list[float]]) -> None:
    with Session(engine) as session:
        session.add_all(
            [model(text=WORDS, kind=number % KINDS, embedding=vector) for number, vector in enumerate(rows)]
        )
        session.commit()


def _insert_by_hand(file: sqlite3.Connection, rows: list[list[float]]) -> None:
    file.execute("BEGIN")
    texts = [
        (ordered_key(), json.dumps({"text": WORDS, "kind": number % KINDS, "embedding": vector}))
        for number, vector in enumerate(rows)
    ]
    file.executemany("INSERT INTO docs VALUES (?, ?)", texts)
    blobs = [(array("f", vector).tobytes(),) for vector in rows]
    file.executemany("INSERT INTO vectors (vector) VALUES (?)", blobs)
    file.execute("COMMIT")


INSERT_AREA = Area(
    "vector-insert",
    "Inserting vectors",
    INSERT_TEXT,
    (500, 2_000, 8_000),
    measure_inserts,
    (
        Row("short", f"a document with {SHORT} numbers", FLOOR, at_most(1.5)),
        Row("long", f"a document with {LONG:,} numbers, an eighth as many", FLOOR, at_most(1.5)),
    ),
)

# --- searching -----------------------------------------------------------------------------------

SEARCH_TEXT = f"""
The {WANTED} documents with the nearest vectors of {SHORT} numbers, by cosine, made into objects. NumPy has
the matrix in memory, multiplies, takes the best and reads their rows into Pydantic objects. *With a
condition*: of one of {KINDS} kinds, by an index; *two conditions*: and a text that no index knows. *After a
write*: another connection has just changed a document; what is read again is that one document, and by
NumPy the whole matrix. Ours adds about 0.2 ms to a search of any size: the statement is made and told from
others, one state of the file is held for all that is read, what is nearest is ordered once more in 64 bits,
and documents enter the session.
"""


def measure_searches(setting: Setting) -> Steps:
    """Time the forms of a search for what is nearest."""
    rows = vectors(setting.size, SHORT)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "search.db"
        with create_engine(f"sqlite:///{path}") as engine:
            engine.create_all(Short)
            _insert(engine, Short, rows)
            hand = Hand(path)
            asked = itertools.cycle(random.Random(2).sample(rows, min(50, len(rows))))
            with Session(engine) as session, Session(engine) as writer:
                written = itertools.cycle(writer.scalars(select(Short).limit(100)).all())

                def write() -> None:
                    next(written).text += "!"
                    document = next(written)
                    document.embedding = [*document.embedding[1:], 0.5]
                    writer.commit()

                contests = {
                    step: contest(
                        {
                            OURS: Side(lambda ask=ask: ask(session, next(asked))),
                            NUMPY: Side(lambda by_hand=by_hand: by_hand(hand, next(asked))),
                        },
                        5 * setting.repetitions,
                    )
                    for step, (ask, by_hand) in FORMS.items()
                }
                contests["written"] = contest(
                    {
                        OURS: Side(lambda: _by_order(session, next(asked)), write),
                        NEW_MATRIX: Side(lambda: (hand.read(), hand.nearest(next(asked)))),
                    },
                    3 * setting.repetitions,
                )
    return contests


class Hand:
    """The matrix in memory, and the rows of a file."""

    def __init__(self, path: Path) -> None:
        self.file = sqlite3.connect(path)
        self.file.execute("CREATE INDEX hand_kind ON short (doc ->> '$.kind')")
        self.read()

    def read(self) -> None:
        """Read the whole matrix."""
        rows = self.file.execute("SELECT rowid, vector FROM _solidb_vector_2").fetchall()
        self.places = [row[0] for row in rows]
        self.matrix = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float32)
        self.matrix = self.matrix.reshape(len(rows), SHORT)
        self.lengths = np.linalg.norm(self.matrix, axis=1)

    def nearest(self, asked: list[float], condition: str = "", values: tuple[Any, ...] = ()) -> list[Bare]:
        """Return the objects with the nearest vectors."""
        matrix, lengths, places = self.matrix, self.lengths, self.places
        if condition:
            sql = f"SELECT rowid FROM short WHERE {condition}"
            places = [row[0] for row in self.file.execute(sql, values).fetchall()]
            chosen = np.searchsorted(self.places, places)
            matrix, lengths = matrix[chosen], lengths[chosen]
        scores = matrix @ np.asarray(asked, dtype=np.float32) / lengths
        most = min(WANTED, len(scores))
        best = np.argpartition(scores, len(scores) - most)[len(scores) - most :]
        best = best[np.argsort(-scores[best])]
        marks = ", ".join("?" * len(best))
        sql = f"SELECT rowid, doc FROM short WHERE rowid IN ({marks})"
        rows = dict(self.file.execute(sql, [places[at] for at in best]).fetchall())
        return [Bare.model_validate_json(rows[places[at]]) for at in best]


def _by_order(session: Session, asked: list[float], *conditions: bool) -> object:
    return session.scalars(
        select(Short).where(*conditions).order_by(nearest(Short.embedding, asked)).limit(WANTED)
    ).all()


KIND = "doc ->> '$.kind' = ?"
FORMS: dict[str, tuple[Callable[[Session, list[float]], object], Callable[[Hand, list[float]], object]]] = {
    "order": (_by_order, lambda hand, asked: hand.nearest(asked)),
    "k": (
        lambda session, asked: session.scalars(
            select(Short).where(nearest(Short.embedding, asked, k=WANTED))
        ).all(),
        lambda hand, asked: hand.nearest(asked),
    ),
    "where": (
        lambda session, asked: _by_order(session, asked, Short.kind == 7),
        lambda hand, asked: hand.nearest(asked, KIND, (7,)),
    ),
    "two": (
        lambda session, asked: _by_order(session, asked, Short.kind < 25, Short.text != "x"),
        lambda hand, asked: hand.nearest(asked, "doc ->> '$.kind' < ? AND doc ->> '$.text' <> ?", (25, "x")),
    ),
}
SEARCH_AREA = Area(
    "vector-search",
    "Searching vectors",
    SEARCH_TEXT,
    (5_000, 20_000, 80_000),
    measure_searches,
    (
        Row("order", f"`order_by(nearest(..)).limit({WANTED})`", NUMPY, at_most(1.2)),
        Row("k", f"`where(nearest(.., k={WANTED}))`", NUMPY, at_most(1.2)),
        Row("where", "the first, with a condition", NUMPY, at_most(1.2)),
        Row("two", "the first, with two conditions", NUMPY),
        Row("written", "the first, after a write", NEW_MATRIX, (Aim("ratio", 0.5),)),
    ),
)

# --- very many -----------------------------------------------------------------------------------

GRAPH_TEXT = f"""
The same search through the graph of neighbours that the extra `ann` brings, which is used from 100,000
vectors on and here from the first. *Recall* is the part of the exact {WANTED} that it finds, over 200
searches. A graph is built in the background; until it is there, answers are exact.
"""


def measure_graph(setting: Setting) -> Steps | None:
    """Time searches by a graph, and count what they find; None without usearch."""
    if vector_graph.usearch_module() is None:
        return None
    vector_graph.MANY = 1  # type: ignore[misc]
    rows = vectors(setting.size, SHORT)
    chance = random.Random(4)
    with create_engine(f"sqlite:///{setting.folder / 'graph.db'}") as engine:
        engine.create_all(Short)
        _insert(engine, Short, rows)
        hand = Hand(setting.folder / "graph.db")
        with Session(engine) as session:
            _by_order(session, rows[0])
            engine.driver._vectors.graphs.settle(3_600)
            asked = [
                [number + chance.gauss(0, 0.3) for number in row]
                for row in chance.sample(rows, min(200, len(rows)))
            ]
            hits = 0
            for vector in asked:
                exact = select(Short.key).order_by(nearest(Short.embedding, vector, exact=True)).limit(WANTED)
                near = select(Short.key).order_by(nearest(Short.embedding, vector)).limit(WANTED)
                hits += len(set(session.scalars(exact)) & set(session.scalars(near)))
            share = hits / (len(asked) * min(WANTED, len(rows)))
            turns = itertools.cycle(asked)
            sides = {
                OURS: Side(lambda: _by_order(session, next(turns))),
                NUMPY: Side(lambda: hand.nearest(next(turns))),
            }
            times = contest(sides, 10 * setting.repetitions)
    return {"time": times, "recall": {OURS: Timing(share, share)}}


GRAPH_AREA = Area(
    "vector-graph",
    "Searching very many vectors",
    GRAPH_TEXT,
    (10_000, 30_000, 100_000),
    measure_graph,
    (
        Row("time", f"`order_by(nearest(..)).limit({WANTED})`", NUMPY, ()),
        Row("recall", f"recall at {WANTED}", "", (Aim("share", 0.98),)),
    ),
)
