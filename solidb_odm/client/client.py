"""The clients: ``Client``, blocking, and ``AsyncClient``.

Also the observers of requests: the log, OpenTelemetry, and the program's own function.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Self, Unpack

from .._tracing import get_logger, recorder
from .._wrong_calls import Awaited, Blocking
from ..errors import StateError
from ..wire.round_trips import Observer, RequestCounts, RequestEvent
from .calls import AsyncHub, AsyncRunner, Hub, Runner
from .databases import AsyncDatabases, Databases, ping
from .documents import AsyncDocuments, Documents
from .queries import AsyncQueryCalls, QueryCalls
from .settings import DEFAULT_HOST, AsyncClientBuilder, ClientBuilder, ClientOptions, address_of, logged_in
from .subclients import AsyncDataSubClients, AsyncSubClients, DataSubClients, SubClients
from .transaction import AsyncClientTransaction, ClientTransaction, Stage
from .transactions import AsyncTransactions, Transactions

LOGGER = get_logger("solidb_odm.client")


class RequestObserver:
    """An observer that calls several others: the log, and those of the options."""

    def __init__(self, others: Sequence[Observer]) -> None:
        self._others = others
        self.awake = _always if others else partial(LOGGER.isEnabledFor, logging.DEBUG)

    def __call__(self, event: RequestEvent) -> None:
        if LOGGER.isEnabledFor(logging.DEBUG):
            _log(event)
        for observer in self._others:
            observer(event)


def observer_of(options: Mapping[str, Any]) -> Observer:
    """Return one observer that calls those the options name."""
    observers: list[Observer] = [_spans()] if options.get("tracing") else []
    if (wanted := options.get("on_request")) is not None:
        observers.append(wanted)
    return RequestObserver(observers)


def _always() -> bool:
    return True


def _log(event: RequestEvent) -> None:
    """Log a request; never the values of bind variables, which may be secrets."""
    LOGGER.debug(
        "%s: %d request%s in %.2f ms, %d rows, %d bytes out, %d in%s%s",
        event.command,
        event.requests,
        "" if event.requests == 1 else "s",
        event.milliseconds,
        event.rows,
        event.sent,
        event.received,
        f"; {event.text} with {', '.join(sorted(event.binds)) or 'no binds'}" if event.text else "",
        f"; {event.error}" if event.error else "",
    )


def _spans() -> Observer:
    record = recorder("solidb_odm.client")

    def tell(event: RequestEvent) -> None:
        attributes = {
            "db.system.name": "solidb",
            "db.operation.name": event.command,
            "db.query.text": event.text,
            "db.response.returned_rows": event.rows,
            "solidb.bytes.sent": event.sent,
            "solidb.bytes.received": event.received,
        }
        record(f"solidb {event.command}", event.milliseconds, attributes, event.error)

    return tell


class Client(Databases, Documents, QueryCalls, Transactions, SubClients, DataSubClients, Blocking):
    """A client for a SoliDB server, blocking. Threads may share one.

    ``url`` is ``solidb://user:password@host:6745/database`` (``solidbs://`` with TLS; several hosts with
    commas between), or ``host:6745``. Keyword arguments, see ``ClientOptions``, override its parts.
    Connections are opened when first needed.
    """

    def __init__(self, url: str = DEFAULT_HOST, /, **options: Unpack[ClientOptions]) -> None:
        hub = Hub(address_of(url, options), observer_of(options))
        self._runner = Runner(hub, Stage[ClientTransaction](hub))

    @classmethod
    def connect(cls, address: str = DEFAULT_HOST, /, **options: Unpack[ClientOptions]) -> Self:
        """Return a client after checking that the server answers; raise ConnectionFailed if it does not."""
        client = cls(address, **options)
        try:
            client.ping()
        except BaseException:
            client.close()
            raise
        return client

    @classmethod
    def builder(cls, address: str = DEFAULT_HOST, /) -> ClientBuilder[Self]:
        """Return a builder for a client: ``.auth(db, user, password).timeout_ms(5000).build()``."""
        return ClientBuilder(cls.connect, address)

    def auth(self, db: str, user: str, password: str) -> None:
        """Log in; raise AuthError, and keep the earlier login, if it is refused."""
        if self.in_transaction:
            raise StateError(
                "a transaction is open", state="in a transaction", move="auth", hint="end it first"
            )
        hub = self._runner.hub
        fresh = Hub(logged_in(hub.driver.address, db, user, password), hub.observer)
        try:
            fresh.driver.run(ping())
        except BaseException:
            fresh.driver.close()
            raise
        hub.driver, old = fresh.driver, hub.driver
        old.close()

    def using(self, db: str) -> Self:
        """Return a client on the same connections whose sub-clients use another database."""
        return self.over(self._runner.view(db))

    def within(self, timeout_ms: float) -> Self:
        """Return a client on the same connections with another time-out, in milliseconds."""
        return self.over(self._runner.view(seconds=timeout_ms / 1000))

    @property
    def database(self) -> str:
        """The database that sub-clients use; raises UsageError if none was named yet."""
        return self._database

    @property
    def statistics(self) -> RequestCounts:
        """Counters of requests, bytes and connections, since the login."""
        return self._runner.hub.driver.statistics

    def close(self) -> None:
        """Close the connections and the feeds. The server rolls back open transactions."""
        if (transaction := self._runner.transaction) is not None and transaction.is_open:
            transaction.abandon()
        for feed in list(self._runner.hub.feeds):
            feed.close()
        self._runner.hub.driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class AsyncClient(
    AsyncDatabases,
    AsyncDocuments,
    AsyncQueryCalls,
    AsyncTransactions,
    AsyncSubClients,
    AsyncDataSubClients,
    Awaited,
):
    """A client for a SoliDB server, async, on asyncio and trio. Tasks of one event loop may share one.

    ``url`` is ``solidb://user:password@host:6745/database`` (``solidbs://`` with TLS; several hosts with
    commas between), or ``host:6745``. Keyword arguments, see ``ClientOptions``, override its parts.
    Connections are opened when first needed.
    """

    def __init__(self, url: str = DEFAULT_HOST, /, **options: Unpack[ClientOptions]) -> None:
        hub = AsyncHub(address_of(url, options), observer_of(options))
        self._runner = AsyncRunner(hub, Stage[AsyncClientTransaction](hub))

    @classmethod
    async def connect(cls, address: str = DEFAULT_HOST, /, **options: Unpack[ClientOptions]) -> Self:
        """Return a client after checking that the server answers; raise ConnectionFailed if it does not."""
        client = cls(address, **options)
        try:
            await client.ping()
        except BaseException:
            await client.close()
            raise
        return client

    @classmethod
    def builder(cls, address: str = DEFAULT_HOST, /) -> AsyncClientBuilder[Self]:
        """Return a builder for a client: ``.auth(db, user, password).timeout_ms(5000).build()``."""
        return AsyncClientBuilder(cls.connect, address)

    async def auth(self, db: str, user: str, password: str) -> None:
        """Log in; raise AuthError, and keep the earlier login, if it is refused."""
        if self.in_transaction:
            raise StateError(
                "a transaction is open", state="in a transaction", move="auth", hint="end it first"
            )
        hub = self._runner.hub
        fresh = AsyncHub(logged_in(hub.driver.address, db, user, password), hub.observer)
        try:
            await fresh.driver.run(ping())
        except BaseException:
            await fresh.driver.aclose()
            raise
        hub.driver, old = fresh.driver, hub.driver
        await old.aclose()

    def using(self, db: str) -> Self:
        """Return a client on the same connections whose sub-clients use another database."""
        return self.over(self._runner.view(db))

    def within(self, timeout_ms: float) -> Self:
        """Return a client on the same connections with another time-out, in milliseconds."""
        return self.over(self._runner.view(seconds=timeout_ms / 1000))

    @property
    def database(self) -> str:
        """The database that sub-clients use; raises UsageError if none was named yet."""
        return self._database

    @property
    def statistics(self) -> RequestCounts:
        """Counters of requests, bytes and connections, since the login."""
        return self._runner.hub.driver.statistics

    async def close(self) -> None:
        """Close the connections and the feeds. The server rolls back open transactions."""
        if (transaction := self._runner.transaction) is not None and transaction.is_open:
            await transaction.abandon()
        for feed in list(self._runner.hub.feeds):
            await feed.aclose()
        await self._runner.hub.driver.aclose()

    async def aclose(self) -> None:
        """Close the connections; the name that ``contextlib.aclosing`` expects."""
        await self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()
