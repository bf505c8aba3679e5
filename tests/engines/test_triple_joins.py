"""Three loops on a file: each is joined by an index or a table made once, wherever its condition stands."""

from __future__ import annotations

from typing import Annotated

import pytest

from solidb_odm import Document, Index, Link, Session, create_engine, exists, func, sdbql, select


class Triple(Document, collection="triples_joined"):
    left: int
    right: int
    named: Annotated[int, Index()] = 0


TEXT = "FOR a IN {0} FOR b IN {0}{1} FOR c IN {0}{2} FILTER b.{3} == c.left RETURN [a._key, b._key, c._key]"
FIRST = " FILTER a.left == b.right"
TEXTS = {
    "behind each loop": (FIRST, ""),
    "behind all": ("", FIRST),
    "behind a LET": ("", f" LET x = a.left{FIRST}"),
}


@pytest.mark.parametrize("places", TEXTS)
@pytest.mark.parametrize("name", ["right", "named"])
def test_each_loop_is_joined(places: str, name: str) -> None:
    text = TEXT.format("triples_joined", *TEXTS[places], name)
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Triple)
        rows = [Triple(key=f"k{n}", left=n % 5, right=n % 7, named=n % 6) for n in range(12)]
        session.add_all(rows)
        session.commit()
        plan = str(session.explain(sdbql(text)))
        found = session.execute(sdbql(text)).all()
    assert plan.count("SCAN t") == 3, plan  # of the first collection, and of the others to make the tables
    assert found == [
        [a.key, b.key, c.key]
        for a in sorted(rows, key=lambda each: each.key)
        for b in sorted(rows, key=lambda each: each.key)
        for c in sorted(rows, key=lambda each: each.key)
        if a.left == b.right and getattr(b, name) == c.left
    ]


class Place(Document, collection="triple_places"):
    name: Annotated[str, Index()]


class Maker(Document, collection="triple_makers"):
    place: Link[Place]


class Ware(Document, collection="triple_wares"):
    maker: Annotated[Link[Maker], Index()]


def test_a_chain_of_links_is_followed_from_key_to_key() -> None:
    """The middle one was joined by a table made of it, over all pairs of the two others."""
    statement = (
        select(Place.name, func.count(Ware.key))
        .join(Maker, Ware.maker == Maker.id)
        .join(Place, Maker.place == Place.id)
        .group_by(Place.name)
    )
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Place, Maker, Ware)
        places = [Place(key=f"p{n}", name=f"n{n % 2}") for n in range(3)]
        makers = [Maker(key=f"m{n}", place=places[n % 3]) for n in range(5)]
        session.add_all([*places, *makers, *(Ware(key=f"w{n}", maker=makers[n % 5]) for n in range(20))])
        session.commit()
        plan = str(session.explain(statement)).partition("SQLite")[2]
        assert session.execute(statement).all() == [("n0", 12), ("n1", 8)]
    assert "MATERIALIZE" not in plan
    assert plan.count("(key=?)") == 2, plan


def test_what_is_only_looked_for_is_not_sorted() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Place, Maker, Ware)
        is_made = exists(select(Ware).where(Ware.maker == Maker.id))
        for statement in (select(Maker.key).where(is_made), select(Maker.key).where(~is_made)):
            plan = str(session.explain(statement)).partition("SQLite")[2]
            assert "SEARCH" in plan
            assert "TEMP B-TREE" not in plan, plan


def test_an_outer_join_searches_for_each_row() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Place, Maker, Ware)
        for statement in (
            select(Ware.key, Maker.key).outerjoin(Maker, Ware.maker == Maker.id),
            select(Maker.key, Ware.key).outerjoin(Ware, Ware.maker == Maker.id),
            select(Place.key, Maker.key).outerjoin(Maker, Maker.place == Place.id),
        ):
            plan = str(session.explain(statement)).partition("SQLite")[2]
            assert "LEFT-JOIN" in plan
            assert "SEARCH" in plan
            assert "SUBQUERY" not in plan, plan


def test_whole_documents_are_sorted_only_where_a_condition_leaves_few() -> None:
    joined = select(Ware, Maker).join(Maker, Ware.maker == Maker.id)
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Place, Maker, Ware)
        plans = {
            what: str(session.explain(statement)).partition("SQLite")[2]
            for what, statement in {
                "all": joined,
                "most": joined.where(Ware.key != "w1"),
                "values": select(Ware.key, Maker.place).join(Maker, Ware.maker == Maker.id),
                "few": joined.join(Place, Maker.place == Place.id).where(Place.name == "n1"),
            }.items()
        }
    assert {what for what, plan in plans.items() if "TEMP B-TREE" in plan} == {"values", "few"}, plans
