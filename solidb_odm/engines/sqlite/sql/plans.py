"""Plans: a query's SQL with its parameters and the shape of its rows, kept for the next time.

Subqueries in SQL: their rows as an array, their number, the first of them; DISTINCT and set operations.

Rows are numbered where an order must outlast a GROUP BY; of equal rows the first stands for all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ...._dataclasses import dataclass
from ....language import nodes
from ..catalogue import Collection
from .blocks import Compiled, Select, block
from .compilation import Compilation, Scope
from .expressions import term
from .parameters import Parameters, Signature
from .row_shapes import Shape, shape_of
from .terms import (
    DOCUMENT_COLUMNS,
    Computed,
    Document,
    JsonValue,
    MaybeDocument,
    NotInSql,
    Structure,
    Term,
    key_of,
)

_NULL: Final = "x'01'"
"""Stands for null among order keys where NULL would not be found; no key is this blob."""
_BEHIND: Final = 1 << 40
"""Puts the rows of the right side behind those of the left."""


def compiled(c: Compilation, query: nodes.Query, scope: Scope) -> Compiled:
    """Turn a block or a set operation into a SELECT; of a set operation it is one over both sides."""
    if isinstance(query, nodes.Block):
        return block(c, query, scope)
    tables = _first_tables(query)
    if tables is not None:
        raise NotInSql("WITH before a set operation")
    left, right = (_rows(compiled(c, side, scope)) for side in (query.left, query.right))
    return _derived(c, _SETS[query.operator](left, right))


def _first_tables(query: nodes.Query) -> nodes.With | None:
    while isinstance(query, nodes.SetOperation):
        query = query.left
    return query.tables


def distinct(c: Compilation, compiled_query: Compiled) -> Compiled:
    """Return a SELECT of each value once, in the place of its first row."""
    return _derived(c, _once(_rows(compiled_query))) if compiled_query.distinct else compiled_query


def _rows(compiled_query: Compiled) -> str:
    """Return a SELECT of the values as ``item``, their order keys as ``k`` and their numbers as ``n``."""
    columns = f"{compiled_query.result.json} AS item, {key_of(compiled_query.result)} AS k"
    rows = f"SELECT item, k, row_number() OVER () AS n FROM ({compiled_query.select.sql(columns)})"
    return _once(rows) if compiled_query.distinct else rows


def _once(rows: str) -> str:
    return f"SELECT item, k, min(n) AS n FROM ({rows}) GROUP BY k"


def _union_all(left: str, right: str) -> str:
    return f"{left} UNION ALL SELECT item, k, n + {_BEHIND} AS n FROM ({right})"


def _union(left: str, right: str) -> str:
    return _once(_union_all(left, right))


def _intersect(left: str, right: str, not_: str = "") -> str:
    members = f"SELECT ifnull(k, {_NULL}) FROM ({right})"
    return f"SELECT item, k, n FROM ({_once(left)}) WHERE ifnull(k, {_NULL}) {not_}IN ({members})"


def _except(left: str, right: str) -> str:
    return _intersect(left, right, "NOT ")


_SETS: Final[dict[str, Callable[[str, str], str]]] = {
    "UNION": _union,
    "UNION ALL": _union_all,
    "INTERSECT": _intersect,
    "EXCEPT": _except,
}


def _derived(c: Compilation, rows: str) -> Compiled:
    alias = c.alias()
    select = Select(sources=[f"({rows}) AS {alias}"], order=[f"{alias}.n"])
    return Compiled(select, JsonValue("any", f"{alias}.item", order_key=f"{alias}.k"))


# --- as values -----------------------------------------------------------------------------------


def subquery(c: Compilation, query: nodes.Query, scope: Scope) -> Term:
    """Return ``(FOR .. RETURN ..)`` as a JSON array."""
    inner = distinct(c, compiled(c, query, scope))
    rows = inner.select.sql(f"{inner.result.json} AS item")
    count = f"(SELECT count(*) FROM ({inner.select.counted()}))"
    keys = inner.select.sql(f"{key_of(inner.result)} AS k", ordered=False)
    array = f"(SELECT json_group_array(json(item)) FROM ({rows}))"
    return JsonValue("array", array, count, keys, f"(SELECT solidb_key({array}))")


def count(c: Compilation, query: nodes.Query, scope: Scope) -> Term:
    """Return ``LENGTH((FOR .. RETURN ..))``."""
    inner = distinct(c, compiled(c, query, scope))
    return Computed("number", f"(SELECT count(*) FROM ({inner.select.counted()}))")


def first(c: Compilation, query: nodes.Query, scope: Scope) -> Term:
    """Return ``FIRST((FOR .. RETURN ..))``: the first row, or null."""
    inner = distinct(c, compiled(c, query, scope))
    rows = inner.select.sql(f"{inner.result.json} AS item")
    item = f"(SELECT item FROM ({rows}) LIMIT 1)"
    return JsonValue("any", item, order_key=f"(SELECT solidb_key({item}))")


Find = Callable[[str], Collection | None]
Names = Callable[[], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Plan:
    """One SQL statement that answers a query.

    ``late`` is another that sorts the places of documents and reads the documents after that: better
    where SQLite sorts, for it need not carry them along; worse where an index has the order. ``links`` are
    others of a join along links: where SQLite goes along each to a key, and where along none. ``by_keys`` is
    a table and one that goes through it by its keys: better where all of that is read, with whole documents.
    """

    sql: str
    parameters: Parameters
    shape: Shape
    distinct: bool
    is_documents: bool
    late: str = ""
    links: tuple[str, str] | None = None
    by_keys: tuple[str, str] | None = None


def plan(
    query: nodes.Query, types: Signature, find: Find, names: Names, *, database: str, strict: bool
) -> Plan:
    """Turn a query into SQL; NotInSql, naming the construct, if SQL can't say it exactly."""
    c = compilation(types, find, database=database, strict=strict)
    c.names, c.query = names, (query,)
    compiled_query = compiled(c, query, {})
    shape = shape_of(compiled_query.result)
    columns = ", ".join(shape.columns) or "NULL"
    select, has_documents = compiled_query.select, _holds_document(compiled_query.result)
    first = select.by_keys() if has_documents else ""
    by_keys = (first, select.sql(columns)) if first else None
    select.is_late = not (has_documents and select.is_along_links())
    return Plan(
        compiled_query.select.sql(columns),
        c.parameters,
        shape,
        compiled_query.distinct,
        isinstance(compiled_query.result, Document) and not compiled_query.distinct,
        _late(compiled_query, find),
        _along_links(compiled_query.select, columns),
        by_keys if select.is_late else None,
    )


def _along_links(select: Select, columns: str) -> tuple[str, str] | None:
    if not select.is_along_links():
        return None
    return select.sql(columns, links="by_key"), select.sql(columns, links="by_path")


def _holds_document(term: Term) -> bool:
    """Return whether whole documents are a part of a value; to carry them along takes time too."""
    if isinstance(term, Structure):
        return any(map(_holds_document, term.items))
    return isinstance(term, Document | MaybeDocument)


def _late(compiled_query: Compiled, find: Find) -> str:
    """Return the SQL that reads documents once they are sorted and limited, if it is about that."""
    select, result = compiled_query.select, compiled_query.result
    if type(result) is not Document or compiled_query.distinct or not (select.sort and select.tail):
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


def along_links(plan: Plan, forms: tuple[str, str], steps: Sequence[str]) -> Plan:
    """Return the plan of a join along links in the shorter form, if SQLite goes along all in one way."""
    searched = [step for step in steps if step.startswith("SEARCH")]
    by_key = [step.endswith("(key=?)") for step in searched]
    if len(searched) != len(steps) - 1 - any("TEMP B-TREE" in step for step in steps):
        return plan
    if all(by_key) or not any(by_key):
        return replace(plan, sql=forms[0 if all(by_key) else 1])
    return plan


def compilation(types: Signature, find: Find, *, database: str, strict: bool) -> Compilation:
    """Return the surroundings of one query or condition."""
    return Compilation(dict(types), database, strict, find, term, subquery, count, first)
