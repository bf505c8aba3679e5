"""One statement for many documents: a bulk update, and a stream of sorted ones."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm import Session, create_engine, select, update

from .area import OURS, Aim, Area, Row, Setting, Steps, at_most
from .documents import rows
from .ours import User, user
from .timing import Side, contest

UPDATE, AT_ONCE = "one UPDATE with `json_set`", "the same, read at once"
TEXT = """
`update(User).where(..)` of half of the documents, beside one statement of SQL on a file with the same
indexes. Then all documents in an order that no index has, as a stream in batches of a thousand, beside all
of them at once.
"""


def measure(setting: Setting) -> Steps:
    """Time both on one file."""
    with TemporaryDirectory() as folder, create_engine(f"sqlite:///{Path(folder) / 'ours.db'}") as engine:
        engine.create_all(User)
        data = rows(setting.size)
        with Session(engine) as session:
            session.add_all([user(row) for row in data])
            session.commit()
        hand = sqlite3.connect(Path(folder) / "hand.db", isolation_level=None)
        hand.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL")
        with sqlite3.connect(Path(folder) / "ours.db") as source:
            stored = source.execute("SELECT key, rev, created, updated, doc FROM users").fetchall()
        source.close()
        hand.executescript(
            "CREATE TABLE users (key TEXT UNIQUE, rev TEXT, created TEXT, updated TEXT, doc TEXT);"
            "CREATE UNIQUE INDEX emails ON users (doc ->> '$.email');"
            "CREATE INDEX ages ON users (doc ->> '$.age');"
        )
        hand.execute("BEGIN")
        hand.executemany("INSERT INTO users VALUES (?, ?, ?, ?, ?)", stored)
        hand.execute("COMMIT")

        def ours() -> None:
            with Session(engine) as session:
                session.execute(update(User).where(User.age < 54).values(score=User.score + 1))
                session.commit()

        def by_hand() -> None:
            hand.execute(
                "UPDATE users SET doc = json_set(doc, '$.score', (doc ->> '$.score') + 1),"
                " rev = lower(hex(randomblob(16))), updated = datetime() WHERE doc ->> '$.age' < 54"
            )

        ordered = select(User).order_by(User.name)

        def streamed() -> None:
            with Session(engine) as session:
                for _ in session.stream(ordered):
                    pass

        def read() -> None:
            with Session(engine) as session:
                session.scalars(ordered).all()

        contests = {
            "update": contest({OURS: Side(ours), UPDATE: Side(by_hand)}, setting.repetitions),
            "stream": contest({OURS: Side(streamed), AT_ONCE: Side(read)}, setting.repetitions),
        }
        hand.close()
    return contests


AREA = Area(
    "bulk",
    "Many documents with one statement",
    TEXT,
    (8_000, 16_000, 32_000),
    measure,
    (
        Row("update", "bulk `update()`", UPDATE, at_most(2)),
        Row("stream", "`stream(order_by(unindexed))`", AT_ONCE, (Aim("ratio", 1.5),)),
    ),
)
