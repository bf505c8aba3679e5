"""Helpers for requests: about collections and indexes, over HTTP, and errors for what the server lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar, cast
from urllib.parse import quote

from .._types import Json, JsonObject, is_map, shown
from ..commands import call
from ..errors import (
    AlreadyExists,
    ConnectionLost,
    IndexNotFound,
    InvalidCommand,
    InvalidDocument,
    MessageTooLarge,
    NotFoundError,
    NotSupportedByServerError,
    SolidbError,
    UsageError,
)
from ..wire.exchange import NOT_FINITE, Exchange, HttpCall, http_fault, packed, send
from ..wire.faults import Subject
from ..wire.frames import MAX_FRAME, Answer, array_header, frame, map_header, pack, packer

BULK_BYTES = 4 * 1024 * 1024
"""How much one bulk frame holds at most, well below the server's limit for a message."""


class Named(Protocol):
    """A protocol for indexes: a name and an attribute."""

    @property
    def name(self) -> str:
        """The index's name."""
        ...

    @property
    def field(self) -> str:
        """The attribute it is over."""
        ...


N = TypeVar("N", bound=Named)


def send_whole(request: JsonObject, context: Subject, *, hint: str) -> Exchange[Answer]:
    """Send a read whose answer must fit into one message; raise MessageTooLarge if it does not."""
    try:
        return (yield from send(request, context, repeatable=True))
    except ConnectionLost as problem:  # which is how the server refuses an answer over 16 MiB
        if not (yield from is_there()):
            raise
        raise MessageTooLarge(
            f"{request['cmd']} {context.collection}: the answer is over the server's limit of 16 MiB",
            limit=MAX_FRAME,
            hint=hint,
        ) from problem


def is_there() -> Exchange[bool]:
    """Return whether the server still answers after a connection was lost."""
    try:
        yield from send({"cmd": "ping"}, repeatable=True)
    except SolidbError:
        return False
    return True


def about(cmd: str, database: str, collection: str, **others: Any) -> JsonObject:
    """Return the request of a command on a collection."""
    return {"cmd": cmd, "database": database, "collection": collection, **others}


def named(indexes: Iterable[N], name: str, collection: str, kind: str) -> N:
    """Return the index of this name; raise IndexNotFound if there is none."""
    for index in indexes:
        if index.name == name:
            return index
    raise IndexNotFound(f"{collection} has no {kind} index {name!r}", name=name)


def chosen(indexes: Sequence[N], name: str | None, collection: str, kind: str) -> N:
    """Return the index of this name, or without a name the only index."""
    if name is not None:
        return named(indexes, name, collection, kind)
    if len(indexes) == 1:
        return indexes[0]
    if not indexes:
        raise IndexNotFound(
            f"{collection} has no {kind} index", hint=f"make one with {kind}.create_index(..)"
        )
    names = ", ".join(index.name for index in indexes)
    raise UsageError(f"{collection} has several {kind} indexes: {names}", hint="choose one with index=…")


def at(*parts: str) -> str:
    """Return a path of the HTTP interface; every part is quoted."""
    return "/_api/" + "/".join(map(_quoted, parts))


def _quoted(part: str) -> str:
    try:
        return quote(part, safe="")
    except (TypeError, UnicodeEncodeError):  # of a caller, or of an answer that names what it made
        raise UsageError(f"{shown(part)} can't be a name in a request", hint="names are texts") from None


def rest(method: str, path: str, body: Json = None, *, what: str = "", name: str = "") -> Exchange[Any]:
    """Make an HTTP call about ``what`` of this ``name``, for messages; return the body of its answer."""
    answer = yield from call(HttpCall(method, path, body))
    if answer.status < 400:
        return answer.body
    if what and answer.status == 404:
        raise NotFoundError(f"there is no {what} {name!r}", name=name)
    if what and answer.status == 409:
        raise AlreadyExists(f"there is a {what} {name!r} already", name=name)
    if answer.status == 422:
        text = answer.body.get("error", "") if is_map(answer.body) else answer.body
        raise InvalidCommand(f"the server refused this {what or 'request'}: {text}")
    raise http_fault(answer)


def unsupported(what: str, why: str, instead: str) -> NotSupportedByServerError:
    """Return the error for a call that the server lacks: what was called, the reason, and the alternative."""
    return NotSupportedByServerError(f"the server has no {what}: {why}", hint=f"instead: {instead}")


def unix_seconds(moment: datetime | str | float) -> int:
    """Return a time in seconds since 1970; it is given as RFC 3339, a datetime (naive: UTC), or seconds."""
    if isinstance(moment, str):
        try:
            moment = datetime.fromisoformat(moment)
        except ValueError as problem:
            raise UsageError(
                f"{moment!r} is not a point in time", hint="2026-01-31T09:00:00+00:00, or a datetime"
            ) from problem
    if isinstance(moment, datetime):
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    return int(moment)


def chunks_of(documents: Iterable[Mapping[str, Any]], collection: str) -> Iterator[list[JsonObject]]:
    """Yield lists of documents that fit into one message."""
    return (chunk for chunk, _ in packed_chunks(documents, collection))


def packed_chunks(
    documents: Iterable[Mapping[str, Any]], collection: str
) -> Iterator[tuple[list[JsonObject], list[bytes]]]:
    """Yield documents that fit into one message, and each of them packed: it is sent as it was weighed."""
    pack_one, what = packer(), f"a document for {collection}"
    chunk: list[JsonObject] = []
    pieces: list[bytes] = []
    size = 0
    for document in documents:
        is_plain = (
            type(cast(Any, document)) is dict
        )  # asking whether it is a Mapping takes as long as packing
        body = cast(JsonObject, document) if is_plain else checked_document(document, collection)
        try:
            piece = pack_one(body)
        except (TypeError, OverflowError, ValueError):
            piece = packed(body, what)  # says what is wrong
        if NOT_FINITE.search(piece):
            packed(body, what)
        if chunk and size + len(piece) > BULK_BYTES:
            yield chunk, pieces
            chunk, pieces, size = [], [], 0
        chunk.append(body)
        pieces.append(piece)
        size += len(piece)
    if chunk:
        yield chunk, pieces


def bulk_frame(request: JsonObject, name: str, pieces: Sequence[bytes], what: str) -> bytes:
    """Return the frame of a request with one more attribute, a list of values that are packed already."""
    parts = [map_header(len(request) + 1)]
    for key, value in request.items():
        parts += (pack(key), pack(value))
    return frame(b"".join([*parts, pack(name), array_header(len(pieces)), *pieces]), what=what)


def checked_document(document: Mapping[str, Any], collection: str) -> JsonObject:
    """Refuse a document that is not a mapping: the server would store it in an unusable form."""
    if not isinstance(cast(Any, document), Mapping):
        raise InvalidDocument(
            f"a document for {collection} must be a dict, not a {type(document).__name__}",
            collection=collection,
        )
    return dict(document)
