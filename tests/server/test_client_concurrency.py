"""Many at once on one client, and callers that give up, on the real server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import anyio
import pytest

from solidb_odm.client import AsyncClient, Client
from solidb_odm.errors import TransactionConflict
from tools.server import LocalServer

pytestmark = pytest.mark.server


def test_sixteen_threads_share_a_client(server: LocalServer, database: str) -> None:
    with Client(server.url(database), pool_size=4, pool_overflow=2) as client:
        client.create_collection(database, "items")

        def work(number: int) -> list[int]:
            for step in range(20):
                client.insert(database, "items", {"n": number}, f"{number}-{step}")
            return [client.get(database, "items", f"{number}-{step}")["n"] for step in range(20)]

        with ThreadPoolExecutor(16) as threads:
            found = list(threads.map(work, range(16)))

        assert found == [[number] * 20 for number in range(16)]
        assert client.statistics.connections_opened <= 6


@pytest.mark.anyio
async def test_a_thousand_gets_share_eight_connections(server: LocalServer, database: str) -> None:
    async with AsyncClient(server.url(database), pool_size=8, pool_overflow=0) as client:
        await client.create_collection(database, "items")
        await client.insert_many(database, "items", [{"_key": f"k{n}", "n": n} for n in range(1000)])
        found: dict[int, int] = {}

        async def read(number: int) -> None:
            found[number] = (await client.get(database, "items", f"k{number}"))["n"]

        async with anyio.create_task_group() as group:
            for number in range(1000):
                group.start_soon(read, number)

        assert found == {number: number for number in range(1000)}
        assert client.statistics.connections_opened <= 8


Call = Callable[[AsyncClient, str], Awaitable[Any]]


async def in_a_block(client: AsyncClient, database: str) -> None:
    # The server may still be at work on undoing the transaction of the caller that gave up before.
    with suppress(TransactionConflict):
        async with client.transaction(database) as tx:
            await tx.update(database, "items", "k1", {"touched": True})


async def in_pages(client: AsyncClient, database: str) -> None:
    async for _ in client.documents(database, "items", page_size=2):
        pass


CALLS: list[tuple[str, Call]] = [
    ("get", lambda client, db: client.get(db, "items", "k1")),
    ("query", lambda client, db: client.query(db, "FOR i IN items RETURN i")),
    ("update", lambda client, db: client.update(db, "items", "k1", {"touched": True})),
    ("bulk", lambda client, db: client.insert_many(db, "items", [{"text": "x" * 50_000} for _ in range(4)])),
    ("http", lambda client, db: client.env.list()),
    ("transaction", in_a_block),
    ("pages", in_pages),
]


# On trio, httpx leaves the generator of a request's body to the garbage collector when it is cancelled.
@pytest.mark.filterwarnings("ignore:.*ByteStream.__aiter__:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.anyio
@pytest.mark.parametrize("call", [call for _, call in CALLS], ids=[name for name, _ in CALLS])
async def test_a_caller_may_give_up_at_any_moment(server: LocalServer, database: str, call: Call) -> None:
    async with AsyncClient(server.url(database), pool_size=1, pool_overflow=0, pool_timeout=5) as client:
        await client.create_collection(database, "items")
        await client.insert_many(database, "items", [{"_key": f"k{n}", "n": n} for n in range(5)])
        for moments in range(12):
            async with anyio.create_task_group() as group:

                async def work() -> None:
                    await call(client, database)

                group.start_soon(work)
                for _ in range(moments):
                    await anyio.lowlevel.checkpoint()
                group.cancel_scope.cancel()

            assert (await client.get(database, "items", "k3"))["n"] == 3


@pytest.mark.anyio
async def test_quick_reads_of_all_kinds_travel_together(server: LocalServer, database: str) -> None:
    async with AsyncClient(server.url(database)) as client:
        await client.create_collection(database, "users")
        await client.insert(database, "users", {"name": "Ada"}, "ada")

        async def read() -> None:
            for _ in range(5):
                assert (await client.get(database, "users", "ada"))["name"] == "Ada"
                assert await client.list_collections(database) == ["users"]
                assert (await client.collection_stats(database, "users")).document_count == 1

        before = client.statistics.round_trips
        async with anyio.create_task_group() as tasks:
            for _ in range(30):
                tasks.start_soon(read)

        assert client.statistics.round_trips - before < 450 / 3
        assert client.statistics.connections_opened <= 8
