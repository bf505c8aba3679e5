"""MessagePack, typed: the only module that imports ``msgpack``, which has no type stubs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, TypeGuard, cast

import msgpack as _msgpack

from .._types import Json, JsonObject
from ..errors import ProtocolError

_library = cast(Any, _msgpack)

pack = cast(Callable[[Any], bytes], _library.packb)
"""Pack one value."""


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


def is_map(value: Json) -> TypeGuard[JsonObject]:
    """Return whether an unpacked value is a map."""
    return isinstance(value, dict)


def is_list(value: Json) -> TypeGuard[list[Json]]:
    """Return whether an unpacked value is a list."""
    return isinstance(value, list)


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
