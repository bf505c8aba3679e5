"""The commit against a server of dicts, whose connection may drop at every point."""

from collections.abc import Callable
from typing import Any

import pytest

from solidb_odm.commands import Command, CommitBatches, GetMany, Inserts, Patch, Patches, Removals, run
from solidb_odm.engines.solidb import ServerDriver
from solidb_odm.engines.solidb.driver import exchange_for
from solidb_odm.errors import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DuplicateKey,
    InvalidDocument,
    MessageTooLarge,
    StaleDocument,
    StaleDocumentError,
    TransactionConflict,
)
from solidb_odm.wire.exchange import Delay
from solidb_odm.wire.socket_pool import Lease

from .fake_server import HANG_UP, HANG_UP_AFTERWARDS, FakeServer, refused


class Hasty:
    """A lease that notes pauses instead of making them."""

    def __init__(self, lease: Lease, pauses: list[float]) -> None:
        self.lease, self.pauses = lease, pauses

    def perform(self, command: Command[Any], /) -> Any:
        if isinstance(command, Delay):
            return self.pauses.append(command.seconds)
        return self.lease.perform(command)


def inserts(*keys: str) -> Inserts:
    return Inserts("users", [(key, {"_key": key, "n": 1}) for key in keys])


def put(fake: FakeServer, *keys: str) -> dict[str, str]:
    """Store documents; return their revisions."""
    times = {"_created_at": "2026-01-01T00:00:00+00:00", "_updated_at": "2026-01-01T00:00:00+00:00"}
    users = fake.store.documents.setdefault("users", {})
    users.update({key: {"_key": key, "_rev": f"rev-{key}", "n": 1, **times} for key in keys})
    return {key: f"rev-{key}" for key in keys}


def when(command: str, verdict: Any, nth: int = 1) -> Callable[[dict[str, Any]], Any]:
    """Do something at the nth request of a name, once."""
    seen = iter(range(1, 10**6))
    return lambda request: verdict if request["cmd"] == command and next(seen) == nth else None


def test_an_empty_commit_sends_nothing(fake: FakeServer, driver: ServerDriver) -> None:
    assert driver.channel().perform(CommitBatches([])) == []
    assert driver.channel().perform(CommitBatches([Inserts("users", []), Removals("users", [])])) == [[], []]
    assert fake.connections == 0


def test_a_commit_takes_three_round_trips(fake: FakeServer, driver: ServerDriver) -> None:
    revisions = put(fake, *(f"k{i}" for i in range(700)))
    patches = [Patch(key, revision, {"n": 2}) for key, revision in revisions.items()]

    receipts = driver.channel().perform(
        CommitBatches([inserts(*map(str, range(900))), Patches("users", patches)])
    )

    assert driver.statistics.round_trips == 3
    assert [len(part) for part in receipts] == [900, 700]


def test_receipts_hold_the_final_revisions_in_order(fake: FakeServer, driver: ServerDriver) -> None:
    revisions = put(fake, "a", "b", "c", "d")
    batches = [
        inserts("x", "y"),
        Patches(
            "users",
            [
                Patch("a", revisions["a"], {"n": 2}),
                Patch("b", revisions["b"], {}, ("n",), {"_key": "b"}),
                Patch("c", revisions["c"], {"n": 3}),
            ],
        ),
        Removals("users", [("d", revisions["d"])]),
    ]

    receipts = driver.channel().perform(CommitBatches(batches))

    users = fake.store.documents["users"]
    assert [row[0] for row in receipts[0]] == [users["x"]["_rev"], users["y"]["_rev"]]
    assert [row[0] for row in receipts[1]] == [users[key]["_rev"] for key in "abc"]
    assert receipts[1][0][1] == "2026-01-01T00:00:00+00:00"
    assert receipts[2] == [("rev-d", "2026-01-01T00:00:00+00:00", "2026-01-01T00:00:00+00:00")]
    assert "d" not in users
    assert "n" not in users["b"]


def test_every_document_that_moved_is_named(fake: FakeServer, driver: ServerDriver) -> None:
    put(fake, "a", "b")
    batches = [
        Patches("users", [Patch("a", "old", {"n": 2}), Patch("b", "rev-b", {"n": 2})]),
        Removals("users", [("gone", "rev-gone")]),
        inserts("x"),
    ]

    with pytest.raises(StaleDocumentError) as raised:
        driver.channel().perform(CommitBatches(batches))

    assert raised.value.documents == (
        StaleDocument("users", "a", "old", "rev-a"),
        StaleDocument("users", "gone", "rev-gone", None),
    )
    assert fake.requests[-1] == "rollback_transaction"
    assert "x" not in fake.store.documents["users"]


def test_a_document_that_moves_after_the_staging_is_stale_too(fake: FakeServer, driver: ServerDriver) -> None:
    put(fake, "a", "b")

    def meddle(request: dict[str, Any]) -> None:
        if request["cmd"] == "commit_transaction":
            fake.store.documents["users"]["b"]["_rev"] = "moved"

    fake.script = meddle
    rows = [Patch("a", "rev-a", {"n": 2}), Patch("b", "rev-b", {"n": 2})]

    with pytest.raises(StaleDocumentError) as raised:
        driver.channel().perform(CommitBatches([Patches("users", rows)]))

    assert raised.value.documents == (StaleDocument("users", "b", "rev-b", "moved"),)
    assert isinstance(raised.value.__cause__, TransactionConflict)


def test_a_key_that_exists_is_named(fake: FakeServer, driver: ServerDriver) -> None:
    put(fake, "a")

    with pytest.raises(DuplicateKey) as raised:
        driver.channel().perform(CommitBatches([inserts("x", "a")]))

    assert (raised.value.collection, raised.value.key) == ("users", "a")


def test_the_lock_of_another_transaction_is_a_conflict(fake: FakeServer, driver: ServerDriver) -> None:
    put(fake, "a")
    fake.store.open["tx:other"] = {("users", "a"): ("rev-a", "update", {})}

    with pytest.raises(TransactionConflict, match="locked"):
        driver.channel().perform(CommitBatches([Patches("users", [Patch("a", "rev-a", {"n": 2})])]))

    assert list(fake.store.open) == ["tx:other"]


def test_a_document_made_and_changed_in_one_commit_is_not_compared(
    fake: FakeServer, driver: ServerDriver
) -> None:
    driver.channel().perform(CommitBatches([inserts("a"), Patches("users", [Patch("a", "", {"n": 9})])]))

    assert fake.store.documents["users"]["a"]["n"] == 9


@pytest.mark.parametrize("value", [float("nan"), b"bytes", {1: 2}, object(), 2**70])
def test_what_json_lacks_is_refused_with_the_name_of_its_document(
    fake: FakeServer, driver: ServerDriver, value: object
) -> None:
    refuse = refused("ProtocolError", "Deserialization failed: invalid type")
    fake.script = lambda request: refuse if request["cmd"] in ("batch", "transaction_command") else None
    rows = [("a", {"_key": "a"}), ("b", {"_key": "b", "deep": [value]})]

    with pytest.raises(InvalidDocument, match=r"users/b: deep\[0\]") as raised:
        driver.channel().perform(CommitBatches([Inserts("users", rows)]))

    assert (raised.value.collection, raised.value.key) == ("users", "b")


def test_a_document_that_is_too_large_is_refused_before_anything_is_sent(
    fake: FakeServer, driver: ServerDriver
) -> None:
    rows = [("a", {"_key": "a"}), ("big", {"_key": "big", "text": "x" * 17_000_000})]

    with pytest.raises(MessageTooLarge, match="users/big takes 17,0") as raised:
        driver.channel().perform(CommitBatches([Inserts("users", rows)]))

    assert raised.value.size > raised.value.limit
    assert fake.connections == 0


def test_documents_of_megabytes_travel_in_several_frames(fake: FakeServer, driver: ServerDriver) -> None:
    rows = [(f"k{i}", {"_key": f"k{i}", "text": "x" * 3_000_000}) for i in range(8)]

    driver.channel().perform(CommitBatches([Inserts("users", rows)]))

    assert len(fake.store.documents["users"]) == 8


# --- the connection drops -------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["batch", "transaction_command", "query"])
@pytest.mark.parametrize("verdict", [HANG_UP, HANG_UP_AFTERWARDS])
def test_a_connection_lost_before_the_commit_wrote_nothing(
    fake: FakeServer, driver: ServerDriver, command: str, verdict: object
) -> None:
    put(fake, "a")
    fake.script = when(command, verdict)

    with pytest.raises(ConnectionLost, match="nothing was written") as raised:
        driver.channel().perform(
            CommitBatches([inserts("x", "y"), Patches("users", [Patch("a", "rev-a", {"n": 2})])])
        )

    assert not isinstance(raised.value, CommitOutcomeUnknown)
    assert set(fake.store.documents["users"]) == {"a"}


def test_a_lost_begin_is_said_once_more_on_another_connection(fake: FakeServer, driver: ServerDriver) -> None:
    driver.channel().perform(GetMany("users", ["a"]))
    fake.script = when("begin_transaction", HANG_UP)

    driver.channel().perform(CommitBatches([inserts("x")]))

    assert set(fake.store.documents["users"]) == {"x"}


def test_a_commit_whose_answer_is_lost_is_found_out_to_have_happened(
    fake: FakeServer, driver: ServerDriver
) -> None:
    put(fake, "a")
    fake.script = when("commit_transaction", HANG_UP_AFTERWARDS)

    receipts = driver.channel().perform(
        CommitBatches([inserts("x"), Patches("users", [Patch("a", "rev-a", {"n": 2})])])
    )

    assert receipts[1][0][0] == fake.store.documents["users"]["a"]["_rev"]


def test_a_commit_that_was_lost_on_its_way_is_found_out_not_to_have_happened(
    fake: FakeServer, driver: ServerDriver
) -> None:
    put(fake, "a")
    fake.script = when("commit_transaction", HANG_UP)

    with pytest.raises(CommitOutcomeUnknown, match="nothing was written") as raised:
        driver.channel().perform(CommitBatches([Patches("users", [Patch("a", "rev-a", {"n": 2})])]))

    assert raised.value.committed is False


@pytest.mark.parametrize(("verdict", "committed"), [(HANG_UP, False), (HANG_UP_AFTERWARDS, True)])
def test_lost_removals_are_found_out_by_what_is_left(
    fake: FakeServer, driver: ServerDriver, verdict: object, committed: bool
) -> None:
    put(fake, "a")
    fake.script = when("commit_transaction", verdict)
    command = CommitBatches([Removals("users", [("a", "rev-a")])])

    if committed:
        assert driver.channel().perform(command)[0][0][0] == "rev-a"
        return
    with pytest.raises(CommitOutcomeUnknown) as raised:
        driver.channel().perform(command)
    assert raised.value.committed is False


def test_an_outcome_that_nobody_can_tell_stays_unknown(fake: FakeServer, driver: ServerDriver) -> None:
    def vanish(request: dict[str, Any]) -> Any:
        if request["cmd"] == "commit_transaction":
            fake.script = lambda later: HANG_UP
            return HANG_UP
        return None

    fake.script = vanish
    pauses: list[float] = []

    with pytest.raises(CommitOutcomeUnknown, match="not known") as raised, driver.lease() as lease:
        run(exchange_for(CommitBatches([inserts("x")]), "d"), Hasty(lease, pauses))

    assert raised.value.committed is None
    assert len(pauses) > 5  # the server may have been starting again


def test_a_server_that_starts_again_tells_the_outcome(fake: FakeServer, driver: ServerDriver) -> None:
    downtime = iter(range(4))

    def restart(request: dict[str, Any]) -> Any:
        if request["cmd"] == "commit_transaction":
            fake.script = lambda later: None if next(downtime, None) is None else HANG_UP
            return HANG_UP_AFTERWARDS
        return None

    fake.script = restart

    with driver.lease() as lease:
        ((receipt,),) = run(exchange_for(CommitBatches([inserts("x")]), "d"), Hasty(lease, []))

    assert receipt[0] == fake.store.documents["users"]["x"]["_rev"]


def test_while_the_commit_is_still_under_way_its_outcome_is_waited_for(
    fake: FakeServer, driver: ServerDriver
) -> None:
    looks: list[int] = []

    def slow(request: dict[str, Any]) -> Any:
        if request["cmd"] == "commit_transaction":
            fake.store.open["tx:slow"] = fake.store.open.pop(request["tx_id"])
            return HANG_UP
        if request["cmd"] == "begin_transaction" and "tx:slow" in fake.store.open:
            looks.append(1)
            if len(looks) == 3:
                fake.store.on_commit_transaction({"tx_id": "tx:slow"})
        return None

    fake.script = slow

    (receipts,) = driver.channel().perform(CommitBatches([inserts("x")]))

    assert receipts[0][0] == fake.store.documents["users"]["x"]["_rev"]
    assert len(looks) == 3
