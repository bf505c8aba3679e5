"""Frames: four bytes of big-endian length, then a MessagePack payload; the same both ways.

No sockets here, so that every split of the bytes can be tried, and a server for tests is the same
code pointed the other way.
"""

from __future__ import annotations

import struct

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
