"""Arithmetic, bits, comparisons, and comparisons over the elements of an array."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

from ..._types import Json
from ...errors import QueryError
from .. import nodes, values
from ..patterns import alikeness, levenshtein, like, like_regex, regex_search
from ..values import canonical, compare, contains, equal, kind_of, truthy
from .expressions import CompileExpression, Compiler
from .runtime import Row, Value
from .scope import Variables

Test = Callable[[Json, Json], Any]

_SAFE = 2**53
_PLAIN = frozenset((int, float, str, bool))

_BINARY: dict[str, Test] = {
    "+": values.add,
    "-": values.subtract,
    "*": values.multiply,
    "/": values.divide,
    "%": values.modulo,
    "&": values.bit_and,
    "|": values.bit_or,
    "^": values.bit_xor,
    "<<": values.shift_left,
    ">>": values.shift_right,
}
_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


# --- operators that give values ------------------------------------------------------------------


def _unary(compiler: Compiler, node: nodes.Unary, scope: Variables) -> Value:
    if node.operator == "NOT":
        condition = compiler.condition(node.operand, scope)
        return lambda row: not condition(row)
    if isinstance(node.operand, nodes.Literal) and values.is_number(node.operand.value):
        number = node.operand.value
        if node.operator == "-":
            negative = values.negate(number)
            return lambda _row: negative
    operand = compiler.expression(node.operand, scope)
    work = values.negate if node.operator == "-" else values.bit_not
    return lambda row: work(operand(row))


def _binary(compiler: Compiler, node: nodes.Binary, scope: Variables) -> Value:
    """Compile a chain of operators; its left side is walked, not recursed into."""
    chain: list[nodes.Binary] = []
    start: nodes.Expression = node
    while isinstance(start, nodes.Binary):
        chain.append(start)
        start = start.left
    value = compiler.expression(start, scope)
    if len(chain) == 1:
        return _operation(node.operator, value, compiler.expression(node.right, scope))
    steps = [(link.operator, compiler.expression(link.right, scope)) for link in reversed(chain)]
    if any(name in ("??", "||") for name, _ in steps) and len(steps) < 32:
        for name, right in steps:
            value = _operation(name, value, right)
        return value
    works = [(_CHAINED[name], right) for name, right in steps]

    def fold(row: Row) -> Json:
        result = value(row)
        for work, right in works:
            result = work(result, right, row)
        return result

    return fold


def _chained(work: Test) -> Callable[[Json, Value, Row], Json]:
    return lambda result, right, row: work(result, right(row))


_CHAINED: dict[str, Callable[[Json, Value, Row], Json]] = {
    **{name: _chained(work) for name, work in _BINARY.items()},
    "??": lambda result, right, row: right(row) if result is None else result,
    "||": lambda result, right, row: result if truthy(result) else right(row),
}


def _operation(name: str, left: Value, right: Value) -> Value:
    if name == "??":

        def coalesce(row: Row) -> Json:
            value = left(row)
            return right(row) if value is None else value

        return coalesce
    if name == "||":

        def either(row: Row) -> Json:
            value = left(row)
            return value if truthy(value) else right(row)

        return either
    work = _BINARY[name]
    return lambda row: work(left(row), right(row))


# --- comparisons ---------------------------------------------------------------------------------


def _distance(left: Json, right: Json) -> bool:
    return kind_of(left) is str and kind_of(right) is str and levenshtein(left, right, limit=2) <= 2


def _alike(left: Json, right: Json) -> bool:
    return alikeness(_text(left), _text(right)) >= values.SIMILAR


def _text(value: Json) -> str:
    if value is None:
        return ""
    return str(value) if kind_of(value) is str else values.json_text(value)


def _matches(left: Json, right: Json) -> bool:
    return kind_of(left) is str and kind_of(right) is str and regex_search(left, right)


_COMPARE: dict[str, Test] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": lambda left, right: compare(left, right) < 0,
    "<=": lambda left, right: compare(left, right) <= 0,
    ">": lambda left, right: compare(left, right) > 0,
    ">=": lambda left, right: compare(left, right) >= 0,
    "<=>": values.spaceship,
    "IN": lambda left, right: contains(right, left),
    "NOT IN": lambda left, right: not contains(right, left),
    "LIKE": like,
    "NOT LIKE": lambda left, right: not like(left, right),
    "=~": _matches,
    "!~": lambda left, right: not _matches(left, right),
    "~=": _distance,
    "~": _alike,
}


def _compare(compiler: Compiler, node: nodes.Compare, scope: Variables) -> Value:
    left = compiler.expression(node.left, scope)
    name, right = node.operator, node.right
    if isinstance(right, nodes.Literal):
        fast = _with_constant(name, left, right.value)
        if fast is not None:
            return fast
    if name in ("IN", "NOT IN") and _is_constant_array(right):
        return _membership(left, compiler.expression(right, scope), negated=name == "NOT IN")
    other = compiler.expression(right, scope)
    if name in ("IN", "NOT IN") and isinstance(right, nodes.Subquery):
        return _membership_of_rows(left, other, negated=name == "NOT IN")
    if name in ("==", "!="):
        return _equality(left, other, negated=name == "!=")
    if name in _ORDER:
        return _ordering(left, other, _ORDER[name])
    work = _COMPARE[name]
    return lambda row: work(left(row), other(row))


def _with_constant(name: str, left: Value, wanted: Json) -> Value | None:
    """Compile a comparison with a constant, which decides beforehand what must be looked at."""
    if name in ("==", "!="):
        test = _equals_constant(left, wanted)
        return test if name == "==" else lambda row: not test(row)
    if name in _ORDER and kind_of(wanted) is str:
        return _order_constant(left, wanted, _ORDER[name], (str, str))
    if name in _ORDER and values.is_number(wanted) and abs(wanted) < _SAFE:
        return _order_constant(left, wanted, _ORDER[name], (int, float))
    if name in ("LIKE", "NOT LIKE") and kind_of(wanted) is str:
        match, negated = like_regex(wanted).fullmatch, name == "NOT LIKE"

        def matches(row: Row) -> bool:
            text = left(row)
            return (kind_of(text) is str and match(text) is not None) is not negated

        return matches
    return None


def _equals_constant(left: Value, wanted: Json) -> Value:
    if wanted is None or kind_of(wanted) is bool:
        return lambda row: left(row) is wanted
    if kind_of(wanted) is str:
        return lambda row: left(row) == wanted
    if abs(wanted) >= _SAFE:
        return lambda row: equal(left(row), wanted)

    def test(row: Row) -> bool:
        value = left(row)
        return value == wanted and kind_of(value) is not bool

    return test


def _order_constant(left: Value, wanted: Json, test: Test, kinds: tuple[type, type]) -> Value:
    one, other = kinds

    def order(row: Row) -> Any:
        value = left(row)
        kind = kind_of(value)
        if kind is one or kind is other:
            return test(value, wanted)
        return test(compare(value, wanted), 0)

    return order


def _equality(left: Value, right: Value, *, negated: bool) -> Value:
    def test(row: Row) -> bool:
        a, b = left(row), right(row)
        if kind_of(a) is kind_of(b) and kind_of(a) in _PLAIN:
            return (a == b) is not negated
        return equal(a, b) is not negated

    return test


def _ordering(left: Value, right: Value, test: Test) -> Value:
    def order(row: Row) -> Any:
        a, b = left(row), right(row)
        if kind_of(a) is kind_of(b) and kind_of(a) in _PLAIN:
            return test(a, b)
        return test(compare(a, b), 0)

    return order


def _is_constant_array(node: nodes.Expression) -> bool:
    if isinstance(node, nodes.Array):
        return all(isinstance(item, nodes.Literal) for item in node.items)
    return isinstance(node, nodes.Bind)


def _membership(left: Value, right: Value, *, negated: bool) -> Value:
    """Compile ``IN`` a list that is the same for the whole run: an array becomes a set."""
    memory_key = object()

    def test(row: Row) -> bool:
        item, memory = left(row), row[0].memory
        if memory_key not in memory:
            array = right(row)
            is_set = kind_of(array) is list and not any(map(values.is_imprecise, array))
            members = frozenset(map(canonical, array)) if is_set else None
            memory[memory_key] = (array, members)
        array, members = memory[memory_key]
        is_member = contains(array, item) if members is None else canonical(item) in members
        return is_member is not negated

    return test


def _membership_of_rows(left: Value, right: Value, *, negated: bool) -> Value:
    """Compile ``IN`` a subquery: a list that comes again, as it depends on nothing outside, becomes a set."""
    memory_key = object()

    def test(row: Row) -> bool:
        item, array, memory = left(row), right(row), row[0].memory
        before, members = memory.get(memory_key, (None, None))
        if before is array and members is None and not any(map(values.is_imprecise, array)):
            members = frozenset(map(canonical, array))
        if before is not array:
            members = None
        memory[memory_key] = array, members
        is_member = contains(array, item) if members is None else canonical(item) in members
        return is_member is not negated

    return test


# --- comparisons over an array -------------------------------------------------------------------


def _array_compare(compiler: Compiler, node: nodes.ArrayCompare, scope: Variables) -> Value:
    left = compiler.expression(node.left, scope)
    right = compiler.expression(node.right, scope)
    count = compiler.optional(node.count, scope)
    test, member = _COMPARE[node.operator], node.operator in ("IN", "NOT IN")
    decide = _QUANTIFIERS[node.quantifier]

    def over(row: Row) -> bool:
        array, wanted = left(row), right(row)
        if kind_of(array) is not list or (member and kind_of(wanted) is not list):
            return False
        least = 0 if count is None else _least(count(row))
        return decide((test(item, wanted) for item in array), least)

    return over


def _at_least(results: Any, least: float) -> bool:
    count = 0
    if least <= 0:
        return True
    for result in results:
        count += bool(result)
        if count >= least:
            return True
    return False


def _least(value: Json) -> float:
    if not values.is_number(value):
        raise QueryError(f"AT LEAST expects a number, got {values.json_text(value)}")
    return float(value)


_QUANTIFIERS: dict[str, Callable[[Any, float], bool]] = {
    "ANY": lambda results, _least: any(results),
    "ALL": lambda results, _least: all(results),
    "NONE": lambda results, _least: not any(results),
    "AT LEAST": _at_least,
}

EXPRESSIONS: dict[type[nodes.Expression], CompileExpression] = {
    nodes.Unary: _unary,
    nodes.Binary: _binary,
    nodes.Compare: _compare,
    nodes.ArrayCompare: _array_compare,
}
