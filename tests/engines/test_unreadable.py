"""Documents that do not fit their model: one of them must not make all others unreadable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pydantic import field_validator

from solidb_odm import Document, Session, sdbql, select
from solidb_odm.engine.engine import Engine
from solidb_odm.errors import LoadError, UsageError


class Guest(Document, collection="guests_unreadable"):
    name: str
    n: int = 0

    @field_validator("name")
    @classmethod
    def two_words(cls, value: str) -> str:
        if " " not in value:
            raise ValueError("needs two words")
        return value


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    engine.create_all(Guest)
    with Session(engine) as opened:
        opened.execute(
            sdbql(
                "FOR g IN [['Ann Lee', 0], ['bob', 1], ['Cat Poe', 2], ['dan', 3], ['Eve Roe', 4]] "
                "INSERT {_key: CONCAT('k', g[1]), name: g[0], n: g[1]} INTO guests_unreadable"
            )
        )
        opened.commit()
        yield opened


BASE = select(Guest).order_by(Guest.n)
GOOD = [0, 2, 4]


def test_they_raise_unless_something_else_is_said(session: Session) -> None:
    for statement in (BASE, BASE.unreadable("raise")):
        with pytest.raises(LoadError):
            session.scalars(statement)


def test_skipped_rows_are_left_out(session: Session) -> None:
    result = session.scalars(BASE.unreadable("skip"))
    assert ([guest.n for guest in result], result.unreadable) == (GOOD, ())


def test_collected_rows_are_left_out_and_told(session: Session) -> None:
    result = session.scalars(BASE.unreadable("collect"))
    assert [guest.n for guest in result] == GOOD
    assert [(error.collection, error.key) for error in result.unreadable] == [
        ("guests_unreadable", "k1"),
        ("guests_unreadable", "k3"),
    ]


def test_rows_of_several_columns_are_left_out_whole(session: Session) -> None:
    statement = select(Guest, Guest.n).order_by(Guest.n).unreadable("collect")
    result = session.execute(statement)
    assert ([row[1] for row in result], len(result.unreadable)) == (GOOD, 2)
    scalars = session.scalars(statement)
    assert ([guest.n for guest in scalars], len(scalars.unreadable)) == (GOOD, 2)


def test_pages_and_streams_go_past_them(session: Session) -> None:
    statement = BASE.unreadable("collect")
    first = session.page(statement, size=2)
    second = session.page(statement, size=2, after=first.next)
    assert ([g.n for g in first], [g.n for g in second]) == ([0], [2])
    assert [error.key for error in (*first.unreadable, *second.unreadable)] == ["k1", "k3"]
    assert [guest.n for guest in session.stream(BASE.unreadable("skip"), batch=2)] == GOOD


def test_a_good_document_is_one_object_however_it_is_read(session: Session) -> None:
    ann = session.get_one(Guest, "k0")
    assert session.scalars(BASE.unreadable("skip")).first() is ann


def test_another_word_is_refused_at_once() -> None:
    with pytest.raises(UsageError, match="collect"):
        BASE.unreadable("ignore")  # type: ignore[arg-type]
