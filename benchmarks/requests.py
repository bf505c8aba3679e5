"""A web application's way: an asyncio session for each request, one after another and all at once."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import select as alchemy_select
from sqlalchemy.ext.asyncio import AsyncSession as AlchemySession
from sqlalchemy.ext.asyncio import create_async_engine as create_alchemy_engine

from solidb_odm import AsyncSession, Session, create_async_engine, create_engine, select

from . import alchemy
from .area import OURS, Aim, Area, Row, Setting, Steps
from .documents import rows
from .ours import User, user
from .timing import Side, Timing, contest

TEXT = """
Each request opens a session, reads one document by a unique index and closes the session; milliseconds are
those of one request. Beside it SQLAlchemy with aiosqlite, and a blocking session of ours in the loop's own
thread. The last line writes: each request changes one document and commits.
"""
ALCHEMY, BLOCKING = "SQLAlchemy, aiosqlite", "a blocking session"
STORED = 1_000


def measure(setting: Setting) -> Steps:
    """Time as many requests as the size says."""
    with TemporaryDirectory() as folder, asyncio.Runner() as runner:
        path = Path(folder) / "requests.db"
        with create_engine(f"sqlite:///{path}") as engine:
            engine.create_all(User)
            with Session(engine) as session:
                session.add_all([user(row) for row in rows(STORED)])
                session.commit()
            other = Path(folder) / "alchemy.db"
            peer = alchemy.Alchemy()
            peer.open(other)
            peer.build(rows(STORED))
            peer.insert()
            peer.close()
            callers = runner.run(_prepared(runner, path, other))
            sides = _sides(runner, *callers, engine, setting.size)
            steps = {
                step: contest(calls, setting.repetitions, per=setting.size) for step, calls in sides.items()
            }
            before = threading.active_count()
            runner.run(_at_once(callers[0], setting.size))
            threads = float(max(threading.active_count(), before))
            steps["threads"] = {OURS: Timing(threads, threads)}
            runner.run(_closed(*callers))
    return steps


async def _prepared(_runner: object, path: Path, other: Path) -> tuple[object, object]:
    return create_async_engine(f"sqlite:///{path}"), create_alchemy_engine(f"sqlite+aiosqlite:///{other}")


async def _closed(ours: object, peer: object) -> None:
    await ours.dispose()  # type: ignore[attr-defined]
    await peer.dispose()  # type: ignore[attr-defined]


def _sides(
    runner: asyncio.Runner, ours: object, peer: object, engine: object, count: int
) -> dict[str, dict[str, Side]]:
    blocking = Side(lambda: [_blocking(engine, number) for number in range(count)])
    return {
        "one by one": {
            OURS: Side(lambda: runner.run(_in_turn(ours, count))),
            ALCHEMY: Side(lambda: runner.run(_in_turn(peer, count))),
            BLOCKING: blocking,
        },
        "at once": {
            OURS: Side(lambda: runner.run(_at_once(ours, count))),
            ALCHEMY: Side(lambda: runner.run(_at_once(peer, count))),
            BLOCKING: blocking,
        },
        "writes": {OURS: Side(lambda: runner.run(_writes(ours, count)))},
    }


async def _request(engine: object, number: int) -> None:
    email = f"user{number % STORED}@example.org"
    if isinstance(engine, AsyncEngineType):
        async with AsyncSession(engine) as session:
            (await session.scalars(select(User).where(User.email == email))).one()
        return
    async with AlchemySession(engine) as session:  # type: ignore[arg-type]
        (await session.scalars(alchemy_select(alchemy.User).where(alchemy.User.email == email))).one()


async def _in_turn(engine: object, count: int) -> None:
    for number in range(count):
        await _request(engine, number)


async def _at_once(engine: object, count: int) -> None:
    await asyncio.gather(*(_request(engine, number) for number in range(count)))


async def _write(engine: object, number: int) -> None:
    async with AsyncSession(engine) as session:  # type: ignore[arg-type]
        email = f"user{number % STORED}@example.org"
        user = (await session.scalars(select(User).where(User.email == email))).one()
        user.score += 1
        await session.commit()


async def _writes(engine: object, count: int) -> None:
    await asyncio.gather(*(_write(engine, number) for number in range(count)))


def _blocking(engine: object, number: int) -> None:
    with Session(engine) as session:  # type: ignore[arg-type]
        session.scalars(select(User).where(User.email == f"user{number % STORED}@example.org")).one()


AsyncEngineType = type(create_async_engine("sqlite://"))
AREA = Area(
    "requests",
    "An asyncio session for each request",
    TEXT,
    (30, 300, 1_000),
    measure,
    (
        Row("one by one", "one after another", ALCHEMY, (Aim("absolute", 0.3),)),
        Row("one by one", "one after another", BLOCKING),
        Row("at once", "all at once", ALCHEMY, (Aim("absolute", 0.2),)),
        Row("at once", "all at once", BLOCKING),
        Row("writes", "all at once, each with a commit"),
        Row("threads", "threads of the process, while all run at once", "", (Aim("absolute", 12),)),
    ),
    of="requests",
)
