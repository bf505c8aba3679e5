"""Documents of a file that were damaged, and texts and numbers of no use: an answer or an error of ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from solidb_odm import Document, Session, create_engine, func, sdbql, select
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import SolidbError, StoreUnavailable, UsageError


class Damaged(Document, collection="damaged_documents"):
    name: str = ""
    n: int = 0


class Other(Damaged):
    """With a second class in the collection the class of each document is looked for."""

    more: str = ""


TEXTS: list[str | bytes] = [
    *("", "{", "not json", "[1,2]", "5", "null", '"x"', '{"_key":1}', '{"name": 5}', '{"n":1e999}'),
    *('{"name":"\\ud800"}', '{"n":' + "[" * 500 + "]" * 500 + "}", '{"name":"a","name":"b"}', '{"n":NaN}'),
    b"\xff\xfe",
]
OPERATIONS: dict[str, Callable[[Session], object]] = {
    "get": lambda session: session.get(Damaged, "k1"),
    "get_many": lambda session: session.get_many(Damaged, ["k0", "k1"]),
    "scalars": lambda session: session.scalars(select(Damaged)).all(),
    "filter": lambda session: session.scalars(select(Damaged).where(Damaged.name == "x")).all(),
    "sort": lambda session: session.scalars(select(Damaged).order_by(Damaged.n).limit(2)).all(),
    "columns": lambda session: session.execute(select(Damaged.name, Damaged.n)).all(),
    "count": lambda session: session.scalar(select(func.count(Damaged))),
    "sum": lambda session: session.scalar(select(func.sum(Damaged.n))),
    "page": lambda session: session.page(select(Damaged).order_by(Damaged.n), size=2),
    "stream": lambda session: list(session.stream(select(Damaged), batch=1)),
    "query": lambda session: session.execute(sdbql("FOR d IN damaged_documents RETURN d")).all(),
    "in Python": lambda session: session.execute(
        sdbql("FOR d IN damaged_documents FILTER SOUNDEX(d.name) != 'x' RETURN MERGE(d, {a: 1})")
    ).all(),
    "update": lambda session: session.execute(
        sdbql("FOR d IN damaged_documents UPDATE d WITH {n: 7} IN damaged_documents")
    ),
    "remove": lambda session: session.execute(
        sdbql("FOR d IN damaged_documents REMOVE d IN damaged_documents")
    ),
    "collect": lambda session: session.scalars(select(Damaged).unreadable("collect")).all(),
    "explain": lambda session: session.explain(select(Damaged).where(Damaged.n > 1)),
}


@pytest.mark.parametrize("text", TEXTS, ids=[repr(text)[:16] for text in TEXTS])
def test_a_damaged_document_is_read_past_or_an_error_of_ours(tmp_path: Path, text: str | bytes) -> None:
    path = tmp_path / "damaged.db"
    with create_engine(f"sqlite:///{path}") as engine:
        engine.create_all(Damaged)
        with Session(engine) as session:
            session.add_all(Damaged(key=f"k{number}", n=number) for number in range(3))
            session.commit()
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE damaged_documents SET doc = ? WHERE key = 'k1'", (text,))
        for operation in OPERATIONS.values():
            with suppress(SolidbError), Session(engine) as session:
                operation(session)


@pytest.mark.parametrize(
    "text", ["\ud800", "\0", "a\0b", "/", "", "." * 500, "a" * 100_000, "\n", '"', "`", "\\"]
)
def test_any_text_gives_an_answer_or_an_error_of_ours(engine: Engine, text: str) -> None:
    engine.create_all(Damaged)
    uses: list[Callable[[Session], object]] = [
        lambda session: session.get(Damaged, text),
        lambda session: session.get_many(Damaged, [text]),
        lambda session: session.scalars(select(Damaged).where(Damaged.name == text)).all(),
        lambda session: session.scalars(select(Damaged).where(Damaged.name.startswith(text))).all(),
        lambda session: session.execute(sdbql(text)).all(),
        lambda session: session.execute(sdbql(f"RETURN '{text}'")).all(),
        lambda session: session.execute(sdbql(f"FOR d IN `{text}` RETURN d")).all(),
        lambda session: session.execute(sdbql("RETURN [@b, UPPER(@b)]", b=text)).all(),
        lambda session: session.page(select(Damaged), size=2, after=text),
        lambda session: session.page(select(Damaged).order_by(Damaged.n), size=2, before=text),
        lambda session: session.add(Damaged(name=text)) or session.commit(),
    ]
    for use in uses:
        with suppress(SolidbError), Session(engine) as session:
            use(session)


@pytest.mark.parametrize(
    "number", [2**63 - 1, 2**63, 2**64, 2**70, -1, -(2**70), 1.5, "3", None, float("inf")]
)
def test_any_limit_gives_an_answer_or_an_error_of_ours(engine: Engine, number: Any) -> None:
    engine.create_all(Damaged)
    uses: list[Callable[[Session], object]] = [
        lambda session: session.scalars(select(Damaged).limit(number)).all(),
        lambda session: session.scalars(select(Damaged).limit(2).offset(number)).all(),
        lambda session: session.page(select(Damaged), size=number),
        lambda session: list(session.stream(select(Damaged), batch=number)),
        lambda session: session.execute(
            sdbql("FOR d IN damaged_documents LIMIT @v RETURN d", v=number)
        ).all(),
        lambda session: session.execute(
            sdbql("FOR d IN damaged_documents LIMIT @v, 2 RETURN d", v=number)
        ).all(),
        lambda session: session.scalars(select(Damaged).where(Damaged.n == number)).all(),
    ]
    for use in uses:
        with suppress(SolidbError), Session(engine) as session:
            use(session)


def test_a_page_has_a_whole_number_of_rows(engine: Engine) -> None:
    engine.create_all(Damaged)
    with Session(engine) as session:
        for size in (0, None, "3", 2**63):
            with pytest.raises(UsageError, match="whole number of rows"):
                session.page(select(Damaged), size=size)  # type: ignore[arg-type]


def test_a_path_too_long_for_the_system_can_not_be_opened(tmp_path: Path) -> None:
    with create_engine(f"sqlite:///{tmp_path}/{'a' * 5000}") as engine, pytest.raises(StoreUnavailable):
        engine.create_all(Damaged)
