"""Values that are nested deeply: what is stored can be read, and the rest is refused."""

from __future__ import annotations

from functools import reduce
from typing import Any

import pytest

from solidb_odm import Document, Registry, Session, func, sdbql, select, update
from solidb_odm.commands import Apply, Begin, Commit, CommitBatches, Inserts
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import InvalidDocument, LoadError, QueryLimitError, SolidbError


class Deep(Document, collection="deep_values"):
    x: Any = None


def nested(depth: int, *, objects: bool) -> Any:
    value: Any = "[" * 300  # brackets in a text are no levels
    for _ in range(depth):
        value = {"a": value} if objects else [value]
    return value


@pytest.mark.parametrize("objects", [False, True])
@pytest.mark.parametrize("depth", [1, 119, 120, 128, 210, 400, 5000])
def test_what_is_stored_can_be_read_again(engine: Engine, depth: int, objects: bool) -> None:
    engine.drop_all(Deep)
    with Session(engine) as session:
        session.add(Deep(key="good", x=1))
        session.commit()
        kept = Deep(key="changed", x=1)
        session.add(kept)
        session.commit()
        kept.x = nested(depth, objects=objects)
        if depth > 119:
            with pytest.raises(InvalidDocument):
                session.commit()
            session.rollback()
        else:
            session.commit()
    with Session(engine) as session:
        assert len(session.scalars(select(Deep)).all()) == 2
        assert session.get_one(Deep, "changed").x == (nested(depth, objects=objects) if depth < 120 else 1)


@pytest.mark.parametrize("objects", [False, True])
@pytest.mark.parametrize("depth", [1, 118, 120, 127, 128, 210, 1000, 20_000])
def test_what_a_query_stores_can_be_read_again(engine: Engine, depth: int, objects: bool) -> None:
    engine.create_all(Deep)
    value = nested(depth, objects=objects)
    for text, binds in {
        "INSERT {_key: 'query', x: @x} INTO deep_values": {"x": value},
        "INSERT @x INTO deep_values": {"x": {"_key": "query", "x": value}},
        "UPSERT {_key: 'query'} INSERT @x UPDATE @x IN deep_values": {"x": {"_key": "query", "x": value}},
    }.items():
        with Session(engine) as session:
            try:
                session.execute(sdbql(text, **binds))
                session.commit()
            except SolidbError:
                assert depth > 118
            else:
                session.expunge_all()
                assert session.get_one(Deep, "query").x == value
                session.execute(sdbql("REMOVE 'query' IN deep_values"))
                session.commit()


def test_a_query_that_nests_on_and_on_is_refused_on_a_file(engine: Engine) -> None:
    """A server makes the documents itself: there one that is too deep is found when it is read."""
    if not engine.capabilities.interactive_transactions:
        return
    engine.create_all(Deep)
    with Session(engine) as session:
        session.add(Deep(key="a", x=nested(100, objects=False)))
        session.commit()
        wrap = sdbql(f"FOR d IN deep_values UPDATE d WITH {{x: {'[' * 10}d.x{']' * 10}}} IN deep_values")
        session.execute(wrap)
        with pytest.raises(InvalidDocument, match="deeper than 120"):
            session.execute(wrap)


def test_a_document_too_deep_for_its_model_is_unreadable(engine: Engine) -> None:
    engine.create_all(Deep)
    body = {"_key": "deep", "x": nested(210, objects=False)}
    channel, batch = engine.channel(), Inserts("deep_values", [("deep", body)])
    if engine.capabilities.interactive_transactions:
        channel.perform(Begin())
        channel.perform(Apply([batch]))
        channel.perform(Commit())
    else:
        channel.perform(CommitBatches([batch]))
    channel.close()
    with Session(engine) as session:
        with pytest.raises(LoadError, match="nested deeper than 120 levels") as raised:
            session.get(Deep, "deep")
        assert "update(Model)" in (raised.value.hint or "")
        found = session.scalars(select(Deep).unreadable("collect"))
        assert (found.all(), [error.key for error in found.unreadable]) == ([], ["deep"])
        session.execute(update(Deep).where(Deep.key == "deep").values(x=1))
        session.commit()
        assert session.get_one(Deep, "deep").x == 1


class Long(Document, collection="long_sums", registry=Registry()):
    n: int = 2
    text: str = "ab"


def added_in_halves(parts: list[Any]) -> Any:
    middle = len(parts) // 2
    return added_in_halves(parts[:middle]) + added_in_halves(parts[middle:]) if middle else parts[0]


def test_a_chain_that_is_too_long_names_the_ways_which_are_answered(engine: Engine) -> None:
    fields: list[Any] = [Long.n, Long.text]
    engine.drop_all(Long)
    with Session(engine) as session:
        session.add(Long())
        session.commit()
        for field in fields:
            with pytest.raises(QueryLimitError, match=r"func\.concat\(.*\(a \+ b\) \+ \(c \+ d\)"):
                select(reduce(lambda one, other: one + other, [field] * 300)).compile()

        total = added_in_halves([Long.n] * 300)
        assert session.execute(select(total, func.concat(*[Long.text] * 300))).all() == [(600, "ab" * 300)]
