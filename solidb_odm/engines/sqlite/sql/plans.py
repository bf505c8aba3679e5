"""Plans: a query's SQL with its parameters and the shape of its rows, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ....language import nodes
from ..catalogue import Collection
from .blocks import Compiled
from .compilation import Compilation
from .constants import Parameters, Signature
from .expressions import term
from .row_shapes import Shape, shape_of
from .subqueries import compiled, count, first, subquery
from .terms import DOCUMENT_COLUMNS, Document

Find = Callable[[str], Collection | None]
Names = Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One SQL statement that answers a query.

    ``late`` is another that sorts the places of documents and reads the documents after that: better
    where SQLite sorts, for it need not carry them along; worse where an index has the order.
    """

    sql: str
    parameters: Parameters
    shape: Shape
    distinct: bool
    is_documents: bool
    late: str = ""


def plan(
    query: nodes.Query, types: Signature, find: Find, names: Names, *, database: str, strict: bool
) -> Plan:
    """Turn a query into SQL; NotInSql, naming the construct, if SQL can't say it exactly."""
    c = compilation(types, find, database=database, strict=strict)
    c.names = names
    found = compiled(c, query, {})
    shape = shape_of(found.result)
    columns = ", ".join(shape.columns) or "NULL"
    return Plan(
        found.select.sql(columns),
        c.parameters,
        shape,
        found.distinct,
        isinstance(found.result, Document) and not found.distinct,
        _late(found, find),
    )


def _late(found: Compiled, find: Find) -> str:
    """Return the SQL that reads documents once they are sorted and limited, if it is about that."""
    select, result = found.select, found.result
    if type(result) is not Document or found.distinct or not (select.sort and select.tail):
        return ""
    collection = find(result.collection)
    if collection is None or select.groups or select.sources != [f"{collection.table} AS {result.alias}"]:
        return ""
    columns = ", ".join(f"late.{column}" for column in DOCUMENT_COLUMNS)
    sorted_ = select.sql(f"{result.alias}.rowid AS place")
    # the outer loop of a CROSS JOIN is the left one, so the rows keep its order
    return (
        f"SELECT {columns} FROM ({sorted_}) AS early CROSS JOIN {collection.table} AS late"
        " ON late.rowid = early.place"
    )


def compilation(types: Signature, find: Find, *, database: str, strict: bool) -> Compilation:
    """Return the surroundings of one query or condition."""
    return Compilation(dict(types), database, strict, find, term, subquery, count, first)
