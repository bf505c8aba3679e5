"""Statements give the same answers on a file and on a server."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel

from solidb_odm import (
    Document,
    Edge,
    Engine,
    FulltextIndex,
    GeoIndex,
    GeoPoint,
    Index,
    Session,
    Vector,
    VectorIndex,
    aliased,
    any_,
    contains,
    desc,
    func,
    in_,
    is_null,
    label,
    not_,
    not_in,
    select,
    some,
    traverse,
)
from solidb_odm.errors import DuplicateKey, UniqueViolation, UsageError
from solidb_odm.model import Link
from solidb_odm.query import (
    case,
    coalesce,
    delete,
    distance,
    exists,
    hybrid,
    insert,
    matches,
    nearest,
    update,
    upsert,
    within,
)

PARIS = GeoPoint(lat=48.0, lon=2.0)


class Place(Document, collection="statement_places"):
    name: Annotated[str, Index(unique=True)]
    size: int = 0
    nick: str | None = None
    price: Decimal = Decimal(0)
    at: Annotated[GeoPoint | None, GeoIndex()] = None
    text: Annotated[str | None, FulltextIndex()] = None
    angle: Annotated[Vector | None, VectorIndex(dimension=2, metric="cosine")] = None
    far: Annotated[Vector | None, VectorIndex(dimension=2, metric="euclidean")] = None
    much: Annotated[Vector | None, VectorIndex(dimension=2, metric="dot")] = None


class Visit(Document, collection="visits"):
    place: Link[Place]
    stars: int = 0


class Road(Edge[Place, Place], collection="roads"):
    pass


class Summary(BaseModel):
    name: str
    n: float


def places() -> list[Place]:
    def vector(number: int) -> list[float] | None:
        return None if number == 4 else [1.0, float(number)]

    return [
        Place(
            key=f"p{number}",
            name=f"n{number}",
            size=number,
            nick=None if number % 3 == 0 else f"nick{number}",
            price=Decimal(number) + Decimal("0.50"),
            at=None if number == 3 else GeoPoint(lat=48 + number / 100, lon=2),
            text=None if number == 2 else f"rust word{number}" if number % 2 else "other things",
            angle=vector(number),
            far=vector(number),
            much=vector(number),
        )
        for number in range(8)
    ]


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Place, Visit, Road)
    stored = places()
    with Session(engine) as opened:
        opened.add_all(stored)
        opened.add_all([Visit(key="v1", place=stored[1], stars=5), Visit(key="v2", place=stored[1])])  # type: ignore[arg-type]
        opened.add(Road(stored[0], stored[1], key="r1"))
        opened.commit()
    with Session(engine) as opened:
        yield opened


matched = matches(Place.text, "rust")
fused = hybrid(Place.angle, [1, 1], Place.text, "rust", limit=3)
other = aliased(Place)
SQUARE = [GeoPoint(lat=lat, lon=lon) for lat, lon in ((48.02, 1), (48.02, 3), (48.06, 3), (48.06, 1))]

QUERIES: list[tuple[Any, list[Any]]] = [
    (select(Place.key).where(within(Place.at, PARIS, 2300)), ["p0", "p1", "p2"]),
    (select(Place.key).where(distance(Place.at, PARIS) < 2300), ["p0", "p1", "p2"]),
    (select(Place.key).where(within(Place.at, SQUARE)), ["p2", "p4", "p5", "p6"]),
    (select(Place.key).where(not_(within(Place.at, SQUARE)), Place.size < 4), ["p0", "p1", "p3"]),
    (select(Place.key).order_by(nearest(Place.at, GeoPoint(lat=48.05, lon=2))).limit(3), ["p5", "p4", "p6"]),
    (select(Place.key).order_by(nearest(Place.angle, [1, 1])).limit(3), ["p1", "p2", "p3"]),
    (select(Place.key).order_by(nearest(Place.far, [1, 1.1])).limit(3), ["p1", "p2", "p0"]),
    (select(Place.key).order_by(nearest(Place.much, [1, 1])).limit(3), ["p7", "p6", "p5"]),
    (select(Place.key).order_by(nearest(Place.much, [1, 1])).offset(7), ["p4"]),
    (select(Place.key).order_by(nearest(Place.at, PARIS)).offset(7), ["p3"]),
    (select(Place.key).where(nearest(Place.far, [1, 1.1], k=3), Place.size > 0), ["p1", "p2"]),
    (select(Place.key).where(nearest(Place.far, [1, 1.1], k=3, exact=True), Place.size > 0), ["p1", "p2"]),
    (select(Place.key).order_by(nearest(Place.angle, [1, 1], exact=True)).limit(3), ["p1", "p2", "p3"]),
    (select(Place.key).where(Place.size > 1).order_by(nearest(Place.far, [1, 1.1])).limit(2), ["p2", "p3"]),
    (select(Place.key).where(matched), ["p1", "p3", "p5", "p7"]),
    (select(Place.key).where(matches(Place.text, "rust word3", phrase=0)), ["p3"]),
    (select(Place.key).where(not_(matched)), ["p0", "p2", "p4", "p6"]),
    (select(Place.key).where(matched).order_by(desc(matched.score), desc(Place.key)).limit(2), ["p7", "p5"]),
    (select(Place.key).where(fused).order_by(desc(fused.score)), ["p1", "p3", "p5"]),
    (select(Place.key).where(exists(select(Visit).where(Visit.place == Place.id))), ["p1"]),
    (select(Place.key).where(not_(exists(select(other).where(other.size > Place.size)))), ["p7"]),
    (select(Visit.key, Place.key).where(Visit.place == Place.id), [("v1", "p1"), ("v2", "p1")]),
    (select(Place.key).where(Place.price > Decimal("5.5"), Place.price != Decimal("7.50")), ["p6"]),
    (select(Place.price).order_by(desc(Place.price)).limit(1), [Decimal("7.50")]),
    (select(func.sum(Place.price), func.count(Place.nick), func.count()), [(32.0, 5, 8)]),
    (select(func.count(Place)), [8]),
    (select(case((Place.size < 3, "a"), (Place.size < 5, "b"), else_="c")).distinct(), ["a", "b", "c"]),
    (select(coalesce(Place.nick, Place.name)).where(Place.size < 2), ["n0", "nick1"]),
    (select(Place.key).where(some(Place.nick) < "nick3"), ["p1", "p2"]),
    (select(Place.key).where(is_null(Place.nick)), ["p0", "p3", "p6"]),
    (
        select(Place.key).where(not_in(Place.nick, ["nick1", "nick2", "nick4", "nick5"])),
        ["p0", "p3", "p6", "p7"],
    ),
    (select(Place.key).where(in_(Place.id, select(Visit.place))), ["p1"]),
    (select(Place.key).where(contains(Place.text, "word5")), ["p5"]),
    (select(Place.key).where(any_(Place.angle) == 5.0), ["p5"]),
    (
        select(Place.name, label("n", func.sum(Place.size))).group_by(Place.name).limit(2).into(Summary),
        [Summary(name="n0", n=0), Summary(name="n1", n=1)],
    ),
    (
        select(Place.size % 2, func.count()).group_by(Place.size % 2).having(func.min(Place.size) > 0),
        [(1, 4)],
    ),
]


@pytest.mark.parametrize(
    ("statement", "rows"), QUERIES, ids=[str(statement)[:90] for statement, _ in QUERIES]
)
def test_a_query_answers(session: Session, statement: Any, rows: list[Any]) -> None:
    assert session.execute(statement).all() == rows


def test_a_search_can_narrow_a_traversal(session: Session) -> None:
    found = traverse("statement_places/p0", Road).where(matches(Place.text, "rust"))

    assert [place.key for place in session.scalars(found)] == ["p1"]


def test_nothing_is_cut_from_a_search_in_silence(engine: Engine) -> None:
    engine.create_all(Place)
    with Session(engine) as session:
        session.execute(insert(Place).values([{"name": f"m{n}", "text": "rust"} for n in range(150)]))
        session.commit()

        assert session.scalar(select(func.count(Place)).where(matches(Place.text, "rust"))) == 150


def test_insert_stores_and_counts(session: Session) -> None:
    count = session.scalar(insert(Place).values([{"name": "a", "key": "a"}, Place(name="b", key="b")]))
    session.commit()

    assert count == 2
    assert session.get_one(Place, "b").name == "b"


def test_insert_and_upsert_take_keywords_as_one_document(session: Session) -> None:
    assert session.scalar(insert(Place).values(name="a", key="a", size=1)) == 1
    assert session.scalar(upsert(Place).values(key="a", size=2, name="a")) == 1

    assert session.get_one(Place, "a").size == 2


def test_insert_gives_the_documents(session: Session) -> None:
    (made,) = session.scalars(insert(Place).values({"name": "a", "size": 3}).returning(Place)).all()
    session.commit()

    assert (made.name, made.size) == ("a", 3)
    assert session.get(Place, made.key) is made


def test_insert_of_a_key_that_is_taken_is_refused(session: Session) -> None:
    with pytest.raises(DuplicateKey):
        session.execute(insert(Place).values({"name": "a", "key": "p1"}))


def test_insert_of_more_than_a_hundred_counts_all(session: Session) -> None:
    rows = [{"name": f"m{number}"} for number in range(300)]

    assert session.scalar(insert(Place).values(rows)) == 300
    session.commit()
    assert session.scalar(select(func.count(Place))) == 308


def test_update_counts_and_changes_by_expressions(session: Session) -> None:
    count = session.scalar(update(Place).where(Place.size >= 6).values(size=Place.size * 10, nick=None))
    session.commit()

    assert count == 2
    rows = session.execute(select(Place.size, Place.nick).where(Place.size > 5)).all()
    assert rows == [(60, None), (70, None)]


def test_update_gives_what_it_changed(session: Session) -> None:
    changed = update(Place).where(Place.key == "p2").values(price=Place.price * 2)

    assert session.scalars(changed.returning(Place)).one().price == Decimal("5.0")


def test_update_of_nothing_counts_nothing(session: Session) -> None:
    assert session.scalar(update(Place).where(Place.size > 100).values(size=1)) == 0


def test_update_keeps_unique_values_unique(session: Session) -> None:
    with pytest.raises(UniqueViolation):
        session.execute(update(Place).where(Place.key == "p2").values(name="n1"))


def test_delete_counts_and_gives_what_it_deleted(session: Session) -> None:
    gone = session.scalars(delete(Place).where(Place.key == "p5").returning(Place.name)).all()
    count = session.scalar(delete(Place).where(Place.size >= 4))
    session.commit()

    assert (gone, count) == (["n5"], 3)
    assert session.scalar(select(func.count(Place))) == 4


def test_upsert_inserts_and_changes_by_key(session: Session) -> None:
    rows = [{"key": "p1", "name": "changed"}, {"key": "new", "name": "made"}]
    got = session.execute(upsert(Place).values(rows).returning(Place.key, Place.name, Place.size)).all()

    assert got == [("p1", "changed", 1), ("new", "made", 0)]
    assert session.scalar(upsert(Place).values(rows)) == 2


def test_upsert_finds_documents_by_the_fields_of_a_unique_index(session: Session) -> None:
    session.execute(upsert(Place).on(Place.name).values([{"name": "by name", "size": 1}]))
    key = session.scalars(select(Place.key).where(Place.name == "by name")).one()
    rows = [{"name": "by name", "size": 2}, {"name": "another", "size": 3}]

    got = session.execute(upsert(Place).values(rows).returning(Place.name, Place.size)).all()

    assert got == [("by name", 2), ("another", 3)]
    assert session.scalars(select(Place.key).where(Place.name == "by name")).one() == key


def test_upsert_refuses_fields_that_do_not_tell_documents_apart() -> None:
    with pytest.raises(UsageError, match="unique index"):
        upsert(Place).on(Place.size)
    with pytest.raises(UsageError, match="takes fields of Place"):
        upsert(Place).on("name")
    with pytest.raises(UsageError, match="all its rows by key"):
        upsert(Place).values([{"name": "a"}, {"name": "b", "key": "b"}])


def test_rows_come_in_partitions(session: Session) -> None:
    names = session.scalars(select(Place.name).order_by(Place.name))
    everything = names.all()

    parts = list(names.partitions(3))

    assert [len(part) for part in parts] == [3, 3, 2]
    assert [name for part in parts for name in part] == everything
