"""Which exchange performs which command."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from ...commands import (
    Apply,
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
    Rollback,
    RollbackTo,
    RunQuery,
    Savepoint,
    SetSchema,
)
from ...errors import UsageError
from ..base import Capabilities
from . import commit, declaring, reading
from .flights import Exchange

R = TypeVar("R")

CAPABILITIES = Capabilities(name="server", body="value", interactive_transactions=False)


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
    Get: reading.get,
    GetMany: reading.get_many,
    RunQuery: reading.run_query,
    FetchDocuments: reading.fetch_documents,
    ExplainQuery: reading.explain,
    CommitBatches: commit.commit_batches,
    Commit: _nothing,
    Rollback: _nothing,
    Apply: _not_interactive,
    Savepoint: _not_interactive,
    RollbackTo: _not_interactive,
    Release: _not_interactive,
    ListCollections: declaring.list_collections,
    DescribeCollection: declaring.describe_collection,
    CreateCollection: declaring.create_collection,
    DropCollection: declaring.drop_collection,
    CountDocuments: declaring.count_documents,
    CreateIndex: declaring.create_index,
    DropIndex: declaring.drop_index,
    SetSchema: declaring.set_schema,
    CreateDatabase: declaring.create_database,
    DropDatabase: declaring.drop_database,
}


def exchange_for(command: Command[R], database: str) -> Exchange[R]:
    """Give the exchange that performs a command on a database."""
    make = _EXCHANGES.get(type(command))
    if make is None:
        raise UsageError(f"the server engine does not perform {type(command).__name__}")
    return make(command, database)
