"""Comparisons with numbers that the server's indexes do not tell from their neighbours."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from ...language import nodes as q

Size: TypeAlias = Literal["", "large", "huge"]

_LARGE = 1 << 53
_HUGE = 2.0**63
_WIDER: dict[str, q.ComparisonOperator] = {"<": "<=", ">": ">="}


def size_of(value: Any) -> Size:
    """Return whether a value is a number that the server's indexes find neighbours of, or don't find.

    They take integers beyond 2**53 for their neighbours, and floats beyond 64 bits for the largest of 64.
    """
    if isinstance(value, float):
        return "huge" if abs(value) >= _HUGE else ""
    return "large" if isinstance(value, int) and abs(value) >= _LARGE else ""


def exactly_compared(
    left: q.Expression, operator: q.ComparisonOperator, right: q.Expression, size: Size
) -> q.Expression:
    """Make a comparison that is exact where the server's index is not."""
    compared = q.Compare(left, operator, right)
    if size == "huge":
        return q.Unary("NOT", q.Unary("NOT", compared))  # which no index serves
    wider = _WIDER.get(operator)
    if size == "large" and wider is not None:  # the index finds the neighbours too, and then they go
        return q.Logical("AND", (q.Compare(left, wider, right), compared))
    return compared
