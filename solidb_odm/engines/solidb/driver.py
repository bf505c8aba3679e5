"""The driver: what opens channels to a server, blocking; and what it shares with the awaited one."""

from __future__ import annotations

import logging
from typing import Any, TypeVar

from ...commands import Command, Operation
from ...errors import ClosedError, ConfigurationError
from ...wire.events import Observer, RequestCounts
from ...wire.socket_pool import Lease, SocketPool
from ...wire.url import ServerAddress, parse_url
from ..base import Capabilities
from .dispatch import CAPABILITIES, exchange_for

R = TypeVar("R")
T = TypeVar("T")

LOGGER = logging.getLogger("solidb_odm.engine")


class ServerDriverBase:
    """What the blocking and the awaited driver share: everything without I/O."""

    def __init__(
        self, url: str | ServerAddress, /, *, on_request: Observer | None = None, **options: Any
    ) -> None:
        self.address = parse_url(url, **options) if isinstance(url, str) else url
        if isinstance(url, str) and not self.address.database:
            raise ConfigurationError(
                "the URL names no database", hint="solidb://user:password@host:6745/database"
            )
        self.statistics = RequestCounts(on_request)
        if isinstance(url, str) and len(self.address.hosts) > 1:
            LOGGER.warning(
                "%s: the nodes of a cluster do not copy what transactions write, so commits stay on the node "
                "that they were made on",
                self.address.url,
            )

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return CAPABILITIES

    @property
    def url(self) -> str:
        """The URL without its password."""
        return self.address.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"


class ServerDriver(ServerDriverBase):
    """A server, blocking. Threads may share it; connections are opened when first needed.

    ``options`` are those of the URL. ``on_request`` is called after every round trip.
    """

    def __init__(
        self, url: str | ServerAddress, /, *, on_request: Observer | None = None, **options: Any
    ) -> None:
        super().__init__(url, on_request=on_request, **options)
        self.pool = SocketPool(self.address, self.statistics)

    def channel(self) -> ServerChannel:
        """Open a channel; it holds a connection only while it performs a command."""
        return ServerChannel(self)

    def run(self, exchange: Operation[T], seconds: float | None = None) -> T:
        """Run an exchange of requests and HTTP calls on one connection; ``seconds``: its own time-out."""
        return Lease(self.pool, seconds).run(exchange)

    def lease(self, seconds: float | None = None) -> Lease:
        """Return a lease, for several exchanges on one connection: ``with driver.lease() as lease``."""
        return Lease(self.pool, seconds)

    def close(self) -> None:
        """Close the connections."""
        self.pool.close()


class ServerChannel:
    """One conversation with a server, blocking."""

    def __init__(self, driver: ServerDriver) -> None:
        self._driver = driver
        self._closed = False

    @property
    def capabilities(self) -> Capabilities:
        """What this engine can do."""
        return CAPABILITIES

    def perform(self, command: Command[R], /) -> R:
        """Perform a command on a connection of the pool."""
        if self._closed:
            raise ClosedError("the channel is closed", hint="take another one from the driver")
        return self._driver.run(exchange_for(command, self._driver.address.database))

    def close(self) -> None:
        """Close the channel. Nothing is open between two commands."""
        self._closed = True
