"""What the parser and the printer agree on: precedence, keywords that double as names, options."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeAlias

from .tokens import NAME

if TYPE_CHECKING:
    from .nodes import Options, OptionValue

LOOSEST, PIPE, RANGE, COMPARISON = 1, 4, 11, 10
POWERS: dict[str, int] = {
    operator: power
    for power, operators in {
        2: ("??",),
        3: ("||",),
        PIPE: ("|>",),
        5: ("OR",),
        6: ("AND",),
        7: ("|",),
        8: ("^",),
        9: ("&",),
        # A comparison may start with a quantifier: ANY, or one of the names ALL, NONE and AT LEAST.
        COMPARISON: (
            *("==", "!=", "<", "<=", ">", ">=", "<=>", "IN", "NOT", "LIKE", "=~", "!~", "~=", "~"),
            *("ANY", NAME),
        ),
        RANGE: ("..",),
        12: ("<<", ">>"),
        13: ("+", "-"),
        14: ("*", "/", "%"),
    }.items()
    for operator in operators
}
"""How tightly each operator binds; all group from the left, and ``..`` does not chain."""

UNARY = frozenset({"NOT", "-", "~"})
QUANTIFIABLE = frozenset({"==", "!=", "<", "<=", ">", ">=", "IN", "NOT"})
NEGATED = {"IN": "NOT IN", "LIKE": "NOT LIKE", "=~": "!~"}
CALLABLE = frozenset({"LEFT", "RIGHT", "LIKE", "REPLACE", "JOIN", "FILTER"})
"""Keywords that also name functions."""

PIPEABLE = CALLABLE | {"SORT", "ANY", "RETURN", "IN"}
"""Keywords that name functions after ``|>``."""

KEYS = frozenset(
    {
        "FILTER",
        *("SORT", "RETURN", "IN", "FOR", "LET", "LIMIT", "PARTITION", "OVER"),
        *("CASE", "WHEN", "THEN", "ELSE", "END", "AS", "WINDOW"),
    }
)
"""Keywords that may be keys of an object without quotes."""

Check: TypeAlias = Callable[["OptionValue"], bool]
"""Whether an option may have this value."""


def one_of(*choices: str) -> Check:
    """Accept one of these texts."""
    return lambda value: value in choices


def is_flag(value: OptionValue) -> bool:
    """Accept true and false."""
    return isinstance(value, bool)


def is_anything(_: OptionValue) -> bool:
    """Accept any literal; for options that the server reads and ignores."""
    return True


def is_hint(value: OptionValue) -> bool:
    """Accept the name of an index, or a list of them."""
    return isinstance(value, (str, tuple))


_IGNORED_BY_MUTATIONS = (
    *("waitForSync", "ignoreRevs", "exclusive", "refillIndexCaches"),
    *("readOwnWrites", "indexHint", "forceIndexHint"),
)
MUTATION_OPTIONS: Mapping[str, Check] = {
    "ignoreErrors": is_flag,
    "keepNull": is_flag,
    "mergeObjects": is_flag,
    **dict.fromkeys(_IGNORED_BY_MUTATIONS, is_anything),
}
INSERT_OPTIONS: Mapping[str, Check] = {
    **MUTATION_OPTIONS,
    "overwriteMode": one_of("ignore", "replace", "update", "conflict"),
    "overwrite": is_flag,
}
FOR_OPTIONS: Mapping[str, Check] = {
    "indexHint": is_hint,
    "forceIndexHint": is_flag,
    **dict.fromkeys(
        ("useCache", "lookahead", "maxProjections", "disableIndex", "useIndexForSort"), is_anything
    ),
}
TRAVERSAL_OPTIONS: Mapping[str, Check] = {
    "uniqueVertices": one_of("none", "path", "global"),
    "uniqueEdges": one_of("none", "path"),
    "order": one_of("bfs", "dfs"),
    "bfs": is_flag,
}
COLLECT_OPTIONS: Mapping[str, Check] = {"method": one_of("hash", "sorted")}


def contradicts(options: Options) -> bool:
    """Return whether options of a traversal exclude each other: depth first knows no global uniqueness."""
    chosen = dict(options)
    depth_first = chosen.get("order") == "dfs" or chosen.get("bfs") is False
    return depth_first and chosen.get("uniqueVertices") == "global"


QUERY_OPENERS = (
    *("FOR", "LET", "RETURN", "INSERT", "UPDATE", "REPLACE", "REMOVE", "UPSERT"),
    *("WITH", "CREATE", "REFRESH"),
)
"""What a block starts with where it is not the whole query."""
