"""Blocks in SQL: FOR, FILTER, LET, COLLECT, SORT, LIMIT and RETURN as one SELECT.

The server runs a block clause by clause over its rows; without SORT they come in the byte order of the
keys. SQL picks its own way, so each SELECT says this order, and equal SORT keys fall back on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from ....sdbql import nodes
from ..catalogue import Collection
from ..layout import key_of_field
from ..order_key import TRUE_SQL
from .calls import prefix_filter
from .compilation import Compilation, Scope
from .conditions import truth_of
from .nearness import distance_filter
from .refusal import NotInSql
from .terms import Column, Computed, Document, JsonPath, JsonValue, Term, Truth
from .traversals import traversal

_NO_LIMIT: Final = "-1"
_LONGEST_LET: Final = 20_000


@dataclass(slots=True)
class Select:
    """A SELECT in the making. ``order`` is the order of the rows if nothing else is asked.

    ``unique`` are sets of order keys that no two rows of the first source share.
    """

    sources: list[str] = field(default_factory=list[str])
    conditions: list[Truth] = field(default_factory=list[Truth])
    groups: list[str] = field(default_factory=list[str])
    order: list[str] = field(default_factory=list[str])
    sort: list[str] = field(default_factory=list[str])
    tail: str = ""
    indexed: bool = False
    unique: list[frozenset[str]] = field(default_factory=list[frozenset[str]])

    def sql(self, columns: str, *, ordered: bool = True) -> str:
        """Write the statement."""
        parts = [f"SELECT {columns}"]
        if self.sources:
            parts.append(f"FROM {', '.join(self.sources)}")
        if self.conditions:
            parts.append(f"WHERE {where(self.conditions)}")
        if self.groups:
            parts.append(f"GROUP BY {', '.join(self.groups)}")
        order = [] if self._is_one_row() else [*self.sort, *self._natural_order()]
        if order and (ordered or self.tail):
            parts.append(f"ORDER BY {', '.join(order)}")
        if self.tail:
            parts.append(self.tail)
        return " ".join(parts)

    def _is_one_row(self) -> bool:
        """Tell whether there is one row at most, which needs no order."""
        equal = {one.equals for one in self.conditions if one.equals}
        return len(self.sources) == 1 and any(keys <= equal for keys in self.unique)

    def _natural_order(self) -> list[str]:
        """Return the order of the rows, such that it does not keep SQLite from an index for a condition."""
        return [f"+{key}" for key in self.order] if self.conditions and self.indexed else self.order


def where(conditions: list[Truth]) -> str:
    """Write conditions that must all hold; a null that one excludes need not be let in by another."""
    present = {one.present for one in conditions if one.present}
    return " AND ".join(one.bare if one.subject in present else one.where for one in conditions)


@dataclass(frozen=True, slots=True)
class Compiled:
    """A block in SQL: its SELECT without columns, and what it returns."""

    select: Select
    result: Term
    distinct: bool = False


def block(c: Compilation, query: nodes.Query, outer: Scope) -> Compiled:
    """Turn a block into a SELECT."""
    if not isinstance(query, nodes.Block):
        raise NotInSql(query.operator)
    if query.head is not None or query.tables is not None:
        raise NotInSql("WITH or CREATE")
    if query.returns is None:
        raise NotInSql("a block without RETURN")
    select, scope = _body(c, query, outer)
    select.sort = [_sort_key(c, key, scope) for key in query.sort]
    select.tail = _limits(c, query)
    for let in query.late_lets:
        scope[let.name] = c.term(c, let.value, scope)
    return Compiled(select, c.term(c, query.returns.expression, scope), query.returns.distinct)


def _body(c: Compilation, query: nodes.Block, outer: Scope) -> tuple[Select, dict[str, Term]]:
    select, scope = Select(), dict(outer)
    for clause in query.body:
        if isinstance(clause, nodes.For):
            _for(c, clause, select, scope, outer)
        elif isinstance(clause, nodes.Filter):
            select.conditions += conjuncts(c, clause.condition, scope)
        elif isinstance(clause, nodes.Let):
            scope[clause.name] = _short(c.term(c, clause.value, scope))
        elif isinstance(clause, nodes.Traverse | nodes.Match):
            _traversal(c, clause, select, scope, query)
        elif isinstance(clause, nodes.Collect):
            select, scope = _collect(c, clause, select, scope)
        else:
            raise NotInSql(type(clause).__name__.upper())
    return select, scope


def _short(term: Term) -> Term:
    """Return the term of a LET, which stands wherever its name does: a chain of them would double it."""
    if isinstance(term, Computed) and len(term.sql) > _LONGEST_LET:
        raise NotInSql("a LET this long")
    return term


def _for(c: Compilation, clause: nodes.For, select: Select, scope: dict[str, Term], outer: Scope) -> None:
    if clause.system_time is not None or clause.valid_time or clause.options:
        raise NotInSql("FOR with SYSTEM_TIME, VALID_TIME or OPTIONS")
    if (
        not isinstance(clause.source, nodes.Name)
        or clause.source.name in scope
        or clause.source.name in outer
    ):
        raise NotInSql("FOR over something else than a collection")
    collection = c.collection(clause.source.name)
    alias = c.alias()
    if not select.sources:
        select.unique = [frozenset((f"{alias}.key",)), *_unique_keys(collection, alias)]
    select.sources.append(f"{collection.table} AS {alias}")
    select.order.append(f"{alias}.key")
    select.indexed |= bool(collection.indexes) or collection.kind == "edge"
    scope[clause.variable] = Document("object", alias, collection.name, c.database)


def _traversal(
    c: Compilation,
    clause: nodes.Traverse | nodes.Match,
    select: Select,
    scope: dict[str, Term],
    query: nodes.Block,
) -> None:
    walk = traversal(c, clause, scope, query)
    select.sources.append(walk.source)
    select.order.append(walk.order)
    select.conditions.append(walk.condition)
    scope.update(walk.variables)


def _unique_keys(collection: Collection, alias: str) -> Iterator[frozenset[str]]:
    for index in collection.indexes:
        if index.spec.unique and index.spec.kind == "persistent":
            yield frozenset(key_of_field(field, alias) for field in index.spec.fields)


def conjuncts(c: Compilation, node: nodes.Expression, scope: Scope) -> list[Truth]:
    """Return a FILTER's condition as the conditions that must all hold."""
    if isinstance(node, nodes.Logical) and node.operator == "AND":
        return [truth for operand in node.operands for truth in conjuncts(c, operand, scope)]
    served = prefix_filter(c, node, scope) or distance_filter(c, node, scope)
    return [served or truth_of(c.term(c, node, scope))]


def _sort_key(c: Compilation, key: nodes.SortKey, scope: Scope) -> str:
    term = c.term(c, key.expression, scope)
    sql = term.sql if isinstance(term, Column) else term.key
    return f"{sql} DESC" if key.descending else sql


def _limits(c: Compilation, query: nodes.Block) -> str:
    if query.limit is None and query.offset is None:
        return ""
    limit = _NO_LIMIT if query.limit is None else _count(c, query.limit)
    return f"LIMIT {limit}" if query.offset is None else f"LIMIT {limit} OFFSET {_count(c, query.offset)}"


def _count(c: Compilation, node: nodes.Expression) -> str:
    """Return a LIMIT's or OFFSET's parameter; anything but an integer from 0 up counts as 0."""
    constant = c.constant(node)
    if constant is None or c.type_of(node) not in ("int", "number"):
        raise NotInSql("a computed LIMIT")
    take = constant.value

    def number(binds: object) -> int:
        value = take(binds)  # type: ignore[arg-type]  # a getter takes the binds
        return value if type(value) is int and value > 0 else 0

    return c.parameters.add(number)


# --- COLLECT -------------------------------------------------------------------------------------


def _collect(
    c: Compilation, clause: nodes.Collect, inner: Select, scope: Scope
) -> tuple[Select, dict[str, Term]]:
    """Group the rows in a SELECT of its own, over which what follows COLLECT goes on."""
    if clause.into is not None or clause.keep:
        raise NotInSql("COLLECT INTO")
    alias = c.alias()
    columns: list[str] = []
    outside: dict[str, Term] = {}
    order: list[str] = []
    for number, (name, expression) in enumerate(clause.groups):
        key = c.term(c, expression, scope).key
        inner.groups.append(str(number + 1))
        columns.append(f"{key} AS g{number}")
        outside[name] = Computed("any", f"{alias}.g{number}")
        order.append(f"{alias}.g{number}")
    for number, aggregate in enumerate(_aggregates(clause)):
        columns.append(f"{_aggregate(c, aggregate, scope)} AS a{number}")
        outside[aggregate.name] = Computed("any", f"{alias}.a{number}")
    if not columns:
        raise NotInSql("COLLECT of nothing")
    inner.order.clear()
    return Select(
        sources=[f"({inner.sql(', '.join(columns), ordered=False)}) AS {alias}"], order=order
    ), outside


def _aggregates(clause: nodes.Collect) -> list[nodes.Aggregate]:
    counted = [nodes.Aggregate(clause.count_into, "COUNT")] if clause.count_into is not None else []
    return [*counted, *clause.aggregates]


def _aggregate(c: Compilation, node: nodes.Aggregate, scope: Scope) -> str:
    name = node.function
    if node.argument is None or name == "LENGTH":
        if name not in ("COUNT", "LENGTH"):
            raise NotInSql(f"{name}() without an argument")
        return "count(*)"
    write = _AGGREGATES.get(name)
    if write is None:
        raise NotInSql(f"the aggregate {name}")
    return write(c.term(c, node.argument, scope))


def _numbers(term: Term) -> str:
    """Return the SQL of the value where it is a number, else NULL."""
    if isinstance(term, JsonPath):
        return (
            f"CASE WHEN {term.json_type} IN ('integer', 'real') THEN {term.document} ->> {term.sql_path} END"
        )
    key = term.key
    return f"CASE WHEN typeof({key}) IN ('integer', 'real') AND {key} > {TRUE_SQL} THEN {key} END"


def _distinct(term: Term) -> str:
    return f"count(DISTINCT {term.key}) + ifnull(max({term.key} IS NULL), 0)"


def _average(term: Term) -> str:
    return f"avg({_numbers(term)})"


def _least(term: Term) -> str:
    return f"min({term.key})"


def _greatest(term: Term) -> str:
    return f"max({term.key})"


_AGGREGATES: Final[dict[str, Callable[[Term], str]]] = {
    "COUNT": lambda term: f"count({term.key})",
    "SUM": lambda term: f"total({_numbers(term)})",
    "AVG": _average,
    "AVERAGE": _average,
    "MIN": _least,
    "MINIMUM": _least,
    "MAX": _greatest,
    "MAXIMUM": _greatest,
    "COUNT_DISTINCT": _distinct,
    "COUNT_UNIQUE": _distinct,
}


# --- subqueries ----------------------------------------------------------------------------------


def subquery(c: Compilation, query: nodes.Query, scope: Scope) -> Term:
    """Return ``(FOR .. RETURN ..)`` as a JSON array."""
    inner = _plain(c, query, scope)
    rows = inner.select.sql(f"{inner.result.json} AS item")
    return JsonValue("array", f"(SELECT json_group_array(json(item)) FROM ({rows}))")


def count(c: Compilation, query: nodes.Query, scope: Scope) -> Term:
    """Return ``LENGTH((FOR .. RETURN ..))``."""
    inner = _plain(c, query, scope)
    return Computed("number", f"(SELECT count(*) FROM ({inner.select.sql('1', ordered=False)}))")


def first(c: Compilation, query: nodes.Query, scope: Scope) -> Term:
    """Return ``FIRST((FOR .. RETURN ..))``: the first row, or null."""
    inner = _plain(c, query, scope)
    return JsonValue(
        "any", f"(SELECT item FROM ({inner.select.sql(f'{inner.result.json} AS item')}) LIMIT 1)"
    )


def _plain(c: Compilation, query: nodes.Query, scope: Scope) -> Compiled:
    inner = block(c, query, scope)
    if inner.distinct:
        raise NotInSql("DISTINCT in a subquery")
    return inner
