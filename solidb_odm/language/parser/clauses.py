"""The clauses of a block's body, those that write among them, and its tail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..grammar import CALLABLE, COLLECT_OPTIONS, FOR_OPTIONS
from ..nodes import Aggregate, Collect, Filter, For, Join, Let, Name, Search, StreamWindow
from ..tokens import NAME, QUOTED

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..nodes import AsofDirection, Clause, Expression
from ..grammar import INSERT_OPTIONS, MUTATION_OPTIONS
from ..nodes import Expression, Insert, Remove, Update, Upsert
from .graph_clauses import GraphParser


class MutationParser(GraphParser):
    """Read INSERT, UPDATE, REPLACE, REMOVE and UPSERT."""

    def mutation_value(self) -> Expression:
        """Read an expression that stops before the IN of its clause."""
        return self.expression(allow_in=False)

    def target(self) -> str:
        """Read ``IN collection`` or ``INTO collection``."""
        if not self.accept("INTO"):
            self.expect("IN", "INTO or IN and a collection")
        return self.name("a collection")

    def insert(self) -> Insert:
        """Read INSERT."""
        self.expect("INSERT")
        document = self.mutation_value()
        return Insert(document, self.target(), self.options(INSERT_OPTIONS))

    def update(self) -> Update:
        """Read UPDATE or REPLACE."""
        replace = self.kind == "REPLACE"
        self.at += 1
        selector = self.mutation_value()
        patch = self.mutation_value() if self.accept("WITH") else None
        return Update(selector, patch, self.target(), replace, self.options(MUTATION_OPTIONS))

    def remove(self) -> Remove:
        """Read REMOVE."""
        self.expect("REMOVE")
        selector = self.mutation_value()
        return Remove(selector, self.target(), self.options(MUTATION_OPTIONS))

    def upsert(self) -> Upsert:
        """Read UPSERT."""
        self.expect("UPSERT")
        search = self.mutation_value()
        self.expect("INSERT")
        document = self.mutation_value()
        replace = self.accept("REPLACE")
        if not replace:
            self.expect("UPDATE", "UPDATE or REPLACE")
        patch = self.mutation_value()
        return Upsert(search, document, patch, self.target(), replace, self.options(MUTATION_OPTIONS))


_CONTINUES_SOURCE = frozenset({"(", ".", "?.", "[", "..", "|>", "??", "||", "+", "-", "*", "/", "%", "?"})
"""What may follow the name after FOR .. IN so that it starts an expression, on the server."""

_JOINS = ("LEFT", "RIGHT", "FULL")
_ASOF_DIRECTIONS: tuple[AsofDirection, ...] = ("BACKWARD", "FORWARD", "NEAREST")


class ClauseParser(MutationParser):
    """Read the clauses that make, change, drop and group rows."""

    def body(self) -> list[Clause]:
        """Read clauses for as long as there are any."""
        clauses: list[Clause] = []
        while True:
            read = _CLAUSES.get(self.kinds[self.at])
            if read is not None:
                clauses.append(read(self))
            elif self.kind == "LET":
                clauses.extend(self.lets())
            elif self.is_word("SEARCH"):
                clauses.append(self.search())
            elif self.is_word("MATCH") and self.ahead() == "(":
                clauses.append(self.match_clause())
            elif self.is_word("ASOF"):
                clauses.append(self.join())
            else:
                return clauses

    def for_clause(self) -> Clause:
        """Read FOR in all its forms."""
        self.expect("FOR")
        variables = self.names("a variable name")
        variable = variables[0]
        self.expect("IN")
        graph = self.graph_clause(variables)
        if graph is not None:
            if len(variables) > 3:
                raise self.error("a traversal has at most three variables: vertex, edge and path")
            return graph
        if len(variables) > 1:
            raise self.expected("a traversal, because there are several variables,")
        if self.kind in (NAME, QUOTED) and self.ahead() not in _CONTINUES_SOURCE:
            return self.for_collection(variable)
        return For(variable, self.expression(), options=self.options(FOR_OPTIONS))

    def for_collection(self, variable: str) -> For:
        """Read the name after FOR .. IN, and as of what time."""
        source = Name(self.name("a collection"))
        system_time: Expression | None = None
        valid_time: tuple[Expression, ...] = ()
        if self.accept_word("SYSTEM_TIME"):
            self.as_of()
            system_time = self.expression()
        if self.accept_word("VALID_TIME"):
            valid_time = self.valid_time()
        return For(variable, source, system_time, valid_time, self.options(FOR_OPTIONS))

    def as_of(self) -> None:
        """Take ``AS OF``."""
        self.expect("AS")
        self.expect_word("OF")

    def valid_time(self) -> tuple[Expression, ...]:
        """Read ``AS OF time`` or ``FROM time TO time``."""
        if not self.accept_word("FROM"):
            self.as_of()
            return (self.expression(),)
        start = self.expression()
        self.expect("TO")
        return start, self.expression()

    def lets(self) -> list[Let]:
        """Read LET with all its bindings."""
        self.expect("LET")
        return [Let(name, value) for name, value in self.bindings()]

    def bindings(self) -> list[tuple[str, Expression]]:
        """Read ``name = expression`` separated by commas."""
        pairs: list[tuple[str, Expression]] = []
        while True:
            name = self.name("a variable name")
            self.expect("=")
            pairs.append((name, self.expression()))
            if not self.accept(","):
                return pairs

    def filter(self) -> Filter:
        """Read FILTER."""
        self.expect("FILTER")
        return Filter(self.expression())

    def search(self) -> Search:
        """Read SEARCH."""
        self.expect_word("SEARCH")
        return Search(self.expression())

    def join(self) -> Join:
        """Read a JOIN of any kind."""
        kind = "INNER"
        if self.kind in _JOINS:
            kind = self.kind
            self.at += 1
            if kind == "FULL":
                self.accept("OUTER")
        elif self.accept_word("ASOF"):
            kind = "ASOF"
        self.expect("JOIN")
        collection = self.name("a collection")
        self.expect("ON")
        condition = self.expression()
        if self.ahead() == "JOIN" or not self.accept_word("ASOF"):
            return Join(cast("Any", kind), collection, condition)
        left = self.expression()
        self.expect(",")
        right = self.expression()
        direction = self.asof_direction()
        tolerance = self.expression() if self.accept_word("TOLERANCE") else None
        return Join(cast("Any", kind), collection, condition, left, right, direction, tolerance)

    def asof_direction(self) -> AsofDirection | None:
        """Take a direction in time if there is one."""
        for direction in _ASOF_DIRECTIONS:
            if self.accept_word(direction):
                return direction
        return None

    def collect(self) -> Collect:
        """Read COLLECT; its parts come in any order, each at most once."""
        self.expect("COLLECT")
        groups = self.bindings() if self.kind in (NAME, QUOTED) and self.ahead() == "=" else []
        parts: dict[str, Any] = {}
        while (part := self.collect_part()) is not None:
            if parts.keys() & part.keys():
                raise self.error("each part of COLLECT may occur only once")
            parts |= part
        method = dict(self.options(COLLECT_OPTIONS)).get("method")
        return Collect(tuple(groups), **parts, method=cast("str | None", method))

    def collect_part(self) -> dict[str, Any] | None:
        """Read one part of a COLLECT, as the fields of the node that it sets."""
        if self.accept("INTO"):
            return self.collect_into()
        if self.kind == "WITH" and self.is_word("COUNT", 1):
            self.at += 2
            self.expect("INTO")
            return {"count_into": self.name("a variable name")}
        if self.accept("AGGREGATE"):
            return {"aggregates": self.aggregates()}
        return None

    def collect_into(self) -> dict[str, Any]:
        """Read what follows INTO."""
        into = self.name("a variable name")
        if self.accept("="):
            return {"into": into, "into_expression": self.expression()}
        if self.accept_word("KEEP"):
            return {"into": into, "keep": self.names("a variable name")}
        return {"into": into}

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Read ``name = FUNCTION(argument)`` separated by commas."""
        items: list[Aggregate] = []
        while True:
            name = self.name("a variable name")
            self.expect("=")
            items.append(self.aggregate(name))
            if not self.accept(","):
                return tuple(items)

    def aggregate(self, name: str) -> Aggregate:
        """Read one function and its argument."""
        if self.kind in CALLABLE:
            self.at += 1
            function = self.kinds[self.at - 1]
        else:
            function = self.name("an aggregate function").upper()
        self.expect("(")
        argument = None if self.kind == ")" else self.expression()
        self.expect(")")
        return Aggregate(name, function, argument)

    def stream_window(self) -> StreamWindow:
        """Read ``WINDOW TUMBLING (SIZE "1m")``."""
        self.expect("WINDOW")
        kind = self.kind
        if kind not in ("TUMBLING", "SLIDING"):
            raise self.expected("TUMBLING or SLIDING")
        self.at += 1
        self.expect("(")
        self.expect("SIZE")
        size = self.string("a duration as a string")
        self.expect(")")
        return StreamWindow(cast("Any", kind), size)


_CLAUSES: dict[str, Callable[[ClauseParser], Clause]] = {
    "FOR": ClauseParser.for_clause,
    "FILTER": ClauseParser.filter,
    "COLLECT": ClauseParser.collect,
    "JOIN": ClauseParser.join,
    "LEFT": ClauseParser.join,
    "RIGHT": ClauseParser.join,
    "FULL": ClauseParser.join,
    "INSERT": ClauseParser.insert,
    "UPDATE": ClauseParser.update,
    "REPLACE": ClauseParser.update,
    "REMOVE": ClauseParser.remove,
    "UPSERT": ClauseParser.upsert,
    "WINDOW": ClauseParser.stream_window,
}
