"""Readers read what is committed, also while another session has flushed: in memory as in a file."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any

import anyio
import pytest

from solidb_odm import (
    AsyncSession,
    Document,
    Engine,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Session,
    Vector,
    VectorIndex,
    create_async_engine,
    create_engine,
    delete,
    distance,
    func,
    matches,
    nearest,
    sdbql,
    select,
    traverse,
    update,
)
from solidb_odm.commands import Apply, Begin, Commit, CreateCollection, DescribeCollection, Inserts, RunQuery
from solidb_odm.errors import CollectionNotFound, StoreLocked
from solidb_odm.language.parser import parse

from .documents import Knows, Person


class Place(Document, collection="reader_places"):
    name: Annotated[str, Index(unique=True)]
    about: Annotated[str, FulltextIndex()] = ""
    home: Annotated[GeoPoint | None, GeoIndex()] = None
    look: Annotated[Vector | None, VectorIndex(dimension=2, metric="cosine")] = None
    size: int = 0


def place(name: str, size: int = 1) -> Place:
    return Place(
        key=name,
        name=name,
        about=f"a harbour of {name}",
        home=GeoPoint(lat=size, lon=1),
        look=Vector([size, 1.0]),
        size=size,
    )


@pytest.fixture(params=["memory", "file"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "sqlite://" if request.param == "memory" else f"sqlite:///{tmp_path}/readers.db"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    with create_engine(f"{url}?timeout=60") as opened:
        opened.create_all(Place, Person, Knows)
        with Session(opened) as session:
            ada, bob = Person(key="ada", name="Ada"), Person(key="bob", name="Bob")
            session.add_all([place("oslo"), place("bergen", 5), ada, bob, Knows(ada, bob)])
            session.commit()
        yield opened


def by_name(session: Session) -> Any:
    return session.scalars(select(Place.name).where(Place.name >= "a").order_by(Place.name)).all()


READS: dict[str, Callable[[Session], Any]] = {
    "get": lambda session: getattr(session.get(Place, "oslo"), "size", None),
    "get of none": lambda session: session.get(Place, "turku"),
    "documents": lambda session: {each.key: each.size for each in session.scalars(select(Place))},
    "index": by_name,
    "aggregates": lambda session: session.execute(select(func.count(Place), func.sum(Place.size))).all(),
    "groups": lambda session: session.execute(
        select(Place.size, func.count(Place)).group_by(Place.size).order_by(Place.size)
    ).all(),
    "pages": lambda session: [each.name for each in session.page(select(Place).order_by(Place.name), size=9)],
    "stream": lambda session: sorted(each.name for each in session.stream(select(Place), batch=1)),
    "fulltext": lambda session: session.scalars(select(Place.name).where(matches(Place.about, "oslo"))).all(),
    "geo": lambda session: session.scalars(
        select(Place.name).order_by(distance(Place.home, GeoPoint(lat=0, lon=1)))
    ).all(),
    "vectors": lambda session: session.scalars(
        select(Place.name).order_by(nearest(Place.look, [1, 1])).limit(2)
    ).all(),
    "graph": lambda session: [
        each.name for each in session.scalars(traverse(session.get_one(Person, "ada"), Knows))
    ],
    "raw": lambda session: session.execute(
        sdbql("FOR p IN reader_places SORT p._key RETURN [p._key, p.size, UPPER(p.about)]")
    ).all(),
    "in Python": lambda session: session.execute(
        sdbql("FOR p IN reader_places FILTER REGEX_TEST(p.name, '^[a-z]+$') SORT p._key RETURN p.name")
    ).all(),
    "explained": lambda session: str(session.explain(select(Place).where(Place.name == "oslo"))),
    "refresh": lambda session: session.refresh(session.get_one(Place, "oslo")),
}


def write_all(writer: Session) -> None:
    """Change what every read asks for, without a commit."""
    writer.get_one(Place, "oslo").size = 70
    writer.get_one(Place, "oslo").look = Vector([-1.0, 1.0])
    writer.add_all([place("turku", 3), Person(key="eve", name="Eve")])
    writer.add(Knows("people/ada", "people/eve"))
    writer.flush()
    writer.execute(delete(Place).where(Place.name == "bergen"))
    writer.execute(update(Place).where(Place.size == 70).values(about="a harbour of nobody"))


@pytest.mark.parametrize("read", READS)
def test_each_read_sees_what_is_committed_while_another_session_has_flushed(
    engine: Engine, read: str
) -> None:
    with Session(engine) as session:
        before = READS[read](session)
    with Session(engine) as writer:
        write_all(writer)
        with Session(engine) as reader:
            assert READS[read](reader) == before
            assert READS[read](reader) == before
        writer.commit()
        with Session(engine) as after:
            assert READS[read](after) == READS[read](writer)


def test_a_reader_follows_commits_and_rollbacks(engine: Engine) -> None:
    with Session(engine) as writer, Session(engine) as reader:
        for turn, end in enumerate((writer.commit, writer.rollback, writer.commit)):
            before = by_name(reader)
            writer.add(place(f"p{turn}"))
            writer.flush()
            assert by_name(reader) == before
            end()
        assert by_name(reader) == ["bergen", "oslo", "p0", "p2"]


def test_a_writer_sees_its_own_changes_while_others_read(engine: Engine) -> None:
    with Session(engine) as writer, Session(engine) as reader:
        writer.add(place("turku"))
        writer.flush()
        assert (by_name(reader), by_name(writer)) == (["bergen", "oslo"], ["bergen", "oslo", "turku"])
        writer.add(place("umea"))
        with writer.begin_nested():
            writer.add(place("vadso"))
            writer.flush()
        assert (len(by_name(reader)), len(by_name(writer))) == (2, 5)


def test_a_session_that_has_read_meanwhile_can_write_next(engine: Engine) -> None:
    with Session(engine) as writer, Session(engine) as reader:
        writer.add(place("turku"))
        writer.flush()
        oslo = reader.get_one(Place, "oslo")
        writer.commit()
        oslo.size += 1
        reader.commit()
        assert by_name(reader) == ["bergen", "oslo", "turku"]
        assert writer.scalar(select(func.sum(Place.size))) == 8


def test_a_collection_made_by_another_is_there_after_its_commit(engine: Engine) -> None:
    writer, reader = engine.driver.channel(), engine.driver.channel()
    count = RunQuery(parse("FOR r IN fresh RETURN r.n"))
    writer.perform(Begin())
    writer.perform(CreateCollection("fresh"))
    with pytest.raises(CollectionNotFound):
        reader.perform(count)
    assert (reader.perform(DescribeCollection("fresh")), writer.perform(count)) == (None, [])
    writer.perform(Apply([Inserts("fresh", [("a", {"_key": "a", "n": 1})])]))
    writer.perform(Commit())
    assert reader.perform(count) == [1]
    writer.close()
    reader.close()


@pytest.mark.parametrize(
    "statement",
    [
        sdbql("UPDATE 'oslo' WITH {'size': 9} IN reader_places"),
        sdbql("FOR p IN reader_places UPDATE p WITH {'size': 9} IN reader_places"),
        sdbql("INSERT {_key: 'x', name: 'x'} INTO reader_places"),
        update(Place).values(size=9),
        delete(Place),
    ],
    ids=str,
)
def test_a_statement_that_writes_waits_and_is_not_lost(url: str, statement: Any) -> None:
    with create_engine(f"{url}?timeout=0.05") as engine:
        engine.create_all(Place)
        with Session(engine) as writer, Session(engine) as second:
            writer.add(place("oslo"))
            writer.flush()
            with pytest.raises(StoreLocked):
                second.execute(statement)
            writer.commit()
            second.execute(statement)
            second.commit()
            rows = sdbql("FOR p IN reader_places SORT p._key RETURN [p._key, p.size]")
            assert writer.execute(rows).all() != [["oslo", 1]]
            assert writer.execute(rows).all() == second.execute(rows).all()


@pytest.mark.anyio
async def test_tasks_read_while_another_has_flushed(url: str) -> None:
    async with create_async_engine(f"{url}?timeout=60") as engine:
        await engine.create_all(Place)
        async with AsyncSession(engine) as writer, AsyncSession(engine) as reader:
            writer.add(place("oslo"))
            await writer.commit()
            writer.add(place("turku"))
            await writer.flush()
            assert (await reader.scalars(select(Place.name))).all() == ["oslo"]
            async with AsyncSession(engine) as fresh:
                assert await fresh.get(Place, "turku") is None
            with anyio.move_on_after(0) as scope:
                await reader.scalars(select(Place.name))
            assert scope.cancelled_caught
            assert (await reader.scalars(select(Place.name))).all() == ["oslo"]
            await writer.commit()
            assert sorted(await reader.scalars(select(Place.name))) == ["oslo", "turku"]


def test_threads_that_read_see_whole_commits_and_none_is_turned_away(engine: Engine) -> None:
    """Two writers move numbers from one document to another; the sum stays."""
    sums, problems = set[Any](), list[BaseException]()
    done = threading.Event()

    def write(number: int) -> None:
        try:
            with Session(engine) as session:
                for turn in range(25):
                    session.execute(update(Place).where(Place.name == "oslo").values(size=Place.size + 1))
                    session.execute(update(Place).where(Place.name == "bergen").values(size=Place.size - 1))
                    session.rollback() if turn % 5 == number else session.commit()
        except BaseException as problem:
            problems.append(problem)

    def read() -> None:
        try:
            while not done.is_set():
                with Session(engine) as session:
                    sums.add(session.scalar(select(func.sum(Place.size))))
        except BaseException as problem:
            problems.append(problem)

    writers = [threading.Thread(target=write, args=(number,)) for number in range(2)]
    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in (*readers, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    for thread in readers:
        thread.join()
    assert (problems, sums) == ([], {6})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_from_an_open_write_has_a_database_in_memory_of_its_own() -> None:
    with create_engine("sqlite://?timeout=60") as engine:
        engine.create_all(Place)
        with Session(engine) as session:
            session.add(place("oslo"))
            session.commit()
            session.add(place("turku"))
            session.flush()
            child = os.fork()
            if child == 0:
                try:
                    with Session(engine) as own:
                        own.add(place("umea"))
                        own.commit()
                        os._exit(0 if by_name(own) == ["oslo", "umea"] else 1)
                finally:
                    os._exit(2)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
            session.commit()
            assert by_name(session) == ["oslo", "turku"]


def test_a_writer_that_was_interrupted_as_it_began_keeps_nobody_waiting() -> None:
    """The connection that is to keep what is committed readable has begun, and has read nothing yet."""
    with create_engine("sqlite://?timeout=60") as engine:
        engine.create_all(Place)
        store: Any = getattr(engine.driver, "_memory")  # noqa: B009
        with Session(engine) as writer, Session(engine) as reader:
            store.connections[0].execute("BEGIN")
            writer.add(place("oslo"))
            writer.flush()
            assert by_name(reader) == []
            store.end()
            store.connections[0].execute("BEGIN")
            assert store.copy() is None
            writer.commit()
            assert by_name(reader) == ["oslo"]
