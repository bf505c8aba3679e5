"""Conditions on the rows of columnar tables: what of them can be left to the server, and the rest.

The server's ``and`` looks at the wrong rows (observed on 2.6.0: the second condition sees only as many rows,
from the first on, as met the first), and its comparisons by order know numbers only. So it is sent what
it answers rightly, single conditions and alternatives of them, and the rows that come are judged here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

from ..._types import JsonObject
from ...errors import QueryError
from .tables import TableInfo, fitted

_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "GT": operator.gt,
    "GTE": operator.ge,
    "LT": operator.lt,
    "LTE": operator.le,
}
SYMBOLS = {"=": "EQ", "==": "EQ", "!=": "NE", "<>": "NE", "<": "LT", "<=": "LTE", ">": "GT", ">=": "GTE"}
_KNOWN = frozenset((*_ORDERS, "EQ", "NE", "IN"))


def both(*conditions: JsonObject | None) -> JsonObject | None:
    """Return the condition that holds where all of these do."""
    present = [condition for condition in conditions if condition is not None]
    return {"and": present} if len(present) > 1 else present[0] if present else None


def condition_from(where: Mapping[str, Any] | None) -> JsonObject | None:
    """Read a condition: ``{"column", "op", "value"}``, ``{"and": [..]}``, ``{"or": [..]}``, or equalities."""
    if not where:
        return None
    if _compound(where) or {"column", "op", "value"} <= where.keys():
        return dict(where)
    return both(*({"column": name, "op": "EQ", "value": value} for name, value in where.items()))


def typed_condition(condition: JsonObject | None, table: TableInfo) -> JsonObject | None:
    """Return a condition whose values have the types of their columns, in which the server is strict."""
    return None if condition is None else _typed(condition, table)


def columns_in(condition: JsonObject | None) -> list[str]:
    """Return the columns that a condition looks at."""
    if condition is None:
        return []
    word = _compound(condition)
    if word:
        return [name for part in condition[word] for name in columns_in(part)]
    return [str(condition["column"])]


def narrowed(condition: JsonObject | None) -> JsonObject | None:
    """Return a condition that the server judges rightly, and that holds wherever this one does."""
    if condition is None or _servable(condition):
        return condition
    if "and" in condition:
        parts = [part for part in map(narrowed, condition["and"]) if part is not None]
        return min(parts, key=_breadth, default=None)
    return None


def holds(condition: JsonObject | None, row: Mapping[str, Any]) -> bool:
    """Return whether a row meets a condition."""
    if condition is None:
        return True
    if "and" in condition:
        return all(holds(part, row) for part in condition["and"])
    if "or" in condition:
        return any(holds(part, row) for part in condition["or"])
    value, word, expected = row.get(condition["column"]), condition["op"], condition["value"]
    if word == "IN":
        return any(_same(value, item) for item in expected)
    if word in _ORDERS:
        return _ordered(value, expected) and _ORDERS[word](value, expected)
    return _same(value, expected) is (word == "EQ")


def _typed(condition: JsonObject, table: TableInfo) -> JsonObject:
    if word := _compound(condition):
        return {word: [_typed(part, table) for part in condition[word]]}
    if not {"column", "op", "value"} <= condition.keys():
        raise QueryError(f"{condition!r} is not a condition", hint='{"column": .., "op": "GT", "value": ..}')
    column = table.column(str(condition["column"]))
    word = SYMBOLS.get(condition["op"], str(condition["op"]).upper())
    if word not in _KNOWN:
        raise QueryError(f"{condition['op']!r} is not a comparison", hint="EQ, NE, GT, GTE, LT, LTE or IN")
    value: Any = condition["value"]
    if word == "IN":
        value = [fitted(item, column) for item in cast(list[Any], value)]
    else:
        value = fitted(value, column)
    return {"column": column.name, "op": word, "value": value}


def _compound(condition: Mapping[str, Any]) -> str:
    if len(condition) != 1:
        return ""
    (word,) = condition
    return word if word in ("and", "or") and isinstance(condition[word], list) else ""


def _servable(condition: JsonObject) -> bool:
    if "or" in condition:
        return all(map(_servable, condition["or"]))
    if "and" in condition:
        return False
    return condition["op"] not in _ORDERS or _number(condition["value"])


def _breadth(condition: JsonObject) -> int:
    """Guess how many rows meet a condition: equality is the narrowest."""
    return {"EQ": 0, "IN": 1, "NE": 4}.get(str(condition.get("op", "")), 2 if "op" in condition else 3)


def _same(value: Any, expected: Any) -> bool:
    return isinstance(value, bool) is isinstance(expected, bool) and bool(value == expected)


def _ordered(value: Any, expected: Any) -> bool:
    return (_number(value) and _number(expected)) or (isinstance(value, str) and isinstance(expected, str))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
