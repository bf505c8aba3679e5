"""Reaching into values: attributes, computed indexes, and the expansion of arrays."""

from __future__ import annotations

from collections.abc import Callable

from ..._types import Json
from ...errors import QueryError
from .. import nodes
from ..values import describe, is_number, json_text, kind_of
from .expressions import CompileExpression, Compiler
from .runtime import Row, Value
from .scope import Variables

CURRENT = "CURRENT"


def get_attribute(value: Json, name: str) -> Json:
    """Read an attribute: null if there is none. A name with dots is tried whole, then as a path."""
    if kind_of(value) is not dict:
        return None
    if name in value or "." not in name:
        return value.get(name)
    for part in name.split("."):
        value = value.get(part) if kind_of(value) is dict else None
    return value


def _attribute(compiler: Compiler, node: nodes.Attribute, scope: Variables) -> Value:
    name = node.name
    base = compiler.expression(node.base, scope)
    if "." in name:
        return lambda row: get_attribute(base(row), name)
    if isinstance(node.base, nodes.Name) and node.base.name not in scope.unbound:
        slot = scope.names.get(node.base.name)
        if slot is not None:
            return _variable_attribute(slot, name)

    def read(row: Row) -> Json:
        value = base(row)
        return value.get(name) if kind_of(value) is dict else None

    return read


def _variable_attribute(slot: int, name: str) -> Value:
    """Read an attribute of a variable: by far the most frequent expression."""

    def read(row: Row) -> Json:
        value = row[slot]
        return value.get(name) if kind_of(value) is dict else None

    return read


def _index(compiler: Compiler, node: nodes.Subscript, scope: Variables) -> Value:
    base = compiler.expression(node.base, scope)
    index = compiler.expression(node.index, scope)
    return lambda row: get_index(base(row), index(row))


def get_index(base: Json, index: Json) -> Json:
    """Return ``base[index]``; null where there is nothing, an error for a senseless index."""
    if index is None:
        return None
    if kind_of(index) is str:
        return base.get(index) if kind_of(base) is dict else None
    if not is_number(index):
        raise QueryError(f"Dynamic field access requires a string or number, got: {describe(index)}")
    if kind_of(base) is dict:
        return base.get(json_text(index))
    if kind_of(base) is not list:
        return None
    place = int(index)
    return base[place] if -len(base) <= place < len(base) else None


# --- expansion -----------------------------------------------------------------------------------


def _expansion(compiler: Compiler, node: nodes.Expansion, scope: Variables) -> Value:
    base = compiler.expression(node.base, scope)
    levels, path = node.depth - 1, node.path
    plain = node.condition is node.offset is node.limit is node.projection is None
    if plain and not path:
        levels = max(levels, 1)  # the server's bare [*] flattens one level
    inline = None if plain else _inline(compiler, node, scope)

    def expand(row: Row) -> list[Json]:
        array = base(row)
        if kind_of(array) is not list:
            return []
        row[0].spend(len(array))
        items = _flatten(array, levels)
        if inline is not None:
            items = inline(row, items)
        return [_follow(item, path) for item in items] if path else items

    return expand


def _flatten(array: list[Json], levels: int) -> list[Json]:
    for _ in range(levels):
        flat: list[Json] = []
        for item in array:
            if kind_of(item) is list:
                flat.extend(item)
            else:
                flat.append(item)
        array = flat
    return array


def _follow(value: Json, path: tuple[str, ...]) -> Json:
    for name in path:
        value = get_attribute(value, name)
    return value


def _inline(
    compiler: Compiler, node: nodes.Expansion, scope: Variables
) -> Callable[[Row, list[Json]], list[Json]]:
    """Compile FILTER, LIMIT and RETURN inside the brackets, where CURRENT is the element."""
    inner = scope.copy()
    slot = compiler.frame.declare(inner, CURRENT)
    condition = None if node.condition is None else compiler.condition(node.condition, inner)
    projection = compiler.optional(node.projection, inner)
    offset = compiler.optional(node.offset, scope)
    limit = compiler.optional(node.limit, scope)

    def run(row: Row, items: list[Json]) -> list[Json]:
        if condition is not None:
            items = [item for item in items if condition(_set(row, slot, item))]
        start = _bound(offset, row) or 0
        count = _bound(limit, row)
        if start or count is not None:
            items = items[start:] if count is None else items[start : start + count]
        if projection is not None:
            items = [projection(_set(row, slot, item)) for item in items]
        return items

    return run


def _set(row: Row, slot: int, value: Json) -> Row:
    row[slot] = value
    return row


def _bound(expression: Value | None, row: Row) -> int | None:
    if expression is None:
        return None
    value = expression(row)
    if not is_number(value) or value < 0:
        raise QueryError(f"LIMIT in [* ..] expects a number of 0 or more, got: {describe(value)}")
    return int(value)


EXPRESSIONS: dict[type[nodes.Expression], CompileExpression] = {
    nodes.Attribute: _attribute,
    nodes.Subscript: _index,
    nodes.Expansion: _expansion,
}
