"""``AsyncMigrator`` on every engine and both event loops: it does what ``Migrator`` does."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from solidb_odm import AsyncEngine, AsyncSession, Document, create_async_engine, sdbql
from solidb_odm.commands import arun
from solidb_odm.errors import MigrationFailed, MigrationLocked, PendingMigrations
from solidb_odm.migrations import AsyncMigrator, Migrator, Progress
from solidb_odm.migrations.ledger import acquire

pytestmark = pytest.mark.anyio


class Bottle(Document, collection="async_bottles"):
    title: str
    stars: int = 3


@pytest.fixture(params=["sqlite-file", pytest.param("server", marks=pytest.mark.server)])
def engine_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite-file":
        return f"sqlite:///{tmp_path / 'test.db'}"
    running: Any = request.getfixturevalue("server")
    return str(running.url(request.getfixturevalue("database")))


@pytest.fixture
async def engine(engine_url: str, anyio_backend: str) -> AsyncIterator[AsyncEngine]:
    async with create_async_engine(engine_url) as opened:
        yield opened


Write = Callable[[str, str | None, str], None]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a revision by hand."""

    def revision(name: str, down: str | None, body: str) -> None:
        (tmp_path / "migrations").mkdir(exist_ok=True)
        text = f'revision = "{name}"\ndown_revision = {down!r}\n\n\ndef upgrade(op):\n    {body}\n\n\n'
        head = "def count(d):\n    if d['n'] == 33:\n        raise ValueError('no')\n"
        head += "    return {**d, 'n': d['n'] + 1}\n"
        (tmp_path / "migrations" / f"20260101_0000_{name}_x.py").write_text(text + head)

    return revision


async def put(engine: AsyncEngine, count: int) -> None:
    async with AsyncSession(engine) as session:
        await session.execute(
            sdbql("FOR i IN 0..@n INSERT {_key: CONCAT('k', 100 + i), n: i} INTO things", n=count - 1)
        )
        await session.commit()


async def numbers(engine: AsyncEngine) -> list[int]:
    async with AsyncSession(engine) as session:
        return list((await session.scalars(sdbql("FOR d IN things SORT d._key RETURN d.n"))).all())


def test_both_migrators_take_the_same_calls() -> None:
    names = [name for name in vars(Migrator) if not name.startswith("_")]
    assert names == [name for name in vars(AsyncMigrator) if not name.startswith("_")]
    for name in names:
        ours, theirs = (inspect.signature(getattr(each, name)) for each in (Migrator, AsyncMigrator))
        assert ours.parameters == theirs.parameters, name


async def test_a_history_is_run_asked_about_and_undone(engine: AsyncEngine, tmp_path: Path) -> None:
    migrator = AsyncMigrator(engine, tmp_path / "migrations", models=[Bottle])
    (first,) = migrator.revision("first", autogenerate=True)
    with pytest.raises(PendingMigrations):
        await migrator.require()
    assert "op.create_collection" in await migrator.script()
    assert [step.operation for step in (await migrator.plan()).steps] == ["create_collection"]
    assert [each.id for each in await migrator.upgrade()] == [first.id]
    await migrator.require("head")
    assert (await migrator.check(documents=True)).ok
    async with AsyncSession(engine) as session:
        session.add(Bottle(key="a", title="x"))
        await session.commit()
    assert [each.id for each in await migrator.downgrade("-1")] == [first.id]
    assert [(shelf.collection, shelf.documents) for shelf in await migrator.attic()] == [("async_bottles", 1)]
    await migrator.stamp("head")
    assert (await migrator.current()).revisions == [first.id]
    await migrator.stamp("base")
    await migrator.upgrade()
    async with AsyncSession(engine) as session:
        assert (await session.get_one(Bottle, "a")).title == "x"
    await migrator.downgrade("base")
    assert await migrator.purge(first.id) == 1


async def test_a_failed_step_goes_on_where_it_stopped(
    engine: AsyncEngine, tmp_path: Path, write: Write
) -> None:
    write("aaaa", None, 'op.create_collection("things")')
    write("bbbb", "aaaa", 'op.for_each("things", count, batch=10)')
    migrator = AsyncMigrator(engine, tmp_path / "migrations")
    await migrator.upgrade("aaaa")
    await put(engine, 60)
    with pytest.raises(MigrationFailed) as caught:
        await migrator.upgrade()
    assert caught.value.key == "k133"
    running = (await migrator.current()).running
    assert running is not None
    assert running.done == 30
    write("bbbb", "aaaa", "op.for_each('things', lambda d: {**d, 'n': d['n'] + 1}, batch=10)")
    await migrator.upgrade()
    assert await numbers(engine) == list(range(1, 61))


async def test_a_cancelled_run_stops_between_batches_and_frees_the_lease(
    engine: AsyncEngine, tmp_path: Path, write: Write
) -> None:
    write("aaaa", None, 'op.create_collection("things")')
    write("bbbb", "aaaa", "op.for_each('things', lambda d: {**d, 'n': d['n'] + 1}, batch=10)")
    migrator = AsyncMigrator(engine, tmp_path / "migrations")
    await migrator.upgrade("aaaa")
    await put(engine, 60)
    with anyio.CancelScope() as scope:

        def stop(progress: Progress) -> None:
            if progress.done == 20:
                scope.cancel()

        await migrator.upgrade(on_progress=stop)
    assert scope.cancelled_caught
    await migrator.upgrade(wait=60)
    assert await numbers(engine) == list(range(1, 61))


async def test_of_two_runners_one_works_and_the_other_waits_or_may_not(
    engine: AsyncEngine, tmp_path: Path, write: Write
) -> None:
    write("aaaa", None, 'op.create_collection("things")')
    write("bbbb", "aaaa", "op.for_each('things', lambda d: {**d, 'n': d['n'] + 1}, batch=10)")
    migrator = AsyncMigrator(engine, tmp_path / "migrations")
    await migrator.upgrade("aaaa")
    await put(engine, 60)
    done: list[str] = []

    async def work() -> None:
        done.extend(each.id for each in await migrator.upgrade(wait=60))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(work)
    assert done == ["bbbb"]
    assert await numbers(engine) == list(range(1, 61))


async def test_a_runner_that_may_not_wait_says_who_is_at_work(
    engine: AsyncEngine, tmp_path: Path, write: Write
) -> None:
    write("aaaa", None, 'op.create_collection("things")')
    write("bbbb", "aaaa", "op.for_each('things', lambda d: {**d, 'n': d['n'] + 1}, batch=10)")
    migrator = AsyncMigrator(engine, tmp_path / "migrations")
    await migrator.upgrade("aaaa")
    await put(engine, 60)
    other = migrator._run(engine.capabilities)
    channel = await engine.channel()
    await arun(acquire(other), channel)
    await channel.aclose()
    with pytest.raises(MigrationLocked, match="another program is running"):
        await migrator.upgrade(wait=0)
    await migrator._release(other)
    assert [each.id for each in await migrator.upgrade(wait=60)] == ["bbbb"]
