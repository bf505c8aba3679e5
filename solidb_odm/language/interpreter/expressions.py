"""Expressions that make or choose values: constants, names, arrays, conditions, templates.

``Compiler`` is where the modules that compile one kind of node each meet.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from ..._types import Json
from ...errors import QueryError, QueryLimitError, UnsupportedQueryError
from .. import decimals, nodes
from ..values import describe, equal, is_number, template_text, truthy, within_memory
from ..walk import returns_boolean
from .runtime import UNBOUND, Row, Rows, Stage, Value, missing_bind
from .scope import Frame, Variables

CompileExpression: TypeAlias = Callable[["Compiler", Any, Variables], Value]
CompileClause: TypeAlias = Callable[["Compiler", Any, Variables], Stage]
CompileQuery: TypeAlias = Callable[["Compiler", Any, Variables], Rows]


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

    def expression(self, node: nodes.Expression, scope: Variables) -> Value:
        """Compile an expression that reads the variables of the scope."""
        work = self._expressions.get(type(node))
        if work is None:
            raise _unsupported(node)
        return work(self, node, scope)

    def condition(self, node: nodes.Expression, scope: Variables) -> Callable[[Row], bool]:
        """Compile an expression to whether its value is truthy."""
        value = self.expression(node, scope)
        if returns_boolean(node):
            return value
        return lambda row: truthy(value(row))

    def optional(self, node: nodes.Expression | None, scope: Variables) -> Value | None:
        """Compile an expression that may be left out."""
        return None if node is None else self.expression(node, scope)

    def clause(self, node: nodes.Clause, scope: Variables) -> Stage:
        """Compile a clause; what it binds is added to the scope."""
        work = self._clauses.get(type(node))
        if work is None:
            raise _unsupported(node)
        return work(self, node, scope)

    def query(self, node: nodes.Query, scope: Variables) -> Rows:
        """Compile a query that stands in a place with these variables."""
        return self._query(self, node, scope)


def _unsupported(node: nodes.Node) -> UnsupportedQueryError:
    construct = type(node).__name__
    return UnsupportedQueryError(
        f"{construct} can only run on a server", construct=construct, hint="connect to a SoliDB server"
    )


def constant(value: Json) -> Value:
    """Compile to a value that never changes."""
    return lambda _row: value


def _literal(_compiler: Compiler, node: nodes.Literal, _scope: Variables) -> Value:
    return constant(node.value)


def _bind(compiler: Compiler, node: nodes.Bind, _scope: Variables) -> Value:
    name = node.name
    compiler.frame.binds.add(name)

    def read(row: Row) -> Json:
        try:
            return row[0].binds[name]
        except KeyError:
            raise missing_bind(name) from None

    return read


def variable_not_found(name: str) -> QueryError:
    """Make the error for a variable that nothing binds."""
    return QueryError(f"Variable '{name}' not found")


def _name(compiler: Compiler, node: nodes.Name, scope: Variables) -> Value:
    name, slot = node.name, scope.names.get(node.name)
    if slot is None:
        return compiler.frame.refuse(variable_not_found(name))
    compiler.frame.read(slot)
    if name not in scope.unbound:
        return lambda row: row[slot]

    def read(row: Row) -> Json:
        value = row[slot]
        if value is UNBOUND:
            raise variable_not_found(name)
        return value

    return read


def _array(compiler: Compiler, node: nodes.Array, scope: Variables) -> Value:
    items = [compiler.expression(item, scope) for item in node.items]
    return lambda row: [item(row) for item in items]


def _object(compiler: Compiler, node: nodes.Object, scope: Variables) -> Value:
    written = {key: compiler.expression(value, scope) for key, value in node.pairs}
    pairs = sorted(written.items())
    return lambda row: {key: value(row) for key, value in pairs}


def _ternary(compiler: Compiler, node: nodes.Ternary, scope: Variables) -> Value:
    condition = compiler.condition(node.condition, scope)
    then = compiler.expression(node.then, scope)
    otherwise = compiler.expression(node.otherwise, scope)
    return lambda row: then(row) if condition(row) else otherwise(row)


def _case(compiler: Compiler, node: nodes.Case, scope: Variables) -> Value:
    subject = compiler.optional(node.subject, scope)
    branches = [
        (compiler.expression(when, scope), compiler.expression(then, scope)) for when, then in node.branches
    ]
    otherwise = compiler.optional(node.otherwise, scope)

    def choose(row: Row) -> Json:
        value = None if subject is None else subject(row)
        for when, then in branches:
            wanted = when(row)
            if truthy(wanted) if subject is None else equal(value, wanted):
                return then(row)
        return None if otherwise is None else otherwise(row)

    return choose


def _template(compiler: Compiler, node: nodes.Template, scope: Variables) -> Value:
    parts = [
        constant(part) if isinstance(part, str) else compiler.expression(part, scope) for part in node.parts
    ]
    return lambda row: within_memory("".join([template_text(part(row)) for part in parts]))


def range_bounds(compiler: Compiler, node: nodes.Range, scope: Variables) -> Value:
    """Compile ``low..high`` to a Python range, which a FOR need not turn into a list."""
    low = compiler.expression(node.low, scope)
    high = compiler.expression(node.high, scope)

    def bounds(row: Row) -> range:
        start, end = _bound(low(row), "start"), _bound(high(row), "end")
        if end - start >= row[0].limits.max_range:
            raise QueryLimitError(f"Range {start}..{end} has more than {row[0].limits.max_range} elements")
        return range(start, end + 1)

    return bounds


def _bound(value: Json, which: str) -> int:
    if not is_number(value):
        raise QueryError(f"Range {which} must be a number, got: {describe(value)}")
    return int(value)


def _range(compiler: Compiler, node: nodes.Range, scope: Variables) -> Value:
    bounds = range_bounds(compiler, node, scope)

    def elements(row: Row) -> list[Json]:
        numbers = bounds(row)
        row[0].spend(len(numbers))
        return list(numbers)

    return elements


def _logical(compiler: Compiler, node: nodes.Logical, scope: Variables) -> Value:
    conditions = [compiler.condition(operand, scope) for operand in node.operands]
    if len(conditions) == 2:
        left, right = conditions
        if node.operator == "AND":
            return lambda row: left(row) and right(row)
        return lambda row: left(row) or right(row)
    if node.operator == "AND":
        return lambda row: all(condition(row) for condition in conditions)
    return lambda row: any(condition(row) for condition in conditions)


def _decimal_call(compiler: Compiler, node: nodes.DecimalCall, scope: Variables) -> Value:
    function = decimals.FUNCTIONS[node.name]
    arguments = [compiler.expression(part, scope) for part in node.arguments]
    return lambda row: function(*[argument(row) for argument in arguments])


EXPRESSIONS: dict[type[nodes.Expression], CompileExpression] = {
    nodes.Literal: _literal,
    nodes.Bind: _bind,
    nodes.Name: _name,
    nodes.Array: _array,
    nodes.Object: _object,
    nodes.Ternary: _ternary,
    nodes.Case: _case,
    nodes.DecimalCall: _decimal_call,
    nodes.Template: _template,
    nodes.Range: _range,
    nodes.Logical: _logical,
}
