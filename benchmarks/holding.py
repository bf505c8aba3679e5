"""A query in a session that holds many documents, beside the same query in an empty one."""

from __future__ import annotations

import random
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm import Session, create_engine, desc, select
from tools.server import find_server, running_server

from .area import OURS, Area, Row, Setting, Steps, at_most
from .documents import PAGE, filters, rows
from .ours import User, user
from .timing import Side, contest

TEXT = """
Sessions are asked for pages of twenty users. One holds as many documents as the size says, which it has
read, and of each a list was looked at, so that it may have changed; another has just built and committed
them; the one beside holds none. In the last line each document is read and a question is asked for every
one of them.
"""
EMPTY = "an empty session"
QUESTIONS = 20


def measure(setting: Setting) -> Steps | None:
    """Measure on a file."""
    with TemporaryDirectory() as folder:
        return _measured(f"sqlite:///{Path(folder) / 'held.db'}", setting)


def measure_on_server(setting: Setting) -> Steps | None:
    """Measure on a server; None where there is none."""
    binary = find_server()
    if binary is None:
        return None
    with running_server(binary, setting.folder) as server:
        server.create_database("held")
        return _measured(server.url("held"), setting)


def _measured(url: str, setting: Setting) -> Steps:
    with create_engine(url) as engine:
        engine.create_all(User)
        built = Session(engine)
        fresh = [user(row) for row in rows(setting.size)]
        built.add_all(fresh)
        built.commit()
        reader = Session(engine)
        read = reader.scalars(select(User)).all()
        looked = sum(len(user.tags) for user in read)
        empty = Session(engine)
        sides = {OURS: Side(lambda: _ask(reader)), EMPTY: Side(lambda: _ask(empty))}
        contests = {"read": contest(sides, setting.repetitions, per=QUESTIONS)}
        sides = {OURS: Side(lambda: _ask(built)), EMPTY: Side(lambda: _ask(empty))}
        contests["built"] = contest(sides, setting.repetitions, per=QUESTIONS)
        some = random.Random(4).sample(read, min(200, len(read)))
        sides = {OURS: Side(lambda: _loop(reader, some)), EMPTY: Side(lambda: _loop_anew(engine, some))}
        contests["loop"] = contest(sides, setting.repetitions, per=len(some))
        if looked != 2 * len(fresh):
            raise RuntimeError(f"{looked} tags of {len(fresh)} users")
        for session in (built, reader, empty):
            session.close()
    return contests


def _ask(session: Session) -> None:
    for low, high in filters(QUESTIONS):
        wanted = select(User).where(User.age >= low, User.age < high)
        session.scalars(wanted.order_by(desc(User.age), User.email).limit(PAGE)).all()


def _loop(session: Session, some: list[User]) -> None:
    for holder in some:
        if holder.tags:
            session.scalars(select(User).where(User.email == holder.email)).all()


def _loop_anew(engine: object, some: list[User]) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        for holder in some:
            session.scalars(select(User).where(User.email == holder.email)).all()


ROWS = (
    Row("read", "a page, in a session that has read them", EMPTY, at_most(1.2)),
    Row("built", "a page, in a session that has built and committed them", EMPTY, at_most(1.2)),
    Row("loop", "a question for each document that was read", EMPTY, at_most(1.2)),
)
AREA = Area(
    "held", "In a session that holds documents, on a file", TEXT, (1_000, 10_000, 40_000), measure, ROWS
)
SERVER_AREA = Area(
    "held-server",
    "In a session that holds documents, on a server",
    "The same on a server.",
    (500, 5_000, 10_000),
    measure_on_server,
    ROWS,
    waits=True,
)
