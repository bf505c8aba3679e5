"""Calls of functions, the forms that look like calls, lambdas, quantifiers and subqueries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import get_close_matches
from operator import is_
from typing import Any

from ..._types import Json
from ...errors import DatabaseError, PermissionDenied, QueryError, QueryLimitError, QueryTimeout
from .. import nodes
from ..functions import catalogue, lookup
from ..functions.built_in import Function
from ..values import kind_of, truthy, typename
from ..walk import writes
from .access import get_attribute
from .expressions import CompileExpression, Compiler
from .runtime import UNBOUND, Row, Run, Value
from .scope import PendingWindow, Variables

SpecialForm = Callable[[Compiler, Sequence[nodes.Expression], Variables], Value]

_PIPE_ONLY = {"SORT": "SORTED", "ANY": "SOME"}
_DYNAMIC_DEPTH = 8
_LAMBDA_COST = 64
"""Units of work of a call, which may be anything: the clock is read after a few dozen of them."""

_TYPE_WORDS = {"boolean": "bool", "numeric": "number"} | {
    name: name for name in ("null", "bool", "number", "string", "array", "object")
}


def _call(compiler: Compiler, node: nodes.Call, scope: Variables) -> Value:
    return _invoke(compiler, node.name.upper(), node.arguments, scope)


def _pipe(compiler: Compiler, node: nodes.Pipe, scope: Variables) -> Value:
    name = node.name.upper()
    return _invoke(compiler, _PIPE_ONLY.get(name, name), (node.value, *node.arguments), scope)


def _invoke(compiler: Compiler, name: str, arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    form = _FORMS.get(name)
    if form is not None:
        return form(compiler, arguments, scope)
    function = lookup(name)
    if function is None:
        return compiler.frame.refuse(unknown_function(name))
    return _apply(compiler, function, arguments, scope)


def _apply(
    compiler: Compiler, function: Function, arguments: Sequence[nodes.Expression], scope: Variables
) -> Value:
    most = len(arguments) if function.max_args is None else function.max_args
    if not function.min_args <= len(arguments) <= most:
        compiler.frame.problems.append(_wrong_count(function))
    implementation = function.implementation
    if function.name == "REDUCE":
        arguments = [_over_elements(item) for item in arguments]
    compiled = [
        _lambda_value(compiler, item, scope)
        if isinstance(item, nodes.Lambda) and function.higher_order
        else compiler.expression(item, scope)
        for item in arguments
    ]
    if len(compiled) == 1:
        only = compiled[0]
        return lambda row: implementation(row[0].context, [only(row)])
    return lambda row: implementation(row[0].context, [item(row) for item in compiled])


def _over_elements(argument: nodes.Expression) -> nodes.Expression:
    """Return the lambda of a REDUCE that has one parameter, which is the element, one for the total."""
    if isinstance(argument, nodes.Lambda) and len(argument.parameters) == 1:
        return nodes.Lambda(("(total)", *argument.parameters), argument.body)
    return argument


def _wrong_count(function: Function) -> QueryError:
    least, most = function.min_args, function.max_args
    wanted = f"at least {least}" if most is None else str(least) if least == most else f"{least} to {most}"
    return QueryError(f"{function.name} requires {wanted} argument(s)")


def unknown_function(name: str) -> QueryError:
    """Make the error for a function that does not exist; the hint names those that are written alike."""
    names = [known for function in catalogue() for known in (function.name, *function.aliases)]
    near = get_close_matches(name.upper(), names, cutoff=0.7)
    return QueryError(f"Unknown function: {name}", hint=f"is it {' or '.join(near)}?" if near else None)


# --- lambdas and quantifiers ---------------------------------------------------------------------


def _lambda_value(compiler: Compiler, node: nodes.Lambda, scope: Variables) -> Value:
    """Compile to a value that is a Python function of the lambda's parameters."""
    inner = scope.copy()
    slots = [compiler.frame.declare(inner, name) for name in node.parameters]
    inner.unbound |= frozenset(node.parameters[1:])
    body = compiler.expression(node.body, inner)
    if len(slots) == 1:
        only = slots[0]

        def unary(row: Row) -> Callable[..., Json]:
            spend = row[0].spend

            def call(argument: Json, *_more: Json) -> Json:
                spend(_LAMBDA_COST)
                row[only] = argument
                return body(row)

            return call

        return unary

    def make(row: Row) -> Callable[..., Json]:
        spend = row[0].spend

        def call(*arguments: Json) -> Json:
            spend(_LAMBDA_COST)
            for place, slot in enumerate(slots):
                row[slot] = arguments[place] if place < len(arguments) else UNBOUND
            return body(row)

        return call

    return make


def _stray_lambda(compiler: Compiler, node: nodes.Lambda, _scope: Variables) -> Value:
    names = ", ".join(f'"{name}"' for name in node.parameters)
    return compiler.frame.refuse(
        QueryError(
            f"Lambda expression with params [{names}] cannot be evaluated here",
            hint="a lambda can only be an argument of a function such as MAP or FILTER",
        )
    )


def _quantified(compiler: Compiler, node: nodes.Quantified, scope: Variables) -> Value:
    source = compiler.expression(node.source, scope)
    inner = scope.copy()
    slot = compiler.frame.declare(inner, node.variable)
    condition = None if node.condition is None else compiler.condition(node.condition, inner)
    wanted = node.quantifier == "ANY"

    def test(row: Row) -> bool:
        array = source(row)
        if kind_of(array) is not list:
            kind = typename(array).capitalize()
            raise QueryError(f"{node.quantifier} expects an array as first argument, got {kind}")
        for item in array:
            row[slot] = item
            if condition is None or condition(row):
                return wanted
        return not wanted

    return test


# --- forms that evaluate their arguments themselves ------------------------------------------------


def _if(compiler: Compiler, arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    if len(arguments) != 3:
        return compiler.frame.refuse(
            QueryError("IF requires 3 arguments: condition, true_value, false_value")
        )
    condition = compiler.condition(arguments[0], scope)
    then, otherwise = (compiler.expression(item, scope) for item in arguments[1:])
    return lambda row: then(row) if condition(row) else otherwise(row)


def _try(compiler: Compiler, arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    if len(arguments) not in (1, 2):
        return compiler.frame.refuse(QueryError("TRY requires 1 to 2 argument(s)"))
    attempt = compiler.expression(arguments[0], scope)
    fallback = compiler.expression(arguments[1], scope) if len(arguments) == 2 else None

    def run(row: Row) -> Json:
        try:
            return attempt(row)
        except (QueryTimeout, QueryLimitError, PermissionDenied):
            raise
        except DatabaseError:
            return None if fallback is None else fallback(row)

    return run


def _exists(compiler: Compiler, arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    """Compile EXISTS(path [, "type", name]): an attribute is there even when it is null."""
    if len(arguments) not in (1, 3):
        return compiler.frame.refuse(
            QueryError('EXISTS: expected EXISTS(path) or EXISTS(path, "type", typeName)')
        )
    present = _presence(compiler, arguments[0], scope)
    value = compiler.expression(arguments[0], scope)
    kind = [compiler.expression(item, scope) for item in arguments[1:]]

    def test(row: Row) -> bool:
        if not present(row):
            return False
        return not kind or typename(value(row)) == _type_named(kind[0](row), kind[1](row))

    return test


def _type_named(word: Json, name: Json) -> str:
    if kind_of(word) is not str or kind_of(name) is not str or word.lower() != "type":
        raise QueryError('EXISTS: expected EXISTS(path) or EXISTS(path, "type", typeName)')
    wanted = _TYPE_WORDS.get(name.lower())
    if wanted is None:
        raise QueryError(
            f"EXISTS: unknown type '{name}'", hint="types are null, bool, numeric, string, array and object"
        )
    return wanted


def _presence(compiler: Compiler, path: nodes.Expression, scope: Variables) -> Callable[[Row], bool]:
    if isinstance(path, nodes.Attribute):
        base, name = compiler.expression(path.base, scope), path.name
        return lambda row: _has(base(row), name)
    if isinstance(path, nodes.Subscript):
        base, index = compiler.expression(path.base, scope), compiler.expression(path.index, scope)
        return lambda row: _has(base(row), index(row))
    value = compiler.expression(path, scope)
    return lambda row: value(row) is not None


def _has(base: Json, key: Json) -> bool:
    if kind_of(base) is dict and kind_of(key) is str:
        if key in base or "." not in key:
            return key in base
        parent, _, last = key.rpartition(".")
        return _has(get_attribute(base, parent), last)
    if kind_of(base) is list and kind_of(key) in (int, float):
        return -len(base) <= int(key) < len(base)
    return False


def _apply_form(compiler: Compiler, arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    if len(arguments) not in (1, 2):
        return compiler.frame.refuse(QueryError("APPLY requires 1 to 2 argument(s)"))
    compiled = [compiler.expression(item, scope) for item in arguments]
    return lambda row: _dynamic(row[0].context, "APPLY", [item(row) for item in compiled], 0)


def _call_form(compiler: Compiler, arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    if not arguments:
        return compiler.frame.refuse(QueryError("CALL requires at least 1 argument(s)"))
    compiled = [compiler.expression(item, scope) for item in arguments]
    return lambda row: _dynamic(row[0].context, "CALL", [item(row) for item in compiled], 0)


def _dynamic(context: Any, name: str, arguments: list[Json], depth: int) -> Json:
    """Call a function whose name is a value; such calls may nest, to a depth."""
    if depth > _DYNAMIC_DEPTH:
        raise QueryLimitError(f"APPLY and CALL nest deeper than {_DYNAMIC_DEPTH}")
    if name in ("APPLY", "CALL"):
        target, given = _target(name, arguments)
        return _dynamic(context, target, given, depth + 1)
    if name == "IF" and len(arguments) == 3:
        return arguments[1] if truthy(arguments[0]) else arguments[2]
    function = None if name == "TRY" else lookup(name)  # TRY can't catch what was evaluated before
    if function is None:
        raise unknown_function(name)
    return function.implementation(context, arguments)


def _target(form: str, arguments: list[Json]) -> tuple[str, list[Json]]:
    name: Json = arguments[0] if arguments else None
    if kind_of(name) is not str:
        raise QueryError(f"{form}: name must be a string")
    if form == "CALL":
        return name.upper(), arguments[1:]
    given: Json = arguments[1] if len(arguments) > 1 else []
    if kind_of(given) is not list:
        raise QueryError("APPLY: arguments must be an array")
    return name.upper(), list(given)


def _search_score(compiler: Compiler, _arguments: Sequence[nodes.Expression], scope: Variables) -> Value:
    slot = scope.score
    if slot is None:
        return lambda _row: 0.0
    compiler.frame.read(slot)
    return lambda row: row[slot]


_FORMS: dict[str, SpecialForm] = {
    "IF": _if,
    "TRY": _try,
    "EXISTS": _exists,
    "APPLY": _apply_form,
    "CALL": _call_form,
    "SEARCH_SCORE": _search_score,
}


# --- windows and subqueries ----------------------------------------------------------------------


def _window(compiler: Compiler, node: nodes.Window, scope: Variables) -> Value:
    if scope.windows is None:
        return compiler.frame.refuse(
            QueryError(
                f"Window function {node.name} is not allowed here",
                hint="bind it with LET and use the variable; only RETURN and LET can hold it",
            )
        )
    pending = PendingWindow(node, compiler.frame.slot())
    scope.windows.append(pending)
    return lambda row: row[pending.slot]


def _subquery(compiler: Compiler, node: nodes.Subquery, scope: Variables) -> Value:
    """Compile a subquery; one that depends on nothing outside is run once, and again after a write.

    On the tables of a WITH it may depend: as long as they are the same lists.
    """
    frame, outside = compiler.frame, set(scope.names.values()) | {scope.score}
    with frame.reading() as reads:
        rows = compiler.query(node.query, scope.copy())
    tables = tuple(reads & outside)
    if not frame.tables.issuperset(tables) or (frame.mutating and writes(node.query)):
        return lambda row: list(rows(row))
    memory_key = object()

    def once(row: Row) -> list[Json]:
        run: Run = row[0]
        given = [row[slot] for slot in tables]
        known: tuple[int, list[Json], list[Json]] | None = run.memory.get(memory_key)
        if known is None or known[0] != run.written or not all(map(is_, known[1], given)):
            known = run.memory[memory_key] = run.written, given, list(rows(row))
        return known[2]

    return once


EXPRESSIONS: dict[type[nodes.Expression], CompileExpression] = {
    nodes.Call: _call,
    nodes.Pipe: _pipe,
    nodes.Lambda: _stray_lambda,
    nodes.Quantified: _quantified,
    nodes.Window: _window,
    nodes.Subquery: _subquery,
}
