"""Attributes that are taken away from documents on a real server, while others write."""

from __future__ import annotations

import random
import struct
import threading
from typing import Any, cast

import anyio
import pytest

from solidb_odm.commands import (
    CommitBatches,
    CreateCollection,
    Get,
    GetMany,
    Inserts,
    NullsRemoved,
    RemoveNulls,
    RunQuery,
    SetSchema,
)
from solidb_odm.engines.solidb import AsyncServerDriver, ServerDriver
from solidb_odm.language.parser import parse
from tools.server import LocalServer

pytestmark = pytest.mark.server


def fill(driver: ServerDriver, *documents: dict[str, Any]) -> None:
    channel = driver.channel()
    channel.perform(CreateCollection("c"))
    channel.perform(CommitBatches([Inserts("c", [(each["_key"], each) for each in documents])]))


def remove(driver: ServerDriver, *rows: tuple[str, list[str]], session: str = "") -> NullsRemoved:
    return driver.channel().perform(RemoveNulls("c", rows, session))


def body(driver: ServerDriver, key: str) -> Any:
    stored = driver.channel().perform(Get("c", key))
    assert stored is not None
    return stored[4]


def test_nothing_else_of_a_document_changes(server_driver: ServerDriver) -> None:
    source = random.Random(1)
    numbers = [struct.unpack("<d", source.randbytes(8))[0] for _ in range(3000)]
    finite = [number for number in numbers if abs(number) < float("inf")] + [0.1, -0.0, 1.0, 5e-324]
    rest = {"_key": "k", "numbers": finite, "large": [2**64 - 1, -(2**63)], "text": "\x00\u2028é", "n": None}
    fill(server_driver, {**rest, "a/b~c": None, "é": None})
    before = server_driver.channel().perform(Get("c", "k"))

    assert remove(server_driver, ("k", ["a/b~c", "é"])).count == 1

    after = server_driver.channel().perform(Get("c", "k"))
    assert before is not None
    assert after is not None
    left = cast("dict[str, Any]", after[4])
    assert left == rest
    assert list(map(repr, left["numbers"])) == list(map(repr, finite))
    assert after[2] == before[2]
    assert after[1] != before[1]


def test_values_and_documents_that_are_gone_are_left_alone(server_driver: ServerDriver) -> None:
    fill(server_driver, {"_key": "a", "old": None, "x": 0}, {"_key": "b", "old": 0}, {"_key": "c", "x": None})
    assert remove(server_driver, *((key, ["old"]) for key in "abcd")).count == 1
    assert remove(server_driver, *((key, ["old"]) for key in "abcd")).count == 0
    assert body(server_driver, "a") == {"_key": "a", "x": 0}
    assert body(server_driver, "b") == {"_key": "b", "old": 0}
    assert body(server_driver, "c") == {"_key": "c", "x": None}


def test_a_session_is_used_again_and_made_anew_where_the_server_forgot_it(
    server_driver: ServerDriver,
) -> None:
    fill(server_driver, {"_key": "a", "x": None, "y": None, "z": None})
    first = remove(server_driver, ("a", ["x"]))
    second = remove(server_driver, ("a", ["y"]), session=first.session)
    third = remove(server_driver, ("a", ["z"]), session="solidb-odm-of-another-start")
    assert (first.count, second.count, third.count) == (1, 1, 1)
    assert first.session == second.session != third.session != "solidb-odm-of-another-start"
    assert body(server_driver, "a") == {"_key": "a"}


def test_what_a_schema_refuses_is_left_alone(server_driver: ServerDriver) -> None:
    fill(server_driver, {"_key": "a", "old": None})
    server_driver.channel().perform(SetSchema("c", {"type": "object", "required": ["old"]}, "strict"))
    assert remove(server_driver, ("a", ["old"])).count == 0
    assert body(server_driver, "a") == {"_key": "a", "old": None}


def test_more_than_one_message_holds(server_driver: ServerDriver) -> None:
    names = [f"{at}{'n' * 200}" for at in range(60)]
    keys = [f"k{at:03d}" for at in range(150)]
    fill(server_driver, *({"_key": key, "n": 1, **dict.fromkeys(names)} for key in keys))
    assert remove(server_driver, *((key, names) for key in keys)).count == 150
    stored = server_driver.channel().perform(GetMany("c", keys))
    assert [each[4] for each in sorted(stored)] == [{"_key": key, "n": 1} for key in keys]


def test_writers_of_the_same_documents_lose_nothing(server_driver: ServerDriver) -> None:
    keys = [f"k{at}" for at in range(4)]
    names = [f"old{at}" for at in range(40)]
    large = {f"p{at}": ["x" * 50] * 30 for at in range(60)}  # so that reading and writing take their time
    fill(server_driver, *({"_key": key, **large, **dict.fromkeys(names)} for key in keys))
    over = threading.Event()
    written: list[dict[str, list[str]]] = [{key: [] for key in keys} for _ in range(2)]

    def write(writer: int) -> None:
        channel = server_driver.channel()
        query = parse("FOR d IN c FILTER d._key == @k UPDATE d WITH @patch IN c")
        number = 0
        while not over.is_set():
            number += 1
            for key in keys:
                name = f"w{writer}_{number}"
                channel.perform(RunQuery(query, {"k": key, "patch": {name: number}}))
                written[writer][key].append(name)

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(2)]
    for thread in threads:
        thread.start()
    try:
        session = ""
        for name in names:
            removed = remove(server_driver, *((key, [name]) for key in keys), session=session)
            session = removed.session
            assert removed.count == len(keys)
    finally:
        over.set()
        for thread in threads:
            thread.join()
    for key in keys:
        assert set(body(server_driver, key)) == {"_key", *large, *written[0][key], *written[1][key]}


def test_awaited_it_is_the_same(server: LocalServer, database: str, server_driver: ServerDriver) -> None:
    fill(server_driver, {"_key": "a", "old": None})

    async def work() -> NullsRemoved:
        driver = AsyncServerDriver(server.url(database))
        try:
            return await (await driver.channel()).perform(RemoveNulls("c", [("a", ["old"])]))
        finally:
            await driver.aclose()

    assert anyio.run(work).count == 1
    assert body(server_driver, "a") == {"_key": "a"}
