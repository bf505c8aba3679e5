"""Shortcuts past a scan: documents by key, what the source selects, and documents hashed by a path.

A shortcut only narrows what is looked at; every condition is still tested on what it finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from ..._types import Json, JsonObject
from ...errors import DatabaseError
from .. import nodes
from ..values import canonical, kind_of
from ..walk import conjuncts
from .access import get_attribute
from .expressions import Compiler
from .runtime import Row, Run, Value
from .scope import Variables
from .selections import Selecting, selecting

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
        found = free.documents(row)
        return row[0].scan(collection) if found is None else found

    return find


def _either(tied: Selecting, otherwise: Documents) -> Documents:
    """Read what an index finds for this row, if there is one."""

    def find(row: Row) -> Iterable[JsonObject]:
        found = tied.documents(row)
        return otherwise(row) if found is None else found

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
        found = (run.source.get(collection, key) for key in _texts(keys))
        return [document for document in found if document is not None]

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
        found: list[JsonObject] = table.get(canonical(value), [])
        return found

    return find


def _hashed(run: Run, documents: Iterable[JsonObject], path: tuple[str, ...]) -> dict[Any, list[JsonObject]]:
    """Group documents by the value of a path, in their order."""
    table: dict[Any, list[JsonObject]] = {}
    for document in documents:
        run.spend(1)
        value: Json = document
        for name in path:
            value = get_attribute(value, name)
        table.setdefault(canonical(value), []).append(document)
    return table
