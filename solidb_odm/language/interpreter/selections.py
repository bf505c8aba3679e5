"""What a source is told of one FOR: which documents of a collection can matter.

The conditions name the document and constants. What they take from the rows outside of the loop is
computed before each round, and stands in them as a bind.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, Final, cast

from ..._types import JsonObject
from ...errors import DatabaseError
from .. import nodes
from ..functions import lookup
from ..walk import walk
from .expressions import Compiler
from .runtime import Row, Run, Value
from .scope import Variables
from .source import CandidateSet

_OUTER: Final = "outer {}"
"""A name that no query can write."""
_PLAIN: Final = (
    nodes.Array,
    nodes.Attribute,
    nodes.Binary,
    nodes.Bind,
    nodes.Call,
    nodes.Subscript,
    nodes.Literal,
    nodes.Name,
    nodes.Template,
    nodes.Unary,
)
_OWN_NAMES: Final = (nodes.Expansion, nodes.Lambda, nodes.Quantified, nodes.Subquery, nodes.Window)


class Selecting:
    """A selection with what computes its outer values."""

    __slots__ = ("_values", "selection")

    def __init__(self, selection: CandidateSet, values: Mapping[str, Value]) -> None:
        self.selection = selection
        self._values = tuple(values.items())

    def documents(self, row: Row) -> Iterable[JsonObject] | None:
        """Return the documents; None if the source can't tell, or not faster than by a scan."""
        run: Run = row[0]
        if run.selects is None:
            return None
        try:
            given = {name: value(row) for name, value in self._values}
        except DatabaseError:  # what becomes of it is decided where the condition is tested
            return None
        run.known(self.selection.collection)
        return run.selects.select(self.selection, run.binds, given)


def selecting(
    compiler: Compiler,
    collection: str,
    variable: str,
    conditions: Iterable[nodes.Expression],
    scope: Variables,
    *,
    correlated: bool = False,
) -> Selecting | None:
    """Compile to the selection by these conditions; without ``correlated`` by those that no row changes."""
    tie = _Tie(compiler, variable, scope, correlated=correlated)
    told = [part for part in map(tie.condition, conditions) if part is not None]
    if not told or (correlated and not tie.by_row):
        return None
    selection = CandidateSet(collection, variable, tuple(told), frozenset(tie.by_row))
    compiler.frame.selections.append(selection)
    return Selecting(selection, tie.values)


class _Refused(Exception):  # a signal within this module
    """The condition can't be told to a source."""


class _Tie:
    """Puts binds into conditions where they read what is outside of the loop."""

    def __init__(self, compiler: Compiler, variable: str, scope: Variables, *, correlated: bool) -> None:
        self._compiler = compiler
        self._variable = variable
        self._scope = scope
        self._correlated = correlated
        self.values: dict[str, Value] = {}
        self.by_row: set[str] = set()

    def condition(self, node: nodes.Expression) -> nodes.Expression | None:
        """Return a condition with its binds; None if it can't be told."""
        if self._variable not in _names(node):
            return None
        try:
            return cast(nodes.Expression, self._tied(node))
        except _Refused:
            return None

    def _tied(self, node: nodes.Node) -> nodes.Node:
        if isinstance(node, nodes.Literal | nodes.Bind):
            return node
        if isinstance(node, _OWN_NAMES):
            raise _Refused
        if isinstance(node, nodes.Expression) and self._is_outer(node):
            return self._outer(node)
        changes: Any = {field.name: self._part(getattr(node, field.name)) for field in fields(node)}
        return replace(node, **changes)

    def _part(self, part: object) -> object:
        if isinstance(part, nodes.Node):
            return self._tied(part)
        return tuple(map(self._part, cast("tuple[object, ...]", part))) if isinstance(part, tuple) else part

    def _is_outer(self, node: nodes.Expression) -> bool:
        """Return whether an expression has one value for the whole loop; a constant array stays as it is."""
        parts = list(walk(node))
        names = {part.name for part in parts if isinstance(part, nodes.Name)}
        if self._variable in names or not names <= self._scope.names.keys():
            return False
        if not names and all(isinstance(part, nodes.Array | nodes.Bind | nodes.Literal) for part in parts):
            return False
        return all(map(_is_plain, parts))

    def _outer(self, node: nodes.Expression) -> nodes.Bind:
        by_row = bool(_names(node))
        if by_row and not self._correlated:
            raise _Refused
        name = _OUTER.format(len(self.values))
        if by_row:
            self.by_row.add(name)
        self.values[name] = self._compiler.expression(node, self._scope)
        return nodes.Bind(name)


def _names(node: nodes.Node) -> set[str]:
    return {part.name for part in walk(node) if isinstance(part, nodes.Name)}


def _is_plain(node: nodes.Node) -> bool:
    if isinstance(node, nodes.Call):
        function = lookup(node.name)
        return function is not None and function.deterministic and node.name not in ("APPLY", "CALL")
    return isinstance(node, _PLAIN)
