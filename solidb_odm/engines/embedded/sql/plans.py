"""Plans: a query's SQL with its parameters and the shape of its rows, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import cast

from ....sdbql import nodes
from ....sdbql.functions import lookup
from ..catalogue import Collection
from .blocks import block, conjuncts, count, first, subquery, where
from .compilation import Compilation
from .constants import Parameters, Signature
from .expressions import term
from .refusal import NotInSql
from .shapes import Shape, shape_of
from .terms import DOCUMENT_COLUMNS, Document, Truth

Find = Callable[[str], Collection | None]


@dataclass(frozen=True, slots=True)
class Plan:
    """One SQL statement that answers a query."""

    sql: str
    parameters: Parameters
    shape: Shape
    distinct: bool
    is_documents: bool


@dataclass(frozen=True, slots=True)
class Narrowing:
    """One SQL statement for the documents of a collection that can meet the first FILTERs."""

    collection: str
    sql: str
    parameters: Parameters


def plan(query: nodes.Query, types: Signature, find: Find, *, database: str, strict: bool) -> Plan:
    """Turn a query into SQL; NotInSql, naming the construct, if SQL can't say it exactly."""
    c = _compilation(types, find, database=database, strict=strict)
    compiled = block(c, query, {})
    shape = shape_of(compiled.result)
    columns = ", ".join(shape.columns) or "NULL"
    return Plan(
        compiled.select.sql(columns),
        c.parameters,
        shape,
        compiled.distinct,
        isinstance(compiled.result, Document) and not compiled.distinct,
    )


def narrow(query: nodes.Block, types: Signature, find: Find, *, database: str) -> Narrowing | None:
    """Return SQL for the first FOR with those conditions behind it that SQL can say, or None."""
    c = _compilation(types, find, database=database, strict=False)
    c.total = True
    head, *rest = query.body or (None,)
    if not isinstance(head, nodes.For) or not isinstance(head.source, nodes.Name):
        return None
    if head.system_time is not None or head.valid_time:
        return None
    if not _is_read_once(query, head.source.name):
        return None
    try:
        collection = c.collection(head.source.name)
    except NotInSql:
        return None
    scope = {head.variable: Document("object", "d", collection.name, database)}
    truths: list[Truth] = []
    for clause in rest:
        if not isinstance(clause, nodes.Filter):
            break
        for condition in _parts(clause.condition):
            try:
                truths += conjuncts(c, condition, scope)
            except NotInSql:
                continue
    if not truths:
        return None
    columns = ", ".join(f"d.{column}" for column in DOCUMENT_COLUMNS)
    order = "+d.key" if collection.indexes else "d.key"
    sql = f"SELECT {columns} FROM {collection.table} AS d WHERE {where(truths)} ORDER BY {order}"
    return Narrowing(collection.name, sql, c.parameters)


def _is_read_once(query: nodes.Block, collection: str) -> bool:
    """Tell whether nothing but the first FOR can scan the collection: no second name, no function."""
    count = 0
    waiting: list[object] = [query]
    while waiting:
        node = waiting.pop()
        if isinstance(node, tuple):
            waiting.extend(cast("tuple[object, ...]", node))
        elif isinstance(node, nodes.Call | nodes.Pipe) and not _is_plain(node.name):
            return False
        elif isinstance(node, nodes.Node):
            waiting.extend(getattr(node, field.name) for field in fields(node))
        count += node == collection
    return count == 1


def _is_plain(name: str) -> bool:
    function = lookup(name)
    return function is not None and function.deterministic and name not in ("APPLY", "CALL")


def _parts(node: nodes.Expression) -> tuple[nodes.Expression, ...]:
    if isinstance(node, nodes.Logical) and node.operator == "AND":
        return tuple(part for operand in node.operands for part in _parts(operand))
    return (node,)


def _compilation(types: Signature, find: Find, *, database: str, strict: bool) -> Compilation:
    return Compilation(dict(types), database, strict, find, term, subquery, count, first)
