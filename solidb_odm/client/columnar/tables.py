"""The description of columnar tables: columns, their types, and values that fit them.

Also conditions on rows: which of them the server can evaluate, and the evaluation of the others.

The server's ``and`` evaluates the wrong rows (observed on 2.6.0: the second condition sees only as many rows,
from the beginning of the table, as met the first), and its comparisons by order work for numbers only. It is
therefore sent only what it evaluates correctly, single conditions and alternatives of them, and its rows are
filtered here.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from typing import Any, cast

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import InvalidDocument, QueryError, UsageError
from ..results import ClientResult

TYPES = {
    **dict.fromkeys(("int64", "int", "integer", "bigint", "long"), "int64"),
    **dict.fromkeys(("float64", "float", "double", "real", "number"), "float64"),
    **dict.fromkeys(("string", "str", "text", "varchar"), "string"),
    **dict.fromkeys(("bool", "boolean"), "bool"),
    **dict.fromkeys(("timestamp", "datetime", "date"), "timestamp"),
    **dict.fromkeys(("json", "object", "array"), "json"),
}
"""The wire's types, by the names that people use."""

_FITTING: dict[str, tuple[type, ...]] = {
    "int64": (int,),
    "float64": (int, float),
    "string": (str,),
    "bool": (bool,),
    "timestamp": (str, int, float),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnInfo(ClientResult):
    """A column of a table. ``type`` is int64, float64, string, bool, timestamp or json."""

    name: str
    type: str
    nullable: bool = True
    indexed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TableInfo(ClientResult):
    """A columnar table."""

    name: str
    columns: tuple[ColumnInfo, ...] = ()
    row_count: int = 0
    compression: str = ""

    def column(self, name: str) -> ColumnInfo:
        """Return a column by name; raise QueryError, which names the existing ones, if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise QueryError(f"{self.name} has no column {name!r}", hint=f"it has {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats(ClientResult):
    """The statistics of a columnar table; sizes are in bytes."""

    name: str
    row_count: int = 0
    column_count: int = 0
    compression: str = ""
    compressed_size_bytes: int = 0
    uncompressed_size_bytes: int = 0
    compression_ratio: float = 0.0
    columns: tuple[ColumnInfo, ...] = field(default=())


def table_of(raw: JsonObject) -> TableInfo:
    """Return the table that an answer of the server describes."""
    return TableInfo.of(raw, columns=columns_of(raw))


def columns_of(raw: JsonObject) -> tuple[ColumnInfo, ...]:
    """Return the columns that an answer of the server describes."""
    return tuple(ColumnInfo.of(row, type=row["data_type"]) for row in raw.get("columns", ()))


def column_from(given: Mapping[str, Any] | ColumnInfo) -> ColumnInfo:
    """Return the column that ``{"name": .., "type": .., "nullable": True}`` describes."""
    if isinstance(given, ColumnInfo):
        return given
    name, kind = given.get("name"), given.get("type", given.get("data_type"))
    if not isinstance(name, str) or not name or not isinstance(kind, str):
        raise UsageError(
            f"{dict(given)!r} is not a column", hint='{"name": "value", "type": "float", "nullable": True}'
        )
    return ColumnInfo(
        name=name,
        type=type_of(name, kind),
        nullable=bool(given.get("nullable", True)),
        indexed=bool(given.get("indexed", False)),
    )


def type_of(column: str, kind: str) -> str:
    """Return the server's name of a type."""
    name = TYPES.get(kind.lower())
    if name is None:
        raise UsageError(
            f"the column {column!r} can't have the type {kind!r}",
            hint="int, float, string, bool, datetime or json",
        )
    return name


def definition(column: ColumnInfo) -> JsonObject:
    """Return a column in the server's form."""
    return {
        "name": column.name,
        "data_type": column.type,
        "nullable": column.nullable,
        "indexed": column.indexed,
    }


def fitted(value: Any, column: ColumnInfo) -> Json:
    """Return a value in the type of its column, if it fits: the server compares strictly."""
    if isinstance(value, datetime) and column.type == "timestamp":
        moment = value if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, bool):
        return value
    if column.type == "float64" and isinstance(value, int):
        return float(value)
    if column.type == "int64" and isinstance(value, float) and value.is_integer():
        return int(value)
    given: Json = value
    return given


def row_for(table: TableInfo, row: Mapping[str, Any]) -> JsonObject:
    """Return a row in the server's form; raise InvalidDocument if the server would drop or change a value."""
    columns = {column.name: column for column in table.columns}
    if unknown := [name for name in row if name not in columns]:
        raise InvalidDocument(
            f"{table.name} has no column {unknown[0]!r}",
            collection=table.name,
            hint=f"it has {', '.join(columns)}; columnar.add_column(..) adds one",
        )
    return {name: _checked(row.get(name), column, table.name) for name, column in columns.items()}


def _checked(value: Any, column: ColumnInfo, table: str) -> Json:
    if value is None:
        if column.nullable:
            return None
        raise InvalidDocument(f"{table}.{column.name} needs a value", collection=table)
    stored = fitted(value, column)
    fitting = _FITTING.get(column.type)
    odd = isinstance(stored, bool) and column.type != "bool"
    if fitting is not None and (odd or not isinstance(stored, fitting)):
        raise InvalidDocument(f"{table}.{column.name} holds {column.type}, not {value!r}", collection=table)
    return stored


_ORDERS: dict[str, Callable[[Any, Any], bool]] = {
    "GT": operator.gt,
    "GTE": operator.ge,
    "LT": operator.lt,
    "LTE": operator.le,
}
SYMBOLS = {"=": "EQ", "==": "EQ", "!=": "NE", "<>": "NE", "<": "LT", "<=": "LTE", ">": "GT", ">=": "GTE"}
_KNOWN = frozenset((*_ORDERS, "EQ", "NE", "IN"))


def both(*conditions: JsonObject | None) -> JsonObject | None:
    """Return a condition that is true where all of these are."""
    present = [condition for condition in conditions if condition is not None]
    return {"and": present} if len(present) > 1 else present[0] if present else None


def condition_from(where: Mapping[str, Any] | None) -> JsonObject | None:
    """Parse a condition: ``{"column", "op", "value"}``, ``{"and": [..]}``, ``{"or": [..]}`` or equalities."""
    if not where:
        return None
    if _compound(where) or {"column", "op", "value"} <= where.keys():
        return dict(where)
    return both(*({"column": name, "op": "EQ", "value": value} for name, value in where.items()))


def typed_condition(condition: JsonObject | None, table: TableInfo) -> JsonObject | None:
    """Return a condition whose values have the types of their columns, as the server requires."""
    return None if condition is None else _typed(condition, table)


def columns_in(condition: JsonObject | None) -> list[str]:
    """Return the columns that a condition names."""
    if condition is None:
        return []
    word = _compound(condition)
    if word:
        return [name for part in condition[word] for name in columns_in(part)]
    return [str(condition["column"])]


def narrowed(condition: JsonObject | None) -> JsonObject | None:
    """Return a condition that the server evaluates correctly and that is true wherever this one is."""
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
    """Return a rank by the expected number of rows that meet a condition: equality has the fewest."""
    return {"EQ": 0, "IN": 1, "NE": 4}.get(str(condition.get("op", "")), 2 if "op" in condition else 3)


def _same(value: Any, expected: Any) -> bool:
    return isinstance(value, bool) is isinstance(expected, bool) and bool(value == expected)


def _ordered(value: Any, expected: Any) -> bool:
    return (_number(value) and _number(expected)) or (isinstance(value, str) and isinstance(expected, str))


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
