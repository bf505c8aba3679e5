"""Calls that can mean nothing are refused at once, by an error that says what to write."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest

from solidb_odm import (
    AsyncSession,
    Cascade,
    Document,
    Engine,
    Link,
    Session,
    create_async_engine,
    create_engine,
    func,
    select,
)
from solidb_odm.errors import ConfigurationError, SolidbError, StateError, UsageError

from .documents import Person

CALLS: dict[str, tuple[Callable[[Session], Any], type[SolidbError], str]] = {
    "get": (lambda s: s.get("a", Person), UsageError, "by its class and its key"),  # type: ignore[type-var, arg-type]
    "get_one": (lambda s: s.get_one(None, "a"), UsageError, "by its class and its key"),  # type: ignore[type-var]
    "get_many": (lambda s: s.get_many(Person, "abc"), UsageError, "takes several keys"),
    "load": (lambda s: s.load(Person(name="x"), Person.name), UsageError, "takes several documents"),  # type: ignore[arg-type]
    "count": (lambda s: s.engine.count(int), UsageError, "declares no collection"),  # type: ignore[arg-type]
    "create_all": (lambda s: s.engine.create_all("users"), UsageError, "declares no collection"),  # type: ignore[arg-type]
    "no engine": (lambda _: Session(None), UsageError, "takes an Engine"),  # type: ignore[arg-type]
    "async engine": (lambda _: Session(create_async_engine("sqlite://")), UsageError, "takes an Engine"),  # type: ignore[arg-type]
    "sync engine": (lambda s: AsyncSession(s.engine), UsageError, "takes an AsyncEngine"),  # type: ignore[arg-type]
    "no url": (lambda _: create_engine(None), ConfigurationError, "None is not the URL"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("call", CALLS)
def test_a_senseless_call_is_refused(engine: Engine, call: str) -> None:
    run, kind, said = CALLS[call]
    with Session(engine) as session, pytest.raises(kind, match=said):
        run(session)


def test_begin_inside_begin_is_refused_and_undoes_the_outer_block(engine: Engine) -> None:
    engine.create_all(Person)
    with Session(engine) as session:
        with pytest.raises(StateError, match=r"begin\(\) inside begin\(\)"):
            _nested(session)
        assert session.get(Person, "outer") is None
        with session.begin():  # and another one after it is fine
            session.add(Person(key="later", name="x"))
        assert session.get(Person, "later")


def _nested(session: Session) -> None:
    with session.begin():
        session.add(Person(key="outer", name="x"))
        with session.begin():
            session.add(Person(key="inner", name="x"))


class Node(Document, collection="ring_nodes"):
    next: Annotated[Link[Node] | None, Cascade("save")] = None


def test_a_long_ring_is_added_by_adding_one(engine: Engine) -> None:
    nodes = [Node(key=f"n{number:05}") for number in range(1500)]
    for at, node in enumerate(nodes):
        node.next = Link(nodes[(at + 1) % len(nodes)])
    with Session(engine) as session:
        session.add(nodes[0])
        assert len(session.new) == len(nodes)
        session.commit()
        assert session.scalar(select(func.count(Node))) == len(nodes)
