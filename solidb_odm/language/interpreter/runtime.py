"""One run of a query: its source, its bind values, and how much more it may do."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import CollectionNotFound, DatabaseError, QueryError, QueryLimitError, QueryTimeout
from ..functions.built_in import IndexInfo
from .source import Selects, Source

_TICK = 128
"""After how many units of work the clock is read."""


class _Unbound:
    """The value of a variable that exists in some rows only."""


UNBOUND = _Unbound()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a query may do. ``cancelled`` is asked now and then; True ends the query.

    The server's own limits are the defaults.
    """

    max_rows: int = 5_000_000
    seconds: float | None = 30.0
    max_recursion_rounds: int = 1_000
    max_recursion_rows: int = 1_000_000
    max_paths: int = 256
    max_range: int = 10_000_000
    cancelled: Callable[[], bool] | None = None


class Run:
    """The state of one run, and what the built-in functions may ask (their ``Context``)."""

    __slots__ = (
        "_deadline",
        "_random",
        "_spent",
        "binds",
        "context",
        "limits",
        "memory",
        "selects",
        "source",
        "strict",
        "written",
    )

    def __init__(
        self,
        source: Source,
        binds: Mapping[str, Json],
        *,
        strict: bool = False,
        limits: Limits | None = None,
        context: Any = None,
    ) -> None:
        self.source = source
        self.binds = binds
        self.strict = strict
        self.selects = source if isinstance(source, Selects) and not strict else None
        self.limits = limits or Limits()
        self.context: Any = self if context is None else context
        self.memory: dict[Any, Any] = {}
        self.written = 0
        """How many documents a mutation came to, each of which may change what a subquery gives."""
        seconds = self.limits.seconds
        self._deadline = None if seconds is None else time.monotonic() + seconds
        self._spent = 0
        self._random: random.Random | None = None

    @property
    def database(self) -> str:
        return self.source.database

    def document(self, collection: str, key: str) -> JsonObject | None:
        return self.source.get(self.known(collection), key)

    def collection_exists(self, name: str) -> bool:
        return self.source.exists(name)

    def scan(self, collection: str) -> Iterable[JsonObject]:
        return self.source.scan(self.known(collection))

    def index_of(self, collection: str, kind: str, name_or_field: str) -> IndexInfo | None:
        return self.source.index_of(collection, kind, name_or_field)

    def edges(self, collection: str, vertex: str, direction: str) -> Iterable[JsonObject]:
        """Return the edges at a vertex; for any direction those that leave come first."""
        wanted = direction.upper()
        if wanted != "INBOUND":
            yield from self.source.edges(collection, vertex, "OUTBOUND")
        if wanted != "OUTBOUND":
            yield from self.source.edges(collection, vertex, "INBOUND")

    def now(self) -> datetime:
        return datetime.now(UTC)

    def random(self) -> random.Random:
        if self._random is None:
            self._random = random.Random()  # noqa: S311  # RAND() promises no secrecy
        return self._random

    def spend(self, units: int) -> None:
        """Count work; now and then read the clock, and end a query that ran too long."""
        self._spent += units
        if self._spent >= _TICK:
            self._spent = 0
            self.check_time()

    def check_time(self) -> None:
        """Raise QueryTimeout when the time is over or the caller has cancelled."""
        if self._deadline is not None and time.monotonic() > self._deadline:
            raise QueryTimeout(f"the query ran longer than {self.limits.seconds:g} s")
        if self.limits.cancelled is not None and self.limits.cancelled():
            raise QueryTimeout("the query was cancelled")

    def check_rows(self, count: int) -> None:
        """Raise QueryLimitError when one step has made too many rows."""
        if count > self.limits.max_rows:
            raise QueryLimitError(
                f"the query made more than {self.limits.max_rows} intermediate rows",
                hint="filter earlier, or read the collection in pages",
            )

    def known(self, collection: str) -> str:
        """Return the name if it is a collection's; raises CollectionNotFound."""
        if not self.source.exists(collection):
            raise CollectionNotFound(f"Collection '{collection}' not found", name=collection)
        return collection

    def swallow(self, error: DatabaseError) -> None:
        """Forget an error where the server does; not in strict mode, and never a limit."""
        if self.strict or isinstance(error, QueryTimeout | QueryLimitError):
            raise error


def missing_bind(name: str) -> QueryError:
    """Make the error for a bind variable without a value."""
    return QueryError(f"Bind variable '@{name}' not found", hint=f"give a value for {name} beside the query")


Row: TypeAlias = list[Any]
"""The variables of one row by slot; the first slot holds the Run."""

Value: TypeAlias = Callable[[Row], Json]
"""A compiled expression."""

Stage: TypeAlias = Callable[[Run, Iterable[Row]], Iterable[Row]]
"""A compiled clause."""

Rows: TypeAlias = Callable[[Row], Iterable[Json]]
"""A compiled query: the values it returns, given the row it stands in."""
