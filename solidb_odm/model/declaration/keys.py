"""Document keys: UUIDv7 text made by the client, and what a key or a collection name may be.

Keys are made before anything is sent, so that edges can name documents that are not stored yet.
"""

from __future__ import annotations

import os
import re
import threading
import time

from ...errors import DeclarationError

MAXIMUM_KEY_LENGTH = 254
KEY_PATTERN = r"^[^/\x00-\x1f\x7f]+$"
"""The server takes any text, but a slash breaks ``collection/key`` and control characters break logs."""

_COLLECTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}")
_RANDOM_BITS = 74


class KeyMaker:
    """Makes UUIDv7 keys (RFC 9562): 36 characters that sort in the order of the calls.

    The 74 bits after the millisecond start at random and count up by a random step within one
    millisecond (method 2 of section 6.2), so keys of one process are strictly increasing.
    """

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was made; a child process must not go on where its parent goes on too."""
        self._lock = threading.Lock()
        self._millisecond = self._count = self._step = 0
        self._prefix = ""

    def __deepcopy__(self, _memo: object) -> KeyMaker:
        """Return itself, so that fields, whose default it is, can be copied."""
        return self

    def __reduce__(self) -> str | tuple[type[KeyMaker], tuple[()]]:
        """Pickle the one of the process by its name: where it is read there is another one."""
        return "new_key" if self is new_key else (KeyMaker, ())

    def __call__(self) -> str:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._millisecond:
                self._begin(now)
            else:
                self._count += self._step
                if self._count >> _RANDOM_BITS:
                    self._begin(self._millisecond + 1)
            prefix, count = self._prefix, self._count
        tail = f"{1 << 63 | count & (1 << 62) - 1:016x}"
        return f"{prefix}-7{count >> 62:03x}-{tail[:4]}-{tail[4:]}"

    def _begin(self, millisecond: int) -> None:
        random = int.from_bytes(os.urandom(12), "big")
        self._count = random >> 16 & (1 << _RANDOM_BITS) - 1
        self._step = 1 + (random & 0xFFFF)
        self._millisecond = millisecond
        self._prefix = f"{millisecond >> 16:08x}-{millisecond & 0xFFFF:04x}"


new_key = KeyMaker()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=new_key.restart)


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
