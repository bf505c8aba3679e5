"""AGGREGATE and INTO in SQL: SQLite's own functions where they are exact, the evaluator's for the others.

A Python function gathers the values of a group with the order of their rows, for what it computes may
depend on that: a list does, and so does the rounding of a sum of squares.

Window functions in SQL, where they stand in RETURN: over all rows, sorted, before the LIMIT.

Rows that sort alike keep the order they come in, which a window therefore names behind its own keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...._types import Json
from ....language import interpreter, nodes
from .. import json_text
from ..order_key import TRUE_SQL
from ..sql_names import text_literal
from .compilation import Compilation, Scope
from .terms import Column, Computed, JsonPath, JsonValue, NotInSql, Structure, Term

_LISTS: Final = frozenset(("UNIQUE", "SORTED_UNIQUE", "PUSH", "COLLECT", "COLLECT_LIST"))
_MOST_MEMBERS: Final = 60


class Gathered:
    """The SQL function ``solidb_gather(name, value, order ..)``: an aggregate of the evaluator's, as JSON.

    Without a name it is the array of the values.
    """

    def __init__(self) -> None:
        self._name = ""
        self._rows: list[tuple[tuple[Any, ...], str]] = []

    def step(self, name: str, value: str | None, *order: Any) -> None:
        self._name = name
        self._rows.append((order, "null" if value is None else value))

    def finalize(self) -> str | None:
        texts = [text for _, text in sorted(self._rows, key=lambda row: row[0])]
        if not self._name:
            return f"[{','.join(texts)}]"
        return _as_json(_aggregated(self._name, json_text.decode_many(texts)))


class _Nowhere:
    """The run of an aggregate that asks nothing of its surroundings."""

    context = None


def _aggregated(name: str, values: list[Json]) -> Json:
    compute = interpreter.find_aggregate(name)
    run: Any = _Nowhere()
    return None if compute is None else compute(run, values)


def _as_json(value: Json) -> str | None:
    return None if value is None else json_text.encode(value)


def aggregate(
    c: Compilation, node: nodes.Aggregate, scope: Scope, order: list[str], *, grouped: bool
) -> tuple[str, Callable[[str], Term]]:
    """Return the SQL of an aggregate, and what makes a term of the column that holds it."""
    name = node.function
    if node.argument is None or name == "LENGTH":
        if name not in ("COUNT", "LENGTH"):
            raise NotInSql(f"{name}() without an argument")
        return "count(*)", lambda column: Computed("number", column)
    term = c.term(c, node.argument, scope)
    write = _AGGREGATES.get(name)
    if write is not None:
        return write(term), lambda column: Computed("any", column)
    if interpreter.find_aggregate(name) is None:
        raise NotInSql(f"the aggregate {name}")
    gathered = _gathered(name, term, order, empty=None if grouped else _as_json(_aggregated(name, [])))
    return gathered, lambda column: JsonValue("array" if name in _LISTS else "any", column)


def members(c: Compilation, node: nodes.Collect, scope: Scope, order: list[str]) -> str:
    """Return the SQL of what INTO gathers: an expression, or an object of the variables."""
    if node.into_expression is not None:
        member = c.term(c, node.into_expression, scope)
    else:
        names = sorted(node.keep or scope)
        if len(names) > _MOST_MEMBERS or not scope.keys() >= set(names):
            raise NotInSql("INTO of many or unknown variables")
        member = Structure("object", tuple(names), tuple(scope[name] for name in names))
    return _gathered("", member, order, empty=None if node.groups else "[]")


def _gathered(name: str, term: Term, order: list[str], *, empty: str | None) -> str:
    sql = f"solidb_gather({', '.join([text_literal(name), term.json, *order])})"
    return sql if empty is None else f"ifnull({sql}, {text_literal(empty)})"


def numbers(term: Term) -> str:
    """Return the SQL of the value where it is a number, else NULL."""
    if isinstance(term, JsonPath):
        return (
            f"CASE WHEN {term.json_type} IN ('integer', 'real') THEN {term.document} ->> {term.sql_path} END"
        )
    key = term.key
    return f"CASE WHEN typeof({key}) IN ('integer', 'real') AND {key} > {TRUE_SQL} THEN {key} END"


def _count(term: Term) -> str:
    """Return the number of values; of what is always there the rows are counted, which need not be read."""
    return "count(*)" if isinstance(term, Column) else f"count({term.key})"


def _distinct(term: Term) -> str:
    return f"count(DISTINCT {term.key}) + ifnull(max({term.key} IS NULL), 0)"


def _average(term: Term) -> str:
    return f"avg({numbers(term)})"


def _least(term: Term) -> str:
    return f"min({term.key})"


def _greatest(term: Term) -> str:
    return f"max({term.key})"


_AGGREGATES: Final[dict[str, Callable[[Term], str]]] = {
    "COUNT": _count,
    "SUM": lambda term: f"total({numbers(term)})",
    nodes.INTEGER_SUM: lambda term: f"ifnull(sum({numbers(term)}), 0)",
    "AVG": _average,
    "AVERAGE": _average,
    "MIN": _least,
    "MINIMUM": _least,
    "MAX": _greatest,
    "MAXIMUM": _greatest,
    "COUNT_DISTINCT": _distinct,
    "COUNT_UNIQUE": _distinct,
}

_ALL: Final = " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_SO_FAR: Final = " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
_RANKS: Final = frozenset(("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST"))
_SUMS: Final[dict[str, Callable[[Term], str]]] = {
    "SUM": lambda term: f"total({numbers(term)})",
    nodes.INTEGER_SUM: lambda term: f"sum(ifnull({numbers(term)}, 0))",
    "AVG": lambda term: f"avg({numbers(term)})",
    "COUNT": _count,
}


def window(c: Compilation, node: nodes.Window, scope: Scope) -> Term:
    """Return ``NAME(arguments) OVER (PARTITION BY .. ORDER BY ..)``."""
    order = c.window_order
    if order is None:
        raise NotInSql("a window function outside of RETURN")
    c.window_order = None  # none stands in another
    try:
        return _written(c, node, scope, order)
    finally:
        c.window_order = order


def _written(c: Compilation, node: nodes.Window, scope: Scope, order: list[str]) -> Term:
    parts = [c.term(c, part, scope).key for part in node.partition_by]
    keys = [
        f"{c.term(c, key.expression, scope).key}{' DESC' if key.descending else ''}" for key in node.order_by
    ]
    name = node.name.upper()
    if name in _RANKS and not node.arguments:
        return Computed("number", f"{name.lower()}() OVER ({_over(parts, keys)})")
    over = _over(parts, [*keys, *order])
    if name == "ROW_NUMBER" and not node.arguments:
        return Computed("number", f"row_number() OVER ({over})")
    if name in _SUMS and len(node.arguments) == 1:
        total = _SUMS[name](c.term(c, node.arguments[0], scope))
        return Computed("any", f"{total} OVER ({over}{_SO_FAR if keys else _ALL})", True)
    return JsonValue("any", f"{_other_row(c, name, node.arguments, scope)} OVER ({over}{_frame(name)})")


def _over(parts: list[str], keys: list[str]) -> str:
    partition = f"PARTITION BY {', '.join(parts)}" if parts else ""
    order = f"ORDER BY {', '.join(keys)}" if keys else ""
    return f"{partition} {order}".strip()


def _frame(name: str) -> str:
    return _ALL if name.endswith("_VALUE") else ""


def _other_row(c: Compilation, name: str, arguments: tuple[nodes.Expression, ...], scope: Scope) -> str:
    """Return the call of a function that gives the value of another row, as JSON."""
    least, most = {"LAG": (1, 3), "LEAD": (1, 3), "FIRST_VALUE": (1, 1), "LAST_VALUE": (1, 1)}.get(
        name, (2, 2) if name == "NTH_VALUE" else (0, -1)
    )
    if not least <= len(arguments) <= most:
        raise NotInSql(f"the window function {name}")
    value, *rest = arguments
    written = [c.term(c, value, scope).json]
    if rest:
        place = rest[0].value if isinstance(rest[0], nodes.Literal) else None
        if type(place) is not int or place < (1 if name == "NTH_VALUE" else 0):
            raise NotInSql(f"{name} with a computed offset")
        written.append(str(place))
    written += [c.term(c, otherwise, scope).json for otherwise in rest[1:]]
    return f"{name.lower()}({', '.join(written)})"
