"""Answers that were not asked for: counted, matched by key, and refused with errors of ours."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import product
from typing import Any

import anyio
import pytest

from solidb_odm.client import AsyncClient
from solidb_odm.commands import (
    Command,
    CommitBatches,
    CountDocuments,
    CreateIndex,
    Get,
    GetMany,
    IndexSpec,
    Inserts,
    ListCollections,
    Patch,
    Patches,
    Removals,
    RunQuery,
)
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.errors import CommitOutcomeUnknown, ProtocolError, RequestTimeout, SolidbError
from solidb_odm.language.parser import parse
from solidb_odm.wire.frames import frame, pack

from .fake_server import NOW, FakeServer, done

TIMES = {"_created_at": NOW, "_updated_at": NOW}


def a_document(key: str) -> dict[str, Any]:
    return done({"_key": key, "_rev": "r", "_id": f"d/users/{key}", **TIMES})


def inserts(*keys: str) -> CommitBatches:
    return CommitBatches([Inserts("users", [(key, {"_key": key}) for key in keys])])


def test_a_document_under_another_key_breaks_the_connection(fake: FakeServer, driver: ServerDriver) -> None:
    fake.script = lambda request: a_document("b") if request["cmd"] == "get" else None
    channel = driver.channel()
    for _ in range(2):
        with pytest.raises(ProtocolError, match="'a' with 'b'"):
            channel.perform(Get("users", "a"))
    assert fake.connections == 2


@pytest.mark.anyio
async def test_an_answer_that_comes_twice_reaches_nobody_else(fake: FakeServer) -> None:
    def twice(request: dict[str, Any]) -> bytes | None:
        if request["cmd"] != "get":
            return None
        time.sleep(0.02 if request["key"] == "z" else 0)
        answer = frame(pack(a_document(request["key"])))
        return answer * 2 if request["key"] == "dup" else answer

    fake.script = twice
    wrong: list[tuple[str, str]] = []
    async with AsyncClient(fake.url(options="?timeout=2&retries=0")) as client:

        async def send(key: str) -> None:
            try:
                found = (await client.get("d", "c", key)).key
            except ProtocolError:
                return
            if found != key:
                wrong.append((key, found))

        for _ in range(5):
            async with anyio.create_task_group() as group:
                for key in ("a", "b", "dup", "x", "y", "z"):
                    group.start_soon(send, key)
    assert wrong == []


@pytest.mark.anyio
async def test_a_late_answer_to_a_write_is_a_timeout_and_no_commit(fake: FakeServer) -> None:
    """The loop is busy while the time is up: then the deadline must not be moved on by what came after it."""
    waits = iter((0.5, 0.9))

    def slow(request: dict[str, Any]) -> None:
        if request["cmd"] == "transaction_command":
            time.sleep(next(waits, 0))

    async def block() -> None:
        await anyio.sleep(0.45)
        time.sleep(0.4)  # noqa: ASYNC251 - on purpose: somebody blocks the loop when the time is up

    fake.script = slow
    driver = AsyncServerDriver(fake.url(), timeout=0.6, retries=0)
    two = CommitBatches([Inserts("aa", [("a", {"_key": "a"})]), Inserts("bb", [("b", {"_key": "b"})])])
    async with anyio.create_task_group() as group:
        group.start_soon(block)
        with pytest.raises(RequestTimeout):
            await (await driver.channel()).perform(two)
    assert not any(fake.store.documents.values())
    await driver.aclose()


@pytest.mark.parametrize("answer", [{"status": "batch", "responses": [a_document("a")]}, a_document("a")])
def test_one_receipt_short_is_no_commit(
    fake: FakeServer, driver: ServerDriver, answer: dict[str, Any]
) -> None:
    fake.script = lambda request: answer if request["cmd"] == "batch" else None
    with pytest.raises(ProtocolError, match="1 answers to 2 writes"):
        driver.channel().perform(inserts("a", "b"))


@pytest.mark.parametrize("answer", [a_document("other"), done(), done(None), {"status": "pong"}])
def test_a_write_is_answered_with_its_document_or_was_none(
    fake: FakeServer, driver: ServerDriver, answer: dict[str, Any]
) -> None:
    fake.script = lambda request: answer if request["cmd"] == "transaction_command" else None
    with pytest.raises(ProtocolError, match="'a'"):
        driver.channel().perform(inserts("a"))
    assert "commit_transaction" not in fake.requests


@pytest.mark.parametrize(
    "answer", [b"\0\0\0\1\xc1", {"status": "pong"}, {"status": "batch", "responses": []}]
)
def test_a_commit_that_is_answered_with_nonsense_is_looked_for(fake: FakeServer, answer: Any) -> None:
    def nonsense(request: dict[str, Any]) -> Any:
        if request["cmd"] != "commit_transaction":
            return None
        fake.store.handle(request)
        return answer

    fake.script = nonsense
    driver = ServerDriver(fake.url(), timeout=5, retries=0)
    ((receipt,),) = driver.channel().perform(inserts("a"))
    assert fake.store.documents["users"]["a"]["_rev"] == receipt[0]
    driver.close()


SHAPES: list[Any] = [
    None, 1, "text", [], [1], [[]], {}, {"status": None}, {"status": "ok"}, {"status": "ok", "data": 1},
    {"status": "ok", "data": [1]}, {"status": "ok", "data": [[1, 2]]}, {"status": "ok", "data": {}},
    {"status": "ok", "data": [{}]}, {"status": "ok", "data": {"_key": 1}}, {"status": "batch"},
    {"status": "batch", "responses": 5}, {"status": "batch", "responses": [1]}, {"status": "error"},
    {"status": "error", "error": []}, {"status": "error", "error": {"DatabaseError": 5}},
    {"status": "error", "error": {"X": None, "Y": None}}, {"status": "ok", "data": "x", "count": "many"},
    {"status": "ok", "tx_id": 5}, {"status": "ok", "data": {"document_count": "many"}}, {1: 2},
]  # fmt: skip
COMMANDS: list[Command[Any]] = [
    Get("users", "a"),
    GetMany("users", ["a", "b"]),
    RunQuery(parse("FOR u IN users RETURN u"), {}),
    inserts("a", "b"),
    CommitBatches([Removals("users", [("a", "r")]), Patches("users", [Patch("b", "r", {"n": 1}, (), None)])]),
    ListCollections(),
    CountDocuments("users"),
    CreateIndex("users", IndexSpec("by_n", "persistent", ("n",), unique=True)),
]
ASKED = (
    "get", "query", "batch", "transaction_command", "begin_transaction",
    "list_collections", "collection_stats", "list_indexes", "list_ttl_indexes", "create_index",
)  # fmt: skip


def _ends_well(perform: Callable[[], Any]) -> bool:
    try:
        perform()
    except SolidbError:
        return True
    return True


@pytest.mark.parametrize("shape", SHAPES, ids=repr)
def test_an_answer_of_any_shape_is_read_or_refused_with_our_error(fake: FakeServer, shape: Any) -> None:
    replies = {"list_indexes", "list_geo_indexes", "list_vector_indexes", "list_ttl_indexes"}

    def script_for(name: str) -> Callable[[dict[str, Any]], Any]:
        def script(request: dict[str, Any]) -> Any:
            if request["cmd"] == name:
                return frame(pack(shape))
            if request["cmd"] in replies or (request["cmd"] == "query" and "bind_vars" not in request):
                return done([])
            return done({}) if not hasattr(fake.store, f"on_{request['cmd']}") else None

        return script

    for name, command in product(ASKED, COMMANDS):
        fake.script = script_for(name)
        driver = ServerDriver(fake.url(), timeout=5, retries=0)
        assert _ends_well(lambda command=command, driver=driver: driver.channel().perform(command))  # type: ignore[misc]
        driver.close()


def test_whether_a_commit_happened_is_not_claimed_where_nobody_can_tell(fake: FakeServer) -> None:
    def nonsense(request: dict[str, Any]) -> Any:
        return b"\0\0\0\1\xc1" if request["cmd"] in ("commit_transaction", "query") else None

    fake.script = nonsense
    driver = ServerDriver(fake.url(), timeout=5, retries=0)
    with pytest.raises(CommitOutcomeUnknown):
        driver.channel().perform(inserts("a"))
    driver.close()
