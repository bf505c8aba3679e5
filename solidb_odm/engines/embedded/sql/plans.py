"""Plans: a query's SQL with its parameters and the shape of its rows, kept for the next time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ....sdbql import nodes
from ..catalogue import Collection
from .blocks import block, count, first, subquery
from .compilation import Compilation
from .constants import Parameters, Signature
from .expressions import term
from .shapes import Shape, shape_of
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


def compilation(types: Signature, find: Find, *, database: str, strict: bool) -> Compilation:
    """Return the surroundings of one query or condition."""
    return Compilation(dict(types), database, strict, find, term, subquery, count, first)
