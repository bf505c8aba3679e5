"""Collections that somebody left without their indexes are noticed by the next commit, and finished."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, Any

import pytest

from solidb_odm import (
    AsyncSession,
    Document,
    Engine,
    Index,
    Session,
    create_async_engine,
    create_engine,
    func,
    insert,
    sdbql,
    select,
    upsert,
)
from solidb_odm.commands import (
    CollectionSpec,
    CommitBatches,
    CreateCollection,
    DescribeCollection,
    Inserts,
    Operation,
    call,
)
from solidb_odm.errors import UniqueViolation
from solidb_odm.schema.creation import LEDGER, create_all
from tools.server import LocalServer

pytestmark = pytest.mark.server


@pytest.fixture
def opened(server: LocalServer, database: str) -> Iterator[Engine]:
    with create_engine(server.url(database)) as engine:
        yield engine


class Unfinished(Document, collection="unfinished"):
    email: Annotated[str, Index(unique=True)]


def describe(name: str) -> Operation[CollectionSpec | None]:
    return (yield from call(DescribeCollection(name)))


def leave_unfinished(opened: Engine, *emails: str) -> None:
    """Make the collection as somebody leaves it who is killed before its index is made."""
    channel = opened.channel()
    channel.perform(CreateCollection("unfinished"))
    rows = [(f"k{number}", {"_key": f"k{number}", "email": email}) for number, email in enumerate(emails)]
    channel.perform(CommitBatches([Inserts("unfinished", rows)]))
    channel.close()


def test_a_collection_left_without_its_index_is_finished_by_the_next_commit(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org")
    with Session(opened) as session:
        session.add(Unfinished(email="ada@x.org"))
        with pytest.raises(UniqueViolation):
            session.commit()
    with Session(opened) as session:
        session.add(Unfinished(email="bob@x.org"))
        session.commit()
        commands = session.statistics.by_command
    assert commands == {"CommitBatches": 1}  # it is looked at once


def writes_a_duplicate(session: Session) -> None:
    session.execute(insert(Unfinished).values(email="ada@x.org"))


def writes_a_duplicate_in_sdbql(session: Session) -> None:
    session.execute(sdbql("INSERT {email: 'ada@x.org'} INTO unfinished"))


def upserts_a_duplicate(session: Session) -> None:
    session.execute(upsert(Unfinished).values(key="other", email="ada@x.org"))


@pytest.mark.parametrize(
    "work",
    [writes_a_duplicate, writes_a_duplicate_in_sdbql, upserts_a_duplicate],
    ids=lambda each: each.__name__,
)
def test_a_statement_finishes_it_too(opened: Engine, work: Callable[[Session], None]) -> None:
    leave_unfinished(opened, "ada@x.org")
    with Session(opened) as session, pytest.raises(UniqueViolation):
        work(session)


READS = [
    select(Unfinished),
    select(Unfinished.email),
    select(func.count(Unfinished)),
    select(Unfinished).where(Unfinished.email == "ada@x.org"),
    sdbql("FOR u IN unfinished RETURN u.email"),
]


@pytest.mark.parametrize("statement", READS, ids=str)
def test_who_only_reads_finishes_it_once(opened: Engine, statement: Any) -> None:
    leave_unfinished(opened, "ada@x.org")
    with Session(opened) as session:
        session.execute(statement).all()
        seen = opened.run(describe("unfinished"))
    with Session(opened) as session:
        session.execute(statement).all()
        assert session.statistics.by_command.total() == 1
    assert seen is not None
    assert [index.unique for index in seen.indexes] == [True]


@pytest.mark.anyio
async def test_a_task_that_only_reads_finishes_it(server: LocalServer, database: str, opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org")
    async with create_async_engine(server.url(database)) as engine, AsyncSession(engine) as session:
        assert (await session.scalars(select(Unfinished.email))).all() == ["ada@x.org"]
        seen = await engine.run(describe("unfinished"))
    assert seen is not None
    assert [index.unique for index in seen.indexes] == [True]


def test_who_only_reads_what_can_not_be_finished_is_warned_and_answered(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org", "ada@x.org")
    with Session(opened) as session:
        with pytest.warns(RuntimeWarning, match=r"'unfinished' does not have the indexes"):
            assert len(session.scalars(select(Unfinished)).all()) == 2
        assert len(session.scalars(select(Unfinished)).all()) == 2


def test_an_index_that_can_not_be_finished_is_warned_of(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org", "ada@x.org")
    with Session(opened) as session:
        session.add(Unfinished(email="bob@x.org"))
        with pytest.warns(RuntimeWarning, match=r"'unfinished' does not have the indexes"):
            session.commit()
        assert session.scalar(select(func.count(Unfinished))) == 3


def test_what_migrations_keep_is_not_finished(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org")
    opened.run(create_all([CollectionSpec(LEDGER)]))
    channel = opened.channel()
    channel.perform(CommitBatches([Inserts(LEDGER, [("a", {"_key": "a", "checksum": "a"})])]))
    with Session(opened) as session:
        session.add(Unfinished(email="ada@x.org"))
        session.commit()
        assert session.scalar(select(func.count(Unfinished))) == 2
    channel.close()
