"""Both shells against a server of dicts: pooling, time-outs, broken and slow connections."""

import select
import socket
import threading
import time
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.commands import CommitBatches, Get, GetMany, Inserts, RunQuery, Savepoint
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.errors import (
    AuthError,
    ClosedError,
    ConfigurationError,
    ConnectionFailed,
    ConnectionLost,
    ProtocolError,
    RequestTimeout,
    SolidbError,
    UsageError,
)
from solidb_odm.language.parser import parse
from solidb_odm.wire import sockets
from solidb_odm.wire.exchange import send
from solidb_odm.wire.frames import frame, pack
from solidb_odm.wire.round_trips import RequestEvent

from .fake_server import HANG_UP, FakeServer, done

MANY = CommitBatches([Inserts("c", [(f"k{i}", {"_key": f"k{i}", "t": "x" * 500}) for i in range(4000)])])


@pytest.fixture
async def adriver(fake: FakeServer) -> AsyncIterator[AsyncServerDriver]:
    opened = AsyncServerDriver(fake.url(), timeout=5)
    yield opened
    await opened.aclose()


def test_a_connection_is_reused(fake: FakeServer, driver: ServerDriver) -> None:
    for _ in range(5):
        assert driver.channel().perform(Get("users", "a")) is None

    assert fake.connections == 1
    assert driver.statistics.connections_opened == 1


def test_threads_get_a_connection_each_and_the_right_answers(fake: FakeServer, driver: ServerDriver) -> None:
    fake.store.documents["c"] = {str(i): document(str(i)) for i in range(200)}
    wrong: list[Any] = []

    def work(start: int) -> None:
        channel = driver.channel()
        for i in range(start, 200, 8):
            found = channel.perform(Get("c", str(i)))
            if found is None or found[0] != str(i):
                wrong.append((i, found))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
    assert fake.connections <= 8


def document(key: str) -> dict[str, Any]:
    return {"_key": key, "_rev": "r", "_created_at": "t", "_updated_at": "t", "_id": f"d:c/{key}"}


def test_a_connection_that_the_server_closed_meanwhile_is_not_noticed(
    fake: FakeServer, driver: ServerDriver
) -> None:
    driver.channel().perform(Get("users", "a"))
    fake.hang_up()

    driver.channel().perform(CommitBatches([Inserts("c", [("a", {"_key": "a"})])]))

    assert "a" in fake.store.documents["c"]


def test_a_read_on_a_broken_pooled_connection_is_repeated(fake: FakeServer, driver: ServerDriver) -> None:
    driver.channel().perform(Get("users", "a"))
    verdicts = iter([HANG_UP])
    fake.script = lambda request: next(verdicts, None) if request["cmd"] == "get" else None

    assert driver.channel().perform(Get("users", "a")) is None
    assert fake.requests == ["get", "get", "get"]


def test_repeating_reads_can_be_turned_off(fake: FakeServer) -> None:
    driver = ServerDriver(fake.url(), retries=0)
    driver.channel().perform(Get("users", "a"))
    fake.script = lambda request: HANG_UP

    with pytest.raises(ConnectionLost):
        driver.channel().perform(Get("users", "a"))

    assert fake.requests == ["get", "get"]
    driver.close()


def test_waiting_for_a_connection_is_part_of_a_calls_time(fake: FakeServer) -> None:
    driver = ServerDriver(fake.url(), pool_size=1, pool_overflow=0, pool_timeout=30)

    with driver.lease() as lease:
        lease.perform(*[next(send({"cmd": "ping"}))])
        with pytest.raises(RequestTimeout, match="no connection became free"):
            driver.run(send({"cmd": "ping"}), 0.05)

    driver.close()


def test_connecting_is_part_of_a_calls_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"solidb://a:b@127.0.0.1:{silent.getsockname()[1]}/d"
        driver = ServerDriver(url, connect_timeout=30)

        with pytest.raises(RequestTimeout, match="seconds that were left"):
            driver.run(send({"cmd": "ping"}), 0.05)
    driver.close()


def test_a_thread_that_waits_for_a_connection_is_not_passed_by(fake: FakeServer) -> None:
    driver = ServerDriver(fake.url(), pool_size=1, pool_overflow=0, pool_timeout=10)
    stop, came = threading.Event(), list[int]()

    def greedy() -> None:
        while not stop.is_set():
            driver.channel().perform(Get("c", "a"))

    def patient() -> None:
        for number in range(20):
            driver.channel().perform(Get("c", "b"))
            came.append(number)
        stop.set()

    threads = [threading.Thread(target=work) for work in (greedy, patient)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    driver.close()

    assert len(came) == 20


def test_an_observer_that_sleeps_is_told_nothing(fake: FakeServer) -> None:
    class Sleeper:
        def awake(self) -> bool:
            return False

        def __call__(self, event: RequestEvent) -> None:
            raise AssertionError(event)

    driver = ServerDriver(fake.url(), on_request=Sleeper())
    driver.channel().perform(Get("c", "a"))
    driver.close()

    assert driver.statistics.round_trips == 1


def test_a_write_on_a_broken_connection_is_not_repeated(fake: FakeServer, driver: ServerDriver) -> None:
    driver.channel().perform(Get("users", "a"))
    fake.script = lambda request: HANG_UP if request["cmd"] == "ping" else None

    with pytest.raises(ConnectionLost):
        driver.run(send({"cmd": "ping"}))

    assert fake.requests == ["get", "ping"]


def test_a_refused_connection_names_the_address() -> None:
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1: .*refused") as raised:
        ServerDriver("solidb://a:b@127.0.0.1:1/d").channel().perform(Get("c", "a"))

    assert "running" in (raised.value.hint or "")


def test_the_next_host_is_tried(fake: FakeServer) -> None:
    driver = ServerDriver(f"solidb://a:right@127.0.0.1:1,127.0.0.1:{fake.port}/d")

    assert driver.channel().perform(Get("c", "a")) is None
    driver.close()


def test_an_engine_of_several_nodes_warns_that_commits_stay_on_one(caplog: pytest.LogCaptureFixture) -> None:
    ServerDriver("solidb://a:secret@one,two/d")
    ServerDriver("solidb://a:secret@one/d")

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "stay on the node" in record.getMessage()
    assert "secret" not in record.getMessage()


def test_a_wrong_password_is_not_tried_elsewhere(fake: FakeServer) -> None:
    driver = ServerDriver(f"solidb://a:wrong@127.0.0.1:{fake.port},127.0.0.1:{fake.port}/d")

    with pytest.raises(AuthError, match="refused the user or the password"):
        driver.channel().perform(Get("c", "a"))

    assert fake.connections == 1


def test_no_answer_in_time_drops_the_connection(fake: FakeServer) -> None:
    waiting = threading.Event()
    fake.script = lambda request: waiting.wait(5) and None if request["cmd"] == "get" else None
    driver = ServerDriver(fake.url(), timeout=0.05)

    with pytest.raises(
        RequestTimeout, match=r"get: no answer from 127\.0\.0\.1:\d+ for 0\.05 seconds"
    ) as raised:
        driver.channel().perform(Get("c", "a"))

    assert raised.value.seconds == 0.05
    waiting.set()
    driver.close()


def test_python_keeps_the_time_where_the_kernel_does_not(
    fake: FakeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "_TIMEVAL", None)
    waiting = threading.Event()
    fake.script = lambda request: waiting.wait(5) and None if request["cmd"] == "get" else None
    driver = ServerDriver(fake.url(), timeout=0.05)

    with pytest.raises(RequestTimeout, match=r"0\.05 seconds"):
        driver.channel().perform(Get("c", "a"))

    waiting.set()
    driver.close()


@pytest.mark.parametrize("polls", [True, False])
def test_a_connection_is_seen_to_be_stale(polls: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not polls:
        monkeypatch.delattr(select, "poll")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        stale = sockets.pending_input(ours)
        before = bool(stale())
        theirs.close()

        assert (before, bool(stale())) == (False, True)


def test_a_request_can_have_a_time_of_its_own(fake: FakeServer, driver: ServerDriver) -> None:
    waiting = threading.Event()
    fake.script = lambda request: waiting.wait(5) and None if request["cmd"] == "ping" else None

    with pytest.raises(RequestTimeout) as raised:
        driver.run(send({"cmd": "ping"}, timeout=0.05))

    assert raised.value.seconds == 0.05
    waiting.set()


def test_when_all_connections_are_busy_a_caller_waits_and_gives_up(fake: FakeServer) -> None:
    driver = ServerDriver(fake.url(), pool_size=1, pool_overflow=0, pool_timeout=0.05)

    with driver.lease() as lease:
        lease.perform(*[next(send({"cmd": "ping"}))])
        with pytest.raises(RequestTimeout, match="no connection became free"):
            driver.channel().perform(Get("c", "a"))

    assert driver.channel().perform(Get("c", "a")) is None
    driver.close()


@pytest.mark.parametrize(
    "noise",
    [
        b"\xff" * 64,
        b"HTTP/1.1 400 Bad\r\n\r\n",
        frame(b"\xc1"),
        frame(pack([])),
        frame(pack({"status": "?"})),
    ],
)
def test_noise_instead_of_an_answer_is_a_protocol_error(
    fake: FakeServer, driver: ServerDriver, noise: bytes
) -> None:
    fake.script = lambda request: noise if request["cmd"] == "get" else None

    with pytest.raises(ProtocolError):
        driver.channel().perform(Get("c", "a"))


def test_a_login_answered_with_noise_is_an_error(fake: FakeServer, driver: ServerDriver) -> None:
    fake.script = lambda request: b"\x16\x03\x01"

    with pytest.raises(SolidbError):
        ServerDriver(fake.url(), connect_timeout=0.1).channel().perform(Get("c", "a"))


def test_a_closed_driver_says_so(driver: ServerDriver) -> None:
    driver.close()

    with pytest.raises(ClosedError, match="closed"):
        driver.channel().perform(Get("c", "a"))


def test_a_closed_channel_says_so(driver: ServerDriver) -> None:
    channel = driver.channel()
    channel.close()
    channel.close()

    with pytest.raises(ClosedError):
        channel.perform(Get("c", "a"))


def test_megabytes_both_ways_at_once_do_not_lock_each_other(fake: FakeServer, driver: ServerDriver) -> None:
    assert len(driver.channel().perform(MANY)[0]) == 4000


def test_an_observer_sees_every_round_trip(fake: FakeServer) -> None:
    events: list[RequestEvent] = []
    driver = ServerDriver(fake.url(), on_request=events.append)

    driver.channel().perform(CommitBatches([Inserts("c", [("a", {"_key": "a"})])]))
    driver.channel().perform(GetMany("c", ["a"]))
    driver.close()

    assert [event.command for event in events] == [
        "begin_transaction",
        "stage",
        "commit_transaction",
        "query",
    ]
    assert "FILTER d._key IN @keys" in events[3].text
    assert (events[3].binds, events[3].rows) == ({}, 1)
    assert all(event.sent and event.received and event.milliseconds >= 0 for event in events)
    assert driver.statistics.round_trips == 4


def test_a_failed_round_trip_is_seen_too(fake: FakeServer) -> None:
    events: list[RequestEvent] = []
    fake.script = lambda request: HANG_UP if request["cmd"] == "ping" else None
    driver = ServerDriver(fake.url(), on_request=events.append)

    with pytest.raises(ConnectionLost):
        driver.run(send({"cmd": "ping"}))

    assert [(event.command, event.error) for event in events] == [("ping", "ConnectionLost")]
    driver.close()


def test_a_forked_process_leaves_the_connections_to_its_parent(
    fake: FakeServer, driver: ServerDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    driver.channel().perform(Get("c", "a"))
    monkeypatch.setattr("os.getpid", lambda: -1)

    driver.channel().perform(Get("c", "a"))

    assert fake.connections == 2


def test_a_url_without_a_database_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="names no database"):
        ServerDriver("solidb://h")


def test_commands_that_need_an_open_transaction_are_refused(driver: ServerDriver) -> None:
    with pytest.raises(UsageError, match="stays open"):
        driver.channel().perform(Savepoint("a"))


def test_the_shown_url_has_no_password(fake: FakeServer, driver: ServerDriver) -> None:
    assert driver.url == f"solidb://admin@127.0.0.1:{fake.port}/d"
    assert "right" not in repr(driver)


def test_an_answer_that_is_too_large_is_asked_for_in_halves(fake: FakeServer, driver: ServerDriver) -> None:
    fake.store.documents["c"] = {str(i): document(str(i)) for i in range(40)}
    fake.script = lambda request: (
        HANG_UP if request["cmd"] == "query" and len(request["bind_vars"]["keys"]) > 10 else None
    )

    rows = driver.channel().perform(GetMany("c", [str(i) for i in range(40)]))

    assert sorted(int(row[0]) for row in rows) == list(range(40))


def test_a_read_survives_a_connection_that_breaks_once(fake: FakeServer, driver: ServerDriver) -> None:
    verdicts = iter([HANG_UP])
    fake.script = lambda request: (
        next(verdicts, {"status": "ok", "data": [1]}) if request["cmd"] == "query" else None
    )

    assert driver.channel().perform(RunQuery(parse("RETURN 1"))) == [1]


def test_a_mutation_is_never_repeated(fake: FakeServer, driver: ServerDriver) -> None:
    fake.script = lambda request: HANG_UP if request["cmd"] == "query" else None

    with pytest.raises(ConnectionLost):
        driver.channel().perform(RunQuery(parse("FOR d IN c REMOVE d IN c")))

    assert fake.requests == ["query"]


# --- awaited --------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_awaited_a_commit_and_a_read(fake: FakeServer, adriver: AsyncServerDriver) -> None:
    channel = await adriver.channel()

    (receipts,) = await channel.perform(MANY)
    found = await channel.perform(Get("c", "k7"))

    assert found is not None
    assert found[1] == receipts[7][0]
    assert adriver.statistics.round_trips == 4
    await channel.aclose()


@pytest.mark.anyio
async def test_awaited_tasks_share_a_pool(fake: FakeServer) -> None:
    fake.store.documents["c"] = {str(i): document(str(i)) for i in range(60)}
    driver = AsyncServerDriver(fake.url(), pool_size=2, pool_overflow=2)
    right: list[bool] = []

    async def work(key: str) -> None:
        found = await (await driver.channel()).perform(Get("c", key))
        right.append(found is not None and found[0] == key)

    async with anyio.create_task_group() as group:
        for i in range(60):
            group.start_soon(work, str(i))
    await driver.aclose()

    assert right == [True] * 60
    assert fake.connections <= 4


@pytest.mark.anyio
async def test_awaited_a_cancelled_request_drops_its_connection(
    fake: FakeServer, adriver: AsyncServerDriver
) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(request: dict[str, Any]) -> None:
        if request["cmd"] == "get" and request["key"] == "slow":
            asked.set()
            answer.wait(5)

    fake.script = slow
    channel = await adriver.channel()

    async with anyio.create_task_group() as group:
        group.start_soon(channel.perform, Get("c", "slow"))
        await anyio.to_thread.run_sync(asked.wait, 5)
        group.cancel_scope.cancel()
    answer.set()

    assert await channel.perform(Get("c", "quick")) is None
    assert fake.connections == 2


@pytest.mark.anyio
async def test_awaited_no_answer_in_time(fake: FakeServer) -> None:
    waiting = threading.Event()
    fake.script = lambda request: waiting.wait(5) and None if request["cmd"] == "get" else None
    driver = AsyncServerDriver(fake.url(), timeout=0.05)

    with pytest.raises(RequestTimeout):
        await (await driver.channel()).perform(Get("c", "a"))

    waiting.set()
    await driver.aclose()


@pytest.mark.anyio
async def test_awaited_connecting_is_part_of_a_calls_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"solidb://a:b@127.0.0.1:{silent.getsockname()[1]}/d"
        driver = AsyncServerDriver(url, connect_timeout=30)

        with pytest.raises(RequestTimeout, match="seconds that were left"):
            await driver.run(send({"cmd": "ping"}), 0.05)
    await driver.aclose()


@pytest.mark.anyio
async def test_awaited_a_closed_connection_is_not_noticed(
    fake: FakeServer, adriver: AsyncServerDriver
) -> None:
    channel = await adriver.channel()
    await channel.perform(Get("c", "a"))
    fake.hang_up()

    assert await channel.perform(Get("c", "a")) is None


@pytest.mark.anyio
async def test_awaited_a_connection_lost_while_staging(fake: FakeServer, adriver: AsyncServerDriver) -> None:
    fake.script = lambda request: HANG_UP if request["cmd"] == "batch" else None

    with pytest.raises(ConnectionLost, match="nothing was written"):
        await (await adriver.channel()).perform(MANY)


@pytest.mark.anyio
async def test_awaited_a_refused_connection_names_the_address() -> None:
    driver = AsyncServerDriver("solidb://a:b@127.0.0.1:1/d")

    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:1"):
        await (await driver.channel()).perform(Get("c", "a"))


@pytest.mark.anyio
async def test_awaited_a_wrong_password(fake: FakeServer) -> None:
    driver = AsyncServerDriver(fake.url("wrong"))

    with pytest.raises(AuthError):
        await (await driver.channel()).perform(Get("c", "a"))


BEGUN = b"\0\0\1\0\x81"
"""The beginning of an answer of 256 bytes, of which no more comes."""


def test_the_rest_of_an_answer_has_a_limit_also_where_its_beginning_has_none(fake: FakeServer) -> None:
    fake.script = lambda request: BEGUN if request["cmd"] == "delete_collection" else None
    with Client(fake.url(options="?timeout=0.2&retries=0")) as client, pytest.raises(RequestTimeout):
        client.delete_collection("d", "users")


@pytest.mark.anyio
async def test_a_task_waits_for_the_rest_of_an_answer_only_so_long(fake: FakeServer) -> None:
    fake.script = lambda request: BEGUN if request["cmd"] == "delete_collection" else None
    async with AsyncClient(fake.url(options="?timeout=0.2&retries=0")) as client:
        with pytest.raises(RequestTimeout):
            await client.delete_collection("d", "users")


def test_an_answer_without_a_limit_may_begin_late(fake: FakeServer) -> None:
    def late(request: dict[str, Any]) -> Any:
        if request["cmd"] != "delete_collection":
            return None
        time.sleep(0.5)
        return done()

    fake.script = late
    with Client(fake.url(options="?timeout=0.2&retries=0")) as client:
        client.delete_collection("d", "users")
