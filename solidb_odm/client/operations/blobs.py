"""Files: how they travel over HTTP, and what is known of them."""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeAlias, cast

import anyio.to_thread

from ..._types import JsonObject
from ...errors import CollectionNotFound, InvalidCommand, UsageError
from ...wire.faults import Context
from ...wire.requests import Exchange, HttpCall, ask
from ..results import Result
from .documents import list_documents
from .requests import about
from .rest import at, rest

CHUNK = 256 * 1024

Data: TypeAlias = bytes | bytearray | os.PathLike[str] | IO[bytes] | Iterable[bytes] | AsyncIterable[bytes]
"""What a file may come from: bytes, a path, an open file, or pieces one after the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobInfo(Result):
    """A stored file. ``type`` is its media type, ``size`` counts bytes."""

    key: str
    name: str = ""
    size: int = 0
    type: str = ""
    chunks: int = 0
    created: str = ""


def info_of(raw: JsonObject) -> BlobInfo:
    """Read what the server tells of a file."""
    return BlobInfo.of(raw, key=raw["_key"])


def expected(database: str, collection: str) -> Exchange[None]:
    """See that a collection is there and holds files: an upload would make a missing one.

    It also logs in, which an upload can't do half-way: a stream is sent once.
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
            f"{collection} holds {kinds[collection]}s, not files", hint="make it of type 'blob'"
        )


def info(database: str, collection: str, key: str) -> Exchange[BlobInfo]:
    """Describe a file."""
    request = about("get", database, collection, key=key)
    return info_of((yield from ask(request, Context(database, collection, key), repeatable=True)).data)


def list_blobs(
    database: str, collection: str, limit: int | None = None, offset: int | None = None
) -> Exchange[tuple[list[BlobInfo], int]]:
    """Describe files in the order of their keys, and count all there are."""
    documents, total = yield from list_documents(database, collection, limit, offset)
    return [info_of(document) for document in documents], total


def upload(
    database: str, collection: str, pieces: Iterable[bytes] | AsyncIterable[bytes], boundary: str
) -> HttpCall:
    """Give the call that stores a file, from the pieces of its form."""
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    return HttpCall("POST", at("blob", database, collection), headers=headers, content=pieces)


def download(database: str, collection: str, key: str, start: int, end: int | None) -> HttpCall:
    """Give the call that reads a file, or the bytes from ``start`` to before ``end``."""
    headers: dict[str, str] = {}
    if start or end is not None:
        headers["Range"] = f"bytes={start}-{'' if end is None else end - 1}"
    return HttpCall("GET", at("blob", database, collection, key), headers=headers)


def new_boundary() -> str:
    """Give the text that parts the form, which no file holds."""
    return secrets.token_hex(16)


def form(boundary: str, name: str, kind: str) -> tuple[bytes, bytes]:
    """Give what stands before and after the file in a form."""
    quoted = name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{quoted}"\r\n'
        f"Content-Type: {kind}\r\n\r\n"
    )
    return head.encode(), f"\r\n--{boundary}--\r\n".encode()


def name_of(data: Data, name: str | None) -> str:
    """Give the name of a file: what it is said to be, or that of where it comes from."""
    if name is not None:
        return name
    source: object = os.fspath(data) if isinstance(data, os.PathLike) else getattr(data, "name", None)
    return Path(source).name if isinstance(source, str) else "blob"


def pieces(data: Data) -> Generator[bytes]:
    """Cut data into pieces."""
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
        raise UsageError("data that is awaited needs AsyncClient")
    else:
        yield from data


async def apieces(data: Data) -> AsyncGenerator[bytes]:
    """Cut data into pieces; what may block is read in a thread."""
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
        while (found := await anyio.to_thread.run_sync(next, source, None)) is not None:
            yield found
    finally:
        source.close()
