"""Queries to text, on one line or on one line a clause."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...errors import QueryError, QueryLimitError
from .. import nodes
from ..grammar import QUERY_OPENERS
from .clauses import ClausePrinter
from .long_numbers import clauses_of
from .quoting import quote_name, quote_string

if TYPE_CHECKING:
    from ..nodes import Expression, Query

_INDENT = "  "
_OPENERS = tuple(f"{word} " for word in QUERY_OPENERS)


def print_query(query: Query, *, pretty: bool = False) -> str:
    """Write a query as text; ``pretty`` puts each clause on a line of its own.

    Raises:
        QueryError: for what SDBQL has no text for, such as a name with a backtick.
    """
    try:
        return QueryPrinter(pretty=pretty).query(query)
    except RecursionError as exc:
        raise _too_deep() from exc


def print_expression(expression: Expression) -> str:
    """Write an expression as text.

    Raises:
        QueryError: for what SDBQL has no text for.
    """
    try:
        return QueryPrinter().expression(expression)
    except RecursionError as exc:
        raise _too_deep() from exc


def _too_deep() -> QueryLimitError:
    return QueryLimitError("the query nests too deeply to be written", hint="a server reads 64 levels")


class QueryPrinter(ClausePrinter):
    """Write queries."""

    def __init__(self, *, pretty: bool = False) -> None:
        self.pretty = pretty
        self.level = 0

    def line(self) -> str:
        """Return what stands between two clauses."""
        return f"\n{_INDENT * self.level}" if self.pretty else " "

    def query(self, query: Query) -> str:
        """Write a block, or set operations from the left."""
        if isinstance(query, nodes.Block):
            return self.block(query)
        rest: list[str] = []
        left: Query = query
        while isinstance(left, nodes.SetOperation):
            rest.append(f"{left.operator}{self.line()}{self.right(left.right)}")
            tight = left.operator == "INTERSECT"
            left = left.left
            if tight and isinstance(left, nodes.SetOperation) and left.operator != "INTERSECT":
                break
        if isinstance(left, nodes.Block) and not isinstance(left.head, nodes.CreateView):
            rest.append(self.block(left))
        else:
            rest.append(self.parenthesised(left))
        return self.line().join(reversed(rest))

    def right(self, query: Query) -> str:
        """Write the right side of a set operator."""
        if isinstance(query, nodes.SetOperation):
            return self.parenthesised(query)
        text = self.block(query)
        if not text.startswith(_OPENERS):
            raise QueryError(
                "a set operation can't go on with a block that starts like this: " + text[:40],
                hint="start the block with FOR, LET or RETURN",
            )
        return text

    def parenthesised(self, query: Query) -> str:
        """Write a query in parentheses, a level deeper."""
        self.level += 1
        inner = f"{self.line() if self.pretty else ''}{self.query(query)}"
        self.level -= 1
        return f"({inner}{self.line() if self.pretty else ''})"

    def subquery(self, node: nodes.Subquery) -> str:
        """Write a subquery; the server takes only those that start with FOR or LET."""
        text = self.parenthesised(node.query)
        if not text[1:].lstrip().startswith(("FOR ", "LET ")):
            raise QueryError(
                "a subquery has to start with FOR or LET",
                hint="put LET before it, or go over it: FOR x IN (..) RETURN x",
            )
        return text

    def block(self, block: nodes.Block) -> str:
        """Write a block."""
        if isinstance(block.head, nodes.CreateView):
            return self.create_view(block.head, block)
        lines = [] if block.head is None else [self.head(block.head)]
        if block.tables is not None:
            lines.append(self.with_(block.tables))
        lines += [self.clause(written) for clause in block.body for written in clauses_of(clause)]
        lines += self.tail(block)
        return self.line().join(lines)

    def tail(self, block: nodes.Block) -> list[str]:
        """Write SORT, LIMIT, the LETs after it and RETURN."""
        lines: list[str] = []
        if block.sort:
            lines.append(f"SORT {self.sort_keys(block.sort)}")
        if block.limit is not None:
            offset = "" if block.offset is None else f"{self.operand(block.offset)}, "
            lines.append(f"LIMIT {offset}{self.operand(block.limit)}")
        elif block.offset is not None:
            lines.append(f"OFFSET {self.operand(block.offset)}")
        lines += [self.clause(written) for late in block.late_lets for written in clauses_of(late)]
        if block.returns is not None:
            lines.append(self.returns(block.returns))
        return lines

    def returns(self, node: nodes.Return) -> str:
        """Write RETURN. A variable of the name must not be taken for the word DISTINCT."""
        text = self.expression(node.expression)
        if text.upper().startswith("`DISTINCT`"):
            text = f"({text})"
        return f"RETURN {'DISTINCT ' * node.distinct}{text}"

    def with_(self, node: nodes.With) -> str:
        """Write WITH and its tables."""
        tables = ", ".join(map(self.common_table, node.tables))
        return f"WITH {'RECURSIVE ' * node.recursive}{tables}"

    def common_table(self, node: nodes.CommonTable) -> str:
        """Write one table."""
        columns = f"({', '.join(map(quote_name, node.columns))})" if node.columns else ""
        return f"{quote_name(node.name)}{columns} AS {self.parenthesised(node.query)}"

    def head(self, node: nodes.CreateStream | nodes.RefreshView) -> str:
        """Write CREATE STREAM or REFRESH."""
        if isinstance(node, nodes.CreateStream):
            return f"CREATE STREAM {quote_name(node.name)} AS"
        return f"REFRESH MATERIALIZED VIEW {quote_name(node.name)}"

    def create_view(self, node: nodes.CreateView, block: nodes.Block) -> str:
        """Write CREATE MATERIALIZED VIEW; its query takes all the text there is."""
        if block != nodes.Block(head=node):
            raise QueryError("nothing can follow the query of CREATE MATERIALIZED VIEW")
        refresh = "" if node.refresh is None else f" REFRESH {quote_string(node.refresh)}"
        query = self.query(node.query)
        return f"CREATE MATERIALIZED VIEW {quote_name(node.name)}{refresh} AS{self.line()}{query}"
