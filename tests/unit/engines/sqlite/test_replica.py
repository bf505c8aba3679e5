"""A file that is a replica: edits are captured however made, and what arrives is mirrored."""

from __future__ import annotations

from pathlib import Path

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    DropCollection,
    Get,
    IndexSpec,
    Inserts,
    Patch,
    Patches,
    Removals,
    Rollback,
    RunQuery,
)
from solidb_odm.commands.replica import (
    Acknowledged,
    Adopted,
    CountEdits,
    DiscardEdit,
    ForgetKnown,
    KnownSummary,
    ListEdits,
    MarkSent,
    OpenReplica,
    ReadJournal,
    Rebased,
    Rejected,
    RemoteVersion,
    Settle,
)
from solidb_odm.engines.sqlite import FileChannel, FileDriver
from solidb_odm.errors import UniqueViolation, UsageError
from solidb_odm.language.parser import parse


@pytest.fixture
def channel(tmp_path: Path):
    driver = FileDriver(f"sqlite:///{tmp_path / 'store.db'}")
    opened = driver.channel()
    opened.perform(OpenReplica())
    opened.perform(CreateCollection("notes"))
    yield opened
    opened.close()
    driver.close()


def remote(document, revision="r1"):
    return RemoteVersion(document, revision, "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")


def insert(channel: FileChannel, key: str, **values: object) -> str:
    body = {"_key": key, **values}
    ((receipt,),) = channel.perform(Apply([Inserts("notes", [(key, body)])]))
    channel.perform(Commit())
    return receipt[0]


def query(channel: FileChannel, text: str) -> list[object]:
    rows = channel.perform(RunQuery(parse(text)))
    channel.perform(Commit())
    return rows


def kinds(channel: FileChannel) -> dict[str, str]:
    return {edit.key: edit.kind for edit in channel.perform(ListEdits())}


def settle(channel: FileChannel, *outcomes) -> list[bool]:
    return channel.perform(Settle("notes", outcomes))


def test_every_way_of_writing_is_captured_in_its_own_transaction(channel: FileChannel) -> None:
    settle(channel, *(Adopted(key, remote({"_key": key, "n": 1}, key)) for key in "pqr"))
    insert(channel, "a", n=1)
    channel.perform(Apply([Patches("notes", [Patch("p", "p", {"n": 2})])]))
    channel.perform(Apply([Removals("notes", [("q", "q")])]))
    channel.perform(Commit())
    query(channel, "FOR d IN notes FILTER d._key == 'r' UPDATE d WITH {n: 3} IN notes")

    assert kinds(channel) == {"a": "insert", "p": "update", "q": "delete", "r": "update"}
    assert {edit.key: edit.base and edit.base["n"] for edit in channel.perform(ListEdits())} == {
        "a": None,
        "p": 1,
        "q": 1,
        "r": 1,
    }


def test_a_rollback_leaves_nothing_in_the_queue(channel: FileChannel) -> None:
    channel.perform(Apply([Inserts("notes", [("a", {"_key": "a"})])]))
    channel.perform(Rollback())
    assert channel.perform(ListEdits()) == []
    assert channel.perform(ReadJournal(0)) == []


def test_what_arrives_keeps_the_servers_revision_and_is_no_edit(channel: FileChannel) -> None:
    assert settle(channel, Adopted("a", remote({"_key": "a", "n": 1}, "r7"))) == [True]
    stored = channel.perform(Get("notes", "a"))
    assert stored is not None
    assert stored[1:4] == ("r7", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")
    assert channel.perform(CountEdits()) == {}


def test_what_is_made_and_deleted_here_is_no_edit(channel: FileChannel) -> None:
    insert(channel, "a", n=1)
    query(channel, "REMOVE 'a' IN notes")
    assert channel.perform(CountEdits()) == {}


def test_an_edit_that_is_taken_back_is_none(channel: FileChannel) -> None:
    settle(channel, Adopted("a", remote({"_key": "a", "n": 1})))
    query(channel, "UPDATE 'a' WITH {n: 2} IN notes")
    assert channel.perform(CountEdits()) == {"pending": 1}
    query(channel, "UPDATE 'a' WITH {n: 1} IN notes")
    assert channel.perform(CountEdits()) == {}


def test_an_acknowledgement_does_not_move_the_local_revision(channel: FileChannel) -> None:
    revision = insert(channel, "a", n=1)
    (edit,) = channel.perform(ListEdits())
    channel.perform(MarkSent([edit]))
    assert settle(channel, Acknowledged("a", edit.number, "server", "2026")) == [True]

    stored = channel.perform(Get("notes", "a"))
    assert stored is not None
    assert stored[1] == revision
    assert channel.perform(CountEdits()) == {}
    channel.perform(Apply([Patches("notes", [Patch("a", revision, {"n": 2})])]))
    channel.perform(Commit())
    (edit,) = channel.perform(ListEdits())
    assert (edit.base, edit.revision) == ({"_key": "a", "n": 1}, "server")


def test_an_edit_made_while_a_push_was_under_way_waits_for_the_next(channel: FileChannel) -> None:
    insert(channel, "a", n=1)
    (sent,) = channel.perform(ListEdits())
    channel.perform(MarkSent([sent]))
    query(channel, "UPDATE 'a' WITH {n: 2} IN notes")
    settle(channel, Acknowledged("a", sent.number, "server", "2026"))

    (edit,) = channel.perform(ListEdits())
    assert (edit.base, edit.current, edit.sent) == ({"_key": "a", "n": 1}, {"_key": "a", "n": 2}, None)


def test_what_was_edited_after_it_was_read_is_left_alone(channel: FileChannel) -> None:
    settle(channel, Adopted("a", remote({"_key": "a", "n": 1})))
    query(channel, "UPDATE 'a' WITH {n: 2} IN notes")
    (edit,) = channel.perform(ListEdits())
    query(channel, "UPDATE 'a' WITH {n: 3} IN notes")

    late = [Adopted("a", remote({"_key": "a"}, "r2"), edit.number), Rejected("a", edit.number, "no")]
    assert settle(channel, *late, Rebased("a", remote(None), edit.number, None)) == [False] * 3
    assert settle(channel, Adopted("a", remote({"_key": "a"}, "r2"))) == [False]
    assert query(channel, "RETURN DOCUMENT('notes/a').n") == [3]


def test_unique_indexes_bind_edits_and_not_what_arrives(channel: FileChannel) -> None:
    channel.perform(CreateIndex("notes", IndexSpec("e", "persistent", ("e",), unique=True)))
    insert(channel, "a", e=1)
    with pytest.raises(UniqueViolation, match="the index e on e"):
        insert(channel, "b", e=1)
    channel.perform(Rollback())
    settle(channel, Adopted("c", remote({"_key": "c", "e": 1})))
    assert query(channel, "FOR d IN notes FILTER d.e == 1 SORT d._key RETURN d._key") == ["a", "c"]


def test_unique_indexes_over_several_fields_take_nulls_for_equal(channel: FileChannel) -> None:
    channel.perform(CreateIndex("notes", IndexSpec("ef", "persistent", ("e", "f"), unique=True)))
    insert(channel, "a", e=1, f=None)
    insert(channel, "none")
    insert(channel, "none2")
    with pytest.raises(UniqueViolation):
        insert(channel, "b", e=1)


def test_unique_indexes_for_some_of_the_documents_bind_edits_of_these(channel: FileChannel) -> None:
    where = (("gone", None), ("kind", "x"))
    channel.perform(CreateIndex("notes", IndexSpec("e", "persistent", ("e",), unique=True, where=where)))
    insert(channel, "a", e=1, kind="x")
    insert(channel, "gone", e=1, kind="x", gone=2)
    insert(channel, "other", e=1, kind="y")
    with pytest.raises(UniqueViolation, match="the index e on e"):
        insert(channel, "b", e=1, kind="x")


def test_a_collection_that_was_there_before_is_queued_and_its_indexes_relaxed(tmp_path: Path) -> None:
    driver = FileDriver(f"sqlite:///{tmp_path / 'store.db'}")
    channel = driver.channel()
    channel.perform(CreateCollection("notes"))
    channel.perform(CreateIndex("notes", IndexSpec("e", "persistent", ("e",), unique=True)))
    insert(channel, "a", e=1)
    channel.perform(OpenReplica())

    assert kinds(channel) == {"a": "insert"}
    settle(channel, Adopted("b", remote({"_key": "b", "e": 1})))
    with pytest.raises(UniqueViolation):
        insert(channel, "c", e=1)
    channel.close()
    driver.close()


def test_only_collections_in_scope_are_captured(tmp_path: Path) -> None:
    driver = FileDriver(f"sqlite:///{tmp_path / 'store.db'}")
    channel = driver.channel()
    channel.perform(OpenReplica(("others",)))
    channel.perform(CreateCollection("notes"))
    channel.perform(CreateCollection("_private"))
    insert(channel, "a")
    assert channel.perform(CountEdits()) == {}
    channel.perform(OpenReplica(("notes",)))
    assert channel.perform(CountEdits()) == {"pending": 1}
    channel.close()
    driver.close()


def test_expiry_is_no_edit_and_spares_what_was_not_pushed(channel: FileChannel) -> None:
    channel.perform(CreateIndex("notes", IndexSpec("t", "ttl", ("t",), seconds=1)))
    settle(channel, Adopted("old", remote({"_key": "old", "t": 5})))
    insert(channel, "edited", t=5)
    channel.remove_expired()
    assert query(channel, "FOR d IN notes RETURN d._key") == ["edited"]
    assert kinds(channel) == {"edited": "insert"}


def test_discarding_goes_back_to_what_was_agreed_on(channel: FileChannel) -> None:
    settle(channel, Adopted("a", remote({"_key": "a", "n": 1})))
    query(channel, "REMOVE 'a' IN notes")
    insert(channel, "b")
    channel.perform(DiscardEdit("notes", "a"))
    channel.perform(DiscardEdit("notes", "b"))
    assert query(channel, "FOR d IN notes RETURN [d._key, d.n]") == [["a", 1]]
    assert channel.perform(CountEdits()) == {}


def test_a_repair_lets_a_rejected_edit_be_pushed_again(channel: FileChannel) -> None:
    insert(channel, "a", n=1)
    (edit,) = channel.perform(ListEdits())
    settle(channel, Rejected("a", edit.number, "too small"))
    assert channel.perform(CountEdits()) == {"rejected": 1}
    query(channel, "UPDATE 'a' WITH {n: 2} IN notes")
    assert channel.perform(CountEdits()) == {"pending": 1}


def test_documents_the_server_lost_can_be_pushed_again(channel: FileChannel) -> None:
    settle(channel, Adopted("a", remote({"_key": "a", "n": 1})), Adopted("b", remote({"_key": "b"})))
    channel.perform(ForgetKnown("notes", ["a"]))
    assert kinds(channel) == {"a": "insert"}
    assert channel.perform(KnownSummary("notes"))[0] == 1


def test_a_synced_collection_is_not_dropped_here(channel: FileChannel) -> None:
    with pytest.raises(UsageError, match="synced"):
        channel.perform(DropCollection("notes"))
