"""FOR, LET, FILTER and SEARCH: the clauses that handle one row after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from ..._types import Json
from ...errors import DatabaseError, QueryError, UnsupportedQueryError
from .. import nodes
from ..sizes import refuse_heavy
from ..values import is_number, truthy
from ..walk import repeats_a_name
from .access import get_attribute
from .expressions import CompileClause, Compiler, range_bounds
from .lookups import documents_of, elements_of
from .runtime import Row, Run, Stage, Value
from .scope import Variables
from .windows import fill_windows

_EVERY = 128


def guarded(condition: Callable[[Row], bool]) -> Callable[[Row], bool]:
    """Wrap a condition whose errors read as false, unless the run is strict."""

    def test(row: Row) -> bool:
        try:
            return condition(row)
        except DatabaseError as exc:
            row[0].swallow(exc)
            return False

    return test


# --- FOR -----------------------------------------------------------------------------------------


def compile_for(
    compiler: Compiler, node: nodes.For, scope: Variables, filters: Sequence[nodes.Filter] = ()
) -> Stage:
    """Compile a FOR with the FILTERs right behind it, which see a row before it is made."""
    if node.system_time is not None:
        raise UnsupportedQueryError(
            "SYSTEM_TIME needs the history of documents, which only a server keeps",
            construct="SYSTEM_TIME",
            hint="create the collection with versioning on a server, and query it there",
        )
    conditions = [item.condition for item in filters]
    elements = _elements(compiler, node, conditions, scope)
    if node.valid_time:
        elements = _valid_then(compiler, node.valid_time, scope, elements)
    slot = compiler.frame.declare(scope, node.variable)
    tests = [compiler.condition(condition, scope) for condition in conditions]
    return _loop(elements, slot, _all(tests))


def _all(tests: Sequence[Callable[[Row], bool]]) -> Callable[[Row], bool] | None:
    if len(tests) < 2:
        return tests[0] if tests else None
    return lambda row: all(test(row) for test in tests)


def _loop(elements: Callable[[Row], Iterable[Json]], slot: int, test: Callable[[Row], bool] | None) -> Stage:
    """Compile the loop. Each item is tried in a fresh row; a row that passes is given away."""

    def stage(run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        seen = made = 0
        for row in rows:
            run.spend(1)  # loops that are short, in others that are not, count too
            fresh = row.copy()
            for item in elements(row):
                seen += 1
                if seen >= _EVERY:
                    run.spend(seen)
                    run.check_rows(made)
                    seen = 0
                fresh[slot] = item
                try:
                    if test is not None and not test(fresh):
                        continue
                except DatabaseError as exc:
                    run.swallow(exc)
                    continue
                made += 1
                yield fresh
                fresh = row.copy()

    return stage


def _elements(
    compiler: Compiler, node: nodes.For, conditions: Sequence[nodes.Expression], scope: Variables
) -> Callable[[Row], Iterable[Json]]:
    source = node.source
    if isinstance(source, nodes.Name) and source.name not in scope.names:
        documents = documents_of(compiler, source.name, node.variable, conditions, scope)
        return _with_hint(node, source.name, documents)
    if isinstance(source, nodes.Range):
        return range_bounds(compiler, source, scope)
    return elements_of(compiler, compiler.expression(source, scope), node.variable, conditions, scope)


def _with_hint(
    node: nodes.For, collection: str, documents: Callable[[Row], Iterable[Json]]
) -> Callable[[Row], Iterable[Json]]:
    """Check a forced index hint, which on the server fails where it can't be followed."""
    options = dict(node.options)
    hint = options.get("indexHint")
    names = hint if isinstance(hint, tuple) else (hint,)
    if options.get("forceIndexHint") is not True or hint is None:
        return documents

    def checked(row: Row) -> Iterable[Json]:
        run: Run = row[0]
        if not any(run.index_of(collection, "persistent", str(name)) for name in names):
            raise QueryError(
                f"forced index hint {hint!r} names no index of {collection}",
                hint="leave out forceIndexHint",
            )
        return documents(row)

    return checked


def _valid_then(
    compiler: Compiler,
    times: Sequence[nodes.Expression],
    scope: Variables,
    elements: Callable[[Row], Iterable[Json]],
) -> Callable[[Row], Iterable[Json]]:
    """Compile VALID_TIME: the document's time, both ends included, must meet the time asked for.

    A missing end is open. As on the server a time that is no number is 0.
    """
    bounds = [compiler.expression(time, scope) for time in times]

    def valid(row: Row) -> Iterator[Json]:
        start, end = _number(bounds[0](row), 0.0), _number(bounds[-1](row), 0.0)
        for document in elements(row):
            since, until = get_attribute(document, "valid_from"), get_attribute(document, "valid_to")
            if _number(since, -math.inf) <= end and start <= _number(until, math.inf):
                yield document

    return valid


def _number(value: Json, otherwise: float) -> float:
    return float(value) if is_number(value) else otherwise


# --- LET, FILTER, SEARCH -------------------------------------------------------------------------


def _let(compiler: Compiler, node: nodes.Let, scope: Variables) -> Stage:
    inner = scope.collecting()
    value = assigned(node.value, compiler.expression(node.value, inner))
    windows = fill_windows(compiler, inner.windows or [], scope)
    slot = compiler.frame.declare(scope, node.name)
    assign = _assign(slot, value)
    if windows is None:
        return assign
    return lambda run, rows: assign(run, windows(run, rows))


def assigned(node: nodes.Expression, value: Value) -> Value:
    """Return the value of a LET, weighed if it repeats a variable: some LETs like that make 2^60 parts."""
    if not repeats_a_name(node):
        return value

    def weighed(row: Row) -> Json:
        result = value(row)
        refuse_heavy(result)
        return result

    return weighed


def _assign(slot: int, value: Value) -> Stage:
    def stage(_run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            row[slot] = value(row)
            yield row

    return stage


def _filter(compiler: Compiler, node: nodes.Filter, scope: Variables) -> Stage:
    test = guarded(compiler.condition(node.condition, scope))
    return lambda _run, rows: filter(test, rows)


def _search(compiler: Compiler, node: nodes.Search, scope: Variables) -> Stage:
    value = compiler.expression(node.condition, scope)
    slot = scope.score = compiler.frame.slot()

    def stage(_run: Run, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            score = value(row)
            if is_number(score):
                row[slot] = float(score)
                if score > 0:
                    yield row
            elif truthy(score):
                row[slot] = 1.0
                yield row

    return stage


CLAUSES: dict[type[nodes.Clause], CompileClause] = {
    nodes.For: compile_for,
    nodes.Let: _let,
    nodes.Filter: _filter,
    nodes.Search: _search,
}
