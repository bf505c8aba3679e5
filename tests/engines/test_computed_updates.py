"""Statements keep stored computed fields in step with what they are computed of, or refuse."""

from __future__ import annotations

from functools import cached_property

import pytest
from pydantic import computed_field

from solidb_odm import Document, Session, select, update, upsert
from solidb_odm.errors import UsageError
from solidb_odm.model.declaration.computed import reads_of

from .conftest import Store


class Reader(Document, collection="computing_readers"):
    first: str = ""
    last: str = ""
    books: list[int] = []
    rate: int = 2
    note: str = ""

    @computed_field
    @property
    def full_name(self) -> str:
        return f"{self.first} {self.last}".strip()

    @computed_field
    @cached_property
    def greeting(self) -> str:
        return self._greet()

    def _greet(self) -> str:
        return "Hello " + self.full_name.upper()

    @computed_field
    @property
    def pages(self) -> int:
        return sum(book for book in self.books)

    @computed_field
    @property
    def cost(self) -> int:
        return sum(book * self.rate for book in self.books)


def test_the_code_of_a_computed_field_tells_what_it_is_computed_of() -> None:
    assert reads_of(Reader, "full_name") == {"first", "last"}
    assert reads_of(Reader, "greeting") == {"first", "last"}
    assert reads_of(Reader, "pages") == {"books"}
    assert reads_of(Reader, "cost") is None  # self is used within a generator


def test_an_update_computes_what_it_can(store: Store, session: Session) -> None:
    class Plain(Document, collection="computing_plain"):
        first: str = ""
        last: str = ""
        note: str = ""

        @computed_field(alias="fullName")
        @property
        def full_name(self) -> str:
            return f"{self.first} {self.last}"

    store.put(Plain(key="p", first="A", last="B"))

    session.execute(update(Plain).values(first="Ada", last="Byron"))
    assert session.scalars(select(Plain.full_name)).all() == ["Ada Byron"]
    session.execute(update(Plain).values(note="x"))
    session.execute(upsert(Plain).values({"key": "p", "first": "Eve", "last": "L"}))
    assert session.scalars(select(Plain.full_name).where(Plain.note == "x")).all() == ["Eve L"]
    with pytest.raises(UsageError, match="computed of first, last"):
        upsert(Plain).values({"key": "p", "first": "Eve"})


def test_an_update_refuses_what_it_cant_compute(store: Store, session: Session) -> None:
    store.put(Reader(key="r", first="A", last="B"))
    with pytest.raises(UsageError, match=r"Reader\.full_name is computed of first, last") as caught:
        update(Reader).values(first="Ada", cost=0)
    assert "full_name=.." in (caught.value.hint or "")
    with pytest.raises(UsageError, match="does not name plainly"):
        update(Reader).values(note="x")

    session.execute(update(Reader).values(first="Ada", full_name="Ada B", greeting="Hi", cost=0))
    assert session.scalars(select(Reader.full_name)).all() == ["Ada B"]
