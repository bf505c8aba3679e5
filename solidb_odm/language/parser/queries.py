"""Whole queries: blocks, set operations, common tables, views and streams."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, cast

from ..grammar import QUERY_OPENERS
from ..nodes import (
    Block,
    CommonTable,
    CreateStream,
    CreateView,
    Insert,
    RefreshView,
    Remove,
    Return,
    SetOperation,
    SortKey,
    Update,
    Upsert,
    With,
)
from ..tokens import END, syntax_error, tokenize
from .clauses import ClauseParser

if TYPE_CHECKING:
    from ..nodes import Expression, Let, Query, SetOperator

_OPENERS_NAMED = "FOR, LET, RETURN or another start of a query"
_MUTATIONS = (Insert, Update, Remove, Upsert)


_REMEMBERED = 512
_LONGEST_REMEMBERED = 4096


def parse(text: str) -> Query:
    """Read a query. Texts that were read before give the same nodes, which nothing can change.

    Raises:
        QuerySyntaxError: with the place, and a hint where the mistake is a known one.
    """
    return _known(text) if len(text) <= _LONGEST_REMEMBERED else parse_anew(text)


def parse_anew(text: str) -> Query:
    """Read a query without remembering its text, for whoever remembers it with more than its nodes."""
    try:
        text.encode()
        return QueryParser(tokenize(text)).whole_query()
    except UnicodeEncodeError as exc:
        shown = text.encode(errors="backslashreplace").decode()  # or the error could not be printed
        raise syntax_error("half of a surrogate pair is no character", shown, exc.start) from exc
    except RecursionError as exc:
        raise syntax_error("the query nests too deeply to be read here", text, 0) from exc


_known = lru_cache(_REMEMBERED)(parse_anew)


def parse_expression(text: str) -> Expression:
    """Read an expression that stands alone.

    Raises:
        QuerySyntaxError: with the place, and a hint where the mistake is a known one.
    """
    try:
        return QueryParser(tokenize(text)).whole_expression()
    except RecursionError as exc:
        raise syntax_error("the expression nests too deeply to be read here", text, 0) from exc


class QueryParser(ClauseParser):
    """Read queries."""

    def whole_query(self) -> Query:
        """Read a query that is the whole text."""
        query = self.query()
        if self.kind != END:
            what = f"unexpected {self.found()} after the query" if self.at else "expected a query"
            raise self.error(what)
        first = query
        while isinstance(first, SetOperation):
            first = first.left
        if not _does_something(first):
            error = self.error("the query is missing RETURN")
            error.hint = "end it with RETURN expression; only a query that writes can do without"
            raise error
        return query

    def whole_expression(self) -> Expression:
        """Read an expression that is the whole text."""
        expression = self.expression()
        if self.kind != END:
            raise self.error(f"unexpected {self.found()} after the expression")
        return expression

    def query(self) -> Query:
        """Read blocks and the set operators between them; INTERSECT binds tighter."""
        outer, self.allow_in = self.allow_in, True
        self.descend()
        left = self.intersections(self.parenthesised() if self.kind == "(" else self.block())
        while (operator := self.set_operator()) is not None:
            left = SetOperation(left, operator, self.intersections(self.operand()))
        self.depth -= 1
        self.allow_in = outer
        return left

    def intersections(self, left: Query) -> Query:
        """Read the INTERSECTs that follow an operand."""
        while self.accept_word("INTERSECT"):
            left = SetOperation(left, "INTERSECT", self.operand())
        return left

    def set_operator(self) -> SetOperator | None:
        """Take UNION, UNION ALL or EXCEPT."""
        if self.accept_word("UNION"):
            return "UNION ALL" if self.accept_word("ALL") else "UNION"
        return "EXCEPT" if self.accept_word("EXCEPT") else None

    def operand(self) -> Query:
        """Read the right side of a set operator."""
        if self.kind == "(":
            return self.parenthesised()
        if self.kind not in QUERY_OPENERS:
            raise self.expected(_OPENERS_NAMED)
        return self.block()

    def parenthesised(self) -> Query:
        """Read a query in parentheses."""
        self.expect("(")
        if self.kind not in QUERY_OPENERS and self.kind != "(":
            raise self.expected(_OPENERS_NAMED)
        query = self.query()
        self.expect(")")
        return query

    def block(self) -> Block:
        """Read a block: clauses, then SORT, OFFSET and LIMIT, then LETs, then RETURN."""
        head = self.head()
        if isinstance(head, CreateView):
            return Block(head=head)
        tables = self.with_clause() if self.kind == "WITH" else None
        body = self.body()
        sort = self.sort_clause()
        offset, limit = self.window_of_rows()
        late: list[Let] = []
        while self.kind == "LET":
            late.extend(self.lets())
        returns = self.return_clause() if self.kind == "RETURN" else None
        return Block(tuple(body), sort, offset, limit, tuple(late), returns, tables, head)

    def head(self) -> CreateStream | CreateView | RefreshView | None:
        """Read CREATE or REFRESH."""
        if self.accept("CREATE"):
            return self.create_stream() if self.accept("STREAM") else self.create_view()
        if not self.accept("REFRESH"):
            return None
        self.expect("MATERIALIZED", "MATERIALIZED VIEW")
        self.expect("VIEW")
        return RefreshView(self.name("the name of a view"))

    def create_stream(self) -> CreateStream:
        """Read ``name AS``."""
        name = self.name("the name of a stream")
        self.expect("AS")
        return CreateStream(name)

    def create_view(self) -> CreateView:
        """Read ``MATERIALIZED VIEW name REFRESH "5m" AS query``."""
        self.expect("MATERIALIZED", "MATERIALIZED VIEW or STREAM")
        self.expect("VIEW")
        name = self.name("the name of a view")
        refresh = self.string("a duration as a string") if self.accept("REFRESH") else None
        self.expect("AS")
        return CreateView(name, self.query(), refresh)

    def with_clause(self) -> With:
        """Read WITH and its tables."""
        self.expect("WITH")
        recursive = self.accept("RECURSIVE")
        tables = [self.common_table()]
        while self.accept(","):
            tables.append(self.common_table())
        return With(tuple(tables), recursive)

    def common_table(self) -> CommonTable:
        """Read ``name (columns) AS (query)``."""
        name = self.name("the name of a table")
        columns: tuple[str, ...] = ()
        if self.accept("("):
            columns = self.names("a column")
            self.expect(")")
        self.expect("AS")
        self.expect("(")
        query = self.query()
        self.expect(")")
        return CommonTable(name, query, columns)

    def sort_clause(self) -> tuple[SortKey, ...]:
        """Read SORT if it stands here."""
        return self.sort_keys() if self.accept("SORT") else ()

    def window_of_rows(self) -> tuple[Expression | None, Expression | None]:
        """Read OFFSET and LIMIT; an OFFSET beside ``LIMIT offset, count`` wins, as on the server."""
        offset = self.expression() if self.accept_word("OFFSET") else None
        limit = None
        if self.accept("LIMIT"):
            limit = self.expression()
            if self.accept(","):
                skipped, limit = limit, self.expression()
                offset = offset or skipped
        if self.accept_word("OFFSET"):
            offset = self.expression()
        return offset, limit

    def return_clause(self) -> Return:
        """Read RETURN."""
        self.expect("RETURN")
        distinct = self.accept_word("DISTINCT")
        return Return(self.expression(), distinct)


def _does_something(query: Query) -> bool:
    block = cast("Block", query)
    return (
        block.returns is not None
        or block.head is not None
        or any(isinstance(clause, _MUTATIONS) for clause in block.body)
    )
