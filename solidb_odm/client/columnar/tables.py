"""Columnar tables as they are described: columns, their types, and values that fit them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

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
    """A column. ``type`` is int64, float64, string, bool, timestamp or json."""

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
        """Return a column; QueryError names those there are."""
        for column in self.columns:
            if column.name == name:
                return column
        known = ", ".join(column.name for column in self.columns)
        raise QueryError(f"{self.name} has no column {name!r}", hint=f"it has {known}")


@dataclass(frozen=True, slots=True, kw_only=True)
class TableStats(ClientResult):
    """What a columnar table holds; sizes in bytes."""

    name: str
    row_count: int = 0
    column_count: int = 0
    compression: str = ""
    compressed_size_bytes: int = 0
    uncompressed_size_bytes: int = 0
    compression_ratio: float = 0.0
    columns: tuple[ColumnInfo, ...] = field(default=())


def table_of(raw: JsonObject) -> TableInfo:
    """Read the description of a table."""
    return TableInfo.of(raw, columns=columns_of(raw))


def columns_of(raw: JsonObject) -> tuple[ColumnInfo, ...]:
    """Read the columns of a description."""
    return tuple(ColumnInfo.of(row, type=row["data_type"]) for row in raw.get("columns", ()))


def column_from(given: Mapping[str, Any] | ColumnInfo) -> ColumnInfo:
    """Read a column as people describe it: ``{"name": .., "type": .., "nullable": True}``."""
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
    """Return the wire's name of a type."""
    name = TYPES.get(kind.lower())
    if name is None:
        raise UsageError(
            f"the column {column!r} can't have the type {kind!r}",
            hint="int, float, string, bool, datetime or json",
        )
    return name


def definition(column: ColumnInfo) -> JsonObject:
    """Return the wire's definition of a column."""
    return {
        "name": column.name,
        "data_type": column.type,
        "nullable": column.nullable,
        "indexed": column.indexed,
    }


def fitted(value: Any, column: ColumnInfo) -> Json:
    """Return a value in its column's type, to which the server compares strictly; unfit ones as they are."""
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
    """Return a row as the table takes it; InvalidDocument for what the server would drop or twist."""
    columns = {column.name: column for column in table.columns}
    if unknown := [name for name in row if name not in columns]:
        raise InvalidDocument(
            f"{table.name} has no column {unknown[0]!r}",
            collection=table.name,
            hint=f"it has {', '.join(columns)}; columnar.add_column(..) makes another",
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
