"""An async statement can be cancelled while it runs, and the session goes on."""

from __future__ import annotations

import anyio
import pytest

from solidb_odm import AsyncSession, create_async_engine, sdbql
from solidb_odm.commands import Apply, Commit, CreateCollection, Inserts, Operation, call

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(120)]

ENDLESS = {
    "in Python": "FOR a IN 1..4000 FOR b IN 1..4000 FILTER a > b + 5000 RETURN a",
    "in SQL": "FOR a IN docs FOR b IN docs FOR c IN docs FOR d IN docs FILTER a.n + d.n < b.n - 999 RETURN 1",
}


@pytest.mark.parametrize("query", ENDLESS.values(), ids=list(ENDLESS))
async def test_a_cancelled_statement_stops_and_the_session_goes_on(query: str) -> None:
    async with create_async_engine("sqlite://") as engine, AsyncSession(engine) as session:
        await engine.run(_documents())
        with anyio.move_on_after(0.3) as scope:
            await session.execute(sdbql(query))

        assert scope.cancelled_caught
        assert (await session.execute(sdbql("RETURN 1 + 1"))).all() == [2]


def _documents() -> Operation[None]:
    yield from call(CreateCollection("docs"))
    yield from call(Apply([Inserts("docs", [(f"d{i}", {"_key": f"d{i}", "n": i}) for i in range(300)])]))
    yield from call(Commit())
