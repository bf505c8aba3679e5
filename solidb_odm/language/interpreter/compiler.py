"""The meeting point of the modules that compile one kind of node each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ...errors import UnsupportedQueryError
from .. import nodes
from ..values import truthy
from .runtime import Row, Rows, Stage, Value
from .scope import Frame, Scope

CompileExpression: TypeAlias = Callable[["Compiler", Any, Scope], Value]
CompileClause: TypeAlias = Callable[["Compiler", Any, Scope], Stage]
CompileQuery: TypeAlias = Callable[["Compiler", Any, Scope], Rows]

_BOOLEAN = (nodes.ArrayCompare, nodes.Logical, nodes.Quantified)


class Compiler:
    """Turns nodes into closures, by tables of one function for each class of node."""

    def __init__(
        self,
        frame: Frame,
        expressions: Mapping[type[nodes.Expression], CompileExpression],
        clauses: Mapping[type[nodes.Clause], CompileClause],
        query: CompileQuery,
    ) -> None:
        self.frame = frame
        self._expressions = expressions
        self._clauses = clauses
        self._query = query

    def expression(self, node: nodes.Expression, scope: Scope) -> Value:
        """Compile an expression that reads the variables of the scope."""
        work = self._expressions.get(type(node))
        if work is None:
            raise _unsupported(node)
        return work(self, node, scope)

    def condition(self, node: nodes.Expression, scope: Scope) -> Callable[[Row], bool]:
        """Compile an expression to whether its value is truthy."""
        value = self.expression(node, scope)
        if returns_boolean(node):
            return value
        return lambda row: truthy(value(row))

    def optional(self, node: nodes.Expression | None, scope: Scope) -> Value | None:
        """Compile an expression that may be left out."""
        return None if node is None else self.expression(node, scope)

    def clause(self, node: nodes.Clause, scope: Scope) -> Stage:
        """Compile a clause; what it binds is added to the scope."""
        work = self._clauses.get(type(node))
        if work is None:
            raise _unsupported(node)
        return work(self, node, scope)

    def query(self, node: nodes.Query, scope: Scope) -> Rows:
        """Compile a query that stands in a place with these variables."""
        return self._query(self, node, scope)


def returns_boolean(node: nodes.Expression) -> bool:
    """Tell whether an expression can only be true or false."""
    if isinstance(node, nodes.Compare):
        return node.operator != "<=>"
    if isinstance(node, nodes.Unary):
        return node.operator == "NOT"
    if isinstance(node, nodes.Literal):
        return isinstance(node.value, bool)
    return isinstance(node, _BOOLEAN)


def _unsupported(node: nodes.Node) -> UnsupportedQueryError:
    construct = type(node).__name__
    return UnsupportedQueryError(
        f"{construct} can only run on a server", construct=construct, hint="connect to a SoliDB server"
    )
