"""Going through a query: its nodes, what it binds, which collections it touches."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeAlias, TypeVar, cast

from .._dataclasses import field_names
from . import nodes
from .nodes import Node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from .._types import Json
    from .nodes import Clause, Expression, Query

T = TypeVar("T")
Part: TypeAlias = "Node | tuple[Part, ...] | str | int | float | bool | None"
"""What the fields of nodes hold."""

_WRITES = (nodes.Insert, nodes.Update, nodes.Remove, nodes.Upsert)
_COLLECTION_ARGUMENTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(("FULLTEXT", "SEARCH_INDEX", "VECTOR_SEARCH", "HYBRID_SEARCH", "NEAR", "SAMPLE"), (0,)),
    **dict.fromkeys(("COLLECTION_COUNT", "VECTOR_INDEX_STATS", "NEIGHBORS", "PAGERANK"), (0,)),
    **dict.fromkeys(("DEGREE_CENTRALITY", "DOC_AS_OF", "DOC_HISTORY", "SNAPSHOT_DIFF"), (0,)),
    "GRAPH_RAG": (0, 2),
}
"""Which arguments of functions name a collection."""

_CATALOGUE_FUNCTIONS = frozenset({"CREATE_GRAPH", "DROP_GRAPH", "CREATE_VIEW", "DROP_VIEW", "ROW_POLICY"})


_FIELDS: dict[type[Node], tuple[str, ...]] = {}


def children(node: Node) -> Iterator[Node]:
    """Yield the nodes directly below this one, in the order of the text."""
    for name in _field_names(type(node)):
        yield from _nodes_in(getattr(node, name))


def walk(node: Node) -> Iterator[Node]:
    """Yield this node and all below it, each before those below it."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting.extend(reversed(list(children(current))))


def transform(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return the node with ``change`` applied to all in it, those below first.

    What stays the same is shared with the original.
    """
    done: dict[int, Node] = {}
    waiting: list[tuple[Node, bool]] = [(node, False)]
    while waiting:
        current, ready = waiting.pop()
        if ready:
            done[id(current)] = change(_rebuilt(current, done))
        elif id(current) not in done:
            waiting.append((current, True))
            waiting.extend((child, False) for child in children(current))
    return done[id(node)]


class MadeOnce(Generic[T]):
    """What is made of queries, once for the same nodes, which the builder hands out again for other values.

    They are known by their identity, which takes no time; what is kept holds its query, so that no other one
    can have that. All is forgotten when there are ``most``; ``is_kept`` says what is kept at all.
    """

    __slots__ = ("_is_kept", "_known", "_make", "_most")

    def __init__(
        self, make: Callable[[Query], T], most: int, is_kept: Callable[[T], bool] | None = None
    ) -> None:
        self._make, self._most, self._is_kept = make, most, is_kept
        self._known: dict[int, tuple[Query, T]] = {}

    def of(self, query: Query) -> T:
        """Return what is made of a query."""
        known = self._known.get(id(query))
        if known is not None:
            return known[1]
        made = self._make(query)
        if self._is_kept is None or self._is_kept(made):
            if len(self._known) >= self._most:
                self._known.clear()
            self._known[id(query)] = query, made
        return made


def repeats_a_name(expression: Node) -> bool:
    """Return whether an expression takes the whole value of a variable more than once, as ``[a, a]`` does."""
    names: set[str] = set()
    parts: set[int] = set()
    for node in walk(expression):
        if isinstance(node, nodes.Attribute | nodes.Subscript):
            parts.add(id(node.base))
        elif isinstance(node, nodes.Name) and id(node) not in parts:
            if node.name in names:
                return True
            names.add(node.name)
    return False


def bind_names(query: Node) -> frozenset[str]:
    """Return the names of the bind variables in a query or a part of one."""
    return frozenset(node.name for node in walk(query) if isinstance(node, nodes.Bind))


def collections_read(query: Query, binds: Mapping[str, Json] | None = None) -> frozenset[str]:
    """Return the collections a query reads, as far as its text names them.

    A name after FOR .. IN counts unless it is a variable there. With ``binds`` the names and ids in bind
    variables that functions take count as well. Documents that a traversal comes by are not foreseen.
    """
    reader = _CollectionReader(binds or {})
    reader.query(query, frozenset())
    return frozenset(reader.found)


def collections_looped(query: Query) -> list[str]:
    """Return the collections that a query begins to loop over; some of those it reads, found at once."""
    while isinstance(query, nodes.SetOperation):
        query = query.left
    names: list[str] = []
    variables = {"NEW", "OLD"} if query.tables is None else {table.name for table in query.tables.tables}
    for clause in query.body:
        if isinstance(clause, nodes.For):
            if isinstance(clause.source, nodes.Name) and clause.source.name not in variables:
                names.append(clause.source.name)
            variables.add(clause.variable)
        elif not isinstance(clause, nodes.Filter):
            break
    return names


def collections_written(query: Query) -> frozenset[str]:
    """Return the collections a query writes; a materialised view is one too."""
    names: set[str] = set()
    for node in walk(query):
        if isinstance(node, _WRITES):
            names.add(node.collection)
        elif isinstance(node, (nodes.CreateView, nodes.RefreshView)):
            names.add(node.name)
    return frozenset(names)


def conjuncts(node: nodes.Expression) -> Iterator[nodes.Expression]:
    """Yield the conditions that must all hold for one to hold, taking AND apart."""
    if isinstance(node, nodes.Logical) and node.operator == "AND":
        for operand in node.operands:
            yield from conjuncts(operand)
    else:
        yield node


def writes(query: Query) -> bool:
    """Return whether a query changes documents or the catalogue."""
    return any(_changes(node) for node in walk(query))


def _changes(node: Node) -> bool:
    if isinstance(node, (nodes.Call, nodes.Pipe)):
        return node.name in _CATALOGUE_FUNCTIONS
    return isinstance(node, (*_WRITES, nodes.CreateStream, nodes.CreateView, nodes.RefreshView))


def _field_names(kind: type[Node]) -> tuple[str, ...]:
    """Return the fields of a class of nodes, in the order of the text."""
    names = _FIELDS.get(kind)
    if names is None:
        names = field_names(kind)
        if kind is nodes.Block:
            # A block starts with what is declared last, because most blocks have neither.
            names = ("head", "tables", *(name for name in names if name not in ("head", "tables")))
        _FIELDS[kind] = names
    return names


def _nodes_in(part: Part) -> Iterator[Node]:
    if isinstance(part, Node):
        yield part
    elif isinstance(part, tuple):
        for item in part:
            yield from _nodes_in(item)


def _rebuilt(node: Node, done: dict[int, Node]) -> Node:
    """Return the node with its children exchanged for what became of them."""
    changes: dict[str, Part] = {}
    for name in _field_names(type(node)):
        before = cast("Part", getattr(node, name))
        after = _exchanged(before, done)
        if after is not before:
            changes[name] = after
    return replace(node, **changes) if changes else node


def _exchanged(part: Part, done: dict[int, Node]) -> Part:
    if isinstance(part, Node):
        return done[id(part)]
    if isinstance(part, tuple):
        after = tuple(_exchanged(item, done) for item in part)
        return part if all(a is b for a, b in zip(after, part, strict=True)) else after
    return part


Scope: TypeAlias = frozenset[str]
"""The variables that are bound at a place."""


class _CollectionReader:
    """Collects the collections that are read, keeping track of what is a variable."""

    def __init__(self, binds: Mapping[str, Json]) -> None:
        self.binds = binds
        self.found: set[str] = set()

    def query(self, query: Query, scope: Scope) -> None:
        rights: list[Query] = []
        left = query
        while isinstance(left, nodes.SetOperation):
            rights.append(left.right)
            left = left.left
        tables = self.block(left, scope)
        for right in rights:
            self.query(right, tables)

    def block(self, block: nodes.Block, scope: Scope) -> Scope:
        """Go through a block; return the scope of the blocks that a set operator joins to it."""
        if isinstance(block.head, nodes.CreateView):
            self.query(block.head.query, scope)
        tables = scope = self.tables(block.tables, scope) if block.tables else scope
        for clause in (*block.body, *block.sort, block.offset, block.limit, *block.late_lets, block.returns):
            scope = self.step(clause, scope)
        return tables

    def tables(self, tables: nodes.With, scope: Scope) -> Scope:
        if tables.recursive:
            scope |= {table.name for table in tables.tables}
        for table in tables.tables:
            self.query(table.query, scope)
            scope |= {table.name}
        return scope

    def step(self, node: Node | None, scope: Scope) -> Scope:
        """Go through a clause; return the scope after it."""
        if node is None:
            return scope
        if isinstance(node, (nodes.For, nodes.Traverse, nodes.PathSearch, nodes.Match, nodes.Join)):
            before, scope = scope, self.source(node, scope)
            self.expressions(children(node), before if isinstance(node, nodes.For) else scope)
            return scope
        if isinstance(node, nodes.Collect):
            self.expressions(children(node), scope)
            # The server forgets every other variable, those of outer queries too.
            return frozenset(_outputs(node))
        self.expressions(children(node), scope)
        if isinstance(node, nodes.Let):
            return scope | {node.name}
        return scope | {"NEW", "OLD"} if isinstance(node, _WRITES) else scope

    def source(self, node: Clause, scope: Scope) -> Scope:
        """Note what a clause makes rows from; return the scope with its variables."""
        if isinstance(node, nodes.For):
            if isinstance(node.source, nodes.Name) and node.source.name not in scope:
                self.found.add(node.source.name)
            return scope | {node.variable}
        if isinstance(node, nodes.Join):
            self.found.add(node.collection)
            return scope | {node.collection}
        if isinstance(node, nodes.Match):
            self.found |= {node.collection, node.edges}
            return scope | {node.target, "_e", "_p"}
        if isinstance(node, (nodes.Traverse, nodes.PathSearch)):
            self.found.add(node.edges)
            self.ids(node.start)
            if isinstance(node, nodes.PathSearch):
                self.ids(node.end)
            return scope | set(node.variables)
        return scope

    def expressions(self, parts: Iterable[Node], scope: Scope) -> None:
        waiting = [(node, scope) for node in parts]
        while waiting:
            node, scope = waiting.pop()
            if isinstance(node, nodes.Subquery):
                self.query(node.query, scope)
                continue
            if isinstance(node, nodes.Call):
                self.call(node.name, node.arguments)
            elif isinstance(node, nodes.Pipe):
                self.call(node.name, (node.value, *node.arguments))
            waiting.extend((child, scope | _bound_by(node)) for child in children(node))

    def call(self, name: str, arguments: tuple[Expression, ...]) -> None:
        """Note the collections that a function is told to read."""
        if name == "DOCUMENT" and len(arguments) == 1:
            self.ids(arguments[0])
            return
        for position in (0,) if name == "DOCUMENT" else _COLLECTION_ARGUMENTS.get(name, ()):
            if position < len(arguments):
                self.found.update(self.texts(arguments[position]))

    def ids(self, node: Expression) -> None:
        """Note the collections of ids: ``collection/key``, with or without the database before it."""
        for text in self.texts(node):
            collection, slash, _ = text.partition("/")
            if slash:
                self.found.add(collection.rpartition(":")[2])

    def texts(self, node: Expression) -> list[str]:
        """Return the texts that an expression is known to stand for."""
        if isinstance(node, nodes.Array):
            return [text for item in node.items for text in self.texts(item)]
        value: Json = None
        if isinstance(node, nodes.Literal):
            value = node.value
        elif isinstance(node, nodes.Bind):
            value = self.binds.get(node.name)
        values = cast("list[Json]", value) if isinstance(value, (list, tuple)) else [value]
        return [text for text in values if isinstance(text, str)]


def _bound_by(node: Node) -> Scope:
    """Return the variables that a node binds for what is in it."""
    if isinstance(node, nodes.Lambda):
        return frozenset(node.parameters)
    if isinstance(node, nodes.Quantified):
        return frozenset({node.variable})
    return frozenset({"CURRENT"}) if isinstance(node, nodes.Expansion) else frozenset()


def _outputs(node: nodes.Collect) -> Iterator[str]:
    """Yield the variables that exist after COLLECT."""
    yield from (name for name, _ in node.groups)
    yield from (aggregate.name for aggregate in node.aggregates)
    yield from (name for name in (node.into, node.count_into) if name is not None)


def returns_boolean(node: nodes.Expression) -> bool:
    """Return whether an expression can only be true or false."""
    if isinstance(node, nodes.Compare):
        return node.operator != "<=>"
    if isinstance(node, nodes.Unary):
        return node.operator == "NOT"
    if isinstance(node, nodes.Literal):
        return isinstance(node.value, bool)
    return isinstance(node, _BOOLEAN)


_BOOLEAN = (nodes.ArrayCompare, nodes.Logical, nodes.Quantified)
