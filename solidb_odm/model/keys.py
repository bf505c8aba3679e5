"""Document keys: UUIDv7 text made by the client, and what a key or a collection name may be.

Keys are made before anything is sent, so that edges can name documents that are not stored yet.
"""

from __future__ import annotations

import os
import re
import threading
import time

from ..errors import DeclarationError

MAXIMUM_KEY_LENGTH = 254
KEY_PATTERN = r"^[^/\x00-\x1f\x7f]+$"
"""The server takes any text, but a slash breaks ``collection/key`` and control characters break logs."""

_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_lock = threading.Lock()
_last = 0


def new_key() -> str:
    """Make a UUIDv7 (RFC 9562): 36 characters that sort in the order of the calls.

    The 74 bits after the millisecond start at random and count up within one millisecond (method 2
    of section 6.2), so keys of one process are strictly increasing.
    """
    global _last  # noqa: PLW0603  one counter a process keeps keys increasing
    random = int.from_bytes(os.urandom(9), "big")
    fresh = (time.time_ns() // 1_000_000) << 74 | random
    with _lock:
        if fresh >> 74 <= _last >> 74:
            fresh = _last + 1 + (random & 0xFFFF)
        _last = fresh
    value = fresh >> 74 << 80 | 0x7 << 76 | (fresh >> 62 & 0xFFF) << 64 | 0b10 << 62 | fresh & (1 << 62) - 1
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def check_collection_name(name: object, *, model: str) -> str:
    """Return the name if it is safe on every engine; DeclarationError naming the model if not."""
    if not isinstance(name, str) or not _COLLECTION.fullmatch(name):
        raise DeclarationError(
            f"{name!r} is not a collection name",
            model=model,
            hint="use letters, digits, '_' and '-', starting with a letter, at most 128 characters",
        )
    if name.startswith("_"):
        raise DeclarationError(
            f"the collection name {name!r} starts with '_', which is kept for the server's own collections",
            model=model,
        )
    return name
