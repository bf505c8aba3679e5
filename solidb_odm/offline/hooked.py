"""The store's channels, told of commits: after one, somebody looks at what was written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from ..commands import Command, Commit, DropDatabase, Get, GetMany
from ..engines.base import AsyncChannel, AsyncDriver, Capabilities, Channel, Driver
from ..errors import UsageError

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
                self._committed()
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
                await self._committed()
        elif not _only_reads(command):
            self._wrote = True
        return reply

    async def aclose(self) -> None:
        await self._channel.aclose()
