"""Expressions in SQL: one function for each node that SQL can say exactly."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ....language import nodes
from ..order_key import decimal_key_sql
from ..sql_names import text_literal
from .aggregates import window
from .array_loops import element_at, expansion, member, over_attributes
from .calls import call
from .compilation import Compilation, Scope
from .conditions import (
    NEVER,
    all_of,
    any_of,
    choice,
    chosen,
    compared,
    first_present,
    in_list,
    in_wide_list,
    keys_text,
    like,
    like_glob,
    like_prefix,
    negated,
    prefix_end,
    quantified,
    quantified_rows,
    truth_of,
    with_floats,
)
from .terms import NULL, Column, Computed, Constant, Element, JsonPath, NotInSql, Structure, Term, Truth

_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_MOST_ITEMS: Final = 60
_LONGEST: Final = 100_000
"""The characters of one expression's SQL; SQLite takes a million for a whole statement."""


def term(c: Compilation, node: nodes.Expression, scope: Scope) -> Term:
    """Return what an expression is in SQL; NotInSql if SQL can't say it exactly."""
    constant = c.constant(node)
    if constant is not None:
        return constant
    write = _WRITERS.get(type(node))
    if write is None:
        raise NotInSql(f"the expression {type(node).__name__}")
    return checked(write(c, node, scope))


def checked(term: Term) -> Term:
    """Return a term unless its SQL is too long: what SQL says twice doubles with each level around it."""
    if isinstance(term, Truth):
        size = len(term.sql) + len(term.where_sql) + len(term.present)
    else:
        size = len(term.sql) if isinstance(term, Computed) else 0
    if size > _LONGEST:
        raise NotInSql("an expression that is too long in SQL")
    return term


def condition(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth:
    """Return whether an expression counts as true."""
    return truth_of(c.term(c, node, scope))


def _name(_c: Compilation, node: nodes.Name, scope: Scope) -> Term:
    term = scope.get(node.name)
    if term is None:
        raise NotInSql(f"the variable {node.name!r} is not known")
    return term


def _attribute(c: Compilation, node: nodes.Attribute, scope: Scope) -> Term:
    base = c.term(c, node.base, scope)
    if "." in node.name and isinstance(base, Structure):
        raise NotInSql("a path through what the query builds")
    return base.attribute(node.name)


def _array(c: Compilation, node: nodes.Array, scope: Scope) -> Term:
    return _structure(Structure("array", (), tuple(c.term(c, item, scope) for item in node.items)))


def _object(c: Compilation, node: nodes.Object, scope: Scope) -> Term:
    values = dict(node.pairs)
    pairs = {name: c.term(c, values[name], scope) for name in sorted(values)}
    return _structure(Structure("object", tuple(pairs), tuple(pairs.values())))


def _structure(built: Structure) -> Structure:
    if len(built.items) > _MOST_ITEMS:
        raise NotInSql(f"an {built.kind} of more than {_MOST_ITEMS} parts")
    return built


def _unary(c: Compilation, node: nodes.Unary, scope: Scope) -> Term:
    if node.operator == "NOT":
        return negated(_sure(c, node.operand, scope))
    if node.operator == "-":
        zero = c.parameters.constant("int", lambda _: 0)
        return _arithmetic(c, zero, "-", c.term(c, node.operand, scope))
    raise NotInSql(f"the operator {node.operator}")


def _logical(c: Compilation, node: nodes.Logical, scope: Scope) -> Truth:
    if node.operator == "AND":
        return all_of([condition(c, operand, scope) for operand in node.operands])
    return any_of([_sure(c, operand, scope) for operand in node.operands])


def _sure(c: Compilation, node: nodes.Expression, scope: Scope) -> Truth:
    """Return a condition that can't fail.

    An operand that fails makes a FILTER false. SQL is free to leave it out where another operand decides:
    for AND that comes to the same, for OR and under NOT it does not.
    """
    before, c.total = c.total, True
    try:
        return condition(c, node, scope)
    finally:
        c.total = before


def _compare(c: Compilation, node: nodes.Compare, scope: Scope) -> Term:
    operator = node.operator
    if operator in ("NOT IN", "NOT LIKE"):
        positive = nodes.Compare(node.left, "IN" if operator == "NOT IN" else "LIKE", node.right)
        return negated(_sure(c, positive, scope))
    if operator == "IN":
        return _membership(c, node, scope)
    if operator == "LIKE":
        return _like(c, node, scope)
    if operator not in _COMPARISONS:
        raise NotInSql(f"the operator {operator}")
    return compared(c.term(c, node.left, scope), operator, c.term(c, node.right, scope))


def _membership(c: Compilation, node: nodes.Compare, scope: Scope) -> Truth:
    left, right = c.term(c, node.left, scope), c.term(c, node.right, scope)
    if isinstance(right, Constant):
        return _in_constant(c, left, right, c.type_of(node.right))
    return member(c, left, right)


def _in_constant(c: Compilation, left: Term, right: Constant, kind: str) -> Truth:
    if not kind.removeprefix("wide ").startswith("list"):
        raise NotInSql("IN with arrays, objects or very large floats in the list")
    values = right.value
    if isinstance(left, Column):  # which would take a number for its text
        texts = c.parameters.add(lambda binds: keys_text([v for v in values(binds) if type(v) is str]))
        return in_list(left, texts, has_null=False)
    placeholder = c.parameters.add(lambda binds: keys_text(values(binds)))
    if kind.startswith("wide") and left.kind in ("any", "number"):
        near = c.parameters.add(lambda binds: keys_text(with_floats(values(binds))))
        return in_wide_list(left, placeholder, near, has_null=kind.endswith("?"))
    return in_list(left, placeholder, has_null=kind.endswith("?"))


def _like(c: Compilation, node: nodes.Compare, scope: Scope) -> Truth:
    pattern = c.constant(node.right)
    if pattern is None:
        raise NotInSql("LIKE with a computed pattern")
    if pattern.kind != "string":
        return NEVER
    take = pattern.value
    low = c.parameters.add(lambda binds: like_prefix(take(binds)))
    high = c.parameters.add(lambda binds: prefix_end(like_prefix(take(binds))))
    glob = c.parameters.add(lambda binds: like_glob(take(binds)))
    return like(c.term(c, node.left, scope), low, high, glob)


def _array_compare(c: Compilation, node: nodes.ArrayCompare, scope: Scope) -> Truth:
    right = c.term(c, node.right, scope)
    if node.quantifier != "AT LEAST" and (loop := over_attributes(c, node.left, scope)) is not None:
        source, item = loop
        return quantified_rows(source, node.quantifier, _tested(c, node, item, right))
    left, alias = c.term(c, node.left, scope), c.alias()
    if not isinstance(left, JsonPath) or node.quantifier == "AT LEAST":
        raise NotInSql(f"{node.quantifier} {node.operator} over this value")
    return quantified(left, node.quantifier, _tested(c, node, Element("any", alias), right), alias)


def _tested(c: Compilation, node: nodes.ArrayCompare, element: Term, right: Term) -> Truth:
    """Return the condition on one element."""
    if node.operator in ("IN", "NOT IN") and isinstance(right, Constant) and right.kind == "array":
        among = _in_constant(c, element, right, c.type_of(node.right))
        return among if node.operator == "IN" else negated(among)
    if node.operator not in _COMPARISONS:
        raise NotInSql(f"{node.quantifier} {node.operator} over this value")
    return compared(element, node.operator, right)


def _ternary(c: Compilation, node: nodes.Ternary, scope: Scope) -> Term:
    return chosen(
        condition(c, node.condition, scope), c.term(c, node.then, scope), c.term(c, node.otherwise, scope)
    )


def _case(c: Compilation, node: nodes.Case, scope: Scope) -> Term:
    subject = None if node.subject is None else c.term(c, node.subject, scope)
    branches: list[tuple[str, Term]] = []
    for when, then in node.branches:
        wanted = c.term(c, when, scope)
        holds = truth_of(wanted) if subject is None else compared(subject, "==", wanted)
        branches.append((holds.sql, c.term(c, then, scope)))
    return choice(branches, NULL if node.otherwise is None else c.term(c, node.otherwise, scope))


def _pipe(c: Compilation, node: nodes.Pipe, scope: Scope) -> Term:
    return c.term(c, nodes.Call(node.name.upper(), (node.value, *node.arguments)), scope)


def _template(c: Compilation, node: nodes.Template, scope: Scope) -> Term:
    parts = [
        text_literal(part)
        if isinstance(part, str)
        else c.call_back("solidb_template", c.term(c, part, scope).key)
        for part in node.parts
    ]
    return Computed("string", f"({' || '.join(parts)})" if parts else "''")


def _binary(c: Compilation, node: nodes.Binary, scope: Scope) -> Term:
    left, right = c.term(c, node.left, scope), c.term(c, node.right, scope)
    if node.operator == "??":
        return first_present([left, right])
    if node.operator == "||":
        if isinstance(left, Computed) and len(left.key) > _LONGEST_SUM:
            raise NotInSql("a chain of ||")
        return chosen(truth_of(left), left, right)
    return _arithmetic(c, left, node.operator, right)


def _arithmetic(c: Compilation, left: Term, operator: nodes.BinaryOperator, right: Term) -> Computed:
    """Return a sum, difference or product; SQLite's own agree for numbers, Python does the rest."""
    name = _ARITHMETIC.get(operator)
    if name is None:
        raise NotInSql(f"the operator {operator}")
    exact = c.call_back(name, "a", "b")
    pair = f"FROM (SELECT {left.key} AS a, {right.key} AS b LIMIT 1)"  # which LIMIT keeps from being repeated
    called = c.call_back(name, left.key, right.key)
    if called.count("solidb_") > _MOST_CALLS:
        raise NotInSql(f"a chain of {operator} this long")
    is_windowed = " OVER (" in pair  # which sees no other rows from inside a SELECT
    if operator in ("/", "%") or len(pair) > _LONGEST_SUM or is_windowed:
        return Computed("any", called, True)
    return Computed("any", f"(SELECT CASE WHEN {_PLAIN} THEN a {operator} b ELSE {exact} END {pair})", True)


_LONGEST_SUM: Final = 4_000
_MOST_CALLS: Final = 30
"""SQLite reads 100 parentheses inside each other at the most."""
_PLAIN: Final = (
    "(typeof(a) = 'integer' AND typeof(b) = 'integer' AND a BETWEEN -2147483647 AND 2147483647"
    " AND b BETWEEN -2147483647 AND 2147483647) OR ((typeof(a) = 'real' OR typeof(b) = 'real')"
    " AND a > -1e150 AND a < 1e150 AND b > -1e150 AND b < 1e150)"
)
"""Tells that SQLite computes as Python: integers too small to overflow, or floats that stay finite."""
_ARITHMETIC: Final[dict[str, str]] = {
    "+": "solidb_add",
    "-": "solidb_subtract",
    "*": "solidb_multiply",
    "/": "solidb_divide",
    "%": "solidb_modulo",
}


def _decimal_call(c: Compilation, node: nodes.DecimalCall, scope: Scope) -> Term:
    """Call Python's decimals. The key of an attribute is written as an index on it is."""
    arguments = [c.term(c, argument, scope) for argument in node.arguments]
    if node.name == "KEY":
        return Computed("any", decimal_key_sql(arguments[0].key), True)
    if node.name == "TOTAL":
        return Computed("any", c.call_back("solidb_decimal_total", arguments[0].json), True)
    name = text_literal(node.name)
    return Computed(
        "any", c.call_back("solidb_decimal", name, *(argument.key for argument in arguments)), True
    )


def _subquery(c: Compilation, node: nodes.Subquery, scope: Scope) -> Term:
    return c.subquery(c, node.query, scope)


_WRITERS: Final[dict[type[nodes.Expression], Callable[[Compilation, Any, Scope], Term]]] = {
    nodes.Array: _array,
    nodes.ArrayCompare: _array_compare,
    nodes.Attribute: _attribute,
    nodes.Binary: _binary,
    nodes.Call: call,
    nodes.Case: _case,
    nodes.Compare: _compare,
    nodes.DecimalCall: _decimal_call,
    nodes.Expansion: expansion,
    nodes.Subscript: element_at,
    nodes.Logical: _logical,
    nodes.Name: _name,
    nodes.Object: _object,
    nodes.Pipe: _pipe,
    nodes.Subquery: _subquery,
    nodes.Template: _template,
    nodes.Ternary: _ternary,
    nodes.Unary: _unary,
    nodes.Window: window,
}
