"""Graph clauses: traversals, path searches, MATCH.

The OPTIONS of clauses: literals under known names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from ..grammar import TRAVERSAL_OPTIONS, contradicts
from ..nodes import Match, Object, PathSearch, Traverse
from ..tokens import INTEGER, NAME, QUOTED, STRING

if TYPE_CHECKING:
    from ..nodes import Clause, Direction, Expression, Options
from typing import TYPE_CHECKING

from ..nodes import Literal, Name
from ..tokens import FLOAT
from .expressions import ExpressionParser

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..grammar import Check
    from ..nodes import Options, OptionValue


class OptionsParser(ExpressionParser):
    """Read OPTIONS."""

    def options(self, known: Mapping[str, Check]) -> Options:
        """Read ``OPTIONS {..}`` if it stands here, checked against the known names."""
        if not (self.is_word("OPTIONS") and self.ahead() == "{"):
            return ()
        self.at += 2
        pairs: list[tuple[str, OptionValue]] = []
        while not self.accept("}"):
            pairs.append(self.option(known))
            if not self.accept(","):
                self.expect("}", "',' or '}'")
                break
        return tuple(pairs)

    def option(self, known: Mapping[str, Check]) -> tuple[str, OptionValue]:
        """Read one option."""
        at = self.at
        name = self.key()
        if name not in known:
            raise self.error(f"unknown option {name!r}, expected one of {', '.join(sorted(known))}", at)
        self.expect(":")
        at = self.at
        value = self.option_value()
        if not known[name](value):
            raise self.error(f"option {name!r} can't have this value", at)
        return name, value

    def option_value(self) -> OptionValue:
        """Read a literal, or a list of literals."""
        kind = self.kind
        if self.accept("["):
            items: list[OptionValue] = []
            while not self.accept("]"):
                items.append(self.option_value())
                if not self.accept(","):
                    self.expect("]", "',' or ']'")
                    break
            return tuple(items)
        self.at += 1
        if kind in (STRING, INTEGER, FLOAT):
            return cast("str | int | float", self.values[self.at - 1])
        if kind in ("TRUE", "FALSE", "NULL"):
            return {"TRUE": True, "FALSE": False}.get(kind)
        if kind == "-" and self.kind in (INTEGER, FLOAT):
            self.at += 1
            return -cast("int | float", self.values[self.at - 1])
        self.at -= 1
        raise self.expected("a literal")

    def path_options(self) -> Options:
        """Read the options of a path search: any object, of which only literals count."""
        if not (self.is_word("OPTIONS") and self.ahead() == "{"):
            return ()
        self.at += 1
        read = cast("Object", self.object())
        pairs: list[tuple[str, OptionValue]] = []
        for name, value in read.pairs:
            if isinstance(value, Literal):
                pairs.append((name, value.value))
            elif isinstance(value, Name) and name == "weight":
                pairs.append((name, value.name))
        return tuple(pairs)


DIRECTIONS = frozenset({"OUTBOUND", "INBOUND", "ANY"})
PATH_MODES = ("ALL_SHORTEST_PATHS", "K_SHORTEST_PATHS", "K_PATHS")


class GraphParser(OptionsParser):
    """Read the clauses that follow edges."""

    def graph_clause(self, variables: tuple[str, ...]) -> Clause | None:
        """Read what follows ``FOR variables IN`` if it walks a graph."""
        mode = self.path_mode()
        if mode is not None:
            self.at += 1
            return self.path_search(variables, mode)
        if self.is_traversal():
            return self.traversal(variables)
        return None

    def path_mode(self) -> str | None:
        """Recognise the word a path search starts with."""
        if self.kind == "SHORTEST_PATH":
            return self.kind
        return next((mode for mode in PATH_MODES if self.is_word(mode)), None)

    def is_traversal(self) -> bool:
        """Return whether ``[min[..max]] direction`` stands here."""
        if self.kind != INTEGER:
            return self.kind in DIRECTIONS
        if self.ahead() == ".." and self.ahead(2) == INTEGER:
            return self.ahead(3) in DIRECTIONS
        return self.ahead() in DIRECTIONS

    def traversal(self, variables: tuple[str, ...]) -> Traverse:
        """Read a traversal from its depths on."""
        minimum, maximum = self.depths() if self.kind == INTEGER else (1, 1)
        direction = self.direction()
        start = self.expression()
        edges, graph = self.edges()
        prune: Expression | None = None
        options: Options = ()
        while True:
            if self.accept_word("PRUNE"):
                prune = self.expression()
            elif self.is_word("OPTIONS") and self.ahead() == "{":
                options += self.traversal_options()
            else:
                break
        return Traverse(variables, direction, start, edges, minimum, maximum, prune, options, graph)

    def depths(self) -> tuple[int, int]:
        """Read ``min..max``, or a number that is both."""
        minimum = self.integer("a depth")
        return minimum, self.integer("a depth") if self.accept("..") else minimum

    def direction(self) -> Direction:
        """Take OUTBOUND, INBOUND or ANY."""
        if self.kind not in DIRECTIONS:
            raise self.expected("OUTBOUND, INBOUND or ANY")
        self.at += 1
        return cast("Direction", self.kinds[self.at - 1])

    def edges(self) -> tuple[str, bool]:
        """Take the edge collection, and whether GRAPH stands before it."""
        graph = self.accept("GRAPH")
        if self.kind == STRING:
            return self.string("an edge collection"), graph
        return self.name("an edge collection"), graph

    def traversal_options(self) -> Options:
        """Read the options; the server refuses some that contradict each other."""
        at = self.at
        options = self.options(TRAVERSAL_OPTIONS)
        if contradicts(options):
            raise self.error('uniqueVertices "global" needs the order "bfs"', at)
        return options

    def path_search(self, variables: tuple[str, ...], mode: str) -> PathSearch:
        """Read a path search after its mode."""
        start = self.expression()
        self.expect("TO")
        end = self.expression()
        direction = self.direction()
        edges, _ = self.edges()
        return PathSearch(variables, cast("Any", mode), start, end, direction, edges, self.path_options())

    def match_clause(self) -> Match:
        """Read ``MATCH (a:collection {_key: key})-[:edges*min..max]->(b)``."""
        self.expect_word("MATCH")
        start_name, collection, key = self.match_start()
        inbound = self.accept("<")
        self.expect("-")
        self.expect("[")
        self.expect(":")
        edges = self.name("an edge collection")
        minimum, maximum = self.match_depths()
        self.expect("]")
        outbound = self.accept("->") or (self.accept("-") and self.accept(">"))
        if inbound and outbound:
            raise self.error("an edge points in one direction", self.at - 1)
        self.expect("(")
        target = self.name("a variable")
        self.expect(")")
        direction: Direction = "OUTBOUND" if outbound else "INBOUND" if inbound else "ANY"
        return Match(start_name, collection, key, edges, target, direction, minimum, maximum)

    def match_start(self) -> tuple[str | None, str, Expression]:
        """Read the vertex a match starts from: its name, its collection, its key."""
        self.expect("(")
        name = self.name("a variable") if self.kind in (NAME, QUOTED) else None
        self.expect(":")
        collection = self.name("a collection")
        at = self.at
        pairs = dict(cast("Object", self.object()).pairs)
        if "_key" not in pairs:
            raise self.error("a match starts from one document: expected its _key", at)
        self.expect(")")
        return name, collection, pairs["_key"]

    def match_depths(self) -> tuple[int, int]:
        """Read ``*min..max``; a star alone says nothing."""
        if not self.accept("*") or self.kind != INTEGER:
            return 1, 1
        return self.depths()
