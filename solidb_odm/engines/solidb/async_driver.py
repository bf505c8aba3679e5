"""The driver, async; a module of its own, so that a blocking program does not load an event loop."""

from __future__ import annotations

from typing import Any, TypeVar

from ...commands import Command, Operation
from ...errors import ClosedError
from ...wire.round_trips import Observer
from ...wire.stream_pool import AsyncLease, StreamPool
from ...wire.url import ServerAddress
from ..interface import Capabilities
from .driver import CAPABILITIES, ServerDriverBase, exchange_for

R = TypeVar("R")
T = TypeVar("T")


class AsyncServerDriver(ServerDriverBase):
    """A server, async. Belongs to one event loop; connections are opened when first needed.

    ``options`` are those of the URL. ``on_request`` is called after every round trip.
    """

    def __init__(
        self, url: str | ServerAddress, /, *, on_request: Observer | None = None, **options: Any
    ) -> None:
        super().__init__(url, on_request=on_request, **options)
        self.pool = StreamPool(self.address, self.statistics)

    async def channel(self) -> AsyncServerChannel:
        """Open a channel; it holds a connection only while it performs a command."""
        return AsyncServerChannel(self)

    async def run(self, exchange: Operation[T], seconds: float | None = None) -> T:
        """Run an exchange of requests and HTTP calls on one connection; ``seconds``: its own time-out."""
        return await AsyncLease(self.pool, seconds).run(exchange)

    def lease(self, seconds: float | None = None) -> AsyncLease:
        """Return a lease, for several exchanges on one connection: ``async with driver.lease() as lease``."""
        return AsyncLease(self.pool, seconds)

    async def aclose(self) -> None:
        """Close the connections."""
        await self.pool.aclose()


class AsyncServerChannel:
    """One conversation with a server, async."""

    def __init__(self, driver: AsyncServerDriver) -> None:
        self._driver = driver
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return CAPABILITIES

    async def perform(self, command: Command[R], /) -> R:
        """Perform a command on a connection of the pool."""
        if self._closed:
            raise ClosedError("the channel is closed", hint="take another one from the driver")
        return await self._driver.run(exchange_for(command, self._driver.address.database))

    async def aclose(self) -> None:
        """Close the channel. Nothing is open between two commands."""
        self._closed = True
