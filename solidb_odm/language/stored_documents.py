"""Stored documents: the attributes that an engine keeps in each, and keys that sort by time.

Keys are UUIDv7 (RFC 9562): text of 36 characters, whose order is that of the calls that made them.
"""

from __future__ import annotations

import os
import re
import sysconfig
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from inspect import Signature
from typing import Any, Final

ENGINE_ATTRIBUTES: Final = ("_id", "_rev", "_created_at", "_updated_at")
"""What an engine writes into a document, and nobody else."""

SYSTEM_ATTRIBUTES: Final = ("_key", *ENGINE_ATTRIBUTES)
"""What every stored document has, whatever its class."""

_RANDOM_BITS: Final = 74
_COUNTED_BITS: Final = 48
"""Those in the last group of a key, which is all that differs between two keys of one millisecond."""


KEY_PATTERN: Final = r"^[^/\x00-\x1f\x7f]+$"
"""The server takes any text, but a slash breaks ``collection/key`` and control characters break logs."""

DEEPEST: Final = 120
"""Levels of lists and objects in a document. The server's JSON reader takes 127, Pydantic's some 200."""

_BRACKETS: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]')


def is_deep(document: str | dict[str, Any]) -> bool:
    """Return whether a document, as JSON text or values, has more levels than can be read everywhere."""
    if not isinstance(document, str):
        return _has_levels(document)
    if document.count("[") + document.count("{") <= DEEPEST:
        return False
    depth = 0
    for bracket in _BRACKETS.finditer(document):
        mark = document[bracket.start()]
        if mark in "[{":
            depth += 1
            if depth > DEEPEST:
                return True
        elif mark in "]}":
            depth -= 1
    return False


def _has_levels(document: dict[str, Any]) -> bool:
    nested: list[Any] = [part for part in document.values() if type(part) in (dict, list)]
    for _ in range(DEEPEST - 1):
        if not nested:
            return False
        nested = [part for holder in nested for part in _parts(holder) if type(part) in (dict, list)]
    return bool(nested)


def _parts(value: dict[str, Any] | list[Any]) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def without(document: Mapping[str, Any], names: tuple[str, ...] = ENGINE_ATTRIBUTES) -> dict[str, Any]:
    """Return a document without what an engine writes into it, or without other attributes."""
    return {name: value for name, value in document.items() if name not in names}


def uuid7(milliseconds: int, rest: int) -> str:
    """Return the UUIDv7 of a time and of the 74 bits that follow it."""
    return f"{_prefix(milliseconds, rest)}{rest & (1 << _COUNTED_BITS) - 1:012x}"


def random_bits() -> int:
    """Return the bits of a UUIDv7 after its time, at random."""
    return int.from_bytes(os.urandom(10), "big") & (1 << _RANDOM_BITS) - 1


def _prefix(milliseconds: int, rest: int) -> str:
    """Return a UUIDv7 up to its last group."""
    low = rest >> _COUNTED_BITS & (1 << 14) - 1
    return f"{milliseconds >> 16:08x}-{milliseconds & 0xFFFF:04x}-7{rest >> 62:03x}-{1 << 15 | low:04x}-"


class KeyMaker:
    """Makes keys, in strictly increasing order within a process.

    The 74 bits after the millisecond start at random, and the last 48 of them count up by a random step
    within one millisecond (method 2 of section 6.2).
    """

    __signature__ = Signature()
    """That it takes nothing, said here since Pydantic asks at each class whose default it is."""

    def __init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """Forget what was made; a child process must not go on where its parent goes on too."""
        self._lock = threading.RLock()  # the collector, or a signal, may have another key made meanwhile
        self._millisecond = self._until = 0
        self._keys: Iterator[str] = iter(())

    def __deepcopy__(self, _memo: object) -> KeyMaker:
        """Return itself, so that fields, whose default it is, can be copied."""
        return self

    def __reduce__(self) -> str | tuple[type[KeyMaker], tuple[()]]:
        """Pickle the one of the process by its name: where it is read there is another one."""
        return "new_key" if self is new_key else (KeyMaker, ())

    def __call__(self) -> str:
        # Without the lock, which takes as long as the rest: one step of C takes the next key.
        if time.time_ns() < self._until and (key := next(self._keys, None)) is not None:
            return key
        return self._locked()

    def _locked(self) -> str:
        now = time.time_ns() // 1_000_000
        with self._lock:
            if now > self._millisecond:
                self._begin(now)
            while (key := next(self._keys, None)) is None:
                self._begin(self._millisecond + 1)
            return key

    def _begin(self, millisecond: int) -> None:
        """Begin a millisecond, unless a call that came in between began it: its keys are counted by C."""
        rest, step = random_bits(), 1 + int.from_bytes(os.urandom(2), "big")
        end = 1 << _COUNTED_BITS
        counted = range((rest & end - 1) + step, end, step)
        keys = map(f"{_prefix(millisecond, rest)}%012x".__mod__, counted)
        until = 0 if _IS_PARALLEL else (millisecond + 1) * 1_000_000
        if millisecond > self._millisecond:
            self._millisecond, self._keys, self._until = millisecond, keys, until


_IS_PARALLEL: Final = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
"""Whether two threads may take a step of C at the same time."""


new_key = KeyMaker()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=new_key.restart)
