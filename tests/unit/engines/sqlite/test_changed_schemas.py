"""Plans are kept while the schema stays, and another connection's change of it is noticed at once."""

from __future__ import annotations

from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    DropCollection,
    DropIndex,
    ExplainQuery,
    FetchDocuments,
    IndexSpec,
    Inserts,
    Rollback,
    RunQuery,
)
from solidb_odm.engines.sqlite import FileChannel
from solidb_odm.errors import CollectionNotFound
from solidb_odm.language.parser import parse

from .conftest import Opener

QUERY = parse("FOR u IN users FILTER u.name == @name RETURN u.name")


def _add(channel: FileChannel, key: str, name: str) -> None:
    channel.perform(Apply([Inserts("users", [(key, {"_key": key, "name": name})])]))
    channel.perform(Commit())


def _ask(channel: FileChannel, name: str = "Ada") -> list[Any]:
    return channel.perform(RunQuery(QUERY, {"name": name}))


@pytest.fixture
def asked(channel: FileChannel) -> FileChannel:
    """A channel that has asked its query, which is thus known."""
    _add(channel, "a", "Ada")
    assert _ask(channel) == ["Ada"]
    return channel


def test_a_collection_that_another_dropped_is_missed(asked: FileChannel, open_channel: Opener) -> None:
    open_channel().perform(DropCollection("users"))
    with pytest.raises(CollectionNotFound):
        _ask(asked)
    with pytest.raises(CollectionNotFound):
        asked.perform(FetchDocuments(parse("FOR u IN users RETURN u")))


def test_a_collection_that_another_made_anew_is_read(asked: FileChannel, open_channel: Opener) -> None:
    other = open_channel()
    other.perform(DropCollection("users"))
    other.perform(CreateCollection("users"))
    assert _ask(asked) == []
    _add(other, "b", "Ada")
    assert _ask(asked) == ["Ada"]


def test_an_index_that_another_made_serves_and_one_it_dropped_does_not(
    asked: FileChannel, open_channel: Opener
) -> None:
    other, explain = open_channel(), ExplainQuery(QUERY, {"name": "Ada"})
    index = IndexSpec("name", "persistent", ("name",))
    other.perform(CreateIndex("users", index))
    assert _ask(asked) == ["Ada"]
    assert asked.perform(explain)["indexes"] == ["users.name"]
    other.perform(DropIndex("users", index))
    assert _ask(asked) == ["Ada"]
    assert asked.perform(explain)["indexes"] == []


def test_texts_that_sql_can_not_judge_are_left_to_python_at_once(
    asked: FileChannel, open_channel: Opener
) -> None:
    lengths = parse("FOR u IN users SORT LENGTH(u.name) RETURN LENGTH(u.name)")
    assert asked.perform(RunQuery(lengths)) == [3]
    _add(open_channel(), "b", "Ada\0b")
    assert _ask(asked) == ["Ada"]
    assert asked.perform(RunQuery(lengths)) == [3, 5]
    assert asked.perform(ExplainQuery(lengths))["python"] is not None


def test_a_change_that_was_undone_leaves_no_plan_behind(asked: FileChannel) -> None:
    asked.perform(Apply([Inserts("users", [("b", {"_key": "b", "name": "Bo"})])]))
    asked.perform(CreateCollection("more"))
    assert asked.perform(RunQuery(parse("FOR m IN more RETURN m"))) == []
    asked.perform(Rollback())
    with pytest.raises(CollectionNotFound):
        asked.perform(RunQuery(parse("FOR m IN more RETURN m")))
    assert _ask(asked, "Bo") == []
