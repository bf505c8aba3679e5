"""The entry points: prepare a query once, run it on many sources and bind values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from math import isfinite
from typing import Any, Final, cast

from ..._types import Json
from ...errors import QueryLimitError
from .. import nodes
from ..sizes import held
from ..values import finite, sorted_keys
from ..walk import MadeOnce, writes
from . import (
    access,
    calls,
    clauses,
    collect,
    expressions,
    joins,
    mutations,
    operators,
    path_searches,
    traversal,
)
from .blocks import compile_query
from .expressions import Compiler
from .runtime import Limits, Row, Rows, Run, Value, missing_bind
from .scope import Frame, Variables
from .source import CandidateSet, Source

_FLOATS = {float}
_EXPRESSIONS = {
    **expressions.EXPRESSIONS,
    **operators.EXPRESSIONS,
    **access.EXPRESSIONS,
    **calls.EXPRESSIONS,
}
_CLAUSES = {
    **clauses.CLAUSES,
    **collect.CLAUSES,
    **joins.CLAUSES,
    **mutations.CLAUSES,
    **traversal.CLAUSES,
    **path_searches.CLAUSES,
}


class Prepared:
    """A compiled query. It keeps no state between runs and can be shared by threads."""

    def __init__(self, query: nodes.Query) -> None:
        self._frame = Frame(mutating=writes(query))
        with _depth_guarded():
            self._rows: Rows = _compiler(self._frame).query(query, Variables())

    @property
    def binds(self) -> frozenset[str]:
        """Name the bind variables the query reads."""
        return frozenset(self._frame.binds)

    @property
    def selections(self) -> tuple[CandidateSet, ...]:
        """Return what a source may be asked to select."""
        return tuple(self._frame.selections)

    @property
    def writes(self) -> bool:
        """Return whether running the query changes documents."""
        return self._frame.mutating

    def run(
        self,
        source: Source,
        binds: Mapping[str, Json],
        answers: Mapping[str, Json] | None = None,
        *,
        strict: bool = False,
        limits: Limits | None = None,
    ) -> Iterator[Json]:
        """Yield the values the query returns, objects with their keys in byte order.

        ``answers`` are binds that the source has computed itself.
        A query that writes has written everything before the first value is yielded. With
        ``strict``, what the server swallows is raised: unknown names and missing binds before
        anything runs, errors in FILTER, SORT and LIMIT as they arise.
        """
        with _depth_guarded():
            given = {name: plain(value) for name, value in binds.items()}
        if answers:
            given.update(answers)
        run = Run(source, given, strict=strict, limits=limits)
        if strict:
            self.check(given)
        row: Row = [None] * self._frame.size
        row[0] = run
        with _depth_guarded():
            values = self._rows(row)
        return _finished(list(values) if self.writes else values)

    def check(self, binds: Mapping[str, Json]) -> None:
        """Raise QueryError for an unknown function or variable, or a bind variable without value."""
        for problem in self._frame.problems:
            raise problem
        for name in sorted(self._frame.binds):
            if name not in binds:
                raise missing_bind(name)


class _depth_guarded:  # noqa: N801  # a context manager that reads as a phrase
    """Turn Python's recursion limit into an error of the query."""

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, RecursionError):
            raise QueryLimitError("the query, or a value in it, is nested too deep") from error


def _finished(values: Any) -> Iterator[Json]:
    with _depth_guarded():
        for value in held(values):
            yield sorted_keys(value)


def prepare(query: nodes.Query) -> Prepared:
    """Compile a query."""
    return Prepared(query)


def prepare_once(query: nodes.Query) -> Prepared:
    """Compile a query, or return what was made of the same nodes before, known by their identity."""
    return _prepared.of(query)


_prepared: Final = MadeOnce(Prepared, 128)


def evaluate(
    query: nodes.Query,
    source: Source,
    binds: Mapping[str, Json] | None = None,
    *,
    strict: bool = False,
    limits: Limits | None = None,
) -> list[Json]:
    """Run a query once and return all its values."""
    return list(prepare(query).run(source, binds or {}, strict=strict, limits=limits))


class CompiledExpression:
    """One expression over named values; made by ``compile_expression``."""

    def __init__(self, expression: nodes.Expression, variables: Sequence[str]) -> None:
        self._frame = Frame()
        scope = Variables()
        for name in variables:
            self._frame.declare(scope, name)
        self._count = len(variables)
        with _depth_guarded():
            self._value: Value = _compiler(self._frame).expression(expression, scope)

    def __call__(
        self, values: Sequence[Json], binds: Mapping[str, Json], source: Source, *, strict: bool = False
    ) -> Json:
        """Return the expression's value, given those of its variables in their order."""
        return self.on(Run(source, binds, strict=strict))(*values)

    def on(self, run: Run) -> Callable[..., Json]:
        """Return a function of the variables' values, for many calls within one run."""
        blank = [None] * (self._frame.size - self._count - 1)
        value = self._value

        def call(*values: Json) -> Json:
            return value([run, *values, *blank])

        return call

    def check(self) -> None:
        """Raise QueryError if the expression uses an unknown function or variable."""
        for problem in self._frame.problems:
            raise problem


def compile_expression(expression: nodes.Expression, variables: Sequence[str]) -> CompiledExpression:
    """Compile one expression, such as a predicate or a sort key, over these variables."""
    return CompiledExpression(expression, variables)


def plain(value: Any) -> Json:
    """Return a caller's value with lists for tuples and dicts for mappings, as values are here."""
    if isinstance(value, list | tuple):
        if set(map(type, cast("list[Any]", value))) == _FLOATS:  # a vector
            return [number if isfinite(number) else None for number in cast("list[float]", value)]
        return [plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in cast("Mapping[str, Any]", value).items()}
    if isinstance(value, float):
        return finite(value)
    return value


def _compiler(frame: Frame) -> Compiler:
    return Compiler(frame, _EXPRESSIONS, _CLAUSES, compile_query)
