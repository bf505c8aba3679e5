"""Joins along links and ends of edges are read by the key on a file, whichever side SQL begins with.

Each is one of three statements, by the way SQLite goes; what is stored in a link need not be one.
"""

from __future__ import annotations

import json
from itertools import product
from typing import Annotated, Any

import pytest

from solidb_odm import Document, Edge, Index, Link, Session, create_engine, sdbql, select
from solidb_odm.commands import Apply, Commit, CreateCollection, CreateIndex, IndexSpec, Inserts


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


REFERENCES: list[Any] = [
    "ends/k1", "ends/k2", "ends/k2", "endz/k1", "ends/", "ends", "k1", "", None, 5, 5.5, True, False,
    ["ends/k1"], {"a": "ends/k1"}, "ends/k1 ", "ENDS/k1", "ends/é", "ends/\U0001f600", "ends/none",
]  # fmt: skip
SHOWN: list[Any] = [
    "x",
    None,
    1.5,
    [1, {"b": 1, "a": 2}],
    {"b": 1, "a": []},
    True,
    "{",
    "],[",
    '","',
    [],
    -0.0,
]
LOOPS = ("FOR t IN texts_to FOR e IN ends", "FOR e IN ends FOR t IN texts_to")
SIDES = ("t.ref == CONCAT('ends/', e._key)", "CONCAT('ends/', e._key) == t.other")
ORDERS = ("", "SORT t._key DESC, e._key", "SORT e._key, t._key")
KEYS = ["k1", "k2", "é", "\U0001f600", "5", "k1 "]


@pytest.mark.parametrize("indexed", [(), ("ref",), ("ref", "other")])
@pytest.mark.parametrize("extra", [0, 60])
@pytest.mark.parametrize("nul", [False, True])
def test_whatever_is_stored_in_a_link_only_links_lead_anywhere(
    indexed: tuple[str, ...], extra: int, nul: bool
) -> None:
    references = [*REFERENCES, *(["ends/\0", "a\0b"] if nul else [])]
    keys = [*KEYS, *(f"more{number}" for number in range(extra))]
    with create_engine("sqlite://") as engine, Session(engine) as session:
        channel = engine.driver.channel()
        for name in ("texts_to", "ends"):
            channel.perform(CreateCollection(name))
        for field in indexed:
            channel.perform(CreateIndex("texts_to", IndexSpec(field, "persistent", (field,))))
        texts = {
            f"t{place:02}": {"ref": reference, "other": reference, "shown": SHOWN[place % len(SHOWN)]}
            for place, reference in enumerate(references)
        }
        channel.perform(Apply([Inserts("texts_to", [(k, {"_key": k, **row}) for k, row in texts.items()])]))
        channel.perform(Apply([Inserts("ends", [(k, {"_key": k, "shown": k}) for k in keys])]))
        channel.perform(Commit())
        wanted = {
            (t, row["ref"][5:]) for t, row in texts.items() if row["ref"] in [f"ends/{k}" for k in keys]
        }
        for loops, sides, order in product(LOOPS, SIDES, ORDERS):
            query = f"{loops} FILTER {sides} {order} RETURN [t._key, e._key, t.shown, e.shown]"
            rows: list[Any] = session.execute(sdbql(query)).all()
            assert sorted(row[:2] for row in rows) == sorted(map(list, wanted))
            shown = [[texts[t]["shown"], e] for t, e, *_ in rows]
            assert json.dumps([row[2:] for row in rows]) == json.dumps(shown, sort_keys=True)
            if order.startswith("SORT t"):
                assert [row[0] for row in rows] == sorted((row[0] for row in rows), reverse=True)
        channel.close()
