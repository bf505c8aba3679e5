"""What users of other mappers type from memory works, or names what to write: calls, parts, names."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Annotated, Any

import pytest

from solidb_odm import (
    AsyncSession,
    Document,
    Index,
    Registry,
    Session,
    any_,
    async_sessionmaker,
    case,
    contains,
    create_async_engine,
    create_engine,
    func,
    in_,
    insert,
    inspect,
    label,
    over,
    sdbql,
    select,
    sessionmaker,
    update,
)
from solidb_odm.errors import ConfigurationError, QueryError, SolidbError, StateError, UsageError

shelf = Registry()


class Shelved(Document, abstract=True, registry=shelf):
    pass


class Tome(Shelved, collection="hinted_tomes"):
    title: str
    isbn: Annotated[str, Index(unique=True)] = ""
    pages: int = 0
    words: list[str] = []


T: Any = Tome


def opened() -> Any:
    """Return a session on an empty database, as a value that checkers know nothing about."""
    return Session(create_engine("sqlite://"))


def tome(title: str = "A") -> Tome:
    return Tome(title=title, isbn=title)


SESSIONS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda s: s.add(tome("A"), tome("B")), r"add_all\(\[ada, bob\]\)"),
    (lambda s: s.add([tome("A"), tome("B")]), r"add_all\(documents\)"),
    (lambda s: s.add(Tome), r"Tome\(\.\.\)"),
    (lambda s: s.add_all(tome("A"), tome("B")), r"add_all\(\[ada, bob\]\)"),
    (lambda s: s.delete(tome("A"), tome("B")), r"delete\(document\) for each"),
    (lambda s: s.delete([tome("A")]), "one document after the other"),
    (lambda s: s.flush([tome("A")]), r"flush\(\)"),
    (lambda s: s.refresh(tome("A"), attribute_names=["title"]), r"refresh\(document\)"),
    (lambda s: s.merge(tome("A"), load=False), r"add\(document\)"),
    (lambda s: s.begin(nested=True), r"begin_nested\(\)"),
    (lambda s: s.execute("FOR t IN hinted_tomes RETURN t"), r"sdbql\(text, name=value\)"),
    (lambda s: s.scalars(Tome), r"select\(Tome\)"),
    (lambda s: s.execute(update(Tome), [{"key": "a", "pages": 1}]), r"upsert\(User\)\.values"),
    (lambda s: s.page(select(Tome), page=2, size=3), r"after=cursor"),
    (lambda s: s.scalars(select(Tome)).count(), r"len\(result\)"),
    (lambda s: s.execute(select(T.title, T.pages)).scalars(1), r"row\.age"),
    (lambda s: s.engine.create_all([Tome]), r"create_all\(User, Post\)"),
    (lambda s: s.engine.create_all(bind=s.engine), r"create_all\(User, Post\)"),
    (lambda s: s.engine.drop_all(checkfirst=True), r"drop_all\(User, Post\)"),
    (lambda s: Session(), r"Session\(create_engine\("),
    (lambda s: Session(s.engine, bind=s.engine), "another word"),
    (lambda s: sessionmaker()(), r"sessionmaker\(create_engine\("),
    (lambda s: sessionmaker(autocommit=False, bind=s.engine), "nothing instead"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "way"), SESSIONS)
def test_a_call_of_a_session_names_the_way(call: Callable[[Any], Any], way: str) -> None:
    with opened() as session, pytest.raises((UsageError, StateError)) as caught:
        call(session)

    assert caught.match(way)


BUILT: list[tuple[Callable[[], Any], str]] = [
    (lambda: T.title.istartswith("a"), r"func\.lower\(Tome\.title\)\.startswith"),
    (lambda: T.title.match("a"), r"func\.regex_test\(Tome\.title"),
    (lambda: T.words.length(), r"func\.length\(Tome\.words\)"),
    (lambda: T.words.overlap(["a"]), r"in_\(any_\(Tome\.words\), values\)"),
    (lambda: func.row_number().over(order_by=T.pages), r"over\(func\.row_number\(\), "),
    (lambda: func.sum(T.pages).filter(T.pages > 1), r"case\(\(condition, value\)"),
    (lambda: func.count("*"), r"func\.count\(\)"),
    (lambda: func.current_timestamp(), r"datetime\.now\(UTC\)"),
    (lambda: func.ifnull(T.title, ""), r"coalesce\(value, other\)"),
    (lambda: func.group_concat(T.title), r"func\.join\(func\.collect"),
    (lambda: func.greatest(T.pages, 1), r"func\.max\(a, b\)"),
    (lambda: T.created_at < func.now(), r"datetime\.now\(UTC\)"),
    (lambda: func.date_trunc("day", T.created_at), r"date_trunc\(d, unit"),
    (lambda: contains(T.title, 1), r"Tome\.title is a text"),  # type: ignore[misc]
    (lambda: label(T.pages, "n"), r'label\("n", User\.age\)'),
    (lambda: select(Tome).where(title="A"), r"filter_by\(title=\.\.\)"),  # type: ignore[arg-type]
    (lambda: update(Tome).where(title="A"), r"filter_by\(title=\.\.\)"),  # type: ignore[arg-type]
    (lambda: select(Tome).where([T.pages > 1]), "without a list"),  # type: ignore[arg-type]
    (lambda: select(Tome).where({"title": "A"}), "filter_by"),  # type: ignore[arg-type]
    (lambda: select(Tome).filter_by(T.pages > 1), "where"),
    (lambda: select(Tome).order_by([T.pages]), "without a list"),
    (lambda: select(Tome).limit(10, 20), r"offset\(start\)"),
    (lambda: select(Tome).limit(None), "leave limit"),  # type: ignore[arg-type]
    (lambda: select(Tome).distinct(T.title), r"group_by\(User\.name\)"),
    (lambda: select(Tome).having(T.pages > 1).compile(), r"group_by\(\), or where"),
    (lambda: update(Tome).set(pages=1), r"values\(age=3\)"),
    (lambda: update(Tome).set({"pages": 1}), r"values\(age=3\)"),
    (lambda: insert(tome()), r"session\.add\(document\)"),  # type: ignore[arg-type]
    (lambda: create_engine("sqlite+aiosqlite:///a.db"), r"sqlite:///a\.db"),
    (lambda: create_engine("a.db"), r"sqlite:///a\.db"),
    (lambda: sdbql("RETURN @n"), r"sdbql\(text, n=value\)"),
    (lambda: sdbql("RETURN @n", ["n"]), r'name="Ada"'),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("build", "way"), BUILT)
def test_a_part_of_a_query_names_the_way(build: Callable[[], Any], way: str) -> None:
    with pytest.raises((AttributeError, UsageError, ConfigurationError, QueryError)) as caught:
        build()

    assert caught.match(way)


NAMES: list[tuple[Callable[[Any], Any], str, str]] = [
    (lambda s: s, "scalar_one", r"session\.scalars\(statement\)\.one\(\)"),
    (lambda s: s, "is_active", r"session\.rollback\(\)"),
    (lambda s: s.begin(), "commit", r"session\.commit\(\)"),
    (lambda s: s.begin_nested(), "rollback", "raise an error"),
    (lambda s: s.engine, "close", r"engine\.dispose\(\)"),
    (lambda s: s.engine, "has_table", "solidb-odm inspect"),
    (lambda s: shelf, "tables", r"registry\.models\(\)"),
    (lambda s: s.execute(select(Tome)), "to_df", r"result\.mappings\(\)"),
    (lambda s: s.page(select(Tome), size=1), "has_next", r"page\.next is not None"),
    (lambda s: s.page(select(Tome), size=1), "total", r"func\.count\(User\)"),
    (lambda s: inspect(tome()), "persistent", r"inspect\(document\)\.state"),
    (lambda s: select(Tome), "paginate", r"session\.page"),
    (lambda s: select(Tome), "c", r"cte\(name\)"),
    (lambda s: insert(Tome), "on_conflict_do_nothing", r"upsert\(User\)"),
    (lambda s: Tome, "create", r"session\.add\(Tome\(\.\.\)\)"),
    (lambda s: Tome, "get_or_404", r"session\.get\(Tome, key\)"),
    (lambda s: Tome, "pk", r"Tome\.key"),
    (lambda s: tome(), "_id", r"document\.id"),
    (lambda s: tome(), "inc", r"session\.commit\(\)"),
]  # fmt: skip


@pytest.mark.parametrize(("find", "name", "way"), NAMES)
def test_a_name_of_another_mapper_names_the_way(find: Callable[[Any], Any], name: str, way: str) -> None:
    with opened() as session:
        owner = find(session)
        assert not hasattr(owner, name)
        with pytest.raises(AttributeError) as caught:
            getattr(owner, name)

    assert caught.match(f"'{name}'.*; write .*{way}")


@pytest.mark.parametrize(
    ("module", "name", "way"),
    [
        ("solidb_odm", "union_all", "all=True"),
        ("solidb_odm", "hybrid_property", "computed_field"),
        ("solidb_odm", "IntegrityError", "UniqueViolation"),
    ],
)
def test_an_import_names_the_way(module: str, name: str, way: str) -> None:
    with pytest.raises(ImportError, match=f"has no '{name}'; write .*{way}"):
        exec(f"from {module} import {name}")
    with pytest.raises(AttributeError):
        _ = importlib.import_module(module).no_such_name


def test_an_engine_may_be_called_bind() -> None:
    with create_engine("sqlite://") as engine:
        Sessions = sessionmaker(bind=engine, expire_on_commit=False)
        for session in (Session(bind=engine), Sessions(), Sessions(expire_on_commit=True, autoflush=False)):
            assert session.engine is engine
            session.close()
    engine = create_async_engine("sqlite://")
    assert AsyncSession(bind=engine).engine is async_sessionmaker(bind=engine)().engine is engine


@pytest.mark.parametrize("make", [sessionmaker, async_sessionmaker])
def test_a_maker_may_be_configured_later(make: Any) -> None:
    engine = create_engine("sqlite://") if make is sessionmaker else create_async_engine("sqlite://")
    Sessions = make()
    Sessions.configure(bind=engine, autoflush=False)

    assert [s._context.autoflush for s in (Sessions(), Sessions(autoflush=True), Sessions())] == [
        False,
        True,
        False,
    ]
    assert Sessions().engine is engine
    with pytest.raises(UsageError, match="takes no future="):
        Sessions.configure(future=True)
    with pytest.raises(UsageError, match="takes an"):
        Sessions.configure(bind="sqlite://")


def test_values_of_a_text_may_be_a_dict() -> None:
    with opened() as session:
        assert session.scalars(sdbql("RETURN @a + @b", {"a": 1}, b=2)).all() == [3]
        assert session.scalars(sdbql("RETURN @a", {"a": 1}, a=2)).all() == [2]


def test_rows_to_insert_may_stand_beside_a_statement_that_returns_them() -> None:
    with opened() as session:
        added = session.execute(
            insert(Tome).returning(T.title), [{"title": "A"}, {"title": "B", "isbn": "b"}]
        )

        assert added.all() == ["A", "B"]


def test_functions_of_two_numbers_or_texts_take_them() -> None:
    with opened() as session:
        session.add(Tome(title="kitten", pages=7))
        session.flush()
        rest, kept, bits = func.mod(T.pages, 4), func.nullif(T.pages, 7), func.bit_and(T.pages, 3)
        statement = select(
            rest, kept, bits, func.levenshtein(T.title, "sitting"), func.jaccard(T.words, ["a"])
        )

        assert session.execute(statement).one() == (3, None, 3, 3, 0)
    with pytest.raises(UsageError, match=r"can't take Tome\.title, which is a text"):
        func.mod(T.title, 2)


def test_what_a_query_is_made_of_shows_as_it_is_written() -> None:
    for made, shown in (
        (label("n", T.pages), "label('n', Tome.pages)"),
        (case((T.pages > 1, "a"), else_="b"), "case((Tome.pages > 1, 'a'), else_='b')"),
        (func.lag(T.pages, 2), "func.lag(Tome.pages, 2, None)"),
        (over(func.rank()), "over(func.rank(), ..)"),
    ):
        assert repr(made) == shown


def test_the_hints_of_lists_are_right() -> None:
    with opened() as session:
        session.add_all([Tome(title="A", isbn="a", words=["x", "y"]), Tome(title="B", isbn="b", words=["z"])])
        session.flush()

        assert session.scalars(select(T.title).where(in_(any_(T.words), ["y", "q"]))).all() == ["A"]
        joined = select(func.join(func.collect(T.title), ", "))
        assert session.scalars(joined).one() in ("A, B", "B, A")
        counted = func.sum(case((T.title == "A", 1), else_=0))
        assert session.scalars(select(counted)).one() == 1


def test_an_error_of_a_long_value_is_short() -> None:
    with opened() as session, pytest.raises(SolidbError) as caught:
        session.add([tome(str(number)) for number in range(100)])

    assert len(str(caught.value)) < 400


def test_functions_complete_and_say_what_they_do() -> None:
    names = dir(func)

    assert {"upper", "date_trunc", "median", "count", "row_number"} <= set(names)
    assert all(callable(getattr(func, name)) for name in names if not name.startswith("_"))
    assert func.upper.__name__ == "upper"
    assert "UPPER(s): " in (func.upper.__doc__ or "")


@pytest.mark.parametrize(
    ("asked", "way"),
    [
        (list, r"session\.scalars\(statement\)"),
        (lambda statement: statement[0:3], r"offset\(start\)\.limit"),
        (lambda statement: statement[0], r"all\(\)"),
        (len, r"func\.count"),
        (bool, r"func\.count"),
        (lambda statement: "x" in statement, r"session\.scalars\(statement\)"),
    ],
)
def test_a_statement_is_not_taken_for_its_rows(asked: Callable[[Any], Any], way: str) -> None:
    for statement in (select(Tome), update(Tome).values(title="x"), insert(Tome)):
        with pytest.raises(UsageError, match=rf"a statement has no [^\n]*\n.*{way}"):
            asked(statement)


@pytest.mark.parametrize("write", [lambda: select(any_(T.words)), lambda: func.sum(any_(T.words))])
def test_an_element_among_the_values_names_the_list_to_unnest(write: Callable[[], object]) -> None:
    with pytest.raises(UsageError) as caught:
        write()
    assert "unnest(Tome.words)" in str(caught.value)
