"""Comparisons with numbers of more than 53 bits.

The server compares two integers, or two floats, exactly, but an integer with a float as two floats; so an
integer equals the float nearest to it, which its neighbours may equal too. SQLite compares all of them
exactly. The two differ only for a constant that is an integer and no float, or a float of 2**53 or more: the
conditions here say what the server means in a form that an index can serve. Two fields are compared exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from .terms import Constant, NotInSql, Term, Truth

_LARGEST: Final = 2**63
_EXACT: Final = 2**53


def compared_as_floats(left: Term, operator: str, right: Constant) -> Truth:
    """Compare with a number of more than 53 bits: an integer meets a float as a float, as on the server."""
    if isinstance(left, Constant):
        raise NotInSql("the comparison of two numbers as large")
    among = _equals_wide if right.precision == "wide" else _equals_large
    if operator in ("==", "!="):
        where = among(left.key, right)
        equals = Truth("bool", f"ifnull({where}, 0)", where, present=left.key)
        return equals if operator == "==" else Truth("bool", f"(NOT {equals.sql})")
    where = _ordered_wide(left.key, operator, right) if right.precision == "wide" else ""
    if not where:
        bound = right.parameter_of(_least_equal if operator in ("<", ">=") else _most_equal)
        where = f"{left.key} {operator} {bound}"
    if operator in ("<", "<="):
        return Truth("bool", f"({where} OR {left.key} IS NULL)", subject=left.key, bare=where)
    return Truth("bool", f"ifnull({where}, 0)", where, present=left.key)


def _equals_large(key: str, large: Constant) -> str:
    """Return whether a key is a float, or one of the integers that the float stands for."""
    return f"({key} BETWEEN {large.parameter_of(_least_equal)} AND {large.parameter_of(_most_equal)})"


def _equals_wide(key: str, wide: Constant) -> str:
    """Return whether a key is an integer that is no float, or the float nearest to it."""
    return f"({key} IN ({wide.key}, {wide.parameter_of(float)}) AND ({key} = {wide.key} OR {is_real(key)}))"


def _ordered_wide(key: str, operator: str, wide: Constant) -> str:
    """Return how a key stands to an integer that is no float; of the nearest float SQLite errs."""
    if operator in ("<", ">"):
        nearest = wide.parameter_of(float)
        return f"({key} {operator} {wide.key} AND NOT ({key} = {nearest} AND {is_real(key)}))"
    bound = wide.parameter_of(_farther if operator == "<=" else _nearer)
    return f"({key} {operator} {bound} AND ({key} {operator} {wide.key} OR {is_real(key)}))"


def is_real(key: str) -> str:
    """Return whether a key is a float."""
    return f"typeof({key}) = 'real'"


def _farther(wide: int) -> float:
    return max(wide, float(wide))


def _nearer(wide: int) -> float:
    return min(wide, float(wide))


def _least_equal(large: float) -> float:
    """Return the least integer of 64 bits that this float stands for; the float where there is none."""
    return _last_equal(large, -1)


def _most_equal(large: float) -> float:
    """Return the largest integer of 64 bits that this float stands for; the float where there is none."""
    return _last_equal(large, 1)


def _last_equal(large: float, sign: int) -> float:
    if abs(large) > _LARGEST:
        return large
    middle = (int(large) + int(math.nextafter(large, sign * math.inf))) // 2
    last = middle if float(middle) == large else middle - sign
    return last if -_LARGEST <= last < _LARGEST else large


def with_floats(values: Sequence[Any]) -> list[Any]:
    """Return the floats that the integers in a list, as far as they are none, would be."""
    return [float(each) for each in values if type(each) is int and abs(each) > _EXACT]
