"""Commits on a real server: atomic, compared, in three round trips, and through broken connections."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import anyio
import pytest

from solidb_odm.commands import (
    CommitBatches,
    CreateCollection,
    CreateIndex,
    Get,
    IndexSpec,
    Inserts,
    Patch,
    Patches,
    Removals,
    RunQuery,
    run,
)
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.errors import (
    CommitOutcomeUnknown,
    ConnectionLost,
    DuplicateKey,
    InvalidDocument,
    MessageTooLarge,
    StaleDocumentError,
    TransactionConflict,
    UniqueViolation,
)
from solidb_odm.language.parser import parse
from solidb_odm.wire.exchange import send
from tools.server import LocalServer

from .proxy import Proxy

pytestmark = pytest.mark.server


def fill(driver: ServerDriver, count: int) -> list[str]:
    """Make a collection ``c`` of k0, k1, ..; return the revisions."""
    channel = driver.channel()
    channel.perform(CreateCollection("c"))
    rows = [(f"k{n}", {"_key": f"k{n}", "n": n, "note": "x"}) for n in range(count)]
    (receipts,) = channel.perform(CommitBatches([Inserts("c", rows)]))
    return [receipt[0] for receipt in receipts]


def through(proxy: Proxy, server: LocalServer, database: str) -> ServerDriver:
    return ServerDriver(f"solidb://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}")


def keys(driver: ServerDriver) -> list[str]:
    return driver.channel().perform(RunQuery(parse("FOR d IN c SORT d._key RETURN d._key")))


def test_five_thousand_updates_take_three_round_trips(
    server_driver: ServerDriver, proxy: Proxy, server: LocalServer, database: str
) -> None:
    revisions = fill(server_driver, 5000)
    driver = through(proxy, server, database)
    driver.channel().perform(Get("c", "k0"))
    before = proxy.round_trips
    patches = [Patch(f"k{n}", revision, {"n": -n}) for n, revision in enumerate(revisions)]

    (receipts,) = driver.channel().perform(CommitBatches([Patches("c", patches)]))

    assert driver.statistics.round_trips == 1 + 3
    assert proxy.commands.count("begin_transaction") == proxy.commands.count("commit_transaction") == 1
    assert proxy.round_trips > before
    found = server_driver.channel().perform(Get("c", "k4999"))
    assert found is not None
    assert found[1] == receipts[4999][0]
    assert found[4] == {"_key": "k4999", "n": -4999, "note": "x"}
    driver.close()


def test_all_kinds_of_writes_are_one_commit(server_driver: ServerDriver) -> None:
    revisions = fill(server_driver, 4)
    batches = [
        Inserts("c", [("new", {"_key": "new"})]),
        Patches(
            "c",
            [
                Patch("k0", revisions[0], {"n": 10}),
                Patch("k1", revisions[1], {}, ("note",), {"_key": "k1", "n": 1}),
            ],
        ),
        Removals("c", [("k2", revisions[2])]),
    ]

    receipts = server_driver.channel().perform(CommitBatches(batches))

    documents = {key: server_driver.channel().perform(Get("c", key)) for key in ("new", "k0", "k1", "k2")}
    assert documents["k2"] is None
    for key, receipt in zip(["new", "k0", "k1"], [*receipts[0], *receipts[1]], strict=True):
        found = documents[key]
        assert found is not None
        assert found[1:4] == receipt
    assert documents["k1"] is not None
    assert documents["k1"][4] == {"_key": "k1", "n": 1}
    assert receipts[2][0][0] == revisions[2]


def test_a_stale_document_stops_the_whole_commit(server_driver: ServerDriver) -> None:
    revisions = fill(server_driver, 3)
    (first,) = server_driver.channel().perform(
        CommitBatches([Patches("c", [Patch("k0", revisions[0], {"n": 5})])])
    )
    server_driver.channel().perform(CommitBatches([Removals("c", [("k1", revisions[1])])]))
    rows = [Patch(f"k{n}", revision, {"n": 9}) for n, revision in enumerate(revisions)]

    with pytest.raises(StaleDocumentError) as raised:
        server_driver.channel().perform(
            CommitBatches([Patches("c", rows), Inserts("c", [("z", {"_key": "z"})])])
        )

    assert [(d.key, d.found) for d in raised.value.documents] == [("k0", first[0][0]), ("k1", None)]
    assert keys(server_driver) == ["k0", "k2"]


@pytest.mark.parametrize("change", ["update", "delete"])
def test_a_document_that_moves_between_staging_and_commit_is_stale(
    server_driver: ServerDriver, proxy: Proxy, server: LocalServer, database: str, change: str
) -> None:
    revisions = fill(server_driver, 2)
    other = {"database": database, "collection": "c", "key": "k1"}

    def meddle(request: dict[str, object]) -> bool:
        if request["cmd"] == "commit_transaction":
            body = {"document": {"n": 7}} if change == "update" else {}
            server_driver.run(send({"cmd": change, **other, **body}))
        return False

    proxy.cut = meddle
    driver = through(proxy, server, database)
    rows = [Patch(f"k{n}", revision, {"n": 9}) for n, revision in enumerate(revisions)]

    with pytest.raises(StaleDocumentError) as raised:
        driver.channel().perform(CommitBatches([Patches("c", rows)]))

    assert [d.key for d in raised.value.documents] == ["k1"]
    assert (raised.value.documents[0].found is None) == (change == "delete")
    driver.close()


def test_another_transactions_lock_is_a_conflict_and_ends_with_it(
    server_driver: ServerDriver, database: str
) -> None:
    (revision,) = fill(server_driver, 1)
    command = CommitBatches([Patches("c", [Patch("k0", revision, {"n": 9})])])

    with server_driver.lease() as lease:
        tx_id = run(send({"cmd": "begin_transaction", "database": database}), lease).tx_id
        inner = {"cmd": "update", "database": database, "collection": "c", "key": "k0", "document": {}}
        run(send({"cmd": "transaction_command", "tx_id": tx_id, "command": inner}), lease)
        with pytest.raises(TransactionConflict, match="locked"):
            server_driver.channel().perform(command)
        run(send({"cmd": "rollback_transaction", "tx_id": tx_id}), lease)

    server_driver.channel().perform(command)


def test_a_key_that_exists_is_named(server_driver: ServerDriver) -> None:
    fill(server_driver, 1)

    with pytest.raises(DuplicateKey) as raised:
        server_driver.channel().perform(
            CommitBatches([Inserts("c", [("a", {"_key": "a"}), ("k0", {"_key": "k0"})])])
        )

    assert (raised.value.collection, raised.value.key) == ("c", "k0")
    assert keys(server_driver) == ["k0"]


def test_a_key_used_twice_is_named(server_driver: ServerDriver) -> None:
    fill(server_driver, 0)

    with pytest.raises(DuplicateKey) as raised:
        server_driver.channel().perform(CommitBatches([Inserts("c", [("a", {"_key": "a"})] * 2)]))

    assert (raised.value.collection, raised.value.key) == ("c", "a")


def test_an_edge_without_ends_is_named(server_driver: ServerDriver) -> None:
    server_driver.channel().perform(CreateCollection("e", "edge"))

    with pytest.raises(InvalidDocument, match="e/x: Edge document must have") as raised:
        server_driver.channel().perform(CommitBatches([Inserts("e", [("x", {"_key": "x"})])]))

    assert raised.value.key == "x"


def test_an_attribute_is_taken_away_under_a_unique_index_that_stays_whole(
    server_driver: ServerDriver,
) -> None:
    (revision,) = fill(server_driver, 1)
    server_driver.channel().perform(CreateIndex("c", IndexSpec("u", "persistent", ("n",), unique=True)))
    patch = Patch("k0", revision, {}, ("note",), {"_key": "k0", "n": 0})

    server_driver.channel().perform(CommitBatches([Patches("c", [patch])]))

    assert server_driver.channel().perform(RunQuery(parse("FOR d IN c FILTER d.n == 0 RETURN d._key"))) == [
        "k0"
    ]
    with pytest.raises(UniqueViolation):
        server_driver.channel().perform(CommitBatches([Inserts("c", [("b", {"_key": "b", "n": 0})])]))


def test_taking_away_an_attribute_and_the_value_of_another_is_refused(server_driver: ServerDriver) -> None:
    revisions = fill(server_driver, 2)
    server_driver.channel().perform(CreateIndex("c", IndexSpec("u", "persistent", ("n",), unique=True)))
    patch = Patch("k0", revisions[0], {}, ("note",), {"_key": "k0", "n": 1})

    with pytest.raises(UniqueViolation) as raised:
        server_driver.channel().perform(CommitBatches([Patches("c", [patch])]))

    assert (raised.value.key, raised.value.index) == ("k0", "u")
    found = server_driver.channel().perform(Get("c", "k0"))
    assert found is not None
    assert found[1] == revisions[0]


def test_a_unique_value_can_move_only_after_the_removal_is_committed(server_driver: ServerDriver) -> None:
    (revision,) = fill(server_driver, 1)
    server_driver.channel().perform(CreateIndex("c", IndexSpec("u", "persistent", ("n",), unique=True)))

    with pytest.raises(UniqueViolation) as raised:
        server_driver.channel().perform(
            CommitBatches([Removals("c", [("k0", revision)]), Inserts("c", [("b", {"_key": "b", "n": 0})])])
        )

    assert "removal first" in (raised.value.hint or "")


@pytest.mark.parametrize("value", [b"bytes", {1: 2}, float("inf")])
def test_what_json_lacks_is_refused_by_name(server_driver: ServerDriver, value: object) -> None:
    fill(server_driver, 0)
    rows = [("a", {"_key": "a"}), ("b", {"_key": "b", "v": value})]

    with pytest.raises(InvalidDocument, match="c/b: v"):
        server_driver.channel().perform(CommitBatches([Inserts("c", rows)]))

    assert keys(server_driver) == []


def test_a_document_of_almost_16_mib_is_stored(server_driver: ServerDriver) -> None:
    fill(server_driver, 1)
    text = "x" * (16 * 1024 * 1024 - 1200)

    server_driver.channel().perform(CommitBatches([Inserts("c", [("big", {"_key": "big", "t": text})])]))

    found = server_driver.channel().perform(Get("c", "big"))
    assert found is not None
    assert len(found[4]["t"]) == len(text)  # type: ignore[index]


def test_a_document_over_16_mib_is_refused_unsent(server_driver: ServerDriver) -> None:
    before = server_driver.statistics.requests
    rows = [("big", {"_key": "big", "t": "x" * (16 * 1024 * 1024)})]

    with pytest.raises(MessageTooLarge, match="c/big"):
        server_driver.channel().perform(CommitBatches([Inserts("c", rows)]))

    assert server_driver.statistics.requests == before


def test_small_changes_of_large_documents_fit(server_driver: ServerDriver) -> None:
    server_driver.channel().perform(CreateCollection("c"))
    rows = [(f"k{n}", {"_key": f"k{n}", "t": "x" * 4_000_000}) for n in range(6)]
    (receipts,) = server_driver.channel().perform(CommitBatches([Inserts("c", rows)]))
    patches = [Patch(f"k{n}", receipt[0], {"n": n}) for n, receipt in enumerate(receipts)]

    (changed,) = server_driver.channel().perform(CommitBatches([Patches("c", patches)]))

    assert len(changed) == 6


def test_concurrent_increments_are_never_lost(server_driver: ServerDriver) -> None:
    fill(server_driver, 1)

    def work() -> None:
        channel, done = server_driver.channel(), 0
        while done < 20:
            found = channel.perform(Get("c", "k0"))
            assert found is not None
            patch = Patch("k0", found[1], {"n": found[4]["n"] + 1})  # type: ignore[index]
            with contextlib.suppress(StaleDocumentError, TransactionConflict):
                channel.perform(CommitBatches([Patches("c", [patch])]))
                done += 1

    with ThreadPoolExecutor(4) as pool:
        for result in [pool.submit(work) for _ in range(4)]:
            result.result()

    found = server_driver.channel().perform(Get("c", "k0"))
    assert found is not None
    assert found[4]["n"] == 80  # type: ignore[index]


@pytest.mark.anyio
async def test_awaited_a_cancelled_commit_leaves_no_lock_and_no_trace(
    server_driver: ServerDriver, proxy: Proxy, server: LocalServer, database: str
) -> None:
    (revision,) = fill(server_driver, 1)
    reached, go_on = threading.Event(), threading.Event()

    def hold(request: dict[str, object]) -> bool:
        if request["cmd"] == "commit_transaction":
            reached.set()
            go_on.wait(10)
            return True
        return False

    proxy.cut = hold
    command = CommitBatches([Patches("c", [Patch("k0", revision, {"n": 9})])])
    driver = AsyncServerDriver(f"solidb://{server.user}:{server.password}@127.0.0.1:{proxy.port}/{database}")
    channel = await driver.channel()
    async with anyio.create_task_group() as group:
        group.start_soon(channel.perform, command)
        await anyio.to_thread.run_sync(reached.wait, 10)
        group.cancel_scope.cancel()
    go_on.set()
    await driver.aclose()

    for _ in range(50):  # the server notices the hang-up a moment later
        try:
            await anyio.to_thread.run_sync(server_driver.channel().perform, command)
        except TransactionConflict:
            await anyio.sleep(0.05)
        else:
            break
    found = server_driver.channel().perform(Get("c", "k0"))
    assert found is not None
    assert found[4]["n"] == 9  # type: ignore[index]


# --- broken connections ---------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["batch", "query"])
def test_a_connection_broken_while_staging_wrote_nothing(
    server_driver: ServerDriver, proxy: Proxy, server: LocalServer, database: str, command: str
) -> None:
    revisions = fill(server_driver, 1)
    proxy.cut = lambda request: request["cmd"] == command
    driver = through(proxy, server, database)
    rows = [(f"n{n}", {"_key": f"n{n}"}) for n in range(2)]

    with pytest.raises(ConnectionLost, match="nothing was written"):
        driver.channel().perform(
            CommitBatches([Inserts("c", rows), Patches("c", [Patch("k0", revisions[0], {"n": 9})])])
        )

    assert keys(server_driver) == ["k0"]
    server_driver.channel().perform(CommitBatches([Inserts("c", rows)]))  # no lock is left behind
    driver.close()


def test_a_commit_whose_answer_is_lost_still_gives_receipts(
    server_driver: ServerDriver, proxy: Proxy, server: LocalServer, database: str
) -> None:
    fill(server_driver, 0)
    proxy.cut = lambda request: "after" if request["cmd"] == "commit_transaction" else False
    driver = through(proxy, server, database)

    (receipts,) = driver.channel().perform(CommitBatches([Inserts("c", [("a", {"_key": "a"})])]))

    found = server_driver.channel().perform(Get("c", "a"))
    assert found is not None
    assert found[1] == receipts[0][0]
    driver.close()


def test_a_commit_lost_on_its_way_is_known_not_to_have_happened(
    server_driver: ServerDriver, proxy: Proxy, server: LocalServer, database: str
) -> None:
    (revision,) = fill(server_driver, 1)
    proxy.cut = lambda request: request["cmd"] == "commit_transaction"
    driver = through(proxy, server, database)

    with pytest.raises(CommitOutcomeUnknown) as raised:
        driver.channel().perform(CommitBatches([Patches("c", [Patch("k0", revision, {"n": 9})])]))

    assert raised.value.committed is False
    found = server_driver.channel().perform(Get("c", "k0"))
    assert found is not None
    assert found[1] == revision
    driver.close()
