"""Requests about a collection, as the wire has them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from ..._types import JsonObject
from ...errors import ConnectionLost, IndexNotFound, MessageTooLarge, SolidbError, UsageError
from ...wire.faults import Context
from ...wire.frames import MAX_FRAME
from ...wire.requests import Exchange, ask
from ...wire.responses import Answer


def ask_whole(request: JsonObject, context: Context, *, hint: str) -> Exchange[Answer]:
    """Ask for something to read that has to fit into one message; MessageTooLarge if it does not."""
    try:
        return (yield from ask(request, context, repeatable=True))
    except ConnectionLost as problem:  # which is how the server refuses an answer over 16 MiB
        if not (yield from is_there()):
            raise
        raise MessageTooLarge(
            f"{request['cmd']} {context.collection}: the answer is over the server's limit of 16 MiB",
            limit=MAX_FRAME,
            hint=hint,
        ) from problem


def is_there() -> Exchange[bool]:
    """Say whether the server answers; a connection that broke was not its end, then."""
    try:
        yield from ask({"cmd": "ping"}, repeatable=True)
    except SolidbError:
        return False
    return True


class Named(Protocol):
    """What has a name and an attribute: an index."""

    @property
    def name(self) -> str:
        """The index's name."""
        ...

    @property
    def field(self) -> str:
        """The attribute it is over."""
        ...


N = TypeVar("N", bound=Named)


def about(cmd: str, database: str, collection: str, **others: Any) -> JsonObject:
    """Give the request for a command about a collection."""
    return {"cmd": cmd, "database": database, "collection": collection, **others}


def named(indexes: Iterable[N], name: str, collection: str, kind: str) -> N:
    """Give the index of this name."""
    for index in indexes:
        if index.name == name:
            return index
    raise IndexNotFound(f"{collection} has no {kind} index {name!r}", name=name)


def chosen(indexes: Sequence[N], name: str | None, collection: str, kind: str) -> N:
    """Give the index of this name, or the only one there is."""
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
