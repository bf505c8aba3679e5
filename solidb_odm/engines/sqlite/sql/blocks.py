"""Blocks in SQL: FOR, FILTER, LET, COLLECT, SORT, LIMIT and RETURN as one SELECT.

The server runs a block clause by clause over its rows; without SORT they come in the byte order of the
keys. SQL picks its own way, so each SELECT says this order, and equal SORT keys fall back on it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import field
from typing import Final

from ...._dataclasses import dataclass
from ....errors import QueryError
from ....language import nodes
from ....language.values import describe
from ....language.walk import conjuncts, returns_boolean, walk
from ..catalogue import Collection
from ..layout import index_keys
from .aggregates import aggregate, members
from .array_loops import loop
from .compilation import Compilation, Scope
from .hash_joins import hashed, partners_of
from .index_filters import Links, truths, where
from .terms import (
    Choice,
    Column,
    Computed,
    Document,
    JsonValue,
    MaybeDocument,
    NotInSql,
    Structure,
    Term,
    Truth,
    key_of,
)
from .traversals import traversal

_NO_LIMIT: Final = "-1"
MOST_SOURCES: Final = 64
"""How many tables SQLite joins."""
_LONGEST_LET: Final = 20_000
_LONGEST_TABLE: Final = 100_000
_LEFT: Final = " LEFT JOIN "


@dataclass(slots=True)
class Select:
    """A SELECT in the making. ``order`` is the order of the rows if nothing else is asked.

    ``unique`` are sets of order keys that no two rows of the first source share; ``in_order`` says that its
    rows come in their order. ``is_late``: they are sorted when all are there, which takes less time than to
    go through a table by its keys.
    """

    tables: list[str] = field(default_factory=list[str])
    sources: list[str] = field(default_factory=list[str])
    conditions: list[Truth] = field(default_factory=list[Truth])
    groups: list[str] = field(default_factory=list[str])
    order: list[str] = field(default_factory=list[str])
    sort: list[str] = field(default_factory=list[str])
    tail: str = ""
    indexed: bool = False
    unique: list[frozenset[str]] = field(default_factory=list[frozenset[str]])
    in_order: bool = False
    is_late: bool = False
    outer: frozenset[str] = frozenset()
    """The documents of the surroundings, which a subquery comes from."""

    def counted(self) -> str:
        """Write the statement for the number of its rows, to which their order is nothing."""
        return self.sql("1", is_counted=True)

    def sql(self, columns: str, *, ordered: bool = True, links: Links = "", is_counted: bool = False) -> str:
        """Write the statement."""
        parts = [f"SELECT {columns}"]
        if self.tables:
            parts.insert(0, f"WITH {', '.join(self.tables)}")
        if self.sources:
            joined = (source if source.startswith(_LEFT) else f", {source}" for source in self.sources)
            parts.append(f"FROM {''.join(joined).removeprefix(', ')}")
        if self.conditions:
            is_join = len(self.sources) > 1
            parts.append(f"WHERE {where(self.conditions, is_join=is_join, links=links, outer=self.outer)}")
        if self.groups:
            parts.append(f"GROUP BY {', '.join(self.groups)}")
        order = [] if self.is_one_row() else [*self.sort, *self._natural_order()]
        if self.is_late and self._is_join_by_keys(order):
            order = [f"+{key}" for key in order]
        if order and (ordered or self.tail) and not is_counted:
            parts.append(f"ORDER BY {', '.join(order)}")
        if self.tail:
            parts.append(self.tail)
        return " ".join(parts)

    def is_along_links(self) -> bool:
        """Return whether links alone join the rows, all of which are asked for."""
        return len(self.sources) > 1 and not self.tail and all(one.by_key for one in self.conditions)

    def by_keys(self) -> str:
        """Return the table whose keys come first in the order of a whole join; "" of another."""
        order = [] if self.is_one_row() else [*self.sort, *self._natural_order()]
        first = order[0].removesuffix(" DESC") if order and self._is_join_by_keys(order) else ""
        return first.removesuffix(".key").removeprefix("+")

    def _is_join_by_keys(self, order: Sequence[str]) -> bool:
        """Return whether all rows of a join are asked for, in the order of their keys."""
        is_whole = len(self.sources) > 1 and not self.tail and not self.groups
        return is_whole and all(key.removesuffix(" DESC").endswith(".key") for key in order)

    def is_one_row(self) -> bool:
        """Return whether there is one row at most, which needs no order."""
        equal = {one.equals for one in self.conditions if one.equals}
        return len(self.sources) == 1 and any(keys <= equal for keys in self.unique)

    def _natural_order(self) -> list[str]:
        """Return the order of the rows, such that it does not keep SQLite from an index for a condition."""
        if self.in_order and not self.sort and len(self.sources) == 1:
            return []
        sorted_by = {key.removesuffix(" DESC").removeprefix("+") for key in self.sort}
        order = [key for key in self.order if key not in sorted_by]
        return [f"+{key}" for key in order] if self.conditions and self.indexed else order


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
    if query.head is not None:
        raise NotInSql("CREATE or REFRESH")
    if query.tables is not None:
        outer = {**outer, **_tables(c, query.tables, outer)}
    if query.returns is None:
        raise NotInSql("a block without RETURN")
    around, c.window_order = c.window_order, None
    select, scope = _body(c, query, outer)
    select.sort = [_sort_key(c, key, scope) for key in query.sort]
    select.tail = _limits(c, query)
    c.window_order = [*select.sort, *select.order]
    if query.late_lets and any(isinstance(node, nodes.Window) for node in walk(query.returns)):
        raise NotInSql("a window function behind a late LET")
    for let in query.late_lets:
        scope[let.name] = c.term(c, let.value, scope)
    result = c.term(c, query.returns.expression, scope)
    c.window_order = around
    return Compiled(select, result, query.returns.distinct)


def _tables(c: Compilation, tables: nodes.With, outer: Scope) -> dict[str, Term]:
    """Return the tables of a WITH, each an array of its rows."""
    if tables.recursive:
        raise NotInSql("WITH RECURSIVE")
    scope = dict(outer)
    for table in tables.tables:
        scope[table.name] = rows = c.subquery(c, table.query, scope)
        if len(key_of(rows)) > _LONGEST_TABLE:  # which stands in those that read it
            raise NotInSql("a WITH this long")
    return scope


def _body(c: Compilation, query: nodes.Block, outer: Scope) -> tuple[Select, dict[str, Term]]:
    select, scope = Select(outer=_aliases(outer)), dict(outer)
    met: set[int] = set()
    joined = False
    for place, clause in enumerate(query.body):
        if joined:  # by the LET before it
            joined = False
        elif isinstance(clause, nodes.Let) and _left_join(c, query, place, select, scope):
            joined = True
        elif isinstance(clause, nodes.For):
            if len(select.sources) >= MOST_SOURCES:
                raise NotInSql("a join of so many sources")
            filters = _filters(query.body[place + 1 :], {clause.variable, *scope})
            met.update(_for(c, clause, select, scope, outer, filters))
        elif isinstance(clause, nodes.Join):
            _join(c, clause, select, scope)
        elif isinstance(clause, nodes.Filter):
            parts = list(conjuncts(clause.condition))
            for part in parts:
                select.conditions += [] if id(part) in met else truths(c, part, scope, parts)
        elif isinstance(clause, nodes.Let):
            scope[clause.name] = _short(c.term(c, clause.value, scope))
        elif isinstance(clause, nodes.Traverse | nodes.Match):
            _traversal(c, clause, select, scope, query)
        elif isinstance(clause, nodes.Collect):
            select, scope = _collect(c, clause, select, scope, query)
        else:
            raise NotInSql(type(clause).__name__.upper())
    return select, scope


def _aliases(scope: Scope) -> frozenset[str]:
    """Return the tables of the documents that variables stand for."""
    whole = (term.document if isinstance(term, MaybeDocument) else term for term in scope.values())
    return frozenset(term.alias for term in whole if isinstance(term, Document))


def _left_join(
    c: Compilation, query: nodes.Block, place: int, select: Select, scope: dict[str, Term]
) -> bool:
    """Join the partners of each row, or null, if a LET and a FOR say just that and an index can serve."""
    partners = partners_of(query, place)
    if partners is None or not select.sources or select.in_order:
        return False
    collection = c.collection(partners.collection)
    document = Document("object", c.alias(), collection.name, c.database, collection.exact)
    inner: dict[str, Term] = {**scope, partners.variable: document}
    by_hash = hashed(c, collection, (partners.variable, document), scope, scope, partners.conditions)
    if by_hash is not None and not by_hash.met.issuperset(map(id, partners.conditions)):
        return False  # one of those that its table finds may not be a partner
    if by_hash is not None:
        select.tables.append(by_hash.table)
        select.sources.append(f"{_LEFT}{by_hash.source} ON {by_hash.search}")
        met = by_hash.place
    else:
        parts = partners.conditions
        tested = [truth for part in parts for truth in truths(c, part, inner, parts)]
        met = where(tested, outer=_aliases(scope)) if tested else "1"
    select.sources.append(f"{_LEFT}{collection.table} AS {document.alias} ON {met}")
    select.order.append(document.column("key"))
    scope[partners.result] = MaybeDocument("any", document)
    return True


def _short(term: Term) -> Term:
    """Return the term of a LET, which stands wherever its name does: a chain of them would double it."""
    nested = isinstance(term, Structure) and any(isinstance(item, Structure) for item in term.items)
    if nested or (isinstance(term, Computed | Choice | JsonValue) and len(key_of(term)) > _LONGEST_LET):
        raise NotInSql("a LET this long")
    return term


def _filters(following: Sequence[nodes.Clause], names: set[str]) -> list[nodes.Expression]:
    """Return the conditions that the rows of a FOR must meet, those behind further FORs among them."""
    filters: list[nodes.Expression] = []
    for clause in following:
        if isinstance(clause, nodes.Filter):
            filters.extend(conjuncts(clause.condition))
            continue
        made = clause.name if isinstance(clause, nodes.Let) else None
        made = clause.variable if isinstance(clause, nodes.For) else made
        if made is None or made in names:  # by which it means another value
            break
    return filters


def _for(
    c: Compilation,
    clause: nodes.For,
    select: Select,
    scope: dict[str, Term],
    outer: Scope,
    filters: Sequence[nodes.Expression],
) -> frozenset[int]:
    """Add a source, and return the ids of those of the filters that need not be tested any more."""
    if clause.system_time is not None or clause.valid_time or clause.options:
        raise NotInSql("FOR with SYSTEM_TIME, VALID_TIME or OPTIONS")
    if not isinstance(clause.source, nodes.Name) or clause.source.name in scope:
        result = loop(c, clause.source, scope)
        select.sources.append(result.source)
        select.order.append(result.order)
        scope[clause.variable] = result.variable
        return frozenset()
    collection = c.collection(clause.source.name)
    alias = c.alias()
    if not select.sources:
        select.unique = [frozenset((f"{alias}.key",)), *_unique_keys(collection, alias)]
    select.order.append(f"{alias}.key")
    select.indexed |= bool(collection.indexes) or collection.kind == "edge"
    document = Document("object", alias, collection.name, c.database, collection.exact)
    by_hash = hashed(c, collection, (clause.variable, document), scope, outer, filters)
    scope[clause.variable] = document
    if by_hash is not None:  # in this order, for SQLite knows nothing of the size of the table
        select.sources[-1:] = [" CROSS JOIN ".join([*select.sources[-1:], by_hash.source])]
    select.sources.append(f"{collection.table} AS {alias}")
    if by_hash is None:
        return frozenset()
    c.hashed.add(alias)
    select.tables.append(by_hash.table)
    select.conditions.append(Truth("bool", f"({by_hash.search} AND {by_hash.place})"))
    select.indexed = True
    return by_hash.met


def _join(c: Compilation, clause: nodes.Join, select: Select, scope: dict[str, Term]) -> None:
    """Bind the documents that a JOIN finds, as an array; an inner JOIN drops rows without any."""
    if clause.kind not in ("INNER", "LEFT"):
        raise NotInSql(f"{clause.kind} JOIN")
    if not returns_boolean(clause.condition):
        raise NotInSql("a JOIN whose condition is no comparison")
    name = clause.collection
    subquery = nodes.Block(
        body=(nodes.For(name, nodes.Name(name)), nodes.Filter(clause.condition)),
        returns=nodes.Return(nodes.Name(name)),
    )
    if name in scope:
        raise NotInSql(f"a JOIN where {name!r} is a variable already")
    documents = c.subquery(c, subquery, scope)
    if clause.kind == "INNER":
        rows = block(c, subquery, scope).select.sql("1", ordered=False)
        select.conditions.append(Truth("bool", f"EXISTS ({rows})"))
    scope[name] = documents


def _traversal(
    c: Compilation,
    clause: nodes.Traverse | nodes.Match,
    select: Select,
    scope: dict[str, Term],
    query: nodes.Block,
) -> None:
    is_first = not select.sources
    walk = traversal(c, clause, scope, query, is_few=is_first or select.is_one_row())
    select.in_order = is_first and walk.in_order
    select.sources.append(walk.source)
    select.order.extend(walk.order)
    select.conditions.append(walk.condition)
    scope.update(walk.variables)


def _unique_keys(collection: Collection, alias: str) -> Iterator[frozenset[str]]:
    for index in collection.indexes:
        if index.spec.unique and index.spec.kind == "persistent" and not index.spec.where:
            yield frozenset(index_keys(index.spec, alias, exact=collection.exact))


def _sort_key(c: Compilation, key: nodes.SortKey, scope: Scope) -> str:
    term = c.term(c, key.expression, scope)
    sql = term.sql if isinstance(term, Column) else term.key
    return f"{sql} DESC" if key.descending else sql


def _limits(c: Compilation, query: nodes.Block) -> str:
    if query.limit is None and query.offset is None:
        return ""
    limit = _NO_LIMIT if query.limit is None else _count(c, query.limit, "LIMIT")
    if query.offset is None:
        return f"LIMIT {limit}"
    return f"LIMIT {limit} OFFSET {_count(c, query.offset, 'OFFSET')}"


def _count(c: Compilation, node: nodes.Expression, name: str) -> str:
    """Return a LIMIT's or OFFSET's parameter; anything but an integer from 0 up is 0, or refused."""
    constant = c.constant(node)
    if constant is None or c.type_of(node) not in ("int", "number"):
        raise NotInSql("a computed LIMIT")
    take = constant.value

    def number(binds: object) -> int:
        value = take(binds)  # type: ignore[arg-type]  # a getter takes the binds
        if c.strict and (type(value) is not int or value < 0):
            raise QueryError(f"{name} must be an integer of 0 or more, got: {describe(value)}")
        return value if type(value) is int and value > 0 else 0

    return c.parameters.add(number)


# --- COLLECT -------------------------------------------------------------------------------------


def _collect(
    c: Compilation, clause: nodes.Collect, inner: Select, scope: Scope, query: nodes.Block
) -> tuple[Select, dict[str, Term]]:
    """Group the rows in a SELECT of its own, over which what follows COLLECT goes on."""
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
    for number, node in enumerate(_aggregates(clause)):
        sql, term = aggregate(c, node, scope, inner.order, grouped=bool(clause.groups))
        columns.append(f"{sql} AS a{number}")
        outside[node.name] = term(f"{alias}.a{number}")
    if clause.into is not None:
        columns.append("count(*) AS n")
        is_counted = clause.into_expression is None and _is_counted(clause.into, query)
        walks = any(isinstance(part, nodes.Traverse | nodes.Match) for part in query.body)
        if walks and not is_counted and clause.into_expression is None and not clause.keep:
            raise NotInSql("the members of groups over a traversal")
        columns.append(f"{'NULL' if is_counted else members(c, clause, scope, inner.order)} AS m")
        outside[clause.into] = JsonValue("array", f"{alias}.m", f"{alias}.n")
    if not columns:
        raise NotInSql("COLLECT of nothing")
    inner.order = []
    return Select(
        sources=[f"({inner.sql(', '.join(columns), ordered=False)}) AS {alias}"], order=order
    ), outside


def _aggregates(clause: nodes.Collect) -> list[nodes.Aggregate]:
    counted = [nodes.Aggregate(clause.count_into, "COUNT")] if clause.count_into is not None else []
    return [*counted, *clause.aggregates]


def _is_counted(name: str, query: nodes.Block) -> bool:
    """Return whether a variable is only ever asked for its LENGTH."""
    named = nodes.Name(name)
    uses = [node for node in walk(query) if node == named]
    counts = [node for node in walk(query) if node == nodes.Call("LENGTH", (named,))]
    return len(uses) == len(counts)
