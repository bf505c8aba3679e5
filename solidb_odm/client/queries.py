"""The calls that run queries, or many requests at once, in both colours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from .._types import Json, JsonObject
from ..errors import SolidbError
from .calls import AsyncCaller, Caller
from .operations import queries as operations
from .results import Plan


class Queries(Caller):
    """Queries, blocking."""

    def query(
        self,
        db: str,
        sdbql: str,
        bind_vars: Mapping[str, Any] | None = None,
        *,
        timeout_ms: float | None = None,
    ) -> list[Json]:
        """Run a query; give its rows.

        Belongs to the open transaction, if there is one, but sees committed data only. An answer that
        is too large for one message is read in pages.
        """
        seconds = timeout_ms / 1000 if timeout_ms else None
        return self._join(partial(operations.query, db, sdbql, bind_vars, seconds))

    def query_pages(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> Iterator[list[Json]]:
        """Run a query and read its rows in pages, which the server keeps for five minutes."""
        return self._pages(operations.first_page(db, sdbql, bind_vars, page_size))

    def iterate(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> Iterator[Json]:
        """Run a query and give row after row, holding one page at a time."""
        for page in self._pages(operations.first_page(db, sdbql, bind_vars, page_size)):
            yield from page

    def explain(self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None) -> Plan:
        """Say how a query is run. The server runs its reading part to find out."""
        return self._run(operations.explain(db, sdbql, bind_vars))

    def pipeline(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests (``{"cmd": "get", ..}``) in one go; give answers and errors in order."""
        return self._run(operations.pipeline(requests))

    def batch(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests in one message; give answers and errors in order. They are not atomic."""
        return self._run(operations.batch(requests))


class AsyncQueries(AsyncCaller):
    """Queries, awaited."""

    async def query(
        self,
        db: str,
        sdbql: str,
        bind_vars: Mapping[str, Any] | None = None,
        *,
        timeout_ms: float | None = None,
    ) -> list[Json]:
        """Run a query; give its rows.

        Belongs to the open transaction, if there is one, but sees committed data only. An answer that
        is too large for one message is read in pages.
        """
        seconds = timeout_ms / 1000 if timeout_ms else None
        return await self._join(partial(operations.query, db, sdbql, bind_vars, seconds))

    def query_pages(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> AsyncIterator[list[Json]]:
        """Run a query and read its rows in pages, which the server keeps for five minutes."""
        return self._pages(operations.first_page(db, sdbql, bind_vars, page_size))

    async def iterate(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> AsyncIterator[Json]:
        """Run a query and give row after row, holding one page at a time."""
        async for page in self._pages(operations.first_page(db, sdbql, bind_vars, page_size)):
            for item in page:
                yield item

    async def explain(self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None) -> Plan:
        """Say how a query is run. The server runs its reading part to find out."""
        return await self._run(operations.explain(db, sdbql, bind_vars))

    async def pipeline(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests (``{"cmd": "get", ..}``) in one go; give answers and errors in order."""
        return await self._run(operations.pipeline(requests))

    async def batch(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests in one message; give answers and errors in order. They are not atomic."""
        return await self._run(operations.batch(requests))
