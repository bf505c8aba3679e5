"""What is known and gathered while one query becomes SQL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from operator import itemgetter
from typing import Final

from ...._dataclasses import dataclass
from ....language import nodes
from ....language.walk import walk
from ..catalogue import Collection
from .parameters import Parameters, list_type, value_type
from .terms import Constant, Document, Getter, NotInSql, Term

Scope = Mapping[str, Term]


_COMPARING: Final = (
    *(nodes.Block, nodes.For, nodes.Filter, nodes.Return, nodes.SortKey, nodes.Compare, nodes.Logical),
    *(nodes.Unary, nodes.Name, nodes.Attribute, nodes.Literal, nodes.Bind, nodes.Object, nodes.Array),
)
_OPERATORS: Final = frozenset({"==", "!=", "<", "<=", ">", ">=", "IN", "NOT IN", "AND", "OR", "NOT"})


def compares_only(query: nodes.Node) -> bool:
    """Return whether a query only compares and gives back what is stored, which needs no text itself."""
    variables, sources = set[str](), set[str]()
    for node in walk(query):
        if not isinstance(node, _COMPARING):
            return False
        if isinstance(node, nodes.Unary) and isinstance(node.operand, nodes.Literal):
            continue
        if getattr(node, "operator", "==") not in _OPERATORS:
            return False
        if isinstance(node, nodes.Compare) and _is_in_stored(node):
            return False
        if isinstance(node, nodes.For):
            variables.add(node.variable)
            sources.add(node.source.name if isinstance(node.source, nodes.Name) else node.variable)
    return variables.isdisjoint(sources)


def _is_in_stored(node: nodes.Compare) -> bool:
    """Return whether a value is looked for among elements that are stored, which SQLite cuts off."""
    return node.operator in ("IN", "NOT IN") and not isinstance(node.right, nodes.Bind | nodes.Array)


@dataclass(slots=True)
class Compilation:
    """The surroundings of a query, and the parts of the compiler, which call each other through it.

    ``total``: refuse what may fail while it runs. ``window_order``: the order of the rows that window
    functions go over; None where there can be none.
    """

    types: Mapping[str, str]
    database: str
    strict: bool
    find: Callable[[str], Collection | None]
    term: Callable[[Compilation, nodes.Expression, Scope], Term]
    subquery: Callable[[Compilation, nodes.Query, Scope], Term]
    count: Callable[[Compilation, nodes.Query, Scope], Term]
    first: Callable[[Compilation, nodes.Query, Scope], Term]
    names: Callable[[], Sequence[str]] = tuple
    parameters: Parameters = field(default_factory=Parameters)
    collections: set[str] = field(default_factory=set[str])
    hashed: set[str] = field(default_factory=set[str])
    """The aliases of the documents that are found by a table of the keys of their collection."""
    total: bool = False
    window_order: list[str] | None = None
    query: Sequence[nodes.Node] = ()
    """What becomes SQL."""
    _aliases: int = 0

    def alias(self) -> str:
        """Return a fresh name for a table in FROM."""
        self._aliases += 1
        return f"t{self._aliases}"

    def call_back(self, name: str, *keys: str) -> str:
        """Return the call of a Python function, which may fail."""
        if self.total:
            raise NotInSql(f"{name}, which may fail")
        return f"{name}({', '.join(keys)})"

    def collection(self, name: str) -> Collection:
        """Return a collection that SQL may read."""
        collection = self.find(name)
        if collection is None:
            raise NotInSql(f"{name!r} is not a collection")
        if collection.irregular and not (collection.exact and all(map(compares_only, self.query))):
            raise NotInSql(f"more than comparisons of collection {name!r}, which holds a NUL character")
        self.collections.add(name)
        return collection

    def constant(self, node: nodes.Expression) -> Constant | None:
        """Return the constant that an expression is, or None if it depends on a row."""
        if isinstance(node, nodes.Literal):
            return self._literal(node.value)
        if isinstance(node, nodes.Bind):
            return self._typed(self.type_of_bind(node.name), itemgetter(node.name))
        if isinstance(node, nodes.Unary) and node.operator == "-" and isinstance(node.operand, nodes.Literal):
            value = node.operand.value
            return self._literal(-value) if type(value) in (int, float) else None  # type: ignore[operator]
        if isinstance(node, nodes.Array):
            return self._array(node)
        return None

    def document_of(self, node: nodes.Expression, scope: Scope) -> Document | None:
        """Return the document that a path of attributes starts from."""
        while isinstance(node, nodes.Attribute):
            node = node.base
        term = scope.get(node.name) if isinstance(node, nodes.Name) else None
        return term if isinstance(term, Document) else None

    def type_of_bind(self, name: str) -> str:
        """Return the planning type of a bind; what is missing or odd is for Python."""
        kind = self.types.get(name)
        if kind is None:
            raise NotInSql(f"the bind @{name} is missing")
        return kind

    def type_of(self, node: nodes.Expression) -> str:
        """Return the planning type of a constant expression."""
        if isinstance(node, nodes.Bind):
            return self.type_of_bind(node.name)
        if isinstance(node, nodes.Literal):
            return value_type(node.value)
        if isinstance(node, nodes.Array):
            return list_type({self.type_of(item) for item in node.items})
        return "number"

    def _literal(self, value: nodes.Scalar) -> Constant:
        return self._typed(value_type(value), lambda _: value)

    def _typed(self, type_name: str, getter: Getter) -> Constant:
        if type_name == "odd":
            raise NotInSql("a value that SQLite can't hold exactly")
        return self.parameters.constant(type_name, getter)

    def _array(self, node: nodes.Array) -> Constant | None:
        items = [self.constant(item) for item in node.items]
        known = [item for item in items if item is not None]
        if len(known) != len(items):
            return None
        return self.parameters.constant("array", lambda binds: [item.value(binds) for item in known])
