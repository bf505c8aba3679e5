"""What becomes of a document that two devices changed: every pair of changes, by every strategy."""

from __future__ import annotations

import itertools
import time
from typing import Any

import pytest

from solidb_odm.errors import UsageError
from solidb_odm.offline import (
    Change,
    ChangeType,
    Conflict,
    ConflictResolution,
    ConflictStrategy,
    OfflineSyncManager,
)
from solidb_odm.offline.remote import Page, RemoteCommand

from .conftest import Opener
from .model_server import ModelServer, plain

CUSTOM = {"custom": 1}
STRATEGIES = {
    "last": ConflictStrategy.LastWriteWins,
    "first": ConflictStrategy.FirstWriteWins,
    "merge": ConflictStrategy.MergeFields,
    "custom": ConflictStrategy.Custom(lambda local, remote, base: CUSTOM),
}
KINDS = ["insert", "update", "delete"]
BASE = {"same": 0, "base": 0}
Version = dict[str, Any] | None


def change(manager: OfflineSyncManager, kind: str, name: str) -> Version:
    """Change the document; an insert makes it anew."""
    if kind in ("insert", "delete"):
        manager.delete_document("notes", "n")
    if kind == "delete":
        return None
    saved = manager.save_document("notes", "n", {name: 1, "same": name})
    return plain(saved)


def merged(first: Version, later: Version) -> Version:
    """Merge by attribute; the later one has those that both changed."""
    if first is None or later is None:
        return first or later
    result: dict[str, Any] = {}
    for name in {**first, **later}:
        base, one, two = (version.get(name) for version in (BASE, first, later))
        value = one if two == base else two
        if value is not None:
            result[name] = value
    return result


def expected(strategy: str, first: Version, later: Version) -> Version:
    if first is None and later is None:
        return None
    if strategy == "custom":
        return CUSTOM
    if strategy == "first":
        return first
    if strategy == "merge":
        return merged(first, later)
    return later  # a removal on the server has no time: the edit stands


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(("one", "two"), [*itertools.product(KINDS, KINDS)])
def test_every_pair_of_changes_ends_alike_everywhere(
    opened: Opener, server: ModelServer, strategy: str, one: str, two: str
) -> None:
    server.put("notes", "n", **BASE)
    first, later = (opened(name, conflict_strategy=STRATEGIES[strategy]) for name in ("a", "b"))
    first.sync_now()
    later.sync_now()
    before = change(first, one, "first")
    first.sync_now()
    time.sleep(0.01)  # a removal here has its time in milliseconds
    after = change(later, two, "later")
    result = later.sync_now()
    first.sync_now()

    found = expected(strategy, before, after)
    assert server.all("notes") == ({} if found is None else {"n": found})
    for manager in (first, later):
        document = manager.get_document("notes", "n")
        assert (None if document is None else plain(document)) == found
        assert manager.pending() == []
    assert len(result.conflicts) == (0 if one == two == "delete" else 1)


def test_a_write_that_reached_the_server_after_the_edit_is_the_later_one(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    server.put("notes", "n", **BASE)
    manager.sync_now()
    manager.save_document("notes", "n", {"same": "local"})
    server.put("notes", "n", same="remote")
    manager.sync_now()
    assert server.all("notes") == {"n": {"same": "remote"}}


def test_a_slow_answer_is_not_taken_for_a_clock_that_differs(
    manager: OfflineSyncManager, server: ModelServer
) -> None:
    server.put("notes", "n", **BASE)
    manager.sync_now()
    manager.save_document("notes", "n", {"same": "local"})
    server.put("notes", "n", same="remote")
    server.before = lambda command: time.sleep(0.2)  # half of it would set our clock forward
    manager.sync_now()
    assert server.all("notes") == {"n": {"same": "remote"}}


@pytest.fixture
def both(opened: Opener, server: ModelServer) -> OfflineSyncManager:
    """A manager whose document was changed here and, differently, on the server."""
    manager = opened()
    server.put("notes", "n", **BASE)
    manager.sync_now()
    manager.save_document("notes", "n", {"same": "local"})
    server.put("notes", "n", same="remote", base=0)
    return manager


def test_changes_of_different_attributes_are_no_conflict(opened: Opener, server: ModelServer) -> None:
    manager = opened(conflict_strategy=ConflictStrategy.MergeFields)
    asked: list[Conflict] = []
    manager.on_conflict(asked.append)
    server.put("notes", "n", inner={"a": 0, "b": 0, "c": 0}, gone=1)
    manager.sync_now()
    manager.save_document("notes", "n", {"inner": {"a": 1, "b": 0, "c": 0}})
    server.put("notes", "n", inner={"a": 0, "b": 2})
    assert manager.sync_now().conflicts == ()
    assert asked == []
    assert server.all("notes") == {"n": {"inner": {"a": 1, "b": 2}}}


@pytest.mark.parametrize(
    ("resolution", "same"),
    [
        (ConflictResolution.AcceptLocal, "local"),
        (ConflictResolution.AcceptRemote, "remote"),
        (ConflictResolution.Merge({"same": "merged"}), "merged"),
    ],
    ids=lambda value: getattr(value, "name", value),
)
def test_who_is_asked_decides_once_and_before_the_strategy(
    both: OfflineSyncManager, server: ModelServer, resolution: ConflictResolution, same: str
) -> None:
    asked: list[Conflict] = []

    @both.on_conflict
    def decide(conflict: Conflict) -> ConflictResolution:
        asked.append(conflict)
        return resolution

    (met,) = both.sync_now().conflicts
    assert len(asked) == 1
    assert met.resolution == resolution
    assert met.base_version is not None
    assert met.base_version["same"] == 0
    assert server.all("notes")["n"]["same"] == same


def test_a_resolver_that_raises_parks_the_conflict_and_the_rest_goes_on(
    both: OfflineSyncManager, server: ModelServer
) -> None:
    heard: list[Change] = []
    both.on_change(heard.append)

    @both.on_conflict
    def fail(conflict: Conflict) -> ConflictResolution:
        raise KeyError("no idea")

    both.save_document("notes", "other", {"n": 1})
    result = both.sync_now()
    assert result.pushed == 1
    (parked,) = both.conflicts()
    assert (parked.local_version or {})["same"] == "local"
    assert (parked.remote_version or {})["same"] == "remote"
    assert both.sync_status().conflicts == 1
    assert both.sync_status().pending_changes == 0
    assert both.wait_pushed("notes", "n") == "conflict"
    assert [each.document_key for each in heard if each.change_type is ChangeType.Conflict] == ["n"]
    both.sync_now()
    assert server.all("notes")["n"]["same"] == "remote"

    both.resolve(parked, ConflictResolution.AcceptLocal)
    both.sync_now()
    assert server.all("notes")["n"]["same"] == "local"
    assert both.conflicts() == []
    with pytest.raises(UsageError, match="no conflict"):
        both.resolve(parked, ConflictResolution.AcceptLocal)


def test_a_parked_conflict_follows_the_server(both: OfflineSyncManager, server: ModelServer) -> None:
    asked: list[Conflict] = []

    @both.on_conflict
    def fail(conflict: Conflict) -> ConflictResolution:
        asked.append(conflict)
        raise KeyError("no idea")

    both.sync_now()
    server.put("notes", "n", same="newer")
    both.sync_now()
    (parked,) = both.conflicts()
    assert (parked.remote_version or {})["same"] == "newer"
    assert len(asked) == 1
    both.resolve(parked, ConflictResolution.AcceptRemote)
    both.sync_now()
    assert (both.get_document("notes", "n") or {})["same"] == "newer"


def test_strategies_can_differ_by_collection(opened: Opener, server: ModelServer) -> None:
    manager = opened(conflict_strategy={"a": ConflictStrategy.FirstWriteWins})
    for name in ("a", "b"):
        server.put(name, "n", n=0)
    manager.sync_now()
    for name in ("a", "b"):
        server.put(name, "n", n="remote")
    for name in ("a", "b"):
        manager.save_document(name, "n", {"n": "local"})
    manager.sync_now()
    assert (server.all("a")["n"], server.all("b")["n"]) == ({"n": "remote"}, {"n": "local"})


def test_times_are_corrected_by_the_offset_of_the_servers_clock(
    both: OfflineSyncManager, server: ModelServer
) -> None:
    from solidb_odm.offline import pull

    late = "2999-01-01T00:00:00.000000+00:00"
    server.restore("notes", [(*row[:3], late, row[4]) for row in server.backup("notes")])
    real = pull.moment
    ahead = {"2999-01-01T01:00:00.000Z": None}
    perform = server.perform

    def in_the_future(command: RemoteCommand[Any]) -> Any:
        reply = perform(command)
        if isinstance(reply, Page) and reply.rows and len(reply.rows[0]) == 5:
            reply.rows[0][1] = next(iter(ahead))
        return reply

    server.perform = in_the_future  # type: ignore[method-assign]
    both.sync_now()
    assert real(next(iter(ahead))) is not None
    assert (
        server.all("notes")["n"]["same"] == "local"
    )  # edited an hour after the server's write, by its clock


@pytest.mark.parametrize(
    ("strategy", "left"), [("last", "first edit"), ("first", None), ("merge", "first edit"), ("custom", None)]
)
def test_a_removal_by_a_stranger_ends_alike_on_every_device(
    opened: Opener, server: ModelServer, strategy: str, left: str | None
) -> None:
    server.put("notes", "n", text="base")
    chosen = ConflictStrategy.Custom(nothing) if strategy == "custom" else STRATEGIES[strategy]
    devices = [opened(name, conflict_strategy=chosen) for name in ("a", "b", "c")]
    for device in devices:
        device.sync_now()
    devices[0].save_document("notes", "n", {"text": "first edit"})
    server.delete("notes", "n")  # the server keeps no time for it
    devices[1].save_document("notes", "n", {"text": "another edit"})
    for device in (*devices, *devices):
        device.sync_now()
    stored = server.all("notes")  # the first edit was written there after the other was made
    assert stored == ({} if left is None else {"n": {"text": left}})
    for device in devices:
        found = device.get_document("notes", "n")
        assert (None if found is None else plain(found)) == stored.get("n")
        assert device.pending() == []


def nothing(local: Version, remote: Version, base: Version) -> Version:
    """Take the document away, whatever both sides hold."""
    return None
