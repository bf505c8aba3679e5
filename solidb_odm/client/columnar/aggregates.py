"""Aggregates of columnar tables: several metrics and groups, where the server accepts one of each."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import UsageError
from ...wire.exchange import Exchange, accepted, send, send_all
from ...wire.faults import Subject
from ..requests import about, unsupported
from .selects import ColumnarSelect
from .table_operations import describe, select
from .tables import ColumnInfo, TableInfo, condition_from, narrowed, typed_condition

FUNCTIONS = {
    "sum": "SUM",
    "avg": "AVG",
    "average": "AVG",
    "mean": "AVG",
    "count": "COUNT",
    "min": "MIN",
    "max": "MAX",
    "count_distinct": "COUNT_DISTINCT",
}
_COUNTING = ("COUNT", "COUNT_DISTINCT")


@dataclass(frozen=True, slots=True)
class Metric:
    """One aggregate: a column, a function, and the name of the result."""

    column: str
    operator: str
    name: str


def aggregate(database: str, name: str, aggregation: Mapping[str, Any]) -> Exchange[list[JsonObject]]:
    """Return aggregates: ``{"group_by": [..], "metrics": [{"column", "function"}], "where": {..}}``."""
    table = yield from describe(database, name)
    if unknown := sorted(aggregation.keys() - {"group_by", "metrics", "where"}):
        raise UsageError(f"an aggregation has no {unknown[0]!r}", hint="group_by, metrics and where")
    groups = [table.column(column) for column in _groups(aggregation.get("group_by"))]
    metrics = [_metric(given, table) for given in aggregation.get("metrics") or ()]
    if not metrics:
        raise UsageError(
            "an aggregation needs metrics", hint='{"metrics": [{"column": .., "function": "avg"}]}'
        )
    condition = typed_condition(condition_from(aggregation.get("where")), table)
    if narrowed(condition) != condition:
        columns = dict.fromkeys([column.name for column in groups] + [metric.column for metric in metrics])
        rows = yield from select(database, ColumnarSelect(name, tuple(columns), condition))
        return summed(rows, [column.name for column in groups], metrics)
    shared: JsonObject = {"group_by": [column.name for column in groups]} if groups else {}
    if condition is not None:
        shared["filter"] = json.dumps(condition)
    if groups:
        return (yield from _grouped(database, name, groups, metrics, shared))
    asked = [{"column": metric.column, "op": metric.operator} for metric in metrics]
    request = about("aggregate_columnar", database, name, aggregations=asked, **shared)
    (row,) = (yield from send(request, Subject(database, name), repeatable=True)).data
    return [{metric.name: row[f"{metric.column}_{metric.operator.lower()}"] for metric in metrics}]


def summed(rows: Sequence[JsonObject], groups: Sequence[str], metrics: Sequence[Metric]) -> list[JsonObject]:
    """Return aggregates of rows as the server computes them, for conditions that it evaluates wrongly."""
    by_group: dict[str, list[JsonObject]] = {} if groups else {"": []}
    for row in rows:
        by_group.setdefault(json.dumps([row[name] for name in groups]) if groups else "", []).append(row)
    return [
        {name: members[0][name] for name in groups}
        | {metric.name: _number(metric, [row[metric.column] for row in members]) for metric in metrics}
        for _, members in sorted(by_group.items())
    ]


def _number(metric: Metric, values: Sequence[Any]) -> Json:
    if metric.operator == "COUNT":
        return len(values)
    if metric.operator == "COUNT_DISTINCT":
        return len({json.dumps(value) for value in values})
    present: list[float] = [value for value in values if value is not None]
    if metric.operator == "SUM":
        return float(sum(present))
    if not present:
        return None
    if metric.operator == "AVG":
        return sum(present) / len(present)
    return float(min(present) if metric.operator == "MIN" else max(present))


def _grouped(
    database: str, name: str, groups: Sequence[ColumnInfo], metrics: Sequence[Metric], shared: JsonObject
) -> Exchange[list[JsonObject]]:
    """Request all metrics in one round trip and combine the answers; each answer has all groups."""
    requests = [
        about(
            "aggregate_columnar",
            database,
            name,
            aggregations=[{"column": metric.column, "op": metric.operator}],
            **shared,
        )
        for metric in metrics
    ]
    answers = yield from send_all(requests, label="aggregate_columnar", repeatable=True)
    merged: dict[tuple[str, ...], JsonObject] = {}
    for metric, answer in zip(metrics, answers, strict=True):
        for row in accepted(answer, Subject(database, name)).data:
            place = tuple(json.dumps(row[column.name]) for column in groups)
            known = merged.setdefault(
                place, {column.name: _group(row[column.name], column) for column in groups}
            )
            known[metric.name] = row["_agg"]
    # A row that was added between two of the answers may have opened a group in the later ones only.
    for row in merged.values():
        for metric in metrics:
            row.setdefault(metric.name, 0 if metric.operator in _COUNTING else None)
    return [merged[place] for place in sorted(merged)]


def _groups(given: object) -> list[str]:
    if given is None:
        return []
    return [given] if isinstance(given, str) else [str(column) for column in given]  # type: ignore[attr-defined]


def _metric(given: Mapping[str, Any], table: TableInfo) -> Metric:
    word = str(given.get("function", given.get("op", ""))).lower()
    operator = FUNCTIONS.get(word)
    if operator is None:
        raise UsageError(f"{word!r} is not a function of aggregations", hint=", ".join(FUNCTIONS))
    column = str(given.get("column", "*"))
    if column == "*":
        if operator != "COUNT":
            raise UsageError(f"{word} needs a column")
        return Metric(table.columns[0].name, operator, str(given.get("as", "count")))
    kind = table.column(column).type
    if operator not in _COUNTING and kind not in ("int64", "float64"):
        raise unsupported(
            f"{word} of {kind} columns",
            "it sums up numbers only, and gives null for the rest",
            f"query({table.name!r}, 'SELECT {column} FROM {table.name} ORDER BY {column} LIMIT 1')",
        )
    return Metric(column, operator, str(given.get("as", f"{column}_{word}")))


def _group(value: Json, column: ColumnInfo) -> Json:
    """Return a group's value in the type of its column; the server sends texts and floats."""
    if value == "null":
        return None
    if column.type == "int64" and isinstance(value, float):
        return int(value)
    if column.type == "bool" and isinstance(value, str):
        return {"true": True, "false": False}.get(value, value)
    return value
