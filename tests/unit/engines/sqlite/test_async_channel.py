"""The file engine on asyncio and trio."""

from pathlib import Path

import anyio
import pytest

from solidb_odm.commands import Apply, Commit, CountDocuments, CreateCollection, Get, Inserts, RunQuery
from solidb_odm.engines.sqlite import AsyncFileDriver
from solidb_odm.errors import CollectionNotFound
from solidb_odm.language.parser import parse

pytestmark = pytest.mark.anyio

_ENDLESS = parse(
    "RETURN LENGTH(FOR a IN 1..3000 FOR b IN 1..3000 FOR c IN 1..3000 FILTER a * b == c RETURN 1)"
)
_ENDLESS_SQL = parse(
    "FOR a IN docs FOR b IN docs FOR c IN docs FOR d IN docs FILTER a.n + b.n + c.n + d.n == -1 RETURN 1"
)


async def test_writes_are_read_back_and_committed(tmp_path: Path) -> None:
    driver = AsyncFileDriver(f"sqlite:///{tmp_path}/a.db")
    channel = await driver.channel()
    await channel.perform(CreateCollection("docs"))
    await channel.perform(Apply([Inserts("docs", [("a", {"_key": "a", "n": 1})])]))
    await channel.perform(Commit())
    await channel.aclose()

    other = await driver.channel()

    assert (await other.perform(Get("docs", "a")) or ())[0] == "a"
    await other.aclose()
    await driver.aclose()


async def test_errors_come_through() -> None:
    driver = AsyncFileDriver("sqlite://")
    channel = await driver.channel()
    with pytest.raises(CollectionNotFound):
        await channel.perform(CountDocuments("nothing"))
    await channel.aclose()
    await channel.aclose()
    await driver.aclose()


@pytest.mark.parametrize("query", [_ENDLESS, _ENDLESS_SQL], ids=["python", "sql"])
async def test_a_cancelled_query_stops_and_leaves_the_channel_usable(query: object) -> None:
    driver = AsyncFileDriver("sqlite://")
    channel = await driver.channel()
    await channel.perform(CreateCollection("docs"))
    rows = [(str(n), {"_key": str(n), "n": n}) for n in range(100)]
    await channel.perform(Apply([Inserts("docs", rows)]))
    await channel.perform(Commit())
    await channel.perform(Apply([Inserts("docs", [("more", {"_key": "more"})])]))

    with anyio.move_on_after(0.05) as scope:
        await channel.perform(RunQuery(query))  # type: ignore[arg-type]

    assert scope.cancelled_caught
    assert await channel.perform(CountDocuments("docs")) == 100
    await channel.aclose()
    await driver.aclose()
