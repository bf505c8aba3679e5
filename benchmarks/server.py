"""On a real server: one commit through the session, beside the raw protocol."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from solidb_odm import Session, create_engine, select
from tools.server import LocalServer, find_server, running_server

from . import floor, ours
from .area import OURS, Area, Row, Setting, Steps, at_most
from .documents import ordered_key, rows
from .raw import RawConnection
from .timing import Timing, milliseconds

RAW = "raw messages, pipelined"


def measure(setting: Setting) -> Steps | None:
    """Time commits of new documents, in turns; None where there is no server."""
    binary = find_server()
    if binary is None:
        return None
    times: dict[tuple[str, bool], list[float]] = {}
    with TemporaryDirectory() as folder, running_server(binary, Path(folder)) as server:
        for turn in range(setting.repetitions):
            for collecting in (True, False):
                for name, side in ((OURS, _session), (RAW, _raw)):
                    taken = side(server, setting.size, 2 * turn + collecting, collecting)
                    times.setdefault((name, collecting), []).append(taken)
    return {"commit": {name: Timing(min(times[name, True]), min(times[name, False])) for name in (OURS, RAW)}}


@contextmanager
def _database(server: LocalServer, name: str) -> Iterator[str]:
    """Make a database with the collection and its indexes, the same for both."""
    server.create_database(name)
    with create_engine(server.url(name)) as engine:
        engine.create_all(ours.User)
    yield server.url(name)
    server.drop_database(name)


def _session(server: LocalServer, size: int, turn: int, collecting: bool) -> float:
    users = [ours.user(row) for row in rows(size)]
    with _database(server, f"ours_{turn}") as url:
        engine = create_engine(url)
        with Session(engine) as session:
            session.scalars(select(ours.User)).all()  # connects and logs in
            session.add_all(users)
            time = milliseconds(session.commit, collecting=collecting)
        engine.dispose()
    return time


def _raw(server: LocalServer, size: int, turn: int, collecting: bool) -> float:
    users = [floor.adapter.validate_python(row) for row in rows(size)]
    name = f"raw_{turn}"
    with _database(server, name):
        login = {"database": name, "username": server.user, "password": server.password}
        connection = RawConnection(server.host, server.port, login)
        documents = ({"_key": ordered_key(), **user.model_dump(mode="json")} for user in users)
        time = milliseconds(lambda: connection.commit_all(name, "users", documents), collecting=collecting)
        connection.close()
    return time


AREA = Area(
    "server",
    "A commit on a server",
    "One commit of new documents, beside a script that packs the same documents and pipelines them"
    " through the driver protocol in one transaction.",
    (1_000, 10_000, 20_000),
    measure,
    (Row("commit", "commit", RAW, at_most(1.1)),),
    waits=True,
)
