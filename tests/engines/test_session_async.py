"""``AsyncSession`` does what ``Session`` does, on both event loops."""

import inspect
import sqlite3
from pathlib import Path

import anyio
import pytest

from solidb_odm import AsyncEngine, AsyncSession, Engine, Session, create_async_engine, select
from solidb_odm.errors import (
    ClosedError,
    ConcurrentUseError,
    StaleDocumentError,
    StoreLocked,
    UniqueViolation,
)
from solidb_odm.session import async_sessionmaker, sessionmaker

from .documents import MODELS, Knows, Person

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(async_session: AsyncSession) -> AsyncSession:
    async with AsyncSession(async_session.engine) as opened:
        yield opened


async def test_changes_are_found_and_committed(async_session: AsyncSession, other: AsyncSession) -> None:
    ada = Person(name="Ada", tags=["a"])
    async_session.add(Knows(ada, Person(name="Bob")))
    await async_session.commit()
    tags = ada.tags
    await async_session.commit()
    tags.append("b")
    await async_session.commit()

    found = await other.get_one(Person, ada.key)
    assert found == ada
    assert (await other.scalars(select(Person.name).order_by(Person.name))).all() == ["Ada", "Bob"]
    assert await other.get_many(Person, ["nobody", ada.key]) == [None, found]


async def test_a_failed_commit_keeps_the_changes(async_session: AsyncSession, other: AsyncSession) -> None:
    ada, bob = Person(name="Ada", email="a@x"), Person(name="Bob", email="b@x")
    async_session.add_all([ada, bob])
    await async_session.commit()
    ada.tags.append("kept")
    bob.email = "a@x"
    with pytest.raises(UniqueViolation):
        await async_session.commit()
    assert (await other.get_one(Person, ada.key)).tags == []

    bob.email = "c@x"
    await async_session.commit()

    await other.refresh(await other.get_one(Person, ada.key))
    assert (await other.get_one(Person, ada.key)).tags == ["kept"]


async def test_stale_changes_rebase_and_run(async_session: AsyncSession, other: AsyncSession) -> None:
    ada = Person(name="Ada")
    async_session.add(ada)
    await async_session.commit()
    async with other.begin():
        (await other.get_one(Person, ada.key)).age = 5

    ada.note = "mine"
    with pytest.raises(StaleDocumentError) as caught:
        await async_session.commit()
    await async_session.rebase(caught.value)
    await async_session.commit()
    assert (ada.age, ada.note) == (5, "mine")

    runs = []

    async def grow(session: AsyncSession) -> int:
        found = await session.get_one(Person, ada.key)
        runs.append(found.age)
        if len(runs) == 1:
            await async_session.commit()
            ada.age += 10
            await async_session.commit()
        found.age += 1
        return found.age

    assert await other.run(grow) == 16
    assert runs[-1] == 15


async def test_rollback_and_savepoints(async_session: AsyncSession) -> None:
    ada = Person(name="Ada", tags=["a"])
    async_session.add(ada)
    await async_session.commit()
    ada.age = 1
    with pytest.raises(KeyError):
        await _fail_in_block(async_session, ada)
    assert (ada.age, ada.tags) == (1, ["a"])
    with pytest.raises(KeyError):
        async with async_session.begin():
            raise KeyError
    assert ada.age == 0


async def _fail_in_block(session: AsyncSession, ada: Person) -> None:
    async with session.begin_nested():
        ada.tags.append("inner")
        raise KeyError


async def test_pages_and_streams(async_session: AsyncSession) -> None:
    async_session.add_all([Person(key=str(number), name="N") for number in range(7)])
    await async_session.commit()
    first = await async_session.page(select(Person), size=5)
    second = await async_session.page(select(Person), size=5, after=first.next)
    assert [each.key for each in [*first, *second]] == list("0123456")
    assert [each.key async for each in async_session.stream(select(Person), batch=3)] == list("0123456")


async def test_merge_refresh_and_expire(async_session: AsyncSession, other: AsyncSession) -> None:
    ada = Person(key="ada", name="Ada")
    async_session.add(ada)
    await async_session.commit()
    merged = await other.merge(Person(key="ada", name="Augusta"))
    await other.commit()
    await async_session.refresh(ada)
    assert ada.name == merged.name == "Augusta"
    merged.age = 3
    await other.commit()
    async_session.expire(ada)
    assert await async_session.get(Person, "ada") is ada
    assert ada.age == 3


async def test_two_tasks_cant_use_one_session(async_session: AsyncSession) -> None:
    refused = []

    async def use() -> None:
        try:
            await async_session.scalars(select(Person))
        except ConcurrentUseError as error:
            refused.append(error)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(use)
        tasks.start_soon(use)
    assert len(refused) == 1
    assert (await async_session.scalars(select(Person))).all() == []


async def test_a_cancelled_commit_leaves_a_session_that_works(async_session: AsyncSession) -> None:
    ada = Person(name="Ada")
    async_session.add(ada)
    with anyio.CancelScope() as scope:
        scope.cancel()
        await async_session.commit()
    assert scope.cancelled_caught
    assert ada in async_session.new

    await async_session.commit()
    ada.age = 1
    await async_session.commit()
    assert (await async_session.scalars(select(Person.age))).all() == [1]


async def test_changes_made_while_a_commit_is_under_way_are_not_lost(
    async_session: AsyncSession, other: AsyncSession
) -> None:
    people = [Person(name="N", tags=[]) for _ in range(50)]
    async_session.add_all(people)
    await async_session.commit()
    for each in people:
        each.age = 1

    async def meddle() -> None:
        for each in people:
            each.age += 10
            each.tags.append("x")
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(async_session.commit)
        tasks.start_soon(meddle)
    await async_session.commit()

    found = await other.get_many(Person, [each.key for each in people])
    assert all((each.age, each.tags) == (11, ["x"]) for each in found)


async def test_makers_and_closing(async_session: AsyncSession) -> None:
    sessions = async_sessionmaker(async_session.engine)
    async with sessions.begin() as session:
        session.add(Person(key="ada", name="Ada"))
    assert await async_session.get(Person, "ada") is not None
    with pytest.raises(ClosedError):
        await session.commit()


async def test_a_locked_file_can_be_committed_to_later(tmp_path: Path) -> None:
    path = tmp_path / "locked.db"
    async with create_async_engine(f"sqlite:///{path}?timeout=0.05") as engine:
        await engine.create_all(*MODELS)
        blocker = sqlite3.connect(path, isolation_level=None)
        blocker.execute("BEGIN IMMEDIATE")
        async with AsyncSession(engine) as session:
            session.add(Person(key="ada", name="Ada"))
            with pytest.raises(StoreLocked):
                await session.commit()
            blocker.execute("ROLLBACK")
            blocker.close()
            await session.commit()
            assert await engine.count(Person) == 1


PAIRS = [(Session, AsyncSession), (Engine, AsyncEngine), (sessionmaker, async_sessionmaker)]
NAMES = {"__enter__": "__aenter__", "__exit__": "__aexit__"}


@pytest.mark.parametrize(("sync", "twin"), PAIRS, ids=lambda each: each.__name__)
def test_both_colours_have_the_same_methods(sync: type, twin: type) -> None:
    def public(cls: type) -> dict[str, object]:
        return {name: getattr(cls, name) for name in dir(cls) if not name.startswith("_")}

    mine, yours = public(sync), public(twin)
    assert mine.keys() == yours.keys()
    for name, method in mine.items():
        if not callable(method):
            continue
        one, two = inspect.signature(method), inspect.signature(yours[name])
        assert [(p.name, p.kind, p.default) for p in one.parameters.values()] == [
            (p.name, p.kind, p.default) for p in two.parameters.values()
        ], name
        assert method.__doc__ == yours[name].__doc__, name
    assert all(hasattr(twin, NAMES[name]) for name in NAMES if hasattr(sync, name))
