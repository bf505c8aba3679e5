"""``client.changes``: subscriptions to writes and to the results of queries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, TypeVar, cast

from .._types import Json, JsonObject
from ..errors import QueryError
from ..language import nodes
from ..language.parser import parse
from ..language.printer import print_query
from ..language.walk import transform
from ..wire.faults import Subject
from .calls import AsyncCaller, Caller
from .feeds import AsyncLiveFeed, ChangeEvent, LiveFeed, Subscription

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds for which a feed that broke tries to come back."""


class Changes(Caller):
    """Subscriptions to writes, blocking: ``for change in client.changes("users")``."""

    def __call__(
        self, collection: str, key: str | None = None, *, patience: float = PATIENCE
    ) -> LiveFeed[ChangeEvent]:
        """Return a feed of the writes of a collection, or of one document, from now on.

        The feed has its own connection. If that is lost, it reconnects for up to ``patience`` seconds and
        then yields a change whose operation is ``gap``: the server does not repeat the changes that were
        missed.
        """
        subscription = document_changes(self._database, collection, key)
        return LiveFeed(self._runner, subscription, patience)

    def live_query(
        self, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, patience: float = PATIENCE
    ) -> LiveFeed[list[Json]]:
        """Return a feed of the results of a query: all rows now, and all rows again after each change.

        The query must only read and begin with FOR. The server combines changes that follow each other
        quickly.
        """
        subscription = query_rows(self._database, sdbql, bind_vars)
        return LiveFeed(self._runner, subscription, patience)


class AsyncChanges(AsyncCaller):
    """Subscriptions to writes, async: ``async for change in client.changes("users")``."""

    def __call__(
        self, collection: str, key: str | None = None, *, patience: float = PATIENCE
    ) -> AsyncLiveFeed[ChangeEvent]:
        """Return a feed of the writes of a collection, or of one document, from now on.

        The feed has its own connection. If that is lost, it reconnects for up to ``patience`` seconds and
        then yields a change whose operation is ``gap``: the server does not repeat the changes that were
        missed.
        """
        subscription = document_changes(self._database, collection, key)
        return AsyncLiveFeed(self._runner, subscription, patience)

    def live_query(
        self, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, patience: float = PATIENCE
    ) -> AsyncLiveFeed[list[Json]]:
        """Return a feed of the results of a query: all rows now, and all rows again after each change.

        The query must only read and begin with FOR. The server combines changes that follow each other
        quickly.
        """
        subscription = query_rows(self._database, sdbql, bind_vars)
        return AsyncLiveFeed(self._runner, subscription, patience)


def document_changes(database: str, collection: str, key: str | None) -> Subscription[ChangeEvent]:
    """Subscribe to the writes of a collection, or of one document."""
    request: JsonObject = {"type": "subscribe", "database": database, "collection": collection}
    if key is not None:
        request["key"] = key
    return Subscription(request, Subject(database, collection, key or ""), collection)


def query_rows(database: str, text: str, binds: Mapping[str, Any] | None) -> Subscription[list[Json]]:
    """Subscribe to the result of a query."""
    whole = inlined(text, binds) if binds else text
    request: JsonObject = {"type": "live_query", "database": database, "query": whole, "id": "live"}
    return Subscription(request, Subject(database, query=text, binds=binds or {}))


def inlined(text: str, binds: Mapping[str, Any]) -> str:
    """Return a query with the values of its bind variables written into it: live queries accept none."""
    return print_query(cast(Any, transform(parse(text), partial(_inlined, binds))))


def _inlined(binds: Mapping[str, Any], node: nodes.Node) -> nodes.Node:
    if not isinstance(node, nodes.Bind):
        return node
    if node.name not in binds:
        raise QueryError(f"the bind variable @{node.name} has no value")
    return _constant(binds[node.name])


def _constant(value: Any) -> nodes.Expression:
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, Any], value).items()
        return nodes.Object(tuple((str(name), _constant(item)) for name, item in pairs))
    if isinstance(value, list | tuple):
        return nodes.Array(tuple(_constant(item) for item in cast(list[Any], value)))
    if value is None or isinstance(value, str | int | float | bool):
        return nodes.Literal(value)
    raise QueryError(f"a bind variable can't be a {type(value).__name__}")
