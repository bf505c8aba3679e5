"""A unique value that moves between documents in one commit: done on a file, refused by name on a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import pytest
from pydantic import BaseModel

from solidb_odm import Document, Index, Session, select
from solidb_odm.errors import UniqueViolation

from .conftest import Store


class Seat(BaseModel):
    row: str | None = None
    number: int | None = None


class Guest(Document, collection="guests_of_seats"):
    email: Annotated[str | None, Index(unique=True)] = None
    seat: Seat = Seat()

    class Settings:
        indexes = [Index("seat.row", "seat.number", unique=True)]


class Honoured(Guest):
    pass


@pytest.fixture
def guests(store: Store) -> Store:
    store.engine.create_all(Guest, Honoured)
    rows = [Guest(key=each, email=each, seat=Seat(row=each)) for each in "abc"]
    store.put(*rows, Honoured(key="h", email="h"))
    return store


def swap(session: Session) -> None:
    one, other = (session.get_one(Guest, key) for key in "ab")
    one.email, other.email = "b", "a"


def rotate(session: Session) -> None:
    for key, value in zip("abc", "bca", strict=True):
        session.get_one(Guest, key).email = value


def give(session: Session) -> None:
    session.get_one(Guest, "b").email = None
    session.get_one(Guest, "a").email = "b"


def replace(session: Session) -> None:
    session.delete(session.get_one(Guest, "b"))
    session.add(Guest(key="d", email="b"))


def swap_classes(session: Session) -> None:
    session.get_one(Guest, "a").email, session.get_one(Honoured, "h").email = "h", "a"


def swap_seats(session: Session) -> None:
    one, other = (session.get_one(Guest, key).seat for key in "ab")
    one.row, other.row = other.row, one.row


MOVES: dict[Callable[[Session], None], dict[str, str | None]] = {
    swap: {"a": "b", "b": "a", "c": "c", "h": "h"},
    rotate: {"a": "b", "b": "c", "c": "a", "h": "h"},
    give: {"a": "b", "b": None, "c": "c", "h": "h"},
    replace: {"a": "a", "c": "c", "d": "b", "h": "h"},
    swap_classes: {"a": "h", "b": "b", "c": "c", "h": "a"},
    swap_seats: {"a": "a", "b": "b", "c": "c", "h": "h"},
}


@pytest.mark.parametrize("move", MOVES, ids=lambda each: each.__name__)
def test_a_unique_value_moves_or_the_way_out_is_named(
    guests: Store, session: Session, move: Callable[[Session], None]
) -> None:
    move(session)
    if guests.engine.capabilities.interactive_transactions:
        session.commit()
        found = session.execute(select(Guest.key, Guest.email).order_by(Guest.key)).all()
        assert dict(found) == MOVES[move]
    else:
        with pytest.raises(UniqueViolation, match="gives up in the same commit") as caught:
            session.commit()
        assert "commit in two steps" in (caught.value.hint or "")


def test_a_value_that_nobody_gives_up_stays_taken(guests: Store, session: Session) -> None:
    session.get_one(Guest, "a").email = "b"
    session.get_one(Guest, "c").email = "new"
    with pytest.raises(UniqueViolation) as caught:
        session.commit()
    assert caught.value.fields == ("email",)
    assert "two steps" not in (caught.value.hint or "")
    session.rollback()
    assert session.get_one(Guest, "c").email == "c"
