"""COLLECT and SORT: the groups of rows, what AGGREGATE computes over them, and the order of rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from functools import reduce
from itertools import repeat
from typing import Any, TypeAlias

from ..._dataclasses import dataclass
from ..._types import Json
from ...errors import DatabaseError, QueryError
from .. import nodes
from ..functions import lookup
from ..values import MAX_INTEGER, MIN_INTEGER, canonical, compare, finite, is_number, kind_of, sort_key
from .expressions import CompileClause, Compiler, constant, variable_not_found
from .runtime import UNBOUND, Row, Run, Stage, Value
from .scope import Variables

_NUMBERS = frozenset((int, float))


@dataclass(frozen=True, slots=True)
class Key:
    """A compiled sort key."""

    value: Value
    descending: bool


def compile_keys(compiler: Compiler, keys: Sequence[nodes.SortKey], scope: Variables) -> list[Key]:
    """Compile sort keys; they can hold no window functions."""
    return [Key(compiler.expression(key.expression, scope), key.descending) for key in keys]


def order_rows(rows: Iterable[Row], keys: Sequence[Key]) -> list[Row]:
    """Sort rows, leaving those alike in their order. A key that fails reads as null."""
    ordered = list(rows)
    for key in reversed(keys):
        column = column_keys([_safe(key.value, row) for row in ordered])
        places = sorted(range(len(ordered)), key=column.__getitem__, reverse=key.descending)
        ordered = [ordered[place] for place in places]
    return ordered


def column_keys(values: list[Json]) -> list[Json]:
    """Return what to sort these values by: themselves where Python orders them as the server."""
    kinds = set(map(type, values))
    if kinds == {str} or kinds <= _NUMBERS:
        return values
    return list(map(sort_key, values))


def _safe(value: Value, row: Row) -> Json:
    try:
        return value(row)
    except DatabaseError as exc:
        row[0].swallow(exc)
        return None


def sorted_by(rows: list[Row], values: list[list[Json]]) -> list[Row]:
    """Sort rows ascending by lists of values beside them."""
    columns = [column_keys(list(column)) for column in zip(*values, strict=True)]
    keys = list(zip(*columns, strict=True)) if columns else list(repeat((), len(rows)))
    return [rows[place] for place in sorted(range(len(rows)), key=keys.__getitem__)]


@dataclass(slots=True)
class _Group:
    keys: list[Json]
    columns: list[list[Json]]
    members: list[Json] = field(default_factory=list[Json])
    count: int = 0


@dataclass(frozen=True, slots=True)
class _CollectPlan:
    """A compiled COLLECT: what is read from the rows, and the slots of what comes out."""

    keys: list[Value]
    key_slots: list[int]
    arguments: list[Value]
    aggregations: list[tuple[int, Aggregation]]
    member: Value | None
    member_slot: int
    count_slot: int

    def gather(self, run: Run, rows: Iterable[Row]) -> list[_Group]:
        groups: dict[Any, _Group] = {}
        if not self.keys:
            groups[()] = self._new([])
            if not self.arguments and self.member is None:
                groups[()].count = sum(1 for _ in rows)
                return list(groups.values())
        for row in rows:
            run.spend(1)
            values = [key(row) for key in self.keys]
            identity = tuple(map(canonical, values))
            group = groups.get(identity)
            if group is None:
                group = groups[identity] = self._new(values)
            group.count += 1
            for column, argument in zip(group.columns, self.arguments, strict=True):
                column.append(argument(row))
            if self.member is not None:
                group.members.append(self.member(row))
        return list(groups.values())

    def _new(self, keys: list[Json]) -> _Group:
        return _Group(keys, [[] for _ in self.arguments])

    def emit(self, run: Run, group: _Group, size: int) -> Row:
        """Make the row of a group: nothing of the rows before survives but what is named."""
        row: Row = [None] * size
        row[0] = run
        for slot, value in zip(self.key_slots, group.keys, strict=True):
            row[slot] = value
        for (slot, aggregation), column in zip(self.aggregations, group.columns, strict=True):
            row[slot] = aggregation(run, column)
        if self.member_slot:
            row[self.member_slot] = group.members
        if self.count_slot:
            row[self.count_slot] = group.count
        return row


def _collect(compiler: Compiler, node: nodes.Collect, scope: Variables) -> Stage:
    frame = compiler.frame
    keys = [compiler.expression(value, scope) for _, value in node.groups]
    arguments = [_argument(compiler, item, scope) for item in node.aggregates]
    member = _member(compiler, node, scope)
    scope.names.clear()
    scope.unbound, scope.score = frozenset(), None
    plan = _CollectPlan(
        keys=keys,
        key_slots=[frame.declare(scope, name) for name, _ in node.groups],
        arguments=arguments,
        aggregations=[
            (frame.declare(scope, item.name), _aggregation(compiler, item)) for item in node.aggregates
        ],
        member=member,
        member_slot=frame.declare(scope, node.into) if node.into else 0,
        count_slot=frame.declare(scope, node.count_into) if node.count_into else 0,
    )

    def stage(run: Run, rows: Iterable[Row]) -> list[Row]:
        groups = plan.gather(run, rows)
        made = [plan.emit(run, group, frame.size) for group in groups]
        return sorted_by(made, [group.keys for group in groups]) if keys else made

    return stage


def _argument(compiler: Compiler, item: nodes.Aggregate, scope: Variables) -> Value:
    if item.argument is not None:
        return compiler.expression(item.argument, scope)
    return constant(1)  # COUNT() counts the rows


def _aggregation(compiler: Compiler, item: nodes.Aggregate) -> Aggregation:
    aggregate = find_aggregate(item.function.upper())
    if aggregate is not None:
        return aggregate
    fail = compiler.frame.refuse(unknown_aggregate(item.function))
    return lambda run, _values: fail([run])


def _member(compiler: Compiler, node: nodes.Collect, scope: Variables) -> Value | None:
    if node.into is None:
        return None
    if node.into_expression is not None:
        return compiler.expression(node.into_expression, scope)
    if not node.keep:
        return _snapshot(scope.names)
    for name in node.keep:
        if name not in scope.names:
            return compiler.frame.refuse(variable_not_found(name))
    return _snapshot({name: scope.names[name] for name in node.keep})


def _snapshot(names: dict[str, int]) -> Callable[[Row], Json]:
    slots = sorted(names.items())
    return lambda row: {name: row[slot] for name, slot in slots if row[slot] is not UNBOUND}


CLAUSES: dict[type[nodes.Clause], CompileClause] = {nodes.Collect: _collect}

Aggregation: TypeAlias = Callable[[Run, "list[Json]"], Json]


def find_aggregate(name: str) -> Aggregation | None:
    """Find an aggregate function by its name in upper case."""
    return _AGGREGATES.get(name)


def unknown_aggregate(name: str) -> QueryError:
    """Make the error for an aggregate function that does not exist."""
    return QueryError(
        f"Unknown aggregate function: {name}",
        hint="use INTO g = expr and a function of arrays for what AGGREGATE lacks",
    )


def _numbers(values: list[Json]) -> list[Json]:
    return [value for value in values if is_number(value)]


def _sum(_run: Run, values: list[Json]) -> Json:
    return finite(float(sum(map(float, _numbers(values)), 0.0)))


def _integer_sum(_run: Run, values: list[Json]) -> Json:
    return whole_sum(sum(_numbers(values)))


def whole_sum(total: Json) -> Json:
    """Return a sum of integers, as a float where 64 bits don't hold it."""
    return float(total) if kind_of(total) is int and not MIN_INTEGER <= total <= MAX_INTEGER else total


def _average(_run: Run, values: list[Json]) -> Json:
    numbers = _numbers(values)
    return finite(sum(map(float, numbers), 0.0) / len(numbers)) if numbers else None


def _extreme(sign: int) -> Aggregation:
    def find(_run: Run, values: list[Json]) -> Json:
        best: Json = None
        for value in values:
            if value is not None and (best is None or sign * compare(value, best) > 0):
                best = value
        return best

    return find


def _first_seen(_run: Run, values: list[Json]) -> Json:
    seen: dict[Any, Json] = {}
    for value in values:
        seen.setdefault(canonical(value), value)
    return list(seen.values())


def _median(run: Run, values: list[Json]) -> Json:
    numbers, function = _numbers(values), lookup("MEDIAN")
    return function.implementation(run.context, [numbers]) if numbers and function else None


def _variance(*, sample: bool = False, root: bool = False) -> Aggregation:
    """Make a variance or deviation: one pass (Welford), whose rounding is the server's."""

    def compute(_run: Run, values: list[Json]) -> Json:
        count, mean, squares = 0, 0.0, 0.0
        for value in _numbers(values):
            count += 1
            delta = value - mean
            mean += delta / count
            squares += delta * (value - mean)
        if count < 1 + sample:
            return None
        variance = squares / (count - sample)
        return finite(math.sqrt(variance) if root else variance)

    return compute


def _bits(work: Callable[[int, int], int]) -> Aggregation:
    def combine(_run: Run, values: list[Json]) -> Json:
        present = [value for value in values if value is not None]
        if not present or not all(is_number(value) and value == int(value) for value in present):
            return None
        return reduce(work, map(int, present))

    return combine


def _count(_run: Run, values: list[Json]) -> Json:
    return sum(value is not None for value in values)


def _count_distinct(_run: Run, values: list[Json]) -> Json:
    return len(set(map(canonical, values)))


def _sorted_unique(run: Run, values: list[Json]) -> Json:
    return sorted(_first_seen(run, values), key=sort_key)


_AGGREGATES: dict[str, Aggregation] = {
    "COUNT": _count,
    "LENGTH": lambda _run, values: len(values),
    "SUM": _sum,
    nodes.INTEGER_SUM: _integer_sum,
    "AVG": _average,
    "AVERAGE": _average,
    "MIN": _extreme(-1),
    "MINIMUM": _extreme(-1),
    "MAX": _extreme(1),
    "MAXIMUM": _extreme(1),
    "COUNT_DISTINCT": _count_distinct,
    "COUNT_UNIQUE": _count_distinct,
    "UNIQUE": _first_seen,
    "SORTED_UNIQUE": _sorted_unique,
    "COLLECT_LIST": lambda _run, values: values,
    "COLLECT": lambda _run, values: values,
    "PUSH": lambda _run, values: values,
    **dict.fromkeys(("VARIANCE", "VARIANCE_POPULATION", "VAR_POP"), _variance()),
    **dict.fromkeys(("VARIANCE_SAMPLE", "VAR_SAMP"), _variance(sample=True)),
    **dict.fromkeys(("STDDEV", "STDDEV_POPULATION", "STDDEV_POP"), _variance(root=True)),
    **dict.fromkeys(("STDDEV_SAMPLE", "STDDEV_SAMP"), _variance(sample=True, root=True)),
    "MEDIAN": _median,
    "BIT_AND": _bits(lambda a, b: a & b),
    "BIT_OR": _bits(lambda a, b: a | b),
    "BIT_XOR": _bits(lambda a, b: a ^ b),
}
