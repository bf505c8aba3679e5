"""What an expression needs to become a node: variables, binds, and the statement it stands in."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

from ...language import nodes as q

Source: TypeAlias = Any
"""What a statement ranges over: a model class, or an alias of one.

Not ``Hashable``: checkers hold a class to be as unhashable as its instances.
"""


class Scope(Protocol):
    """Where expressions become nodes."""

    def variable(self, source: Source) -> str:
        """Return the SDBQL variable that ranges over a source."""
        ...

    def bind(self, value: Any) -> q.Bind:
        """Return a bind variable that carries an encoded value."""
        ...

    def types_with(self, source: Source, stored: str) -> q.Expression | None:
        """Return the types that a field of a subclass speaks of, where documents of its parent are read."""
        ...

    def may_lack(self, part: Any) -> bool:
        """Return whether an expression reads what rows may have no document of, as after an outer join."""
        ...

    def statement(self, statement: Any) -> q.Query:
        """Build a statement as a subquery of this scope."""
        ...
