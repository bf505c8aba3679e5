"""Counted UPDATE and REMOVE: what one statement of SQL does is what Python does document by document."""

from __future__ import annotations

import random
from typing import Annotated, Any

import pytest

from solidb_odm import (
    Document,
    Engine,
    Index,
    Link,
    Registry,
    Session,
    create_engine,
    delete,
    exists,
    in_,
    sdbql,
    select,
    update,
)
from solidb_odm.commands import IndexSpec
from solidb_odm.engines.sqlite.catalogue import Collection, StoredIndex
from solidb_odm.engines.sqlite.sql.bulk_writes import bulk_write
from solidb_odm.engines.sqlite.sql.parameters import signature
from solidb_odm.errors import UniqueViolation
from solidb_odm.language.parser import parse

VALUES: list[Any] = [
    "a",
    'b\\u00e9"\\\\',
    "",
    0,
    1,
    1.5,
    -0.0,
    1e300,
    2**60,
    True,
    False,
    None,
    ["a", 1],
    {"x": [1]},
]
COLLECTIONS = ("bulk_at_once", "bulk_one_by_one")


class AtOnce(Document, collection=COLLECTIONS[0]):
    n: int
    v: Any = None
    o: dict[str, Any] = {}
    tags: list[str] = []

    class Settings:
        indexes = [Index("n"), Index("tags[]")]


class OneByOne(Document, collection=COLLECTIONS[1]):
    n: int
    v: Any = None
    o: dict[str, Any] = {}
    tags: list[str] = []

    class Settings:
        indexes = [Index("n"), Index("tags[]")]


CONDITIONS = [
    "",
    "FILTER d.n > 5",
    "FILTER d.n < 12 FILTER d.v == @v",
    "FILTER d.v != null AND NOT (d.v == @v)",
    "FILTER 'a' IN d.tags OR d.o.x > 0",
    "FILTER d.n < 0",
    "FILTER d.n IN (FOR e IN {c} FILTER e.n > 7 RETURN e.n)",
    "FILTER LENGTH((FOR e IN {c} FILTER e.n == d.n AND e._key < d._key LIMIT 1 RETURN e)) > 0",
    "FILTER d.v == FIRST((FOR e IN {c} FILTER e.n == d.n SORT e._key DESC RETURN e.v))",
]
PATCHES = [
    "{v: @v}",
    "{n: d.n + 1}",
    "{n: d.n * 1000000000, v: d.o.x}",
    "{o: {x: d.n, y: d.v, z: [d.tags, null]}}",
    "{fresh: d.v, tags: @tags}",
    "{v: d.v + 1}",
    "{v: CONCAT(d.tags[0], '-', d.n)}",
    "{v: d.n > 3, `odd name`: d.missing}",
    "{v: LENGTH(d.tags) > 1 ? d.o : @v}",
    "{tags: APPEND(d.tags, 'z')}",
]


@pytest.fixture
def filled(engine: Engine) -> Engine:
    engine.create_all(AtOnce, OneByOne)
    dice = random.Random(5)
    with Session(engine) as session:
        for number in range(20):
            values: dict[str, Any] = {
                "n": dice.randrange(15),
                "v": dice.choice(VALUES),
                "o": {"x": dice.choice(VALUES)},
            }
            tags = dice.sample(["a", "b", "c"], dice.randrange(3))
            for model in (AtOnce, OneByOne):
                session.add(model(key=f"k{number:02}", tags=tags, **values))
        session.commit()
    return engine


def both(session: Session, text: str, **binds: Any) -> list[tuple[Any, list[Any]]]:
    """Write one collection by a counted statement and the other by one that shows each document."""
    found: list[tuple[Any, list[Any]]] = []
    for collection in COLLECTIONS:
        shown = "OLD" if "REMOVE" in text else "NEW"
        end = f"COLLECT AGGREGATE c = COUNT({shown}._key) RETURN c"
        if collection != COLLECTIONS[0]:
            end = f"RETURN [{shown}._key]"
        given = {name: value for name, value in binds.items() if f"@{name}" in text}
        rows = session.execute(sdbql(f"FOR d IN {text.format(c=collection)} {end}", **given)).all()
        stored = session.execute(
            sdbql(f"FOR d IN {collection} SORT d._key RETURN UNSET(d, '_id', '_rev')")
        ).all()
        plain = [{k: v for k, v in each.items() if not k.endswith("_at")} for each in stored]
        found.append((rows[0] if collection == COLLECTIONS[0] else len(rows), [repr(each) for each in plain]))
    return found


@pytest.mark.parametrize("patch", PATCHES)
def test_an_update_is_the_same_at_once_as_one_by_one(filled: Engine, patch: str) -> None:
    dice = random.Random(patch)
    with Session(filled) as session:
        for condition in CONDITIONS:
            value = dice.choice(VALUES)
            text = (
                "{c} "
                + condition
                + " UPDATE d WITH "
                + patch.replace("{", "{{").replace("}", "}}")
                + " IN {c}"
            )
            at_once, one_by_one = both(session, text, v=value, tags=["q", "r"])
            assert at_once == one_by_one, (condition, value)


def test_a_removal_is_the_same_at_once_as_one_by_one(filled: Engine) -> None:
    with Session(filled) as session:
        for condition in (*CONDITIONS[1:], CONDITIONS[0]):
            at_once, one_by_one = both(session, "{c} " + condition + " REMOVE d IN {c}", v="a")
            assert at_once == one_by_one, condition


class Numbered(Document, collection="bulk_numbered"):
    number: Annotated[int, Index(unique=True)]
    name: str = ""


def test_sessions_see_what_a_bulk_write_wrote(engine: Engine) -> None:
    engine.create_all(Numbered)
    with Session(engine) as session:
        session.add_all(Numbered(key=f"k{n}", number=n, name="a") for n in range(6))
        session.commit()
        first = session.get_one(Numbered, "k0")
        revision = first.rev
        assert session.execute(update(Numbered).where(Numbered.number < 3).values(name="b")).rowcount == 3
        session.commit()
        assert (first.name, first.rev != revision) == ("b", True)
        assert session.execute(delete(Numbered).where(Numbered.name == "b")).rowcount == 3
        session.rollback()
        assert len(session.scalars(select(Numbered)).all()) in (3, 6)


def test_a_unique_value_stays_unique() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Numbered)
        session.add_all(Numbered(key=f"k{n}", number=n) for n in range(6))
        session.commit()
        with pytest.raises(UniqueViolation):
            session.execute(update(Numbered).values(number=7))
        session.rollback()
        assert sorted(each.number for each in session.scalars(select(Numbered))) == list(range(6))


def test_a_nul_character_is_written_whole() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Numbered)
        session.add_all(Numbered(key=f"k{n}", number=n) for n in range(3))
        session.commit()
        session.execute(update(Numbered).where(Numbered.number == 1).values(name="a\\0b"))
        session.commit()
        assert session.scalars(select(Numbered.key).where(Numbered.name == "a\\0b")).all() == ["k1"]
        assert session.scalars(select(Numbered.key).where(Numbered.name == "a")).all() == []


COUNTED = "COLLECT AGGREGATE c = COUNT(NEW._key) RETURN c"
SHAPES = {
    f"FOR d IN users UPDATE d WITH {{a: 1}} IN users {COUNTED}": True,
    f"FOR d IN users FILTER d.b > 1 UPDATE d WITH {{a: d.a + 1, b: null}} IN users {COUNTED}": True,
    "FOR d IN users REMOVE d IN users COLLECT AGGREGATE c = COUNT(OLD._key) RETURN c": True,
    "FOR d IN users UPDATE d WITH {a: 1} IN users RETURN NEW": False,
    "FOR d IN users UPDATE d WITH {a: 1} IN users": False,
    f"FOR d IN users UPDATE d WITH {{a: 1}} IN users {COUNTED[:-8]} LIMIT 1 RETURN c": False,
    f"FOR d IN users UPDATE d._key WITH {{a: 1}} IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{a: 1}} IN others {COUNTED}": False,
    f"FOR d IN users REPLACE d WITH {{a: 1}} IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{a: 1}} IN users OPTIONS {{keepNull: false}} {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{email: 'x'}} IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{_key: 'x'}} IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH d IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{a: LENGTH(FOR u IN users RETURN 1)}} IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{a: FIRST(FOR u IN users RETURN u.a)}} IN users {COUNTED}": False,
    f"FOR d IN users UPDATE d WITH {{a: FIRST(FOR u IN others RETURN u.a)}} IN users {COUNTED}": True,
    f"FOR d IN users FILTER d.a IN (FOR u IN users RETURN 1) UPDATE d WITH {{a: 1}} IN users {COUNTED}": True,
    f"FOR d IN users FILTER d.a IN (FOR o IN others RETURN 1) UPDATE d WITH {{}} IN users {COUNTED}": True,
    "FOR d IN users UPDATE d WITH {a: LENGTH((FOR o IN others RETURN (FOR u IN users RETURN u)))} IN users "
    + COUNTED: False,
}


@pytest.mark.parametrize("text", SHAPES)
def test_only_what_can_be_written_in_any_order_is_one_statement(text: str) -> None:
    unique = StoredIndex(1, IndexSpec("email", "persistent", ("email",), unique=True))
    collections = {
        name: Collection(name, "document", None, "off", False, False, (unique,))
        for name in ("users", "others")
    }
    found = bulk_write(parse(text), (), collections.get, database="db", strict=False)
    assert (found is not None) is SHAPES[text]


READERS = Registry()
TABLES = {
    name: Collection(name, "document", None, "off", False, False) for name in ("bulk_readers", "bulk_loans")
}


class Reader(Document, collection="bulk_readers", registry=READERS):
    name: str


class Loan(Document, collection="bulk_loans", registry=READERS):
    reader: Annotated[Link[Reader], Index()]
    days: int = 0


def test_what_other_documents_choose_is_written_by_one_statement() -> None:
    young = select(Reader).where(Reader.name > "m")
    late = exists(select(Loan).where(Loan.reader == Reader.id, Loan.days > 30))
    written = [
        update(Loan).where(in_(Loan.reader, young)).values(days=Loan.days + 1),
        delete(Loan).where(~in_(Loan.reader, young)),
        update(Reader).where(late).values(name=Reader.name + "!"),
        delete(Reader).where(~late),
    ]
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Reader, Loan)
        readers = [Reader(key=f"r{n}", name=chr(ord("a") + n)) for n in range(20)]
        session.add_all([*readers, *(Loan(reader=reader, days=20 + n) for n, reader in enumerate(readers))])
        session.commit()
        for statement, count in zip(written, (7, 13, 7, 13), strict=True):
            assert session.execute(statement).all() == [count]
            made = statement.compile()
            types = signature(made.bind_vars)
            assert bulk_write(made.query, types, TABLES.get, database="db", strict=False) is not None
