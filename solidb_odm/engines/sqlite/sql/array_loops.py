"""Arrays in SQL: loops over them, their elements, what is in them, and ``[*]``, all by ``json_each``."""

from __future__ import annotations

from typing import Final

from ...._dataclasses import dataclass
from ....language import nodes
from ..order_key import NULL_KEY_SQL
from ..sql_names import path_sql
from .compilation import Compilation, Scope
from .conditions import NEVER, any_of, compared, truth_of
from .terms import Column, Computed, Element, JsonPath, JsonValue, NotInSql, Structure, Term, Truth

_MOST_ROUNDS: Final = 100_000
_CURRENT: Final = "CURRENT"


@dataclass(frozen=True, slots=True)
class Loop:
    """A source in FROM with a row for each element; ``order`` sorts the rows as the elements stand."""

    source: str
    order: str
    variable: Term


def loop(c: Compilation, node: nodes.Expression, scope: Scope) -> Loop:
    """Return what ``FOR variable IN node`` loops over: an array, or as on the server any one value."""
    alias = c.alias()
    if isinstance(node, nodes.Range):
        return _range(node, alias)
    term = c.term(c, node, scope)
    if isinstance(term, JsonPath):
        is_array = f"CASE {term.json_type} WHEN 'array' THEN"
        array = f"{is_array} {term.document} ELSE json_array({term.json}) END"
        source = f"json_each({array}, {is_array} {term.sql_path} ELSE '$' END) AS {alias}"
        return Loop(source, f"{alias}.key", Element("any", alias, array))
    json = term.json
    if term.kind == "array":
        array = json
    elif term.kind == "any":
        array = f"CASE json_type({json}) WHEN 'array' THEN {json} ELSE json_array({json}) END"
    else:
        array = f"json_array({json})"
    return Loop(f"json_each({array}) AS {alias}", f"{alias}.key", Element("any", alias))


def _range(node: nodes.Range, alias: str) -> Loop:
    low, high = _literal(node.low), _literal(node.high)
    if low is None or high is None or high - low >= _MOST_ROUNDS:
        raise NotInSql("a range that is computed or large")
    numbers = f"SELECT {low} AS value WHERE {low} <= {high} UNION ALL SELECT value + 1 FROM numbers"
    source = f"(WITH RECURSIVE numbers AS ({numbers} WHERE value < {high}) SELECT value FROM numbers)"
    return Loop(f"{source} AS {alias}", f"{alias}.value", Computed("number", f"{alias}.value", True))


def _literal(node: nodes.Expression | None) -> int | None:
    """Return the integer that is written here."""
    if isinstance(node, nodes.Unary) and node.operator == "-":
        number = _literal(node.operand)
        return None if number is None else -number
    return node.value if isinstance(node, nodes.Literal) and type(node.value) is int else None


# --- parts of arrays -----------------------------------------------------------------------------


def element_at(c: Compilation, node: nodes.Subscript, scope: Scope) -> Term:
    """Return ``base[3]``; of an object it is the attribute of that name."""
    place = _literal(node.index)
    if place is None:
        raise NotInSql("a computed index")
    base = c.term(c, node.base, scope)
    if not isinstance(base, JsonPath | JsonValue):
        raise NotInSql("an element of this value")
    document, path = (base.document, base.path) if isinstance(base, JsonPath) else (f"({base.sql})", ())
    whole = path_sql(path)
    at = f"[{place}]" if place >= 0 else f"[#{place}]"
    element = f"{document} -> '{whole[1:-1]}{at}'"
    named = f"{document} -> {path_sql((*path, str(place)))}"
    kind = f"json_type({document}, {whole})"
    return JsonValue("any", f"(CASE {kind} WHEN 'array' THEN {element} WHEN 'object' THEN {named} END)")


def expansion(c: Compilation, node: nodes.Expansion, scope: Scope) -> Term:
    """Return ``array[* FILTER .. LIMIT .. RETURN ..].path``; of anything but an array it is empty."""
    is_plain = node.condition is node.projection is node.offset is node.limit is None
    if node.depth > 1 or (is_plain and not node.path):
        raise NotInSql("[*] that flattens")
    source, element = _elements(c, c.term(c, node.base, scope))
    inner = {**scope, _CURRENT: element}
    rest = f"FROM {source}"
    if node.condition is not None:
        rest += f" WHERE {truth_of(c.term(c, node.condition, inner)).where}"
    limits = _limits(node)
    item: Term = element if node.projection is None else c.term(c, node.projection, inner)
    for name in node.path:
        item = item.attribute(name)
    if limits:
        rest = f"FROM (SELECT {item.json} AS item {rest}{limits})"
        return JsonValue(
            "array", f"(SELECT json_group_array(json(item)) {rest})", f"(SELECT count(*) {rest})"
        )
    return JsonValue(
        "array",
        f"(SELECT json_group_array(json({item.json})) {rest})",
        f"(SELECT count(*) {rest})",
        f"SELECT {item.key} AS k {rest}",
    )


def over_attributes(c: Compilation, node: nodes.Expression, scope: Scope) -> tuple[str, Term] | None:
    """Return the source of the elements of ``array[*].path``, and the attribute; None for anything else."""
    if not isinstance(node, nodes.Expansion) or node.depth > 1 or not node.path:
        return None
    if not node.condition is node.projection is node.offset is node.limit is None:
        return None
    base = c.term(c, node.base, scope)
    if not isinstance(base, JsonPath):
        return None
    source, element = _elements(c, base)
    item: Term = element
    for name in node.path:
        item = item.attribute(name)
    return source, item


def _limits(node: nodes.Expansion) -> str:
    if node.offset is None and node.limit is None:
        return ""
    offset = 0 if node.offset is None else _literal(node.offset)
    limit = -1 if node.limit is None else _literal(node.limit)
    if offset is None or offset < 0 or limit is None or (limit < 0 and node.limit is not None):
        raise NotInSql("[*] with a computed LIMIT")
    return f" LIMIT {limit} OFFSET {offset}"


def _elements(c: Compilation, base: Term) -> tuple[str, Element]:
    """Return a source of the elements of an array; of anything else it has no rows."""
    alias = c.alias()
    if isinstance(base, Element):
        return f"json_each({base.inside('array')}) AS {alias}", Element("any", alias)
    if isinstance(base, JsonPath):
        array = f"CASE {base.json_type} WHEN 'array' THEN {base.document} END"
        return f"json_each({array}, {base.sql_path}) AS {alias}", Element("any", alias, array)
    json = base.json
    if base.kind != "array":
        json = f"CASE json_type({json}) WHEN 'array' THEN {json} END"
    return f"json_each({json}) AS {alias}", Element("any", alias)


# --- membership ----------------------------------------------------------------------------------


def member(c: Compilation, left: Term, right: Term) -> Truth:
    """Return ``left IN right`` for an array that is not known before the query runs."""
    if isinstance(right, Structure) and right.kind == "array":
        return any_of([compared(left, "==", item) for item in right.items]) if right.items else NEVER
    if right.kind in ("null", "bool", "number", "string"):
        return NEVER
    if isinstance(right, JsonValue) and right.keys:
        return _among(left, right.keys)
    if isinstance(right, JsonPath):
        return _in_path(c, left, right)
    if right.kind != "array":
        raise NotInSql("IN something that may be an object")
    source, element = _elements(c, right)
    return Truth("bool", f"EXISTS (SELECT 1 FROM {source} WHERE {element.key} IS {left.key})")


def _among(left: Term, keys: str) -> Truth:
    """Return whether a value is in the rows of a subquery, in a form that an index on the value serves."""
    wanted = f"SELECT ifnull(k, {NULL_KEY_SQL}) FROM ({keys})"
    exact = f"(ifnull({left.key}, {NULL_KEY_SQL}) IN ({wanted}))"
    if isinstance(left, Column):  # of texts; a number among the rows would be taken for its text
        return Truth("bool", exact, f"({left.sql} IN (SELECT k FROM ({keys}) WHERE typeof(k) = 'text'))")
    listed = f"{left.key} IN (SELECT k FROM ({keys}))"
    if left.kind not in ("any", "null"):
        return Truth("bool", exact, f"({listed})")
    return Truth("bool", exact, f"({listed} OR ({left.key} IS NULL AND {NULL_KEY_SQL} IN ({wanted})))")


def _in_path(c: Compilation, left: Term, right: JsonPath) -> Truth:
    """Return ``value IN document.attribute``: an element of an array, or a name in an object."""
    alias = c.alias()
    rows = f"SELECT 1 FROM json_each({right.document}, {right.sql_path}) AS {alias}"
    array = f"WHEN 'array' THEN EXISTS ({rows} WHERE {Element('any', alias).key} IS {left.key})"
    names = ""
    if left.kind in ("string", "any"):
        is_text = "" if left.kind == "string" else f" AND typeof({left.key}) = 'text'"
        names = f" WHEN 'object' THEN EXISTS ({rows} WHERE {alias}.key = {left.key}{is_text})"
    return Truth("bool", f"CASE {right.json_type} {array}{names} ELSE 0 END")
