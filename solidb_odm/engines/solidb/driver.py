"""The driver: what opens channels to a server, blocking; and what it shares with the awaited one.

Which exchange performs which command.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ..._tracing import get_logger
from ...commands import (
    Apply,
    Begin,
    Command,
    Commit,
    CommitBatches,
    CountDocuments,
    CreateCollection,
    CreateDatabase,
    CreateIndex,
    DescribeCollection,
    DropCollection,
    DropDatabase,
    DropIndex,
    ExplainQuery,
    FetchDocuments,
    Get,
    GetMany,
    ListCollections,
    Operation,
    Release,
    RemoveNulls,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
    SetSchema,
)
from ...errors import ClosedError, ConfigurationError, UsageError
from ...wire.exchange import Exchange
from ...wire.round_trips import Observer, RequestCounts
from ...wire.socket_pool import Lease, SocketPool
from ...wire.url import ServerAddress, parse_url
from ..interface import Capabilities
from . import commit, definitions, reads, removal

CAPABILITIES = Capabilities(name="server", body="value", interactive_transactions=False)


def _no_transaction(_: Begin, __: str) -> Exchange[bool]:
    """Answer that none was opened: what a server does to its schema takes effect at once."""
    yield from ()
    return False


def _nothing(_: Commit | Rollback, __: str) -> Exchange[None]:
    """Do nothing: between two commands nothing is open."""
    yield from ()


def _not_interactive(command: Command[Any], _: str) -> Exchange[Any]:
    yield from ()
    raise UsageError(
        f"{type(command).__name__} needs a transaction that stays open; a server has none to offer",
        hint="send all writes with the commit, as CommitBatches; a session does",
    )


_EXCHANGES: dict[type[Any], Callable[[Any, str], Exchange[Any]]] = {
    Get: reads.get,
    GetMany: reads.get_many,
    RunQuery: reads.run_query,
    FetchDocuments: reads.fetch_documents,
    ExplainQuery: reads.explain,
    CommitBatches: commit.commit_batches,
    RemoveNulls: removal.remove_nulls,
    Begin: _no_transaction,
    Commit: _nothing,
    Rollback: _nothing,
    Apply: _not_interactive,
    Savepoint: _not_interactive,
    RollbackTo: _not_interactive,
    Release: _not_interactive,
    ListCollections: definitions.list_collections,
    DescribeCollection: definitions.describe_collection,
    CreateCollection: definitions.create_collection,
    DropCollection: definitions.drop_collection,
    CountDocuments: definitions.count_documents,
    CreateIndex: definitions.create_index,
    DropIndex: definitions.drop_index,
    SetSchema: definitions.set_schema,
    CreateDatabase: definitions.create_database,
    DropDatabase: definitions.drop_database,
}


def exchange_for(command: Command[R], database: str) -> Exchange[R]:
    """Return the exchange that performs a command on a database."""
    make = _EXCHANGES.get(type(command))
    if make is None:
        raise UsageError(f"the server engine does not perform {type(command).__name__}")
    return make(command, database)


R = TypeVar("R")
T = TypeVar("T")

LOGGER = get_logger("solidb_odm.engine")


class ServerDriverBase:
    """What the blocking and the async driver share: everything without I/O."""

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
