"""What is written, as it happens: what to subscribe to, and what the feed's messages mean."""

from __future__ import annotations

import itertools
import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, TypeVar, cast

from ..._types import Json, JsonObject
from ...errors import QueryError
from ...language import nodes
from ...language.parser import parse
from ...language.printer import print_query
from ...language.walk import transform
from ...wire.faults import Context, fault
from ...wire.requests import Exchange
from ...wire.responses import Refusal
from ..results import DocumentResult, Result
from .rest import at, rest

T = TypeVar("T")
PATIENCE = 60.0
"""Seconds for which a feed that broke tries to come back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(Result):
    """One write. ``doc`` is the document after it; None after a removal.

    ``gap`` is no write: changes before this one were missed, ``skipped`` of them if their number is
    known. The server does not repeat them; read the collection again if none may be missed.
    """

    operation: Literal["insert", "update", "delete", "truncate", "gap"]
    collection: str
    key: str = ""
    doc: DocumentResult | None = None
    skipped: int | None = None


@dataclass(slots=True)
class Watch(Generic[T]):
    """A subscription: its request, and what has come for whoever reads it."""

    request: JsonObject
    context: Context
    collection: str = ""
    items: deque[T] = field(default_factory=deque[Any])
    began: bool = False  # the server has agreed to it, on this connection
    ever: bool = False  # and on any

    def take(self, message: JsonObject) -> None:
        """Take in a message of the feed; a refusal is raised."""
        if "error" in message:
            text = str(message["error"]).removeprefix("Invalid SDBQL query: ")
            raise fault(Refusal("DatabaseError", text), self.context)
        kind = message.get("type")
        if kind == "subscribed":
            if self.ever and not self.began and self.collection:
                self.items.append(cast(T, Change(operation="gap", collection=self.collection)))
            self.began = self.ever = True
        elif kind == "query_result":
            self.items.append(cast(T, message["result"]))
        elif kind == "lagged":
            skipped = message.get("skipped")
            gap = Change(operation="gap", collection=self.collection, skipped=skipped, raw=message)
            self.items.append(cast(T, gap))
        elif "operation" in message:
            self.items.append(cast(T, change_of(message)))


def watch_changes(database: str, collection: str, key: str | None) -> Watch[Change]:
    """Subscribe to the writes of a collection, or of one document."""
    request: JsonObject = {"type": "subscribe", "database": database, "collection": collection}
    if key is not None:
        request["key"] = key
    return Watch(request, Context(database, collection, key or ""), collection)


def watch_query(database: str, text: str, binds: Mapping[str, Any] | None) -> Watch[list[Json]]:
    """Subscribe to the result of a query."""
    whole = inlined(text, binds) if binds else text
    request: JsonObject = {"type": "live_query", "database": database, "query": whole, "id": "live"}
    return Watch(request, Context(database, query=text, binds=binds or {}))


def change_of(message: JsonObject) -> Change:
    """Read a message about a write."""
    data = message.get("data")
    return Change.of(message, doc=None if data is None else DocumentResult(data))


def feed_token() -> Exchange[str]:
    """Get a token that opens a feed within seconds."""
    return str((yield from rest("GET", at("livequery", "token")))["token"])


def inlined(text: str, binds: Mapping[str, Any]) -> str:
    """Write the values of bind variables into a query: live queries take none."""
    return print_query(cast(Any, transform(parse(text), partial(_inlined, binds))))


def waits() -> Iterator[float]:
    """Give the seconds to wait between attempts to come back, without end."""
    for attempt in itertools.count():
        yield random.uniform(0.5, 1.0) * min(5.0, 0.1 * 2 ** min(attempt, 10))  # noqa: S311 - no secret


def _inlined(binds: Mapping[str, Any], node: nodes.Node) -> nodes.Node:
    if not isinstance(node, nodes.Bind):
        return node
    if node.name not in binds:
        raise QueryError(f"@{node.name} is not given")
    return _constant(binds[node.name])


def _constant(value: Any) -> nodes.Expression:
    if isinstance(value, Mapping):
        pairs = cast(Mapping[str, Any], value).items()
        return nodes.Object(tuple((str(name), _constant(item)) for name, item in pairs))
    if isinstance(value, list | tuple):
        return nodes.Array(tuple(_constant(item) for item in cast(list[Any], value)))
    if value is None or isinstance(value, str | int | float | bool):
        return nodes.Literal(value)
    raise QueryError(f"a bind variable can't be a {type(value).__name__}")
