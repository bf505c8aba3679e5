"""Names while a query is compiled: each variable has a slot in the rows."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import field, replace
from typing import NoReturn

from ..._dataclasses import dataclass
from ...errors import QueryError
from .. import nodes
from .runtime import Row, Value
from .source import CandidateSet


@dataclass(frozen=True, slots=True)
class PendingWindow:
    """A window function met in an expression; its result is put in a slot before that is read."""

    node: nodes.Window
    slot: int


@dataclass(slots=True)
class Variables:
    """The variables in sight at one place, by name.

    ``unbound`` are those that exist in some rows only. ``windows`` collects window functions, or
    is None where there can be none. ``score`` is the slot of the SEARCH clause's score.
    """

    names: dict[str, int] = field(default_factory=dict[str, int])
    unbound: frozenset[str] = frozenset()
    windows: list[PendingWindow] | None = None
    score: int | None = None

    def copy(self) -> Variables:
        """Return a scope of its own with the same names, without a place for windows."""
        return replace(self, names=dict(self.names), windows=None)

    def collecting(self) -> Variables:
        """Return the same names with an empty place for window functions."""
        return replace(self, names=dict(self.names), windows=[])


class Frame:
    """What is gathered while one query is compiled."""

    def __init__(self, *, mutating: bool = False) -> None:
        self.size = 1
        self.mutating = mutating
        self.tables: set[int] = set()
        """The slots of the tables of a WITH, which are the same for many rows."""
        self.binds: set[str] = set()
        self.problems: list[QueryError] = []
        self.selections: list[CandidateSet] = []
        self._readers: list[set[int]] = []

    def slot(self) -> int:
        """Reserve a slot in the rows."""
        self.size += 1
        return self.size - 1

    def declare(self, scope: Variables, name: str) -> int:
        """Bind a name in the scope to a fresh slot."""
        slot = self.slot()
        scope.names[name] = slot
        scope.unbound -= {name}
        return slot

    def read(self, slot: int) -> None:
        """Note that the expression being compiled reads this slot."""
        for reads in self._readers:
            reads.add(slot)

    @contextmanager
    def reading(self) -> Generator[set[int]]:
        """Gather the slots that are read by what is compiled inside."""
        reads: set[int] = set()
        self._readers.append(reads)
        try:
            yield reads
        finally:
            self._readers.pop()

    def refuse(self, error: QueryError) -> Value:
        """Compile to raising the error, which a strict run raises before it starts."""
        self.problems.append(error)

        def fail(_row: Row) -> NoReturn:
            raise type(error)(error.message, hint=error.hint)

        return fail
