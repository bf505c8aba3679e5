"""``client.changes``: what is written, as it happens, in both colours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._types import Json
from .calls import AsyncCaller, Caller
from .feeds import AsyncLiveFeed, LiveFeed
from .operations import changes as operations
from .operations.changes import PATIENCE, Change


class Changes(Caller):
    """What is written, as it happens, blocking: ``for change in client.changes("users")``."""

    def __call__(
        self, collection: str, key: str | None = None, *, patience: float = PATIENCE
    ) -> LiveFeed[Change]:
        """Give the writes of a collection, or of one document, from now on.

        It has a connection of its own. If that breaks, it tries for ``patience`` seconds to come back, and
        says so by a change whose operation is ``gap``: the server does not repeat what was missed.
        """
        watch = operations.watch_changes(self._database, collection, key)
        return LiveFeed(self._runner, watch, patience)

    def live_query(
        self, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, patience: float = PATIENCE
    ) -> LiveFeed[list[Json]]:
        """Give the rows of a query, now and again after each change: always all of them.

        The query only reads, and begins with FOR. The server waits a little for further changes.
        """
        watch = operations.watch_query(self._database, sdbql, bind_vars)
        return LiveFeed(self._runner, watch, patience)


class AsyncChanges(AsyncCaller):
    """What is written, as it happens, awaited: ``async for change in client.changes("users")``."""

    def __call__(
        self, collection: str, key: str | None = None, *, patience: float = PATIENCE
    ) -> AsyncLiveFeed[Change]:
        """Give the writes of a collection, or of one document, from now on.

        It has a connection of its own. If that breaks, it tries for ``patience`` seconds to come back, and
        says so by a change whose operation is ``gap``: the server does not repeat what was missed.
        """
        watch = operations.watch_changes(self._database, collection, key)
        return AsyncLiveFeed(self._runner, watch, patience)

    def live_query(
        self, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, patience: float = PATIENCE
    ) -> AsyncLiveFeed[list[Json]]:
        """Give the rows of a query, now and again after each change: always all of them.

        The query only reads, and begins with FOR. The server waits a little for further changes.
        """
        watch = operations.watch_query(self._database, sdbql, bind_vars)
        return AsyncLiveFeed(self._runner, watch, patience)
