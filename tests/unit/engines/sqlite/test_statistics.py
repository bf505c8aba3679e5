"""SQLite chooses among indexes by how the data are distributed, unless it loses rows by that."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from solidb_odm.commands import (
    Apply,
    Commit,
    CreateCollection,
    CreateIndex,
    ExplainQuery,
    IndexSpec,
    Inserts,
    RunQuery,
)
from solidb_odm.engines.sqlite.analysis import are_safe
from solidb_odm.engines.sqlite.channel import FileChannel
from solidb_odm.engines.sqlite.driver import FileDriver
from solidb_odm.language.parser import parse

_QUERY = "FOR o IN orders FILTER o.user == 'u7' AND o.status == 'new' RETURN o"


def _fill(channel: FileChannel, count: int = 2000) -> None:
    orders: list[tuple[str, Any]] = [
        (f"o{n:04}", {"_key": f"o{n:04}", "user": f"u{n // 2}", "status": "new"}) for n in range(count)
    ]
    channel.perform(Apply([Inserts("orders", orders)]))
    channel.perform(Commit())


def _index(channel: FileChannel, *fields: str) -> None:
    channel.perform(CreateIndex("orders", IndexSpec("_".join(fields), "persistent", fields)))


def _indexes(channel: FileChannel) -> list[str]:
    explained: dict[str, Any] = channel.perform(ExplainQuery(parse(_QUERY), {}))
    indexes: list[str] = explained["indexes"]
    return indexes


def test_the_index_that_finds_fewest_is_chosen_once_there_are_many_documents(path: Path) -> None:
    channel = FileDriver(f"sqlite:///{path}").channel()
    channel.perform(CreateCollection("orders"))
    _index(channel, "user")
    _index(channel, "status", "total")

    _fill(channel)

    assert _indexes(channel) == ["orders.user"] or not are_safe()


def test_an_index_on_documents_that_are_there_is_known_at_once(path: Path) -> None:
    channel = FileDriver(f"sqlite:///{path}").channel()
    channel.perform(CreateCollection("orders"))
    _fill(channel)

    _index(channel, "user")
    _index(channel, "status", "total")

    assert _indexes(channel) == ["orders.user"] or not are_safe()


def test_figures_are_gathered_again_when_what_is_written_has_doubled(path: Path) -> None:
    seen: list[str] = []
    driver = FileDriver(f"sqlite:///{path}", on_statement=lambda sql, *_: seen.append(sql))
    channel = driver.channel()
    channel.perform(CreateCollection("orders"))

    for start in range(0, 3000, 100):
        keys = [f"{n:05}" for n in range(start, start + 100)]
        channel.perform(Apply([Inserts("orders", [(key, {"_key": key}) for key in keys])]))
        channel.perform(Commit())

    assert sum(sql.startswith("ANALYZE") for sql in seen) == (2 if are_safe() else 0)


_JOIN = """
    FOR o IN orders FILTER o.status == "new"
    FOR u IN users FILTER u.name == o.user AND u.active == true SORT o._key RETURN o._key
"""


def test_figures_lose_no_rows(path: Path) -> None:
    driver = FileDriver(f"sqlite:///{path}")
    channel = driver.channel()
    users: list[tuple[str, Any]] = [
        (f"{n}", {"_key": f"{n}", "name": f"a long name {n}", "active": True}) for n in range(10)
    ]
    orders: list[tuple[str, Any]] = [
        (f"o{n:04}", {"_key": f"o{n:04}", "user": f"a long name {n % 10}", "status": "new"})
        for n in range(2000)
    ]
    for name, rows in (("users", users), ("orders", orders)):
        channel.perform(CreateCollection(name))
        channel.perform(Apply([Inserts(name, rows)]))
    channel.perform(Commit())
    channel.perform(CreateIndex("users", IndexSpec("name", "persistent", ("name",))))
    driver.close()

    with closing(sqlite3.connect(path)) as by_hand:
        by_hand.create_function("solidb_key", 1, str, deterministic=True)
        by_hand.execute("ANALYZE")

    again = FileDriver(f"sqlite:///{path}").channel()
    assert again.perform(RunQuery(parse(_JOIN), {})) == [key for key, _ in orders]


@pytest.mark.parametrize("times", [1, 2])
def test_a_walk_loses_nothing_by_figures(path: Path, times: int) -> None:
    driver = FileDriver(f"sqlite:///{path}")
    channel = driver.channel()
    channel.perform(CreateCollection("towns"))
    channel.perform(CreateCollection("roads", "edge"))
    towns: list[tuple[str, Any]] = [(f"town{n}", {"_key": f"town{n}"}) for n in range(6)]
    roads: list[tuple[str, Any]] = [
        (f"r{n}", {"_key": f"r{n}", "_from": f"towns/town{n}", "_to": f"towns/town{n + 1}"}) for n in range(5)
    ]
    channel.perform(Apply([Inserts("towns", towns), Inserts("roads", roads)]))
    channel.perform(Commit())
    for _ in range(times - 1):
        channel.perform(Apply([Inserts("towns", [(f"x{n}", {"_key": f"x{n}"}) for n in range(2000)])]))
        channel.perform(Commit())

    walk = parse("FOR v, e IN 1..5 OUTBOUND 'towns/town0' roads RETURN [v._key, e._key]")
    assert len(channel.perform(RunQuery(walk, {}))) == 5
