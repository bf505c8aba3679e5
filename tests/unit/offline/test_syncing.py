"""Edits go out, what others wrote comes in, and nothing is lost on the way."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Annotated

import pytest

from solidb_odm import Document, Index, Session, select
from solidb_odm.commands import call
from solidb_odm.commands.replica import WriteSettings
from solidb_odm.engines.sqlite.replica import performer
from solidb_odm.errors import (
    ClosedError,
    ConnectionFailed,
    ConnectionLost,
    DocumentNotFound,
    InvalidDocument,
    PendingChanges,
    PermissionDenied,
    RequestTimeout,
    ServerRollbackSuspected,
    StaleDocumentError,
    StoreOfAnotherUser,
    UsageError,
)
from solidb_odm.offline import Change, ChangeType, OfflineSyncManager, SyncConfig, SyncState
from solidb_odm.offline.filters import read_filters
from solidb_odm.offline.pull import MARKS
from solidb_odm.offline.remote import CreateMany, CreateOne, Query, RemoteCommand, RemoveMany, ReplaceMany

from .conftest import Opener
from .model_server import ModelServer, lose_answer, once, plain


class Note(Document, collection="notes"):
    text: str = ""
    code: Annotated[int | None, Index(unique=True)] = None


def local(manager: OfflineSyncManager, collection: str = "notes") -> dict[str, dict[str, object]]:
    documents, _ = manager.list_documents(collection)
    return {document["_key"]: plain(document) for document in documents}


def agreed(manager: OfflineSyncManager, server: ModelServer, collection: str = "notes") -> bool:
    assert manager.sync_status().pending_changes == 0
    return local(manager, collection) == server.all(collection)


def test_everything_works_without_a_server(opened: Opener, server: ModelServer) -> None:
    server.is_away = True
    manager = opened()
    manager.save_document("notes", "n", {"text": "heron", "n": 1})
    manager.save_document("notes", "n", {"n": 2})
    assert plain(manager.get_document("notes", "n") or {}) == {"text": "heron", "n": 2}
    assert manager.query("FOR d IN notes FILTER d.n == @n RETURN d.text", {"n": 2}) == ["heron"]
    with pytest.raises(ConnectionFailed):
        manager.sync_now()
    assert manager.sync_status().state is SyncState.Offline
    manager.delete_document("notes", "n")
    with pytest.raises(DocumentNotFound):
        manager.delete_document("notes", "n")
    assert manager.pending() == []


def test_edits_reach_the_server_and_others(opened: Opener, server: ModelServer) -> None:
    here, there = opened("a"), opened("b")
    here.save_document("notes", "n", {"text": "heron", "gone": 1})
    assert here.sync_now().pushed == 1
    assert there.sync_now().pulled == 1
    there.query("FOR d IN notes REPLACE d WITH {text: 'two herons'} IN notes")
    there.sync_now()
    here.sync_now()
    assert local(here) == server.all("notes") == {"n": {"text": "two herons"}}
    here.delete_document("notes", "n")
    here.sync_now()
    assert there.sync_now().pulled == 1
    assert local(there) == server.all("notes") == {}


def test_nothing_to_do_is_nothing_done(manager: OfflineSyncManager, server: ModelServer) -> None:
    manager.save_document("notes", "n", {"text": "heron"})
    manager.sync_now()
    server.requests.clear()
    result = manager.sync_now()
    assert (result.pushed, result.pulled, len(server.requests)) == (0, 0, 3)


@pytest.mark.parametrize(("seconds", "requests"), [(4, 3), (3600, 4)])
def test_only_a_clock_that_was_set_back_by_much_has_everything_compared(
    manager: OfflineSyncManager, server: ModelServer, seconds: int, requests: int
) -> None:
    """A clock is set right now and then, and each node has its own."""
    manager.save_document("notes", "n", {"text": "heron"})
    manager.sync_now()
    mark = datetime.now(UTC) + timedelta(seconds=seconds)
    manager.engine.run(call(WriteSettings({MARKS: {"notes": mark.isoformat()}})))
    server.requests.clear()
    manager.sync_now()
    assert len(server.requests) == requests


def test_every_writer_is_seen_by_the_very_next_sync(manager: OfflineSyncManager, server: ModelServer) -> None:
    for number in range(5):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    server.put("notes", "k0", n=10)
    server.put("notes", "late", staged=290, n=1)
    server.delete("notes", "k1")
    manager.sync_now()
    assert agreed(manager, server)
    server.delete("notes", "k2")
    server.put("notes", "new", n=3)
    manager.sync_now()
    assert agreed(manager, server)


def windows(server: ModelServer) -> list[str]:
    """Return from which times on the rows of a collection were asked for."""
    queries = [
        each for each in server.requests if isinstance(each, Query) and each.text.endswith("`_updated_at`]")
    ]
    return [str(each.binds["solidb_since"]) for each in queries]


def test_of_many_late_writes_only_the_new_one_is_asked_for(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    for number in range(50):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    server.put("notes", "k7", n=100)
    newest = max(row[3] for row in server.backup("notes") if row[0] != "k7")
    server.requests.clear()
    manager.sync_now()
    assert windows(server) == [newest]
    assert agreed(manager, server)


def test_a_write_that_is_older_than_what_is_known_is_found_among_all_late_ones(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    for number in range(50):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    server.put("notes", "k7", staged=290, n=100)
    server.requests.clear()
    manager.sync_now()
    first, second = windows(server)
    assert second < first
    assert agreed(manager, server)


@pytest.mark.parametrize(
    "filters", ["FOR doc IN notes RETURN doc", "FOR doc IN notes FILTER doc.n < 8 RETURN doc"]
)
def test_late_writes_are_the_same_by_the_index_and_by_a_look_at_all(
    server: ModelServer, filters: str
) -> None:
    server.make("notes")
    for number in range(12):
        server.put("notes", f"k{number}", staged=number * 7.0, n=number)
    source = read_filters(filters, {})["notes"]
    times = sorted(row[3] for row in server.backup("notes"))
    for since in ("", *times, "9999"):
        few, many = (
            server.perform(Query("notes", *source.changed(since, are_many=are_many))).rows
            for are_many in (False, True)
        )
        assert sorted(few) == sorted(many)
        ((count, _, *head),) = server.perform(Query("notes", *source.head(since))).rows
        ((same, _, *other),) = server.perform(Query("notes", *source.head(since, are_many=True))).rows
        assert (count, head) == (same, other)
        assert head[0] == len(few)


def test_a_session_is_the_ordinary_engine_and_commits_on_after_a_push(
    opened: Opener, server: ModelServer
) -> None:
    manager = opened(models=[Note])
    with Session(manager.engine) as session:
        note = Note(text="heron")
        session.add(note)
        session.commit()
        manager.sync_now()
        note.text = "two herons"
        session.commit()
        manager.sync_now()
        assert [each["text"] for each in server.all("notes").values()] == ["two herons"]
        server.put("notes", note.key, text="three", code=None)
        manager.sync_now()
        note.text = "four"
        with pytest.raises(StaleDocumentError):
            session.commit()


def test_a_rollback_leaves_nothing(opened: Opener) -> None:
    manager = opened(models=[Note])
    with Session(manager.engine) as session:
        session.add(Note(text="heron"))
        session.flush()
        session.rollback()
    assert manager.pending() == []


def test_removals_have_their_time_to_the_microsecond_as_edits_do(manager: OfflineSyncManager) -> None:
    for number in range(20):
        manager.save_document("notes", f"k{number}", {})
    manager.sync_now()
    manager.query("FOR d IN notes REMOVE d IN notes")
    times = [each.since for each in manager.pending()]
    assert len(times) == 20
    assert any(time.microsecond % 1000 for time in times)


def test_creating_never_overwrites(manager: OfflineSyncManager, server: ModelServer) -> None:
    met: list[object] = []
    manager.on_conflict(lambda conflict: met.append(conflict))
    manager.save_document("notes", "n", {"mine": 1})
    server.before = once(CreateOne, lambda: server.put("notes", "n", theirs=1))
    manager.sync_now()
    assert len(met) == 1
    assert agreed(manager, server)


@pytest.mark.parametrize("kind", [CreateOne, CreateMany, ReplaceMany, RemoveMany])
@pytest.mark.parametrize("edit", ["nothing", "same field", "removal"])
def test_a_lost_answer_is_settled_by_what_was_under_way(
    manager: OfflineSyncManager, server: ModelServer, kind: type[RemoteCommand[object]], edit: str
) -> None:
    keys = ["a", "b"] if kind is CreateMany else ["a"]
    if kind in (ReplaceMany, RemoveMany):
        server.put("notes", "a", n=0)
        manager.sync_now()
    for key in keys:
        if kind is RemoveMany:
            manager.delete_document("notes", key)
        else:
            manager.save_document("notes", key, {"n": 1})
    server.after = lose_answer(kind)
    with pytest.raises(ConnectionLost):
        manager.sync_now()
    if edit == "same field":
        manager.save_document("notes", "a", {"n": 2})
    elif edit == "removal" and kind is not RemoveMany:
        manager.delete_document("notes", "a")
    result = manager.sync_now()
    assert result.conflicts == ()
    assert agreed(manager, server)
    assert server.all("notes").get("a") == (
        {"n": 2} if edit == "same field" else None if edit == "removal" or kind is RemoveMany else {"n": 1}
    )


def test_a_repeated_delete_spares_what_another_made_meanwhile(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    server.put("notes", "n", n=1)
    manager.sync_now()
    manager.delete_document("notes", "n")
    server.after = lose_answer(RemoveMany)
    with pytest.raises(ConnectionLost):
        manager.sync_now()
    server.put("notes", "n", n=2)
    manager.sync_now()
    assert agreed(manager, server)
    assert server.all("notes") == {"n": {"n": 2}}


# --- rejections ----------------------------------------------------------------------------------


def too_small(collection: str, document: dict[str, object]) -> InvalidDocument | None:
    return InvalidDocument("n is too small") if document.get("n") == 0 else None


def test_a_rejected_edit_is_kept_and_blocks_nobody(manager: OfflineSyncManager, server: ModelServer) -> None:
    heard: list[Change] = []
    manager.on_change(heard.append)
    server.refuse = too_small
    for number in range(20):
        manager.save_document("notes", f"k{number}", {"n": number})
    result = manager.sync_now()
    assert (result.pushed, result.rejected) == (19, 1)
    (rejection,) = manager.rejections()
    assert (rejection.document_key, rejection.error, rejection.attempts) == ("k0", "n is too small", 1)
    assert manager.get_document("notes", "k0") is not None
    assert [change.document_key for change in heard if change.change_type is ChangeType.Rejected] == ["k0"]
    server.requests.clear()
    manager.sync_now()
    assert not any(isinstance(request, CreateOne) for request in server.requests)
    manager.save_document("notes", "k0", {"n": 100})
    assert manager.sync_now().pushed == 1
    assert agreed(manager, server)


def test_a_rejected_edit_goes_after_retry_or_discard(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    server.refuse = too_small
    server.put("notes", "b", n=1)
    manager.sync_now()
    manager.save_document("notes", "a", {"n": 0})
    manager.save_document("notes", "b", {"n": 0})
    assert manager.sync_now().rejected == 2
    assert manager.wait_pushed("notes", "a") == "rejected"
    assert plain(manager.discard("notes", "b") or {}) == {"n": 1}
    server.refuse = lambda collection, document: None
    manager.retry("notes", "a")
    assert manager.sync_now().pushed == 1
    assert manager.wait_pushed("notes", "a") == "pushed"
    assert agreed(manager, server)


def test_two_documents_that_took_one_value_are_both_seen(opened: Opener, server: ModelServer) -> None:
    here, there = opened("a", models=[Note]), opened("b", models=[Note])
    taken: dict[object, str] = {}

    def unique(collection: str, document: dict[str, object]) -> InvalidDocument | None:
        owner = taken.setdefault(document["code"], str(document["_key"]))
        return InvalidDocument("code is taken") if owner != document["_key"] else None

    server.refuse = unique
    here.save_document("notes", "x", {"code": 7, "text": ""})
    there.save_document("notes", "y", {"code": 7, "text": ""})
    here.sync_now()
    assert there.sync_now().rejected == 1
    with Session(there.engine) as session:
        assert sorted(note.key for note in session.scalars(select(Note).where(Note.code == 7))) == ["x", "y"]


def test_a_poison_document_among_many_does_not_hold_them_up(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    def poison(command: RemoteCommand[object]) -> None:
        if isinstance(command, CreateMany) and any(document.get("poison") for document in command.documents):
            raise InvalidDocument("the whole batch is refused")

    server.before = poison
    server.refuse = lambda collection, document: InvalidDocument("poison") if document.get("poison") else None
    for number in range(30):
        manager.save_document("notes", f"k{number}", {"poison": number == 13})
    result = manager.sync_now()
    assert (result.pushed, result.rejected) == (29, 1)


# --- filters -------------------------------------------------------------------------------------

MINE = "FOR d IN notes FILTER d.owner == @me RETURN d"


def test_only_what_matches_comes_and_what_stops_matching_leaves(opened: Opener, server: ModelServer) -> None:
    server.put("notes", "a", owner=1)
    server.put("notes", "b", owner=1)
    server.put("notes", "c", owner=2)
    manager = opened(sync_filter=MINE, sync_filter_params={"me": 1})
    heard: list[Change] = []
    manager.on_change(heard.append)
    manager.sync_now()
    assert set(local(manager)) == {"a", "b"}
    server.put("notes", "a", owner=2)
    manager.save_document("notes", "b", {"owner": 2, "mine": True})
    manager.sync_now()
    assert local(manager) == {}
    assert server.all("notes")["b"] == {"owner": 2, "mine": True}
    left = [change.document_key for change in heard if change.change_type is ChangeType.RemoteLeft]
    assert sorted(left) == ["a", "b"]


def test_another_filter_lets_documents_leave_and_come(opened: Opener, server: ModelServer) -> None:
    server.put("notes", "a", owner=1)
    server.put("notes", "c", owner=2)
    manager = opened(sync_filter=MINE, sync_filter_params={"me": 1})
    manager.sync_now()
    manager.save_document("notes", "a", {"edited": True})
    manager.set_filter(MINE, {"me": 2})
    manager.sync_now()
    assert set(local(manager)) == {"c"}
    assert server.all("notes")["a"] == {"owner": 1, "edited": True}


def test_a_lost_read_right_removes_nothing(manager: OfflineSyncManager, server: ModelServer) -> None:
    server.put("notes", "a", n=1)
    server.put("others", "b", n=1)
    manager.sync_now()
    server.unreadable.add("notes")
    server.put("others", "b", n=2)
    manager.sync_now()
    assert local(manager) == {"a": {"n": 1}}
    assert local(manager, "others") == {"b": {"n": 2}}
    assert "notes: no right" in manager.sync_status().last_error


# --- a server that lost documents ----------------------------------------------------------------


@pytest.fixture
def emptied(manager: OfflineSyncManager, server: ModelServer) -> OfflineSyncManager:
    for number in range(60):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    for number in range(55):
        server.delete("notes", f"k{number}")
    with pytest.raises(ServerRollbackSuspected):
        manager.sync_now()
    return manager


def test_an_emptied_server_blocks(emptied: OfflineSyncManager) -> None:
    assert emptied.sync_status().state is SyncState.Blocked
    assert len(local(emptied)) == 60


def test_what_it_lost_is_accepted(emptied: OfflineSyncManager, server: ModelServer) -> None:
    emptied.accept_server()
    emptied.sync_now()
    assert agreed(emptied, server)
    assert len(server.all("notes")) == 5


def test_what_it_lost_is_pushed_again(emptied: OfflineSyncManager, server: ModelServer) -> None:
    emptied.reupload()
    emptied.sync_now()
    assert agreed(emptied, server)
    assert len(server.all("notes")) == 60


def test_a_dropped_collection_is_a_server_that_lost_documents(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    for number in range(60):
        server.put("notes", f"k{number}", n=number)
    manager.sync_now()
    server.drop("notes")
    with pytest.raises(ServerRollbackSuspected):
        manager.sync_now()


# --- the store -----------------------------------------------------------------------------------


def test_what_is_not_synced_is_not_saved_in_silence(opened: Opener) -> None:
    manager = opened(collections=["notes"])
    for collection in ("others", "_private"):
        with pytest.raises(UsageError, match="not synced"):
            manager.save_document(collection, "a", {})


def test_wiping_asks_about_edits_first(manager: OfflineSyncManager) -> None:
    manager.save_document("notes", "a", {})
    with pytest.raises(PendingChanges) as caught:
        manager.wipe()
    assert caught.value.count == 1
    manager.wipe(discard_pending=True)
    assert (local(manager), manager.pending()) == ({}, [])
    manager.save_document("notes", "b", {})
    assert [edit.document_key for edit in manager.pending()] == ["b"]


def test_a_closed_manager_says_so(manager: OfflineSyncManager) -> None:
    manager.close()
    with pytest.raises(ClosedError):
        manager.get_document("notes", "a")
    with pytest.raises(ClosedError):
        manager.sync_now()


def test_a_store_holds_one_database(opened: Opener) -> None:
    opened("a").sync_now()
    with pytest.raises(StoreOfAnotherUser):
        opened("a", database="another")


def test_a_listener_hears_only_of_what_comes_after_it(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    heard: list[Change] = []
    manager.save_document("notes", "before", {})
    server.put("notes", "theirs", n=1)
    manager.sync_now()

    @manager.on_collection_change("notes")
    def listen(change: Change) -> None:
        heard.append(change)

    manager.save_document("notes", "after", {})
    assert [(each.change_type, each.document_key) for each in heard] == [(ChangeType.LocalInsert, "after")]


def test_listeners_hear_while_a_sync_goes_on(
    manager: OfflineSyncManager, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long sync writes more than the journal keeps."""
    monkeypatch.setattr(performer, "_JOURNAL_KEPT", 1000)
    for number in range(2500):
        server.put("notes", f"k{number}", n=number)
    heard: list[Change] = []
    manager.on_change(heard.append)
    assert manager.sync_now().pulled == 2500
    arrived = {each.document_key for each in heard if each.change_type is ChangeType.RemoteInsert}
    assert len(arrived) == 2500
    assert heard[-1].change_type is ChangeType.SyncComplete


@pytest.mark.parametrize("name", ["sync_now", "verify", "wipe", "rotate_key"])
def test_a_listener_of_a_sync_is_told_that_it_cannot_wait_for_its_end(
    manager: OfflineSyncManager, server: ModelServer, name: str
) -> None:
    refused: list[str] = []

    def listen(change: Change) -> None:
        if change.change_type is ChangeType.RemoteInsert:
            manager.save_document("notes", "answer", {})
            with pytest.raises(UsageError) as raised:
                getattr(manager, name)(*["key"][: name == "rotate_key"])
            refused.append(raised.value.message)

    manager.on_change(listen)
    server.put("notes", "theirs", n=1)
    manager.sync_now()
    assert refused == ["this was called by a sync, and can't wait for its end"]
    assert set(server.all("notes")) == {"theirs", "answer"}


def test_several_managers_share_a_folder(opened: Opener, server: ModelServer) -> None:
    one, two = opened("a"), opened("a")
    heard: list[str] = []
    two.on_change(lambda change: heard.append(change.change_type.name))
    one.save_document("notes", "a", {"n": 1})
    assert two.get_document("notes", "a") is not None
    assert two.sync_now().pushed == 1
    assert one.pending() == []
    assert heard == ["SyncStarted", "LocalInsert", "SyncComplete"] or "LocalInsert" in heard


def test_a_sync_that_takes_too_long_ends_and_goes_on_later(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    manager.save_document("notes", "a", {"n": 1})
    with pytest.raises(RequestTimeout):
        manager.sync_now(timeout=0)
    assert manager.sync_now().pushed == 1


def test_verification_finds_and_repairs_what_differs(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    server.put("notes", "a", n=1)
    server.put("notes", "b", n=1)
    manager.sync_now()
    server._connection.execute("UPDATE notes SET doc = json_set(doc, '$.n', 5) WHERE key = 'a'")
    assert manager.verify(repair=False).differences == 1
    found = manager.verify()
    assert (found.documents, found.differences, found.repaired) == (2, 1, 1)
    assert manager.verify().differences == 0
    assert agreed(manager, server)


def test_a_clock_that_was_set_back_hides_nothing(
    manager: OfflineSyncManager, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.put("notes", "a", n=1)
    manager.sync_now()
    settings = {"marks": {"notes": "2999-01-01T00:00:00.000Z"}}
    server.put("notes", "a", n=2)
    from solidb_odm.commands import call
    from solidb_odm.commands.replica import WriteSettings

    manager.engine.run(call(WriteSettings(settings)))
    manager.sync_now()
    assert agreed(manager, server)


def test_listeners_hear_edits_however_made_after_the_commit(manager: OfflineSyncManager) -> None:
    heard: list[tuple[str, str, object]] = []

    @manager.on_change
    def listen(change: Change) -> None:
        heard.append((change.change_type.name, change.document_key, change.document and change.document["n"]))
        raise RuntimeError("a listener's own trouble")

    manager.save_document("notes", "a", {"n": 1})
    manager.query("FOR d IN notes UPDATE d WITH {n: 2} IN notes")
    manager.delete_document("notes", "a")
    assert heard == [("LocalInsert", "a", 1), ("LocalUpdate", "a", 2), ("LocalDelete", "a", None)]


def test_edges_are_pushed_after_the_documents_they_name(opened: Opener, server: ModelServer) -> None:
    manager = opened()
    server.make("links", "edge")
    manager.sync_now()
    manager.query("INSERT {_key: 'l', _from: 'notes/a', _to: 'notes/b'} INTO links")
    manager.save_document("notes", "a", {})
    manager.save_document("notes", "b", {})
    server.requests.clear()
    manager.sync_now()
    written = [
        request.collection for request in server.requests if isinstance(request, CreateMany | CreateOne)
    ]
    assert written == ["notes", "links"]
    assert server.all("links") == {"l": {}}


def test_the_first_sync_of_many_documents_streams_them(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    for number in range(2500):
        server.put("notes", f"k{number}", n=number)
    server.requests.clear()
    assert manager.sync_now().pulled == 2500
    assert sum(isinstance(request, Query) for request in server.requests) == 2
    assert agreed(manager, server)


def test_a_right_to_write_that_is_missing_rejects(manager: OfflineSyncManager, server: ModelServer) -> None:
    server.refuse = lambda collection, document: PermissionDenied("no right to write")
    manager.save_document("notes", "a", {})
    assert manager.sync_now().rejected == 1
    assert SyncConfig(database="d", local_storage_path="x").auto_sync


def test_calls_that_come_while_a_sync_runs_join(manager: OfflineSyncManager, server: ModelServer) -> None:
    syncs: list[str] = []
    manager.on_change(lambda change: syncs.append(change.change_type.name))
    server.before = lambda command: time.sleep(0.05)
    manager.save_document("notes", "a", {"n": 1})
    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: manager.sync_now(), range(8)))
    assert syncs.count("SyncStarted") == 2
    assert any(result.pushed for result in results)
    assert agreed(manager, server)


def test_a_sync_that_failed_by_itself_says_when_it_is_tried_again(
    opened: Opener, server: ModelServer
) -> None:
    server.is_away = True
    manager = opened(auto_sync=True)
    deadline = time.monotonic() + 60
    while manager.sync_status().next_attempt is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    status = manager.sync_status()
    assert status.last_error == "nobody is there"
    assert status.next_attempt is not None
    server.is_away = False
    manager.save_document("notes", "a", {"n": 1})
    assert manager.wait_pushed("notes", "a", timeout=60) == "pushed"
