"""The parser of the SELECT for columnar tables; its result is what the server accepts.

``SELECT a, b | * FROM table [WHERE condition] [ORDER BY column [ASC | DESC], ..] [LIMIT n [OFFSET m]]``;
conditions compare a column with a value, with AND, OR, NOT, parentheses, IN, BETWEEN and IS [NOT] NULL.
Values are numbers, texts, TRUE, FALSE, NULL and bind variables. The words are those of SDBQL's tokens.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

from ..._dataclasses import dataclass
from ..._types import Json, JsonObject
from ...errors import QueryError, QuerySyntaxError, UsageError
from ...language import tokens as words
from ...language.tokens import Tokens, syntax_error, tokenize

OPERATORS = {"=": "EQ", "==": "EQ", "!=": "NE", "<": "LT", "<=": "LTE", ">": "GT", ">=": "GTE"}
OPPOSITES = {"EQ": "NE", "NE": "EQ", "LT": "GTE", "GTE": "LT", "GT": "LTE", "LTE": "GT"}
MIRRORED = {"EQ": "EQ", "NE": "NE", "LT": "GT", "GT": "LT", "LTE": "GTE", "GTE": "LTE"}
GRAMMAR = "SELECT columns FROM table WHERE condition ORDER BY columns LIMIT number"


@dataclass(frozen=True, slots=True)
class ColumnarSelect:
    """The parts of a SELECT. An empty list of columns means all of them."""

    table: str
    columns: tuple[str, ...] = ()
    condition: JsonObject | None = None
    order: tuple[tuple[str, bool], ...] = ()
    limit: int | None = None
    offset: int = 0


class _SelectReader:
    """A recursive-descent parser; one method for each rule of the grammar."""

    def __init__(self, text: str, binds: Mapping[str, Any]) -> None:
        self._tokens: Tokens = tokenize(text)
        self._binds = binds
        self._used: set[str] = set()
        self._at = 0

    def selection(self) -> ColumnarSelect:
        self._need("SELECT")
        columns = () if self._takes("*") else self._names()
        self._need("FROM")
        table = self._name("a table")
        condition = self._either() if self._takes("WHERE") else None
        if self._is("GROUP"):
            raise self._wrong("GROUP BY is not supported", hint="columnar.aggregate(table, {'group_by': ..})")
        order = self._order() if self._takes("SORT") else ()  # the tokens' word for ORDER
        limit = self._number() if self._takes("LIMIT") else None
        offset = self._number() if self._takes("OFFSET") else 0
        if self._kind != words.END:
            raise self._wrong("expected the end")
        if unused := sorted(self._binds.keys() - self._used):
            raise QueryError(f"@{unused[0]} is given but not used", query=self._tokens.text)
        return ColumnarSelect(table, columns, condition, order, limit, offset)

    def _names(self) -> tuple[str, ...]:
        names = [self._column()]
        while self._takes(","):
            names.append(self._column())
        return tuple(names)

    def _order(self) -> tuple[tuple[str, bool], ...]:
        self._need("BY")
        keys: list[tuple[str, bool]] = []
        while True:
            name = self._column()
            descending = self._takes("DESC")
            if not descending:
                self._takes("ASC")
            keys.append((name, descending))
            if not self._takes(","):
                return tuple(keys)

    def _either(self, denied: bool = False) -> JsonObject:
        parts = [self._all(denied)]
        while self._takes("OR"):
            parts.append(self._all(denied))
        return parts[0] if len(parts) == 1 else {"and" if denied else "or": parts}

    def _all(self, denied: bool) -> JsonObject:
        parts = [self._one(denied)]
        while self._takes("AND"):
            parts.append(self._one(denied))
        return parts[0] if len(parts) == 1 else {"or" if denied else "and": parts}

    def _one(self, denied: bool) -> JsonObject:
        if self._takes("NOT"):
            return self._one(not denied)
        if self._takes("("):
            inner = self._either(denied)
            self._need(")")
            return inner
        if self._kind in _VALUES:
            value = self._value()
            operator = self._operator()
            return _leaf(self._column(), MIRRORED[operator], value, denied)
        return self._about(self._column(), denied)

    def _about(self, column: str, denied: bool) -> JsonObject:
        if self._takes("IS"):
            denied ^= self._takes("NOT")
            self._need("NULL")
            return _leaf(column, "EQ", None, denied)
        if self._takes("NOT"):
            denied = not denied
            if not self._is("IN", "BETWEEN"):
                raise self._wrong("expected IN or BETWEEN after NOT")
        if self._takes("IN"):
            return _among(column, self._values(), denied)
        if self._takes("BETWEEN"):
            low = self._value()
            self._need("AND")
            ends = [_leaf(column, "GTE", low, denied), _leaf(column, "LTE", self._value(), denied)]
            return {"or" if denied else "and": ends}
        return _leaf(column, self._operator(), self._value(), denied)

    def _operator(self) -> str:
        start = self._at
        if self._takes("<") and self._takes(">"):
            return "NE"
        self._at = start
        if self._kind not in OPERATORS:
            raise self._wrong("expected a comparison", hint="=, !=, <, <=, >, >=, IN, BETWEEN or IS NULL")
        operator = OPERATORS[self._kind]
        self._at += 1
        return operator

    def _values(self) -> list[Json]:
        if self._kind == words.BIND:
            given: Any = self._value()
            if not isinstance(given, list | tuple):
                raise self._wrong("IN needs a list")
            return list(cast(list[Json], given))
        close = ")" if self._takes("(") else "]"
        if close == "]":
            self._need("[")
        values = [self._value()]
        while self._takes(","):
            values.append(self._value())
        self._need(close)
        return values

    def _value(self) -> Json:
        kind, value = self._kind, self._tokens.values[self._at]
        negative = self._takes("-")
        if negative:
            kind, value = self._kind, self._tokens.values[self._at]
        if kind in (words.INTEGER, words.FLOAT) and isinstance(value, int | float):
            self._at += 1
            return -value if negative else value
        if not negative and kind in _CONSTANTS:
            self._at += 1
            return _CONSTANTS[kind]
        if not negative and kind == words.STRING:
            self._at += 1
            return str(value)
        if not negative and kind == words.BIND:
            return self._bind(str(value))
        raise self._wrong("expected a value", hint="a number, 'a text', TRUE, FALSE, NULL or @name")

    def _bind(self, name: str) -> Json:
        if name not in self._binds:
            raise QueryError(f"@{name} has no value", query=self._tokens.text, hint="query(.., bind_vars)")
        self._used.add(name)
        self._at += 1
        value: Json = self._binds[name]
        return value

    def _number(self) -> int:
        value = self._value()
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            self._at -= 1
            raise self._wrong("expected a whole number")
        return value

    def _column(self) -> str:
        name = self._name("a column")
        if self._is("("):
            raise self._wrong(
                "functions are not supported", hint="columnar.aggregate(table, {'metrics': ..})"
            )
        if self._is("AS"):
            raise self._wrong("AS is not supported", hint="rename the columns in the rows that are returned")
        return name

    def _name(self, what: str) -> str:
        kind = self._kind
        if kind not in (words.NAME, words.QUOTED) and (kind not in words.KEYWORDS or kind in _STOPS):
            quoted = kind == words.STRING and self._tokens.text[self._tokens.starts[self._at]] == '"'
            if not quoted:
                raise self._wrong(f"expected {what}")
        name = str(self._tokens.values[self._at])
        self._at += 1
        return name

    @property
    def _kind(self) -> str:
        return self._tokens.kinds[self._at]

    def _is(self, *spellings: str) -> bool:
        if self._kind in spellings:
            return True
        word = self._tokens.values[self._at]
        upper = word.upper() if self._kind == words.NAME and isinstance(word, str) else ""
        return upper != "" and upper in {spelling.upper() for spelling in spellings}

    def _takes(self, spelling: str) -> bool:
        if not self._is(spelling):
            return False
        self._at += 1
        return True

    def _need(self, spelling: str) -> None:
        if not self._takes(spelling):
            raise self._wrong(f"expected {spelling}")

    def _wrong(self, message: str, *, hint: str = GRAMMAR) -> QuerySyntaxError:
        tokens, at = self._tokens, self._at
        return syntax_error(message, tokens.text, tokens.starts[at], tokens.ends[at], hint=hint)


_CONSTANTS: dict[str, Json] = {"TRUE": True, "FALSE": False, "NULL": None}
_VALUES = frozenset((words.INTEGER, words.FLOAT, words.STRING, words.BIND, "-", *_CONSTANTS))
_STOPS = frozenset(("TRUE", "FALSE", "NULL", "NOT", "AND", "OR", "IN", "SORT", "LIMIT"))


def read_select(text: str, binds: Mapping[str, Any]) -> ColumnarSelect:
    """Parse a SELECT; raise QuerySyntaxError, which shows the place, if it is wrong."""
    return _SelectReader(text, binds).selection()


def order_from(order: str | Sequence[str]) -> tuple[tuple[str, bool], ...]:
    """Parse an ordering: ``"value DESC"``, or several of these."""
    keys: list[tuple[str, bool]] = []
    for key in [order] if isinstance(order, str) else order:
        name, _, way = key.strip().partition(" ")
        if not name or way.strip().upper() not in ("", "ASC", "DESC"):
            raise UsageError(f"{key!r} is not a sort order", hint="'column' or 'column DESC'")
        keys.append((name, way.strip().upper() == "DESC"))
    return tuple(keys)


def _leaf(column: str, operator: str, value: Json, denied: bool) -> JsonObject:
    if denied:
        operator = OPPOSITES[operator]
    if value is None and operator not in ("EQ", "NE"):
        raise QueryError(
            f"{column} can't be compared with null by <, <=, > or >=", hint="IS NULL, IS NOT NULL"
        )
    condition: JsonObject = {"column": column, "op": operator, "value": value}
    # In SQL a null is not different from a value; to the server it is.
    if operator == "NE" and value is not None:
        return {"and": [condition, {"column": column, "op": "NE", "value": None}]}
    return condition


def _among(column: str, values: list[Json], denied: bool) -> JsonObject:
    if not denied:
        return {"column": column, "op": "IN", "value": values}
    parts = [{"column": column, "op": "NE", "value": value} for value in (*values, None)]
    return {"and": parts}
