"""Joins along links and ends of edges are read by the key on a file, whichever side SQL begins with."""

from __future__ import annotations

from typing import Annotated, Any

import pytest

from solidb_odm import Document, Edge, Index, Link, Session, create_engine, sdbql, select


class Writer(Document, collection="lj_writers"):
    name: str


class Text(Document, collection="lj_texts"):
    writer: Link[Writer]
    second: Annotated[Link[Writer] | None, Index()] = None


class Knows(Edge[Writer, Writer], collection="lj_knows"):
    pass


JOINS: dict[str, Any] = {
    "a link": lambda: select(Text.key, Writer.key).where(Text.writer == Writer.id),
    "a link, from its end": lambda: select(Writer.key, Text.key).where(Text.writer == Writer.id),
    "an indexed link": lambda: select(Text.key, Writer.key).where(Text.second == Writer.id),
    "an end of an edge": lambda: select(Knows.key, Writer.key).where(Knows.from_ == Writer.id),
}


@pytest.mark.parametrize("what", JOINS)
def test_a_join_along_a_link_searches_an_index_or_a_table_made_once(what: str) -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Writer, Text, Knows)
        plan = str(session.explain(JOINS[what]()))
        assert "SEARCH" in plan, plan


def test_a_join_begins_where_a_condition_leaves_few() -> None:
    """Without it SQL read every text for the writers of one name."""
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Writer, Text, Knows)
        statement = select(Text.key).join(Writer, Text.second == Writer.id).where(Writer.name == "w7")
        steps = str(session.explain(statement)).partition("SQLite")[2].splitlines()
        assert "SCAN t2" in steps[0], steps
        assert "SEARCH t1" in steps[1], steps
        writers = [Writer(key=f"w{number}", name=f"w{number}") for number in range(9)]
        session.add_all(
            [*writers, *(Text(key=f"t{n}", writer=writers[0], second=writers[n]) for n in (7, 3))]
        )
        session.commit()
        assert session.scalars(statement).all() == ["t7"]


def test_joins_along_links_find_what_links_lead_to() -> None:
    with create_engine("sqlite://") as engine, Session(engine) as session:
        engine.create_all(Writer, Text, Knows)
        writers = [Writer(key=f"w{number}", name="w") for number in range(4)]
        texts = [Text(key=f"t{n}", writer=writers[n % 3], second=writers[n % 2]) for n in range(6)]
        session.add_all([*writers, *texts, Knows(writers[0], writers[3], key="k")])
        session.commit()
        rows = {what: sorted(session.execute(JOINS[what]()).all()) for what in JOINS}
    assert rows["a link"] == [(f"t{n}", f"w{n % 3}") for n in range(6)]
    assert rows["a link, from its end"] == sorted((f"w{n % 3}", f"t{n}") for n in range(6))
    assert rows["an indexed link"] == [(f"t{n}", f"w{n % 2}") for n in range(6)]
    assert rows["an end of an edge"] == [("k", "w0")]


@pytest.mark.parametrize("prefix", ["lj/", "", "é\U0001f600/", "a\0b/", "12"])
@pytest.mark.parametrize("value", ["text", "number", "null", "list", "shorter"])
def test_a_key_behind_a_text_is_compared_exactly(engine: Any, prefix: str, value: str) -> None:
    values = {"text": f"{prefix}345", "number": 12345, "null": None, "list": ["345"], "shorter": prefix[:1]}
    query = sdbql(
        "FOR v IN [@value] FOR w IN lj_writers FILTER v == CONCAT(@prefix, w._key) RETURN w._key",
        value=values[value],
        prefix=prefix,
    )
    with Session(engine) as session:
        engine.create_all(Writer)
        session.add_all([Writer(key="345", name="a"), Writer(key="45", name="b")])
        session.commit()
        assert session.scalars(query).all() == (["345"] if value == "text" else [])
