"""SQLite is told how the data are distributed, and chooses among indexes by that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from solidb_odm.commands import Apply, Commit, CreateCollection, CreateIndex, ExplainQuery, IndexSpec, Inserts
from solidb_odm.engines.embedded.channel import EmbeddedChannel
from solidb_odm.engines.embedded.driver import EmbeddedDriver
from solidb_odm.sdbql.parser import parse

_QUERY = "FOR o IN orders FILTER o.user == 'u7' AND o.status == 'new' RETURN o"


def _fill(channel: EmbeddedChannel, count: int = 2000) -> None:
    orders: list[tuple[str, Any]] = [
        (f"o{n:04}", {"_key": f"o{n:04}", "user": f"u{n // 2}", "status": "new"}) for n in range(count)
    ]
    channel.perform(Apply([Inserts("orders", orders)]))
    channel.perform(Commit())


def _index(channel: EmbeddedChannel, *fields: str) -> None:
    channel.perform(CreateIndex("orders", IndexSpec("_".join(fields), "persistent", fields)))


def _indexes(channel: EmbeddedChannel) -> list[str]:
    explained: dict[str, Any] = channel.perform(ExplainQuery(parse(_QUERY), {}))
    indexes: list[str] = explained["indexes"]
    return indexes


def test_the_index_that_finds_fewest_is_chosen_once_there_are_many_documents(path: Path) -> None:
    channel = EmbeddedDriver(f"sqlite:///{path}").channel()
    channel.perform(CreateCollection("orders"))
    _index(channel, "user")
    _index(channel, "status", "total")

    _fill(channel)

    assert _indexes(channel) == ["orders.user"]


def test_an_index_on_documents_that_are_there_is_known_at_once(path: Path) -> None:
    channel = EmbeddedDriver(f"sqlite:///{path}").channel()
    channel.perform(CreateCollection("orders"))
    _fill(channel)

    _index(channel, "user")
    _index(channel, "status", "total")

    assert _indexes(channel) == ["orders.user"]


def test_figures_are_gathered_again_when_what_is_written_has_doubled(path: Path) -> None:
    seen: list[str] = []
    driver = EmbeddedDriver(f"sqlite:///{path}", on_statement=lambda sql, *_: seen.append(sql))
    channel = driver.channel()
    channel.perform(CreateCollection("orders"))

    for start in range(0, 3000, 100):
        keys = [f"{n:05}" for n in range(start, start + 100)]
        channel.perform(Apply([Inserts("orders", [(key, {"_key": key}) for key in keys])]))
        channel.perform(Commit())

    assert sum(sql.startswith("ANALYZE") for sql in seen) == 2
