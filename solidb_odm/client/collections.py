"""``client.collections``: maintenance, schemas, export and import of whole collections.

Documents are read and written as lines of JSON, one at a time, so that files may be of any size.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeAlias, cast, overload

from .._lazy import Later
from .._types import JsonObject
from ..commands import SetSchema, ValidationMode
from ..engines.solidb import definitions
from ..errors import InvalidDocument, UsageError
from ..language.stored_documents import without
from ..wire.exchange import Exchange, query_request, send
from ..wire.faults import Subject
from ..wire.names import quoted
from . import databases, documents
from .calls import AsyncCaller, Caller
from .requests import chunks_of
from .results import CollectionStats, DocumentResult

if TYPE_CHECKING:
    import anyio
    import anyio.to_thread
else:
    anyio = Later("anyio")

"""What the server makes again for imported documents."""

Target: TypeAlias = "str | os.PathLike[str] | IO[str]"
Source: TypeAlias = "str | os.PathLike[str] | IO[str] | bytes | Iterable[Mapping[str, Any]]"
Progress: TypeAlias = Callable[[int], None]
"""Called with the number of documents that are done."""


@contextmanager
def opened(target: Target) -> Generator[IO[str]]:
    """Return a file to write to, and close it at the end if it was opened here."""
    if isinstance(target, str | os.PathLike):
        with Path(target).open("w", encoding="utf-8") as file:
            yield file
    else:
        yield target


def write(file: IO[str], documents: Sequence[DocumentResult]) -> None:
    """Write documents, one on each line."""
    file.writelines(
        json.dumps(without_system(document), ensure_ascii=False, separators=(",", ":")) + "\n"
        for document in documents
    )


def chunks_in(source: Source, collection: str) -> Iterator[list[JsonObject]]:
    """Yield lists of documents that fit into one message."""
    return chunks_of(map(without_system, _documents(source)), collection)


def without_system(document: Mapping[str, Any]) -> JsonObject:
    """Return a document without the attributes that the server sets."""
    return without(document)


def _documents(source: Source) -> Iterator[Mapping[str, Any]]:
    if isinstance(source, str | os.PathLike):
        with Path(source).open("rb") as file:
            yield from _parsed(file)
    elif isinstance(source, bytes):
        yield from _parsed(source.splitlines())
    elif hasattr(source, "readline"):
        yield from _parsed(cast(IO[str], source))
    else:
        yield from cast("Iterable[Mapping[str, Any]]", source)  # type: ignore[redundant-cast]  # pyright: str iterates


def _parsed(lines: Iterable[str | bytes]) -> Iterator[JsonObject]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line)
        except (ValueError, RecursionError) as problem:
            raise InvalidDocument(f"line {number} is not JSON: {problem}") from problem
        if not isinstance(document, dict):
            raise InvalidDocument(f"line {number} is not a document but a {type(document).__name__}")
        yield cast(JsonObject, document)


MODES: dict[str, ValidationMode] = {"strict": "strict", "lenient": "lenient", "off": "off"}


class Collections(Caller):
    """Calls for whole collections, blocking."""

    def truncate(self, collection: str) -> None:
        """Delete all documents of a collection; its indexes and schema are kept."""
        self._run(truncate(self._database, collection))

    def compact(self, collection: str) -> None:
        """Release disk space that is no longer used."""
        self._run(compact(self._database, collection))

    def repair(self, collection: str) -> int:
        """Count the documents again and rebuild the indexes; return the number of documents."""
        return self._run(repair(self._database, collection))

    def stats(self, collection: str) -> CollectionStats:
        """Return the statistics of a collection."""
        return self._run(databases.collection_stats(self._database, collection))

    def set_schema(self, collection: str, schema: Mapping[str, Any], *, mode: str = "strict") -> None:
        """Set the JSON Schema for writes; ``mode`` is strict, lenient (only logs) or off.

        ``format`` is checked only with ``"$schema": "http://json-schema.org/draft-07/schema#"``.
        """
        self._run(set_schema(self._database, collection, schema, mode))

    def get_schema(self, collection: str) -> JsonObject | None:
        """Return the JSON Schema of a collection; None if there is none."""
        return self._run(get_schema(self._database, collection))

    def delete_schema(self, collection: str) -> None:
        """Delete the JSON Schema: writes are no longer checked."""
        self._run(delete_schema(self._database, collection))

    @overload
    def export(
        self, collection: str, target: None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult]: ...
    @overload
    def export(self, collection: str, target: Target, *, progress: Progress | None = None) -> int: ...
    def export(
        self, collection: str, target: Target | None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult] | int:
        """Write all documents as JSONL to a path or an open file, or return them as a list.

        With a path or a file, return the number of documents.

        Documents are read in pages, the first of 1,000 documents, the others of about four megabytes.
        ``progress`` is called after each with the number of documents so far.
        """
        if target is None:
            return self._exported(collection, progress)
        count = 0
        with opened(target) as file:
            for page in self._pages(documents.pages(self._database, collection)):
                write(file, page)
                count += len(page)
                _tell(progress, count)
        return count

    def import_(
        self, collection: str, data: Source, mode: str | None = None, *, progress: Progress | None = None
    ) -> int:
        """Store documents from JSONL (a path, an open file, bytes) or an iterable; return their number.

        ``mode`` is "upsert", which replaces documents with the same key, or "insert", which raises
        DuplicateKey; then nothing of the current 4 MiB is stored, but what came before is.
        """
        count = 0
        for chunk in chunks_in(data, collection):
            count += self._run(store(self._database, collection, chunk, mode or "insert"))
            _tell(progress, count)
        return count

    def _exported(self, collection: str, progress: Progress | None) -> list[DocumentResult]:
        exported: list[DocumentResult] = []
        for page in self._pages(documents.pages(self._database, collection)):
            exported += page
            _tell(progress, len(exported))
        return exported


class AsyncCollections(AsyncCaller):
    """Calls for whole collections, async."""

    async def truncate(self, collection: str) -> None:
        """Delete all documents of a collection; its indexes and schema are kept."""
        await self._run(truncate(self._database, collection))

    async def compact(self, collection: str) -> None:
        """Release disk space that is no longer used."""
        await self._run(compact(self._database, collection))

    async def repair(self, collection: str) -> int:
        """Count the documents again and rebuild the indexes; return the number of documents."""
        return await self._run(repair(self._database, collection))

    async def stats(self, collection: str) -> CollectionStats:
        """Return the statistics of a collection."""
        return await self._run(databases.collection_stats(self._database, collection))

    async def set_schema(self, collection: str, schema: Mapping[str, Any], *, mode: str = "strict") -> None:
        """Set the JSON Schema for writes; ``mode`` is strict, lenient (only logs) or off.

        ``format`` is checked only with ``"$schema": "http://json-schema.org/draft-07/schema#"``.
        """
        await self._run(set_schema(self._database, collection, schema, mode))

    async def get_schema(self, collection: str) -> JsonObject | None:
        """Return the JSON Schema of a collection; None if there is none."""
        return await self._run(get_schema(self._database, collection))

    async def delete_schema(self, collection: str) -> None:
        """Delete the JSON Schema: writes are no longer checked."""
        await self._run(delete_schema(self._database, collection))

    @overload
    async def export(
        self, collection: str, target: None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult]: ...
    @overload
    async def export(self, collection: str, target: Target, *, progress: Progress | None = None) -> int: ...
    async def export(
        self, collection: str, target: Target | None = None, *, progress: Progress | None = None
    ) -> list[DocumentResult] | int:
        """Write all documents as JSONL to a path or an open file, or return them as a list.

        With a path or a file, return the number of documents.

        Documents are read in pages, the first of 1,000 documents, the others of about four megabytes.
        ``progress`` is called after each with the number of documents so far.
        """
        if target is None:
            return await self._exported(collection, progress)
        count = 0
        with opened(target) as file:
            async for page in self._pages(documents.pages(self._database, collection)):
                await anyio.to_thread.run_sync(write, file, page)
                count += len(page)
                _tell(progress, count)
        return count

    async def import_(
        self, collection: str, data: Source, mode: str | None = None, *, progress: Progress | None = None
    ) -> int:
        """Store documents from JSONL (a path, an open file, bytes) or an iterable; return their number.

        ``mode`` is "upsert", which replaces documents with the same key, or "insert", which raises
        DuplicateKey; then nothing of the current 4 MiB is stored, but what came before is.
        """
        count = 0
        chunks = chunks_in(data, collection)
        while (chunk := await anyio.to_thread.run_sync(next, chunks, None)) is not None:
            count += await self._run(store(self._database, collection, chunk, mode or "insert"))
            _tell(progress, count)
        return count

    async def _exported(self, collection: str, progress: Progress | None) -> list[DocumentResult]:
        exported: list[DocumentResult] = []
        async for page in self._pages(documents.pages(self._database, collection)):
            exported += page
            _tell(progress, len(exported))
        return exported


def _tell(progress: Progress | None, count: int) -> None:
    if progress is not None:
        progress(count)


def truncate(database: str, collection: str) -> Exchange[None]:
    """Delete all documents of a collection; its indexes and schema are kept."""
    yield from _do("truncate_collection", database, collection)


def compact(database: str, collection: str) -> Exchange[None]:
    """Release disk space that is no longer used."""
    yield from _do("compact_collection", database, collection)


def repair(database: str, collection: str) -> Exchange[int]:
    """Count the documents again and rebuild the indexes; return the number of documents.

    The server's own repair is for sharded collections only.
    """
    count: int = (yield from _do("recount_collection", database, collection)).total
    yield from _do("rebuild_indexes", database, collection)
    return count


def set_schema(
    database: str, collection: str, schema: Mapping[str, Any], mode: str = "strict"
) -> Exchange[None]:
    """Set the JSON Schema that writes are checked against from now on."""
    validation = MODES.get(mode)
    if validation is None:
        raise UsageError(f"{mode!r} is not a mode of validation", hint=f"one of {', '.join(MODES)}")
    command = SetSchema(collection, dict(schema), validation)
    yield from definitions.set_schema(command, database)


def get_schema(database: str, collection: str) -> Exchange[JsonObject | None]:
    """Return the JSON Schema of a collection; None if there is none."""
    answer = yield from _do("get_collection_schema", database, collection, repeatable=True)
    return definitions.own_schema(definitions.schema_of(answer.data)[0])


def delete_schema(database: str, collection: str) -> Exchange[None]:
    """Delete the JSON Schema of a collection."""
    yield from _do("delete_collection_schema", database, collection)


def store(database: str, collection: str, chunk: Sequence[JsonObject], mode: str) -> Exchange[int]:
    """Store one chunk of an import; return the number of documents."""
    if mode == "insert":
        request = {"cmd": "bulk_insert", "database": database, "collection": collection}
        answer = yield from send(
            request | {"documents": list(chunk)}, Subject(database, collection), untimed=True
        )
        return answer.total
    if mode != "upsert":
        raise UsageError(f"{mode!r} is not a mode of import", hint="insert or upsert")
    return (yield from _upsert(database, collection, chunk))


def _upsert(database: str, collection: str, documents: Sequence[JsonObject]) -> Exchange[int]:
    """Store documents, replacing those with the same keys."""
    text = (
        f"FOR d IN @documents INSERT d INTO {quoted(collection)} "
        "OPTIONS {overwriteMode: 'replace'} RETURN NEW._key"
    )
    request = query_request(text, {"documents": list(documents)}, database)
    answer = yield from send(request, Subject(database, collection, query=text), untimed=True)
    return len(answer.data)


def _do(cmd: str, database: str, collection: str, repeatable: bool = False) -> Exchange[Any]:
    request = {"cmd": cmd, "database": database, "collection": collection}
    context = Subject(database, collection)
    return (yield from send(request, context, repeatable=repeatable, untimed=not repeatable))
