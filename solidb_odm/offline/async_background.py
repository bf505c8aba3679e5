"""Syncing by itself, in tasks: one that syncs when it is due, one that listens at the server's door."""

from __future__ import annotations

import time
from typing import Any

import anyio
import anyio.lowlevel
from anyio.abc import TaskGroup

from .._tracing import get_logger
from ..errors import ClosedError, ConnectionFailed, RequestTimeout, SolidbError
from .background import STUCK, TICK, WAIT_FOR_SERVER
from .schedule import LOOK_FOR_COLLECTIONS, Schedule, collection_names, open_bell_async, rings
from .server import AsyncServerRemote

logger = get_logger("solidb_odm.offline")


class AsyncBackground:
    """The tasks of one manager; they live in the task that called ``initialize``."""

    def __init__(self, manager: Any) -> None:
        self._manager = manager
        self._schedule = Schedule(manager.config.sync_interval_seconds)
        self._bell = anyio.Event()
        self._tasks: TaskGroup | None = None

    async def start(self) -> None:
        """Begin, with a sync at once."""
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._tasks.start_soon(self._sync)
        self._tasks.start_soon(self._listen)

    async def stop(self) -> None:
        """End both tasks; call it from the task that called ``start``."""
        if (tasks := self._tasks) is not None:
            self._tasks = None
            tasks.cancel_scope.cancel()
            await tasks.__aexit__(None, None, None)

    def edited(self) -> None:
        """Note an edit."""
        self._schedule.edited(time.monotonic())
        self._bell.set()

    def wake(self) -> None:
        """Have a sync made now."""
        self._schedule.rang(time.monotonic())
        self._bell.set()

    async def _sync(self) -> None:
        while not self._manager.standing.closed:
            with anyio.move_on_after(min(TICK, max(0.0, self._schedule.due - time.monotonic()))):
                await self._bell.wait()
            self._bell = anyio.Event()
            await self._manager.hear()
            standing = self._manager.standing
            is_due = time.monotonic() >= self._schedule.due
            if is_due and not (standing.paused or standing.state in STUCK or standing.closed):
                await self._attempt()
            await anyio.lowlevel.checkpoint()

    async def _attempt(self) -> None:
        self._schedule.began()
        try:
            await self._manager.sync_now()
        except ClosedError:
            return
        except SolidbError as problem:
            self._schedule.failed(time.monotonic())
            logger.info("the sync failed, and will be tried again: %s", problem.message)
        except Exception:
            self._schedule.failed(time.monotonic())
            logger.exception("the sync failed, and will be tried again")
        else:
            self._schedule.succeeded(time.monotonic())
        self._manager.standing.expect(self._schedule.due - time.monotonic())

    async def _listen(self) -> None:
        while not self._manager.standing.closed:
            remote = self._manager.remote
            if not isinstance(remote, AsyncServerRemote):
                return
            try:
                await self._listen_once(remote)
            except (ConnectionFailed, RequestTimeout):
                await anyio.sleep(WAIT_FOR_SERVER)
            except SolidbError as problem:
                logger.debug("no doorbell: %s", problem.message)
                await anyio.sleep(WAIT_FOR_SERVER)

    async def _listen_once(self, remote: AsyncServerRemote) -> None:
        names = self._manager.heard_collections()
        feed = await open_bell_async(remote.driver, names)
        try:
            self.wake()  # something may have been written while nobody listened
            look = time.monotonic() + LOOK_FOR_COLLECTIONS
            while self._manager.remote is remote and self._manager.heard_collections() == names:
                messages = await feed.receive(TICK)
                if messages and rings(messages):
                    self.wake()
                if self._manager.takes_all and time.monotonic() >= look:
                    look = time.monotonic() + LOOK_FOR_COLLECTIONS
                    there = await remote.driver.run(collection_names(remote.address.database))
                    if not set(there) <= set(names):
                        self.wake()
        finally:
            with anyio.CancelScope(shield=True):
                await feed.aclose()
