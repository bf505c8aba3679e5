"""Shortcuts past a scan: documents by key, what the source selects, and documents hashed by a path.

A shortcut only narrows what is looked at; every condition is still tested on what it finds.

What a source is told of one FOR: which documents of a collection can matter.

The conditions name the document and constants. What they take from the rows outside of the loop is
computed before each round, and stands in them as a bind.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, cast

from ..._types import Json, JsonObject
from ...errors import DatabaseError
from .. import nodes
from ..functions import lookup
from ..values import canonical, is_imprecise, kind_of
from ..walk import conjuncts, walk
from .access import get_attribute
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


Documents = Callable[[Row], Iterable[JsonObject]]


def path_of(node: nodes.Expression, variable: str) -> tuple[str, ...] | None:
    """Return the attributes from the variable to what the expression reads, if it is such a path."""
    names: list[str] = []
    while isinstance(node, nodes.Attribute):
        names.append(node.name)
        node = node.base
    if isinstance(node, nodes.Name) and node.name == variable and names:
        return tuple(reversed(names))
    return None


def documents_of(
    compiler: Compiler,
    collection: str,
    variable: str,
    conditions: Sequence[nodes.Expression],
    scope: Variables,
) -> Documents:
    """Compile to the documents of a collection among which are all that meet the conditions.

    ``scope`` is the one the FOR stands in; expressions over its variables can be looked up.
    """
    parts = [part for condition in conditions for part in conjuncts(condition)]
    equalities = list(_equalities(compiler, parts, variable, scope))
    for path, wanted, many in equalities:
        if path == ("_key",):
            return _by_key(collection, wanted, many=many)
    documents = _selected(collection, selecting(compiler, collection, variable, parts, scope))
    for path, wanted, many in equalities:
        if not many and not compiler.frame.mutating:
            documents = _by_value(documents, path, wanted)
            break
    tied = selecting(compiler, collection, variable, parts, scope, correlated=True)
    return documents if tied is None else _either(tied, documents)


def _equalities(
    compiler: Compiler, parts: Sequence[nodes.Expression], variable: str, scope: Variables
) -> Iterator[tuple[tuple[str, ...], Value, bool]]:
    """Yield the paths that must equal a value, or be in a list, known before the document is."""
    for node in parts:
        if not isinstance(node, nodes.Compare) or node.operator not in ("==", "IN"):
            continue
        sides = [(node.left, node.right)]
        if node.operator == "==":
            sides.append((node.right, node.left))
        for here, there in sides:
            path = path_of(here, variable)
            if path is not None and _independent(there, variable, scope):
                yield path, compiler.expression(there, scope), node.operator == "IN"


def _selected(collection: str, free: Selecting | None) -> Documents:
    """Read what the source selects, or all documents."""
    if free is None:
        return lambda row: row[0].scan(collection)

    def find(row: Row) -> Iterable[JsonObject]:
        documents = free.documents(row)
        return row[0].scan(collection) if documents is None else documents

    return find


def _either(tied: Selecting, otherwise: Documents) -> Documents:
    """Read what an index finds for this row, if there is one."""

    def find(row: Row) -> Iterable[JsonObject]:
        documents = tied.documents(row)
        return otherwise(row) if documents is None else documents

    return find


def _independent(node: nodes.Expression, variable: str, scope: Variables) -> bool:
    """Return whether an expression can be evaluated before the document is known."""
    if isinstance(node, nodes.Literal | nodes.Bind):
        return True
    if isinstance(node, nodes.Name):
        return node.name != variable and node.name in scope.names
    if isinstance(node, nodes.Attribute):
        return _independent(node.base, variable, scope)
    if isinstance(node, nodes.Array):
        return all(_independent(item, variable, scope) for item in node.items)
    if isinstance(node, nodes.Call):
        return _is_plain(node) and all(_independent(part, variable, scope) for part in node.arguments)
    return False


def _by_key(collection: str, wanted: Value, *, many: bool) -> Documents:
    def find(row: Row) -> Iterable[JsonObject]:
        run: Run = row[0]
        try:
            value = wanted(row)
        except DatabaseError:  # what becomes of it is decided where the condition is tested
            return run.scan(collection)
        keys = value if many and kind_of(value) is list else [] if many else [value]
        run.known(collection)
        documents = (run.source.get(collection, key) for key in _texts(keys))
        return [document for document in documents if document is not None]

    return find


def _texts(keys: list[Json]) -> list[str]:
    return sorted({key for key in keys if kind_of(key) is str})


def _by_value(documents: Documents, path: tuple[str, ...], wanted: Value) -> Documents:
    """Read them all the first time; when the same place is reached again in this run, make a hash."""
    memory_key = object()

    def find(row: Row) -> Iterable[JsonObject]:
        run: Run = row[0]
        if memory_key not in run.memory:
            run.memory[memory_key] = None
            return documents(row)
        try:
            value = wanted(row)
        except DatabaseError:  # as above
            return documents(row)
        table = run.memory[memory_key]
        if table is None:
            table = run.memory[memory_key] = _hashed(run, documents(row), path)
        equal: list[JsonObject] = table.get(canonical(value), [])
        return equal

    return find


def elements_of(
    compiler: Compiler,
    array: Value,
    variable: str,
    conditions: Sequence[nodes.Expression],
    scope: Variables,
) -> Callable[[Row], Iterable[Json]]:
    """Compile to the elements of an array among which are all that meet the conditions.

    An array that comes again, as the rows of a WITH do, is grouped by what must equal a value.
    """
    parts = [part for condition in conditions for part in conjuncts(condition)]
    equal = [
        (path, wanted) for path, wanted, many in _equalities(compiler, parts, variable, scope) if not many
    ]
    (path, wanted), memory_key = equal[0] if equal else ((), None), object()

    def elements(row: Row) -> Iterable[Json]:
        value, run = array(row), cast(Run, row[0])
        if kind_of(value) is not list:
            return [value]  # the server makes one row of null, too
        items = cast("list[Json]", value)
        if wanted is None or compiler.frame.mutating:
            return items
        known: tuple[Any, Any] = run.memory.get(memory_key, (None, None))
        if id(known[0]) != id(items):
            run.memory[memory_key] = items, None
            return items
        try:
            sought = wanted(row)
        except DatabaseError:  # as above
            return items
        if is_imprecise(sought):
            return items
        table = _hashed(run, items, path) if known[1] is None else known[1]
        run.memory[memory_key] = items, table
        equals: list[Json] = table.get(canonical(sought), [])
        return equals

    return elements


def _hashed(run: Run, documents: Iterable[Any], path: tuple[str, ...]) -> dict[Any, list[Any]]:
    """Group documents by the value of a path, in their order."""
    table: dict[Any, list[Any]] = {}
    for document in documents:
        run.spend(1)
        value: Json = document
        for name in path:
            value = get_attribute(value, name)
        table.setdefault(canonical(value), []).append(document)
    return table
