"""The documentation lists what Python computes and compares and the builder refuses, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.engines.builder_table import COMPARISONS, COMPUTATIONS, Row, built, can_be_computed

PAGE = Path(__file__).parents[3] / "docs" / "queries.md"
TYPES = {
    "flag": "bool",
    "count": "int",
    "ratio": "float",
    "money": "Decimal",
    "name": "str",
    "at": "datetime",
    "day": "date",
    "clock": "time",
    "took": "timedelta",
    "mark": "UUID",
    "blob": "bytes",
    "colour": "Enum",
    "sizes": "list[int]",
    "sums": "list[Decimal]",
    "named": "dict",
}
NUMBERS = {"flag", "count", "ratio", "money"}
SIGNS = {
    "add": "+",
    "sub": "-",
    "mul": "*",
    "truediv": "/",
    "floordiv": "//",
    "mod": "%",
    "pow": "**",
    "and_": "&",
    "or_": "|",
    "xor": "^",
    "lshift": "<<",
    "rshift": ">>",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
}


def refused(operation: Any) -> dict[str, list[str]]:
    """Return the types that an operator takes in Python and not in a query, by that on its left."""
    found: dict[str, list[str]] = {}
    for left, shown in TYPES.items():
        for right, other in TYPES.items():
            if operation.__name__ in ("eq", "ne") and left != right and not {left, right} <= NUMBERS:
                continue  # values of two types are not equal, in Python either
            if operation.__name__ == "mod" and left in ("name", "blob"):
                continue  # which is formatting
            pair = getattr(Row, f"a_{left}"), getattr(Row, f"b_{right}")
            is_built = built(lambda: operation(*pair)) is not None  # noqa: B023  which is called at once
            if not is_built and can_be_computed(operation, left, right):
                found.setdefault(shown, []).append(other)
    return found


def listed() -> str:
    """Return the rows of the table in the documentation: operators, and the pairs that they do not take."""
    rows: dict[str, list[str]] = {}
    for operation in (*COMPUTATIONS, *COMPARISONS):
        pairs = "; ".join(f"{left} with {', '.join(others)}" for left, others in refused(operation).items())
        rows.setdefault(pairs, []).append(SIGNS[operation.__name__].replace("|", "\\|"))
    return "\n".join(f"| `{' '.join(signs)}` | {pairs} |" for pairs, signs in rows.items() if pairs)


def test_the_documentation_lists_the_pairs_that_are_refused() -> None:
    table = listed()
    assert table in PAGE.read_text(), f"docs/queries.md has to hold\n{table}"
