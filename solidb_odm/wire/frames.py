"""Frames: four bytes of big-endian length, then a MessagePack payload; the same both ways.

No sockets here, so that every split of the bytes can be tried, and a server for tests is the same
code pointed the other way.

MessagePack, typed: the only module that imports ``msgpack``, which has no type stubs.

In a payload of the server an envelope: ``{"status": ..}`` with data, or with an error.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import msgpack as _msgpack

from .._types import Json, is_list, is_map
from ..errors import MessageTooLarge, ProtocolError

MAGIC = b"solidb-drv-v1\0"
"""Sent once, first, and in one piece: the server reads it with a single call."""

MAX_FRAME = 16 * 1024 * 1024
"""The most payload bytes in one frame, either way."""

MAX_FRAME_BEFORE_LOGIN = 64 * 1024
"""The most payload bytes in one request until the login is accepted."""

HEADER = 4
_SIZE = struct.Struct(">I")


def frame(payload: bytes, *, limit: int = MAX_FRAME, what: str = "this request") -> bytes:
    """Put the length before a payload. MessageTooLarge, naming ``what``, if it is over the limit."""
    size = len(payload)
    if size > limit:
        raise MessageTooLarge(
            f"{what} takes {size:,} bytes; the server's limit for one message is {limit:,}",
            size=size,
            limit=limit,
            hint="send less at once: fewer documents, or a smaller one (keep large data in blobs)",
        )
    return size.to_bytes(HEADER, "big") + payload


class FrameReader:
    """Cut a byte stream into the payloads of its frames."""

    __slots__ = ("_limit", "_wanted", "buffer")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._limit = limit
        self.buffer = bytearray()  # what is not yet a whole frame
        self._wanted = 0  # how long it must be before another look is worth it

    @property
    def pending(self) -> int:
        """The number of received bytes that are not yet a whole frame."""
        return len(self.buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes; return the payloads that are now whole."""
        if self.buffer:
            self.buffer += data
            if len(self.buffer) < self._wanted:
                return []
            data = bytes(self.buffer)
            self.buffer.clear()
        elif len(data) - HEADER == int.from_bytes(data[:HEADER], "big") <= self._limit:
            return [data[HEADER:]]  # exactly one, as most answers come
        return self._cut(data)

    def _cut(self, data: bytes) -> list[bytes]:
        payloads: list[bytes] = []
        start, have, wanted = 0, len(data), HEADER
        while start + HEADER <= have:
            (size,) = _SIZE.unpack_from(data, start)
            if size > self._limit:
                raise self._oversized(size)
            end = start + HEADER + size
            if end > have:
                wanted = HEADER + size
                break
            payloads.append(data[start + HEADER : end])
            start = end
        self.buffer += data[start:]
        self._wanted = wanted
        return payloads

    def _oversized(self, size: int) -> ProtocolError:
        return ProtocolError(
            f"the other side announced a frame of {size:,} bytes; the limit is {self._limit:,}",
            hint="is this the port of a SoliDB server, with TLS on both sides or on neither?",
        )


_library = cast(Any, _msgpack)

_Packer = _library.Packer


def pack(value: Any) -> bytes:
    """Pack one value, by a packer of its own: a kept one is not safe for threads, nor for the collector."""
    return cast(bytes, _Packer().pack(value))


def packer() -> Callable[[Any], bytes]:
    """Return a function that packs values one after another, reusing one buffer; not thread-safe."""
    return cast(Callable[[Any], bytes], _library.Packer().pack)


def map_header(size: int) -> bytes:
    """Pack the head of a map; its keys and values follow."""
    return cast(bytes, _library.Packer().pack_map_header(size))


def array_header(size: int) -> bytes:
    """Pack the head of an array; its items follow."""
    return cast(bytes, _library.Packer().pack_array_header(size))


unpackb = cast(Callable[[bytes], Json], _library.unpackb)
"""Unpack one value; ``UNPACKING`` are the errors it may raise."""

UNPACKING: tuple[type[Exception], ...] = (ValueError, TypeError, RecursionError, _library.UnpackException)


def unpack(payload: bytes) -> Json:
    """Unpack one value, or raise ProtocolError if this isn't exactly one."""
    try:
        return unpackb(payload)
    except UNPACKING as problem:
        raise unreadable(problem) from problem


def unreadable(problem: Exception) -> ProtocolError:
    """Return the error of an answer that can't be unpacked."""
    return ProtocolError(f"the server sent something that is not MessagePack: {problem}")


def unsuitable(value: Json, path: str = "") -> Iterator[str]:
    """Yield for each part of a value that the server can't keep where it is and what is wrong."""
    here = path or "the value"
    if is_map(value):
        for name, part in value.items():
            if not isinstance(cast(Any, name), str):
                yield f"{here} has the key {name!r}; keys must be strings"
                continue
            yield from unsuitable(part, f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for place, part in enumerate(cast(list[Any], value)):
            yield from unsuitable(part, f"{path}[{place}]")
    elif isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        yield f"{here} is {value}, which the server would turn into null"
    elif isinstance(value, int) and not -(2**63) <= value < 2**64:
        yield f"{here} is {value}, which does not fit in 64 bits"
    elif not isinstance(value, str | int | float | None):
        yield f"{here} is a {type(value).__name__}, which JSON does not have"


class Refusal(NamedTuple):
    """What the server said no with: the name of its error variant, and its text."""

    variant: str
    text: str


class Answer(NamedTuple):
    """One answer: what it carries, or the refusal."""

    data: Json = None
    total: int = 0
    tx_id: str = ""
    refusal: Refusal | None = None
    parts: tuple[Answer, ...] = ()
    is_plain: bool = True
    """Whether it is an "ok", not the answer to a batch or a ping."""

    @property
    def rows(self) -> int:
        """The number of rows it carries; 0 if it isn't a list."""
        return len(self.data) if is_list(self.data) else 0


_new: Callable[[type[Answer], tuple[Any, ...]], Answer] = cast(Any, tuple).__new__


def decode(payload: bytes) -> Answer:
    """Decode the answer in one frame."""
    try:
        reply = unpackb(payload)
    except UNPACKING as problem:
        raise unreadable(problem) from problem
    if is_map(reply) and len(reply) == 2 and "data" in reply and reply.get("status") == "ok":
        return _new(Answer, (reply["data"], 0, "", None, (), True))  # as most are: Answer(..), unnamed
    return answer_of(reply)


def decode_data(payload: bytes) -> Json | Answer:
    """Decode the answer in one frame to what it carries, if that is all there is to it."""
    try:
        reply = unpackb(payload)
    except UNPACKING as problem:
        raise unreadable(problem) from problem
    if is_map(reply) and len(reply) == 2 and "data" in reply and reply.get("status") == "ok":
        return reply["data"]
    return answer_of(reply)


def answer_of(reply: Json) -> Answer:
    """Read an answer that is unpacked already."""
    if not is_map(reply):
        raise ProtocolError(f"the server answered with a {type(reply).__name__} instead of a map")
    status = reply.get("status")
    if status == "ok":
        count, tx_id = reply.get("count", 0), reply.get("tx_id", "")
        if not isinstance(count, int) or not isinstance(tx_id, str):
            raise ProtocolError("the server answered with a count, or a transaction, of another type")
        return Answer(reply.get("data"), count, tx_id)
    if status == "error":
        return Answer(refusal=_refusal(reply.get("error")))
    if status == "batch":
        responses = reply.get("responses")
        if not is_list(responses):
            raise ProtocolError("the server answered a batch without a list of responses")
        return Answer(parts=tuple(map(answer_of, responses)), is_plain=False)
    if status == "pong":
        return Answer(reply.get("timestamp"), is_plain=False)
    raise ProtocolError(f"the server answered with the unknown status {status!r}")


def _refusal(error: Json) -> Refusal:
    if isinstance(error, str):  # {"error": "MessageTooLarge"} is the one without a text
        return Refusal(error, "")
    if is_map(error) and len(error) == 1:
        ((variant, text),) = error.items()
        return Refusal(str(variant), str(text))
    raise ProtocolError(f"the server answered with an error of unknown form: {error!r}")
