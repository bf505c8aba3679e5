"""COLLECT: one row for each distinct tuple of keys, sorted by the keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ..._types import Json
from .. import nodes
from ..values import canonical
from .aggregates import Aggregation, find_aggregate, unknown_aggregate
from .compiler import CompileClause, Compiler
from .expressions import constant, variable_not_found
from .ordering import sorted_by
from .runtime import UNBOUND, Row, Run, Stage, Value
from .scope import Scope


@dataclass(slots=True)
class _Group:
    keys: list[Json]
    columns: list[list[Json]]
    members: list[Json] = field(default_factory=list[Json])
    count: int = 0


@dataclass(frozen=True, slots=True)
class _Plan:
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


def _collect(compiler: Compiler, node: nodes.Collect, scope: Scope) -> Stage:
    frame = compiler.frame
    keys = [compiler.expression(value, scope) for _, value in node.groups]
    arguments = [_argument(compiler, item, scope) for item in node.aggregates]
    member = _member(compiler, node, scope)
    scope.names.clear()
    scope.unbound, scope.score = frozenset(), None
    plan = _Plan(
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


def _argument(compiler: Compiler, item: nodes.Aggregate, scope: Scope) -> Value:
    if item.argument is not None:
        return compiler.expression(item.argument, scope)
    return constant(1)  # COUNT() counts the rows


def _aggregation(compiler: Compiler, item: nodes.Aggregate) -> Aggregation:
    found = find_aggregate(item.function.upper())
    if found is not None:
        return found
    fail = compiler.frame.refuse(unknown_aggregate(item.function))
    return lambda run, _values: fail([run])


def _member(compiler: Compiler, node: nodes.Collect, scope: Scope) -> Value | None:
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
