"""What comes after a commit can't make it fail: the commit returns, and the error is logged and warned of."""

from __future__ import annotations

import asyncio
import logging
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

import anyio
import anyio.lowlevel
import pytest

from solidb_odm import Document, Session
from solidb_odm.commands import Apply, Commit, CreateCollection, Inserts
from solidb_odm.engines.sqlite import AsyncFileDriver
from solidb_odm.offline.async_channels import AsyncHookedDriver

from .conftest import Store
from .documents import Person


class Failing(Document, collection="late_failures"):
    """A document whose hooks fail after it was written, once they are told to."""

    fails: ClassVar[bool] = False
    n: int = 0

    def after_insert(self) -> None:
        self._fail("after_insert")

    def after_update(self) -> None:
        self._fail("after_update")

    def after_delete(self) -> None:
        self._fail("after_delete")

    def _fail(self, event: str) -> None:
        if self.fails:
            raise ValueError(event)


def fail(_: Any) -> None:
    raise ValueError("the listener")


def test_a_listener_that_fails_after_the_commit_fails_no_commit(
    store: Store, session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[int] = []
    session.on("after_commit", fail)
    session.on("after_commit", lambda _: heard.append(1))
    ada = Person(name="Ada")
    session.add(ada)
    with caplog.at_level(logging.ERROR), pytest.warns(RuntimeWarning, match="the commit before it is done"):
        session.commit()
    assert heard == [1]
    assert store.get(ada) == ada
    assert not session.new
    assert "after_commit" in caplog.text


def test_not_even_where_warnings_are_errors(store: Store, session: Session) -> None:
    session.on("after_commit", fail)
    ada = Person(name="Ada")
    session.add(ada)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        session.commit()
    assert store.get(ada) == ada


@pytest.mark.parametrize("change", ["insert", "update", "delete"])
def test_a_hook_that_fails_fails_the_commit_only_if_it_comes_before(
    store: Store, session: Session, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """On a file a flush, and its hooks, come before the commit; on a server the flush is the commit."""
    document = Failing()
    session.add(document)
    if change != "insert":
        session.commit()
        document.n = 7
    if change == "delete":
        session.delete(document)
    monkeypatch.setattr(Failing, "fails", True)
    if store.engine.capabilities.interactive_transactions:
        with pytest.raises(ValueError, match=f"after_{change}"):
            session.commit()
        assert [*session.new, *session.dirty, *session.deleted] == [document]
    else:
        with pytest.warns(RuntimeWarning, match=f"after_{change}"):
            session.commit()
        assert [*session.new, *session.dirty, *session.deleted] == []


@pytest.mark.parametrize("is_native", [True, False], ids=["asyncio's", "anyio's"])
def test_a_commit_told_of_while_its_task_is_cancelled_is_a_commit(tmp_path: Path, is_native: bool) -> None:
    async def main() -> None:
        inner, scope = AsyncFileDriver(f"sqlite:///{tmp_path}/told.db"), anyio.CancelScope()

        async def told() -> None:
            if is_native:
                running.cancel()
            else:
                scope.cancel()
            await anyio.lowlevel.checkpoint()

        async def work() -> None:
            channel = await AsyncHookedDriver(inner, told).channel()
            try:
                await channel.perform(CreateCollection("people"))
                await channel.perform(Apply([Inserts("people", [("k", {"_key": "k"})])]))
                with scope:
                    await channel.perform(Commit())
                    outcomes.append("committed")
                    await anyio.lowlevel.checkpoint()
                    outcomes.append("not cancelled")
            finally:
                await channel.aclose()

        outcomes = list[str]()
        running = asyncio.ensure_future(work())
        with suppress(asyncio.CancelledError):
            await running
        assert outcomes == ["committed"]
        await inner.aclose()

    asyncio.run(main())
