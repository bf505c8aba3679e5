"""Which exchange performs which command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

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
    Release,
    RemoveNulls,
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
    SetSchema,
)
from ...errors import UsageError
from ...wire.requests import Exchange
from ..base import Capabilities
from . import commit, definitions, reads, removal

R = TypeVar("R")

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
