"""Making what models declare, while others make it too, or after somebody who did not finish."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Annotated, Any

import pytest

from solidb_odm import Document, Index, Session, create_engine
from solidb_odm.commands import (
    Begin,
    CollectionSpec,
    Command,
    CreateCollection,
    CreateIndex,
    DescribeCollection,
    IndexSpec,
    run,
)
from solidb_odm.errors import AlreadyExists, CollectionExists, IndexExists, UniqueViolation
from solidb_odm.schema.creation import create_all


class Member(Document, collection="members_made"):
    email: Annotated[str, Index(unique=True)]


SPEC = CollectionSpec(
    "made", indexes=(IndexSpec("a", "persistent", ("a",)), IndexSpec("b", "persistent", ("b",)))
)


class Rivals:
    """A server on which somebody else is always first with the next step, as often as ``rivals`` says."""

    def __init__(self, rivals: int) -> None:
        self.rivals = rivals
        self.found: CollectionSpec | None = None

    def perform(self, command: Command[Any], /) -> Any:
        if isinstance(command, DescribeCollection):
            return self.found
        if isinstance(command, Begin):
            return False
        done = self._after(command)
        if self.rivals > 0:
            self.rivals -= 1
            raise done
        return None

    def _after(self, command: Command[Any]) -> AlreadyExists:
        if isinstance(command, CreateCollection):
            self.found = CollectionSpec(command.name, command.kind)
            return CollectionExists("there already", name=command.name)
        assert isinstance(command, CreateIndex)
        assert self.found is not None
        self.found = CollectionSpec(self.found.name, indexes=(*self.found.indexes, command.index))
        return IndexExists("there already", name=command.index.name)


@pytest.mark.parametrize("rivals", range(5))
def test_what_somebody_else_makes_at_the_same_time_is_taken_as_made(rivals: int) -> None:
    server = Rivals(rivals)
    run(create_all([SPEC]), server)
    assert server.found == SPEC


def test_what_somebody_began_to_make_is_finished() -> None:
    server = Rivals(0)
    server.found = CollectionSpec(SPEC.name, indexes=SPEC.indexes[:1])
    run(create_all([SPEC]), server)
    assert server.found == SPEC


@pytest.mark.parametrize("by_get", [False, True])
def test_threads_that_make_the_same_collection_all_succeed(tmp_path: Path, by_get: bool) -> None:
    wrong: list[Exception] = []

    def make(engine: Any, barrier: threading.Barrier) -> None:
        barrier.wait()
        try:
            if by_get:
                with Session(engine) as session:
                    session.get(Member, "x")
            else:
                engine.create_all(Member)
        except Exception as problem:
            wrong.append(problem)

    for turn in range(10):
        with create_engine(f"sqlite:///{tmp_path}/{turn}.db") as engine:
            engine.channel().close()
            barrier = threading.Barrier(4)
            threads = [threading.Thread(target=make, args=(engine, barrier)) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("step", ["CreateCollection", "CreateIndex"])
def test_a_process_killed_while_it_makes_a_collection_leaves_no_half_of_it(tmp_path: Path, step: str) -> None:
    url = f"sqlite:///{tmp_path}/killed.db"
    child = os.fork()
    if child == 0:
        with create_engine(url) as engine:
            engine.on_query(
                lambda event: os.kill(os.getpid(), signal.SIGKILL) if event.command == step else None
            )
            engine.create_all(Member)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    with create_engine(url) as engine, Session(engine) as session:
        session.add(Member(email="a@x"))
        session.commit()
        session.add(Member(email="a@x"))
        with pytest.raises(UniqueViolation):
            session.commit()


def test_nothing_is_written_where_nothing_is_missing(tmp_path: Path) -> None:
    """Not even the lock is taken: many processes begin while another writes."""
    url = f"sqlite:///{tmp_path}/made.db?timeout=0.1"
    with create_engine(url) as engine, Session(engine) as writer:
        engine.create_all(Member)
        writer.add(Member(email="a@x"))
        writer.flush()
        engine.create_all(Member)
        writer.commit()
