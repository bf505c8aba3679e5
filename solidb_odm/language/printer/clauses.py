"""Clauses to text: one method per node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...errors import QueryError
from .. import nodes
from ..grammar import (
    CALLABLE,
    COLLECT_OPTIONS,
    FOR_OPTIONS,
    INSERT_OPTIONS,
    MUTATION_OPTIONS,
    TRAVERSAL_OPTIONS,
    contradicts,
)
from .expressions import ExpressionPrinter
from .quoting import quote_function, quote_name, quote_scalar, quote_string

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..grammar import Check
    from ..nodes import Clause, Expression, Options, OptionValue

_JOINS = {
    "INNER": "JOIN",
    "LEFT": "LEFT JOIN",
    "RIGHT": "RIGHT JOIN",
    "FULL": "FULL OUTER JOIN",
    "ASOF": "ASOF JOIN",
}
_ARROWS = {"OUTBOUND": ("-", "->"), "INBOUND": ("<-", "-"), "ANY": ("-", "-")}


class ClausePrinter(ExpressionPrinter):
    """Write clauses."""

    def clause(self, node: Clause) -> str:
        """Write a clause."""
        write = _WRITERS.get(type(node))
        if write is None:
            raise QueryError(f"{type(node).__name__} is not a clause")
        return write(self, node)

    def for_(self, node: nodes.For) -> str:
        """Write FOR over a collection or an array."""
        text = f"FOR {quote_name(node.variable)} IN {self.source(node.source)}"
        if (node.system_time or node.valid_time) and not isinstance(node.source, nodes.Name):
            raise QueryError("only a collection can be read as of a time")
        if node.system_time is not None:
            text += f" SYSTEM_TIME AS OF {self.operand(node.system_time)}"
        if len(node.valid_time) == 1:
            text += f" VALID_TIME AS OF {self.operand(node.valid_time[0])}"
        elif node.valid_time:
            start, end = node.valid_time
            text += f" VALID_TIME FROM {self.operand(start)} TO {self.operand(end)}"
        return text + self.options(node.options, FOR_OPTIONS)

    def source(self, node: Expression) -> str:
        """Write what FOR goes over; a name may be followed by few operators, so most get parentheses."""
        return self.expression(node) if isinstance(node, nodes.Range) else self.operand(node)

    def traverse(self, node: nodes.Traverse) -> str:
        """Write a traversal."""
        depth = "" if node.minimum == node.maximum == 1 else f"{node.minimum}..{node.maximum} "
        if min(node.minimum, node.maximum) < 0:
            raise QueryError("the depths of a traversal can't be negative")
        edges = f"{'GRAPH ' * node.graph}{quote_name(node.edges)}"
        start = self.operand(node.start)
        text = f"FOR {self.variables(node.variables)} IN {depth}{node.direction} {start} {edges}"
        if node.prune is not None:
            text += f" PRUNE {self.operand(node.prune)}"
        if contradicts(node.options):
            raise QueryError('a depth-first traversal can\'t have uniqueVertices "global"')
        return text + self.options(node.options, TRAVERSAL_OPTIONS)

    def path_search(self, node: nodes.PathSearch) -> str:
        """Write a path search."""
        text = (
            f"FOR {self.variables(node.variables)} IN {node.mode} {self.operand(node.start)} "
            f"TO {self.operand(node.end)} {node.direction} {quote_name(node.edges)}"
        )
        if not node.options:
            return text
        pairs = (f"{quote_string(name)}: {self.option_value(value)}" for name, value in node.options)
        return f"{text} OPTIONS {{{', '.join(pairs)}}}"

    def variables(self, names: tuple[str, ...]) -> str:
        """Write the variables of a traversal."""
        if not 1 <= len(names) <= 3:
            raise QueryError("a traversal has one to three variables: vertex, edge and path")
        return ", ".join(map(quote_name, names))

    def match(self, node: nodes.Match) -> str:
        """Write MATCH."""
        name = quote_name(node.start_name) if node.start_name is not None else ""
        before, after = _ARROWS[node.direction]
        depth = "" if node.minimum == node.maximum == 1 else f"*{node.minimum}..{node.maximum}"
        key = self.expression(node.key)
        return (
            f'MATCH ({name}:{quote_name(node.collection)} {{"_key": {key}}})'
            f"{before}[:{quote_name(node.edges)}{depth}]{after}({quote_name(node.target)})"
        )

    def let(self, node: nodes.Let) -> str:
        """Write LET."""
        return f"LET {quote_name(node.name)} = {self.expression(node.value)}"

    def filter(self, node: nodes.Filter) -> str:
        """Write FILTER."""
        return f"FILTER {self.expression(node.condition)}"

    def search(self, node: nodes.Search) -> str:
        """Write SEARCH."""
        return f"SEARCH {self.expression(node.condition)}"

    def collect(self, node: nodes.Collect) -> str:
        """Write COLLECT."""
        parts = ["COLLECT"]
        if node.groups:
            parts.append(
                ", ".join(f"{quote_name(name)} = {self.expression(key)}" for name, key in node.groups)
            )
        parts += self.collect_into(node)
        if node.count_into is not None:
            parts.append(f"WITH COUNT INTO {quote_name(node.count_into)}")
        if node.aggregates:
            parts.append(f"AGGREGATE {', '.join(map(self.aggregate, node.aggregates))}")
        options = () if node.method is None else (("method", node.method),)
        return " ".join(parts) + self.options(options, COLLECT_OPTIONS)

    def collect_into(self, node: nodes.Collect) -> list[str]:
        """Write INTO with what is kept."""
        if node.into is None:
            if node.keep or node.into_expression is not None:
                raise QueryError("COLLECT can keep values only INTO a variable")
            return []
        if node.into_expression is not None:
            if node.keep:
                raise QueryError("COLLECT .. INTO takes an expression or KEEP, not both")
            return [f"INTO {quote_name(node.into)} = {self.expression(node.into_expression)}"]
        keep = f" KEEP {', '.join(map(quote_name, node.keep))}" if node.keep else ""
        return [f"INTO {quote_name(node.into)}{keep}"]

    def aggregate(self, node: nodes.Aggregate) -> str:
        """Write one aggregate."""
        argument = "" if node.argument is None else self.expression(node.argument)
        return f"{quote_name(node.name)} = {quote_function(node.function, CALLABLE)}({argument})"

    def join(self, node: nodes.Join) -> str:
        """Write JOIN."""
        text = f"{_JOINS[node.kind]} {quote_name(node.collection)} ON {self.operand(node.condition)}"
        if node.left_time is None or node.right_time is None:
            if any((node.left_time, node.right_time, node.direction, node.tolerance)):
                raise QueryError("a join in time needs the times of both sides")
            return text
        text += f" ASOF {self.operand(node.left_time)}, {self.operand(node.right_time)}"
        if node.direction is not None:
            text += f" {node.direction}"
        return text if node.tolerance is None else f"{text} TOLERANCE {self.operand(node.tolerance)}"

    def insert(self, node: nodes.Insert) -> str:
        """Write INSERT."""
        text = f"INSERT {self.operand(node.document)} INTO {quote_name(node.collection)}"
        return text + self.options(node.options, INSERT_OPTIONS)

    def update(self, node: nodes.Update) -> str:
        """Write UPDATE or REPLACE."""
        text = f"{'REPLACE' if node.replace else 'UPDATE'} {self.operand(node.selector)}"
        if node.patch is not None:
            text += f" WITH {self.operand(node.patch)}"
        return f"{text} IN {quote_name(node.collection)}" + self.options(node.options, MUTATION_OPTIONS)

    def remove(self, node: nodes.Remove) -> str:
        """Write REMOVE."""
        text = f"REMOVE {self.operand(node.selector)} IN {quote_name(node.collection)}"
        return text + self.options(node.options, MUTATION_OPTIONS)

    def upsert(self, node: nodes.Upsert) -> str:
        """Write UPSERT."""
        text = (
            f"UPSERT {self.operand(node.search)} INSERT {self.operand(node.document)} "
            f"{'REPLACE' if node.replace else 'UPDATE'} {self.operand(node.patch)} "
            f"IN {quote_name(node.collection)}"
        )
        return text + self.options(node.options, MUTATION_OPTIONS)

    def stream_window(self, node: nodes.StreamWindow) -> str:
        """Write the window of a stream."""
        return f"WINDOW {node.kind} (SIZE {quote_string(node.size)})"

    def options(self, options: Options, allowed: Mapping[str, Check]) -> str:
        """Write OPTIONS, refusing what the server would refuse."""
        if not options:
            return ""
        for name, value in options:
            if name not in allowed:
                raise QueryError(f"unknown option {name!r}, expected one of {', '.join(sorted(allowed))}")
            if not allowed[name](value):
                raise QueryError(f"option {name!r} can't have the value {value!r}")
        pairs = (f"{name}: {self.option_value(value)}" for name, value in options)
        return f" OPTIONS {{{', '.join(pairs)}}}"

    def option_value(self, value: OptionValue) -> str:
        """Write the value of an option."""
        if isinstance(value, tuple):
            return f"[{', '.join(map(self.option_value, value))}]"
        return quote_scalar(value)


_WRITERS: dict[type[Clause], Callable[[ClausePrinter, Any], str]] = {
    nodes.For: ClausePrinter.for_,
    nodes.Traverse: ClausePrinter.traverse,
    nodes.PathSearch: ClausePrinter.path_search,
    nodes.Match: ClausePrinter.match,
    nodes.Let: ClausePrinter.let,
    nodes.Filter: ClausePrinter.filter,
    nodes.Search: ClausePrinter.search,
    nodes.Collect: ClausePrinter.collect,
    nodes.Join: ClausePrinter.join,
    nodes.Insert: ClausePrinter.insert,
    nodes.Update: ClausePrinter.update,
    nodes.Remove: ClausePrinter.remove,
    nodes.Upsert: ClausePrinter.upsert,
    nodes.StreamWindow: ClausePrinter.stream_window,
}
