"""Blocks: common tables, the body's stages, then SORT, LIMIT, late LETs and RETURN."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice

from ..._dataclasses import dataclass
from ..._types import Json
from ...errors import DatabaseError, QueryError, QueryLimitError, UnsupportedQueryError
from .. import nodes
from ..sizes import SizeGuard
from ..values import canonical, describe
from .clauses import assigned, compile_for
from .collect import Key, compile_keys, order_rows
from .expressions import Compiler
from .joins import compile_join
from .runtime import Row, Rows, Run, Stage, Value
from .scope import Variables
from .windows import fill_windows

Prepare = Callable[[Row], None]
"""Something done to the row a block starts with."""


def compile_query(compiler: Compiler, node: nodes.Query, scope: Variables) -> Rows:
    """Compile a block or a set operation. CTEs of the first block are seen by all of them."""
    if isinstance(node, nodes.Block):
        return _compile_block(compiler, node, scope)
    scope = scope.copy()
    tables = _first_tables(node)
    prepare = [] if tables is None else _compile_tables(compiler, tables, scope)
    left = compile_query(compiler, _without_tables(node.left), scope.copy())
    right = compile_query(compiler, node.right, scope.copy())
    combine = _SETS[node.operator]

    def rows(row: Row) -> Iterable[Json]:
        seed = row.copy()
        for step in prepare:
            step(seed)
        return combine(left(seed), right(seed))

    return rows


# --- set operations ------------------------------------------------------------------------------


def distinct(values: Iterable[Json]) -> Iterator[Json]:
    """Yield each value once, at its first place."""
    seen: set[object] = set()
    for value in values:
        identity = canonical(value)
        if identity not in seen:
            seen.add(identity)
            yield value


def _union(left: Iterable[Json], right: Iterable[Json]) -> Iterator[Json]:
    return distinct(_union_all(left, right))


def _union_all(left: Iterable[Json], right: Iterable[Json]) -> Iterator[Json]:
    yield from left
    yield from right


def _intersect(left: Iterable[Json], right: Iterable[Json]) -> Iterator[Json]:
    members = set(map(canonical, right))
    return (value for value in distinct(left) if canonical(value) in members)


def _except(left: Iterable[Json], right: Iterable[Json]) -> Iterator[Json]:
    members = set(map(canonical, right))
    return (value for value in distinct(left) if canonical(value) not in members)


_SETS: dict[str, Callable[[Iterable[Json], Iterable[Json]], Iterator[Json]]] = {
    "UNION": _union,
    "UNION ALL": _union_all,
    "INTERSECT": _intersect,
    "EXCEPT": _except,
}


# --- common tables -------------------------------------------------------------------------------


def _first_tables(node: nodes.Query) -> nodes.With | None:
    while isinstance(node, nodes.SetOperation):
        node = node.left
    return node.tables


def _without_tables(node: nodes.Query) -> nodes.Query:
    if isinstance(node, nodes.Block):
        return replace(node, tables=None)
    return replace(node, left=_without_tables(node.left))


def _compile_tables(compiler: Compiler, tables: nodes.With, scope: Variables) -> list[Prepare]:
    work = _recursive_table if tables.recursive else _plain_table
    return [work(compiler, table, scope) for table in tables.tables]


def _plain_table(compiler: Compiler, table: nodes.CommonTable, scope: Variables) -> Prepare:
    rows = compiler.query(table.query, scope.copy())
    slot = compiler.frame.declare(scope, table.name)
    compiler.frame.tables.add(slot)

    def prepare(seed: Row) -> None:
        seed[slot] = list(rows(seed))

    return prepare


def _recursive_table(compiler: Compiler, table: nodes.CommonTable, scope: Variables) -> Prepare:
    """Compile anchor and steps; a step sees as the table the rows of the round before."""
    branches = _branches(table)
    anchor = compiler.query(branches[0], scope.copy())
    slot = compiler.frame.declare(scope, table.name)
    compiler.frame.tables.add(slot)
    steps = [compiler.query(branch, scope.copy()) for branch in branches[1:]]

    def prepare(seed: Row) -> None:
        run: Run = seed[0]
        everything = fresh = list(anchor(seed))
        watch = SizeGuard()
        for _ in range(run.limits.max_recursion_rounds):
            seed[slot] = fresh
            fresh = [value for step in steps for value in step(seed)]
            if not fresh:
                break
            everything = everything + fresh
            run.check_time()
            watch(fresh)
            if len(everything) > run.limits.max_recursion_rows:
                raise _endless(table.name, f"{run.limits.max_recursion_rows} rows")
        else:
            raise _endless(table.name, f"{run.limits.max_recursion_rounds} rounds")
        seed[slot] = everything

    return prepare


def _branches(table: nodes.CommonTable) -> list[nodes.Query]:
    branches: list[nodes.Query] = []
    node = table.query
    while isinstance(node, nodes.SetOperation) and node.operator == "UNION ALL":
        branches.append(node.right)
        node = node.left
    if not branches:
        raise QueryError(
            f"Recursive CTE '{table.name}' must be anchor UNION ALL step",
            hint="leave out RECURSIVE if the table does not read itself",
        )
    return [node, *reversed(branches)]


def _endless(name: str, limit: str) -> QueryLimitError:
    return QueryLimitError(
        f"Recursive CTE '{name}' did not end within {limit}",
        hint="carry a depth in the rows and FILTER on it",
    )


# --- one block -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _BlockPlan:
    """A compiled block, run from top to bottom."""

    prepare: list[Prepare]
    stages: list[Stage]
    keys: list[Key]
    windows: Stage | None
    offset: Value | None
    limit: Value | None
    late: list[tuple[int, Value]]
    returns: Value | None
    distinct: bool
    mutating: bool

    def rows(self, outer: Row) -> Iterable[Json]:
        run: Run = outer[0]
        seed = outer.copy()
        for step in self.prepare:
            step(seed)
        offset = _bound(self.offset, seed, "OFFSET") or 0
        limit = _bound(self.limit, seed, "LIMIT")
        rows = self._body(run, seed)
        if offset or limit is not None:
            stop = None if limit is None or offset + limit > sys.maxsize else offset + limit
            rows = islice(rows, min(offset, sys.maxsize), stop)
        values = self._values(rows)
        return distinct(values) if self.distinct else values

    def _body(self, run: Run, seed: Row) -> Iterable[Row]:
        rows: Iterable[Row] = [seed]
        for stage in self.stages:
            rows = stage(run, rows)
            if self.mutating:  # nothing may still be reading when the next stage writes
                rows = list(rows)
        if self.keys:
            rows = order_rows(rows, self.keys)
        return rows if self.windows is None else self.windows(run, rows)

    def _values(self, rows: Iterable[Row]) -> Iterator[Json]:
        for row in rows:
            for slot, value in self.late:
                row[slot] = value(row)
            if self.returns is not None:
                yield self.returns(row)


def _compile_block(compiler: Compiler, node: nodes.Block, scope: Variables) -> Rows:
    if node.head is not None:
        construct = {"CreateStream": "CREATE STREAM", "CreateView": "CREATE MATERIALIZED VIEW"}.get(
            type(node.head).__name__, "REFRESH MATERIALIZED VIEW"
        )
        raise UnsupportedQueryError(
            f"{construct} can only run on a server",
            construct=construct,
            hint="on a file, run the query and store its rows in a collection",
        )
    scope = scope.copy()
    prepare = [] if node.tables is None else _compile_tables(compiler, node.tables, scope)
    body = list(node.body)
    while body and isinstance(first := body[0], nodes.Let):
        prepare.append(_leading_let(compiler, first, scope))
        del body[0]
    before = scope.copy()
    stages = _compile_body(compiler, body, scope)
    keys = compile_keys(compiler, node.sort, scope)
    tail = scope.collecting()
    late = [_assignment(compiler, let, tail) for let in node.late_lets]
    returns = None if node.returns is None else compiler.expression(node.returns.expression, tail)
    plan = _BlockPlan(
        prepare=prepare,
        stages=stages,
        keys=keys,
        windows=fill_windows(compiler, tail.windows or [], scope),
        offset=compiler.optional(node.offset, before),
        limit=compiler.optional(node.limit, before),
        late=late,
        returns=returns,
        distinct=node.returns is not None and node.returns.distinct,
        mutating=compiler.frame.mutating,
    )
    return plan.rows


def _leading_let(compiler: Compiler, node: nodes.Let, scope: Variables) -> Prepare:
    slot, value = _assignment(compiler, node, scope)

    def prepare(seed: Row) -> None:
        seed[slot] = value(seed)

    return prepare


def _assignment(compiler: Compiler, node: nodes.Let, scope: Variables) -> tuple[int, Value]:
    value = assigned(node.value, compiler.expression(node.value, scope))
    return compiler.frame.declare(scope, node.name), value


def _compile_body(compiler: Compiler, body: list[nodes.Clause], scope: Variables) -> list[Stage]:
    """Compile the clauses; a FOR takes the FILTERs behind it along."""
    first = _first_variable(body)
    stages: list[Stage] = []
    place = 0
    while place < len(body):
        clause = body[place]
        place += 1
        if isinstance(clause, nodes.For):
            filters: list[nodes.Filter] = []
            while place < len(body) and isinstance(following := body[place], nodes.Filter):
                filters.append(following)
                place += 1
            stages.append(compile_for(compiler, clause, scope, filters))
        elif isinstance(clause, nodes.Join):
            stages.append(compile_join(compiler, clause, scope, first))
        else:
            stages.append(compiler.clause(clause, scope))
    return stages


def _first_variable(body: list[nodes.Clause]) -> str | None:
    for clause in body:
        if isinstance(clause, nodes.For):
            return clause.variable
        if isinstance(clause, nodes.Traverse | nodes.PathSearch):
            return clause.variables[0]
    return None


def _bound(expression: Value | None, row: Row, name: str) -> int | None:
    """Return LIMIT or OFFSET: what is not an integer of 0 or more is 0, as the server has it."""
    if expression is None:
        return None
    try:
        value = expression(row)
        if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
            return value
        raise QueryError(f"{name} must be an integer of 0 or more, got: {describe(value)}")
    except DatabaseError as exc:
        row[0].swallow(exc)
        return 0
