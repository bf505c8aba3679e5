"""What users of SQLAlchemy write: it works, or says what to write instead."""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Callable
from typing import Any
from unittest.mock import create_autospec

import pytest

from solidb_odm import (
    AsyncEngine,
    AsyncSession,
    Engine,
    Result,
    Session,
    aliased,
    create_async_engine,
    create_engine,
    delete,
    desc,
    func,
    insert,
    is_null,
    label,
    sdbql,
    select,
    sessionmaker,
    update,
)
from solidb_odm.errors import MultipleResultsError, NoResultError, UsageError
from solidb_odm.model.declaration.registry import registry

from .conftest import Store
from .documents import Author, Person, Post, Team

P: Any = Person


def test_rows_of_several_columns_have_names_and_are_tuples(session: Session, people: list[Person]) -> None:
    statement = select(P, P.name, func.upper(P.name), label("twice", P.age * 2)).order_by(P.age)

    row: Any = session.execute(statement).all()[1]

    assert row == (people[1], "n1", "N1", 2)
    assert (row.Person, row.name, row.upper, row.twice) == tuple(row)
    assert row._mapping == row._asdict() == dict(zip(row._fields, row, strict=True))
    assert (hash(row[1:]), repr(row[1:])) == (hash(("n1", "N1", 2)), "('n1', 'N1', 2)")


def test_a_column_comes_before_a_method_of_tuples(session: Session, people: list[Person]) -> None:
    grouped = select(P.note, func.count(), label("index", func.max(P.age))).group_by(P.note)

    row: Any = session.execute(grouped).one()

    assert (row.count, row.index) == (len(people), 3)


def test_rows_are_pickled_with_their_names(session: Session, people: list[Person]) -> None:
    row: Any = session.execute(select(P.name, P.age)).first()

    again = pickle.loads(pickle.dumps(row))

    assert (again, again.name) == (row, row.name)


def test_a_row_refuses_names_that_are_no_column_or_several(session: Session, people: list[Person]) -> None:
    other: Any = aliased(Person)
    row: Any = session.execute(select(P.name, other.name, P.age).join(other, P.age == other.age)).first()

    with pytest.raises(AttributeError, match="no column 'ages'; did you mean 'age'"):
        _ = row.ages
    with pytest.raises(UsageError, match="several columns of the row are called 'name'"):
        _ = row.name


def test_pages_and_streams_give_rows_with_names(session: Session, people: list[Person]) -> None:
    statement = select(P.name, P.age).order_by(P.age)

    rows: list[Any] = [*session.page(statement, size=2), *session.stream(statement, batch=3)]

    assert [row.name for row in rows] == ["n0", "n1", "n0", "n1", "n2", "n3"]


def test_a_result_gives_its_first_column(session: Session, people: list[Person]) -> None:
    two, one = select(P.name, P.age).order_by(P.age), select(P.name).order_by(P.age)

    assert (
        session.execute(two).scalars().all()
        == session.execute(one).scalars().all()
        == ["n0", "n1", "n2", "n3"]
    )
    assert session.execute(two).scalar() == session.execute(one).scalar() == "n0"
    assert session.execute(two.limit(1)).scalar_one() == "n0"
    assert session.execute(two.where(P.age > 9)).scalar_one_or_none() is None
    with pytest.raises(NoResultError):
        session.execute(two.where(P.age > 9)).scalar_one()
    with pytest.raises(MultipleResultsError):
        session.execute(two).scalar_one_or_none()


def test_mappings_read_as_a_list_and_as_a_result(session: Session, people: list[Person]) -> None:
    found = session.execute(select(P.name, P.age).where(P.age == 2)).mappings()

    assert found == found.all() == [found.one()] == [found.first()] == [{"name": "n2", "age": 2}]
    assert list(found.partitions(1)) == [[{"name": "n2", "age": 2}]]


def test_a_dict_of_a_row_holds_all_its_columns_or_is_refused(session: Session, people: list[Person]) -> None:
    twice = session.execute(select(P.name, label("name", P.age)).where(P.age == 2))

    assert twice.all() == [("n2", 2)]
    for make in (twice.mappings, twice.rows()[0]._asdict, lambda: twice.rows()[0]._mapping):
        with pytest.raises(UsageError, match="two columns are called 'name'"):
            make()


def test_rowcount_says_how_many_were_written(session: Session, people: list[Person]) -> None:
    def count(statement: Any) -> int:
        return session.execute(statement, read="committed").rowcount

    assert count(update(Person).where(P.age > 1).values(note="x")) == 2
    assert count(update(Person).where(P.age > 1).values(note="y").returning(P.name, P.age)) == 2
    assert count(insert(Person).values([{"name": "a"}, {"name": "b"}])) == 2
    assert count(delete(Person).filter_by(note="y")) == 2
    assert count(delete(Person).where(P.age > 99)) == 0
    assert count(select(Person)) == 4
    assert count(sdbql("FOR p IN people UPDATE p WITH {age: 5} IN people RETURN NEW._key")) == 4
    with pytest.raises(UsageError, match="RETURN NEW"):
        count(sdbql("FOR p IN people UPDATE p WITH {age: 6} IN people"))


def test_filter_by_asks_the_model_that_was_joined_last(session: Session, people: list[Person]) -> None:
    ada = Author(name="n1")
    session.add_all([ada, Post(title="T", author=ada)])
    session.commit()
    posts = select(Post).join(Author, Post.author == Author.id)

    assert session.scalars(select(Person).filter_by(name="n1", age=1)).one() is people[1]
    assert session.scalars(select(P.name).filter_by(age=2)).one() == "n2"
    assert session.scalars(select(Person).filter_by(note=None)).all() == people
    assert [post.title for post in session.scalars(posts.filter_by(name="n1"))] == ["T"]
    assert session.scalars(posts.filter_by(name="T")).all() == []
    with pytest.raises(AttributeError, match="did you mean 'name'"):
        select(Person).filter_by(nam="n1")
    with pytest.raises(UsageError, match="select_from"):
        select(func.count()).filter_by(name="n1")


def test_select_from_names_what_is_read_first(session: Session, people: list[Person]) -> None:
    ada = Author(name="n1")
    session.add_all([ada, Author(name="n9"), Post(title="T", author=ada)])
    session.commit()
    titles = select(Post.title).select_from(Author).outerjoin(Post, Post.author == Author.id)

    assert session.scalar(select(func.count()).select_from(Person)) == 4
    assert session.scalar(select(func.count()).select_from(Person).filter_by(age=1)) == 1
    assert session.scalars(titles.order_by(Author.name)).all() == ["T", None]
    with pytest.raises(UsageError, match="takes Document classes"):
        select(func.count()).select_from(P.name)


def test_documents_are_among_new_changed_and_deleted_by_identity(
    session: Session, people: list[Person]
) -> None:
    session.delete(people[0])
    people[1].age = 50
    session.add(fresh := Person(key="new", name="new"))

    for document, members in ((people[0], session.deleted), (people[1], session.dirty), (fresh, session.new)):
        twin = document.model_copy()
        assert twin == document
        assert document in members
        assert twin not in members


def test_no_autoflush_is_a_property_and_was_a_method(store: Store) -> None:
    with store.session() as session:
        session.add(Person(key="new", name="new"))
        with session.no_autoflush:
            with session.no_autoflush():
                session.execute(select(func.count()).select_from(Team))
            session.execute(select(func.count()).select_from(Team))
        assert [document.key for document in session.new] == ["new"]
        session.execute(select(func.count()).select_from(Team))
        assert len(session.new) == (0 if session.engine.capabilities.interactive_transactions else 1)


@pytest.mark.anyio
async def test_delete_may_be_awaited(async_engine: AsyncEngine) -> None:
    await async_engine.create_all(Person)
    async with AsyncSession(async_engine) as session:
        first, second = Person(name="a"), Person(name="b")
        session.add_all([first, second])
        await session.commit()

        await session.delete(first)
        session.delete(second)

        assert session.deleted == [first, second]
        await session.commit()
        assert await session.scalar(select(func.count(Person))) == 0


@pytest.mark.parametrize("kind", [Session, AsyncSession, Engine, AsyncEngine, Result, Person])
def test_classes_can_be_replaced_by_mocks(kind: Any) -> None:
    double = create_autospec(kind, instance=True)

    assert isinstance(double, kind)
    with pytest.raises(AttributeError):
        _ = double.no_such_name


def test_a_mock_of_a_document_has_its_fields_and_one_of_a_session_its_signatures() -> None:
    person, session = create_autospec(Person, instance=True), create_autospec(Session, instance=True)
    person.name, session.get.return_value = "Ada", person

    assert session.get(Person, "a").name == "Ada"
    with pytest.raises(TypeError):
        session.get(Person)


def test_what_sqlalchemy_has_and_this_has_not_names_the_way(session: Session) -> None:
    for owner, name, way in (
        (session, "query", "select"),
        (session, "bulk_save_objects", "add_all"),
        (session.execute(select(Person)), "fetchall", r"all\(\)"),
        (select(Person), "filter", r"where\(\)"),
        (select(Person), "options", "load"),
    ):
        assert not hasattr(owner, name)
        with pytest.raises(AttributeError, match=f"'{name}'; write .*{way}"):
            getattr(owner, name)


def test_new_values_may_be_given_by_fields(session: Session, people: list[Person]) -> None:
    session.execute(update(Person).where(P.age == 1).values({P.age: P.age + 40, P.note: "by field"}))
    session.execute(insert(Person).values([{P.name: "new", P.age: 7}]))  # type: ignore[list-item]

    assert session.scalars(select(P.age).where(P.note == "by field")).all() == [41]
    assert session.scalars(select(P.age).where(P.name == "new")).all() == [7]
    with pytest.raises(UsageError, match=r"whole fields of Person new values, and Author\.name is none"):
        update(Person).values({Author.name: "x"})


@pytest.mark.parametrize("join", ["join", "outerjoin"])
def test_a_link_that_is_joined_says_what_to_write(join: str) -> None:
    with pytest.raises(UsageError, match=r"not Post\.author\n.*join\(Target, Post\.author == Target\.id\)"):
        getattr(select(Post), join)(Post.author)
    with pytest.raises(UsageError, match=r"not Person\.name$"):
        getattr(select(Post), join)(P.name)


def test_nulls_come_last_as_is_said(session: Session, people: list[Person]) -> None:
    with pytest.raises(AttributeError, match=r"write order_by\(is_null\(field\), field\)"):
        P.note.desc().nulls_last()
    people[1].note = "x"
    session.commit()
    for order, first in ((is_null(P.note), "x"), (desc(is_null(P.note)), None)):
        assert session.scalars(select(P.note).order_by(order, P.note)).first() == first
    with pytest.raises(AttributeError, match=r"write exists\(select"):
        select(Person).exists()  # type: ignore[attr-defined]


def test_rows_to_insert_may_be_given_beside_the_statement(session: Session) -> None:
    session.execute(insert(Person), [{"name": "one", "age": 61}, {"name": "two", "age": 62}])
    session.execute(insert(Person), {"name": "three", "age": 63})

    assert session.scalars(select(P.name).where(P.age > 60).order_by(P.age)).all() == ["one", "two", "three"]


@pytest.mark.parametrize("call", ["execute", "scalars", "scalar"])
def test_other_statements_hold_their_values_themselves(call: str) -> None:
    with Session(create_engine("sqlite://")) as session:
        run: Any = getattr(session, call)
        for statement in (select(Person), update(Person).values(age=1), sdbql("RETURN @n", n=1)):
            with pytest.raises(
                UsageError, match=r"takes no further parameters\n.*where\(.*values\(.*sdbql\("
            ):
                run(statement, {"n": 2})


OPTIONS: list[tuple[Callable[[Session], Any], str]] = [
    (lambda s: s.execute(select(Person), execution_options={"yield_per": 10}), r"stream\(statement"),
    (lambda s: s.scalars(select(Person), execution_options={}), r"stream\(statement"),
    (lambda s: s.scalar(select(Person), bind_arguments={}), "other engine"),
    (lambda s: list(s.stream(select(Person), yield_per=10)), "batch=1000"),
    (lambda s: s.get(Person, "k", with_for_update=True), r"session\.run"),
    (lambda s: s.get(Person, "k", options=[]), r"select\(User\)\.load"),
    (lambda s: s.get(Person, "k", populate_existing=True), r"refresh\(document\)"),
    (lambda s: select(Person).join(Team, Team.name == Person.name, isouter=True), "outerjoin"),
    (lambda s: Session(s.engine, future=True), "nothing instead"),
    (lambda s: sessionmaker(s.engine, class_=Session), "a session by itself"),
]


@pytest.mark.parametrize(("call", "way"), OPTIONS)
def test_an_option_that_is_none_here_names_the_way(call: Callable[[Session], Any], way: str) -> None:
    with (
        Session(create_engine("sqlite://")) as session,
        pytest.raises(UsageError, match=rf"takes no .*\n.*{way}"),
    ):
        call(session)


CLASS_HABITS = [
    ("objects", r"session\.scalars\(select\(Person\)\.where"),
    ("query", r"session\.scalars\(select\(Person\)\.where"),
    ("find", r"session\.scalars\(select\(Person\)\.where"),
    ("find_one", r"select\(Person\)\.where\(\.\.\)\)\.first"),
    ("get", r"session\.get\(Person, key\)"),
    ("insert_many", "add_all"),
    ("count", r"func\.count\(Person\)"),
    ("metadata", r"engine\.create_all\(Person\)"),
]


@pytest.mark.parametrize(("name", "way"), CLASS_HABITS)
def test_a_class_is_read_through_a_session(name: str, way: str) -> None:
    assert not hasattr(Person, name)
    with pytest.raises(AttributeError, match=f"write .*{way}"):
        getattr(Person, name)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("save", r"session\.add"),
        ("insert", r"session\.add"),
        ("delete", r"session\.delete"),
        ("sync", "refresh"),
    ],
)
def test_a_document_is_stored_through_a_session(name: str, way: str) -> None:
    person = Person(name="n")
    assert not hasattr(person, name)
    with pytest.raises(AttributeError, match=f"write .*{way}"):
        getattr(person, name)


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("Column", "Pydantic"),
        ("relationship", "Link"),
        ("text", "sdbql"),
        ("selectinload", "load"),
        ("Indexed", "Index"),
    ],
)
def test_what_others_are_imported_for_says_what_to_write(name: str, way: str) -> None:
    with pytest.raises(ImportError, match=f"has no '{name}'; write .*{way}"):
        exec(f"from solidb_odm import {name}")


def test_engines_and_results_name_the_way(session: Session) -> None:
    for owner, name, way in (
        (session.engine, "connect", "Session"),
        (session.engine, "begin", "Session"),
        (session.execute(select(P.name)), "lastrowid", "returning"),
        (session, "merge_all", "session.merge"),
        (select(P), "union", "union"),
        (select(P), "execute", "session.execute"),
        (registry, "create_all", "engine.create_all"),
    ):
        with pytest.raises(AttributeError, match=f"write .*{way}"):
            getattr(owner, name)


@pytest.mark.parametrize(
    ("build", "way"),
    [
        (lambda: select([P.name, P.age]), r"select\(User\.name, User\.age\)"),
        (lambda: select(P).order_by("name"), r"User\.name"),
        (lambda: select(P).where("name = 'x'"), "compare a field"),
    ],
)
def test_texts_and_lists_in_a_builder_name_the_way(build: Callable[[], Any], way: str) -> None:
    with pytest.raises(UsageError, match=rf"\n.*{way}"):
        build()


def test_a_stream_may_be_awaited_first() -> None:
    async def main() -> list[str]:
        async with AsyncSession(create_async_engine("sqlite://")) as session:
            session.add_all([Person(name=name) for name in ("a", "b", "c")])
            await session.commit()
            rows = await session.stream(select(Person).order_by(P.name), batch=2)
            names = [person.name async for person in rows]
            again = session.stream(select(P.name).order_by(P.name))
            names.append(await anext(again))
            await again.aclose()
            return names

    assert asyncio.run(main()) == ["a", "b", "c", "a"]
