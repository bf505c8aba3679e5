"""Conditions in SQL, two-valued as SDBQL's are.

A comparison has a second form for WHERE, which an index can serve and which may be NULL for false.

Numbers of more than 53 bits: the server compares two integers, or two floats, exactly, but an integer
with a float as two floats; so an integer equals the float nearest to it, which its neighbours may equal
too. SQLite compares all of them exactly. The two differ only for a constant that is an integer and no
float, or a float of 2**53 or more: the conditions here say what the server means in a form that an index
can serve. Two fields are compared exactly.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Any, Final

from ...._types import Json
from ....language import nodes
from ....language.patterns import like_characters
from .. import json_text
from ..order_key import FALSE_KEY, FALSE_SQL, TRUE_SQL, order_key
from .terms import (
    Choice,
    Column,
    Constant,
    JsonPath,
    JsonValue,
    Kind,
    NotInSql,
    Prefixed,
    Term,
    Truth,
    key_of,
)

NEVER: Final = Truth("bool", "0")
ALWAYS: Final = Truth("bool", "1")
_MIRRORED: Final = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_ARE_KEYS: Final = frozenset((str, int))
"""Types of values that are their own order keys, and are written in JSON as they are."""
_MOST_IN_A_ROW: Final = 100
_LONGEST_CHOICE: Final = 20_000
_LAST_CODE_POINT: Final = 0x10FFFF
_SURROGATES: Final = (0xD800, 0xDFFF)


def truth_of(term: Term) -> Truth:
    """Return whether a value counts as true: all but null, false, 0 and the empty text do."""
    if isinstance(term, Truth):
        return term
    if term.kind in ("array", "object"):
        return ALWAYS
    if term.kind == "null":
        return NEVER
    return Truth("bool", f"ifnull({term.key} NOT IN ({FALSE_SQL}, 0, ''), 0)")


def negated(truth: Truth) -> Truth:
    """Return the opposite."""
    return Truth("bool", f"(NOT {truth.sql})")


def joined(word: str, parts: list[str]) -> str:
    """Write conditions with AND or OR between; many of them as a tree, since SQLite bounds its depth."""
    if len(parts) <= _MOST_IN_A_ROW:
        return f" {word} ".join(parts)
    half = len(parts) // 2
    return f"({joined(word, parts[:half])}) {word} ({joined(word, parts[half:])})"


def all_of(truths: list[Truth]) -> Truth:
    """Return whether all of the conditions hold."""
    sql = joined("AND", [truth.sql for truth in truths])
    where = joined("AND", [truth.where for truth in truths])
    return Truth("bool", f"({sql})", f"({where})")


def any_of(truths: list[Truth]) -> Truth:
    """Return whether one of the conditions holds."""
    sql = joined("OR", [truth.sql for truth in truths])
    where = joined("OR", [truth.where for truth in truths])
    return Truth("bool", f"({sql})", f"({where})")


def compared(left: Term, operator: nodes.ComparisonOperator, right: Term) -> Truth:
    """Return ``left operator right`` for ``== != < <= > >=``."""
    if isinstance(left, Constant) and not isinstance(right, Constant):
        left, operator, right = right, _mirror(operator), left
    if isinstance(right, Constant) and right.precision and left.kind in ("any", "number"):
        return compared_as_floats(left, operator, right)
    if operator in ("==", "!="):
        return _equality(left, operator, right)
    if operator not in _MIRRORED:
        raise NotInSql(f"the operator {operator}")
    if right.kind == "null":
        return _ordered_against_null(left, operator)
    if isinstance(right, Constant):
        return _ordered_against_value(left, operator, right)
    return _ordered(left, operator, right)


def _mirror(operator: nodes.ComparisonOperator) -> nodes.ComparisonOperator:
    mirrored = _MIRRORED.get(operator)
    if mirrored is None:
        raise NotInSql(f"the operator {operator} with a constant on its left")
    return mirrored  # type: ignore[return-value]  # the values are operators


def _equality(left: Term, operator: str, right: Term) -> Truth:
    if left.kind != "any" and right.kind != "any" and left.kind != right.kind:
        return NEVER if operator == "==" else ALWAYS
    not_ = "" if operator == "==" else "NOT "
    if isinstance(right, Column) and not isinstance(left, Column):
        left, right = right, left
    if isinstance(left, Column):
        return _column_equality(left, not_, right)
    if operator == "==" and (isinstance(left, Prefixed) or isinstance(right, Prefixed)):
        return _prefixed_equality(left, right)
    other = "NULL" if right.kind == "null" else right.key
    is_value = operator == "==" and right.kind not in ("null", "any")
    is_present = is_value or (operator == "!=" and right.kind == "null")
    return Truth(
        "bool",
        f"({left.key} IS {not_}{other})",
        present=left.key if is_present else "",
        equals=left.key if is_value and isinstance(right, Constant) else "",
        is_rare=is_value and isinstance(right, Constant) and right.kind in ("number", "string"),
    )


def _column_equality(column: Column, not_: str, right: Term) -> Truth:
    """Compare a text column; only a text may meet it bare, for anything else would be made text."""
    if isinstance(right, Constant):
        is_text = not not_ and right.kind == "string"
        equals = column.sql if is_text else ""
        return Truth("bool", f"({column.sql} IS {not_}{right.key})", equals=equals)
    exact = f"({right.key} IS {not_}{column.key})"
    return Truth("bool", exact, exact if not_ else f"({column.sql} = {right.key} AND {exact})")


def _prefixed_equality(left: Term, right: Term) -> Truth:
    """Compare a column behind a text such that its index can serve, and not only the other side's."""
    exact = f"({left.key} IS {right.key})"
    if isinstance(left, Prefixed) and isinstance(right, Prefixed):
        return Truth("bool", exact)
    prefixed, other = (left, right) if isinstance(left, Prefixed) else (right, left)
    if not isinstance(prefixed, Prefixed):
        return Truth("bool", exact)
    text = _text_of(other)
    way = prefixed.column_of(text)
    by_key = f"({text} IS {prefixed.key} AND {way})"
    reader = other.document.partition(".")[0] if isinstance(other, JsonPath) else ""
    return Truth(
        "bool",
        exact,
        f"({exact} AND {way})",
        by_key=by_key,
        by_path=exact,
        key_of=prefixed.column.partition(".")[0],
        path_of=reader,
    )


def _text_of(term: Term) -> str:
    """Return the SQL of what a term is if it is a text; the shortest, for it is read for each row."""
    if isinstance(term, JsonPath) and not term.exact:
        return f"({term.document} ->> {term.sql_path})"
    return term.key


def _ordered_against_null(left: Term, operator: str) -> Truth:
    if operator == "<":
        return NEVER
    if operator == ">=":
        return ALWAYS
    return Truth("bool", f"({left.key} IS {'NULL' if operator == '<=' else 'NOT NULL'})")


def _ordered_against_value(left: Term, operator: str, right: Constant) -> Truth:
    """Compare with a constant that is not null; a null on the left is less than it."""
    if isinstance(left, Column):
        side = left.sql if right.kind == "string" else left.key
        return Truth("bool", f"({side} {operator} {right.key})")
    comparison = f"{left.key} {operator} {right.key}"
    if operator in ("<", "<="):
        either = f"({comparison} OR {left.key} IS NULL)"
        return Truth("bool", either, subject=left.key, bare=comparison)
    return Truth("bool", f"ifnull({comparison}, 0)", comparison, present=left.key)


def _ordered(left: Term, operator: str, right: Term) -> Truth:
    low, high = (left.key, right.key) if operator in ("<", "<=") else (right.key, left.key)
    if operator in ("<", ">"):
        return Truth("bool", f"ifnull({low} < {high}, {low} IS NULL AND {high} IS NOT NULL)")
    return Truth("bool", f"ifnull({low} <= {high}, {low} IS NULL)")


# --- membership ----------------------------------------------------------------------------------


def in_list(left: Term, placeholder: str, *, has_null: bool) -> Truth:
    """Return ``left IN list`` for a list of plain scalars, given as a JSON array of their keys."""
    among = f"{_bare(left)} IN (SELECT value FROM json_each({placeholder}))"
    if has_null:
        return Truth(
            "bool", f"(ifnull({among}, 0) OR {left.key} IS NULL)", f"({among} OR {left.key} IS NULL)"
        )
    return Truth("bool", f"ifnull({among}, 0)", among)


def in_wide_list(left: Term, placeholder: str, floats: str, *, has_null: bool) -> Truth:
    """Return ``left IN list`` where some of the list are integers that are no floats."""
    exact = in_list(left, placeholder, has_null=has_null)
    near = in_list(left, floats, has_null=False)
    real = is_real(left.key)
    return Truth(
        "bool", f"({exact.sql} OR ({real} AND {near.sql}))", f"({exact.where} OR ({near.where} AND {real}))"
    )


def quantified(left: JsonPath, quantifier: str, element: Truth, alias: str) -> Truth:
    """Return ``document.array ANY|ALL|NONE condition``; of anything but an array it is false."""
    elements = f"SELECT 1 FROM json_each({left.document}, {left.sql_path}) AS {alias}"
    exists = f"EXISTS ({elements} WHERE {'NOT ' if quantifier == 'ALL' else ''}{element.sql})"
    if quantifier != "ANY":
        exists = f"NOT {exists}"
    return Truth("bool", f"CASE {left.json_type} WHEN 'array' THEN {exists} ELSE 0 END")


def quantified_rows(source: str, quantifier: str, element: Truth) -> Truth:
    """Return ``ANY|ALL|NONE condition`` of the rows of a source; of none, ANY is false."""
    exists = f"EXISTS (SELECT 1 FROM {source} WHERE {'NOT ' if quantifier == 'ALL' else ''}{element.sql})"
    return Truth("bool", exists if quantifier == "ANY" else f"(NOT {exists})")


# --- patterns ------------------------------------------------------------------------------------


def starts_with(text: Term, low: str, high: str) -> Truth:
    """Return whether a text begins so, by a range of order keys."""
    key = _bare(text)
    where = f"({key} >= {low} AND {key} < {high})"
    return Truth("bool", f"ifnull({where}, 0)", where)


def like(text: Term, low: str, high: str, glob: str) -> Truth:
    """Return ``text LIKE pattern``: the range of its beginning, then GLOB, which minds the case."""
    key = _bare(text)
    where = f"({key} >= {low} AND {key} < {high} AND {key} GLOB +{glob})"
    return Truth("bool", f"ifnull({where}, 0)", where)


def _bare(text: Term) -> str:
    return text.sql if isinstance(text, Column) else text.key


def prefix_end(prefix: str) -> str | bytes:
    """Return the least order key above all texts that begin so."""
    for at in range(len(prefix) - 1, -1, -1):
        following = ord(prefix[at]) + 1
        if _SURROGATES[0] <= following <= _SURROGATES[1]:
            following = _SURROGATES[1] + 1
        if following <= _LAST_CODE_POINT:
            return prefix[:at] + chr(following)
    return b""


def like_prefix(pattern: str) -> str:
    """Return the text that all matches of a LIKE pattern begin with."""
    plain = takewhile(lambda part: not part[1], like_characters(pattern))
    return "".join(character for character, _ in plain)


def like_glob(pattern: str) -> str:
    """Return the GLOB pattern that matches what a LIKE pattern matches."""
    glob = ""
    for character, is_wild in like_characters(pattern):
        if is_wild:
            glob += "*" if character == "%" else "?"
        else:
            glob += f"[{character}]" if character in "*?[" else character
    return glob


def keys_text(values: Iterable[Json]) -> str:
    """Return the order keys of scalars as a JSON array for ``json_each``; nulls are left out.

    Infinity, the key of false, is written as a number that is too large.
    """
    values = list(values)
    if _ARE_KEYS.issuperset(map(type, values)):
        return json_text.encode(values)
    keys = (order_key(value) for value in values if value is not None)
    return f"[{','.join(FALSE_SQL if key == FALSE_KEY else json_text.encode(key) for key in keys)}]"


def type_test(kind: Kind, term: Term) -> Truth:
    """Return whether a value is of a type."""
    key = term.key
    tests = {
        "null": f"({key} IS NULL)",
        "bool": f"ifnull({key} IN ({FALSE_SQL}, {TRUE_SQL}), 0)",
        "number": f"(typeof({key}) IN ('integer', 'real') AND {key} > {TRUE_SQL})",
        "string": f"(typeof({key}) = 'text')",
        "array": f"(typeof({key}) = 'blob' AND substr({key}, 1, 1) = x'06')",
        "object": f"(typeof({key}) = 'blob' AND substr({key}, 1, 1) = x'07')",
    }
    return Truth("bool", tests[kind])


def chosen(condition: Truth, then: Term, otherwise: Term) -> Choice:
    """Return ``condition ? then : otherwise``."""
    return choice([(condition.sql, then)], otherwise)


def choice(branches: list[tuple[str, Term]], otherwise: Term) -> Choice:
    """Return the value of the first branch whose condition holds."""
    computed = [term for _, term in branches if isinstance(term, Choice | JsonValue)]
    if sum(len(key_of(term)) for term in computed) > _LONGEST_CHOICE:  # a choice of choices doubles them
        raise NotInSql("a choice this long")
    is_one_kind = all(term.kind == otherwise.kind for _, term in branches)
    return Choice(otherwise.kind if is_one_kind else "any", tuple(branches), otherwise)


def first_present(terms: list[Term]) -> Term:
    """Return the first value that is not null, or the last."""
    *some, last = terms
    return choice([(_is_present(term), term) for term in some], last) if some else last


def _is_present(term: Term) -> str:
    if isinstance(term, JsonPath):
        return f"ifnull({term.json_type}, 'null') != 'null'"
    return f"({term.key}) IS NOT NULL"


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
    return [float(value) for value in values if type(value) is int and abs(value) > _EXACT]
