"""HTTP calls whose bodies are streamed, in either direction, blocking and async."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator
from contextlib import asynccontextmanager, contextmanager

import httpx

from .exchange import HttpCall, http_fault
from .faults import NOWHERE, Subject
from .http import as_answer, request_of, unanswered
from .round_trips import RequestEvent
from .socket_pool import SocketPool
from .stream_pool import StreamPool


@contextmanager
def streamed(
    pool: SocketPool, call: HttpCall, seconds: float | None = None, context: Subject = NOWHERE
) -> Generator[httpx.Response]:
    """Make a call and return its response, whose body is still to be read; a refusal is raised.

    The time-out is for each piece, of any size, not for the whole.
    """
    client, begun = pool.http_client(), time.perf_counter()
    host = pool.host
    try:
        response = client.send(request_of(client, host, pool.address, call, seconds), stream=True)
        try:
            if response.is_error:
                raise http_fault(as_answer(response, response.read()), context)
            yield response
        finally:
            response.close()
            pool.statistics.http(_event(call, begun, response))
    except httpx.HTTPError as problem:
        raise unanswered(problem, call, host, seconds or pool.seconds) from problem


@asynccontextmanager
async def astreamed(
    pool: StreamPool, call: HttpCall, seconds: float | None = None, context: Subject = NOWHERE
) -> AsyncGenerator[httpx.Response]:
    """Make a call and return its response, whose body is still to be read; a refusal is raised."""
    client, begun = pool.http_client(), time.perf_counter()
    host = pool.host
    try:
        request = request_of(client, host, pool.address, call, seconds)
        if isinstance(call.content, AsyncIterable):
            request.stream = _Pieces(call.content)
        response = await client.send(request, stream=True)
        try:
            if response.is_error:
                raise http_fault(as_answer(response, await response.aread()), context)
            yield response
        finally:
            await response.aclose()
            pool.statistics.http(_event(call, begun, response))
    except httpx.HTTPError as problem:
        raise unanswered(problem, call, host, seconds or pool.seconds) from problem


class _Pieces(httpx.AsyncByteStream):
    """The body of an upload, as its owner made it and will close it.

    The one of httpx is a generator of its own, which nobody closes when sending fails.
    """

    def __init__(self, pieces: AsyncIterable[bytes]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._pieces)


def _event(call: HttpCall, begun: float, response: httpx.Response) -> RequestEvent:
    sent = int(response.request.headers.get("Content-Length", 0))  # a stream has none
    milliseconds = (time.perf_counter() - begun) * 1000
    return RequestEvent(
        f"HTTP {call.method} {call.path}", 1, milliseconds, sent, response.num_bytes_downloaded
    )
