"""Collections that somebody left without their indexes are noticed by the next commit, and finished."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import pytest

from solidb_odm import Document, Engine, Index, Session, create_engine, func, select
from solidb_odm.commands import CollectionSpec, CommitBatches, CreateCollection, Inserts
from solidb_odm.errors import UniqueViolation
from solidb_odm.schema.creation import LEDGER, create_all
from tools.server import LocalServer

pytestmark = pytest.mark.server


@pytest.fixture
def opened(server: LocalServer, database: str) -> Iterator[Engine]:
    with create_engine(server.url(database)) as engine:
        yield engine


class Unfinished(Document, collection="unfinished"):
    email: Annotated[str, Index(unique=True)]


def leave_unfinished(opened: Engine, *emails: str) -> None:
    """Make the collection as somebody leaves it who is killed before its index is made."""
    channel = opened.channel()
    channel.perform(CreateCollection("unfinished"))
    rows = [(f"k{number}", {"_key": f"k{number}", "email": email}) for number, email in enumerate(emails)]
    channel.perform(CommitBatches([Inserts("unfinished", rows)]))
    channel.close()


def test_a_collection_left_without_its_index_is_finished_by_the_next_commit(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org")
    with Session(opened) as session:
        session.add(Unfinished(email="ada@x.org"))
        with pytest.raises(UniqueViolation):
            session.commit()
    with Session(opened) as session:
        session.add(Unfinished(email="bob@x.org"))
        session.commit()
        commands = session.statistics.by_command
    assert commands == {"CommitBatches": 1}  # it is looked at once


def test_an_index_that_can_not_be_finished_is_warned_of(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org", "ada@x.org")
    with Session(opened) as session:
        session.add(Unfinished(email="bob@x.org"))
        with pytest.warns(RuntimeWarning, match=r"'unfinished' does not have the indexes"):
            session.commit()
        assert session.scalar(select(func.count(Unfinished))) == 3


def test_what_migrations_keep_is_not_finished(opened: Engine) -> None:
    leave_unfinished(opened, "ada@x.org")
    opened.run(create_all([CollectionSpec(LEDGER)]))
    channel = opened.channel()
    channel.perform(CommitBatches([Inserts(LEDGER, [("a", {"_key": "a", "checksum": "a"})])]))
    with Session(opened) as session:
        session.add(Unfinished(email="ada@x.org"))
        session.commit()
        assert session.scalar(select(func.count(Unfinished))) == 2
    channel.close()
