"""The store's channels, told of commits: after one, somebody looks at what was written.

One operation over two channels: the store's, and the other side's.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import anyio

from ..commands import Command, Commit, DropDatabase, Get, GetMany, Performs, PerformsAsync
from ..commands.replica import Settle
from ..engines.interface import AsyncChannel, AsyncDriver, Capabilities, Channel, Driver
from ..engines.sqlite.threads import cancel_later
from ..errors import RequestTimeout, UsageError
from ..work.states import report_late, run_late
from .argument_types import check_seconds
from .remote import AsyncRemote, Remote, RemoteCommand

R = TypeVar("R")


def _check(command: Command[Any]) -> None:
    if isinstance(command, DropDatabase):
        raise UsageError(
            "the database of an offline store can't be dropped", hint="manager.wipe() empties the store"
        )


def _only_reads(command: Command[Any]) -> bool:
    return isinstance(command, Get | GetMany)


class HookedDriver:
    """The driver of a store, blocking."""

    def __init__(self, driver: Driver, committed: Callable[[], None]) -> None:
        self._driver, self._committed = driver, committed

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    @property
    def url(self) -> str:
        return self._driver.url

    def channel(self) -> Channel:
        """Open a channel that tells of its commits."""
        return HookedChannel(self._driver.channel(), self._committed)

    def close(self) -> None:
        self._driver.close()


class HookedChannel:
    """A channel of a store, blocking."""

    def __init__(self, channel: Channel, committed: Callable[[], None]) -> None:
        self._channel, self._committed, self._wrote = channel, committed, False

    @property
    def capabilities(self) -> Capabilities:
        return self._channel.capabilities

    def perform(self, command: Command[R], /) -> R:
        _check(command)
        reply = self._channel.perform(command)
        if isinstance(command, Commit):
            if self._wrote:
                self._wrote = False
                run_late(self._committed, "telling of changes")
        elif not _only_reads(command):
            self._wrote = True
        return reply

    def close(self) -> None:
        self._channel.close()


class AsyncHookedDriver:
    """The driver of a store, awaited."""

    def __init__(self, driver: AsyncDriver, committed: Callable[[], Awaitable[None]]) -> None:
        self._driver, self._committed = driver, committed

    @property
    def capabilities(self) -> Capabilities:
        return self._driver.capabilities

    @property
    def url(self) -> str:
        return self._driver.url

    async def channel(self) -> AsyncChannel:
        """Open a channel that tells of its commits."""
        return AsyncHookedChannel(await self._driver.channel(), self._committed)

    async def aclose(self) -> None:
        await self._driver.aclose()


class AsyncHookedChannel:
    """A channel of a store, awaited."""

    def __init__(self, channel: AsyncChannel, committed: Callable[[], Awaitable[None]]) -> None:
        self._channel, self._committed, self._wrote = channel, committed, False

    @property
    def capabilities(self) -> Capabilities:
        return self._channel.capabilities

    async def perform(self, command: Command[R], /) -> R:
        _check(command)
        reply = await self._channel.perform(command)
        if isinstance(command, Commit):
            if self._wrote:
                self._wrote = False
                await self._tell()
        elif not _only_reads(command):
            self._wrote = True
        return reply

    async def _tell(self) -> None:
        """Tell of a commit, which is done whoever fails or is cancelled now: the next await says so."""
        try:
            with anyio.CancelScope(shield=True):
                await self._committed()
        except Exception as problem:  # noqa: BLE001  it is reported
            report_late(problem, "telling of changes")
        except asyncio.CancelledError:  # by asyncio itself, which knows no shield
            cancel_later()

    async def aclose(self) -> None:
        await self._channel.aclose()


class Deadline:
    """When a sync has to be over."""

    def __init__(self, seconds: float | None) -> None:
        if seconds is not None:
            check_seconds(seconds, "timeout")
        self.seconds = seconds
        self._at = None if seconds is None else time.monotonic() + seconds

    @property
    def left(self) -> float | None:
        """The seconds that are left; None for no end."""
        return None if self._at is None else self._at - time.monotonic()

    def check(self) -> None:
        """Raise RequestTimeout if the time is over."""
        if self._at is not None and time.monotonic() >= self._at:
            raise RequestTimeout(
                f"the sync was not over in {self.seconds:g} seconds; what was written stays",
                seconds=self.seconds,
                hint="the next one goes on from there",
            )


class Router:
    """Performs what an operation asks of either side, blocking; ``settled`` gets the store's channel then."""

    def __init__(
        self, local: Performs, remote: Remote, deadline: Deadline, settled: Callable[[Performs], None]
    ) -> None:
        self._local, self._remote, self._deadline, self._settled = local, remote, deadline, settled

    def perform(self, command: Command[R], /) -> R:
        if isinstance(command, RemoteCommand):
            self._deadline.check()
            reply: R = self._remote.perform(command)
            return reply
        done = self._local.perform(command)
        if isinstance(command, Settle):
            self._settled(self._local)
        return done


class AsyncRouter:
    """Performs what an operation asks of either side, awaited; ``settled`` gets the store's channel then."""

    def __init__(
        self,
        local: PerformsAsync,
        remote: AsyncRemote,
        deadline: Deadline,
        settled: Callable[[PerformsAsync], Awaitable[None]],
    ) -> None:
        self._local, self._remote, self._deadline, self._settled = local, remote, deadline, settled

    async def perform(self, command: Command[R], /) -> R:
        if isinstance(command, RemoteCommand):
            self._deadline.check()
            reply: R = await self._remote.perform(command)
            return reply
        done = await self._local.perform(command)
        if isinstance(command, Settle):
            await self._settled(self._local)
        return done
