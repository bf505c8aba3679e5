"""Window functions in SQL, where they stand in RETURN: over all rows, sorted, before the LIMIT.

Rows that sort alike keep the order they come in, which a window therefore names behind its own keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ....language import nodes
from .aggregates import numbers
from .compilation import Compilation, Scope
from .terms import Computed, JsonValue, NotInSql, Term

_ALL: Final = " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING"
_SO_FAR: Final = " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW"
_RANKS: Final = frozenset(("RANK", "DENSE_RANK", "PERCENT_RANK", "CUME_DIST"))
_SUMS: Final[dict[str, Callable[[Term], str]]] = {
    "SUM": lambda term: f"total({numbers(term)})",
    "AVG": lambda term: f"avg({numbers(term)})",
    "COUNT": lambda term: f"count({term.key})",
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
