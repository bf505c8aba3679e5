"""Answers whose bodies a program reads piece by piece, and what becomes of those it forgets.

What ends such an answer waits for a lock of httpcore's, which the very thread may hold in which the collector
finds that nobody reads on. So a pool holds what is open, and a finalizer only notes it: it cuts the
connection, for which no lock is needed, and the next call of the pool does the rest.

Awaited, asyncio closes at once all generators that the collector finds, or that are left when the loop ends;
of some inside each other, as httpx's are, the inner ones fail then. So it is told of the outermost.
"""

from __future__ import annotations

import os
import socket
import sys
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import suppress
from types import TracebackType
from typing import Any, TypeAlias

import httpx

from ..errors import SolidbError

Noted: TypeAlias = list[httpx.Response]
"""Where a reader notes the answer that it reads now."""


class OpenAnswers:
    """What a pool has open for its callers; a process leaves those of the one it was forked from alone."""

    def __init__(self) -> None:
        self._begin()
        self._inherited: list[object] = []

    def _begin(self) -> None:
        self._process = os.getpid()
        self._held: set[Generator[bytes]] = set()
        self._forgotten: deque[Generator[bytes]] = deque()

    def hold(self, reader: Generator[bytes]) -> None:
        """Keep a reader from the collector until it is let go."""
        if self._process != os.getpid():
            self._inherited.append(self._held)  # to end them would wait for locks of the parent's threads
            self._begin()
        self._held.add(reader)

    def let_go(self, reader: Generator[bytes]) -> None:
        """Keep a reader no longer, which has ended."""
        self._held.discard(reader)

    def forget(self, reader: Generator[bytes], noted: Noted) -> None:
        """Cut the connection of a reader that nobody uses any more, and have it ended; waits for nothing."""
        if self._process == os.getpid() and reader in self._held:
            for response in noted:
                _cut(response)
            self._forgotten.append(reader)

    def end_forgotten(self) -> None:
        """End the readers that were forgotten."""
        while self._process == os.getpid():
            try:
                reader = self._forgotten.popleft()
            except IndexError:
                return
            self.let_go(reader)
            with suppress(SolidbError):  # nobody is there to hear of it
                reader.close()


def _cut(response: httpx.Response) -> None:
    """End the connection of an answer, unless it was read to its end, and the connection serves another."""
    stream = response.extensions.get("network_stream")
    opened = None if stream is None or response.is_closed else stream.get_extra_info("socket")
    if opened is not None:
        with suppress(OSError):  # it has broken already
            opened.shutdown(socket.SHUT_RDWR)


class HeldPieces(Generator[bytes]):
    """The pieces of an answer. Closed, or read to its end, it ends at once; forgotten, with the next call."""

    def __init__(self, answers: OpenAnswers, read: Callable[[Noted], Generator[bytes]]) -> None:
        self._answers: OpenAnswers = answers
        self._noted: Noted = []
        self._reader = read(self._noted)

    def send(self, value: None, /) -> bytes:
        """Return the next piece."""
        self._answers.hold(self._reader)
        try:
            return self._reader.send(value)
        except BaseException:
            self._answers.let_go(self._reader)
            raise

    def throw(self, kind: Any, error: object = None, _: TracebackType | None = None, /) -> bytes:
        """Raise an error where the reader stands, which ends it."""
        try:
            return self._reader.throw(error if isinstance(error, BaseException) else kind)
        finally:
            self._answers.let_go(self._reader)

    def close(self) -> None:
        """End the answer, and with it the connection if there is more to come."""
        try:
            self._reader.close()
        finally:
            self._answers.let_go(self._reader)

    def __del__(self) -> None:
        self._answers.forget(self._reader, self._noted)


_awaited: set[AsyncGenerator[bytes]] = set()
"""What is read inside the generators that programs hold; it ends with these."""


async def apieces_held(reader: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    """Yield what a reader does, which the collector does not find before this is closed."""
    _awaited.add(reader)
    try:
        while (piece := await next_unseen(reader)) is not None:
            yield piece
    finally:
        await reader.aclose()
        _awaited.discard(reader)


def next_unseen(pieces: AsyncGenerator[bytes]) -> Awaitable[bytes | None]:
    """Return the next piece or None, to be awaited, of a generator that asyncio is not told of."""
    told, asyncio = sys.get_asyncgen_hooks().firstiter, sys.modules.get("asyncio")
    if asyncio is not None and isinstance(getattr(told, "__self__", None), asyncio.AbstractEventLoop):
        sys.set_asyncgen_hooks(firstiter=None)
    try:
        return anext(pieces, None)
    finally:
        sys.set_asyncgen_hooks(firstiter=told)
