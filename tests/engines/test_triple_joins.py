"""Three loops on a file: each is joined by an index or a table made once, wherever its condition stands."""

from __future__ import annotations

from typing import Annotated

import pytest

from solidb_odm import Document, Index, Session, create_engine, sdbql


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
