"""Frames: four bytes of big-endian length, then a MessagePack payload; the same both ways.

No sockets here, so that every split of the bytes can be tried, and a server for tests is the same
code pointed the other way.
"""

from __future__ import annotations

from ...errors import MessageTooLarge, ProtocolError

MAGIC = b"solidb-drv-v1\0"
"""Sent once, first, and in one piece: the server reads it with a single call."""

MAX_FRAME = 16 * 1024 * 1024
"""The most payload bytes in one frame, either way."""

MAX_FRAME_BEFORE_LOGIN = 64 * 1024
"""The most payload bytes in one request until the login is accepted."""

HEADER = 4


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

    __slots__ = ("_buffer", "_limit")

    def __init__(self, limit: int = MAX_FRAME) -> None:
        self._buffer, self._limit = bytearray(), limit

    @property
    def pending(self) -> int:
        """The number of received bytes that are not yet a whole frame."""
        return len(self._buffer)

    def feed(self, data: bytes) -> list[bytes]:
        """Add received bytes; return the payloads that are now whole."""
        buffer = self._buffer
        if not buffer and len(data) - HEADER == int.from_bytes(data[:HEADER], "big") <= self._limit:
            return [data[HEADER:]]  # exactly one, as most answers come
        buffer += data
        payloads: list[bytes] = []
        start = 0
        while (end := self._end(start)) is not None:
            payloads.append(bytes(buffer[start + HEADER : end]))
            start = end
        if start:
            del buffer[:start]
        return payloads

    def _end(self, start: int) -> int | None:
        have = len(self._buffer) - start
        if have < HEADER:
            return None
        size = int.from_bytes(self._buffer[start : start + HEADER], "big")
        if size > self._limit:
            raise ProtocolError(
                f"the other side announced a frame of {size:,} bytes; the limit is {self._limit:,}",
                hint="is this the port of a SoliDB server, with TLS on both sides or on neither?",
            )
        return start + HEADER + size if have >= HEADER + size else None
