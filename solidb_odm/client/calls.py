"""The base of clients and sub-clients, blocking and async: how their calls reach the server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Protocol, Self, TypeAlias, TypeVar
from weakref import WeakSet

from ..engines.solidb.async_driver import AsyncServerDriver
from ..engines.solidb.driver import ServerDriver
from ..errors import UsageError
from ..wire.exchange import Exchange
from ..wire.round_trips import Observer
from ..wire.socket_pool import Lease
from ..wire.stream_pool import AsyncLease
from ..wire.url import ServerAddress
from .results import ClientPage
from .transaction import AsyncClientTransaction, ClientTransaction, Stage, Staging

T = TypeVar("T")
Join: TypeAlias = Callable[[Staging | None], Exchange[T]]
"""Makes an exchange that joins a transaction, or none."""


class OpenFeed(Protocol):
    """A resource that the client closes when it is closed, blocking."""

    def close(self) -> None: ...


class AsyncOpenFeed(Protocol):
    """A resource that the client closes when it is closed, async."""

    async def aclose(self) -> None: ...


class Hub:
    """The connections of one login, shared by a client and its views, blocking."""

    def __init__(self, address: ServerAddress, observer: Observer) -> None:
        self.observer = observer
        self.driver = ServerDriver(address, on_request=observer)
        self.feeds = WeakSet[OpenFeed]()


class AsyncHub:
    """The connections of one login, shared by a client and its views, async."""

    def __init__(self, address: ServerAddress, observer: Observer) -> None:
        self.observer = observer
        self.driver = AsyncServerDriver(address, on_request=observer)
        self.feeds = WeakSet[AsyncOpenFeed]()


def _database(named: str, hub: Hub | AsyncHub) -> str:
    database = named or hub.driver.address.database
    if not database:
        raise UsageError(
            "this client has no database",
            hint="client.auth(database, user, password), client.using(database), or a URL that names one",
        )
    return database


class Runner:
    """Runs exchanges for one client or view of it, blocking."""

    def __init__(
        self, hub: Hub, stage: Stage[ClientTransaction], database: str = "", seconds: float | None = None
    ) -> None:
        self.hub, self.stage, self._named, self.seconds = hub, stage, database, seconds

    @property
    def database(self) -> str:
        """The database that sub-clients work on."""
        return _database(self._named, self.hub)

    @property
    def transaction(self) -> ClientTransaction | None:
        """The transaction that writes belong to now."""
        return self.stage.current(ClientTransaction)

    def run(self, exchange: Exchange[T]) -> T:
        """Run an exchange on a connection of the pool."""
        return Lease(self.hub.driver.pool, self.seconds).run(exchange)

    def join(self, make: Join[T]) -> T:
        """Run the exchange made for the open transaction, or for none."""
        transaction = self.transaction
        return self.run(make(None)) if transaction is None else transaction.run(make(transaction.staging))

    def view(self, database: str | None = None, seconds: float | None = None) -> Runner:
        """Return a runner on the same connections, for another database or with another time-out."""
        return Runner(self.hub, self.stage, database or self._named, seconds or self.seconds)

    def apart(self) -> Runner:
        """Return a runner on the same connections whose transactions are its own."""
        stage = Stage[ClientTransaction](self.hub, bound=True)
        return Runner(self.hub, stage, self._named, self.seconds)


class AsyncRunner:
    """Runs exchanges for one client or view of it, async."""

    def __init__(
        self,
        hub: AsyncHub,
        stage: Stage[AsyncClientTransaction],
        database: str = "",
        seconds: float | None = None,
    ) -> None:
        self.hub, self.stage, self._named, self.seconds = hub, stage, database, seconds

    @property
    def database(self) -> str:
        """The database that sub-clients work on."""
        return _database(self._named, self.hub)

    @property
    def transaction(self) -> AsyncClientTransaction | None:
        """The transaction that writes belong to now."""
        return self.stage.current(AsyncClientTransaction)

    def run(self, exchange: Exchange[T]) -> Coroutine[Any, Any, T]:
        """Run an exchange on a connection of the pool."""
        return AsyncLease(self.hub.driver.pool, self.seconds).run(exchange)

    async def join(self, make: Join[T]) -> T:
        """Run the exchange made for the open transaction, or for none."""
        transaction = self.transaction
        if transaction is None:
            return await self.run(make(None))
        return await transaction.run(make(transaction.staging))

    def view(self, database: str | None = None, seconds: float | None = None) -> AsyncRunner:
        """Return a runner on the same connections, for another database or with another time-out."""
        return AsyncRunner(self.hub, self.stage, database or self._named, seconds or self.seconds)

    def apart(self) -> AsyncRunner:
        """Return a runner on the same connections whose transactions are its own."""
        stage = Stage[AsyncClientTransaction](self.hub, bound=True)
        return AsyncRunner(self.hub, stage, self._named, self.seconds)


class Caller:
    """The base of clients and sub-clients, blocking."""

    _runner: Runner

    @classmethod
    def over(cls, runner: Runner) -> Self:
        """Return one on connections that are there already."""
        caller = cls.__new__(cls)
        caller._runner = runner  # noqa: SLF001 - its own
        return caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._runner.hub.driver.url}>"

    @property
    def server_address(self) -> ServerAddress:
        """Where the server is, and who asks."""
        return self._runner.hub.driver.address

    @property
    def _database(self) -> str:
        return self._runner.database

    def _run(self, exchange: Exchange[T]) -> T:
        return self._runner.run(exchange)

    def _join(self, make: Join[T]) -> T:
        return self._runner.join(make)

    def _pages(self, first: Exchange[ClientPage[T]]) -> Iterator[list[T]]:
        page = self._run(first)
        while True:
            if page.items:
                yield page.items
            if page.more is None:
                return
            page = self._run(page.more())


class AsyncCaller:
    """The base of clients and sub-clients, async."""

    _runner: AsyncRunner

    @classmethod
    def over(cls, runner: AsyncRunner) -> Self:
        """Return one on connections that are there already."""
        caller = cls.__new__(cls)
        caller._runner = runner  # noqa: SLF001 - its own
        return caller

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {self._runner.hub.driver.url}>"

    @property
    def server_address(self) -> ServerAddress:
        """Where the server is, and who asks."""
        return self._runner.hub.driver.address

    @property
    def _database(self) -> str:
        return self._runner.database

    async def _run(self, exchange: Exchange[T]) -> T:
        return await self._runner.run(exchange)

    async def _join(self, make: Join[T]) -> T:
        return await self._runner.join(make)

    async def _pages(self, first: Exchange[ClientPage[T]]) -> AsyncIterator[list[T]]:
        page = await self._run(first)
        while True:
            if page.items:
                yield page.items
            if page.more is None:
                return
            page = await self._run(page.more())
