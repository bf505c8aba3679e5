"""Calls for queries: run, in pages, explain; and many requests at once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, cast

from .._types import Json, JsonObject
from ..commands import call
from ..engines.solidb.reads import PAGE, all_rows, open_cursor, read_on, writes
from ..errors import AnswerLost, ConnectionLost, QueryError, QuerySyntaxError, SolidbError
from ..language.check import check_names
from ..language.parser import parse
from ..language.walk import bind_names
from ..wire.exchange import Exchange, accepted, batch_of, context_of, query_request, send
from ..wire.faults import Subject
from ..wire.frames import Answer, decode_data
from .calls import AsyncCaller, Caller
from .requests import is_there
from .results import ClientPage, QueryPlan
from .transaction import Staging, staged

_BIND = re.compile(r"@(\w+)")


class QueryCalls(Caller):
    """Calls for queries, blocking."""

    def query(
        self,
        db: str,
        sdbql: str,
        bind_vars: Mapping[str, Any] | None = None,
        *,
        timeout_ms: float | None = None,
    ) -> list[Json]:
        """Return the rows of a query.

        Its writes belong to the open transaction, if there is one, but it sees only committed data. An answer
        that is too large for one message is read in pages.
        """
        seconds = timeout_ms / 1000 if timeout_ms else None
        return self._join(partial(query, db, sdbql, bind_vars, seconds))

    def query_pages(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> Iterator[list[Json]]:
        """Yield the rows of a query in pages, which the server keeps for five minutes."""
        return self._pages(first_page(db, sdbql, bind_vars, page_size))

    def iterate(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> Iterator[Json]:
        """Yield the rows of a query one by one, holding one page at a time in memory."""
        for page in self._pages(first_page(db, sdbql, bind_vars, page_size)):
            yield from page

    def explain(self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None) -> QueryPlan:
        """Return the plan of a query. The server runs its reading part to determine it."""
        return self._run(explain(db, sdbql, bind_vars))

    def pipeline(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests (``{"cmd": "get", ..}``) together; return answers and errors in order."""
        return self._run(pipeline(requests))

    def batch(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests in one message; return answers and errors in order. They are not atomic together."""
        return self._run(batch(requests))


class AsyncQueryCalls(AsyncCaller):
    """Calls for queries, async."""

    async def query(
        self,
        db: str,
        sdbql: str,
        bind_vars: Mapping[str, Any] | None = None,
        *,
        timeout_ms: float | None = None,
    ) -> list[Json]:
        """Return the rows of a query.

        Its writes belong to the open transaction, if there is one, but it sees only committed data. An answer
        that is too large for one message is read in pages.
        """
        seconds = timeout_ms / 1000 if timeout_ms else None
        return await self._join(partial(query, db, sdbql, bind_vars, seconds))

    def query_pages(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> AsyncIterator[list[Json]]:
        """Yield the rows of a query in pages, which the server keeps for five minutes."""
        return self._pages(first_page(db, sdbql, bind_vars, page_size))

    async def iterate(
        self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None, *, page_size: int = 1000
    ) -> AsyncIterator[Json]:
        """Yield the rows of a query one by one, holding one page at a time in memory."""
        async for page in self._pages(first_page(db, sdbql, bind_vars, page_size)):
            for item in page:
                yield item

    async def explain(self, db: str, sdbql: str, bind_vars: Mapping[str, Any] | None = None) -> QueryPlan:
        """Return the plan of a query. The server runs its reading part to determine it."""
        return await self._run(explain(db, sdbql, bind_vars))

    async def pipeline(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests (``{"cmd": "get", ..}``) together; return answers and errors in order."""
        return await self._run(pipeline(requests))

    async def batch(self, requests: Sequence[JsonObject]) -> list[Json | SolidbError]:
        """Send requests in one message; return answers and errors in order. They are not atomic together."""
        return await self._run(batch(requests))


def query(
    database: str,
    text: str,
    binds: Mapping[str, Any] | None = None,
    seconds: float | None = None,
    tx: Staging | None = None,
) -> Exchange[list[Json]]:
    """Return the rows of a query; in pages if it only reads and its answer is too large for one message."""
    _check_binds(text, binds or {})
    context = Subject(database, query=text, binds=binds or {})
    request = staged(query_request(text, binds or {}, database), tx)
    reads = not writes(text)
    try:
        answer = yield from send(request, context, repeatable=reads and tx is None, timeout=seconds)
        return cast(list[Json], answer.data)
    except QuerySyntaxError:
        parse(text)  # ours says where, if it sees the mistake too
        raise
    except ConnectionLost as problem:  # which is also how the server refuses an answer over 16 MiB
        if tx is not None:
            raise
        if not reads:
            raise (yield from _answer_lost(problem)) from problem
    return (yield from all_rows(database, text, binds or {}, context))


def _answer_lost(problem: ConnectionLost) -> Exchange[ConnectionLost]:
    if not (yield from is_there()):
        return problem
    return AnswerLost(
        "the query writes, and the server hung up instead of answering, as it does after its work when "
        "the answer is over 16 MiB: what it was to write is written, unless something in between has cut "
        "the connection",
        address=problem.address,
        hint="look at the data before running it again; then RETURN less, or take client.query_pages(..), "
        "whose pages have no such limit",
    )


def first_page(
    database: str, text: str, binds: Mapping[str, Any] | None = None, size: int = PAGE
) -> Exchange[ClientPage[Json]]:
    """Run a query and return its first rows; the server keeps the others for five minutes."""
    _check_binds(text, binds or {})
    context = Subject(database, query=text, binds=binds or {})
    return _page((yield from open_cursor(database, text, binds or {}, context, size)), context)


def _next_page(cursor: str, context: Subject) -> Exchange[ClientPage[Json]]:
    return _page((yield from read_on(cursor, context)), context)


def _page(answer: JsonObject, context: Subject) -> ClientPage[Json]:
    more = partial(_next_page, answer["id"], context) if answer.get("has_more") else None
    return ClientPage(answer["result"], more)


def explain(database: str, text: str, binds: Mapping[str, Any] | None = None) -> Exchange[QueryPlan]:
    """Return the plan of a query."""
    _check_binds(text, binds or {})
    request = {**query_request(text, binds or {}, database), "cmd": "explain"}
    del request["cache"]
    context = Subject(database, query=text, binds=binds or {})
    return QueryPlan.of((yield from send(request, context, repeatable=True)).data)


def _check_binds(text: str, binds: Mapping[str, Any]) -> None:
    """Refuse a missing bind variable, which the server would take for null in a FILTER."""
    if all(name in binds for name in _BIND.findall(text)):
        return
    try:
        query = parse(text)  # an @ may also stand in a literal
    except QuerySyntaxError:
        return  # the server will say so
    try:
        check_names(bind_names(query), binds)
    except QueryError as problem:
        problem.query = text
        raise


def pipeline(requests: Sequence[JsonObject]) -> Exchange[list[Json | SolidbError]]:
    """Send requests together on one connection; return the answer to each, or its error."""
    if not requests:
        return []
    answers: list[Any] = yield from call(batch_of(requests, "pipeline", decode_data))
    for place, answer in enumerate(answers):
        if type(answer) is Answer:
            answers[place] = _outcome(answer, requests[place])
    return answers


def batch(requests: Sequence[JsonObject]) -> Exchange[list[Json | SolidbError]]:
    """Send requests in one message; return the answer to each, or its error."""
    answer = yield from send({"cmd": "batch", "commands": list(requests)})
    return [_outcome(part, request) for part, request in zip(answer.parts, requests, strict=True)]


def _outcome(answer: Answer, request: JsonObject) -> Json | SolidbError:
    try:
        return accepted(answer, context_of(request)).data
    except SolidbError as problem:
        return problem
