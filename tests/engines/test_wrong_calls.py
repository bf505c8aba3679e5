"""Calls that can mean nothing are refused at once, by an error that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel

from solidb_odm import (
    AsyncSession,
    BackReference,
    Cascade,
    Document,
    Edge,
    Engine,
    Link,
    Registry,
    Session,
    aliased,
    asc,
    back_reference,
    case,
    create_async_engine,
    create_engine,
    delete,
    desc,
    exists,
    func,
    in_,
    insert,
    is_null,
    select,
    sessionmaker,
    update,
)
from solidb_odm.errors import ConfigurationError, DeclarationError, SolidbError, StateError, UsageError
from solidb_odm.migrations import Migrator
from solidb_odm.offline import AsyncOfflineSyncManager, OfflineSyncManager, SyncConfig

from .documents import Person

CALLS: dict[str, tuple[Callable[[Session], Any], type[SolidbError], str]] = {
    "get": (lambda s: s.get("a", Person), UsageError, "by its class and its key"),  # type: ignore[type-var, arg-type]
    "get_one": (lambda s: s.get_one(None, "a"), UsageError, "by its class and its key"),  # type: ignore[type-var]
    "get_many": (lambda s: s.get_many(Person, "abc"), UsageError, "takes several keys"),
    "load": (lambda s: s.load(Person(name="x"), Person.name), UsageError, "takes several documents"),  # type: ignore[arg-type]
    "count": (lambda s: s.engine.count(int), UsageError, "declares no collection"),  # type: ignore[arg-type]
    "create_all": (lambda s: s.engine.create_all("users"), UsageError, "declares no collection"),  # type: ignore[arg-type]
    "no engine": (lambda _: Session(None), UsageError, "takes an Engine"),  # type: ignore[arg-type]
    "async engine": (lambda _: Session(create_async_engine("sqlite://")), UsageError, "takes an Engine"),  # type: ignore[arg-type]
    "sync engine": (lambda s: AsyncSession(s.engine), UsageError, "takes an AsyncEngine"),  # type: ignore[arg-type]
    "no url": (lambda _: create_engine(None), ConfigurationError, "None is not the URL"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", CALLS)
def test_a_senseless_call_is_refused(engine: Engine, call: str) -> None:
    run, kind, said = CALLS[call]
    with Session(engine) as session, pytest.raises(kind, match=said):
        run(session)


def test_begin_inside_begin_is_refused_and_undoes_the_outer_block(engine: Engine) -> None:
    engine.create_all(Person)
    with Session(engine) as session:
        with pytest.raises(StateError, match=r"begin\(\) inside begin\(\)"):
            _nested(session)
        assert session.get(Person, "outer") is None
        with session.begin():  # and another one after it is fine
            session.add(Person(key="later", name="x"))
        assert session.get(Person, "later")


def _nested(session: Session) -> None:
    with session.begin():
        session.add(Person(key="outer", name="x"))
        with session.begin():
            session.add(Person(key="inner", name="x"))


class Node(Document, collection="ring_nodes"):
    next: Annotated[Link[Node] | None, Cascade("save")] = None


def test_a_long_ring_is_added_by_adding_one(engine: Engine) -> None:
    nodes = [Node(key=f"n{number:05}") for number in range(1500)]
    for at, node in enumerate(nodes):
        node.next = Link(nodes[(at + 1) % len(nodes)])
    with Session(engine) as session:
        session.add(nodes[0])
        assert len(session.new) == len(nodes)
        session.commit()
        assert session.scalar(select(func.count(Node))) == len(nodes)


def Sessions() -> sessionmaker:
    return sessionmaker(create_engine("sqlite://"))


class Racer(Document, collection="wrong_racers"):
    name: str
    laps: int = 0
    team: Link[Crew] | None = None


class Crew(Document, collection="wrong_crews"):
    name: str
    racers: ClassVar[BackReference[Racer]] = back_reference("Racer.team")


R: Any = Racer
LINES: dict[str, tuple[Callable[[Session], Any], str]] = {
    "page": (lambda s: s.page(select(R), size=2, page=3), "after=cursor"),
    "get_many": (lambda s: s.get_many(Racer, "a", "b"), r"get_many\(User, \[key, other\]\)"),
    "flush of some": (lambda s: s.flush(objects=[]), r"session\.flush\(\)"),
    "commit of one": (lambda s: s.commit(Racer(name="a")), r"session\.commit\(\)"),
    "is_modified": (lambda s: s.is_modified(Racer(name="a"), include_collections=False), "all of it"),
    "retries": (lambda s: s.run(lambda _: 1, retries=-1), "retries=3"),
    "event": (lambda s: s.on(print), "choose one of before_flush"),
    "desc": (lambda _: desc(R.name, R.laps), r"desc\(User\.age\), desc\(User\.name\)"),
    "asc": (lambda _: asc(R.name, R.laps), r"asc\(User\.age\), asc\(User\.name\)"),
    "order_by": (lambda _: select(R).order_by(R.name, desc=True), r"desc\(User\.name\)"),
    "in_": (lambda _: in_(R.laps, 1, 2), r"in_\(User\.age, \[17, 18\]\)"),
    "in_ of a field": (lambda _: R.laps.in_(1, 2), r"Racer\.laps\.in_\(\[\.\.\]\)"),
    "is_null": (lambda _: is_null(R.laps, R.name), "and_"),
    "like": (lambda _: R.name.like("a%", escape="/"), "regex_test"),
    "case": (lambda _: case((R.laps == 1, "a"), else_="b", value=R.laps), r"case\(\(User\.kind"),
    "exists": (lambda _: exists(Racer), r"exists\(select"),
    "aliased": (lambda _: aliased(Racer, name="r"), r"aliased\(User\)"),
    "insert": (lambda _: insert(Racer, [{"name": "a"}]), r"insert\(User\)\.values"),
    "update": (lambda _: update(Racer, laps=1), r"update\(User\)\.where"),
    "delete": (lambda _: delete(Racer, R.laps > 1), r"delete\(User\)\.where"),
    "a text to select": (lambda _: select("name"), r"select\(User\.name\)"),
    "a star": (lambda _: select("*"), r"select\(User\)"),
    "a key for a link": (lambda _: R.team == Crew.key, r"Racer\.team == Crew\.id"),
    "a link for a key": (lambda _: Crew.key == R.team, r"Racer\.team == Crew\.id"),
    "dispose": (lambda s: s.engine.dispose(close=False), "forked"),
    "echo": (lambda s: setattr(s.engine, "echo", True), "echo=True"),
    "mappings": (lambda s: s.execute(select(R)).mappings("name"), "mappings"),
    "first": (lambda s: s.execute(select(R)).first(5), r"limit\(count\)"),
    "all": (lambda s: s.execute(select(R)).all(5), r"limit\(count\)"),
}


@pytest.mark.parametrize("line", LINES)
def test_an_argument_of_others_names_the_way(line: str) -> None:
    run, way = LINES[line]
    with Session(create_engine("sqlite://")) as session, pytest.raises(UsageError, match=rf"\n.*{way}"):
        run(session)


NAMES: list[tuple[Callable[[Session], Any], str]] = [
    (lambda s: s.execute(select(R)).order_by, r"order_by\(field\), before"),
    (lambda s: s.execute(select(R)).closed, "all rows are there"),
    (lambda _: select(R).add_columns, "all columns at once"),
    (lambda _: insert(Racer).from_select, "values"),
    (lambda _: select(R).compile().string, r"compiled\.text"),
    (lambda _: R.__tablename__, "__collection_spec__"),
    (lambda _: select(R).filter_by(laps__gt=1), r"where\(\.\.\), which compares Racer\.laps"),
    (lambda _: Crew.racers.any, r"exists\(select\(Racer\)\.where\(Racer\.team == Crew\.id"),
    (lambda s: sessionmaker(s.engine).remove, "closes it"),
    (lambda s: _row(s)._replace, r"row\._asdict\(\)"),
    (lambda s: _row(s).keys, r"row\._fields"),
]


@pytest.mark.parametrize(("read", "way"), NAMES)
def test_a_name_of_others_names_the_way(read: Callable[[Session], Any], way: str) -> None:
    with (
        Session(create_engine("sqlite://")) as session,
        pytest.raises(AttributeError, match=f"write .*{way}"),
    ):
        read(session)


def _row(session: Session) -> Any:
    session.add(Racer(name="a"))
    return session.execute(select(R.name, R.laps)).first()


def test_a_row_and_a_result_say_how_columns_are_read() -> None:
    with Session(create_engine("sqlite://")) as session:
        row, result = _row(session), session.execute(select(R.name, R.laps))
        assert (row[0], row[-1], row[0:1], row.laps) == ("a", 0, ("a",), 0)
        for place in ("name", R.name):
            with pytest.raises(TypeError, match=r"write row\.name, or row\._mapping\['name'\]"):
                row[place]
        with pytest.raises(TypeError, match="by number or as attributes, name, laps"):
            row["other"]
        with pytest.raises(AttributeError, match="a row can't be changed"):
            row.name = "b"
        with pytest.raises(TypeError, match=r"dict\(result\.all\(\)\)"):
            dict(result)
        assert dict(result.all()) == {"a": 0}
        with result as entered:
            assert entered is result


def test_a_session_s_settings_are_read_and_set() -> None:
    with Session(create_engine("sqlite://"), expire_on_commit=True) as session:
        session.autoflush, session.expire_on_commit = False, not session.expire_on_commit
        session.add(Racer(name="a"))
        assert session.execute(select(R)).all() == []
        session.commit()
        assert not session.expire_on_commit
        assert session.page(select(R), 1)[0].name == "a"
        assert [racer.name for racer in session.stream(select(R), 5)] == ["a"]
        assert session.execute(select(R)).unique(lambda racer: 1).all() == session.scalars(select(R)).all()


@pytest.mark.parametrize("make", [lambda: Session(create_engine("sqlite://")), Sessions])
def test_a_listener_may_be_decorated(make: Callable[[], Any]) -> None:
    heard: list[str] = []
    source = make()

    @source.on("before_commit")
    def note(session: Session) -> None:
        heard.append(f"{len(session.new)} new")

    with source if isinstance(source, Session) else source() as session:
        session.add(Racer(name="a"))
        session.commit()
    assert heard == ["1 new"]
    assert source.on("after_commit", note) is note


OFFLINE_AND_MIGRATIONS: list[tuple[Callable[[], Any], str]] = [
    (lambda: migrator().autogenerate, "autogenerate=True"),
    (lambda: migrator().migrate, r"upgrade\(\)"),
    (lambda: offline().sync, r"sync_now\(\)"),
    (lambda: offline().save, r"save_document\(collection, key"),
    (lambda: offline(is_async=True).commit, r"save_document\("),
    (lambda: Racer.link_from_id, r"Link\('collection/key'\)"),
    (lambda: Racer(name="a").is_changed, r"session\.is_modified"),
    (lambda: R.laps.gt, r"Racer\.laps > value"),
    (lambda: R.name.regex, r"func\.regex_test\(Racer\.name"),
]


def migrator() -> Any:
    return Migrator(create_engine("sqlite://"))


def offline(*, is_async: bool = False) -> Any:
    kind: Any = AsyncOfflineSyncManager if is_async else OfflineSyncManager
    return kind("solidb://root:secret@127.0.0.1:9", SyncConfig(database="d", local_storage_path="nowhere"))


@pytest.mark.parametrize(("read", "way"), OFFLINE_AND_MIGRATIONS)
def test_names_of_other_stores_and_migrations_name_the_way(read: Callable[[], Any], way: str) -> None:
    with pytest.raises(AttributeError, match=f"write .*{way}"):
        read()


@pytest.mark.parametrize(
    ("call", "way"),
    [
        (lambda: Migrator("sqlite://"), r"create_engine\("),  # type: ignore[arg-type]
        (lambda: migrator().revision("x", message="y"), "autogenerate=True"),
        (lambda: offline().query("RETURN @n", n=1), r"\{name: value\}"),
        (lambda: offline(is_async=True).__enter__(), "write async with"),
        (lambda: offline().__aenter__().send(None), "write with"),
    ],
)
def test_arguments_of_other_stores_and_migrations_name_the_way(call: Callable[[], Any], way: str) -> None:
    with pytest.raises(UsageError, match=rf"\n.*{way}"):
        call()


@pytest.mark.parametrize("name", ["In", "RegEx", "Relationship", "AsyncIOMotorClient", "col", "Base", "View"])
def test_what_beanie_and_sqlmodel_are_imported_for_names_the_way(name: str) -> None:
    with pytest.raises(ImportError, match=f"has no '{name}'; write "):
        exec(f"from solidb_odm import {name}")


async def nobody_awaits(*_: Any) -> None:
    """A function that gives a coroutine."""


@pytest.mark.parametrize(
    "call",
    [
        lambda: Session(create_engine("sqlite://")).on("before_commit", nobody_awaits),
        lambda: AsyncSession(create_async_engine("sqlite://")).on("before_commit")(nobody_awaits),
        lambda: Sessions().on("after_commit", nobody_awaits),
        lambda: create_async_engine("sqlite://").on_query(nobody_awaits),
        lambda: Session(create_engine("sqlite://")).run(nobody_awaits),
        lambda: offline(is_async=True).on_change(nobody_awaits),
        lambda: offline().on_conflict(nobody_awaits),
    ],
)
def test_a_function_that_nobody_would_await_is_refused(call: Callable[[], Any]) -> None:
    with pytest.raises(UsageError, match="a plain function, and would not await"):
        call()


def test_rows_that_are_awaited_say_so() -> None:
    rows: Any = AsyncSession(create_async_engine("sqlite://")).stream(select(R))
    with pytest.raises(UsageError, match="async for"):
        list(rows)


class Plain(BaseModel):
    x: int = 0


DECLARED = [
    ("_id: int = 3", "not stored"),
    ("_rev: str", "Wrong.rev is there"),
    ("def before_insert(self, session): pass", r"def before_insert\(self\)"),
    ("def after_load(self, session, *, y=1): pass", r"def after_load\(self\)"),
]


@pytest.mark.parametrize(("line", "way"), DECLARED)
def test_a_declaration_that_would_do_nothing_is_refused(line: str, way: str) -> None:
    names = {"Document": Document, "Registry": Registry, "Link": Link, "Plain": Plain}
    with pytest.raises(DeclarationError, match=way):
        exec(f"class Wrong(Document, collection='wrong_ones', registry=Registry()):\n    {line}", names)


def test_a_link_to_no_document_is_refused() -> None:
    with pytest.raises(DeclarationError, match="Plain is no Document class"):

        class Wrong(Document, collection="wrong_links", registry=Registry()):
            part: Link[Plain]  # type: ignore[type-var]


def test_an_edge_between_no_documents_is_refused() -> None:
    names = {"Edge": Edge, "Registry": Registry, "Racer": Racer}
    with pytest.raises(DeclarationError, match=r"Edge\[int\] leads to documents"):
        exec("class Wrong(Edge[int, Racer], collection='wrong_edges', registry=Registry()): pass", names)


def test_a_hook_may_have_arguments_with_defaults() -> None:
    class Kept(Document, collection="wrong_kept", registry=Registry()):
        name: str = ""

        def before_insert(self, suffix: str = "!") -> None:
            self.name += suffix

    with Session(create_engine("sqlite://")) as session:
        session.add(kept := Kept(name="a"))
        session.commit()
    assert kept.name == "a!"
