"""``client.changes`` on the real server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import anyio
import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.errors import (
    AuthError,
    ClosedError,
    CollectionNotFound,
    ConnectionFailed,
    QueryError,
    QuerySyntaxError,
)
from tools.server import LocalServer

from .client_colours import COLOURS, client_of
from .fault_proxy import FaultProxy

pytestmark = pytest.mark.server


@pytest.fixture
def users(client: Client, database: str) -> Client:
    client.create_collection(database, "users")
    return client


@pytest.fixture
def gate(server: LocalServer) -> Iterator[FaultProxy]:
    with FaultProxy(server.host, server.port) as opened:
        yield opened


def test_every_write_is_told(users: Client, database: str) -> None:
    with users.changes("users") as feed:
        stored = users.insert(database, "users", {"name": "Ada"}, "ada")
        users.update(database, "users", "ada", {"age": 36})
        users.delete(database, "users", "ada")
        inserted, updated, deleted = islice(feed, 3)

    assert (inserted["operation"], inserted.key, inserted.doc) == ("insert", "ada", stored)
    assert (updated.operation, updated["doc"]["age"]) == ("update", 36)
    assert (deleted.operation, deleted.collection, deleted.doc) == ("delete", "users", None)


def test_writes_of_all_paths_are_told(users: Client, database: str) -> None:
    with users.changes("users") as feed:
        users.insert_many(database, "users", [{"_key": "a"}, {"_key": "b"}])
        users.query(database, "INSERT {_key: 'c'} INTO users")
        with users.transaction(database) as tx:
            tx.insert(database, "users", {}, "d")

        assert {change.key for change in islice(feed, 4)} == {"a", "b", "c", "d"}


def test_the_changes_of_one_document_can_be_watched(users: Client, database: str) -> None:
    with users.changes("users", "b") as feed:
        for key in "abc":
            users.insert(database, "users", {}, key)

        assert next(feed).key == "b"
        assert feed.poll(0.2) is None


def test_a_feed_that_is_polled_gives_none_when_nothing_comes(users: Client, database: str) -> None:
    feed = users.changes("users")

    assert feed.poll(0.05) is None
    users.insert(database, "users", {}, "a")
    change = feed.poll(10)
    feed.__exit__(None, None, None)

    assert change is not None
    assert change.key == "a"


def test_a_feed_gives_what_is_there_to_who_asks_without_waiting(users: Client, database: str) -> None:
    with users.changes("users") as feed:
        assert feed.poll() is None
        users.insert(database, "users", {}, "a")
        end = time.monotonic() + 60
        while (change := feed.poll()) is None:
            assert time.monotonic() < end
    assert change.key == "a"


def test_a_live_query_gives_its_rows_again_after_changes(users: Client, database: str) -> None:
    text = "FOR u IN users FILTER u.age >= @ages.least AND u.name IN @names RETURN u.name"
    with users.changes.live_query(text, {"ages": {"least": 18}, "names": ["Ada", "O'\"\\Hara\n"]}) as feed:
        assert next(feed) == []
        users.insert(database, "users", {"name": "O'\"\\Hara\n", "age": 20})
        assert next(feed) == ["O'\"\\Hara\n"]


def test_queries_and_collections_that_are_wrong_are_refused(users: Client) -> None:
    for make, error in (
        (lambda: users.changes("nobody"), CollectionNotFound),
        (lambda: users.changes.live_query("FOR u IN users FILTER RETURN u"), QuerySyntaxError),
        (lambda: users.changes.live_query("FOR u IN nobody RETURN u"), CollectionNotFound),
    ):
        with pytest.raises(error):
            next(make())
    with pytest.raises(QueryError, match="@x has no value"):
        users.changes.live_query("FOR u IN users FILTER u.a == @x RETURN u", {"y": 1})


@pytest.mark.parametrize("colour", COLOURS)
def test_a_feed_comes_back_after_its_connection_broke(
    colour: str, server: LocalServer, database: str, gate: FaultProxy
) -> None:
    url = server.url(database).replace(f":{server.port}/", f":{gate.port}/")
    with client_of(colour, url) as client, Client(server.url(database)) as direct:
        direct.create_collection(database, "users")
        with client.changes("users") as feed:
            direct.insert(database, "users", {}, "before")
            assert next(feed).key == "before"
            gate.reset_all()

            gap = next(feed)
            direct.insert(database, "users", {}, "after")

            assert (gap.operation, gap.doc) == ("gap", None)
            assert next(feed).key == "after"


@pytest.mark.parametrize("colour", COLOURS)
def test_a_live_query_that_comes_back_gives_its_rows_anew(
    colour: str, server: LocalServer, database: str, gate: FaultProxy
) -> None:
    url = server.url(database).replace(f":{server.port}/", f":{gate.port}/")
    with client_of(colour, url) as client, Client(server.url(database)) as direct:
        direct.create_collection(database, "users")
        with client.changes.live_query("FOR u IN users RETURN u._key") as feed:
            assert next(feed) == []
            gate.reset_all()
            direct.insert(database, "users", {}, "meanwhile")

            rows: list[Any] = []
            while not rows:
                rows = next(feed)
            assert rows == ["meanwhile"]


@pytest.mark.parametrize("colour", COLOURS)
def test_a_feed_without_patience_says_that_it_broke(
    colour: str, server: LocalServer, database: str, gate: FaultProxy
) -> None:
    url = server.url(database).replace(f":{server.port}/", f":{gate.port}/")
    with client_of(colour, url) as client:
        client.create_collection(database, "users")
        with client.changes("users", patience=0) as feed:
            gate.reset_all()

            with pytest.raises(ConnectionFailed):
                next(feed)


def test_who_can_not_log_in_gets_no_feed(server: LocalServer, database: str) -> None:
    url = server.url(database).replace(server.password, "wrong")
    with Client(url) as client, pytest.raises(AuthError):
        next(client.changes("users"))


def test_closing_a_feed_ends_the_loop_of_another_thread(server: LocalServer, database: str) -> None:
    with Client(server.url(database)) as client:
        client.create_collection(database, "users")
        feed = client.changes("users")
        with feed:
            reader = threading.Thread(target=lambda: list(feed))
            reader.start()
        reader.join(10)

    assert not reader.is_alive()
    with pytest.raises(ClosedError):
        feed.__enter__()


def test_closing_the_client_ends_its_feeds(server: LocalServer, database: str) -> None:
    client = Client(server.url(database))
    client.create_collection(database, "users")
    feed = client.using(database).changes("users").__enter__()
    reader = threading.Thread(target=lambda: list(feed))
    reader.start()

    client.close()
    reader.join(10)

    assert not reader.is_alive()


@pytest.mark.anyio
async def test_awaited_closing_the_client_ends_its_feeds(server: LocalServer, database: str) -> None:
    ended = anyio.Event()
    async with anyio.create_task_group() as tasks:
        client = AsyncClient(server.url(database))
        await client.create_collection(database, "users")
        feed = await client.changes("users").__aenter__()

        async def read() -> None:
            async for _ in feed:
                pass
            ended.set()

        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        await client.close()
        with anyio.fail_after(10):
            await ended.wait()


@pytest.mark.anyio
async def test_a_task_can_be_cancelled_while_it_waits_and_read_on(server: LocalServer, database: str) -> None:
    async with AsyncClient(server.url(database)) as client:
        await client.create_collection(database, "users")
        async with client.changes("users") as feed:
            with anyio.move_on_after(0.05):
                await anext(feed)
            await client.insert(database, "users", {}, "a")

            assert (await anext(feed)).key == "a"


@pytest.mark.anyio
async def test_closing_a_feed_ends_the_loop_of_another_task(server: LocalServer, database: str) -> None:
    async with AsyncClient(server.url(database)) as client, anyio.create_task_group() as tasks:
        await client.create_collection(database, "users")
        feed = client.changes("users")
        async with feed:

            async def read() -> None:
                async for _ in feed:
                    pass

            tasks.start_soon(read)
            await anyio.sleep(0.05)
