"""On a real server: one commit through the session, beside the raw protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm import Session, create_engine, select
from tools.server import LocalServer, find_server, running_server

from . import floor, ours
from .documents import ordered_key, rows
from .raw import RawConnection
from .timing import milliseconds


@dataclass(frozen=True)
class CommitTimes:
    """The best times of one commit, in milliseconds."""

    size: int
    ours: float
    raw: float


def measure(size: int, repetitions: int) -> CommitTimes | None:
    """Time commits of ``size`` new documents, in turns; None where there is no server."""
    binary = find_server()
    if binary is None:
        return None
    with TemporaryDirectory() as folder, running_server(binary, Path(folder)) as server:
        pairs = [(_session(server, size, turn), _raw(server, size, turn)) for turn in range(repetitions)]
    return CommitTimes(size, min(mine for mine, _ in pairs), min(raw for _, raw in pairs))


@contextmanager
def _database(server: LocalServer, name: str) -> Iterator[str]:
    """Make a database with the collection and its indexes, the same for both."""
    server.create_database(name)
    with create_engine(server.url(name)) as engine:
        engine.create_all(ours.User)
    yield server.url(name)
    server.drop_database(name)


def _session(server: LocalServer, size: int, turn: int) -> float:
    users = [ours.user(row) for row in rows(size)]
    with _database(server, f"ours_{turn}") as url:
        engine = create_engine(url)
        with Session(engine) as session:
            session.scalars(select(ours.User)).all()  # connects and logs in
            session.add_all(users)
            time = milliseconds(session.commit)
        engine.dispose()
    return time


def _raw(server: LocalServer, size: int, turn: int) -> float:
    users = [floor.adapter.validate_python(row) for row in rows(size)]
    name = f"raw_{turn}"
    with _database(server, name):
        login = {"database": name, "username": server.user, "password": server.password}
        connection = RawConnection(server.host, server.port, login)
        documents = ({"_key": ordered_key(), **user.model_dump(mode="json")} for user in users)
        time = milliseconds(lambda: connection.commit_all(name, "users", documents))
        connection.close()
    return time
