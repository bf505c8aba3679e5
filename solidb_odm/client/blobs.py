"""``client.blobs``: files of any size, streamed in and out, in both colours."""

from __future__ import annotations

import builtins
import os
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import aclosing
from pathlib import Path

import anyio

from ..errors import ConnectionLost
from ..wire.faults import Context
from ..wire.http_streams import astreamed, streamed
from ..wire.requests import pauses
from .calls import AsyncCaller, Caller
from .operations import blobs as operations
from .operations.blobs import CHUNK, BlobInfo, Data
from .operations.documents import delete

ATTEMPTS = 4


class Blobs(Caller):
    """Files in collections of type ``blob``, blocking. The server makes their keys."""

    def put(
        self,
        collection: str,
        data: Data,
        *,
        name: str | None = None,
        type: str = "application/octet-stream",  # noqa: A002 - the call's own word
    ) -> BlobInfo:
        """Store a file: bytes, a path, an open file or pieces; it is streamed, and sent once.

        The server takes 500 MB at most.
        """
        self._run(operations.expected(self._database, collection))
        boundary = operations.new_boundary()
        head, tail = operations.form(boundary, operations.name_of(data, name), type)

        def body() -> Iterator[bytes]:
            yield head
            yield from operations.pieces(data)
            yield tail

        call = operations.upload(self._database, collection, body(), boundary)
        with streamed(self._runner.hub.driver.pool, call, self._runner.seconds) as response:
            response.read()
            return operations.info_of(response.json())

    def get(self, collection: str, key: str) -> bytes:
        """Read a file as a whole; DocumentNotFound if there is none."""
        return b"".join(self.stream(collection, key))

    def stream(
        self, collection: str, key: str, start: int = 0, end: int | None = None, *, chunk_size: int = CHUNK
    ) -> Generator[bytes]:
        """Read a file piece by piece, or its bytes from ``start`` to before ``end``.

        A connection that breaks is opened again, and the file read on from there.
        """
        if end is not None and end <= start:
            return
        pool, waits = self._runner.hub.driver.pool, pauses(ATTEMPTS)
        context = Context(self._database, collection, key)
        while True:
            call = operations.download(self._database, collection, key, start, end)
            try:
                with streamed(pool, call, self._runner.seconds, context) as response:
                    for piece in response.iter_bytes(chunk_size):
                        start += len(piece)
                        yield piece
                    return
            except ConnectionLost:
                if next(waits, None) is None:
                    raise

    def save(self, collection: str, key: str, path: str | os.PathLike[str]) -> int:
        """Write a file to a path; count its bytes."""
        with Path(path).open("wb") as file:
            return sum(file.write(piece) for piece in self.stream(collection, key))

    def info(self, collection: str, key: str) -> BlobInfo:
        """Describe a file; DocumentNotFound if there is none."""
        return self._run(operations.info(self._database, collection, key))

    def list(
        self, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[builtins.list[BlobInfo], int]:
        """Describe files in the order of their keys, and count all there are."""
        return self._run(operations.list_blobs(self._database, collection, limit, offset))

    def delete(self, collection: str, key: str) -> None:
        """Remove a file."""
        self._run(delete(self._database, collection, key))


class AsyncBlobs(AsyncCaller):
    """Files in collections of type ``blob``, awaited. The server makes their keys."""

    async def put(
        self,
        collection: str,
        data: Data,
        *,
        name: str | None = None,
        type: str = "application/octet-stream",  # noqa: A002 - the call's own word
    ) -> BlobInfo:
        """Store a file: bytes, a path, an open file or pieces; it is streamed, and sent once.

        The server takes 500 MB at most.
        """
        await self._run(operations.expected(self._database, collection))
        boundary = operations.new_boundary()
        head, tail = operations.form(boundary, operations.name_of(data, name), type)

        async def body() -> AsyncGenerator[bytes]:
            yield head
            async with aclosing(operations.apieces(data)) as pieces:
                async for piece in pieces:
                    yield piece
            yield tail

        pool = self._runner.hub.driver.pool
        async with aclosing(body()) as content:
            call = operations.upload(self._database, collection, content, boundary)
            async with astreamed(pool, call, self._runner.seconds) as response:
                await response.aread()
                return operations.info_of(response.json())

    async def get(self, collection: str, key: str) -> bytes:
        """Read a file as a whole; DocumentNotFound if there is none."""
        async with aclosing(self.stream(collection, key)) as pieces:
            return b"".join([piece async for piece in pieces])

    async def stream(
        self, collection: str, key: str, start: int = 0, end: int | None = None, *, chunk_size: int = CHUNK
    ) -> AsyncGenerator[bytes]:
        """Read a file piece by piece, or its bytes from ``start`` to before ``end``.

        A connection that breaks is opened again, and the file read on from there.
        """
        if end is not None and end <= start:
            return
        pool, waits = self._runner.hub.driver.pool, pauses(ATTEMPTS)
        context = Context(self._database, collection, key)
        while True:
            call = operations.download(self._database, collection, key, start, end)
            try:
                async with astreamed(pool, call, self._runner.seconds, context) as response:
                    async for piece in response.aiter_bytes(chunk_size):
                        start += len(piece)
                        yield piece
                    return
            except ConnectionLost:
                if next(waits, None) is None:
                    raise

    async def save(self, collection: str, key: str, path: str | os.PathLike[str]) -> int:
        """Write a file to a path; count its bytes."""
        size = 0
        async with (
            await anyio.open_file(path, "wb") as file,
            aclosing(self.stream(collection, key)) as pieces,
        ):
            async for piece in pieces:
                size += await file.write(piece)
        return size

    async def info(self, collection: str, key: str) -> BlobInfo:
        """Describe a file; DocumentNotFound if there is none."""
        return await self._run(operations.info(self._database, collection, key))

    async def list(
        self, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[builtins.list[BlobInfo], int]:
        """Describe files in the order of their keys, and count all there are."""
        return await self._run(operations.list_blobs(self._database, collection, limit, offset))

    async def delete(self, collection: str, key: str) -> None:
        """Remove a file."""
        await self._run(delete(self._database, collection, key))
