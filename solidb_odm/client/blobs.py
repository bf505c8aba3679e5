"""``client.blobs``: files, uploaded and downloaded as streams over HTTP."""

from __future__ import annotations

import builtins
import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, Iterator
from contextlib import aclosing
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeAlias, cast

from .._dataclasses import dataclass
from .._lazy import Later
from .._types import JsonObject
from ..errors import CollectionNotFound, ConnectionLost, InvalidCommand, UsageError
from ..wire.exchange import SHAPE_ERRORS, Exchange, HttpAnswer, HttpCall, misshapen, pauses, send
from ..wire.faults import Subject
from ..wire.http import as_answer
from ..wire.http_streams import AnswerStream, apieces_of, aread_answer, pieces_of, read_answer, streamed
from ..wire.open_answers import HeldPieces, Noted, apieces_held, next_unseen
from .calls import AsyncCaller, Caller
from .documents import delete, list_documents
from .requests import about, at, rest
from .results import ClientResult

if TYPE_CHECKING:
    import anyio
    import anyio.to_thread
else:
    anyio = Later("anyio")

CHUNK = 256 * 1024

Data: TypeAlias = bytes | bytearray | os.PathLike[str] | IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]
"""What a file may come from: bytes, a path, an open file, or pieces one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo(ClientResult):
    """A stored file. ``type`` is its media type, ``size`` its length in bytes."""

    key: str
    name: str = ""
    size: int = 0
    type: str = ""
    chunks: int = 0
    created: str = ""


ATTEMPTS = 4


class Blobs(Caller):
    """Calls for files in collections of type ``blob``, blocking. The server creates their keys."""

    @property
    def _seconds(self) -> float:
        return self._runner.seconds or self._runner.hub.driver.pool.seconds

    def put(
        self,
        collection: str,
        data: Data,
        *,
        name: str | None = None,
        type: str = "application/octet-stream",  # noqa: A002 - the call's own word
    ) -> BlobInfo:
        """Store a file (bytes, a path, an open file or an iterable of bytes) and return its description.

        The data are streamed and sent once. The server accepts 500 MB at most.
        """
        self._run(expected(self._database, collection))
        boundary = new_boundary()
        head, tail = form(boundary, name_of(data, name), type)

        def body() -> Iterator[bytes]:
            yield head
            yield from pieces(data)
            yield tail

        call = upload(self._database, collection, body(), boundary)
        with streamed(self._runner.hub.driver.pool, call, self._runner.seconds) as response:
            return stored_info(as_answer(response, read_answer(response, self._seconds)))

    def get(self, collection: str, key: str) -> bytes:
        """Return the whole content of a file; raise DocumentNotFound if there is none with this key."""
        return b"".join(self.stream(collection, key))

    def stream(
        self, collection: str, key: str, start: int = 0, end: int | None = None, *, chunk_size: int = CHUNK
    ) -> Generator[bytes]:
        """Yield a file in pieces, or only its bytes from ``start`` up to, and without, ``end``.

        If the connection is lost, reading resumes at the same byte on a new one.
        """
        read = partial(self._read, collection, key, start, end, chunk_size)
        return HeldPieces(self._runner.hub.driver.pool.answers, read)

    def _read(
        self, collection: str, key: str, start: int, end: int | None, chunk_size: int, noted: Noted
    ) -> Generator[bytes]:
        if end is not None and end <= start:
            return
        pool, waits = self._runner.hub.driver.pool, pauses(ATTEMPTS)
        context = Subject(self._database, collection, key)
        while True:
            call = download(self._database, collection, key, start, end)
            try:
                with streamed(pool, call, self._runner.seconds, context) as response:
                    noted[:] = [response]
                    for piece in pieces_of(response, chunk_size, self._seconds):
                        start += len(piece)
                        yield piece
                    return
            except ConnectionLost:
                if next(waits, None) is None:
                    raise

    def save(self, collection: str, key: str, path: str | os.PathLike[str]) -> int:
        """Write a file to a local path; return the number of bytes."""
        with Path(path).open("wb") as file:
            return sum(file.write(piece) for piece in self.stream(collection, key))

    def info(self, collection: str, key: str) -> BlobInfo:
        """Return the description of a file; raise DocumentNotFound if there is none with this key."""
        return self._run(info(self._database, collection, key))

    def list(
        self, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[builtins.list[BlobInfo], int]:
        """Return descriptions of files in the order of their keys, and the number of all files."""
        return self._run(list_blobs(self._database, collection, limit, offset))

    def delete(self, collection: str, key: str) -> None:
        """Delete a file."""
        self._run(delete(self._database, collection, key))


class AsyncBlobs(AsyncCaller):
    """Calls for files in collections of type ``blob``, async. The server creates their keys."""

    @property
    def _seconds(self) -> float:
        return self._runner.seconds or self._runner.hub.driver.pool.seconds

    async def put(
        self,
        collection: str,
        data: Data,
        *,
        name: str | None = None,
        type: str = "application/octet-stream",  # noqa: A002 - the call's own word
    ) -> BlobInfo:
        """Store a file (bytes, a path, an open file or an iterable of bytes) and return its description.

        The data are streamed and sent once. The server accepts 500 MB at most.
        """
        await self._run(expected(self._database, collection))
        boundary = new_boundary()
        head, tail = form(boundary, name_of(data, name), type)

        async def body() -> AsyncGenerator[bytes]:
            yield head
            async with aclosing(apieces(data)) as pieces:
                async for piece in pieces:
                    yield piece
            yield tail

        pool = self._runner.hub.driver.pool
        async with aclosing(body()) as content:
            call = upload(self._database, collection, content, boundary)
            async with AnswerStream(pool, call, self._runner.seconds) as response:
                return stored_info(as_answer(response, await aread_answer(response, self._seconds)))

    async def get(self, collection: str, key: str) -> bytes:
        """Return the whole content of a file; raise DocumentNotFound if there is none with this key."""
        async with aclosing(self.stream(collection, key)) as pieces:
            return b"".join([piece async for piece in pieces])

    def stream(
        self, collection: str, key: str, start: int = 0, end: int | None = None, *, chunk_size: int = CHUNK
    ) -> AsyncGenerator[bytes]:
        """Yield a file in pieces, or only its bytes from ``start`` up to, and without, ``end``.

        If the connection is lost, reading resumes at the same byte on a new one.
        """
        return apieces_held(self._read(collection, key, start, end, chunk_size))

    async def _read(
        self, collection: str, key: str, start: int, end: int | None, chunk_size: int
    ) -> AsyncGenerator[bytes]:
        if end is not None and end <= start:
            return
        pool, waits = self._runner.hub.driver.pool, pauses(ATTEMPTS)
        context = Subject(self._database, collection, key)
        while True:
            call = download(self._database, collection, key, start, end)
            try:
                async with AnswerStream(pool, call, self._runner.seconds, context) as response:
                    async with aclosing(apieces_of(response, chunk_size, self._seconds)) as pieces:
                        while (piece := await next_unseen(pieces)) is not None:
                            start += len(piece)
                            yield piece
                    return
            except ConnectionLost:
                if next(waits, None) is None:
                    raise

    async def save(self, collection: str, key: str, path: str | os.PathLike[str]) -> int:
        """Write a file to a local path; return the number of bytes."""
        size = 0
        async with (
            await anyio.open_file(path, "wb") as file,
            aclosing(self.stream(collection, key)) as pieces,
        ):
            async for piece in pieces:
                size += await file.write(piece)
        return size

    async def info(self, collection: str, key: str) -> BlobInfo:
        """Return the description of a file; raise DocumentNotFound if there is none with this key."""
        return await self._run(info(self._database, collection, key))

    async def list(
        self, collection: str, limit: int | None = None, offset: int | None = None
    ) -> tuple[builtins.list[BlobInfo], int]:
        """Return descriptions of files in the order of their keys, and the number of all files."""
        return await self._run(list_blobs(self._database, collection, limit, offset))

    async def delete(self, collection: str, key: str) -> None:
        """Delete a file."""
        await self._run(delete(self._database, collection, key))


def stored_info(answer: HttpAnswer) -> BlobInfo:
    """Return the file that the answer to an upload describes."""
    try:
        return info_of(answer.body)
    except SHAPE_ERRORS as problem:
        raise misshapen(problem) or problem from problem


def info_of(raw: JsonObject) -> BlobInfo:
    """Return the file that an answer of the server describes."""
    return BlobInfo.of(raw, key=raw["_key"])


def expected(database: str, collection: str) -> Exchange[None]:
    """Check that a collection exists and holds files: an upload would create a missing one.

    It also logs in, because an upload cannot be repeated after a failed login: a stream is sent once.
    """
    answer = yield from rest("GET", at("database", database, "collection"))
    kinds = {row["name"]: row["type"] for row in answer["collections"]}
    if collection not in kinds:
        raise CollectionNotFound(
            f"there is no collection {collection!r} in the database {database!r}",
            name=collection,
            hint=f"client.create_collection({database!r}, {collection!r}, 'blob')",
        )
    if kinds[collection] != "blob":
        raise InvalidCommand(
            f"{collection} holds {kinds[collection]}s, not files", hint="create it with the type 'blob'"
        )


def info(database: str, collection: str, key: str) -> Exchange[BlobInfo]:
    """Return the description of a file."""
    request = about("get", database, collection, key=key)
    return info_of((yield from send(request, Subject(database, collection, key), repeatable=True)).data)


def list_blobs(
    database: str, collection: str, limit: int | None = None, offset: int | None = None
) -> Exchange[tuple[list[BlobInfo], int]]:
    """Return descriptions of files in the order of their keys, and the number of all files."""
    documents, total = yield from list_documents(database, collection, limit, offset)
    return [info_of(document) for document in documents], total


def upload(
    database: str, collection: str, pieces: Iterable[bytes] | AsyncIterable[bytes], boundary: str
) -> HttpCall:
    """Return the HTTP call that stores a file, from the pieces of its form."""
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return HttpCall("POST", at("blob", database, collection), headers=headers, content=pieces)


def download(database: str, collection: str, key: str, start: int, end: int | None) -> HttpCall:
    """Return the HTTP call that reads a file, or its bytes from ``start`` up to, and without, ``end``."""
    headers: dict[str, str] = {}
    if start or end is not None:
        headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
    return HttpCall("GET", at("blob", database, collection, key), headers=headers)


def new_boundary() -> str:
    """Return a random boundary for a multipart form."""
    return secrets.token_hex(16)


def form(boundary: str, name: str, kind: str) -> tuple[bytes, bytes]:
    """Return the bytes before and after the file in a multipart form."""
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


def name_of(data: Data, name: str | None) -> str:
    """Return the name of a file: the one that was given, or that of its source."""
    if name is not None:
        return name
    source: object = os.fspath(data) if isinstance(data, os.PathLike) else getattr(data, "name", None)
    return Path(source).name if isinstance(source, str) else "blob"


def pieces(data: Data) -> Generator[bytes]:
    """Yield data in pieces."""
    if isinstance(data, bytes | bytearray):
        for start in range(0, len(data), CHUNK):
            yield bytes(data[start : start + CHUNK])
    elif isinstance(data, os.PathLike):
        with Path(data).open("rb") as opened:
            yield from pieces(opened)
    elif hasattr(data, "read"):
        file = cast(IO[bytes], data)
        while piece := file.read(CHUNK):
            yield piece
    elif isinstance(data, AsyncIterable):
        raise UsageError("an async iterable can be sent by AsyncClient only")
    else:
        yield from data


async def apieces(data: Data) -> AsyncGenerator[bytes]:
    """Yield data in pieces; sources that may block are read in a thread."""
    if isinstance(data, AsyncIterable):
        async for piece in data:
            yield piece
        return
    source = pieces(data)
    try:
        if isinstance(data, bytes | bytearray):
            for piece in source:
                yield piece
            return
        while (part := await anyio.to_thread.run_sync(next, source, None)) is not None:
            yield part
    finally:
        source.close()
