"""The store's channels and the router to either side, awaited."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from ..commands import Command, Commit, PerformsAsync
from ..commands.replica import Settle
from ..engines.interface import AsyncChannel, AsyncDriver, Capabilities
from ..engines.sqlite.threads import cancel_later
from ..work.states import report_late
from .channels import Deadline, check, only_reads
from .remote import AsyncRemote, RemoteCommand

R = TypeVar("R")


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
        check(command)
        reply = await self._channel.perform(command)
        if isinstance(command, Commit):
            if self._wrote:
                self._wrote = False
                await self._tell()
        elif not only_reads(command):
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
