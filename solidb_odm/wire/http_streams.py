"""HTTP calls whose bodies are streamed, in either direction, blocking and async."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Generator
from contextlib import aclosing, contextmanager
from functools import partial
from types import TracebackType
from typing import TYPE_CHECKING, Final, cast

import httpx

from .._lazy import Later
from ..errors import SolidbError
from .exchange import HttpCall, http_fault
from .faults import NOWHERE, Subject
from .http import (
    AnswerDeadline,
    answered_by,
    aread_whole,
    as_answer,
    asend,
    read_whole,
    request_of,
    send,
    too_slow,
    unanswered,
)
from .open_answers import next_unseen
from .round_trips import RequestEvent
from .socket_pool import SocketPool
from .stream_pool import StreamPool
from .url import Host

if TYPE_CHECKING:
    import anyio
else:
    anyio = Later("anyio")

_BODY_SENT: Final = "send_request_body.complete"
"""The end of the name of httpcore's event when a body was sent."""


@contextmanager
def streamed(
    pool: SocketPool, call: HttpCall, seconds: float | None = None, context: Subject = NOWHERE
) -> Generator[httpx.Response]:
    """Make a call and return its response, whose body is still to be read; a refusal is raised.

    The time-out is for the head of the answer, after the body was sent, and for each of its pieces.
    """
    client, begun, seconds = pool.http_client(), time.perf_counter(), seconds or pool.seconds
    request = request_of(client, pool.host, pool.address, call, seconds)
    deadline = AnswerDeadline(seconds, begun=call.content is None)
    request.extensions["trace"] = partial(_traced, deadline)
    with _errors(call, pool.host, seconds):
        with answered_by(deadline):
            flow = pool.auth.flow(request, once=call.content is not None)
            response = send(client, flow, request)
        try:
            if response.is_error:
                raise http_fault(as_answer(response, read_answer(response, seconds)), context)
            yield response
        finally:
            response.close()
            pool.statistics.http(_event(call, begun, response))


def read_answer(response: httpx.Response, seconds: float) -> bytes:
    """Read the whole body of a response, in so many seconds."""
    with answered_by(AnswerDeadline(seconds)):
        return read_whole(response)


def pieces_of(response: httpx.Response, size: int, seconds: float) -> Generator[bytes]:
    """Read the body of a response in pieces of a size, each in so many seconds."""
    pieces = response.iter_bytes(size)
    while True:
        with answered_by(AnswerDeadline(seconds)):
            piece = next(pieces, None)
        if piece is None:
            return
        yield piece


def _traced(deadline: AnswerDeadline, event: str, _: object) -> None:
    if event.endswith(_BODY_SENT):
        deadline.begin()


class AnswerStream:
    """Make a call and return its response as ``streamed`` does, async."""

    def __init__(
        self, pool: StreamPool, call: HttpCall, seconds: float | None = None, context: Subject = NOWHERE
    ) -> None:
        self._pool, self._call, self._context = pool, call, context
        self._seconds = seconds or pool.seconds
        self._begun = time.perf_counter()
        self._response: httpx.Response | None = None

    async def __aenter__(self) -> httpx.Response:
        call, seconds = self._call, self._seconds
        try:
            with _errors(call, self._pool.host, seconds):
                self._response = response = await self._opened()
                if response.is_error:
                    answer = as_answer(response, await aread_answer(response, seconds))
                    raise http_fault(answer, self._context)
                return response
        except BaseException:
            await self._close()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()
        if isinstance(error, httpx.HTTPError | TimeoutError):
            with _errors(self._call, self._pool.host, self._seconds):
                raise error

    async def _opened(self) -> httpx.Response:
        client, call, seconds = self._pool.http_client(), self._call, self._seconds
        request = request_of(client, self._pool.host, self._pool.address, call, seconds)
        if isinstance(call.content, AsyncIterable):
            request.stream = _Pieces(call.content)
        with anyio.fail_after(seconds if call.content is None else None) as scope:
            request.extensions["trace"] = partial(_atraced, scope, seconds)
            flow = self._pool.auth.flow(request, once=call.content is not None)
            return await asend(client, flow, request)

    async def _close(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            try:
                await response.aclose()
            finally:
                self._pool.statistics.http(_event(self._call, self._begun, response))


async def aread_answer(response: httpx.Response, seconds: float) -> bytes:
    """Read the whole body of a response, in so many seconds."""
    with anyio.fail_after(seconds):
        return await aread_whole(response)


async def apieces_of(response: httpx.Response, size: int, seconds: float) -> AsyncGenerator[bytes]:
    """Read the body of a response in pieces of a size, each in so many seconds."""
    async with aclosing(cast("AsyncGenerator[bytes]", response.aiter_bytes(size))) as pieces:
        while True:
            with anyio.fail_after(seconds):
                piece = await next_unseen(pieces)
            if piece is None:
                return
            yield piece


async def _atraced(scope: anyio.CancelScope, seconds: float, event: str, _: object) -> None:
    if event.endswith(_BODY_SENT):
        scope.deadline = anyio.current_time() + seconds


@contextmanager
def _errors(call: HttpCall, host: Host, seconds: float) -> Generator[None]:
    """Raise as ours what a call fails with."""
    try:
        yield
    except httpx.HTTPError as problem:
        raise unanswered(problem, call, host, seconds) from problem
    except TimeoutError as problem:
        raise problem if isinstance(problem, SolidbError) else too_slow(call, host, seconds) from problem


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
