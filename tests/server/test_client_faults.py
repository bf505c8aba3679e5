"""The client behind a proxy that spoils connections: no hang, no stranger's answer, nothing sent twice."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from typing import Any

import anyio
import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.errors import ConnectionFailed, RequestTimeout
from solidb_odm.wire.frames import MAGIC, FrameReader, unpack
from tools.server import LocalServer

from .client_colours import COLOURS, client_of
from .fault_proxy import Fault, FaultProxy, Way

pytestmark = [pytest.mark.server, pytest.mark.timeout(120)]

GONE = (ConnectionFailed, RequestTimeout)
PATIENT = {"timeout_ms": 10_000, "connect_timeout": 5}
HASTY = {"timeout_ms": 300, "connect_timeout": 0.5}


@pytest.fixture
def proxy(server: LocalServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.host, server.port) as opened:
        yield opened


@pytest.fixture
def url(server: LocalServer, database: str, proxy: FaultProxy) -> str:
    """The server's URL, by way of the proxy."""
    return server.url(database).replace(f":{server.port}/", f":{proxy.port}/")


@pytest.fixture
def direct(server: LocalServer, database: str) -> Iterator[Client]:
    """A client that nothing happens to."""
    with Client(server.url(database)) as opened:
        opened.create_collection(database, "users")
        opened.insert(database, "users", {"name": "Ada"}, "ada")
        yield opened


def requests(proxy: FaultProxy) -> list[str]:
    """Return the commands, and the HTTP calls, that reached the server."""
    found: list[str] = []
    for data in proxy.sent():
        if data.startswith(MAGIC):
            frames = FrameReader().feed(data[len(MAGIC) :])
            found += [str(unpack(frame)["cmd"]) for frame in frames]
        else:
            found += [line.decode() for line in data.split(b"\r\n") if line.endswith(b" HTTP/1.1")]
    return found


def outcome(call: Callable[[], Any]) -> Any:
    """Return what a call gives, or the error it ends with, which has to be one of the connection."""
    try:
        return call()
    except GONE as problem:
        return problem


@pytest.mark.parametrize("kind", ["cut", "reset"])
@pytest.mark.parametrize("way", ["to server", "to client"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_read_that_breaks_at_any_byte_is_right_or_an_error(
    colour: str, way: Way, kind: Any, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    direct.get(database, "users", "ada")
    with client_of(colour, url, **PATIENT) as client:
        stored = client.get(database, "users", "ada")
        whole = len(proxy.links[0].passed[way])

    for position in range(0, whole, 1 if colour == "blocking" else 9):
        proxy.fault = Fault(kind, way, position, connections=1)
        with client_of(colour, url, **PATIENT) as client:
            found = outcome(partial(client.get, database, "users", "ada"))
            again = client.get(database, "users", "ada")

        assert found == stored or isinstance(found, ConnectionFailed)
        assert again == stored


@pytest.mark.parametrize("way", ["to server", "to client"])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_read_on_a_connection_that_broke_meanwhile_is_asked_again(
    colour: str, way: Way, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    with client_of(colour, url, **PATIENT) as client:
        for position in range(0, 60, 7):
            client.ping()
            proxy.spoil(Fault("cut", way, position))
            proxy.fault = Fault()

            assert client.get(database, "users", "ada")["name"] == "Ada"


WRITES: dict[str, tuple[str, Callable[[Client, str, int], Any]]] = {
    "insert": ("insert", lambda client, db, n: client.insert(db, "users", {"n": n})),
    "update": ("update", lambda client, db, n: client.update(db, "users", "ada", {"n": n})),
    "delete": ("delete", lambda client, db, n: client.delete(db, "users", f"victim {n}")),
    "many": ("bulk_insert", lambda client, db, n: client.insert_many(db, "users", [{"n": n}] * 3)),
    "query": ("query", lambda client, db, n: client.query(db, "INSERT {n: @n} INTO users", {"n": n})),
    "commit": ("commit_transaction", lambda client, db, n: committed(client, db, n)),
    "rows": ("insert_columnar", lambda client, db, n: client.columnar.insert("rows", [{"n": n}])),
    "file": ("POST /_api/blob/", lambda client, db, n: client.blobs.put("files", b"x" * 1000)),
}


def committed(client: Client, database: str, number: int) -> None:
    client.begin_transaction(database)
    client.insert(database, "users", {"n": number})
    client.commit()


@pytest.mark.parametrize("way", ["to server", "to client"])
@pytest.mark.parametrize("write", WRITES)
@pytest.mark.parametrize("colour", COLOURS)
def test_a_write_that_breaks_at_any_byte_is_sent_once(
    colour: str, write: str, way: Way, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    command, perform = WRITES[write]
    direct.create_collection(database, "files", "blob")
    direct.columnar.create("rows", [{"name": "n", "type": "int"}])
    direct.insert_many(database, "users", [{"_key": f"victim {n}"} for n in range(2000)])
    positions = [0, 1, 3, 4, 5, 17, 60, 120, 300, 900]

    for number, position in enumerate(positions):
        with client_of(colour, url, **PATIENT) as client:
            client.blobs.list("files") if write == "file" else client.ping()
            proxy.spoil(Fault("cut", way, position))
            proxy.fault = Fault()  # so that whatever is sent again would arrive
            outcome(partial(perform, client, database, number))

        assert sum(command in sent for sent in requests(proxy)) <= 1
        proxy.links.clear()


@pytest.mark.parametrize("colour", COLOURS)
def test_an_insert_that_was_answered_is_stored_and_none_is_stored_twice(
    colour: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    answered = 0
    positions = range(0, 320, 16)
    for number, position in enumerate(positions):
        with client_of(colour, url, **PATIENT) as client:
            client.ping()
            proxy.spoil(Fault("cut", "to client", position))
            found = outcome(
                lambda client=client, number=number: client.insert(database, "users", {"n": number})
            )
            answered += not isinstance(found, Exception)
        proxy.fault = Fault()

    counted = "FOR u IN users FILTER u.n != null COLLECT n = u.n WITH COUNT INTO c RETURN c"
    counts = direct.query(database, counted)
    assert set(counts) == {1}
    assert len(counts) == len(positions)  # the request was whole every time
    assert answered < len(positions)


STALLING: dict[str, Callable[[Client, str], Any]] = {
    "ping": lambda client, db: client.ping(),
    "get": lambda client, db: client.get(db, "users", "ada"),
    "list": lambda client, db: client.list(db, "users"),
    "insert": lambda client, db: client.insert(db, "users", {}),
    "query": lambda client, db: client.query(db, "FOR u IN users RETURN u"),
    "pages": lambda client, db: list(client.query_pages(db, "FOR u IN users RETURN u")),
    "batch": lambda client, db: client.batch([{"cmd": "ping"}]),
    "begin": lambda client, db: client.begin_transaction(db),
    "geo": lambda client, db: client.geo.near("users", 1, 2),
    "blob": lambda client, db: client.blobs.get("users", "ada"),
    "upload": lambda client, db: client.blobs.put("users", b"x"),
    "index": lambda client, db: client.search.create_index("users", "i", "name"),
}


@pytest.mark.parametrize("call", STALLING)
@pytest.mark.parametrize("colour", COLOURS)
def test_no_call_waits_longer_than_its_time_out_for_a_server_that_stalls(
    colour: str, call: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    with client_of(colour, url, **HASTY) as client:
        client.ping()
        client.query_pages(database, "RETURN 1")
        proxy.spoil(Fault("stall", "to client", 2))

        with pytest.raises(GONE):
            STALLING[call](client, database)


@pytest.mark.parametrize("way", ["to server", "to client"])
@pytest.mark.parametrize("position", [0, 10, 14, 20])
@pytest.mark.parametrize("colour", COLOURS)
def test_a_login_that_stalls_is_given_up(
    colour: str, position: int, way: Way, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    proxy.fault = Fault("stall", way, position if way == "to server" else position // 5)
    with client_of(colour, url, **HASTY) as client, pytest.raises(GONE):
        client.ping()


@pytest.mark.parametrize("colour", COLOURS)
def test_an_answer_that_comes_late_or_in_crumbs_is_still_right(
    colour: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    with client_of(colour, url, **PATIENT) as client:
        client.ping()
        proxy.spoil(Fault("trickle", "to client", 0, 0.001))
        assert client.get(database, "users", "ada")["name"] == "Ada"
        proxy.spoil(Fault("delay", "to client", 0, 0.1))
        assert client.get(database, "users", "ada")["name"] == "Ada"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_late_answer_is_not_given_to_the_next_caller(
    colour: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    direct.insert(database, "users", {"name": "Bob"}, "bob")
    with client_of(colour, url, **PATIENT) as client:
        client.ping()
        proxy.spoil(Fault("delay", "to client", 0, 0.4))
        proxy.fault = Fault()
        for _ in range(3):
            with pytest.raises(RequestTimeout):
                client.within(100).get(database, "users", "ada")
            assert client.get(database, "users", "bob")["name"] == "Bob"
            proxy.spoil(Fault("delay", "to client", 0, 0.4))
            proxy.fault = Fault()


def troubled(proxy: FaultProxy, seed: int, done: threading.Event) -> None:
    """Spoil what stands now and then, until it is done."""
    dice = random.Random(seed)
    while not done.wait(0.02):
        kinds: list[Any] = ["cut", "reset", "stall", "delay"]
        fault = Fault(dice.choice(kinds), "to client", dice.randrange(3000), 0.05)
        proxy.spoil(fault)
        proxy.fault = Fault()


def test_threads_get_their_own_answers_through_all_faults(
    url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    direct.insert_many(database, "users", [{"_key": f"k{n}", "n": n} for n in range(100)])
    wrong: list[Any] = []
    done = threading.Event()

    def read(client: Client, seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(400):
            number = dice.randrange(100)
            found = outcome(partial(client.get, database, "users", f"k{number}"))
            if not isinstance(found, Exception) and found["n"] != number:
                wrong.append((number, found))

    with Client(url, timeout_ms=400, connect_timeout=1, pool_size=4) as client, troubling(proxy, done):
        readers = [threading.Thread(target=read, args=(client, seed)) for seed in range(8)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join(50)

    assert not any(reader.is_alive() for reader in readers)
    assert wrong == []


@pytest.mark.anyio
async def test_tasks_get_their_own_answers_through_all_faults(
    url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    direct.insert_many(database, "users", [{"_key": f"k{n}", "n": n} for n in range(100)])
    wrong: list[Any] = []
    right: list[int] = []

    async def read(client: AsyncClient, seed: int) -> None:
        dice = random.Random(seed)
        for _ in range(20):
            number = dice.randrange(100)
            try:
                found = await client.get(database, "users", f"k{number}")
            except GONE:
                continue
            (right if found["n"] == number else wrong).append(number)

    client = AsyncClient(url, timeout_ms=400, connect_timeout=1, pool_size=4)
    with troubling(proxy, threading.Event()):
        async with client, anyio.create_task_group() as tasks:
            for seed in range(32):
                tasks.start_soon(read, client, seed)

    assert wrong == []
    assert right


@pytest.mark.parametrize("colour", COLOURS)
def test_inserts_with_keys_are_never_sent_again_through_all_faults(
    colour: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    hasty = client_of(colour, url, timeout_ms=400, connect_timeout=1)
    with hasty as client, troubling(proxy, threading.Event()):
        for number in range(300):
            # Sent twice, it would be refused the second time with DuplicateKey.
            outcome(partial(client.insert, database, "users", {"n": number}, f"new {number}"))


@pytest.mark.parametrize("colour", COLOURS)
def test_a_download_that_breaks_goes_on_where_it_was(
    colour: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    direct.create_collection(database, "files", "blob")
    data = random.Random(7).randbytes(3_000_000)
    key = direct.blobs.put("files", data).key
    with client_of(colour, url, **PATIENT) as client:
        client.blobs.put("files", b"")
        proxy.spoil(Fault("cut", "to client", 1_000_000))
        proxy.fault = Fault("cut", "to client", 1_500_000, connections=1)

        assert client.blobs.get("files", key) == data


@pytest.mark.parametrize("colour", COLOURS)
def test_a_feed_that_breaks_at_any_byte_comes_back(
    colour: str, url: str, direct: Client, database: str, proxy: FaultProxy
) -> None:
    with client_of(colour, url, **PATIENT) as client, client.changes("users") as feed:
        for position in range(0, 300, 43):
            proxy.spoil(Fault("cut", "to client", position))
            proxy.fault = Fault()
            direct.update(database, "users", "ada", {"n": position})
            direct.update(database, "users", "ada", {"n": -position})

            seen = [next(feed)]
            while seen[-1].operation != "gap":
                seen.append(next(feed))

            assert all(change.key == "ada" for change in seen[:-1])


def troubling(proxy: FaultProxy, done: threading.Event) -> AbstractContextManager[Any]:
    """Trouble the connections for the length of a block."""
    stack = ExitStack()
    trouble = threading.Thread(target=partial(troubled, proxy, 11, done), daemon=True)
    trouble.start()
    stack.callback(trouble.join, 10)
    stack.callback(done.set)
    return stack
