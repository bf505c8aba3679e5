"""An interrupt while Pydantic calls a serializer is what comes out, though Pydantic makes an error of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import pytest
from pydantic import (
    BaseModel,
    BeforeValidator,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    WrapSerializer,
)

from solidb_odm import Document, Engine, Link, Registry, Session, contains, create_engine, select
from solidb_odm.model.links.link import reference_text
from tests.interrupts import interrupt_at


def in_tens(value: int) -> str:
    return str(value * 10)


def as_it_is(value: Any, handler: SerializerFunctionWrapHandler) -> Any:
    return handler(value)


def from_tens(value: int | str) -> int:
    return int(value) // 10 if isinstance(value, str) else value


registry = Registry()
Tens = Annotated[int, PlainSerializer(in_tens), BeforeValidator(from_tens)]


class Part(BaseModel):
    tens: Tens = 1


class Reader(Document, collection="readers", registry=registry):
    name: str = ""


class Book(Document, collection="books", registry=registry):
    reader: Link[Reader]
    tens: Tens = 2
    parts: list[Part] = [Part()]
    wrapped: Annotated[Part, WrapSerializer(as_it_is)] = Part()
    marks: set[Tens] = {1}


def is_serializer(frame: FrameType) -> bool:
    return frame.f_code in (reference_text.__code__, in_tens.__code__, as_it_is.__code__)


def add_one(session: Session) -> None:
    session.add(Book(key="one", reader="readers/a"))
    session.commit()


def add_many(session: Session) -> None:
    session.add_all([Book(key=f"many{number}", reader="readers/a") for number in range(3)])
    session.commit()


def change(session: Session) -> None:
    book = session.get_one(Book, "first")
    book.parts.append(Part(tens=7))
    book.marks.add(3)
    session.commit()


def find(session: Session) -> None:
    session.scalars(select(Book).where(Book.tens == 5, contains(Book.marks, 1))).all()


def find_part(session: Session) -> None:
    session.scalars(select(Book).where(Book.wrapped == Part(tens=5))).all()


@pytest.fixture
def engine(tmp_path: Path) -> Any:
    with create_engine(f"sqlite:///{tmp_path}/books.db") as opened:
        with Session(opened) as session:
            session.add(Book(key="first", reader="readers/a"))
            session.commit()
        yield opened


def stored(engine: Engine) -> list[dict[str, Any]]:
    with Session(engine) as session:
        return [book.model_dump(mode="json") for book in session.scalars(select(Book)).all()]


@pytest.mark.parametrize("work", [add_one, add_many, change, find, find_part])
def test_it_comes_out_of_whatever_was_at_work(engine: Engine, work: Callable[[Session], None]) -> None:
    before = stored(engine)
    for at in range(1, 1000):
        with Session(engine) as session:
            raised = interrupt_at(lambda: work(session), at, is_serializer)
            if raised is None:
                break
            assert type(raised) is KeyboardInterrupt
            session.rollback()
        assert stored(engine) == before
    assert at > 1


exits: list[Any] = []


def leave(value: int) -> int:
    if exits:
        raise SystemExit(exits.pop())
    return value


class Leaving(Document, collection="leaving", registry=registry):
    n: Annotated[int, PlainSerializer(leave)] = 1


@pytest.mark.parametrize("code", [3, None, "no more", -1])
@pytest.mark.parametrize("count", [1, 5])
def test_an_exit_keeps_its_code(code: Any, count: int) -> None:
    with Session(create_engine("sqlite://")) as session:
        session.add_all(Leaving() for _ in range(count))
        exits.append(code)
        with pytest.raises(SystemExit) as raised:
            session.commit()
        assert raised.value.code == code
        session.commit()
        assert len(session.scalars(select(Leaving)).all()) == count
