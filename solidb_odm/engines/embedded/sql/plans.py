"""Plans: a query's SQL with its parameters and the shape of its rows, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ....sdbql import nodes
from ..catalogue import Collection
from .compilation import Compilation
from .constants import Parameters, Signature
from .expressions import term
from .shapes import Shape, shape_of
from .subqueries import compiled, count, first, subquery
from .terms import Document

Find = Callable[[str], Collection | None]
Names = Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One SQL statement that answers a query."""

    sql: str
    parameters: Parameters
    shape: Shape
    distinct: bool
    is_documents: bool


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
    )


def compilation(types: Signature, find: Find, *, database: str, strict: bool) -> Compilation:
    """Return the surroundings of one query or condition."""
    return Compilation(dict(types), database, strict, find, term, subquery, count, first)
